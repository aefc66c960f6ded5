# A matrix of 20,000 by 20,000 numbers.
function f(x : real[20000] = 1.0) {
    all = outer(x, x)
    return sum(all)
}
