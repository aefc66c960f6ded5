# A name is assigned once: there is no "old" and "new" y.
function f(x = 1.0) {
    y = 2 * x
    y = y + 1
    return y
}
