"""Which back end computes: NumPy call by call, or compiled C; and when compiling pays.

`auto` interprets first and compiles when it pays, decided from the program, its sizes and how often it will run, never
from a clock: so the same call always takes the same way. Without a compiler, or where something has no C form, it is
NumPy, and a note says so once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from numpy.typing import NDArray

from paramprog.compile.numpy_plan import Plan
from paramprog.diagnostics import ProgramError, fail
from paramprog.graph import Node
from paramprog.graph.graph import bodies
from paramprog.types import elements

if TYPE_CHECKING:
    from paramprog.compile.c_plan import CPlan
    from paramprog.compile.sized_plan import SizedPlan
    from paramprog.compile.sized_source import OverSamples

Backend = Literal["auto", "numpy", "c"]
BACKENDS: tuple[Backend, ...] = get_args(Backend)

CALL = 1.0e-6
"""About what one NumPy call takes, in seconds; a guess is enough, as it is compared with other guesses."""

ENTRY = 1.0e-9
"""About what NumPy takes for one entry more than compiled code does."""

TURNS = 32
"""How often the body of a loop is taken to run where that is not known."""

START, STATEMENT = 0.4, 4.0e-3
"""About what compiling takes: to begin with, and for each operation."""

MOST = 10_000
"""Operations beyond which compiling takes longer than anyone wants to wait without having asked for it."""


@dataclass(frozen=True)
class Chosen:
    """What computes, and why it is not what was asked for, if it is not."""

    plan: Plan | CPlan | SizedPlan
    backend: Literal["numpy", "c"]
    note: str = ""
    for_any: bool = False
    """Whether the plan is for any number of samples, not only for that of the outputs it was chosen for."""

    @property
    def toolchain(self) -> str:
        """The compiler, "" for NumPy."""
        return "" if isinstance(self.plan, Plan) else self.plan.library.toolchain.name


def choose(
    outputs: Sequence[Node],
    inputs: Sequence[Node],
    into: Mapping[int, NDArray[Any]] | None = None,
    *,
    backend: Backend = "auto",
    runs: int = 1,
    over: OverSamples | None = None,
) -> Chosen:
    """The plan for `outputs`, to be called about `runs` times.

    With `over`, which makes the same for another number of samples, it is for any number of them where that can be.

    Raises ProgramError "no-c-backend" where C was asked for and cannot be had.
    """
    note = ""
    if backend == "c" or (backend == "auto" and pays(outputs, runs)):
        from paramprog.compile.builder import NotLowered
        from paramprog.compile.toolchain import NoCompiler

        try:
            plan, for_any = _compiled(outputs, inputs, into, over)
            return Chosen(plan, "c", for_any=for_any)
        except (NotLowered, NoCompiler) as reason:
            note = str(reason)
            if backend == "c":
                hint = "`--backend numpy` computes the same"
                if isinstance(reason, NoCompiler):
                    hint += "; `pip install 'paramprog[cc]'` brings a C compiler"
                raise fail("no-c-backend", f"this cannot be compiled: {note}", None, hint) from None
        except ProgramError:
            raise
        except Exception as fault:  # nobody asked for C: a fault of ours must not end what NumPy can do
            if backend == "c":
                raise
            note = f"a fault of paramprog, please report it: {type(fault).__name__}: {fault}"
    return Chosen(Plan(outputs, inputs, into or {}), "numpy", note)


def _compiled(
    outputs: Sequence[Node],
    inputs: Sequence[Node],
    into: Mapping[int, NDArray[Any]] | None,
    over: OverSamples | None,
) -> tuple[CPlan | SizedPlan, bool]:
    """The plan, and whether it is for any number of samples. Raises NotLowered, NoCompiler."""
    from paramprog.compile.builder import NotLowered
    from paramprog.compile.c_plan import CPlan
    from paramprog.compile.merge import NotMerged
    from paramprog.compile.sized_plan import SizedPlan

    if over is not None:
        with suppress(NotMerged, NotLowered, ProgramError):
            return SizedPlan(over, into), True
    return CPlan(outputs, inputs, into), False


def pays(outputs: Sequence[Node], runs: int) -> bool:
    """Whether compiling takes less time than `runs` runs by NumPy would take longer."""
    if not outputs or runs <= 1:
        return False
    operations, gain = work(outputs)
    return operations <= MOST and runs * gain > START + STATEMENT * operations


def work(outputs: Sequence[Node]) -> tuple[int, float]:
    """(operations, bodies included; seconds that compiled code may save in a run)."""
    operations, gain = 0, 0.0
    stack = [(outputs[0].graph, 1)]
    while stack:
        graph, times = stack.pop()
        for n in graph.nodes:
            operations += 1
            gain += times * (CALL + ENTRY * elements(n.shape))
            turns = n.attrs.get("trips")
            inner = times * (TURNS if turns is None or not int(turns) else int(turns))
            stack += [(body, inner) for body in bodies(n)]
    return operations, gain
