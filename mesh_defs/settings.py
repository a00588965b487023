"""``mesh.yaml``: the mesh's name and its infra profiles (which driver, where, which credentials).

Products name services, never credentials. A value ``${NAME}`` is read from the environment when the
service is used, so that secrets stand in no file and in no message.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from mesh_defs.attestation_profile import AttestationProfile
from mesh_defs.errors import InvalidMesh, MeshError, NoMesh, UnknownProfile
from mesh_defs.faults import did_you_mean
from mesh_defs.gateway_faults import gateway_faults
from mesh_defs.gateway_profile import GatewayProfile, Variable
from mesh_defs.index_profile import IndexProfile
from mesh_defs.openlineage_profile import OpenLineageProfile
from mesh_defs.partly import sound_part
from mesh_defs.policy.declare import Written
from mesh_defs.policy.entry import PolicyEntry, WaiverRules
from mesh_defs.redaction import SECRET_KEYS, redact, secrets_of
from mesh_defs.services import DRIVER, service_faults, storage_faults
from mesh_defs.urls import NAME, NAME_RULE
from mesh_defs.validation import Strict, validate
from mesh_defs.yaml_source import read_documents

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mesh_defs.faults import Fault
    from mesh_defs.yaml_source import Document, KeyPath

FILE = "mesh.yaml"
ROOT_VARIABLE = "MESH_ROOT"
PROFILE_VARIABLE = "MESH_PROFILE"

PRINCIPAL_NAME = r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}"
PRINCIPAL = re.compile(rf"(person|service|agent):({PRINCIPAL_NAME})\Z")
PRINCIPAL_FORM = "person:<name>, service:<name> or agent:<name>"
_hidden: dict[str, str] = {}
_UNTOLD = "${}"
_ENVIRONMENT = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def _one_value(value: object) -> object:
    if not isinstance(value, str | int | float | bool):
        raise ValueError("a text, a number, true or false; fix: write one value on this line")
    return value


def _service_name(name: str) -> str:
    if not NAME.match(name):
        raise ValueError(f"a name of {NAME_RULE}; fix: rename '{name}'")
    return name


def _principal(text: str) -> str:
    if not PRINCIPAL.match(text):
        raise ValueError(f"{PRINCIPAL_FORM}; fix: write one, such as service:reports")
    return text


Service = dict[str, Annotated[str | int | float | bool, BeforeValidator(_one_value)]]


def _default_storage() -> Service:
    return {"driver": "delta", "path": ".mesh/storage"}


class Profile(Strict):
    """The named services of one environment."""

    storage: Service = Field(
        default_factory=_default_storage,
        description="where published data lies: driver and its settings",
    )
    services: dict[Annotated[str, AfterValidator(_service_name)], Service] = Field(
        default_factory=dict, description="operational systems and files, by name"
    )
    environment: str | None = Field(
        default=None, description="what policies know it by (default: the profile's name)"
    )
    principal: Annotated[str, AfterValidator(_principal)] | None = Field(
        default=None,
        description="who reads here unless MESH_PRINCIPAL says otherwise: person:<name>, "
        "service:<name> or agent:<name>",
    )
    hash_key: Variable | None = Field(
        default=None, description="the key of hash masks, as ${NAME}; at least 16 bytes"
    )
    gateway: GatewayProfile = Field(
        default_factory=GatewayProfile,
        description="the server through which products are read from outside",
    )
    index: IndexProfile = Field(
        default_factory=IndexProfile, description="the index that products are found by"
    )
    attestation: AttestationProfile = Field(
        default_factory=AttestationProfile, description="how published versions are signed"
    )
    openlineage: OpenLineageProfile = Field(
        default_factory=OpenLineageProfile, description="who is told of every run"
    )


class MeshFile(Strict):
    """The attributes of ``mesh.yaml``."""

    name: str = Field(description="the mesh's name")
    profile: str = Field(default="local", description="the profile used when none is asked for")
    profiles: dict[str, Profile] = Field(
        default_factory=lambda: {"local": Profile()}, description="infra profiles by name"
    )
    policies: list[PolicyEntry] = Field(
        default_factory=list, description="policies for all products of the mesh"
    )
    waivers: WaiverRules = Field(
        default_factory=WaiverRules, description="what is asked of the domains' waivers"
    )


class Settings:
    """A mesh's settings for one profile.

    ``root`` is the folder of ``mesh.yaml``, ``document`` what it says, ``state`` the folder of
    everything that is not in git. ``faults`` are those of storage, services and gateway, of
    every profile: they are in the way of what uses them, and of nothing else. ``lost`` are the
    paths of what could not be read, where the file is looked at further all the same.
    """

    def __init__(
        self,
        root: Path,
        file: MeshFile,
        profile: str,
        document: Document,
        lost: frozenset[KeyPath] = frozenset(),
    ) -> None:
        self.root = root
        self.lost = lost
        self.document = document
        self.name = file.name
        self.profile_name = profile
        self.profile = file.profiles[profile]
        self.state = root / ".mesh"
        self.environment = self.profile.environment or profile
        self.environments = [p.environment or name for name, p in file.profiles.items()]
        self.written_policies = Written(file.policies, document, ("policies",), "", root)
        self.waiver_rules = file.waivers
        self.every_profile = list(file.profiles.items())
        self._secrets: set[str] = set()
        self._storage_faults: list[Fault] = []
        self._service_faults: dict[str, list[Fault]] = {}
        self._gateway_faults: list[Fault] = []
        others: list[Fault] = []
        for name, declared in file.profiles.items():
            used = name == profile
            found = storage_faults(document, root, name, declared.storage, used=used)
            (self._storage_faults if used else others).extend(found)
            found = list(gateway_faults(document, name, declared.gateway))
            (self._gateway_faults if used else others).extend(found)
            for service, values in declared.services.items():
                found = service_faults(document, root, name, service, values, used=used)
                (self._service_faults.setdefault(service, []) if used else others).extend(found)
        own = [fault for each in self._service_faults.values() for fault in each]
        own += [*self._storage_faults, *self._gateway_faults]
        self.faults: tuple[Fault, ...] = tuple(sorted([*own, *others]))

    def check_storage(self) -> None:
        """Raise `InvalidMesh` when the profile's storage is declared wrongly."""
        if self._storage_faults:
            raise InvalidMesh(self._storage_faults)

    def check_service(self, name: str) -> None:
        """Raise `InvalidMesh` when the service ``name`` of the profile is declared wrongly."""
        if self._service_faults.get(name):
            raise InvalidMesh(self._service_faults[name])

    def check_gateway(self) -> None:
        """Raise `InvalidMesh` when the profile's gateway is declared wrongly."""
        if self._gateway_faults:
            raise InvalidMesh(self._gateway_faults)

    @property
    def services(self) -> Mapping[str, Service]:
        """The named services of the profile; values still hold ``${NAME}``."""
        return self.profile.services

    def resolved(self, service: Service) -> dict[str, str | int | float | bool]:
        """``service`` with every ``${NAME}`` read from the environment; raises `MeshError`."""
        values: dict[str, str | int | float | bool] = {}
        for key, value in service.items():
            values[key] = value
            if isinstance(value, str):
                found = _from_environment(value)
                values[key] = found
                if found != value or key in SECRET_KEYS:
                    self._secrets |= secrets_of(found)
        return values

    def redact(self, text: str) -> str:
        """``text`` without any secret of the services that were used so far."""
        return redact(text, self._secrets)

    def path(self, value: str) -> Path:
        """A path of the settings: relative ones start at the mesh's root."""
        return (self.root / value).resolve()


@contextmanager
def hide_variable(name: str | None) -> Iterator[None]:
    """Keep an environment variable from what runs in the block; settings still read it, in every
    thread. None hides nothing."""
    value = os.environ.pop(name, None) if name is not None else None
    if name is None or value is None:
        yield
        return
    _hidden[name] = value
    try:
        yield
    finally:
        os.environ[name] = value
        del _hidden[name]


def _from_environment(text: str) -> str:
    def value(match: re.Match[str]) -> str:
        found = os.environ.get(match.group(1), _hidden.get(match.group(1)))
        if found is None:
            raise MeshError(
                f"the environment variable {match.group(1)}, which {FILE} refers to, is not set; "
                f"set it, or choose another profile with {PROFILE_VARIABLE}"
            )
        return found

    return _ENVIRONMENT.sub(value, text)


def find_root(start: Path | None = None) -> Path:
    """The mesh's folder: ``MESH_ROOT``, or the nearest one above with a ``mesh.yaml``.

    Raises `NoMesh` when there is none.
    """
    named = os.environ.get(ROOT_VARIABLE)
    if start is None and named:
        root = Path(named).resolve()
        if not (root / FILE).is_file():
            raise NoMesh(f"{ROOT_VARIABLE} names '{named}', which has no {FILE}")
        return root
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / FILE).is_file():
            return folder
    raise NoMesh(
        f"no {FILE} in '{here}' or above; change into a mesh, or name one with {ROOT_VARIABLE}"
    )


def load_settings(root: Path, profile: str | None = None) -> Settings:
    """Read ``mesh.yaml`` below ``root``, for ``profile`` or the one that ``MESH_PROFILE`` names.

    Raises `InvalidMesh` with all faults of the file, `UnknownProfile` when it has no such profile.
    """
    settings, faults = read_settings(root, profile)
    if settings is None or faults:
        raise InvalidMesh(faults)
    return settings


def read_settings(root: Path, profile: str | None = None) -> tuple[Settings | None, list[Fault]]:
    """As `load_settings`, but what is sound in a file with faults comes with them, so that the mesh
    can be looked at further. It must not be used for anything else. Raises `UnknownProfile`."""
    file = root / FILE
    documents, faults = read_documents(file, FILE, smallest="'name: <the name of the mesh>'")
    if faults:
        return None, faults
    if len(documents) != 1:
        found = f"{len(documents)} documents"
        fix = "remove the line '---', and write each key once"
        return None, [documents[1].fault((), found=found, allowed="one document", fix=fix)]
    result = validate(MeshFile, documents[0], (), documents[0].data)
    if isinstance(result, list):
        part = sound_part(MeshFile, documents[0].data, _stand_in)
        chosen = (profile or os.environ.get(PROFILE_VARIABLE) or part[0].profile) if part else ""
        if part is None or chosen not in part[0].profiles:
            return None, result
        return Settings(root, part[0], chosen, documents[0], part[1]), result
    asked = profile or os.environ.get(PROFILE_VARIABLE)
    chosen = asked or result.profile
    if asked and asked not in result.profiles:
        raise UnknownProfile(
            f"{FILE} has no profile '{asked}'; allowed: {', '.join(result.profiles)}. "
            f"Fix: {did_you_mean(asked, result.profiles)}"
        )
    if chosen not in result.profiles:
        fault = documents[0].fault(
            ("profile",) if "profile" in documents[0].data else ("profiles",),
            found=f"no profile '{chosen}'",
            allowed=", ".join(result.profiles),
            fix=f"{did_you_mean(chosen, result.profiles)}, or add it below 'profiles:'",
        )
        return None, [fault]
    return Settings(root, result, chosen, documents[0]), []


def _stand_in(values: dict[str, object], lost: set[KeyPath]) -> None:
    """Put back what must be there, and what others refer to: services, and their settings, which
    are of any kind as long as the environment has not told them."""
    values.setdefault("name", "mesh")
    for path in sorted(lost, key=len):
        if path[0] != "profiles" or not 4 <= len(path) <= 5 or not isinstance(path[-1], str):
            continue
        holder: object = values
        for part in path[:-1]:
            holder = holder.get(str(part)) if isinstance(holder, dict) else None
        if not isinstance(holder, dict):
            continue
        if len(path) == 5 or path[2] == "storage":
            holder[path[-1]] = _UNTOLD
        elif NAME.match(path[-1]):
            holder[path[-1]] = {DRIVER: _UNTOLD}
