"""Time of a build, weight of pages, and how fast explorers start and step: python benchmarks/book.py [--html FOLDER]

Promises: cold build in smoke under 15 min, warm under 2 min; a lesson under 1.5 MB before images; first interaction
under 2 s; a step under 16 ms. A cold build takes minutes; --html measures the pages of a book that is built already.
"""

import argparse
import gzip
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from course_utils import profiles
from course_utils.widgets import EXPLORERS

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from browser import kit  # noqa: E402

WARM, LOADS, STEPS = 3, 10, 40
COURSE = [sys.executable, "-c", "from course_utils.cli import main; main()"]

# From the start of the navigation until an explorer runs, and until it has answered a key or a click.
FIRST = """
new MutationObserver((_, observer) => {
  const ready = document.querySelector("[data-afm=ready]");
  if (!ready || window.started) return;
  window.started = performance.now();
  const cell = ready.querySelector("[role=gridcell]:not([aria-selected=true])");
  const slider = ready.querySelector("input[type=range]");
  if (cell) cell.click();
  else if (slider) [slider.value++, slider.dispatchEvent(new Event("input"))];
  else [...ready.querySelectorAll("button:enabled")][0].click();
  requestAnimationFrame(() => setTimeout(() => { window.answered = performance.now() }));
  observer.disconnect();
}).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-afm"] });
"""

# Each control of an explorer is used `steps` times; a step ends when the page is laid out anew.
STEP = """(root, steps) => {
  const times = {};
  const acts = {
    "input[type=range]": (e, i) => { i % 2 ? e.stepDown() : e.stepUp(); e.dispatchEvent(new Event("input")) },
    "select": (e) => { e.selectedIndex = (e.selectedIndex + 1) % e.length; e.dispatchEvent(new Event("change")) },
    "input[type=checkbox]": (e) => e.click(),
    "input[type=number]": (e, i) => { e.value = +e.value + (i % 2 ? -1 : 1); e.dispatchEvent(new Event("change")) },
    "[role=gridcell][tabindex='0']": (e, i) => e.dispatchEvent(new KeyboardEvent("keydown",
      { key: ["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"][i % 4], bubbles: true, cancelable: true })),
    ".cx-body button:enabled": (e) => e.click(),
  };
  for (const [css, act] of Object.entries(acts)) {
    const count = root.querySelectorAll(css).length;
    for (let n = 0; n < count; n++)
      for (let i = 0; i < steps; i++) {
        const control = root.querySelectorAll(css)[n]; // redrawn or hidden by a step before, perhaps
        if (!control?.checkVisibility()) break;
        const start = performance.now();
        act(control, i);
        document.documentElement.getBoundingClientRect();
        (times[css] ??= []).push(performance.now() - start);
      }
  }
  return times;
}"""


def spread(values: Sequence[float]) -> str:
    """Median, 95th percentile, maximum and number."""
    ordered = sorted(values)
    high = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
    return f"median {statistics.median(ordered):7.1f}, p95 {high:7.1f}, max {ordered[-1]:7.1f}, n = {len(ordered)}"


def build(out: Path) -> Path:
    """Build the book cold, then warm; print seconds; the folder of its pages."""

    def seconds() -> float:
        start = time.perf_counter()
        subprocess.run([*COURSE, "book", "--out", str(out)], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
        return time.perf_counter() - start

    print(f"build, cold (smoke, notebooks executed)  {seconds():7.1f} s, n = 1")
    warm = [seconds() for _ in range(WARM)]
    print(f"build, warm (nothing changed)            {spread(warm)} s")
    return out / "html"


def weights(browser: Browser, html: Path, address: str) -> None:
    """Print what the lessons and the heaviest other page weigh, without pictures."""
    print("weight without pictures (kB as travelling, compressed by gzip; kB unpacked)")
    for path in sorted([html / "index.html", *html.glob("lessons/*.html"), *html.glob("exercises/*.html")]):
        page, bodies = browser.new_page(), {}
        page.on("response", lambda r, b=bodies: b.setdefault(r.url, (r.request.resource_type, r.body())))
        page.goto(f"{address}/{path.relative_to(html).as_posix()}", wait_until="networkidle")
        kit.settle(page)
        packed, plain = kit.weight(bodies, gzip.compress), kit.weight(bodies)
        print(f"  {path.relative_to(html).as_posix():40} {packed / 1000:8.0f} {plain / 1000:8.0f}")
        page.close()


def first_interaction(browser: Browser, html: Path, address: str) -> None:
    """Print milliseconds from navigation to a running explorer, and to its first answer, each in an empty cache."""
    print("first explorer of a page (ms from navigation): runs; has answered")
    holding = [path for path in sorted(html.rglob("*.html")) if b"widget-view+json" in path.read_bytes()]
    for path in holding:
        runs, answers = [], []
        for _ in range(LOADS):
            context = browser.new_context()
            page = context.new_page()
            page.add_init_script(FIRST)
            page.goto(f"{address}/{path.relative_to(html).as_posix()}")
            page.wait_for_function("window.answered")
            runs.append(page.evaluate("started"))
            answers.append(page.evaluate("answered"))
            context.close()
        print(f"  {path.relative_to(html).as_posix():40} {spread(runs)}; {spread(answers)}")


def steps(browser: Browser) -> None:
    """Print milliseconds from an event to the new layout, for each explorer and for its kinds of control."""
    print("a step (ms from event to layout)")
    with tempfile.TemporaryDirectory() as folder, kit.serve(Path(folder)) as address:
        (Path(folder) / "afm-host.js").symlink_to(kit.HOST_SCRIPT)
        for kind in EXPLORERS:
            (Path(folder) / "index.html").write_text(kit.page_of(kind()), encoding="utf-8")
            page = browser.new_page()
            page.goto(address)
            kit.settle(page)
            root = page.locator("[data-afm=ready]")
            root.evaluate(STEP, 4)  # the browser compiles what it runs often
            times = root.evaluate(STEP, STEPS)
            everything = [value for values in times.values() for value in values]
            print(f"  {kind.name:32} {spread(everything)}")
            for control, values in times.items():
                print(f"    {control:30} {spread(values)}")
            page.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--html", type=Path, metavar="FOLDER", help="measure these pages and build nothing")
    asked = parser.parse_args()
    print(f"{profiles.device_report()}; {profiles.versions()}")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        html = asked.html or build(Path(folder) / "book")
        browser = kit.launch(playwright)
        print(f"Chromium {browser.version}")
        with kit.serve(html) as address:
            weights(browser, html, address)
            first_interaction(browser, html, address)
        steps(browser)
        browser.close()


if __name__ == "__main__":
    main()
