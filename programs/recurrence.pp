# A recurrent network, three steps long, unrolled by hand: h' = tanh(W h + U x + b), loss = |h3|^2 / 2.
#
# The three steps share W, U and b. A shared weight is simply a point with several uses: its gradient is the sum
# over the uses, which is what "backpropagation through time" adds up. W reaches the loss through each of the steps.
#
# At the defaults: value 1.03672, gradients b = [-0.274875, 0.459116, 0.276166],
# U = [[0.141535, -0.462652], [0.200702, 0.104955], [-0.405977, 0.905554]] and
# W = [[-0.218319, -0.0413256, 0.177174], [0.317407, -0.182682, -0.193957], [0.312387, 0.119518, -0.269342]].

dim n = 3, m = 2

param W : real[n, n] = [[0.5, -0.3, 0.1], [0.2, 0.4, -0.6], [-0.1, 0.7, 0.3]]
param U : real[n, m] = [[0.8, -0.5], [0.3, 0.9], [-0.4, 0.2]]
param b : real[n] = [0.1, -0.2, 0.05]

function step(h, x) {
    next = tanh(W @ h + U @ x + b)
    return next
}

function loss(h0 : real[n] = [0.0, 0.0, 0.0],
              x1 : real[m] = [1.0, -1.0],
              x2 : real[m] = [0.5, 0.25],
              x3 : real[m] = [-0.75, 2.0]) {
    h1 = step(h0, x1)
    h2 = step(h1, x2)
    h3 = step(h2, x3)
    loss = dot(h3, h3) / 2
    return loss
}
