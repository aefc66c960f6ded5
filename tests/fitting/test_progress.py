"""What is shown during training, and that showing it never stops the training."""

from __future__ import annotations

import io
import math
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paramprog.fitting.progress import Progress, sparkline


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


class Broken(io.StringIO):
    def write(self, text):
        raise BrokenPipeError(32, "Broken pipe")

    def flush(self):
        raise OSError(5, "Input/output error")


class BrokenTerminal(Broken):
    def isatty(self):
        return True


class Clock:
    """Shows `now`."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "90")


def train(stream, *, epochs=12, rows=1000, done=0, quiet=False):
    """Two steps an epoch, a second each, from epoch `done` on."""
    clock = Clock()
    with Progress(epochs, rows, done=done, quiet=quiet, stream=stream, clock=clock) as progress:
        for epoch in range(done + 1, epochs + 1):
            for loss in (0.5, 0.25):
                clock.now += 1
                progress.step(rows // 2, loss / epoch)
            if epoch == 2:
                progress.note("skipped a step: [bold]not markup[/bold]")
            progress.epoch(epoch, {"loss": 0.375 / epoch, "val_accuracy": 0.9})
    return stream.getvalue()


def screen(text: str) -> list[str]:
    """The lines as they stand in the end, and those drawn before them, without control sequences."""
    return [
        line for line in re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)) if line.strip()
    ]


def test_plain_lines():
    """Elsewhere than on a terminal: one line per epoch with its figures and the rate, no control sequences."""
    lines = train(io.StringIO()).splitlines()
    assert lines[0] == "epoch  1/12  loss 0.375  val_accuracy 0.9  500 rows/s"
    assert lines[1] == "skipped a step: [bold]not markup[/bold]"
    assert lines[-1] == "epoch 12/12  loss 0.03125  val_accuracy 0.9  500 rows/s"
    assert len(lines) == 13 and "\x1b" not in "".join(lines)


def test_bar():
    """On a terminal: a bar with epoch, loss, rate and the time that remains, drawn in place; notes stay above it."""
    text = train(Terminal())
    lines = screen(text)
    assert re.search(r"epoch  1/12 ━.* loss 0\.5 +500 rows/s  ETA 0:00:23", "\n".join(lines))
    assert re.search(r"epoch 12/12 ━+ loss 0\.03125 +500 rows/s  ETA 0:00:00", lines[-1])
    assert "skipped a step: [bold]not markup[/bold]" in "".join(lines)
    assert text.index("\x1b[?25l") < text.rindex("\x1b[?25h")  # the cursor is shown again


def test_bar_after_resuming():
    """Epochs done before count for the bar and not for the rate."""
    lines = screen(train(Terminal(), done=6))
    assert re.search(r"^epoch  7/12 ━.*ETA -:--:--", lines[0])
    assert re.search(r"epoch  7/12 ━.* loss 0\.07142\d +500 rows/s  ETA 0:00:11", "\n".join(lines))


def test_cursor_after_an_exception():
    """The cursor is shown again when the training ends by an exception."""
    stream = Terminal()
    with pytest.raises(KeyboardInterrupt), Progress(3, 10, stream=stream):
        raise KeyboardInterrupt
    assert stream.getvalue().rindex("\x1b[?25h") > stream.getvalue().rindex("\x1b[?25l")


def test_bar_is_drawn_seldom():
    """Steps of a microsecond are not drawn each."""
    clock, stream = Clock(), Terminal()
    with Progress(1, 10_000, stream=stream, clock=clock) as progress:
        before = len(stream.getvalue())
        for _ in range(10_000):
            clock.now += 1e-6
            progress.step(1, 0.5)
        assert len(stream.getvalue()) == before


@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
def test_quiet(kind):
    """Nothing at all is shown when it is not wanted."""
    assert train(kind(), quiet=True) == ""


def test_dumb_terminal(monkeypatch):
    """A terminal that cannot move its cursor gets plain lines."""
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in train(Terminal())


@pytest.mark.parametrize("kind", [Broken, BrokenTerminal])
def test_broken_stream(kind):
    """A stream that cannot be written, such as a terminal that was closed, does not stop the training."""
    assert train(kind()) == ""


def test_closed_and_missing_stream(monkeypatch):
    """Neither does a stream that was closed, or stderr closed by `2>&-`."""
    stream = io.StringIO()
    with Progress(1, 1, stream=stream) as progress:
        stream.close()
        progress.note("a")
        progress.epoch(1, {})
    with Progress(1, 1, stream=stream) as progress:
        progress.epoch(1, {})
    monkeypatch.setattr(sys, "stderr", None)
    with Progress(1, 1) as progress:
        progress.step(1, 0.5)
        progress.note("a")
        progress.epoch(1, {})


def test_ascii_streams():
    """A stream without block characters gets a bar and notes in ASCII."""
    for terminal in (False, True):
        raw = io.BytesIO()
        stream = io.TextIOWrapper(raw, encoding="ascii", newline="")
        stream.isatty = lambda terminal=terminal: terminal
        with Progress(2, 10, stream=stream) as progress:
            progress.step(10, 0.5)
            progress.note("café")
            progress.epoch(1, {"loss": math.nan})
        shown = raw.getvalue().decode("ascii")
        assert "caf\\xe9" in shown and "epoch 1/2" in shown and ("----" in shown) == terminal


def test_control_characters():
    """Names and notes cannot send control sequences to a terminal."""
    stream = io.StringIO()
    with Progress(1, 1, stream=stream) as progress:
        progress.note("\x1b[2J")
        progress.epoch(1, {"\x1b[2J": 1.0})
    assert "\x1b" not in stream.getvalue()


def test_nothing_heavy_is_imported():
    """rich is imported for a bar only."""
    code = (
        "import io, sys; from paramprog.fitting.progress import Progress\n"
        "with Progress(1, 1, stream=io.StringIO()) as p: p.epoch(1, {})\n"
        "sys.exit('rich' in sys.modules or 'matplotlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# ---- sparklines --------------------------------------------------------------------------------------------


def test_sparkline():
    """The minimum is the lowest block, the maximum the highest; equal values are a line."""
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"
    assert sparkline([7.0, 0.0, 3.5]) == "█▁▅"
    assert sparkline([2.0, 2.0, 2.0]) == "▁▁▁"
    assert sparkline([]) == ""
    assert sparkline([1.0, math.nan, math.inf, 2.0]) == "▁!!█"
    assert sparkline([math.nan]) == "!"
    assert sparkline([-1.7e308, 0.0, 1.7e308]) == "▁▅█"
    assert sparkline([0.0, 5e-324]) in ("▁█", "▁▁")


def test_sparkline_of_many():
    """More values than characters are averaged over stretches of equal length."""
    assert sparkline([0, 2, 4, 6, 8, 10], width=3) == "▁▅█"
    assert sparkline(range(10_000), width=8) == "▁▂▃▄▅▆▇█"


def test_sparkline_in_ascii():
    """Where the encoding of the stream lacks blocks, other characters stand for them."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7], stream=stream) == "_.-:=+*#"
    assert sparkline([0, 7], stream=io.TextIOWrapper(io.BytesIO(), encoding="utf-8")) == "▁█"
    assert sparkline([0, 7], stream=io.StringIO()) == "_#"  # says no encoding


@given(st.lists(st.floats(), max_size=100), st.integers(1, 50))
def test_sparkline_of_anything(values, width):
    """Any values give so many characters, each a block or the sign for what is not finite."""
    line = sparkline(values, width=width)
    assert len(line) == min(len(values), width) and set(line) <= set("▁▂▃▄▅▆▇█!")
