# Params are what gradients are taken by, so they are real.
param steps : int = 3
param on = true

function f(x = 1.0) {
    return if on then x * steps else x
}
