"""The minimum cut of a graph whose nodes cost something, by a maximum flow."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

N = TypeVar("N", bound=Hashable)

_ENDLESS = 1 << 62


def minimum_cut(
    costs: Mapping[N, int], arcs: Iterable[tuple[N, N]], first: Iterable[N], last: Iterable[N]
) -> list[N]:
    """The cheapest nodes of which each path from `first` to `last` has one, in the order of `costs`.

    Of all that cost so much, those nearest to `last`.

    Source: J. Edmonds and R. M. Karp, Theoretical improvements in algorithmic efficiency for network flow problems,
    1972; a node is an arc from where it is entered to where it is left.
    """
    number = {n: k for k, n in enumerate(costs)}
    end = 2 * len(number)
    flow = _Network(end + 1)
    for n, k in number.items():
        flow.connect(2 * k, 2 * k + 1, costs[n])
    for a, b in arcs:
        flow.connect(2 * number[a] + 1, 2 * number[b], _ENDLESS)
    for n in last:
        flow.connect(2 * number[n] + 1, end, _ENDLESS)
    for n in first:  # one by one: what is pushed later never opens a way from an earlier one
        while flow.push(2 * number[n], end):
            pass
    behind = flow.reaching(end)
    return [n for n, k in number.items() if 2 * k + 1 in behind and 2 * k not in behind]


class _Network:
    """Arcs with room for so much; arc k ^ 1 is arc k the other way round."""

    def __init__(self, size: int) -> None:
        self.leaving: list[list[int]] = [[] for _ in range(size)]
        self.to: list[int] = []
        self.room: list[int] = []

    def connect(self, a: int, b: int, room: int) -> None:
        for source, target, size in ((a, b, room), (b, a, 0)):
            self.leaving[source].append(len(self.to))
            self.to.append(target)
            self.room.append(size)

    def push(self, start: int, end: int) -> bool:
        """Send what fits along a shortest way; whether there was one."""
        came: dict[int, int] = {start: -1}
        waiting = deque([start])
        while waiting and end not in came:
            at = waiting.popleft()
            for k in self.leaving[at]:
                if self.room[k] and self.to[k] not in came:
                    came[self.to[k]] = k
                    waiting.append(self.to[k])
        if end not in came:
            return False
        way: list[int] = []
        at = end
        while at != start:
            way.append(came[at])
            at = self.to[came[at] ^ 1]
        most = min(self.room[k] for k in way)
        for k in way:
            self.room[k] -= most
            self.room[k ^ 1] += most
        return True

    def reaching(self, end: int) -> set[int]:
        """From where more could be sent to `end`."""
        found = {end}
        waiting = [end]
        while waiting:
            at = waiting.pop()
            for k in self.leaving[at]:
                if self.room[k ^ 1] and self.to[k] not in found:
                    found.add(self.to[k])
                    waiting.append(self.to[k])
        return found
