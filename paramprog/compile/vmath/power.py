"""pow, cbrt, hypot, sqrt.

pow is exp(y log x), with log x to some 66 bits: log x = k log 2 + 2 s + (2/3) s^3 in pairs of floats, the rest in one
(Dekker's arithmetic; Muller et al., Handbook of Floating-Point Arithmetic, 2nd ed. 2018, ch. 4 and 10).
"""

from __future__ import annotations

from paramprog.compile.vmath.family import Family

GENERIC = """\
PP_INLINE $T pp_sqrt_$S($T x) { return sqrt$FN(x); }
"""

F64 = """\
/* log x for finite positive x, as a sum of two */
PP_INLINE double pp_log_pair_f64(double x, double *tail) {
    int small = x < 0x1p-1022;
    double m, k = pp_split_f64(pp_pick_f64(small, x * 0x1p54, x), &m);
    k = pp_pick_f64(small, k - 54.0, k);
    /* s + sl = f / (2 + f) */
    double f = m - 1.0, dl, d = pp_fast_sum_f64(2.0, f, &dl), q = 1.0 / d, pl, s = f * q;
    double p = pp_product_f64(s, d, &pl), sl = ((f - p) - pl - s * dl) * q;
    /* c + cl = (2/3) s^3 */
    double wl, w = pp_product_f64(s, s, &wl), cl, c = pp_product_f64(w, s, &cl), bl, b;
    wl = wl + 2.0 * s * sl;
    cl = cl + (wl * s + w * sl);
    b = pp_product_f64(c, 0x1.5555555555555p-1, &bl);
    bl = bl + (cl * 0x1.5555555555555p-1 + c * 0x1.5555555555555p-55);
    double t = w * w * s * pp_poly_log_tail_f64(w);
    double el, gl, hl, e = pp_fast_sum_f64(k * 0x1.62e42fefa38p-1, 2.0 * s, &el);
    double g = pp_sum_f64(e, b, &gl), h = pp_fast_sum_f64(g, t, &hl);
    double r = hl + (gl + (el + (bl + pp_fma_f64(2.0, sl, k * 0x1.ef35793c7673p-45))));
    return pp_fast_sum_f64(h, r, tail);
}

/* whether y is an integer; an even one, with `half` = 0.5 */
PP_INLINE int pp_is_whole_f64(double y, double half) {
    double a = pp_abs_f64(y), v = half * pp_pick_f64(a < 0x1p53, a, 4.0), n = (v + 0x1p52) - 0x1p52;
    return (n == v) | (v >= 0x1p52);
}

/* x^y, given |x|^y: its sign, and the special values of C99, F.9.4.4 */
PP_INLINE double pp_pow_sign_f64(double x, double y, double z) {
    int whole = pp_is_whole_f64(y, 1.0), even = pp_is_whole_f64(y, 0.5);
    z = pp_pick_f64((x < 0.0) & (x > -INFINITY) & !whole, NAN, z);
    z = pp_pick_f64(whole & !even, pp_sign_f64(z, x), z);
    z = pp_pick_f64((x != x) | (y != y), x + y, z);
    return pp_pick_f64((x == 1.0) | (y == 0.0), 1.0, z);
}

PP_INLINE double pp_pow_f64(double x, double y) {
    double a = pp_abs_f64(x), ll, l = pp_log_pair_f64(a, &ll), pl, v, z, zl, m;
    l = pp_pick_f64(a == 0.0, -INFINITY, pp_pick_f64(a == INFINITY, INFINITY, l));
    /* the smallest logarithm but 0 is 2^-53: y beyond 2^70 is as good as infinite */
    y = pp_clamp_f64(y, -0x1p70, 0x1p70);
    double p = pp_product_f64(y, l, &pl);
    v = pp_clamp_f64(p, -750.0, 720.0);
    m = pp_exp_parts_f64(v, pp_pick_f64(p == v, pl + y * ll, 0.0), &z, &zl);
    return pp_pow_sign_f64(x, y, pp_scale_f64(z + zl, m));
}

PP_INLINE double pp_cbrt_f64(double x) {
    double a = pp_abs_f64(x);
    int small = a < 0x1p-1022;
    double v = pp_pick_f64(small, a * 0x1p54, a);
    uint64_t u = pp_bits_f64(v);
    /* the exponent is 3 q + j, j being 0, 1 or 2 */
    double k = pp_real_f64((u >> 52) | UINT64_C(0x4330000000000000)) - (0x1p52 + 1023.0);
    double m = pp_fma_f64(k - 1.0, 0x1.5555555555555p-2, 0x1.8p52), q = m - 0x1.8p52, j = k - 3.0 * q;
    double b = pp_real_f64((u & UINT64_C(0x000fffffffffffff)) | UINT64_C(0x3ff0000000000000));
    double z = b * pp_pick_f64(j == 2.0, 4.0, pp_pick_f64(j == 1.0, 2.0, 1.0));
    double y = pp_poly_inverse_cube_root_f64(b - 1.0);
    y = y * pp_pick_f64(j == 2.0, 0x1.428a2f98d728bp-1, pp_pick_f64(j == 1.0, 0x1.965fea53d6e3dp-1, 1.0));
    /* y -> z^(-1/3), of third order */
    double h = 1.0 - z * y * (y * y);
    y = y + y * h * (0x1.5555555555555p-2 + h * 0x1.c71c71c71c71cp-3);
    /* c -> c - (c^3 - z) / (3 c^2) */
    double c = z * (y * y), sl, s = pp_product_f64(c, c, &sl), tl, t = pp_product_f64(s, c, &tl);
    c = c - ((t - z) + (tl + sl * c)) * (y * y) * 0x1.5555555555555p-2;
    c = c * pp_power_of_two_f64(m - pp_pick_f64(small, 18.0, 0.0));
    return pp_pick_f64((a > 0.0) & (a < INFINITY), pp_sign_f64(c, x), x);
}

PP_INLINE double pp_hypot_f64(double x, double y) {
    double a = pp_abs_f64(x), b = pp_abs_f64(y), high = pp_pick_f64(a > b, a, b), low = pp_pick_f64(a > b, b, a);
    double up = pp_pick_f64(high < 0x1p-480, 0x1p600, pp_pick_f64(high > 0x1p510, 0x1p-600, 1.0));
    double down = pp_pick_f64(high < 0x1p-480, 0x1p-600, pp_pick_f64(high > 0x1p510, 0x1p600, 1.0));
    double h = high * up, l = low * up, z = sqrt(pp_fma_f64(h, h, l * l)) * down;
    return pp_pick_f64((a == INFINITY) | (b == INFINITY), INFINITY, z);
}
"""

F32 = """\
PP_INLINE float pp_pow_f32(float x, float y) {
    double a = (double)x, b = (double)y, z = pp_exp_f64(pp_clamp_f64(b, -0x1p70, 0x1p70) * pp_log_f64(pp_abs_f64(a)));
    return (float)pp_pow_sign_f64(a, b, z);
}

PP_INLINE float pp_cbrt_f32(float x) { return (float)pp_cbrt_f64((double)x); }

PP_INLINE float pp_hypot_f32(float x, float y) {
    double a = (double)pp_abs_f32(x), b = (double)pp_abs_f32(y), z = sqrt(a * a + b * b);
    return (float)pp_pick_f64((a == (double)INFINITY) | (b == (double)INFINITY), (double)INFINITY, z);
}
"""

FAMILY = Family(generic=GENERIC, float64=F64, float32=F32)
