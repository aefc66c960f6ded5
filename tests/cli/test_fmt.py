"""`paramprog fmt`."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys

import pytest

from paramprog.lang import format_page
from paramprog.resources import programs_dir

UGLY = "function f(x) { y=x ;return y } # \u00fc\n"
FINE = "function f(x) {\n    y = x\n    return y\n}  # \u00fc\n"
BAD = "function f(x) { y = }\n"


@pytest.fixture
def read(tmp_path):
    return lambda name: (tmp_path / name).read_bytes().decode()


@pytest.fixture
def names(tmp_path):
    """The names of all files in the directory of the test."""
    return lambda: sorted(path.name for path in tmp_path.iterdir())


def test_in_place(cli, write, read, names):
    """The file is rewritten, stderr names it; formatting it again changes nothing and says nothing."""
    name = write("a.pp", UGLY)
    done = cli("fmt", name)
    assert (done.code, done.out, done.err) == (0, "", "note: formatted a.pp\n")
    assert read(name) == FINE
    assert cli("fmt", name) == type(done)(0, "", "")
    assert names() == ["a.pp"]


def test_several_files(cli, write, read):
    """Each is formatted; a faulty one is reported, left alone, and keeps no other from being formatted."""
    for name, text in {"a.pp": UGLY, "b.pp": BAD, "c.pp": UGLY}.items():
        write(name, text)
    done = cli("fmt", "a.pp", "b.pp", "missing.pp", "c.pp", "-q")
    assert (done.code, done.out) == (1, "")
    assert "b.pp:1:21: error[syntax]" in done.err
    assert "there is no file `missing.pp`" in done.err
    assert "formatted" not in done.err
    assert [read(name) for name in ("a.pp", "b.pp", "c.pp")] == [FINE, BAD, FINE]


def test_check(cli, write, read):
    """The files that would change are listed, and nothing is written."""
    for name, text in {"a.pp": UGLY, "b.pp": FINE, "c.pp": FINE.replace("\n", "\r\n")}.items():
        write(name, text)
    done = cli("fmt", "--check", "a.pp", "b.pp", "c.pp")
    assert (done.code, done.out, done.err) == (1, "a.pp\nc.pp\n", "")
    assert read("a.pp") == UGLY
    assert cli("fmt", "--check", "b.pp") == type(done)(0, "", "")


def test_shipped_programs(cli):
    """All are formatted."""
    done = cli("fmt", "--check", *sorted(programs_dir().glob("*.pp")))
    assert (done.code, done.out, done.err) == (0, "", "")


def test_diff(cli, write, read):
    """A unified diff; nothing is written. It is a fault only together with --check."""
    name = write("a.pp", "param  a=1\n\nparam b = 2")
    expected = (
        "--- a.pp\n+++ a.pp\n@@ -1,3 +1,3 @@\n-param  a=1\n+param a = 1\n \n"
        "-param b = 2\n\\ No newline at end of file\n+param b = 2\n"
    )
    done = cli("fmt", "--diff", name)
    assert (done.code, done.out, done.err) == (0, expected, "")
    assert cli("fmt", "--diff", "--check", name) == type(done)(1, expected, "")
    assert read(name) == "param  a=1\n\nparam b = 2"
    write(name, FINE)
    assert cli("fmt", "--diff", "--check", name) == type(done)(0, "", "")


@pytest.mark.skipif(shutil.which("patch") is None, reason="needs patch")
def test_the_diff_is_a_patch(cli, write, read, tmp_path):
    """`patch` makes the formatted file of it."""
    name = write("a.pp", "# \u00fc\n\n\n\n" + UGLY.rstrip())
    subprocess.run(
        ["patch", "-s", "-p0"], input=cli("fmt", "--diff", name).out.encode(), cwd=tmp_path, check=True
    )
    assert read(name) == "# \u00fc\n\n\n" + FINE


def test_standard_input(cli):
    """`-` formats to stdout; with --check and --diff it is called <stdin>."""
    done = cli("fmt", "-", stdin=UGLY.encode())
    assert (done.code, done.out, done.err) == (0, FINE, "")
    done = cli("fmt", "-", "--check", stdin=UGLY.encode())
    assert (done.code, done.out) == (1, "<stdin>\n")
    assert cli("fmt", "-", "--diff", stdin=UGLY.encode()).out.startswith("--- <stdin>\n")
    done = cli("fmt", "-", stdin=BAD.encode())
    assert (done.code, done.out) == (1, "")
    assert "<stdin>:1:21: error[syntax]" in done.err


def test_standard_output_is_utf8():
    """Whatever the terminal's encoding: comments must not change."""
    command = [sys.executable, "-m", "paramprog", "fmt", "-"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, input=UGLY.encode(), capture_output=True, env=environment)
    assert (done.returncode, done.stdout) == (0, FINE.encode())


def test_json(cli, write):
    """One document: for each file whether it could be formatted and whether that changes it."""
    write("a.pp", UGLY)
    write("b.pp", BAD)
    found = cli("fmt", "--json", "a.pp", "b.pp", "-", stdin=FINE.encode()).json
    assert found == {
        "schema": 1,
        "ok": False,
        "files": [
            {"file": "a.pp", "ok": True, "changed": True},
            {"file": "b.pp", "ok": False},
            {"file": "<stdin>", "ok": True, "changed": False, "text": FINE},
        ],
    }
    assert cli("fmt", "--json", "--check", "a.pp").json["ok"] is True


def test_usage(cli):
    """A file must be named."""
    assert cli("fmt").code == 2


# ---- writing ---------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
@pytest.mark.parametrize("mode", [0o600, 0o755, 0o664])
def test_permissions_stay(cli, write, tmp_path, mode):
    """The new file has those of the old one."""
    name = write("a.pp", UGLY)
    (tmp_path / name).chmod(mode)
    assert cli("fmt", name).code == 0
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == mode


@pytest.mark.skipif(os.name == "nt", reason="symbolic links")
def test_a_link_stays(cli, write, read, tmp_path):
    """The file that it leads to is formatted."""
    (tmp_path / "there").mkdir()
    write("there/a.pp", UGLY)
    (tmp_path / "a.pp").symlink_to("there/a.pp")
    assert cli("fmt", "a.pp").code == 0
    assert (tmp_path / "a.pp").is_symlink()
    assert read("there/a.pp") == FINE


@pytest.mark.parametrize("call", ["fsync", "replace", "chmod"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_write_that_fails(cli, write, read, names, monkeypatch, call, error):
    """A diagnostic (or an interruption); the file is as it was, and nothing else is left."""
    name = write("a.pp", UGLY)

    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(os, call, fails)
    done = cli("fmt", name)
    if isinstance(error, OSError):
        assert done.code == 1
        assert "error[unwritable]: `a.pp` cannot be written: No space left on device" in done.err
    else:
        assert (done.code, done.err) == (130, "interrupted\n")
    assert read(name) == UGLY
    assert names() == ["a.pp"]


def test_a_folder_that_is_read_only(cli, write, read, monkeypatch):
    """A diagnostic, and the file stays. (The superuser may write everywhere, hence the pretence.)"""
    name = write("a.pp", UGLY)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    done = cli("fmt", name)
    assert done.code == 1
    assert "cannot be written: Permission denied" in done.err
    assert read(name) == UGLY


def test_a_file_that_is_read_only(cli, write, read, monkeypatch):
    """It is not replaced, though the folder would allow it."""
    name = write("a.pp", UGLY)
    monkeypatch.setattr(os, "access", lambda *_: False)
    done = cli("fmt", name)
    assert done.code == 1
    assert "cannot be written: it is read-only" in done.err
    assert read(name) == UGLY


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_no_regular_file(cli, tmp_path):
    """A pipe can be read, but is not replaced by a file."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = subprocess.Popen([sys.executable, "-c", f"open({str(pipe)!r}, 'w').write('param  a=1')"])
    done = cli("fmt", "pipe")
    assert writer.wait() == 0
    assert done.code == 1
    assert "it is not a regular file" in done.err
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_fault_of_the_formatter(cli, write, read, monkeypatch):
    """It is an internal error that names the stage, and the file is left alone."""
    name = write("a.pp", UGLY)
    monkeypatch.setattr(format_page.Page, "text", lambda page: "")
    done = cli("fmt", name)
    assert (done.code, done.out) == (70, "")
    assert "internal error in stage format: RuntimeError: formatting would change the program" in done.err
    assert read(name) == UGLY
