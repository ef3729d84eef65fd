import { amount, asFraction, clamp, explorer, format, grey, grid, h, integerIn, range, signed, table, tableOf } from "./toolkit.js";

export const MODES = ["zero", "reflect", "symmetric", "replicate", "circular"];
const NUMPY = { zero: "constant", reflect: "reflect", symmetric: "symmetric", replicate: "edge", circular: "wrap" };
const SAME = ["same_keras", "same_torch"];
const MOST_PIXELS = 12, MOST_WEIGHTS = 5, MOST_PADDING = 4;

// ---- one axis ------------------------------------------------------------------------------------------------------

/** The position 0 ... n − 1 that each pixel of the padded axis copies, −1 where none does. */
export function sources(n, before, after, mode) {
  const turn = (place, period) => ((place % period) + period) % period;
  return range(before + n + after).map((i) => {
    const place = i - before;
    if (mode === "zero") return place < 0 || place >= n ? -1 : place;
    if (mode === "replicate") return clamp(place, 0, n - 1);
    if (mode === "circular") return turn(place, n);
    if (mode === "symmetric") return Math.min(turn(place, 2 * n), 2 * n - 1 - turn(place, 2 * n));
    const period = Math.max(2 * n - 2, 1);
    return Math.min(turn(place, period), 2 * n - 2 - turn(place, period));
  });
}

export const span = (k, dilation) => dilation * (k - 1) + 1;

/** Pixels [before, after] along an axis of n pixels for a padding of 0 ... 4, "same_keras" or "same_torch". */
export function sides(padding, n, k, stride, dilation) {
  if (!SAME.includes(padding)) return [padding, padding];
  const total = padding === "same_torch" ? dilation * (k - 1)
    : Math.max((Math.ceil(n / stride) - 1) * stride + span(k, dilation) - n, 0);
  return [Math.floor(total / 2), Math.ceil(total / 2)];
}

/** How often each pixel of a padded axis is read: one count for each window and weight. */
const reads = (length, out, k, stride, dilation) => {
  const counts = Array(length).fill(0);
  for (const o of range(out)) for (const m of range(k)) counts[o * stride + m * dilation] += 1;
  return counts;
};

// ---- both axes -----------------------------------------------------------------------------------------------------

/**
 * Sizes of everything, each as [of rows, of columns]; `refused` says in a sentence why there is no output, else it is null.
 */
export function geometry({ image, kernel, stride, dilation, padding }) {
  const image_ = [image.length, image[0].length], kernel_ = [kernel.length, kernel[0].length];
  const pad = image_.map((n, axis) => sides(padding, n, kernel_[axis], stride, dilation));
  const padded = image_.map((n, axis) => n + pad[axis][0] + pad[axis][1]);
  const spans = kernel_.map((k) => span(k, dilation));
  const out = padded.map((n, axis) => Math.max(Math.floor((n - spans[axis]) / stride) + 1, 0));
  const refused = refusal({ padding, stride, dilation, padded, spans });
  return { image: image_, kernel: kernel_, pad, padded, spans, out: refused ? [0, 0] : out, refused };
}

function refusal({ padding, stride, dilation, padded, spans }) {
  if (padding === "same_torch" && stride > 1)
    return `PyTorch refuses padding="same" with a stride of ${stride}: set the stride to 1, or give a number of pixels.`;
  if (padding === "same_keras" && stride > 1 && dilation > 1)
    return `Keras refuses a stride and a dilation above 1 together: set one of them to 1.`;
  const axis = [0, 1].find((i) => spans[i] > padded[i]);
  if (axis === undefined) return null;
  const what = ["rows", "columns"][axis];
  return `The kernel does not fit: it spans ${spans[axis]} ${what}, the padded image has ${padded[axis]}. Pad more, or take a smaller kernel or dilation.`;
}

/** The padded image. */
export function padded({ image, mode, ...rest }) {
  const { pad } = geometry({ image, ...rest });
  const [rows, columns] = [image.length, image[0].length].map((n, axis) => sources(n, ...pad[axis], mode));
  return rows.map((r) => columns.map((c) => (r < 0 || c < 0 ? 0 : image[r][c])));
}

/** The output map; without rows where there is none. */
export function outputMap(state) {
  const { out: [oh, ow] } = geometry(state), x = padded(state), { kernel, stride, dilation } = state;
  return table(oh, ow, (r, c) => {
    let sum = 0;
    kernel.forEach((line, m) => line.forEach((weight, n) => { sum += weight * x[r * stride + m * dilation][c * stride + n * dilation]; }));
    return sum;
  });
}

/** cells: how many windows read each cell of the padded image. pixels: how often each pixel of the image is read, copies included. */
export function touches(state) {
  const { image, padded: lengths, kernel, out, pad } = geometry(state);
  const counts = lengths.map((length, axis) => reads(length, out[axis], kernel[axis], state.stride, state.dilation));
  const gathered = counts.map((count, axis) => {
    const line = Array(image[axis]).fill(0);
    sources(image[axis], ...pad[axis], state.mode).forEach((source, i) => { if (source >= 0) line[source] += count[i]; });
    return line;
  });
  const product = ([rows, columns]) => rows.map((a) => columns.map((b) => a * b));
  return { cells: product(counts), pixels: product(gathered) };
}

/** Mean size |output| on the frame, whose windows read padding, and inside; null where there is no such window. */
export function frame(state) {
  const { pad, image, spans, out } = geometry(state), sums = { frame: [0, 0], inside: [0, 0] };
  const crosses = (o, axis) => o * state.stride < pad[axis][0] || o * state.stride + spans[axis] > pad[axis][0] + image[axis];
  outputMap(state).forEach((line, r) => line.forEach((v, c) => {
    const sum = sums[crosses(r, 0) || crosses(c, 1) ? "frame" : "inside"];
    sum[0] += Math.abs(v), sum[1] += 1;
  }));
  const mean = ([total, n]) => (n ? total / n : null);
  return { frame: mean(sums.frame), inside: mean(sums.inside), outputs: out[0] * out[1] };
}

/** The image moves by one stride to the right, around the border: [outputs that just move along by one column, outputs compared]. */
export function movesAlong(state) {
  const { out: [oh, ow], image: [, width] } = geometry(state), around = ow * state.stride === width;
  const moved = { ...state, image: state.image.map((row) => range(width).map((c) => row[(c + width * state.stride - state.stride) % width])) };
  const before = outputMap(state), after = outputMap(moved);
  const columns = range(ow).slice(around ? 0 : 1), scale = Math.max(1, ...before.flat().map(Math.abs));
  const kept = before.map((row, r) => columns.filter((c) => Math.abs(after[r][c] - row[(c + ow - 1) % ow]) <= 1e-9 * scale).length);
  return [kept.reduce((a, b) => a + b, 0), oh * columns.length];
}

// ---- state ---------------------------------------------------------------------------------------------------------

const PATTERNS = {
  "numbered pixels": (rows, columns) => table(rows, columns, (r, c) => r * columns + c + 1),
  "all the same": (rows, columns) => table(rows, columns, () => 9),
  "one bright pixel": (rows, columns) => table(rows, columns, (r, c) => (r === rows >> 1 && c === columns >> 1 ? 9 : 0)),
  "brighter to the right": (rows, columns) => table(rows, columns, (r, c) => (c >= columns / 2 ? 9 : 1)),
  "diagonal stripes": (rows, columns) => table(rows, columns, (r, c) => ((r + c) % 4 < 2 ? 9 : 0)),
};
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const pattern = (image) => Object.keys(PATTERNS).find((name) => same(PATTERNS[name](image.length, image[0].length), image));
const mean = (rows, columns) => table(rows, columns, () => 1 / (rows * columns));
const isMean = (kernel) => same(kernel, mean(kernel.length, kernel[0].length));

/** The image with other numbers of rows and columns: its pattern drawn afresh, or cut, or grown by zeros. */
export const sized = (image, rows, columns) =>
  pattern(image) ? PATTERNS[pattern(image)](rows, columns) : table(rows, columns, (r, c) => image[r]?.[c] ?? 0);

/** The kernel with other numbers of rows and columns: the mean stays one, others are cut or grown by zeros around their middle. */
export function resized(kernel, rows, columns) {
  if (isMean(kernel)) return mean(rows, columns);
  const [down, right] = [Math.floor((kernel.length - rows) / 2), Math.floor((kernel[0].length - columns) / 2)];
  return table(rows, columns, (r, c) => kernel[r + down]?.[c + right] ?? 0);
}

function clean(state) {
  tableOf(state.image, MOST_PIXELS, "image");
  tableOf(state.kernel, MOST_WEIGHTS, "kernel");
  state.stride = integerIn(state.stride, 1, 3);
  state.dilation = integerIn(state.dilation, 1, 3);
  if (!MODES.includes(state.mode)) state.mode = "zero";
  if (!SAME.includes(state.padding)) state.padding = integerIn(state.padding, 0, MOST_PADDING);
  if (!VIEWS.some(([name]) => name === state.view)) state.view = "values";
  const { out, pad, image } = geometry(state);
  ["row", "column"].forEach((name, axis) => {
    state[name] = integerIn(state[name], 0, Math.max(out[axis] - 1, 0));
    state[`cell_${name}`] = integerIn(state[`cell_${name}`], -pad[axis][0], image[axis] + pad[axis][1] - 1);
  });
  return state;
}

// ---- words ---------------------------------------------------------------------------------------------------------

const VIEWS = [["values", "values"], ["windows", "windows that read a cell"], ["pixels", "reads, copies included"]];
const plural = (n, one) => `${n} ${one}${n === 1 ? "" : "s"}`;

/** The output size of one axis, with numbers. */
export function sizeFormula(state, axis) {
  const { image, kernel, pad, padded: lengths, spans } = geometry(state), [before, after] = pad[axis];
  const inside = `${image[axis]} + ${before} + ${after} − ${state.dilation}·(${kernel[axis]} − 1) − 1`;
  const exact = (lengths[axis] - spans[axis]) / state.stride;
  return `⌊(${inside}) / ${state.stride}⌋ + 1 = ⌊${format(exact)}⌋ + 1 = ${format(Math.floor(exact) + 1)}${exact < 0 ? ": no window fits" : ""}`;
}

/** Why "same" adds what it adds to one axis. */
function sameFormula({ padding, stride, dilation, image, kernel }, axis) {
  const n = [image.length, image[0].length][axis], k = [kernel.length, kernel[0].length][axis];
  const [before, after] = sides(padding, n, k, stride, dilation), total = `${before + after}, ${before} before and ${after} after`;
  if (padding === "same_torch") return `same of PyTorch adds ${dilation}·(${k} − 1) = ${total}`;
  const out = Math.ceil(n / stride);
  return `same of Keras wants ⌈${n}/${stride}⌉ = ${out}, so it adds max((${out} − 1)·${stride} + ${span(k, dilation)} − ${n}, 0) = ${total}`;
}

/** What the frameworks say about these settings, one sentence each. */
export function notes(state) {
  const { image, pad, refused, out } = geometry(state), said = [], { mode } = state;
  const most = Math.max(...pad.flat()), largest = Math.max(...pad.map((both, axis) => Math.max(...both) - image[axis]));
  if (most && mode === "symmetric") said.push("PyTorch has no symmetric padding; NumPy and keras.ops.pad have.");
  if (most && (mode === "replicate" || mode === "circular"))
    said.push(`NumPy calls this mode "${NUMPY[mode]}"; keras.ops.pad on TensorFlow does not have it.`);
  if (mode === "reflect" && largest >= 0) said.push("PyTorch and TensorFlow refuse to reflect as many pixels as there are; NumPy goes on bouncing, as drawn.");
  if (mode === "symmetric" && largest > 0) said.push("TensorFlow refuses to mirror more pixels than there are; NumPy goes on, as drawn.");
  if (mode === "circular" && largest > 0) said.push("PyTorch refuses to go around more than once; NumPy does it, as drawn.");
  if (SAME.includes(state.padding) && mode !== "zero")
    said.push(state.padding === "same_keras" ? "Keras itself pads with zeros only: other modes need keras.ops.pad first." : `PyTorch takes padding="same" together with padding_mode="${mode}".`);
  if (pad.some(([before, after]) => before !== after)) said.push("One side gets a pixel more: the last row or column, in both frameworks.");
  if (!refused) {
    const { cells } = touches(state), unread = state.image.flatMap((row, r) => row.map((_, c) => cells[r + pad[0][0]][c + pad[1][0]])).filter((n) => !n).length;
    const left = cells.flat().filter((n) => !n).length;
    if (left) said.push(`${plural(left, "cell")} of the padded image ${left === 1 ? "is" : "are"} read by no window, ${unread} of them in the image (struck through).`);
  }
  return mode === "symmetric" && state.padding === "same_torch" ? said.filter((line) => !line.startsWith("PyTorch takes")) : said;
}

/** The same in PyTorch and in Keras, as lines of Python on an x of (N, C, H, W) and of (N, H, W, C); a comment where it cannot be done. */
export function asCode(state) {
  const { pad: [[top, bottom], [left, right]], kernel: [kh, kw], refused } = geometry(state), { mode, padding, stride, dilation } = state;
  const none = !(top || bottom || left || right), even = top === bottom && left === right, numpy = NUMPY[mode];
  const torch = (how) => `layer = torch.nn.Conv2d(1, 1, (${kh}, ${kw}), stride=${stride}, padding=${how}, dilation=${dilation}, bias=False)`;
  const keras = (how) => `layer = keras.layers.Conv2D(1, (${kh}, ${kw}), strides=${stride}, padding="${how}", dilation_rate=${dilation}, use_bias=False)`;
  const inTorch = () => {
    if (mode === "symmetric" && !none) return "# PyTorch has no symmetric padding.";
    const its = { zero: "zeros" }[mode] ?? mode, how = padding === "same_torch" ? '"same"' : even ? `(${top}, ${left})` : null;
    if (how) return torch(how).replace(", bias", none || mode === "zero" ? ", bias" : `, padding_mode="${its}", bias`);
    return `x = torch.nn.functional.pad(x, (${left}, ${right}, ${top}, ${bottom}), mode="${mode === "zero" ? "constant" : mode}")\n${torch(0)}`;
  };
  const inKeras = () => {
    if (stride > 1 && dilation > 1) return "# Keras refuses a stride and a dilation above 1 together.";
    if (none) return keras("valid");
    if (mode === "zero" && padding === "same_keras") return keras("same");
    const by = mode === "zero" || mode === "reflect" || mode === "symmetric" ? "keras.ops.pad" : "np.pad";
    return `x = ${by}(x, [(0, 0), (${top}, ${bottom}), (${left}, ${right}), (0, 0)], mode="${numpy}")\n${keras("valid")}`;
  };
  return refused ? { torch: `# ${refused}`, keras: `# ${refused}` } : { torch: inTorch(), keras: inKeras() };
}

/** What a cell of the padded image is. r, c: its place, 0 first. */
function nature(from, r, c, value) {
  if (from[0][r] < 0 || from[1][c] < 0) return "padding, filled with 0";
  return `padding, a copy of row ${from[0][r]}, column ${from[1][c]} of the image: ${format(value)}`;
}

export default explorer({
  name: "padding_and_stride",
  python: "PaddingAndStride",
  title: "Padding and stride",
  traits: ["image", "kernel", "mode", "padding", "stride", "dilation", "view", "row", "column", "cell_row", "cell_column"],
  clean,
  derive: (state) => ({ output: outputMap(state), amounts: geometry(state).pad, touch_counts: touches(state).pixels }),

  build(ui) {
    const kernels = ui.given("kernels"), now = ui.state;
    const size = (label, most, choose, value) => ui.choice({ label, options: range(most).map((i) => [i + 1, String(i + 1)]), choose, value });
    const named = (label, names, choose, value) => ui.choice({ label, options: [[null, "own numbers"], ...names.map((name) => [name, name])],
      choose: (name) => (name === null ? {} : choose(name)), value: (state) => value(state) ?? null });
    const edited = (plane, r, c, value) =>
      ui.set({ [plane]: now()[plane].map((row, i) => row.map((v, j) => (i === r && j === c ? value : v))) }, `${plane} ${r} ${c}`);
    const places = (state) => geometry(state).pad.map((both, axis) => sources(geometry(state).image[axis], ...both, state.mode));
    const picture = grid({
      label: "padded image", step: 1,
      select: (r, c) => {
        const { pad } = geometry(now());
        ui.set({ cell_row: r - pad[0][0], cell_column: c - pad[1][0] }, "cell");
      },
      edit: (r, c, value) => {
        const [rows, columns] = places(now());
        rows[r] >= 0 && columns[c] >= 0 ? edited("image", rows[r], columns[c], value) : ui.set({}); // a copy changes its source
      },
    });
    const weights = grid({ label: "kernel", edit: (r, c, value) => edited("kernel", r, c, value) });
    const map = grid({ label: "output map", select: (row, column) => ui.set({ row, column }, "position") });
    const about = h("p", {}), refusedText = h("p", { style: { fontWeight: "600" } });
    const formulas = range(2).map(() => h("p", { style: { overflowWrap: "anywhere" } }));
    const remarks = h("ul", { style: { margin: "0.3rem 0 0 1.2rem", padding: "0" } });
    const codes = ["PyTorch", "Keras"].map((name) => ({ name, text: h("pre", { style: { whiteSpace: "pre-wrap", margin: "0.2rem 0", font: "13px/1.5 ui-monospace, monospace", background: "var(--soft)", color: "inherit", padding: "0.3rem", border: "0", overflowWrap: "anywhere" } }) }));
    const strips = MODES.map((mode) => { // a canvas: five maps of hundreds of cells would make a step slow
      const canvas = h("canvas", { role: "img", style: { imageRendering: "pixelated", border: "1px solid var(--line)", maxWidth: "100%" } });
      return { canvas, element: h("figure", { class: "cx-pane" }, h("figcaption", { text: mode }), canvas) };
    });
    const paint = (canvas, map, peak, label) => {
      Object.assign(canvas, { width: map[0].length, height: map.length });
      canvas.style.width = `${map[0].length * 14}px`;
      canvas.setAttribute("aria-label", label);
      const context = canvas.getContext("2d");
      map.forEach((row, r) => row.forEach((v, c) => { context.fillStyle = signed(v, peak).background; context.fillRect(c, r, 1, 1); }));
    };
    const rows = MODES.map((mode) => ({ head: h("th", { scope: "row" }), cells: range(3).map(() => h("td", {})) }));
    const compared = h("div", {}, h("p", { style: { fontWeight: "600" }, text: "The same kernel under all five modes" }),
      ui.panes(...strips.map((strip) => strip.element)),
      h("table", {}, h("thead", {}, h("tr", {}, ...["mode", "|output| at the frame", "|output| inside", "moves along"].map((text) => h("th", { scope: "col", text })))),
        h("tbody", {}, ...rows.map(({ head, cells }) => h("tr", {}, head, ...cells)))),
      h("p", { text: "The frame: outputs whose window reaches into the padding. Moves along: the image moves right by one stride, around its border; so many outputs just move with it." }));

    ui.root.append(
      ui.bar(
        named("Image", Object.keys(PATTERNS), (name) => ({ image: PATTERNS[name](now().image.length, now().image[0].length) }), (s) => pattern(s.image)),
        size("rows", MOST_PIXELS, (n) => ({ image: sized(now().image, n, now().image[0].length) }), (s) => s.image.length),
        size("columns", MOST_PIXELS, (n) => ({ image: sized(now().image, now().image.length, n) }), (s) => s.image[0].length),
        named("Kernel", ["mean", ...Object.keys(kernels)],
          (name) => ({ kernel: name === "mean" ? mean(now().kernel.length, now().kernel[0].length) : kernels[name] }),
          (s) => (isMean(s.kernel) ? "mean" : Object.keys(kernels).find((name) => same(kernels[name], s.kernel)))),
        size("kernel rows", MOST_WEIGHTS, (n) => ({ kernel: resized(now().kernel, n, now().kernel[0].length) }), (s) => s.kernel.length),
        size("kernel columns", MOST_WEIGHTS, (n) => ({ kernel: resized(now().kernel, now().kernel.length, n) }), (s) => s.kernel[0].length)),
      ui.bar(
        ui.choice({ trait: "mode", label: "Padding mode", options: MODES.map((mode) => [mode, mode]) }),
        ui.choice({ trait: "padding", label: "Amount", options: [[0, "0: none, “valid”"], ...range(MOST_PADDING).map((i) => [i + 1, `${i + 1} on each side`]),
          ["same_keras", "same of Keras"], ["same_torch", "same of PyTorch"]] }),
        ui.slider({ trait: "stride", label: "Stride", least: 1, most: 3 }),
        ui.slider({ trait: "dilation", label: "Dilation", least: 1, most: 3 }),
        ui.choice({ trait: "view", label: "Padded image shows", options: VIEWS })),
      ui.panes(picture.element, weights.element, h("div", {}, map.element, refusedText)),
      about, ...formulas, remarks, compared,
      h("details", {}, h("summary", { text: "The same in PyTorch and in Keras" }), ...codes.flatMap(({ name, text }) => [h("p", { text: name }), text])));

    return (state) => {
      const g = geometry(state), { image, kernel, stride, dilation, row, column } = state;
      const x = padded(state), out = outputMap(state), counts = touches(state), from = places(state), [[top], [left]] = g.pad;
      const [least, most] = [Math.min(0, ...x.flat()), Math.max(1, ...x.flat())];
      const busiest = Math.max(...counts.cells.flat()), often = Math.max(...counts.pixels.flat());
      const isPad = (r, c) => r < top || c < left || r >= top + g.image[0] || c >= left + g.image[1];
      const cell = [state.cell_row + top, state.cell_column + left];

      // A kernel that does not fit is drawn hanging over: cells that do not exist are left blank.
      const [high, wide] = [0, 1].map((axis) => Math.max(g.padded[axis], g.refused ? g.spans[axis] : 0));
      const shape = (r, c) => dilation === 1 ? [[r, c, g.kernel[0], g.kernel[1]]]
        : range(g.kernel[0]).flatMap((m) => range(g.kernel[1]).map((n) => [r + m * dilation, c + n * dilation, 1, 1]));
      const overhangs = g.spans.some((s, axis) => s > g.padded[axis]);
      const frames = g.refused ? (overhangs ? shape(0, 0).map((box) => [...box, "cx-other"]) : []) : shape(row * stride, column * stride);
      const [sr, sc] = [from[0][cell[0]], from[1][cell[1]]];
      if (isPad(...cell) && sr >= 0 && sc >= 0) frames.push([sr + top, sc + left, 1, 1, "cx-other"]);
      picture.draw({
        rows: high, columns: wide, frames, selected: cell,
        caption: `padded image, ${g.padded[0]} × ${g.padded[1]}${state.view === "values" ? "" : `: ${VIEWS.find(([name]) => name === state.view)[1]}`}`,
        cell: (r, c) => {
          if (r >= g.padded[0] || c >= g.padded[1]) return { text: "", label: `row ${r}, column ${c}: there is no pixel`, class: "cx-pad" };
          const v = x[r][c], pad = isPad(r, c), unread = !g.refused && !counts.cells[r][c];
          const count = state.view === "windows" ? counts.cells[r][c] : pad ? null : counts.pixels[r - top][c - left];
          const what = pad ? nature(from, r, c, v) : `row ${r - top}, column ${c - left} of the image: ${format(v)}`;
          const style = state.view === "values" ? (pad ? {} : grey(v, least, most)) : pad ? {} : amount(count, state.view === "windows" ? busiest : often);
          return {
            text: state.view === "values" ? format(v, 1) : count === null ? "" : String(count), value: v, current: r === cell[0] && c === cell[1],
            class: pad ? "cx-pad" : "", style: { textDecoration: unread ? "line-through 2px" : "", ...style },
            label: what + (state.view === "values" || count === null ? "" : `, read ${plural(count, "time")}`) + (unread ? ", read by no window" : ""),
          };
        },
      });
      const readHere = g.refused ? "" : ` ${plural(counts.cells[cell[0]][cell[1]], "window")} of ${g.out[0] * g.out[1]} read it.`;
      about.textContent = `Chosen: ${isPad(...cell) ? nature(from, ...cell, x[cell[0]][cell[1]]) : `row ${state.cell_row}, column ${state.cell_column} of the image: ${format(x[cell[0]][cell[1]])}`}.${readHere}`;

      const heaviest = Math.max(...kernel.flat().map(Math.abs)), largest = Math.max(...out.flat().map(Math.abs));
      weights.draw({ rows: g.kernel[0], columns: g.kernel[1], caption: `kernel, ${g.kernel[0]} × ${g.kernel[1]}`, cell: (r, c) => ({
        text: asFraction(kernel[r][c]), value: kernel[r][c], style: signed(kernel[r][c], heaviest), label: `weight in row ${r}, column ${c}: ${asFraction(kernel[r][c])}` }) });
      map.element.hidden = Boolean(g.refused);
      refusedText.textContent = g.refused ?? "";
      if (!g.refused) map.draw({
        rows: g.out[0], columns: g.out[1], selected: [row, column], caption: `output map, ${g.out[0]} × ${g.out[1]}`,
        cell: (r, c) => ({ text: format(out[r][c], 1), current: r === row && c === column, style: signed(out[r][c], largest), label: `row ${r}, column ${c}: ${format(out[r][c])}` }),
      });

      formulas.forEach((line, axis) => {
        const why = SAME.includes(state.padding) ? `${sameFormula(state, axis)}; ` : "";
        line.textContent = `${["Rows", "Columns"][axis]}: ${why}output ⌊(n + before + after − dilation·(k − 1) − 1) / stride⌋ + 1 = ${sizeFormula(state, axis)}`;
      });
      const code = asCode(state);
      [code.torch, code.keras].forEach((text, i) => { codes[i].text.textContent = text; });
      const said = notes(state);
      remarks.hidden = !said.length;
      remarks.replaceChildren(...said.map((text) => h("li", { text })));

      const maps = MODES.map((mode) => outputMap({ ...state, mode })), peak = Math.max(...maps.flat(2).map(Math.abs));
      compared.hidden = Boolean(g.refused) || !g.pad.flat().some(Boolean);
      if (!compared.hidden) MODES.forEach((mode, i) => {
        const one = { ...state, mode }, { frame: edge, inside } = frame(one), [kept, asked] = movesAlong(one);
        const mine = mode === state.mode ? ", chosen" : "", text = (v) => (v === null ? "none" : format(v));
        paint(strips[i].canvas, maps[i], peak, `output map with mode ${mode}: mean size ${text(edge)} at the frame, ${text(inside)} inside`);
        rows[i].head.textContent = mode + mine;
        [text(edge), text(inside), asked ? `${kept} of ${asked}` : "–"].forEach((value, j) => { rows[i].cells[j].textContent = value; });
      });

      if (g.refused) return g.refused;
      const terms = kernel.flatMap((line, m) => line.map((w, n) => [w, row * stride + m * dilation, column * stride + n * dilation]));
      const outside = terms.filter(([, r, c]) => isPad(r, c)).length;
      const sum = terms.length <= 9 ? terms.map(([w, r, c]) => `${format(x[r][c])}×${asFraction(w)}`).join(" + ") : `the sum of ${terms.length} products`;
      return `Output row ${row}, column ${column} of ${g.out[0]} × ${g.out[1]}: ${outside} of ${plural(terms.length, "value")} read ${outside === 1 ? "is" : "are"} padding; ${sum} = ${format(out[row][column])}`;
    };
  },
});
