# A size must be known at compile time.
function f(x : real[6] = 1.0, k = 3) {
    first = x[0:k]
    halves = reshape(x, 2, 6 / 2)
    return sum(first) + sum(halves)
}
