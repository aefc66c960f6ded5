"""Places in the arena for any number of samples.

Arrays whose size does not depend on it have places as in memory.py. Of the others it is settled once, at one number of
samples, which lies below which; each then begins where the highest of those below it ends, so that two that live at the
same time have room of their own whatever their sizes are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from paramprog.compile.kernel import Buf, Step
from paramprog.compile.memory import LINE, Lifetimes, arena
from paramprog.compile.merge import SAMPLES, affine, line
from paramprog.types import Real, item_size

MACROS = f"""
#define PP_LINES(bytes) (((int64_t)(bytes) + {LINE - 1}) & ~(int64_t){LINE - 1})
#define PP_ABOVE(place, end) if ((end) > (place)) (place) = (end)
"""


class SizedArena(NamedTuple):
    """`text` defines `pp_places(samples, places)`: it fills in PP_COUNT places and returns how many bytes are wanted.

    These are about `fixed + samples * each`; `places` says for the name of an array where it lies, in C.
    """

    text: str
    places: Mapping[str, str]
    fixed: int
    each: int


def sized_arena(
    memories: Sequence[Sequence[Buf]], steps: Sequence[Step], real: Real, sizes: Sequence[int]
) -> SizedArena:
    """`memories` are the arrays of one program for each of `sizes`; the steps are those of the first.

    Raises NotMerged where a size is no function of the number of samples that is looked for.
    """
    entries = {
        found[0]: [b.size for b in found] for found in zip(*memories, strict=True) if not found[0].grows
    }
    known, start = arena([b for b, n in entries.items() if line(n, sizes)[0] == 0], steps, real)
    wide = [b for b in entries if b not in known]
    at, end = arena(wide, steps, real)
    order = sorted(wide, key=lambda b: at[b])
    numbered = {b: k for k, b in enumerate(order)}
    ends = [
        f"places[{k}] + PP_LINES({affine([n * item_size(b.kind, real) for n in entries[b]], sizes)})"
        for b, k in numbered.items()
    ]
    start = -(-start // LINE) * LINE
    lines = [f"    int64_t most = {start};"]
    topmost = 0
    for k, below in enumerate(_below(order, Lifetimes(steps))):
        lines.append(f"    places[{k}] = {ends[below[0]] if below else start};")
        lines += [f"    PP_ABOVE(places[{k}], {ends[o]});" for o in below[1:]]
        topmost = (topmost | 1 << k) & ~sum(1 << o for o in below)
    lines += [f"    PP_ABOVE(most, {ends[k]});" for k in range(len(order)) if topmost >> k & 1]
    text = [
        f"{MACROS}#define PP_COUNT {max(len(order), 1)}",
        f"static int64_t pp_places(int64_t {SAMPLES}, int64_t *places) {{",
        f"    (void)places, (void){SAMPLES};",
        *lines,
        "    return most;",
        "}\n",
    ]
    places = {b.name: str(at) for b, at in known.items()}
    places |= {b.name: f"places[{k}]" for b, k in numbered.items()}
    return SizedArena("\n".join(text), places, start, end // sizes[0])


def _below(order: Sequence[Buf], lives: Lifetimes) -> list[list[int]]:
    """For each array, from the lowest to the highest, those that it lies on: not those that lie below these."""
    found: list[list[int]] = []
    covered: list[int] = []  # all that lies below, bit by bit
    for k, b in enumerate(order):
        direct, seen = list[int](), 0
        for o in reversed(range(k)):
            low, high = lives.first.get(order[o].name, 0), lives.last.get(order[o].name, 0)
            together = low <= lives.last.get(b.name, 0) and lives.first.get(b.name, 0) <= high
            if together and not seen >> o & 1:
                direct.append(o)
                seen |= covered[o]
            if together:
                seen |= 1 << o
        found.append(direct)
        covered.append(seen)
    return found
