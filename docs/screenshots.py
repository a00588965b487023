"""Pictures of the portal's main pages at two widths, for the guide: of a mesh that is built.

    uv run python docs/screenshots.py [MESH]      (default: the folder that this project is in)

They are taken of a gateway of its own on loopback, by Chromium, and written to docs/pictures/.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from browsers import browsing
from gateway_http import served
from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
PAGES = {
    "home": "/",
    "find": "/-/find?q=late in winter",
    "product": "/punctuality/on_time_performance",
    "map": "/-/map",
    "lineage": "/-/lineage/punctuality/delay_causes?depth=4",
    "governance": "/-/governance",
    "access": "/-/access",
}
SIZES = {"wide": (1200, 800), "phone": (390, 780)}


def main(root: Path) -> None:
    """Take all pictures of the mesh below ``root``."""
    PICTURES.mkdir(exist_ok=True)
    with served(root) as mesh, browsing() as browser:
        page = browser.new_context(base_url=mesh.base, reduced_motion="reduce").new_page()
        page.goto("/-/sign-in")
        page.get_by_label("Token").fill(mesh.admin())
        page.get_by_role("main").get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/")
        for name, path in PAGES.items():
            for width, (wide, high) in SIZES.items():
                page.set_viewport_size({"width": wide, "height": high})
                take(page, path, f"portal-{name}-{width}.png")
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size({"width": 1200, "height": 800})
        take(page, PAGES["product"], "portal-product-dark.png")


def take(page: Page, path: str, name: str) -> None:
    """The picture of the top of a page."""
    page.goto(path, wait_until="networkidle")
    page.screenshot(path=PICTURES / name, animations="disabled", caret="hide")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT)
