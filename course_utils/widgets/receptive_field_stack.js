import { amount, clamp, explorer, format, h, range, svg, thousands, uid } from "./toolkit.js";

// A layer is [kind, kernel, stride, padding, dilation], the same along rows and columns. Units and pixels count from 0.
const NUMBERS = [["Kernel", 1, 15], ["Stride", 1, 8], ["Padding", 0, 64], ["Dilation", 1, 32]];
const MOST_LAYERS = 24;
const ROW = 34, BARS = 64, PALE = 0.4; // px of a row of units, of the bars; opacity of layers above the chosen one

const span = ([, k, , , dilation]) => dilation * (k - 1) + 1;

/** Output (null once a layer does not fit) and the field's size, jump and start: of the input, then after each layer. */
export function walk({ size, layers }) {
  const rows = [{ output: size, size: 1, jump: 1, start: 0 }];
  for (const layer of layers) {
    const [, k, stride, padding, dilation] = layer, { output: n, ...field } = rows.at(-1), reach = dilation * (k - 1);
    rows.push({
      output: n === null || span(layer) > n + 2 * padding ? null : Math.floor((n + 2 * padding - span(layer)) / stride) + 1,
      size: field.size + reach * field.jump,
      jump: field.jump * stride,
      start: field.start + (reach / 2 - padding) * field.jump,
    });
  }
  return rows;
}

/** Why the stack cannot be built, in a sentence; null if it can. */
export function fault({ size, layers }) {
  const rows = walk({ size, layers }), at = rows.findIndex((row) => row.output === null);
  if (at < 0) return null;
  const layer = layers[at - 1], before = rows[at - 1].output, wide = before + 2 * layer[3];
  return `Layer ${at} cannot be built: its kernel spans ${span(layer)} pixels, but only ${before}${layer[3] ? ` + 2·${layer[3]} = ${wide}` : ""} `
    + `${wide === 1 ? "is" : "are"} there. Take a smaller kernel${layer[4] > 1 ? " or dilation" : ""}, more padding, a larger image, or fewer strides before it.`;
}

/** First and last pixel of the unit's field, in the padding or not. */
export function field({ layers, layer, unit }) {
  let [low, high] = [unit, unit];
  for (const [, k, stride, padding, dilation] of layers.slice(0, layer).reverse())
    [low, high] = [low * stride - padding, high * stride - padding + dilation * (k - 1)];
  return { low, high };
}

/** Paths from the units of each level, the input first, to the unit, and the places in the padding where paths end. */
export function paths({ size, layers, layer, unit }) {
  const lengths = walk({ size, layers }).map((row) => row.output);
  const levels = range(layer + 1).map((l) => ({ paths: new Array(lengths[l]).fill(0), padding: [] }));
  levels[layer].paths[unit] = 1;
  for (let l = layer; l > 0; l--) {
    const [, k, stride, padding, dilation] = layers[l - 1], below = levels[l - 1], ends = new Set();
    levels[l].paths.forEach((count, i) => {
      if (!count) return;
      for (let j = 0; j < k; j++) {
        const place = i * stride - padding + dilation * j;
        if (place < 0 || place >= lengths[l - 1]) ends.add(place);
        else below.paths[place] += count;
      }
    });
    below.padding = [...ends];
  }
  return levels;
}

/** For each layer that fits, how many pixels of the row each of its units sees. */
export function coverage({ size, layers }) {
  const rows = walk({ size, layers }), words = Math.ceil(size / 32), all = [];
  let below = range(size).map((i) => { const mask = new Uint32Array(words); mask[i >> 5] = 1 << (i & 31); return mask; });
  for (const [l, [, k, stride, padding, dilation]] of layers.entries()) {
    if (rows[l + 1].output === null) break;
    below = range(rows[l + 1].output).map((i) => {
      const mask = new Uint32Array(words);
      for (let j = 0; j < k; j++) {
        const from = below[i * stride - padding + dilation * j];
        if (from) for (let w = 0; w < words; w++) mask[w] |= from[w];
      }
      return mask;
    });
    all.push(below.map((mask) => mask.reduce((sum, word) => sum + bits(word), 0)));
  }
  return all;
}
const bits = (word) => {
  let count = 0;
  for (; word; word &= word - 1) count++;
  return count;
};

/** How many pixels, the best connected first, hold half of all paths. */
export function half(counts) {
  const sorted = counts.filter(Boolean).sort((a, b) => b - a), total = sorted.reduce((a, b) => a + b, 0);
  let sum = 0;
  return total ? sorted.findIndex((count) => (sum += count) >= total / 2) + 1 : 0;
}

/** Last layer whose units exist. */
const fitting = (rows) => rows.findLastIndex((row) => row.output !== null);

const whole = (x, least, most, otherwise) => (Number.isFinite(x) ? clamp(Math.round(x), least, most) : otherwise);

export function clean(state) {
  if (!Array.isArray(state.layers) || !state.layers.length || !state.layers.every(Array.isArray)) throw new Error("no layers");
  state.layers = state.layers.slice(0, MOST_LAYERS).map(([kind, ...numbers]) =>
    [kind === "pool" ? "pool" : "conv", ...NUMBERS.map(([, least, most], i) => whole(numbers[i], least, most, [3, 1, 0, 1][i]))]);
  state.size = whole(state.size, 8, 512, 32);
  state.layer = whole(state.layer, 1, state.layers.length, 1);
  const units = walk(state)[state.layer].output;
  state.unit = whole(state.unit, 0, Math.max(0, (units ?? 1) - 1), 0);
  return state;
}

const named = ([kind, k, stride, padding, dilation]) =>
  `${kind} ${k}×${k}` + (stride > 1 ? `, stride ${stride}` : "") + (padding ? `, padding ${padding}` : "") + (dilation > 1 ? `, dilation ${dilation}` : "");
const short = ([kind, k, stride, , dilation]) => `${kind} ${k}` + (stride > 1 ? ` /${stride}` : "") + (dilation > 1 ? ` d${dilation}` : "");
const several = (n, one, more = one + "s") => `${thousands(n)} ${n === 1 ? one : more}`;

/** What the chosen unit sees, in sentences. */
function sentence(state, rows, counts) {
  const { layer, unit, size } = state, { low, high } = field(state), { jump, output } = rows[layer];
  const wide = high - low + 1, inside = Math.max(0, Math.min(high, size - 1) - Math.max(low, 0) + 1), seen = counts.filter(Boolean).length;
  const area = `${seen} × ${seen} pixels, ${format(100 * (seen / size) ** 2, seen / size < 0.1 ? 3 : 1)} % of the image`;
  return `Unit ${unit} of layer ${layer} (units 0 to ${output - 1}) sees pixels ${format(low, 0)} to ${format(high, 0)} `
    + `(${several(wide, "pixel")}, ${wide === inside ? "none" : wide - inside} of them padding), jump ${jump}. `
    + (seen < inside ? `${inside - seen} of the ${inside} in the image have no path to it: holes, or paths that end in padding. ` : "")
    + (seen ? `Over rows and columns it depends on ${area}.` : "It depends on nothing but padding.");
}

/** Does any unit see the whole image? */
export function answer(state) {
  const all = coverage(state), { size, layer } = state, most = all.map((counts) => Math.max(...counts));
  const first = most.findIndex((count) => count === size) + 1;
  if (most[layer - 1] === size) {
    const units = all[layer - 1].flatMap((count, i) => (count === size ? [i] : []));
    return `Yes: in layer ${layer}, ${several(units.length, "unit")} of ${all[layer - 1].length} along a side ${units.length === 1 ? "does" : "do"}`
      + (first < layer ? `; layer ${first} is the first in which one does.` : ", and in no layer before it.");
  }
  const here = `in layer ${layer} the best sees ${most[layer - 1]} of ${size} pixels along a side`;
  const reach = walk(state)[layer].size;
  const why = reach >= size ? ", although its field is that large: each field lies around its own centre and hangs over an edge, or has holes" : "";
  return first ? `Not here: ${here}${why}. Layer ${first} is the first with one that sees it all.` : `No: ${here}${why}.`;
}

export default explorer({
  name: "receptive_field_stack",
  python: "ReceptiveFieldStack",
  title: "Receptive field stack",
  traits: ["size", "layers", "layer", "unit"],
  clean,
  derive(state) {
    const rows = walk(state), fits = rows[state.layer].output !== null;
    const counts = fits ? paths(state)[0].paths : [];
    return { fields: rows.slice(1), paths: counts, pixels: counts.flatMap((count, i) => (count ? [i] : [])) };
  },

  build(ui) {
    const presets = ui.given("presets");
    const middle = (size, layers, layer) => Math.floor(((walk({ size, layers })[layer].output ?? 1) - 1) / 2);
    const change = (changes, together) => { // the unit stays near the middle of the image it looked at
      const next = { ...ui.state(), ...changes }, layer = Math.min(next.layer, next.layers.length);
      ui.set({ ...changes, layer, unit: middle(next.size, next.layers, layer) }, together);
    };
    const none = "own stack";
    const preset = ui.choice({ trait: null, label: "Stack", options: [none, ...Object.keys(presets)].map((name) => [name, name]),
      choose: (name) => {
        if (name === none) return {};
        const { size, layers } = presets[name];
        return { size, layers, layer: layers.length, unit: middle(size, layers, layers.length) };
      } });
    const presetList = preset.querySelector("select");
    const size = ui.number({ trait: "size", label: "Image side (pixels)", least: 8, most: 512, step: 1 });

    // The chosen layer and its numbers.
    const edit = (i, value) => change({ layers: ui.state().layers.map((layer, l) => (l === ui.state().layer - 1 ? layer.with(i, value) : layer)) },
      `layer ${ui.state().layer} ${i}`);
    const labelled = (label, control) => {
      control.id = uid("cx");
      return h("span", { class: "cx-control" }, h("label", { for: control.id, text: label }), control);
    };
    const kind = h("select", { on: { change: () => edit(0, kind.value) } }, h("option", { value: "conv", text: "convolution" }), h("option", { value: "pool", text: "pooling" }));
    const numbers = NUMBERS.map(([, least, most], i) => {
      const input = h("input", { type: "number", min: least, max: most, step: 1, style: { width: "4.2em" }, on: { change: () => {
        const value = Math.round(+input.value);
        input.value.trim() !== "" && value >= least && value <= most ? edit(i + 1, value) : (input.value = ui.state().layers[ui.state().layer - 1][i + 1]);
      } } });
      return input;
    });
    const legend = h("legend", { style: { fontWeight: 600, padding: "0 0.3rem" } });
    const at = () => ui.state().layer - 1;
    const earlier = ui.button("Earlier", () => swap(-1)), later = ui.button("Later", () => swap(1));
    const swap = (by) => {
      const layers = [...ui.state().layers];
      [layers[at()], layers[at() + by]] = [layers[at() + by], layers[at()]];
      change({ layers, layer: ui.state().layer + by });
    };
    const add = ui.button("Add a layer after it", () => change({ layers: ui.state().layers.toSpliced(at() + 1, 0, ui.state().layers[at()]), layer: ui.state().layer + 1 }));
    const remove = ui.button("Remove", () => change({ layers: ui.state().layers.toSpliced(at(), 1), layer: Math.max(1, ui.state().layer - 1) }));
    const editor = h("fieldset", { style: { border: "1px solid var(--line)", borderRadius: "4px", margin: "0.4rem 0", padding: "0 0.5rem", minWidth: 0 } }, legend,
      ui.bar(labelled("Kind", kind), ...numbers.map((input, i) => labelled(NUMBERS[i][0], input))), ui.bar(earlier, later, add, remove));

    // The table: choosing a layer.
    const body = h("tbody", {});
    const cell = () => h("td", { style: { padding: "0.15rem 0.35rem" } });
    let lines = [];
    const linesFor = (count) => {
      lines = range(count + 1).map((l) => {
        const button = l ? h("button", { type: "button", style: { textAlign: "left", width: "100%", whiteSpace: "nowrap", padding: "0.1rem 0.4rem" }, on: { click: () => choose(l) } }) : h("span", { text: "0 input" });
        const cells = range(4).map(cell);
        return { button, cells, row: h("tr", {}, h("th", { scope: "row", style: { padding: "0.1rem 0.25rem" } }, button), ...cells) };
      });
      body.replaceChildren(...lines.map((line) => line.row));
    };
    const head = ["layer", "output", "field", "jump", "start"].map((text) => h("th", { scope: "col", text, style: { textAlign: text === "layer" ? "left" : "right", padding: "0.15rem 0.35rem" } }));
    const tableBox = h("div", { class: "cx-scroll" }, h("table", {}, h("thead", {}, h("tr", {}, ...head)), body));
    /** Choose a layer, and there the unit whose field is nearest to `place`, by default the middle of the present field. */
    const choose = (layer, place = null, together = null) => {
      const state = ui.state(), rows = walk(state), { start, jump } = rows[state.layer];
      const goal = place ?? (rows[state.layer].output === null ? state.size / 2 : start + state.unit * jump);
      ui.set({ layer, unit: Math.round((goal - rows[layer].start) / rows[layer].jump) }, together);
    };

    const slider = h("input", { type: "range", min: 0, step: 1, on: { input: () => ui.set({ unit: +slider.value }, "unit") } });
    const reading = h("output", {});
    const unit = labelled("Unit", slider);
    unit.append(reading);

    // The drawing along one axis: levels as rows of blocks, the input at the bottom, bars for the paths below it.
    const labels = h("div", { "aria-hidden": "true", style: { flex: "none", width: "5.4rem", fontSize: "13px", lineHeight: "14px" } });
    const marks = h("div", { "aria-hidden": "true", style: { position: "relative", height: "18px", fontSize: "13px", lineHeight: "18px" } });
    const scene = svg("svg", { "aria-hidden": "true", preserveAspectRatio: "none", style: { width: "100%", display: "block", overflow: "hidden", background: "none" } });
    const turns = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [1, 0], ArrowDown: [-1, 0] };
    let view = { low: 0, high: 1, shown: 1 };
    const stage = h("div", { tabindex: 0, role: "application", style: { flex: "1 1 0", minWidth: 0, cursor: "pointer", touchAction: "manipulation" }, on: {
      keydown: (event) => {
        const turn = turns[event.key], state = ui.state(), units = walk(state)[state.layer].output ?? 1;
        const jump = { Home: 0, End: units - 1 }[event.key];
        if ((!turn && jump === undefined) || event.altKey || event.ctrlKey || event.metaKey) return;
        event.preventDefault();
        event.stopPropagation();
        if (jump !== undefined) ui.set({ unit: jump }, "unit");
        else if (turn[0]) { if (state.layer + turn[0] >= 1 && state.layer + turn[0] <= state.layers.length) choose(state.layer + turn[0], null, "unit"); }
        else ui.set({ unit: state.unit + turn[1] }, "unit");
      },
      click: (event) => {
        const box = scene.getBoundingClientRect(), level = view.shown - Math.floor((event.clientY - box.top) / ROW);
        if (level >= 1 && level <= view.shown) choose(level, view.low + ((event.clientX - box.left) / box.width) * (view.high - view.low), "unit");
      },
    } }, scene, marks);

    // The picture of the image: paths over rows and columns, the field's square.
    const picture = h("canvas", { style: { position: "absolute", imageRendering: "pixelated", background: "var(--soft)" } });
    const square = svg("svg", { style: { position: "absolute", inset: 0, width: "100%", height: "100%", background: "none" } });
    const image = h("div", { role: "img", style: { position: "relative", width: "260px", maxWidth: "100%", aspectRatio: 1, overflow: "hidden", border: "1px solid var(--line)" } }, picture, square);
    const caption = h("figcaption", {});
    const shares = h("p", {}), whole = h("p", {});
    const trouble = h("p", { style: { color: "var(--other)", fontWeight: 600 } });

    ui.root.append(
      ui.bar(preset, size), editor, trouble,
      ui.panes(h("div", {}, tableBox, h("figure", { class: "cx-pane" }, caption, image)), h("div", { style: { flex: "1 1 22rem" } }, ui.bar(unit), h("div", { style: { display: "flex", width: "100%" } }, labels, stage))),
      shares, whole);

    const colours = range(256).map((i) => amount(i, 255).background.match(/\d+/g).map(Number));
    const heat = (counts) => {
      const n = counts.length, most = Math.max(...counts, 1), pixels = new ImageData(n, n);
      const part = counts.map((count) => count / most);
      for (let r = 0, at = 0; r < n; r++) for (let c = 0; c < n; c++, at += 4) {
        const share = part[r] * part[c];
        if (!share) continue; // no path: what lies behind shows
        const colour = colours[Math.round(255 * share)];
        pixels.data[at] = colour[0]; pixels.data[at + 1] = colour[1]; pixels.data[at + 2] = colour[2]; pixels.data[at + 3] = 255;
      }
      [picture.width, picture.height] = [n, n];
      picture.getContext("2d").putImageData(pixels, 0, 0);
    };
    const block = (x, wide, y, high) => `M${+(x - wide / 2).toFixed(3)} ${y}h${+wide.toFixed(3)}v${high}h${-+wide.toFixed(3)}z`;
    const line = { "vector-effect": "non-scaling-stroke", fill: "none" };

    const draw1d = (state, rows, levels) => {
      const shown = fitting(rows), { layer } = state, { low, high } = field(state);
      const chosen = rows[layer], reach = (chosen.size - 1) / 2, margin = state.size / 4; // a field far outside must not make the image tiny
      view = { shown,
        low: Math.min(Math.max(chosen.start - reach, -margin), Math.max(low, -state.size), 0) - 1,
        high: Math.max(Math.min(chosen.start + (chosen.output - 1) * chosen.jump + reach, state.size + margin), Math.min(high, 2 * state.size), state.size - 1) + 1 };
      const top = (l) => (shown - l) * ROW + 10, wide = view.high - view.low, height = (shown + 1) * ROW + BARS, parts = [];
      const place = (l, i) => rows[l].start + i * rows[l].jump;
      const size = (l) => rows[l].jump * (rows[l].jump * 200 > wide ? 0.8 : 1);
      for (let l = layer; l > 0; l--) { // the fan below the blocks
        const [, k, stride, padding, dilation] = state.layers[l - 1], edges = [];
        levels[l].paths.forEach((count, i) => {
          if (count) for (let j = 0; j < k; j++) edges.push([place(l, i), place(l - 1, i * stride - padding + dilation * j)]);
        });
        if (edges.length <= 120) parts.push(svg("path", { d: edges.map(([a, b]) => `M${a} ${top(l) + 14}L${b} ${top(l - 1)}`).join(""), stroke: "var(--mark)", opacity: 0.65, ...line }));
        else if (edges.length) {
          const [a, b] = [edges[0], edges.at(-1)];
          parts.push(svg("path", { d: `M${a[0]} ${top(l) + 14}L${b[0]} ${top(l) + 14}L${b[1]} ${top(l - 1)}L${a[1]} ${top(l - 1)}z`, fill: "var(--mark)", opacity: 0.3 }));
        }
      }
      for (let l = shown; l >= 0; l--) {
        const w = size(l), all = range(rows[l].output);
        const blocks = w < rows[l].jump ? all.map((i) => block(place(l, i), w, top(l), 14)).join("")
          : block((place(l, 0) + place(l, all.length - 1)) / 2, all.length * w, top(l), 14);
        parts.push(svg("path", { d: blocks, fill: "var(--soft)", stroke: "var(--line)", opacity: l > layer ? PALE : 1, "vector-effect": "non-scaling-stroke" }));
        if (l > layer) continue;
        const seen = levels[l].paths.flatMap((count, i) => (count ? [block(place(l, i), w, top(l), 14)] : []));
        parts.push(svg("path", { d: seen.join(""), fill: "var(--mark)" }));
        parts.push(svg("path", { d: levels[l].padding.map((i) => block(place(l, i), w, top(l), 14)).join(""), stroke: "var(--other)", "stroke-dasharray": "3 2", "stroke-width": 1.5, ...line }));
      }
      const counts = levels[0].paths, most = Math.max(...counts), floor = height - 6, y0 = top(0) + 20;
      parts.push(svg("path", { d: `M${low - 0.5} ${y0}v6M${low - 0.5} ${y0 + 3}H${high + 0.5}M${high + 0.5} ${y0}v6`, stroke: "var(--other)", "stroke-width": 2, ...line }));
      parts.push(svg("path", { d: counts.flatMap((count, i) => { const tall = +((count / most) * (floor - y0 - 12)).toFixed(2); return count ? [block(i, size(0), floor - tall, tall)] : []; }).join(""), fill: "var(--mark)" }));
      parts.push(svg("path", { d: `M-0.5 ${floor}H${state.size - 0.5}`, stroke: "var(--line)", ...line }));
      scene.setAttribute("viewBox", `${view.low} 0 ${wide} ${height}`);
      scene.style.height = `${height}px`;
      scene.replaceChildren(...parts);
      const total = counts.reduce((a, b) => a + b, 0);
      labels.replaceChildren(...range(shown + 1).map((i) => shown - i).map((l) => h("div", { text: l ? `${l} ${short(state.layers[l - 1])}` : "input",
        style: { height: `${ROW}px`, paddingTop: "10px", fontWeight: l === layer ? 700 : 400, whiteSpace: "nowrap" } })),
        h("div", { text: total ? `paths, up to ${format((100 * most) / total, 2)} % a pixel` : "no paths", style: { paddingTop: "12px" } }));
      const ticks = [];
      for (const [x, strong] of [[low, true], [high, true], [0, false], [state.size - 1, false]])
        if (x >= view.low && x <= view.high && ticks.every(([other]) => Math.abs(other - x) / wide > 0.14)) ticks.push([x, strong]);
      marks.replaceChildren(...ticks.map(([x, strong]) => h("span", { text: format(x, 0), style: {
        position: "absolute", left: `${clamp(100 * ((x - view.low) / wide), 3, 95)}%`, transform: "translateX(-50%)", fontWeight: strong ? 700 : 400 } })));
    };

    const draw2d = (state, levels) => {
      const { low, high } = field(state), wide = view.high - view.low;
      const share = (x) => `${(100 * x) / wide}%`;
      Object.assign(picture.style, { left: share(-0.5 - view.low), top: share(-0.5 - view.low), width: share(state.size), height: share(state.size) });
      heat(levels[0].paths);
      const box = (from, to, more) => svg("rect", { x: from - 0.5, y: from - 0.5, width: to - from + 1, height: to - from + 1, ...line, ...more });
      square.setAttribute("viewBox", `${view.low} ${view.low} ${wide} ${wide}`);
      square.replaceChildren(box(0, state.size - 1, { stroke: "var(--line)", "stroke-width": 1.5 }),
        box(low, high, { stroke: "var(--other)", "stroke-width": 3, "stroke-dasharray": "7 4" }));
      caption.textContent = `image ${state.size} × ${state.size} and the field of unit (${state.unit}, ${state.unit})`;
      image.setAttribute("aria-label", `The image, and the square of the field from pixel ${format(low, 0)} to ${format(high, 0)} in rows and columns; the brighter, the more paths.`);
    };

    let known = "", reply = "";
    return (state) => {
      const { layers, layer } = state, rows = walk(state), mine = layers[layer - 1], fits = rows[layer].output !== null;
      const key = JSON.stringify([state.size, layers]);
      presetList.value = Object.keys(presets).find((name) => JSON.stringify([presets[name].size, presets[name].layers]) === key) ?? none;
      legend.textContent = `Layer ${layer}: ${named(mine)}`;
      kind.value = mine[0];
      numbers.forEach((input, i) => { if (document.activeElement !== input || +input.value !== mine[i + 1]) input.value = mine[i + 1]; });
      [earlier.disabled, later.disabled, remove.disabled, add.disabled] = [layer === 1, layer === layers.length, layers.length === 1, layers.length === MOST_LAYERS];
      if (lines.length !== layers.length + 1) linesFor(layers.length);
      lines.forEach(({ button, cells }, l) => {
        const { output, size: wide, jump, start } = rows[l];
        if (l) [button.textContent, button.ariaPressed] = [`${l} ${short(layers[l - 1])}`, String(l === layer)];
        if (l) button.setAttribute("aria-label", `layer ${l}: ${named(layers[l - 1])}`);
        [output === null ? "–" : thousands(output), thousands(wide), thousands(jump), format(start, 1)].forEach((text, i) => { cells[i].textContent = text; });
      });
      const why = fault(state);
      trouble.textContent = why ?? "";
      trouble.hidden = !why;
      slider.max = Math.max(0, (rows[layer].output ?? 1) - 1);
      slider.value = state.unit;
      slider.disabled = !fits || rows[layer].output === 1;
      reading.textContent = fits ? `${state.unit} of 0 to ${rows[layer].output - 1}` : "none";
      stage.parentElement.hidden = image.parentElement.hidden = shares.hidden = whole.hidden = !fits;
      if (!fits) return why;
      const levels = paths(state), counts = levels[0].paths;
      draw1d(state, rows, levels);
      draw2d(state, levels);
      stage.setAttribute("aria-label", `Stack of ${layers.length} layers along one axis. Left and right choose the unit, up and down the layer.`);
      const seen = counts.filter(Boolean).length, total = counts.reduce((a, b) => a + b, 0);
      shares.textContent = !seen ? "No path leads from the image to it."
        : `${total <= Number.MAX_SAFE_INTEGER ? thousands(total) : "More than 9 · 10¹⁵"} paths lead to it along one axis, from ${several(seen, "pixel")}; `
          + `${several(half(counts), "pixel")} ${half(counts) === 1 ? "holds" : "hold"} half of them. With equal weights, average pooling and no activation these shares are its effective receptive field.`;
      const asked = `${key} ${layer}`;
      if (asked !== known) [known, reply] = [asked, answer(state)];
      whole.textContent = `Does any unit see the whole image? ${reply}`;
      return sentence(state, rows, counts);
    };
  },
});
