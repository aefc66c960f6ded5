param W = 0.5   # ‮ this comment runs backwards

function f(x = 1.0) {
    α = W * x
    y = α − 1
    return y
}
