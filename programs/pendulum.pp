# A damped pendulum by the classical Runge-Kutta method, and half the squared distance of its angle to a goal.
#
#   angle' = speed,   speed' = -gravity / length sin(angle) - damping speed
#
# `rk4(motion, y, h)` is a function of the library that takes a function, the right side of a differential equation.
# Calls are inlined, so the body of the loop has `motion` four times, and params that it uses have their gradients.
#
# The gradients are those of the numbers that the method computes, to rounding. How to start the pendulum so that it is
# at the goal in time:
#
#   paramprog optimise programs/pendulum.pp --wrt speed
#
# At the defaults: value 0.0551101, gradients gravity = 0.00997382, length = -0.0978432, damping = -0.149617.

dim steps = 6

param gravity = 9.81, length = 1.0, damping = 0.3

function motion(y : real[2]) {
    return [y[1], -gravity / length * sin(y[0]) - damping * y[1]]
}

function loss(angle = 1.0, speed = 0.0, time = 1.0, goal = -0.5) {
    y = [angle, speed]
    for k in 0..steps {
        y = rk4(motion, y, time / steps)
    }
    loss = square(y[0] - goal) / 2
    return loss
}
