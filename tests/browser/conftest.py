"""Fixtures of the browser tests. Any console error, failed request or look outside localhost fails the test.

An explorer's test (test_explorer_NAME.py) drives it on a page of its own, with the book's host script, by mouse and by
keyboard, and compares what it shows with `course_utils.reference`:

    def test_arrow_keys_step_the_window(explorer_page):
        explorer = explorer_page("convolution_stepper", bias=2)                  # module's name, traits to start with
        explorer.root.get_by_role("grid", name="feature map").get_by_role("gridcell").nth(1).click()
        explorer.press("ArrowDown")
        assert (explorer.trait("row"), explorer.trait("column")) == (1, 1)       # what Python would read
        assert explorer.says().endswith(f"= {expected:g}")                       # what everybody is told

`explorer_page` also takes a widget in place of a name, and `dark=True`, `width=360`, `touch=True` (then
`locator.tap()`), `reduced_motion=True`, `fragment="#..."`. What all explorers have in common (accessibility, 360 px,
12 px, undo, reset, links, two views, pictures in both themes) is tested in test_explorers.py for each of EXPLORERS.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ipywidgets import Widget
from playwright.sync_api import Browser, Page, expect, sync_playwright

from browser import kit
from browser.kit import Explorer, OpenPage

expect.set_options(timeout=kit.WAIT_MS)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One browser for a run of browser tests; ended with them, since its event loop is in the way of other tests."""
    with sync_playwright() as playwright:
        try:
            browser = kit.launch(playwright)
        except FileNotFoundError as error:
            pytest.fail(str(error), pytrace=False)
        yield browser
        browser.close()


@pytest.fixture
def watch() -> kit.Watch:
    """Everything that goes wrong on the pages of this test: empty it (`watch.faults.clear()`) where that is meant."""
    return kit.Watch()


@pytest.fixture
def open_page(browser: Browser, watch: kit.Watch) -> Iterator[OpenPage]:
    """`open_page(address)` opens a settled page in a fresh context, light and 1280 px wide unless told otherwise."""
    contexts = []

    def open_page(
        address: str, dark: bool = False, width: int = 1280, touch: bool = False, reduced_motion: bool = False
    ) -> Page:
        context = browser.new_context(
            color_scheme="dark" if dark else "light",
            viewport={"width": width, "height": 900},
            has_touch=touch,
            reduced_motion="reduce" if reduced_motion else "no-preference",
            permissions=["clipboard-read", "clipboard-write"],
        )
        contexts.append(context)
        context.set_default_timeout(kit.WAIT_MS)
        watch.over(context)
        page = context.new_page()
        page.goto(address)
        kit.settle(page)
        return page

    yield open_page
    for page in (page for context in contexts for page in context.pages):
        page.evaluate("0")  # what the page has reported by now is counted
    faults = list(watch.faults)
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder and its address: pages written there are served, below a path as on GitHub Pages."""
    top = tmp_path_factory.mktemp("site")
    folder = top / "cnn-course"
    folder.mkdir()
    (folder / "afm-host.js").symlink_to(kit.HOST_SCRIPT)
    with kit.serve(top) as address:
        yield folder, f"{address}/cnn-course"


@pytest.fixture
def explorer_page(site: tuple[Path, str], open_page: OpenPage) -> Any:
    """`explorer_page(name, **traits)`: the explorer, started, on a page of its own; see this file's first lines.

    After a widget in place of a name, more widgets are more views on the same page.
    """

    def explorer_page(
        what: str | Widget,
        *more: Widget,
        dark: bool = False,
        width: int = 1280,
        touch: bool = False,
        reduced_motion: bool = False,
        fragment: str = "",
        **traits: Any,
    ) -> Explorer:
        widget = what if isinstance(what, Widget) else kit.create(what, **traits)
        folder, address = site
        file = folder / f"{widget.model_id}.html"
        file.write_text(kit.page_of(widget, *more), encoding="utf-8")
        page = open_page(f"{address}/{file.name}{fragment}", dark, width, touch, reduced_motion)
        return Explorer(page, page.locator("[data-afm=ready]"))

    return explorer_page
