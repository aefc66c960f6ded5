"""Tiles of matrix products in C, whose sums stay in registers: strips of them below each other, for gemm.py.

A tile is at most eight rows and three vectors wide: for each number that is summed over, its vectors of b are loaded
once and multiplied by one entry of a in each row. The last vector of a row overlaps the one before it where columns are
left over, or is a narrower one.
"""

from __future__ import annotations

from typing import Final

INLINE: Final = "static inline __attribute__((unused, always_inline)) "
ON_STRIP: Final = """int64_t m, int64_t k, const @T *a, int64_t ra, int64_t ka,
        const @T *b, int64_t rb, int64_t last, @T *c, int64_t rc, int more"""
_TILE: Final = ON_STRIP.removeprefix("int64_t m, ")

MACHINE: Final = """#if defined(__AVX512F__)
#define PP_VECTOR 64 /* bytes of a vector */
#define PP_ROWS 8 /* of a tile */
#elif defined(__AVX__)
#define PP_VECTOR 32
#define PP_ROWS 4
#define PP_HELD(x) __asm__("" : "+x"(x)) /* or gcc loads it again for each row */
#else
#define PP_VECTOR 16
#if defined(__aarch64__)
#define PP_ROWS 8
#else
#define PP_ROWS 4
#endif
#endif
#if !defined(PP_HELD)
#define PP_HELD(x) (void)(x)
#endif
#define PP_FIRST_f32 0, 4, 1, 5
#define PP_FIRST_f64 0, 2
#define PP_SECOND_f32 2, 6, 3, 7
#define PP_SECOND_f64 1, 3
#define PP_PLACE_f32 int32_t
#define PP_PLACE_f64 int64_t
#if defined(__clang__)
#define PP_FUSED _Pragma("clang fp contract(fast)")
#define PP_UNROLLED _Pragma("unroll")
#define PP_LOW(x, y) __builtin_shufflevector(x, y, PP_FIRST@S)
#define PP_HIGH(x, y) __builtin_shufflevector(x, y, PP_SECOND@S)
#else
#define PP_FUSED
#define PP_UNROLLED _Pragma("GCC unroll 8")
#define PP_LOW(x, y) __builtin_shuffle(x, y, (pp_mask){PP_FIRST@S})
#define PP_HIGH(x, y) __builtin_shuffle(x, y, (pp_mask){PP_SECOND@S})
typedef PP_PLACE@S pp_mask __attribute__((vector_size(16)));
#pragma GCC push_options
#pragma GCC optimize("O2", "fp-contract=fast")
#endif
"""

VECTOR: Final = """typedef @T pp_v@W __attribute__((vector_size(@W), aligned(sizeof(@T)), may_alias));
"""

STRIP: Final = f"""/* tiles below each other, of @V - 1 vectors of @W bytes and one of @X bytes from column `last` on */
{INLINE}void pp_tile@N(const int rows, {_TILE}) {{
    PP_FUSED
    enum {{ lanes = @W / sizeof(@T), whole = @V - 1 }};
    pp_v@W sum[PP_ROWS][@V], y[@V];
    pp_v@X end[PP_ROWS], z;
    PP_UNROLLED
    for (int r = 0; r < rows; r++) {{
        PP_UNROLLED
        for (int v = 0; v < whole; v++) {{
            sum[r][v] = (pp_v@W){{0}};
            __builtin_prefetch(c + r * rc + v * lanes, 1);
        }}
        end[r] = (pp_v@X){{0}};
        __builtin_prefetch(c + r * rc + last, 1);
    }}
    for (int64_t s = 0; s < k; s++) {{
        PP_UNROLLED
        for (int v = 0; v < whole; v++) {{
            y[v] = *(const pp_v@W *)(b + s * rb + v * lanes);
            PP_HELD(y[v]);
        }}
        z = *(const pp_v@X *)(b + s * rb + last);
        PP_HELD(z);
        PP_UNROLLED
        for (int r = 0; r < rows; r++) {{
            const @T x = a[r * ra + s * ka];
            PP_UNROLLED
            for (int v = 0; v < whole; v++) sum[r][v] += x * y[v];
            end[r] += x * z;
        }}
    }}
    PP_UNROLLED
    for (int r = 0; r < rows; r++) {{
        @T *to = c + r * rc;
        if (more) {{ /* all of the row is read before any is written: vectors may overlap */
            PP_UNROLLED
            for (int v = 0; v < whole; v++) sum[r][v] += *(pp_v@W *)(to + v * lanes);
            end[r] += *(pp_v@X *)(to + last);
        }}
        PP_UNROLLED
        for (int v = 0; v < whole; v++) *(pp_v@W *)(to + v * lanes) = sum[r][v];
        *(pp_v@X *)(to + last) = end[r];
    }}
}}
static PP_APART void pp_strip@N({ON_STRIP}) {{
    for (; m >= PP_ROWS; m -= PP_ROWS, a += PP_ROWS * ra, c += PP_ROWS * rc)
        pp_tile@N(PP_ROWS, k, a, ra, ka, b, rb, last, c, rc, more);
#if PP_ROWS > 4
    if (m & 4) {{
        pp_tile@N(4, k, a, ra, ka, b, rb, last, c, rc, more);
        a += 4 * ra, c += 4 * rc;
    }}
#endif
    if (m & 2) {{
        pp_tile@N(2, k, a, ra, ka, b, rb, last, c, rc, more);
        a += 2 * ra, c += 2 * rc;
    }}
    if (m & 1) pp_tile@N(1, k, a, ra, ka, b, rb, last, c, rc, more);
}}
"""

TURNED: Final = """/* y = x^T, of m rows of k entries, in squares that a line of the cache holds */
static PP_APART void pp_turned(int64_t m, int64_t k, const @T *x, int64_t rx, @T *y, int64_t ry) {
    enum { lanes = 16 / sizeof(@T), NEAR = 64 };
    const int64_t rows = m - m % lanes, columns = k - k % lanes;
    for (int64_t near = 0; near < columns; near += NEAR)
        for (int64_t i = 0; i < rows; i += lanes)
            for (int64_t j = near; j < columns && j < near + NEAR; j += lanes) {
                pp_v16 from[lanes], to[lanes];
                PP_UNROLLED
                for (int r = 0; r < lanes; r++) from[r] = *(const pp_v16 *)(x + (i + r) * rx + j);
                PP_UNROLLED
                for (int round = 1; round < lanes; round *= 2) {
                    PP_UNROLLED
                    for (int r = 0; r < lanes / 2; r++) {
                        to[2 * r] = PP_LOW(from[r], from[r + lanes / 2]);
                        to[2 * r + 1] = PP_HIGH(from[r], from[r + lanes / 2]);
                    }
                    PP_UNROLLED
                    for (int r = 0; r < lanes; r++) from[r] = to[r];
                }
                PP_UNROLLED
                for (int r = 0; r < lanes; r++) *(pp_v16 *)(y + (j + r) * ry + i) = from[r];
            }
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = i < rows ? columns : 0; j < k; j++) y[j * ry + i] = x[i * rx + j];
}
"""


def strips() -> str:
    """For each width those of one to three equal vectors; of AVX-512 also of a whole and a narrower one."""
    found = []
    for w in (64, 32, 16):
        shapes = [(w, v) for v in (1, 2, 3)] + [(x, 2) for x in (32, 16) if w == 64]
        texts = [
            STRIP.replace("@N", f"{w}_{x}_{v}")
            .replace("@W", str(w))
            .replace("@X", str(x))
            .replace("@V", str(v))
            for x, v in shapes
        ]
        found.append(f"#if PP_VECTOR >= {w}\n{''.join(texts)}#endif\n")
    return "".join(found)
