import { clamp, explorer, format, h, integerIn, mulberry32, raised, range, sheet, signed, svg } from "./toolkit.js";

export const WIDTH = 64, MOST_DEPTH = 50, MOST_INPUTS = 16;
const BLOCK = WIDTH * WIDTH + WIDTH; // random numbers of a layer: weights [in][out], then biases
const LEAST_GAIN = 0.02, MOST_GAIN = 4, ROUNDING = 1e-13;

/** name -> [what it is called, function, slope] */
const ACTIVATIONS = {
  identity: ["no activation", (z) => z, () => 1],
  relu: ["ReLU", (z) => (z > 0 ? z : 0), (z) => (z > 0 ? 1 : 0)],
  leaky_relu: ["leaky ReLU (0.01)", (z) => (z > 0 ? z : 0.01 * z), (z) => (z > 0 ? 1 : 0.01)],
  tanh: ["tanh", Math.tanh, (z) => 1 - Math.tanh(z) ** 2],
  sigmoid: ["sigmoid", (z) => 1 / (1 + Math.exp(-z)), (z) => Math.exp(-Math.abs(z)) / (1 + Math.exp(-Math.abs(z))) ** 2],
};
/** name, gain, random biases. All layers have as many inputs as outputs, so Glorot's 2/(n + n) is LeCun's 1/n. */
export const STARTS = [
  ["He: 2/n", Math.SQRT2, false], ["Keras' default, Glorot: 2/(n + n) = LeCun: 1/n", 1, false],
  ["PyTorch's default: 1/(3n) and biases", 1 / Math.sqrt(3), true], ["PyTorch's, biases 0", 1 / Math.sqrt(3), false],
  ["standard deviation 0.01", 0.01 * Math.sqrt(WIDTH), false], ["He, doubled", 2 * Math.SQRT2, false], ["zero", 0, false],
];

// ---- arithmetic ----------------------------------------------------------------------------------------------------

/** `count` random numbers of mean 0 and variance 1, spread evenly, from place `first` on. */
export function draws(seed, first, count) {
  const all = new Float64Array(count), root = Math.sqrt(3), start = Math.imul(seed + 1, 0x9e3779b9);
  for (let k = 0; k < count; k++) all[k] = root * (2 * mulberry32(start, first + k) + 2 ** -32 - 1);
  return all;
}
let drawn = { seed: null, layers: [] };
function drawnFor(seed, layer) {
  if (drawn.seed !== seed) drawn = { seed, layers: [] };
  return (drawn.layers[layer] ??= draws(seed, (layer - 1) * BLOCK, BLOCK));
}

/** Rows of WIDTH numbers times the weights, or, on the way back, times the weights turned over. */
function times(x, w, back) {
  const [step, next] = back ? [1, WIDTH] : [WIDTH, 1], out = new Float64Array(x.length);
  for (let b = 0; b < x.length; b += WIDTH) for (let o = 0; o < WIDTH; o += 4) {
    let s0 = 0, s1 = 0, s2 = 0, s3 = 0; // four sums at once: a processor need not wait for one to be done
    for (let i = 0, at = o * next; i < WIDTH; i++, at += step) {
      const v = x[b + i];
      s0 += v * w[at];
      s1 += v * w[at + next];
      s2 += v * w[at + 2 * next];
      s3 += v * w[at + 3 * next];
    }
    [out[b + o], out[b + o + 1], out[b + o + 2], out[b + o + 3]] = [s0, s1, s2, s3];
  }
  return out;
}

/** Root of the mean square. */
export function rms(numbers) {
  let sum = 0;
  for (const v of numbers) sum += v * v;
  return Math.sqrt(sum / numbers.length);
}

/** What differs from input to input: root of the mean square of the units' standard deviations; 0 where it is lost in rounding. */
export function spreadOf(x, size) {
  const count = x.length / WIDTH;
  let sum = 0;
  for (let o = 0; o < WIDTH; o++) {
    let mean = 0;
    for (let b = o; b < x.length; b += WIDTH) mean += x[b] / count;
    for (let b = o; b < x.length; b += WIDTH) sum += (x[b] - mean) ** 2;
  }
  const spread = Math.sqrt(sum / (count - 1) / WIDTH);
  return spread < ROUNDING * size ? 0 : spread;
}

/**
 * Inputs go through all layers, and a random gradient comes back. Of the input (0) and of each layer's outputs: outputs, sizes, spreads,
 * gradients (their sizes); sums before the activation (from layer 1 on).
 */
export function send({ activation, gain, biases, depth, seed }, inputs) {
  const [, act, slope] = ACTIVATIONS[activation], scale = gain / Math.sqrt(WIDTH), bias = biases ? 1 / Math.sqrt(3 * WIDTH) : 0;
  const outputs = [Float64Array.from(inputs.flat())], sums = [new Float64Array(0)];
  for (let l = 1; l <= depth; l++) {
    const w = drawnFor(seed, l), z = times(outputs[l - 1], w, false), x = new Float64Array(z.length);
    for (let k = 0; k < z.length; k++) x[k] = act((z[k] = z[k] * scale + bias * w[WIDTH * WIDTH + (k % WIDTH)]));
    sums.push(z);
    outputs.push(x);
  }
  let g = draws(seed, MOST_DEPTH * BLOCK, outputs[0].length);
  const gradients = [rms(g)];
  for (let l = depth; l > 0; l--) {
    const z = sums[l];
    for (let k = 0; k < z.length; k++) g[k] *= slope(z[k]) * scale;
    g = times(g, drawnFor(seed, l), true);
    gradients.unshift(rms(g));
  }
  const sizes = outputs.map(rms);
  return { outputs, sums, sizes, spreads: outputs.map((x, l) => spreadOf(x, sizes[l])), gradients };
}

const POINTS = range(200).map((i) => (i + 0.5) * 0.08 - 8), BELL = POINTS.map((z) => (0.08 * Math.exp((-z * z) / 2)) / Math.sqrt(2 * Math.PI));
/** The mean of f² over sums that are spread as a bell around 0 with this mean square. */
const overBell = (f, square) => POINTS.reduce((sum, z, i) => sum + BELL[i] * f(Math.sqrt(square) * z) ** 2, 0);

/** What the formula makes of one layer: mean squares of the sums and of the outputs, and of the factor on the gradient. */
export function layerFormula({ activation, gain, biases }, square) {
  const [, act, slope] = ACTIVATIONS[activation], sums = gain ** 2 * square + (biases ? 1 / (3 * WIDTH) : 0);
  return { sums, outputs: overBell(act, sums), gradient: gain ** 2 * overBell(slope, sums) };
}

/** Sizes of input and outputs, and of the gradients there, by formula alone: from the size of the input, and of the last gradient. */
export function formula(state, first, last) {
  const squares = [first ** 2], factors = [1];
  for (let l = 1; l <= state.depth; l++) {
    const step = layerFormula(state, squares[l - 1]);
    squares.push(step.outputs);
    factors.push(step.gradient);
  }
  const gradients = [last];
  for (let l = state.depth; l > 0; l--) gradients.unshift(gradients[0] * Math.sqrt(factors[l]));
  return { sizes: squares.map(Math.sqrt), gradients };
}

/** The factors of a layer, [what, formula, measured] each; null where nothing comes in. */
export function factors(state, { sizes, gradients, sums }, layer) {
  const before = sizes[layer - 1] ** 2, middle = rms(sums[layer]) ** 2, by = layerFormula(state, before), over = (a, b) => (b ? a / b : null);
  const [name] = ACTIVATIONS[state.activation];
  return [
    [`weights${state.biases ? " and biases" : ", n · Var(w)"}, on the mean square`, over(by.sums, before), over(middle, before)],
    [`${name}, on the mean square`, over(by.outputs, by.sums), over(sizes[layer] ** 2, middle)],
    ["both, on the size (the root)", over(Math.sqrt(by.outputs), sizes[layer - 1]), over(sizes[layer], sizes[layer - 1])],
    ["backwards, on the gradient", Math.sqrt(by.gradient), over(gradients[layer - 1], gradients[layer])],
  ];
}

/** Shares of the numbers in 41 bars from −4 to 4; what lies beyond counts in the last. */
export function histogram(numbers) {
  const shares = new Array(41).fill(0);
  for (const v of numbers) shares[clamp(Math.floor(((v + 4) / 8) * 41), 0, 40)] += 1 / numbers.length;
  return shares;
}

/** What is left: of layer 1's size at the last layer, of the last gradient at layer 1, of the last size what differs between inputs. */
export function left({ sizes, spreads, gradients }) {
  const depth = sizes.length - 1, over = (a, b) => (b ? a / b : 0);
  return { signal: over(sizes[depth], sizes[1]), gradient: over(gradients[1], gradients[depth]), differs: Math.min(1, over(spreads[depth], sizes[depth])) };
}

// ---- state and words -----------------------------------------------------------------------------------------------

export function clean(state) {
  if (!Object.hasOwn(ACTIVATIONS, state.activation)) state.activation = "relu";
  state.gain = Number.isFinite(state.gain) && state.gain > 0 ? clamp(state.gain, LEAST_GAIN, MOST_GAIN) : 0;
  state.biases = Boolean(state.biases);
  state.shown = Boolean(state.shown);
  state.depth = integerIn(state.depth, 2, MOST_DEPTH);
  state.layer = integerIn(state.layer, 1, state.depth);
  state.seed = integerIn(state.seed, 0, 999);
  return state;
}

/** Three digits, with a power of ten where the number is small or large. */
export function short(x) {
  if (x === null) return "–";
  if (!x || (x >= 0.001 && x < 10000)) return format(+x.toPrecision(3), 6);
  const [digits, power] = x.toExponential(1).split("e");
  return `${format(+digits, 1)} · 10${raised(+power)}`;
}
/** How much that is of something: "12 %", "8.1 · 10⁻⁸ of", "300 times". */
export const ofIt = (x) => (x >= 2 ? `${short(x)} times` : x >= 0.001 ? `${format(100 * +x.toPrecision(2), 3)} % of` : x ? `${short(x)} of` : "nothing of");

/** What follows from what is left. */
export function verdict({ signal, gradient, differs }) {
  const [little, much] = [1 / 30, 30];
  if (!signal && !gradient) return "Nothing passes: in every product a factor is 0.";
  if (signal > much) return gradient > much ? "Signal and gradient explode: smaller weights." : "The signal explodes: smaller weights.";
  if (signal < little) return gradient < little ? "Signal and gradient vanish: larger weights." : "The signal vanishes: larger weights.";
  if (differs < 0.01) return `It only looks alive: the size stays, but every input gets the same answer${gradient < little ? ", and the gradient vanishes" : ""}.`;
  if (gradient > much) return "The signal lives, but the gradient explodes.";
  if (gradient < little) return "The signal lives, but the gradient vanishes.";
  return "Signal and gradient stay alive.";
}

const stack = ({ activation, depth }) => `${depth} layers ${activation === "identity" ? "without activation" : `of ${ACTIVATIONS[activation][0]}`}`;
const about = ({ gain, biases }) => `Gain ${format(gain, 3)} (standard deviation ${format(gain, 3)}/√${WIDTH} = ${format(gain / Math.sqrt(WIDTH), 4)}${biases ? ", with random biases" : ""})`;

export function sentence(state, run) {
  if (!state.shown) return `${about(state)}, ${stack(state)}. Layer 1 multiplies the size of the signal by ${short(run.sizes[0] ? run.sizes[1] / run.sizes[0] : null)}. `
    + `What will be left of it after ${state.depth} layers? Decide, then send the signal.`;
  const share = left(run), { depth } = state;
  const outputs = share.signal ? `have ${ofIt(share.signal)} the size of layer 1's; ${ofIt(share.differs)} that differs from input to input` : "are all 0";
  return `${about(state)}, ${stack(state)}. The outputs of layer ${depth} ${outputs}. `
    + `Backwards, layer 1 gets ${ofIt(share.gradient)} the gradient at layer ${depth}. ${verdict(share)}`;
}

// ---- drawing -------------------------------------------------------------------------------------------------------

const LINES = {
  measured: { stroke: "var(--mark)", "stroke-width": 3, "stroke-linecap": "round" },
  spread: { stroke: "var(--other)", "stroke-width": 2.5, "stroke-dasharray": "6 4" },
  formula: { stroke: "var(--fg)", "stroke-width": 1.6, "stroke-dasharray": "1.6 4" },
};
const line = (d, { stroke, ...attrs }) => svg("path", { d, fill: "none", ...attrs, style: { stroke } });

/** An axis of whole powers of ten around the numbers. */
function powers(label, numbers) {
  const logs = numbers.filter((v) => v > 0).map(Math.log10), least = Math.floor(Math.min(-1, ...logs)), most = Math.ceil(Math.max(1, ...logs));
  const step = Math.ceil((most - least) / 6);
  return { label, log: true, least: 10 ** least, most: 10 ** most, show: (v) => `10${raised(Math.round(Math.log10(v)))}`,
    ticks: range(Math.floor((most - least) / step) + 1).map((i) => 10 ** (least + i * step)) };
}

/** A chart over the layers with its legend; select(layer) where it is clicked. */
function chart(names, height, select = null) {
  const legend = names.map(([key, text]) => h("span", { style: { whiteSpace: "nowrap", marginRight: "0.8rem" } },
    svg("svg", { width: 30, height: 10, "aria-hidden": "true", style: { background: "none", marginRight: "4px" } }, line("M0 5H30", LINES[key])), text));
  const paper = sheet({ class: "cx-scroll", style: { cursor: select ? "pointer" : "default" }, on: select ? { click: (event) => select(Math.round(paper.at(event)[0])) } : {} },
    legend.length ? h("p", { style: { fontSize: "14px", margin: 0 } }, ...legend) : null);
  return {
    element: paper.element,
    on(x, y, caption, alt) {
      const now = paper.on({ x, y, height, left: 58 }, caption);
      now.describe(alt);
      return now;
    },
  };
}

/** A line through one number for each layer; it stops where a number is 0, which has no place on such an axis. */
const through = ({ x, y }, numbers, look) => line(numbers.map((v, i) => (v > 0 ? `${numbers[i - 1] > 0 ? "L" : "M"}${x(i).toFixed(1)} ${y(v).toFixed(1)}h0` : "")).join(""), look);

export default explorer({
  name: "signal_through_depth",
  python: "SignalThroughDepth",
  title: "Signal through depth",
  traits: ["gain", "biases", "activation", "depth", "layer", "seed", "shown"],
  data: ["inputs"],
  clean,
  derive(state, given) {
    const { sizes, spreads, gradients } = sent(state, given("inputs"));
    return { sizes: sizes.slice(1), spreads: spreads.slice(1), gradients: gradients.slice(1) };
  },

  build(ui) {
    const choose = (layer) => ui.state().shown && ui.set({ layer }, "layer");
    const question = h("p", { style: { fontWeight: 600 } });
    const reveal = ui.button("", () => ui.set({ shown: !ui.state().shown }));
    const same = (a, b) => Math.abs(a - b) < 1e-9;
    const starts = [[null, "own gain"], ...STARTS.map(([name, gain, biases]) => [[gain, biases], name])];
    const forwards = chart([["measured", "size"], ["spread", "spread over the inputs"], ["formula", "formula"]], 210, choose);
    const backwards = chart([["measured", "size"], ["formula", "formula"]], 210, choose);
    const before = chart([], 150), after = chart([], 150);
    const picture = h("canvas", { role: "img", width: WIDTH, style: { width: "100%", maxWidth: "27rem", minWidth: "256px", imageRendering: "pixelated", border: "1px solid var(--line)", display: "block" } });
    const pictureTitle = h("figcaption", {}), pictureText = h("p", { style: { fontSize: "14px", maxWidth: "27rem", margin: "0.2rem 0 0" } });
    const layer = ui.slider({ trait: "layer", label: "Layer", least: 1, most: MOST_DEPTH });
    const layerInput = layer.querySelector("input");
    const tableTitle = h("th", { scope: "col" }), rows = range(4).map(() => ({ head: h("th", { scope: "row", style: { fontWeight: 400 } }), cells: [h("td", {}), h("td", {})] }));
    const layerBar = ui.bar(layer);
    ui.root.append(question,
      ui.bar(
        ui.choice({ label: "First weights, Var(w)", options: starts, choose: (start) => (start ? { gain: start[0], biases: start[1] } : {}),
          value: (s) => starts.find(([start]) => start && same(start[0], s.gain) && start[1] === s.biases)?.[0] ?? null }),
        ui.slider({ trait: "gain", label: "Gain √(n · Var(w))", least: 0, most: MOST_GAIN, step: 0.02, show: (v) => format(v, 3) })),
      ui.bar(
        ui.choice({ trait: "activation", label: "Activation", options: Object.entries(ACTIVATIONS).map(([name, [text]]) => [name, text]) }),
        ui.slider({ trait: "depth", label: "Depth (layers)", least: 2, most: MOST_DEPTH }),
        ui.tick({ trait: "biases", label: "Random biases, as PyTorch's" })),
      ui.bar(reveal, ui.button("Draw other weights", () => ui.set({ seed: (ui.state().seed + 1) % 1000 }))),
      ui.panes(forwards.element, backwards.element), layerBar,
      ui.panes(
        h("div", { style: { flex: "1 1 300px" } }, h("table", {}, h("thead", {}, h("tr", {}, tableTitle, ...["formula", "measured"].map((text) => h("th", { scope: "col", text })))),
          h("tbody", {}, ...rows.map(({ head, cells }) => h("tr", {}, head, ...cells)))),
          h("figure", { class: "cx-pane", style: { marginTop: "0.6rem" } }, pictureTitle, picture, pictureText)),
        h("div", { style: { flex: "1 1 300px" } }, before.element, after.element)));

    const colours = range(513).map((i) => signed(i / 256 - 1, 1).background.match(/\d+/g).map(Number));
    const paintRows = (outputs, most) => {
      picture.height = outputs.length / WIDTH;
      const pixels = new ImageData(WIDTH, picture.height);
      outputs.forEach((v, k) => pixels.data.set([...colours[Math.round(256 * (most ? v / most : 0)) + 256], 255], 4 * k));
      picture.getContext("2d").putImageData(pixels, 0, 0);
      picture.style.height = `${picture.height * 9}px`;
    };
    const bars = (pane, numbers, label, caption) => {
      const shares = histogram(numbers).map((v) => 100 * v), top = [5, 10, 20, 50, 100].find((v) => v >= Math.max(...shares) - 1e-9) ?? 100;
      const now = pane.on({ label, least: -4, most: 4, ticks: [-4, -2, 0, 2, 4] }, { label: "share (%)", least: 0, most: top, ticks: [0, top / 2, top] }, caption,
        `Histogram: ${caption}. Beyond −4 and 4, counted in the last bars: ${format(100 * numbers.filter((v) => Math.abs(v) > 4).length / numbers.length, 1)} %.`);
      const wide = (now.x(4) - now.x(-4)) / 41;
      now.plot.append(svg("path", { style: { fill: "var(--mark)" }, d: shares.map((v, i) => (v ? `M${(now.x(-4) + i * wide + 0.4).toFixed(1)} ${now.y(0)}V${now.y(v).toFixed(1)}h${(wide - 0.8).toFixed(1)}V${now.y(0)}z` : "")).join("") }));
    };

    return (state) => {
      const { depth, shown } = state, run = sent(state, ui.given("inputs")), at = shown ? state.layer : 1; // before it is sent, layer 1 is all there is to see
      question.textContent = `Which gain keeps the signal alive through ${stack(state)}?${shown ? "" : " Choose one, then send the signal."}`;
      reveal.textContent = shown ? "Hide, and predict again" : "Send the signal";
      layerBar.hidden = !shown;
      layerInput.max = depth;
      layerInput.value = at; // a browser cuts it off at the old maximum
      const told = shown ? formula(state, run.sizes[0], run.gradients[depth]) : { sizes: [], gradients: [] };
      const first = (numbers) => (shown ? numbers : numbers.slice(0, 2)), last = (numbers) => numbers.map((v, l) => (shown || l > depth - 2 ? v : 0));
      const sizes = first(run.sizes), spreads = first(run.spreads), gradients = last(run.gradients);
      const every = depth < 11 ? 1 : depth < 26 ? 5 : 10, x = { label: "layer (0: the input)", least: 0, most: depth, ticks: range(Math.floor(depth / every) + 1).map((i) => every * i) };
      const mark = (now, numbers) => [svg("path", { d: `M${now.x(at).toFixed(1)} ${now.size.top}V${now.size.bottom}`, "stroke-width": 1, style: { stroke: "var(--line)" } }),
        ...numbers.filter((v) => v > 0).map((v) => svg("circle", { cx: now.x(at), cy: now.y(v), r: 4.5, "stroke-width": 1.5, style: { fill: "var(--bg)", stroke: "var(--fg)" } }))];
      const f = forwards.on(x, powers("size of the outputs", [...sizes, ...spreads, ...told.sizes]), "Forwards: the signal", shown
        ? `Size of the outputs, from ${short(run.sizes[1])} at layer 1 to ${short(run.sizes[depth])} at layer ${depth}; by formula ${short(told.sizes[depth])}. What differs from input to input: ${short(run.spreads[1])} and ${short(run.spreads[depth])}.`
        : `Size of the input, ${short(run.sizes[0])}, and of layer 1's outputs, ${short(run.sizes[1])}. The other layers are not shown yet.`);
      f.plot.append(...mark(f, [sizes[at], spreads[at]]), through(f, spreads, LINES.spread), through(f, sizes, LINES.measured), through(f, told.sizes, LINES.formula));
      const b = backwards.on(x, powers("size of the gradient", [...gradients, ...told.gradients]), "Backwards: the gradient", shown
        ? `Size of the gradient, from ${short(run.gradients[depth])} at layer ${depth} back to ${short(run.gradients[1])} at layer 1; by formula ${short(told.gradients[1])}.`
        : `Size of the gradient at layer ${depth}, ${short(run.gradients[depth])}, and at layer ${depth - 1}, ${short(run.gradients[depth - 1])}. The other layers are not shown yet.`);
      b.plot.append(...(shown ? mark(b, [gradients[at]]) : []), through(b, gradients, LINES.measured), through(b, told.gradients, LINES.formula));

      tableTitle.textContent = `Factor of layer ${at}`;
      factors(state, run, at).forEach(([what, by, found], i) => {
        rows[i].head.textContent = what;
        rows[i].cells.forEach((cell, j) => { cell.textContent = [by, found][j] === null ? "–" : `× ${short([by, found][j])}`; });
      });
      const outputs = run.outputs[at], most = outputs.reduce((a, v) => Math.max(a, Math.abs(v)), 0), differs = run.sizes[at] ? Math.min(1, run.spreads[at] / run.sizes[at]) : 0;
      pictureTitle.textContent = `Outputs of layer ${at}: ${outputs.length / WIDTH} inputs by ${WIDTH} units`;
      pictureText.textContent = `A row for each input, a column for each unit. White is 0, orange above, purple below, full colour ${short(most)}. `
        + (differs ? `${ofIt(differs)} the size differs from row to row${differs < 0.01 ? ": only stripes" : ""}.` : most ? "What differs from row to row is below 10⁻¹³ of the size and lost in rounding: only stripes." : "All are 0.");
      picture.setAttribute("aria-label", `${pictureTitle.textContent}. ${pictureText.textContent}`);
      paintRows(outputs, most);
      const zeros = outputs.filter((v) => v === 0).length / outputs.length;
      bars(before, run.sums[at], "sum before the activation", `Sums of layer ${at}: size ${short(rms(run.sums[at]))}`);
      bars(after, outputs, "output", `Outputs of layer ${at}: size ${short(run.sizes[at])}${zeros ? `, ${format(100 * zeros, 1)} % exactly 0` : ""}`);
      return sentence(state, run);
    };
  },
});

/** The last run, kept: choosing another layer to look at computes nothing anew. */
function sent(state, inputs) {
  const { layer, shown, ...what } = state, key = JSON.stringify(what);
  if (kept.key !== key || kept.inputs !== inputs) kept = { key, inputs, run: send(state, inputs) };
  return kept.run;
}
let kept = {};
