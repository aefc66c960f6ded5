# Parts of the language that cannot be compiled yet.
function f(x = [1.0, 2.0]) {
    y = grad(x, x)
    return sum(y)
}
