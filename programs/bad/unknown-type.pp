# There are real, int and bool.
param W : float = 0.5

function f(x : rael = 1.0) {
    return W * x
}
