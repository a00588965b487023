"""What one product takes from a parsed dbt project: its models, the seeds they need, its tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_defs.errors import TransformFailed
from mesh_defs.faults import did_you_mean, nearest, relative
from mesh_defs.product.transforms.dbt_bypass import problems
from mesh_defs.product.transforms.dbt_database import NAME, SCHEMA
from mesh_defs.sql import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from dbt.contracts.graph.manifest import Manifest
    from dbt.contracts.graph.nodes import ManifestNode, SourceDefinition, UnitTestDefinition

    from mesh_defs.contract.verdicts import Severity
    from mesh_defs.product.model import Product

BUILD = "mesh:build"
TEST = "mesh:test"


@dataclass(frozen=True, slots=True)
class DbtTest:
    """One test of the project that is this product's. ``port`` is what its verdict is about,
    ``kind`` the name of its generic test (``not_null``) or None. ``missing`` names what it needs
    and the product does not have; such a test cannot run."""

    unique_id: str
    name: str
    port: str
    kind: str | None
    column: str | None
    description: str | None
    severity: Severity
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Selection:
    """The part of a project that makes one product: port models by port, every node's id that is
    built, the tests."""

    ports: Mapping[str, ManifestNode]
    built: frozenset[str]
    tests: tuple[DbtTest, ...]


def select(manifest: Manifest, product: Product, root: Path) -> Selection:
    """Find what ``product`` needs and tag it in ``manifest``: `BUILD` and `TEST`.

    A tag says exactly one node, which dbt's selection by name does not. Raises `TransformFailed`
    with everything that is wrong: a model that is missing or disabled, a source that is no input.
    """
    project = product.transform.project
    assert project is not None  # noqa: S101  a dbt transform has one
    finder = _Finder(manifest, product, relative(project, root))
    ports = finder.ports()
    needed = finder.needed(ports.values())
    tests = tuple(finder.tests(ports, needed)) if ports else ()
    used = needed | {test.unique_id for test in tests if not test.missing}
    found = problems(manifest, used, _dispatched(project))
    finder.faults += [f"{finder.project}/{problem}" for problem in found]
    if finder.faults:
        raise TransformFailed("\n".join(finder.faults))
    for unique_id in needed & set(manifest.nodes):
        manifest.nodes[unique_id].tags.append(BUILD)
    for test in tests:
        if test.missing:
            continue
        if test.unique_id in manifest.nodes:
            manifest.nodes[test.unique_id].tags.append(TEST)
        else:
            unit = manifest.unit_tests[test.unique_id]
            unit.config.tags = [*unit.tags, TEST]
    for node in ports.values():
        _materialize(node)
    return Selection(ports, frozenset(needed), tests)


def _dispatched(project: Path) -> dict[str, object]:
    """The key ``dispatch`` of a project that dbt has parsed, by the namespace of macros."""
    import yaml

    content = yaml.safe_load((project / "dbt_project.yml").read_text(encoding="utf-8"))
    listed = content.get("dispatch") if isinstance(content, dict) else None
    return {str(each.get("macro_namespace")): each for each in listed or () if each}


def _materialize(node: ManifestNode) -> None:
    """A port is a relation: what dbt would paste into other models becomes a view."""
    if node.config.materialized == "ephemeral":
        node.config.materialized = "view"
        parts = (node.database or NAME, node.schema, node.alias)
        node.relation_name = ".".join(quote(part) for part in parts)


class _Finder:
    """Walks a manifest for one product and collects what is wrong."""

    def __init__(self, manifest: Manifest, product: Product, project: str) -> None:
        self.manifest = manifest
        self.product = product
        self.project = project
        self.inputs = [port.name for port in product.inputs]
        self.faults: list[str] = []

    def ports(self) -> dict[str, ManifestNode]:
        models = {
            node.name: node
            for node in self.manifest.nodes.values()
            if str(node.resource_type) == "model"
            and node.package_name == self.manifest.metadata.project_name
            and getattr(node, "version", None) == getattr(node, "latest_version", None)
        }
        found = {}
        for output in self.product.outputs:
            if output.name in models:
                found[output.name] = models[output.name]
            else:
                self.faults.append(self._no_model(output.name, sorted(models)))
        return found

    def _no_model(self, port: str, models: list[str]) -> str:
        disabled = {node.name for nodes in self.manifest.disabled.values() for node in nodes}
        if port in disabled:
            problem, fix = f"model '{port}' is disabled", "enable it"
        else:
            problem, fix = f"no model '{port}'", did_you_mean(port, models)
        return (
            f"{self.project}: {problem}, which makes the port of that name of "
            f"mesh://{self.product.identity}; models: {', '.join(models) or 'none'}. Fix: {fix}"
        )

    def needed(self, nodes: Iterable[ManifestNode]) -> set[str]:
        """Ids of ``nodes`` and of everything above them."""
        found: set[str] = set()
        stack = [node.unique_id for node in nodes]
        while stack:
            unique_id = stack.pop()
            if unique_id in found:
                continue
            found.add(unique_id)
            node = self.manifest.nodes.get(unique_id)
            if node is None:
                continue
            if str(node.resource_type) == "snapshot":
                self.faults.append(
                    f"{self.project}/{node.original_file_path}: a snapshot keeps its history in "
                    "the database, which is new in every run. Fix: give the port mode upsert, or "
                    "read the history of an input with ?version= or ?as_of="
                )
            for parent in node.depends_on_nodes:
                self._source(node, parent)
                stack.append(parent)
        return found

    def _source(self, node: ManifestNode, unique_id: str) -> None:
        source = self.manifest.sources.get(unique_id)
        if source is not None and not self.available(source):
            asked = f"source('{source.source_name}', '{source.name}')"
            close = nearest(source.name, self.inputs)
            fix = f"read '{close}' instead, or " if close is not None else ""
            self.faults.append(
                f"{self.project}/{node.original_file_path}: {asked} is no input of "
                f"mesh://{self.product.identity}; its inputs: {', '.join(self.inputs) or 'none'}. "
                f"Fix: {fix}add it to 'inputs' in the product's defs.yaml, and read it as "
                f"source('{SCHEMA}', '<input>')"
            )

    def available(self, source: SourceDefinition) -> bool:
        """Whether ``source`` is a declared input, at the place where inputs are."""
        return (
            source.source_name == SCHEMA
            and (source.database, source.schema) == (NAME, SCHEMA)
            and source.identifier in self.inputs
        )

    def tests(self, ports: Mapping[str, ManifestNode], needed: set[str]) -> Iterable[DbtTest]:
        by_id = {node.unique_id: port for port, node in ports.items()}
        candidates: list[ManifestNode | UnitTestDefinition] = [
            *(n for n in self.manifest.nodes.values() if str(n.resource_type) == "test"),
            *self.manifest.unit_tests.values(),
        ]
        for node in sorted(candidates, key=lambda test: test.unique_id):
            parents = list(node.depends_on_nodes)
            attached = getattr(node, "attached_node", None)
            missing = [parent for parent in parents if not self._has(parent, needed)]
            about = [attached] if attached else parents
            ours = (
                attached in needed
                if attached
                else any(parent in by_id for parent in parents)
                or (not missing and any(parent in needed for parent in parents))
            )
            if ours:
                port = next((by_id[one] for one in about if one in by_id), None)
                yield self._test(node, port or next(iter(ports)), missing)

    def _has(self, unique_id: str, needed: set[str]) -> bool:
        source = self.manifest.sources.get(unique_id)
        return unique_id in needed if source is None else self.available(source)

    def _test(
        self, node: ManifestNode | UnitTestDefinition, port: str, missing: list[str]
    ) -> DbtTest:
        metadata = getattr(node, "test_metadata", None)
        severity = str(getattr(node.config, "severity", "error")).lower()
        return DbtTest(
            unique_id=node.unique_id,
            name=node.name,
            port=port,
            kind=metadata.name if metadata is not None else None,
            column=getattr(node, "column_name", None),
            description=node.description or None,
            severity="warning" if severity == "warn" else "error",
            missing=tuple(missing),
        )
