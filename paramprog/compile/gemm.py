"""Products of matrices in C: `pp_gemm`, in strips of tiles whose sums stay in registers (gemm_tiles.py).

Nothing is packed but blocks of a transposed b, and of any b where vectors are short: what has to stay near are DEPTH
rows of b for one strip (docs/decisions/021-matrix-products.md).

Each entry is a chain of fused additions over each DEPTH numbers, and these are added in order. It does not depend on
tiles, vectors, chunks or threads; nothing is skipped, so NaN and infinities are those of the sum.
"""

from __future__ import annotations

from typing import Final

from paramprog.compile.gemm_tiles import INLINE, MACHINE, ON_STRIP, TURNED, VECTOR, strips
from paramprog.compile.limits import ONE_BY_ONE

DEPTH: Final = 256
"""Numbers that are summed over in one pass: those rows of b take 48 kB in a strip."""

SHARED: Final = 1 << 22
"""Multiplications and additions of a product from which on threads share its rows: about 0.1 ms."""

_MATRICES: Final = "int64_t m, int64_t n, int64_t k, const @T *a, const @T *b, @T *c"

PLAIN: Final = f"""#define PP_DEPTH {DEPTH} /* numbers summed over in one pass */
/* c = a b, of m x k and k x n, stored transposed where ta, tb; the sums are those of the tiles */
static __attribute__((unused)) void pp_gemm_by_entry(int ta, int tb, {_MATRICES}) {{
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {{
            c[i * n + j] = 0;
            for (int64_t p = 0; p < k; p += PP_DEPTH) {{
                @T sum = 0;
                for (int64_t s = p; s < k && s < p + PP_DEPTH; s++)
                    sum = pp_mac@S(a[ta ? s * m + i : i * k + s], b[tb ? j * k + s : s * n + j], sum);
                c[i * n + j] = p ? c[i * n + j] + sum : sum;
            }}
        }}
}}
"""

DRIVER: Final = f"""#if !defined(__clang__)
#pragma GCC pop_options
#endif
typedef struct {{
    void (*strip[3])({ON_STRIP}); /* of one, two and three vectors */
    int64_t lanes, tail; /* entries of a vector, and of the last one of a row */
}} pp_way;
/* rows of b are beside each other, or with tb its columns */
static PP_APART void pp_product(const pp_way *way, int64_t m, int64_t n, int64_t k, const @T *a, int64_t ra, int64_t ka,
        int tb, const @T *b, int64_t rb, @T *c, int64_t rc) {{
    @T block[PP_DEPTH * 3 * PP_VECTOR / sizeof(@T)] PP_ALIGNED;
    const int pack = PP_VECTOR < 64 && m >= 32 && n > 3 * way->lanes; /* in narrow strips rows of b lie apart */
    if (!k)
        for (int64_t i = 0; i < m; i++) memset(c + i * rc, 0, sizeof(@T) * (size_t)n);
    for (int64_t p = 0; p < k; p += PP_DEPTH) {{
        const int64_t depth = k - p < PP_DEPTH ? k - p : PP_DEPTH;
        int64_t left = (n + way->lanes - 1) / way->lanes;
        for (int64_t j = 0; left;) {{
            const int64_t vectors = left == 4 ? 2 : left < 3 ? left : 3; /* one alone has none to overlap */
            const int64_t width = n - j < vectors * way->lanes ? n - j : vectors * way->lanes;
            if (tb)
                pp_turned(width, depth, b + j * rb + p, rb, block, width);
            else if (pack)
                for (int64_t s = 0; s < depth; s++)
                    memcpy(block + s * width, b + (p + s) * rb + j, sizeof(@T) * (size_t)width);
            way->strip[vectors - 1](m, depth, a + p * ka, ra, ka, tb || pack ? block : b + p * rb + j,
                tb || pack ? width : rb, width - way->tail, c + j, rc, p > 0);
            left -= vectors;
            j += width;
        }}
    }}
}}
/* chosen by the number of columns, of at least 16 bytes; where that is known, the others are not compiled */
{INLINE}pp_way pp_way_of(int64_t n) {{
    const int64_t size = n * (int64_t)sizeof(@T);
#if PP_VECTOR >= 64
    if (size > 64 && size <= 80) return (pp_way){{{{0, pp_strip64_16_2, 0}}, 64 / sizeof(@T), 16 / sizeof(@T)}};
    if (size > 64 && size <= 96) return (pp_way){{{{0, pp_strip64_32_2, 0}}, 64 / sizeof(@T), 32 / sizeof(@T)}};
#endif
@WAYS    return (pp_way){{{{0, 0, 0}}, 0, 0}};
}}
/* fewer columns: they are rows of the transposed product */
static __attribute__((unused)) void pp_narrow(int ta, int tb, {_MATRICES}) {{
    enum {{ WIDE = 64 }};
    @T turned[16 / sizeof(@T)][WIDE];
    const int64_t width = m < WIDE ? m : WIDE;
    const pp_way way = pp_way_of(width);
    for (int64_t i = 0; i < m; i += width) {{
        const int64_t at = i + width <= m ? i : m - width;
        pp_product(&way, n, width, k, b, tb ? k : 1, tb ? 1 : n, !ta, a + at * (ta ? 1 : k), ta ? m : k,
            turned[0], WIDE);
        for (int64_t r = 0; r < width; r++)
            for (int64_t j = 0; j < n; j++) c[(at + r) * n + j] = turned[j][r];
    }}
}}
{INLINE}void pp_gemm@S(int ta, int tb, {_MATRICES}) {{
    enum {{ least = 16 / sizeof(@T) }};
    if (n >= least) {{
        const pp_way way = pp_way_of(n);
        pp_product(&way, m, n, k, a, ta ? 1 : k, ta ? m : 1, tb, b, tb ? k : n, c, n);
    }} else if (m >= least)
        pp_narrow(ta, tb, m, n, k, a, b, c);
    else
        pp_gemm_by_entry(ta, tb, m, n, k, a, b, c);
}}
"""


CHUNKS: Final = f"""#if defined(__GNUC__)
{ONE_BY_ONE}typedef struct {{
    pp_way way;
    int tb;
    int64_t m, n, k, ra, ka, rb, rows;
    const @T *a, *b;
    @T *c;
}} pp_rows_in;
static void pp_rows_run(void *given, int64_t chunk) {{
    const pp_rows_in *in = given;
    const int64_t i = chunk * in->rows, m = in->m - i < in->rows ? in->m - i : in->rows;
    pp_product(&in->way, m, in->n, in->k, in->a + i * in->ra, in->ra, in->ka, in->tb, in->b, in->rb,
        in->c + i * in->n, in->n);
}}
/* the same, with rows for each thread if it is long: entries do not depend on how they are divided */
{INLINE}void pp_gemm_rows@S(int ta, int tb, {_MATRICES}) {{
    const int64_t workers = pp_workers < 1 ? 1 : pp_workers, even = (m / (2 * workers) + 7) / 8 * 8;
    const int64_t least = tb ? 64 : 16, rows = even < least ? least : even;
    if (pp_workers < 2 || m <= rows || n < 16 / (int64_t)sizeof(@T) || m * n * k < {SHARED})
        pp_gemm@S(ta, tb, m, n, k, a, b, c);
    else {{
        pp_rows_in in = {{pp_way_of(n), tb, m, n, k, ta ? 1 : k, ta ? m : 1, tb ? k : n, rows, a, b, c}};
        pp_chunks(pp_rows_run, &in, (m + rows - 1) / rows);
    }}
}}
#else
#define pp_gemm_rows@S pp_gemm@S
#endif"""


WAY: Final = """#if PP_VECTOR >= @W
    if (size >= @W) {
        const int64_t v = (size + @W - 1) / @W; /* vectors of a row, and which strips they make */
        return (pp_way){{v == 1 ? pp_strip@W_@W_1 : 0, v > 1 && v % 3 ? pp_strip@W_@W_2 : 0,
            v == 3 || v > 4 ? pp_strip@W_@W_3 : 0}, @W / sizeof(@T), @W / sizeof(@T)};
    }
#endif
"""


GEMM: Final = "".join(
    [
        PLAIN,
        "#if defined(__GNUC__)\n",
        MACHINE,
        *(VECTOR.replace("@W", str(w)) for w in (64, 32, 16)),
        strips(),
        TURNED,
        DRIVER.replace("@WAYS", "".join(WAY.replace("@W", str(w)) for w in (64, 32, 16))),
        "#else\n#define pp_gemm@S pp_gemm_by_entry\n#endif",
    ]
)
