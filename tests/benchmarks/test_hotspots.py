"""What is read from `perf`, and found in generated code."""

from __future__ import annotations

from benchmarks.hotspots import Spot, excerpt, parse

TOLD = """
# Samples: 1K of event 'cpu-clock'
    64.82%  e064.so                [.] pp_entry
     5.65%  e064.so                [.] k132.isra.0   -      -
     0.75%  [kernel.kallsyms]      [k] finish_task_switch.isra.0
"""

SOURCE = """static int pp_f(int x) {
    return x;
}

static void k132(const T *restrict a0) {
    a0[0];
}
"""


def test_parse() -> None:
    """Share, library and function of each line; comments are passed over."""
    assert parse(TOLD) == [
        Spot(64.82, "e064.so", "pp_entry"),
        Spot(5.65, "e064.so", "k132.isra.0"),
        Spot(0.75, "[kernel.kallsyms]", "finish_task_switch.isra.0"),
    ]


def test_excerpt() -> None:
    """The function that the compiler's name means; nothing for what is elsewhere."""
    assert excerpt(SOURCE, "k132.isra.0") == "static void k132(const T *restrict a0) {\n    a0[0];\n}"
    assert excerpt(SOURCE, "memcpy") == ""
