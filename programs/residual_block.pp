# A residual block, y = x + W2 relu(W1 x + b1) + b2, and half the squared distance to a target as loss.
#
# The skip connection is a second path from x to y whose Jacobian is the identity: the gradient at x is
# (y - t) + W1^T (mask * W2^T (y - t)), so it does not vanish however small the weights are.
#
# W1 and W2 have an init instead of a value: `~ he()` draws them from a seeded generator (--seed). To give them
# values, use --at or --params.

dim n = 4, h = 6

param W1 : real[h, n] ~ he(), b1 : real[h] ~ zeros()
param W2 : real[n, h] ~ glorot(), b2 : real[n] ~ zeros()

function loss(x : real[n] = [1.0, -0.5, 0.25, 2.0], t : real[n] = [0.0, 1.0, 0.0, -1.0]) {
    hidden = relu(W1 @ x + b1)
    y = x + W2 @ hidden + b2
    r = y - t
    loss = dot(r, r) / 2
    return loss
}
