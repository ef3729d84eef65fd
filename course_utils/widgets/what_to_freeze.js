import { axes, explorer, format, h, integerIn, listed, numberIn, range, svg, thousands } from "./toolkit.js";

const HEAD = "head", BYTES = 4, MB = 1e6; // float32; a MB is 10⁶ bytes
const HEADS = { pooled: ["pooled, one dense layer", true, []], "pooled 256": ["pooled, 256 units, outputs", true, [256]], "flattened 256": ["flattened, 256 units, outputs", false, [256]] };
const NORMS = { frozen: "frozen as a whole", inference: "inference mode; γ, β follow their block", training: "training mode; γ, β follow their block" };
const MODES = {
  inference: { keras: "In Keras 3, body(x, training=False) does this inside a call of your own; in a functional model, fit overrides it." },
  training: { torch: "In PyTorch the mode is one thing, requires_grad another: averages are collected in every block. Where nothing else moves, the block drifts.",
    keras: "In Keras a frozen batch norm answers in inference mode even in training: averages are collected in blocks that train." },
};
const FRAMEWORKS = { keras: "Keras", torch: "PyTorch" };
const RATES = [1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3];
const SMALLER = 10; // times, at least, that a body under a random head goes slower than the head

const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
const product = (numbers) => numbers.reduce((a, b) => a * b, 1);

// ---- the ledger ----------------------------------------------------------------------------------------------------

/**
 * The net as operations, block by block, from its layers' definitions: [{name, end, ops, shape}], the head last.
 *
 * An operation has its weights and biases, scales (γ and β), averages, multiply-adds for one image, the tensors that go in and
 * come out as {size}, and `entry`: it reads what the block before gave. shape: (rows, columns, channels) of the block's output.
 */
export function build(spec, side, head) {
  let at = { size: side * side * spec.channels, side, channels: spec.channels };
  const blocks = [];
  let ops, entry;
  const tensor = (n, channels) => ({ size: n * n * channels, side: n, channels });
  const add = (op) => { ops.push({ weights: 0, scales: 0, averages: 0, macs: 0, entry: op.input === entry, ...op }); return op.output; };
  const relu = (input) => add({ kind: "relu", input, output: { ...input } });
  const conv = (input, width, kernel, stride) => {
    const output = tensor(Math.ceil(input.side / stride), width), window = kernel * kernel * input.channels;
    add({ kind: "conv", input, output, weights: (window + (spec.bias ? 1 : 0)) * width, macs: output.size * window });
    return spec.norm ? add({ kind: "norm", input: output, output: { ...output }, scales: 2 * width, averages: 2 * width }) : output;
  };
  const layers = {
    conv: (width, kernel, stride) => relu(conv(at, width, kernel, stride)),
    pool: (stride) => add({ kind: "pool", input: at, output: tensor(Math.floor(at.side / stride), at.channels) }),
    bottleneck: (width, stride) => {
      const within = at, narrow = relu(conv(within, width, 1, stride)), wide = conv(relu(conv(narrow, width, 3, 1)), 4 * width, 1, 1);
      if (within.channels !== 4 * width || stride > 1) conv(within, 4 * width, 1, stride);
      return relu({ ...wide }); // of the sum with what went around
    },
  };
  for (const [name, end, list] of spec.blocks) {
    [ops, entry] = [[], at];
    for (const [kind, ...numbers] of list) at = layers[kind](...numbers);
    blocks.push({ name, end, ops, shape: [at.side, at.side, at.channels] });
  }
  const [, pooled, hidden] = HEADS[head];
  [ops, entry] = [[], pooled ? tensor(1, at.channels) : at];
  let coming = entry;
  [...hidden, spec.outputs].forEach((width, i) => {
    const output = tensor(1, width);
    add({ kind: "dense", input: coming, output, weights: (coming.size + 1) * width, macs: coming.size * width });
    coming = i < hidden.length ? relu(output) : output;
  });
  blocks.push({ name: HEAD, end: pooled ? "the global pooling" : null, ops, shape: [spec.outputs], size: entry.size });
  return blocks;
}

// ---- the step ------------------------------------------------------------------------------------------------------

const specOf = (state, nets) => nets[state.net];

/**
 * What the next step does: {rows: a row for each block, from the image on, and sums}.
 *
 * A row: trainable and frozen (what the ledger says), weights and averages that move, gradients that are computed, Adam's moments
 * that are held, forward and backward multiply-adds for one image, how the backward pass meets the block, numbers of one
 * image's activations that it must keep, and whether its output could be kept from epoch to epoch.
 */
export function step(state, nets) {
  const torch = state.framework === "torch", spec = specOf(state, nets), blocks = build(spec, state.side, state.head);
  const norm = torch ? state.batch_norm : state.told_norm; // in Keras the compiled step knows what held when it was compiled
  const kept = new Set();
  let earlier = false, fixed = !state.augment;
  const rows = blocks.map(({ name, end, ops, shape, size }) => {
    const total = (what) => sum(ops.map((op) => op[what])), head = name === HEAD;
    const on = state.trains.includes(name), told = state.told.includes(name);
    const numbers = total("weights") + total("scales") + total("averages");
    const trainable = on ? total("weights") + (state.batch_norm === "frozen" ? 0 : total("scales")) : 0;
    const grads = torch ? on : told, moved = told && (!torch || on);
    const scaleGrads = grads && norm !== "frozen", scalesMove = moved && norm !== "frozen" && state.told_norm !== "frozen";
    const collects = !head && norm === "training" && (torch || told); // in Keras a frozen batch norm stays in inference mode
    const weights = (moved ? total("weights") : 0) + (scalesMove ? total("scales") : 0), averages = collects ? total("averages") : 0;
    const reached = grads || earlier;
    let backward = 0, keeps = 0;
    const keep = (one) => { if (!kept.has(one)) { kept.add(one); keeps += one.size; } };
    for (const op of ops) {
      const multiplies = op.macs > 0;
      if (multiplies) backward += op.macs * ((grads ? 1 : 0) + (earlier || (grads && !op.entry) ? 1 : 0));
      if (multiplies && grads) keep(op.input);
      if (op.kind === "norm" && reached && (scaleGrads || collects)) keep(op.input);
      if (op.kind === "relu" && reached) keep(op.output);
      if (op.kind === "pool" && reached) keep(op.input);
    }
    const row = {
      name, end, shape, trainable, frozen: numbers - trainable, numbers, weights, averages, forward: total("macs"), backward, keeps,
      gradients: grads ? total("weights") + (scaleGrads ? total("scales") : 0) : 0,
      moments: told ? 2 * (total("weights") + (state.told_norm === "frozen" ? 0 : total("scales"))) : 0,
      meets: grads ? (earlier ? "weights and inputs" : "weights, then it ends") : earlier ? "inputs only, on its way" : "never comes here",
    };
    // Where this block begins, features can be kept if nothing before it trains or drifts.
    row.begins = fixed;
    fixed &&= !grads && averages === 0;
    row.once = fixed;
    row.features = head ? size : null;
    earlier = reached;
    return row;
  });
  const all = (what) => sum(rows.map((row) => row[what])), last = rows.findLastIndex((row) => row.begins);
  const before = last > 0 ? rows[last - 1] : null, cached = last < 0 ? 0 : sum(rows.slice(0, last).map((row) => row.forward));
  return {
    rows, trainable: all("trainable"), frozen: all("frozen"), numbers: all("numbers"), weights: all("weights"), averages: all("averages"),
    gradients: all("gradients"), moments: all("moments"), forward: all("forward"), backward: all("backward"), keeps: all("keeps"),
    cache: before && { behind: rows[last].end && rows[last].name === HEAD ? rows[last].end : before.end, numbers: rows[last].features ?? product(before.shape), saves: cached },
  };
}

const does = (list, verb) => `${listed(list)} ${list.length === 1 ? verb + "s" : verb}`;

/** The plan's faults: [{fault, why, fix}]. */
export function faults(state, nets) {
  const { trains, told, framework, head_trained: trained, rate_body: slow, rate_head: fast } = state, torch = framework === "torch";
  const spec = specOf(state, nets), body = spec.blocks.map(([name]) => name), { rows } = step(state, nets), found = [];
  const flag = (fault, why, fix) => found.push({ fault, why, fix });
  const open = body.filter((name) => trains.includes(name)), unheard = trains.filter((name) => !told.includes(name));
  const held = told.filter((name) => !trains.includes(name));

  if (!trains.length) flag("nothing trains", torch ? "No number needs a gradient: backward() raises a RuntimeError." : "Compiled so, Keras warns that there are no trainable weights, and runs through its epochs for nothing.", "Let the head train.");
  if (unheard.length) flag(torch ? "thawed, but the optimiser was not told" : "thawed, but not compiled", torch
    ? `Gradients of ${listed(unheard)} are computed and left lying: the optimiser moves what it was given.`
    : `compile has fixed what the step updates. ${does(unheard, "count")} as trainable and will not move; TensorFlow says nothing.`,
  torch ? "Give them to the optimiser: add_param_group." : "Compile after each change of trainable.");
  if (held.length && !torch) flag("frozen, but not compiled", `${does(held, "go")} on moving: the compiled step knows them as trainable.`, "Compile after each change of trainable.");
  if (!unheard.length && !(held.length && !torch) && spec.norm && open.length && state.batch_norm !== state.told_norm && (!torch || state.told_norm === "frozen"))
    flag("batch norm changed, but nobody told", torch ? "γ and β have gradients now, and the optimiser does not know them." : "The compiled step treats batch norm as it was.", torch ? "Give them to the optimiser." : "Compile again.");
  const first = body.findIndex((name) => trains.includes(name)), gap = first < 0 ? [] : body.slice(first).filter((name) => !trains.includes(name));
  if (gap.length) flag("a frozen block behind one that trains", `${body[first]} trains, and ${listed(gap)} behind it ${gap.length === 1 ? "does" : "do"} not. The backward pass has to cross ${gap.length === 1 ? "it" : "them"} all the same; and the general stages move while specific ones stay.`, "Thaw from the head down, without a gap.");
  if (!trained && !trains.includes(HEAD)) flag("a random head stays random", "Its outputs have nothing to do with your classes, and nothing will change that.", "Let the head train.");
  if (!trained && trains.includes(HEAD) && open.length && slow * SMALLER > fast * (1 + 1e-9))
    flag("a random head pulls at the body", `Its first gradients are large and mean little, and ${does(open, "move")} with them at a rate of ${format(slow, 6)}, more than a tenth of the head's.`, "Train the head alone first; or give the body a rate at least ten times smaller.");
  if (open.length && trains.includes(HEAD) && slow >= fast) flag("the body is not slower than the head", `Rates: body ${format(slow, 6)}, head ${format(fast, 6)}. What was learnt from much data is overwritten by little: forgetting.`, "10 to 100 times smaller than the head's.");
  const drifting = rows.filter(({ name, averages }) => averages && !trains.includes(name));
  if (drifting.length && torch) flag("batch norm in training mode in a frozen body", `No weight of ${listed(drifting.map(({ name }) => name))} moves, but ${thousands(sum(drifting.map((row) => row.averages)))} running averages do, whenever images pass: it becomes another function.`, "Keep the body in evaluation mode, whatever train() asks for.");
  return found;
}

// ---- state ---------------------------------------------------------------------------------------------------------


export function cleaned(state, nets, measured) {
  if (!(state.net in nets)) state.net = Object.keys(nets)[0];
  const { sides, blocks } = nets[state.net], known = [...blocks.map(([name]) => name), HEAD];
  if (!sides.includes(state.side)) state.side = sides[0];
  if (!(state.head in HEADS)) state.head = "pooled";
  if (!(state.framework in FRAMEWORKS)) state.framework = "keras";
  for (const name of ["trains", "told"]) state[name] = known.filter((block) => Array.isArray(state[name]) && state[name].includes(block));
  for (const name of ["batch_norm", "told_norm"]) if (!(state[name] in NORMS)) state[name] = "frozen";
  for (const name of ["head_trained", "augment", "checked"]) state[name] = Boolean(state[name]);
  [state.rate_body, state.rate_head] = [numberIn(state.rate_body, 1e-6, 0.3, 1e-5), numberIn(state.rate_head, 1e-6, 0.3, 1e-3)];
  state.batch = integerIn(state.batch, 1, 256);
  const amounts = measured?.amounts ?? [];
  state.images = amounts.length ? amounts.reduce((a, b) => (Math.abs(b - state.images) < Math.abs(a - state.images) ? b : a)) : 0;
  return state;
}

/** What changes with the net: last block thawed after the head was trained, nothing told yet. */
const fresh = (name, nets) => ({ net: name, side: nets[name].sides[0], trains: [nets[name].blocks.at(-1)[0], HEAD], told: [HEAD] });

// ---- measurements --------------------------------------------------------------------------------------------------

const mean = (values) => sum(values) / values.length;
export const spread = (values) => (values.length < 2 ? 0 : Math.sqrt(sum(values.map((v) => (v - mean(values)) ** 2)) / (values.length - 1)));

/** The strategies at one amount, best first: [{name, values, mean, spread}]. */
export function ranking({ amounts, accuracy }, images) {
  const at = amounts.indexOf(images);
  return Object.entries(accuracy).map(([name, rows]) => ({ name, values: rows[at], mean: mean(rows[at]), spread: spread(rows[at]) }))
    .sort((a, b) => b.mean - a.mean);
}

// ---- words ---------------------------------------------------------------------------------------------------------

function megabytes(numbers) {
  const bytes = numbers * BYTES;
  if (bytes < 1000) return `${bytes} bytes`;
  return bytes < MB ? `${format(bytes / 1000, 1)} kB` : `${bytes < 10 * MB ? format(bytes / MB, 1) : thousands(Math.round(bytes / MB))} MB`;
}
const operations = (macs) => (macs >= 1e8 ? `${format(macs / 1e9)} G` : macs >= 1e5 ? `${format(macs / 1e6)} M` : thousands(macs));
const share = (part, whole) => (part < whole && part > 0.999 * whole ? "over 99.9 %" : `${format((100 * part) / whole, 1)} %`);

/** What the next step moves, and how far the ledger is from it. */
function sentence(state, now) {
  const moving = now.rows.filter((row) => row.weights), drifting = now.rows.filter((row) => row.averages), end = now.rows.find((row) => row.gradients);
  const learnt = now.rows.filter((row) => row.trainable).reduce((n, row) => n + row.trainable, 0);
  return `${state.net[0].toUpperCase()}${state.net.slice(1)} in ${FRAMEWORKS[state.framework]}: the next step moves ${thousands(now.weights)} of ${thousands(now.numbers)} numbers `
    + (moving.length ? `(${listed(moving.map((row) => row.name))})` : "by gradients")
    + (now.averages ? ` and ${thousands(now.averages)} running averages (${listed(drifting.map((row) => row.name))})` : "")
    + (learnt === now.weights ? "" : `, although the ledger counts ${thousands(learnt)} as trainable`) + ". "
    + (end ? `The backward pass ends in ${end.name}. ` : "There is no backward pass. ")
    + `Gradients and Adam's moments take ${megabytes(now.gradients + now.moments)}, kept activations ${megabytes(now.keeps * state.batch)}; `
    + (now.cache ? `features can be kept behind ${now.cache.behind}.` : state.augment ? "no features can be kept, since each step sees new images." : "no features can be kept.");
}

/** The part below the plan: what a lesson has measured, at one number of images. */
function comparison(ui, measured) {
  const { amounts, accuracy } = measured, strategies = Object.keys(accuracy);
  const chart = axes({ x: { label: "accuracy (%): dots are seeds, bars their means", least: 0, most: 100, ticks: range(5).map((i) => 20 * i) }, y: { label: "", least: 0, most: 1, ticks: [] }, height: 44 + 26 * strategies.length, left: 8 });
  const cells = strategies.map(() => range(3).map((i) => h(i ? "td" : "th", i ? {} : { scope: "row" }))), told = h("p", {});
  ui.root.append(h("p", { text: "What this lesson has measured", style: { fontWeight: "600" } }),
    ui.bar(ui.slider({ trait: "images", label: "Labelled images of each class", values: amounts })),
    ui.panes(h("div", {}, h("table", { "aria-label": "measured accuracy, best first" }, h("thead", {}, h("tr", {}, ...["strategy", "mean", "spread over seeds"].map((text) => h("th", { scope: "col", text })))),
      h("tbody", {}, ...cells.map((line) => h("tr", {}, ...line))))), h("div", { style: { flex: "1 1 18rem" } }, chart.element)), told);
  const percent = (x) => `${format(100 * x, 1)}\u00a0%`;
  return ({ images }) => {
    const ranks = ranking(measured, images), [first, second] = ranks;
    chart.plot.replaceChildren(...ranks.flatMap(({ values, mean: m }, i) => {
      const y = chart.y(1 - (i + 0.5) / ranks.length), left = Math.min(...values) > 1 - Math.max(...values); // where there is more room
      return [svg("path", { d: `M${chart.x(100 * m)} ${y - 9}v18`, "stroke-width": 3, style: { stroke: "var(--other)" } }),
        ...values.map((v) => svg("circle", { cx: chart.x(100 * v), cy: y, r: 4, "fill-opacity": 0.6, style: { fill: "var(--mark)" } })),
        svg("text", { x: chart.x(left ? 0 : 100) + (left ? 4 : -2), y: y + 4, "text-anchor": left ? "start" : "end", text: ranks[i].name })];
    }));
    chart.describe(`Accuracy with ${images} images of each class, a dot for each seed: ${ranks.map((r) => `${r.name} ${r.values.map(percent).join(", ")}`).join("; ")}.`);
    ranks.forEach((r, i) => [r.name, percent(r.mean), percent(r.spread)].forEach((text, c) => { cells[i][c].textContent = text; }));
    const won = second ? first.values.filter((v, seed) => v > second.values[seed]).length : 0;
    told.textContent = second ? `With ${images} image${images === 1 ? "" : "s"} of each class, ${first.name} is first, ${format(100 * (first.mean - second.mean), 1)} points before ${second.name} on average, and before it in ${won} of ${first.values.length} seeds.` : "";
  };
}

export default explorer({
  name: "what_to_freeze",
  python: "WhatToFreeze",
  title: "What to freeze",
  traits: ["net", "side", "head", "framework", "trains", "told", "batch_norm", "told_norm", "head_trained", "augment", "rate_body", "rate_head", "batch", "checked", "images"],
  clean: (state, given) => cleaned(state, given("nets"), given("measured")),
  derive: (state, given) => ({ step: step(state, given("nets")), faults: faults(state, given("nets")).map(({ fault }) => fault) }),

  build(ui) {
    const nets = ui.given("nets"), measured = ui.given("measured");
    const pairs = (object) => Object.entries(object).map(([key, text]) => [key, Array.isArray(text) ? text[0] : text]);
    const bold = { style: { fontWeight: "600" } };

    // The table: a block a line, made afresh for another net.
    const columns = ["trainable", "moved by the step", "not trainable", "forward", "backward pass", "activations kept"];
    const head = columns.map((text) => h("th", { scope: "col", text }));
    const body = h("tbody", {}), sums = columns.map(() => h("td", {}));
    let lines = [], shown = null;
    const toggle = (name, on) => ui.set({ trains: on ? [...ui.state().trains, name] : ui.state().trains.filter((one) => one !== name) });
    const linesFor = (rows) => {
      lines = rows.map(({ name }) => {
        const box = h("input", { type: "checkbox", on: { change: () => toggle(name, box.checked) } });
        const label = h("label", { style: { display: "flex", gap: "0.3rem", alignItems: "center", whiteSpace: "nowrap", cursor: "pointer" } }, box, name);
        const cells = columns.map(() => h("td", { style: { whiteSpace: "nowrap" } }));
        return { box, cells, row: h("tr", {}, h("th", { scope: "row" }, label), ...cells) };
      });
      body.replaceChildren(...lines.map(({ row }) => row));
    };
    const book = h("table", { "aria-label": "the blocks, ticked where they are switched to trainable", style: { width: "100%" } },
      h("thead", {}, h("tr", {}, h("th", { scope: "col", text: "trains" }), ...head)), body,
      h("tbody", {}, h("tr", bold, h("th", { scope: "row", text: "all" }), ...sums)));

    // The picture: forward above, backward below, boxes that move or stay.
    const picture = svg("svg", { viewBox: "0 0 300 114", class: "cx-chart", role: "img", style: { margin: "0.4rem 0" } });
    const draw = (rows) => {
      const wide = 300 / rows.length, parts = [], tip = (x, y, by) => `M${x - by} ${y - 4}L${x} ${y}L${x - by} ${y + 4}`;
      parts.push(svg("text", { x: 0, y: 11, text: "forward (dotted: once, then kept)" }), svg("text", { x: 0, y: 111, text: "backward" }));
      rows.forEach((row, i) => {
        const x = i * wide + 2, w = wide - 4, moves = row.weights > 0, drifts = !moves && row.averages > 0;
        const pen = { fill: "none", "stroke-width": 2.5, style: { stroke: moves ? "var(--other)" : "var(--line)" } };
        parts.push(svg("path", { d: `M${x - 2} 20H${x + w + 1}`, fill: "none", "stroke-width": 2.5, "stroke-dasharray": row.once ? "2 4" : null, style: { stroke: "var(--mark)" } }),
          svg("rect", { x, y: 28, width: w, height: 40, rx: 3, ...pen, style: { ...pen.style, fill: moves || drifts ? "var(--bg)" : "var(--soft)" }, "stroke-dasharray": drifts ? "4 3" : null }),
          svg("text", { x: x + w / 2, y: 44, "text-anchor": "middle", text: row.name, style: { fontWeight: moves ? 700 : 400 } }),
          svg("text", { x: x + w / 2, y: 61, "text-anchor": "middle", text: moves ? "moves" : drifts ? "drifts" : "stays" }));
        if (row.meets !== "never comes here") parts.push(svg("path", { d: `M${x + w + 2} 90H${x - 2}` + (row.gradients ? `M${x + w / 2} 90V73m-4 5l4 -5l4 5` : ""), fill: "none", "stroke-width": 2.5, style: { stroke: "var(--other)" } }));
      });
      parts.push(svg("path", { d: tip(299, 20, 6), fill: "none", "stroke-width": 2.5, style: { stroke: "var(--mark)" } }));
      const end = rows.findIndex((row) => row.gradients);
      if (end >= 0) parts.push(svg("path", { d: `M${end * wide + 1} 84v12`, fill: "none", "stroke-width": 3, style: { stroke: "var(--other)" } }));
      picture.replaceChildren(...parts);
      picture.setAttribute("aria-label", `From the image to the head: ${rows.map((row) => `${row.name} ${row.weights ? "moves" : row.averages ? "drifts" : "stays"}${row.once ? ", forward once" : ""}`).join("; ")}. `
        + (end < 0 ? "No backward pass." : `The backward pass runs from the head to ${rows[end].name}.`));
    };

    const tell = ui.button("", () => {
      const { trains, told, framework, batch_norm: norm, told_norm: known } = ui.state();
      ui.set(framework === "keras" ? { told: trains, told_norm: norm } : { told: [...told, ...trains], told_norm: norm === "frozen" ? known : norm });
    });
    const knows = h("span", {});
    const check = ui.button("", () => ui.set({ checked: !ui.state().checked }));
    const found = h("ul", { style: { margin: "0.3rem 0", paddingLeft: "1.2rem" } });
    const costs = Object.fromEntries(["Gradients", "Adam's two moments", "Activations kept", "Forward, one image", "Backward, one image", "Features to keep"].map((name) => [name, h("td", { style: { textAlign: "left" } })]));
    const bill = h("table", { "aria-label": "what the step costs" }, h("tbody", {}, ...Object.entries(costs).map(([name, cell]) => h("tr", {}, h("th", { scope: "row", text: name }), cell))));
    const sideList = h("select", { on: { change: () => ui.set({ side: +sideList.value }) }, "aria-label": "Image side" });
    const mode = h("p", {});
    const norms = ui.choice({ trait: "batch_norm", label: "Batch norm of the body", options: pairs(NORMS) });

    ui.root.append(
      ui.bar(ui.choice({ trait: "net", label: "Net", options: Object.keys(nets).map((name) => [name, name]), choose: (name) => fresh(name, nets) }),
        h("span", { class: "cx-control" }, h("span", { text: "Image side", "aria-hidden": "true" }), sideList),
        ui.choice({ trait: "head", label: "Head", options: pairs(HEADS) }),
        ui.choice({ trait: "framework", label: "Framework", options: pairs(FRAMEWORKS) })),
      ui.panes(
        h("div", { style: { flex: "1 1 20rem" } }, ui.bar(norms), mode,
          ui.bar(ui.slider({ trait: "rate_body", label: "Rate of the body", values: RATES, show: (v) => format(v, 6) })),
          ui.bar(ui.slider({ trait: "rate_head", label: "Rate of the head", values: RATES, show: (v) => format(v, 6) })),
          ui.bar(ui.slider({ trait: "batch", label: "Images in a step", values: [1, 2, 4, 8, 16, 32, 64, 128, 256] })),
          ui.bar(ui.tick({ trait: "head_trained", label: "Head trained before" }), ui.tick({ trait: "augment", label: "Augmentation" }))),
        h("div", { style: { flex: "1 1 20rem" } }, picture)),
      h("div", { class: "cx-scroll" }, book), ui.bar(tell, knows),
      bill, ui.bar(check), found);
    const compare = measured?.amounts?.length ? comparison(ui, measured) : null;

    return (state) => {
      const now = step(state, nets), { rows } = now, torch = state.framework === "torch", { sides, norm } = nets[state.net];
      if (shown !== state.net) {
        linesFor(rows);
        sideList.replaceChildren(...sides.map((side) => h("option", { value: side, text: `${side} px` })));
        shown = state.net;
      }
      sideList.value = state.side;
      sideList.disabled = sides.length === 1;
      norms.hidden = !norm;
      mode.textContent = (norm && MODES[state.batch_norm]?.[state.framework]) || "";
      mode.hidden = !mode.textContent;
      draw(rows);
      const moved = ({ weights, averages }) => thousands(weights) + (averages ? ` + ${thousands(averages)} averages` : "");
      const kept = (row) => (row.keeps ? megabytes(row.keeps * state.batch) : "–");
      rows.forEach((row, i) => {
        const { box, cells } = lines[i];
        box.checked = state.trains.includes(row.name);
        [thousands(row.trainable), moved(row), thousands(row.frozen), row.once ? "once, then kept" : "each step", row.meets, kept(row)].forEach((text, c) => { cells[c].textContent = text; });
        cells[1].style.fontWeight = row.weights || row.averages ? "700" : "400";
      });
      [thousands(now.trainable), moved(now), thousands(now.frozen), "", "", kept(now)].forEach((text, c) => { sums[c].textContent = text; });
      tell.textContent = torch ? "Give what trains to the optimiser" : "Compile";
      knows.textContent = torch ? `The optimiser knows: ${listed(state.told) || "nothing"}.` : `Compiled, and fitted, while these were trainable: ${listed(state.told) || "none"}.`;

      const full = step({ ...state, trains: rows.map((row) => row.name), told: rows.map((row) => row.name) }, nets);
      const texts = [
        `${thousands(now.gradients)} numbers, ${megabytes(now.gradients)}`, `${thousands(now.moments)} numbers, ${megabytes(now.moments)}`,
        `${thousands(now.keeps)} numbers an image; ${megabytes(now.keeps * state.batch)} for ${state.batch}`,
        `${operations(now.forward)} multiply-adds` + (now.cache ? `, ${share(now.cache.saves, now.forward)} of them only once with kept features` : ", in each step"),
        `${operations(now.backward)} multiply-adds; ${operations(full.backward)} with everything open`,
        now.cache ? `behind ${now.cache.behind}: ${thousands(now.cache.numbers)} numbers an image, ${megabytes(now.cache.numbers)}` : state.augment ? "none: with augmentation every step brings new images" : rows[0].averages && !rows[0].weights ? "none: batch norm in training mode changes what the first block says" : "none: the first block trains",
      ];
      Object.values(costs).forEach((cell, i) => { cell.textContent = texts[i]; });

      const all = faults(state, nets);
      check.textContent = state.checked ? "Hide the faults" : "Check the plan";
      found.hidden = !state.checked;
      if (!state.checked) found.replaceChildren();
      else found.replaceChildren(...(all.length ? all.map(({ fault, why, fix }) => h("li", {}, h("strong", { text: `${fault[0].toUpperCase()}${fault.slice(1)}.` }), ` ${why} `, h("em", { text: fix }))) : [h("li", { text: "No fault is left in this plan." })]));
      compare?.(state);
      return sentence(state, now) + (state.checked ? ` ${all.length ? `${all.length} fault${all.length === 1 ? "" : "s"}.` : "No fault."}` : "");
    };
  },
});
