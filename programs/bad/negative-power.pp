# An int to a negative power is no int.
function f(x = 1.0) {
    return x * 10**-3
}
