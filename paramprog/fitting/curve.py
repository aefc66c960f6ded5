"""The training curve as a picture, by matplotlib (extra `plot`).

The same records give the same bytes of SVG: no date, no random names, texts as texts, and none of the user's settings
for matplotlib. No text is read as mathematics or as markup.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from importlib import import_module
from io import BytesIO
from math import isfinite, nan
from pathlib import Path
from typing import Any

from paramprog.diagnostics import fail, printable
from paramprog.fitting.atomic import write_atomically

PANELS = (("loss", "val_loss"), ("accuracy", "val_accuracy", "r2", "val_r2"))
"""The figures that are drawn, and which of them share axes."""

SETTINGS = {"svg.hashsalt": "paramprog", "svg.fonttype": "none"}

LOGARITHMIC_FROM = 20.0
"""Positive figures whose largest is so many times the smallest are drawn on a logarithmic axis."""


def curve(
    records: Sequence[Mapping[str, Any]],
    path: str | Path,
    *,
    title: str = "",
    panels: Sequence[Sequence[str]] = PANELS,
) -> None:
    """Draw the figures of the records of a log over their `epoch`, as PNG or SVG by the suffix of `path`.

    A figure that no record has is left out, and a panel without figures, unless it is the first. What is not a finite
    number (such as the string "NaN") is a gap.
    Raises ProgramError: matplotlib-missing; unwritable.
    """
    try:
        style, figures = import_module("matplotlib.style"), import_module("matplotlib.figure")
    except ImportError:
        hint = "install it with `pip install 'paramprog[plot]'`"
        raise fail(
            "matplotlib-missing", "training curves are drawn by matplotlib, which is not installed", hint=hint
        ) from None
    shown = [[name for name in panel if any(name in r for r in records)] for panel in panels]
    shown = [panel for i, panel in enumerate(shown) if panel or i == 0]
    epochs = [_number(r.get("epoch")) for r in records]
    with style.context(["default", SETTINGS]), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of overflows in scales, of characters that the font lacks
        figure = figures.Figure(figsize=(7.0, 3.2 * len(shown)), layout="constrained")
        for axes, panel in zip(
            figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0], shown, strict=True
        ):
            _draw(axes, epochs, {name: [_number(r.get(name)) for r in records] for name in panel})
        axes.set_xlabel("epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        figure.suptitle(printable(title), parse_math=False)
        data = BytesIO()
        kind = "svg" if Path(path).suffix.lower() == ".svg" else "png"
        figure.savefig(
            data, format=kind, dpi=120, metadata={"Date": None} if kind == "svg" else {"Software": None}
        )
    try:
        write_atomically(Path(path), data.getbuffer())
    except OSError as error:
        raise fail("unwritable", f"cannot write `{path}`: {error.strerror or error}") from None


def _draw(axes: Any, epochs: Sequence[float], figures: Mapping[str, Sequence[float]]) -> None:
    few = "." if len(epochs) <= 50 else ""
    lines = [axes.plot(epochs, values, marker=few, linewidth=1.2)[0] for values in figures.values()]
    known = [v for values in figures.values() for v in values if isfinite(v)]
    if known and min(known) > 0 and max(known) / min(known) >= LOGARITHMIC_FROM:
        axes.set_yscale("log")
    axes.grid(alpha=0.3)
    if lines:
        legend = axes.legend(lines, [printable(name) for name in figures])
        for text in legend.get_texts():
            text.set_parse_math(False)


def _number(value: Any) -> float:
    """`value` if it is a finite number, else NaN, which matplotlib leaves out."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and isfinite(value) else nan
