"""sinh, cosh, sech from cosh r and sinh r at the reduced argument; tanh and sech^2; the inverses from log(1 + x).

With h = 2^(k-1) and g = 2^(-k-1): sinh(k log 2 + r) = (h - g) cosh r + (h + g) sinh r, and cosh likewise. No
cancellation for x >= 0, and exact for small x, where h = g.

tanh(x) = (e - 1) / (e + 1) and sech(x)^2, its derivative, which stands for `square(sech(x))` in compiled programs, are
made of e = exp(2x). They begin in one way, so that compilers compute what they have in common only once. There
0 <= 2r <= log 2, so that e - 1 = 2^k - 1 + 2^k expm1(2r) has no cancellation either.
"""

from __future__ import annotations

from paramprog.compile.vmath.family import Family
from paramprog.types import Real

CONSTANTS: dict[Real, dict[str, str]] = {
    "float64": {
        "SINH_HIGH": "711.0",
        "COSH_HIGH": "0x1.633ce8fb9f87dp9",
        "SMALL_K": "60.0",
        "TANH_HIGH": "380.0",
        "BELOW_HALF": "0x1.fffffffffffffp-2",
        "TWO_LOG2E": "0x1.71547652b82fep+1",
        "HALF_LN2_HI": "0x1.62e42fefa38p-2",
        "HALF_LN2_LO": "0x1.ef35793c7673p-46",
    },
    "float32": {
        "SINH_HIGH": "90.0f",
        "COSH_HIGH": "0x1.65a9f8p6f",
        "SMALL_K": "40.0f",
        "TANH_HIGH": "53.0f",
        "BELOW_HALF": "0x1.fffffep-2f",
        "TWO_LOG2E": "0x1.715476p+1f",
        "HALF_LN2_HI": "0x1.62e4p-2f",
        "HALF_LN2_LO": "0x1.7f7d1cp-21f",
    },
}

GENERIC = """\
/* cosh r - 1 and sinh r - r at the reduced |x|, and 4^-k */
PP_INLINE $T pp_cosh_sinh_$S($T a, $T *r, $T *c, $T *s, $T *w) {
    $T rl, m = pp_reduce_$S(a, r, &rl), k = m - $ROUND, z = *r * *r;
    *c = pp_fma_$S(z, pp_poly_cosh_$S(z), *r * rl);
    *s = pp_fma_$S(z * *r, pp_poly_sinh_$S(z), rl);
    k = pp_pick_$S(k > $SMALL_K, $SMALL_K, k);
    *w = pp_power_of_two_$S($ROUND - 2.0$f * k);
    return m;
}

PP_INLINE $T pp_sinh_$S($T x) {
    $T a = pp_abs_$S(x), r, c, s, w, y, yl, p, pl, m;
    m = pp_cosh_sinh_$S(pp_pick_$S(a > $SINH_HIGH, $SINH_HIGH, a), &r, &c, &s, &w);
    p = pp_product_$S(1.0$f + w, r, &pl);
    y = pp_fast_sum_$S(1.0$f - w, p, &yl);
    y = y + (pp_fma_$S(1.0$f - w, c, (1.0$f + w) * s) + (yl + pl));
    return pp_sign_$S(pp_scale_$S(y, m - 1.0$f), x);
}

/* cosh x = (d + dl) 2^(k - 1) for what pp_cosh_sinh makes of |x| */
PP_INLINE $T pp_cosh_pair_$S($T r, $T c, $T s, $T w, $T *dl) {
    $T wl, d = pp_fast_sum_$S(pp_fast_sum_$S(1.0$f, w, &wl), (1.0$f - w) * r, dl);
    return pp_fast_sum_$S(d, *dl + (pp_fma_$S(1.0$f + w, c, (1.0$f - w) * s) + wl), dl);
}

PP_INLINE $T pp_cosh_$S($T x) {
    $T a = pp_abs_$S(x), r, c, s, w, dl, m;
    m = pp_cosh_sinh_$S(pp_pick_$S(a > $SINH_HIGH, $SINH_HIGH, a), &r, &c, &s, &w);
    return pp_scale_$S(pp_cosh_pair_$S(r, c, s, w, &dl), m - 1.0$f);
}

PP_INLINE $T pp_sech_$S($T x) {
    $T a = pp_abs_$S(x), r, c, s, w, dl, m;
    m = pp_cosh_sinh_$S(pp_pick_$S(a > $SINH_HIGH, $SINH_HIGH, a), &r, &c, &s, &w);
    m = pp_scale_$S(1.0$f / pp_cosh_pair_$S(r, c, s, w, &dl), $ROUND - (m - 1.0$f - $ROUND));
    return pp_pick_$S(a > $COSH_HIGH, 0.0$f, m);
}

/* exp(2 a) = 2^k (1 + 2 h) with h >= 0: h, and v = 2^-k / 2 as a product */
PP_INLINE $T pp_half_expm1_$S($T a, $T *s, $T *t) {
    $T m = pp_fma_$S(a, -$TWO_LOG2E, $BELOW_HALF) + ($ROUND_EXPONENT - 1.0$f), k = m - ($ROUND_EXPONENT - 1.0$f);
    $T r = pp_fma_$S(k, $HALF_LN2_LO, pp_fma_$S(k, $HALF_LN2_HI, a));
    *s = pp_halves_$S(m, t);
    return pp_fma_$S(r * r, pp_poly_expm1_$S(r), r);
}

/* (1/2 - v) + h over (1/2 + v) + h */
PP_INLINE $T pp_tanh_$S($T x) {
    $T s, t, h = pp_half_expm1_$S(pp_at_most_$S(pp_abs_$S(x), $TANH_HIGH), &s, &t), v = s * t;
    $T n = (0.5$f - v) + h, d = (0.5$f + v) + h, dl = h - (d - (0.5$f + v)), nl = h - (n - (0.5$f - v));
    return pp_sign_$S(pp_quotient_$S(n, nl, d, dl), x);
}

/* the square of sech: 4 u (1 - u) with u = v / (1/2 + v + h) */
PP_INLINE $T pp_sech2_$S($T x) {
    $T s, t, h = pp_half_expm1_$S(pp_at_most_$S(pp_abs_$S(x), $TANH_HIGH), &s, &t), v = s * t;
    $T q = 1.0$f / ((0.5$f + v) + h);
    return q * s * (1.0$f - v * q) * (4.0$f * t);
}
"""

F64 = """\
PP_INLINE double pp_asinh_f64(double x) {
    double a = pp_abs_f64(x), v = pp_pick_f64(a < 0x1p60, a, 1.0), z = v * v, tl;
    double t = pp_fast_sum_f64(v, z / (1.0 + sqrt(1.0 + z)), &tl);
    int huge = !(a < 0x1p60);
    double y = pp_log1p_parts_f64(pp_pick_f64(huge & (a < INFINITY), a, t), tl, pp_pick_f64(huge, 1.0, 0.0));
    return pp_sign_f64(pp_pick_f64(a < INFINITY, y, a), x);
}

PP_INLINE double pp_acosh_f64(double x) {
    double v = pp_pick_f64(x < 0x1p60, x, 2.0), tl, t = pp_fast_sum_f64(v, -1.0, &tl), sl, ul;
    double p = pp_product_f64(t, v + 1.0, &sl), q = sqrt(p), u = pp_fast_sum_f64(q, t, &ul);
    int huge = !(x < 0x1p60);
    double y = pp_log1p_parts_f64(pp_pick_f64(huge & (x < INFINITY), x, u), ul + tl, pp_pick_f64(huge, 1.0, 0.0));
    return pp_pick_f64(x < INFINITY, pp_pick_f64(x >= 1.0, y, NAN), x);
}

PP_INLINE double pp_atanh_f64(double x) {
    double a = pp_abs_f64(x), v = pp_pick_f64(a < 1.0, a, 0.5), tl, big = 2.0 * v;
    double q = pp_pick_f64(v < 0.5, big * v, big) / (1.0 - v);
    double t = pp_fast_sum_f64(pp_pick_f64(v < 0.5, big, 0.0), q, &tl);
    double y = 0.5 * pp_log1p_parts_f64(t, tl, 0.0);
    y = pp_pick_f64(a < 1.0, y, pp_pick_f64(a == 1.0, INFINITY, NAN));
    return pp_sign_f64(y, x);
}
"""

F32 = """\
PP_INLINE float pp_asinh_f32(float x) { return (float)pp_asinh_f64((double)x); }

PP_INLINE float pp_acosh_f32(float x) { return (float)pp_acosh_f64((double)x); }

PP_INLINE float pp_atanh_f32(float x) { return (float)pp_atanh_f64((double)x); }
"""

FAMILY = Family(generic=GENERIC, float64=F64, float32=F32, constants=CONSTANTS)
