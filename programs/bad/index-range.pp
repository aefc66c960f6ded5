# The entries of v are v[0], v[1] and v[2].
function f(v = [1.0, 2.0, 3.0]) {
    last = v[3]
    return last
}
