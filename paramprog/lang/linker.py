"""The files of a program connected: each read once, checked once, without cycles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Generic, TypeVar

from paramprog.diagnostics import Diagnostic, Report, did_you_mean, fail
from paramprog.lang.imports import Files
from paramprog.lang.names import Names
from paramprog.lang.syntax import ImportDecl, Module
from paramprog.lang.unit import collect

C = TypeVar("C", bound=Names)


@dataclass(eq=False, repr=False)
class Linker(Generic[C]):
    """Connects the checkers of the files of a program, each read and checked once."""

    make: type[C]
    files: Files
    report: Report
    given: Mapping[str, int]
    _checkers: dict[Module, C] = field(default_factory=dict)
    _prefixes: set[str] = field(default_factory=set)
    """What the names of dims of imported files may begin with."""

    def link(self, main: C) -> None:
        """Fill in `imports` of the file and of all that it imports; reports missing files and cycles."""
        self._checkers[main.unit.module] = main
        trail: list[tuple[C, list[ImportDecl]]] = [(main, list(main.unit.imports))]
        while trail:
            importer, waiting = trail[-1]
            if not waiting:
                trail.pop()
                continue
            decl = waiting.pop(0)
            with self.report.isolating():
                module = self.files.module(decl, importer.unit.module)
                if any(module is one.unit.module for one, _ in trail):
                    raise fail("import-cycle", f"`{decl.path.value}` imports this file again", decl.span)
                if module not in self._checkers:
                    self._checkers[module] = self._checker(module, decl)
                    trail.append((self._checkers[module], list(self._checkers[module].unit.imports)))
                importer.imports.append(self._checkers[module])
        for name in self.given:
            if "." in name and name[: name.rfind(".") + 1] not in self._prefixes:
                self.report.add(Diagnostic("undefined-name", f"there is no dim `{name}`"))

    def _checker(self, module: Module, decl: ImportDecl) -> C:
        """Its dims are its own: `--dim file.n=8`, or `--dim folder/file.n=8` where several files have this name."""
        path = PurePosixPath(decl.path.value)
        stem = path.stem + "."
        prefixes = {stem, f"{path.with_suffix('')}."}
        self._prefixes |= prefixes
        dims = {
            name[name.rfind(".") + 1 :]: size
            for name, size in sorted(self.given.items(), key=lambda given: len(given[0]))  # a path says more
            if name[: name.rfind(".") + 1] in prefixes
        }
        checker = self.make(collect(module, self.report), self.report, dims, prefix=stem)
        for name in dims.keys() - checker.unit.dims.keys():
            hint = did_you_mean(name, checker.unit.dims)
            self.report.add(
                Diagnostic("undefined-name", f"`{decl.path.value}` has no dim `{name}`", decl.span, hint)
            )
        return checker
