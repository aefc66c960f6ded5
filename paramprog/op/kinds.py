"""Rules for kinds: what the arguments of a primitive are converted to, and the kind of its result."""

from __future__ import annotations

from collections.abc import Callable

from paramprog.types import Kind, KindError, join_kinds

KindRule = Callable[..., tuple[tuple[Kind, ...], Kind]]
"""(*kinds of the arguments) -> (kinds they are converted to, kind of the result)."""


def to_real(*kinds: Kind) -> tuple[tuple[Kind, ...], Kind]:
    """Numbers become real: exp, sin, division."""
    joined = join_kinds((*kinds, "real"))
    return (joined,) * len(kinds), joined


def arithmetic(*kinds: Kind) -> tuple[tuple[Kind, ...], Kind]:
    """Ints stay int, an int beside a real becomes real: + - * max."""
    joined = join_kinds((*kinds, "int"))
    return (joined,) * len(kinds), joined


def comparison(*kinds: Kind) -> tuple[tuple[Kind, ...], Kind]:
    """Numbers are joined, the result is bool."""
    return (join_kinds((*kinds, "int")),) * len(kinds), "bool"


def logical(*kinds: Kind) -> tuple[tuple[Kind, ...], Kind]:
    """Bools in, bool out."""
    if any(k != "bool" for k in kinds):
        raise KindError("expects a bool, such as a comparison")
    return kinds, "bool"


def to_int(*kinds: Kind) -> tuple[tuple[Kind, ...], Kind]:
    """Numbers in, int out: argmax, int."""
    join_kinds((*kinds, "int"))
    return kinds, "int"


def unchanged(*kinds: Kind) -> tuple[tuple[Kind, ...], Kind]:
    """Any kinds that join, kept: reshape, concat, slices."""
    joined = join_kinds(kinds)
    return (joined,) * len(kinds), joined


def first_kind(*kinds: Kind) -> tuple[tuple[Kind, ...], Kind]:
    """The kind of the first argument; the others keep theirs: gather, scatter_add."""
    return kinds, kinds[0]
