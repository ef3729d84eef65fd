import { axes, clamp, explorer, format, h, range, svg, thousands } from "./toolkit.js";

/** What each number may be: least, most, and what stands in for something that is no number. */
export const LIMITS = {
  side: [8, 1024, 28], channels: [1, 512, 1], hidden_units: [1, 4096, 100], filters: [1, 512, 32], kernel_size: [1, 11, 3],
  training_images: [1, 1e9, 60000],
};
const BYTES = 4; // of a float32

/**
 * Parameters, multiply-adds for one image and outputs of three layers on the same image (stride 1, padding that keeps the size):
 * dense, unshared (a kernel of its own at every place), convolution (the same kernel at every place).
 */
export function counts({ side, channels, hidden_units: units, filters, kernel_size: k, bias }) {
  const [inputs, places, window] = [side * side * channels, side * side, k * k * channels];
  const kernel = window * filters + (bias ? filters : 0);
  return {
    dense: { parameters: inputs * units + (bias ? units : 0), multiply_adds: inputs * units, outputs: units, sees: inputs, uses: 1 },
    unshared: { parameters: places * kernel, multiply_adds: places * window * filters, outputs: places * filters, sees: window, uses: 1 },
    convolution: { parameters: kernel, multiply_adds: places * window * filters, outputs: places * filters, sees: window, uses: places },
  };
}

/** Memory of so many float32 numbers in MiB, 2^20 bytes. */
export const mebibytes = (numbers) => (numbers * BYTES) / 2 ** 20;

/** A number with three digits that count: 574, 0.31, 0.0012. */
export const rough = (x) => (x >= 100 ? thousands(x) : format(+x.toPrecision(3), 12));

const times = (...factors) => factors.map(thousands).join(" × ");

/** How the counts come about, each as a line of arithmetic that ends in the number itself. */
export function arithmetic(state) {
  const { side, channels, hidden_units: units, filters, kernel_size: k, bias } = state;
  const { dense, unshared, convolution } = counts(state);
  const plus = (n) => (bias ? ` + ${thousands(n)}` : "");
  const kernel = times(k, k, channels, filters) + plus(filters);
  const visits = `${thousands(side * side)} places × ${times(k, k, channels, filters)}`;
  return {
    dense: [
      `${times(side, side, channels)} = ${thousands(dense.sees)} inputs`,
      `${times(dense.sees, units)}${plus(units)} = ${thousands(dense.parameters)} parameters`,
      `${times(dense.sees, units)} = ${thousands(dense.multiply_adds)} multiply-adds`,
    ],
    unshared: [
      `${times(side, side)} = ${thousands(convolution.uses)} places`,
      `${thousands(convolution.uses)} places × (${kernel}) = ${thousands(unshared.parameters)} parameters`,
      `${visits} = ${thousands(unshared.multiply_adds)} multiply-adds`,
    ],
    convolution: [
      `${times(k, k, channels)} = ${thousands(convolution.sees)} inputs under the kernel`,
      `${kernel} = ${thousands(convolution.parameters)} parameters`,
      `${visits} = ${thousands(convolution.multiply_adds)} multiply-adds`,
    ],
  };
}

function clean(state) {
  for (const [name, [least, most, otherwise]] of Object.entries(LIMITS)) {
    const value = state[name];
    state[name] = typeof value === "number" && !Number.isNaN(value) ? clamp(Math.round(value), least, most) : otherwise;
  }
  state.bias = state.bias !== false;
  return state;
}

const LAYERS = {
  dense: { title: "Dense layer", idea: "Each output has a weight for every input.", colour: "var(--mark)", dash: null },
  unshared: { title: "Windows, nothing shared", idea: "Each output looks at one window, with weights of its own.", colour: "var(--fg)", dash: "2 4" },
  convolution: { title: "Convolution layer", idea: "Each output looks at one window, and all windows share their weights.", colour: "var(--other)", dash: "8 4" },
};
const SIDES = [8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 1000, 1024];

/** The mark of a layer's point: told apart by shape as well as by colour. */
const mark = (name, x, y) => {
  const shape = { dense: "M-5 -5H5V5H-5Z", unshared: "M0 -7L7 0L0 7L-7 0Z", convolution: "M-5 0A5 5 0 1 1 5 0A5 5 0 1 1 -5 0Z" }[name];
  return svg("path", { d: shape, transform: `translate(${x} ${y})`, style: { fill: LAYERS[name].colour, stroke: "var(--bg)" } });
};
const line = (name, d) => svg("path", { d, fill: "none", "stroke-width": 2.5, "stroke-dasharray": LAYERS[name].dash, style: { stroke: LAYERS[name].colour } });

export default explorer({
  name: "parameter_explosion",
  python: "ParameterExplosion",
  title: "Parameter explosion",
  traits: ["side", "channels", "hidden_units", "filters", "kernel_size", "bias", "training_images"],
  clean,
  derive: (state) => ({ counts: counts(state) }),

  build(ui) {
    const presets = ui.given("presets");
    const own = "own numbers";
    const example = ui.choice({ trait: null, label: "Example", options: [own, ...Object.keys(presets)].map((name) => [name, name]),
      choose: (name) => presets[name] ?? {} });
    const list = example.querySelector("select");
    const scale = (factor) => () => ui.set({ side: Math.round(ui.state().side * factor) });
    const halve = ui.button("Halve the side", scale(0.5)), double = ui.button("Double the side", scale(2));

    const powers = { 1: "1", 1000: "10³", 1e6: "10⁶", 1e9: "10⁹", 1e12: "10¹²" };
    const chart = axes({
      x: { label: "image side (pixels)", least: 8, most: 1024, ticks: [8, 32, 128, 512], log: true },
      y: { label: "parameters", least: 1, most: 1e13, ticks: Object.keys(powers).map(Number), show: (v) => powers[v], log: true },
      height: 250,
    });
    chart.element.style.cursor = "pointer";
    chart.element.addEventListener("click", (event) => {
      const box = chart.element.getBoundingClientRect();
      const share = (((event.clientX - box.left) / box.width) * 300 - chart.size.left) / (chart.size.right - chart.size.left);
      ui.set({ side: Math.round(8 * 128 ** clamp(share, 0, 1)) });
    });
    const curves = Object.fromEntries(Object.keys(LAYERS).map((name) => [name, line(name, "")]));
    const points = svg("g", {}), rule = svg("path", { class: "cx-axis" });
    chart.plot.append(rule, ...Object.values(curves), points);
    const legend = h("div", { class: "cx-bar" }, ...Object.entries(LAYERS).map(([name, { title }]) => h("span", { class: "cx-control" },
      svg("svg", { width: 44, height: 16, "aria-hidden": "true" }, line(name, "M2 8H42"), mark(name, 22, 8)), title)));

    const patches = Object.fromEntries(["dense", "convolution"].map((name) => [name, svg("rect", { style: { fill: LAYERS[name].colour } })]));
    const notes = Object.fromEntries(["dense", "convolution"].map((name) => [name, svg("text", { "text-anchor": "middle", y: 146 })]));
    const sight = svg("svg", { viewBox: "0 0 300 150", class: "cx-chart", role: "img" }, ...["dense", "convolution"].flatMap((name, i) => {
      const left = 20 + 150 * i;
      notes[name].setAttribute("x", left + 55);
      return [svg("rect", { class: "cx-axis", x: left, y: 18, width: 110, height: 110 }), patches[name], notes[name],
        svg("text", { x: left + 55, y: 12, "text-anchor": "middle", text: LAYERS[name].title })];
    }));

    const rows = {
      memory: "memory, float32", outputs: "outputs", sees: "inputs of each output", uses: "places that use a weight",
      images: "parameters per training image", doubled: "parameters at twice the side", work: "multiply-adds at twice the side",
    };
    const cards = Object.fromEntries(Object.entries(LAYERS).map(([name, { title, idea }]) => {
      const lines = range(3).map(() => h("p", {}));
      lines[1].style.fontWeight = "700";
      const cells = Object.fromEntries(Object.keys(rows).map((row) => [row, h("td", {})]));
      const element = h("div", { role: "group", "aria-label": title, style: { flex: "1 1 15rem", maxWidth: "24rem" } },
        h("p", { text: title, style: { fontWeight: "700", borderTop: `3px solid ${LAYERS[name].colour}`, paddingTop: "0.2rem" } }), h("p", { text: idea }), ...lines,
        h("table", { style: { width: "100%" } }, h("tbody", {}, ...Object.entries(rows).map(([row, text]) => h("tr", {}, h("th", { scope: "row", text, style: { fontWeight: "400" } }), cells[row])))));
      return [name, { element, lines, cells }];
    }));

    ui.root.append(
      ui.bar(example, ui.slider({ trait: "side", label: "Image side", values: SIDES, show: (v) => `${v} px` }), ui.number({ trait: "side", label: "or exactly", least: 8, most: 1024, step: 1 }), halve, double,
        ui.slider({ trait: "channels", label: "Channels", values: [1, 3, 16, 32, 64, 128, 256, 512] })),
      ui.bar(ui.slider({ trait: "hidden_units", label: "Hidden units (dense)", values: [1, 10, 32, 64, 100, 128, 256, 512, 1000, 1024, 2048, 4096], show: thousands }),
        ui.slider({ trait: "filters", label: "Filters (convolution)", values: [1, 8, 16, 32, 64, 100, 128, 256, 512] }),
        ui.slider({ trait: "kernel_size", label: "Kernel", least: 1, most: 11, show: (k) => `${k} × ${k}` }),
        ui.number({ trait: "training_images", label: "Training images", least: 1, most: 1e9, step: 1 }), ui.tick({ trait: "bias", label: "Bias" })),
      ui.panes(
        h("div", { style: { flex: "1 1 20rem" } }, chart.element, legend),
        h("figure", { class: "cx-pane", style: { flex: "1 1 20rem" } }, h("figcaption", { text: "What one output looks at" }), sight)),
      ui.panes(...Object.values(cards).map((card) => card.element)));

    const same = (preset, state) => Object.entries(preset).every(([name, value]) => state[name] === value);
    return (state) => {
      const now = counts(state), then = counts({ ...state, side: 2 * state.side }), how = arithmetic(state);
      list.value = Object.keys(presets).find((name) => same(presets[name], state)) ?? own;
      halve.disabled = state.side / 2 < LIMITS.side[0];
      double.disabled = state.side * 2 > LIMITS.side[1];
      const growth = (what, name) => `${thousands(then[name][what])} (×\u00a0${format(then[name][what] / now[name][what], 3)})`;
      points.replaceChildren();
      for (const [name, { lines, cells }] of Object.entries(cards)) {
        const { parameters, outputs, sees, uses } = now[name];
        lines.forEach((p, i) => { p.textContent = how[name][i]; });
        const texts = { memory: `${rough(mebibytes(parameters))} MiB`, outputs: thousands(outputs), sees: thousands(sees), uses: thousands(uses),
          images: rough(parameters / state.training_images), doubled: growth("parameters", name), work: growth("multiply_adds", name) };
        for (const [row, text] of Object.entries(texts)) cells[row].textContent = text;
        const path = range(29).map((i) => 8 * 2 ** (i / 4)).map((side) => `${chart.x(side).toFixed(1)} ${chart.y(counts({ ...state, side })[name].parameters).toFixed(1)}`);
        curves[name].setAttribute("d", `M${path.join("L")}`);
        points.append(mark(name, chart.x(state.side), chart.y(parameters)));
      }
      rule.setAttribute("d", `M${chart.x(state.side)} ${chart.size.top}V${chart.size.bottom}`);
      const { dense, unshared, convolution } = now;
      chart.describe(`Parameters over the image's side, both on logarithmic axes. The dense layer and the unshared windows rise with the square of the side, the convolution's line is level. At ${state.side} pixels: dense ${thousands(dense.parameters)}, unshared ${thousands(unshared.parameters)}, convolution ${thousands(convolution.parameters)}.`);
      const middle = (left, part) => ({ x: left + 55 - 55 * part, y: 73 - 55 * part, width: 110 * part, height: 110 * part });
      const part = Math.min(1, state.kernel_size / state.side);
      for (const [name, box] of [["dense", middle(20, 1)], ["convolution", middle(170, Math.max(part, 0.02))]])
        for (const [key, value] of Object.entries(box)) patches[name].setAttribute(key, value);
      notes.dense.textContent = `${thousands(dense.sees)} inputs`;
      notes.convolution.textContent = `${thousands(convolution.sees)} of ${thousands(dense.sees)}`;
      sight.setAttribute("aria-label", `One output of the dense layer looks at all ${thousands(dense.sees)} inputs, one of the convolution at a window of ${thousands(convolution.sees)}.`);
      const k = state.kernel_size, ratio = dense.parameters / convolution.parameters;
      return `${state.side} × ${state.side} × ${state.channels} pixels: a dense layer of ${thousands(state.hidden_units)} units has ${thousands(dense.parameters)} parameters, ` +
        `${rough(ratio)} times as many as a convolution of ${state.filters} filters of ${k} × ${k}, which has ${thousands(convolution.parameters)}. ` +
        `For one image the dense layer takes ${thousands(dense.multiply_adds)} multiply-adds, the convolution ${thousands(convolution.multiply_adds)}: its parameters do not grow with the image, its work does.`;
    };
  },
});
