"""The command line as a whole: exit codes, where things are printed, and what is imported when."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys

import pytest

import paramprog
from paramprog.cli import main
from paramprog.cli.parser import COMMANDS
from paramprog.lang.check import Checker
from paramprog.program import Program

HEAVY = ("numpy", "scipy", "lark", "networkx", "rich", "paramprog.program", "paramprog.lang", "paramprog.op")


def python(*arguments, **options):
    """A real process."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)], capture_output=True, timeout=120, encoding="utf-8", **options
    )


@pytest.mark.parametrize("argv", [["--help"], ["--version"], ["grad", "--help"], ["grad"], ["examples"]])
def test_nothing_heavy_is_imported_before_it_must(argv):
    """--help, --version, usage errors and the list of examples do without NumPy and the compiler."""
    code = f"""
import sys
from paramprog.cli import main
main({argv!r})
heavy = [m for m in {HEAVY!r} if m in sys.modules]
sys.exit(f"imported: {{heavy}}" if heavy else 0)
"""
    done = python("-c", code)
    assert done.returncode == 0, done.stderr


def test_help_lists_all_commands(cli):
    """`paramprog --help` succeeds, on stdout."""
    done = cli("--help")
    assert done.code == 0
    assert done.err == ""
    assert all(f"\n    {name} " in done.out for name in COMMANDS)


@pytest.mark.parametrize("argv", [["--version"], *([name, "--version"] for name in COMMANDS)])
def test_version(cli, argv):
    """Every command knows the version."""
    done = cli(*argv)
    assert (done.code, done.out) == (0, f"paramprog {paramprog.__version__}\n")


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["nonsense"],
        ["grad"],
        ["grad", "f.pp", "--nonsense"],
        ["grad", "f.pp", "--func", "f"],
        ["grad", "f.pp", "--mode", "sideways"],
        ["grad", "f.pp", "--dtype", "float16"],
        ["grad", "f.pp", "--backend", "fortran"],
        ["grad", "f.pp", "--dump", "nonsense"],
        ["grad", "f.pp", "--dump", "graph", "--json"],
        ["grad", "f.pp", "--seed", "-1"],
        ["grad", "f.pp", "--seed", "x"],
        ["grad", "f.pp", "--max-paths", "0"],
        ["grad", "f.pp", "--max-nodes", "1.5"],
        ["grad", "f.pp", "--max-nodes", "9" * 5000],
        ["grad", "f.pp", "--wrt", "A,,B"],
        ["grad", "f.pp", "--dim", "n"],
        ["grad", "f.pp", "--dim", "n=-1"],
        ["check", "f.pp", "--mode", "reverse"],
        ["examples", "f.pp"],
    ],
)
def test_usage_errors(cli, argv):
    """Exit 2, with a message on stderr and nothing on stdout."""
    done = cli(*argv)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("usage: paramprog")
    assert ": error: " in done.err


def test_control_characters_of_the_command_line_stay_off_the_terminal(cli):
    """A usage error shows them as escapes."""
    done = cli("\x1b[31mred")
    assert done.code == 2
    assert "\x1b" not in done.err


def test_a_faulty_program_is_a_diagnostic(cli, program):
    """Exit 1, the place with a caret on stderr, nothing on stdout, no traceback."""
    done = cli("run", program("function f(x) {\n    return x * z\n}\n"))
    assert (done.code, done.out) == (1, "")
    assert "program.pp:2:16: error[undefined-name]" in done.err
    assert "\n    |                ^\n" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("command", ["check", "run", "grad", "verify"])
def test_unreadable_programs(cli, command, tmp_path, write):
    """A missing file, a directory and a text that is not UTF-8 end every command with exit 1."""
    write("latin.pp", b"# caf\xe9\nfunction f(x) { return x }\n")
    for name in ("missing.pp", tmp_path, "latin.pp", "nul\0.pp"):
        done = cli(command, name)
        assert (done.code, done.out) == (1, "")
        assert "error[" in done.err
        assert "Traceback" not in done.err


def test_names_of_files_are_escaped(cli, write):
    """A file name cannot send control sequences to the terminal."""
    done = cli("run", write("\x1b[31m.pp", "function"))
    assert done.code == 1
    assert "\x1b" not in done.err
    assert r"\x1b[31m.pp" in done.err


def test_standard_input(cli):
    """FILE `-` is standard input, which is called <stdin> in messages."""
    assert cli("run", "-", stdin=b"function f(x = 2.0) { return x * x }\n").out == "out0 = 4.0\n"
    done = cli("run", "-", stdin=b"function f(x) { return z }\n")
    assert done.code == 1
    assert done.err.startswith("<stdin>:1:24: error[undefined-name]")


def test_closed_standard_input(cli, monkeypatch, capfd):
    """`paramprog run - <&-` is told so."""
    monkeypatch.setattr(sys, "stdin", None)
    assert main(["run", "-"]) == 1
    assert "standard input is closed" in capfd.readouterr().err


# ---- internal errors and interruptions ----------------------------------------


@pytest.mark.parametrize(
    "owner, name, stage", [(Checker, "declarations", "check"), (Program, "grad", "command line")]
)
def test_internal_error(cli, monkeypatch, shipped, owner, name, stage):
    """Exit 70; stderr names the stage and asks for a report; no traceback without -v."""

    def broken(*arguments, **options):
        raise KeyError("a \x1b[31mred key")

    monkeypatch.setattr(owner, name, broken)
    done = cli("grad", shipped("logistic"))
    assert (done.code, done.out) == (70, "")
    assert done.err.startswith(f"internal error in stage {stage}: KeyError: ")
    assert "report" in done.err
    assert "\x1b" not in done.err
    assert "Traceback" not in done.err
    verbose = cli("grad", shipped("logistic"), "-v")
    assert verbose.code == 70
    assert verbose.err.startswith("Traceback")
    assert f"internal error in stage {stage}: " in verbose.err


def test_long_messages_of_internal_errors_are_cut(cli, monkeypatch, shipped):
    """An error that shows a whole array does not fill the terminal."""

    def broken(*arguments, **options):
        raise ValueError("x" * 100_000)

    monkeypatch.setattr(Program, "run", broken)
    assert len(cli("run", shipped("logistic")).err) < 1000


def test_interruption(cli, monkeypatch, shipped):
    """Exit 130, quietly."""

    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(Program, "run", interrupted)
    done = cli("run", shipped("logistic"))
    assert (done.code, done.out, done.err) == (130, "", "interrupted\n")


def test_out_of_memory(cli, monkeypatch, shipped):
    """The program is at fault: exit 1."""

    def greedy(*arguments, **options):
        raise MemoryError

    monkeypatch.setattr(Program, "run", greedy)
    done = cli("run", shipped("logistic"))
    assert done.code == 1
    assert "error[out-of-memory]" in done.err


# ---- output that cannot be written ----------------------------------------


class Full(io.StringIO):
    """A device without room."""

    def flush(self):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fileno(self):
        return os.open(os.devnull, os.O_WRONLY)


@pytest.mark.parametrize("argv", [["--help"], ["examples"]])
def test_a_full_disk_is_a_fault(monkeypatch, capsys, argv):
    """Exit 1 when results cannot be written."""
    monkeypatch.setattr(sys, "stdout", Full())
    assert main(argv) == 1
    assert "error[unwritable]" in capsys.readouterr().err


def test_without_standard_output(monkeypatch):
    """`>&-` is no fault."""
    monkeypatch.setattr(sys, "stdout", None)
    assert main(["examples"]) == 0


@pytest.mark.skipif(os.name != "posix", reason="needs a shell")
@pytest.mark.parametrize("command", ["--help", "examples", "check {} --dump graph"])
def test_a_reader_who_has_gone_is_no_fault(command, program, tmp_path):
    """`paramprog ... | head` ends quietly, also when the output fills the pipe."""
    lines = "\n".join(f"    y{k} = x * x" for k in range(3000))
    program(f"function f(x) {{\n{lines}\n    return x\n}}\n")
    line = f'"{sys.executable}" -m paramprog {command.format("program.pp")} | head -n 1'
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], capture_output=True, cwd=tmp_path, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b"\n") == 1


def test_characters_that_stdout_lacks_are_escaped(shipped, tmp_path):
    """A file name in an ASCII locale does not end in an encoding error."""
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = python("-m", "paramprog", "examples", "--copy", "caf\u00e9", cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    assert r"caf\xe9" in done.stdout


# ---- real processes ----------------------------------------------------


def test_the_module_is_the_command(shipped):
    """`python -m paramprog` prints results on stdout and exits 0."""
    done = python("-m", "paramprog", "run", shipped("running_example"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("R = -0.0649673481562")


def test_exit_codes_of_real_processes(tmp_path):
    """1 for a missing file, 2 for usage."""
    assert python("-m", "paramprog", "run", tmp_path / "none.pp").returncode == 1
    assert python("-m", "paramprog", "run").returncode == 2
