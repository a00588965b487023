"""``docs/reference/manifest.md``: every key of every file that people write, from the models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from mesh_defs.gateway_limits import Limits
from mesh_defs.gateway_profile import (
    DomainClaim,
    GatewayProfile,
    Issuer,
    KindClaim,
    Notify,
    RoleClaim,
    Smtp,
    StateStore,
    Tls,
    Webhook,
)
from mesh_defs.policy.access.principals import PrincipalEntry, PrincipalsFile
from mesh_defs.policy.entry import PolicyEntry, WaiverEntry, WaiverRules, Where
from mesh_defs.product.domain import DomainManifest
from mesh_defs.product.manifest import (
    Budget,
    DbtTransform,
    Input,
    Manifest,
    Output,
    Trigger,
)
from mesh_defs.product.offer import AutoApproval, Offer
from mesh_defs.product.training import Group, Training
from mesh_defs.settings import MeshFile, Profile
from mesh_defs.validation import Day

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

_HEAD = """\
# The manifest

Made from the models by `python -m mesh_defs.cli.reference`; change it there. `mesh schema --write`
writes the same as JSON Schema, for editors. An unknown key is an error that names the nearest one.

The smallest product, `domains/fleet/aircraft/defs.yaml`, beside `contract.yaml` and `aircraft.sql`:

```yaml
type: mesh_defs.DataProduct
attributes:
  archetype: source-aligned
  version: 1.0.0
  owner: team:fleet
  purpose: The aircraft that fly for us.
  inputs:
    planes: ops://planes
```
"""

_SERVICES = """\
A value `${NAME}` is read from the environment when the service is used. Any service may have
`prepare: module:function`, which `mesh up` calls before products read it, and `domain:`, whose
system it is; `region:` of the storage says where data lies. Policies ask for both.\
"""

_GATEWAY = """\
The server through which products are read from outside. On another address than that of this
machine it is served with `tls` alone, or with `behind_proxy: true`. Without `tls` it answers only
for `localhost`, IP addresses, its own `host`, the name in `url`, and `hosts`: list there what a
proxy calls it. Secrets are `${NAME}`.\
"""

_PAGES: tuple[tuple[str, str, type[BaseModel]], ...] = (
    (
        "A product: `attributes` of `domains/<domain>/<product>/defs.yaml`",
        "`type` is `mesh_defs.DataProduct`.",
        Manifest,
    ),
    (
        "An input: `inputs.<name>`",
        "As text it is the value of `from`: `planes: ops://planes`.",
        Input,
    ),
    ("An output: `outputs.<name>`", "", Output),
    ("A dbt transform: `transform`", "The other forms are `sql` and `python`.", DbtTransform),
    (
        "A trigger: `trigger`",
        "As text: `on_update` (of any input; the default) or `manual`.",
        Trigger,
    ),
    (
        "A domain: `attributes` of `domains/<domain>/defs.yaml`",
        "`type` is `mesh_defs.Domain`; a second document is `type: dagster.DefsFolderComponent`.",
        DomainManifest,
    ),
    (
        "A policy: an entry of `policies` of the mesh, a domain or a product",
        "As text it is the value of `policy`. See the [guide](../guides/govern.md).",
        PolicyEntry,
    ),
    (
        "What a policy is about: `where`",
        "As text or as a list; what is left out does not narrow.",
        Where,
    ),
    ("A waiver: an entry of `waivers` of a domain", "", WaiverEntry),
    ("Who gets access, and what is served late: `access`", "", Offer),
    ("A rule that approves a request at once: an entry of `access.auto_approve`", "", AutoApproval),
    ("What one version may cost: `budget`", "", Budget),
    ("A product that models learn from: `training`", "", Training),
    ("A group of `training.representation`", "", Group),
    ("The mesh: `mesh.yaml`", "", MeshFile),
    ("What is asked of waivers: `waivers` of `mesh.yaml`", "", WaiverRules),
    (
        "An infra profile: `profiles.<name>`",
        _SERVICES,
        Profile,
    ),
    ("The gateway: `gateway` of a profile", _GATEWAY, GatewayProfile),
    ("Its certificate: `gateway.tls`", "Relative paths start at the mesh's root.", Tls),
    ("Its state: `gateway.state`", "", StateStore),
    ("Who is told of requests: `gateway.notify`", "", Notify),
    ("An address that is told: `gateway.notify.webhook`", "", Webhook),
    ("A mail server: `gateway.notify.smtp`", "", Smtp),
    ("What callers may take: `gateway.limits`", "Sizes are such as 200MB or 200MiB.", Limits),
    (
        "Whose tokens are believed: an entry of `gateway.identity.issuers`",
        "See the [decision](../decisions/0018-identity.md).",
        Issuer,
    ),
    ("Roles by claim: `roles` of an issuer", "", RoleClaim),
    ("Home domains by claim: `domain` of an issuer", "", DomainClaim),
    ("Kinds of principals by claim: `kind_claim` of an issuer", "", KindClaim),
    (
        "Who reads: `principals.yaml` beside `mesh.yaml`",
        "Optional. Names are `person:<address>`, `service:<name>` and `agent:<name>` elsewhere.",
        PrincipalsFile,
    ),
    ("A principal: `people.<address>`, `services.<name>`, `agents.<name>`", "", PrincipalEntry),
)


def manifest_page() -> str:
    """The text of ``docs/reference/manifest.md``."""
    parts = [_HEAD]
    for title, text, model in _PAGES:
        rows = [_row(field.alias or name, field) for name, field in model.model_fields.items()]
        table = ["| key | values | default | |", "| --- | --- | --- | --- |", *rows]
        parts.append("\n".join([f"## {title}", "", *([text, ""] if text else []), *table, ""]))
    return "\n".join(parts)


def _row(key: str, field: FieldInfo) -> str:
    cells = (f"`{key}`", _values(field.annotation), _default(field), field.description or "")
    return "| " + " | ".join(escaped(cell) for cell in cells) + " |"


def escaped(cell: str) -> str:
    """``cell`` for a table of Markdown: no cell ends early, nothing is read as HTML."""
    return cell.replace("|", "\\|").replace("<", "&lt;")


def _values(annotation: object) -> str:
    """The type in words."""
    simple = {str: "text", bool: "true or false", int: "number", float: "number"}
    if annotation in simple and isinstance(annotation, type):
        return simple[annotation]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "mapping"
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return "day" if annotation == Day else _values(inner[0])
    if origin is list:
        return f"list of {_values(inner[0])}"
    if origin is dict:
        named = isinstance(inner[1], type) and issubclass(inner[1], BaseModel)
        return "mapping by name" if named else "mapping"
    if all(isinstance(value, str) for value in inner) and inner:
        return ", ".join(f"`{value}`" for value in inner)
    if inner:
        words = [_values(value) for value in inner if value is not type(None)]
        return " or ".join(dict.fromkeys(words))
    return "any"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default is PydanticUndefined or field.default is None:
        return ""
    shown = str(field.default).lower() if isinstance(field.default, bool) else field.default
    return f"`{shown}`"
