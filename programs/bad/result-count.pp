# A function with two results stands where one is needed.
function both(x) {
    return sin(x), cos(x)
}

function f(x = 1.0) {
    return 2 * both(x)
}
