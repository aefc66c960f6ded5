function f(x = 1.0) {
    big = 1e999
    small = 1e-999
    count = 9223372036854775808
    return x * big + small
}
