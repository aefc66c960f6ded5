"""Loops in chunks as C99: a function for the turns of a chunk, which any thread may call, and the sums of them all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from paramprog.compile.kernel import Buf, Chunks, Fill, Fold, For, Let, Load, Start
from paramprog.compile.parameters import TYPE
from paramprog.compile.print_kernel import KernelPrinter, has_flag

_WORD = re.compile(r"\b[A-Za-z_]\w*")


@dataclass(frozen=True)
class _Name:
    """What a chunk gets from its kernel: its type in a struct and as a parameter, and what of the struct it is."""

    type: str
    name: str
    value: str
    pointer: bool = False

    @property
    def parameter(self) -> str:
        return f"{self.type}{'restrict ' if self.pointer else ''}{self.name}"


class ChunkPrinter(KernelPrinter):
    """A kernel whose long loops are cut."""

    parts: Sequence[str] = ()
    uses_chunks = False
    _function = ""

    def _definition(self, name: str, after: str, *, apart: bool = False) -> str:
        self.parts, self._function = [], name
        text = super()._definition(name, after, apart=apart)
        return "".join([*self.parts, text])

    def _loop(self, loop: For, pad: str) -> Iterator[str]:
        if loop.chunks is None:
            yield from super()._loop(loop, pad)
            return
        self.uses_chunks = True
        name, cut = f"{self._function}_{len(self.parts) + 1}", loop.chunks
        around, self.overlaps = self.overlaps, False
        body = list(super()._loop(loop, "    "))
        found = set(_WORD.findall("\n".join(body)))
        flags = [f for f in [*self.kernel.checks, "far"] if f in found]
        found |= {self.texts.sizes[n] for n in self.texts.passed}
        found |= {self.texts.sizes[n] for n in self.texts.passed}
        given = [n for n in self._known(cut) if n.name in found]
        sums = self._sums(cut, flags)
        self.parts = [*self.parts, self._apart(name, cut, body, given, sums, flags)]
        self.overlaps = around
        yield from (pad + line for line in self._shared(name, loop, given, sums, flags))

    def _bounds(self, loop: For) -> tuple[str, str]:
        return super()._bounds(loop) if loop.chunks is None else ("from", "to")

    # ---- what a chunk gets, and what it makes --------------------------------------------------------------------

    def _known(self, cut: Chunks) -> Iterator[_Name]:
        """Names of the kernel that a chunk may use."""
        rows = {self._address(b): self._address(partial) for b, (partial, _) in cut.arrays.items()}
        sizes = {self._address(b): b.size for b in cut.arrays}
        memory = {n: p.text for n, p in self.pointers.items()}
        for s in self.kernel.body:
            if isinstance(s, Fill) and s.local:
                memory[self._address(s.buf)] = f"{TYPE[s.buf.kind]} *"
        for name, type in memory.items():
            value = f"in->{name}" if name not in rows else f"in->{name} + c * {sizes[name]}"
            yield _Name(type, name, value, pointer=True)
        own = {s.name for s in cut.sums}
        for s in self.kernel.body:
            if isinstance(s, Let | Load):
                kind = s.kind if isinstance(s, Let) else s.buf.kind
                yield _Name(f"{TYPE[kind]} ", s.name, f"in->{s.name}")
            elif isinstance(s, Start) and s.name not in own:
                yield _Name(f"{_type(s)} ", s.name, f"in->{s.name}")
        for size in self.texts.sizes.values():
            yield _Name("int64_t ", size, f"in->{size}")

    def _address(self, buf: Buf) -> str:
        return self.names.get(buf.text, buf.name)

    def _sums(self, cut: Chunks, flags: Sequence[str]) -> dict[str, str]:
        """The variables that a chunk leaves behind, and their types."""
        found = dict.fromkeys(flags, "int64_t")
        for s in cut.sums:
            found[s.name] = _type(s)
            if s.how in ("argmax", "argmin"):
                found[f"{s.name}_b"] = TYPE[s.kind]
            elif has_flag(s.kind, s.how):
                found[f"{s.name}_n"] = "int"
        return found

    # ---- texts ---------------------------------------------------------------------------------------------------

    def _apart(
        self,
        name: str,
        cut: Chunks,
        body: Sequence[str],
        given: Sequence[_Name],
        sums: dict[str, str],
        flags: Sequence[str],
    ) -> str:
        """The types, the turns of a chunk, and the function that `pp_chunks` calls."""
        out = f", {name}_sums *restrict sums" if sums else ""
        lines = (
            [f"typedef struct {{ {' '.join(f'{t} {n};' for n, t in sums.items())} }} {name}_sums;"]
            if sums
            else []
        )
        fields = " ".join(f"{n.type}{n.name};" for n in given)
        lines.append(
            f"typedef struct {{ {fields} int64_t rows, end;{f' {name}_sums *sums;' if sums else ''} }} {name}_in;"
        )
        parameters = ", ".join([*(n.parameter for n in given), "const int64_t from", "const int64_t to"])
        lines.append(f"{self._side_by_side}static PP_APART void {name}({parameters}{out}) {{")
        lines += [f"    int64_t {flag} = 0;" for flag in flags]
        for s in cut.sums:
            lines += [f"    {line}" for line in self._start(s)]
        for b, (_, how) in cut.arrays.items():
            lines += [f"    {line}" for line in self._fill(Fill(b, how, local=False))]
        lines += [*body, *(f"    sums->{n} = {n};" for n in sums), "}"]
        arguments = ", ".join([*(n.value for n in given), "from", "to", *(["in->sums + c"] if sums else [])])
        lines += [
            f"static void {name}_run(void *given, int64_t c) {{",
            f"    const {name}_in *in = given;",
            "    const int64_t from = c * in->rows, to = in->end - from < in->rows ? in->end : from + in->rows;",
            f"    {name}({arguments});",
            "}\n",
        ]
        return "\n".join(lines)

    def _shared(
        self, name: str, loop: For, given: Sequence[_Name], sums: dict[str, str], flags: Sequence[str]
    ) -> Iterator[str]:
        """In the kernel: all chunks, then the sums of their sums, in order."""
        cut = loop.chunks
        assert cut is not None
        rows = {self._address(b): self._address(partial) for b, (partial, _) in cut.arrays.items()}
        yield "{"
        yield f"    const int64_t end = {self._extent(loop.extent)};"
        yield f"    int64_t rows = (end + {cut.most - 1}) / {cut.most};"
        if cut.line > 1:
            yield f"    rows = (rows + {cut.line - 1}) / {cut.line} * {cut.line};"
        yield f"    rows = end < {cut.least} ? end : rows < {cut.rows} ? {cut.rows} : rows;"
        yield "    const int64_t count = rows ? (end + rows - 1) / rows : 0;"
        if sums:
            yield f"    {name}_sums sums[{cut.most}];"
        values = [rows.get(n.name, n.name) for n in given]
        values += ["rows", "end", *(["sums"] if sums else [])]
        yield f"    {name}_in in = {{{', '.join(values)}}};"
        yield f"    pp_chunks({name}_run, &in, count);"
        if sums or rows:
            yield "    for (int64_t c = 0; c < count; c++) {"
            yield from (f"        {line}" for line in self._together(cut, flags))
            yield "    }"
        yield "}"

    def _together(self, cut: Chunks, flags: Sequence[str]) -> Iterator[str]:
        for s in cut.sums:
            ordered = s.how in ("argmax", "argmin")
            found = f"sums[c].{s.name}"
            yield from self._fold(Fold(s.name, s.kind, s.how, f"{found}_b" if ordered else found, found))
            if has_flag(s.kind, s.how):
                yield f"{s.name}_n |= {found}_n;"
        for flag in flags:
            yield f"{flag} |= sums[c].{flag};"
        for b, (partial, how) in cut.arrays.items():
            entry = f"{self._address(b)}[j]"
            value = self._folded(b.kind, how, entry, f"{self._address(partial)}[c * {b.size} + j]")
            yield f"for (int64_t j = 0; j < {b.size}; j++) {entry} = {value};"


def _type(s: Start) -> str:
    return "int64_t" if s.how in ("argmax", "argmin") else TYPE[s.kind]
