"""Every exception that this package raises on purpose, in one tree.

::

    MeshError                     what a user can act on; its text is the whole message
    ├── NoMesh                    there is no mesh.yaml here, nor where MESH_ROOT points
    ├── UnknownProfile            the profile that was asked for is not in mesh.yaml
    ├── InvalidMesh               manifests, contracts or settings are wrong (all faults at once)
    ├── UnknownAddress            a URL names a product, port, column or version there is not
    ├── NotPublished              the product exists, but has no published version yet
    ├── Unauthenticated           the credential that was shown is no good (its text has none of it)
    ├── AccessDenied              no rule lets the reader do it (its text says whom to ask)
    ├── InvalidRequest            what was asked for is not well formed, or not on offer
    ├── UnknownRecord             no request, grant or token has that id
    ├── WrongState                a request, grant or token is not in a state for that any more
    ├── SourceUnavailable         an operational system, a file or a service cannot be reached
    ├── RunFailed                 a product's run did not publish
    │   ├── TransformFailed       its own SQL, Python or dbt failed
    │   └── PromiseBroken         a blocking check did not pass (carries the verdicts)
    ├── PublishConflict           somebody else published in between
    ├── Busy                      another run of the same product holds its lock
    ├── CorruptRecord             a file of what was published cannot be read as what it should be
    ├── StorageFailed             storage refused to read or write (a full disk, missing rights)
    └── MissingDriver             a driver is unknown, or its extra is not installed
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mesh_defs.contract.verdicts import Verdict
    from mesh_defs.faults import Fault


class MeshError(Exception):
    """Base of all errors of this package. Its text tells a person what to do."""


class NoMesh(MeshError):
    """There is no ``mesh.yaml`` in the folder or above, nor where ``MESH_ROOT`` points."""


class UnknownProfile(MeshError):
    """The infra profile that was asked for is not in ``mesh.yaml``."""


class InvalidMesh(MeshError):
    """Manifests, contracts or settings are wrong.

    ``faults`` holds every one that was found, not the first alone.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class UnknownAddress(MeshError):
    """A URL names something that does not exist."""


class NotPublished(MeshError):
    """The product is declared, but no version of it was ever published."""


class Unauthenticated(MeshError):
    """The credential that was shown is no good. Its text says why, and has nothing of it."""


class AccessDenied(MeshError):
    """No rule lets the principal do it, or one forbids it. Its text says whom to ask."""


class InvalidRequest(MeshError):
    """What was asked for is not well formed, or nothing that the product offers."""


class UnknownRecord(MeshError):
    """No request, grant or token has that id."""


class WrongState(MeshError):
    """A request, grant or token is not in a state for that any more."""


class SourceUnavailable(MeshError):
    """An operational system, a file or a service cannot be reached. Trying again may help."""


class RunFailed(MeshError):
    """A run of a product ended without a new version; the published one did not move."""


class TransformFailed(RunFailed):
    """The product's own SQL, Python or dbt code failed."""


class PromiseBroken(RunFailed):
    """A blocking expectation or promise did not pass. ``verdicts`` holds all of them."""

    def __init__(self, message: str, verdicts: Sequence[Verdict]) -> None:
        self.verdicts = tuple(verdicts)
        super().__init__(message)


class PublishConflict(MeshError):
    """Another writer published between this run's reading and its commit."""


class Busy(MeshError):
    """Another run of the same product holds its lock."""


class CorruptRecord(MeshError):
    """A file of what was published holds something else than it should. Its text names the file."""


class StorageFailed(MeshError):
    """Storage refused to read or write: the disk is full, or rights are missing. What had been
    decided is finished by the next run."""


class MissingDriver(MeshError):
    """No driver has that name, or its optional dependency is not installed."""
