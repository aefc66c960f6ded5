# The LSTM of ADBench (microsoft/ADBench, src/cpp/shared/lstm.h), with two layers: its weights are diagonal.
#
# A layer holds a hidden state h and a cell c, and reads x, the hidden state of the layer below; all products are elementwise:
#
#   c' = c * sigmoid(w0 * x + b0) + sigmoid(w1 * h + b1) * tanh(w3 * h + b3)
#   h' = sigmoid(w2 * x + b2) * tanh(c')
#
# The lower layer reads the bits of a character, weighted; the upper one predicts those of the next, y = out_of * h + shift,
# with the loss -mean over characters and bits of next * (y - log(2 + sum(exp(y)))). The 2 is ADBench's.

dim n = 1024, bits = 14

param weight : real[2, 4, bits] ~ uniform(0, 1), bias : real[2, 4, bits] ~ uniform(0, 1)
param into : real[bits] ~ uniform(0, 1), out_of : real[bits] ~ uniform(0, 1),
      shift : real[bits] ~ uniform(0, 1)

function layer(w : real[4, bits], b : real[4, bits], x : real[bits], h : real[bits],
               c : real[bits]) {
    cell = c * sigmoid(w[0] * x + b[0]) + sigmoid(w[1] * h + b[1]) * tanh(w[3] * h + b[3])
    return sigmoid(w[2] * x + b[2]) * tanh(cell), cell
}

function loss(text : real[n, bits], h0 : real[2, bits], c0 : real[2, bits]) {
    h1 = h0[0]
    h2 = h0[1]
    c1 = c0[0]
    c2 = c0[1]
    total = 0.0
    for t in 0..n - 1 {
        h1, c1 = layer(weight[0], bias[0], into * text[t], h1, c1)
        h2, c2 = layer(weight[1], bias[1], h1, h2, c2)
        y = out_of * h2 + shift
        total = total + sum(text[t + 1] * (y - log(2 + sum(exp(y)))))
    }
    loss = -total / ((n - 1) * bits)
    return loss
}
