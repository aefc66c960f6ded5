"""`import "file.pp"`: which file is meant, read once, inside the program's folder, without cycles."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from os.path import relpath
from pathlib import Path

from paramprog.diagnostics import Report, Source, fail
from paramprog.lang.parse import parse
from paramprog.lang.read import read_source
from paramprog.lang.syntax import ImportDecl, Module
from paramprog.lang.unit import Unit, collect


class Files:
    """The files of one program. `root` is the folder of the file that is run; nothing outside it is read."""

    def __init__(self, main: Module) -> None:
        name = main.source.name
        self.root = Path(name).resolve().parent if Path(name).is_file() else None
        self._absolute = Path(name).is_absolute()
        self._modules: dict[Path, Module] = {Path(name).resolve(): main} if self.root else {}

    def module(self, decl: ImportDecl, importer: Module) -> Module:
        """The file that is imported. Raises ProgramError when it is outside the folder, missing or no program."""
        if self.root is None:
            raise fail("import-path", "a program that is not a file cannot import one", decl.span)
        written = decl.path.value
        try:
            path = (Path(importer.source.name).resolve().parent / written).resolve()
            exists = path.is_file()
        except (OSError, RuntimeError):  # a name that is too long, links in a circle
            raise fail("import-path", f"`{written}` is no name of a file", decl.path.span) from None
        if not written or Path(written).is_absolute() or not path.is_relative_to(self.root):
            raise fail("import-path", "an import names a file inside the program's folder", decl.path.span)
        if path not in self._modules:
            if not exists:
                raise fail("import-path", f"there is no file `{written}`", decl.path.span)
            # read what was checked: through a link, the name as written may lead elsewhere
            self._modules[path] = parse(read_source(path if self._absolute else relpath(path)))
        return self._modules[path]


@cache
def prelude_unit() -> Unit:
    """The functions of `prelude.pp`, which every program can call."""
    text = files("paramprog.lang").joinpath("prelude.pp").read_text(encoding="utf-8")
    return collect(parse(Source("prelude.pp", text)), Report())
