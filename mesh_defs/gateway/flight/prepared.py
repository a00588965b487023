"""Prepared statements: SQL with the values that a client binds before it runs it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from mesh_defs.gateway.errors import TooLarge
from mesh_defs.gateway.query.faults import BadQuery

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa

_MOST_BYTES = 1_000_000


@dataclass(slots=True)
class Prepared:
    """A statement and the names of its ``parameters``, with the values that were bound last."""

    sql: str
    parameters: tuple[str, ...]
    values: Mapping[str, object] = field(default_factory=dict)
    counted: bool = False
    touched: float = field(default_factory=time.monotonic)

    @property
    def idle(self) -> float:
        """For how many seconds it was not used."""
        return time.monotonic() - self.touched

    def bind(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Take the values of one row: by name where all names fit, else in their order. Raises
        `BadQuery`, `TooLarge`."""
        rows: list[tuple[list[str], list[object]]] = []
        for batch in batches:
            if batch.nbytes > _MOST_BYTES:
                raise TooLarge(f"found parameters of more than {_MOST_BYTES} bytes. Fix: bind less")
            for number in range(batch.num_rows):
                if rows:
                    fix = "run the statement once for each row"
                    raise BadQuery("more than one row of parameters", "one row", fix)
                rows.append((list(batch.schema.names), _values(batch, number)))
        names, values = rows[0] if rows else ([], [])
        self.values = self._named(names, values)
        self.touched = time.monotonic()

    def _named(self, names: Sequence[str], values: Sequence[object]) -> Mapping[str, object]:
        if len(values) != len(self.parameters):
            wanted = ", ".join(f"${name}" for name in self.parameters) or "no parameter"
            raise BadQuery(f"{len(values)} values", wanted, "give each parameter one value")
        plain = [name.removeprefix("$") for name in names]
        by_name = set(plain) == set(self.parameters)
        return dict(zip(plain if by_name else self.parameters, values, strict=True))


def parameter_schema(names: Sequence[str]) -> pa.Schema:
    """The parameters as a client is told of them: text, which the engine reads as what it is
    compared with; a client may bind other types."""
    import pyarrow as pa

    return pa.schema([pa.field(name, pa.string()) for name in names])


def _values(batch: pa.RecordBatch, number: int) -> list[object]:
    return [_value(column.slice(number, 1)) for column in batch.columns]


def _value(column: Any) -> object:  # noqa: ANN401  an array of any type
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        column = pc.cast(column, pa.timestamp("us", kind.tz), safe=False)
    elif pa.types.is_duration(kind) and kind.unit == "ns":
        column = pc.cast(column, pa.duration("us"), safe=False)
    elif pa.types.is_time64(kind) and kind.unit == "ns":
        column = pc.cast(column, pa.time64("us"), safe=False)
    return cast("object", column[0].as_py())
