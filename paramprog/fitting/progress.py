"""What a training run shows while it goes on: a bar on a terminal, one plain line per epoch elsewhere.

    epoch  3/30 ━━━━━╸━━━━━━━━━━━ loss 0.2143     51,234 rows/s  ETA 0:00:12        (a terminal; drawn in place)
    epoch  3/30  loss 0.2143  val_loss 0.2501  51,234 rows/s                        (a file or a pipe)

The clock is read for what is shown only: no result depends on it. A stream that breaks (a closed terminal, a full
disk) does not stop the training.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from math import isfinite
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO, cast

from paramprog.diagnostics import printable

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

BETWEEN_DRAWINGS = 0.2
"""Seconds. Steps may take microseconds, and drawing takes a millisecond."""

BLOCKS, ASCII_BLOCKS = "▁▂▃▄▅▆▇█", "_.-:=+*#"
NOT_FINITE = "!"


class Progress:
    """Shows `epochs` epochs of `rows` rows each, of which the first `done` were done before, on `stream` (stderr).

    `step` after each step, `epoch` after each epoch, `note` for a line in between; a `with` around it all puts the
    terminal in order again.
    """

    def __init__(
        self,
        epochs: int,
        rows: int,
        *,
        done: int = 0,
        quiet: bool = False,
        stream: TextIO | None = None,
        clock: Callable[[], float] = perf_counter,
    ) -> None:
        out = sys.stderr if stream is None else stream
        self._stream = (
            None if quiet or out is None else _Forgiving(out)
        )  # closed by `2>&-`: sys.stderr is None
        self._epochs, self._rows, self._clock = epochs, rows, clock
        self._done = self._begun = done * rows
        self._start = self._drawn = clock()
        self._loss = float("nan")
        self._bar: Bar | None = None

    def __enter__(self) -> Self:
        self._start = self._drawn = self._clock()
        if self._stream is not None and _is_terminal(self._stream):
            self._bar = _bar(cast(TextIO, self._stream))
            self._bar.add_task("", total=self._epochs * self._rows, completed=self._done, figures="")
            self._draw()
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._draw()
            self._bar.stop()
            self._bar = None

    def step(self, rows: int, loss: float) -> None:
        """A step over so many rows was done, at this loss."""
        self._done += rows
        self._loss = loss
        if self._bar is not None and self._clock() - self._drawn >= BETWEEN_DRAWINGS:
            self._draw()

    def epoch(self, number: int, figures: Mapping[str, float]) -> None:
        """Epoch `number`, counted from 1, is complete; `figures` are shown in their order."""
        self._done = number * self._rows
        if self._bar is not None:
            self._loss = figures.get("loss", self._loss)
            if self._clock() - self._drawn >= BETWEEN_DRAWINGS:
                self._draw()
        elif self._stream is not None:
            shown = [f"{printable(name)} {value:.5g}" for name, value in figures.items()]
            print(
                self._name(number),
                *shown,
                f"{self._rate():,.0f} rows/s",
                sep="  ",
                file=self._stream,
                flush=True,
            )

    def note(self, line: str) -> None:
        """A line of text, above the bar if there is one."""
        if self._bar is not None:
            self._bar.console.print(printable(line), markup=False, highlight=False, soft_wrap=True)
        elif self._stream is not None:
            print(printable(line), file=self._stream, flush=True)

    def _draw(self) -> None:
        assert self._bar is not None
        number = min(self._epochs, self._done // max(1, self._rows) + 1)
        loss = f"loss {self._loss:<10.5g}" if self._done > self._begun else ""
        self._bar.update(
            self._bar.task_ids[0],
            description=self._name(number),
            completed=self._done,
            figures=f"{loss} {self._rate():>10,.0f} rows/s  ETA {self._remaining()}",
        )
        self._bar.refresh()
        self._drawn = self._clock()

    def _name(self, number: int) -> str:
        return f"epoch {number:{len(str(self._epochs))}d}/{self._epochs}"

    def _rate(self) -> float:
        """Rows per second since the start; 0 while nothing is known."""
        seconds = self._clock() - self._start
        return (self._done - self._begun) / seconds if seconds > 0 else 0.0

    def _remaining(self) -> str:
        rate = self._rate()
        if rate <= 0:
            return "-:--:--"
        seconds = round(max(0, self._epochs * self._rows - self._done) / rate)
        return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def sparkline(values: Sequence[float], *, width: int = 40, stream: TextIO | None = None) -> str:
    """The course of `values` as at most `width` block characters, or as ASCII if `stream` cannot encode those.

    Of more values than that, each character shows the mean of a stretch. The lowest block is the minimum, the highest
    the maximum; a stretch in which a value is not finite is `!`.
    """
    levels = BLOCKS if stream is None or _encodes(stream, BLOCKS) else ASCII_BLOCKS
    count = min(len(values), width)
    cuts = [i * len(values) // count for i in range(count + 1)] if count else []
    means = [_mean(values[a:b]) for a, b in pairwise(cuts)]
    finite = [m for m in means if isfinite(m)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    half = high / 2 - low / 2  # halves, as the difference of two large numbers may be infinite
    top = len(levels) - 1

    def level(mean: float) -> str:
        if not isfinite(mean):
            return NOT_FINITE
        return levels[min(top, int((mean / 2 - low / 2) / half * len(levels)))] if half > 0 else levels[0]

    return "".join(map(level, means))


def _mean(values: Sequence[float]) -> float:
    return sum(v / len(values) for v in values)


class _Forgiving:
    """A text stream whose failures to write go unnoticed."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except UnicodeEncodeError:
            return self.write(text.encode("ascii", "backslashreplace").decode())
        except (OSError, ValueError):  # ValueError: it was closed
            return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _bar(stream: TextIO) -> Bar:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[figures]}", markup=False),
        console=Console(file=stream, force_terminal=True),
        auto_refresh=False,  # a thread that draws would take its time from the steps
        redirect_stdout=False,
        redirect_stderr=False,
        expand=True,
    )


def _is_terminal(stream: _Forgiving) -> bool:
    try:
        return bool(stream.isatty()) and os.environ.get("TERM") != "dumb"
    except ValueError:  # it was closed
        return False


def _encodes(stream: TextIO, text: str) -> bool:
    try:
        text.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
