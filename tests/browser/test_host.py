"""The page's stand-in for a kernel runs anywidget modules as JupyterLab does, and says so where it cannot."""

import anywidget
import ipywidgets
import pytest
import traitlets

from browser import kit

COUNTER = """
let loaded = 0;
const initialize = ({ model }) => { model.set("log", [...model.get("log"), "initialize"]) };
const render = ({ model, el }) => {
  const button = document.createElement("button");
  const show = () => { button.textContent = `${model.get("name")} ${model.get("count")}` };
  button.onclick = () => { model.set("count", model.get("count") + 1); model.save_changes(); model.send("pressed") };
  model.on("change:count change:name", show);
  model.set("log", [...model.get("log"), "render"]);
  show();
  el.append(button);
  return () => { window.cleaned = (window.cleaned ?? 0) + 1; model.off("change:count change:name", show) };
};
window.loaded = (window.loaded ?? 0) + 1;
export default { initialize, render };
"""


class Counter(anywidget.AnyWidget):
    _esm = COUNTER
    _css = ".afm button { color: rgb(1, 2, 3) }"
    name = traitlets.Unicode("count").tag(sync=True)
    count = traitlets.Int(0).tag(sync=True)
    log = traitlets.List().tag(sync=True)


class Model(anywidget.AnyWidget):
    """A widget that only shows that it is there; the tests talk to its model."""

    _esm = "export default async () => ({ render: ({ el }) => { el.textContent = 'here' } })"
    values = traitlets.Dict().tag(sync=True)
    a = traitlets.Any(1).tag(sync=True)
    b = traitlets.Any(2).tag(sync=True)


class Broken(anywidget.AnyWidget):
    _esm = "export default { render: () => { throw new Error('the cat sat on it') } }"


@pytest.fixture
def show(site, open_page):
    """`show(*widgets)`: a page with a view of each."""

    def show(*widgets):
        folder, address = site
        (folder / "index.html").write_text(kit.page_of(*widgets), encoding="utf-8")
        return open_page(f"{address}/")

    return show


def test_views_of_one_model_move_together_and_apart_from_another_model(show):
    shared, other = Counter(name="shared"), Counter(name="other")
    page = show(shared, shared, other)
    buttons = page.get_by_role("button")
    buttons.nth(0).click()
    buttons.nth(1).click()
    assert buttons.all_inner_texts() == ["shared 2", "shared 2", "other 0"]


def test_a_module_is_loaded_once_and_styled_once(show):
    page = show(Counter(), Counter())
    assert page.evaluate("loaded") == 1
    assert (
        page.evaluate("[...document.querySelectorAll('style')].filter(s => s.textContent.includes('.afm')).length") == 1
    )
    assert page.get_by_role("button").first.evaluate("b => getComputedStyle(b).color") == "rgb(1, 2, 3)"


def test_a_model_is_initialised_once_and_rendered_for_each_view(show):
    widget = Counter()
    page = show(widget, widget)
    log = page.locator(".afm").first.evaluate("el => el.model.get('log')")
    assert log == ["initialize", "render", "render"]


def test_leaving_the_page_cleans_up_each_view(show):
    page = show(Counter(), Counter())
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    assert page.evaluate("window.cleaned") is None, "the browser may bring this page back as it was"
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: false }))")
    assert page.evaluate("window.cleaned") == 2


def test_binary_traits_arrive_as_bytes_wherever_they_stand(show):
    page = show(Model(values={"deep": [b"\x00\xff", {"text": "é"}]}, a=bytes(range(256))))
    read = "el => { const v = el.model.get('a'); return [v.constructor.name, v.byteLength, v.getUint8(255)] }"
    assert page.locator(".afm").evaluate(read) == ["DataView", 256, 255]
    assert page.locator(".afm").evaluate("el => el.model.get('values').deep[0].getUint8(1)") == 255
    assert page.locator(".afm").evaluate("el => el.model.get('values').deep[1].text") == "é"


@pytest.mark.parametrize(
    ("script", "events"),
    [
        ("m.set('a', 5)", ["change:a 5", "change"]),
        ("m.set({ a: 5, b: [6] })", ["change:a 5", "change:b 6", "change"]),
        ("m.set('a', 1); m.set('b', 2)", []),
        ("m.set('a', [1, { x: 2 }]); m.set('a', [1, { x: 2 }])", ["change:a 1,[object Object]", "change"]),
        ("m.set('a', [1]); m.set('a', { 0: 1 })", ["change:a 1", "change", "change:a [object Object]", "change"]),
        ("m.set('a', [1, 2]); m.set('a', [1])", ["change:a 1,2", "change", "change:a 1", "change"]),
        ("m.set('a', null); m.set('a', NaN); m.set('a', NaN)", ["change:a null", "change", "change:a NaN", "change"]),
        ("m.off('change:a', one); m.set('a', 5)", ["change"]),
        ("m.off('change'); m.set('a', 5)", ["change:a 5"]),
        ("m.off(null, one); m.set({ a: 5, b: 6 })", ["change"]),
        ("m.off(); m.set('a', 5)", []),
    ],
)
def test_only_a_change_is_told_and_only_to_those_who_listen(show, script, events):
    page = show(Model())
    run = f"""el => {{ const m = el.model, events = [];
        const name = (value) => (Object.is(m.get('a'), value) ? 'a' : 'b');
        const one = (model, value) => events.push(`change:${{name(value)}} ${{value}}`);
        m.on('change:a change:b', one); m.on('change', () => events.push('change'));
        {script}; return events }}"""
    assert page.locator(".afm").evaluate(run) == events


def test_a_broken_module_says_so_in_its_place_and_leaves_the_others_alone(show, watch):
    page = show(Counter(), Broken(), Counter())
    assert page.get_by_role("button").count() == 2
    assert page.locator("[data-afm=failed]").inner_text() == (
        "This explorer could not start (the cat sat on it): reload the page, or open the notebook in JupyterLab."
    )
    assert any("the cat sat on it" in fault for fault in watch.faults)
    watch.faults.clear()


def test_a_view_without_its_state_says_so(site, open_page, watch):
    folder, address = site
    widget = Counter()
    text = kit.page_of(widget).replace(f'"{widget.model_id}": ', '"another": ')
    (folder / "index.html").write_text(text, encoding="utf-8")
    page = open_page(f"{address}/")
    assert "the page does not hold its state" in page.locator("[data-afm=failed]").inner_text()
    assert len(watch.faults) == 1
    watch.faults.clear()


def test_a_core_widget_says_that_it_needs_a_kernel(show):
    page = show(ipywidgets.IntSlider(), Counter())
    assert "needs a Python kernel" in page.locator("[data-afm=kernel]").inner_text()
    assert page.get_by_role("button").count() == 1


def test_a_command_for_python_is_refused(site, show):
    class Asking(anywidget.AnyWidget):
        _esm = """export default { async render({ el, experimental }) {
            el.textContent = await experimental.invoke("add", [1]).catch((error) => error.message) } }"""

    assert "needs a Python kernel" in show(Asking()).locator(".afm").inner_text()


def test_nothing_is_fetched_but_the_page_and_the_script(show):
    page = show(Counter(), Model())
    fetched = page.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
    files = {name.rpartition("/")[2] for name in fetched if not name.startswith("blob:")}
    assert files - {"favicon.ico"} == {"afm-host.js"}  # a browser asks for an icon where a page names none


def test_a_page_without_widgets_is_left_alone(site, open_page):
    folder, address = site
    (folder / "index.html").write_text(
        "<!doctype html><p>text</p><script src='afm-host.js'></script>", encoding="utf-8"
    )
    assert open_page(f"{address}/").locator("body").inner_text() == "text"
