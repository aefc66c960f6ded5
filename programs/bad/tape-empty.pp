# Takes one value more than was pushed.
function f(x = 1.0) {
    t = tape(0.0)
    for i in 0..2 { t = push(t, x * i) }
    s = 0.0
    for i in 0..3 {
        t, y = pop(t)
        s = s + y
    }
    return s
}
