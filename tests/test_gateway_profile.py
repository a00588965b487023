"""The key ``gateway:`` of profiles: what it takes, and its faults on their lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from access_meshes import READERS, sales_files
from commands import mesh as command
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from meshes import write, write_mesh

from mesh_defs.errors import InvalidMesh
from mesh_defs.faults import Fault
from mesh_defs.gateway_limits import Limits, size_bytes
from mesh_defs.gateway_profile import GatewayProfile
from mesh_defs.product.check import check_mesh
from mesh_defs.product.schema import mesh_schema
from mesh_defs.settings import load_settings, read_settings

ISSUER = "{issuer: 'https://id.example', audience: mesh}"
FULL = """
host: 0.0.0.0
port: 8443
flight_port: 8444
url: https://mesh.example/data
tls: {certificate: tls/server.pem, key: tls/server.key}
behind_proxy: false
hosts: [mesh.internal, gateway]
public_discovery: false
dagster_url: https://dagster.example
state: {driver: postgres, dsn: "${STATE_DSN}"}
audit_key: "${AUDIT_KEY}"
sign_key: "${SIGN_KEY}"
notify:
  webhook: {url: "${HOOK}", secret: "${HOOK_SECRET}"}
  smtp:
    host: mail.example
    port: 465
    from: mesh@x.example
    user: mesh
    password: "${PW}"
    security: tls
limits:
  concurrent: 8
  queue: 0
  open: 16
  stalled_seconds: 10
  memory: 1GiB
  temporary: 10GB
  threads: 4
  seconds: 5
  rows: 1000
  body: 64KB
  per_principal_per_minute: 60
  failures_per_minute: 5
  lease_seconds: 60
  signed_url_seconds: 60
identity:
  issuers:
    - issuer: https://id.example/realms/main
      audience: [mesh, other]
      algorithms: [EdDSA, PS256]
      jwks_uri: https://keys.example/jwks
      principal_claim: email
      prefix: corp.
      mail_domains: [corp.example]
      kind: person
      kind_claim: {claim: idtyp, map: {app: service}}
      roles: {claim: groups, map: {a: reader, b: [reader, writer]}}
      domain: {claim: unit, map: {u: shop}}
      leeway_seconds: 0
"""


def text(*lines: str, other: str = "{}") -> str:
    """A mesh.yaml whose gateway begins on line 5."""
    body = "".join(f"      {line}\n" for line in "\n".join(lines).strip("\n").splitlines())
    return f"name: test\nprofiles:\n  local:\n    gateway:\n{body}  other:\n    gateway: {other}\n"


def faults(root: Path, *lines: str, other: str = "{}") -> list[Fault]:
    """Every fault of the file, from its form or from how its keys fit."""
    settings, wrong = read_settings(write(root, {"mesh.yaml": text(*lines, other=other)}))
    return [*wrong, *(settings.faults if settings is not None else ())]


def test_the_defaults_are_for_this_machine_alone(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, {"mesh.yaml": "name: test\n"}))
    gateway = settings.profile.gateway
    assert gateway == GatewayProfile()
    assert (gateway.host, gateway.port, gateway.tls, gateway.state.driver) == (
        "127.0.0.1",
        None,
        None,
        "sqlite",
    )
    assert gateway.identity.issuers == []
    settings.check_gateway()


def test_every_key_at_once(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, {"mesh.yaml": text(FULL)}))
    assert settings.faults == ()
    gateway = settings.profile.gateway
    assert (gateway.limits.memory_bytes, gateway.limits.body_bytes) == (2**30, 64_000)
    issuer = gateway.identity.issuers[0]
    assert issuer.audience == ["mesh", "other"]
    assert issuer.roles is not None
    assert issuer.roles.map == {"a": ["reader"], "b": ["reader", "writer"]}
    assert gateway.notify.smtp is not None
    assert gateway.notify.smtp.sender == "mesh@x.example"
    assert yaml.safe_load(FULL).keys() == GatewayProfile.model_fields.keys()
    assert yaml.safe_load(FULL)["limits"].keys() == Limits.model_fields.keys()


@pytest.mark.parametrize(
    ("line", "key", "words"),
    [
        ("hoost: x", "hoost", "write 'host' instead of 'hoost'"),
        ("host: 'http://x'", "host", "without scheme and port"),
        ("host: 5", "host", "5 (a number)"),
        ("port: 0", "port", "greater than or equal to 1"),
        ("port: 70000", "port", "less than or equal to 65535"),
        ("port: '80'", "port", "a whole number"),
        ("url: http://mesh.example", "url", "write https:// instead of http://"),
        ("url: ftp://mesh.example", "url", "https://<host>"),
        ("url: 'https://a:b@mesh.example'", "url", "without user"),
        ("url: 'https://mesh.example/?a=1'", "url", "without user"),
        ("url: 'https://'", "url", "https://<host>"),
        ("url: 'https://[x'", "url", "https://<host>"),
        ("url: 'https://x:99999999'", "url", "https://<host>"),
        ("tls: {certificate: a}", "tls.key", "'key' is required"),
        ("tls: {certificate: '', key: b}", "tls.certificate", "a text that is not empty"),
        ("behind_proxy: 'yes'", "behind_proxy", "true or false"),
        ("hosts: []", "hosts", "at least 1 item"),
        ("hosts: ['https://mesh.example']", "hosts[0]", "without scheme and port"),
        ("hosts: ['mesh.example:8080']", "hosts[0]", "without scheme and port"),
        ("hosts: ['*.mesh.example']", "hosts[0]", "without scheme and port"),
        ("state: {driver: mysql}", "state.driver", "'sqlite' or 'postgres'"),
        ("state: {driver: postgres}", "state", "add 'dsn:'"),
        ("state: {dsn: '${X}'}", "state", "remove 'dsn'"),
        ("state: {driver: postgres, dsn: '${X}', path: y}", "state", "remove 'path'"),
        ("state: {driver: postgres, dsn: 'postgresql://me:hunter2@x'}", "state.dsn", "a variable"),
        ("audit_key: hunter2", "audit_key", "keep the secret out of the file"),
        ("sign_key: hunter2", "sign_key", "a variable such as ${GATEWAY_KEY}"),
        ("notify: {webhook: {url: 'http://x.example', secret: '${X}'}}", "notify.webhook.url", ""),
        ("notify: {webhook: {url: '${X}', secret: hunter2}}", "notify.webhook.secret", ""),
        ("notify: {smtp: {host: x}}", "notify.smtp.from", "'from' is required"),
        ("limits: {memory: 200}", "limits.memory", "put it in quotes"),
        ("limits: {memory: 200 megs}", "limits.memory", "such as 200MB"),
        ("limits: {memory: 0MB}", "limits.memory", "such as 200MB"),
        ("limits: {concurrent: 0}", "limits.concurrent", "greater than or equal to 1"),
        ("limits: {rows: 1.5}", "limits.rows", "a whole number"),
        ("limits: {row: 1}", "limits.row", "write 'rows' instead of 'row'"),
        ("identity: {issuers: {}}", "identity.issuers", "a list"),
    ],
)
def test_a_key_that_is_written_wrongly(tmp_path: Path, line: str, key: str, words: str) -> None:
    (fault,) = faults(tmp_path, line)
    assert (fault.file, fault.line) == ("mesh.yaml", 5)
    assert fault.key == f"profiles.local.gateway.{key}"
    assert words in str(fault)
    assert "hunter2" not in str(fault)


@pytest.mark.parametrize(
    ("more", "key", "words"),
    [
        ("issuer: http://id.example", "issuer", "write https:// instead of http://"),
        ("issuer: http://127.0.0.1.evil.example", "issuer", "https://<host>, or http://"),
        ("issuer: http://[::1]:80/x", "", ""),
        ("issuer: http://127.8.8.8/x", "", ""),
        ("issuer: http://localhost", "", ""),
        ("issuer: 'https://id.example#a'", "issuer", "without user"),
        ("audience: []", "audience", "at least 1 item"),
        ("audience: ''", "audience[0]", "a text that is not empty"),
        ("algorithms: []", "algorithms", "at least 1 item"),
        ("algorithms: [none]", "algorithms[0]", "'RS256'"),
        ("algorithms: [RS256, HS256]", "algorithms[1]", "'RS256'"),
        ("algorithms: [rs256]", "algorithms[0]", "'RS256'"),
        ("jwks_uri: http://id.example", "jwks_uri", "https://"),
        ("prefix: ' '", "prefix", "starting with a letter or digit"),
        ("mail_domains: ['@x.example']", "mail_domains[0]", "such as example.org"),
        ("mail_domains: [x]", "mail_domains[0]", "such as example.org"),
        ("kind: robot", "kind", "'person', 'service' or 'agent'"),
        ("kind_claim: {claim: a, map: {b: robot}}", "kind_claim.map.b", "'person'"),
        ("kind_claim: {claim: a, map: {}}", "kind_claim.map", "at least 1 item"),
        ("roles: {}", "roles.map", "'map' is required"),
        ("roles: {map: {a: []}}", "roles.map.a", "at least 1 item"),
        ("roles: {map: {a: 5}}", "roles.map.a", "a list"),
        ("leeway_seconds: 3600", "leeway_seconds", "less than or equal to 300"),
        ("{mail_domains: [x.example], principal_claim: sub}", "mail_domains", "remove one"),
    ],
)
def test_an_issuer_that_is_written_wrongly(tmp_path: Path, more: str, key: str, words: str) -> None:
    entry = {**yaml.safe_load(ISSUER), **yaml.safe_load(more)}
    inline = yaml.safe_dump(entry, default_flow_style=True, width=1000).strip()
    found = faults(tmp_path, "identity:", "  issuers:", f"    - {inline}")
    if not key:
        assert found == []
        return
    (fault,) = found
    assert (fault.line, fault.key) == (7, f"profiles.local.gateway.identity.issuers[0].{key}")
    assert words in str(fault)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5", "mesh.example"])
def test_the_network_needs_tls_or_a_proxy(tmp_path: Path, host: str) -> None:
    (fault,) = faults(tmp_path, f"host: '{host}'")
    assert (fault.line, fault.key) == (5, "profiles.local.gateway.host")
    assert "without tls" in fault.found
    assert "behind_proxy: true" in fault.fix
    settings = load_settings(tmp_path)
    with pytest.raises(InvalidMesh, match="without tls"):
        settings.check_gateway()
    assert faults(tmp_path, f"host: '{host}'", "behind_proxy: true") == []
    assert faults(tmp_path, f"host: '{host}'", "tls: {certificate: a, key: b}") == []


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1", "localhost"])
def test_loopback_needs_none(tmp_path: Path, host: str) -> None:
    assert faults(tmp_path, f"host: '{host}'") == []


def test_keys_that_do_not_fit_each_other(tmp_path: Path) -> None:
    tls = "tls: {certificate: a, key: b}"
    found = faults(tmp_path, "port: 80", "flight_port: 80", tls, "url: http://localhost:80")
    assert [(fault.line, fault.key.rpartition(".")[2]) for fault in found] == [
        (6, "flight_port"),
        (8, "url"),
    ]


def test_faults_of_every_profile_stand_in_the_way_of_their_own_alone(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, "port: 80", other="{host: 0.0.0.0}")
    assert (fault.key, fault.line) == ("profiles.other.gateway.host", 7)
    load_settings(tmp_path).check_gateway()
    with pytest.raises(InvalidMesh):
        load_settings(tmp_path, "other").check_gateway()


@pytest.mark.parametrize(
    ("one", "two", "words"),
    [
        ({}, {}, "as names of the same principals"),
        ({"prefix": "a."}, {"prefix": "a."}, "as names of the same principals"),
        ({"prefix": "a"}, {"prefix": "ab"}, "as names of the same principals"),
        ({"principal_claim": "sub"}, {}, "as names of the same principals"),
        ({}, {"prefix": "b."}, ""),
        ({"prefix": "a."}, {"prefix": "b."}, ""),
        ({"principal_claim": "email"}, {}, ""),
        ({"principal_claim": "email"}, {"issuer": "https://one.example"}, "twice"),
    ],
)
def test_two_issuers(tmp_path: Path, one: dict[str, Any], two: dict[str, Any], words: str) -> None:
    entries = [
        {"issuer": f"https://{name}.example", "audience": "mesh", **more}
        for name, more in (("one", one), ("two", two))
    ]
    lines = yaml.safe_dump({"identity": {"issuers": entries}}, default_flow_style=None)
    found = faults(tmp_path, lines)
    assert len(found) == bool(words)
    assert all(words in str(fault) for fault in found)


def test_the_schema_takes_what_the_loader_takes() -> None:
    validator = Draft202012Validator(mesh_schema())

    def wrong(gateway: object) -> bool:
        document = {"name": "x", "profiles": {"local": {"gateway": gateway}}}
        return not validator.is_valid(document)

    assert not wrong(yaml.safe_load(FULL))
    assert not wrong({"identity": {"issuers": [yaml.safe_load(ISSUER)]}})
    assert wrong({"hots": "x"})
    assert wrong({"audit_key": "hunter2"})
    assert wrong({"limits": {"memory": "200 megs"}})
    for more in ({"algorithms": ["HS256"]}, {"audience": []}, {"audience": 5}, {"kind": "x"}):
        assert wrong({"identity": {"issuers": [{**yaml.safe_load(ISSUER), **more}]}})


def test_the_address_that_others_are_told(tmp_path: Path) -> None:
    def address(*lines: str) -> str:
        return load_settings(write(tmp_path, {"mesh.yaml": text(*lines)})).profile.gateway.address(
            8080
        )

    assert address("port: 1") == "http://127.0.0.1:8080"
    assert address("host: '::1'") == "http://[::1]:8080"
    assert address("host: '::'", "tls: {certificate: a, key: b}") == "https://[::1]:8080"
    assert address("host: 0.0.0.0", "behind_proxy: true") == "http://127.0.0.1:8080"
    assert address("url: https://mesh.example/data/") == "https://mesh.example/data"


@given(st.integers(1, 999_999), st.sampled_from(["KB", "MB", "GB", "KiB", "MiB", "GiB"]))
def test_sizes_are_as_duckdb_reads_them(number: int, unit: str) -> None:
    import duckdb

    told = size_bytes(f"{number}{unit}")
    assert told == number * (1024 if "i" in unit else 1000) ** ("KMG".index(unit[0]) + 1)
    with duckdb.connect(config={"memory_limit": f"{number}{unit}"}):
        pass  # DuckDB takes what this takes


ISSUERS = """
identity:
  issuers:
    - issuer: https://id.example
      audience: mesh
      roles:
        map:
          a: reader
          b: [reader, redear]
          c: "no role"
      domain: {claim: unit, map: {u: shop, v: shopp}}
"""


def test_names_that_the_mesh_does_not_have(tmp_path: Path) -> None:
    root = write_mesh(tmp_path, sales_files(**{"mesh.yaml": text("port: 80", other="{}")}))
    files = text(ISSUERS).replace("  local:\n", "  local:\n    services: {files: &f x}\n", 1)
    files = files.replace("{files: &f x}", "{files: {driver: files, path: data}}")
    write(root, {"mesh.yaml": files})
    found = check_mesh(root).groups.get("mesh.yaml", ())
    told = [(fault.line, fault.key.rpartition(".")[2], fault.fix) for fault in found]
    assert told == [
        (13, "b", "write 'reader' instead of 'redear'"),
        (14, "c", "rename the role"),
        (15, "v", "write 'shop' instead of 'shopp'"),
    ]
    done = command(root, "check")
    assert done.returncode == 1
    assert "unknown domain 'shopp'" in done.stdout.replace("\n", " ")


def test_rules_may_name_roles_that_an_issuer_alone_gives(tmp_path: Path) -> None:
    rules = READERS.replace('Role::"reader"', 'Role::"from_afar"')
    local = "services: {files: {driver: files, path: data}}"
    files = sales_files(rules)
    root = write_mesh(
        tmp_path, {**files, "mesh.yaml": f"name: t\nprofiles: {{local: {{{local}}}}}\n"}
    )
    assert [f.found for f in check_mesh(root).faults] == ["unknown role 'from_afar'"]
    entry = ISSUER.replace("}", ", roles: {map: {x: from_afar}}}")
    gateway = f"gateway: {{identity: {{issuers: [{entry}]}}}}"
    write(root, {"mesh.yaml": f"name: t\nprofiles: {{local: {{{local}, {gateway}}}}}\n"})
    assert check_mesh(root).faults == ()
