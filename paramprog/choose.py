"""Which output is meant, and by which points to differentiate."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from paramprog.diagnostics import did_you_mean, fail
from paramprog.graph import Node, demand
from paramprog.pipeline import Compiled

WHOLE = re.compile(r"\w+\s*=\s*(-?\d+)\s*[,);}\r\n]")
"""A name that is given a whole number."""


def outputs(compiled: Compiled, name: str | None) -> Mapping[str, Node]:
    """The output of this name, else all of them. Raises ProgramError for an unknown one."""
    known = compiled.built.outputs
    if name is None:
        return known
    if name not in known:
        hint = did_you_mean(name, known) or f"outputs are {_listed(known)}"
        raise fail("unknown-output", f"there is no output `{name}`", None, hint)
    return {name: known[name]}


def output(compiled: Compiled, name: str | None, *, scalar: bool = True) -> Node:
    """The output of this name, else the only one. Raises ProgramError unless it is real (and a scalar)."""
    asked = outputs(compiled, name)
    listed = _listed(compiled.built.outputs)
    if len(asked) > 1:
        raise fail(
            "which-output",
            f"there are several outputs: {listed}",
            None,
            "choose one with `--output NAME`",
        )
    found = next(iter(asked.values()))
    if found.kind != "real" or (scalar and found.shape):
        message = f"a gradient needs one real scalar output; there is {listed}"
        raise fail(
            "not-scalar",
            message,
            found.span,
            "reduce it, for instance with `sum`; `jacobian` is for arrays",
        )
    return found


def inputs(compiled: Compiled, name: str | None) -> dict[str, Node]:
    """The inputs that the output of this name needs, else all outputs together. Raises ProgramError as `outputs`."""
    live = demand(compiled.built.graph.nodes, outputs(compiled, name).values())
    return {k: n for k, n in compiled.built.inputs.items() if n in live}


def wrt(compiled: Compiled, names: Iterable[str] | None) -> dict[str, Node]:
    """The points to differentiate by. Raises ProgramError for an unknown one, or one that is not real."""
    built = compiled.built
    known = {**built.points, **built.params, **built.inputs}
    if names is None:
        noise = {k for k, item in compiled.checked.items.items() if item.noise}
        params = {k: n for k, n in built.params.items() if k not in noise}
        chosen = params or {k: n for k, n in built.inputs.items() if n.kind == "real"}
        if not chosen:
            raise fail("no-wrt", "there is neither a param nor a real input to differentiate by")
        return chosen
    found: dict[str, Node] = {}
    for name in names.split(",") if isinstance(names, str) else names:
        if name not in known:
            hint = did_you_mean(name, known) or f"points are {', '.join(known)}"
            raise fail("unknown-point", f"there is no point `{name}`", None, hint)
        if known[name].kind != "real":
            message = f"`{name}` is {known[name].type}; derivatives are of reals"
            raise fail("not-real", message, known[name].span, _as_real(known[name]))
        found[name] = known[name]
    return found


def _as_real(node: Node) -> str | None:
    """What makes an int a real that got its type from what it is given."""
    if node.kind != "int" or node.span is None:
        return None
    number = WHOLE.match(node.span.source.text, node.span.start)
    return None if number is None else f"write `{number[1]}.0`: a whole number makes it an int"


def _listed(outputs: Mapping[str, Node]) -> str:
    return ", ".join(f"{name} : {node.type}" for name, node in outputs.items())
