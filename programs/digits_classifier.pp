# A classifier for 8x8 images of handwritten digits, 64-128-10, to be trained on data/digits.csv.
#
#   z = W2 relu(W1 x/16 + b1) + b2,   loss = logsumexp(z) - z[label]
#
# `scores` are the unnormalised log probabilities z of the classes. Both functions can be trained: `loss` as it is, and
# `scores` with a loss that `train` adds, which tells the accuracy too and leaves a program that needs no label:
#
#   paramprog train programs/digits_classifier.pp --data programs/data/digits.csv --bind 'x=pixel_*'
#                   --function scores --loss cross_entropy --target label
#
# At the defaults of `train` more than 97% of the images that are held back are classified correctly. Untrained, as here,
# the loss is near log 10 = 2.303.

dim d = 64, h = 128, c = 10

param W1 : real[h, d] ~ he(), b1 : real[h] ~ zeros()
param W2 : real[c, h] ~ glorot(), b2 : real[c] ~ zeros()

function scores(x : real[d]) {
    hidden = relu(W1 @ (x / 16) + b1)
    return W2 @ hidden + b2
}

function loss(x : real[d], label : int = 0) {
    z = scores(x)
    return logsumexp(z) - z[label]
}
