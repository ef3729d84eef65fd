"""What every explorer owes its reader, whatever it shows."""

import json
import urllib.parse

import pytest
from anywidget import AnyWidget
from playwright.sync_api import Locator, expect

from browser import kit
from browser.kit import NARROW, Explorer
from course_utils.widgets import EXPLORERS

KINDS = {explorer.name: explorer for explorer in EXPLORERS}
each = pytest.mark.parametrize("name", KINDS)


def state(explorer: Explorer) -> dict:
    """All traits of the explorer's own."""
    kind = KINDS[explorer.root.locator("[data-explorer]").get_attribute("data-explorer")]
    return explorer.traits(*(name for name in kind.class_trait_names(sync=True) if not hasattr(AnyWidget, name)))


def change_something(explorer: Explorer) -> None:
    """Change the state with the first control that does."""
    before = state(explorer)
    for control, keys in explorer.controls():
        for key in keys:
            control.press(key)
            if state(explorer) != before:
                return
    raise AssertionError("no control changes anything")


def follow(explorer: Explorer, fragment: str) -> None:
    """Follow a link to the same page."""
    explorer.page.evaluate("(fragment) => { location.hash = fragment }", fragment)


def button(explorer: Explorer, name: str) -> Locator:
    return explorer.root.get_by_role("button", name=name, exact=True)


@each
def test_it_starts_with_a_name_and_a_sentence(explorer_page, name):
    explorer = explorer_page(name)
    assert explorer.root.get_by_role("group", name=KINDS[name].title).count() >= 1
    assert len(explorer.says()) > 10
    assert button(explorer, "Undo").is_disabled() and button(explorer, "Redo").is_disabled()


@each
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_stands_in_the_way_of_assistive_technology(explorer_page, name, theme):
    explorer = explorer_page(name, dark=theme == "dark")
    kit.shot(explorer.root, f"explorer-{name}-{theme}")
    assert kit.accessibility(explorer.page) == []
    assert kit.small_texts(explorer.root) == []


@each
def test_it_fits_a_small_telephone(explorer_page, name):
    explorer = explorer_page(name, width=NARROW)
    kit.shot(explorer.root, f"explorer-{name}-{NARROW}px")
    assert kit.too_wide(explorer.page) == []
    assert kit.small_texts(explorer.root) == []
    assert kit.accessibility(explorer.page) == []


@each
def test_every_control_answers_to_the_keyboard(explorer_page, name):
    explorer = explorer_page(name)
    dead = []
    for control, keys in explorer.controls():
        before = explorer.seen()
        label = control.evaluate("e => e.getAttribute('aria-label') ?? e.labels?.[0]?.textContent ?? e.outerHTML")
        for key in keys:
            control.press(key)
            if explorer.seen() != before:
                break
        else:
            dead.append(label)
    assert dead == []
    assert len(explorer.controls()) > 0


@each
def test_the_tab_key_visits_everything_and_leaves(explorer_page, name):
    explorer = explorer_page(name)
    explorer.page.evaluate(
        "document.body.append(Object.assign(document.createElement('a'), { href: '#', id: 'after' }))"
    )
    reachable = """(root) => [...root.querySelectorAll("button, input, select, summary, a[href], [tabindex='0']")]
        .filter((e) => e.checkVisibility() && !e.disabled && e.tabIndex >= 0).length"""
    wanted, visited = explorer.root.evaluate(reachable), 0
    for _ in range(wanted + 1):
        explorer.press("Tab")
        if explorer.page.evaluate("document.activeElement.id === 'after'"):
            break
        visited += 1
        marked = "getComputedStyle(document.activeElement).outlineStyle !== 'none'"
        assert explorer.page.evaluate(marked), explorer.page.evaluate("document.activeElement.outerHTML")
    assert visited == wanted
    assert explorer.page.evaluate("document.activeElement.id === 'after'"), "the focus is trapped"


@each
def test_a_change_can_be_undone_and_done_again(explorer_page, name):
    explorer = explorer_page(name)
    start = state(explorer)
    change_something(explorer)
    changed, said = state(explorer), explorer.says()
    button(explorer, "Undo").press("Enter")
    assert state(explorer) == start
    button(explorer, "Redo").press("Enter")
    assert state(explorer) == changed and explorer.says() == said
    button(explorer, "Reset").press("Enter")
    assert state(explorer) == start
    button(explorer, "Undo").press("Enter")
    assert state(explorer) == changed, "a reset can be undone too"


@each
def test_a_copied_link_opens_the_same_state(explorer_page, open_page, name):
    explorer = explorer_page(name)
    change_something(explorer)
    button(explorer, "Copy link").click()
    expect(explorer.root.get_by_role("status").filter(has_text="copied")).to_be_visible()
    link = explorer.page.evaluate("navigator.clipboard.readText()")
    page = open_page(link)
    opened = Explorer(page, page.locator("[data-afm=ready]"))
    assert state(opened) == state(explorer)
    assert opened.says() == explorer.says()
    assert opened.root.locator("[data-explorer]").evaluate("e => e.getBoundingClientRect().top < innerHeight")


@each
def test_a_damaged_link_says_so_and_starts_afresh(explorer_page, name):
    explorer = explorer_page(name, fragment=f"#{name}=%7B")
    start = state(explorer)
    notice = explorer.root.get_by_role("status").filter(has_text="cannot be read")
    expect(notice).to_be_visible()
    assert start == state(explorer_page(name))
    for damage in ("null", "{no", "%E0%A4%A"):
        change_something(explorer)
        expect(notice).to_be_hidden()
        changed = state(explorer)
        follow(explorer, f"{name}={damage}")
        expect(notice).to_be_visible()
        assert state(explorer) == changed, damage


@each
def test_a_link_with_impossible_values_breaks_nothing(explorer_page, name):
    explorer = explorer_page(name)
    for value in (None, -1e9, "x", [], [[[1e30]]], {"no": 1}):
        link = json.dumps(dict.fromkeys(state(explorer), value))
        follow(explorer, f"{name}={urllib.parse.quote(link)}")
        assert "NaN" not in explorer.says() and "undefined" not in explorer.says(), value
        change_something(explorer)
        button(explorer, "Reset").click()


@each
def test_a_link_to_another_explorer_is_left_alone(explorer_page, name):
    explorer = explorer_page(name, fragment="#another=%7B")
    assert explorer.root.locator(".cx-notice").inner_text() == ""


@each
def test_two_views_show_one_state(explorer_page, name):
    widget = kit.create(name)
    explorer = explorer_page(widget, widget)
    first, second = (Explorer(explorer.page, explorer.root.nth(i)) for i in range(2))
    change_something(first)
    assert first.says() == second.says()
    change_something(second)
    assert first.says() == second.says()


@each
def test_less_motion_is_respected(explorer_page, name):
    explorer = explorer_page(name, reduced_motion=True)
    moving = """(root) => [...root.querySelectorAll("*")].filter((element) => {
        const style = getComputedStyle(element);
        return parseFloat(style.transitionDuration) > 0 || style.animationName !== "none";
    }).map((element) => element.outerHTML.slice(0, 80))"""
    assert explorer.root.evaluate(moving) == []
    change_something(explorer)
    assert explorer.page.evaluate("document.getAnimations().length") == 0
    assert explorer.root.evaluate(moving) == []


@each
def test_a_tap_works_like_a_click(explorer_page, name):
    explorer = explorer_page(name, touch=True, width=NARROW)
    change_something(explorer)
    changed = state(explorer)
    button(explorer, "Undo").tap()
    assert state(explorer) != changed


@each
def test_python_can_change_it_and_a_reader_can_undo_that(explorer_page, name):
    explorer, other = explorer_page(name), explorer_page(name)
    change_something(other)
    start, wanted = state(explorer), state(other)
    explorer.set(**{trait: value for trait, value in wanted.items() if value != start[trait]})
    assert state(explorer) == wanted and explorer.says() == other.says()
