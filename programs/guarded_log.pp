# A logarithm behind a guard: y = if x > 0 then log(x) else 0.
#
# What is not selected is not evaluated: neither log(-1) nor the 1/0 in the derivative of log at 0 exists here, for
# a scalar condition and lane by lane for an array. The gradient is 1/x where x > 0, and 0 elsewhere; it is finite,
# where computing both sides and masking afterwards would give 0 * inf = NaN.
#
# At the defaults: value 2 log 2 = 1.38629, gradients a = 0.5, b = 0, v = [2, 0, 0, 0.25].

dim n = 4

function guarded(x) {
    y = if x > 0 then log(x) else 0.0
    return y
}

function total(a = 2.0, b = -1.0, v : real[n] = [0.5, -2.0, 0.0, 4.0]) {
    on = guarded(a)
    off = guarded(b)
    lanes = guarded(v)
    y = on + off + sum(lanes)
    return y
}
