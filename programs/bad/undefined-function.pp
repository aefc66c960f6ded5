# A misspelt function, one that does not exist, and a param that is called.
param W = 0.5

function f(x = 1.0) {
    y = tahn(x)
    z = frobnicate(x)
    u = W(x + 1)
    return y + z + u
}
