# Horner's rule: a polynomial of degree n - 1, in a loop that runs from the highest coefficient down.
#
#   y = a[0] + x (a[1] + x (a[2] + ...)),   dy/da[i] = x**i
#
# A name that is assigned before a loop and again in its body is carried: each turn takes it from the turn before. The
# loop is one node of the graph, however many turns it has, and so is its adjoint, a loop that runs the other way.
#
# At the defaults, five terms of the series of exp at x = 0.5: value 1.64844, gradients x = 1.64583 (which has a term
# less) and a = [1, 0.5, 0.25, 0.125, 0.0625].

dim n = 5

function polynomial(x = 0.5, a : real[n] = [1, 1, 1 / 2, 1 / 6, 1 / 24]) {
    y = 0.0
    for i in reversed(0..n) {
        y = a[i] + x * y
    }
    return y
}
