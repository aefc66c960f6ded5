# A loop that keeps no state could not be run backwards.
function f(x = 1.0) {
    for i in 0..10 checkpoint 0 {
        y = sin(x)
    }
    return x
}
