function f(x = 2.0) {
    y = x * x
    return grad(y * y, x)
}
