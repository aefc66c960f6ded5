# The interval is empty.
param w : real[3] ~ uniform(0.5, -0.5)

function f(x : real[3] = 1.0) {
    return dot(w, x)
}
