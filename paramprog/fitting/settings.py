"""The settings of a training run: everything that determines it, and nothing else.

`Settings` is one value of each, already in canonical form. A setting that depends on another one (the learning rate on
the optimiser) is None until `resolved()` fills in its default; what is recorded with a run is resolved, so that later
versions with other defaults repeat it. Precedence: defaults, then a configuration file (`settings_toml`), then flags.

Raises ProgramError (settings), one diagnostic for each fault: an unknown name, a value of the wrong kind, and, by
`resolved()`, settings that do not go together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields, replace
from typing import Any, Literal

from paramprog.diagnostics import Diagnostic, ProgramError, did_you_mean
from paramprog.fitting.optimisers import OPTIMISERS
from paramprog.fitting.schedules import SCHEDULES, Schedule
from paramprog.fitting.setting_kinds import Kind, amount, by_name, choice, number, size_of_batch, text, whole

LBFGS = "lbfgs"

SHORTEST, LONGEST = 30, 1000
"""Default epochs: an epoch of batches is many steps, one over all rows a single step."""


def _setting(kind: Kind, doc: str, default: Any = None) -> Any:
    """A field; None, where it is the default, means that the setting is not given."""
    metadata = {"kind": kind, "doc": doc}
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Settings:
    """See the text of each field, which the configuration file shows beside it."""

    program: str | None = _setting(text, "the program, a file")
    function: str | None = _setting(text, "the function that is trained; default: the last one")
    output: str | None = _setting(text, "which output, when there are several")
    params: str | None = _setting(text, "params to start from, a file; default: drawn by their inits")
    data: str | None = _setting(text, "the rows, a file")
    target: str | None = _setting(text, "the column that the output is compared with by `loss`")
    loss: Literal["squared", "cross_entropy"] | None = _setting(
        choice("squared", "cross_entropy"),
        "of the output against `target`; default: the output is the loss",
    )
    scale: Literal["standard", "minmax"] | None = _setting(
        choice("standard", "minmax"), "how real columns are scaled; default: not at all"
    )
    val: float = _setting(number(0, 1), "share of the rows held back for validation", 0.2)
    optimizer: str = _setting(choice(*OPTIMISERS, LBFGS), "the update rule", "adam")
    lr: float | None = _setting(number(above=True), "learning rate")
    momentum: float | None = _setting(number(0, 1), "share of the velocity kept at each step")
    rho: float | None = _setting(number(0, 1), "share of the mean square kept at each step")
    beta1: float | None = _setting(number(0, 1), "share of the mean gradient kept at each step")
    beta2: float | None = _setting(number(0, 1), "share of the mean square kept at each step")
    epsilon: float | None = _setting(number(above=True), "added to the root of the mean square")
    weight_decay: float | None = _setting(number(), "pull of the params towards 0")
    tolerance: float | None = _setting(number(), "largest entry of the gradient at which lbfgs ends")
    epochs: int | None = _setting(whole(1), "passes over the training rows")
    batch: int | Literal["full"] | None = _setting(size_of_batch, 'rows of a step, or "full"')
    schedule: str | None = _setting(choice(*SCHEDULES), "how the learning rate changes")
    warmup: float | None = _setting(number(), "epochs in which the learning rate grows from 0")
    step_every: float | None = _setting(number(above=True), "epochs from one drop of the rate to the next")
    step_factor: float | None = _setting(number(above=True), "what a drop multiplies the rate with")
    floor: float | None = _setting(number(0, 1), "share of the rate that cosine ends with")
    clip: float | None = _setting(number(above=True), "largest norm of the gradient")
    clip_value: float | None = _setting(number(above=True), "largest entry of the gradient")
    patience: int | None = _setting(whole(1), "epochs without a better validation loss before stopping")
    min_delta: float | None = _setting(number(), "by how much a validation loss has to be better")
    on_nonfinite: Literal["stop", "skip"] = _setting(
        choice("stop", "skip"), "at a loss or gradient that is not finite", "stop"
    )
    seed: int = _setting(whole(0), "of inits, split, shuffling and noise", 0)
    dtype: Literal["float64", "float32"] = _setting(
        choice("float64", "float32"), "how reals are represented", "float64"
    )
    backend: Literal["auto", "numpy", "c"] = _setting(choice("auto", "numpy", "c"), "what computes", "auto")
    max_nodes: int | None = _setting(whole(1), "limit of the flow graph")
    memory: int | None = _setting(amount, "bytes that loops may hold for the gradient; default: no limit")
    checkpoint_every: float = _setting(
        number(), "seconds between checkpoints; 0: after each step; no result depends on it", 10.0
    )
    bind: Mapping[str, str] = _setting(by_name(text, 'x = "pixel_*"'), "columns of arguments", {})
    dims: Mapping[str, int] = _setting(by_name(whole(0), "n = 8", dotted=True), "sizes", {})

    def __post_init__(self) -> None:
        faults = []
        for name in NAMES:
            try:
                object.__setattr__(self, name, canonical(name, getattr(self, name)))
            except ValueError as error:
                faults.append(Diagnostic("settings", str(error)))
        if faults:
            raise ProgramError(faults)

    def merged(self, flags: Mapping[str, Any]) -> Settings:
        """These settings with `flags` in their place; None is a flag that was not given.

        `bind` and `dims` are merged name by name.
        """
        unknown = [unknown_setting(name) for name in flags if name not in SPECS]
        if unknown:
            raise ProgramError(unknown)
        given = {name: value for name, value in flags.items() if value is not None}
        for name in ("bind", "dims"):
            if isinstance(given.get(name), Mapping):
                given[name] = {**getattr(self, name), **given[name]}
        return replace(self, **given)

    def resolved(self) -> Settings:
        """These settings with the defaults of those that depend on others. Raises ProgramError (settings)."""
        defaults = self._dependent()
        faults = [
            Diagnostic("settings", f"`{name}` has no meaning here", None, self._where(name))
            for name in DEPENDENT
            if name not in defaults and getattr(self, name) is not None
        ]
        given = {name: getattr(self, name) for name in defaults if getattr(self, name) is not None}
        found = replace(self, **{**defaults, **given})
        faults += [Diagnostic("settings", message, None, hint) for message, hint in found._conflicts()]
        if faults:
            raise ProgramError(faults)
        return found

    @property
    def hyperparameters(self) -> dict[str, float]:
        """What `optimisers.make` is given beside the name."""
        names = OPTIMISERS[self.optimizer].hyperparameters if self.optimizer in OPTIMISERS else {}
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def learning_schedule(self, steps_per_epoch: int) -> Schedule:
        """The schedule in steps; its settings count epochs. The settings are resolved, the optimiser is not lbfgs."""

        def steps(epochs: float | None) -> int:
            return round((epochs or 0) * steps_per_epoch)

        numbers = {"factor": self.step_factor, "floor": self.floor}
        return Schedule(
            self.schedule or "constant",
            total=steps(self.epochs),
            warmup=steps(self.warmup),
            every=max(1, steps(self.step_every)),
            **{name: value for name, value in numbers.items() if value is not None},
        )

    def _dependent(self) -> dict[str, Any]:
        """The settings in DEPENDENT that mean something beside the others, with their defaults."""
        found: dict[str, Any] = {} if self.patience is None else {"min_delta": 0.0}
        if self.optimizer == LBFGS:
            return found | {"epochs": LONGEST, "batch": "full", "tolerance": 1e-8}
        optimiser = OPTIMISERS[self.optimizer]
        full = optimiser.full_batch
        found |= {"lr": optimiser.rate, **optimiser.hyperparameters, "clip": None, "clip_value": None}
        found |= {"epochs": LONGEST if full else SHORTEST, "batch": "full" if full else 64}
        found |= {"schedule": "constant" if full else "cosine", "warmup": 0.0}
        shape = self.schedule or found["schedule"]
        return found | {"step": {"step_every": 10.0, "step_factor": 0.5}, "cosine": {"floor": 0.0}}.get(
            shape, {}
        )

    def _where(self, name: str) -> str:
        """What a setting that has no meaning here belongs to, and what there is instead."""
        if name == "min_delta":
            return "it belongs to `patience`"
        if name in ("step_every", "step_factor", "floor") and self.optimizer != LBFGS:
            return f'it belongs to schedule = "{"cosine" if name == "floor" else "step"}"'
        if name == "tolerance":
            return f'it belongs to optimizer = "{LBFGS}"'
        if self.optimizer == LBFGS:
            return "lbfgs chooses its steps itself; it has tolerance and epochs"
        return f"{self.optimizer} has lr, {', '.join(OPTIMISERS[self.optimizer].hyperparameters)}"

    def _conflicts(self) -> list[tuple[str, str]]:
        """What is wrong with resolved settings, and how to mend it."""
        found = []
        full = self.optimizer == LBFGS or OPTIMISERS[self.optimizer].full_batch
        if full and self.batch != "full":
            found.append(
                (
                    f"{self.optimizer} uses all rows in each step",
                    "leave out `batch`, or use another optimizer",
                )
            )
        if (self.loss is None) != (self.target is None):
            here, missing = ("target", "loss") if self.loss is None else ("loss", "target")
            found.append((f"`{here}` is given without `{missing}`", f"give `{missing}` too"))
        if self.patience is not None and self.val == 0:
            found.append(("`patience` needs validation rows", "give `val` a share of the rows, such as 0.2"))
        if (self.warmup or 0) >= (self.epochs or 0):
            found.append(
                (f"a warm-up of {self.warmup:g} epochs leaves none of {self.epochs}", "make `warmup` smaller")
            )
        return found


SPECS: dict[str, Field[Any]] = {f.name: f for f in fields(Settings)}
"""The settings by name; the metadata of each has its `kind` and its `doc`."""

NAMES = tuple(SPECS)

DEPENDENT = (
    *dict.fromkeys(name for o in OPTIMISERS.values() for name in o.hyperparameters),
    *("lr", "tolerance", "epochs", "batch", "schedule", "warmup", "step_every", "step_factor", "floor"),
    *("clip", "clip_value", "min_delta"),
)
"""Settings whose default, or whether they mean anything, depends on other ones."""


def canonical(name: str, value: Any) -> Any:
    """The value as the setting of this name has it. Raises ValueError if it cannot be one."""
    if value is None and SPECS[name].default is None:
        return None
    try:
        return SPECS[name].metadata["kind"](value)
    except ValueError as error:
        raise ValueError(f"`{name}` cannot be {_shown(value)}: {error}") from None


def unknown_setting(name: str) -> Diagnostic:
    """The diagnostic for a name that is no setting."""
    return Diagnostic("settings", f"there is no setting `{name}`", None, did_you_mean(name, NAMES))


def _shown(value: Any) -> str:
    found = f'"{value}"' if isinstance(value, str) else str(value)
    return found if len(found) <= 60 else found[:57] + "..."
