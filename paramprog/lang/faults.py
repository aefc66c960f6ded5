"""Diagnostics that several parts of the checker raise."""

from __future__ import annotations

from paramprog.diagnostics import Diagnostic, ProgramError, Span, fail
from paramprog.types import KindError, ShapeError


class Poisoned(Exception):
    """The expression mentions a name whose definition is in error already: there is nothing new to say."""


def mismatch(error: ShapeError, span: Span, hint: str | None = None) -> ProgramError:
    """The diagnostic for arguments that do not fit a primitive."""
    return fail("type-mismatch" if isinstance(error, KindError) else "shape-mismatch", str(error), span, hint)


def not_built(what: str, span: Span) -> Diagnostic:
    """What parses but cannot be compiled yet says so."""
    return Diagnostic("not-built", f"{what} cannot be compiled yet", span)
