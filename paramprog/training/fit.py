"""What training answers with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paramprog import choose
from paramprog.diagnostics import fail
from paramprog.fitting.scaling import Scaling
from paramprog.fitting.settings import Settings
from paramprog.program import Program
from paramprog.training.given import as_numbers
from paramprog.types import dims_text


@dataclass(frozen=True, eq=False)
class Fit:
    """The fitted params, and how well they fit.

    `loss` and `figures` (further metrics) are means over the rows for training, `validation` those over the rows held
    back (`loss` among them), all at `params`. `epochs` were run until `ended` says why there was no other; `best` is
    the one with the lowest monitored loss, whose params these are if there was a `patience`. `history` has the record
    of each epoch as `log.jsonl` has it. `scaling` is how inputs are to be scaled, as `predict` does.
    """

    params: dict[str, Any] = field(repr=False)
    loss: float
    figures: dict[str, float]
    validation: dict[str, float]
    epochs: int
    ended: str
    best: int
    history: list[dict[str, Any]] = field(repr=False)
    settings: Settings = field(repr=False)
    scaling: Scaling | None = field(default=None, repr=False)
    program: Program | None = field(default=None, repr=False)
    directory: Path | None = None
    notes: list[str] = field(default_factory=list, repr=False)

    def predict(
        self, inputs: Mapping[str, Any] | None = None, output: str | None = None, **by_name: Any
    ) -> Any:
        """The output (by default the first) for many samples: values of the arguments, [n, *shape] each.

        Inputs that were scaled in training are given as they are in the data. Raises ProgramError as `Program.run`
        does; settings for a run that was resumed when it was finished, without its program.
        """
        if self.program is None:
            message = "this run was finished before it was resumed, so its program is not known"
            raise fail("settings", message, None, "give it: paramprog.train(program, resume=...)")
        if not isinstance(inputs, Mapping | None):
            raise fail(
                "input-value", "the inputs are not arrays by name", None, 'give {"x": [...]}, or x=[...]'
            )
        given = {**(inputs or {}), **by_name}
        scaled = given if self.scaling is None else self._scaled(given, self.scaling)
        name = output or self.settings.output
        many = self.program.many(scaled, self.params, batch=True, output=name)
        node = next(iter(choose.outputs(many.point.compiled, name).values()))
        return many.values([node])[0]

    def _scaled(self, given: Mapping[str, Any], scaling: Scaling) -> dict[str, Any]:
        arrays = {name: as_numbers(name, given[name]) for name in scaling.shift if name in given}
        for name, array in arrays.items():
            wanted = scaling.shift[name].shape
            if array.shape[1:] != wanted or not array.ndim:
                rows = ", ".join(["n", *map(str, wanted)])
                message = f"`{name}` was scaled in training as [{rows}], and the value given is"
                raise fail("input-shape", f"{message} {dims_text(array.shape)}")
        return {**given, **scaling.apply(arrays)}
