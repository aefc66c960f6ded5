# The smallest program with two paths: y = x (x + 1), so dy/dx = 2 x + 1.
# One path goes from x straight to the product (weight x + 1 = 18), one through x + 1 (weight x = 17).
# There is no param, so `grad` differentiates with respect to the input.
#
# At the default: value 306, gradient 35.

function square_plus(x = 17.0) {
    y = x * (x + 1)
    return y
}
