# An int has no value that could be drawn: it is given, or has a default.

function f(x : real[3] = [1.0, 2.0, 3.0], k : int) {
    return x[k]
}
