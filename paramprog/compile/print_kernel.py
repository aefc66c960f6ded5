"""Kernels as C99. All names are generated (v0, k1, ...): no text of a program gets into the code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from paramprog.compile.functions import APART
from paramprog.compile.kernel import (
    AddProduct,
    At,
    Buf,
    Check,
    Fill,
    Finish,
    Fold,
    For,
    Kernel,
    Let,
    Load,
    Multiply,
    Start,
    Statement,
    Store,
)
from paramprog.compile.nests import LIMIT
from paramprog.compile.parameters import TYPE, Parameters
from paramprog.compile.print_short_loops import short_lines
from paramprog.compile.short_loops import in_whole_vectors, in_widths
from paramprog.compile.tensor import How
from paramprog.compile.texts import Texts
from paramprog.compile.vmath import NAMES, NEAR
from paramprog.types import Dim, Kind, Size

REDUCTION: Mapping[How, str] = {"+": "+", "max": "max", "min": "min", "or": "|", "and": "&"}
"""How OpenMP calls the sums that a vectorised loop may make in another order."""

FIRST: Mapping[Kind, Mapping[How, str]] = {
    "real": {"+": "0", "max": "-INFINITY", "min": "INFINITY", "argmax": "0", "argmin": "0"},
    "int": {"+": "0", "max": "INT64_MIN", "min": "INT64_MAX", "argmax": "0", "argmin": "0", "or": "0"},
    "bool": {"or": "0", "and": "1", "argmax": "0", "argmin": "0", "max": "0", "min": "1"},
}

_FAR = re.compile(rf"\bpp_({'|'.join(NEAR)})\((\w+)\)")
"""Calls of functions that vector math has a form of for near arguments only."""

_MATH = re.compile(rf"\bpp_({'|'.join(NAMES)})\(")

INLINED = 64
"""Statements of a kernel up to which scalar code has vector math in line."""


class KernelPrinter:
    """One C function."""

    def __init__(self, kernel: Kernel, texts: Texts) -> None:
        self.kernel, self.texts = kernel, texts
        self.parameters = Parameters(kernel, texts.slots)
        self.names, self.pointers = self.parameters.names, self.parameters.pointers
        self.extents: dict[Size, None] = dict.fromkeys(texts.passed)
        self.near, self.in_vector, self.straight = False, False, False
        self.overlaps = self.apart = False
        """Whether a vectorised loop of the function that is printed calls vector math; and whether it is a rare one."""
        self.within = ""

    def text(self) -> str:
        """The definition.

        Of functions that have a part for far arguments only, which cannot be vectorised, there are two: one for near
        arguments, which looks for far ones and then has the other do all of it again. So it is in short straight code,
        where no branch is then between sin(x) and cos(x), which share most of their work.
        """
        kernel = self.kernel
        self.straight = kernel.weight <= INLINED and not any(isinstance(s, For) for s in kernel.body)
        if not (_calls_near(kernel.body) if self.straight else _is_vectorised_with_near(kernel.body)):
            return self._definition(kernel.name, "")
        whole = self._definition(f"{kernel.name}_far", "", apart=True)
        self.near = True
        arguments = [*self.pointers, *(self.texts.sizes[n] for n in self.extents)]
        arguments += ["fault"] if kernel.checks else []
        return whole + self._definition(
            kernel.name, f"\n    if (far) {{ {kernel.name}_far({', '.join(arguments)}); return; }}"
        )

    def _definition(self, name: str, after: str, *, apart: bool = False) -> str:
        self.overlaps, self.apart = False, apart
        body = "\n".join(self.lines(self.kernel.body, "    "))
        ends = "".join(
            f"\n    if ({name} && !*fault) *fault = {site};" for name, site in self.kernel.checks.items()
        )
        starts = "".join(f"    int64_t {name} = 0;\n" for name in self.kernel.checks)
        params = [f"{p.text}restrict {name}" for name, p in self.pointers.items()]
        params += [f"int64_t {self.texts.sizes[n]}" for n in self.extents]
        params += ["int64_t *fault"] if self.kernel.checks else []
        longest = INLINED if self.parameters.slots else LIMIT // 2
        far = "PP_APART " if apart or self.kernel.weight > longest else ""
        head = f"{self._side_by_side}static {far}void {name}({', '.join(params) or 'void'})"
        starts += "    int64_t far = 0;\n" if after else ""
        return f"{head} {{\n{starts}{body}{after}{ends}\n}}\n"

    @property
    def _side_by_side(self) -> str:
        """Before a function whose loops gain by it."""
        if self.overlaps:
            return "" if self.apart else "PP_OVERLAP "
        return "PP_LOOKUPS " if self.texts.real == "float64" and _looks_up(self.kernel.body) else ""

    def call(self) -> str:
        """The call, after `text`."""
        arguments = self.parameters.arguments
        arguments += [self.texts.sizes[n] for n in self.extents]
        arguments += ["&fault"] if self.kernel.checks else []
        return f"{self.kernel.name}({', '.join(arguments)});"

    def _entry(self, buf: Buf, at: At) -> str:
        offset = self.texts.offset(buf, at)
        if buf.text in self.parameters.slots:
            name, slot = self.parameters.slots[buf.text]
            return f"{name}[{slot}]" if offset == "0" else f"{name}[{slot} + {offset}]"
        return f"{self.names.get(buf.text, buf.name)}[{offset}]"

    def lines(self, body: Sequence[Statement], pad: str) -> Iterator[str]:
        for s in body:
            if isinstance(s, For):
                yield from self._loop(s, pad)
            else:
                yield from (pad + line for line in self._statement(s))

    def _statement(self, s: Statement) -> Iterator[str]:
        text = self.texts.expression
        if isinstance(s, Let):
            written = s.text
            self.overlaps |= self.in_vector and _MATH.search(written) is not None
            if self.near and (self.in_vector or self.straight):
                for function, argument in _FAR.findall(written):
                    yield f"far |= {self._inside(text(f'pp_{function}_is_far({argument})'))};"
                written = _FAR.sub(r"pp_\1_near(\2)", written)
            elif not self.in_vector and self.kernel.weight > INLINED:
                written = _MATH.sub(rf"pp_{APART}\1(", written)
            yield f"const {TYPE[s.kind]} {s.name} = {text(written)};"
        elif isinstance(s, Load):
            yield f"const {TYPE[s.buf.kind]} {s.name} = {self._inside(self._entry(s.buf, s.at))};"
        elif isinstance(s, Store):
            entry = self._entry(s.buf, s.at)
            value = s.value if s.how is None else self._folded(s.buf.kind, s.how, entry, s.value)
            yield f"{self._only}{entry} = {value};"
        elif isinstance(s, AddProduct):
            entry = self._entry(s.buf, s.at)
            yield f"{self._only}{entry} = {text(f'pp_mac({s.a}, {s.b}, {entry})')};"
        elif isinstance(s, Multiply):
            a, b = self._inside(s.a), self._inside(s.b)
            product = f"pp_mac({a}, {b}, {s.name})"
            if s.kind == "int":
                product = f"pp_add_i64({s.name}, pp_mul_i64({a}, {b}))"
            yield f"{s.name} = {text(product)};"
        elif isinstance(s, Start):
            yield from self._start(s)
        elif isinstance(s, Fold):
            yield from self._fold(s)
        elif isinstance(s, Finish):
            if has_flag(s.kind, s.how):
                yield f"if ({s.name}_n) {s.name} = NAN;"
        elif isinstance(s, Check):
            yield f"{s.name} |= {self._inside(text(s.condition))};"
        elif isinstance(s, Fill):
            yield from self._fill(s)

    def _start(self, s: Start) -> Iterator[str]:
        kind = TYPE[s.kind]
        if s.how in ("argmax", "argmin"):
            yield f"int64_t {s.name} = -1; {kind} {s.name}_b = 0;"
        else:
            yield f"{kind} {s.name} = {FIRST[s.kind][s.how]};"
            if has_flag(s.kind, s.how):
                yield f"int {s.name}_n = 0;"

    def _fold(self, s: Fold) -> Iterator[str]:
        v, b = self._inside(s.value, FIRST[s.kind][s.how]), f"{s.name}_b"
        if s.how in ("argmax", "argmin"):
            sign = ">" if s.how == "argmax" else "<"
            better = f"{s.name} < 0 || {v} {sign} {b} || ({v} != {v} && {b} == {b})"
            yield f"if ({better}) {{ {s.name} = {s.counter}; {b} = {v}; }}"
            return
        if has_flag(s.kind, s.how):
            sign = ">" if s.how == "max" else "<"
            yield f"{s.name} = {v} {sign} {s.name} ? {v} : {s.name}; {s.name}_n |= {v} != {v};"
            return
        yield f"{s.name} = {self._folded(s.kind, s.how, s.name, v)};"

    def _folded(self, kind: Kind, how: How, a: str, b: str) -> str:
        if how == "+":
            return self.texts.expression(f"pp_add_i64({a}, {b})") if kind == "int" else f"{a} + {b}"
        if how in ("or", "and"):
            return f"{a} {REDUCTION[how]} {b}"
        return f"{b} {'>' if how == 'max' else '<'} {a} || {b} != {b} ? {b} : {a}"

    def _fill(self, s: Fill) -> Iterator[str]:
        size, kind = s.buf.size, TYPE[s.buf.kind]
        name = self.names.get(s.buf.text, s.buf.name)
        if s.local:
            yield f"{kind} {name}[{max(size, 1)}] PP_ALIGNED;"
        if s.how is None:
            return
        first = FIRST[s.buf.kind][s.how]
        count = str(size)
        if s.buf.grows:
            count = f"{self._extent(s.buf.shape[0])} * {size}"
        if first == "0":
            yield f"memset({name}, 0, sizeof({kind}) * (size_t)({count}));"
        else:
            yield f"for (int64_t j = 0; j < {count}; j++) {name}[j] = {first};"

    def _extent(self, n: Dim) -> str:
        if isinstance(n, Size):
            self.extents[n] = None
        return self.texts.dim(n)

    def _loop(self, loop: For, pad: str) -> Iterator[str]:
        innermost = not any(isinstance(s, For) for s in loop.body)
        ordered = any(how in ("argmax", "argmin") for _, _, how in loop.sums)
        self.in_vector = innermost and not ordered
        i = f"i{loop.depth}"
        first, end = self._bounds(loop)
        far = not self.near and _calls_near(loop.body)
        if innermost and in_widths(loop, self.texts.real):
            yield from short_lines(self, loop, pad)
            self.in_vector = False
            return
        if self.in_vector and not far and in_whole_vectors(loop, self.texts.real):
            self.within = f"{i} < e{loop.depth}"
            yield f"{pad}{{"
            yield f"{pad}const int64_t e{loop.depth} = {self.texts.expression(f'pp_end({end})')};"
            end = f"PP_TURNS({end})"
        if self.in_vector and _may_reorder(loop, masked=bool(self.within)):
            near = " reduction(|:far)" if self.near and _is_vectorised_with_near([loop]) else ""
            yield "#pragma omp simd" + "".join(_reductions(loop)) + near
        yield f"{pad}for (int64_t {i} = {first}; {i} < {end}; {i}++) {{"
        yield from self.lines(loop.body, pad + "    ")
        yield f"{pad}}}"
        if self.within:
            yield f"{pad}}}"
        self.in_vector, self.within = False, ""

    @property
    def _only(self) -> str:
        """Before what turns beyond the end of a loop do not do."""
        return f"if ({self.within}) " if self.within else ""

    def _inside(self, value: str, beyond: str = "0") -> str:
        """The value in turns of the loop, and in those beyond its end (short_loops.py)."""
        return f"({self.within} ? {value} : {beyond})" if self.within else value

    def _bounds(self, loop: For) -> tuple[str, str]:
        return "0", self._extent(loop.extent)


def _may_reorder(loop: For, *, masked: bool) -> bool:
    """Whether the compiler is to be told that it may add in another order: only where it must be, to vectorise sums.

    Of a loop that is masked gcc 12 must also be told that it may find faults in another order.

    Not where a loop adds into memory: gcc 12 loses stores of an outer loop's turns then (`simd` at -O3).
    """
    adds = any(isinstance(s, AddProduct) or (isinstance(s, Store) and s.how is not None) for s in loop.body)
    return not adds and any(masked or (kind == "real" and how != "or") for _, kind, how in loop.sums)


def _looks_up(body: Sequence[Statement]) -> bool:
    """Whether a loop reads at places that it computes."""
    loops = [s for s in body if isinstance(s, For)]
    return any(isinstance(s, Load) and _is_computed(s.at) for loop in loops for s in loop.body) or any(
        _looks_up(loop.body) for loop in loops
    )


def _is_computed(at: At) -> bool:
    return any(isinstance(p, str) for p in at)


def _calls_near(body: Sequence[Statement]) -> bool:
    return any(isinstance(s, Let) and _FAR.search(s.text) for s in body)


def _is_vectorised_with_near(body: Sequence[Statement]) -> bool:
    """Whether a loop without loops in it calls a function of `NEAR`."""
    for loop in body:
        if isinstance(loop, For):
            inner = any(isinstance(s, For) for s in loop.body)
            if _is_vectorised_with_near(loop.body) if inner else _calls_near(loop.body):
                return True
    return False


def has_flag(kind: Kind, how: How) -> bool:
    """Whether NaN is looked for apart: a maximum of a vectorised loop would lose it."""
    return kind == "real" and how in ("max", "min")


def _reductions(loop: For) -> Iterator[str]:
    for name, kind, how in dict.fromkeys(loop.sums):
        yield f" reduction({REDUCTION[how]}:{name})"
        if has_flag(kind, how):
            yield f" reduction(|:{name}_n)"
