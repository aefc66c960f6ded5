# An LSTM that predicts a sequence: after each row, a linear map of its state is to be the next row.
#
#   h, c = lstm_cell(W, U, b, h, c, xs[i]),   loss = mean over i of mse(V h, xs[i + 1])
#
# The loop carries three names: the state h, the cell c, and the error so far. `lstm_cell` is a function of the library
# that is written in this language. W, U and b hold the input, forget, cell and output gates, one above the other.

dim n = 2, m = 2, t = 4

param W : real[4 * n, n] ~ glorot(), U : real[4 * n, m] ~ glorot(), b : real[4 * n] ~ zeros()
param V : real[m, n] ~ glorot()

function loss(xs : real[t, m] = [cos(i + 2 * j) for i in 0..t, j in 0..m]) {
    h = zeros(n)
    c = zeros(n)
    error = 0.0
    for i in 0..t - 1 {
        h, c = lstm_cell(W, U, b, h, c, xs[i])
        error = error + mse(V @ h, xs[i + 1])
    }
    loss = error / (t - 1)
    return loss
}
