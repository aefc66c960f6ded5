# Two outputs: `--output` says which one.

param w = 2.0

function f() {
    a = w * w
    b = sin(w)
    return a, b
}
