// What all explorers share: elements, controls, grids, axes, undo, sharing, the line for screen readers.
//
// An explorer's module imports from here by name and nothing else; `explorer.py` puts the two texts into one module, since
// a widget's front end is a single file. Nothing here reaches the network or a kernel.

// ---- numbers and colours -------------------------------------------------------------------------------------------

/** A number as text: at most `digits` decimals, a real minus sign, no trailing zeros. */
export function format(x, digits = 2) {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "undefined" : x > 0 ? "∞" : "−∞";
  const text = String(Math.abs(+x.toFixed(digits)));
  return x < 0 && text !== "0" ? "−" + text : text;
}

/** A number as exactly as it can be said: 1/9 rather than 0.11. */
export function asFraction(x) {
  const below = range(100).map((i) => i + 1).find((d) => Math.abs(x * d - Math.round(x * d)) < 1e-9);
  return below > 1 ? `${format(x * below, 0)}/${below}` : format(x);
}

/** A whole number with thousands apart: 1,196,586. */
export const thousands = (x) => format(x, 0).replace(/\B(?=(\d{3})+(?!\d))/g, ",");

export const clamp = (x, least, most) => Math.min(most, Math.max(least, x));

/** [0, 1, ..., n - 1] */
export const range = (n) => Array.from({ length: n }, (_, i) => i);

/** The number at place k, from [0, 1), of the sequence of mulberry32 that starts with the integer `start`; Python draws the same. */
export function mulberry32(start, k) {
  const state = (start + Math.imul(k, 0x6d2b79f5)) | 0;
  let t = Math.imul(state ^ (state >>> 15), state | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}

/** What a link gave, as a whole number between two others. */
export const integerIn = (value, least, most) => clamp(Math.round(+value) || 0, least, most);

/** A number, brought between two ends; `otherwise` where it is none. */
export const numberIn = (value, least, most, otherwise) => (Number.isFinite(value) ? clamp(value, least, most) : otherwise);

/** An exponent: raised(-12) is "⁻¹²". */
export const raised = (n) => [...String(n)].map((c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]).join("");

/** "a, b and c". */
export const listed = (items) => (items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`);

/** What a link gave, if it is a table of up to `most` by `most` numbers; throws if not. */
export function tableOf(value, most, name) {
  const width = value?.[0]?.length;
  const good = (row) => Array.isArray(row) && row.length === width && row.every(Number.isFinite);
  if (!(Array.isArray(value) && width && Math.max(value.length, width) <= most && value.every(good)))
    throw new Error(`${name} is no table of up to ${most} × ${most} numbers`);
  return value;
}

/** A table of `rows` by `columns`, filled by `value(row, column)`. */
export const table = (rows, columns, value) => range(rows).map((r) => range(columns).map((c) => value(r, c)));

const luminance = (rgb) => {
  const [r, g, b] = rgb.map((v) => ((v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const paint = (rgb) => ({
  background: `rgb(${rgb.map(Math.round).join(" ")})`,
  color: luminance(rgb) > 0.179 ? "#000" : "#fff", // 0.179: where black and white contrast equally
});
const mix = (a, b, share) => a.map((v, i) => v + (b[i] - v) * share);

/** Style of a pixel of a picture: black at `least`, white at `most`. */
export const grey = (value, least, most) => paint(mix([0, 0, 0], [255, 255, 255], most > least ? clamp((value - least) / (most - least), 0, 1) : 1));

/** Style of a signed number: white at 0, orange above, purple below, as in the lessons' figures. */
export const signed = (value, most) => {
  const share = most > 0 ? clamp(Math.abs(value) / most, 0, 1) : 0;
  return paint(mix([247, 247, 247], value < 0 ? [94, 60, 153] : [230, 97, 1], share));
};

/** Style of an amount from 0 to `most`: cividis, from dark blue to yellow, readable without colour vision. */
export const amount = (value, most) => {
  const stops = [[0, 34, 78], [66, 78, 108], [125, 124, 120], [188, 175, 111], [254, 232, 56]];
  const place = most > 0 ? clamp(value / most, 0, 1) * (stops.length - 1) : 0;
  const low = Math.min(Math.floor(place), stops.length - 2);
  return paint(mix(stops[low], stops[low + 1], place - low));
};

// ---- elements ------------------------------------------------------------------------------------------------------

const FOCUSABLE = new Set(["input", "button", "select", "textarea", "summary"]);
let counter = 0;
export const uid = (prefix) => `${prefix}-${++counter}-${Math.random().toString(36).slice(2, 7)}`;

/** An element. attrs: `text`, `on: {event: handler}`, `style: {...}`; anything else is an attribute, false and null leave it out. */
export function h(tag, attrs = {}, ...children) {
  return dress(document.createElement(tag), attrs, children);
}

/** The same for SVG. */
export function svg(tag, attrs = {}, ...children) {
  return dress(document.createElementNS("http://www.w3.org/2000/svg", tag), attrs, children);
}

function dress(element, attrs, children) {
  for (const [name, value] of Object.entries(attrs)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") element.textContent = value;
    else if (name === "on") for (const [event, handler] of Object.entries(value)) element.addEventListener(event, handler);
    else if (name === "style") Object.assign(element.style, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  // JupyterLab's shortcuts swallow the keys of a focused element in an output unless that very element says this.
  if (FOCUSABLE.has(element.localName) || "tabindex" in attrs) element.setAttribute("data-lm-suppress-shortcuts", "true");
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Set attribute, text or style only where it changes, so that a step costs little and focus stays. */
const update = (element, name, value) => {
  const text = value === null || value === undefined || value === false ? null : value === true ? "" : String(value);
  if (text === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== text) element.setAttribute(name, text);
};
const write = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

// ---- a grid of numbers ---------------------------------------------------------------------------------------------

/**
 * A table of numbers to look at, step through and, with `edit`, change: arrow keys, Home, End, Page keys and, with Ctrl, corners.
 *
 * label: what the grid is. select(row, column): a cell was chosen. edit(row, column, value): it was given a value, by typing it,
 * by Shift with an arrow up or down, or in the field below the grid, which also serves touch. step: what these add. Without `select` and
 * `edit` it is a picture with a label (role img), unless `explore` is true.
 * small: squares without numbers, for large grids; `label` of a cell still says its number.
 * `draw({rows, columns, cell, selected, frames, label, caption})` shows it. cell(row, column) gives {text, label, value, style,
 * class, current}, frames are outlines [row, column, rows, columns, class] around windows.
 */
export function grid({ label, select, edit, step = 1, explore = Boolean(select || edit), caption = label, small = false }) {
  const outlines = h("div", { "aria-hidden": "true" });
  const cells = h("div", { class: `cx-grid${small ? " cx-small" : ""}` });
  const note = h("figcaption", { text: caption });
  const element = h("figure", { class: "cx-pane" }, note, h("div", { class: "cx-scroll" }, h("div", { class: "cx-stage" }, cells, outlines)));
  let rows = 0, columns = 0, shown = [], at = [0, 0], typed = null;
  const field = edit && editor();
  if (field) element.append(field.element);

  function editor() {
    const id = uid("cx-field");
    const name = h("label", { for: id });
    const input = h("input", { type: "number", id, step: "any", on: { change: () => {
      if (input.value.trim() !== "" && Number.isFinite(+input.value)) edit(at[0], at[1], +input.value);
      else input.value = input.dataset.value; // not a number: what was there stays
    } } });
    const bump = (sign) => () => edit(at[0], at[1], +(+input.dataset.value + sign * step).toFixed(6));
    const minus = h("button", { type: "button", text: "−", "aria-label": "less", on: { click: bump(-1) } });
    const plus = h("button", { type: "button", text: "+", "aria-label": "more", on: { click: bump(1) } });
    return { element: h("div", { class: "cx-field" }, name, minus, input, plus), name, input };
  }
  const move = (row, column, focus = true) => {
    at = [clamp(row, 0, rows - 1), clamp(column, 0, columns - 1)];
    rove();
    if (focus) shown[at[0]][at[1]].focus();
    if (select) select(...at);
    if (field) fill();
  };
  const rove = () => shown.forEach((line, r) => line.forEach((cell, c) => update(cell, "tabindex", r === at[0] && c === at[1] ? 0 : -1)));
  const fill = () => {
    const value = shown[at[0]][at[1]].dataset.value ?? "";
    write(field.name, `${caption}, row ${at[0]}, column ${at[1]}`);
    field.input.dataset.value = value;
    if (document.activeElement !== field.input) field.input.value = value;
  };
  const keys = {
    ArrowRight: (r, c) => [r, c + 1], ArrowLeft: (r, c) => [r, c - 1], ArrowDown: (r, c) => [r + 1, c], ArrowUp: (r, c) => [r - 1, c],
    Home: (r, c, far) => [far ? 0 : r, 0], End: (r, c, far) => [far ? rows - 1 : r, columns - 1],
    PageUp: (r, c) => [0, c], PageDown: (r, c) => [rows - 1, c],
  };
  const key = (event) => {
    const target = keys[event.key];
    const by = event.shiftKey && edit ? { ArrowUp: step, ArrowDown: -step }[event.key] : undefined;
    if (by) {
      event.preventDefault();
      event.stopPropagation();
      typed = null;
      edit(at[0], at[1], +(+shown[at[0]][at[1]].dataset.value + by).toFixed(6));
    } else if (target && !event.altKey && !event.metaKey) {
      event.preventDefault();
      event.stopPropagation();
      typed = null;
      move(...target(at[0], at[1], event.ctrlKey));
    } else if (edit && !event.ctrlKey && !event.altKey && !event.metaKey) typing(event);
  };
  const typing = (event) => {
    let next = null;
    if (/^[\d.-]$/.test(event.key)) {
      typed = event.key === "-" ? "-" : (typed ?? "") + event.key;
      next = Number.isFinite(+typed) && typed !== "" ? +typed : null;
    } else if (event.key === "Backspace" || event.key === "Delete") [next, typed] = [0, null];
    else return;
    event.preventDefault();
    event.stopPropagation();
    if (next !== null) edit(at[0], at[1], next);
  };
  const rebuild = () => {
    const inside = cells.contains(document.activeElement);
    at = [clamp(at[0], 0, rows - 1), clamp(at[1], 0, columns - 1)];
    shown = table(rows, columns, (r, c) => h("div", explore ? {
      role: "gridcell", class: "cx-cell", tabindex: -1, "aria-rowindex": r + 1, "aria-colindex": c + 1,
      on: { click: () => { typed = null; move(r, c); }, keydown: key },
    } : { class: "cx-cell" }));
    cells.replaceChildren(...shown.map((line) => h("div", { class: "cx-row", role: explore ? "row" : null }, ...line)));
    if (explore) rove();
    if (inside) shown[at[0]]?.[at[1]]?.focus();
  };
  return {
    element,
    draw({ rows: R, columns: C, cell, selected, frames = [], label: now = label, caption: title = caption }) {
      if (R !== rows || C !== columns) {
        [rows, columns] = [R, C];
        rebuild();
      }
      if (selected && (selected[0] !== at[0] || selected[1] !== at[1])) {
        at = [...selected];
        typed = null;
        if (explore) rove();
      }
      write(note, title);
      update(cells, "role", explore ? "grid" : "img");
      update(cells, "aria-label", now);
      if (explore) [update(cells, "aria-rowcount", R), update(cells, "aria-colcount", C)];
      shown.forEach((line, r) => line.forEach((node, c) => {
        const { text, label: name, style = {}, class: extra = "", value, current = false } = cell(r, c);
        const known = JSON.stringify([text, name, style, extra, value, current, Boolean(selected)]);
        if (node.known === known) return; // most cells stay as they are in a step, and setting a style costs a layout
        node.known = known;
        write(node, small ? "" : text);
        update(node, "class", `cx-cell ${extra}${current ? " cx-current" : ""}`.trim());
        Object.assign(node.style, { background: "", color: "", ...style });
        if (explore) [update(node, "aria-label", name ?? text), update(node, "aria-selected", selected ? String(Boolean(current)) : null)];
        if (value !== undefined) node.dataset.value = value;
      }));
      if (field) fill();
      outlines.replaceChildren(...frames.map(([row, column, high, wide, extra = ""]) => {
        const box = h("div", { class: `cx-frame ${extra} ${small ? "cx-small" : ""}` });
        for (const [name, value] of Object.entries({ row, column, high, wide })) box.style.setProperty(`--${name}`, value);
        return box;
      }));
    },
  };
}

// ---- axes for a chart ----------------------------------------------------------------------------------------------

/**
 * Axes of a chart that is 300 units wide, so that its letters stay 12 px on a phone.
 *
 * x, y: {label, least, most, ticks, log, show}; label names the unit. `element` is the <svg>, `plot` the group to draw into,
 * `x(value)` and `y(value)` give places in it; `describe(text)` sets its text alternative.
 */
export function axes({ x, y, height = 220, left = 46 }) {
  const size = { left, right: 292, top: 10, bottom: height - 40 };
  const place = (axis, from, to) => {
    const f = axis.log ? Math.log10 : (v) => v;
    return (value) => from + ((f(value) - f(axis.least)) / (f(axis.most) - f(axis.least))) * (to - from);
  };
  const px = place(x, size.left, size.right), py = place(y, size.bottom, size.top);
  const plot = svg("g", {});
  const ticks = svg("g", { class: "cx-ticks" });
  const element = svg("svg", { viewBox: `0 0 300 ${height}`, class: "cx-chart", role: "img" },
    svg("path", { class: "cx-axis", d: `M${size.left} ${size.top}V${size.bottom}H${size.right}` }), ticks, plot,
    svg("text", { x: (size.left + size.right) / 2, y: height - 4, "text-anchor": "middle", text: x.label }),
    svg("text", { x: 12, y: (size.top + size.bottom) / 2, "text-anchor": "middle", text: y.label,
      transform: `rotate(-90 12 ${(size.top + size.bottom) / 2})` }));
  for (const v of x.ticks) ticks.append(
    svg("path", { d: `M${px(v)} ${size.bottom}v4` }),
    svg("text", { x: px(v), y: size.bottom + 16, "text-anchor": "middle", text: (x.show ?? format)(v) }));
  for (const v of y.ticks) ticks.append(
    svg("path", { d: `M${size.left} ${py(v)}h-4` }),
    svg("text", { x: size.left - 7, y: py(v) + 4, "text-anchor": "end", text: (y.show ?? format)(v) }));
  return { element, plot, x: px, y: py, size, describe: (text) => update(element, "aria-label", text) };
}

/**
 * A chart below its caption, whose axes are made anew only where they change.
 *
 * holder: attributes of the element that holds the chart; between: what stands between caption and chart. `on(spec, caption)`
 * gives emptied axes for a spec of `axes`, which `now()` gives again; `at(event)` is where a pointer is, in their units.
 */
export function sheet(holder = {}, between = null) {
  const title = h("figcaption", {}), stand = h("div", holder);
  let key = "", now = null;
  return {
    holder: stand,
    element: h("figure", { class: "cx-pane", style: { flex: "1 1 300px", maxWidth: "27rem" } }, title, between, stand),
    now: () => now,
    on(spec, caption) {
      if (title.textContent !== caption) title.textContent = caption;
      if (JSON.stringify(spec) !== key) {
        [key, now] = [JSON.stringify(spec), { ...axes(spec), spec }];
        stand.replaceChildren(now.element);
      }
      now.plot.replaceChildren();
      return now;
    },
    at(event) {
      const box = now.element.getBoundingClientRect(), unit = 300 / box.width, { left, right, top, bottom } = now.size;
      const along = ({ least, most }, part) => least + clamp(part, 0, 1) * (most - least);
      return [along(now.spec.x, ((event.clientX - box.left) * unit - left) / (right - left)), along(now.spec.y, (bottom - (event.clientY - box.top) * unit) / (bottom - top))];
    },
  };
}

// ---- the explorer --------------------------------------------------------------------------------------------------

/**
 * The front end of an explorer.
 *
 * name: as in links; python: its class; title; traits: names of the state that is undone, reset and shared. data: names of what
 * Python may give later, such as scores: a change is drawn, but neither undone nor shared.
 * clean(state, given): the same state made valid, whatever came from a link or from Python (throws if nothing can be made of
 * it). derive(state, given): traits that are computed here and read from Python. given(name) is a trait that is no state: data
 * that Python gave once. build(ui): puts elements into `ui.root`, returns
 * `draw(state)`, which is called after every change and returns the line that says what is to be seen.
 */
export function explorer(spec) {
  return { render: ({ model, el }) => render(spec, model, el) };
}

function render(spec, model, el) {
  const onPage = Boolean(document.querySelector('script[type="application/vnd.jupyter.widget-state+json"]'));
  const read = () => Object.fromEntries(spec.traits.map((name) => [name, model.get(name)]));
  const given = (name) => model.get(name);
  const clean = (state) => (spec.clean ? spec.clean(structuredClone(state), given) : state);
  const says = h("p", { class: "cx-says" });
  const live = h("p", { class: "cx-live", "aria-live": "polite" });
  const notice = h("p", { class: "cx-notice", role: "status" });
  const body = h("div", { class: "cx-body" });
  const root = h("section", { class: "cx", role: "group", "aria-label": `${spec.title}, an explorer`, "data-explorer": spec.name });
  const start = clean(read());
  let past = [], future = [], present = start, group = null, spoken;

  const publish = (state) => {
    const all = { ...state, ...(spec.derive ? spec.derive(state, given) : {}) };
    const changed = Object.entries(all).filter(([name, value]) => JSON.stringify(model.get(name)) !== JSON.stringify(value));
    model.set(Object.fromEntries(changed)); // at once: a second view must not see half a change
    model.save_changes();
  };
  const show = () => {
    synced.forEach((sync) => sync(present));
    const line = draw(present) ?? "";
    write(says, line);
    clearTimeout(spoken); // a slider that is dragged must not make a screen reader read every value on its way
    spoken = setTimeout(() => write(live, line), 250);
    undo.disabled = !past.length;
    redo.disabled = !future.length;
  };
  let ours = false;
  const become = (state) => {
    present = state;
    ours = true;
    try { publish(state); } finally { ours = false; }
    show();
  };
  /** Change some of the state. together: changes in a row with the same name are undone as one, such as a slider's. */
  const set = (changes, together = null) => {
    const next = clean({ ...present, ...changes });
    if (JSON.stringify(next) === JSON.stringify(present)) return show();
    if (together === null || together !== group) past.push(present);
    [group, future] = [together, []];
    write(notice, "");
    become(next);
  };
  const travel = (from, to) => () => {
    if (!from.length) return;
    to.push(present);
    group = null;
    become(from.pop());
  };
  const button = (text, click, attrs = {}) => h("button", { type: "button", text, on: { click }, ...attrs });
  const undo = button("Undo", () => travel(past, future)());
  const redo = button("Redo", () => travel(future, past)());
  const reset = button("Reset", () => set(start));
  const share = button(onPage ? "Copy link" : "Copy as Python", () => copy(onPage ? link() : code()));
  const link = () => location.href.split("#")[0] + `#${spec.name}=` + encodeURIComponent(JSON.stringify(present));
  const code = () => `${spec.python}(${spec.traits.map((name) => `${name}=${literal(present[name])}`).join(", ")})`;
  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      write(notice, onPage ? "The link is copied: it opens this page in this state." : "Copied: paste it into a cell.");
    } catch {
      const field = h("input", { class: "cx-copy", readonly: true, value: text, "aria-label": "To copy" });
      notice.replaceChildren("Copy this: ", field); // the page may not write to the clipboard
      field.select();
    }
  };
  const linked = () => {
    const [name, text] = location.hash.slice(1).split("=");
    if (name !== spec.name || !text) return;
    try {
      const asked = JSON.parse(decodeURIComponent(text));
      become(clean({ ...present, ...Object.fromEntries(spec.traits.filter((t) => t in asked).map((t) => [t, asked[t]])) }));
      root.scrollIntoView({ block: "center" });
    } catch {
      write(notice, "The state in this link cannot be read, so the explorer starts afresh.");
    }
  };

  // Controls that follow a trait by themselves.
  const synced = [];
  const labelled = (text, control, after = null) => {
    control.id = uid("cx");
    const label = h("label", { for: control.id, text });
    return h("span", { class: "cx-control" }, ...(control.type === "checkbox" ? [control, label] : [label, control]), after);
  };
  const controls = {
    /** A slider over a number. show(value): the text beside it. values: the numbers to choose from, instead of least, most, step. */
    slider({ trait, label, least, most, step = 1, values = null, show: text = (v) => format(v) }) {
      const out = h("output", {});
      const input = h("input", { type: "range", min: values ? 0 : least, max: values ? values.length - 1 : most, step: values ? 1 : step,
        on: { input: () => set({ [trait]: values ? values[+input.value] : +input.value }, trait) } });
      const element = labelled(label, input, out);
      out.setAttribute("for", input.id);
      synced.push((state) => {
        input.value = values ? nearest(values, state[trait]) : state[trait];
        write(out, text(state[trait]));
        update(input, "aria-valuetext", text(state[trait]));
      });
      return element;
    },
    /** A list to choose from. options: [[value, text], ...]. choose(value): what to change, value(state): what is chosen; by default the trait itself. */
    choice({ trait, label, options, choose = (value) => ({ [trait]: value }), value: chosen = (state) => state[trait] }) {
      const input = h("select", { on: { change: () => set(choose(options[input.selectedIndex][0])) } },
        ...options.map(([, text]) => h("option", { text })));
      synced.push((state) => { input.selectedIndex = options.findIndex(([value]) => JSON.stringify(value) === JSON.stringify(chosen(state))); });
      return labelled(label, input);
    },
    /** A box to tick. */
    tick({ trait, label }) {
      const input = h("input", { type: "checkbox", on: { change: () => set({ [trait]: input.checked }) } });
      synced.push((state) => { input.checked = Boolean(state[trait]); });
      return labelled(label, input);
    },
    /** A field for a number. Anything else, or a number outside, is put back. */
    number({ trait, label, least = -Infinity, most = Infinity, step = "any" }) {
      const input = h("input", { type: "number", step, min: Number.isFinite(least) ? least : null, max: Number.isFinite(most) ? most : null,
        on: { change: () => {
          const value = input.value.trim() === "" ? NaN : +input.value;
          value >= least && value <= most ? set({ [trait]: value }) : (input.value = present[trait]);
        } } });
      synced.push((state) => { if (document.activeElement !== input || +input.value !== state[trait]) input.value = state[trait]; });
      return labelled(label, input);
    },
  };
  const ui = {
    root: body, set, button, ...controls, state: () => present,
    /** A trait that is no state: what Python gave once, such as pictures to choose from. */
    given,
    /** Controls side by side. */
    bar: (...items) => h("div", { class: "cx-bar" }, ...items),
    /** Pictures side by side, below each other on a phone. */
    panes: (...items) => h("div", { class: "cx-panes" }, ...items),
  };
  const draw = spec.build(ui);
  root.append(h("p", { class: "cx-title", text: spec.title }), body, says, live,
    h("div", { class: "cx-bar cx-tools" }, undo, redo, reset, share), notice);
  el.append(root);

  const heard = () => {
    if (ours) return;
    const next = clean(read());
    if (JSON.stringify(next) === JSON.stringify(present)) return;
    past.push(present);
    [group, future] = [null, []];
    become(next); // what is computed here is due to Python again
  };
  const changes = (traits) => traits.map((name) => `change:${name}`).join(" ");
  const events = changes(spec.traits), news = changes(spec.data ?? []), renew = () => become(clean(read()));
  model.on(events, heard);
  if (news) model.on(news, renew);
  become(present);
  if (onPage) {
    linked();
    window.addEventListener("hashchange", linked);
  }
  return () => {
    clearTimeout(spoken);
    model.off(events, heard);
    if (news) model.off(news, renew);
    window.removeEventListener("hashchange", linked);
  };
}

const nearest = (values, value) => values.reduce((best, v, i) => (Math.abs(v - value) < Math.abs(values[best] - value) ? i : best), 0);

/** A value as Python writes it. */
const literal = (value) => {
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (value === null || value === undefined) return "None";
  if (typeof value === "object") return `{${Object.entries(value).map(([k, v]) => `${JSON.stringify(k)}: ${literal(v)}`).join(", ")}}`;
  return typeof value === "boolean" ? (value ? "True" : "False") : JSON.stringify(value);
};
