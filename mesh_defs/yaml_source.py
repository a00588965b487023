"""YAML documents that remember on which line every key stands, so that faults can name it."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from mesh_defs.faults import Fault
from mesh_defs.yaml_depth import MAX_DEPTH, too_deep
from mesh_defs.yaml_errors import VALUE_ERRORS, reader_fault, syntax_fault, value_faults
from mesh_defs.yaml_plain import Loader, Rare, Reader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KeyPath = tuple[str | int, ...]

_MAX_BYTES = 1_000_000
_MAX_NODES = 200_000  # every use of an anchor counts, so that nested aliases cannot explode


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document: its plain values and the line (from 1) of each key path."""

    file: str
    data: Any
    lines: dict[KeyPath, int]

    def line(self, path: KeyPath) -> int:
        """The line of ``path``, or of its nearest ancestor that is written down."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def fault(self, path: KeyPath, *, found: str, allowed: str, fix: str) -> Fault:
        """A fault at ``path``."""
        return Fault(self.file, self.line(path), dotted(path), found, allowed, fix)


def dotted(path: KeyPath) -> str:
    """``path`` as people write it: ``outputs.flights.key[0]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def parse(text: str, file: str) -> tuple[list[Document], list[Fault]]:
    """All documents of ``text``; ``file`` is the name that faults show.

    Syntax errors, duplicate keys, files over 1 MB and what is nested more than `MAX_DEPTH` deep
    come back as faults. Raises nothing for what a person wrote.
    """
    if len(text) > _MAX_BYTES:
        return [], [too_large(file, f"{len(text)} characters")]
    deep = too_deep(text)
    if deep is not None:
        return [], [_too_deep(file, deep)]
    documents: list[Document] = []
    faults: list[Fault] = []
    loader = Loader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is None:
                break
            try:
                reader = Reader(loader, _MAX_NODES)
                documents.append(Document(file, reader.read(node), reader.lines))
            except (Rare, *VALUE_ERRORS):
                careful, wrong = _with_care(loader, node, file)
                documents += careful
                faults += wrong
    except yaml.MarkedYAMLError as error:
        faults.append(syntax_fault(error, text, file))
    except yaml.reader.ReaderError as error:
        faults.append(reader_fault(error, text, file))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        faults.append(Fault(file, 0, "", f"unreadable text ({error})", "YAML", "mend the file"))
    finally:
        loader.dispose()
    return documents, faults


def _with_care(loader: Loader, node: yaml.Node, file: str) -> tuple[list[Document], list[Fault]]:
    """A document of which every use of an anchor is followed, and every double key is told.
    Raises `ValueError` and `RecursionError`."""
    faults: list[Fault] = []
    lines: dict[KeyPath, int] = {}
    for path, line, duplicate in _walk(node, (), set()):
        if duplicate:
            found, fix = "the same key twice", f"remove or rename one of the two '{path[-1]}'"
            faults.append(Fault(file, line, dotted(path), found, "each key once", fix))
        lines[path] = line
        if len(path) > MAX_DEPTH:
            return [], [*faults, _too_deep(file, line)]
        if len(lines) > _MAX_NODES:
            raise ValueError(f"more than {_MAX_NODES} keys, every use of an anchor counted")
    try:
        return [Document(file, loader.construct_document(node), lines)], faults
    except VALUE_ERRORS as error:
        impossible = list(value_faults(node, file))
        if not impossible:
            raise ValueError(str(error)) from error
        return [], [*faults, *impossible]


class TooLarge(OSError):
    """A file that is larger than any that `parse` takes."""


def too_large(file: str, found: str = f"more than {_MAX_BYTES} bytes") -> Fault:
    """The fault of a file that `parse` does not take."""
    return Fault(file, 0, "", found, f"up to {_MAX_BYTES}", "split the file")


def _too_deep(file: str, line: int) -> Fault:
    found = f"lists and mappings in each other more than {MAX_DEPTH} deep"
    return Fault(file, line, "", found, f"{MAX_DEPTH} levels", "close brackets, or nest less")


def read_source(file: Path) -> bytes:
    """What stands in ``file``. Raises `TooLarge` before it is all read, and `OSError`, also for
    what is no regular file: to read a pipe would be to wait for who writes it."""
    with open(file, "rb", opener=_without_waiting) as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise OSError("a pipe or device, not a regular file")
        content = stream.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise TooLarge(f"more than {_MAX_BYTES} bytes")
    return content


def _without_waiting(file: str, flags: int) -> int:
    return os.open(file, flags | os.O_NONBLOCK)


def read_documents(
    file: Path, name: str, *, smallest: str, command: str = ""
) -> tuple[list[Document], list[Fault]]:
    """The documents of ``file``, which faults call ``name``; none when there is a fault.

    An empty file is a fault that says what is the ``smallest`` content, and which ``command``
    writes it. Raises nothing for what a person wrote.
    """
    try:
        text = read_source(file).decode("utf-8")
    except TooLarge:
        return [], [too_large(name)]
    except UnicodeDecodeError as error:
        found = f"bytes that are no UTF-8 (at {error.start})"
        return [], [Fault(name, 0, "", found, "text in UTF-8", "save the file as UTF-8")]
    except OSError as error:
        found = f"a file that cannot be read ({error.strerror or error})"
        return [], [Fault(name, 0, "", found, "text in UTF-8", "make it a readable file")]
    documents, faults = parse(text, name)
    if faults:
        return [], faults
    if all(document.data is None for document in documents):
        fix = f"write {smallest}" + (f"; or remove the file and run: {command}" if command else "")
        return [], [Fault(name, 1, "", "an empty file", smallest, fix)]
    return documents, []


def _walk(
    node: yaml.Node, path: KeyPath, open_nodes: set[int]
) -> Iterator[tuple[KeyPath, int, bool]]:
    yield path, node.start_mark.line + 1, False
    if id(node) in open_nodes:
        raise ValueError("an anchor that contains itself")
    inner = open_nodes | {id(node)}
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            line = key.start_mark.line + 1
            yield (*path, name), line, name in seen and name != "<<"
            seen.add(name)
            for child, child_line, duplicate in _walk(value, (*path, name), inner):
                if child != (*path, name):
                    yield child, child_line, duplicate
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _walk(value, (*path, index), inner)
