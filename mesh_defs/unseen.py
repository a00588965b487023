"""Characters that nobody sees and that change what is around them: those that a terminal obeys,
that turn the direction of text, that end a line where none ends, that hide words in a text. Whoever
shows texts of others replaces them; a file that holds them spells them out, and means the same."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import yaml

# As the inside of a class of a regular expression: marks, separators, embeddings, isolates and
# tags (Unicode 16, chapter 23.2 to 23.9).
UNSEEN = (
    "\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"
)
CONTROLS = "\x00-\x1f\x7f-\x9f"
_IN_FILES = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{UNSEEN}]")
_BASIC = 0xFFFF


def json_text(value: object, **options: Any) -> str:  # noqa: ANN401  those of json.dumps
    """``value`` as JSON that is read as it is written, but for what nobody would see."""
    text = json.dumps(value, ensure_ascii=False, **options)
    return _IN_FILES.sub(lambda match: json.dumps(match[0])[1:-1], text)


def spelled_out(text: str) -> str:
    """``text`` of a format that has the escapes ``\\uXXXX`` and ``\\UXXXXXXXX`` wherever such
    characters may stand in it (Turtle, RDF 1.1, section 6.4)."""
    return _IN_FILES.sub(_escape, text)


def yaml_text(value: object) -> str:
    """``value`` (mappings, lists, scalars) as YAML, its keys in their order."""
    import yaml

    text = yaml.dump(value, Dumper=_dumper(), sort_keys=False, allow_unicode=True)
    return spelled_out(text)


@cache
def _dumper() -> type[yaml.SafeDumper]:
    """Writes texts with such characters in double quotes, the one form that has escapes."""
    import yaml

    class Dumper(yaml.SafeDumper):
        pass

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        style = '"' if _IN_FILES.search(value) else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    return Dumper


def _escape(match: re.Match[str]) -> str:
    number = ord(match[0])
    return f"\\u{number:04X}" if number <= _BASIC else f"\\U{number:08X}"
