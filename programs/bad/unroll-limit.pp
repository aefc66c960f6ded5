# A loop around a recursive call is written out turn by turn.
function power(x, n : int) { return if n == 0 then 1.0 else x * power(x, n - 1) }
function f(x = 1.0) {
    s = 0.0
    for i in 0..1000000 {
        s = s + power(x, mod(i, 3))
    }
    return s
}
