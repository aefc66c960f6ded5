# k-means by Newton's method: the direction is the gradient divided by the diagonal of the Hessian.
#
# The cost is the sum of the squared distances from each point to its nearest center. While no point changes its center
# this is a parabola in each coordinate of each center, and its Hessian is diagonal: so the Hessian times a vector of ones,
# one Jacobian-vector product of the gradient, is that diagonal. A Newton step moves each center to the mean of its points:
# it is Lloyd's algorithm.
#
# At the defaults: value 0.5. The gradient, of the cost after the steps by the centers before them, is 0: where a step ends
# does not depend on where it began, as long as the points keep their centers.

dim steps = 2, points = 6, k = 2

param centers : real[k, 2] = [[0.3, 0.2], [1.5, 1.0]]

function cost(c : real[k, 2], x) {
    distances = [(x[i, 0] - c[j, 0])**2 + (x[i, 1] - c[j, 1])**2 for i in 0..points, j in 0..k]
    return sum(min(distances, axis = 1))
}

function fitted(x : real[points, 2] = [[0.0, 0.0], [0.5, 0.25], [0.25, 0.5],
                                       [2.0, 2.0], [2.5, 2.25], [2.25, 2.5]]) {
    c = centers
    for t in 0..steps {
        y = cost(c, x)
        g = grad(y, c)
        diagonal = jvp(g, c, ones(k, 2))
        c = c - g / diagonal
    }
    left = cost(c, x)
    return left
}
