"""What a dbt project does beside the SQL that its models compile to, and is refused for.

Lineage, and with it every promise about personal data, reads the compiled SQL of models. A hook
that updates a port, a macro that asks the database while SQL is made (``run_query``) and pastes
what it hears into it, or one that takes the place of dbt's own way to build a table, would publish
something else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.product.transforms.dbt_database import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dbt.contracts.graph.manifest import Manifest
    from dbt.contracts.graph.nodes import Macro, ManifestNode
    from jinja2 import nodes

# Whose macros are dbt's own.
_OWN = frozenset({"dbt", "dbt_duckdb"})
# They run SQL, hold what it answered, or reach whatever a name leads to.
ASKING = frozenset(
    {"context", "execute_macro", "get_columns_in_query", "load_result", "noop_statement", "render",
     "run_hooks", "run_query", "statement", "store_raw_result", "store_result",
     "submit_python_job"}
)  # fmt: skip
# These look at names of relations and columns, and at none of their rows.
ADAPTER = frozenset(
    {"dispatch", "get_columns_in_relation", "get_relation", "quote", "quote_as_configured", "type"}
)
_NAMING = ("generate_alias_name", "generate_database_name", "generate_schema_name")
_CONFIGS = ("sql_header", "indexes", "options", "partitioned_by")
_NO_SQL = ("description", "meta", "docs", "delimiter")
_BUILT_INS = frozenset(
    {"table", "view", "incremental", "ephemeral", "seed", "snapshot", "test", "unit"}
)


def problems(
    manifest: Manifest, used: Iterable[str], namespaces: Mapping[str, object]
) -> Iterator[str]:
    """What is refused of the nodes ``used`` (models, seeds and tests, by id), each as ``<file>:
    <what>. Fix: <fix>``. ``namespaces`` is the project's ``dispatch`` by macro namespace."""
    known = [manifest.nodes[one] for one in sorted(used) if one in manifest.nodes]
    for node in manifest.nodes.values():
        if str(node.resource_type) == "operation":
            yield _told(node.original_file_path, "on-run-start or on-run-end", "write a model")
    if "dbt" in namespaces:
        yield _told("dbt_project.yml", "a dispatch of dbt's own macros", "remove it")
    for node in known:
        yield from _of_node(node)
    yield from _overwritten(manifest, known)
    for one in sorted(set(used) & set(manifest.unit_tests)):
        test = manifest.unit_tests[one]
        given = [each.to_dict() for each in (*test.given, test.expect)]
        if any(
            ";" in text for each in given if each.get("format") == "sql" for text in _texts(each)
        ):
            yield _told(test.original_file_path, "a ';' in the SQL of a unit test", "remove it")
    yield from _redefined(manifest)
    packages = frozenset(macro.package_name for macro in manifest.macros.values())
    for macro in _macros(manifest, known):
        for name in _asking(macro.macro_sql, packages):
            found = f"{name} in the macro '{macro.name}', which models use"
            yield _told(macro.original_file_path, found, _IN_SQL)
    for node in known:
        if str(getattr(node, "language", "sql")) == "sql":
            for name in _asking(node.raw_code, packages):
                yield _told(node.original_file_path, name, _IN_SQL)


_IN_SQL = "write it in the model's SQL, over ref() and source()"


def _told(file: str, found: str, fix: str) -> str:
    plain = file.removeprefix("./")
    return (
        f"{plain}: {found}; lineage reads the SQL that models compile to, and nothing else may "
        f"decide what is published. Fix: {fix}"
    )


def _of_node(node: ManifestNode) -> Iterator[str]:
    config = node.config
    for key in ("pre_hook", "post_hook"):
        if getattr(config, key, None):
            yield _told(node.original_file_path, f"a {key.replace('_', '-')}", "write a model")
    for key in _CONFIGS:
        if config.get(key):
            yield _told(node.original_file_path, f"the config '{key}'", "remove it")
    if str(config.materialized) not in _BUILT_INS:
        found = f"the materialization '{config.materialized}'"
        yield _told(node.original_file_path, found, "make it a table or a view")
    columns = getattr(node, "columns", None) or {}
    written = [config.to_dict(), [column.to_dict() for column in columns.values()]]
    written.append([each.to_dict() for each in getattr(node, "constraints", None) or ()])
    if any(";" in text for text in _texts(written)):
        yield _told(node.original_file_path, "a ';' in its config or columns", "remove it")


def _texts(value: object, key: str = "") -> Iterator[str]:
    """Texts that dbt may paste into SQL; those that describe something for people are none."""
    if isinstance(value, str) and key not in _NO_SQL:
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            if name not in _NO_SQL:
                yield from _texts(item, str(name))
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, key)


def _overwritten(manifest: Manifest, known: Iterable[ManifestNode]) -> Iterator[str]:
    """Nodes that are made in the place of an input or of another one; DuckDB does not tell upper
    from lower case, and dbt does."""
    taken = {str(one.relation_name).lower() for one in manifest.sources.values()}
    for node in known:
        if str(node.resource_type) in ("test", "unit_test") or node.relation_name is None:
            continue
        relation = node.relation_name.lower()
        if relation in taken or str(node.schema).lower() == SCHEMA:
            found = f"'{node.name}' is built in the place of another relation, {node.relation_name}"
            yield _told(node.original_file_path, found, "give it a name of its own")
        taken.add(relation)


def _redefined(manifest: Manifest) -> Iterator[str]:
    """Macros of the project, or materializations of a package, that dbt takes for its own."""
    own = {macro.name for macro in manifest.macros.values() if macro.package_name in _OWN}
    for macro in manifest.macros.values():
        if macro.package_name in _OWN or macro.name.endswith(_NAMING) or "test_" in macro.name:
            continue
        root = macro.package_name == manifest.metadata.project_name
        way = macro.name.partition("materialization_")
        built = way[1] and not way[0] and (root or way[2].split("_")[0] in _BUILT_INS)
        if built or (root and macro.name in own):
            found = f"the macro '{macro.name}', which takes the place of dbt's own"
            yield _told(macro.original_file_path, found, "give it another name")


def _macros(manifest: Manifest, known: Iterable[ManifestNode]) -> list[Macro]:
    """Macros that ``known`` nodes use, and those that these use, but for dbt's own."""
    found: dict[str, Macro] = {}
    stack = [name for node in known for name in node.depends_on.macros]
    while stack:
        name = stack.pop()
        macro = manifest.macros.get(name)
        if macro is None or name in found or macro.package_name in _OWN:
            continue
        found[name] = macro
        stack += macro.depends_on.macros
    return [found[name] for name in sorted(found)]


def _asking(text: str, packages: frozenset[str]) -> list[str]:
    """How the Jinja in ``text`` asks the database, or hides what it calls."""
    from dbt_common.clients.jinja import get_environment
    from jinja2 import TemplateError

    if "{" not in text:
        return []
    try:
        tree = get_environment(None, capture_macros=False).parse(text)
    except TemplateError:
        return []  # dbt, which parsed it before, has said what is wrong.
    return sorted(set(_asked(tree, packages)))


def _asked(tree: nodes.Template, packages: frozenset[str]) -> Iterator[str]:
    from jinja2 import nodes

    # Names before a dot are looked at together with what stands behind it.
    owners = {id(one.node): one.attr for one in tree.find_all(nodes.Getattr)}
    for name in tree.find_all(nodes.Name):
        attribute = owners.get(id(name))
        told = f"{name.name}.{attribute}" if attribute is not None else f"{name.name} as a value"
        if name.name in ASKING and name.ctx == "load":
            yield name.name
        beside = name.name == "adapter" and attribute not in ADAPTER
        named = name.name in packages and name.ctx == "load"
        if beside or (named and attribute in {None, *ASKING}):
            yield told
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Getattr) and call.node.attr == "dispatch":
            first = call.args[0] if call.args else None
            if not isinstance(first, nodes.Const) or first.value in ASKING:
                yield "adapter.dispatch of a name that is not written out"
    for part in tree.find_all(nodes.Filter):
        if part.name == "attr":
            yield "the filter attr"
