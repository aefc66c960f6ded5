# Logistic regression on one positive sample: the loss is -log sigmoid(w . x).
#
# The gradient with respect to w is -sigmoid(-w . x) x. Here w . x = 0.5 - 2 + 1 = -0.5.
# `logsigmoid` is one function rather than log(sigmoid(..)), so that it stays exact far out, where sigmoid rounds to 0.
#
# At the defaults: value 0.974077, gradient w = [-0.622459, -1.24492, -0.31123].

dim n = 3

param w : real[n] = [0.5, -1.0, 2.0]

function loss(x : real[n] = [1.0, 2.0, 0.5]) {
    score = dot(w, x)
    loss = -logsigmoid(score)
    return loss
}
