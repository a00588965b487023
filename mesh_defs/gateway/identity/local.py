"""The admin token of a gateway: a file that only who runs it can read."""

from __future__ import annotations

import hmac
import logging
import os
import re
import secrets
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from mesh_defs.errors import MeshError, StorageFailed, Unauthenticated
from mesh_defs.gateway.identity.caller import ADMIN_CREDENTIAL, Caller
from mesh_defs.gateway.state.place import FOLDER
from mesh_defs.policy.access.principals import ANONYMOUS, LOCAL, local_principal
from mesh_defs.private_files import make_private

if TYPE_CHECKING:
    from pathlib import Path

    from mesh_defs.policy.access.principals import Principal, Principals
    from mesh_defs.settings import Settings

FILE = "admin.token"
PREFIX = "mesh_admin_"

_log = logging.getLogger(__name__)
_BYTES = 32
_FORM = re.compile(rf"{PREFIX}[0-9a-f]{{{2 * _BYTES}}}\n?\Z")
_LONGEST = 1024
_MODE = 0o600
_ANEW = "Fix: remove it; the gateway makes a new one at its next start"


def admin_token_file(settings: Settings) -> Path:
    """Where the token is kept."""
    return settings.state / FOLDER / FILE


def make_admin_token(settings: Settings) -> Path:
    """The token's file, made with mode 0600 unless it is there. It appears with all of its content,
    also when several processes make it at once, and their owner's umask does not matter. Raises
    `MeshError` when what is there is no such file, `StorageFailed` when it cannot be written."""
    file = admin_token_file(settings)
    try:
        make_private(file.parent)
        if not file.exists():
            _make(file)
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageFailed(
            f"the admin token '{file}' cannot be made ({reason}). Fix: make its folder writable"
        ) from None
    if read_admin_token(settings) is None:
        raise MeshError(f"'{file}' disappears as soon as it is made; look who removes it")
    return file


def _make(file: Path) -> None:
    made = file.with_name(f".{FILE}.{secrets.token_hex(8)}")
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(made, flags, _MODE)
        with os.fdopen(descriptor, "w") as out:
            os.fchmod(descriptor, _MODE)
            out.write(f"{PREFIX}{secrets.token_hex(_BYTES)}\n")
            out.flush()
            os.fsync(descriptor)
        with suppress(FileExistsError):  # Another process was first: its token is as good.
            file.hardlink_to(made)
    finally:
        made.unlink(missing_ok=True)


def read_admin_token(settings: Settings) -> str | None:
    """The token, for a client on this machine; None when there is none. Raises `MeshError` when its
    file is another user's, open to others, or holds something else."""
    file = admin_token_file(settings)
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        reason = error.strerror or str(error)
        raise MeshError(f"the admin token '{file}' cannot be read ({reason}). {_ANEW}") from None
    try:
        text = _read(descriptor, file)
    finally:
        os.close(descriptor)
    if not _FORM.match(text):
        raise MeshError(f"'{file}' holds no admin token. {_ANEW}")
    return text.rstrip("\n")


def _read(descriptor: int, file: Path) -> str:
    found = os.fstat(descriptor)
    mode = stat.S_IMODE(found.st_mode)
    if not stat.S_ISREG(found.st_mode):
        raise MeshError(f"the admin token '{file}' is no file. {_ANEW}")
    if found.st_uid != os.getuid() or mode & 0o077:
        raise MeshError(
            f"the admin token '{file}' can be read by others, or is another user's "
            f"(mode {mode:04o}). {_ANEW}"
        )
    return os.read(descriptor, _LONGEST).decode("ascii", errors="replace")


def admin_caller(settings: Settings, principals: Principals, token: str) -> Caller:
    """The caller who shows the admin token: the principal that MESH_PRINCIPAL or the profile names,
    else a person of the mesh without roles. Raises `Unauthenticated`, and `MeshError` for the name
    of a principal of another form."""
    try:
        kept = read_admin_token(settings)  # Each time: removing the file ends the token at once.
    except MeshError as error:
        _log.error("%s", error)
        raise Unauthenticated(
            "no admin token is accepted now; the gateway's log has the reason"
        ) from None
    if kept is None or not hmac.compare_digest(kept.encode(), token.encode()):
        raise Unauthenticated("the token is not the admin token of this gateway")
    return Caller(admin_principal(settings, principals), ADMIN_CREDENTIAL, admin=True)


def admin_principal(settings: Settings, principals: Principals) -> Principal:
    """Whom the admin token stands for. Raises `MeshError` for a name of another form."""
    principal = local_principal(principals, settings.profile.principal)
    return LOCAL if principal is ANONYMOUS else principal
