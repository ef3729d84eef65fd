"""The filter above the tables of the book: found by text and by column, by mouse, keyboard and screen reader."""

import pytest
from playwright.sync_api import expect

from browser import kit

STATIC = kit.ROOT / "book" / "static"
ROWS = [("The sum is 1.", "It is 0.", "false", "Day 2"), ("Padding saves weights.", "None.", "false", "Day 12"),
        ("Convolution turns the kernel.", "In mathematics.", "misleading", "Day 2")]  # fmt: skip


@pytest.fixture
def table_page(site, open_page):
    """A page with one table, as Sphinx writes it; more arguments go to `open_page`."""
    folder, address = site
    head = "".join(f"<th class='head'><p>{name}</p></th>" for name in ("Text", "Truth", "Verdict", "Day"))
    body = "".join(
        f"<tr><th class='stub'><p>{first}</p></th>" + "".join(f"<td><p>{cell}</p></td>" for cell in rest) + "</tr>"
        for first, *rest in ROWS
    )
    table = f"<table class='course-table course-filter by-verdict by-day table'><thead><tr>{head}</tr></thead>"
    table = f"<div class='pst-scrollable-table-container'>{table}<tbody>{body}</tbody></table></div>"
    (folder / "filter.html").write_text(
        "<!DOCTYPE html><html lang='en' data-theme='light'><head><meta charset='utf-8'><title>Filter</title>"
        "<link rel='icon' href='data:,'><meta name='viewport' content='width=device-width'>"
        "<style>*{box-sizing:border-box}:root{--pst-color-text-base:#222;--pst-color-background:#fff;--pst-color-text-muted:#555;"
        f"--pst-color-border:#999;--pst-color-primary:#0072b2}}{(STATIC / 'course.css').read_text()}</style>"
        f"</head><body><main class='bd-article'><h1>Filter</h1>{table}</main>"
        f"<script>{(STATIC / 'filter.js').read_text()}</script></body></html>",
        encoding="utf-8",
    )
    return lambda **how: open_page(f"{address}/filter.html", **how)


def shown(page):
    return [row.locator("th").inner_text() for row in page.locator("tbody tr").all() if row.is_visible()]


def test_at_first_all_rows_are_shown_and_counted(table_page):
    page = table_page()
    assert shown(page) == [row[0] for row in ROWS]
    expect(page.get_by_role("status")).to_have_text("All 3 rows")


def test_words_in_any_order_and_column_find_a_row(table_page):
    page = table_page()
    page.get_by_label("Find in the text").press_sequentially("MATHEMATICS kernel")
    assert shown(page) == ["Convolution turns the kernel."]
    expect(page.get_by_role("status")).to_have_text("1 of 3 rows")


def test_choices_narrow_each_other_and_are_undone_together(table_page):
    page = table_page()
    page.get_by_label("Day").select_option("Day 2")
    page.get_by_label("Verdict").select_option("false")
    assert shown(page) == ["The sum is 1."]
    page.get_by_role("button", name="Show all").click()
    assert len(shown(page)) == len(ROWS)
    expect(page.get_by_label("Find in the text")).to_be_focused()


def test_days_are_offered_in_their_order(table_page):
    page = table_page()
    assert page.get_by_label("Day").locator("option").all_inner_texts() == ["all", "Day 2", "Day 12"]


def test_the_keyboard_alone_filters(table_page):
    page = table_page()
    page.keyboard.press("Tab")
    page.keyboard.type("weights")
    page.keyboard.press("Enter")
    assert shown(page) == ["Padding saves weights."]


def test_nothing_found_is_said(table_page):
    page = table_page()
    page.get_by_label("Find in the text").fill("nowhere")
    assert shown(page) == []
    expect(page.get_by_role("status")).to_have_text("0 of 3 rows")


@pytest.mark.parametrize("width", [360, 1280])
def test_it_is_accessible_and_fits(table_page, width):
    page = table_page(width=width)
    assert kit.accessibility(page) == []
    assert kit.small_texts(page.locator("body")) == []
    assert kit.too_wide(page) == []
    assert page.get_by_role("row").count() == len(ROWS) + 1
