# A function stands where a value belongs.
function f(x = 1.0) {
    y = 2 * tanh
    return y + x
}
