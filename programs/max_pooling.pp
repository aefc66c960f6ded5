# 2x2 max pooling of a 4x4 image, then a weighted sum of the four maxima.
#
# The Jacobian of a maximum is the indicator of the winner, so each weight is routed to one pixel. The last block
# (rows 2-3, columns 2-3) has two winners, which share: 4 becomes 2 and 2.
#
#   image                 maxima     gradient
#   1  5 |  2  0          5  8       0 1 | 0 0
#   3  2 |  8  1                     0 0 | 2 0
#   -----+------                     ----+----
#   7 -1 |  4  6          7  6       3 0 | 0 2
#   0  2 |  6  3                     0 0 | 2 0
#
# At the default: value 66, and the gradient above.

const weight = [[1.0, 2.0], [3.0, 4.0]]

function pooling(x : real[4, 4] = [[1.0, 5.0, 2.0, 0.0],
                                   [3.0, 2.0, 8.0, 1.0],
                                   [7.0, -1.0, 4.0, 6.0],
                                   [0.0, 2.0, 6.0, 3.0]]) {
    pooled = [[max(x[0:2, 0:2]), max(x[0:2, 2:4])],
              [max(x[2:4, 0:2]), max(x[2:4, 2:4])]]
    y = sum(weight * pooled)
    return y
}
