"""A mesh of many published products: one is really published, others are it under other names."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from access_meshes import publish
from meshes import contract, domain_yaml, manifest, write, write_mesh, write_parquet

DOMAINS = 40
_SEED = ("seed", "thing")
_COLUMNS = "".join(
    f"- {{name: c{number}, logicalType: integer, classification: internal, required: true,"
    f" description: 'What c{number} means.'}}\n"
    for number in range(12)
)
_RULES = """
@id("everybody discovers")
permit (principal, action == Action::"discover", resource);
"""


def many_products(root: Path, number: int) -> Path:
    """A mesh of ``number`` products in 40 domains; each reads up to two of those before it."""
    files = {
        "domains/seed/thing/defs.yaml": manifest(
            "inputs: {rows: files://rows}\noutputs: {things: {}}"
        ),
        "domains/seed/thing/contract.yaml": contract("things", _COLUMNS),
        "domains/seed/thing/things.sql": "select * from rows",
        "access.cedar": _RULES,
    }
    write_mesh(root, files)
    columns = ", ".join(f"i % {each + 2} as c{each}" for each in range(12))
    write_parquet(root, "rows", f"select {columns} from range(100) t(i)")
    publish(root, "mesh://seed/thing")
    names = [(f"domain_{place % DOMAINS}", f"product_{place}") for place in range(number - 1)]
    for domain in {each[0] for each in names}:
        write(root, {f"domains/{domain}/defs.yaml": domain_yaml()})
    for place, name in enumerate(names):
        _declared(root, names, place)
        _stored(root, name)
    return root


def _declared(root: Path, names: list[tuple[str, str]], place: int) -> None:
    sources = {f"in{n}": names[at] for n, at in enumerate({place // 2, place // 3}) if at < place}
    inputs = "".join(
        f"  {key}: mesh://{domain}/{product}\n" for key, (domain, product) in sources.items()
    )
    own = Path("domains", *names[place])
    text = manifest(f"outputs: {{things: {{}}}}\ninputs:\n{inputs or '  rows: files://rows'}")
    text = text.replace("A product of a test.", f"What product {place} is for, told in a sentence.")
    write(
        root,
        {
            f"{own}/defs.yaml": text,
            f"{own}/contract.yaml": contract("things", _COLUMNS),
            f"{own}/things.sql": "select * from rows",
        },
    )


def _stored(root: Path, name: tuple[str, str]) -> None:
    """The storage of the seed under another name: data shared, records rewritten."""
    storage = root / ".mesh" / "storage"
    source, target = storage.joinpath(*_SEED), storage.joinpath(*name)
    shutil.copytree(source, target, copy_function=os.link)
    old, new = "/".join(_SEED), "/".join(name)
    for file in (*target.glob("ledger/*.json"), *target.glob("discovery/*.json")):
        text = file.read_text().replace(old, new)
        values = json.loads(text)
        if "product" in values:
            values |= {"domain": name[0], "product": name[1]}
        file.unlink()
        file.write_text(json.dumps(values))
