# Parts of the language that cannot be compiled yet.
function kept(x) {
    t = push(tape(x), x)
    rest, last = pop(t)
    return last
}
function f(x = [1.0, 2.0]) {
    return sum([kept(x[i]) for i in 0..2])
}
