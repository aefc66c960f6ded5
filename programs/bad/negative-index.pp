# Indices do not count from the end.
function f(v = [1.0, 2.0, 3.0]) {
    return v[-1]
}
