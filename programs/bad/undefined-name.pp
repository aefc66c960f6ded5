# Two names that nothing defines. `b` is not reported for mentioning `a`.
function f(x = 1.0) {
    a = W0 * x
    b = a + offset
    c = b * lenght
    return c
}
