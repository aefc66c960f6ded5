# One dense layer with rectifiers, summed so that the result is a scalar: y = sum(relu(W x + b)).
#
# The lanes of W x + b are 1.25, -3 and 0. Only the first passes its gradient on; relu'(0) = 0 by convention.
# So row 0 of the gradient of W is x and the other rows are zero; the gradient of b is (1, 0, 0).
#
# At the defaults: value 1.25, gradients W = [[1, -0.5], [0, 0], [0, 0]], b = [1, 0, 0].

dim m = 3, n = 2

param W : real[m, n] = [[1.0, 0.5], [-2.0, 1.0], [0.5, 0.25]]
param b : real[m] = [0.5, -0.5, -0.375]

function layer(x : real[n] = [1.0, -0.5]) {
    z = W @ x + b
    y = sum(relu(z))
    return y
}
