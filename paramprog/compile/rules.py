"""How each primitive that is not elementwise becomes values of tensor.py; elementwise ones carry their C text.

What has no rule here and no text in its record is not lowered; `NOT_LOWERED` says why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from paramprog.compile import array_rules, matrix_rules, reduction_rules
from paramprog.compile.builder import Builder, NotLowered, literal
from paramprog.compile.tensor import Value
from paramprog.graph import Node
from paramprog.op import Op
from paramprog.transfer.select import COMPRESS, EXPAND
from paramprog.transfer.source import ARRAY, FULL
from paramprog.transfer.tape import DEEPER, LONE, PUSH, REST, TAPE, TOP

Rule = Callable[..., Value]
"""(builder, node, *values of the arguments) -> the value of the node."""


def _full(b: Builder, n: Node) -> Value:
    return b.number(n.attrs["value"], n.kind, n.shape)


def _array(b: Builder, n: Node) -> Value:
    return b.table(n.attrs["value"].array, n.kind)


RULES: Mapping[Op, Rule] = {
    FULL: _full,
    ARRAY: _array,
    **array_rules.RULES,
    **matrix_rules.RULES,
    **reduction_rules.RULES,
}

NOT_LOWERED: Mapping[Op, str] = {
    **dict.fromkeys((TAPE, PUSH, TOP, REST, LONE, DEEPER), "tapes grow while a program runs"),
    COMPRESS: "how many lanes are selected is known at run time only",
    EXPAND: "how many lanes are selected is known at run time only",
}
"""Primitives without a lowering: programs that need them are run by NumPy."""


def lowered(b: Builder, n: Node, args: list[Value]) -> Value:
    """The value of a node that is neither leaf nor region. Raises NotLowered."""
    if n.op in RULES:
        return RULES[n.op](b, n, *args)
    if not n.op.elementwise or n.op.c is None:
        why = NOT_LOWERED.get(n.op, "its record has no text in C")
        raise NotLowered(f"`{n.op.spelled}` has no C form: {why}")
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
