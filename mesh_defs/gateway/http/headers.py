"""What an answer says of the port that it came from, as header fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mesh_defs.gateway.reads.port_state import PortState
    from mesh_defs.gateway.reads.reading import Reading


def state_headers(state: PortState) -> dict[str, str]:
    """Version, age against promise, and verdicts. Ages are whole seconds."""
    headers = {
        "Mesh-Version": str(state.version),
        "Mesh-Published-At": state.published_at,
        "Mesh-Product-Version": state.product_version,
        "Mesh-Contract-Version": state.contract_version.encode("ascii", "replace").decode(),
        "Mesh-Age": str(int(state.age_seconds)),
        "Mesh-Stale": "true" if state.stale else "false",
        "Mesh-Verdicts": ", ".join(f"{name}={count}" for name, count in state.verdicts.items()),
    }
    if state.promised_seconds is not None:
        headers["Mesh-Promised-Age"] = str(int(state.promised_seconds))
    return headers


def reading_headers(reading: Reading) -> dict[str, str]:
    """`opened_headers`, and the receipt's id."""
    return {**opened_headers(reading), "Mesh-Receipt": reading.id}


def opened_headers(reading: Reading) -> dict[str, str]:
    """`state_headers`, and what of it is not seen in clear: for answers without any of its rows, of
    which there is no receipt."""
    headers = state_headers(reading.state)
    if reading.masked:
        names = (name.encode("ascii", "backslashreplace").decode() for name in reading.masked)
        headers["Mesh-Masked"] = ", ".join(names)
    if reading.decision.row_filter is not None:
        headers["Mesh-Row-Filter"] = "true"
    if reading.grant is not None:
        headers["Mesh-Grant"] = reading.grant.id
    return headers
