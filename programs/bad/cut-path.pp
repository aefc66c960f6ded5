# The whole part of w is a step: the gradient sees the other use of w alone.
param w = 2.5

function f(x = 1.0) {
    return floor(w) * 2 + w * x
}
