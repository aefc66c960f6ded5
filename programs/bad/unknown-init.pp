# A misspelt init.
param W : real[2, 2] ~ gloort()

function f(x = [1.0, 2.0]) {
    return sum(W @ x)
}
