import { asFraction, explorer, format, grey, grid, h, integerIn, range, signed, table, tableOf } from "./toolkit.js";

const MOST_PIXELS = 12, MOST_BINS = 8;
const METHODS = [
  ["max", "maximum"], ["average", "average"], ["subsample", "subsampling only (a stride without pooling)"],
  ["blur", "blur [1 2 1], then subsample"], ["max_blur", "maximum, blur [1 2 1], then subsample"], ["adaptive", "adaptive average"],
];
const SHORT = { max: "maximum", average: "average", subsample: "subsampling", blur: "blur, subsample", max_blur: "maximum, blur, subsample", adaptive: "adaptive average" };

// ---- arithmetic ----------------------------------------------------------------------------------------------------

const outputs = (n, size, stride) => Math.max(Math.floor((n - size) / stride) + 1, 0);
const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
const turn = (i, n) => ((i % n) + n) % n;

/** The image moved down by dy and to the right by dx; around its border, or with zeros coming in. */
export function shifted({ image, dy, dx, border }) {
  const [rows, columns] = [image.length, image[0].length];
  return table(rows, columns, (r, c) => border === "circular" ? image[turn(r - dy, rows)][turn(c - dx, columns)] : image[r - dy]?.[c - dx] ?? 0);
}

/** The bins [start, end) of adaptive pooling: ⌊i·n/out⌋ to ⌈(i+1)·n/out⌉. */
export const bins = (n, out) => range(out).map((i) => [Math.floor((i * n) / out), Math.ceil(((i + 1) * n) / out)]);

/** Where the largest of some [row, column] is: the first of equals, as PyTorch and TensorFlow choose. */
const winner = (image, places) => places.reduce((best, place) => (image[place[0]][place[1]] > image[best[0]][best[1]] ? place : best));

const square = (top, left, high, wide) => range(high).flatMap((m) => range(wide).map((n) => [top + m, left + n]));

/** The blur around a pixel, reflected at the border: [[row, column, weight], ...]. */
function blurred(rows, columns, r, c) {
  const inside = (i, n) => (n === 1 ? 0 : i < 0 ? -i : i >= n ? 2 * n - 2 - i : i);
  return square(-1, -1, 3, 3).map(([m, n]) => [inside(r + m, rows), inside(c + n, columns), ((2 - Math.abs(m)) * (2 - Math.abs(n))) / 16]);
}

/** Rows and columns of the pooled map, [0, 0] where the window does not fit. */
export function pooledSize({ image, method, window, stride, output_size }) {
  const lengths = [image.length, image[0].length];
  if (method === "adaptive") return [output_size, output_size];
  if (method === "subsample" || method === "blur") return lengths.map((n) => Math.ceil(n / stride));
  if (Math.min(...lengths) < window) return [0, 0];
  return lengths.map((n) => (method === "max_blur" ? Math.ceil((n - window + 1) / stride) : outputs(n, window, stride)));
}

/** The pixels that an output reads: {top, left, high, wide}. They are cut off at the border. */
export function windowOf({ image, method, window, stride, output_size }, r, c) {
  const [rows, columns] = [image.length, image[0].length];
  if (method === "adaptive") {
    const [top, bottom] = bins(rows, output_size)[r], [left, right] = bins(columns, output_size)[c];
    return { top, left, high: bottom - top, wide: right - left };
  }
  const before = method === "blur" || method === "max_blur" ? 1 : 0, size = { subsample: 1, blur: 3, max_blur: window + 2 }[method] ?? window;
  const [top, left] = [r * stride - before, c * stride - before], [y, x] = [Math.max(top, 0), Math.max(left, 0)];
  return { top: y, left: x, high: Math.min(top + size, rows) - y, wide: Math.min(left + size, columns) - x };
}

/** Which pixels make an output, and by how much: [[row, column, share], ...]: the way of its gradient. */
export function shares(state, r, c) {
  const { image, method, window, stride } = state, rows = image.length, columns = image[0].length;
  if (method === "subsample") return [[r * stride, c * stride, 1]];
  if (method === "blur") return gathered(blurred(rows, columns, r * stride, c * stride));
  if (method === "max_blur")
    return gathered(blurred(rows - window + 1, columns - window + 1, r * stride, c * stride)
      .map(([y, x, share]) => [...winner(image, square(y, x, window, window)), share]));
  const { top, left, high, wide } = windowOf(state, r, c), places = square(top, left, high, wide);
  return method === "max" ? [[...winner(image, places), 1]] : places.map((place) => [...place, 1 / places.length]);
}

/** Shares of the same pixel, added up. */
function gathered(list) {
  const all = new Map();
  for (const [r, c, share] of list) all.set(`${r} ${c}`, [r, c, (all.get(`${r} ${c}`)?.[2] ?? 0) + share]);
  return [...all.values()];
}

/** The map of every window's value: reduce(top, left) gives it. */
const slide = (image, size, stride, reduce) => table(outputs(image.length, size, stride), outputs(image[0].length, size, stride),
  (r, c) => reduce(r * stride, c * stride));

function maxMap(image, size, stride) {
  return slide(image, size, stride, (top, left) => {
    let best = -Infinity;
    for (let m = 0; m < size; m++) for (let n = 0; n < size; n++) best = Math.max(best, image[top + m][left + n]);
    return best;
  });
}

function boxMean(image, top, left, high, wide) {
  let total = 0;
  for (let m = 0; m < high; m++) for (let n = 0; n < wide; n++) total += image[top + m][left + n];
  return total / (high * wide);
}

/** Blurred by [1 2 1] / 4 along both axes, reflected at the border, then every stride-th row and column. */
function blurMap(image, stride) {
  const [rows, columns] = [image.length, image[0].length];
  return table(Math.ceil(rows / stride), Math.ceil(columns / stride), (r, c) => sum(blurred(rows, columns, r * stride, c * stride).map(([y, x, share]) => share * image[y][x])));
}

/** The pooled map of an image (by default the state's own), without rows where no window fits. */
export function pooled(state, image = state.image) {
  const { method, window, stride } = state;
  if (!pooledSize({ ...state, image })[0]) return [];
  if (method === "max") return maxMap(image, window, stride);
  if (method === "average") return slide(image, window, stride, (top, left) => boxMean(image, top, left, window, window));
  if (method === "subsample") return slide(image, 1, stride, (r, c) => image[r][c]);
  if (method === "adaptive") {
    const columns = bins(image[0].length, state.output_size);
    return bins(image.length, state.output_size).map(([top, bottom]) => columns.map(([left, right]) => boxMean(image, top, left, bottom - top, right - left)));
  }
  return blurMap(method === "blur" ? image : maxMap(image, window, 1), stride);
}

/** The gradient of one output with respect to the image. */
export function gradient(state) {
  const all = state.image.map((row) => row.map(() => 0));
  if (pooledSize(state)[0]) for (const [r, c, share] of shares(state, state.row, state.column)) all[r][c] += share;
  return all;
}

/**
 * What a shift does to the pooled values: outputs, kept (equal within the tolerance at the same place), lit (not 0 both times), keptLit,
 * change (mean |difference|), relative (of the mean size, null where that is 0), step [kept, compared] over the four shifts by one pixel,
 * along [kept, compared] where the map moves with the image by whole outputs, null where the shift is no multiple of the stride.
 */
export function survival(state) {
  const before = pooled(state), after = pooled(state, shifted(state)), old = before.flat(), now = after.flat();
  const equal = (a, b) => Math.abs(a - b) <= state.tolerance + 1e-9;
  const kept = (map) => map.flat().filter((v, i) => equal(v, old[i])).length;
  const lit = range(old.length).filter((i) => Math.abs(old[i]) > 1e-9 || Math.abs(now[i]) > 1e-9);
  const total = sum(range(old.length).map((i) => Math.abs(now[i] - old[i]))), size = sum(old.map(Math.abs));
  const steps = [[0, 1], [0, -1], [1, 0], [-1, 0]].map(([dy, dx]) => kept(pooled(state, shifted({ ...state, dy, dx }))));
  return {
    outputs: old.length, kept: kept(after), lit: lit.length, keptLit: lit.filter((i) => equal(old[i], now[i])).length,
    change: old.length ? total / old.length : 0, relative: size > 0 ? total / size : null,
    step: [sum(steps), 4 * old.length], along: along(state, before, after, equal),
  };
}

function along({ image, method, stride, dy, dx, border }, before, after, equal) {
  if (method === "adaptive" || dy % stride || dx % stride || !before.length) return null;
  const move = [dy / stride, dx / stride], out = [before.length, before[0].length], lengths = [image.length, image[0].length];
  // Around the border the map turns with the image only if its outputs go around evenly.
  const source = (i, axis) => border === "circular" && out[axis] * stride === lengths[axis] ? turn(i - move[axis], out[axis]) : i - move[axis];
  const pairs = after.flatMap((row, r) => row.map((v, c) => [v, before[source(r, 0)]?.[source(c, 1)]])).filter(([, v]) => v !== undefined);
  return [pairs.filter(([a, b]) => equal(a, b)).length, pairs.length];
}

// ---- state ---------------------------------------------------------------------------------------------------------

const DIGIT = ["00000000", "00799800", "05900960", "00000970", "00009700", "00098000", "00980000", "08999990"].map((row) => [...row].map(Number));
const PATTERNS = {
  "a digit": (n) => table(n, n, (r, c) => DIGIT[r - ((n - 8) >> 1)]?.[c - ((n - 8) >> 1)] ?? 0),
  "an edge": (n) => table(n, n, (_, c) => (c >= n >> 1 ? 9 : 0)),
  "a dot": (n) => table(n, n, (r, c) => (r === n >> 1 && c === n >> 1 ? 9 : 0)),
  "a soft blob": (n) => table(n, n, (r, c) => Math.round(9 * Math.exp(-((r - n / 2) ** 2 + (c - n / 2) ** 2) / n))),
  "stripes, two wide": (n) => table(n, n, (_, c) => (c % 4 > 1 ? 9 : 0)),
  "a checkerboard": (n) => table(n, n, (r, c) => 9 * ((r + c) % 2)),
  "a rough texture": (n) => table(n, n, (r, c) => (7 * r * r + 3 * r * c + 5 * c * c + 2 * c) % 10),
};
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const pattern = (image) => Object.keys(PATTERNS).find((name) => same(PATTERNS[name](image.length), image));

/** The image with another side: its pattern drawn afresh, or cut, or grown by zeros. */
export const sized = (image, n) => (pattern(image) ? PATTERNS[pattern(image)](n) : table(n, n, (r, c) => image[r]?.[c] ?? 0));

function clean(state) {
  tableOf(state.image, MOST_PIXELS, "image");
  if (!METHODS.some(([name]) => name === state.method)) state.method = "max";
  if (state.border !== "zero") state.border = "circular";
  for (const [name, least, most] of [["window", 2, 4], ["stride", 1, 4], ["output_size", 1, MOST_BINS], ["dy", -3, 3], ["dx", -3, 3]])
    state[name] = integerIn(state[name], least, most);
  state.tolerance = Number.isFinite(state.tolerance) ? Math.max(state.tolerance, 0) : 0;
  state.route = Boolean(state.route);
  ["row", "column"].forEach((name, axis) => { state[name] = integerIn(state[name], 0, Math.max(pooledSize(state)[axis] - 1, 0)); });
  return state;
}

// ---- words ---------------------------------------------------------------------------------------------------------

const at = (r, c) => `row ${r}, column ${c}`;
const ways = (n, plus, minus) => (n ? `${Math.abs(n)} ${n > 0 ? plus : minus}` : null);
const moveText = ({ dy, dx }) => [ways(dx, "right", "left"), ways(dy, "down", "up")].filter(Boolean).join(" and ") || "nowhere";

/** How the chosen output comes about, and where its gradient goes. */
export function routeText(state) {
  const { image, method, row, column } = state, list = shares(state, row, column), { top, left, high, wide } = windowOf(state, row, column);
  const value = format(pooled(state)[row][column]), places = square(top, left, high, wide);
  if (method === "max") {
    const [[r, c]] = list, equals = places.filter(([y, x]) => image[y][x] === image[r][c]).length;
    const tie = equals > 1 ? ` ${equals} pixels tie: PyTorch and TensorFlow take the first in reading order, this one.` : "";
    return `The largest of ${places.length} pixels is ${value}, in ${at(r, c)}: all of the gradient goes there, none to the others.${tie}`;
  }
  if (method === "subsample") return `It is the pixel in ${at(list[0][0], list[0][1])}, ${value}, and all of the gradient goes there: the pixels between are never looked at.`;
  if (method === "blur") return `A weighted mean of ${list.length} pixels around ${at(row * state.stride, column * state.stride)} is ${value}: each gets as much of the gradient as it weighs.`;
  if (method === "max_blur") return `The largest of each of 9 windows one pixel apart, weighted 1 2 1 along both axes, give ${value}: the gradient goes to ${list.length === 1 ? "1 winner" : `${list.length} winners`}.`;
  return `The mean of ${places.length} pixels is ${value}: each gets ${asFraction(1 / places.length)} of the gradient.`;
}

export function notes(state) {
  const { image, method, window, stride, output_size } = state, said = [], lengths = [image.length, image[0].length];
  if (method === "adaptive") lengths.forEach((n, axis) => {
    const all = bins(n, output_size), shared = range(n).filter((i) => all.filter(([a, b]) => i >= a && i < b).length > 1);
    const name = ["rows", "columns"][axis], list = all.map(([a, b]) => (b - a > 1 ? `${a}–${b - 1}` : `${a}`)).join(", ");
    said.push(`Bins of ${name}: ${list}. ${shared.length ? `In more than one bin: ${name} ${shared.join(", ")}.` : "No two bins overlap."}`);
  });
  if ((method === "max" || method === "average") && pooledSize(state)[0]) {
    if (stride < window) said.push(`Windows overlap: they are ${window} wide and only ${stride} apart.`);
    const left = lengths.map((n) => n - (outputs(n, window, stride) - 1) * stride - window);
    if (stride > window) said.push("Between the windows are pixels that nobody reads.");
    if (Math.max(...left)) said.push(`Left over at the end, read by no window: ${left[0]} row${left[0] === 1 ? "" : "s"} and ${left[1]} column${left[1] === 1 ? "" : "s"}.`);
  }
  return said;
}

const refusal = ({ image, window }) =>
  `The window of ${window} × ${window} does not fit into an image of ${image.length} × ${image[0].length}: take a smaller window or a larger image.`;

export default explorer({
  name: "pooling_and_shift",
  python: "PoolingAndShift",
  title: "Pooling and shift",
  traits: ["image", "method", "window", "stride", "output_size", "dx", "dy", "border", "tolerance", "route", "row", "column"],
  clean,
  derive: (state) => ({ pooled: pooled(state), pooled_shifted: pooled(state, shifted(state)), gradient: gradient(state) }),

  build(ui) {
    const now = ui.state, choose = (row, column) => ui.set({ row, column }, "position");
    const picture = grid({ label: "image", edit: (r, c, value) =>
      ui.set({ image: now().image.map((row, i) => row.map((v, j) => (i === r && j === c ? value : v))) }, `image ${r} ${c}`) });
    const movedPicture = grid({ label: "shifted image", explore: true });
    const before = grid({ label: "pooled", select: choose }), after = grid({ label: "pooled after the shift", select: choose });
    const difference = grid({ label: "difference", explore: true });
    const binGrids = ["rows", "columns"].map((name) => grid({ label: `bins of ${name}`, explore: true }));
    const binPanes = ui.panes(...binGrids.map((one) => one.element));
    const maps = ui.panes(before.element, after.element, difference.element), refusedText = h("p", { style: { fontWeight: "600" } });
    const how = h("p", {}), remarks = h("ul", { style: { margin: "0.3rem 0 0 1.2rem", padding: "0" } });
    const lines = METHODS.map(([name]) => ({ name, head: h("th", { scope: "row" }), cells: range(5).map(() => h("td", {})) }));
    const title = h("p", { style: { fontWeight: "600" } });
    const compared = h("div", {}, title,
      h("div", { role: "region", tabindex: 0, "aria-label": "comparison of all methods", style: { overflowX: "auto" } },
        h("table", {}, h("thead", {}, h("tr", {}, ...["method", "values kept", "kept of those not blank", "mean change", "kept, one pixel any way", "move along"].map((text) => h("th", { scope: "col", text })))),
          h("tbody", {}, ...lines.map(({ head, cells }) => h("tr", {}, head, ...cells))))),
      h("p", { text: "Kept: the same value at the same place, within the tolerance. Blank: 0 before and after. Mean change: also in per cent of the mean size. One pixel any way: all four shifts by one pixel. Move along: the map moves by whole outputs, which a shift by a multiple of the stride allows." }));

    ui.root.append(
      ui.bar(
        ui.choice({ label: "Image", options: [[null, "own numbers"], ...Object.keys(PATTERNS).map((name) => [name, name])],
          choose: (name) => (name === null ? {} : { image: PATTERNS[name](now().image.length) }), value: (s) => pattern(s.image) ?? null }),
        ui.choice({ label: "side", options: range(MOST_PIXELS - 1).map((i) => [i + 2, String(i + 2)]), choose: (n) => ({ image: sized(now().image, n) }),
          value: (s) => (s.image.length === s.image[0].length ? s.image.length : null) }),
        ui.choice({ trait: "method", label: "Method", options: METHODS }),
        ui.slider({ trait: "window", label: "Window", least: 2, most: 4 }),
        ui.slider({ trait: "stride", label: "Stride", least: 1, most: 4 }),
        ui.slider({ trait: "output_size", label: "Output size (adaptive)", least: 1, most: MOST_BINS })),
      ui.bar(
        ui.slider({ trait: "dx", label: "Shift right", least: -3, most: 3 }),
        ui.slider({ trait: "dy", label: "Shift down", least: -3, most: 3 }),
        ui.choice({ trait: "border", label: "At the border", options: [["circular", "what leaves comes in again"], ["zero", "zeros come in"]] }),
        ui.number({ trait: "tolerance", label: "Tolerance", least: 0, step: 0.5 }),
        ui.tick({ trait: "route", label: "Show the route of the gradient" })),
      ui.panes(picture.element, movedPicture.element), maps, refusedText, how, binPanes, remarks, compared);

    return (state) => {
      const { image, row, column, method } = state, moved = shifted(state), [oh, ow] = pooledSize(state);
      const shade = [Math.min(0, ...image.flat()), Math.max(1, ...image.flat())], list = oh ? shares(state, row, column) : [];
      const { top, left, high, wide } = oh ? windowOf(state, row, column) : {};
      const frames = oh ? [[top, left, high, wide]] : [], inside = (r, c) => oh && r >= top && r < top + high && c >= left && c < left + wide;
      const share = (r, c) => list.find(([y, x]) => y === r && x === c)?.[2] ?? 0;
      const neighbours = method !== "adaptive" ? [] : square(row - 1, column - 1, 3, 3)
        .filter(([r, c]) => r >= 0 && c >= 0 && r < oh && c < ow && (r === row) !== (c === column)).map(([r, c]) => {
          const bin = windowOf(state, r, c);
          return [bin.top, bin.left, bin.high, bin.wide, "cx-other"];
        });
      const winners = method === "max" || method === "max_blur" ? list.map(([r, c]) => [r, c, 1, 1, "cx-other"]) : [];
      picture.draw({
        rows: image.length, columns: image[0].length, frames: [...neighbours, ...frames, ...winners],
        caption: state.route ? "image: share of the gradient" : "image",
        cell: (r, c) => {
          const part = share(r, c), v = image[r][c];
          return {
            text: state.route ? (part ? asFraction(part) : "") : format(v, 1), value: v, class: inside(r, c) ? "cx-window" : "",
            style: state.route ? (part ? signed(part, 1) : {}) : grey(v, ...shade),
            label: `${at(r, c)}: ${format(v)}${inside(r, c) ? ", in the window" : ""}${part ? `, gets ${asFraction(part)} of the gradient` : ""}`,
          };
        },
      });
      const where = moveText(state);
      movedPicture.draw({ rows: image.length, columns: image[0].length, frames, caption: `image, shifted ${where}`, label: `the same image, shifted ${where}`,
        cell: (r, c) => ({ text: format(moved[r][c], 1), style: grey(moved[r][c], ...shade), label: `${at(r, c)}: ${format(moved[r][c])}` }) });

      maps.hidden = how.hidden = !oh;
      refusedText.hidden = Boolean(oh);
      refusedText.textContent = oh ? "" : refusal(state);
      const old = pooled(state), next = pooled(state, moved), all = survival(state);
      const range_ = [Math.min(0, ...old.flat(), ...next.flat()), Math.max(1, ...old.flat(), ...next.flat())];
      const equal = (r, c) => Math.abs(old[r][c] - next[r][c]) <= state.tolerance + 1e-9;
      if (oh) {
        const change = Math.max(...old.flat().map((v, i) => Math.abs(next.flat()[i] - v)));
        const cell = (map) => (r, c) => ({ text: format(map[r][c], 1), current: r === row && c === column, style: grey(map[r][c], ...range_),
          label: `${at(r, c)}: ${format(map[r][c])}, ${equal(r, c) ? "kept" : "changed"}` });
        const selected = [row, column];
        before.draw({ rows: oh, columns: ow, selected, caption: `pooled, ${oh} × ${ow}`, cell: cell(old) });
        after.draw({ rows: oh, columns: ow, selected, caption: `pooled after the shift, ${oh} × ${ow}`, cell: cell(next) });
        difference.draw({ rows: oh, columns: ow, caption: "difference (✓ kept)", label: `difference: ${all.kept} of ${all.outputs} values are kept`,
          cell: (r, c) => ({ label: `${at(r, c)}: ${equal(r, c) ? "kept" : format(next[r][c] - old[r][c])}`, text: equal(r, c) ? "✓" : format(next[r][c] - old[r][c], 1), style: equal(r, c) ? {} : signed(next[r][c] - old[r][c], change), current: r === row && c === column }) });
        how.textContent = routeText(state);
      }
      binPanes.hidden = method !== "adaptive";
      if (!binPanes.hidden) binGrids.forEach((one, axis) => {
        const n = [image.length, image[0].length][axis], parts = bins(n, state.output_size), name = ["rows", "columns"][axis];
        one.draw({ rows: parts.length, columns: n, caption: `bins of ${name}: each line one output`, label: `bins of ${name}: ${parts.map(([a, b]) => `${a} to ${b - 1}`).join(", ")}`,
          cell: (r, c) => {
            const [a, b] = parts[r], inBin = c >= a && c < b;
            return { label: `${name.slice(0, -1)} ${c} in bin ${r}: ${inBin ? asFraction(1 / (b - a)) : "no"}`, text: inBin ? asFraction(1 / (b - a)) : "", style: inBin ? signed(1 / (b - a), 1) : {}, current: r === [row, column][axis] && inBin };
          } });
      });
      const said = notes(state);
      remarks.hidden = !said.length;
      remarks.replaceChildren(...said.map((text) => h("li", { text })));

      title.textContent = `All methods, shifted ${where}`;
      for (const { name, head, cells } of lines) {
        const one = { ...state, method: name }, s = survival(one), fits = pooledSize(one)[0] > 0;
        head.textContent = SHORT[name] + (name === method ? ", chosen" : "");
        const percent = s.relative === null ? "" : ` (${format(100 * s.relative, 0)} %)`;
        const texts = fits ? [`${s.kept} of ${s.outputs}`, `${s.keptLit} of ${s.lit}`, `${format(s.change)}${percent}`, `${s.step[0]} of ${s.step[1]}`,
          s.along && (state.dx || state.dy) ? `${s.along[0]} of ${s.along[1]}` : "–"] : ["does not fit", ...Array(4).fill("–")];
        texts.forEach((text, i) => { cells[i].textContent = text; });
      }
      if (!oh) return refusal(state);
      return `Shifted ${where}, ${all.kept} of ${all.outputs} pooled values are kept, and they change by ${format(all.change)} on average. Output ${at(row, column)}: ${format(old[row][column])}, then ${format(next[row][column])}.`;
    };
  },
});
