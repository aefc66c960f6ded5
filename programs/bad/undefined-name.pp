# Two names that nothing defines. Using `a`, which is in error already, is not reported.
function f(x = 1.0, length = 2.0) {
    a = W0 * x
    b = lenght + a
    c = b * a
    return c
}
