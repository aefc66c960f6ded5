"""What a kernel gets: a pointer to each array; where it uses many scalars, one to all that lie in the arena."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from paramprog.compile.kernel import For, Kernel, Statement
from paramprog.types import Kind

TYPE: Final[Mapping[Kind, str]] = {"real": "T", "int": "int64_t", "bool": "uint8_t"}

FEW: Final = 16
"""Scalars in the arena up to which a kernel has a pointer to each."""

TOGETHER: Final[Mapping[Kind, str]] = {"real": "reals", "int": "ints", "bool": "bools"}
"""Pointers to the arena, by what they point to: scalars never share a place, so `restrict` holds for these too."""


class Pointer(NamedTuple):
    """A parameter: what it points to, whether that is written, and what it is in a call."""

    type: str
    written: bool
    argument: str

    @property
    def text(self) -> str:
        return f"{'' if self.written else 'const '}{self.type} *"


class Parameters:
    """The pointers of a kernel. `slots` are the scalars in the arena, each with its number among those of its kind.

    `names` says how memory (`Buf.text`) is called in the kernel, `slots` which entry of which pointer it is.
    """

    def __init__(self, kernel: Kernel, slots: Mapping[str, int]) -> None:
        self.names: dict[str, str] = {}
        self.slots: dict[str, tuple[str, int]] = {}
        self.pointers: dict[str, Pointer] = {}
        scalars = [b for b in kernel.bufs if b.address is None and b.name in slots]
        together = len(scalars) > FEW and not _is_cut(kernel.body)
        for buf, written in kernel.bufs.items():
            kind = TYPE[buf.kind]
            if together and buf.address is None and buf.name in slots:
                name, argument = TOGETHER[buf.kind], f"({kind} *)arena"
                self.slots[buf.text] = name, slots[buf.name]
                self.names[buf.text] = f"({name} + {slots[buf.name]})"
            else:
                name, argument = self.names.setdefault(buf.text, f"a{len(self.names)}"), buf.text
            written |= name in self.pointers and self.pointers[name].written
            self.pointers[name] = Pointer(kind, written, argument)

    @property
    def arguments(self) -> list[str]:
        return [p.argument for p in self.pointers.values()]


def _is_cut(body: Sequence[Statement]) -> bool:
    """Whether a loop is in chunks, which get pointers of their own."""
    return any(isinstance(s, For) and s.chunks is not None for s in body)
