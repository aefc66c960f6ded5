# A saddle point, min over x of max over y, by gradient descent on the result of gradient ascent.
#
# The payoff is convex in x and concave in y, so there is one saddle point. For each x the inner loop climbs to the best
# answer y; the outer loop descends along the gradient of what is reached there, which is differentiated through the inner
# loop, whose steps are derivatives themselves. The inner and the outer derivative can each be taken forward or in reverse.
#
# Source: J. M. Siskind and B. A. Pearlmutter, Efficient implementation of a higher-order language with built-in AD, 2016,
# whose example "saddle" this is, with another payoff.
#
# At the defaults: value -0.115709, gradients b = [-0.372504, 0.15291], c = [0.0718694, 0.300513].

dim outer = 4, inner = 3

param b = [0.8, -0.5], c = [0.3, 0.4]

function payoff(x : real[2], y : real[2]) {
    A = [[0.5, -0.3], [0.2, 0.6]]
    return sum(x * x) + x @ A @ y - sum(y * y) + b @ x + c @ y
}

function best(x : real[2]) {
    y = [0.0, 0.0]
    for j in 0..inner {
        value = payoff(x, y)
        y = y + 0.3 * grad(value, y, mode = reverse)
    }
    return y
}

function saddle(start = [1.0, 1.0]) {
    x = 1.0 * start
    for i in 0..outer {
        value = payoff(x, best(x))
        x = x - 0.3 * grad(value, x, mode = forward)
    }
    end = payoff(x, best(x))
    return end
}
