# A call has too few arguments.
base scaled(x, factor) = x * factor

function f(x = 1.0) {
    y = scaled(x)
    z = clip(y, 0)
    return z
}
