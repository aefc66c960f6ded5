param W = 0.5, V = 2.0
function f(x = 2.0) {
    y = W * x
    g, h = grad(y, W, V)
    return y * V + g + h
}
