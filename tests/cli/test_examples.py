"""`paramprog examples`."""

from __future__ import annotations

import pytest

from paramprog.resources import programs_dir


def copied(directory):
    return {str(p.relative_to(directory)): p.read_bytes() for p in directory.rglob("*") if p.is_file()}


def test_list(cli):
    """Each program with the first line of its comment, aligned."""
    done = cli("examples")
    assert (done.code, done.err) == (0, "")
    names = [line.split()[0] for line in done.out.splitlines()]
    assert names == sorted(p.name for p in programs_dir().glob("*.pp"))
    assert len({line.index(line.split()[1], len(line.split()[0])) for line in done.out.splitlines()}) == 1
    found = cli("examples", "--json").json["examples"]
    assert [example["name"] for example in found] == names
    assert all(example["about"] for example in found)


def test_copy(cli, tmp_path):
    """The programs with their data, without the faulty ones; they run from there."""
    done = cli("examples", "--copy", "a/b")
    assert (done.code, done.err) == (0, "")
    found = copied(tmp_path / "a" / "b")
    assert {"running_example.pp", "data/digits.csv", "data/README.md"} <= set(found)
    assert not any(name.startswith("bad") for name in found)
    assert f"copied {len(found)} files to a/b\n" == done.out
    assert all((programs_dir() / name).read_bytes() == data for name, data in found.items())
    assert cli("run", "a/b/digits_mlp.pp", "--inputs", "a/b/data/digits_row.json").code == 0


def test_copy_again(cli, tmp_path):
    """Equal files are no obstacle; missing ones are copied."""
    cli("examples", "--copy", "a")
    (tmp_path / "a" / "logistic.pp").unlink()
    done = cli("examples", "--copy", "a")
    assert (done.code, done.out) == (0, "copied 1 files to a\n")


def test_copy_does_not_overwrite(cli, tmp_path):
    """A file that differs is kept and named, and nothing is written; --force overwrites."""
    mine = tmp_path / "a" / "logistic.pp"
    mine.parent.mkdir()
    mine.write_text("mine")
    done = cli("examples", "--copy", "a")
    assert (done.code, done.out) == (1, "")
    assert "error[would-overwrite]: `a/logistic.pp`" in done.err.replace("\\", "/")
    assert copied(tmp_path / "a") == {"logistic.pp": b"mine"}
    assert cli("examples", "--copy", "a", "--force").code == 0
    assert mine.read_bytes() == (programs_dir() / "logistic.pp").read_bytes()


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_copy_into_a_file(cli, write, force):
    """What cannot be written is a diagnostic."""
    done = cli("examples", "--copy", write("file", "mine"), *force)
    assert (done.code, done.out) == (1, "")
    assert "error[" in done.err
    assert "Traceback" not in done.err
