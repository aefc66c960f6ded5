"""sin, cos, tan, from polynomials on [-pi/4, pi/4].

Arguments beyond NEAR are reduced in integers. That is a branch, so a loop over `pp_sin_f64` does not vectorise, while
one over `pp_sin_near_f64` does.
"""

from __future__ import annotations

from paramprog.compile.vmath.family import Family
from paramprog.types import Real

CONSTANTS: dict[Real, dict[str, str]] = {
    "float64": {"NEAR": "0x1p40"},
    "float32": {"NEAR": "0x1p20f"},
}

GENERIC = """\
PP_INLINE int pp_sin_is_far_$S($T x) { return pp_abs_$S(x) > $NEAR; }

PP_INLINE int pp_cos_is_far_$S($T x) { return pp_abs_$S(x) > $NEAR; }

PP_INLINE int pp_tan_is_far_$S($T x) { return pp_abs_$S(x) > $NEAR; }

/* sin and cos of r - rl with |r| <= pi/4, as s - sl and c - cl, so that sin(-0) is -0 */
PP_INLINE void pp_sin_cos_$S($T r, $T rl, $T *s, $T *sl, $T *c, $T *cl) {
    $T z = r * r, h = 0.5$f * z;
    *s = r;
    *sl = pp_fma_$S(z * r, pp_poly_sin_$S(z), rl);
    *c = 1.0$f - h;
    *cl = pp_fma_$S(z * z, pp_poly_cos_$S(z), h - (1.0$f - *c));
    *cl = pp_fma_$S(-r, rl, *cl);
}

PP_INLINE $T pp_sin_at_$S($T m, $T r, $T rl) {
    $T s, sl, c, cl;
    $U u = pp_bits_$S(m);
    pp_sin_cos_$S(r, rl, &s, &sl, &c, &cl);
    s = pp_pick_$S((u & 1) != 0, c - cl, s - sl);
    return pp_real_$S(pp_bits_$S(s) ^ (u << ($TOP - 1) & $SIGN));
}

PP_INLINE $T pp_cos_at_$S($T m, $T r, $T rl) {
    $T s, sl, c, cl;
    $U u = pp_bits_$S(m);
    pp_sin_cos_$S(r, rl, &s, &sl, &c, &cl);
    c = pp_pick_$S((u & 1) != 0, s - sl, c - cl);
    return pp_real_$S(pp_bits_$S(c) ^ ((u + 1) << ($TOP - 1) & $SIGN));
}

PP_INLINE $T pp_tan_at_$S($T m, $T r, $T rl) {
    $T s, sl, c, cl;
    $U odd = pp_bits_$S(m);
    pp_sin_cos_$S(r, rl, &s, &sl, &c, &cl);
    s = pp_fast_sum_$S(s, -sl, &sl);
    c = pp_fast_sum_$S(c, -cl, &cl);
    $T n = pp_blend_$S(odd, -c, s), nl = pp_blend_$S(odd, -cl, sl);
    return pp_quotient_$S(n, nl, pp_blend_$S(odd, s, c), pp_blend_$S(odd, sl, cl));
}

PP_INLINE $T pp_sin_near_$S($T x) {
    $T r, rl, m = pp_quadrant_$S(x, &r, &rl);
    return pp_sin_at_$S(m, r, rl);
}

PP_INLINE $T pp_cos_near_$S($T x) {
    $T r, rl, m = pp_quadrant_$S(x, &r, &rl);
    return pp_cos_at_$S(m, r, rl);
}

PP_INLINE $T pp_tan_near_$S($T x) {
    $T r, rl, m = pp_quadrant_$S(x, &r, &rl);
    return pp_pick_$S(x == 0.0$f, x, pp_tan_at_$S(m, r, rl));
}

PP_INLINE $T pp_sin_$S($T x) { return pp_sin_is_far_$S(x) ? pp_sin_far_$S(x) : pp_sin_near_$S(x); }

PP_INLINE $T pp_cos_$S($T x) { return pp_cos_is_far_$S(x) ? pp_cos_far_$S(x) : pp_cos_near_$S(x); }

PP_INLINE $T pp_tan_$S($T x) { return pp_tan_is_far_$S(x) ? pp_tan_far_$S(x) : pp_tan_near_$S(x); }
"""

F64 = """\
PP_SLOW double pp_sin_far_f64(double x) {
    double r, rl, m;
    if (!(pp_abs_f64(x) < INFINITY)) return x - x;
    m = pp_quadrant_far_f64(x, &r, &rl);
    return pp_sin_at_f64(m, r, rl);
}

PP_SLOW double pp_cos_far_f64(double x) {
    double r, rl, m;
    if (!(pp_abs_f64(x) < INFINITY)) return x - x;
    m = pp_quadrant_far_f64(x, &r, &rl);
    return pp_cos_at_f64(m, r, rl);
}

PP_SLOW double pp_tan_far_f64(double x) {
    double r, rl, m;
    if (!(pp_abs_f64(x) < INFINITY)) return x - x;
    m = pp_quadrant_far_f64(x, &r, &rl);
    return pp_tan_at_f64(m, r, rl);
}
"""

F32 = """\
PP_SLOW float pp_sin_far_f32(float x) { return (float)pp_sin_far_f64((double)x); }

PP_SLOW float pp_cos_far_f32(float x) { return (float)pp_cos_far_f64((double)x); }

PP_SLOW float pp_tan_far_f32(float x) { return (float)pp_tan_far_f64((double)x); }
"""

FAMILY = Family(generic=GENERIC, float64=F64, float32=F32, constants=CONSTANTS)
