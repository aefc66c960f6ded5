/* The mean over n samples of sin(W1 B) sigmoid(W2 B), B = tanh(W0 P) Q, and its gradient, in one loop.

   The cosine is a sine: gcc would call sincos for the two, and not vectorise. */
#include <math.h>
#include <stdint.h>

void step(int64_t n, const double *restrict P, const double *restrict Q, const double *restrict W, double *value,
          double *dW0, double *dW1, double *dW2) {
    double sum = 0, g0 = 0, g1 = 0, g2 = 0;
    const double W0 = W[0], W1 = W[1], W2 = W[2];
    for (int64_t i = 0; i < n; i++) {
        double t = 1 - 2 / (1 + exp(2 * W0 * P[i]));
        double B = t * Q[i];
        double s = sin(W1 * B), c = sin(W1 * B + M_PI_2), m = 1 / (1 + exp(-W2 * B));
        double slope = s * m * (1 - m);
        sum += s * m;
        g1 += c * m * B;
        g2 += slope * B;
        g0 += (W1 * c * m + W2 * slope) * Q[i] * (1 - t * t) * P[i];
    }
    *value = sum / n;
    *dW0 = g0 / n;
    *dW1 = g1 / n;
    *dW2 = g2 / n;
}
