# A size is negative.
dim n = 3, inner = n - 4

param W : real[inner, n]

function f(x : real[n] = 1.0) {
    return sum(W @ x)
}
