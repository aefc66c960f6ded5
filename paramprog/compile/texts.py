"""What all C texts of one program have in common: names of functions, sizes, places of entries."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import prod

from paramprog.compile.kernel import At, Buf
from paramprog.types import Dim, Real, Size

_FUNCTION = re.compile(r"\bpp_([a-z]\w*?)(_f64|_f32|_i64|_u8)?\(")

Sizes = Mapping[Size, str]

NO_SLOTS: Mapping[str, int] = {}


class Texts:
    """Texts of one program: what the precision decides, where scalars lie, and which functions they call."""

    def __init__(
        self, real: Real, sizes: Sizes, passed: Sequence[Size] = (), slots: Mapping[str, int] = NO_SLOTS
    ) -> None:
        self.real, self.sizes, self.passed, self.slots = real, sizes, passed, slots
        self.suffix = "f64" if real == "float64" else "f32"
        self.called: dict[tuple[str, str], None] = {}

    def expression(self, text: str) -> str:
        """The text with functions by their whole names; these are noted."""

        def whole(found: re.Match[str]) -> str:
            name, suffix = found[1], (found[2] or f"_{self.suffix}")[1:]
            self.called[name, suffix] = None
            return f"pp_{name}_{suffix}("

        return _FUNCTION.sub(whole, text)

    def call(self, function: str) -> str:
        """The name of a routine, noted."""
        return self.expression(f"{function}(")[:-1]

    def dim(self, n: Dim) -> str:
        return self.sizes[n] if isinstance(n, Size) else str(int(n))

    def offset(self, buf: Buf, at: At) -> str:
        """The place of an entry, rows after rows."""
        constant, terms = 0, []
        for k, place in enumerate(at):
            stride = prod(buf.shape[k + 1 :])
            if isinstance(place, str):
                terms.append(f"{place} * {stride}" if stride != 1 else place)
                continue
            constant += place.offset * stride
            if place.axis >= 0 and place.coef * stride != 0:
                factor = place.coef * stride
                terms.append(f"i{place.axis}" if factor == 1 else f"i{place.axis} * {factor}")
        if constant or not terms:
            terms.append(str(constant))
        return " + ".join(terms)
