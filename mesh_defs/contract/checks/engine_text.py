"""What an engine says when it fails, as it may be told where rows hold personal values.

Errors at run time quote the value that they stumbled over, in whatever form; no pattern finds all
of them. Those of the parser, the binder, the catalogue and the walls around a query speak of the
query alone, before any row is read. Of all others the kind is told, and the place where known.
"""

from __future__ import annotations

import re

MASK = "***"
NOT_SHOWN = "its text is not shown: it may quote personal values"

# The kinds that DuckDB prints, so that what stands before "Error:" is never a value itself.
_KIND = re.compile(
    r"(Binder|Catalog|Connection|Constraint|Conversion|Dependency|Fatal|FATAL|HTTP|IO|INTERNAL"
    r"|INTERRUPT|Invalid Configuration|Invalid Input|Invalid type|Mismatch Type|Missing Extension"
    r"|Not implemented|Object Size|Out of Memory|Out of Range|Parameter Not Allowed|Parser"
    r"|Permission|Sequence|Serialization|Settings|Syntax|TransactionContext) Error:(?:\s|\Z)"
)
_OF_THE_QUERY = frozenset({"Binder", "Catalog", "Parser", "Permission", "Syntax"})
# Names of columns that a PIVOT made of values stand there.
_CANDIDATES = "Candidate bindings:"
_EXCERPT = re.compile(r"^LINE (\d+):", re.MULTILINE)
_QUOTED = re.compile(r'"([^"]*)"')
_WORD = re.compile(r"\w+\b(?!\()")
_CSV_LINE = re.compile(r"(?:Invalid Input|Conversion) Error: CSV Error on Line: (\d+)\n")


def safe_text(
    text: str, *, known: str = "", place: str = "", kind: str = "", excerpt: bool = False
) -> str:
    """An engine's message without values of the data: a sentence without a full stop.

    ``known`` is text that it may quote (the query as a person wrote it, names of relations);
    ``place`` tells where the query stands and ``kind`` what failed, for messages that do not say
    so. ``excerpt`` tells that the message's excerpt of the query is that person's own text, too.
    """
    text = text.strip()
    found = _KIND.match(text)
    if found is not None and found.group(1) in _OF_THE_QUERY:
        told = _of_the_query(text, known, excerpt=excerpt)
        if told is not None:
            return told
    name = f"{found.group(1)} Error" if found is not None else kind or "an error"
    at = f" in {place}" if place else ""
    return f"{name}{at}{_csv_line(text)} ({NOT_SHOWN})"


def excerpt_line(text: str) -> int | None:
    """The line of the query, from 1, that an engine's message points to; None when to none."""
    lines = _EXCERPT.findall(text)
    return int(lines[-1]) if lines else None


def _csv_line(text: str) -> str:
    found = _CSV_LINE.match(text)
    return f" on line {found.group(1)}" if found is not None else ""


def _of_the_query(text: str, known: str, *, excerpt: bool) -> str | None:
    """The message with quoted names masked that are not ``known``; None when one cannot tell where
    its quotes end."""
    shown = _EXCERPT.search(text)
    said = text[: shown.start()] if shown is not None else text
    lines = [each for each in said.splitlines() if not each.strip().startswith(_CANDIDATES)]
    said = "\n".join(lines).rstrip()
    if said.count('"') % 2:
        return None
    words = {word.lower() for word in re.findall(r"\w+", known)}

    def masked(quoted: re.Match[str]) -> str:
        unknown = [w for w in _WORD.findall(quoted.group(1)) if w.lower() not in words]
        return f'"{MASK}"' if unknown else quoted.group()

    rest = f"\n\n{text[shown.start() :]}" if excerpt and shown is not None else ""
    return _QUOTED.sub(masked, said) + rest
