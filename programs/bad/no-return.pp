# The function ends without a result.
function f(x = 1.0) {
    y = 2 * x
}
