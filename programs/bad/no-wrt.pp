# There is nothing to differentiate by.

function f(k : int = 2) {
    return 1.5 * k
}
