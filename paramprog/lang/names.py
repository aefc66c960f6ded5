"""What the names of a file mean: its own declarations, those of its imports, the prelude, the built-ins."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from paramprog.diagnostics import Diagnostic, Report
from paramprog.lang.imports import prelude_unit
from paramprog.lang.instance import FunctionRef
from paramprog.lang.syntax import Identifier
from paramprog.lang.unit import Unit
from paramprog.op import SURFACES

SPECIAL = ("grad", "hessian", "jacobian", "jvp", "map", "reduce", "slice", "vjp")
"""Built-in functions that are not one primitive with one spelling."""


@dataclass(eq=False, repr=False)
class Names:
    """One file of a program. `given_dims` come from --dim or from the shapes of data."""

    unit: Unit
    report: Report
    given_dims: dict[str, int]
    imports: list[Self] = field(default_factory=list)
    """The files it imports, in order."""
    prefix: str = ""
    """What stands before the names of its dims outside: `file.` for an imported file."""
    made_prelude: Self | None = None

    def in_reach(self) -> list[Self]:
        """This file and those it imports: what it can mention."""
        return [self, *self.imports]

    def owner(self, name: str) -> Self | None:
        """The file that a value comes from: this one, else the first import with a param or const of that name."""
        if name in self.unit.params or name in self.unit.consts or name in self.unit.dims:
            return self
        return next((c for c in self.imports if name in c.unit.params or name in c.unit.consts), None)

    def is_param(self, name: str) -> bool:
        """Whether a name of this file means a param."""
        owner = self.owner(name)
        return owner is not None and name in owner.unit.params

    def find(self, name: str) -> FunctionRef | None:
        """The function of that name: of this file, its imports, the prelude, the built-ins, in that order."""
        for one in self.in_reach():
            if name in one.unit.functions or name in one.unit.bases:
                return FunctionRef(one, name)
        # no function of the prelude has the name of a built-in one, so the prelude is read only when it is needed
        if (name in SURFACES and name.isidentifier()) or name in SPECIAL:
            return FunctionRef(None, name)
        return FunctionRef(self.prelude(), name) if name in prelude_unit().functions else None

    def prelude(self) -> Self:
        """The checker of the prelude, one for each file that uses it."""
        if self.made_prelude is None:
            self.made_prelude = type(self)(prelude_unit(), self.report, {})
        return self.made_prelude

    def function_names(self) -> list[str]:
        """All functions that can be called from this file."""
        own = [n for one in self.in_reach() for n in (*one.unit.functions, *one.unit.bases)]
        built_in = [s for s in SURFACES if s.isidentifier()]
        return [*own, *prelude_unit().functions, *built_in, *SPECIAL]

    def value_names(self) -> list[str]:
        """All values that can be mentioned in this file."""
        return [*self.unit.values(), *(n for c in self.imports for n in (*c.unit.params, *c.unit.consts))]

    def family(self) -> list[Self]:
        """This file and all that it imports, also through others, each once."""
        found: dict[Self, None] = {}
        pending = [self]
        while pending:
            one = pending.pop()
            if one not in found:
                found[one] = None
                pending += one.imports
        return list(found)

    def check_clashes(self) -> None:
        """Params are given and saved by name, so no two files of a program may declare the same one."""
        seen: dict[str, Identifier] = {}
        for one in self.family():
            for item in one.unit.params.values():
                other = seen.setdefault(item.name.text, item.name)
                if other is not item.name:
                    message = f"the param `{item.name.text}` is declared in {other.span.source.name} as well"
                    self.report.add(Diagnostic("duplicate-name", message, item.name.span))
