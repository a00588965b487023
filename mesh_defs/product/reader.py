"""``mesh.open``: a published version of a port, read in place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mesh_defs.errors import MeshError, NotPublished, UnknownAddress
from mesh_defs.faults import did_you_mean
from mesh_defs.product.inputs import select
from mesh_defs.product.ledger import Ledger, contract_name
from mesh_defs.product.resolve import published
from mesh_defs.product.stores import product_store
from mesh_defs.settings import find_root, load_settings
from mesh_defs.urls import MeshUrl, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from mesh_defs.contract.model import Contract
    from mesh_defs.contract.verdicts import Verdict
    from mesh_defs.product.ledger import PortRecord, Record
    from mesh_defs.product.resolve import Published
    from mesh_defs.settings import Settings

_BATCH_ROWS = 122_880


def open(url: str | MeshUrl, *, root: Path | None = None, profile: str | None = None) -> Port:  # noqa: A001  mesh.open reads as what it does
    """Open the version that ``url`` names; what is read later is this version and no other.

    ``root`` is the mesh's folder (default: ``MESH_ROOT``, or found above the working folder),
    ``profile`` the infra profile. Raises `NotPublished`, `UnknownAddress`, `MeshError`.
    """
    address = parse(url) if isinstance(url, str) else url
    settings = load_settings(root if root is not None else find_root(), profile)
    try:
        port = Port(settings, published(settings, address))
    except NotPublished:
        _check_declared(settings, address)
        raise
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
    """

    def __init__(self, settings: Settings, version: Published) -> None:
        self._settings = settings
        self._version = version

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
        return self.record.version

    @property
    def record(self) -> Record:
        """The ledger's record of the version: inputs, times, verdicts of all ports."""
        return self._version.record

    @property
    def port_record(self) -> PortRecord:
        """The ledger's record of this port."""
        return self.record.ports[self._version.port]

    @property
    def rows(self) -> int:
        """How many rows the version has."""
        return self.port_record.rows

    @property
    def contract(self) -> Contract:
        """The contract under which this version was published. Raises `InvalidMesh`."""
        from mesh_defs.contract.load import load_contract
        from mesh_defs.errors import InvalidMesh

        domain, product = self._version.identity.split("/")
        store = product_store(self._settings, domain, product)
        path = Path(store.location(contract_name(self.port_record.contract_digest)))
        contract, faults = load_contract(path, self._settings.root)
        if contract is None:
            raise InvalidMesh(faults)
        return contract

    def verdicts(self) -> tuple[Verdict, ...]:
        """The verdicts under which this port was published: its inputs' first."""
        return (*self.record.expectations, *self.port_record.verdicts)

    def history(self) -> list[Record]:
        """Every published version of the product, newest first."""
        domain, product = self._version.identity.split("/")
        return list(Ledger(product_store(self._settings, domain, product)).newest_first())

    def files(self) -> list[str]:
        """Absolute paths of the version's Parquet files."""
        return list(self._version.files)

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
        rows = self._version.rows.sql
        try:
            return target.sql(select(rows, named, where))
        except (duckdb.BinderException, duckdb.ParserException) as error:
            known = ", ".join(target.sql(select(rows, None, None)).columns)
            reason = str(error).partition("\n")[0]
            raise MeshError(f"{self.url}: {reason}; its columns: {known}") from None

    def arrow(self, columns: Sequence[str] | None = None, where: str | None = None) -> pa.Table:
        """An Arrow table."""
        return self.duckdb(None, columns, where).to_arrow_table()

    def batches(
        self, columns: Sequence[str] | None = None, where: str | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Arrow record batches with constant memory."""
        yield from self.duckdb(None, columns, where).to_arrow_reader(_BATCH_ROWS)

    def polars(
        self, columns: Sequence[str] | None = None, where: str | None = None
    ) -> pl.DataFrame:
        """A polars frame."""
        return self.duckdb(None, columns, where).pl()

    def lazy(self) -> pl.LazyFrame:
        """A lazy polars frame over the files; polars pushes down what follows."""
        import polars as pl

        return pl.scan_parquet(self.files(), hive_partitioning=False, glob=False)

    def pandas(
        self, columns: Sequence[str] | None = None, where: str | None = None
    ) -> pd.DataFrame:
        """A pandas frame."""
        return self.duckdb(None, columns, where).df()
