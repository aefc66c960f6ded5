"""C functions that generated code calls: helpers of this file and routines.py, and vector math (vmath).

Texts are written once for all kinds of entries: `@T` is the type, `@S` the end of the name, and `pp_name@S` another
function for the same entries. Only what a program calls is printed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from paramprog.compile.routines import ROUTINES, WHOLE_PRODUCTS
from paramprog.compile.vmath import BINARY, NAMES
from paramprog.compile.vmath import source as vector_math
from paramprog.types import Real

TYPES = {"f64": "double", "f32": "float", "i64": "int64_t", "u8": "uint8_t"}
LIBM = {"f64": "", "f32": "f"}
"""How the functions of math.h end."""

CALLED = re.compile(r"\bpp_(\w+?)_(f64|f32|i64|u8)\b")

_FORM = re.compile(r"_(near|is_far|far)$")
"""Forms that vector math has of functions whose far arguments are not vectorised."""

_INLINE = "static inline __attribute__((unused, always_inline)) "


def _unary(name: str, body: str) -> tuple[str, str]:
    return name, f"{_INLINE}@T pp_{name}@S(@T x) {{ return {body}; }}"


# int(floor(x)) is vectorised, if gcc does not see that it is one: it would make an `lfloor` of it, which is not
REALS: dict[str, str] = dict(
    [
        _unary("fabs", "fabs@L(x)"),
        _unary("floor", "trunc@L(x) - (x < trunc@L(x) ? 1 : 0)"),
        _unary("ceil", "ceil@L(x)"),
        _unary("rint", "rint@L(x)"),
    ]
)
REALS |= {
    "whole": f"{_INLINE}int64_t pp_whole@S(@T x) {{ return fabs@L(x) < 0x1p63@F ? (int64_t)x : 0; }}",
    "mac": f"""#ifdef __FMA__
{_INLINE}@T pp_mac@S(@T a, @T b, @T c) {{ return fma@L(a, b, c); }}
#else
{_INLINE}@T pp_mac@S(@T a, @T b, @T c) {{ return a * b + c; }}
#endif""",
    # the end is hidden: of the masks that gcc 12 makes of a known one, it does not vectorise all
    "end": f"""#if defined(__AVX512F__) && defined(__GNUC__) && !defined(__clang__)
#define PP_TURNS(n) (((n) + 64 / (int)sizeof(@T) - 1) / (64 / (int)sizeof(@T)) * (64 / (int)sizeof(@T)))
{_INLINE}int64_t pp_end@S(int64_t n) {{ __asm__("" : "+r"(n)); return n; }}
#else
#define PP_TURNS(n) (n)
{_INLINE}int64_t pp_end@S(int64_t n) {{ return n; }}
#endif""",
    # halves are added, so that no vector is taken apart entry by entry; without vectors in the same order
    "total": f"""#if defined(__GNUC__)
typedef @T pp_to32 __attribute__((vector_size(32), aligned(sizeof(@T)), may_alias));
typedef @T pp_to16 __attribute__((vector_size(16), aligned(sizeof(@T)), may_alias));
{_INLINE}@T pp_total@S(int n, const @T *x) {{
    const int bytes = n * (int)sizeof(@T);
    pp_to32 h;
    pp_to16 q;
    if (bytes == 64) {{
        h = *(const pp_to32 *)x + *(const pp_to32 *)(x + n / 2);
        q = *(const pp_to16 *)&h + *((const pp_to16 *)&h + 1);
    }} else if (bytes == 32)
        q = *(const pp_to16 *)x + *(const pp_to16 *)(x + n / 2);
    else if (bytes == 16)
        q = *(const pp_to16 *)x;
    else
        return n == 2 ? x[0] + x[1] : x[0];
    return sizeof(@T) == 8 ? q[0] + q[1] : (q[0] + q[2 % (16 / sizeof(@T))]) + (q[1] + q[3 % (16 / sizeof(@T))]);
}}
#else
{_INLINE}@T pp_total@S(int n, const @T *x) {{
    return n == 1 ? x[0] : n == 2 ? x[0] + x[1] : n == 4 ? (x[0] + x[2]) + (x[1] + x[3]) : n == 8
        ? ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]))
        : (((x[0] + x[8]) + (x[4] + x[12])) + ((x[2] + x[10]) + (x[6] + x[14])))
            + (((x[1] + x[9]) + (x[5] + x[13])) + ((x[3] + x[11]) + (x[7] + x[15])));
}}
#endif""",
    "mod": f"""{_INLINE}@T pp_mod@S(@T a, @T b) {{
    @T r = fmod@L(a, b);
    if (r != 0) return (b < 0) != (r < 0) ? r + b : r;
    return b == 0 || r != r ? r : copysign@L(0, b);
}}""",
    "floordiv": f"""{_INLINE}@T pp_floordiv@S(@T a, @T b) {{
    if (b == 0) return a / b;
    @T r = fmod@L(a, b), q = (a - r) / b;
    if (r != 0 && (b < 0) != (r < 0)) q -= 1;
    if (q == 0) return copysign@L(0, a / b);
    @T whole = floor@L(q);
    return q - whole > (@T)0.5 ? whole + 1 : whole;
}}""",
    "clip": f"""{_INLINE}@T pp_clip@S(@T x, @T lo, @T hi) {{
    @T y = x >= lo || x != x ? x : lo;
    return y <= hi || y != y ? y : hi;
}}""",
    "exponent": f"""{_INLINE}int64_t pp_exponent@S(@T x) {{
    int power = 0;
    if (fabs@L(x) < INFINITY) (void)frexp@L(x, &power);
    return power;
}}""",
    "ldexp": f"{_INLINE}@T pp_ldexp@S(@T x, int64_t power) {{ return ldexp@L(x, (int)power); }}",
    "power_term": f"""{_INLINE}@T pp_power_term@S(@T factor, @T x, @T y, int dx, int m) {{
    if ((factor == 0 || (x == 0 && y >= dx && m > 0)) && (x >= 0 || m == 0)) return 0;
    @T term = factor * pp_pow@S(x, y - dx), logarithm = pp_log@S(x);
    for (int k = 0; k < m; k++) term *= logarithm;
    return term;
}}""",
}
INTS: dict[str, str] = {
    "add": f"{_INLINE}int64_t pp_add_i64(int64_t a, int64_t b) {{ return (int64_t)((uint64_t)a + (uint64_t)b); }}",
    "sub": f"{_INLINE}int64_t pp_sub_i64(int64_t a, int64_t b) {{ return (int64_t)((uint64_t)a - (uint64_t)b); }}",
    "mul": f"{_INLINE}int64_t pp_mul_i64(int64_t a, int64_t b) {{ return (int64_t)((uint64_t)a * (uint64_t)b); }}",
    "neg": f"{_INLINE}int64_t pp_neg_i64(int64_t a) {{ return (int64_t)(0 - (uint64_t)a); }}",
    "abs": f"{_INLINE}int64_t pp_abs_i64(int64_t a) {{ return a < 0 ? (int64_t)(0 - (uint64_t)a) : a; }}",
    "mod": f"""{_INLINE}int64_t pp_mod_i64(int64_t a, int64_t b) {{
    return b == 0 ? 0 : pp_sub_i64(a, pp_mul_i64(pp_floordiv_i64(a, b), b));
}}""",
    "remainder": f"""/* pp_mod of an `a` that a double is exactly */
{_INLINE}int64_t pp_remainder_i64(int64_t a, int64_t b) {{
#if defined(__FMA__) && defined(__AVX512DQ__)
    if (b > 0 && b < 1048576) {{
        /* the first quotient is off by some 2^10, and what is left exact; half more, and no second one is off */
        const double inverse = 1.0 / (double)b, q = trunc((double)a * inverse);
        const double r = fma(-q, (double)b, (double)a) + (4096.0 * (double)b + 0.5);
        return (int64_t)fma(-trunc(r * inverse), (double)b, r);
    }}
#endif
    return pp_mod_i64(a, b);
}}""",
    "floordiv": f"""{_INLINE}int64_t pp_floordiv_i64(int64_t a, int64_t b) {{
    if (b == 0) return 0;
    if (b == 1 || b == -1) return b == 1 ? a : (int64_t)(0 - (uint64_t)a);
#if defined(__AVX512DQ__)
    /* by doubles, which are vectorised: the first quotient is off by some 2^12 at most, the second one by 2 */
    const double inverse = 1.0 / (double)b;
    const int64_t one = 1, none = 0, q = (int64_t)((double)a * inverse), r = pp_sub_i64(a, pp_mul_i64(q, b));
    const int64_t p = (int64_t)((double)r * inverse), s = pp_sub_i64(r, pp_mul_i64(p, b));
    if (b > 0) return q + p + (s >= b ? one : none) - (s < 0 ? one : none) - (s < -b ? one : none);
    return q + p + (s <= b ? one : none) - (s > 0 ? one : none) - (s > 0 && s + b > 0 ? one : none);
#else
    int64_t q = a / b;
    return a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
#endif
}}""",
    "clip": f"""{_INLINE}int64_t pp_clip_i64(int64_t x, int64_t lo, int64_t hi) {{
    int64_t y = x >= lo ? x : lo;
    return y <= hi ? y : hi;
}}""",
    "pow": f"""{_INLINE}int64_t pp_pow_i64(int64_t a, int64_t b) {{
    uint64_t y = 1, x = (uint64_t)a;
    for (; b > 0; b >>= 1, x *= x)
        if (b & 1) y *= x;
    return (int64_t)y;
}}""",
}


APART = "apart_"
"""Names of vector math called out of line begin with it: long scalar code takes compilers too long otherwise."""


def _apart(name: str) -> str:
    if name == "polygamma":
        return "static PP_APART @T pp_apart_polygamma@S(int k, @T x) { return pp_polygamma@S(k, x); }"
    types, names = ("@T x, @T y", "x, y") if name in BINARY else ("@T x", "x")
    return f"static PP_APART @T pp_apart_{name}@S({types}) {{ return pp_{name}@S({names}); }}"


@cache
def text_of(name: str, suffix: str) -> str:
    """The text of pp_NAME_SUFFIX. Raises KeyError where there is none."""
    if name.startswith(APART):
        return _apart(name.removeprefix(APART)).replace("@T", TYPES[suffix]).replace("@S", f"_{suffix}")
    if suffix == "i64" and name in INTS:
        return INTS[name]
    table = (
        REALS if name in REALS else WHOLE_PRODUCTS if suffix == "i64" and name in WHOLE_PRODUCTS else ROUTINES
    )
    found = table[name].replace("@T", TYPES[suffix]).replace("@S", f"_{suffix}")
    if suffix in LIBM:
        found = found.replace("@L", LIBM[suffix]).replace("@F", LIBM[suffix])
    return found.replace("@L", "").replace("@F", "")


def functions(called: Iterable[tuple[str, str]], real: Real) -> str:
    """The text that defines all of these (name, suffix), what they call before them; vector math comes first."""
    done: dict[tuple[str, str], str] = {}
    vector: dict[str, None] = {}
    stack = list(dict.fromkeys(called))[::-1]
    while stack:
        key = name, suffix = stack.pop()
        if key in done:
            continue
        plain = _FORM.sub("", name)
        if plain in NAMES and suffix in LIBM:
            vector[plain] = None
            continue
        text = text_of(name, suffix)
        more = [k for k in dict.fromkeys(CALLED.findall(text)) if k != key and k not in done]
        more = [k for k in more if k[0] not in NAMES or k[1] not in LIBM or k[0] not in vector]
        if more:
            stack += [key, *more[::-1]]
        else:
            done[key] = text
    return "\n\n".join(filter(None, [vector_math(list(vector), real) if vector else "", *done.values()]))
