# Three independent errors, told in one run. What depends on a name in error is not reported again.
param W : real[2, 3] ~ glorto()
base act(x) = tanh(x) + shift

function f(x = [1.0, 2.0]) {
    hidden = W @ x
    y = act(hidden)
    loss = target - sum(y)
    return loss
}
