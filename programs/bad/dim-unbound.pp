# The size of x is neither given nor bound by data.
dim n

function f(x : real[n]) {
    return sum(x)
}
