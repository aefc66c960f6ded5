"""Values of inputs and params given from outside, as arrays by name: `--at`, and files .json and .npz."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from paramprog.data.content import opened
from paramprog.diagnostics import ProgramError, Source, Span, fail

if TYPE_CHECKING:
    from paramprog.data.archive import Member

MAX_JSON = 2**28
"""The longest .json file, in bytes."""

MAX_RANK = 32
"""Lists nested deeper are not arrays; NumPy 1 has this limit too."""

NON_FINITE = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


def read_values(path: str | Path) -> dict[str, Any]:
    """The arrays in a file, by name.

    Raises ProgramError, naming the file, when it cannot be read or holds anything but numbers and bools.
    """
    readers = {".json": _read_json, ".npz": _read_npz}
    suffix = Path(path).suffix.lower()
    if suffix not in readers:
        raise fail("values-file", f"`{path}` is neither a .json nor a .npz file")
    with opened(path, "unreadable-file") as file:
        return readers[suffix](str(path), file)


def as_array(value: Any, where: str) -> Any:
    """A number, a bool or nested lists of them as an array; "NaN", "Infinity" and "-Infinity" are numbers.

    Raises ProgramError, beginning with `where`, when it is none.
    """
    import numpy as np

    kinds: set[type] = set()
    plain = _plain(value, where, 0, kinds)
    if bool in kinds and len(kinds) > 1:
        raise fail("values-file", f"{where} mixes bools with numbers")
    try:
        return np.array(plain)
    except ValueError:
        raise fail("values-file", f"{where} is not a rectangular array: its rows differ in length") from None


def _plain(value: Any, where: str, depth: int, kinds: set[type]) -> Any:
    """`value` with numbers that NumPy knows; the types of what it is made of are added to `kinds`."""
    if isinstance(value, list):
        if depth == MAX_RANK:
            raise fail("values-file", f"{where} has more than {MAX_RANK} axes")
        return [_plain(v, where, depth + 1, kinds) for v in value]
    if isinstance(value, str) and value in NON_FINITE:
        value = NON_FINITE[value]
    if not isinstance(value, bool | int | float):
        found = "a string" if isinstance(value, str) else "an object" if isinstance(value, dict) else "null"
        raise fail("values-file", f"{where} holds {found}, where a number, a bool or a list belongs")
    kinds.add(type(value))
    if type(value) is int and not -(2**63) <= value < 2**63:
        try:
            return float(value)
        except OverflowError:
            raise fail("values-file", f"{where} holds a number that is too large") from None
    return value


def _read_json(path: str, file: BinaryIO) -> dict[str, Any]:
    data = file.read(MAX_JSON + 1)
    if len(data) > MAX_JSON:
        raise fail("values-file", f"`{path}` is longer than {MAX_JSON >> 20} MiB", None, "use a .npz file")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise fail("values-file", f"`{path}` is not UTF-8") from None
    found = _parse(path, text)
    if not isinstance(found, Mapping):
        message = f"`{path}` does not hold a JSON object"
        raise fail("values-file", message, None, 'write {"NAME": VALUE, ...}')
    return {name: as_array(value, f"`{name}` in `{path}`") for name, value in found.items()}


def _parse(path: str, text: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = dict(pairs)
        if len(names) < len(pairs):
            twice = next(name for k, (name, _) in enumerate(pairs) if name in dict(pairs[:k]))
            raise fail("values-file", f"`{path}` gives `{twice}` twice")
        return names

    try:
        return json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        span = Span(Source(path, text), error.pos, error.pos + 1)
        raise fail("values-file", f"this is not JSON: {error.msg}", span) from None
    except RecursionError:
        raise fail("values-file", f"`{path}` is nested too deeply") from None
    except ValueError:  # Python's limit of digits
        raise fail("values-file", f"`{path}` holds a number that is too long") from None


def _read_npz(path: str, file: BinaryIO) -> dict[str, Any]:
    from zipfile import ZipFile

    from paramprog.data.archive import ArchiveFault, contents, members

    try:
        with ZipFile(file) as archive:
            wanted = list(members(archive))
            _check_numbers(path, wanted)
            found: dict[str, Any] = {member.name: contents(archive, member) for member in wanted}
        if "meta" in found and found["meta"].dtype == "uint8":
            return _of_checkpoint(found)
        return found
    except (ProgramError, MemoryError):
        raise
    except ArchiveFault as fault:
        message = f"`{fault.name}` in `{path}` {fault.what}"
        raise fail("values-file", message) from None
    except Exception as error:  # damage shows in as many ways as zipfile, zlib and NumPy have
        message = f"`{path}` is not a readable .npz file ({type(error).__name__})"
        raise fail("values-file", message, None, "write it by `numpy.savez`") from None


def _check_numbers(path: str, members: Sequence[Member]) -> None:
    """Before any is read: all are arrays of numbers or bools, and not too large together."""
    from paramprog.data.archive import NUMBERS
    from paramprog.data.content import MAX_ENTRIES

    for member in members:
        where = f"`{member.name}` in `{path}`"
        if member.dtype.hasobject:
            raise fail("values-file", f"{where} holds Python objects, which are not loaded")
        if member.dtype.kind not in NUMBERS:
            raise fail("values-file", f"{where} is not an array of numbers but of {member.dtype}")
    if sum(member.count for member in members) > MAX_ENTRIES:
        raise fail(
            "values-file", f"`{path}` holds more than {MAX_ENTRIES} (2^28) numbers, the limit for a file"
        )


def _of_checkpoint(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """The params and scales in a checkpoint: `best.npz` has nothing else, `checkpoint.npz` has `param/NAME`."""
    params = {k.removeprefix("param/"): v for k, v in arrays.items() if k.startswith("param/")}
    scales = {k: v for k, v in arrays.items() if k.startswith("scale/")}
    return params | scales if params else {k: v for k, v in arrays.items() if k != "meta"}
