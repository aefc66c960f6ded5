# Pingali's running example: a parameterized program with three parameters and two inputs.
#
#   A = W0 P,  B = tanh(A) Q,  C = W1 B,  D = W2 B,  E = sin(C),  F = sigmoid(D),  R = E F
#
# B is used twice, so the gradient at B is the meet (the sum) over its two out-edges, and W0 has two paths to R.
#
# At the defaults: value R = -0.0649673, gradients W0 = -0.132452, W1 = 0.0538569, W2 = -0.00324438.

param W0 = 0.5, W1 = -1.2, W2 = 0.8
base f0(a, q) = tanh(a) * q
base f1(c) = sin(c)
base f2(d) = sigmoid(d)
base f3(e, f) = e * f

function R(P = 0.3, Q = 0.7) {
    A = W0 * P
    B = f0(A, Q)
    C = W1 * B
    D = W2 * B
    E = f1(C)
    F = f2(D)
    R = f3(E, F)
    return R
}
