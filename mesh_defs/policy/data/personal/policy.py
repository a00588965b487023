"""The policy on personal data that no contract declares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from mesh_defs.faults import relative
from mesh_defs.policy.data.personal.columns import kind_of, tells_a_version
from mesh_defs.policy.data.personal.kinds import WORDS, Kind
from mesh_defs.policy.model import DataPolicy, Finding, parameter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mesh_defs.contract.physical_types import Physical
    from mesh_defs.policy.data.personal.judge import Hits
    from mesh_defs.policy.subject import StagedPort

KINDS: tuple[Kind, ...] = get_args(Kind)
_MAX_SAMPLES = 5


class UndeclaredPersonalData(DataPolicy):
    """Personal data stands only in columns that the contract classifies as personal or sensitive.

    Columns are judged by their names and by all of their rows, columns that the contract does not
    name and what is nested or in JSON text included.
    """

    kinds: list[Kind] = parameter(
        list(KINDS), stricter="more", description="which kinds of personal data are looked for"
    )
    minimum_rows: int = parameter(
        1, stricter="lower", ge=1, description="rows of a column that must hold one kind"
    )
    minimum_share: float = parameter(
        0.0, stricter="lower", ge=0, le=1, description="share of all rows that must hold one kind"
    )
    name_share: float = parameter(
        0.2,
        stricter="lower",
        gt=0,
        le=1,
        description="share of a column's values that must be names of people to make it one",
    )
    allow_columns: list[str] = parameter(
        [],
        stricter="fewer",
        description="columns that are fine: a name, or mesh://<domain>/<product>/<port>#<column>",
    )

    def findings(self, port: StagedPort) -> Iterator[Finding]:
        """One finding for each column and kind, by name or by content."""
        from mesh_defs.policy.data.personal.content import Search
        from mesh_defs.policy.data.personal.look import suspects, undeclared

        columns = {
            name: kind for name, kind in undeclared(port).items() if not self._fine(port, name)
        }
        search = Search(port.connection, port.table.rows.sql, self.kinds, self.name_share)
        found = {(hits.column, hits.kind): hits for hits in search.hits(suspects(port, columns))}
        for column, kind in [key for key in found if key[1] == "ip_address"]:
            if tells_a_version(column):
                del found[column, kind]
        named = self._by_name(port, columns)
        suspicious = {column for column, _ in (*found, *named)}
        for column, kind in dict.fromkeys((*named, *found)):
            finding = self._finding(
                port, column, kind, found.get((column, kind)), suspicious, named
            )
            if finding is not None:
                yield finding

    def _fine(self, port: StagedPort, column: str) -> bool:
        address = f"mesh://{port.product.identity}/{port.name}#{column}"
        return column in self.allow_columns or address in self.allow_columns

    def _by_name(
        self, port: StagedPort, columns: dict[str, Physical]
    ) -> dict[tuple[str, Kind], str]:
        """The columns whose name, or that of a member inside, says what they hold."""
        from mesh_defs.policy.data.personal.excluded import closed_values, kept_rules
        from mesh_defs.policy.data.personal.look import can_be, words

        rules = list(kept_rules(port))
        found: dict[tuple[str, Kind], str] = {}
        for column, kind in columns.items():
            if closed_values(rules, column) is not None:
                continue  # a list of values that a contract may publish names nobody
            for name, type_ in words(column, kind):
                what = kind_of(name)
                if what is not None and what in self.kinds and can_be(type_, what):
                    found.setdefault((column, what), name)
        return found

    def _finding(
        self,
        port: StagedPort,
        column: str,
        kind: Kind,
        hits: Hits | None,
        suspicious: set[str],
        named: dict[tuple[str, Kind], str],
    ) -> Finding | None:
        member = named.get((column, kind))
        rows = hits.rows if hits is not None else 0
        if member is not None:
            rows = max(rows, _values(port, column))
        if rows < self.minimum_rows or rows < self.minimum_share * port.rows:
            return None
        declared = port.contract.column(column)
        place = relative(port.output.contract.path, port.mesh.root)
        if declared is None:
            says, line = "the contract does not name it", 0
            todo = f"declare it in {place}, classified as personal"
        else:
            says, line = f"the contract classifies it as {declared.classification}", declared.line
            todo = f"classify it as personal in {place}:{line}"
        share = f"{rows:,} of {port.rows:,} rows ({_percent(rows, port.rows)})"
        verb = "hold" if hits is not None else "should hold"
        by = "" if member is None else " by its name"
        if member is not None and member != column:
            by = f" by the name of '{member}' inside it"
        return Finding(
            f"'{column}': {share} {verb} {WORDS[kind]}{by}, and {says}",
            fix=f"{todo}; or take {WORDS[kind]} out of it before it is published",
            port=port.name,
            column=column,
            file=place,
            line=line,
            failing_rows=rows,
            rows=port.rows,
            samples=_keys(port, hits, suspicious) if hits is not None else (),
            classification="personal",
        )


def _values(port: StagedPort, column: str) -> int:
    """How many rows have a value in ``column``."""
    from mesh_defs.sql import quote

    statistics = port.table.statistics
    nulls = statistics.nulls(column) if statistics is not None else None
    if nulls is not None:
        return port.rows - nulls
    return port.number(f"SELECT count({quote(column)}) FROM {port.table.rows.sql}")


def _keys(port: StagedPort, hits: Hits, suspicious: set[str]) -> tuple[Mapping[str, Any], ...]:
    """The keys of some of the rows; none where there is no key that may be shown."""
    from mesh_defs.contract.checks.privacy import json_safe, shown
    from mesh_defs.sql import quote

    kinds = port.table.own
    key = [name for name in port.contract.primary_key if name in kinds]
    hidden = port.hidden | suspicious
    if not key or hidden.issuperset(key):
        return ()
    cells = ", ".join(
        f"{shown(quote(name), kinds[name], hidden=name in hidden)} AS k{at}"
        for at, name in enumerate(key)
    )
    names = ", ".join(f"k{at}" for at in range(len(key)))
    rows = port.connection.execute(
        f"SELECT {names} FROM (SELECT {cells}, {hits.fields} FROM {port.table.rows.sql})"
        f" WHERE {hits.condition} LIMIT {_MAX_SAMPLES}"
    ).fetchall()
    return tuple(dict(zip(key, map(json_safe, row), strict=True)) for row in rows)


def _percent(part: int, whole: int) -> str:
    share = 100 * part / whole if whole else 0.0
    return f"{share:.1f}%" if share >= 0.1 or not part else "less than 0.1%"
