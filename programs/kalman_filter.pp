# The likelihood of a path in the plane, measured with errors, by the Kalman filter.
#
# The state is position and velocity; each turn it moves on by F, pushed by random accelerations, and its position is
# measured:
#
#   state' = F state + push,  push ~ N(0, Q)        z = H state + error,  error ~ N(0, sigma^2 I)
#
# The filter knows the state as a mean and a covariance P; `ahead` and A are what these are before the measurement. The
# innovation v = z - H ahead has the covariance S = H A H^T + sigma^2 I, and -log p(z) is the sum of
# (v^T S^-1 v + log det S) / 2 + log 2 pi over the measurements. The gain K = A H^T S^-1 comes from a system of
# equations: `solve(S, H @ A)` is its transpose, for S is symmetric.
#
# How strong the accelerations and the errors are is told by the data alone:
#
#   paramprog optimise programs/kalman_filter.pp --wrt push,sigma
#
# At the defaults: value 16.9153, gradients push = -3.32559, sigma = 16.482.

dim t = 10

param push = 1.0, sigma = 0.3, start : real[4] = [0, 0, 1, 0.5]

const h = 0.5
const F = [[1, 0, h, 0], [0, 1, 0, h], [0, 0, 1, 0], [0, 0, 0, 1]]
const H = [[1, 0, 0, 0], [0, 1, 0, 0]]
const G = [[h * h / 2, 0], [0, h * h / 2], [h, 0], [0, h]]

function loss(z : real[t, 2] = [[2 * sin(k / 2) + cos(5 * k * k) / 3,
                                 k / 4 + sin(3 * k * k) / 3] for k in 0..t]) {
    mean = start
    P = eye(4)
    total = 0.0
    for k in 0..t {
        ahead = F @ mean
        A = F @ P @ transpose(F) + square(push) * (G @ transpose(G))
        v = z[k] - H @ ahead
        S = H @ A @ transpose(H) + square(sigma) * eye(2)
        K = transpose(solve(S, H @ A))
        total = total + (dot(v, solve(S, v)) + logdet(S)) / 2 + log(2 * pi)
        mean = ahead + K @ v
        P = A - K @ S @ transpose(K)
    }
    return total
}
