# Pingali's running example in the spelling of the lecture: `Function` with a capital, no spaces, inputs without defaults.
# It is the program of running_example.pp. Since P and Q have no defaults they are drawn from a seeded normal,
# unless they are given: --at P=0.3 --at Q=0.7.
#
# At that point: value R = -0.0649673, gradients W0 = -0.132452, W1 = 0.0538569, W2 = -0.00324438.

# fmt: off
param W0 = 0.5, W1 = -1.2, W2 = 0.8
base f0(a,q) = tanh(a)*q
base f1(c) = sin(c)
base f2(d) = sigmoid(d)
base f3(e,f) = e*f

Function R(P,Q) {
    A = W0*P
    B = f0(A,Q)
    C = W1*B
    D = W2*B
    E = f1(C)
    F = f2(D)
    R = f3(E,F)
    return R
}
