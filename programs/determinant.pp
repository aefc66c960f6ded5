# The determinant of an 8x8 matrix by expansion along its first row: a sum of 8! = 40,320 products.
#
# The recursion ends when the program is compiled: n is a size, and `n == 0` is decided then. A call with the points of an
# earlier call is that call, and two ways to strike out the same rows and columns select the same entries of A, so the graph
# has one node for each of the 2^8 sets of columns, times at most 8. Every product ends in `unit`, the determinant
# of nothing; so the paths from `unit` to the result are the 8! products, and d(det)/d(unit) is the determinant.
#
#     paramprog paths programs/determinant.pp --wrt unit

param unit = 1.0

function minor(A : real[n, n], j : int) {
    return concat(A[1:n, 0:j], A[1:n, j + 1:n], axis = 1)
}

function det(A : real[n, n]) {
    return if n == 0 then unit else cofactors(A, 0)
}

function cofactors(A : real[n, n], j : int) {
    term = A[0, j] * det(minor(A, j))
    return if j == n - 1 then term else term - cofactors(A, j + 1)
}

function main(A : real[8, 8] = [[2, 1, 0, 0, 0, 0, 0, 1],
                                [1, 3, 1, 0, 0, 0, 0, 0],
                                [0, 1, 4, 1, 0, 0, 0, 0],
                                [0, 0, 1, 5, 1, 0, 0, 0],
                                [0, 0, 0, 1, 6, 1, 0, 0],
                                [0, 0, 0, 0, 1, 7, 1, 0],
                                [0, 0, 0, 0, 0, 1, 8, 1],
                                [1, 0, 0, 0, 0, 0, 1, 9]]) {
    d = det(A)
    return d
}
