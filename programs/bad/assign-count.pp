# Three names for the two results of a function.
function polar(x, y) {
    return hypot(x, y), atan2(y, x)
}

function f(x = 3.0, y = 4.0) {
    r, angle, rest = polar(x, y)
    return r
}
