"""What is printed does not depend on the process that prints it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PRINT = """
import hashlib, inspect, random, sys
sys.path[:0] = sys.argv[2:]
import test_lanes, test_regions
import paramprog
draw = random.Random(int(sys.argv[1]))
kept = []
for text in [*test_regions.PROGRAMS.values(), *test_regions.RUN_TIME.values(), *test_lanes.PROGRAMS.values()]:
    for language in ("pp", "python"):
        kept.append([object() for _ in range(draw.randrange(5000))])  # other addresses
        printed = paramprog.loads(inspect.cleandoc(text)).gradient_program(language=language)
        print(hashlib.sha256(printed.encode()).hexdigest())
"""


def test_every_process_prints_the_same():
    """Whatever strings hash to, and wherever nodes lie in memory."""
    here = Path(__file__).parent
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", PRINT, seed, str(here), str(here.parent)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("1", "2")
    ]
    first, second = (run.communicate()[0] for run in runs)
    assert all(run.returncode == 0 for run in runs)
    assert len(first.splitlines()) > 50
    assert first == second
