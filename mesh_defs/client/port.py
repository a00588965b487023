"""One version of one port, read through a gateway."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mesh_defs.contract.load import load_contract
from mesh_defs.errors import InvalidMesh
from mesh_defs.product.ledger import Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    import duckdb
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from mesh_defs.client.rows import RemoteRows
    from mesh_defs.client.wire import Wire
    from mesh_defs.contract.model import Contract
    from mesh_defs.contract.verdicts import Verdict
    from mesh_defs.product.ledger import PortRecord
    from mesh_defs.urls import MeshUrl


class RemotePort:
    """One published version of one output port, behind a gateway: as `mesh_defs.Port`, but for
    files, of which a gateway gives none away.

    ``columns`` (all when None) and ``where`` (a SQL condition) are done by the gateway.
    """

    def __init__(
        self,
        wire: Wire,
        rows: RemoteRows,
        address: MeshUrl,
        purpose: str | None,
        as_of: datetime | None,
    ) -> None:
        self._wire = wire
        self._remote = rows
        self._purpose = purpose
        if as_of is not None and address.version is None and address.as_of is None:
            address = replace(address, as_of=as_of)
        self._told = _told(wire, address, purpose)
        self._url = replace(
            address,
            port=str(self._told["port"]),
            major=None,
            version=int(self._told["record"]["version"]),
            as_of=None,
            column=None,
        )

    def __repr__(self) -> str:
        return f"<RemotePort {self.url} published_at={self.record.published_at}>"

    @property
    def url(self) -> MeshUrl:
        """The port's URL with the version that is open."""
        return self._url

    @property
    def version(self) -> int:
        """The version's number."""
        return int(self._told["record"]["version"])

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read, in their order."""
        return tuple(self._told["types"])

    @property
    def state(self) -> Mapping[str, Any]:
        """Version, age against promise, and verdicts, as the gateway told them when it was
        opened."""
        return dict(self._told["state"])

    @property
    def decision(self) -> Mapping[str, Any]:
        """What was decided on this read: columns in clear and masked, and by which rules."""
        return dict(self._told["decision"])

    @cached_property
    def record(self) -> Record:
        """The ledger's record of the version, as far as the reader may know it."""
        return Record.from_dict(self._told["record"])

    @property
    def port_record(self) -> PortRecord:
        """The ledger's record of this port."""
        return self.record.ports[self._told["port"]]

    @property
    def rows(self) -> int:
        """How many rows the version has for this reader."""
        if self._told["decision"]["row_filter"] is None:
            return self.port_record.rows
        return sum(batch.num_rows for batch in self.batches(self.columns[:1]))

    @cached_property
    def contract(self) -> Contract:
        """The contract under which this version was published. Raises `InvalidMesh`."""
        path = f"/{self.url.identity}/{self.url.port}"
        query = {"as": "odcs", "version": self.version}
        with (
            self._wire.get(path, query, accept="*/*") as body,
            tempfile.TemporaryDirectory() as folder,
        ):
            file = Path(folder) / "contract.yaml"
            file.write_bytes(body.read())
            contract, faults = load_contract(file, Path(folder))
        if contract is None:
            raise InvalidMesh(faults)
        return contract

    def verdicts(self) -> tuple[Verdict, ...]:
        """The verdicts under which this port was published: its inputs' first."""
        return (*self.record.expectations, *self.port_record.verdicts)

    def history(self) -> list[Record]:
        """Every published version of the product, newest first."""
        path = f"/{self.url.identity}/{self.url.port}/versions"
        found = self._wire.json(path, {"limit": 10_000, "purpose": self._purpose})
        return [Record.from_dict(each) for each in found["versions"]]

    def batches(
        self, columns: Sequence[str] | None = None, where: str | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Arrow record batches with constant memory."""
        for batch in self._remote.batches(self.url, _named(columns), where, self._purpose):
            if batch.num_rows:
                yield batch

    def arrow(self, columns: Sequence[str] | None = None, where: str | None = None) -> pa.Table:
        """An Arrow table."""
        return self._remote.table(self.url, _named(columns), where, self._purpose)

    def polars(
        self, columns: Sequence[str] | None = None, where: str | None = None
    ) -> pl.DataFrame:
        """A polars frame."""
        import polars as pl

        frame = pl.from_arrow(self.arrow(columns, where))
        assert isinstance(frame, pl.DataFrame)  # noqa: S101  of a table
        return frame

    def lazy(self) -> pl.LazyFrame:
        """A lazy polars frame over all rows."""
        return self.polars().lazy()

    def pandas(
        self, columns: Sequence[str] | None = None, where: str | None = None
    ) -> pd.DataFrame:
        """A pandas frame."""
        frame: pd.DataFrame = self.arrow(columns, where).to_pandas()
        return frame

    def duckdb(
        self,
        connection: duckdb.DuckDBPyConnection | None = None,
        columns: Sequence[str] | None = None,
        where: str | None = None,
    ) -> duckdb.DuckDBPyRelation:
        """A relation on ``connection`` (default: a new one in memory) over the rows, which are
        fetched now."""
        import duckdb

        target = connection if connection is not None else duckdb.connect()
        return target.from_arrow(self.arrow(columns, where))


def _named(columns: Sequence[str] | None) -> Sequence[str] | None:
    """A name alone is one column."""
    return [columns] if isinstance(columns, str) else columns


def _told(wire: Wire, address: MeshUrl, purpose: str | None) -> dict[str, Any]:
    """What the gateway says of the version that is opened."""
    at = f"@{address.major}" if address.major is not None else ""
    query = {
        "version": address.version,
        "as_of": address.as_of.isoformat() if address.as_of is not None else None,
    }
    port = address.port
    if port is None:
        found = wire.json(f"/{address.identity}{at}", query)
        port = str(found["main_port"])
    path = f"/{address.identity}/{port}{at}/record"
    told: dict[str, Any] = wire.json(path, {**query, "purpose": purpose})
    return told
