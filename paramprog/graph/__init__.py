"""The flow graph: nodes, graphs, regions, and what execution needs of them."""

from paramprog.graph.graph import Graph, Port, PortKind
from paramprog.graph.lanes import ArrayLanes, execute_lanes
from paramprog.graph.node import Node
from paramprog.graph.region import (
    PART,
    Region,
    Result,
    cone,
    copied,
    copied_node,
    demand,
    execute,
    part,
    replay,
)

__all__ = [
    "PART",
    "ArrayLanes",
    "Graph",
    "Node",
    "Port",
    "PortKind",
    "Region",
    "Result",
    "cone",
    "copied",
    "copied_node",
    "demand",
    "execute",
    "execute_lanes",
    "part",
    "replay",
]
