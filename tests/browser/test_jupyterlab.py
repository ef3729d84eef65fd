"""The explorers in a real JupyterLab, as `course lab` starts it: driven by keyboard, read by Python."""

import json
import re
from collections.abc import Iterator

import lab_kit
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from browser import kit
from browser.kit import Explorer
from course_utils import widgets
from course_utils.widgets import EXPLORERS

NOTEBOOK = "lessons/day_01_explorers.py"
HEADER = """\
# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---
"""
READ = """\
def traits(explorer):
    names = [name for name in explorer.class_trait_names(sync=True) if not hasattr(AnyWidget, name)]
    return {name: getattr(explorer, name) for name in names}
"""


def source() -> str:
    """A notebook that shows every explorer, a cell each, and then prints what Python knows of them."""
    cells = ["import json\nfrom anywidget import AnyWidget\nfrom course_utils.widgets import *", READ]
    cells += [f"{kind.name} = {kind.__name__}()\n{kind.name}" for kind in EXPLORERS]
    known = ", ".join(f'"{kind.name}": traits({kind.name})' for kind in EXPLORERS)
    cells += [f"print(json.dumps({{{known}}}))"]
    return HEADER + "".join(f"\n# %%\n{cell}\n" for cell in cells)


@pytest.fixture(scope="module")
def lab(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The notebook, open in JupyterLab and run to its end."""
    folder = tmp_path_factory.mktemp("course")
    (folder / "lessons").mkdir()
    (folder / "pyproject.toml").touch()
    (folder / NOTEBOOK).write_text(source(), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        with lab_kit.running(tmp_path_factory.mktemp("home")) as address:
            context = browser.new_context(
                viewport={"width": 1280, "height": 900}, permissions=["clipboard-read", "clipboard-write"]
            )
            context.set_default_timeout(kit.WAIT_MS)
            page = context.new_page()
            page.goto(f"{address}/lab/tree/{NOTEBOOK}?token={lab_kit.TOKEN}")
            expect(page.get_by_role("button", name="| Idle")).to_be_visible()
            page.get_by_role("menuitem", name="Run", exact=True).click()
            page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
            expect(printed(page)).to_be_visible()
            yield page
            context.close()


def printed(page: Page) -> Locator:
    """The output of the last cell."""
    return page.locator(".jp-Notebook .jp-Cell").last.locator(".jp-OutputArea-output pre")


def known(page: Page) -> dict[str, dict]:
    """Run the last cell again: what Python knows of each explorer."""
    cell = page.locator(".jp-Notebook .jp-Cell").last
    number = cell.locator(".jp-InputPrompt").inner_text()
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    expect(cell.locator(".jp-InputPrompt")).not_to_have_text(number)
    expect(cell.locator(".jp-InputPrompt")).to_have_text(re.compile(r"\d"))
    return json.loads(printed(page).inner_text())


@pytest.mark.parametrize("kind", EXPLORERS, ids=lambda kind: kind.name)
def test_keys_reach_the_explorer_and_python_reads_what_they_did(lab, kind):
    explorer = Explorer(lab, lab.locator(f".jp-OutputArea-output:has([data-explorer={kind.name}])"))
    explorer.root.scroll_into_view_if_needed()
    before = known(lab)[kind.name]
    kit.shot(explorer.root, f"jupyterlab-{kind.name}")
    dead = []
    for control, keys in explorer.controls():
        seen = explorer.seen()
        for key in keys:
            control.press(key)
            if explorer.seen() != seen:
                break
        else:
            dead.append(control.evaluate("e => e.outerHTML.slice(0, 200)"))
        assert explorer.root.locator(":focus").count() == 1, "JupyterLab took the focus"
    assert dead == [], "JupyterLab kept the keys for itself"
    said = explorer.says()
    explorer.root.get_by_role("button", name="Copy as Python").press("Enter")
    expect(explorer.root.get_by_role("status").filter(has_text="Copied")).to_be_visible()
    code = lab.evaluate("navigator.clipboard.readText()")
    after = known(lab)[kind.name]
    assert after != before
    assert explorer.says() == said
    copied = eval(code, vars(widgets))  # our own explorer wrote it
    state = {name: value for name, value in after.items() if f"{name}=" in code}
    assert state == {name: getattr(copied, name) for name in state} and state
