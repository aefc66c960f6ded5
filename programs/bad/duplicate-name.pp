# Two params have one name, and so have two functions.
param W = 1.0, W = 2.0

base act(x) = tanh(x)

function act(x) {
    return W * x
}
