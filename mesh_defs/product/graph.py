"""What only shows when all products are seen together: unknown inputs, cycles, build order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mesh_defs.contract.rules import ForeignKey
from mesh_defs.faults import Fault, did_you_mean, relative
from mesh_defs.product.cycles import cycle_faults
from mesh_defs.product.manifest import ServiceInput
from mesh_defs.product.model import BrokenProduct, Mesh, Product
from mesh_defs.urls import MeshUrl

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mesh_defs.product.model import Domain
    from mesh_defs.settings import Settings


def check_graph(
    settings: Settings,
    domains: Sequence[Domain],
    loaded: Sequence[Product | BrokenProduct],
    faults: Sequence[Fault],
) -> Mesh:
    """Join what was read into a `Mesh`; products that cannot work with the others become broken."""
    sound = {p.identity: p for p in loaded if isinstance(p, Product)}
    broken = {p.identity: p for p in loaded if isinstance(p, BrokenProduct)}
    found: dict[str, list[Fault]] = {}
    for product in sound.values():
        problems = _Links(settings, product, sound, broken).check()
        if problems:
            found[product.identity] = problems
    for faulty in list(broken.values()):
        more = _Links(settings, faulty, sound, broken).check()
        broken[faulty.identity] = replace(faulty, faults=(*faulty.faults, *more))
    for circle, fault in cycle_faults({**sound, **broken}, settings.root):
        for identity in circle:
            found.setdefault(identity, []).append(fault)
    for identity, problems in found.items():
        if identity in broken:
            faulty = broken[identity]
            broken[identity] = replace(faulty, faults=(*faulty.faults, *problems))
            continue
        product = sound.pop(identity)
        broken[identity] = BrokenProduct(
            product.domain,
            product.name,
            product.folder,
            tuple(problems),
            product.inputs,
            tuple({output.contract.path: output.contract for output in product.outputs}.values()),
        )
    everything = [*faults, *(f for p in broken.values() for f in p.faults)]
    # A cycle is one fault of several products.
    return Mesh(settings, tuple(domains), sound, broken, tuple(sorted(set(everything))))


class _Links:
    """Checks what one product says of services and of other products."""

    def __init__(
        self,
        settings: Settings,
        product: Product | BrokenProduct,
        sound: dict[str, Product],
        broken: dict[str, BrokenProduct],
    ) -> None:
        self.settings = settings
        self.product = product
        self.sound = sound
        self.broken = broken
        self.file = relative(product.folder / "defs.yaml", settings.root)
        self.line = 0
        self.faults: list[Fault] = []

    def check(self) -> list[Fault]:
        for port in self.product.inputs:
            key = f"attributes.inputs.{port.name}"
            self.line = port.line
            if isinstance(port.source, ServiceInput):
                self._service(key, port.source)
            else:
                self._product_input(key, port.source)
        if isinstance(self.product, Product):
            for output in self.product.outputs:
                file = relative(output.contract.path, self.settings.root)
                for rule in output.promise.rules:
                    if isinstance(rule, ForeignKey):
                        self._reference(self.product, file, rule)
        return self.faults

    def _add(self, key: str, found: str, allowed: str, fix: str) -> None:
        self.faults.append(Fault(self.file, self.line, key, found, allowed, fix))

    def _service(self, key: str, source: ServiceInput) -> None:
        services = self.settings.services
        if source.service not in services:
            self._add(
                key,
                f"unknown service '{source.service}'",
                ", ".join(services) or "no service at all",
                f"{did_you_mean(source.service, services)}; services stand in mesh.yaml, "
                f"profile '{self.settings.profile_name}'",
            )

    def _product_input(self, key: str, source: MeshUrl) -> None:
        if source.identity in self.broken:
            return  # Its own faults are shown; this product waits for it and is not wrong itself.
        upstream = self.sound.get(source.identity)
        if upstream is None:
            known = sorted({*self.sound, *self.broken})
            self._add(
                key,
                f"unknown product mesh://{source.identity}",
                ", ".join(f"mesh://{name}" for name in known) or "no product at all",
                did_you_mean(source.identity, known),
            )
            return
        ports = [output.name for output in upstream.outputs]
        port = source.port or (ports[0] if len(ports) == 1 else upstream.name)
        if port not in ports:
            self._add(
                key,
                f"unknown port '{port}' of mesh://{source.identity}",
                ", ".join(ports),
                did_you_mean(port, ports),
            )
        if source.major is not None and source.major > upstream.manifest.major:
            self._add(
                key,
                f"major version @{source.major} of mesh://{source.identity}",
                f"up to @{upstream.manifest.major}",
                f"write @{upstream.manifest.major}",
            )

    def _reference(self, product: Product, file: str, rule: ForeignKey) -> None:
        target = rule.target
        if target is None:
            return
        port_name: str | None = target if isinstance(target, str) else target.port
        if isinstance(target, MeshUrl) and target.identity != product.identity:
            if target.identity in self.broken:
                return
            if target.identity not in self.sound:
                known = sorted(self.sound)
                self.faults.append(
                    Fault(
                        file,
                        rule.line,
                        rule.key,
                        f"a foreign key to the unknown product mesh://{target.identity}",
                        ", ".join(f"mesh://{name}" for name in known),
                        did_you_mean(target.identity, known),
                    )
                )
                return
            product = self.sound[target.identity]
        ports = {output.name: output for output in product.outputs}
        chosen = port_name or (next(iter(ports)) if len(ports) == 1 else product.name)
        if chosen not in ports:
            found = f"a foreign key to the unknown port '{chosen}' of mesh://{product.identity}"
            fix = did_you_mean(chosen, ports)
            self.faults.append(Fault(file, rule.line, rule.key, found, ", ".join(ports), fix))
            return
        columns = [column.name for column in ports[chosen].promise.columns]
        inside = {place.name for place in rule.target_inside}  # they were found by their contract
        for column in rule.target_columns:
            if column not in columns and column not in inside:
                found = f"a foreign key to the unknown column '{column}' of '{chosen}'"
                fix = did_you_mean(column, columns)
                self.faults.append(Fault(file, rule.line, rule.key, found, ", ".join(columns), fix))


def build_order(products: Iterable[Product]) -> list[Product]:
    """Products so that each comes after what it reads, and, where no circle forbids it, after what
    its foreign keys refer to. Ties keep the order of their names."""
    waiting = {product.identity: product for product in products}
    needs = {
        name: {url.identity for url in product.upstream()} & set(waiting)
        for name, product in waiting.items()
    }
    wishes = {
        name: {url.identity for url in product.references()} & set(waiting)
        for name, product in waiting.items()
    }
    ordered: list[Product] = []
    while waiting:
        able = sorted(name for name in waiting if not needs[name] & set(waiting))
        content = [name for name in able if not wishes[name] & set(waiting)]
        chosen = (content or able or sorted(waiting))[0]
        ordered.append(waiting.pop(chosen))
    return ordered
