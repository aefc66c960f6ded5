# A const is the same for all params and inputs, so it mentions none of them.
param W = 0.5
const scale = 2 * W

function f(x = 1.0) {
    return scale * x
}
