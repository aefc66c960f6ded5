# A classifier for 8x8 images of handwritten digits: 64 pixels, 32 hidden tanh units, 10 classes.
#
#   z = W2 tanh(W1 x/16 + b1) + b2,   log p = z - logsumexp(z),   loss = -log p[label]
#
# It is written for one sample. The pixels run from 0 to 16. The default sample is the first row of data/digits.csv,
# a zero; data/digits_row.json has another one for `--inputs`. The gradient at z is p minus the indicator of the label,
# so the gradient of b2 sums to 0. The label is an index known at run time only.
#
# The weights have an init instead of a value: `~ glorot()` draws them from a seeded generator (--seed).
# A loss near log 10 = 2.303 says that the untrained network guesses.

dim d = 64, h = 32, c = 10

param W1 : real[h, d] ~ glorot(), b1 : real[h] ~ zeros()
param W2 : real[c, h] ~ glorot(), b2 : real[c] ~ zeros()

function loss(x : real[d] = [0, 0, 5, 13, 9, 1, 0, 0,
                             0, 0, 13, 15, 10, 15, 5, 0,
                             0, 3, 15, 2, 0, 11, 8, 0,
                             0, 4, 12, 0, 0, 8, 8, 0,
                             0, 5, 8, 0, 0, 9, 8, 0,
                             0, 4, 11, 0, 1, 12, 7, 0,
                             0, 2, 14, 5, 10, 12, 0, 0,
                             0, 0, 6, 13, 10, 0, 0, 0],
              label : int = 0) {
    hidden = tanh(W1 @ (x / 16) + b1)
    z = W2 @ hidden + b2
    logp = z - logsumexp(z)
    return -logp[label]
}
