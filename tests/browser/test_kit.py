"""The checks of the other browser tests find what they are there for."""

import pytest

from browser import kit

CLEAN = '<!doctype html><html lang="en"><title>A page</title><main><h1>One</h1><p>Text</p>{}</main>'


@pytest.fixture
def opened(site, open_page):
    """`opened(body, **options)`: a faultless page with this in it."""

    def opened(body: str, **options):
        folder, address = site
        (folder / "page.html").write_text(CLEAN.format(body), encoding="utf-8")
        return open_page(f"{address}/page.html", **options)

    return opened


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("<script>console.error('burnt')</script>", "console error: burnt"),
        ("<script>throw new Error('spilt')</script>", "spilt"),
        ("<script>setTimeout(() => Promise.reject(new Error('dropped')))</script>", "dropped"),
        ("<img src='missing.png' alt='no'>", "missing.png answered 404"),
        ("<img src='https://example.org/x.png' alt='no'>", "outside: https://example.org/x.png"),
        ("<script>fetch('http://localhost:1/x').catch(() => 0)</script>", "outside: http://localhost:1/x"),
    ],
)
def test_a_fault_on_a_page_is_counted(opened, watch, body, fault):
    page = opened(body)
    page.wait_for_load_state("networkidle")
    assert any(fault in found for found in watch.faults), watch.faults
    watch.faults.clear()


def test_a_page_without_a_fault_passes_every_check(opened):
    page = opened("<button>Go</button><svg width='40' viewBox='0 0 20 20'><text y='12' font-size='8'>16</text></svg>")
    assert kit.accessibility(page) == []
    assert kit.small_texts(page.locator("body")) == []
    assert kit.too_wide(page) == []


@pytest.mark.parametrize(
    "body",
    [
        "<button></button>",
        "<p style='color: #999; background: #fff'>faint</p>",
        "<input>",
        "<img src='data:,'>",
    ],
)
def test_an_obstacle_is_found(opened, body):
    assert len(kit.accessibility(opened(body))) == 1


@pytest.mark.parametrize(
    "body",
    [
        "<p style='font-size: 11px'>small</p>",
        "<svg width='20' viewBox='0 0 40 40'><text y='12' font-size='14'>small</text></svg>",
    ],
)
def test_a_small_text_is_found(opened, body):
    (found,) = kit.small_texts(opened(body).locator("body"))
    assert found.startswith("small: ")


def test_a_wide_element_is_found(opened):
    assert 'id="wide"' in kit.too_wide(opened("<div id='wide' style='width: 400px'>wide</div>", width=360))[-1]
