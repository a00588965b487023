"""Python transforms: a function from named inputs to a dataset per output."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from mesh_defs.errors import MeshError, TransformFailed
from mesh_defs.faults import relative
from mesh_defs.product.code import CONTEXT, FUNCTION, PYTHON_FILE
from mesh_defs.sql import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import ModuleType

    import duckdb

    from mesh_defs.product.inputs import InputData, RunContext
    from mesh_defs.product.model import Product

_ALLOWED = (
    "a pyarrow Table or RecordBatchReader, an iterator of record batches, a polars or pandas "
    "frame, or a DuckDB relation"
)


def python_queries(
    product: Product, inputs: Mapping[str, InputData], context: RunContext, root: Path
) -> dict[str, str]:
    """Call the product's function and make every dataset a relation; the query of every port.

    Raises `TransformFailed` with the place in the product's own file.
    """
    file = product.folder / PYTHON_FILE
    name = relative(file, root)
    function = _function(product, file, name)
    wanted = inspect.signature(function).parameters
    offered: dict[str, object] = {**inputs, CONTEXT: context}
    try:
        result = function(**{key: offered[key] for key in wanted})
    except MeshError:
        raise
    except Exception as error:
        raise TransformFailed(_where(error, file, name)) from error
    ports = [output.name for output in product.outputs]
    datasets = result if isinstance(result, dict) else {ports[0]: result}
    if not isinstance(result, dict) and len(ports) > 1:
        raise TransformFailed(
            f"{name}: {FUNCTION}() returned one dataset for {len(ports)} ports; "
            f"return a dict with the keys {', '.join(ports)}"
        )
    if set(datasets) != set(ports):
        raise TransformFailed(
            f"{name}: {FUNCTION}() returned {', '.join(map(str, datasets)) or 'nothing'}; "
            f"the ports are {', '.join(ports)}"
        )
    return {port: _relation(context.connection, port, datasets[port], name, file) for port in ports}


def _function(product: Product, file: Path, name: str) -> Callable[..., object]:
    module_name = f"mesh_product_{product.domain}_{product.name}"
    spec = importlib.util.spec_from_file_location(module_name, file)
    if spec is None or spec.loader is None:
        raise TransformFailed(f"{name}: cannot be imported")
    module: ModuleType = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise TransformFailed(_where(error, file, name)) from error
    function = getattr(module, FUNCTION, None)
    if not callable(function):
        raise TransformFailed(f"{name}: defines no function {FUNCTION}()")
    return function  # type: ignore[no-any-return]


def _where(error: BaseException, file: Path, name: str) -> str:
    """The error, with the lines of the product's own files that led to it."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename.startswith(str(file.parent))
    ]
    lines = [f"{name}: {type(error).__name__}: {error}"]
    lines += [f"  line {frame.lineno}, in {frame.name}: {frame.line}" for frame in frames]
    return "\n".join(lines)


def _relation(
    connection: duckdb.DuckDBPyConnection, port: str, dataset: object, name: str, file: Path
) -> str:
    import duckdb

    relation = f"output of {port}"
    if isinstance(dataset, duckdb.DuckDBPyRelation):
        dataset.create_view(relation, replace=True)
        try:
            connection.execute(f"DESCRIBE {quote(relation)}")
        except duckdb.CatalogException:
            # The relation belongs to another connection: its rows come over as a stream.
            connection.register(relation, dataset.to_arrow_reader())
        return f"SELECT * FROM {quote(relation)}"
    connection.register(relation, _arrow(dataset, port, name, file))
    return f"SELECT * FROM {quote(relation)}"


def _arrow(dataset: object, port: str, name: str, file: Path) -> object:
    """Something that DuckDB reads by its name: Arrow, polars or pandas."""
    module = type(dataset).__module__.partition(".")[0]
    if module == "polars":
        frame: Any = dataset
        return frame.collect() if type(dataset).__name__ == "LazyFrame" else frame
    if module in ("pandas", "pyarrow") and not isinstance(dataset, list):
        return dataset
    if isinstance(dataset, Iterable) and not isinstance(dataset, str | bytes | dict):
        return _stream(iter(dataset), port, name, file)
    raise TransformFailed(
        f"{name}: {FUNCTION}() returned a {type(dataset).__name__} for port '{port}'; "
        f"allowed: {_ALLOWED}"
    )


def _stream(batches: Iterator[object], port: str, name: str, file: Path) -> object:
    """A reader over record batches, which are made while they are written."""
    import pyarrow as pa

    def checked() -> Iterator[pa.RecordBatch]:
        try:
            for batch in batches:
                if not isinstance(batch, pa.RecordBatch):
                    raise TransformFailed(
                        f"{name}: port '{port}' yielded a {type(batch).__name__}; "
                        "yield pyarrow record batches"
                    )
                yield batch
        except TransformFailed:
            raise
        except Exception as error:
            raise TransformFailed(_where(error, file, name)) from error

    stream = checked()
    first = next(stream, None)
    if first is None:
        raise TransformFailed(
            f"{name}: port '{port}' yielded no batch, so its columns are unknown; "
            "yield one empty record batch at least"
        )

    def all_batches() -> Iterator[pa.RecordBatch]:
        yield first
        yield from stream

    return pa.RecordBatchReader.from_batches(first.schema, all_batches())
