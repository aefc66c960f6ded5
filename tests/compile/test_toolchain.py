"""Which compiler is used, and what happens without one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from compiling import needs_compiler

import paramprog
from paramprog.compile import toolchain as tools
from paramprog.compile.toolchain import NoCompiler, Toolchain
from paramprog.diagnostics import ProgramError

PROGRAM = "param W : real = 2.0\nfunction f(x : real = 0.5) { return tanh(W * x) }"


@pytest.fixture
def fresh():
    """The compiler is looked for once; here again, before and after."""
    tools.toolchain.cache_clear()
    yield
    tools.toolchain.cache_clear()


@pytest.fixture
def nothing(fresh, monkeypatch):
    """A machine without a compiler."""
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(tools.shutil, "which", lambda name: None)
    monkeypatch.setattr(tools, "find_spec", lambda name: None)


def test_without_a_compiler_numpy_computes_and_a_note_says_so(nothing):
    """`auto` is NumPy then."""
    fast = paramprog.loads(PROGRAM).compile()
    assert fast.backend == "numpy" and "no C compiler" in fast.note
    assert fast() == paramprog.loads(PROGRAM)()


def test_without_a_compiler_c_is_refused(nothing):
    """Who asks for C gets C or a message that tells what to do."""
    with pytest.raises(ProgramError, match="no-c-backend") as raised:
        paramprog.loads(PROGRAM).compile(backend="c")
    assert "paramprog[cc]" in str(raised.value)


@needs_compiler
def test_cc_is_asked_first(fresh, monkeypatch, tmp_path):
    """$CC wins, with its options."""
    own = tmp_path / "own-cc"
    own.write_text('#!/bin/sh\necho "own compiler 1.0"\n')
    own.chmod(0o755)
    monkeypatch.setenv("CC", f"{own} -m64")
    found = tools.toolchain()
    assert found is not None and found.command == (str(own), "-m64") and found.version == "own compiler 1.0"


@needs_compiler
@pytest.mark.parametrize(
    "says, gcc", [("cc 12.2\\n(C) Free Software Foundation, Inc.", True), ("clang 17", False)]
)
def test_gcc_tells_of_itself(fresh, monkeypatch, tmp_path, says, gcc):
    """Whatever it is called; others do not get its own options."""
    own = tmp_path / "own-cc"
    own.write_text(f"#!/bin/sh\nprintf '{says}\\n'\n")
    own.chmod(0o755)
    monkeypatch.setenv("CC", str(own))
    found = tools.toolchain()
    assert found is not None and found.gcc == gcc and found.version == says.split("\\n")[0]
    assert ("--param" in found.flags) == gcc


@pytest.mark.parametrize("said", ["nowhere-cc", "'open", "false", "/"])
def test_a_cc_that_does_not_run_is_not_passed_over(fresh, monkeypatch, said):
    """Who names a compiler does not get another one: C is refused with its name, `auto` is NumPy with a note."""
    monkeypatch.setenv("CC", said)
    with pytest.raises(ProgramError, match="no-c-backend") as raised:
        paramprog.loads(PROGRAM).compile(backend="c")
    assert f"$CC is `{said}`" in str(raised.value)
    fast = paramprog.loads(PROGRAM).compile()
    assert fast.backend == "numpy" and f"$CC is `{said}`" in fast.note


def test_a_compiler_that_refuses_is_named(tmp_path):
    """What it says is in the message, not a traceback."""
    broken = Toolchain((sys.executable, "-c", "import sys; sys.exit('unknown machine')"), "broken 1")
    with pytest.raises(NoCompiler, match="unknown machine"):
        broken.compile(Path("a.c"), tmp_path / "a.so")


def test_a_compiler_that_is_gone_is_named(tmp_path):
    """Between the search and the call it may have been removed."""
    with pytest.raises(NoCompiler, match="does not run"):
        Toolchain((str(tmp_path / "nowhere"),), "gone").compile(Path("a.c"), tmp_path / "a.so")


@needs_compiler
def test_no_flag_changes_what_numbers_mean():
    """Neither infinities nor NaN nor signed zeros nor the rounding of a b + c are given away."""
    found = tools.toolchain()
    assert found is not None
    assert "-ffp-contract=off" in found.flags
    assert not {"-ffast-math", "-Ofast", "-ffinite-math-only", "-funsafe-math-optimizations"} & set(
        found.flags
    )
