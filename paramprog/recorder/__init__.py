"""The executed trace: every operation that a run really computed, in one flat graph without regions.

A branch is replaced by the operations of the side taken, a loop by those of all its turns; what runs per lane by the
operations on the lanes that were selected, between `compress` and `expand`.

recorder  operations, and what runs regions
branches  the side taken, or each side on its lanes (crossing: how values enter and leave)
turns     the turns of loops
tapes     what lies on each tape
lanes     nodes that stand for many lanes
allowance how much of a run is recorded
"""

from paramprog.recorder.allowance import Allowance, weight
from paramprog.recorder.recorder import Recorder
from paramprog.recorder.turns import Turn

__all__ = ["Allowance", "Recorder", "Turn", "weight"]
