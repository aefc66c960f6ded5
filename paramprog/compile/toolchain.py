"""Which C compiler there is, and what it is told.

$CC if it is set; else the first of cc, gcc, clang; else the compiler in the `ziglang` wheel
(`pip install 'paramprog[cc]'`).
"""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

FLAGS = (
    "-O3",
    "-march=native",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-ffp-contract=off",
    "-fopenmp-simd",
    "-fno-tree-slp-vectorize",
    "-fPIC",
    "-shared",
    "-w",
)
"""No -ffast-math: it would lose NaN, infinities and the conventions at hard points. Nor is a * b + c contracted, or
x y - y x would be a rounding error instead of the 0 that the conventions speak of; sums that may be say so (`pp_mac`).
Straight code is not vectorised, which gcc 12 gets wrong (docs/decisions/014-c-back-end.md)."""

X86_FLAGS = ("-mprefer-vector-width=512",)

GCC_FLAGS = tuple(
    word
    for limit in ("max-unroll-times=4", "max-unrolled-insns=800", "max-average-unrolled-insns=800")
    for word in ("--param", limit)
)
"""For the functions alone that ask for it (PP_OVERLAP): loops of long chains, four turns of which run side by side."""

TIMEOUT = 600
"""Seconds after which a compilation is given up."""


class NoCompiler(Exception):
    """There is no C compiler, or it does not do what it should."""


@dataclass(frozen=True)
class Toolchain:
    """A compiler: the words of its command, and its first line about itself."""

    command: tuple[str, ...]
    version: str
    gcc: bool = False

    @property
    def flags(self) -> tuple[str, ...]:
        wide = platform.machine().lower() in ("x86_64", "amd64")
        return FLAGS + (X86_FLAGS if wide else ()) + (GCC_FLAGS if self.gcc else ())

    @property
    def name(self) -> str:
        """For people: `gcc (Debian 12.2.0) 12.2.0`."""
        return self.version

    def compile(self, source: Path, to: Path, extra: tuple[str, ...] = ()) -> None:
        """A shared library from a C file. Raises NoCompiler with what the compiler says."""
        words = [*self.command, *self.flags, *extra, str(source), "-o", str(to), "-lm"]
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT, check=False)
        except (OSError, subprocess.TimeoutExpired) as problem:
            raise NoCompiler(f"the C compiler does not run: {problem}") from None
        if done.returncode:
            said = done.stderr.strip().splitlines() or ["nothing"]
            raise NoCompiler(f"the C compiler {self.command[0]} refuses generated code: {said[0][:300]}")


@cache
def toolchain() -> Toolchain | None:
    """The compiler that is used, None if there is none. Looked for once.

    Raises NoCompiler if $CC is none: who names a compiler does not want another one.
    """
    said = os.environ.get("CC", "").strip()
    if said:
        own = _words(said)
        found = _told(own) if own else None
        if found is None:
            raise NoCompiler(f"$CC is `{said}`, which is no C compiler that runs here")
        return found
    return next((found for command in _candidates() if (found := _told(command)) is not None), None)


def _words(command: str) -> tuple[str, ...]:
    """The words of a command of the shell, none if its quotes are not closed."""
    try:
        return tuple(shlex.split(command))
    except ValueError:
        return ()


def _candidates() -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = [
        (path,) for name in ("cc", "gcc", "clang") if (path := shutil.which(name))
    ]
    if find_spec("ziglang") is not None:
        found.append((sys.executable, "-m", "ziglang", "cc"))
    return found


def _told(command: tuple[str, ...]) -> Toolchain | None:
    """The compiler as it tells of itself, None if it does not run."""
    try:
        done = subprocess.run(
            [*command, "--version"], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    first = (done.stdout.splitlines() or [""])[0].strip()
    gcc = "Free Software Foundation" in done.stdout
    return Toolchain(command, first, gcc) if first and done.returncode == 0 else None


@cache
def cpu() -> str:
    """What of the machine compiled code depends on: code made for it must not run elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    told = [line for line in lines if line.startswith(("flags", "Features", "model name", "CPU part"))]
    return "\n".join([platform.machine(), platform.system(), platform.processor(), *sorted(set(told))])
