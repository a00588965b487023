"""Python transforms: a function from named inputs to a dataset per output."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mesh_defs.contract.checks.engine_text import NOT_SHOWN, safe_text
from mesh_defs.errors import MeshError, TransformFailed
from mesh_defs.faults import relative
from mesh_defs.interrupts import count, is_interrupt
from mesh_defs.product.code import CONTEXT, FUNCTION, PYTHON_FILE
from mesh_defs.sql import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import ModuleType

    import pyarrow as pa

    from mesh_defs.product.inputs import InputData, RunContext
    from mesh_defs.product.model import Product

_ALLOWED = (
    "a pyarrow Table or RecordBatchReader, an iterator of record batches, a polars or pandas "
    "frame, or a DuckDB relation"
)


@dataclass(frozen=True, slots=True)
class PythonBuilt:
    """The query of every port, and the failures of streams, which run while they are written."""

    queries: Mapping[str, str]
    failures: list[TransformFailed]


def python_queries(
    product: Product,
    inputs: Mapping[str, InputData],
    context: RunContext,
    root: Path,
    *,
    quiet: bool = False,
) -> PythonBuilt:
    """Call the product's function and make every dataset a relation.

    ``quiet`` leaves the texts of exceptions out, which may quote personal values. Raises
    `TransformFailed` with the place in the product's own file.
    """
    return _Caller(product, context, root, quiet).build(inputs)


class _Caller:
    """Calls one product's function; all its errors name the product's own file."""

    def __init__(self, product: Product, context: RunContext, root: Path, quiet: bool) -> None:
        self.product = product
        self.context = context
        self.file = product.folder / PYTHON_FILE
        self.name = relative(self.file, root)
        self.quiet = quiet
        self.failures: list[TransformFailed] = []

    def build(self, inputs: Mapping[str, InputData]) -> PythonBuilt:
        function = self._function()
        offered: dict[str, object] = {**inputs, CONTEXT: self.context}
        wanted = inspect.signature(function).parameters
        with self._explained():
            result = function(**{key: offered[key] for key in wanted})
        ports = [output.name for output in self.product.outputs]
        datasets = result if isinstance(result, dict) else {ports[0]: result}
        if not isinstance(result, dict) and len(ports) > 1:
            raise self._fault(
                f"{FUNCTION}() returned one dataset for {len(ports)} ports; "
                f"return a dict with the keys {', '.join(ports)}"
            )
        if set(datasets) != set(ports):
            returned = ", ".join(map(str, datasets)) or "nothing"
            if self.quiet and not set(datasets) < set(ports):
                returned = "datasets under names that are not shown: they may be personal values"
            raise self._fault(f"{FUNCTION}() returned {returned}; the ports are {', '.join(ports)}")
        queries = {port: self._relation(port, datasets[port]) for port in ports}
        return PythonBuilt(queries, self.failures)

    def _function(self) -> Callable[..., object]:
        module_name = f"mesh_product_{self.product.domain}_{self.product.name}"
        spec = importlib.util.spec_from_file_location(module_name, self.file)
        if spec is None or spec.loader is None:
            raise self._fault("cannot be imported")
        module: ModuleType = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module
        with self._explained(loading=True):
            spec.loader.exec_module(module)
        function: Callable[..., object] | None = getattr(module, FUNCTION, None)
        if function is None or not callable(function):
            raise self._fault(f"defines no function {FUNCTION}()")
        return function

    def _fault(self, text: str) -> TransformFailed:
        return TransformFailed(f"{self.name}: {text}")

    @contextmanager
    def _explained(self, *, loading: bool = False) -> Iterator[None]:
        """What the product's own code raises, as `TransformFailed`; leaving the process too. While
        it is only ``loading`` it has seen no data that its errors could quote."""
        try:
            yield
        except (Exception, SystemExit) as error:  # whatever the product raises
            if is_interrupt(error):
                raise
            quiet = self.quiet and not loading
            # Our own texts quote no values; those that the product's code makes may.
            if isinstance(error, MeshError) and not (quiet and self._raised_here(error)):
                raise
            raise self._where(error, quiet) from (None if quiet else error)

    def _raised_here(self, error: BaseException) -> bool:
        frames = traceback.extract_tb(error.__traceback__)
        return bool(frames) and frames[-1].filename.startswith(str(self.file.parent))

    def _where(self, error: BaseException, quiet: bool) -> TransformFailed:
        """The error, with the lines of the product's own files that led to it."""
        frames = [
            frame
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename.startswith(str(self.file.parent))
        ]
        text = f": {error}"
        if quiet:
            text = f" ({NOT_SHOWN})"
        lines = [f"{type(error).__name__}{text}"]
        lines += [f"  line {frame.lineno}, in {frame.name}: {frame.line}" for frame in frames]
        return self._fault("\n".join(lines))

    def _relation(self, port: str, dataset: object) -> str:
        import duckdb

        relation = f"output of {port}"
        connection = self.context.connection
        if isinstance(dataset, duckdb.DuckDBPyRelation):
            dataset.create_view(relation, replace=True)
            try:
                connection.execute(f"DESCRIBE {quote(relation)}")
            except duckdb.CatalogException:
                # The relation belongs to another connection: its rows come over as a stream.
                connection.register(relation, dataset.to_arrow_reader())
            return f"SELECT * FROM {quote(relation)}"
        try:
            connection.register(relation, self._table(port, dataset))
            connection.execute(f"DESCRIBE {quote(relation)}")
        except duckdb.Error as error:
            reason = safe_text(str(error)) if self.quiet else error
            raise self._fault(f"port '{port}': DuckDB cannot read its dataset: {reason}") from (
                None if self.quiet else error
            )
        return f"SELECT * FROM {quote(relation)}"

    def _table(self, port: str, dataset: object) -> object:
        """Something that DuckDB reads by its name: Arrow, polars or pandas."""
        module = type(dataset).__module__.partition(".")[0]
        if module == "polars":
            frame: Any = dataset
            with self._explained():
                return frame.collect() if type(dataset).__name__ == "LazyFrame" else frame
        if module in ("pandas", "pyarrow") and not isinstance(dataset, list):
            return dataset
        if isinstance(dataset, Iterable) and not isinstance(dataset, str | bytes | dict):
            return self._stream(port, iter(dataset))
        raise self._fault(
            f"{FUNCTION}() returned a {type(dataset).__name__} for port '{port}'; "
            f"allowed: {_ALLOWED}"
        )

    def _stream(self, port: str, batches: Iterator[object]) -> object:
        """A reader over record batches, which are made while they are written."""
        import pyarrow as pa

        stream = self._checked(port, batches)
        first = next(stream, None)
        if first is None:
            raise self._fault(
                f"port '{port}' yielded no batch, so its columns are unknown; "
                "yield one empty record batch at least"
            )

        def everything() -> Iterator[pa.RecordBatch]:
            yield first
            yield from stream

        return pa.RecordBatchReader.from_batches(first.schema, everything())

    def _checked(self, port: str, batches: Iterator[object]) -> Iterator[pa.RecordBatch]:
        """The batches; what goes wrong is kept, because DuckDB wraps what a stream raises."""
        import pyarrow as pa

        signals = count()
        try:
            with self._explained():
                for batch in batches:
                    if count() != signals:
                        raise KeyboardInterrupt  # Arrow's threads read ahead, whatever DuckDB does.
                    if not isinstance(batch, pa.RecordBatch):
                        raise self._fault(
                            f"port '{port}' yielded a {type(batch).__name__}; "
                            "yield pyarrow record batches"
                        )
                    yield batch
        except TransformFailed as error:
            self.failures.append(error)
            raise
