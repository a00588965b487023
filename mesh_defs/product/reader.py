"""``mesh.open``: a published version of a port, read in place."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from mesh_defs.errors import MeshError, NotPublished, UnknownAddress
from mesh_defs.faults import did_you_mean
from mesh_defs.policy.access.conditions import BadCondition, read_condition
from mesh_defs.product.access import MeshAccess, require
from mesh_defs.product.inheritance import published_output
from mesh_defs.product.inputs import select
from mesh_defs.product.ledger import Ledger
from mesh_defs.product.masked import masked_rows
from mesh_defs.product.resolve import published
from mesh_defs.product.shown import shown_record
from mesh_defs.product.stores import product_store
from mesh_defs.settings import find_root, load_settings
from mesh_defs.sql import file_list
from mesh_defs.urls import MeshUrl, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import duckdb
    import pandas as pd
    import polars as pl
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

    from mesh_defs.contract.data import Rows
    from mesh_defs.contract.model import Contract
    from mesh_defs.contract.verdicts import Verdict
    from mesh_defs.policy.access.decide import HashKey
    from mesh_defs.policy.access.decision import Approved, Decision
    from mesh_defs.product.ledger import PortRecord, Record
    from mesh_defs.product.resolve import Published
    from mesh_defs.settings import Settings

# The access grant under which a principal reads a version, and the purpose: the one that is asked
# for, or that of their grants, where they are for one alone.
Held = Callable[["Settings", str, "Published", str | None], tuple["Approved | None", str | None]]
_BATCH_ROWS = 122_880
_Rows = TypeVar("_Rows")


def open(  # noqa: A001  mesh.open reads as what it does
    url: str | MeshUrl,
    *,
    principal: str | None = None,
    purpose: str | None = None,
    root: Path | None = None,
    profile: str | None = None,
    held: Held | None = None,
) -> Port:
    """Open the version that ``url`` names; what is read later is this version and no other.

    What is seen of it is what ``principal`` (``person:<name>``; default: ``MESH_PRINCIPAL``, or the
    infra profile's) may read for ``purpose``: columns may be masked, rows left out. ``root`` is the
    mesh's folder (default: ``MESH_ROOT``, or found above the working folder), ``profile`` the infra
    profile. ``held`` tells under which access grant is read. Raises `AccessDenied`,
    `NotPublished`, `UnknownAddress`, `MeshError`.
    """
    address = parse(url) if isinstance(url, str) else url
    settings = load_settings(root if root is not None else find_root(), profile)
    try:
        version = published(settings, address)
    except NotPublished:
        _check_declared(settings, address)
        raise
    reads = MeshAccess(settings, address.domain)
    who = reads.principals.find(principal) if principal is not None else reads.caller
    approved = None
    if held is not None:
        approved, purpose = held(settings, str(who), version, purpose)
    decision = reads.access.decide(
        who, reads.published(version), "read", purpose, approved=approved
    )
    port = Port(settings, version, require(decision), reads.access.hash_key)
    if address.column is not None and address.column not in port.duckdb().columns:
        names = port.duckdb().columns
        raise UnknownAddress(
            f"{port.url} has no column '{address.column}'; it has {', '.join(names)}. "
            f"Fix: {did_you_mean(address.column, names)}"
        )
    return port


def _check_declared(settings: Settings, address: MeshUrl) -> None:
    """Raise `UnknownAddress` when no folder declares the product."""
    known = sorted(
        f"{file.parent.parent.name}/{file.parent.name}"
        for file in (settings.root / "domains").glob("*/*/defs.yaml")
    )
    if known and address.identity not in known:
        raise UnknownAddress(
            f"no product mesh://{address.identity} in '{settings.root}': "
            f"{did_you_mean(address.identity, known)}"
        )


class Port:
    """One published version of one output port.

    ``columns`` (all when None) and ``where`` (a SQL condition) are pushed down into the files.
    ``decision`` says what may be seen of it. When that is not everything, what is read is a masked
    copy, made on first use in a temporary folder that lasts as long as the process; ``where`` is
    put to the masked values, and may not have subqueries.
    """

    def __init__(
        self, settings: Settings, version: Published, decision: Decision, key: HashKey
    ) -> None:
        self._settings = settings
        self._version = version
        self._key = key
        self._in_place: bool | None = None  # not known until it is read
        self._known: dict[MeshUrl, bool] = {}
        self.decision = decision

    def __repr__(self) -> str:
        return f"<Port {self.url} rows={self.rows} published_at={self.record.published_at}>"

    @property
    def url(self) -> MeshUrl:
        """The port's URL with the version that is open."""
        domain, product = self._version.identity.split("/")
        return MeshUrl(domain, product, self._version.port, version=self.version)

    @property
    def version(self) -> int:
        """The version's number."""
        return self._version.record.version

    @property
    def record(self) -> Record:
        """The ledger's record of the version: inputs, times, verdicts. What it would tell of
        values, rows, ports and inputs that this reader may not know of is left out."""
        return self._shown(self._version.record)

    @property
    def port_record(self) -> PortRecord:
        """The ledger's record of this port."""
        return self.record.ports[self._version.port]

    @property
    def rows(self) -> int:
        """How many rows the version has for this reader."""
        if self.decision.row_filter is None:
            return self._version.record.ports[self._version.port].rows
        import duckdb

        with duckdb.connect() as connection:
            found = connection.execute(f"SELECT count(*) FROM {self._masked.sql}").fetchone()
        return int(found[0]) if found else 0

    @property
    def contract(self) -> Contract:
        """The contract under which this version was published. Raises `InvalidMesh`."""
        version = self._version
        output = published_output(self._settings, version.identity, version.record, version.port)
        return output.contract

    def verdicts(self) -> tuple[Verdict, ...]:
        """The verdicts under which this port was published: its inputs' first."""
        return (*self.record.expectations, *self.port_record.verdicts)

    def history(self) -> list[Record]:
        """Every published version of the product, newest first."""
        domain, product = self._version.identity.split("/")
        records = Ledger(product_store(self._settings, domain, product)).newest_first()
        return [self._shown(record) for record in records]

    def files(self) -> list[str]:
        """Absolute paths of the version's Parquet files, or of the masked copy's."""
        import duckdb

        files = self._version.files
        every = f"read_parquet({file_list(files)}, hive_partitioning = false, union_by_name = true)"
        with duckdb.connect() as connection:
            whole = self._whole(every, connection)
        return list(files if whole else self._masked.files)

    def duckdb(
        self,
        connection: duckdb.DuckDBPyConnection | None = None,
        columns: Sequence[str] | None = None,
        where: str | None = None,
    ) -> duckdb.DuckDBPyRelation:
        """A lazy relation on ``connection`` (default: a new one in memory)."""
        import duckdb

        target = connection if connection is not None else duckdb.connect()
        named = [columns] if isinstance(columns, str) else columns
        rows = self._readable(target).sql
        try:
            if where is not None and not self.decision.clear:
                where = read_condition(where, target.sql(select(rows, None, None)).columns).sql
            return target.sql(select(rows, named, where))
        except BadCondition as error:
            raise MeshError(f"{self.url}: a condition on masked rows: {error}") from None
        except (duckdb.BinderException, duckdb.ParserException) as error:
            known = ", ".join(target.sql(select(rows, None, None)).columns)
            reason = str(error).partition("\n")[0]
            raise MeshError(f"{self.url}: {reason}; its columns: {known}") from None

    def _readable(self, connection: DuckDBPyConnection) -> Rows:
        """The rows that the reader may see, with the columns of the first file."""
        rows = self._version.rows
        if self._in_place is None:
            self._in_place = self._whole(rows.sql, connection)
        return rows if self._in_place else self._masked

    def _whole(self, relation: str, connection: DuckDBPyConnection) -> bool:
        """Whether everything in ``relation`` may be seen as it is: what the contract does not name
        may not."""
        if not self.decision.clear:
            return False
        named = {column.name.lower() for column in self.decision.columns}
        found = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
        return named >= {str(row[0]).lower() for row in found}

    @cached_property
    def _masked(self) -> Rows:
        return masked_rows(self.decision, self._version.files, self._key)

    def _shown(self, record: Record) -> Record:
        """``record`` without what the reader may not see."""
        opened = self._version
        number = opened.record.version
        return shown_record(record, opened.port, self.decision, number, self._knows)

    def _knows(self, url: MeshUrl) -> bool:
        """Whether the reader may know of the port that ``url`` names, of any domain."""
        if url not in self._known:
            self._known[url] = self._access.knows(self.decision.principal, url)
        return self._known[url]

    @cached_property
    def _access(self) -> MeshAccess:
        return MeshAccess(self._settings)

    def arrow(self, columns: Sequence[str] | None = None, where: str | None = None) -> pa.Table:
        """An Arrow table."""
        return self._read(lambda: self.duckdb(None, columns, where).to_arrow_table(), where)

    def batches(
        self, columns: Sequence[str] | None = None, where: str | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Arrow record batches with constant memory."""
        reader = self._read(
            lambda: self.duckdb(None, columns, where).to_arrow_reader(_BATCH_ROWS), where
        )
        end = None
        while (batch := self._read(lambda: next(reader, end), where)) is not end:
            yield batch

    def polars(
        self, columns: Sequence[str] | None = None, where: str | None = None
    ) -> pl.DataFrame:
        """A polars frame."""
        return self._read(lambda: self.duckdb(None, columns, where).pl(), where)

    def lazy(self) -> pl.LazyFrame:
        """A lazy polars frame over the files; polars pushes down what follows."""
        import polars as pl

        return pl.scan_parquet(self.files(), hive_partitioning=False, glob=False)

    def pandas(
        self, columns: Sequence[str] | None = None, where: str | None = None
    ) -> pd.DataFrame:
        """A pandas frame."""
        return self._read(lambda: self.duckdb(None, columns, where).df(), where)

    def _read(self, rows: Callable[[], _Rows], where: str | None) -> _Rows:
        """``rows``. Raises `MeshError` when ``where`` fails on a row: without the engine's text,
        which quotes values."""
        import duckdb
        import pyarrow as pa

        try:
            return rows()
        except (duckdb.Error, pa.ArrowException) as error:
            if where is None:
                raise
            raise MeshError(
                f"{self.url}: the condition fails on a row ({type(error).__name__}). Fix: write "
                "try_cast(… as …) in place of a cast, and compare a column with values of its type"
            ) from None
