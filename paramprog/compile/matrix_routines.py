"""Routines in C for systems of equations, factors of matrices and products (gemm.py): see routines.py."""

from __future__ import annotations

from typing import Final

from paramprog.compile.gemm import CHUNKS, GEMM

STATIC: Final = "static __attribute__((unused)) "

MATRIX_ROUTINES: dict[str, str] = {
    "factor": f"""/* A = P^T L U in place, by rows, with partial pivoting; the sign of P, 0 if A is singular */
{STATIC}int pp_factor@S(int64_t n, @T *restrict a, int64_t columns, @T *restrict b) {{
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
{STATIC}void pp_back@S(int64_t n, const @T *restrict a, int64_t columns, @T *restrict b) {{
    for (int64_t k = n - 1; k >= 0; k--) {{
        for (int64_t i = k + 1; i < n; i++)
            for (int64_t j = 0; j < columns; j++) b[k * columns + j] -= a[k * n + i] * b[i * columns + j];
        for (int64_t j = 0; j < columns; j++) b[k * columns + j] /= a[k * n + k];
    }}
}}""",
    "solve": f"""{STATIC}int pp_solve@S(int64_t lanes, int64_t n, int64_t columns, int64_t transposed,
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
    "solve_triangular": f"""{STATIC}int pp_solve_triangular@S(int64_t lanes, int64_t n, int64_t columns, int64_t
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
    "inverse": f"""{STATIC}int pp_inverse@S(int64_t lanes, int64_t n, const @T *restrict A, @T *restrict y, @T
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
    "logdet": f"""{STATIC}int pp_logdet@S(int64_t lanes, int64_t n, const @T *restrict A, @T *restrict y, @T
            *restrict a) {{
    for (int64_t l = 0; l < lanes; l++) {{
        memcpy(a, A + l * n * n, sizeof(@T) * (size_t)(n * n));
        y[l] = 0;
        if (n && !pp_factor@S(n, a, 0, y)) return 1;
        for (int64_t k = 0; k < n; k++) y[l] += log@L(fabs@L(a[k * n + k]));
    }}
    return 0;
}}""",
    "cholesky": f"""{STATIC}int pp_cholesky@S(int64_t lanes, int64_t n, const @T *restrict A, @T *restrict y, @T
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
    "gemm": GEMM,
    "gemm_rows": CHUNKS,
}
