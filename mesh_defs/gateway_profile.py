"""The key ``gateway:`` of an infra profile: where the server listens, whom it believes, its limits.

Secrets stand here as ``${NAME}`` alone; `Settings.resolved` reads them when they are used.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from mesh_defs.gateway_limits import Limits
from mesh_defs.validation import Strict

LOOPBACK = "127.0.0.1"
ANY_HOST = "*"

Kind = Literal["person", "service", "agent"]
# Never `none`, never HS*: those are verified with what signs them, and an issuer's keys are public.
Algorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
]
Security = Literal["starttls", "tls", "none"]
StateDriver = Literal["sqlite", "postgres"]

_VARIABLE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")
_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?\Z")
_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,62}\Z")
_MAIL_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+\Z")


def is_loopback(host: str) -> bool:
    """Whether ``host`` (a name or an address) is this machine and nothing else."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _from_variable(text: str) -> str:
    if not _VARIABLE.fullmatch(text):
        # What stands there instead may be the secret itself.
        raise ValueError(
            "found a text that is no variable; allowed: a variable such as ${GATEWAY_KEY}; "
            "fix: keep the secret out of the file"
        )
    return text


def _host(text: str) -> str:
    try:
        ip_address(text)
    except ValueError:
        if not _HOST_NAME.match(text):
            raise ValueError("a name or an IP address, without scheme and port") from None
    return text


def private_url(text: str) -> str:
    """``text``, a URL that nobody on the way reads or changes: https, or http on loopback. Raises
    ValueError."""
    allowed = "https://<host>, or http:// on this machine"
    try:
        parts = urlsplit(text)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(allowed) from None
    if not host or parts.scheme not in ("http", "https") or not text.isprintable() or " " in text:
        raise ValueError(allowed)
    if parts.username is not None or parts.query or parts.fragment or text[-1] in "?#":
        raise ValueError(f"{allowed}; fix: write it without user, '?' and '#'")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError(f"{allowed}; fix: write https:// instead of http://")
    return text


def _webhook(text: str) -> str:
    return text if _VARIABLE.fullmatch(text) else private_url(text)


def _prefix(text: str) -> str:
    if not _PREFIX.match(text):
        raise ValueError("letters, digits and . _ @ + -, starting with a letter or digit")
    return text


def _mail_domain(text: str) -> str:
    if not _MAIL_DOMAIN.match(text):
        raise ValueError("a domain in lower case such as example.org")
    return text


def _answered(text: str) -> str:
    return text if text == ANY_HOST else _host(text)


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _algorithms() -> list[Algorithm]:
    return ["RS256", "ES256"]


_WORD = {"type": "string", "minLength": 1}
_WORDS = WithJsonSchema({"anyOf": [_WORD, {"type": "array", "items": _WORD, "minItems": 1}]})

Text = Annotated[str, Field(min_length=1)]
Variable = Annotated[
    str,
    AfterValidator(_from_variable),
    WithJsonSchema({"type": "string", "pattern": f"^{_VARIABLE.pattern}$"}),
]
PrivateUrl = Annotated[str, AfterValidator(private_url)]
Words = Annotated[list[Text], Field(min_length=1), BeforeValidator(_listed), _WORDS]
MailDomains = Annotated[
    list[Annotated[str, AfterValidator(_mail_domain)]],
    Field(min_length=1),
    BeforeValidator(_listed),
    _WORDS,
]
Hosts = Annotated[
    list[Annotated[str, AfterValidator(_answered)]],
    Field(min_length=1),
    BeforeValidator(_listed),
    _WORDS,
]
PortNumber = Annotated[int, Field(ge=1, le=65535)]


class Tls(Strict):
    """Certificate and key of the server, for HTTP and Flight."""

    certificate: Text = Field(description="a PEM file: the certificate, then those that signed it")
    key: Text = Field(description="a PEM file: the certificate's private key, without a password")


class StateStore(Strict):
    """Where grants, requests, tokens and receipts are kept."""

    driver: StateDriver = Field(default="sqlite", description="a file, or a PostgreSQL database")
    path: Text | None = Field(
        default=None, description="sqlite: the file (default: .mesh/gateway/state.db)"
    )
    dsn: Variable | None = Field(
        default=None, description="postgres: the connection string, as ${NAME}"
    )

    @model_validator(mode="after")
    def _fits(self) -> StateStore:
        if self.driver == "postgres" and self.dsn is None:
            raise ValueError(
                "found postgres without dsn; allowed: dsn: \"${NAME}\"; fix: add 'dsn:'"
            )
        extra = "path" if self.driver == "postgres" else "dsn"
        if getattr(self, extra) is not None:
            raise ValueError(
                f"found '{extra}' with the driver {self.driver}; allowed: path with sqlite, dsn "
                f"with postgres; fix: remove '{extra}', or change the driver"
            )
        return self


class Webhook(Strict):
    """An address that is told of requests."""

    url: Annotated[str, AfterValidator(_webhook)] = Field(
        description="where to post; https, http on this machine, or ${NAME}"
    )
    secret: Variable = Field(description="the key that signs what is posted, as ${NAME}")


class Smtp(Strict):
    """A mail server that tells owners of requests."""

    host: Annotated[str, AfterValidator(_host)] = Field(description="the mail server")
    port: PortNumber = Field(default=587, description="its port")
    sender: Text = Field(alias="from", description="the address that mails come from")
    user: Text | None = Field(default=None, description="who logs in (default: nobody)")
    password: Variable | None = Field(default=None, description="the password, as ${NAME}")
    security: Security = Field(default="starttls", description="how the connection is kept private")


class Notify(Strict):
    """How owners hear that somebody asks for access."""

    webhook: Webhook | None = Field(default=None, description="posts CloudEvents to an address")
    smtp: Smtp | None = Field(default=None, description="sends mail to the product's owner")


class KindClaim(Strict):
    """A claim that tells people, services and agents apart."""

    claim: Text = Field(description="the claim; a dot leads into a mapping")
    map: dict[Text, Kind] = Field(
        min_length=1, description="the kind for each value; another value is refused"
    )


class RoleClaim(Strict):
    """A claim that roles follow from."""

    claim: Text = Field(default="groups", description="the claim; a dot leads into a mapping")
    map: dict[Text, Words] = Field(
        description="the role, or roles, for each value; others give nothing"
    )


class DomainClaim(Strict):
    """A claim that the home domain follows from."""

    claim: Text = Field(description="the claim; a dot leads into a mapping")
    map: dict[Text, Text] = Field(description="the domain for each value; others give none")


class Issuer(Strict):
    """An OpenID Connect issuer whose tokens are believed."""

    issuer: PrivateUrl = Field(description="its address, exactly as tokens have it in 'iss'")
    audience: Words = Field(description="what stands in 'aud' of tokens for this gateway")
    algorithms: list[Algorithm] = Field(
        default_factory=_algorithms,
        min_length=1,
        description="how tokens may be signed (default: RS256, ES256)",
    )
    jwks_uri: PrivateUrl | None = Field(
        default=None, description="its keys (default: as its openid-configuration says)"
    )
    principal_claim: Text | None = Field(
        default=None, description="who calls (default: email where it is verified, else sub)"
    )
    prefix: Annotated[str, AfterValidator(_prefix)] | None = Field(
        default=None, description="put before the name, to tell its people from others'"
    )
    mail_domains: MailDomains | None = Field(
        default=None, description="of which domains' addresses it may tell (default: of all)"
    )
    kind: Kind = Field(default="person", description="what its principals are")
    kind_claim: KindClaim | None = Field(
        default=None, description="where they are of several kinds"
    )
    roles: RoleClaim | None = Field(default=None, description="roles by claim (default: none)")
    domain: DomainClaim | None = Field(default=None, description="home domain by claim")
    leeway_seconds: Annotated[int, Field(ge=0, le=300)] = Field(
        default=30, description="by how much clocks may differ"
    )


class Identity(Strict):
    """Whose tokens are believed, beside the gateway's own."""

    issuers: list[Issuer] = Field(default_factory=list, description="OpenID Connect issuers")


class GatewayProfile(Strict):
    """The gateway of one environment."""

    host: Annotated[str, AfterValidator(_host)] = Field(
        default=LOOPBACK, description="the address that it listens on"
    )
    port: PortNumber | None = Field(
        default=None, description="the port of HTTP (default: 8080, or the next free one)"
    )
    flight_port: PortNumber | None = Field(
        default=None, description="the port of Flight (default: the next free one)"
    )
    url: PrivateUrl | None = Field(
        default=None, description="its public address (default: from host and port)"
    )
    tls: Tls | None = Field(default=None, description="certificate and key")
    behind_proxy: bool = Field(
        default=False, description="a proxy before it speaks TLS and nobody else reaches it"
    )
    hosts: Hosts = Field(
        default_factory=list,
        description="further names that requests may be for, or '*' for any (default: its own)",
    )
    dagster_url: PrivateUrl | None = Field(
        default=None, description="where Dagster's pages are (default: where mesh up put them)"
    )
    public_discovery: bool = Field(
        default=True, description="whether public products can be found without a token"
    )
    state: StateStore = Field(
        default_factory=StateStore, description="where grants, tokens and receipts are kept"
    )
    audit_key: Variable | None = Field(
        default=None, description="the key of receipts, as ${NAME} (default: a file in .mesh/)"
    )
    sign_key: Variable | None = Field(
        default=None, description="the key of signed URLs, as ${NAME} (default: a file in .mesh/)"
    )
    notify: Notify = Field(default_factory=Notify, description="how owners hear of requests")
    limits: Limits = Field(default_factory=Limits, description="what callers may take")
    identity: Identity = Field(default_factory=Identity, description="whose tokens are believed")

    def address(self, port: int) -> str:
        """The public address, without a slash at its end, when HTTP is served on ``port``."""
        if self.url is not None:
            return self.url.rstrip("/")
        # Who listens on all addresses is reached from here by the one of loopback.
        host = {"0.0.0.0": LOOPBACK, "::": "::1"}.get(self.host, self.host)  # noqa: S104
        host = f"[{host}]" if ":" in host else host
        return f"{'http' if self.tls is None else 'https'}://{host}:{port}"
