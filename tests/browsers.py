"""A real Chromium for tests of pages; without one they are skipped, or fail where it must be."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
REQUIRED = "MESH_REQUIRE_BROWSER"


def chromium() -> str:
    """Where Chromium is. Skips the test where there is none."""
    found = next((path for name in NAMES if (path := shutil.which(name)) is not None), None)
    if found is None:
        reason = f"no Chromium on PATH ({', '.join(NAMES)}); install Debian's package chromium"
        if os.environ.get(REQUIRED):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@contextmanager
def browsing() -> Iterator[Browser]:
    """A browser while the block lasts."""
    path = chromium()
    # Without a sandbox of its own: tests run as root in containers, and load pages of ours alone.
    arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        try:
            yield browser
        finally:
            browser.close()
