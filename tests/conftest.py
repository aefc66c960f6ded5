"""Shared test configuration.

Hypothesis runs derandomised and without deadlines, so that a run is reproducible and a busy machine fails
nothing. `HYPOTHESIS_PROFILE=explore` looks for new counterexamples; with `CI` set in the environment more
examples are tried.
"""

from __future__ import annotations

import os
import signal

from hypothesis import HealthCheck, settings

settings.register_profile(
    "default", derandomize=True, deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("ci", settings.get_profile("default"), max_examples=100, print_blob=True)
settings.register_profile("explore", settings.get_profile("default"), derandomize=False, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "default"))


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="write the golden texts anew")


def pytest_configure(config):
    """Under `nohup ... &` SIGINT is ignored, in the processes that tests start too; the tests of interrupts send it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
