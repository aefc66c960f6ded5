function f(x = 2.0) {
    y = x * x
    s = 1.0
    for i in 0..3 {
        s = s * grad(y, x)
    }
    return s
}
