# The functions every program can call, written in the language itself. A file's own function of the same name wins.

# log softmax(x)_i = x_i - log sum_j exp(x_j). It is the same for x + c, so the largest entry is subtracted first: nothing
# overflows, and entries much larger than their differences lose no digits. What does not matter needs no derivative.
function log_softmax(x : real[n]) -> real[n] {
    shifted = x - stop(max(x))
    return shifted - logsumexp(shifted)
}

# softmax(x)_i = exp(x_i) / sum_j exp(x_j)
function softmax(x : real[n]) -> real[n] {
    return exp(log_softmax(x))
}

# -log softmax(logits)[label]
function cross_entropy(logits : real[n], label : int) -> real {
    shifted = logits - stop(max(logits))
    return logsumexp(shifted) - shifted[label]
}

# The mean of the squared differences.
function mse(a, b) {
    return mean(square(a - b))
}

function dense(W : real[m, n], x : real[n], b : real[m]) -> real[m] {
    return W @ x + b
}

# Centred, scaled to unit variance, then gain and bias. J. L. Ba et al., Layer normalization, 2016.
function layer_norm(x : real[n], gain : real[n], bias : real[n], eps = 0.00001) -> real[n] {
    scaled = (x - mean(x)) / sqrt(var(x) + eps)
    return gain * scaled + bias
}

# softmax(Q K^T / sqrt(d)) V, row by row. A. Vaswani et al., Attention is all you need, 2017.
function attention(Q : real[m, d], K : real[n, d], V : real[n, e]) -> real[m, e] {
    scores = Q @ transpose(K) / sqrt(d)
    shifted = scores - spread(stop(max(scores, axis = 1)), n, axis = 1)
    weights = exp(shifted - spread(logsumexp(shifted, axis = 1), n, axis = 1))
    return weights @ V
}

# h' = tanh(W h + U x + b). J. Elman, Finding structure in time, 1990.
function elman_cell(W : real[n, n], U : real[n, m], b : real[n], h : real[n],
                    x : real[m]) -> real[n] {
    return tanh(W @ h + U @ x + b)
}

# The gates stand in the order input, forget, cell, output. S. Hochreiter and J. Schmidhuber, 1997, with forget gates.
function lstm_cell(W : real[4 * n, n], U : real[4 * n, m], b : real[4 * n],
                   h : real[n], c : real[n], x : real[m]) -> real[n], real[n] {
    gates = W @ h + U @ x + b
    input = sigmoid(gates[0:n])
    forget = sigmoid(gates[n:2 * n])
    cell = tanh(gates[2 * n:3 * n])
    output = sigmoid(gates[3 * n:4 * n])
    next = forget * c + input * cell
    return output * tanh(next), next
}

# The gates stand in the order reset, update, candidate; the reset gate acts on W h. K. Cho et al., 2014.
function gru_cell(W : real[3 * n, n], U : real[3 * n, m], b : real[3 * n], h : real[n],
                  x : real[m]) -> real[n] {
    old = W @ h
    new = U @ x + b
    reset = sigmoid(old[0:n] + new[0:n])
    update = sigmoid(old[n:2 * n] + new[n:2 * n])
    candidate = tanh(new[2 * n:3 * n] + reset * old[2 * n:3 * n])
    return (1.0 - update) * candidate + update * h
}

# One step of size h of the classical Runge-Kutta method for y' = field(y).
function rk4(field : function, y, h) {
    k1 = field(y)
    k2 = field(y + h / 2 * k1)
    k3 = field(y + h / 2 * k2)
    k4 = field(y + h * k3)
    return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
}

# The n entries of x (along the first axis) where c holds, in order. A run where c does not hold n times is refused.
function compress(x, c, n : int) {
    return gather(x, selected(c, n))
}

# y where c holds, zeros elsewhere: the transpose of compress.
function expand(y : real[n], c : bool[m]) -> real[m] {
    return scatter_add(selected(c, n), y, m)
}

# What lies on top of the tape t, and t without it: `t, x = pop(t)` undoes `t = push(t, x)`.
# Below an `endless` tape lies what it was made like.
function pop(t, endless : bool = false) {
    return rest(t, endless = endless), top(t, endless = endless)
}
