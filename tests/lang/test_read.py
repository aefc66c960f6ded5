"""Reading programs: what is accepted, and how faults of the file are told."""

from __future__ import annotations

import io
import os

import pytest

from paramprog.diagnostics import Diagnostic, ProgramError, render
from paramprog.lang.read import MAX_SOURCE, read_source


def failure(path) -> Diagnostic:
    with pytest.raises(ProgramError) as caught:
        read_source(path)
    [diagnostic] = caught.value.diagnostics
    assert render(diagnostic)
    return diagnostic


def test_a_file_is_read_as_it_is(tmp_path):
    """The text is unchanged, line ends included; the source has the name that was given."""
    file = tmp_path / "a.pp"
    file.write_bytes("# \u03b1\r\nx\n".encode())
    source = read_source(file)
    assert source.text == "# \u03b1\r\nx\n"
    assert source.name == str(file)


def test_a_byte_order_mark_is_dropped(tmp_path):
    """Only one, and only at the start."""
    file = tmp_path / "a.pp"
    file.write_bytes("\ufeff\ufeffx".encode())
    assert read_source(str(file)).text == "\ufeffx"


def test_standard_input(monkeypatch):
    """`-` is standard input."""
    stdin = io.TextIOWrapper(io.BytesIO(b"dim n"))
    monkeypatch.setattr("sys.stdin", stdin)
    source = read_source("-")
    assert (source.name, source.text) == ("<stdin>", "dim n")


def test_a_missing_file(tmp_path):
    """The message names the file."""
    diagnostic = failure(tmp_path / "missing.pp")
    assert diagnostic.code == "unreadable-file"
    assert "missing.pp" in diagnostic.message


@pytest.mark.parametrize("path", [".", "nul\0.pp", "x" * 5000])
def test_what_is_no_file(path):
    """A directory, and names that no file can have."""
    assert failure(path).code == "unreadable-file"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a file that may not be read")
def test_a_forbidden_file(tmp_path):
    """The reason of the system is told."""
    file = tmp_path / "a.pp"
    file.touch(mode=0)
    assert failure(file).code == "unreadable-file"


def test_the_bad_byte_is_pointed_at(tmp_path):
    """Text that is not UTF-8: the position counts characters, not bytes."""
    file = tmp_path / "a.pp"
    file.write_bytes("dim n\n# \u03b1\u03b2 ".encode() + b"\xff more")
    diagnostic = failure(file)
    assert diagnostic.code == "not-utf8"
    assert "0xFF" in diagnostic.message
    assert diagnostic.span is not None
    assert (diagnostic.span.line, diagnostic.span.column) == (2, 6)


def test_utf16_is_recognised(tmp_path):
    """What Windows editors call Unicode."""
    file = tmp_path / "a.pp"
    file.write_bytes("dim n".encode("utf-16"))
    assert failure(file).hint == "it looks like UTF-16; save it as UTF-8"


def test_a_file_that_is_too_long(tmp_path):
    """No more than the limit is read; exactly the limit is allowed."""
    file = tmp_path / "a.pp"
    file.write_bytes(b"#" * MAX_SOURCE)
    assert len(read_source(file).text) == MAX_SOURCE
    with file.open("ab") as end:
        end.write(b"#")
    assert failure(file).code == "source-limit"
