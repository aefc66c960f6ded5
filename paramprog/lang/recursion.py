"""Which calls recur: loops and comprehensions around them are unrolled, so that compile-time ints can decide them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from paramprog.diagnostics import Span
from paramprog.lang.instance import FunctionRef
from paramprog.lang.syntax import Assign, Call, FunctionDecl, Identifier, Name

if TYPE_CHECKING:
    from paramprog.lang.names import Names
    from paramprog.lang.typing import Typing


def parts(tree: Any) -> Iterator[Any]:
    """All nodes of a syntax tree, in no particular order."""
    pending = [tree]
    while pending:
        node = pending.pop()
        yield node
        for field in node.__slots__:
            value = getattr(node, field)
            if isinstance(value, tuple) and not isinstance(value, Span):
                pending += value
            elif hasattr(value, "__slots__") and not isinstance(value, Span | Identifier):
                pending.append(value)


def assigned(tree: Any) -> dict[str, Span]:
    """The names that are assigned or updated anywhere in a block, in the order of the text, each with a place."""
    targets = [target.name for node in parts(tree) if isinstance(node, Assign) for target in node.targets]
    found: dict[str, Span] = {}
    for name in sorted(targets, key=lambda name: name.span.start):
        found.setdefault(name.text, name.span)
    return found


def comes_back(typing: Typing, tree: Any) -> bool:
    """Whether something called in `tree` calls the function that it stands in."""
    function = typing.instance.function
    if function is None:
        return False
    called = list(_called(typing.checker, tree, typing.instance.functions))
    return any(other is function for other in _reached(called))


def recurs(typing: Typing, tree: Any) -> bool:
    """Whether something called in `tree` calls itself."""
    called = list(_called(typing.checker, tree, typing.instance.functions))
    for function, checker in _reached(called).items():
        if function in _reached(_called(checker, function.body, {})):
            return True
    return False


def _called(checker: Names, tree: Any, functions: Mapping[str, FunctionRef]) -> Iterator[FunctionRef]:
    """The functions of the program that `tree` calls, or names as arguments of what may call them."""

    def known(name: str) -> FunctionRef | None:
        found = functions.get(name) or checker.find(name)
        if found is None or found.home is None or found.name not in found.home.unit.functions:
            return None
        return found

    for node in parts(tree):
        if not isinstance(node, Call):
            continue
        called = known(node.function.text)
        if called is not None:
            yield called
        takes_functions = called is not None or node.function.text == "map"
        if takes_functions:
            names = (a.value.text for a in node.arguments if isinstance(a.value, Name))
            yield from (found for found in map(known, names) if found is not None)


def _reached(called: Iterable[FunctionRef]) -> dict[FunctionDecl, Names]:
    """These functions and all that they call, each with the checker of its file."""
    found: dict[FunctionDecl, Names] = {}
    pending = list(called)
    while pending:
        home, name = pending.pop()
        function: FunctionDecl = home.unit.functions[name]
        if function not in found:
            found[function] = home
            pending += _called(home, function.body, {})
    return found
