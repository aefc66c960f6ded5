# A soft edit distance of two sequences, by dynamic programming.
#
# D[i, j] is the cost of matching the first i numbers of x with the first j of y. The last two are matched with each
# other, at the square of their difference, or one of them is left out, at the cost of a gap, whatever is least:
#
#   D[i + 1, j + 1] = softmin of D[i, j] + (x[i] - y[j])**2, D[i, j + 1] + gap and D[i + 1, j] + gap
#
# The soft minimum, -T log of the sum of exp(-a / T), has a gradient everywhere: the nearer the costs are to a tie, the
# more evenly it is shared. As T goes to 0, the gradient of `gap` becomes the number of gaps in the best alignment.
#
# An update such as `D[i, j] = ...` makes a new version of the array, and the loops carry D from version to version. It
# costs one entry nevertheless, forward and backward: m n updates take a time of the order of m n.
#
# At the defaults: value 0.63040, gradients gap = 1.05087, T = -0.583075.

dim m = 3, n = 4

param gap = 0.6, T = 0.2

function softmin(a) {
    return -T * logsumexp(-a / T)
}

function distance(x : real[m] = [sin(i) for i in 0..m],
                  y : real[n] = [sin(j - 0.8) for j in 0..n]) {
    D = zeros(m + 1, n + 1)
    for i in 0..m {
        D[i + 1, 0] = D[i, 0] + gap
    }
    for j in 0..n {
        D[0, j + 1] = D[0, j] + gap
    }
    for i in 0..m {
        for j in 0..n {
            D[i + 1, j + 1] = softmin([D[i, j] + square(x[i] - y[j]), D[i, j + 1] + gap,
                                       D[i + 1, j] + gap])
        }
    }
    distance = D[m, n]
    return distance
}
