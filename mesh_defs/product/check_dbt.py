"""What the files of dbt projects show to go past the SQL of their models, before dbt is asked.

`mesh_defs.product.transforms.dbt_bypass` says why that is refused, and looks again at what dbt
made of the project when a product runs; here is found what is written plainly.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mesh_defs.faults import Fault, relative

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mesh_defs.product.model import Mesh

_JINJA = re.compile(r"\{[{%].*?[%}]\}", re.DOTALL)
_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
_HOOK = re.compile(r"\b(pre_hook|post_hook|sql_header)\b\s*=")
_QUERY = re.compile(r"\b(run_query|statement)\s*\(")
_MACRO = re.compile(r"\{%-?\s*macro\s+(\w+)")
_KEY = re.compile(
    r"""^\s*(?:-\s+)?["']?(\+?(?:pre|post)[-_]hook|\+?sql_header|on-run-(?:start|end))["']?\s*:""",
    re.MULTILINE,
)
_YAML_COMMENT = re.compile(r"(?m)(^|\s)#.*$")
# dbt parses these of a project, and of packages what models use.
_PACKAGES = ("dbt_packages", "dbt_modules", "target")
_ALLOWED = "models whose SQL alone decides what is published, as lineage reads nothing else"


def dbt_faults(mesh: Mesh) -> Iterator[Fault]:
    """A fault for each hook, and each query that is asked while SQL is made, in a dbt project that
    a product is made by."""
    made = [product.transform for product in mesh.products.values()]
    projects = {t.project: t.files for t in made if t.project is not None}
    for project, files in sorted(projects.items()):
        texts = {
            file: text
            for file in files
            if file.relative_to(project).parts[0] not in _PACKAGES
            and (text := _text(file)) is not None
        }
        for file, text in texts.items():
            if _is_used(file, texts):
                yield from _of_file(file, text, relative(file, mesh.root))


def _text(file: Path) -> str | None:
    """What is in an SQL or YAML file, without the comments of Jinja."""
    if file.suffix not in (".sql", ".yml", ".yaml"):
        return None
    try:
        return _COMMENT.sub(_blank, file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None  # dbt says so when the product runs.


def _is_used(file: Path, texts: Mapping[Path, str]) -> bool:
    """Whether it holds more than macros, or one that another file calls."""
    names = _MACRO.findall(texts[file])
    called = re.compile(rf"\b(?:{'|'.join(map(re.escape, names))})\b\s*\(") if names else None
    return called is None or any(
        called.search(text) for other, text in texts.items() if other != file
    )


def _of_file(file: Path, text: str, name: str) -> Iterator[Fault]:
    if file.suffix != ".sql":
        for found in _KEY.finditer(_YAML_COMMENT.sub(_blank, text)):
            key = found.group(1)
            yield _fault(name, text, found.start(1), key, f"the hook '{key}'", "write a model")
        return
    for part in _JINJA.finditer(text):
        for found in _HOOK.finditer(part.group()):
            place, key = part.start() + found.start(), found.group(1)
            yield _fault(name, text, place, key, f"the hook '{key}'", "write a model")
        for found in _QUERY.finditer(part.group()):
            place, key = part.start() + found.start(), found.group(1)
            fix = "write the query in a model's SQL, over ref() and source()"
            yield _fault(name, text, place, key, f"a query by {key}() while SQL is made", fix)


def _fault(file: str, text: str, place: int, key: str, found: str, fix: str) -> Fault:
    return Fault(file, text.count("\n", 0, place) + 1, key, found, _ALLOWED, fix)


def _blank(match: re.Match[str]) -> str:
    """As many lines of nothing."""
    return "\n" * match.group().count("\n") if "\n" in match.group() else " " * len(match.group())
