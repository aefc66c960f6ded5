"""Loops and comprehensions in Python: plain loops, and lists that become arrays."""

from __future__ import annotations

from collections.abc import Sequence

from paramprog.emit.code import Code
from paramprog.emit.language import Language, is_ragged
from paramprog.emit.written import Written, call
from paramprog.types import Kind, Shape, Type


class PythonLoops(Language):
    """What Python says of regions."""

    has_lists = True

    def rendered(self, codes: Sequence[Code]) -> list[str]:
        lines: list[str] = []
        for code in codes:
            if isinstance(code, str):
                lines += code.split("\n")
                continue
            for k, (head, body) in enumerate(code.arms):
                word = f"if {head}" if code.kind == "if" else f"{head}"
                lines.append(
                    f"{'el' if k and head is not None else ''}{word if head is not None else 'else'}:"
                )
                lines += [f"    {line}" for line in self.rendered(body) or ["pass"]]
        return lines

    def range(self, limit: Written, *, exact: bool) -> str:
        # numbers of Python have faults where those of NumPy have values
        return f"np.arange({limit.text})" if exact else f"range({limit.text})"

    def first(self, value: bool | int | float, kind: Kind, *, exact: bool) -> Written:
        plain = self.number(value, kind)
        if kind == "bool" or not (exact or (kind == "real" and self.real != "float64")):
            return plain
        return call(f"np.{self.real}" if kind == "real" else "np.int64", plain)

    def entries(self, entry: Written, indices: Sequence[tuple[str, str]], type: Type) -> Written:
        text = entry.text
        for index, range in reversed(indices):
            text = f"[{text} for {index} in {range}]"
        return call("np.array", text, *self._dtype(type.kind))

    def added(self, entry: Written, indices: Sequence[tuple[str, str]]) -> Written:
        return Written(f"sum({entry.text}{''.join(f' for {index} in {range}' for index, range in indices)})")

    def any_of(self, x: Written, over: int, rank: int) -> Written:
        return call("np.any", x, *([repr(tuple(range(over)))] if rank else []))

    def either(self, a: Written, b: Written) -> Written:
        return call("np.logical_or", a, b)

    def started(self, type: Type, rank: int = 1) -> Written:
        sizes = type.shape[:rank]
        return Written("[]") if is_ragged(sizes) else call("np.empty", shape_text(sizes), "object")

    def appended(self, array: str, value: Written) -> str:
        return f"{array}.append({value.text})"

    def finished(self, array: str, type: Type, *, reverse: bool) -> list[str]:
        lines = [f"{array}.reverse()"] if reverse else []
        _, *row = type.shape
        if is_ragged(tuple(row)):
            return lines
        dtype = {"real": self.real, "int": "int64", "bool": "bool_"}[type.kind]
        shape = ", ".join([f"len({array})", *map(str, row)])
        made = f"np.array({array}, np.{dtype})"
        return [*lines, f"{array} = {f'{made}.reshape({shape})' if row else made}"]

    def _dtype(self, kind: Kind) -> list[str]:
        return [f"np.{self.real}"] if kind == "real" and self.real != "float64" else []


def shape_text(shape: Shape) -> str:
    """A shape as an argument: a plain number for one axis."""
    return str(shape[0]) if len(shape) == 1 else repr(tuple(shape))
