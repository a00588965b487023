"""What a policy on data looks at: one port's version, staged and verified but not published."""

from __future__ import annotations

import secrets
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mesh_defs.contract.checks.findings import Failing
from mesh_defs.contract.checks.privacy import hidden_columns
from mesh_defs.contract.checks.samples import Wanted, take
from mesh_defs.contract.checks.table import Table
from mesh_defs.contract.verdicts import MAX_SAMPLES
from mesh_defs.sql import literal, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    import duckdb

    from mesh_defs.contract.data import Rows, Staged, Unavailable
    from mesh_defs.contract.model import PortContract
    from mesh_defs.contract.verdicts import Verdict
    from mesh_defs.policy.data.profile import PortProfile
    from mesh_defs.policy.flow.graph import Flows
    from mesh_defs.product.ledger import Record
    from mesh_defs.product.model import Mesh, OutputPort, Product
    from mesh_defs.product.staging import Window


def _key_of_nobody() -> str:
    return secrets.token_hex(32)


@dataclass
class StagedPort:
    """A port whose rows would be published.

    ``connection`` reads nothing but these rows, the product's inputs (relations of their names) and
    ``relations`` (targets of foreign keys, by URL). ``history`` has the product's published
    versions, newest first; ``lineage`` is this version's (`mesh_defs.product.lineage.record`);
    ``flows`` is the graph of columns that it ends (None: nobody knows);
    ``verdicts`` those of its contract; ``bytes`` and ``seconds`` what it cost so far; ``made`` how
    many rows this run made (None: they are counted) and ``window`` the periods that it made;
    ``private`` tells that the inputs may hold personal values, whatever the port has;
    ``turned_out`` are columns that a policy found to hold some, though the contract does not say;
    ``profile_key`` gives the key of the digests in profiles, 64 hex digits (default: one that is
    used once).
    """

    mesh: Mesh
    product: Product
    output: OutputPort
    connection: duckdb.DuckDBPyConnection
    staged: Staged
    now: datetime
    bytes: int = 0
    seconds: float = 0.0
    verdicts: tuple[Verdict, ...] = ()
    history: Sequence[Record] = ()
    lineage: Mapping[str, Any] = field(default_factory=dict)
    relations: Mapping[str, Rows | Unavailable] = field(default_factory=dict)
    flows: Flows | None = None
    made: int | None = None
    window: Window | None = None
    private: bool = False
    turned_out: frozenset[str] = frozenset()
    profile_key: Callable[[], str] = _key_of_nobody

    @property
    def name(self) -> str:
        """The port's name."""
        return self.output.name

    @property
    def contract(self) -> PortContract:
        """What the port promises."""
        return self.output.promise

    @cached_property
    def table(self) -> Table:
        """All rows of the version, with their types and Parquet statistics."""
        return Table(self.connection, self.staged.whole, f"policy_{self.name}")

    @property
    def rows(self) -> int:
        """How many rows the version has."""
        return self.table.count

    @cached_property
    def added_rows(self) -> int:
        """How many of them this run made."""
        if self.made is not None:
            return self.made
        if self.staged.added == self.staged.whole:
            return self.rows
        return self.number(f"SELECT count(*) FROM {self.staged.added.sql}")

    @cached_property
    def profile(self) -> PortProfile:
        """A small picture of the rows, or of the added ones where versions add to each other; once
        it was asked for, it is kept with the version."""
        from mesh_defs.policy.data.profile import profile

        if self.output.mode in ("snapshot", "upsert") or self.staged.added == self.staged.whole:
            return profile(self.table, self.output, self.hidden, self.profile_key())
        added = Table(self.connection, self.staged.added, f"policy_added_{self.name}")
        with closing(added):
            return profile(added, self.output, self.hidden, self.profile_key())

    @property
    def profiled(self) -> bool:
        """Whether the profile was asked for."""
        return "profile" in self.__dict__

    @cached_property
    def view(self) -> str:
        """The quoted name of a view over all rows, for queries that people wrote."""
        name = quote(self.name)
        taken = self.connection.execute(
            "SELECT 1 FROM (SELECT table_name AS name FROM duckdb_tables()"
            " UNION ALL SELECT view_name FROM duckdb_views())"
            f" WHERE lower(name) = lower({literal(self.name)})"
        ).fetchone()
        view = quote(f"policy_view_{self.name}") if taken else name
        self.connection.execute(
            f"CREATE OR REPLACE TEMP VIEW {view} AS SELECT * FROM {self.table.sql}"
        )
        return view

    def number(self, query: str) -> int:
        """The whole number that ``query`` yields (0 for none). Raises `duckdb.Error`."""
        found = self.connection.execute(query).fetchone()
        return int(found[0]) if found and found[0] is not None else 0

    def count(self, condition: str) -> int:
        """How many rows meet the SQL ``condition``. Raises `duckdb.Error`."""
        return self.number(f"SELECT count(*) FROM {self.table.sql} WHERE {condition}")

    @cached_property
    def hidden(self) -> frozenset[str]:
        """The columns of which no finding may show a value."""
        return hidden_columns(self.contract, "promise", self.table.columns, self.turned_out)

    def learn(self, columns: AbstractSet[str]) -> None:
        """These ``columns`` hold personal data: from now on they are hidden, and the profile that
        was asked for before forgets them."""
        lower = {name.lower() for name in columns}
        self.turned_out |= {name for name in self.table.columns if name.lower() in lower}
        self.__dict__.pop("hidden", None)
        if self.profiled:
            self.__dict__["profile"] = self.profile.without(self.hidden)

    def samples(
        self, condition: str, columns: Sequence[str], hide: Sequence[str] = ()
    ) -> tuple[Mapping[str, Any], ...]:
        """At most 20 rows that meet ``condition``: ``columns`` and the key when there are many
        columns, else all; hidden columns, and those in ``hide``, masked."""
        failing = Failing(self.table.sql, condition, tuple(columns))
        wanted = Wanted(self.table, failing, MAX_SAMPLES)
        return take([wanted], self.contract.primary_key, self.hidden | set(hide))[0].rows

    def close(self) -> None:
        """Drop what was created on the connection."""
        if "view" in self.__dict__:
            self.connection.execute(f"DROP VIEW IF EXISTS {self.view}")
        if "table" in self.__dict__:
            self.table.close()
