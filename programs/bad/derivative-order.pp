function f(x = 2.0) {
    y = x * x
    z = 3 * x
    return grad(y, z)
}
