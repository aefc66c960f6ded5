"""A graph as a C source.

`pp_run(inputs..., outputs..., arena)` returns 0, or the number of the operation that has no value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from paramprog.compile.builder import NotLowered, literal
from paramprog.compile.functions import functions
from paramprog.compile.heap import HEAD as HEAP_HEAD
from paramprog.compile.heap import HEAP, room
from paramprog.compile.kernel import Buf, Step
from paramprog.compile.lower import Lowering
from paramprog.compile.memory import arena
from paramprog.compile.merge import SAMPLES
from paramprog.compile.parameters import TYPE
from paramprog.compile.print_c import StepPrinter
from paramprog.compile.print_replays import SPLIT
from paramprog.compile.sized_memory import SizedArena
from paramprog.compile.texts import Texts
from paramprog.compile.translate import Program
from paramprog.diagnostics import Span
from paramprog.graph import Node
from paramprog.simplify import simplify
from paramprog.types import Real, Size, Type, item_size

HEAD = """#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef {real} T;
#if defined(__GNUC__)
#define PP_APART __attribute__((noinline))
#define PP_ALIGNED __attribute__((aligned(64)))
#else
#define PP_APART
#define PP_ALIGNED
#define __attribute__(x)
#endif
/* turns of a loop side by side: one alone leaves a processor waiting, since all of it is one long chain */
#if defined(__GNUC__) && !defined(__clang__)
#define PP_OVERLAP \\
    __attribute__((optimize("unroll-loops", "schedule-insns", "sched-pressure", "web", "rename-registers")))
#else
#define PP_OVERLAP
#endif
/* doubles at computed places are loaded one by one: on AMD's processors vectors of places take twice as long */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
#define PP_LOOKUPS __attribute__((target("tune=generic")))
#else
#define PP_LOOKUPS
#endif
"""

OPAQUE = """
/* gcc 12 at -O3 folds masked loads of constant arrays wrongly, so it is not told that they are constant */
static inline const void *pp_opaque(const void *p) {
#if defined(__GNUC__)
    __asm__("" : "+r"(p));
#endif
    return p;
}
"""

GROWS = """
static int pp_room(void **data, int64_t *rows, int64_t wanted, size_t row) {
    if (wanted <= *rows) return 0;
    int64_t more = wanted < 16 ? 16 : wanted + wanted / 2;
    void *found = realloc(*data, (size_t)more * row);
    if (!found) return 1;
    *data = found;
    *rows = more;
    return 0;
}
"""

_NAME = re.compile(r"[A-Za-z_]\w*")

EACH = Size()
"""The number of samples, of programs for any."""


@dataclass(eq=False)
class Unit:
    """The lowered program: `steps`, its memory, the types of what goes in and comes out, the names of what goes in."""

    real: Real
    inputs: list[Buf]
    outputs: list[Buf]
    steps: list[Step]
    lowering: Lowering
    types: tuple[list[Type], list[Type]]
    names: list[str | None]

    @property
    def sites(self) -> Sequence[Node]:
        """The operations that may have no value; a fault k is about `sites[k - 1]`."""
        return self.lowering.sites


class Sized(NamedTuple):
    """What a source for any number of samples has more: places for these, and the sizes of inputs and outputs in C."""

    memory: SizedArena
    dims: Mapping[str, list[str]]


@dataclass(eq=False)
class CSource:
    """`head` (types and constants), `functions`, `run`; `arena` is how many bytes `pp_run` wants.

    With `sized` it is for any number of samples (sized_source.py): `pp_places` tells how many bytes.
    """

    unit: Unit
    head: str = ""
    tables: str = ""
    helpers: str = ""
    called: dict[tuple[str, str], None] = field(default_factory=dict)
    kernels: list[str] = field(default_factory=list)
    run: str = ""
    arena: int = 0
    grows: bool = False
    heap: bool = False
    replays: bool = False
    sized: Sized | None = None

    @cached_property
    def parameters(self) -> str:
        unit = self.unit
        given = [f"const {TYPE[b.kind]} *{b.name}" for b in unit.inputs]
        made = [f"{TYPE[b.kind]} *{b.name}" for b in unit.outputs]
        count = [f"int64_t {SAMPLES}", "const int64_t *places"] if self.sized is not None else []
        return ", ".join([*given, *made, *count, "char *arena"])

    def dims(self, buf: Buf) -> list[str]:
        """The sizes of an input or output, in C."""
        return [str(n) for n in buf.shape] if self.sized is None else self.sized.dims[buf.name]

    def text(self) -> str:
        """All of it."""
        places = [] if self.sized is None else [self.sized.memory.text]
        return "\n".join([self.head, self.tables, self.helpers, *self.kernels, *places, self.run])


def lower(outputs: Sequence[Node], leaves: Sequence[Node], *, prefix: str = "") -> Unit:
    """The steps for `outputs` given values of `leaves`; all names begin with `prefix`. Raises NotLowered."""
    program = Program(outputs, leaves)
    low = Lowering(program.builder, prefix)
    inputs = [_outer(low, leaf) for leaf in leaves]
    made = [_outer(low, y) for y in outputs]
    steps = low.body(
        list(zip(program.outputs, made, strict=True)), dict(zip(program.inputs, inputs, strict=True))
    )
    types = [n.type for n in leaves], [y.type for y in outputs]
    return Unit(outputs[0].graph.real, inputs, made, steps, low, types, [n.name for n in leaves])


def _outer(low: Lowering, n: Node) -> Buf:
    if any(isinstance(size, Size) for size in n.shape):
        raise NotLowered("outer")
    name = low.fresh("x")
    return Buf(name, n.kind, n.shape, name)


def c_source(
    unit: Unit, comment: Callable[[Sequence[Span]], str] = lambda spans: "", sized: Sized | None = None
) -> CSource:
    """The C text of a lowered program; `comment` makes that of a kernel from the places that it computes.

    With `sized` all kernels are told the number of samples, and places depend on it.
    """
    low = unit.lowering
    places, slots, size = _places(unit, sized)
    texts = Texts(unit.real, low.sizes, slots=slots)
    if sized is not None:
        texts = Texts(unit.real, {**low.sizes, EACH: SAMPLES}, [EACH], slots)
    printer = StepPrinter(texts, comment)
    body = list(printer.lines(unit.steps))
    lines = ["    (void)places;"] if sized is not None else []
    used = set(_NAME.findall("\n".join(body)))
    lines += [
        f"    {TYPE[b.kind]} *const {b.name} = ({TYPE[b.kind]} *)(arena + {at});"
        for b, at in places.items()
        if b.name in used
    ]
    grows = [b for b in low.memory if b.grows]
    lines += [f"    {TYPE[b.kind]} *{b.name} = 0; int64_t {b.name}_rows = 0;" for b in grows]
    lines += [f"    int64_t {name} = 0; (void){name};" for name in low.sizes.values()]
    lines += [
        f"    const {TYPE[b.kind]} *const {b.name} = pp_opaque({b.name}_data);" for b in low.tables.values()
    ]
    tables = [_table(t.array, b, unit.real) for t, b in low.tables.items()]
    goes = bool(grows) or low.heap
    text = head(unit.real, grows=bool(grows), tables=bool(tables), heap=low.heap, replays=printer.replays)
    source = CSource(unit, text, "\n".join(tables))
    if low.heap:
        bytes = room(unit.steps) if sized is None else None
        made = "{0}" if bytes is None else f"pp_within(arena + {-(-size // 64) * 64}, {bytes - HEAP_HEAD})"
        size = size if bytes is None else -(-size // 64) * 64 + bytes
        lines.append(f"    pp_heap heap = {made};")
    source.sized, source.heap, source.replays = sized, low.heap, printer.replays
    source.arena, source.grows, source.called = size, bool(grows), texts.called
    source.helpers = functions(texts.called, unit.real)
    source.kernels = printer.functions
    frees = [f"    free({b.name});" for b in grows]
    frees += ["    pp_back(&heap, 0, 0);"] if low.heap else []
    end = ["done:", *frees] if goes else []
    source.run = "\n".join(
        [
            f"static int64_t pp_run({source.parameters}) {{",
            "    int64_t fault = 0;",
            "    (void)arena;",
            *lines,
            *body,
            *end,
            "    return fault;",
            "}",
            "",
        ]
    )
    return source


def _places(unit: Unit, sized: Sized | None) -> tuple[dict[Buf, str], dict[str, int], int]:
    """(where arrays lie, the numbers of scalars among as many as the arena has room for, its bytes, if known)."""
    memory = unit.lowering.memory
    if sized is None:
        known, size = arena(memory, unit.steps, unit.real)
        places = {b: str(at) for b, at in known.items()}
    else:
        size, by_name = 0, sized.memory.places
        places = {b: by_name[b.name] for b in memory if not b.grows}
    slots = {
        b.name: int(at) // item_size(b.kind, unit.real)
        for b, at in places.items()
        if b.size <= 1 and at.isdecimal()
    }
    return places, slots, size


def head(real: Real, *, grows: bool, tables: bool, heap: bool, replays: bool) -> str:
    """What comes first: headers, the type of reals, room for arrays that grow, blocks, constant arrays."""
    text = HEAD.format(real="double" if real == "float64" else "float")
    wanted = {GROWS: grows, OPAQUE: tables, HEAP: heap, SPLIT: replays}
    return text + "".join(part for part, used in wanted.items() if used)


def _table(array: Any, buf: Buf, real: Real) -> str:
    entries = [literal(x, buf.kind, real) for x in np.ravel(array).tolist()]
    return f"static const {TYPE[buf.kind]} {buf.name}_data[{max(len(entries), 1)}] = {{{', '.join(entries) or '0'}}};"


def prepared(outputs: Sequence[Node], leaves: Sequence[Node]) -> tuple[list[Node], list[Node]]:
    """The outputs and leaves in a simplified graph without base functions, ready to be lowered."""
    made = simplify(outputs, inline_bases=True, records=True)
    graph = made.graph
    found = [made.of[x] if x in made.of else graph.leaf(x.type, x.name) for x in leaves]
    return list(made.outputs), found
