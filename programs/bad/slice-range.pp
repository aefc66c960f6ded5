# A slice must lie within the array.
function f(v = [1.0, 2.0, 3.0]) {
    return sum(v[1:4])
}
