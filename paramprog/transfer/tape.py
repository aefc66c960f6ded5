"""Tapes: stacks that one loop fills and another takes apart again, of a length known at run time only.

    tape(like)      nothing; below it lies `like`, as often as anyone asks
    push(t, x)      x on top of t
    top(t)          what lies on top
    rest(t)         what lies below that
    t, x = pop(t)   rest(t) and top(t)

Tapes are values: pushing changes none. The tapes of values of one type are a vector space, counted from the top, in
which one without values that has a zero below is zero. In it pushing is linear, and its transpose takes apart:

    <push(t, x), u> = <t, rest(u)> + <x, top(u)>

A cotangent is a tape of cotangents; it may be shorter than its tape, for there are zeros below. So what adjoints take
apart is `endless`; what a program takes from an empty tape is a fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from paramprog.graph.region import ValueFault
from paramprog.op import Chain, Linear, Op, Sample, Surface, register, unchanged
from paramprog.transfer.dependence import moves
from paramprog.transfer.spelling import Exact
from paramprog.transfer.stack import Tape
from paramprog.types import LENGTH, Kind, KindError, Shape, ShapeError, Type, dims_text, is_tape


def _element(tape: Shape, *, endless: bool = False) -> Shape:
    """The shape of what lies on a tape. Raises ShapeError for what is none."""
    if not is_tape(Type("real", tape)):
        raise ShapeError(
            f"takes a tape, as `tape(like)` makes one; this {'is an array' if tape else 'is a scalar'}"
        )
    return tape[1:]


def _push_shape(tape: Shape, x: Shape) -> Shape:
    if x != _element(tape):
        wanted, found = (f"shape {dims_text(s)}" if s else "no shape" for s in (_element(tape), x))
        raise ShapeError(f"what lies on this tape has {wanted}; this has {found}")
    return tape


def _push_kinds(tape: Kind, x: Kind) -> tuple[tuple[Kind, ...], Kind]:
    """An int joins a tape of reals."""
    if tape != x and (tape, x) != ("real", "int"):
        like = {"real": "tape(0.0)", "int": "tape(0)", "bool": "tape(false)"}[x]
        raise KindError(f"this tape holds {tape}, not {x}: start it with `{like}`, or an array of {x}")
    return (tape, tape), tape


def _push_jacobian(port: int, y: Any, t: Any, x: Any) -> Chain | None:
    return (Linear(DEEPER if port == 0 else LONE),)


def _taken(what: str) -> Any:
    def value(t: Tape, *, endless: bool) -> Any:
        if t.is_empty and not endless:
            raise ValueFault("tape-empty", "nothing is left on this tape")
        return t.top if what == "top" else t.rest

    return value


def _zero(x: Any) -> Any:
    """Zero in the shape of x."""
    return Tape(_zero(x.below)) if isinstance(x, Tape) else np.zeros_like(x)


def _endless(types: tuple[Type, ...], options: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"endless": options["endless"]}


ENDLESS = {"endless": True}

TAPE: Op = register(
    Op(
        "tape",
        "an empty tape for values like this one",
        Tape,
        shape_rule=lambda like: (LENGTH, *like),
        kinds=unchanged,
        samples=(Sample(((),)),),
        surfaces=(Surface("tape", "an empty tape for values like this one", ("like",)),),
        total=True,
    )
)
PUSH: Op = register(
    Op(
        "push",
        "the tape t with x on top",
        lambda t, x: t.push(x),
        shape_rule=_push_shape,
        kinds=_push_kinds,
        jacobian=_push_jacobian,
        samples=(Sample(((LENGTH,), ())),),
        surfaces=(Surface("push", "the tape t with x on top", ("t", "x")),),
        total=True,
    )
)
TOP: Op = register(
    Op(
        "top",
        "the value on top of a tape",
        _taken("top"),
        shape_rule=_element,
        kinds=unchanged,
        jacobian=lambda port, y, t, *, endless: (Linear(TOP, attrs=ENDLESS),),
        transpose=lambda lin: Linear(LONE),
        samples=(Sample(((LENGTH,),), {"endless": False}),),
        depends=moves,
        surfaces=(Exact("top", "the value on top of a tape", ("t",), {"endless": False}, _endless),),
    )
)
REST: Op = register(
    Op(
        "rest",
        "a tape without the value on top",
        _taken("rest"),
        shape_rule=lambda t, *, endless: (LENGTH, *_element(t)),
        kinds=unchanged,
        jacobian=lambda port, y, t, *, endless: (Linear(REST, attrs=ENDLESS),),
        transpose=lambda lin: Linear(DEEPER),
        samples=(Sample(((LENGTH,),), {"endless": False}),),
        depends=moves,
        surfaces=(Exact("rest", "a tape without the value on top", ("t",), {"endless": False}, _endless),),
    )
)
LONE: Op = register(
    Op(
        "lone",
        "a tape of one value, with zeros below: push(0, x)",
        lambda x: Tape(_zero(x)).push(x),
        shape_rule=lambda x: (LENGTH, *x),
        kinds=unchanged,
        jacobian=lambda port, y, x: (Linear(LONE),),
        transpose=lambda lin: Linear(TOP, attrs=ENDLESS),
        depends=moves,
        total=True,
    )
)
DEEPER: Op = register(
    Op(
        "deeper",
        "a tape with a zero on top: push(t, 0)",
        lambda t: t.push(_zero(t.below)),
        shape_rule=lambda t: (LENGTH, *_element(t)),
        kinds=unchanged,
        jacobian=lambda port, y, t: (Linear(DEEPER),),
        transpose=lambda lin: Linear(REST, attrs=ENDLESS),
        depends=moves,
        total=True,
    )
)

TAPES = frozenset({TAPE, PUSH, TOP, REST, LONE, DEEPER})
"""What may be done with a tape, beside giving it a name and adding cotangents."""
