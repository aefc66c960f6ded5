"""x = k pi/2 + r for sin, cos and tan: k, and r to twice the digits of a float.

Near: k pi/2 in three parts, whose first is taken away exactly and whose second has an exact product, so that r has all
its digits even where x is as close to a multiple of pi/2 as a float can be (Cody and Waite). Far: of the digits of 2/pi
only those that matter for x mod 2 pi are multiplied, in integers (Payne and Hanek, SIGNUM Newsletter 18, 1983). See
Muller, Elementary Functions, 3rd ed. 2016, ch. 11.
"""

from __future__ import annotations

from paramprog.compile.vmath.coefficients import TWO_OVER_PI
from paramprog.compile.vmath.family import Family

_WORDS = ",\n        ".join(
    ", ".join(f"0x{word:08x}" for word in TWO_OVER_PI[k : k + 8]) for k in range(0, len(TWO_OVER_PI), 8)
)

F64 = f"""\
/* x = k pi/2 + r - rl; k + 0x1.8p52 is returned */
PP_INLINE double pp_quadrant_f64(double x, double *r, double *rl) {{
    double m = pp_fma_f64(x, 0x1.45f306dc9c883p-1, 0x1.8p52), k = m - 0x1.8p52, ql;
#if PP_FMA
    /* x - k a is exact, a being the first 53 bits of pi/2; r may not be the float nearest to r - rl */
    double a = fma(-k, 0x1.921fb54442d18p+0, x), b = pp_product_f64(k, 0x1.1a62633145c07p-54, &ql);
    *r = a - b;
    *rl = fma(-k, 0x1.f1976b7ed8fbcp-110, (b - (a - *r)) + ql);
#else
    double pl, e, f, p = pp_product_f64(k, 0x1.921fb54442d18p+0, &pl);
    double q = pp_product_f64(k, 0x1.1a62633145c07p-54, &ql);
    double s = pp_sum_f64(x - p, -pl, &e), t = pp_sum_f64(s, -q, &f);
    *r = pp_fast_sum_f64(t, f + (e - (ql + k * -0x1.f1976b7ed8fbcp-110)), rl);
    *r = pp_pick_f64(x == 0.0, x, *r);
    *rl = 0.0 - *rl; /* of 0 it is 0, never -0 */
#endif
    return m;
}}

/* the same for finite |x| > 2^20: x 2/pi mod 4 to 190 bits */
PP_SLOW double pp_quadrant_far_f64(double x, double *r, double *rl) {{
    /* two words of zeros, then the digits */
    static const uint32_t digits[] = {{
        {_WORDS}}};
    uint64_t u = pp_bits_f64(x), m = (u & UINT64_C(0x000fffffffffffff)) | UINT64_C(0x0010000000000000), carry = 0;
    int first = (int)((u >> 52) & 2047) - 1075 + 62, shift = first % 32, k;
    uint32_t w[6], flip, q;
    double s = 0.0, e = 0.0, el, unit = 0x1p-32;
    for (k = 0; k < 6; k++) {{
        uint64_t pair = (uint64_t)digits[first / 32 + k] << 32 | digits[first / 32 + k + 1];
        w[k] = (uint32_t)(pair << shift >> 32);
    }}
    /* w = w m mod 2^192, lowest word last */
    for (k = 5; k >= 0; k--) {{
        uint64_t low = (uint64_t)w[k] * (uint32_t)m, high = (uint64_t)w[k] * (m >> 32);
        carry += low & UINT32_C(0xffffffff);
        w[k] = (uint32_t)carry;
        carry = (carry >> 32) + (low >> 32) + high;
    }}
    q = w[0] >> 30;
    for (k = 0; k < 6; k++) w[k] = w[k] << 2 | (k < 5 ? w[k + 1] >> 30 : 0);
    /* a fraction above 1/2 counts from the next multiple */
    flip = (uint32_t)0 - (w[0] >> 31);
    q -= flip;
    for (k = 0; k < 6; k++) {{
        s = pp_fast_sum_f64(s, (double)(w[k] ^ flip) * unit, &el);
        e += el;
        unit *= 0x1p-32;
    }}
    *r = pp_product_f64(s, 0x1.921fb54442d18p+0, &el);
    *rl = -(el + (s * 0x1.1a62633145c07p-54 + e * 0x1.921fb54442d18p+0));
    if ((flip != 0) != (x < 0.0)) {{
        *r = -*r;
        *rl = -*rl;
    }}
    return 0x1.8p52 + (x < 0.0 ? -(double)q : (double)q);
}}
"""

F32 = """\
/* x = k pi/2 + r - rl, reduced in double where products are rounded; k + 0x1.8p23f is returned */
PP_INLINE float pp_quadrant_f32(float x, float *r, float *rl) {
#if PP_FMA
    float m = fmaf(x, 0x1.45f306p-1f, 0x1.8p23f), k = m - 0x1.8p23f, ql;
    float a = fmaf(-k, 0x1.921fb6p+0f, x), b = pp_product_f32(k, -0x1.777a5cp-25f, &ql);
    *r = a - b;
    *rl = fmaf(k, -0x1.ee59dap-50f, (b - (a - *r)) + ql);
    return m;
#else
    double v = (double)x, m = v * 0x1.45f306dc9c883p-1 + 0x1.8p52, k = m - 0x1.8p52;
    double s = (v - k * 0x1.921fb544p+0) - k * 0x1.0b4611a626331p-34;
    *r = (float)s;
    *rl = (float)((double)*r - s);
    return (float)k + 0x1.8p23f;
#endif
}
"""

FAMILY = Family(float64=F64, float32=F32)
