# A network with two inputs, two hidden tanh units and one linear output, and half the squared error as loss:
#
#   x1 = W0 x0 = (0.7, 0.3),  x2 = tanh(x1),  x3 = W1 x2,  loss = (x3 - y)^2 / 2
#
# With e = x3 - y the gradients are  W1: e x2  and  W0: outer(e W1 (1 - x2^2), x0).
#
# At the defaults: value 0.0174742, gradients W1 = [-0.112983, -0.0544594] and
# W0 = [[-0.118661, -0.0118661], [0.17108, 0.017108]].

param W0 = [[1.0, -3.0], [0.2, 1.0]]
param W1 = [1.0, -1.0]

function loss(x0 : real[2] = [1.0, 0.1], y = 0.5) {
    x1 = W0 @ x0
    x2 = tanh(x1)
    x3 = W1 @ x2
    loss = (x3 - y)**2 / 2
    return loss
}
