# Learning rate and momentum, by gradient: training is inside the program, and differentiated through.
#
# The inner training fits weights of a line through measurements by gradient descent with momentum, whose gradients are
# those of `grad`. What is left to minimise is the error on other measurements, after so many steps, as a function of the
# learning rate `lr` and of the momentum `mu`. Its gradient goes back through all steps, and through the gradients in
# them, which makes it a derivative of second order:
#
#   paramprog optimise programs/hyperparameters.pp
#
# finds the two numbers with which these steps go furthest; `--dim steps=100` trains longer.
#
# At the defaults: value 0.0355061, gradients lr = -1.10121, mu = -0.254226.

dim steps = 12, m = 5, n = 3

param lr = 0.08, mu = 0.5

function error(w : real[2], x, y) {
    gap = w[0] + w[1] * x - y
    return sum(gap * gap) / 2.0
}

function trained(w0 : real[2], x, y) {
    w, v = 1.0 * w0, 0.0 * w0
    for t in 0..steps {
        e = error(w, x, y) / m
        v = mu * v - lr * grad(e, w)
        w = w + v
    }
    return w
}

function validation(x : real[m] = [-1.5, -0.6, 0.1, 0.8, 1.7],
                    y : real[m] = [-1.9, -0.4, 0.7, 1.9, 3.6],
                    x2 : real[n] = [-1.0, 0.4, 1.2], y2 : real[n] = [-1.1, 1.1, 2.8],
                    w0 = [0.0, 0.0]) {
    left = error(trained(w0, x, y), x2, y2)
    return left
}
