"""dbt transforms: a project in ``dbt_projects/``. Inputs are its source ``inputs``, output ports
are its models, its tests are checks.

dbt works in a database of the run's own, which starts with the inputs and nothing else; so an
incremental model is always built whole, and how versions follow each other is the port's mode.
The variable ``mesh_now`` holds the run's one clock reading (ISO 8601, UTC).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_defs.contract.checks.engine_text import safe_text
from mesh_defs.contract.engines.dbt import DbtTests, named_test
from mesh_defs.contract.rules import Custom
from mesh_defs.errors import TransformFailed
from mesh_defs.faults import relative
from mesh_defs.product.attest.keys import key_variable
from mesh_defs.product.keyed_hash import KeyedHash, variable
from mesh_defs.product.privacy import names_of
from mesh_defs.product.transforms import dbt_checks, dbt_database, dbt_errors
from mesh_defs.product.transforms.dbt_privacy import Privacy
from mesh_defs.settings import hide_variable
from mesh_defs.sql import literal, quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    import duckdb
    from dbt.artifacts.schemas.run import RunResult

    from mesh_defs.contract.data import Engine
    from mesh_defs.contract.verdicts import Verdict
    from mesh_defs.product.model import Mesh, Product
    from mesh_defs.product.resolve import Resolved
    from mesh_defs.product.transforms.dbt_project import Selection
    from mesh_defs.product.transforms.dbt_session import Dbt

_SIDE_FILES = ("", ".wal")


@dataclass(frozen=True, slots=True)
class DbtBuilt:
    """What dbt made for one run.

    By port: ``queries`` over the run's connection, ``compiled`` SQL of its model (of none where one
    of the models may change what others make), ``verdicts`` of
    all dbt tests that no contract names. ``intermediate`` has the compiled SQL of every relation
    that dbt built, port models too, by its quoted name. ``tests`` answers the contracts' ``dbt``
    rules. ``paths`` are files that a locked connection must be allowed to read.
    """

    queries: Mapping[str, str]
    tests: Engine
    verdicts: Mapping[str, tuple[Verdict, ...]]
    compiled: Mapping[str, str]
    intermediate: Mapping[str, str]
    paths: tuple[str, ...]


def dbt_queries(
    mesh: Mesh,
    product: Product,
    inputs: Mapping[str, Resolved],
    connection: duckdb.DuckDBPyConnection,
    scratch: Path,
    now: datetime,
    keyed_hash: KeyedHash | None = None,
    *,
    private: bool = False,
) -> DbtBuilt:
    """Build the models of ``product``'s ports, and what they need, and test them. ``private`` keeps
    what dbt says of the data out of errors and files.

    ``connection`` has the inputs and is not locked yet; afterwards dbt's database is attached to
    it, read-only. The caller holds the product's lock and removes ``scratch``. Raises
    `TransformFailed`.
    """
    hashing = keyed_hash or KeyedHash(mesh.settings)
    return _Builder(mesh, product, inputs, connection, scratch, now, hashing, private).build()


class _Builder:
    """One product's dbt run."""

    def __init__(
        self,
        mesh: Mesh,
        product: Product,
        inputs: Mapping[str, Resolved],
        connection: duckdb.DuckDBPyConnection,
        scratch: Path,
        now: datetime,
        keyed_hash: KeyedHash,
        private: bool,
    ) -> None:
        project = product.transform.project
        assert project is not None  # noqa: S101  a dbt transform has one
        self.mesh = mesh
        self.root = mesh.root
        self.product = product
        self.project = project
        self.inputs = inputs
        self.connection = connection
        self.scratch = scratch
        self.keyed_hash = keyed_hash
        self.private = private
        self.names = names_of(product) if private else None
        self.parsed = False
        self.kept = mesh.settings.state / "work" / "dbt" / product.domain / product.name
        self.variables = {"mesh_now": now.isoformat()}

    def build(self) -> DbtBuilt:
        from mesh_defs.product.transforms.dbt_session import session

        file = self._database()
        walls = dbt_database.walls(self.inputs, self.project, self.scratch)
        try:
            with (
                hide_variable(key_variable(self.mesh.settings)),
                session(
                    self.project,
                    self.kept,
                    self.scratch,
                    walls,
                    install=self.keyed_hash.install,
                    hidden=variable(self.mesh.settings),
                    private=self.private,
                ) as dbt,
            ):
                selection, built, tested = self._run(dbt, file)
        except dbt_errors.DbtGaveUp as error:
            # Until a project is parsed, dbt has seen no data.
            private = self.private and self.parsed
            message = dbt_errors.of_exception(
                str(error), self.project, self.root, list(self.inputs), private=private
            )
            raise TransformFailed(message) from (None if private else error)
        self.connection.execute(
            f"ATTACH {literal(str(file))} AS {quote(dbt_database.NAME)} (READ_ONLY)"
        )
        return self._built(selection, built, tested, file)

    def _database(self) -> Path:
        import duckdb

        try:
            return dbt_database.create(self.connection, self.inputs, self.scratch)
        except duckdb.Error as error:
            reason = safe_text(str(error)) if self.private else error
            raise TransformFailed(
                f"mesh://{self.product.identity}: its inputs cannot be handed to dbt: {reason}"
            ) from (None if self.private else error)

    def _run(
        self, dbt: Dbt, file: Path
    ) -> tuple[Selection, Sequence[RunResult], Sequence[RunResult]]:
        from mesh_defs.product.transforms.dbt_project import BUILD, TEST, select

        profile = _profile_name(self.project, self.root)
        # Parsed over a profile without the run's own paths, for which dbt would parse all again.
        parsing = dbt_database.write_profile(
            self.kept / "profile", profile, self.kept / file.name, guarded=False
        )
        dbt_database.write_profile(self.scratch, profile, file, guarded=True)
        manifest = dbt.parse(parsing)
        self.parsed = True
        selection = select(manifest, self.product, self.root)
        built = dbt.run(manifest, "build", BUILD, self.variables)
        broken = dbt_errors.of_results(built, self.project, self.root, self.names)
        if broken:
            raise TransformFailed(broken)
        done = {result.node.unique_id for result in built if str(result.status) == "success"}
        left = [port for port, node in selection.ports.items() if node.unique_id not in done]
        if left:
            log = relative(self.kept / "logs" / "dbt.log", self.root)
            more = "it keeps no log of personal data" if self.private else f"its log is {log}"
            raise TransformFailed(
                f"{relative(self.project, self.root)}: dbt did not build {', '.join(left)}; {more}"
            )
        if not any(not test.missing for test in selection.tests):
            return selection, built, ()
        return selection, built, dbt.run(manifest, "test", TEST, self.variables)

    def _built(
        self,
        selection: Selection,
        built: Sequence[RunResult],
        tested: Sequence[RunResult],
        file: Path,
    ) -> DbtBuilt:
        outcomes = dbt_checks.results(selection.tests, tested, self.names)
        privacy = Privacy.of(self.mesh, self.product)
        samples = dbt_checks.failing_rows(self.connection, selection.tests, tested, privacy.shows)
        compiled: dict[str, str] = {}
        intermediate: dict[str, str] = {}
        for result in built:
            name, code = result.node.relation_name, getattr(result.node, "compiled_code", None)
            if name is None:
                continue
            if str(result.node.resource_type) == "seed":
                intermediate[name] = self._constant(name)
            elif code is not None and getattr(result.node, "language", "") == "sql":
                intermediate[name] = compiled[result.node.unique_id] = code
        ports = selection.ports
        if not all(map(_is_read, [*built, *tested])):
            compiled, intermediate = {}, {}
        return DbtBuilt(
            queries={port: f"SELECT * FROM {node.relation_name}" for port, node in ports.items()},
            tests=DbtTests(dbt_checks.by_name(selection.tests, outcomes)),
            verdicts=dbt_checks.verdicts(selection.tests, outcomes, _named(self.product), samples),
            compiled={
                port: compiled[node.unique_id]
                for port, node in ports.items()
                if node.unique_id in compiled
            },
            intermediate=intermediate,
            paths=tuple(f"{file}{suffix}" for suffix in _SIDE_FILES),
        )

    def _constant(self, relation: str) -> str:
        """A seed as SQL: its columns come from no input."""
        rows = self.connection.execute(f"DESCRIBE {relation}").fetchall()
        return "SELECT " + ", ".join(
            f"CAST(NULL AS {kind}) AS {quote(name)}" for name, kind, *_ in rows
        )


def _is_read(result: RunResult) -> bool:
    """Whether nothing but one query ran for a node. A model in Python, or one whose SQL ends before
    its text does, may change what others made, of which lineage then knows nothing."""
    from mesh_defs.product.lineage.engine_tree import is_one_query

    code = getattr(result.node, "compiled_code", None)
    if str(result.node.resource_type) == "seed" or code is None:
        return True
    return getattr(result.node, "language", "") == "sql" and is_one_query(code)


def _named(product: Product) -> frozenset[str]:
    """Tests that the product's contracts name."""
    rules = (rule for output in product.outputs for rule in output.promise.rules)
    names = (
        named_test(rule.implementation)
        for rule in rules
        if isinstance(rule, Custom) and rule.engine == "dbt"
    )
    return frozenset(name for name in names if name)


def _profile_name(project: Path, root: Path) -> str:
    """The profile that the project asks for; a name of ours where it asks for none."""
    import yaml

    file = project / "dbt_project.yml"
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise TransformFailed(f"{relative(file, root)}: {error}") from error
    profile = content.get("profile") if isinstance(content, dict) else None
    return profile if isinstance(profile, str) else "mesh"
