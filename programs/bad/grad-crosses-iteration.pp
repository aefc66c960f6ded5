param W = 0.5
function f(h = 1.0) {
    total = 0.0
    for t in 0..3 {
        h2 = tanh(W * h)
        total = total + grad(h2, W)
    }
    state = h
    for t in 0..3 {
        next = tanh(W * state)
        total = total + grad(next, W)
        state = next
    }
    return total
}
