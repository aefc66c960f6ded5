# A recurrent network over a sequence: h' = tanh(W h + U x + b) for each of the t rows x, loss = |h - goal|^2 / 2.
#
# recurrence.pp has such a network written out for three rows. Here the loop stays a loop: the graph is as large for 6
# rows as for 6,000, and the adjoint is a loop that runs backwards over the states that the forward one kept. All turns
# share W, U and b, so their gradients are sums over the turns, "backpropagation through time".
#
# The default rows are made by a comprehension; `--inputs` gives others, as many as there are.

dim n = 3, m = 2, t = 6

param W : real[n, n] ~ glorot(), U : real[n, m] ~ glorot(), b : real[n] ~ zeros()

function loss(xs : real[t, m] = [sin(i + 2 * j) for i in 0..t, j in 0..m], goal : real[n] = 0.5) {
    h = zeros(n)
    for i in 0..t {
        h = elman_cell(W, U, b, h, xs[i])
    }
    r = h - goal
    loss = dot(r, r) / 2
    return loss
}
