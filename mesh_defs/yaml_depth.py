"""How deep YAML is nested, known before anything is built of it: what builds trees calls itself for
each level, and libyaml's has no other bound than the stack, whose end is the end of the process."""

from __future__ import annotations

import re
from typing import Any

import yaml

from mesh_defs.yaml_plain import Loader

MAX_DEPTH = 100
_LEADING = re.compile("(?:\\A|[\r\n\x85\u2028\u2029])\ufeff?([ \t?:-]*)")
_OPEN = re.compile(r"[\[{]")


def too_deep(text: str) -> int | None:
    """The line (from 1) on which ``text`` goes beyond `MAX_DEPTH` levels of lists and mappings;
    None where it does not, as far as it is YAML. Aliases are not followed."""
    if deepest_possible(text) <= MAX_DEPTH:
        return None
    loader: Any = Loader(text)
    depth = 0
    try:
        while loader.check_event():
            event = loader.get_event()
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > MAX_DEPTH:
                    mark = event.start_mark
                    return mark.line + 1 if mark is not None else 0
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
    except yaml.YAMLError:
        pass  # whoever builds the tree comes no further than here, and says why
    finally:
        loader.dispose()
    return None


def deepest_possible(text: str) -> int:
    """A bound that costs no parsing: blocks lie deeper only where lines begin further right, other
    lists and mappings only in brackets; each of both may hold one that has no mark of its own."""
    widest = max(len(found) for found in _LEADING.findall(text))
    return 2 * (widest + 1 + len(_OPEN.findall(text)))
