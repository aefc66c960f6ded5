"""How each primitive that is not elementwise becomes values of tensor.py; elementwise ones carry their C text.

What has neither is not lowered (`builder.REASONS`). The square of sech, the derivative of tanh, is one function in C,
which shares most of its work with tanh.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from paramprog.compile import array_rules, matrix_rules, reduction_rules, tape_rules
from paramprog.compile.builder import Builder, NotLowered, literal
from paramprog.compile.constant_arrays import constant
from paramprog.compile.tensor import Map, Value
from paramprog.graph import Node
from paramprog.op import Op
from paramprog.transfer.map import SECH, SQUARE
from paramprog.transfer.source import ARRAY, FULL
from paramprog.types import is_tape

Rule = Callable[..., Value]
"""(builder, node, *values of the arguments) -> the value of the node."""


def _full(b: Builder, n: Node) -> Value:
    return b.number(n.attrs["value"], n.kind, n.shape)


def _array(b: Builder, n: Node) -> Value:
    return constant(b, n.attrs["value"].array, n.kind)


RULES: Mapping[Op, Rule] = {
    FULL: _full,
    ARRAY: _array,
    **array_rules.RULES,
    **matrix_rules.RULES,
    **reduction_rules.RULES,
    **tape_rules.RULES,
}


def lowered(b: Builder, n: Node, args: list[Value]) -> Value:
    """The value of a node that is neither leaf nor region. Raises NotLowered."""
    if n.op not in tape_rules.RULES and is_tape(n.type):
        return tape_rules.over_tapes(b, n, *args)
    if n.op in RULES:
        return RULES[n.op](b, n, *args)
    if not n.op.elementwise or n.op.c is None:
        raise NotLowered("record", op=n.op.spelled)
    if n.op is SQUARE and isinstance(args[0], Map) and args[0].text == SECH.c:
        return b.map(n.kind, "pp_sech2({0})", *args[0].of)
    kind = n.args[0].kind
    text, fault = _text(b, n.op, n.attrs, kind), n.op.c_fault.get(kind)
    return args[0] if text == "{0}" and kind == n.kind else b.map(n.kind, text, *args, fault=fault)


def _text(b: Builder, op: Op, attrs: Mapping[str, Any], kind: Any) -> str:
    """The expression of the record, with attributes written out, and places for arguments."""
    text = op.c
    if isinstance(text, Mapping):
        text = text[kind]
    elif callable(text):
        return text(attrs)
    assert text is not None
    for name, value in attrs.items():
        if isinstance(value, float):
            text = text.replace(f"{{{name}}}", literal(value, "real", b.real))
        elif isinstance(value, int):
            text = text.replace(f"{{{name}}}", str(value))
    return text
