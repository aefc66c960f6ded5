# Saved in Latin-1: the sign of degrees ° is a single byte.
function f(x = 1.0) {
    return x
}
