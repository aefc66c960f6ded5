"""The C source of a program for any number of samples: made for several numbers, and merged where it differs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from paramprog.compile.builder import NotLowered
from paramprog.compile.kernel import Buf
from paramprog.compile.merge import SAMPLES, NotMerged, affine, merged
from paramprog.compile.sized_memory import sized_arena
from paramprog.compile.source import CSource, Sized, Unit, c_source, lower, prepared
from paramprog.diagnostics import ProgramError
from paramprog.graph import Node
from paramprog.types import Probe, elements

OverSamples = Callable[[int], tuple[Sequence[Node], Sequence[Node]]]
"""From a number of samples to the outputs and the leaves over so many, always those of one program in one order."""

PROBES: Sequence[Sequence[int]] = ((4099, 6151, 1000003), (4099, 6151, 20011), (5003, 7919, 30011))
"""Numbers of samples that sources are made for: primes, so that they are not sizes of the program as well.

They lie beyond what has room on a stack, and far apart, so that what is decided from them would differ. The first ones
are for programs with little of each sample, as graphs may hold constants of all; the second ones for those in which a
loop over more than samples would be cut into chunks for a million; the last where one of these means something else.
"""

MOST = 1 << 25
"""Entries of an array of samples that is made for the sake of comparing."""


def sized_source(make: OverSamples) -> CSource:
    """The source for any number of samples.

    Raises NotMerged where there is none, and NotLowered or ProgramError where that is so for every number.
    """
    units: dict[int, Unit] = {}
    reasons = []
    for sizes in PROBES:
        try:
            first = _known(units, sizes[0], make)
            each = max(elements(b.shape) for b in (*first.inputs, *first.lowering.memory)) // sizes[0] + 1
            if each * sizes[-1] <= MOST or sizes is PROBES[-1]:
                return _merged([_known(units, n, make) for n in sizes], sizes)
        except NotMerged as reason:
            reasons.append(reason)
        except (NotLowered, ProgramError) as problem:  # of more samples, such as a constant that is too large
            if not units:
                raise
            reasons.append(NotMerged(str(problem)))
    raise reasons[0]


def _known(units: dict[int, Unit], size: int, make: OverSamples) -> Unit:
    if size not in units:
        units[size] = _unit(make, size)
    return units[size]


def _unit(make: OverSamples, size: int) -> Unit:
    return lower(*prepared(*make(Probe(size))))


def _merged(units: Sequence[Unit], sizes: Sequence[int]) -> CSource:
    """Raises NotMerged where the sources of the units differ by more than sizes and what is computed of them."""
    steps, real = units[0].steps, units[0].real
    memories = [u.lowering.memory for u in units]
    outer = [[*u.inputs, *u.outputs] for u in units]
    _same([[b.name for b in memory] for memory in memories], "the memory")
    _same([[(b.name, len(b.shape)) for b in bufs] for bufs in outer], "what goes in or comes out")
    arena = sized_arena(memories, steps, real, sizes)
    sized = Sized(arena, {bufs[0].name: _dims(bufs, sizes) for bufs in zip(*outer, strict=True)})
    sources = [c_source(u, sized=sized) for u in units]
    _same([(s.head, s.helpers, len(s.kernels), s.tables.count("\n")) for s in sources], "what is called")
    made = sources[0]
    made.kernels = [merged(texts, sizes, real) for texts in zip(*(s.kernels for s in sources), strict=True)]
    made.run = merged([s.run for s in sources], sizes, real)
    _filled(
        made,
        [merged(texts, sizes, real) for texts in zip(*(s.tables.split("\n") for s in sources), strict=True)],
    )
    return made


def _filled(made: CSource, tables: Sequence[str]) -> None:
    """Constant arrays; those whose entries depend on the number of samples, such as shares of a mean, in each call."""
    own = [text.removeprefix("static ") for text in tables if SAMPLES in text]
    head, body = made.run.split("\n", 1)
    made.tables = "\n".join(text for text in tables if SAMPLES not in text)
    made.run = "\n".join([head, *(f"    {text}" for text in own), body])


def _same(found: Sequence[object], what: str) -> None:
    if any(other != found[0] for other in found[1:]):
        raise NotMerged(f"{what} depends on the number of samples")


def _dims(bufs: Sequence[Buf], sizes: Sequence[int]) -> list[str]:
    found = [affine(n, sizes) for n in zip(*(b.shape for b in bufs), strict=True)]
    if any(n != SAMPLES or k for k, n in enumerate(found) if not n.isdecimal()):
        raise NotMerged("what goes in or comes out has samples behind its first axis")
    return found
