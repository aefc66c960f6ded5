# An int is divided by zero; a real would give an infinity.
function f(x = 1.0, k = 0) {
    y = 7 // k
    return x * y
}
