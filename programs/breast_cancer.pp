# Logistic regression: is a tumour malignant? 30 measurements of cell nuclei, data/breast_cancer.csv.
#
#   z = w . x + b,   P(malignant) = sigmoid(z),   loss = log(1 + exp(z)) - z for malignant ones, log(1 + exp(z)) for others
#
# `scores` are the unnormalised log probabilities [0, z] of the two classes, so that the cross entropy of them is the
# logistic loss. The measurements have very different units, so they are to be scaled:
#
#   paramprog train programs/breast_cancer.pp --data programs/data/breast_cancer.csv --bind 'x=*'
#                   --function scores --loss cross_entropy --target malignant --scale standard
#
# At zero weights, as here, the loss is log 2 = 0.693.

dim n = 30

param w : real[n] ~ zeros(), b : real ~ zeros()

function scores(x : real[n]) {
    z = dot(w, x) + b
    return [0.0, z]
}

function loss(x : real[n], malignant : int = 1) {
    scored = scores(x)
    return logsumexp(scored) - scored[malignant]
}
