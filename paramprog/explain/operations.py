"""Operations as formulas: `W @ h`, `x > 0`, `sum(y)`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from paramprog.explain import labels
from paramprog.graph import PART, Node
from paramprog.op import INFIX, PREFIX
from paramprog.transfer.branches import Branch
from paramprog.transfer.contract import CONTRACT, product_spec
from paramprog.transfer.linear import COPY, SPREAD
from paramprog.transfer.select import SLICE
from paramprog.transfer.source import ARRAY, FULL, LEAF
from paramprog.transfer.step import REAL
from paramprog.types import ShapeError

MAX_OPERANDS = 8


def literal(node: Node) -> str | None:
    """The number that an operation without a name stands for, else None; it is written where it is used."""
    while node.name is None:
        if node.op is FULL:
            value = node.attrs["value"]
            return {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
        if node.op not in (REAL, SPREAD):
            return None
        node = node.args[0]
    return None


def formula(node: Node, operands: Sequence[str]) -> str:
    """What a node computes of its operands, which are given by name (for a part of a branch: condition, then, else)."""
    op, name = node.op, node.op.name
    if op is LEAF:
        return "leaf"
    if op is FULL:
        return repr(node.attrs["value"])
    if op is ARRAY:
        return f"constant [{', '.join(map(str, node.shape))}]"
    if op is PART and len(operands) == 3 and isinstance(node.args[0].op, Branch):
        return "if {} then {} else {}".format(*operands)
    if op is COPY:
        return operands[0]
    if op is SLICE:
        return f"{operands[0]}[{_cuts(node.attrs['cuts'], len(node.args[0].shape))}]"
    if op is CONTRACT and _is_product(node):
        return f"{operands[0]} @ {operands[1]}"
    if name in INFIX and len(operands) == 2:
        return f"{operands[0]} {INFIX[name]} {operands[1]}"
    if name in PREFIX:
        return f"{PREFIX[name]}{operands[0]}"
    shown = list(operands)
    if len(shown) > MAX_OPERANDS:
        shown[MAX_OPERANDS - 1 : -1] = ["..."]
    spec = [f'"{node.attrs["spec"]}"'] if op is CONTRACT else []
    return f"{name}({', '.join([*spec, *shown])})"


def _is_product(node: Node) -> bool:
    try:
        return bool(node.attrs["spec"] == product_spec(node.args[0].shape, node.args[1].shape))
    except ShapeError:
        return False


def _cuts(cuts: Sequence[Any], rank: int) -> str:
    parts = [":"] * rank
    for cut in cuts:
        stop = cut.start + (cut.length or 0) * cut.step
        step = "" if cut.step == 1 else f":{cut.step}"
        parts[cut.axis] = str(cut.start) if cut.length is None else f"{cut.start}:{stop}{step}"
    return labels.shortened(", ".join(parts), labels.MAX_EXCERPT)
