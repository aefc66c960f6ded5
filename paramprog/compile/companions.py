"""Functions that share their work: tanh(u) and sech2(u), its derivative, cost little more than one of them.

Within one loop C compilers share it (vmath). Where the second is read in another loop, much later as a rule, it is
computed beside the first and stored: a store and a load instead of one more exponential.
"""

from __future__ import annotations

from collections.abc import Iterable

from paramprog.compile.tensor import Map, Value

_OF_ABS = {
    f"pp_{name}({{0}})": family
    for family, names in (
        ("hyperbolic", ("sinh", "cosh", "sech")),
        ("tanh", ("tanh", "sech2")),
        ("logistic", ("sigmoid", "softplus", "logsigmoid")),
    )
    for name in names
}
"""These begin with what depends on |u| alone, so that those of -u share it too."""

_FAMILY = _OF_ABS | {"pp_sin({0})": "circular", "pp_cos({0})": "circular"}


def companions(values: Iterable[Value]) -> dict[Value, list[Value]]:
    """Arrays of functions that share work, in order: each of them has a list, which is the same for all of its kin."""
    kin: dict[tuple[str, Value], list[Value]] = {}
    found: dict[Value, list[Value]] = {}
    for v in values:
        if isinstance(v, Map) and v.shape and v.text in _FAMILY:
            (u,) = v.of
            if v.text in _OF_ABS and isinstance(u, Map) and u.text == "-{0}":
                (u,) = u.of
            found[v] = kin.setdefault((_FAMILY[v.text], u), [])
            found[v].append(v)
    return {v: of for v, of in found.items() if len(of) > 1}
