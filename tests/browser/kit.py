"""A browser without a network, a server on localhost, and pages that hold one explorer each."""

import contextlib
import functools
import html
import importlib
import json
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from ipywidgets import Widget
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Playwright, expect

ROOT = Path(__file__).parents[2]
HOST_SCRIPT = ROOT / "book" / "static" / "afm-host.js"
SCREENSHOTS = ROOT / "build" / "screenshots"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Nothing but 127.0.0.1 has an address in this browser, so whatever looks elsewhere fails, and is counted.
SWITCHES = [
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
KEYS = {
    "input[type=range]": ("ArrowRight", "ArrowLeft"),
    "input[type=checkbox]": ("Space",),
    "input[type=radio]": ("ArrowDown", "ArrowUp"),
    "input[type=number]": ("ArrowUp", "ArrowDown"),
    "select": ("ArrowDown", "ArrowUp"),
    "[tabindex='0']": ("ArrowRight", "ArrowLeft", "ArrowDown"),
}
NARROW = 360  # CSS pixels, a small telephone
WAIT_MS = 60_000  # for what must come: a busy machine takes its time, above all JupyterLab's kernel at its first import


def chromium(playwright: Playwright) -> str:
    """The browser's program: `COURSE_BROWSER`, one on PATH, or the one that Playwright has installed."""
    named = os.environ.get("COURSE_BROWSER")
    found = [named] if named else [*filter(None, map(shutil.which, NAMES)), playwright.chromium.executable_path]
    for path in found:
        if Path(path).is_file():
            return path
    raise FileNotFoundError(
        (f"COURSE_BROWSER names {named}, which is no file" if named else "There is no Chromium for the browser tests")
        + ": run `make browser`, which installs one, or let COURSE_BROWSER name a browser's program."
    )


def launch(playwright: Playwright) -> Browser:
    """A headless browser that reaches 127.0.0.1 only."""
    return playwright.chromium.launch(executable_path=chromium(playwright), args=SWITCHES)


class _Files(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/favicon.ico":  # asked for at the top of a host, sooner or later, where a page names no icon
            self.send_response(204)
            self.end_headers()
        else:
            super().do_GET()

    def log_message(self, *args: Any) -> None:
        pass


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[str]:
    """The address, on a free port of localhost, of a folder's files."""
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Files, directory=str(folder))) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@dataclass
class Watch:
    """Everything that goes wrong on a context's pages."""

    faults: list[str] = field(default_factory=list)

    def over(self, context: BrowserContext) -> None:
        context.on("console", lambda m: m.type == "error" and self.faults.append(f"console error: {m.text}"))
        context.on("weberror", lambda e: self.faults.append(f"uncaught: {e.error}"))
        context.on("request", self._asked)
        context.on("requestfailed", lambda r: self.faults.append(f"{r.url} failed: {r.failure}"))
        context.on("response", self._answered)

    def _asked(self, request: Any) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            self.faults.append(f"request to the outside: {request.url}")

    def _answered(self, response: Any) -> None:
        if response.status >= 400:
            self.faults.append(f"{response.url} answered {response.status}")


def settle(page: Page) -> None:
    """Wait until fonts are there, explorers run, and nothing moves any more."""
    page.wait_for_function("!document.querySelector('[data-afm=loading]') && document.fonts.status === 'loaded'")
    page.evaluate(
        """Promise.all(document.getAnimations().filter(a => a.effect.getComputedTiming().endTime < Infinity)
        .map(a => a.finished.catch(() => 0)))"""
    )


def create(name: str, **traits: Any) -> Widget:
    """The explorer of `course_utils/widgets/NAME.py`, with these traits to start with."""
    module = importlib.import_module(f"course_utils.widgets.{name}")
    (kind,) = (kind for kind in vars(module).values() if isinstance(kind, type) and vars(kind).get("name") == name)
    return kind(**traits)


def accessibility(page: Page) -> list[str]:
    """What axe-core finds against WCAG 2.2 A and AA and good practice: impact, rule and element, one a line."""
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    options = {"resultTypes": ["violations"], "runOnly": tags, "preload": False}
    # A figure is one picture with a text of its own, which other tests look at.
    found = Axe().run(page, context={"exclude": [[".course-figure"]]}, options=options).response["violations"]
    return [
        " ".join(f"{rule['impact']} {rule['id']}: {node['target']} {node['failureSummary']}".split())
        for rule in found
        for node in rule["nodes"]
    ]


def small_texts(where: Locator) -> list[str]:
    """Texts that are shown in less than 12 px, with their size: letters inside a drawing are scaled with it."""
    return where.evaluate("""(root) => {
        const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT), small = [];
        while (walker.nextNode()) {
            const text = walker.currentNode.data.trim(), parent = walker.currentNode.parentElement;
            if (!text || !parent.checkVisibility() || parent.closest("style, script, option")) continue;
            const drawing = parent instanceof SVGElement && parent.getScreenCTM();
            const scale = drawing ? Math.hypot(drawing.a, drawing.b) : 1;
            const size = parseFloat(getComputedStyle(parent).fontSize) * scale;
            if (size < 11.99) small.push(`${text.slice(0, 40)}: ${size.toFixed(1)} px`);
        }
        return small;
    }""")


def too_wide(page: Page) -> list[str]:
    """Elements that make the page scroll sideways; none where it does not."""
    return page.evaluate("""() => {
        const width = document.documentElement.clientWidth;
        if (document.scrollingElement.scrollWidth <= width) return [];
        const scrolls = (element) => element !== document.body && getComputedStyle(element).overflowX !== "visible";
        const contained = (element) => element && (scrolls(element) || contained(element.parentElement));
        const wide = [...document.body.querySelectorAll("*")]
            .filter((e) => e.getBoundingClientRect().right > width + 1 && !contained(e.parentElement));
        return ["the page scrolls sideways", ...wide.slice(0, 5).map((e) => e.outerHTML.slice(0, 120))];
    }""")


def weight(answers: dict[str, tuple[str, bytes]], packed: Callable[[bytes], bytes] = bytes) -> int:
    """Bytes of a page without its pictures, from its answers by address: (kind of resource, body).

    A lesson's figures stand in its page, as drawings or as data. A module that the page makes itself (blob:) does not
    travel.
    packed: how a server compresses what is not compressed yet.
    """
    total = 0
    for address, (kind, body) in answers.items():
        if kind == "image" or address.startswith("blob:"):
            continue
        if kind == "document":
            drawings = rb'<div class="course-figure">.*?</svg></div>|data:image/\w+;base64,[\w+/=]+'
            body = re.sub(drawings, b"", body, flags=re.S)
        total += len(body if kind == "font" else packed(body))
    return total


def page_of(*widgets: Widget) -> str:
    """A page that holds these widgets' views and state, as the book's pages do; the same widget twice is two views."""
    state = Widget.get_manager_state(drop_defaults=False, widgets=list(dict.fromkeys(widgets)))
    views = [{"version_major": 2, "version_minor": 0, "model_id": widget.model_id} for widget in widgets]
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(type(widgets[0]).__name__)}</title>
<style>body {{ margin: 16px; font: 16px/1.6 system-ui, sans-serif; background: #fff; color: #222832 }}
[data-theme="dark"] body {{ background: #14181e; color: #ced6dd }}</style>
<script>const dark = matchMedia("(prefers-color-scheme: dark)").matches;
document.documentElement.dataset.theme = dark ? "dark" : "light";</script></head>
<body><main><h1>One explorer</h1>{"".join(_script("view", view) for view in views)}</main>
{_script("state", state)}<script src="afm-host.js"></script></body></html>"""


def _script(kind: str, content: Any) -> str:
    text = json.dumps(content).replace("</", r"<\/")
    return f'<script type="application/vnd.jupyter.widget-{kind}+json">{text}</script>'


@dataclass
class Explorer:
    """An explorer on its page. root: its element; `root.get_by_role(...)` finds what a screen reader would."""

    page: Page
    root: Locator

    def trait(self, name: str) -> Any:
        """The value of a trait as Python would read it."""
        return self.traits(name)[name]

    def traits(self, *names: str) -> dict[str, Any]:
        """The values of these traits as Python would read them."""
        return self.root.evaluate("(el, names) => Object.fromEntries(names.map((n) => [n, el.model.get(n)]))", names)

    def set(self, **traits: Any) -> None:
        """Set traits as Python would."""
        self.root.evaluate("(el, traits) => el.model.set(traits)", traits)

    def press(self, *keys: str) -> None:
        """Press keys one after another, wherever the focus is."""
        for key in keys:
            self.page.keyboard.press(key)

    def says(self) -> str:
        """The line that says the step, once the live region says the same to a screen reader."""
        says, live = self.root.locator(".cx-says"), self.root.locator(".cx-live")
        expect(live).to_have_text(says.text_content())
        return says.text_content()

    def controls(self) -> list[tuple[Locator, tuple[str, ...]]]:
        """Each control that is shown and enabled, with the keys that a keyboard user would try on it."""
        useful = "all => all.map((e) => e.checkVisibility({ visibilityProperty: true }) && !e.matches(':disabled'))"
        kinds = [(self.root.locator(css), keys) for css, keys in KEYS.items()]
        return [(all_.nth(i), keys) for all_, keys in kinds for i, good in enumerate(all_.evaluate_all(useful)) if good]

    def seen(self) -> str:
        """All that a reader can see: markup, what fields hold, where the focus is."""
        return self.root.evaluate("""(root) => {
            const fields = [...root.querySelectorAll("input, select")];
            const values = fields.map((field) => `${field.value} ${field.checked} ${field.selectedIndex}`);
            return [root.innerHTML, root.querySelector(":focus")?.getAttribute("aria-label"), ...values].join();
        }""")


def shot(what: Page | Locator, name: str) -> Path:
    """Keep a picture in build/screenshots, which the workflow uploads."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    path = SCREENSHOTS / f"{name}.png"
    what.screenshot(path=path, animations="disabled")
    return path


OpenPage = Callable[..., Page]
