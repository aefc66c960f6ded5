"""`Op`: the record of a primitive, and `Surface`, how programs call it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from paramprog.op.kinds import KindRule, to_real
from paramprog.op.lanes import BatchRule, Depends, Lanes, Lift, NoLanes
from paramprog.op.linear import Attrs, Chain, Linear
from paramprog.op.symbols import Emitter, Symbol
from paramprog.types import Kind, Shape, ShapeError, Signature, Type, dims_text

INFIX = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "div": "/",
    "intdiv": "//",
    "pow": "**",
    "equal": "==",
    "not_equal": "!=",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
    "and": "and",
    "or": "or",
}
PREFIX = {"neg": "-", "not": "not "}
"""How programs write primitives that are operators."""

Jacobian = Callable[..., "Chain | None"]
"""(port, result, *arguments, **attrs) -> the Jacobian in the argument at `port`; None is a structural zero."""

ShapeRule = Callable[..., Shape]
SignatureRule = Callable[..., Signature]
"""(*shapes, **attrs) -> the index signature."""


@dataclass(frozen=True)
class Surface:
    """How a primitive is called in a program: `sum(x, axis = 1)`.

    `values` names the arguments that are points of the graph (the last one repeats if `variadic`); `options` the
    static ones given by name, with their defaults; `rest` names trailing static ints such as the sizes of `zeros`;
    `leading` names a static int that comes first, or is "spec" for a string. `attrs(types, options)` computes the
    attributes from the options, `rest` (a tuple) and the leading one among them, and raises ShapeError where they do
    not fit.
    """

    name: str
    doc: str
    values: tuple[str, ...] = ("x",)
    options: Mapping[str, Any] = field(default_factory=dict)
    attrs: Callable[[tuple[Type, ...], Mapping[str, Any]], Mapping[str, Any]] = lambda types, options: {}
    variadic: bool = False
    rest: str | None = None
    leading: str | None = None

    @cached_property
    def plain(self) -> bool:
        """Whether a call is its values and nothing else."""
        special = self.options or self.variadic or self.rest is not None or self.leading is not None
        return not special and self.attrs is Surface.attrs

    @property
    def usage(self) -> str:
        """The call as documentation shows it."""
        parts = [f'"{self.leading}"' if self.leading == "spec" else self.leading] if self.leading else []
        parts += [*self.values[:-1], f"{self.values[-1]}, ..."] if self.variadic else self.values
        parts += [f"{self.rest}, ..."] if self.rest else []
        parts += [
            name if default is None else f"{name} = {default}" for name, default in self.options.items()
        ]
        return f"{self.name}({', '.join(parts)})"


@dataclass(frozen=True)
class Sample:
    """Arguments for the generated tests: shapes and attributes that fit together."""

    shapes: tuple[tuple[int, ...], ...]
    attrs: Attrs = field(default_factory=dict)
    integers: tuple[tuple[int, ...], ...] = ()
    """Values of the int arguments, flat, in order."""


CText = str | Mapping[Kind, str] | Callable[[Attrs], str]
"""A C expression: `{0}` stands for the first argument, `{name}` for an attribute, `T` for the type of reals, and
`pp_name` for a function that exists for both precisions. One for each kind of the first argument where they differ, or
made from attributes.
"""


@dataclass(frozen=True, eq=False)
class Op:
    """One primitive operation.

    Exactly one of `elementwise`, `signature` and `shape_rule` says what the result's shape is. `jacobian` is None for
    operations whose result does not vary with their arguments (structural zeros). `transpose` belongs to operations
    that are linear in each hole of which a `Linear` is made, and `depends` says which entries such a map adds: all of
    them, unless it is given. `domain` bounds where tests sample the arguments.

    Many lanes at once: elementwise primitives need no rule; `lift` gives the attributes when all arguments have an axis
    of lanes in front; `batch` is for those that can do better where only some of them have one.

    `c` is the value as a C expression, of elementwise primitives (the others are in compile/rules.py). `c_fault` holds,
    for kinds of the first argument, the condition in C under which there is no value.
    """

    name: str
    doc: str
    value: Callable[..., Any]
    elementwise: bool = False
    signature: SignatureRule | None = None
    shape_rule: ShapeRule | None = None
    kinds: KindRule = to_real
    jacobian: Jacobian | None = None
    transpose: Callable[[Linear], Linear] | None = None
    depends: Depends | None = None
    lift: Lift | None = None
    batch: BatchRule | None = None
    surfaces: tuple[Surface, ...] = ()
    c: CText | None = None
    c_fault: Mapping[Kind, str] = field(default_factory=dict)
    domain: tuple[tuple[float, float], ...] = ((-2.0, 2.0),)
    samples: tuple[Sample, ...] = ()
    dominant: float = 0.0
    """What tests add to the diagonals of the square matrices that they sample, so that these are definite."""
    precise: bool = False
    """Makes reals out of something else, so it is told the precision of its graph, as the attribute `real`."""
    total: bool = False
    """Finite value and Jacobian at every finite point, so computing it for an unselected lane does no harm."""

    def __call__(self, *args: Any, **attrs: Any) -> Any:
        """Compute on arrays; on nodes record a node in the innermost graph, so each rule is written once for both."""
        graph: Emitter | None = None
        for a in args:
            if isinstance(a, Symbol) and (graph is None or a.graph.depth > graph.depth):
                graph = a.graph
        return self.value(*args, **attrs) if graph is None else graph.emit(self, *args, **attrs)

    def __repr__(self) -> str:
        return f"Op({self.name})"

    @property
    def spelled(self) -> str:
        """What programs call it: `//`, `max`; the name of the primitive where they have no word for it."""
        symbol = INFIX.get(self.name) or PREFIX.get(self.name, "").strip()
        return symbol or (self.surfaces[0].name if self.surfaces else self.name)

    def shape(self, *shapes: Shape, **attrs: Any) -> Shape:
        """The result's shape. Raises ShapeError when the arguments do not fit."""
        if self.shape_rule is not None:
            return self.shape_rule(*shapes, **attrs)
        if self.signature is not None:
            return self.signature(*shapes, **attrs).shape(shapes)
        for s in shapes[1:]:
            if s != shapes[0]:
                raise ShapeError(f"shapes {dims_text(shapes[0])} and {dims_text(s)} differ")
        return shapes[0]

    def result(self, *types: Type, **attrs: Any) -> Type:
        """The result's type for arguments already converted to the kinds this primitive wants."""
        return Type(self.kinds(*(t.kind for t in types))[1], self.shape(*(t.shape for t in types), **attrs))

    def local(self, port: int, result: Any, *args: Any, **attrs: Any) -> Chain | None:
        """The local Jacobian J[self, port] at a point, on arrays or on nodes."""
        return None if self.jacobian is None else self.jacobian(port, result, *args, **attrs)

    def over_lanes(self, lanes: Lanes, flags: Sequence[bool], /, *args: Any, **attrs: Any) -> Any:
        """The results of all lanes, lane by lane in front, on arrays or on nodes; `flags`: which arguments have lanes.

        Raises NoLanes when the primitive has no rule.
        """
        if self.batch is not None:
            return self.batch(lanes, flags, *args, **attrs)
        if self.elementwise:
            return self(*(a if f else lanes.widen(a) for a, f in zip(args, flags, strict=True)), **attrs)
        if self.lift is None:
            raise NoLanes(f"`{self.name}` has no rule for many samples at once")
        wide = (a if f else lanes.widen(a) for a, f in zip(args, flags, strict=True))
        return self(*wide, **self.lift(attrs, lanes.size))
