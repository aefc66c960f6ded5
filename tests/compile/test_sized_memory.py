"""Places of arrays whose sizes depend on the number of samples."""

from __future__ import annotations

import re

import numpy as np
import pytest

from paramprog.compile.kernel import AddTo, Buf
from paramprog.compile.memory import LINE, Lifetimes
from paramprog.compile.sized_memory import sized_arena

SIZES = (4099, 6151, 20011)


def program(rng):
    """Arrays of several sizes, some of each sample, some not; steps that use two of them each."""
    rows = [(bool(rng.integers(4)), int(rng.choice([1, 3, 8, 64, 1000]))) for _ in range(12)]
    memories = [
        [Buf(f"v{k}", "real", (n, size) if wide else (size,)) for k, (wide, size) in enumerate(rows)]
        for n in SIZES
    ]
    pairs = rng.integers(len(rows), size=(20, 2))
    return rows, memories, [AddTo(memories[0][a], memories[0][b]) for a, b in pairs]


def places(text, samples):
    """What `pp_places` computes: (bytes, places)."""
    found: dict[str, int] = {}

    def value(c):
        c = re.sub(r"places\[(\d+)\]", lambda m: str(found[m[0]]), c).replace("(int64_t)", "")
        return eval(c, {"samples": samples, "PP_LINES": lambda b: -(-b // LINE) * LINE})

    for statement in re.findall(r"^    (.*);$", text, re.M):
        above = re.fullmatch(r"PP_ABOVE\((\S+), (.*)\)", statement)
        if above:
            found[above[1]] = max(found[above[1]], value(above[2]))
        elif " = " in statement:
            name, c = statement.removeprefix("int64_t ").split(" = ")
            found[name] = value(c)
    return found["most"], found


@pytest.mark.parametrize("seed", range(8))
def test_arrays_that_live_together_have_rooms_of_their_own(seed):
    """For every number of samples, whichever is larger there; all within the bytes that are asked for."""
    rng = np.random.default_rng(seed)
    rows, memories, steps = program(rng)
    arena = sized_arena(memories, steps, "float64", SIZES)
    lives = Lifetimes(steps)
    for n in (1, 2, 7, 64, 5000, 10**6):
        most, found = places(arena.text, n)
        begin = [found[p] if p in found else int(p) for p in (arena.places[b.name] for b in memories[0])]
        end = [b + 8 * size * (n if wide else 1) for b, (wide, size) in zip(begin, rows, strict=True)]
        assert max(end) <= most
        for i in range(len(rows)):
            assert rows[i] == (False, 1) or begin[i] % LINE == 0
            for j in range(i):
                together = lives.first.get(f"v{i}", 0) <= lives.last.get(f"v{j}", 0) and lives.first.get(
                    f"v{j}", 0
                ) <= lives.last.get(f"v{i}", 0)
                assert not together or end[i] <= begin[j] or end[j] <= begin[i]


def test_memory_is_shared():
    """Of arrays that live one after the other no more than two are there at once."""
    memories = [[Buf(f"v{k}", "real", (n, 16)) for k in range(10)] for n in SIZES]
    steps = [AddTo(memories[0][k + 1], memories[0][k]) for k in range(9)]
    arena = sized_arena(memories, steps, "float64", SIZES)
    assert places(arena.text, 1000)[0] == 2 * 1000 * 16 * 8
    assert (arena.fixed, arena.each) == (0, 2 * 16 * 8)
