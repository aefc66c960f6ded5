# Mistakes of many kinds; each is told once, and the parser goes on at the next statement.
param W = 0.5, b 2
base square(x) { return x**2 }

function f(x = 1.0) {
    y = W * x +
    z = x^2
    u = (y + z
    v = if x == 0 then 1
    w = 0 < x < 1
    for i in range(3) {
        u = u + 1
    }
    if x = 0 {
        print(x)
    }
    elif x { }
    t = 2x
    in = 3
    return y + z)
}

y = f(2)
