# A base function is a function of scalars; it applies to arrays entry by entry.
base energy(x) = sum([x, 2 * x])

function f(x = [1.0, 2.0]) {
    return sum(energy(x))
}
