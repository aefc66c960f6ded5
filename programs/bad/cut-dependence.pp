# Rounding has no derivative, and there is no other way from w to the result.

param w = 2.5

function f() {
    return 2 * floor(w)
}
