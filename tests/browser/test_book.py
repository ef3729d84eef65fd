"""The built book, served from localhost below a path, with the network cut off: each page, each link, each reader."""

import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest
from playwright.sync_api import Page, expect

from browser import kit
from browser.kit import NARROW
from course_utils.notebooks.figures import untold
from course_utils.widgets import EXPLORERS

OUT = kit.ROOT / "build" / "test-book"
LESSON, EXERCISE = "lessons/day_02_convolution.html", "exercises/day_02_convolution.html"
# One page of each kind, by the name of its picture.
KINDS = {
    "landing": "index.html",
    "lesson": LESSON,
    "exercise": EXERCISE,
    "explorer": f"book/explorers/{EXPLORERS[0].name}.html",
    "glossary": "book/glossary.html",
    "wrong-texts": "book/wrong_texts.html",
    "results": "book/results.html",
    "times": "book/times.html",
    "api": "book/api/reference.html",
    "search": "search.html?q=kernel",
}
HEAVY_BYTES = 1.5e6


@pytest.fixture(scope="module")
def book(runs: Path) -> Path:
    """The pages of this repository's book in the smoke profile; what an earlier run of the tests made is used again."""
    course = [sys.executable, "-c", "from course_utils.cli import main; main()"]
    command = [*course, "book", "--out", str(OUT), "--runs", str(runs)]
    done = subprocess.run(command, cwd=kit.ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.fail(f"`course book` failed:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}", pytrace=False)
    return OUT / "html"


@pytest.fixture(scope="module")
def address(book: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the book is served: below a path, as on GitHub Pages."""
    top = tmp_path_factory.mktemp("pages")
    (top / "cnn-course").symlink_to(book, target_is_directory=True)
    with kit.serve(top) as address:
        yield f"{address}/cnn-course"


class Document(HTMLParser):
    """What a page refers to and what can be referred to in it."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag == "link" and given.get("rel") not in ("canonical", "search", "next", "prev", "index", "author"):
            self.loaded.append(given["href"])
        elif "src" in given:
            self.loaded.append(given["src"])


@pytest.fixture(scope="module")
def documents(book: Path) -> dict[str, Document]:
    """Every page of the book by its path."""
    files = [file for file in book.rglob("*.html") if "_static" not in file.relative_to(book).parts]
    return {file.relative_to(book).as_posix(): Document(file) for file in sorted(files)}


def inside(link: str) -> bool:
    return not urlsplit(link).scheme and not link.startswith("//")


def test_every_page_opens_in_light_and_on_a_telephone_without_a_fault(address, documents, open_page, watch):
    page, wrong = open_page(f"{address}/index.html"), {}
    for name in documents:
        page.goto(f"{address}/{name}")
        kit.settle(page)
        found = [*watch.faults, *untold({"data": {"text/html": shown_pictures(page)}})]
        watch.faults.clear()
        views = page.locator("script[type*=widget-view]").count()
        if page.locator("[data-afm=ready]").count() != views:
            found.append(f"of {views} explorers not all run: {page.locator('[data-afm=failed]').all_inner_texts()}")
        page.set_viewport_size({"width": NARROW, "height": 800})
        found += kit.too_wide(page)
        for explorer in page.locator(".afm").all():
            found += kit.small_texts(explorer)
        page.set_viewport_size({"width": 1280, "height": 900})
        if found:
            wrong[name] = found
    assert wrong == {}
    assert len(documents) > 20


def shown_pictures(page: Page) -> str:
    """The pictures of a page's text as HTML, the explorers' charts included."""
    return page.evaluate("""() => [...document.querySelectorAll("main img, main canvas, main svg")]
        .filter((e) => e.checkVisibility() && !e.parentElement.closest("svg, button, [aria-hidden=true], [role=img]"))
        .map((e) => e.cloneNode(false).outerHTML).join("")""")


def test_every_link_and_anchor_leads_somewhere(book, documents):
    broken = []
    for name, document in documents.items():
        for link in filter(inside, document.links):
            path, fragment = urldefrag(urljoin(f"/{name}", link))
            target = unquote(path.lstrip("/").split("?")[0])
            if target in documents:
                if fragment and unquote(fragment) not in documents[target].ids:
                    broken.append(f"{name}: {link}, no such anchor")
            elif not (book / target).is_file():
                broken.append(f"{name}: {link}, no such file")
    assert broken == []
    assert sum(len(document.links) for document in documents.values()) > 500


def test_nothing_is_loaded_from_elsewhere(book, documents):
    loaded = {name: document.loaded for name, document in documents.items()}
    for file in book.rglob("*.css"):
        style = file.read_text(encoding="utf-8")
        loaded[file.name] = re.findall(r"(?:@import\s+(?:url\()?|url\()['\"]?([^'\")]+)", style)
    outside = [(name, a) for name, addresses in loaded.items() for a in addresses if not inside(a)]
    assert [(name, address) for name, address in outside if not address.startswith("data:")] == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_stands_in_the_way_of_assistive_technology(address, open_page, kind, theme):
    page = open_page(f"{address}/{KINDS[kind]}", dark=theme == "dark")
    kit.shot(page, f"book-{kind}-{theme}")
    assert [line for line in kit.accessibility(page) if line.startswith(("serious", "critical"))] == []


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_of_a_telephone_are_kept(address, open_page, kind):
    page = open_page(f"{address}/{KINDS[kind]}", width=NARROW)
    assert kit.shot(page, f"book-{kind}-{NARROW}px").stat().st_size > 5_000


def test_a_lesson_is_light(address, documents, open_page):
    """Unpacked, without pictures: those of a lesson stand in its page as drawings."""
    heavy = {}
    for name in (name for name in documents if name.startswith(("lessons/", "exercises/"))):
        page, bodies = open_page("about:blank"), {}
        page.on("response", lambda r, bodies=bodies: bodies.setdefault(r.url, (r.request.resource_type, r.body())))
        page.goto(f"{address}/{name}")
        kit.settle(page)
        page.wait_for_load_state("networkidle")
        bytes_ = kit.weight(bodies)
        assert bytes_ > 100_000, "not everything was weighed"
        if bytes_ > HEAVY_BYTES:
            heavy[name] = bytes_
    assert heavy == {}


def test_search_finds_a_word_without_a_network(address, open_page):
    page = open_page(f"{address}/search.html?q=receptive")
    first = page.locator("ul.search li a").first
    expect(first).to_be_visible()
    found = open_page(first.evaluate("a => a.href"))  # a click would abort what the search still fetches
    assert "receptive" in found.locator("main").inner_text().lower()


def test_the_theme_switch_takes_the_explorers_along(address, open_page):
    page = open_page(f"{address}/index.html")
    ground = "e => getComputedStyle(e).backgroundColor"
    seen = set()
    for _ in range(3):
        seen.add((page.locator("html").get_attribute("data-theme"), page.locator(".cx").first.evaluate(ground)))
        page.locator(".theme-switch-button:visible").first.click()
    assert len(seen) == 2 and len({theme for theme, _ in seen}) == 2
    assert len({colour for _, colour in seen}) == 2


def test_an_explorer_on_the_landing_page_moves(address, open_page):
    page = open_page(f"{address}/index.html")
    explorer = kit.Explorer(page, page.locator("[data-afm=ready]").first)
    before = explorer.says()
    control, keys = explorer.controls()[-1]
    control.press(keys[0])
    assert explorer.says() != before


@pytest.mark.parametrize("kind", EXPLORERS, ids=lambda kind: kind.name)
def test_an_explorer_has_a_page_and_its_link_comes_back_to_it(address, open_page, kind):
    page = open_page(f"{address}/book/explorers/{kind.name}.html")
    explorer = kit.Explorer(page, page.locator(f"[data-afm=ready]:has([data-explorer={kind.name}])"))
    explorer.root.get_by_role("button", name="Copy link").click()
    expect(explorer.root.get_by_role("status").filter(has_text="copied")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    again = open_page(link)
    assert again.locator(f"[data-explorer={kind.name}] .cx-says").inner_text() == explorer.says()


def test_an_answer_is_folded_away_until_it_is_asked_for(address, open_page):
    page = open_page(f"{address}/{EXERCISE}")
    answers = page.locator("details", has_text="Show the answer")
    assert answers.count() > 2
    hidden = answers.first.locator(".highlight").first
    expect(hidden).to_be_hidden()
    answers.first.locator("summary").press("Enter")
    expect(hidden).to_be_visible()
