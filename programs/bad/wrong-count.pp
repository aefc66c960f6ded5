# compress is told how many entries are selected; here it is two of them.
function f(x : real[4] = [1.0, -2.0, 3.0, -4.0]) {
    y = compress(x, x > 0, 3)
    return sum(y)
}
