"""A whole file in the language."""

from __future__ import annotations

from collections.abc import Sequence

from paramprog.diagnostics import Source
from paramprog.emit import declarations
from paramprog.emit.entry import BaseText, Entry, Heading
from paramprog.emit.language import Function
from paramprog.lang.format import format_source
from paramprog.pipeline import Compiled


def text(
    compiled: Compiled, entry: Entry, body: Sequence[str], heading: Heading, values: declarations.Values
) -> str:
    """The declarations, base functions and functions of arms, and last the entry function, as `fmt` lays them out."""
    language = entry.language
    arguments = declarations.arguments(compiled.built, compiled.checked.entry.formals(), values)
    bases = [_base(b) for b in entry.bases(partials=True)]
    declared = [
        *(declarations.constant(c) for c in language.constants.values()),
        *declarations.params(compiled.checked, values),
        *bases,
    ]
    parts = [[f"# {heading.sentence}, made from {heading.file} by `paramprog grad --emit pp`."]]
    if declared:
        parts.append(declared)
    main = Function(entry.name, arguments, body, entry.results)
    parts += [language.function(f) for f in (*entry.writer.functions, main)]
    return format_source(Source("printed", "\n\n".join("\n".join(lines) for lines in parts) + "\n"))


def _base(base: BaseText) -> str:
    line = f"base {base.name}({', '.join(base.arguments)}) = {base.result.text}"
    if base.partials is None:
        return line
    return f"{line} derivative ({', '.join(p.text for p in base.partials)})"
