# The Gaussian mixture of ADBench (microsoft/ADBench, src/cpp/shared/gmm.h): the log posterior of n points, up to signs
# that ADBench chose.
#
#   sum over i of logsumexp over j of (alpha[j] + sum(q[j]) - |Q[j] (x[i] - mean[j])|^2 / 2) - n logsumexp(alpha)
#     - n d log(2 pi) / 2 + gamma^2 / 2 sum over j of |Q[j]|^2 - m sum(q) - k C
#
# Q[j] is lower triangular: exp(q[j]) on the diagonal, below it the entries of below[j], column after column. The terms with
# gamma and m are the Wishart prior, C its constant: p d (log(gamma) - log(2) / 2) - log Gamma_d(p / 2), p = d + m + 1.

dim n = 8, d = 3, k = 2, m = 0

const gamma = 1.0
param alpha : real[k] ~ normal(0, 1), mean : real[k, d] ~ normal(0, 1)
param q : real[k, d] ~ normal(0, 1), below : real[k, d * (d - 1) // 2] ~ normal(0, 1)

function loss(x : real[n, d]) {
    # Where each entry of a triangle is found among exp(q[j]), below[j] and a zero.
    place = [if r > c then d + c * d - c * (c + 1) // 2 + r - c - 1 else if r == c then r else d * (d + 1) // 2
             for r in 0..d, c in 0..d]
    entries = concat(concat(exp(q), below, axis = 1), zeros(k, 1), axis = 1)
    Q = reshape(gather(entries, reshape(place, d * d), axis = 1), k, d, d)
    Qx = reshape(x @ transpose(reshape(Q, k * d, d)), n, k, d)
    Qm = contract("jrc,jc->jr", Q, mean)
    z = spread(alpha + sum(q, axis = 1), n) - sum(square(Qx - spread(Qm, n)), axis = 2) / 2
    likelihood = sum(logsumexp(z, axis = 1)) - n * logsumexp(alpha) - n * d * log(2 * pi) / 2
    p = d + m + 1
    gammas = d * (d - 1) / 4 * log(pi) + sum(lgamma((p - i) / 2) for i in 0..d)
    constant = p * d * (log(gamma) - log(2) / 2) - gammas
    prior = gamma**2 / 2 * (sum(square(exp(q))) + sum(square(below))) - m * sum(q) - k * constant
    loss = likelihood + prior
    return loss
}
