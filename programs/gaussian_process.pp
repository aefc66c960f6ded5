# Gaussian-process regression: minus the logarithm of the marginal likelihood of n observations y at the places x.
#
#   K[i, j] = amplitude^2 exp(-(x[i] - x[j])^2 / (2 length^2)) + error^2 [i = j],   K = L L^T
#   -log p(y) = y^T K^-1 y / 2 + log det K / 2 + n/2 log 2 pi
#
# By the Cholesky factor: y^T K^-1 y = |L^-1 y|^2, and log det K is twice the sum of log L[i, i]. The gradient needs no
# inverse either: the derivative of `cholesky` is made of triangular systems.
#
# What the three params should be is what training is for; the likelihood weighs fit against simplicity by itself:
#
#   paramprog optimise programs/gaussian_process.pp --wrt amplitude,length,error
#
# At the defaults: value 7.89507, gradients amplitude = -1.29373, length = 6.74793, error = 2.53861.

dim n = 8

param amplitude = 1.0, length = 0.6, error = 0.3

function kernel(a, b) {
    return square(amplitude) * exp(-square((a - b) / length) / 2)
}

function loss(x : real[n] = [0.3 * i for i in 0..n],
              y : real[n] = [sin(i) + cos(5 * i * i) / 3 for i in 0..n]) {
    K = [kernel(x[i], x[j]) for i in 0..n, j in 0..n] + square(error) * eye(n)
    L = cholesky(K)
    white = solve_triangular(L, y)
    loss = dot(white, white) / 2 + sum(log(diag(L))) + n / 2 * log(2 * pi)
    return loss
}
