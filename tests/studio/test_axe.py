"""axe-core over every page, in both languages, at three widths and in both schemes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.studio.conftest import Server
from tests.studio.test_browser import PAGES, Visitor

pytestmark = pytest.mark.slow
RUNS = {"how": "hand", "steer": "hand", "draw": "lines"}
WIDTHS = (1440, 1024, 390)


@pytest.mark.parametrize("language", ["en-US", "ko-KR"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_serious_finding(chromium: Any, served: Server, language: str, scheme: str) -> None:
    pytest.importorskip("axe_playwright_python")
    from axe_playwright_python.sync_playwright import Axe

    axe, found = Axe(), []
    visitor = Visitor(chromium, served, language, WIDTHS[0])
    try:
        visitor.page.emulate_media(color_scheme=scheme)
        for name in PAGES:
            visitor.page.set_viewport_size({"width": WIDTHS[0], "height": 900})
            page = visitor.open(RUNS.get(name, "heights"), name)
            page.wait_for_timeout(2500)
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 900})
                page.wait_for_timeout(400)
                for one in axe.run(page).response["violations"]:
                    if one["impact"] in ("serious", "critical"):
                        nodes = [node["html"][:160] for node in one["nodes"][:3]]
                        found.append(f"{name} {width}: {one['id']}: {one['help']} {nodes}")
                if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                    found.append(f"{name} {width}: wider than the window")
    finally:
        visitor.context.close()
    assert found == []
