"""A discovery document for people: what stands in it was written by others, and stays text."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from mesh_defs.cli.output import age, cell, coloured, console, show_table, table, tally_text, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Values = Mapping[str, Any]

_BARS = "▁▂▃▄▅▆▇█"
_WIDE = 14
_SHOWN_VERSIONS = 10
_WORDS = ("purpose", "limitations", "usage", "owner", "archetype", "status", "licence")
_NOT_SHOWN = "not shown"


def show_document(document: Values) -> None:
    """Print a document as `mesh_defs.product.described.shown` leaves it."""
    out = console()
    _line(document["url"], document["title"])
    for word in _WORDS:
        if document[word]:
            _said(word, str(document[word]))
    for word in ("tags", "permitted_purposes"):
        if document[word]:
            _said(word.replace("_", " "), ", ".join(document[word]))
    if document["version"] is None:
        hint = f"it was never published; publish it with: mesh run {document['url']}"
        out.print(text(hint, "yellow"))
    else:
        moment = datetime.fromisoformat(document["published_at"])
        said = f"version {document['version']} of interface {document['product_version']}"
        out.print(text(f"{said}, published {age(moment)} ago", "bold"))
    for port in document["ports"]:
        _port(port)
    _lineage(document)
    _ways(document)
    _history(document["history"])


def _line(name: str, words: str | None) -> None:
    """A name, and what it is called by people."""
    from rich.text import Text

    more = [cell(f"  {words}")] if words else []
    console().print(Text.assemble(text(name, "bold"), *more))


def _said(word: str, value: str) -> None:
    lines = value.strip().splitlines() or [""]
    for place, line in enumerate(lines):
        console().print(text(f"  {word if place == 0 else '':<19}{line.rstrip()}"))


def _port(port: Values) -> None:
    out = console()
    _line(f"port {port['port']}", port["description"])
    rows = "rows not told" if port["rows"] is None else f"{port['rows']:,} rows"
    contract = port["contract"]
    said = f"{rows}, {port['classification']}, contract {contract['id']} {contract['version']}"
    fresh = port["freshness"]
    if fresh["actual_from"]:
        said += f", speaks of {fresh['actual_from']} to {fresh['actual_to']}"
    out.print(text("  "), cell(said))
    made = table(("column", "type", "class", "empty", "distinct", "spread", "from", "to / most"))
    for column in port["columns"]:
        made.add_row(*_column(column))
    show_table(made, indent=2)
    if port["not_profiled"]:
        out.print(text("  "), cell(f"no profile: {port['not_profiled']}"))
    seen, rows_told = port["profile_rows"], port["rows"]
    if seen is not None and rows_told is not None and seen < rows_told:
        out.print(text(f"  the profile looked at {seen:,} rows of {rows_told:,}"))
    _verdicts(port)


def _column(column: Values) -> list[Any]:
    profile = column["profile"]
    key = f" (key {column['key']})" if column["key"] else ""
    first = [cell(f"{column['name']}{key}"), cell(column["type"] or "")]
    first.append(cell(column["classification"]))
    if profile is None:
        return [*first, *map(text, ("-", "-", "", "", ""))]
    nulls = "-" if profile["nulls"] is None else f"{profile['nulls']:.1%}"
    if not column["values_told"]:
        return [*first, text(nulls), text("-"), text(""), text(_NOT_SHOWN, "yellow"), text("")]
    distinct = "-" if profile["distinct"] is None else f"{profile['distinct']:,}"
    spread = profile["histogram"]
    bars = _bars(spread["counts"]) if spread is not None else ""
    top = ", ".join(f"{_short(each['value'])} {each['share']:.0%}" for each in profile["top"][:2])
    ends = (
        _short(profile["least"]),
        top if spread is None and top else _short(profile["greatest"]),
    )
    return [*first, text(nulls), text(distinct), text(bars), *map(cell, ends)]


def _short(value: str | None) -> str:
    if value is None:
        return ""
    return value if len(value) <= _WIDE else f"{value[: _WIDE - 1]}…"


def _bars(counts: Sequence[int]) -> str:
    """One character for each count, as high as its share of the largest; a space for none."""
    most = max(counts, default=0)
    return "".join(
        " " if not n else _BARS[min(len(_BARS) - 1, n * len(_BARS) // most)] for n in counts
    )


def _verdicts(port: Values) -> None:
    out = console()
    if port["tally"] is not None:
        out.print(text("  promises and policies: "), tally_text(port["tally"]), sep="")
    for each in port["verdicts"]:
        if each["outcome"] != "passed":
            waived = " (waived)" if each["waivers"] else ""
            why = each["reason"] or f"expected {each['expected']}, found {each['observed']}"
            out.print(text("   "), coloured(each["outcome"]), cell(f"{each['id']}{waived}: {why}"))
    for level in port["service_levels"]:
        kept = {True: "kept", False: "not kept", None: "not measured here"}[level["kept"]]
        promised = f"{level['promised'] or ''} {level['unit'] or ''}".strip()
        by = f" of {level['element']}" if level["element"] else ""
        said = f"{level['property']}{by}: {promised}"
        actual = f"{level['actual']}, " if level["actual"] else ""
        out.print(text("  service level"), cell(f"{said} ({actual}{kept})"))


def _lineage(document: Values) -> None:
    out, lineage = console(), document["lineage"]
    for each in lineage["products"]:
        version = "" if each["version"] is None else f" version {each['version']}"
        out.print(text("made of"), cell(f"{each['url']}{version}"))
    for source in lineage["sources"]:
        out.print(text("made of"), cell(source))


def _ways(document: Values) -> None:
    out = console()
    for title, each in (
        *((way["way"], way["snippet"]) for way in document["access"]),
        *((one["title"], one["sql"]) for one in document["examples"] if "sql" in one),
    ):
        out.print(text("#", "bold"), cell(title, "bold"))
        for line in each.splitlines():
            out.print(text(f"  {line}"))


def _history(entries: Sequence[Values]) -> None:
    if not entries:
        return
    out = console()
    out.print(text("history", "bold"))
    for entry in entries[:_SHOWN_VERSIONS]:
        moment = datetime.fromisoformat(entry["published_at"])
        said = f"{entry['version']:>5}  {moment:%Y-%m-%d %H:%M}  {entry['product_version']}"
        out.print(text("  "), cell(said), sep="")
        for change in entry["changes"]:
            where = ".".join(p for p in (change["port"], change["column"]) if p)
            out.print(text("        "), cell(f"{change['kind']} {where}: {change['text']}"), sep="")
