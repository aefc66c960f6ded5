# Something follows a return.
function f(x = 1.0) {
    if 2 > 1 {
        return x
    }
    return 2 * x
}
