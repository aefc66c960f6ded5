# The logarithm of 0 is -infinity, and its derivative is infinite.

function f(x = 0.0) {
    y = 2 * log(x)
    return y
}
