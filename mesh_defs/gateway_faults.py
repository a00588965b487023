"""What is wrong with a profile's ``gateway:`` although each of its keys is sound by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.gateway_profile import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.faults import Fault
    from mesh_defs.gateway_profile import GatewayProfile, Issuer
    from mesh_defs.yaml_source import Document, KeyPath

GATEWAY = "gateway"


def gateway_path(profile: str) -> KeyPath:
    """Where the gateway of ``profile`` stands in ``mesh.yaml``."""
    return ("profiles", profile, GATEWAY)


def gateway_faults(document: Document, profile: str, gateway: GatewayProfile) -> Iterator[Fault]:
    """Every such fault of one profile, each on its line of ``document``."""
    path = gateway_path(profile)
    yield from _binding_faults(document, path, gateway)
    seen: dict[str, int] = {}
    for index, issuer in enumerate(gateway.identity.issuers):
        where = (*path, "identity", "issuers", index)
        if issuer.issuer in seen:
            yield document.fault(
                (*where, "issuer"),
                found=f"the issuer '{issuer.issuer}' twice",
                allowed="each issuer once",
                fix=f"put both into one entry, that of issuers[{seen[issuer.issuer]}]",
            )
        seen.setdefault(issuer.issuer, index)
        if issuer.mail_domains is not None and issuer.principal_claim == "sub":
            yield document.fault(
                (*where, "mail_domains"),
                found="mail_domains with the principal_claim 'sub'",
                allowed="mail_domains where the name is an address",
                fix="remove one of them",
            )
    yield from _same_subjects(document, path, gateway.identity.issuers)


def _binding_faults(document: Document, path: KeyPath, gateway: GatewayProfile) -> Iterator[Fault]:
    if not is_loopback(gateway.host) and gateway.tls is None and not gateway.behind_proxy:
        yield document.fault(
            (*path, "host"),
            found=f"the host '{gateway.host}' without tls",
            allowed="127.0.0.1, or tls: {certificate, key}, or behind_proxy: true",
            fix="add 'tls:', as tokens on the network could be read by others; or "
            "'behind_proxy: true' where a proxy before the gateway speaks TLS",
        )
    if gateway.port is not None and gateway.port == gateway.flight_port:
        yield document.fault(
            (*path, "flight_port"),
            found=f"the port {gateway.port} twice",
            allowed="a port for HTTP and another for Flight",
            fix="write another number, or remove the key for the next free one",
        )
    if gateway.url is not None and gateway.url.startswith("http://") and gateway.tls is not None:
        yield document.fault(
            (*path, "url"),
            found="an http:// address with tls",
            allowed="https://<host>",
            fix="write https:// instead of http://",
        )


def _same_subjects(document: Document, path: KeyPath, issuers: list[Issuer]) -> Iterator[Fault]:
    """A ``sub`` is one person's at its own issuer alone (OpenID Connect Core 1.0, section 5.7). Two
    prefixes tell names apart unless one starts with the other."""
    seen: list[tuple[str, str]] = []
    for index, issuer in enumerate(issuers):
        if issuer.principal_claim not in (None, "sub"):
            continue
        own = issuer.prefix or ""
        clash = (name for prefix, name in seen if own == prefix or _start(own, prefix))
        other = next(clash, None)
        seen.append((own, issuer.issuer))
        if other is None or other == issuer.issuer:
            continue
        yield document.fault(
            (*path, "identity", "issuers", index, "prefix"),
            found=f"'sub' of this issuer and of '{other}' as names of the same principals",
            allowed="a prefix of its own for each issuer whose 'sub' is a name",
            fix="add 'prefix:', or a 'principal_claim:' that is unique among all issuers",
        )


def _start(one: str, other: str) -> bool:
    """Whether one of two prefixes, neither of which is empty, starts with the other."""
    return bool(one and other) and (one.startswith(other) or other.startswith(one))
