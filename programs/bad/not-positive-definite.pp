# The eigenvalues of this matrix are 3 and -1.

function f(A : real[2, 2] = [[1, 2], [2, 1]]) {
    L = cholesky(A)
    return sum(log(diag(L)))
}
