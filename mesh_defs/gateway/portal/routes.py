"""All routes of the portal."""

from __future__ import annotations

from mesh_defs.gateway.portal import (
    access,
    assets,
    feedback,
    finding,
    home,
    pages,
    product,
    rows,
    sign_in,
)

ROUTERS = tuple(
    each.router for each in (assets, home, finding, pages, access, sign_in, rows, feedback, product)
)
