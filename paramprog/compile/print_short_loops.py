"""Short loops of arithmetic in vectors of falling width, as C99.

A loop over ten entries is eight and two, each a loop of its own that is one vector. gcc writes out loops of up to 16
turns before it looks for vectors, and finds none then; it is told not to. What it makes of a sum along a row is a chain
of additions of one entry each: here each width has an array of sums, whose halves are added to each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from paramprog.compile.kernel import Fold, For, Multiply
from paramprog.compile.short_loops import widths

if TYPE_CHECKING:
    from paramprog.compile.print_kernel import KernelPrinter


def short_lines(printer: KernelPrinter, loop: For, pad: str) -> Iterator[str]:
    """The statements of a loop that `in_widths`, one loop for each vector of a row."""
    found = widths(int(loop.extent), printer.texts.real)
    sums = dict.fromkeys(s.name for s in loop.body if isinstance(s, Fold | Multiply))
    i, inner = f"i{loop.depth}", pad + "    "
    for name in sums:
        for width in dict.fromkeys(found):
            yield f"{pad}T {name}_{width}[{width}] PP_ALIGNED;"
    first = 0
    for k, width in enumerate(found):
        yield "#pragma GCC unroll 1"
        yield f"{pad}for (int64_t {i} = {first}; {i} < {first + width}; {i}++) {{"
        for s in loop.body:
            if isinstance(s, Fold | Multiply):
                yield inner + _added(
                    printer, s, f"{s.name}_{width}[{i} - {first}]", new=width not in found[:k]
                )
            else:
                yield from printer.lines([s], inner)
        yield f"{pad}}}"
        first += width
    for name in sums:
        totals = [
            printer.texts.expression(f"pp_total({width}, {name}_{width})") for width in dict.fromkeys(found)
        ]
        yield f"{pad}{name} = {name} + ({' + '.join(totals)});"


def _added(printer: KernelPrinter, s: Fold | Multiply, entry: str, *, new: bool) -> str:
    """One more number for the entry of an array of sums, or its first one."""
    if isinstance(s, Fold):
        return f"{entry} = {s.value if new else f'{entry} + {s.value}'};"
    product = f"{s.a} * {s.b}" if new else printer.texts.expression(f"pp_mac({s.a}, {s.b}, {entry})")
    return f"{entry} = {product};"
