"""lgamma, digamma, polygamma: one value at a time, in double.

digamma: by its recurrence to [1, 2], where it is its distance from the root times a polynomial, or by the asymptotic
series; by reflection for negative x. polygamma by Hurwitz's zeta function, summed by Euler and Maclaurin. (NIST
Handbook of Mathematical Functions 2010, 5.5, 5.11, 5.15, 25.11.)
"""

from __future__ import annotations

from paramprog.compile.vmath.family import Family

F64 = """\
PP_SLOW double pp_lgamma_f64(double x) { return x == -INFINITY ? x : lgamma(x); }

/* pi / tan(pi x), for x that is no integer */
PP_SLOW double pp_cotangent_f64(double x) {
    double r = remainder(x, 1.0);
    if (fabs(r) > 0.25) return 3.141592653589793 * tan(3.141592653589793 * (r > 0.0 ? 0.5 - r : -0.5 - r));
    return 3.141592653589793 / tan(3.141592653589793 * r);
}

PP_SLOW double pp_digamma_f64(double x) {
    double more = 0.0, z, w = x;
    if (x == 0.0) return copysign(INFINITY, -x);
    if (!(x > -INFINITY) || (x < 0.0 && floor(x) == x)) return NAN;
    if (x < 0.0) {
        more = -pp_cotangent_f64(x);
        w = 1.0 - x;
    }
    if (w < 10.0) {
        if (w < 1.0) {
            more -= 1.0 / w;
            w += 1.0;
        }
        for (; w > 2.0; w -= 1.0) more += 1.0 / (w - 1.0);
        z = (w - 0x1.762d86356be3fp+0) - 0x1.b86a722197829p-54;
        return more + z * pp_poly_digamma_f64(w - 1.5);
    }
    z = w > 1e17 ? 0.0 : 1.0 / (w * w);
    more += log(w) - 0.5 / w;
    w = 1.0 / 240 - z * (1.0 / 132 - z * (691.0 / 32760 - z / 12));
    return more - z * (1.0 / 12 - z * (1.0 / 120 - z * (1.0 / 252 - z * w)));
}

/* the sum of (q + i)^-s over i = 0, 1, ... for s > 1 and q > 0 */
PP_SLOW double pp_zeta_f64(double s, double q) {
    /* B(2j) / (2j)! */
    static const double b[12] = {
        0x1.5555555555555p-4, -0x1.6c16c16c16c17p-10, 0x1.1566abc011567p-15, -0x1.bbd779334ef0bp-21,
        0x1.66a8f2bf70ebep-26, -0x1.22805d644267fp-31, 0x1.d6db2c4e09162p-37, -0x1.7da4e1f79955cp-42,
        0x1.355871d652e9ep-47, -0x1.f57d968caacf1p-53, 0x1.967e1f09c376fp-58, -0x1.497d9033a2b5cp-63};
    double total = 0.0, term, factor, power;
    int i;
    if (q == INFINITY) return 0.0;
    if (q > 1e8) return (1.0 / (s - 1.0) + 0.5 / q) * pow(q, 1.0 - s);
    for (; q < 10.0 + 0.5 * s; q += 1.0) {
        term = pow(q, -s);
        total += term;
        if (term <= total * 0x1p-56) return total;
    }
    power = pow(q, -s);
    total += power * q / (s - 1.0) + 0.5 * power;
    factor = s * power / q;
    for (i = 0; i < 12; i++) {
        term = factor * b[i];
        total += term;
        if (fabs(term) < total * 0x1p-55) break;
        factor *= (s + 2 * i + 1) * (s + 2 * i + 2) / (q * q);
    }
    return total;
}

/* the k-th derivative of digamma */
PP_SLOW double pp_polygamma_f64(int k, double x) {
    double s = k + 1.0, z, r = remainder(x, 1.0), sign = k % 2 ? -1.0 : 1.0;
    if (k == 0) return pp_digamma_f64(x);
    if (x != x) return x;
    if (x > 0.0) z = pp_zeta_f64(s, x);
    else if (x == -INFINITY || r == 0.0) z = INFINITY;
    else {
        z = pp_zeta_f64(s, r > 0.0 ? r : 1.0 + r);
        z -= sign * (pp_zeta_f64(s, r > 0.0 ? 1.0 - r : -r) - pp_zeta_f64(s, 1.0 - x));
    }
    return -sign * tgamma(s) * z;
}
"""

F32 = """\
PP_SLOW float pp_lgamma_f32(float x) { return (float)pp_lgamma_f64((double)x); }

PP_SLOW float pp_digamma_f32(float x) { return (float)pp_digamma_f64((double)x); }

PP_SLOW float pp_polygamma_f32(int k, float x) { return (float)pp_polygamma_f64(k, (double)x); }
"""

FAMILY = Family(float64=F64, float32=F32)
