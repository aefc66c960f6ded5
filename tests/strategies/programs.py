"""Random programs that are well typed: text, built by a type-directed choice of expressions.

Whatever can be out of range is brought into it (`mod(k, n)` as an index, `1.5 + x * x` as a divisor) or stands behind a
condition, so every program has a value; magnitudes stay moderate. Shapes are tuples of dim names.

With `regions`, programs also have loops of few turns, `if` statements and comprehensions; with `derivatives`,
derivative operators, of points that are computed for them; with `tapes`, tapes that loops fill and take apart again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Literal

from hypothesis import strategies as st

Kind = Literal["real", "int", "bool"]
Shape = tuple[str, ...]
Draw = Callable[[st.SearchStrategy], object]

SIZES = {"n": 3, "m": 2}
VECTORS: list[Shape] = [("n",), ("m",)]
MATRICES: list[Shape] = [("m", "n"), ("n", "m")]
SMOOTH = ["tanh", "sin", "cos", "sigmoid", "softplus", "atan", "erf"]
REDUCTIONS = ["sum", "mean", "max", "min", "logsumexp"]
KINKED = ["abs", "relu", "leaky_relu", "floor", "sign"]


@dataclass(frozen=True)
class Signature:
    """A function: the types of its arguments and results; a dim `k` is bound by the call."""

    name: str
    arguments: tuple[Shape, ...]
    results: tuple[Shape, ...]


@dataclass
class Scope:
    """What can be named: values by type, bases by arity, functions. `sizes` are the dims with a known value."""

    values: list[tuple[str, Kind, Shape]]
    dims: list[str] = field(default_factory=lambda: ["n", "m"])
    bases: list[tuple[str, int]] = field(default_factory=list)
    functions: list[Signature] = field(default_factory=list)
    scalar_only: bool = False
    regions: bool = False
    derivatives: bool = False
    tapes: bool = False
    fresh: count[int] = field(default_factory=count)
    """Numbers for new names."""

    def inside(self, index: str, dim: str | None) -> Scope:
        """The scope of a body with an index, of entries of arrays along `dim` if it counts them."""
        found: list[tuple[str, Kind, Shape]] = [(index, "int", ()), (f"(0.3 * {index})", "real", ())]
        for name, kind, shape in self.values:
            if dim is not None and kind == "real" and shape and shape[0] == dim and name.isidentifier():
                found.append((f"{name}[{index}]", "real", shape[1:]))
        return replace(self, values=[*self.values, *found])


class Writer:
    """Draws expressions of given types as text."""

    def __init__(self, draw: Draw, scope: Scope) -> None:
        self.draw, self.scope = draw, scope

    def pick(self, options):
        return self.draw(st.sampled_from(options))

    def number(self) -> str:
        value = self.draw(st.integers(-20, 20)) / 10
        return f"({value})" if value < 0 else f"{value}"

    def real(self, shape: Shape, depth: int) -> str:
        """An expression of type real (or int, where that converts) and this shape."""
        options: list[Callable[[], str]] = [lambda: self.leaf("real", shape)]
        if depth > 0:
            options += [lambda: self.arithmetic(shape, depth - 1)] * 3
            options += [lambda: f"{self.pick(SMOOTH)}({self.real(shape, depth - 1)})"] * 2
            options += [
                lambda: f"{self.pick(KINKED)}({self.real(shape, depth - 1)})",
                lambda: self.choice(shape, depth - 1),
                lambda: (
                    f"{self.pick(['max', 'min'])}({self.real(shape, depth - 1)}, {self.real((), depth - 1)})"
                ),
                lambda: self.guarded(shape, depth - 1),
            ]
            if self.scope.bases:
                options += [lambda: self.base(shape, depth - 1)] * 2
            if not self.scope.scalar_only:
                options += self.structural(shape, depth - 1)
        return self.pick(options)()

    def leaf(self, kind: Kind, shape: Shape) -> str:
        names = [n for n, k, s in self.scope.values if k == kind and s == shape]
        names += [
            f"(if {n} != 0 then 7 // {n} else i)"
            for n, k, s in self.scope.values
            if k == "int" and s == shape and s
        ]
        if names and (shape or self.draw(st.integers(0, 3))):
            return self.pick(names)
        if shape:
            return f"zeros({', '.join(shape)})"
        return self.number() if kind == "real" else "1"

    def arithmetic(self, shape: Shape, depth: int) -> str:
        """One or two operators; a scalar may join an array on either side."""
        other = self.pick([shape, ()])
        first, second = self.draw(st.permutations([shape, other]))
        a, b = self.real(first, depth), self.real(second, depth)
        form = self.pick(
            [
                "{a} + {b}",
                "{a} - {b}",
                "{a} * {b}",
                "{a} / (1.5 + ({b}) * ({b}))",
                "-({a}) + {b}",
                "({a}) ** 2 + {b}",
            ]
        )
        return "(" + form.format(a=a, b=b) + ")"

    def choice(self, shape: Shape, depth: int) -> str:
        """A conditional: on a scalar, known at compile time or not, or on each lane.

        An arm that is a scalar stands behind a condition with lanes: known at compile time, it would be all there is.
        """
        condition = self.boolean(self.pick([shape, ()]), depth)
        arms = f"if {condition} then {self.real(shape, depth)}"
        if self.draw(st.booleans()):
            lanes = self.pick([shape, ()])
            arms += f" else if {self.boolean(lanes, depth)} then {self.real(() if lanes else shape, depth)}"
        return f"({arms} else {self.real(shape, depth)})"

    def guarded(self, shape: Shape, depth: int) -> str:
        """What has no value, or no derivative, where the condition does not hold."""
        e = self.real(shape, depth)
        form = self.pick(
            [
                "if {e} > 0.1 then log({e}) else {f}",
                "if {e} > 0 then sqrt({e}) * {f} else 0",
                "if {e} == 0 then 1 else sin({e}) / {e}",
            ]
        )
        return "(" + form.format(e=e, f=self.real((), depth)) + ")"

    def base(self, shape: Shape, depth: int) -> str:
        name, arity = self.pick(self.scope.bases)
        shapes = [shape, *(self.pick([shape, ()]) for _ in range(arity - 1))]
        return f"{name}({', '.join(self.real(s, depth) for s in shapes)})"

    def structural(self, shape: Shape, depth: int) -> list[Callable[[], str]]:
        """Reductions, products, selections and calls with this shape as result."""
        vectors = [(d,) for d in self.scope.dims]
        matrices = MATRICES if "n" in self.scope.dims else []
        found: list[Callable[[], str]] = []
        if not shape:
            found += [
                lambda: f"{self.pick(REDUCTIONS)}({self.real(self.pick(vectors + matrices), depth)})",
                lambda: self.entry(self.pick(vectors), depth),
                lambda: (lambda v: f"({self.real(v, depth)} @ {self.real(v, depth)})")(self.pick(vectors)),
                lambda: (
                    f"(x * {self.integer(depth)})"
                    if any(n == "x" for n, _, _ in self.scope.values)
                    else self.number()
                ),
            ]
        if len(shape) == 1:
            (d,) = shape
            found += [lambda s=s: f"({self.real(s, depth)})[{self.cut(s, d)}]" for s in matrices if d in s]
            found += [
                lambda s=s: f"({self.real(s, depth)} @ {self.real((s[1],), depth)})"
                for s in matrices
                if s[0] == d
            ]
            found += [lambda s=s: f"sum({self.real(s, depth)}, axis = {s.index(d) ^ 1})" for s in matrices]
            if d in SIZES:
                found.append(lambda: "[" + ", ".join(self.real((), depth) for _ in range(SIZES[d])) + "]")
        if len(shape) == 2:
            a, b = shape
            found += [
                lambda: f"transpose({self.real((b, a), depth)})",
                lambda: f"outer({self.real((a,), depth)}, {self.real((b,), depth)})",
                lambda: "[" + ", ".join(self.real((b,), depth) for _ in range(SIZES[a])) + "]",
                lambda: (
                    f"({self.real((a, b), depth)} @ {self.real((b, a), depth)} @ {self.real((a, b), depth)})"
                ),
            ]
        if self.scope.regions:
            found += self.comprehensions(shape, depth) * 2
        for f in self.scope.functions:
            if len(f.results) == 1:
                found += [
                    lambda f=f, k=k: self.call(f, k, depth)
                    for k in self.scope.dims
                    if bound(f.results[0], k) == shape
                ]
        return found

    def comprehensions(self, shape: Shape, depth: int) -> list[Callable[[], str]]:
        """Entry by entry along the first axis, or over a range and then folded."""
        dim = self.pick(self.scope.dims)
        fold = self.pick(["sum", "mean", "max", "min", "prod"])
        found = [lambda: f"{fold}({self.body_for(dim, shape, depth)})"]
        if shape:
            found.append(lambda: f"[{self.body_for(shape[0], shape[1:], depth)}]")
        return found

    def body_for(self, dim: str, shape: Shape, depth: int) -> str:
        """`e for i in 0..dim`, and sometimes another index of one turn or two."""
        index = f"c{next(self.scope.fresh)}"
        scope = self.scope.inside(index, dim)
        form = self.pick(["{e}", "{e}", "if {index} > 0 then {e} else {f}", "tanh({e}) * {index}"])
        inner = Writer(self.draw, scope)
        e = form.format(e=inner.real(shape, depth), f=inner.real(shape, 0), index=index)
        return f"{e} for {index} in 0..{dim}"

    def call(self, f: Signature, k: str, depth: int) -> str:
        return f"{f.name}({', '.join(self.real(bound(s, k), depth) for s in f.arguments)})"

    def entry(self, shape: Shape, depth: int) -> str:
        item = self.pick(["0", "1", f"{shape[0]} - 1", f"mod({self.integer(depth)}, {shape[0]})"])
        return f"{self.real(shape, depth)}[{item}]"

    def cut(self, shape: Shape, keep: str) -> str:
        """A row or a column of a matrix, by an index known at compile time or not, or a slice of one."""
        at = self.pick(["0", "1", f"mod({self.integer(0)}, {shape[shape.index(keep) ^ 1]})"])
        return f"{at}, :" if shape[1] == keep else f":, {at}"

    def update(self, name: str, shape: Shape, depth: int) -> str:
        """A statement that replaces entries, a row, a range or all of an array; of two at once, or from a scalar."""
        parts = [self.part(shape, depth) for _ in range(1 + self.draw(st.integers(0, 3)) // 3)]
        targets = ", ".join(f"{name}[{', '.join(items)}]" for items, _ in parts)
        return f"{targets} = {', '.join(self.real(self.pick([left, ()]), depth) for _, left in parts)}"

    def part(self, shape: Shape, depth: int) -> tuple[list[str], Shape]:
        """Indices and ranges, known at compile time or not, and the shape of what they select."""
        items: list[str] = []
        left: list[str] = []
        for d in shape:
            ranges = [":"] if d != "n" else [":", "1:n", "0:m"]
            indices = ["0", "1", f"{d} - 1", f"mod({self.integer(depth)}, {d})"]
            items.append(self.pick([*indices, *indices[3:], *ranges]))
            if items[-1] in ranges:
                left.append(d if items[-1] == ":" else "m")
        return items, tuple(left)

    def integer(self, depth: int) -> str:
        options: list[Callable[[], str]] = [
            lambda: self.leaf("int", ()),
            lambda: str(self.draw(st.integers(0, 5))),
            lambda: self.pick(self.scope.dims or ["2"]),
        ]
        if depth > 0:
            a, b = self.integer(depth - 1), self.integer(depth - 1)
            options += [
                lambda: f"({a} + {b})",
                lambda: f"({a} * {b})",
                lambda: f"({a} - {b})",
                lambda: f"mod({a}, 3)",
                lambda: f"({a} // 2)",
            ]
            options += [lambda: f"(if {self.boolean((), 0)} then {a} else {b})"]
            if not self.scope.scalar_only:
                options += [lambda: f"argmax({self.real(self.pick([(d,) for d in self.scope.dims]), 0)})"]
        return self.pick(options)()

    def boolean(self, shape: Shape, depth: int) -> str:
        compare = self.pick([">", "<", ">=", "<="])
        options: list[Callable[[], str]] = [
            lambda: f"({self.real(shape, depth)} {compare} {self.real(self.pick([shape, ()]), 0)})"
        ]
        if not shape:
            options += [self.leaf_bool, lambda: f"({self.integer(0)} {compare} {self.integer(0)})"]
        if depth > 0:
            options += [
                lambda: f"({self.boolean(shape, depth - 1)} and {self.boolean((), depth - 1)})",
                lambda: f"({self.boolean(shape, depth - 1)} or {self.boolean(shape, 0)})",
                lambda: f"(not {self.boolean(shape, depth - 1)})",
            ]
        return self.pick(options)()

    def leaf_bool(self) -> str:
        return self.pick([n for n, k, _ in self.scope.values if k == "bool"] or ["true"])


def bound(shape: Shape, k: str) -> Shape:
    """A shape of a signature with its dim `k` bound."""
    return tuple(k if d == "k" else d for d in shape)


# ---- whole programs ----------------------------------------------------------------------------------------------


def array(draw: Draw, shape: Shape) -> str:
    """A literal."""
    if not shape:
        return str(draw(st.integers(-15, 15)) / 10)
    return "[" + ", ".join(array(draw, shape[1:]) for _ in range(SIZES[shape[0]])) + "]"


def typed(name: str, kind: Kind, shape: Shape) -> str:
    return f"{name} : {kind}" + (f"[{', '.join(shape)}]" if shape else "")


@st.composite
def programs(
    draw: Draw, depth: int = 2, regions: bool = False, derivatives: bool = False, tapes: bool = False
) -> str:
    """The text of a program whose entry function has a real scalar result and a default for every argument."""
    params = [("w", ()), ("u", ("n",)), ("W", ("m", "n"))]
    inputs = [("x", ()), ("v", ("n",)), ("y", ("m",)), ("A", ("n", "m"))]
    lines = ["dim n = 3, m = n - 1", "const c = 0.75, q = 2, flag = c > 0.5"]
    lines += [f"param {typed(name, 'real', shape)} = {array(draw, shape)}" for name, shape in params]
    constants: list[tuple[str, Kind, Shape]] = [("c", "real", ()), ("q", "int", ()), ("flag", "bool", ())]
    weights: list[tuple[str, Kind, Shape]] = [(name, "real", shape) for name, shape in params]
    bases: list[tuple[str, int]] = []
    for i in range(draw(st.integers(0, 2))):
        arguments = ["a", "b"][: draw(st.integers(1, 2))]
        scope = Scope([*constants, *((a, "real", ()) for a in arguments)], [], list(bases), scalar_only=True)
        lines.append(f"base b{i}({', '.join(arguments)}) = {Writer(draw, scope).real((), depth)}")
        bases.append((f"b{i}", len(arguments)))
    functions: list[Signature] = []
    for i in range(draw(st.integers(0, 2))):
        made = draw(signatures(f"g{i}"))
        inside = Scope([*constants, *weights], ["k"], bases, list(functions), regions=regions)
        inside.derivatives, inside.tapes = derivatives, tapes
        lines += function(draw, made, inside, depth)
        functions.append(made)
    if draw(st.booleans()):
        lines.append(
            "function repeated(a, j : int) { return if j == 0 then a else tanh(repeated(a, j - 1) + a) }"
        )
    scope = Scope(
        [*constants, *weights, ("i", "int", ()), ("ks", "int", ("n",)), ("t", "bool", ())],
        ["n", "m"],
        bases,
        functions,
        regions=regions,
        derivatives=derivatives,
        tapes=tapes,
    )
    scope.values += [(name, "real", shape) for name, shape in inputs]
    formals = [f"{typed(name, 'real', shape)} = {array(draw, shape)}" for name, shape in inputs]
    formals += [
        f"ks : int[n] = [{draw(st.integers(-2, 2))}, 0, {draw(st.integers(1, 9))}]",
        f"i : int = {draw(st.integers(-3, 3))}",
        f"t : bool = {draw(st.sampled_from(['true', 'false']))}",
    ]
    lines.append(f"function main({', '.join(formals)}) {{")
    lines += body(draw, scope, depth)
    total = Writer(draw, scope).real((), depth)
    again = " + repeated(tanh(x), 2)" if any(line.startswith("function repeated") for line in lines) else ""
    last = f"{'1.0 * ' if regions else ''}sum({last_array(scope)})"  # of ints it may be
    lines += [f"    result = {total} + {last}{again}", "    return result", "}"]
    return "\n".join(lines) + "\n"


def last_array(scope: Scope) -> str:
    """The last array that was assigned, so that what is written is used."""
    return [name for name, kind, shape in scope.values if kind == "real" and shape][-1]


@st.composite
def signatures(draw: Draw, name: str) -> Signature:
    shapes: list[Shape] = [(), ("k",)]
    arguments = tuple(draw(st.lists(st.sampled_from(shapes), min_size=0, max_size=2)))
    results = tuple(draw(st.lists(st.sampled_from(shapes), min_size=1, max_size=2)))
    return Signature(name, (("k",), *arguments), results)


def function(draw: Draw, made: Signature, scope: Scope, depth: int) -> list[str]:
    """Its declaration; only some of its types are written."""
    names = [f"p{j}" for j in range(len(made.arguments))]
    scope.values += [(name, "real", shape) for name, shape in zip(names, made.arguments, strict=True)]
    scope.values = [v for v in scope.values if not set(v[2]) & {"n", "m"}]
    formals = [
        typed(name, "real", shape) if j == 0 or draw(st.booleans()) else name
        for j, (name, shape) in enumerate(zip(names, made.arguments, strict=True))
    ]
    lines = body(draw, scope, depth - 1)
    values = [
        f"zeros(k) + {Writer(draw, scope).real(s, depth - 1)}"
        if s
        else Writer(draw, scope).real(s, depth - 1)
        for s in made.results
    ]
    return [f"function {made.name}({', '.join(formals)}) {{", *lines, f"    return {', '.join(values)}", "}"]


def body(draw: Draw, scope: Scope, depth: int) -> list[str]:
    """Assignments: of new values, copies, several at once, calls with several results; updates of arrays among them."""
    lines: list[str] = []
    changing: list[tuple[str, Shape]] = []
    arrays = [(n, s) for n, k, s in scope.values if n in ("v", "y", "A", "p0") and k == "real" and s]
    shapes: list[Shape] = [(), *((d,) for d in scope.dims), *(MATRICES if "n" in scope.dims else [])]
    for j in range(draw(st.integers(1, 3))):
        writer = Writer(draw, scope)
        several = [f for f in scope.functions if len(f.results) == 2]
        form = draw(st.sampled_from(["one", "one", "copy", "two", "results"]))
        a, b = f"a{j}", f"b{j}_"
        if form == "results" and several:
            f = draw(st.sampled_from(several))
            k = draw(st.sampled_from(scope.dims))
            lines.append(f"    {a}, {b} = {writer.call(f, k, depth - 1)}")
            scope.values += [(n, "real", bound(s, k)) for n, s in zip((a, b), f.results, strict=True)]
        elif form == "two":
            first, second = draw(st.sampled_from(shapes)), draw(st.sampled_from(shapes))
            lines.append(
                f"    {a}, {b} = 1.0 * {writer.real(first, depth)}, 1.0 * {writer.real(second, depth)}"
            )
            scope.values += [(a, "real", first), (b, "real", second)]
        else:
            shape = draw(st.sampled_from(shapes))
            value = writer.leaf("real", shape) if form == "copy" else f"1.0 * {writer.real(shape, depth)}"
            lines.append(f"    {a} = {value}")
            scope.values.append((a, "real", shape))
        if form != "copy":  # which may be of ints
            changing += [(n, s) for n, _, s in scope.values if n in (a, b)]
            arrays += [(n, s) for n, _, s in scope.values if n in (a, b) and s]
        for _ in range(draw(st.sampled_from([0, 0, 1, 2])) if arrays else 0):
            name, shape = draw(st.sampled_from(arrays))
            lines.append(f"    {writer.update(name, shape, depth - 1)}")
        if scope.regions and draw(st.booleans()):
            lines += region(draw, scope, changing, 2, "    ")
        if scope.derivatives and draw(st.booleans()):
            lines += derivative(draw, scope, draw(st.sampled_from([(), *((d,) for d in scope.dims)])), "    ")
        if scope.tapes and draw(st.booleans()):
            lines += taped(draw, scope, "    ")
    return lines


def taped(draw: Draw, scope: Scope, margin: str) -> list[str]:
    """A tape, of tapes perhaps, that one loop fills and another one takes apart; what is made of it is a value."""
    k, writer = next(scope.fresh), Writer(draw, scope)
    shape = writer.pick([(), *((d,) for d in scope.dims)])
    t, u, x, y, i = (f"{letter}{k}" for letter in ("s", "h", "z", "o", "r"))
    like = f"tape(1.0 * {writer.real(shape, 0)})"
    deep = draw(st.booleans())
    inside = scope.inside(i, None)
    value = f"1.0 * {Writer(draw, inside).real(shape, 1)}"
    turns = writer.pick(["0..2", "0..3", f"0..mod({writer.integer(0)}, 3)"])
    more = margin + "    "
    push = [f"{more}{t} = push({t}, {value})"]
    if deep:
        again = f"push({u}, {value})"
        push = [f"{more}{u} = push({like}, {value})", f"{more}{t} = push({t}, {writer.pick([u, again])})"]
    elif draw(st.booleans()):
        push = [
            f"{more}if {Writer(draw, inside).boolean((), 0)} {{",
            f"    {push[0]}",
            f"{more}}} else {{",
            f"{more}    {t} = push(push({t}, {value}), {Writer(draw, inside).real(shape, 0)})",
            f"{more}}}",
        ]
    ends = writer.pick(["", ", endless = true", ", endless = true", ", endless = true"])
    pop = [f"{more}{t}, {y} = pop({t}{ends})"]
    if deep:
        pop = [f"{more}{t}, {u} = pop({t}{ends})", f"{more}{y} = {writer.pick(['top', 'top'])}({u}{ends})"]
    fill, take = (
        [f"{margin}for {i} in {turns} {{", *push, f"{margin}}}"],
        [
            f"{margin}for {i} in 0..{writer.pick(['2', '3'])} {{",
            *pop,
            f"{more}{x} = tanh({x} * 0.7 + {y})",
            f"{margin}}}",
        ],
    )
    start = f"{margin}{x} = 1.0 * {writer.real(shape, 0)}"
    scope.values.append((x, "real", shape))
    return [f"{margin}{t} = {f'tape({like})' if deep else like}", *fill, start, *take]


def derivative(draw: Draw, scope: Scope, shape: Shape, margin: str) -> list[str]:
    """A point, another one that is made of it, and a derivative; bounded, a scalar or of `shape`."""
    k = next(scope.fresh)
    x, y, d = f"x{k}", f"q{k}", f"d{k}"
    inside = replace(scope, values=[*scope.values, *[(x, "real", shape)] * 3])
    writer = Writer(draw, inside)
    form = writer.pick(["grad", "grad", "jacobian", "hessian", "jvp", "vjp"])
    of = writer.pick([(), *((n,) for n in scope.dims)]) if form in ("jacobian", "jvp", "vjp") else ()
    rest = {"jvp": f", {writer.real(shape, 0)}", "vjp": f", {writer.real(of, 0)}"}.get(form, "")
    mode = writer.pick(["forward", "reverse"])
    call = f"{form}({y}, {x}{rest}, mode = {mode})"
    found = {"jvp": of, "grad": shape, "vjp": shape}.get(form, ())
    lines = [
        f"{margin}{x} = 1.0 * {Writer(draw, scope).real(shape, 0)}",
        f"{margin}{y} = 1.0 * {writer.real(of, 1)} + {writer.pick(['sum', 'mean'])}({x} * {x})"
        if shape
        else f"{margin}{y} = 1.0 * {writer.real(of, 1)} * {x} + {x} * {x}",
        f"{margin}{d} = tanh({call})" if found or not (of or shape) else f"{margin}{d} = tanh(mean({call}))",
    ]
    scope.values.append((d, "real", found))
    return lines


# ---- loops and branches ------------------------------------------------------------------------------------------


def region(draw: Draw, scope: Scope, targets: list[tuple[str, Shape]], level: int, margin: str) -> list[str]:
    """A loop of few turns, or an `if`, that changes names of the blocks around it."""
    writer, number = Writer(draw, scope), next(scope.fresh)
    form = writer.pick(["for", "for", "while", "if", "if"])
    if not targets:
        return []
    if form == "for":
        index, dim = f"r{number}", writer.pick(scope.dims)
        turns = writer.pick(
            [
                f"0..{dim}",
                f"0..{dim}",
                f"reversed(0..{dim})",
                "1..3",
                f"mod({writer.integer(0)}, 3)..3",
                "2..2",
            ]
        )
        inside = scope.inside(index, dim if turns in (f"0..{dim}", f"reversed(0..{dim})") else None)
        return [
            f"{margin}for {index} in {turns} {{",
            *block(draw, inside, targets, level, margin),
            f"{margin}}}",
        ]
    if form == "while":
        turn = f"k{number}"
        inside = replace(scope, values=[*scope.values, (turn, "int", ())])
        bound = writer.pick(["2", "3", f"mod({writer.integer(0)}, 3)"])
        head = f"{margin}while {turn} < {bound} and ({Writer(draw, inside).boolean((), 0)} or {turn} < 1) {{"
        lines = [f"{margin}{turn} = 0", head, *block(draw, inside, targets, level, margin)]
        return [*lines, f"{margin}    {turn} = {turn} + 1", f"{margin}}}"]
    lines = [f"{margin}if {writer.boolean((), 1)} {{", *block(draw, scope, targets, level, margin)]
    for _ in range(draw(st.integers(0, 1))):
        lines += [
            f"{margin}}} else if {writer.boolean((), 0)} {{",
            *block(draw, scope, targets, level, margin),
        ]
    if draw(st.booleans()):
        lines += [f"{margin}}} else {{", *block(draw, scope, targets, level, margin)]
    return [*lines, f"{margin}}}"]


def block(draw: Draw, scope: Scope, targets: list[tuple[str, Shape]], level: int, margin: str) -> list[str]:
    """Names around it assigned (each once) and updated, names of its own, regions inside."""
    scope, margin = replace(scope, values=list(scope.values)), margin + "    "
    free = [(n, s) for n, s in targets if draw(st.booleans())] or targets[-1:]
    lines: list[str] = []
    for name, shape in free[:2]:
        writer = Writer(draw, scope)
        form = writer.pick(["assign", "assign", "local", "update", "region"])
        if scope.derivatives and draw(st.booleans()):
            lines += derivative(draw, scope, shape, margin)
        if form == "local":
            made = f"t{next(scope.fresh)}"
            lines.append(f"{margin}{made} = 1.0 * {writer.real(shape, 1)}")
            scope.values.append((made, "real", shape))
        if form == "region" and level > 1:
            lines += region(draw, scope, targets, level - 1, margin)
        if form == "update" and shape:
            lines.append(f"{margin}{writer.update(name, shape, 0)}")
        else:
            change = writer.pick(["tanh({e} + {name})", "0.5 * {name} + sin({e})", "cos({e}) * {name}"])
            lines.append(f"{margin}{name} = {change.format(e=Writer(draw, scope).real(shape, 1), name=name)}")
    return lines
