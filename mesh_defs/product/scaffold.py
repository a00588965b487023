"""New domains and products that run at once, with comments that say how to go on."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import Literal

from mesh_defs.errors import MeshError
from mesh_defs.faults import relative
from mesh_defs.names import wrong_name
from mesh_defs.product.load import DOMAINS, FILE
from mesh_defs.product.schema import DOMAIN, FOLDER, PRODUCT, file_name, modeline, write_schemas

WORKSPACE = "workspace.yaml"

_DOMAIN = Template("""\
$schema
type: mesh_defs.Domain
attributes:
  # Who answers for the domain: an e-mail address or team:<name>.
  owner: team:$domain
  purpose: What the domain $domain is about, in a sentence or two.
---
# Everything below this folder belongs to the domain.
type: dagster.DefsFolderComponent
""")

_MANIFEST = Template("""\
$schema
type: mesh_defs.DataProduct
attributes:
  archetype: source-aligned   # or aggregate (made from products), consumer-aligned (for one use)
  version: 0.1.0              # the interface's version; a break of the contract is a new major
  owner: team:$domain
  purpose: What $product is for, in a sentence or two.
  status: draft
  # What policies ask of a product that is active (mesh policies lists them):
  # limitations: What it is not good for, and why.
  # licence: internal use
  # purposes: [analytics]
  # An input is another product or a service of mesh.yaml; in the SQL it is a relation of its name.
  # With an input, the product runs by itself when the input has a new version.
  # inputs:
  #   flights: mesh://operations/flights
  #   planes: ops://planes
""")

_CONTRACT = Template("""\
# What the port promises (Open Data Contract Standard 3.1.0). It is checked before each version is
# published; when a rule with severity error does not hold, readers keep the last good version.
apiVersion: v3.1.0
kind: DataContract
id: $domain-$product
name: $product
version: 0.1.0
status: draft
domain: $domain
dataProduct: $product

schema:
  - name: $product
    logicalType: object
    physicalType: table
    description: What one row is.
    properties:
      - name: id
        logicalType: integer
        physicalType: INTEGER
        required: true
        primaryKey: true
        primaryKeyPosition: 1
        description: Identifies the row.
      - name: name
        logicalType: string
        physicalType: VARCHAR
        required: true
        description: What people call it.
    quality:
      - name: there are rows
        metric: rowCount
        mustBeGreaterThan: 0
        dimension: completeness
""")

_QUERY = Template("""\
-- One SELECT makes the port $product. To read an input, name it in $manifest
-- and select from it: SELECT tail_number FROM planes
SELECT
    id::INTEGER AS id,
    name
FROM (VALUES (1, 'first'), (2, 'second')) AS example (id, name)
ORDER BY id
""")

_LOCATION = Template("""\
  - python_module:
      module_name: mesh_defs.locations
      attribute: $domain
      location_name: $domain
""")


def scaffold_domain(root: Path, name: str) -> list[Path]:
    """Write ``domains/<name>/`` and its code location in ``workspace.yaml``; the files written.

    What exists is kept. Raises `MeshError` for a name that is none and for a domain that exists.
    """
    _check_name("domain", name)
    folder = root / DOMAINS / name
    if (folder / FILE).exists():
        raise MeshError(f"the domain '{name}' exists already: {relative(folder / FILE, root)}")
    added = _add_location(root / WORKSPACE, name)
    text = _DOMAIN.substitute(domain=name, schema=modeline(DOMAIN, root, folder))
    written = [_write(folder / FILE, text)]
    packages = [place / "__init__.py" for place in (root / DOMAINS, folder)]
    written += [_write(file, "") for file in packages if not file.exists()]
    return [*written, *added, *write_schemas(root)]


def scaffold_product(root: Path, domain: str, name: str) -> list[Path]:
    """Write a manifest, a contract and a query in ``domains/<domain>/<name>/``, and the domain when
    it is new; the files written.

    Raises `MeshError` for a name that is none and for a product that exists.
    """
    _check_name("domain", domain)
    _check_name("product", name)
    folder = root / DOMAINS / domain / name
    names = {"domain": domain, "product": name}
    files = {
        folder / FILE: _MANIFEST.substitute(names, schema=modeline(PRODUCT, root, folder)),
        folder / "contract.yaml": _CONTRACT.substitute(names),
        folder / f"{name}.sql": _QUERY.substitute(names, manifest=relative(folder / FILE, root)),
    }
    for file in files:
        if file.exists():
            raise MeshError(f"the product '{domain}/{name}' exists already: {relative(file, root)}")
    written = write_schemas(root)
    if not (root / DOMAINS / domain / FILE).exists():
        written += scaffold_domain(root, domain)
    return [*written, *(_write(file, text) for file, text in files.items())]


def _schema_line(kind: str, root: Path, folder: Path) -> str:
    """What tells an editor the file's schema, in a mesh that has it."""
    if not (root / FOLDER / file_name(kind)).is_file():
        return ""
    return modeline(kind, root, folder) + "\n"


def _check_name(what: Literal["domain", "product"], name: str) -> None:
    wrong = wrong_name(what, name)
    if wrong is not None:
        found, allowed, _ = wrong
        raise MeshError(f"'{name}' is not a name for a {what}: {found}; allowed: {allowed}")


def _write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def _add_location(file: Path, domain: str) -> list[Path]:
    """Append the domain's code location, keeping what a person wrote there. Raises `MeshError` for
    a file of another form, where the entry would not be YAML."""
    text = file.read_text(encoding="utf-8") if file.is_file() else "load_from:\n"
    entry = _LOCATION.substitute(domain=domain)
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    if f"location_name: {domain}" in [line.strip() for line in lines]:
        return []
    in_list = lines[:1] == ["load_from:"] and all(line.startswith("  ") for line in lines[1:])
    if not in_list:
        raise MeshError(
            f"{file.name} is not of the form that is written here; add this below 'load_from:'\n"
            f"{entry}"
        )
    ending = "" if text.endswith("\n") else "\n"
    return [_write(file, f"{text}{ending}{entry}")]
