"""Diagnostics that several parts of the checker raise."""

from __future__ import annotations

import re

from paramprog.diagnostics import ProgramError, Span, fail
from paramprog.types import MAX_ELEMENTS, KindError, Shape, ShapeError, Type, dims_text, elements, is_tape

CALLED = re.compile(r"(\w+)\s*\(")


def counted(n: int, noun: str, plural: str | None = None) -> str:
    """`1 axis`, `2 axes`."""
    return f"{n} {noun if n == 1 else plural or noun + 's'}"


def shape_text(shape: Shape) -> str:
    """`has shape [2, 3]`, `is a scalar`, `is a tape`."""
    if is_tape(Type("real", shape)):
        return "is a tape"
    return f"has shape {dims_text(shape)}" if shape else "is a scalar"


class Poisoned(Exception):
    """The expression mentions a name whose definition is in error already: there is nothing new to say."""


def mismatch(error: ShapeError, span: Span, hint: str | None = None) -> ProgramError:
    """The diagnostic for arguments that do not fit a primitive, which is named where `span` is its call."""
    message, called = str(error), CALLED.match(span.text)
    if called and message.startswith(("takes ", "needs ", "fills ")):
        message = f"`{called[1]}` {message}"
    return fail("type-mismatch" if isinstance(error, KindError) else "shape-mismatch", message, span, hint)


def check_size(type: Type, span: Span) -> None:
    """Raises ProgramError for an array too large to be meant."""
    if elements(type.shape) > MAX_ELEMENTS:
        message = f"{type} has {elements(type.shape):,} entries; the limit is 2^28 = {MAX_ELEMENTS:,}"
        raise fail("element-limit", message, span)
