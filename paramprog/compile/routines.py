"""Routines in C: what is no loop over independent entries. `@T` is the type of entries, `@S` the end of the name.

Each takes numbers first, then arrays, then the result, then scratch memory if it wants any; those that can fail return
whether they did, and then leave zeros where they have computed nothing.
"""

from __future__ import annotations

_STATIC = "static __attribute__((unused)) "
_ARRAYS = "const @T *restrict x, @T *restrict y"
_LESS = "((a) < (b) || ((b) != (b) && (a) == (a)))"
"""NaN comes last."""

SELECTIONS = {
    "scatter_add": f"""{_STATIC}int pp_scatter_add@S(int64_t outer, int64_t count, int64_t size, int64_t inner,
        const int64_t *restrict i, const @T *restrict v, @T *restrict y) {{
    memset(y, 0, sizeof(@T) * (size_t)(outer * size * inner));
    for (int64_t c = 0; c < count; c++)
        if ((uint64_t)i[c] >= (uint64_t)size) return 1;
    for (int64_t o = 0; o < outer; o++)
        for (int64_t c = 0; c < count; c++) {{
            const @T *from = v + (o * count + c) * inner;
            @T *to = y + (o * size + i[c]) * inner;
            for (int64_t k = 0; k < inner; k++) to[k] += from[k];
        }}
    return 0;
}}""",
    "put": f"""{_STATIC}int pp_put@S(int64_t outer, int64_t count, int64_t size, int64_t inner,
        const @T *restrict x, const int64_t *restrict i, const @T *restrict v, @T *restrict y) {{
    memcpy(y, x, sizeof(@T) * (size_t)(outer * size * inner));
    for (int64_t c = 0; c < count; c++)
        if ((uint64_t)i[c] >= (uint64_t)size) return 1;
    for (int64_t o = 0; o < outer; o++)
        for (int64_t c = 0; c < count; c++)
            memcpy(y + (o * size + i[c]) * inner, v + (o * count + c) * inner, sizeof(@T) * (size_t)inner);
    return 0;
}}""",
    "latest": f"""{_STATIC}void pp_latest@S(int64_t lanes, int64_t count, const int64_t *restrict i, @T *restrict y) {{
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
    "spared": f"""{_STATIC}int pp_spared@S(int64_t count, int64_t size, const int64_t *restrict i, @T *restrict y) {{
    memset(y, 1, sizeof(@T) * (size_t)size);
    for (int64_t c = 0; c < count; c++) {{
        if ((uint64_t)i[c] >= (uint64_t)size) return 1;
        y[i[c]] = 0;
    }}
    return 0;
}}""",
    "selected": f"""{_STATIC}int pp_selected@S(int64_t outer, int64_t n, int64_t count,
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
}

SCANS = {
    "cumsum": f"""{_STATIC}void pp_cumsum@S(int64_t outer, int64_t n, int64_t inner, int64_t reverse, {_ARRAYS}) {{
    int64_t step = reverse ? -inner : inner;
    for (int64_t o = 0; o < outer; o++)
        for (int64_t c = 0; c < n; c++) {{
            int64_t at = (o * n + (reverse ? n - 1 - c : c)) * inner;
            for (int64_t k = 0; k < inner; k++) y[at + k] = (@T)(x[at + k] + (c ? y[at - step + k] : 0));
        }}
}}""",
    "recurrence": f"""{_STATIC}void pp_recurrence@S(int64_t outer, int64_t n, int64_t inner, int64_t reverse,
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
{_STATIC}void pp_scale@S(@T x, @T *fraction, int64_t *power) {{
    int more = 0;
    @T product = *fraction * x;
    if (product != 0 && fabs@L(product) < INFINITY) product = frexp@L(product, &more);
    *fraction = product;
    *power += more;
}}"""

_UNSCALED = f"""{_STATIC}@T pp_unscaled@S(@T fraction, int64_t power) {{
    return ldexp@L(fraction, (int)(power < -10000 ? -10000 : power > 10000 ? 10000 : power));
}}"""

PRODUCTS = {
    "scale": _SCALED,
    "unscaled": _UNSCALED,
    "prod": f"""{_STATIC}void pp_prod@S(int64_t outer, int64_t n, {_ARRAYS}) {{
    for (int64_t o = 0; o < outer; o++) {{
        @T fraction = 1;
        int64_t power = 0;
        for (int64_t k = 0; k < n; k++) {{
            int own = 0;
            @T f = x[o * n + k];
            if (f != 0 && fabs@L(f) < INFINITY) f = frexp@L(f, &own);
            power += own;
            pp_scale@S(f, &fraction, &power);
        }}
        y[o] = pp_unscaled@S(fraction, power);
    }}
}}""",
    "cumprod": f"""{_STATIC}void pp_cumprod@S(int64_t outer, int64_t n, int64_t inner, int64_t exclusive, {_ARRAYS}) {{
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
                pp_scale@S(f, &fraction, &power);
                if (!exclusive) y[at] = pp_unscaled@S(fraction, power);
            }}
        }}
}}""",
}

WHOLE_PRODUCTS = {
    "prod": f"""{_STATIC}void pp_prod@S(int64_t outer, int64_t n, {_ARRAYS}) {{
    for (int64_t o = 0; o < outer; o++) {{
        uint64_t product = 1;
        for (int64_t k = 0; k < n; k++) product *= (uint64_t)x[o * n + k];
        y[o] = (@T)product;
    }}
}}""",
    "cumprod": f"""{_STATIC}void pp_cumprod@S(int64_t outer, int64_t n, int64_t inner, int64_t exclusive, {_ARRAYS}) {{
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
{_STATIC}void pp_sort@S(int64_t outer, int64_t n, int64_t inner, {_ARRAYS}) {{
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
    "comes_before": f"""{_STATIC}int pp_comes_before@S(const @T *x, int64_t inner, int64_t p, int64_t q) {{
    @T a = x[p * inner], b = x[q * inner];
    if ({_LESS}) return 1;
    return (a == b || (a != a && b != b)) && p < q;
}}""",
    "argsort": f"""/* heap sort of places; those of equal entries keep their order. `flat` counts the places of
    `block` entries, all axes */
{_STATIC}void pp_argsort@S(int64_t outer, int64_t n, int64_t inner, int64_t block, int64_t flat,
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
    "middle": f"""{_STATIC}void pp_middle@S(int64_t outer, int64_t n, const @T *restrict x,
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
    return f"""{_STATIC}void pp_{name}@S({_CONV_NUMBERS}, {arguments}) {{
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

SYSTEMS = {
    "factor": f"""/* A = P^T L U in place, by rows, with partial pivoting; the sign of P, 0 if A is singular */
{_STATIC}int pp_factor@S(int64_t n, @T *restrict a, int64_t columns, @T *restrict b) {{
    int sign = 1;
    for (int64_t k = 0; k < n; k++) {{
        int64_t best = k;
        for (int64_t i = k + 1; i < n; i++)
            if (fabs@L(a[i * n + k]) > fabs@L(a[best * n + k])) best = i;
        if (a[best * n + k] == 0) return 0;
        if (best != k) {{
            for (int64_t j = 0; j < n; j++) {{
                @T t = a[k * n + j]; a[k * n + j] = a[best * n + j]; a[best * n + j] = t;
            }}
            for (int64_t j = 0; j < columns; j++) {{
                @T t = b[k * columns + j]; b[k * columns + j] = b[best * columns + j]; b[best * columns + j] = t;
            }}
            sign = -sign;
        }}
        for (int64_t i = k + 1; i < n; i++) {{
            @T f = a[i * n + k] / a[k * n + k];
            a[i * n + k] = f;
            for (int64_t j = k + 1; j < n; j++) a[i * n + j] -= f * a[k * n + j];
            for (int64_t j = 0; j < columns; j++) b[i * columns + j] -= f * b[k * columns + j];
        }}
    }}
    return sign;
}}""",
    "back": f"""/* U x = b in place, U the upper triangle of a */
{_STATIC}void pp_back@S(int64_t n, const @T *restrict a, int64_t columns, @T *restrict b) {{
    for (int64_t k = n - 1; k >= 0; k--) {{
        for (int64_t i = k + 1; i < n; i++)
            for (int64_t j = 0; j < columns; j++) b[k * columns + j] -= a[k * n + i] * b[i * columns + j];
        for (int64_t j = 0; j < columns; j++) b[k * columns + j] /= a[k * n + k];
    }}
}}""",
    "solve": f"""{_STATIC}int pp_solve@S(int64_t lanes, int64_t n, int64_t columns, int64_t transposed,
        const @T *restrict A, const @T *restrict b, @T *restrict y, @T *restrict a) {{
    memcpy(y, b, sizeof(@T) * (size_t)(lanes * n * columns));
    for (int64_t l = 0; l < lanes; l++) {{
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < n; j++) a[i * n + j] = A[l * n * n + (transposed ? j * n + i : i * n + j)];
        if (n && !pp_factor@S(n, a, columns, y + l * n * columns)) return 1;
        pp_back@S(n, a, columns, y + l * n * columns);
    }}
    return 0;
}}""",
    "solve_triangular": f"""{_STATIC}int pp_solve_triangular@S(int64_t lanes, int64_t n, int64_t columns, int64_t
            transposed,
        int64_t upper, const @T *restrict L, const @T *restrict b, @T *restrict y, @T *restrict unused) {{
    (void)unused;
    memcpy(y, b, sizeof(@T) * (size_t)(lanes * n * columns));
    int lower = upper == transposed;
    int64_t down = transposed ? 1 : n, across = transposed ? n : 1;
    for (int64_t l = 0; l < lanes; l++) {{
        const @T *a = L + l * n * n;
        @T *z = y + l * n * columns;
        for (int64_t k = 0; k < n; k++)
            if (a[k * n + k] == 0) return 1;
        for (int64_t c = 0; c < n; c++) {{
            int64_t k = lower ? c : n - 1 - c;
            for (int64_t i = lower ? 0 : k + 1; i < (lower ? k : n); i++)
                for (int64_t j = 0; j < columns; j++)
                    z[k * columns + j] -= a[k * down + i * across] * z[i * columns + j];
            for (int64_t j = 0; j < columns; j++) z[k * columns + j] /= a[k * n + k];
        }}
    }}
    return 0;
}}""",
    "inverse": f"""{_STATIC}int pp_inverse@S(int64_t lanes, int64_t n, const @T *restrict A, @T *restrict y, @T
            *restrict a) {{
    for (int64_t l = 0; l < lanes; l++) {{
        @T *z = y + l * n * n;
        memcpy(a, A + l * n * n, sizeof(@T) * (size_t)(n * n));
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < n; j++) z[i * n + j] = i == j;
        if (n && !pp_factor@S(n, a, n, z)) return 1;
        pp_back@S(n, a, n, z);
    }}
    return 0;
}}""",
    "logdet": f"""{_STATIC}int pp_logdet@S(int64_t lanes, int64_t n, const @T *restrict A, @T *restrict y, @T
            *restrict a) {{
    for (int64_t l = 0; l < lanes; l++) {{
        memcpy(a, A + l * n * n, sizeof(@T) * (size_t)(n * n));
        y[l] = 0;
        if (n && !pp_factor@S(n, a, 0, a)) return 1;
        for (int64_t k = 0; k < n; k++) y[l] += log@L(fabs@L(a[k * n + k]));
    }}
    return 0;
}}""",
    "cholesky": f"""{_STATIC}int pp_cholesky@S(int64_t lanes, int64_t n, const @T *restrict A, @T *restrict y, @T
            *restrict a) {{
    memset(y, 0, sizeof(@T) * (size_t)(lanes * n * n));
    for (int64_t l = 0; l < lanes; l++) {{
        @T *z = y + l * n * n;
        int known = 1;
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < n; j++) {{
                a[i * n + j] = A[(l * n + i) * n + j] * (@T)0.5 + A[(l * n + j) * n + i] * (@T)0.5;
                known &= fabs@L(a[i * n + j]) < INFINITY;
            }}
        for (int64_t j = 0; j < n; j++)
            for (int64_t i = j; i < n; i++) {{
                @T sum = a[i * n + j];
                for (int64_t k = 0; k < j; k++) sum -= z[i * n + k] * z[j * n + k];
                if (known && i == j && !(sum > 0)) return 1;
                z[i * n + j] = !known ? (@T)NAN : i == j ? sqrt@L(sum) : sum / z[j * n + j];
            }}
    }}
    return 0;
}}""",
    "gemm": f"""/* c = a b, of m x k and k x n, stored transposed where ta, tb: blocks of k and n, rows of b in the
    cache */
{_STATIC}void pp_gemm@S(int ta, int tb, int64_t m, int64_t n, int64_t k,
        const @T *restrict a, const @T *restrict b, @T *restrict c) {{
    enum {{ K = 128, N = 256 }};
    @T block[K * N];
    memset(c, 0, sizeof(@T) * (size_t)(m * n));
    for (int64_t p = 0; p < k; p += K)
        for (int64_t j = 0; j < n; j += N) {{
            int64_t depth = k - p < K ? k - p : K, width = n - j < N ? n - j : N;
            for (int64_t s = 0; s < depth; s++)
                for (int64_t t = 0; t < width; t++)
                    block[s * N + t] = tb ? b[(j + t) * k + p + s] : b[(p + s) * n + j + t];
            for (int64_t i = 0; i < m; i++) {{
                @T *row = c + i * n + j;
                for (int64_t s = 0; s < depth; s++) {{
                    @T f = ta ? a[(p + s) * m + i] : a[i * k + p + s];
                    for (int64_t t = 0; t < width; t++) row[t] = pp_mac@S(f, block[s * N + t], row[t]);
                }}
            }}
        }}
}}""",
}

ROUTINES: dict[str, str] = {**SELECTIONS, **SCANS, **PRODUCTS, **ORDERS, **CONVOLUTIONS, **SYSTEMS}
"""The text of each routine for reals (and for other entries, where `WHOLE_PRODUCTS` has none)."""
