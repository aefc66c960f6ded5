"""The training curve as a picture. What it looks like is for the eye; here is what can be said of its bytes."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET

import pytest
from full_disk import fails_at

from paramprog.diagnostics import ProgramError
from paramprog.fitting import curve as module
from paramprog.fitting.curve import curve

RECORDS = [
    {"epoch": e, "loss": 1 / e, "val_loss": 2 / e if e != 3 else "NaN", "val_accuracy": 1 - 1 / e}
    for e in range(1, 9)
]


def texts(path) -> list[str]:
    return [t.text for t in ET.parse(path).iter("{http://www.w3.org/2000/svg}text")]


@pytest.fixture
def plot():
    return pytest.importorskip("matplotlib")


def test_missing(tmp_path, monkeypatch):
    """Without matplotlib the error says how to get it, and nothing is written."""

    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(module, "import_module", missing)
    with pytest.raises(ProgramError, match=r"\[matplotlib-missing\]: [^\n]*\n  hint: .*paramprog\[plot\]"):
        curve(RECORDS, tmp_path / "curve.svg")
    assert os.listdir(tmp_path) == []


def test_svg(plot, tmp_path):
    """The figures that the records have, by name, over the epochs; those that none has are left out."""
    curve(RECORDS, tmp_path / "curve.svg", title="digits")
    shown = texts(tmp_path / "curve.svg")
    assert {"digits", "epoch", "loss", "val_loss", "val_accuracy"} <= set(shown)
    assert "accuracy" not in shown and "r2" not in shown


def test_same_bytes(plot, tmp_path):
    """The same records give the same SVG, whatever the user's settings for matplotlib are."""
    curve(RECORDS, tmp_path / "a.svg")
    with plot.rc_context(
        {"lines.linewidth": 7, "svg.fonttype": "path", "svg.hashsalt": None, "axes.grid": True}
    ):
        curve(RECORDS, tmp_path / "b.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert b"<dc:date>" not in (tmp_path / "a.svg").read_bytes()


def test_png(plot, tmp_path):
    """Any other suffix than .svg is a PNG."""
    curve(RECORDS, tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_texts_are_texts(plot, tmp_path):
    """No name or title is read as markup or as mathematics, or brings control characters into the file."""
    name = "$\\frac{a$ <b>&\x1b"
    curve([{"epoch": 1, name: 2.0}], tmp_path / "a.svg", title="<script>$x$\x00", panels=[[name]])
    shown = texts(tmp_path / "a.svg")
    assert "$\\frac{a$ <b>&\\x1b" in shown and "<script>$x$\\x00" in shown


@pytest.mark.parametrize(
    "records",
    [
        [],
        [{"epoch": 1}],
        [{"loss": 1.0}],
        [{"epoch": 1, "loss": "NaN"}],
        [{"epoch": 1, "loss": float("inf"), "val_loss": None}],
        [{"epoch": 1, "loss": 1e-300}, {"epoch": 2, "loss": 1e300}],
        [{"epoch": 1, "loss": 0.0}, {"epoch": 2, "loss": -5.0}],
    ],
)
def test_few_and_strange_records(plot, tmp_path, records):
    """A log without epochs, without finite numbers or with extreme ones is drawn as far as it goes."""
    curve(records, tmp_path / "curve.svg")
    assert "epoch" in texts(tmp_path / "curve.svg")


@pytest.mark.parametrize("turn", range(4))
def test_full_disk(plot, tmp_path, monkeypatch, turn):
    """A picture that cannot be written is an error with file and cause, and no file."""
    with monkeypatch.context() as patch:
        fails_at(patch, turn)
        with pytest.raises(ProgramError, match=r"\[unwritable\]: cannot write `.*curve.svg`: No space left"):
            curve(RECORDS, tmp_path / "curve.svg")
    assert os.listdir(tmp_path) == []
