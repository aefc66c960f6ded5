"""The ratios as a picture: a row for each workload, a mark for each peer, a bar at the target."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.report import Report
from benchmarks.targets import targets_of

COLOURS = (
    "jax",
    "torch",
    "casadi",
    "autograd",
    "NumPy",
    "C by hand",
    "matrix products",
    "our NumPy",
    "paramprog",
)


def draw(report: Report, file: Path) -> None:
    """Raises ImportError without matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    outcomes = [o for o in report.outcomes if "ours" in o.peers]
    figure, axes = plt.subplots(figsize=(9, 1.2 + 0.42 * len(outcomes)), layout="constrained")
    drawn: dict[str, Any] = {}
    for row, outcome in enumerate(outcomes):
        for peer in outcome.peers:
            ratio = outcome.ratio(peer)
            if peer == "ours" or ratio is None:
                continue
            kind = next((k for k in COLOURS if peer.startswith(k)), peer)
            colour = f"C{COLOURS.index(kind)}" if kind in COLOURS else "black"
            drawn[kind] = axes.scatter([ratio], [row], color=colour, s=42, zorder=3)
        for found in targets_of(outcome):
            bar = axes.vlines(found.target.limit, row - 0.32, row + 0.32, color="black", lw=1.4)
            drawn["target (left of it: met)"] = bar
    axes.axvline(1, color="0.6", lw=1, ls=":")
    axes.set_xscale("log")
    axes.set_yticks(range(len(outcomes)), [o.title for o in outcomes])
    axes.set_ylim(len(outcomes) - 0.4, -0.6)
    axes.set_xlabel("time of paramprog / time of the peer, value and gradient")
    axes.grid(axis="x", which="both", color="0.93")
    axes.legend(drawn.values(), drawn.keys(), loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    figure.savefig(file, dpi=140)
    plt.close(figure)
