# A bool is not a number, and a number is not a bool.
function f(x = 1.0, v = [1.0, 2.0]) {
    y = (x > 0) * x
    z = if x then 1 else 2
    u = v[1.0]
    return y + z + u
}
