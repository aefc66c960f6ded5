# A tied autoencoder for 8x8 images of handwritten digits: 64 pixels, a code of 16 numbers, 64 pixels again.
#
#   code = tanh(W x/16 + b),   y = transpose(W) code + a,   loss = mean((y - x/16)^2)
#
# The decoder has the weights of the encoder, transposed, so W is used twice: its gradient is the sum of what both uses
# add (`paramprog grad --by-use --wrt W`). Train it with
#
#   paramprog train programs/digits_autoencoder.pp --data programs/data/digits.csv --bind 'x=pixel_*'
#
# The pixels scaled to [0, 1] have a mean variance of 0.0731; what is left of it is the loss.

dim d = 64, k = 16

param W : real[k, d] ~ glorot()
param b : real[k] ~ zeros(), a : real[d] ~ zeros()

function loss(x : real[d]) {
    pixels = x / 16
    code = tanh(W @ pixels + b)
    decoded = transpose(W) @ code + a
    return mean((decoded - pixels)**2)
}
