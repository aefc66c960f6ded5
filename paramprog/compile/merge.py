"""The texts of one program for several numbers of samples, as one text for any number of them.

Where they differ, there is a number, which must be a function of how many samples there are: a whole number
`samples * a + b`, such as the end of a loop, or a real one `a * samples`, `a / samples` or `a * (1 / samples)`, as in a
mean. It is found from two texts, and has to give what stands in every other one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from paramprog.types import Real

SAMPLES: Final = "samples"
"""What the number of samples is called in C: no generated name is like it."""

_NUMBER = re.compile(
    r"INT64_C\(\d+\)|(?<![\w.])(?:0x[\da-fA-F.]+(?:p[+-]?\d+)?|\d+(?:\.\d*)?(?:e[+-]?\d+)?)u?"
)

_WHOLE = re.compile(r"(?:INT64_C\()?(\d+)[u)]?")

_ROOM = re.compile(r"\[\d+\] PP_ALIGNED")
"""An array on the stack, whose size no run may decide."""

_FORMS: Sequence[tuple[str, Callable[[float, int], float], Callable[[float, int], float]]] = (
    ("({} * (double)samples)", lambda a, n: a * n, lambda x, n: x / n),
    ("({} / (double)samples)", lambda a, n: a / n, lambda x, n: x * n),
    ("({} * (1.0 / (double)samples))", lambda a, n: a * (1.0 / n), lambda x, n: x * n),
)
"""(the expression of a factor, what it is for n samples, what the factor would have to be)."""


class NotMerged(Exception):
    """The texts are not those of one program for any number of samples; the message says why."""


def merged(texts: Sequence[str], sizes: Sequence[int], real: Real) -> str:
    """The text that is `texts[k]` where `samples` is `sizes[k]`. Raises NotMerged."""
    first = _NUMBER.split(texts[0])
    if any(_NUMBER.split(text) != first for text in texts[1:]):
        raise NotMerged("the operations depend on the number of samples")
    if any(len(set(found)) > 1 for found in zip(*map(_ROOM.findall, texts), strict=True)):
        raise NotMerged("arrays on the stack depend on the number of samples")
    made = [first[0]]
    known: dict[tuple[str, ...], str] = {}
    for numbers, after in zip(zip(*map(_NUMBER.findall, texts), strict=True), first[1:], strict=True):
        if numbers not in known:
            known[numbers] = numbers[0] if len(set(numbers)) == 1 else expression(numbers, sizes, real)
        made += [known[numbers], after]
    return "".join(made)


def expression(numbers: Sequence[str], sizes: Sequence[int], real: Real) -> str:
    """The expression that is written as `numbers[k]` for `sizes[k]` samples. Raises NotMerged."""
    whole = [_WHOLE.fullmatch(text) for text in numbers]
    if all(whole):
        return affine([int(found[1]) for found in whole if found], sizes)
    rounded: Callable[[Any], Any] = np.float32 if real == "float32" else float
    values = [float.fromhex(text) if "x" in text else float(text) for text in numbers]
    for form, value, factor in _FORMS:
        for a in _near([factor(x, n) for x, n in zip(values, sizes, strict=True)]):
            if all(rounded(value(a, n)) == rounded(x) for x, n in zip(values, sizes, strict=True)):
                return form.format(a.hex())
    raise NotMerged("a number depends on the number of samples in a way that is not looked for")


def affine(values: Sequence[int], sizes: Sequence[int]) -> str:
    """The expression `samples * a + b` that is `values[k]` for `sizes[k]` samples. Raises NotMerged."""
    a, b = line(values, sizes)
    if not a:
        return str(b)
    product = SAMPLES if a == 1 else f"{SAMPLES} * {a}"
    return product if product == SAMPLES and not b else f"({product} + {b})" if b else f"({product})"


def line(values: Sequence[int], sizes: Sequence[int]) -> tuple[int, int]:
    """(a, b) with values[k] = a sizes[k] + b. Raises NotMerged."""
    a, rest = divmod(values[1] - values[0], sizes[1] - sizes[0])
    b = values[0] - a * sizes[0]
    if rest or any(a * n + b != x for x, n in zip(values, sizes, strict=True)):
        raise NotMerged("a size is not proportional to the number of samples")
    return a, b


def _near(factors: Sequence[float]) -> list[float]:
    """What the factor may be, of which these are roundings: short numbers first."""
    short = [float(f"{x:.{digits}g}") for digits in (6, 15) for x in factors]
    return list(dict.fromkeys(x for x in (*short, *factors) if np.isfinite(x)))
