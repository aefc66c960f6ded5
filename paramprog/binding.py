"""`Binding`: a program with its sizes and values, compiled once for each combination of sizes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from numbers import Integral
from typing import Any, get_args

import numpy as np

from paramprog import choose
from paramprog.compile.backend import Backend
from paramprog.diagnostics import ProgramError, Report, Source, did_you_mean, fail
from paramprog.graph import Node
from paramprog.lang.arguments import as_value, bind_dims
from paramprog.lang.build import MAX_NODES
from paramprog.lang.check import entry_function
from paramprog.lang.inits import Draw, draw
from paramprog.lang.unit import Unit, collect
from paramprog.many import SIZES, Many, batched_names, number_of_samples
from paramprog.pipeline import Compiled, compile_module, read
from paramprog.results import Point
from paramprog.samples import Samples
from paramprog.types import Real, Type

Values = Mapping[str, Any]
Batch = Iterable[str] | bool
"""The names of the inputs that have a value for each of many samples; True: found by their shapes."""


class Binding:
    """The text of a program, entered at one function, and what binds its names: sizes, then values.

    Raises ProgramError, with every independent error found, when the text is not a program.
    """

    def __init__(
        self,
        source: Source,
        function: str | None = None,
        dims: Mapping[str, int] | None = None,
        dtype: Real = "float64",
        max_nodes: int = MAX_NODES,
    ) -> None:
        if dtype not in get_args(Real):
            raise ValueError(f"dtype is {' or '.join(get_args(Real))}, not {dtype!r}")
        self.source, self.dtype, self.max_nodes = source, dtype, max_nodes
        self.dims = {name: _whole(f"dim {name}", size) for name, size in (dims or {}).items()}
        self.module = read(source)
        self._asked = function
        self._compiled: dict[tuple[tuple[tuple[str, int], ...], frozenset[str]], Compiled] = {}
        self._samples: dict[tuple[Compiled, tuple[str, ...], int | None, Backend], Samples] = {}
        try:
            self.compiled()
        except ProgramError as error:
            if any(d.code != "dim-unbound" for d in error.diagnostics):
                raise

    @property
    def function(self) -> str:
        """The name of the entry function."""
        return entry_function(self._unit, self._asked).name.text

    @cached_property
    def _unit(self) -> Unit:
        return collect(self.module, Report())

    def compiled(self, given: Values | None = None) -> Compiled:
        """The program with its sizes bound by `given` values, --dim and defaults, in this order of precedence reversed.

        Raises ProgramError when a name in `given` is unknown, and when sizes are missing or do not agree.
        """
        given = given or {}
        entry = entry_function(self._unit, self._asked)
        own = {f.name.text for f in entry.arguments} | self._unit.params.keys()
        if not self._unit.imports:
            self._check_names(given, own)
        dims = bind_dims(self._unit, entry.name.text, self.dims, given)
        replaced = frozenset(given) if dims != self.dims else frozenset[str]()
        key = (tuple(sorted(dims.items())), replaced)
        if key not in self._compiled:
            self._compiled[key] = compile_module(
                self.module, self._asked, dims, self.dtype, self.max_nodes, replaced
            )
        self._check_names(given, own | self._compiled[key].checked.params.keys())
        return self._compiled[key]

    @staticmethod
    def _check_names(given: Values, known: Iterable[str]) -> None:
        for name in given.keys() - set(known):
            hint = did_you_mean(name, known) or f"known are {', '.join(sorted(known)) or 'none'}"
            raise fail("unknown-input", f"`{name}` is neither an input nor a param", None, hint)

    def point(
        self, inputs: Values | None = None, params: Values | None = None, seed: int = 0, **by_name: Any
    ) -> Point:
        """A value for everything: as given, else the default, else the init, else drawn from a seeded normal.

        Raises ProgramError for an unknown name, a value that does not fit, and a missing int or bool.
        """
        return self._point({**(inputs or {}), **(params or {}), **by_name}, seed)

    def _point(
        self, given: Values, seed: int, batch: tuple[str, ...] = (), output: str | None = None
    ) -> Point:
        """The same; the values of the inputs in `batch` have an axis of samples in front.

        Inputs that only other outputs than `output` need may be missing.
        """
        if _whole("the seed", seed) < 0:
            raise ValueError(f"the seed is not negative; it is {seed}")
        compiled = self.compiled({k: np.asarray(v)[0] if k in batch else v for k, v in given.items()})
        notes: list[str] = []
        built = compiled.built

        def value(name: str, leaf: Node) -> Any:
            if name in batch:
                type = Type(leaf.kind, (len(given[name]), *leaf.shape))
                return as_value(given[name], type, self.dtype, name, leaf.span)
            return self._value(compiled, name, leaf, given, seed, notes)

        needed = built.inputs if output is None else choose.inputs(compiled, output)
        inputs = {k: value(k, n) for k, n in built.inputs.items() if k in given or k in needed}
        params = {k: value(k, n) for k, n in built.params.items()}
        return Point(compiled, inputs, params, notes, batch)

    def many(
        self,
        inputs: Values | None = None,
        params: Values | None = None,
        seed: int = 0,
        batch: Batch = True,
        output: str | None = None,
        memory: int | None = None,
        backend: Backend = "auto",
        **by_name: Any,
    ) -> Many:
        """A point for many samples: `batch` names the inputs that have a value for each, [n, *shape].

        True stands for all inputs whose values have one axis more than declared. With `output`, inputs that only other
        outputs need may be missing. Plans of evaluations are kept, so the same number of samples costs less the second
        time; they may be used by one thread at a time. With `memory` loops hold at most so many bytes for gradients.
        `backend` is what computes; "auto" compiles what is known to run often.

        Raises ProgramError as `point` does, and as `paramprog.many` says.
        """
        given = {**(inputs or {}), **(params or {}), **by_name}
        names = batched_names(given, batch, self._ranks(given))
        size = number_of_samples(given, names)
        if sum(samples.sizes for samples in self._samples.values()) >= SIZES:
            self._samples.clear()
            self._compiled.clear()  # its graphs hold those of all sizes
        point = self._point(given, seed, names, output)
        rows = [point.compiled.built.inputs[name] for name in names]
        key = (point.compiled, names, memory, backend)
        samples = self._samples.setdefault(key, Samples(rows, memory, backend=backend))
        return Many(point, size, samples)

    def _ranks(self, given: Values) -> dict[str, int]:
        """The number of axes that each input is declared with; that of a default where there is no type."""
        arguments = {f.name.text: f for f in entry_function(self._unit, self._asked).arguments}
        ranks = {name: len(f.type.dims) if f.type else 0 for name, f in arguments.items()}
        untyped = [name for name, f in arguments.items() if not f.type and f.default and name in given]
        if untyped:  # they bind no sizes
            sized = {name: np.asarray(v) for name, v in given.items() if name not in untyped}
            one = {
                name: v[0] if v.ndim > ranks.get(name, v.ndim) and len(v) else v for name, v in sized.items()
            }
            built = self.compiled(one).built
            ranks |= {name: len(built.inputs[name].shape) for name in untyped}
        return ranks

    def _value(
        self, compiled: Compiled, name: str, leaf: Node, given: Values, seed: int, notes: list[str]
    ) -> Any:
        assert leaf.span is not None
        checked = compiled.checked
        if name in given:
            return as_value(given[name], leaf.type, self.dtype, name, leaf.span)
        if name in checked.values:
            value = np.broadcast_to(checked.values[name], leaf.shape)
            return as_value(value, leaf.type, self.dtype, name, leaf.span)
        if leaf.kind != "real":
            message = f"`{name}` is {leaf.type} and has no default"
            raise fail("missing-input", message, leaf.span, f"give it: `--at {name}=...`")
        how = checked.inits.get(name, Draw("normal", (0.0, 1.0)))
        if how.init not in ("zeros", "ones"):
            notes.append(f"{name} has no value; drawn from {how} with seed {seed}")
        else:
            notes.append(f"{name} has no value; set to {how.init}")
        return as_value(draw(how, name, leaf.shape, seed), leaf.type, self.dtype, name, leaf.span)


def _whole(what: str, number: Any) -> int:
    """The number. Raises ValueError when it is no whole number."""
    if isinstance(number, bool) or not isinstance(number, Integral):
        raise ValueError(f"{what} is a whole number, not {number!r}")
    return int(number)
