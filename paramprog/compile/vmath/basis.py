"""The ground under the vector functions: bits, blends, exact sums and products.

`$S` is f64 or f32, `$T` double or float, `$U` the unsigned integer as wide; a constant that differs between the formats
is in CONSTANTS. Selections are made on bits, lest gcc turn them into branches, which would not vectorise. clang has no
such habit, but version 22 makes a wrong vpternlog of two of them, one in the other, so it gets conditional expressions.

With fused multiply-add in hardware, a product whose rounding error is taken too is written as one: compilers may
contract a * b + c, and the error would then be counted twice. Without it, Dekker's product (Numerische Mathematik 18,
1971).
"""

from __future__ import annotations

from paramprog.compile.vmath.family import Family
from paramprog.types import Real

HEAD = """\
#include <math.h>
#include <stdint.h>
#include <string.h>
#ifndef PP_INLINE
#if defined(__GNUC__)
#define PP_INLINE static inline __attribute__((always_inline, unused))
#define PP_SLOW static __attribute__((noinline, unused))
#else
#define PP_INLINE static inline
#define PP_SLOW static
#endif
#if defined(__FMA__) || defined(__FP_FAST_FMA) || defined(__aarch64__)
#define PP_FMA 1
#else
#define PP_FMA 0
#endif
#if defined(__clang__)
#define PP_SELECT 1
#else
#define PP_SELECT 0
#endif
#endif
"""

CONSTANTS: dict[Real, dict[str, str]] = {
    "float64": {
        "S": "f64",
        "T": "double",
        "U": "uint64_t",
        "f": "",
        "FN": "",
        "SIGN": "UINT64_C(0x8000000000000000)",
        "ONE": "UINT64_C(0x3ff0000000000000)",
        "MANTISSA": "52",
        "TOP": "63",
        "BIAS": "1023u",
        "ROUND": "0x1.8p52",
        "ROUND_EXPONENT": "0x1.80000000007fep52",
        "SPLIT": "134217729.0",
        "TINY": "0x1p-1022",
    },
    "float32": {
        "S": "f32",
        "T": "float",
        "U": "uint32_t",
        "f": "f",
        "FN": "f",
        "SIGN": "UINT32_C(0x80000000)",
        "ONE": "UINT32_C(0x3f800000)",
        "MANTISSA": "23",
        "TOP": "31",
        "BIAS": "127u",
        "ROUND": "0x1.8p23f",
        "ROUND_EXPONENT": "0x1.8001fcp23f",
        "SPLIT": "4097.0f",
        "TINY": "0x1p-126f",
    },
}

GENERIC = """\
PP_INLINE $U pp_bits_$S($T x) { $U u; memcpy(&u, &x, sizeof u); return u; }

PP_INLINE $T pp_real_$S($U u) { $T x; memcpy(&x, &u, sizeof x); return x; }

/* a where the lowest bit of u is 1, else b */
PP_INLINE $T pp_blend_$S($U u, $T a, $T b) {
    $U m = ($U)0 - (u & 1);
    if (PP_SELECT) return m ? a : b;
    return pp_real_$S((pp_bits_$S(a) & m) | (pp_bits_$S(b) & ~m));
}

/* a where c holds, else b */
PP_INLINE $T pp_pick_$S(int c, $T a, $T b) {
    $U m = ($U)0 - ($U)(c != 0);
    if (PP_SELECT) return m ? a : b;
    return pp_real_$S((pp_bits_$S(a) & m) | (pp_bits_$S(b) & ~m));
}

/* the least and the largest of two, in the forms that are one instruction; NaN stays if it is x */
PP_INLINE $T pp_at_most_$S($T x, $T high) { return high < x ? high : x; }

PP_INLINE $T pp_at_least_$S($T x, $T low) { return low > x ? low : x; }

/* one that compilers know: what depends on |x| only is computed once for x and for -x */
PP_INLINE $T pp_abs_$S($T x) { return fabs$FN(x); }

/* |y| with the sign of x */
PP_INLINE $T pp_sign_$S($T y, $T x) {
    return pp_real_$S((pp_bits_$S(y) & ~$SIGN) | (pp_bits_$S(x) & $SIGN));
}

/* a b + c, rounded once if that is cheap */
PP_INLINE $T pp_fma_$S($T a, $T b, $T c) { return PP_FMA ? fma$FN(a, b, c) : a * b + c; }

/* a b, rounded, and the rounding error */
PP_INLINE $T pp_product_$S($T a, $T b, $T *error) {
    if (PP_FMA) {
        $T p = fma$FN(a, b, 0.0$f);
        *error = fma$FN(a, b, -p);
        return p;
    } else {
        $T p = a * b, s = $SPLIT * a, t = $SPLIT * b;
        $T ah = s - (s - a), bh = t - (t - b), al = a - ah, bl = b - bh;
        *error = ((ah * bh - p) + ah * bl + al * bh) + al * bl;
        return p;
    }
}

/* a + b, rounded, and the rounding error */
PP_INLINE $T pp_sum_$S($T a, $T b, $T *error) {
    $T s = a + b, v = s - a;
    *error = (a - (s - v)) + (b - v);
    return s;
}

/* the same for |a| >= |b| or a = 0 */
PP_INLINE $T pp_fast_sum_$S($T a, $T b, $T *error) {
    $T s = a + b;
    *error = b - (s - a);
    return s;
}

/* (n + nl) / (d + dl), the tails being small, d normal and not huge */
PP_INLINE $T pp_quotient_$S($T n, $T nl, $T d, $T dl) {
    $T q = 1.0$f / d, y = n * q;
    if (PP_FMA) {
        y = fma$FN(n, q, 0.0$f);
        return fma$FN(fma$FN(-y, d, n) + (nl - y * dl), q, y);
    }
    return n / d + (nl - y * dl) * q;
}

/* 2^k for k that a multiple of 1 plus $ROUND holds: m = $ROUND + k */
PP_INLINE $T pp_power_of_two_$S($T m) { return pp_real_$S((pp_bits_$S(m) + $BIAS) << $MANTISSA); }

/* 2^k as a product of two, for k that a multiple of 1 plus $ROUND_EXPONENT holds, whatever its range */
PP_INLINE $T pp_halves_$S($T m, $T *other) {
    $U u = pp_bits_$S(m), h = u >> 1;
    *other = pp_real_$S((u - h) << $MANTISSA);
    return pp_real_$S(h << $MANTISSA);
}

/* y 2^k in two steps: whatever the range of k, the result is rounded once */
PP_INLINE $T pp_scale_$S($T y, $T m) {
    $T k = m - $ROUND, h = pp_fma_$S(k, 0.5$f, $ROUND);
    return y * pp_power_of_two_$S(h) * pp_power_of_two_$S(m - (h - $ROUND));
}
"""

FAMILY = Family(generic=GENERIC, constants=CONSTANTS)
