"""The servers of a running mesh: one code server per domain, Dagster's daemon and its webserver.

The webserver and the daemon share the code servers (as ``dagster dev`` has it), and each code
server is a process of its own, so that one domain is started again without touching another.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import stat
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mesh_defs.errors import InvalidMesh, MeshError
from mesh_defs.gateway.address import running_at
from mesh_defs.settings import PROFILE_VARIABLE, ROOT_VARIABLE
from mesh_defs.supervisor import Process, Spec, Supervisor
from mesh_defs.workspace import SERVER, read_workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mesh_defs.gateway.address import Place
    from mesh_defs.product.model import Mesh
    from mesh_defs.workspace import Location

HOST = "127.0.0.1"
DEFAULT_PORT = 3000
WEBSERVER, DAEMON, GATEWAY = "webserver", "daemon", "gateway"
START_SECONDS = 120.0

_PORTS_TRIED = 100
_PAUSE_SECONDS = 0.1
_LOCATIONS = """{ workspaceOrError { __typename ... on Workspace { locationEntries {
  name loadStatus locationOrLoadError { __typename ... on PythonError {
    className message errorChain { error { className message } } } } } } } }"""
_BEATS = "{ instance { daemonHealth { allDaemonStatuses { healthy } } } }"
# What Dagster says of a code server that it has not found yet, or not again since a restart.
_UNREACHABLE = "DagsterUserCodeUnreachableError"


@dataclass(frozen=True, slots=True)
class Served:
    """A mesh that is served. ``url`` is the webserver's address, ``gateway`` that of the gateway,
    ``started`` what was started now, ``broken`` the code locations that Dagster could not load,
    with the reason."""

    url: str
    gateway: str
    processes: Mapping[str, Process]
    started: tuple[str, ...]
    broken: Mapping[str, str]


def supervisor_of(root: Path) -> Supervisor:
    """The supervisor of the mesh below ``root``."""
    return Supervisor(root, root / ".mesh")


def shut_down(root: Path) -> list[Process]:
    """Stop every server of the mesh below ``root``; those that ran. The caller holds the lock."""
    stopped = supervisor_of(root).stop()
    folder = _socket_folder(root)
    for left in folder.iterdir():
        left.unlink()
    folder.rmdir()
    return stopped


def check_port(root: Path, port: int) -> None:
    """Raise `MeshError` when ``port`` is taken by anything but the webserver of this mesh."""
    webserver = supervisor_of(root).running().get(WEBSERVER)
    if webserver is None or _port_of(webserver.address) != port:
        _free_port(port)


def serve(
    mesh: Mesh, dagster_home: Path, *, port: int | None = None, tell: Callable[[str], None]
) -> Served:
    """Start what is not running yet or no longer fits, and wait until it answers.

    ``port`` is the webserver's (None: 3000, or the next free one); ``tell`` hears what happens. The
    caller holds the supervisor's lock. Raises `MeshError` with the end of the log of what did not
    start.
    """
    locations, faults = read_workspace(mesh.root, [domain.name for domain in mesh.domains])
    if faults:
        raise InvalidMesh(faults)
    return _Serving(mesh, dagster_home, locations, tell).serve(port)


class _Serving:
    """One pass over all servers of a mesh."""

    def __init__(
        self,
        mesh: Mesh,
        dagster_home: Path,
        locations: Sequence[Location],
        tell: Callable[[str], None],
    ) -> None:
        self.mesh = mesh
        self.locations = locations
        self.tell = tell
        self.supervisor = supervisor_of(mesh.root)
        self.started: list[str] = []
        self.environment = {
            "DAGSTER_HOME": str(dagster_home),
            ROOT_VARIABLE: str(mesh.root),
            PROFILE_VARIABLE: mesh.settings.profile_name,
        }

    def serve(self, port: int | None) -> Served:
        specs = [self._code_server(location) for location in self.locations if location.arguments]
        workspace = self._write_workspace()
        wanted = {spec.name for spec in specs} | {WEBSERVER, DAEMON, GATEWAY}
        self.supervisor.stop([n for n in self.supervisor.recorded() if n not in wanted])
        for spec in specs:
            self._ensure(spec)
        for spec in specs:
            self._wait(spec.name, partial(_accepts, spec.address), "answers")
        self._ensure(self._daemon(workspace))
        self._ensure(self._gateway())
        webserver = self._webserver(workspace, port)
        self._ensure(webserver)
        self._wait(
            WEBSERVER, lambda: _get(f"{webserver.address}/server_info") is not None, "serves"
        )
        self._wait(DAEMON, partial(_beats, webserver.address), "works")
        self._wait(GATEWAY, lambda: self._place() is not None, "serves")
        broken = _broken_locations(webserver.address)
        running = self.supervisor.running()
        place = self._place()
        base = place.base if place is not None else ""
        return Served(webserver.address, base, running, tuple(self.started), broken)

    def _ensure(self, spec: Spec) -> None:
        running = self.supervisor.running().get(spec.name)
        if running is not None and running.stamp == spec.stamp:
            return
        if running is not None:
            self.tell(f"restarting {spec.name}, which has changed")
        else:
            self.tell(f"starting {spec.name}")
        self.supervisor.stop([spec.name])
        self.supervisor.start(spec)
        self.started.append(spec.name)

    def _wait(self, name: str, ready: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            if name not in self.supervisor.running():
                tail = self.supervisor.log_tail(name)
                raise MeshError(f"{name} ended while it started; the end of its log:\n{tail}")
            if time.monotonic() > deadline:
                tail = self.supervisor.log_tail(name)
                late = f"{name} did not answer within {START_SECONDS:.0f} s"
                raise MeshError(f"{late}; the end of its log:\n{tail}")
            time.sleep(_PAUSE_SECONDS)
        if name in self.started:
            self.tell(f"{name} {what}")

    def _code_server(self, location: Location) -> Spec:
        address = str(_socket_folder(self.mesh.root) / f"{_digest(location.name)[:12]}.sock")
        command = (
            *(sys.executable, "-m", "dagster", "code-server", "start"),
            *("--socket", address, "--location-name", location.name, "--log-level", "warning"),
            "--use-python-environment-entry-point",
            *location.arguments,
            *(() if "-d" in location.arguments else ("-d", str(self.mesh.root))),
        )
        code = [p.digest for p in self.mesh.in_domain(location.name)]
        code += [str(f) for b in self.mesh.broken.values() for f in b.faults]
        home = self.mesh.root / "domains" / location.name / "defs.yaml"
        text = home.read_text(errors="replace") if home.is_file() else ""
        stamp = _digest(command, self.environment, code, text)
        return Spec(f"code-{location.name}", command, stamp, address, self.environment)

    def _write_workspace(self) -> Path:
        """The workspace of servers that the webserver and the daemon share. JSON is YAML."""
        entries = [
            location.external
            or {
                "location_name": location.name,
                "socket": self._code_server(location).address,
            }
            for location in self.locations
        ]
        file = self.supervisor.folder / "workspace.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"load_from": [{SERVER: entry} for entry in entries]}, indent=1))
        return file

    def _daemon(self, workspace: Path) -> Spec:
        command = (sys.executable, "-m", "dagster._daemon", "run", "-w", str(workspace))
        stamp = _digest(command, self.environment, workspace.read_text())
        return Spec(DAEMON, command, stamp, "", self.environment)

    def _gateway(self) -> Spec:
        """The gateway chooses its ports itself, and notes them; so it keeps those that it has."""
        command = (sys.executable, "-m", "mesh_defs.cli", "serve", "--json")
        settings = (self.mesh.root / "mesh.yaml").read_text(errors="replace")
        stamp = _digest(command, self.environment, settings)
        return Spec(GATEWAY, command, stamp, "", self.environment)

    def _place(self) -> Place | None:
        """Where the gateway that runs here answers."""
        running = self.supervisor.running().get(GATEWAY)
        place = running_at(self.mesh.settings.state)
        return place if running is not None and place and place.pid == running.pid else None

    def _webserver(self, workspace: Path, port: int | None) -> Spec:
        running = self.supervisor.running().get(WEBSERVER)
        if running is not None and port in (None, _port_of(running.address)):
            chosen = _port_of(running.address)
        else:
            chosen = _free_port(port)
        command = (
            *(sys.executable, "-m", "dagster_webserver", "-h", HOST, "-p", str(chosen)),
            *("-w", str(workspace)),
        )
        stamp = _digest(command, self.environment, workspace.read_text())
        return Spec(WEBSERVER, command, stamp, f"http://{HOST}:{chosen}", self.environment)


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _socket_folder(root: Path) -> Path:
    """A folder for the code servers' sockets that only this user can enter.

    Not below the mesh's root: the path of a Unix socket is at most 104 to 108 bytes long.
    """
    folder = Path(tempfile.gettempdir()) / f"mesh-{os.getuid()}-{_digest(str(root))[:12]}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise MeshError(f"{folder} is open to others or not yours; remove it and try again")
    return folder


def _accepts(address: str) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(address) == 0


def _answers(address: str) -> bool:
    return _get(f"{address}/server_info") is not None


def _beats(address: str) -> bool:
    """Whether the daemon has begun its work: any of its parts has told so lately."""
    answer = _get(f"{address}/graphql", {"query": _BEATS}) or {}
    health = answer.get("data", {}).get("instance", {}).get("daemonHealth", {})
    return any(status["healthy"] for status in health.get("allDaemonStatuses", []))


def _free_port(wanted: int | None) -> int:
    tried = [wanted] if wanted is not None else range(DEFAULT_PORT, DEFAULT_PORT + _PORTS_TRIED)
    for port in tried:
        with socket.socket() as server:
            # As servers do: a port whose last connections are only fading out is free.
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                server.bind((HOST, port))
            except OSError:
                continue
            return port
    if wanted is not None:
        raise MeshError(f"port {wanted} of {HOST} is taken; choose another with --port")
    raise MeshError(f"no free port from {DEFAULT_PORT} to {DEFAULT_PORT + _PORTS_TRIED - 1}")


def _port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


def _get(url: str, body: Mapping[str, str] | None = None) -> Any | None:  # noqa: ANN401  JSON
    """The JSON that ``url``, an address on the loopback interface, answers, or None."""
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310
    # A proxy of the environment is for the world outside, never for loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as response:
            return json.load(response)
    except (urllib.error.URLError, OSError, ValueError):
        return None


def _broken_locations(url: str) -> dict[str, str]:
    """Code locations that Dagster could not load, with the reason; waits while any still loads, or
    was not found yet."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        answer = _get(f"{url}/graphql", {"query": _LOCATIONS})
        found = (answer or {}).get("data", {}).get("workspaceOrError", {})
        entries: list[dict[str, Any]] = found.get("locationEntries", [])
        loaded = all(entry["loadStatus"] == "LOADED" for entry in entries)
        broken = {e["name"]: e["locationOrLoadError"] for e in entries if _is_error(e)}
        missed = any(e["className"] == _UNREACHABLE for e in broken.values())
        if (entries and loaded and not missed) or time.monotonic() > deadline:
            return {name: _reason(error) for name, error in broken.items()}
        time.sleep(_PAUSE_SECONDS)


def _is_error(entry: Mapping[str, Any]) -> bool:
    return (entry["locationOrLoadError"] or {}).get("__typename") == "PythonError"


def _reason(error: Mapping[str, Any]) -> str:
    """The innermost error: the one that the domain's code raised."""
    chain = [link["error"] for link in error.get("errorChain", [])]
    return str((chain or [error])[-1]["message"]).strip()
