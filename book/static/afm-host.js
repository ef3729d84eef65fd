// Keeps the explorers alive on a page without a kernel: runs the anywidget modules (https://anywidget.dev/en/afm) that
// stand in the widget state which the page embeds. It takes the place of require.js and the 3.6 MB html-manager, asks
// for nothing from anywhere, and shows a sentence where a widget needs Python. For the page's own scripts, each
// explorer's element carries `data-afm` ("loading", "ready", "failed" or "kernel") and, when ready, its `model`.
(() => {
  const STATE = 'script[type="application/vnd.jupyter.widget-state+json"]';
  const VIEW = 'script[type="application/vnd.jupyter.widget-view+json"]';
  const page = new AbortController(); // aborted when the page is left for good: every cleanup runs

  // As in JupyterLab: setting a trait to an equal value is no change.
  const same = (a, b) => {
    if (Object.is(a, b)) return true;
    if (!a || !b || typeof a !== "object" || Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
    if (ArrayBuffer.isView(a)) return a.byteLength === b.byteLength && same([...bytes(a)], [...bytes(b)]);
    const keys = Object.keys(a);
    return keys.length === Object.keys(b).length && keys.every((key) => key in b && same(a[key], b[key]));
  };
  const bytes = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

  // Binary traits travel as base64 beside the state, each with its path into it.
  const unpack = ({ state, buffers = [] }) => {
    const values = structuredClone(state);
    for (const { path, data } of buffers) {
      const raw = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
      const parent = path.slice(0, -1).reduce((inner, key) => inner[key], values);
      parent[path.at(-1)] = new DataView(raw.buffer);
    }
    return values;
  };

  const createModel = (record) => {
    const values = unpack(record), listeners = new Map();
    const emit = (event, ...details) => [...(listeners.get(event) ?? [])].forEach((listener) => listener(...details));
    const model = {
      get: (name) => values[name],
      set(name, value) {
        const changes = typeof name === "object" ? Object.entries(name) : [[name, value]];
        const changed = changes.filter(([key, next]) => !same(values[key], next));
        changed.forEach(([key, next]) => (values[key] = next));
        changed.forEach(([key, next]) => emit(`change:${key}`, model, next));
        if (changed.length) emit("change", model);
      },
      on(events, listener) {
        for (const event of events.split(/\s+/)) listeners.set(event, (listeners.get(event) ?? new Set()).add(listener));
      },
      off(events, listener) {
        for (const event of events ? events.split(/\s+/) : [...listeners.keys()])
          if (listener) listeners.get(event)?.delete(listener);
          else listeners.delete(event);
      },
      save_changes() {}, // nobody to save for
      send() {}, // nobody to answer
    };
    return model;
  };

  // A module is its text: two explorers of one kind share it, and its style sheet.
  const memory = new Map();
  const once = (key, make) => memory.get(key) ?? memory.set(key, make()).get(key);
  const load = async (source) => {
    const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    try {
      const { default: widget } = await import(address);
      return typeof widget === "function" ? await widget() : widget;
    } finally {
      URL.revokeObjectURL(address);
    }
  };
  const style = (text) => document.head.appendChild(Object.assign(document.createElement("style"), { textContent: text }));

  const cleanUp = (whatever) => typeof whatever === "function" && page.signal.addEventListener("abort", whatever);
  const common = {
    signal: page.signal,
    experimental: { invoke: () => Promise.reject(new Error("this needs a Python kernel")) },
  };
  const start = async (id, record, el) => {
    const { _esm, _css } = record.state;
    const widget = await once(_esm, () => load(_esm));
    if (_css) once(_css, () => style(_css));
    const model = await once(id, async () => {
      const fresh = createModel(record);
      cleanUp(await widget.initialize?.({ model: fresh, ...common }));
      return fresh;
    });
    cleanUp(await widget.render?.({ model, el, ...common }));
    el.model = model;
  };

  const say = (el, sentence) => {
    const note = Object.assign(document.createElement("p"), { className: "afm-note", textContent: sentence });
    note.setAttribute("role", "note");
    el.replaceChildren(note);
  };
  const show = async (view, records) => {
    const el = Object.assign(document.createElement("div"), { className: "afm" });
    el.dataset.afm = "loading";
    view.before(el);
    try {
      const { model_id: id } = JSON.parse(view.textContent);
      const record = records[id];
      if (!record) throw new Error("the page does not hold its state");
      if (record.model_module === "anywidget") {
        await start(id, record, el);
        el.dataset.afm = "ready";
      } else {
        say(el, "This control needs a Python kernel: open the notebook in JupyterLab to use it.");
        el.dataset.afm = "kernel";
      }
    } catch (error) {
      say(el, `This explorer could not start (${error.message}): reload the page, or open the notebook in JupyterLab.`);
      el.dataset.afm = "failed";
      console.error(error);
    }
  };

  const run = () => {
    const records = Object.assign({}, ...[...document.querySelectorAll(STATE)].map((s) => JSON.parse(s.textContent).state));
    document.querySelectorAll(VIEW).forEach((view) => show(view, records));
  };
  // A page that the browser keeps for the way back stays alive.
  addEventListener("pagehide", (event) => event.persisted || page.abort());
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", run);
  else run();
})();
