"""The functions by name, and the text of those that are asked for with all that they call, each once."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import cache
from string import Template

from paramprog.compile.vmath import (
    basis,
    error_function,
    exponential,
    gamma,
    hyperbolic,
    inverse_trigonometric,
    logarithm,
    power,
    reduction,
    trigonometric,
)
from paramprog.compile.vmath.coefficients import COEFFICIENTS
from paramprog.types import Real

REALS: tuple[Real, Real] = ("float64", "float32")
SUFFIX: dict[Real, str] = {"float64": "f64", "float32": "f32"}
NAMES = (
    "exp",
    "expm1",
    "sigmoid",
    "log",
    "log1p",
    "softplus",
    "logsigmoid",
    "logaddexp",
    "xlogy",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "atan2",
    "sinh",
    "cosh",
    "tanh",
    "sech",
    "sech2",
    "asinh",
    "acosh",
    "atanh",
    "erf",
    "sqrt",
    "cbrt",
    "pow",
    "hypot",
    "lgamma",
    "digamma",
    "polygamma",
)
"""What can be asked for: the names of primitives in OPS, and `sech2`, the square of sech."""

BINARY = ("atan2", "hypot", "logaddexp", "pow", "xlogy")
"""Those of two reals. polygamma takes an int and a real."""

NEAR = ("cos", "sin", "tan")
"""Those with a part for far arguments: beside pp_sin_f64 there are pp_sin_near_f64, _is_far_ and _far_."""

SCALAR = ("digamma", "lgamma", "polygamma")
"""Those that are not inlined."""

FLAGS = ("-fno-math-errno", "-fno-trapping-math")
"""What gcc needs to vectorise square roots and comparisons. No value depends on them."""

FAMILIES = tuple(
    module.FAMILY
    for module in (
        basis,
        exponential,
        logarithm,
        reduction,
        trigonometric,
        inverse_trigonometric,
        hyperbolic,
        error_function,
        power,
        gamma,
    )
)

_CALLED = re.compile(r"\bpp_\w+_f(?:64|32)\b")


@cache
def functions() -> dict[str, str]:
    """The C text of each function by its C name."""
    return {_CALLED.findall(text)[0]: text for real in REALS for text in _texts(real)}


def _texts(real: Real) -> Iterator[str]:
    constants = {name: value for family in FAMILIES for name, value in family.constants.get(real, {}).items()}
    for name, by_real in COEFFICIENTS.items():
        if real in by_real:
            yield _polynomial(name, real)
    for family in FAMILIES:
        own = family.float64 if real == "float64" else family.float32
        text = Template(family.generic).substitute(constants) + "\n\n" + own
        yield from (part.strip() for part in text.split("\n\n") if part.strip())


def _polynomial(name: str, real: Real) -> str:
    """Even and odd powers apart: half the latency of Horner's scheme for one multiplication more."""
    t, s, f = ("double", "f64", "") if real == "float64" else ("float", "f32", "f")
    written = [f"{c.hex()}{f}" for c in COEFFICIENTS[name][real]]
    sums = []
    for part in (written[0::2], written[1::2]):
        total = part[-1]
        for c in part[-2::-1]:
            total = f"pp_fma_{s}(z, {total}, {c})"
        sums.append(total)
    return (
        f"PP_INLINE {t} pp_poly_{name}_{s}({t} x) {{\n    {t} z = x * x;\n"
        f"    return pp_fma_{s}(x, {sums[1]},\n        {sums[0]});\n}}"
    )


def source(names: Collection[str], real: Real) -> str:
    """C99 text that defines `pp_NAME_f64` or `pp_NAME_f32` for each of `names`, and what they need.

    Raises `KeyError` for a name that is not in `NAMES`.
    """
    table, wanted = functions(), []
    for name in dict.fromkeys(names):
        wanted += [f"pp_{name}_{SUFFIX[real]}"]
        if name in NEAR:
            wanted += [f"pp_{name}_{form}_{SUFFIX[real]}" for form in ("near", "is_far", "far")]
    done: dict[str, str] = {}
    stack = wanted[::-1]
    while stack:
        name = stack.pop()
        if name in done:
            continue
        needed = [
            other
            for other in dict.fromkeys(_CALLED.findall(table[name]))
            if other not in done and other != name
        ]
        if needed:
            stack += [name, *needed[::-1]]
        else:
            done[name] = table[name]
    return "\n\n".join([basis.HEAD, *done.values()]) + "\n"
