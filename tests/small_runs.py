"""Training runs of a few milliseconds, and what is compared of their folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

PROGRAM = """param W : real[3, 2] ~ glorot(), b : real[3] ~ zeros()
param v : real[3] ~ normal(0, 1)

function y(x : real[2]) {
    return dot(v, tanh(W @ x + b))
}
"""

LOSS = (
    PROGRAM
    + """
function loss(x : real[2], t) {
    error = y(x) - t
    return error * error, abs(error)
}
"""
)

CLASSES = """param W : real[3, 2] ~ glorot(), b : real[3] ~ zeros()

function scores(x : real[2]) {
    return W @ x + b
}
"""

ROWS = 50


def table(rows: int = ROWS) -> dict[str, Any]:
    """Columns x_0, x_1, t = sin(x_0) x_1 and the label of a class."""
    x = np.random.default_rng(3).uniform(-2, 2, (rows, 2))
    t = np.sin(x[:, 0]) * x[:, 1]
    return {"x_0": x[:, 0], "x_1": x[:, 1], "t": t, "label": np.digitize(x[:, 0], [-0.7, 0.7])}


def write_csv(path: Path, columns: dict[str, Any]) -> Path:
    """The columns as a file."""
    lines = [
        ",".join(columns),
        *(",".join(repr(v.item()) for v in row) for row in zip(*columns.values(), strict=True)),
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def write_files(folder: Path) -> None:
    """`p.pp`, `loss.pp`, `classes.pp` and `d.csv`."""
    for name, text in (("p", PROGRAM), ("loss", LOSS), ("classes", CLASSES)):
        (folder / f"{name}.pp").write_text(text)
    write_csv(folder / "d.csv", table())


SQUARED = {"loss": "squared", "target": "t"}

KINDS: dict[str, dict[str, Any]] = {
    "adam": {"epochs": 12, "batch": 7, "patience": 8},
    "nesterov": {
        "optimizer": "nesterov",
        "epochs": 10,
        "schedule": "step",
        "warmup": 2.0,
        "clip": 0.5,
        "scale": "standard",
    },
    "gd": {"optimizer": "gd", "epochs": 20, "val": 0.0},
    "lbfgs": {"optimizer": "lbfgs", "epochs": 15},
}
"""Settings of runs whose checkpoints have different things in them."""


def contents(run: Path) -> dict[str, Any]:
    """All that a run leaves, without times: bytes of files, and the records of the log."""
    found: dict[str, Any] = {
        p.name: p.read_bytes() for p in run.iterdir() if p.suffix in (".npz", ".json", ".svg")
    }
    records = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    found["log"] = [{k: v for k, v in record.items() if k != "seconds"} for record in records]
    return found
