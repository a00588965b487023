"""The one pass that reads almost every YAML document: values and lines of a tree of nodes at once.

It knows mappings with plain keys, sequences and the scalars that YAML 1.1 resolves by itself. What
is rarer (anchors used twice, merge keys, explicit tags, the same key twice, values that cannot be)
it leaves to `mesh_defs.yaml_source`, which tells what is wrong with it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING or not hasattr(yaml, "CSafeLoader"):
    from yaml import SafeLoader as _Base
else:
    from yaml import CSafeLoader as _Base

_TAG = "tag:yaml.org,2002:"
_TEXT = f"{_TAG}str"
_SCALARS = frozenset(_TAG + name for name in ("int", "float", "bool", "null", "timestamp"))
_MAX_DEPTH = 50
_MAX_CACHED = 64  # characters of a scalar whose tag is remembered; longer ones seldom come again


class Rare(Exception):
    """The document has something that is read with more care."""


class Loader(_Base):
    """The safe loader, which remembers how it resolved short scalars: most of a mesh's words come
    again on every page."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:  # noqa: ANN401  PyYAML's own
        """The tag of a node that has none."""
        if kind is yaml.ScalarNode and len(value) <= _MAX_CACHED:
            return _resolved(value, bool(implicit[0]))
        resolve: Any = super().resolve
        return resolve(kind, value, implicit)


@lru_cache(maxsize=16_384)
def _resolved(value: str, plain: bool) -> str:
    resolver: Any = yaml.resolver.Resolver()
    return str(resolver.resolve(yaml.ScalarNode, value, (plain, not plain)))


class Reader:
    """Reads one document. ``lines`` has the line (from 1) of each path that was built."""

    def __init__(self, loader: Loader, most: int) -> None:
        """``most`` paths are built at most."""
        self.loader = loader
        self.most = most
        self.lines: dict[tuple[str | int, ...], int] = {}
        self._seen: set[int] = set()

    def read(self, node: yaml.Node) -> Any:  # noqa: ANN401  a document may be anything
        """The values of ``node``. Raises `Rare`, and whatever constructing a scalar raises."""
        self.lines[()] = node.start_mark.line + 1
        found = self._value(node, ())
        if len(self.lines) > self.most:
            raise Rare
        return found

    def _value(self, node: yaml.Node, path: tuple[str | int, ...]) -> Any:  # noqa: ANN401
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if id(node) in self._seen or len(path) > _MAX_DEPTH or len(self.lines) > self.most:
            raise Rare
        self._seen.add(id(node))
        if node.tag == f"{_TAG}map":
            return self._mapping(node, path)
        if node.tag != f"{_TAG}seq":
            raise Rare
        items = []
        for index, value in enumerate(node.value):
            inner = (*path, index)
            self.lines[inner] = value.start_mark.line + 1
            items.append(self._value(value, inner))
        return items

    def _scalar(self, node: yaml.ScalarNode) -> Any:  # noqa: ANN401
        if node.tag == _TEXT:
            return node.value
        if node.tag not in _SCALARS:
            raise Rare
        # Its constructor itself: `construct_object` would remember a node that failed as recursive.
        return self.loader.yaml_constructors[node.tag](self.loader, node)

    def _mapping(self, node: yaml.Node, path: tuple[str | int, ...]) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise Rare
            inner = (*path, key.value)
            name = self._scalar(key)
            if inner in self.lines or name in found:
                raise Rare
            self.lines[inner] = key.start_mark.line + 1
            found[name] = self._value(value, inner)
        return found
