# Arguments that are not there: a wrong name, one given twice, one without a name after one with a name.
function step(x, rate = 0.1) {
    return x - rate * x
}

function f(x = 1.0, v = [1.0, 2.0]) {
    a = step(x, rat = 0.5)
    b = step(x, x = 2.0)
    c = step(rate = 0.5, x)
    d = sum(v, axes = 0)
    return a + b + c + d
}
