"""asin, acos, atan, atan2.

Arc tangents take one division: t = (n - d) / (n + d) is 0 at 45 degrees, and the angle is a multiple of 45 degrees
more.
asin and acos beyond 1/2 are those of sqrt((1 - |x|) / 2), of which 1 - |x| is exact. (Muller, Elementary Functions,
3rd ed. 2016, ch. 11.)
"""

from __future__ import annotations

from paramprog.compile.vmath.family import Family

F64 = """\
/* angle of the first octant turned and mirrored: (turns of 45 degrees) pi/4 + side * atan(t + tl) */
PP_INLINE double pp_turned_f64(double turns, double side, double t, double tl) {
    double z = t * t, b = turns * 0x1.921fb54442dp-1;
    double a = pp_fma_f64(z * t, pp_poly_atan_f64(z), tl * (1.0 - z * (1.0 - z)));
    double s = pp_fast_sum_f64(b, side * t, &z);
    return s + (z + pp_fma_f64(side, a, turns * 0x1.8469898cc5170p-49));
}

PP_INLINE double pp_atan_f64(double x) {
    double a = pp_abs_f64(x), v = pp_pick_f64(a > 0x1p60, 0x1p60, a);
    int middle = (v > 0.41421356237309503) & (v < 2.414213562373095);
    int high = v >= 2.414213562373095, some = middle | high;
    double nl, dl, n = pp_sum_f64(pp_pick_f64(high, 0.0, v), pp_pick_f64(some, -1.0, 0.0), &nl);
    double d = pp_sum_f64(pp_pick_f64(some, v, 0.0), pp_pick_f64(high, 0.0, 1.0), &dl);
    double q = 1.0 / d, t = pp_fma_f64(n, q, 0.0);
    double tl = PP_FMA ? pp_fma_f64(-t, d, n) + (nl - t * dl) : nl - t * dl;
    v = pp_turned_f64(pp_pick_f64(high, 2.0, pp_pick_f64(middle, 1.0, 0.0)), 1.0, t, tl * q);
    return pp_sign_f64(v, x);
}

PP_INLINE double pp_atan2_f64(double y, double x) {
    double a = pp_abs_f64(y), b = pp_abs_f64(x);
    int steep = a > b, both = (a == INFINITY) & (b == INFINITY), zero = (a == 0.0) & (b == 0.0);
    uint64_t left = pp_bits_f64(x) >> 63;
    double low = pp_pick_f64(steep, b, a), high = pp_pick_f64(steep, a, b);
    double k = pp_pick_f64(high < 0x1p-900, 0x1p110, pp_pick_f64(high > 0x1p1000, 0x1p-100, 1.0));
    low = pp_pick_f64(both, 1.0, low * k);
    high = pp_pick_f64(both | zero, 1.0, pp_pick_f64(high == INFINITY, high, high * k));
    int middle = low > 0.41421356237309503 * high;
    double nl, dl, n = pp_sum_f64(low, pp_pick_f64(middle, -high, 0.0), &nl);
    double d = pp_sum_f64(high, pp_pick_f64(middle, low, 0.0), &dl), q = 1.0 / d, t = n / d, tl;
    int flat = (d == INFINITY) | !(pp_abs_f64(t) > 0x1p-900);
    tl = (PP_FMA ? pp_fma_f64(-t, d, n) + (nl - t * dl) : nl - t * dl) * q;
    tl = pp_pick_f64(flat, 0.0, tl);
    double turns = pp_pick_f64(middle, 1.0, 0.0), side = pp_pick_f64(steep, -1.0, 1.0);
    turns = pp_pick_f64(steep, 2.0 - turns, turns);
    turns = pp_blend_f64(left, 4.0 - turns, turns);
    y = pp_sign_f64(pp_turned_f64(turns, pp_blend_f64(left, -side, side), t, tl), y);
    return pp_pick_f64((a != a) | (b != b), a + b, y);
}

/* asin of |x| <= 1/2 as x + the result, or of sqrt(z) */
PP_INLINE double pp_asin_rest_f64(double x, double z) { return x * (z * pp_poly_asin_f64(z)); }

PP_INLINE double pp_asin_f64(double x) {
    double a = pp_abs_f64(x);
    int high = a > 0.5;
    double z = pp_pick_f64(high, 0.5 * (1.0 - a), a * a), s = pp_pick_f64(high, sqrt(z), a);
    double w = pp_asin_rest_f64(s, z), e, y = pp_fast_sum_f64(0x1.921fb54442d18p+0, -2.0 * s, &e);
    y = y + (e + (0x1.1a62633145c07p-54 - 2.0 * w));
    return pp_sign_f64(pp_pick_f64(high, y, s + w), x);
}

PP_INLINE double pp_acos_f64(double x) {
    double a = pp_abs_f64(x);
    int high = a > 0.5, left = x < 0.0;
    double z = pp_pick_f64(high, 0.5 * (1.0 - a), a * a), s = pp_pick_f64(high, sqrt(z), -x), e;
    double k = pp_pick_f64(high, pp_pick_f64(left, -2.0, 2.0), 1.0), w = k * pp_asin_rest_f64(s, z);
    double turns = pp_pick_f64(high, pp_pick_f64(left, 2.0, 0.0), 1.0);
    double y = pp_fast_sum_f64(turns * 0x1.921fb54442d18p+0, k * s, &e);
    return y + (e + (w + turns * 0x1.1a62633145c07p-54));
}
"""

F32 = """\
PP_INLINE float pp_atan_f32(float x) { return (float)pp_atan_f64((double)x); }

PP_INLINE float pp_atan2_f32(float y, float x) { return (float)pp_atan2_f64((double)y, (double)x); }

PP_INLINE float pp_asin_f32(float x) { return (float)pp_asin_f64((double)x); }

PP_INLINE float pp_acos_f32(float x) { return (float)pp_acos_f64((double)x); }
"""

FAMILY = Family(float64=F64, float32=F32)
