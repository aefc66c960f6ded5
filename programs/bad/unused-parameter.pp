# Nothing is computed from v; what is computed from u is not returned.
param w = 2.5, v = 1.0, u = 0.5

function f(x = 1.0) {
    forgotten = u * x
    return w * x
}
