# Three shapes that do not fit. `*` is elementwise, and nothing is broadcast but scalars.
param W = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]

function f(x = [1.0, 2.0, 3.0], b = [0.5, 0.5]) {
    y = W * x
    z = x + b
    u = W @ b
    return sum(y) + sum(z) + sum(u)
}
