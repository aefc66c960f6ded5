"""Signals during training."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from paramprog.fitting.interrupts import Interrupts

BOTH = (signal.SIGINT, signal.SIGTERM)


def handlers():
    return [signal.getsignal(number) for number in BOTH]


@pytest.mark.parametrize("number", BOTH)
def test_first_signal(number):
    """A signal is noted and interrupts nothing; it is still known afterwards, and the handlers are back."""
    before = handlers()
    with Interrupts() as stop:
        assert stop.requested is None
        signal.raise_signal(number)
        assert stop.requested == number
    assert stop.requested == number and handlers() == before


@pytest.mark.parametrize("first", BOTH)
def test_second_interrupt(first):
    """A second Ctrl-C is KeyboardInterrupt at once; the handlers are back after that too."""
    before = handlers()
    with pytest.raises(KeyboardInterrupt), Interrupts():  # noqa: PT012
        signal.raise_signal(first)
        signal.raise_signal(signal.SIGINT)
    assert handlers() == before


def test_second_termination():
    """A second SIGTERM changes nothing: the first one is being granted."""
    with Interrupts() as stop:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        assert stop.requested == signal.SIGINT


def test_nested():
    """Within another one, the inner one is told, and the outer one again after it."""
    with Interrupts() as outer:
        with Interrupts() as inner:
            signal.raise_signal(signal.SIGTERM)
        assert (outer.requested, inner.requested) == (None, signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        assert outer.requested == signal.SIGINT


def test_ignored_signals_stay_ignored():
    """Under `nohup` or in the background of a script SIGINT is ignored, and stays so."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interrupts() as stop:
            signal.raise_signal(signal.SIGINT)
            assert stop.requested is None
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads():
    """Outside the main thread nothing is changed and nothing raised."""
    before, found = handlers(), []

    def work():
        with Interrupts() as stop:
            found.append((stop.requested, handlers()))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [(None, before)] and handlers() == before


LOOP = """
import time
from paramprog.fitting.interrupts import Interrupts
with Interrupts() as stop:
    print("begun", flush=True)
    while stop.requested is None:
        time.sleep(0.01)
print("checkpoint written")
raise SystemExit(130)
"""


@pytest.mark.parametrize("number", BOTH)
def test_a_process(number):
    """A process that is sent a signal from outside ends in its own time, with its own exit code."""
    process = subprocess.Popen([sys.executable, "-c", LOOP], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "begun\n"
    os.kill(process.pid, number)
    out, _ = process.communicate()
    assert (out, process.returncode) == ("checkpoint written\n", 130)
