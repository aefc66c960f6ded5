# Bundle adjustment: where cameras stood and what they saw, from where points are in their images (as in ADBench's BA).
#
# A camera has 11 numbers: rotation r (3, axis times angle), centre c (3), focal length f, principal point (2), and two
# coefficients k of radial distortion. A point X is turned by Rodrigues' formula, projected and distorted:
#
#   Y = R(r) (X - c),   p = [Y0, Y1] / Y2,   image = f (1 + k0 |p|^2 + k1 |p|^4) p + principal point
#
# Observation k is of point seen[k] by camera by[k], and has a weight w[k]. The residuals are w (image - measured), two
# for each observation, and 1 - w^2; the cost is half the sum of their squares. A residual depends on one camera, one
# point and one weight, so their Jacobian is made of blocks; 14 products find it, however many observations there are:
#
#   paramprog jacobian programs/bundle_adjustment.pp --function residuals --sparse
#   paramprog jacobian programs/bundle_adjustment.pp --function residuals --sparse --json \
#       --dim cameras=50 --dim points=7000 --dim n=34000
#
# At the defaults: value 3.15962 of `cost`.

dim cameras = 2, points = 4, n = 6

param C : real[cameras, 11] = [sin(i + 3 * j) / 4 for i in 0..cameras, j in 0..11]
param X : real[points, 3] = [cos(2 * i + j) + 3 * j for i in 0..points, j in 0..3]
param w : real[n] = [1 + cos(k) / 4 for k in 0..n]

const images = [sin(3 * k + j) for k in 0..n, j in 0..2]
const cameras_of = [mod(k, cameras) for k in 0..n]
const points_of = [mod(2 * k // 3, points) for k in 0..n]

function turned(r : real[3], X : real[3]) {
    square_angle = dot(r, r)
    if square_angle > 0 {
        angle = sqrt(square_angle)
        axis = r / angle
        Y = cos(angle) * X + sin(angle) * cross(axis, X) + (1 - cos(angle)) * dot(axis, X) * axis
    } else {
        Y = X + cross(r, X)
    }
    return Y
}

function image(camera : real[11], X : real[3]) {
    Y = turned(camera[0:3], X - camera[3:6])
    p = Y[0:2] / Y[2]
    s = dot(p, p)
    return camera[6] * (1 + camera[9] * s + camera[10] * square(s)) * p + camera[7:9]
}

function residuals(measured : real[n, 2] = images, by : int[n] = cameras_of,
                   seen : int[n] = points_of) {
    E = [w[k] * (image(C[by[k]], X[seen[k]]) - measured[k]) for k in 0..n]
    residuals = concat(reshape(E, 2 * n), 1 - w**2)
    return residuals
}

function cost(measured : real[n, 2] = images, by : int[n] = cameras_of, seen : int[n] = points_of) {
    r = residuals(measured, by, seen)
    cost = dot(r, r) / 2
    return cost
}
