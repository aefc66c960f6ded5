# Nothing in the condition of this loop can change.
const tolerance = 0.001
function f(x = 1.0) {
    y = x
    while tolerance > 0 {
        y = (y + x / y) / 2
    }
    return y
}
