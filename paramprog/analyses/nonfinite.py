"""Where values or adjoints stop being finite: the operation to blame, with its place in the text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from paramprog.diagnostics import Diagnostic
from paramprog.graph import Node
from paramprog.transfer.stack import Tape


def finite(value: Any) -> bool:
    """Whether all entries are finite; None (a structural zero) is. What lies on a tape had its turn before."""
    return value is None or isinstance(value, Tape) or bool(np.all(np.isfinite(value)))


def first_value(nodes: Sequence[Node], values: Mapping[Node, Any]) -> Diagnostic | None:
    """The first operation, in the order of the program, with a result that is not finite from arguments that are."""
    for n in nodes:
        if not finite(values[n]) and all(finite(values[a]) for a in n.args):
            what = "is given as" if not n.args else "gives"
            message = f"`{n.name or n.op.spelled}` {what} {_worst(values[n])} here"
            return Diagnostic("non-finite", message, n.span, severity="warning")
    return None


def first_adjoint(
    nodes: Sequence[Node], values: Mapping[Node, Any], adjoints: Mapping[Node, Any]
) -> Diagnostic | None:
    """The last operation whose own adjoint is finite but whose local Jacobian makes that of an argument not finite."""
    for n in reversed(nodes):
        if adjoints.get(n) is None or not finite(adjoints[n]):
            continue
        for port, a in enumerate(n.args):
            if not finite(adjoints.get(a)) and finite(values[a]):
                worst = _derivative(n, port, values) or _worst(adjoints[a])
                message = f"the derivative of `{n.op.spelled}` is not finite here ({worst})"
                return Diagnostic("non-finite", message, n.span, severity="warning")
    return None


def _derivative(node: Node, port: int, values: Mapping[Node, Any]) -> str | None:
    """What a local Jacobian holds that is not finite; None where only its product with the adjoint is not."""
    with np.errstate(all="ignore"):
        chain = node.op.local(port, values[node], *(values[a] for a in node.args), **node.attrs)
    held = [np.asarray(f) for lin in chain or () for f in lin.frozen]
    bad = [f for f in held if f.dtype.kind == "f" and not np.isfinite(f).all()]
    return _worst(np.concatenate([np.ravel(f) for f in bad])) if bad else None


def _worst(value: Any) -> str:
    bad = np.asarray(value)[~np.isfinite(value)]
    return "NaN" if np.any(np.isnan(bad)) else str(bad.flat[0])
