# A gradient is that of one number.

param w = [1.0, 2.0]

function f() {
    return 2 * w
}
