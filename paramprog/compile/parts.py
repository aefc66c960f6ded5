"""Long sources in parts, which C compilers take side by side: 10,000 statements are megabytes of kernels."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from paramprog.compile.limits import usable
from paramprog.compile.toolchain import Toolchain

LONG: Final = 1_000_000
"""Characters of kernels from which they are divided, and of which a part has about as many."""

INLINED: Final = 2_000
"""Characters of a kernel that may become part of its caller; others are called, and may as well be elsewhere."""

_FUNCTION = re.compile(r"^((?:PP_\w+ )*)static (?:PP_APART )?(void \w+\([^{;]*\)) \{", re.MULTILINE)
"""How functions begin; of those of a kernel the last one is called by others."""

HIDDEN: Final = '__attribute__((visibility("hidden")))'
"""Found by the other parts, and by nothing else."""


def parts(text: str, kernels: Sequence[str], length: int = LONG) -> list[str]:
    """The text as files that make one library: the last has what is called from outside.

    Where a kernel is does not change what it computes; so which parts there are depends on the text alone.
    """
    whole = "\n".join(kernels)
    if len(whole) < length or whole not in text:
        return [text]
    before, after = text.split(whole)
    stay: list[str] = []
    groups: list[list[str]] = [[]]
    room = length
    for kernel in kernels:
        functions = list(_FUNCTION.finditer(kernel))
        small = "PP_APART" not in kernel and len(kernel) < INLINED
        if small or "pp_chunks" in kernel or not functions:
            stay.append(kernel)
            continue
        if room < 0:
            groups.append([])
            room = length
        room -= len(kernel)
        entry = functions[-1]
        head = f"{entry[1]}{HIDDEN} {entry[2]} {{"
        groups[-1].append(kernel[: entry.start()] + head + kernel[entry.end() :])
        stay.append(f"{HIDDEN} {entry[2]};")
    return [*("\n".join([before, *g, ""]) for g in groups if g), "\n".join([before, *stay, after])]


def compiled(tool: Toolchain, texts: Sequence[str], to: Path) -> None:
    """A shared library of the texts, by as many compilers at once as there may be threads. Raises NoCompiler."""
    sources = list(_written(texts, to))
    objects = [s.with_suffix(".o") for s in sources]
    try:
        if len(sources) == 1:
            tool.compile(sources[0], to)
            return
        with ThreadPoolExecutor(usable()) as pool:
            made = [pool.submit(tool.compile, s, o, ("-c",)) for s, o in zip(sources, objects, strict=True)]
            try:
                for one in made:
                    one.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        tool.compile(objects[0], to, tuple(str(o) for o in objects[1:]))
    finally:
        for path in (*sources, *objects):
            path.unlink(missing_ok=True)


def _written(texts: Sequence[str], beside: Path) -> Iterator[Path]:
    for k, text in enumerate(texts):
        path = beside.with_name(f"{beside.name}-{k}.c")
        path.write_text(text)
        yield path
