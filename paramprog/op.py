"""`Op`: one record per primitive, and everything the system knows about it.

From the record come its value, shape rule, forward and reverse mode, dense Jacobian, adjoint nodes, its spelling in
programs, its row in the documentation and its generated tests. `OPS` is the registry; a primitive is one call of
`register` and nothing elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from paramprog.types import Dim, Kind, KindError, Shape, ShapeError, Signature, Type, dims_text, join_kinds

Attrs = Mapping[str, Any]
"""Static attributes of an operation: axes, sizes, constants; always hashable."""

NO_ATTRS: Attrs = MappingProxyType({})


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


class Emitter(Protocol):
    """What operations need of a graph."""

    @property
    def depth(self) -> int: ...
    def emit(self, op: Op, *args: Any, **attrs: Any) -> Any: ...


class Symbol:
    """Base of values that an operation is not computed on, but given to: nodes of a graph record it, duals carry it on.

    Operators are the primitives of their names.
    """

    __slots__ = ()
    graph: Emitter

    def __add__(self, other: Any) -> Any:
        return OPS["add"](self, other)

    def __radd__(self, other: Any) -> Any:
        return OPS["add"](other, self)

    def __sub__(self, other: Any) -> Any:
        return OPS["sub"](self, other)

    def __rsub__(self, other: Any) -> Any:
        return OPS["sub"](other, self)

    def __mul__(self, other: Any) -> Any:
        return OPS["mul"](self, other)

    def __rmul__(self, other: Any) -> Any:
        return OPS["mul"](other, self)

    def __truediv__(self, other: Any) -> Any:
        return OPS["div"](self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return OPS["div"](other, self)

    def __neg__(self) -> Any:
        return OPS["neg"](self)


class Linear(NamedTuple):
    """The map t -> op(..., t, ...): a primitive with every argument frozen except the one at `hole`.

    `frozen` holds the other arguments in order, arrays or nodes. The primitive must be linear in the hole.
    """

    op: Op
    hole: int = 0
    frozen: tuple[Any, ...] = ()
    attrs: Attrs = NO_ATTRS

    def __call__(self, t: Any) -> Any:
        if len(self.frozen) == 1 and not self.attrs:
            return self.op(self.frozen[0], t) if self.hole else self.op(t, self.frozen[0])
        return self.op(*self.frozen[: self.hole], t, *self.frozen[self.hole :], **self.attrs)

    @property
    def T(self) -> Linear:
        """The transposed map: <u, self(t)> = <self.T(u), t>."""
        if self.op.transpose is None:
            raise TypeError(f"{self.op.name} has no transpose")
        return self.op.transpose(self)


new_linear = partial(tuple.__new__, Linear)
"""A linear map from its four fields as a tuple, in half of the time of `Linear(...)`."""

Chain = tuple[Linear, ...]
"""A composition of linear maps, applied left to right; () is the identity."""

Jacobian = Callable[..., "Chain | None"]
"""(port, result, *arguments, **attrs) -> the Jacobian in the argument at `port`; None is a structural zero."""

ShapeRule = Callable[..., Shape]
SignatureRule = Callable[..., Signature]
"""(*shapes, **attrs) -> the index signature."""

KindRule = Callable[..., "tuple[tuple[Kind, ...], Kind]"]
"""(*kinds of the arguments) -> (kinds they are converted to, kind of the result)."""


def push(chain: Chain, t: Any) -> Any:
    """J t, the JVP of one local Jacobian; `t` has the argument's shape."""
    for linear in chain:
        t = linear(t)
    return t


def pull(chain: Chain, g: Any) -> Any:
    """J^T g, the VJP of one local Jacobian; `g` has the result's shape."""
    for linear in reversed(chain):
        g = linear.T(g)
    return g


class Lanes(Protocol):
    """What a batching rule needs to know: how many lanes there are, and how a value becomes the same in all of them."""

    @property
    def size(self) -> Dim: ...
    def widen(self, x: Any) -> Any: ...


Lift = Callable[[Attrs, Dim], Attrs]
"""(attributes, number of lanes) -> the attributes for arguments that all have one more axis, the first."""

BatchRule = Callable[..., Any]
"""(lanes, which arguments have lanes, *arguments, **attrs) -> the results of all lanes, on arrays or on nodes."""


class Sets(Protocol):
    """Sets by their labels, ints or bools: 0 is the empty set. What they are sets of, the owner knows."""

    def grouped(self, labels: Any, groups: Any, count: int) -> Any:
        """The labels of `count` unions, of those `labels` that have the number of the union in `groups`."""


Depends = Callable[[Linear, Any, Sets], Any]
"""(linear map, labels of its argument's entries, sets) -> labels of the entries of its result, a union of those that it
adds: see transfer/dependence.py."""


def trailing_axes(attrs: Attrs, size: Dim) -> Attrs:
    """The lift of primitives that speak of the last axes: nothing changes."""
    return attrs


def numbered_axes(attrs: Attrs, size: Dim) -> Attrs:
    """The lift of primitives whose attributes `axis` and `axes` number the axes from the front."""
    found = dict(attrs)
    if "axis" in attrs:
        found["axis"] = attrs["axis"] + 1
    if "axes" in attrs:
        found["axes"] = tuple(a + 1 for a in attrs["axes"])
    return found


# ---- kind rules --------------------------------------------------------------------------------------------------


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


# ---- the record --------------------------------------------------------------------------------------------------


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


class NoLanes(TypeError):
    """A primitive has neither `lift` nor `batch`, and is not elementwise."""


OPS: dict[str, Op] = {}
"""Every primitive by name."""

SURFACES: dict[str, list[tuple[Op, Surface]]] = {}
"""The built-in functions of the language by name; `max(x)` and `max(a, b)` differ by how many values they take."""


def register(op: Op) -> Op:
    """Add a primitive; its name and its surface names must be new. Returns the record."""
    if op.name in OPS:
        raise ValueError(f"a primitive named {op.name!r} exists already")
    given = [op.elementwise, op.signature is not None, op.shape_rule is not None]
    if sum(given) != 1:
        raise ValueError(f"{op.name}: give exactly one of elementwise, signature, shape_rule")
    for surface in op.surfaces:
        if any(len(other.values) == len(surface.values) for _, other in SURFACES.get(surface.name, ())):
            raise ValueError(f"a function {surface.usage} exists already")
    OPS[op.name] = op
    for surface in op.surfaces:
        SURFACES.setdefault(surface.name, []).append((op, surface))
    return op
