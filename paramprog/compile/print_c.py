"""Steps as C99: the statements of one function, which calls the kernels (print_kernel.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import prod

from paramprog.compile.gemm import SHARED
from paramprog.compile.kernel import (
    AddTo,
    Buf,
    Call,
    Choice,
    Copy,
    Ensure,
    Kernel,
    Open,
    Pad,
    Product,
    Replays,
    Step,
    Turns,
    Zero,
)
from paramprog.compile.limits import ONE_BY_ONE
from paramprog.compile.parameters import TYPE
from paramprog.compile.print_chunks import ChunkPrinter
from paramprog.compile.print_replays import heap_call, marked, opened_lines, released, replay_lines
from paramprog.compile.texts import Texts
from paramprog.diagnostics import Span
from paramprog.types import is_open


class StepPrinter:
    """The statements of the program. Kernels go to `functions`, each after what `comment` says of its places."""

    def __init__(self, texts: Texts, comment: Callable[[Sequence[Span]], str]) -> None:
        self.texts, self.comment = texts, comment
        self.functions: list[str] = []
        self.replays = False

    def lines(self, steps: Sequence[Step], pad: str = "    ") -> Iterator[str]:
        for step in steps:
            for line in self._step(step):
                yield line if line.startswith("#") else pad + line

    def _step(self, step: Step) -> Iterator[str]:
        if isinstance(step, Kernel):
            printer = ChunkPrinter(step, self.texts)
            spans = [n.span for n in step.lines.values() if n.span is not None]
            text = printer.text()
            self.functions.append((ONE_BY_ONE if printer.uses_chunks else "") + self.comment(spans) + text)
            yield printer.call()
        elif isinstance(step, Product):
            yield from self._product(step)
        elif isinstance(step, Call):
            yield from self._call(step)
        elif isinstance(step, Ensure):
            yield self.grown(step.buf, self.texts.dim(step.buf.shape[0]))
        elif isinstance(step, Copy):
            yield f"memcpy({step.to.text}, {step.source}, {self.bytes(step.to)});"
        elif isinstance(step, Zero):
            yield f"memset({step.buf.text}, 0, {self.bytes(step.buf)});"
        elif isinstance(step, AddTo):
            sign = "|=" if step.to.kind == "bool" else "+="
            yield f"for (int64_t j = 0; j < {step.to.size}; j++) {step.to.text}[j] {sign} {step.value.text}[j];"
        elif isinstance(step, Open | Pad):
            yield from opened_lines(self, step)
        elif isinstance(step, Turns):
            yield from self._turns(step)
        elif isinstance(step, Replays):
            self.replays = True
            yield from replay_lines(self, step)
        else:
            yield from self._choice(step)

    def bytes(self, buf: Buf) -> str:
        count = f"{self.texts.dim(buf.shape[0])} * {buf.size}" if buf.grows else str(buf.size)
        return f"sizeof({TYPE[buf.kind]}) * (size_t)({count})"

    def grown(self, buf: Buf, rows: str) -> str:
        size = max(buf.size, 1)
        return (
            f"if (pp_room((void **)&{buf.name}, &{buf.name}_rows, {rows}, {size} * sizeof({TYPE[buf.kind]}))) "
            "{ fault = -1; goto done; }"
        )

    def _product(self, p: Product) -> Iterator[str]:
        g, a, b, out = p.shape, p.a.text, p.b.text, p.out.text
        m, n, k = (self.texts.dim(x) for x in (g.m, g.n, g.k))
        flags = f"{int(g.ta)}, {int(g.tb)}"
        first, second = a, b
        if g.swapped:
            first, second, m, n = b, a, n, m
            flags = f"{int(not g.tb)}, {int(not g.ta)}"
        sizes = [x for x in (g.m, g.n, g.k) if not is_open(x)]
        large = len(sizes) < 3 or prod(map(int, sizes)) >= SHARED
        name = self.texts.call("pp_gemm_rows" if large else "pp_gemm")
        if g.batch == 1:
            yield f"{name}({flags}, {m}, {n}, {k}, {first}, {second}, {out});"
            return
        yield f"for (int64_t j = 0; j < {g.batch}; j++)"
        yield (
            f"    {name}({flags}, {m}, {n}, {k}, {first} + j * {m} * {k}, {second} + j * {k} * {n}, "
            f"{out} + j * {m} * {n});"
        )

    def _call(self, c: Call) -> Iterator[str]:
        arrays = [b.text for b in (*c.args, c.out)] + ([] if c.scratch is None else [c.scratch.text])
        name = self.texts.call(c.function)
        if c.heap:
            yield from heap_call(name, [*map(self.texts.dim, c.numbers), *arrays], c.site)
            return
        call = f"{name}({', '.join([*map(str, c.numbers), *arrays])})"
        yield f"if ({call} && !fault) fault = {c.site};" if c.site else f"{call};"

    # ---- loops and branches --------------------------------------------------------------------------------------

    def _turns(self, t: Turns) -> Iterator[str]:
        limit = f"{t.counter}_n"
        count = str(t.static) if t.static is not None else f"{t.limit.text}[0] > 0 ? {t.limit.text}[0] : 0"
        yield "{"
        yield f"    const int64_t {limit} = {count};"
        if t.size is not None:
            yield f"    {self.texts.sizes[t.size]} = {limit};"
        if t.holds is None:
            yield from (f"    {self.grown(b, limit)}" for b in t.grows)
        for c in t.carries:
            yield f"    const {TYPE[c.start.kind]} *{c.pointer} = {c.start.text};"
        yield f"    int64_t {t.counter} = 0;"
        yield f"    for (; {t.counter} < {limit} && !fault; {t.counter}++) {{"
        at = f"{limit} - 1 - {t.counter}" if t.reverse else t.counter
        yield f"        const int64_t {t.at} = {at}; (void){t.at};"
        for name in t.index:
            yield f"        const int64_t {name}[1] = {{{t.at}}};"
        yield from (f"        {line}" for line in marked(t))
        yield from self.lines(t.test, "        ")
        if t.holds is not None:
            yield f"        if (fault || !{t.holds.text}[0]) break;"
            yield from (f"        {self.grown(b, f'{t.at} + 1')}" for b in t.grows)
        yield from self.lines(t.body, "        ")
        for c in t.carries:
            yield f"        {c.pointer} = {c.next};"
        yield from (f"        {line}" for line in released(t))
        yield "    }"
        for c in t.carries:
            if c.result is not None:
                yield f"    memcpy({c.result.text}, {c.pointer}, {self.bytes(c.result)});"
        if t.trips is not None:
            yield f"    {t.trips.text}[0] = {t.counter};"
        if t.size is not None:
            yield f"    {self.texts.sizes[t.size]} = {t.counter};"
        yield "}"

    def _choice(self, c: Choice) -> Iterator[str]:
        first, second = c.sides
        pad = ""
        if c.lanes:
            lanes = " * ".join(self.texts.dim(n) for n in c.lanes)
            yield f"for (int64_t {c.lane} = 0; {c.lane} < {lanes}; {c.lane}++) {{"
            pad = "    "
        yield f"{pad}if ({c.condition.text}[{c.lane if c.lanes else '0'}]) {{"
        yield from self.lines(first, pad + "    ")
        yield f"{pad}}} else {{"
        yield from self.lines(second, pad + "    ")
        yield f"{pad}}}"
        if c.lanes:
            yield "}"
