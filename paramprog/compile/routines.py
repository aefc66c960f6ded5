"""Routines in C: what is no loop over independent entries. `@T` is the type of entries, `@S` the end of the name.

Each takes numbers first, then arrays, then the result, then scratch memory if it wants any; those that can fail return
whether they did, and then leave zeros where they have computed nothing.
"""

from __future__ import annotations

from paramprog.compile.heap import HEAP_ROUTINES
from paramprog.compile.matrix_routines import MATRIX_ROUTINES, STATIC
from paramprog.compile.scatters import SCATTER_ROUTINES

_ARRAYS = "const @T *restrict x, @T *restrict y"
_LESS = "((a) < (b) || ((b) != (b) && (a) == (a)))"
"""NaN comes last."""

SELECTIONS = {
    "put": f"""{STATIC}int pp_put@S(int64_t outer, int64_t count, int64_t size, int64_t inner,
        const @T *restrict x, const int64_t *restrict i, const @T *restrict v, @T *restrict y) {{
    memcpy(y, x, sizeof(@T) * (size_t)(outer * size * inner));
    for (int64_t c = 0; c < count; c++)
        if ((uint64_t)i[c] >= (uint64_t)size) return 1;
    for (int64_t o = 0; o < outer; o++)
        for (int64_t c = 0; c < count; c++)
            memcpy(y + (o * size + i[c]) * inner, v + (o * count + c) * inner, sizeof(@T) * (size_t)inner);
    return 0;
}}""",
    "latest": f"""{STATIC}void pp_latest@S(int64_t lanes, int64_t count, const int64_t *restrict i, @T *restrict y) {{
    int64_t slots = 2, *table;
    while (slots < 2 * count) slots *= 2;
    if (count <= 32 || !(table = malloc(sizeof *table * (size_t)slots))) {{
        for (int64_t l = 0; l < lanes; l++)
            for (int64_t a = l * count; a < (l + 1) * count; a++) {{
                y[a] = 1;
                for (int64_t b = a + 1; b < (l + 1) * count; b++) y[a] &= i[a] != i[b];
            }}
        return;
    }}
    for (int64_t l = 0; l < lanes; l++) {{
        for (int64_t s = 0; s < slots; s++) table[s] = -1;
        for (int64_t a = (l + 1) * count - 1; a >= l * count; a--) {{
            uint64_t s = ((uint64_t)i[a] * UINT64_C(0x9e3779b97f4a7c15)) & (uint64_t)(slots - 1);
            while (table[s] >= 0 && i[table[s]] != i[a]) s = (s + 1) & (uint64_t)(slots - 1);
            y[a] = table[s] < 0;
            table[s] = a;
        }}
    }}
    free(table);
}}""",
    "spared": f"""{STATIC}int pp_spared@S(int64_t count, int64_t size, const int64_t *restrict i, @T *restrict y) {{
    memset(y, 1, sizeof(@T) * (size_t)size);
    for (int64_t c = 0; c < count; c++) {{
        if ((uint64_t)i[c] >= (uint64_t)size) return 1;
        y[i[c]] = 0;
    }}
    return 0;
}}""",
    "selected": f"""{STATIC}int pp_selected@S(int64_t outer, int64_t n, int64_t count,
        const uint8_t *restrict c, @T *restrict y) {{
    for (int64_t o = 0; o < outer; o++) {{
        int64_t found = 0;
        for (int64_t k = 0; k < n; k++)
            if (c[o * n + k]) {{
                if (found < count) y[o * count + found] = k;
                found++;
            }}
        for (int64_t k = found; k < count; k++) y[o * count + k] = 0;
        if (found != count) return 1;
    }}
    return 0;
}}""",
    "compress": f"""{STATIC}void pp_compress@S(int64_t lanes, int64_t count, int64_t inner,
        const @T *restrict x, const uint8_t *restrict c, @T *restrict y) {{
    int64_t found = 0;
    for (int64_t l = 0; l < lanes; l++)
        if (c[l] && found < count) {{
            for (int64_t k = 0; k < inner; k++) y[found * inner + k] = x[l * inner + k];
            found++;
        }}
    for (int64_t k = found * inner; k < count * inner; k++) y[k] = 0;
}}""",
    "expand": f"""{STATIC}void pp_expand@S(int64_t lanes, int64_t count, int64_t inner,
        const @T *restrict x, const uint8_t *restrict c, @T *restrict y) {{
    int64_t found = 0;
    for (int64_t l = 0; l < lanes; l++) {{
        int held = c[l] && found < count;
        for (int64_t k = 0; k < inner; k++) y[l * inner + k] = held ? x[found * inner + k] : 0;
        found += held;
    }}
}}""",
}

SCANS = {
    "cumsum": f"""{STATIC}void pp_cumsum@S(int64_t outer, int64_t n, int64_t inner, int64_t reverse, {_ARRAYS}) {{
    int64_t step = reverse ? -inner : inner;
    for (int64_t o = 0; o < outer; o++)
        for (int64_t c = 0; c < n; c++) {{
            int64_t at = (o * n + (reverse ? n - 1 - c : c)) * inner;
            for (int64_t k = 0; k < inner; k++) y[at + k] = (@T)(x[at + k] + (c ? y[at - step + k] : 0));
        }}
}}""",
    "recurrence": f"""{STATIC}void pp_recurrence@S(int64_t outer, int64_t n, int64_t inner, int64_t reverse,
        const @T *restrict a, {_ARRAYS}) {{
    int64_t step = reverse ? -inner : inner;
    for (int64_t o = 0; o < outer; o++)
        for (int64_t c = 0; c < n; c++) {{
            int64_t at = (o * n + (reverse ? n - 1 - c : c)) * inner, link = reverse ? at + inner : at;
            for (int64_t k = 0; k < inner; k++)
                y[at + k] = c ? (@T)(x[at + k] + a[link + k] * y[at - step + k]) : x[at + k];
        }}
}}""",
}

_SCALED = f"""/* a product that neither overflows nor vanishes on the way: fraction * 2^power */
{STATIC}void pp_scaled@S(@T x, @T *fraction, int64_t *power) {{
    int more = 0;
    @T product = *fraction * x;
    if (product != 0 && fabs@L(product) < INFINITY) product = frexp@L(product, &more);
    *fraction = product;
    *power += more;
}}"""

_UNSCALED = f"""{STATIC}@T pp_unscaled@S(@T fraction, int64_t power) {{
    return ldexp@L(fraction, (int)(power < -10000 ? -10000 : power > 10000 ? 10000 : power));
}}"""

PRODUCTS = {
    "scaled": _SCALED,
    "unscaled": _UNSCALED,
    "prod": f"""{STATIC}void pp_prod@S(int64_t outer, int64_t n, {_ARRAYS}) {{
    for (int64_t o = 0; o < outer; o++) {{
        @T fraction = 1;
        int64_t power = 0;
        for (int64_t k = 0; k < n; k++) {{
            int own = 0;
            @T f = x[o * n + k];
            if (f != 0 && fabs@L(f) < INFINITY) f = frexp@L(f, &own);
            power += own;
            pp_scaled@S(f, &fraction, &power);
        }}
        y[o] = pp_unscaled@S(fraction, power);
    }}
}}""",
    "cumprod": f"""{STATIC}void pp_cumprod@S(int64_t outer, int64_t n, int64_t inner, int64_t exclusive, {_ARRAYS}) {{
    for (int64_t o = 0; o < outer; o++)
        for (int64_t k = 0; k < inner; k++) {{
            @T fraction = 1;
            int64_t power = 0;
            for (int64_t c = 0; c < n; c++) {{
                int64_t at = (o * n + c) * inner + k;
                int own = 0;
                @T f = x[at];
                if (exclusive) y[at] = pp_unscaled@S(fraction, power);
                if (f != 0 && fabs@L(f) < INFINITY) f = frexp@L(f, &own);
                power += own;
                pp_scaled@S(f, &fraction, &power);
                if (!exclusive) y[at] = pp_unscaled@S(fraction, power);
            }}
        }}
}}""",
}

WHOLE_PRODUCTS = {
    "prod": f"""{STATIC}void pp_prod@S(int64_t outer, int64_t n, {_ARRAYS}) {{
    for (int64_t o = 0; o < outer; o++) {{
        uint64_t product = 1;
        for (int64_t k = 0; k < n; k++) product *= (uint64_t)x[o * n + k];
        y[o] = (@T)product;
    }}
}}""",
    "cumprod": f"""{STATIC}void pp_cumprod@S(int64_t outer, int64_t n, int64_t inner, int64_t exclusive, {_ARRAYS}) {{
    for (int64_t o = 0; o < outer; o++)
        for (int64_t k = 0; k < inner; k++) {{
            uint64_t product = 1;
            for (int64_t c = 0; c < n; c++) {{
                int64_t at = (o * n + c) * inner + k;
                if (exclusive) y[at] = (@T)product;
                product *= (uint64_t)x[at];
                if (!exclusive) y[at] = (@T)product;
            }}
        }}
}}""",
    "cumsum": SCANS["cumsum"].replace(
        "(@T)(x[at + k] + (c ? y[at - step + k] : 0))",
        "(@T)((uint64_t)x[at + k] + (c ? (uint64_t)y[at - step + k] : 0))",
    ),
    "recurrence": SCANS["recurrence"].replace(
        "(@T)(x[at + k] + a[link + k] * y[at - step + k])",
        "(@T)((uint64_t)x[at + k] + (uint64_t)a[link + k] * (uint64_t)y[at - step + k])",
    ),
}
"""Those that ints have instead: sums and products wrap around, as in NumPy."""

ORDERS = {
    "sort": f"""/* heap sort, in place */
{STATIC}void pp_sort@S(int64_t outer, int64_t n, int64_t inner, {_ARRAYS}) {{
    memcpy(y, x, sizeof(@T) * (size_t)(outer * n * inner));
    for (int64_t o = 0; o < outer; o++)
        for (int64_t k = 0; k < inner; k++) {{
            @T *z = y + o * n * inner + k;
            for (int64_t start = n / 2, end = n; end > 1;) {{
                @T moved;
                if (start > 0) moved = z[--start * inner];
                else {{
                    moved = z[--end * inner];
                    z[end * inner] = z[0];
                    if (end == 1) {{ z[0] = moved; break; }}
                }}
                int64_t at = start, child = 2 * at + 1;
                while (child < end) {{
                    if (child + 1 < end) {{
                        @T a = z[child * inner], b = z[(child + 1) * inner];
                        if ({_LESS}) child++;
                    }}
                    @T a = moved, b = z[child * inner];
                    if (!{_LESS}) break;
                    z[at * inner] = b;
                    at = child;
                    child = 2 * at + 1;
                }}
                z[at * inner] = moved;
            }}
        }}
}}""",
    "comes_before": f"""{STATIC}int pp_comes_before@S(const @T *x, int64_t inner, int64_t p, int64_t q) {{
    @T a = x[p * inner], b = x[q * inner];
    if ({_LESS}) return 1;
    return (a == b || (a != a && b != b)) && p < q;
}}""",
    "argsort": f"""/* heap sort of places; equal entries keep their order; `flat` counts the places of all axes */
{STATIC}void pp_argsort@S(int64_t outer, int64_t n, int64_t inner, int64_t block, int64_t flat,
        const @T *restrict x, int64_t *restrict y) {{
    for (int64_t o = 0; o < outer; o++)
        for (int64_t k = 0; k < inner; k++) {{
            const @T *z = x + o * n * inner + k;
            int64_t *w = y + o * n * inner + k;
            for (int64_t c = 0; c < n; c++) w[c * inner] = c;
            for (int64_t start = n / 2, end = n; end > 1;) {{
                int64_t moved;
                if (start > 0) moved = w[--start * inner];
                else {{
                    moved = w[--end * inner];
                    w[end * inner] = w[0];
                    if (end == 1) {{ w[0] = moved; break; }}
                }}
                int64_t at = start, child = 2 * at + 1;
                while (child < end) {{
                    if (child + 1 < end && pp_comes_before@S(z, inner, w[child * inner], w[(child + 1) * inner]))
                    child++;
                    if (!pp_comes_before@S(z, inner, moved, w[child * inner])) break;
                    w[at * inner] = w[child * inner];
                    at = child;
                    child = 2 * at + 1;
                }}
                w[at * inner] = moved;
            }}
            if (flat)
                for (int64_t c = 0; c < n; c++) w[c * inner] = (o * n * inner + w[c * inner] * inner + k) % block;
        }}
}}""",
    "middle": f"""{STATIC}void pp_middle@S(int64_t outer, int64_t n, const @T *restrict x,
        const int64_t *restrict order, @T *restrict y) {{
    for (int64_t o = 0; o < outer; o++) {{
        int unknown = 0;
        for (int64_t k = 0; k < n; k++) {{
            y[o * n + k] = 0;
            unknown |= x[o * n + k] != x[o * n + k];
        }}
        int64_t low = (n - 1) / 2, high = n / 2;
        y[o * n + order[o * n + low]] = low == high ? (@T)1 : (@T)0.5;
        y[o * n + order[o * n + high]] = low == high ? (@T)1 : (@T)0.5;
        for (int64_t k = 0; unknown && k < n; k++) y[o * n + k] = NAN;
    }}
}}""",
}

_CONV_NUMBERS = """int64_t lanes, int64_t xl, int64_t kl, int64_t gl, int64_t c, int64_t hx, int64_t wx,
        int64_t o, int64_t p, int64_t q, int64_t h, int64_t w, int64_t stride, int64_t pad"""


def _convolution(name: str, arguments: str, clear: str, statement: str) -> str:
    """The sum over all windows; `statement` adds the product for the columns `from` to `to` of one row of g."""
    return f"""{STATIC}void pp_{name}@S({_CONV_NUMBERS}, {arguments}) {{
    {clear}
    for (int64_t l = 0; l < lanes; l++)
    for (int64_t a = 0; a < o; a++)
    for (int64_t b = 0; b < c; b++)
    for (int64_t u = 0; u < p; u++)
    for (int64_t v = 0; v < q; v++) {{
        int64_t kat = (((kl ? l : 0) * o + a) * c + b) * p * q + u * q + v;
        int64_t from = v >= pad ? 0 : (pad - v + stride - 1) / stride;
        int64_t to = wx + pad - v <= 0 ? 0 : (wx + pad - v - 1) / stride + 1;
        if (to > w) to = w;
        for (int64_t i = 0; i < h; i++) {{
            int64_t row = i * stride + u - pad;
            if (row < 0 || row >= hx) continue;
            int64_t xat = (((xl ? l : 0) * c + b) * hx + row) * wx + v - pad;
            int64_t gat = (((gl ? l : 0) * o + a) * h + i) * w;
            {statement}
        }}
    }}
}}"""


CONVOLUTIONS = {
    "conv": _convolution(
        "conv",
        "const @T *restrict x, const @T *restrict K, @T *restrict g",
        "memset(g, 0, sizeof(@T) * (size_t)((gl ? lanes : 1) * o * h * w));",
        "for (int64_t j = from; j < to; j++) g[gat + j] += K[kat] * x[xat + j * stride];",
    ),
    "conv_input": _convolution(
        "conv_input",
        "const @T *restrict g, const @T *restrict K, @T *restrict x",
        "memset(x, 0, sizeof(@T) * (size_t)((xl ? lanes : 1) * c * hx * wx));",
        "for (int64_t j = from; j < to; j++) x[xat + j * stride] += K[kat] * g[gat + j];",
    ),
    "conv_kernel": _convolution(
        "conv_kernel",
        "const @T *restrict x, const @T *restrict g, @T *restrict K",
        "memset(K, 0, sizeof(@T) * (size_t)((kl ? lanes : 1) * o * c * p * q));",
        "@T sum = 0; for (int64_t j = from; j < to; j++) sum += g[gat + j] * x[xat + j * stride]; K[kat] += sum;",
    ),
}

ROUTINES: dict[str, str] = {
    **SCATTER_ROUTINES,
    **SELECTIONS,
    **SCANS,
    **PRODUCTS,
    **ORDERS,
    **CONVOLUTIONS,
    **MATRIX_ROUTINES,
    **HEAP_ROUTINES,
}
"""The text of each routine for reals (and for other entries, where `WHOLE_PRODUCTS` has none)."""
