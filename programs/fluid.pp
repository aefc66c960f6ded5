# Smoke in a fluid: the gradient of where it ends with respect to the velocity at the start.
#
# The model is that of the fluid simulation among the examples of autograd (HIPS), after J. Stam, Stable fluids, 1999.
# The grid is periodic.
#
# In each step the fluid first carries its own velocity along: what is in a cell now was one velocity away before,
# between four cells, whose values are interpolated. Then the velocity loses the part that piles up or thins out: the
# gradient of a pressure with laplace(pressure) = divergence, which a few sweeps over the cells approximate. Then the
# fluid carries the smoke.
#
# `int(floor(x))` is a step function: which cells are read depends on the velocity, but has no gradient. The weights of
# the interpolation have. The steps are a loop with the sweeps as a loop in it, so the graph does not grow with them.
#
# The smoke fills the upper half of the grid, and is to fill the left one. To find a velocity that brings it there:
#
#   paramprog optimise programs/fluid.pp --dim n=32 --dim steps=20 --dim sweeps=10 --steps 60

dim n = 6, steps = 2, sweeps = 3

param velocity : real[2, n, n] ~ normal(0, 0.5)

const row = [i for i in 0..n, j in 0..n], column = [j for i in 0..n, j in 0..n]

function cell(f : real[n, n], i, j) {
    return gather(reshape(f, n * n), n * mod(i, n) + mod(j, n))
}

function advect(f, u, v) {
    x = row - u
    y = column - v
    i = int(floor(x))
    j = int(floor(y))
    a = x - i
    b = y - j
    upper = (1 - b) * cell(f, i, j) + b * cell(f, i, j + 1)
    lower = (1 - b) * cell(f, i + 1, j) + b * cell(f, i + 1, j + 1)
    return (1 - a) * upper + a * lower
}

function slope(f, k : int) {
    return (roll(f, -1, axis = k) - roll(f, 1, axis = k)) / 2
}

function neighbours(p) {
    vertical = roll(p, 1, axis = 0) + roll(p, -1, axis = 0)
    horizontal = roll(p, 1, axis = 1) + roll(p, -1, axis = 1)
    return vertical + horizontal
}

function project(u, v) {
    divergence = slope(u, 0) + slope(v, 1)
    pressure = zeros(n, n)
    for k in 0..sweeps {
        pressure = (neighbours(pressure) - divergence) / 4
    }
    return u - slope(pressure, 0), v - slope(pressure, 1)
}

function loss(smoke : real[n, n] = [if i < n // 2 then 1.0 else 0.0 for i in 0..n, j in 0..n],
              goal : real[n, n] = [if j < n // 2 then 1.0 else 0.0 for i in 0..n, j in 0..n]) {
    u = velocity[0]
    v = velocity[1]
    moved = smoke
    for k in 0..steps {
        u, v = project(advect(u, u, v), advect(v, u, v))
        moved = advect(moved, u, v)
    }
    loss = mse(moved, goal)
    return loss
}
