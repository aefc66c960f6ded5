"""Runs that are killed and resumed: a process that has imported everything forks one for each part of a run.

    python killed_runs.py SEED TRIALS KIND     in a folder with `small_runs.write_files`

For each trial a run is begun and killed (SIGKILL) at a random moment, half of the time killed again while it is
resumed, and then resumed to its end. Odd trials are killed at a random system call that writes, even ones by the clock.
What is left is compared with a run that was left alone, file by file. Prints the number of trials that were killed.
"""

from __future__ import annotations

import itertools
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from small_runs import KINDS, SQUARED, contents

CALLS = ("open", "write", "fsync", "replace", "truncate", "ftruncate")
SLOWEST = 0.6
"""Kills by the clock come within so many seconds at most, if the run is not faster."""


def killed_at(call: int) -> None:
    """This process is killed before the system call that writes with this number."""
    count = itertools.count()

    def wrap(name: str) -> None:
        real = getattr(os, name)

        def called(*arguments: Any, **options: Any) -> Any:
            if next(count) == call:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **options)

        setattr(os, name, called)

    for name in CALLS:
        wrap(name)


def part(run: Path, given: dict[str, Any], before: Callable[[], None] = lambda: None) -> int:
    """A process that begins the run, or resumes it if it was begun."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            before()
            if (run / "config.json").exists():
                paramprog.train(resume=run, plot=False)
            else:
                paramprog.train("p.pp", "d.csv", **SQUARED, **given, out=run, plot=False)
            code = 0
        finally:
            os._exit(code)
    return child


def ended(child: int) -> bool:
    """Whether the process came to its end; False if it was killed."""
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "a part of a run failed"
    return not os.WIFSIGNALED(status)


def main(seed: int, trials: int, kind: str) -> int:
    """The number of trials that were killed before their end."""
    rng = random.Random(f"{seed} {kind}")
    killed = 0
    for every in (0.0, 0.004):
        given = {**KINDS[kind], "checkpoint_every": every}
        alone = Path(f"alone-{every}")
        begun = time.perf_counter()
        assert ended(part(alone, given))
        duration = min(SLOWEST, time.perf_counter() - begun)
        expected = contents(alone)
        for trial in range(trials // 2):
            run = Path(f"run-{every}-{trial}")
            done = False
            for _ in range(1 + rng.randrange(2)):
                if trial % 2:
                    call = int(rng.expovariate(1 / 60))
                    done = ended(part(run, given, partial(killed_at, call)))
                else:
                    child = part(run, given)
                    time.sleep(rng.uniform(0, duration))
                    os.kill(child, signal.SIGKILL)
                    done = ended(child)
            killed += not done
            assert ended(part(run, given))
            assert contents(run) == expected, f"{run} differs"
            assert not [p for p in run.iterdir() if p.name.endswith(".tmp")], f"{run} has temporary files"
    return killed


if __name__ == "__main__":
    import scipy.optimize  # noqa: F401

    import paramprog
    import paramprog.training

    paramprog.train(
        "p.pp", "d.csv", **SQUARED, epochs=1
    )  # what is made once, such as the tables of the parser
    print(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
