# The minimum of a function by Newton's method, with the gradient and the Hessian that the language computes.
#
# The weights of a logistic regression minimise
#
#   f(w) = sum_i log(1 + exp(-y_i x_i.w)) + decay |w|^2 / 2
#
# and each turn goes to the minimum of the parabola through the current point. The loop ends when the gradient is small;
# near the minimum the error is squared in every turn.
#
# The result is the least value of f. Its derivative by `decay` is |w|^2 / 2 at the minimum, as if w did not depend on
# `decay` (the envelope theorem), though the program differentiates through all turns.
#
# At the defaults: value 2.42881, gradient decay = 0.7736.

dim m = 6

param decay = 0.7

function cost(w : real[2], x, y) {
    return -sum(logsigmoid(y * (x @ w))) + decay * sum(w * w) / 2.0
}

function least(x : real[m, 2] = [[1.0, 0.4], [1.0, 1.3], [1.0, -0.7], [1.0, 2.2], [1.0, -1.9],
                                 [1.0, 0.1]],
               y : real[m] = [1, 1, -1, 1, -1, -1]) {
    w = [0.0, 0.0]
    left = 1.0
    while left > 1e-9 {
        f = cost(w, x, y)
        g = grad(f, w)
        H = hessian(f, w)
        w = w - solve(H, g)
        left = norm(g)
    }
    minimum = cost(w, x, y)
    return minimum
}
