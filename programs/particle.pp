# A charged particle, steered to where it shall hit the ground: Newton's method on what a simulation ends with.
#
# The particle flies between two charges, one of which can be moved by `w`; its acceleration is the gradient of the
# potential. How many steps of Euler's method it takes to the ground is known only when it is there, so they are made by a
# `while`, and the last one is cut where the ground is. What is minimised is the square of the place; Newton's method takes
# the first and the second derivative through the loop, with the gradients of the potential inside.
#
# Source: J. M. Siskind and B. A. Pearlmutter, Efficient implementation of a higher-order language with built-in AD, 2016,
# whose example "particle" this is. With `--dim turns=8 --at w0=0.2 --at h=0.1` the result is 0.207199.
#
# At the defaults: value 0.578745, gradients w0 = 0.129746, h = 0.18937.

dim turns = 1

function potential(x : real[2], w) {
    return 1.0 / norm(x - [10.0, 10.0 - w]) + 1.0 / norm(x - [10.0, 0.0])
}

function miss(w, h) {
    x, v = [0.0, 8.0], [0.75, 0.0]
    while x[1] + h * v[1] > 0 {
        p = potential(x, w)
        x, v = x + h * v, v - h * grad(p, x, mode = reverse)
    }
    ground = x - x[1] / v[1] * v
    return ground[0]**2
}

function steered(w0 = 0.6, h = 2.0) {
    w = w0
    for i in 0..turns {
        y = miss(w, h)
        slope = grad(y, w, mode = forward)
        w = w - slope / grad(slope, w, mode = reverse)
    }
    return w
}
