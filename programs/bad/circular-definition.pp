# Each of two sizes is computed from the other.
dim rows = columns + 1
dim columns = rows - 1

function f(x : real[rows]) {
    return sum(x)
}
