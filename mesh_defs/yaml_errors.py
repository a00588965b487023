"""What is wrong with text that is no YAML, in words of the person who wrote it.

The parser speaks of tokens, indicators and contexts ("found character that cannot start any
token"); here each of its problems becomes what stands there and what to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from mesh_defs.faults import Fault, short

if TYPE_CHECKING:
    from collections.abc import Iterator

_NO_COLON = "could not find expected ':'"
# The message of libyaml or PyYAML (its beginning) -> found, fix. `{open}` is where what is not
# closed began, `{char}` the character at the place.
_PROBLEMS: tuple[tuple[str, str, str], ...] = (
    (
        "mapping values are not allowed",
        "a ':' where no key can stand",
        "put a value that contains ': ' in quotes, or mend the indentation of this line",
    ),
    (
        "did not find expected ',' or ']'",
        "a list '[' that is not closed, opened on line {open}",
        "close it with ']', with ',' between its items",
    ),
    (
        "did not find expected ',' or '}'",
        "a mapping '{{' that is not closed, opened on line {open}",
        "close it with '}}', with ',' between its keys",
    ),
    (
        "did not find expected node content",
        "a bracket '[' or '{{' that is not closed, or one too many",
        "close each bracket once, or put the value in quotes",
    ),
    (
        "found unexpected end of stream",
        "a quote that is not closed, opened on line {open}",
        "close it with the same kind of quote",
    ),
    (
        "found unknown escape character",
        "a backslash escape that YAML does not know, between double quotes",
        "use single quotes, or write the backslash twice",
    ),
    (
        "did not find expected key",
        "a line whose indentation fits neither the lines above nor a key",
        "indent it as its neighbours",
    ),
    (
        "did not find expected '-' indicator",
        "a line without '-' among the items of a list",
        "start it with '- ', or mend its indentation",
    ),
    (
        "block sequence entries are not allowed",
        "'- ' on the line of its key",
        "write the items on lines of their own, or the list as [a, b]",
    ),
    (
        _NO_COLON,
        "a line without ':' after its key",
        "write 'key: value', or put a text of several lines after '>-'",
    ),
    (
        "did not find expected alphabetic",
        "a '*' or '&' at the beginning of a value",
        "put the value in quotes, such as '* * * * *'",
    ),
    (
        "found unexpected ':'",
        "a ':' without a value behind it, between brackets",
        'write the value, or "" for an empty text',
    ),
    (
        "found a tab character",
        "a tab in the indentation",
        "indent with spaces",
    ),
    (
        "found undefined alias",
        "an alias ('*name') of which there is no anchor",
        "put a value that begins with '*' in quotes, or define the anchor '&name' above",
    ),
    (
        "second occurrence",
        "the same anchor ('&name') twice",
        "give each anchor a name of its own",
    ),
    (
        "found unhashable key",
        "a list or a mapping as a key",
        "write a text as the key; put a text in brackets in quotes",
    ),
    (
        "could not determine a constructor",
        "a tag ('!name') that has no meaning here",
        "remove it, or put a value that begins with '!' in quotes",
    ),
    (
        "expected a mapping or list of mappings for merging",
        "'<<:' with something else than a mapping",
        "name an anchor of a mapping: '<<: *name'",
    ),
)
_FIX = "mend the syntax near this line (indentation, quotes, a missing ':')"
# What PyYAML raises for `2023-02-30`, `!!bool x` and their like.
VALUE_ERRORS = (ValueError, AttributeError, TypeError, KeyError, OverflowError)


def syntax_fault(error: yaml.MarkedYAMLError, text: str, file: str) -> Fault:
    """The fault that the parser stopped at."""
    mark = error.problem_mark or error.context_mark
    line = min(mark.line + 1, max(len(text.splitlines()), 1)) if mark else 0
    problem = str(error.problem or error.context or "text that is no YAML").strip()
    opened = error.context_mark.line + 1 if error.context_mark else line
    if problem.startswith("found character") and mark is not None:
        return Fault(file, line, "", *_character(text, mark.index))
    if problem.startswith(_NO_COLON):
        line = opened  # the parser notices it only when it has read on
    for beginning, found, fix in _PROBLEMS:
        if problem.startswith(beginning):
            return Fault(file, line, "", found.format(open=opened), "YAML", fix.format())
    return Fault(file, line, "", problem.removeprefix("found "), "YAML", _FIX)


def _character(text: str, index: int) -> tuple[str, str, str]:
    """Found, allowed and fix for a character that begins no value."""
    character = text[index : index + 1]
    if character == "\t":
        return "a tab in the indentation", "YAML", "indent with spaces"
    found = f"the character '{character}' at the beginning of a value"
    return found, "YAML", f"put the value in quotes, because YAML reserves '{character}'"


def reader_fault(error: yaml.reader.ReaderError, text: str, file: str) -> Fault:
    """A character that no YAML file may contain."""
    position = error.position if isinstance(error.position, int) else 0
    line = text.count("\n", 0, position) + 1
    code = error.character if isinstance(error.character, int) else ord(str(error.character)[:1])
    fix = "remove it, or write it in double quotes as an escape such as \\x00"
    return Fault(file, line, "", f"the control character U+{code:04X}", "text", fix)


def value_faults(node: yaml.Node, file: str) -> Iterator[Fault]:
    """Values that look like a date or number and are none, each on its line."""
    for scalar in _scalars(node, set()):
        try:
            yaml.constructor.SafeConstructor().construct_object(scalar)
        except yaml.MarkedYAMLError:
            continue  # the document as a whole says so
        except VALUE_ERRORS:
            yield Fault(
                file,
                scalar.start_mark.line + 1,
                "",
                f"'{short(scalar.value)}', which looks like a {_kind(scalar)} and is none",
                f"a {_kind(scalar)} that exists, or text in quotes",
                f"correct it, or write it in quotes: '{short(scalar.value)}'",
            )


def _kind(scalar: yaml.ScalarNode) -> str:
    kind = scalar.tag.rpartition(":")[2]
    return {"timestamp": "date", "int": "number", "float": "number"}.get(kind, kind)


def _scalars(node: yaml.Node, seen: set[int]) -> Iterator[yaml.ScalarNode]:
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        yield node
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _scalars(key, seen)
            yield from _scalars(value, seen)
    elif isinstance(node, yaml.SequenceNode):
        for child in node.value:
            yield from _scalars(child, seen)
