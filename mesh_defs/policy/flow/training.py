"""Data that models learn from: evaluated, representative, and permitted for it all the way up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.faults import relative
from mesh_defs.policy.flow.groups import represented
from mesh_defs.policy.flow.reading import flows_of
from mesh_defs.policy.governance import has_tag
from mesh_defs.policy.model import DataPolicy, Finding, parameter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.policy.flow.graph import Flows
    from mesh_defs.policy.flow.versions import Key
    from mesh_defs.policy.subject import StagedPort
    from mesh_defs.product.model import Mesh, OutputPort, Product

_MANIFEST = "defs.yaml"


class TrainingData(DataPolicy):
    """A product that models learn from says how it was evaluated, has of every declared group
    neither too little nor too much, and everything that it was made of permits the purpose.

    It is about products with the ``tag``, in upper or lower case. The manifest's ``training`` has
    ``evaluation`` and ``representation``; the permission is a product's ``purposes``, or what a
    contract's ``permittedPurposes`` say of a column that flows in.
    """

    tag: str = parameter("training", description="the tag of products that models learn from")
    purpose: str = parameter("training", description="what every upstream must permit")

    def applies(self, product: Product, output: OutputPort, mesh: Mesh) -> bool:  # noqa: ARG002
        """Products with the tag."""
        return has_tag(product.manifest.tags, [self.tag])

    def findings(self, port: StagedPort) -> Iterator[Finding]:
        """What is not stated, groups out of bounds, and upstreams that do not permit it."""
        yield from self._stated(port)
        training = port.product.manifest.training
        for group in training.representation if training is not None else ():
            if (group.port or port.product.main_port) == port.name:
                yield from represented(port, group)
        flows = flows_of(port)
        if port.name == port.product.main_port:
            yield from self._products(port, flows)
        yield from self._columns(port, flows)

    def _stated(self, port: StagedPort) -> Iterator[Finding]:
        training = port.product.manifest.training
        if port.name != port.product.main_port:
            return
        if training is None:
            yield _in_manifest(
                port,
                f"the product is tagged '{self.tag}' and says nothing of its evaluation and of the "
                "groups in it",
                "add 'training:' with 'evaluation:' and 'representation:' to its manifest",
            )
        elif not training.representation:
            yield _in_manifest(
                port,
                "no group is named of which the data must have enough and not too much",
                "add 'representation: [{column: <column>, minimum: 0.01, maximum: 0.6}]' to "
                "'training:' in its manifest",
            )

    def _products(self, port: StagedPort, flows: Flows) -> Iterator[Finding]:
        """Products that were read, however far up, and that do not permit it as a whole."""
        for key, path in _upstream(flows):
            purposes = flows.version(key).purposes
            if purposes is not None and self.purpose in purposes:
                continue
            said = f"permits {', '.join(purposes)} alone" if purposes else "states no purposes"
            yield _in_manifest(
                port,
                f"mesh://{key[0]} {said}, and the product is made of it: {' <- '.join(path)}",
                f"ask its owner for 'purposes: [..., {self.purpose}]' in its manifest, or read "
                "something else",
                path,
            )

    def _columns(self, port: StagedPort, flows: Flows) -> Iterator[Finding]:
        """Columns whose own contract, or one further up, does not permit it."""
        for column in port.contract.columns:
            for limit in flows.purposes(flows.ref(port.name, column.name)):
                source = limit.path[-1]
                version = flows.version(source.key)
                if limit.permitted is None or self.purpose in limit.permitted:
                    continue
                annotations = version.annotations.get(source.port)
                if annotations is None or annotations.permitted_purposes(source.column) is None:
                    continue  # It is the product as a whole, which is told of once.
                path = tuple(flows.url(ref) for ref in limit.path)
                yield Finding(
                    f"'{column.name}' is made of what is not permitted for {self.purpose}: "
                    f"{' <- '.join(path)}",
                    fix=f"leave {column.name} out, or ask the owner of {path[-1]}",
                    port=port.name,
                    column=column.name,
                    file=relative(port.output.contract.path, port.mesh.root),
                    line=column.line,
                    path=path,
                )
                break


def _upstream(flows: Flows) -> Iterator[tuple[Key, tuple[str, ...]]]:
    """All versions of other products that the root was made of, each with one way to it."""
    seen = {flows.root.key}
    ahead: list[tuple[Key, tuple[str, ...]]] = [
        (flows.root.key, (f"mesh://{flows.root.identity}",))
    ]
    while ahead:
        key, path = ahead.pop(0)
        for read in flows.version(key).reads:
            if read.key not in seen:
                seen.add(read.key)
                way = (*path, f"mesh://{read.key[0]}")
                yield read.key, way
                ahead.append((read.key, way))


def _in_manifest(port: StagedPort, message: str, fix: str, path: tuple[str, ...] = ()) -> Finding:
    return Finding(
        message, fix=fix, port=port.name, file=_manifest(port), line=port.product.line, path=path
    )


def _manifest(port: StagedPort) -> str:
    return relative(port.product.folder / _MANIFEST, port.mesh.root)
