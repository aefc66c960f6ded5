# Two indices for a vector.
function f(v = [1.0, 2.0, 3.0]) {
    return v[0, 1]
}
