# Nothing that is known at compile time gets smaller.
function halve(x) {
    return if x > 1 then halve(x / 2) else x
}

function f(x = 10.0) {
    return halve(x)
}
