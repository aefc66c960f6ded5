# Kepler's equation E - e sin(E) = M by Newton's method, in a loop that runs until the steps are small.
#
# It tells where a planet on an orbit of eccentricity e is when the part M / (2 pi) of its year is over.
#
# The number of turns of a `while` is known only when it stops. What is differentiated are the turns that were made: the
# loop keeps what its adjoint needs of each, and the adjoint goes back through as many. The result is the derivative of
# the solution by the implicit function theorem,
#
#   dE/de = sin(E) / (1 - e cos(E)),   dE/dM = 1 / (1 - e cos(E)),
#
# because a step of Newton's method squares the error of E, and multiplies that of the derivative by the error of E:
# after a last step of less than 1e-8 both are down to rounding.
#
# At the defaults: value 1.78614, gradient e = 0.865887; `--wrt M` gives 0.886359.

param e = 0.6

function anomaly(M = 1.2) {
    E = M
    step = 1.0
    while abs(step) > 1e-8 {
        step = (E - e * sin(E) - M) / (1 - e * cos(E))
        E = E - step
    }
    return E
}
