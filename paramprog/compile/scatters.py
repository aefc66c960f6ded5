"""Routines in C that add what lies at indices known at run time: see routines.py."""

from __future__ import annotations

from paramprog.compile.matrix_routines import STATIC

SCATTERS = 8
"""How many selections one routine adds up."""

STREAMS = (" + n", " + 2 * n", " + 3 * n")
"""Indices are added from four places on: those next to each other often are the same, and wait for each other."""


def _scatter_add(count: int) -> str:
    """Adds `count` arrays v at indices i of their own into one array of zeros."""
    which = range(count)
    arrays = ", ".join(f"const int64_t *restrict i{k}, const @T *restrict v{k}" for k in which)
    bad = " | ".join(f"((uint64_t)i{k}[c] >= (uint64_t)size)" for k in which)
    added = [" ".join(f"y[i{k}[c{at}]] += v{k}[c{at}];" for k in which) for at in ("", *STREAMS)]
    streams = "\n".join(f"            {line}" for line in added)
    row = "pp_add_row@S(inner, v{0} + (o * count + c) * inner, y + (o * size + i{0}[c]) * inner);"
    rows = "\n".join(f"            {row.format(k)}" for k in which)
    return f"""{STATIC}int pp_{scatter_add(count)}@S(int64_t outer, int64_t count, int64_t size, int64_t inner,
        int64_t unsure, {arrays}, @T *restrict y) {{
    int64_t bad = 0;
    memset(y, 0, sizeof(@T) * (size_t)(outer * size * inner));
    for (int64_t c = 0; c < count; c++) bad |= unsure && ({bad});
    if (bad) return 1;
    if (outer == 1 && inner == 1) {{
        const int64_t n = count / 4;
        for (int64_t c = 0; c < n; c++) {{
{streams}
        }}
        for (int64_t c = 4 * n; c < count; c++) {{ {added[0]} }}
        return 0;
    }}
    for (int64_t o = 0; o < outer; o++)
        for (int64_t c = 0; c < count; c++) {{
{rows}
        }}
    return 0;
}}"""


def scatter_add(count: int) -> str:
    """The name of the routine."""
    return "scatter_add" if count == 1 else f"scatter_add_{count}"


SCATTER_ROUTINES: dict[str, str] = {
    **{scatter_add(k): _scatter_add(k) for k in range(1, SCATTERS + 1)},
    "add_row": f"""{STATIC}void pp_add_row@S(int64_t n, const @T *restrict x, @T *restrict y) {{
    for (int64_t k = 0; k < n; k++) y[k] += x[k];
}}""",
}
