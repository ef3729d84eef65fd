import { clamp, explorer, format, h, integerIn, listed, numberIn, range, sheet, svg, uid } from "./toolkit.js";

// Epochs count from 1, as Keras prints them. Draws of the noise count from 1 as well.
const DRAWS = 200, MOST_EPOCHS = 100, MOST_PATIENCE = 30;
const PATIENCES = [1, 2, 3, 5, 7, 10, 15];
const NOISES = [0, 0.005, 0.01, 0.02, 0.04, 0.08], IMAGES = [16, 32, 64], FACTORS = [0.1, 0.2, 0.3, 0.5];
const PLATEAU_DELTA = 1e-4; // ReduceLROnPlateau's own default; that of EarlyStopping is 0
const MONITORS = {
  val_loss: { noun: "loss", axis: "validation loss", up: false },
  val_accuracy: { noun: "accuracy", axis: "validation accuracy", up: true },
  val_auc: { noun: "AUC", axis: "validation AUC", up: true },
};

// ---- noise: number i of a draw is always the same, in the browser and in Python -------------------------------------

const hash = (x) => { // lowbias32
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
};
const uniform = (key, i) => (hash(key ^ Math.imul(i, 0x9e3779b1)) + 0.5) / 2 ** 32;
const standard = (key, i) => Math.sqrt(-2 * Math.log(uniform(key, 2 * i))) * Math.cos(2 * Math.PI * uniform(key, 2 * i + 1));

/** The first `count` numbers of a draw, normally distributed with mean 0 and deviation 1 (Box and Muller). */
export function normals(draw, count) {
  const key = hash(draw), all = new Float64Array(count);
  for (let i = 0; i < count; i++) all[i] = standard(key, i);
  return all;
}

/** How far two normal distributions of deviation 1 lie apart if the AUC is `area`, by Newton's method. */
export function distance(area) {
  const goal = Math.max(area, 1 - area);
  let x = 0;
  for (let turn = 0; turn < 40; turn++) {
    let term = x, sum = x;
    for (let k = 3; term > 1e-17 * sum; k += 2) sum += (term *= (x * x) / k);
    const density = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI), step = (goal - 0.5 - density * sum) / density;
    x += step;
    if (step < 1e-14) break;
  }
  return (area < 0.5 ? -1 : 1) * Math.SQRT2 * x;
}

/** The share of pairs in which the sick one, moved up by `by`, scores higher than the healthy one; both sorted. */
function pairsInOrder(sick, healthy, by) {
  let below = 0, pairs = 0;
  for (const score of sick) {
    while (below < healthy.length && healthy[below] < score + by) below++;
    pairs += below;
  }
  return pairs / (sick.length * healthy.length);
}

let memory = { key: null };
/** The numbers behind a draw: for each epoch one, or, for an AUC, the sorted scores of both kinds. */
function drawn(draw, epochs, images) {
  const key = `${epochs} ${images}`;
  if (memory.key !== key) memory = { key, draws: [] };
  return (memory.draws[draw] ??= images ? scores(normals(draw, epochs * images), epochs, images / 2) : normals(draw, epochs));
}
const scores = (all, epochs, half) => range(2 * epochs).map((i) => all.subarray(i * half, (i + 1) * half).sort());

/** What is measured after each epoch: the curve itself, or with noise, or the AUC of a few images. */
export function observed({ curve, noise, images }, draw, away = images ? curve.map(distance) : null) {
  if (!noise && !images) return curve;
  const numbers = drawn(draw, curve.length, images);
  if (images) return curve.map((_, e) => pairsInOrder(numbers[2 * e + 1], numbers[2 * e], away[e]));
  return curve.map((value, e) => Math.round((value + noise * numbers[e]) * 1e4) / 1e4); // as a log prints it
}

// ---- the two rules of Keras ----------------------------------------------------------------------------------------

/** What a value has to be beyond, to be better. */
const limitOf = (best, delta, mode) => (mode === "max" ? best + delta : best - delta);
/** Keras compares in single precision, with min_delta on the side of the new value. */
const isBetter = (value, best, delta, mode) => best === null
  || (mode === "max" ? Math.fround(value - delta) > Math.fround(best) : Math.fround(value + delta) < Math.fround(best));

/** EarlyStopping: {rows, one for each epoch that is run; early: stopped before the end; best: its epoch; kept: whose weights}. */
export function early(values, { patience, min_delta, mode, restore_best_weights, start_from_epoch }) {
  const rows = [];
  let best = null, epoch = 0, wait = 0, stop = false;
  for (let e = 0; e < values.length && !stop; e++) {
    const looked = e >= start_from_epoch, limit = looked && best !== null ? limitOf(best, min_delta, mode) : null;
    const better = looked && isBetter(values[e], best, min_delta, mode);
    if (better) [best, epoch, wait] = [values[e], e + 1, 0];
    else if (looked) stop = ++wait >= patience;
    rows.push({ value: values[e], looked, limit, better, wait, best: epoch });
  }
  return { rows, early: stop, best: epoch, kept: restore_best_weights && epoch ? epoch : rows.length };
}

/** ReduceLROnPlateau on the same values: {wait, cooldown, rate (1 at the start), cut} after each epoch. */
export function plateauRows(values, { plateau_patience, factor, cooldown, mode }) {
  let best = null, wait = 0, left = 0, rate = 1;
  return values.map((value) => {
    let cut = false;
    if (left) [left, wait] = [left - 1, 0];
    if (isBetter(value, best, PLATEAU_DELTA, mode)) [best, wait] = [value, 0];
    else if (!left && ++wait >= plateau_patience && rate > 0) [rate, left, wait, cut] = [Math.fround(rate * factor), cooldown, 0, true];
    return { wait, cooldown: left, rate, cut };
  });
}

/** The epochs after which the rate is cut, of those that are run. */
const cutsOf = (rows, run) => rows.slice(0, run.rows.length).flatMap(({ cut }, e) => (cut ? [e + 1] : []));

const bestOf = (values, up) => values.reduce((best, v, e) => ((up ? v > values[best] : v < values[best]) ? e : best), 0);

/** The same curve with many draws of the noise, for several patiences: mean and quantiles of excess and epochs, and flattery. */
export function experiment(state) {
  const { curve, monitor } = state, { up } = MONITORS[monitor], sign = up ? -1 : 1, lowest = curve[bestOf(curve, up)];
  const away = state.images ? curve.map(distance) : null, all = range(DRAWS).map((d) => observed(state, d + 1, away));
  return [...new Set([...PATIENCES, Math.max(state.patience, 1)])].sort((a, b) => a - b).map((patience) => {
    const runs = all.map((values) => ({ values, ...early(values, { ...state, patience }) }));
    return { patience, excess: summary(runs.map((run) => sign * (curve[run.kept - 1] - lowest))), epochs: summary(runs.map((run) => run.rows.length)),
      flattery: runs.reduce((sum, run) => sum + sign * (curve[run.kept - 1] - run.values[run.kept - 1]), 0) / DRAWS };
  });
}
function summary(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b), at = (q) => {
    const place = q * (sorted.length - 1), low = Math.floor(place);
    return sorted[low] + (place - low) * (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]);
  };
  return { mean: numbers.reduce((a, b) => a + b, 0) / numbers.length, low: at(0.1), median: at(0.5), high: at(0.9) };
}

// ---- state ---------------------------------------------------------------------------------------------------------


export function clean(state) {
  const { curve } = state;
  if (!(Array.isArray(curve) && curve.length >= 2 && curve.length <= MOST_EPOCHS && curve.every((v) => Number.isFinite(v) && Math.abs(v) <= 1e6)))
    throw new Error("the curve is no list of 2 to 100 numbers");
  if (!Object.hasOwn(MONITORS, state.monitor)) state.monitor = "val_loss";
  if (!IMAGES.includes(state.images) || state.monitor !== "val_auc") state.images = 0;
  if (state.images) state.curve = curve.map((v) => clamp(v, 0.001, 0.999));
  state.noise = state.images ? 0 : numberIn(state.noise, 0, 1, 0);
  if (state.mode !== "max") state.mode = "min";
  state.min_delta = numberIn(state.min_delta, 0, 1, 0);
  state.factor = numberIn(state.factor, 0.01, 0.99, 0.1);
  for (const [name, least, most] of [["draw", 1, DRAWS], ["patience", 0, MOST_PATIENCE], ["start_from_epoch", 0, MOST_EPOCHS], ["plateau_patience", 1, MOST_PATIENCE], ["cooldown", 0, MOST_PATIENCE], ["epoch", 1, curve.length]])
    state[name] = integerIn(state[name], least, most);
  for (const name of ["restore_best_weights", "plateau", "many"]) state[name] = Boolean(state[name]);
  return state;
}

/** Where a new curve is opened: the first epoch that has to wait, so that the end is still to be guessed. */
const opening = (state) => {
  const { rows } = early(observed(state, state.draw), state), first = rows.findIndex(({ wait }) => wait > 0) + 1;
  return clamp(first || 2, 1, Math.max(rows.length - 1, 1));
};

// ---- words ---------------------------------------------------------------------------------------------------------

/** Decimals that tell the values of this curve apart. */
const digitsOf = (curve) => clamp(3 - Math.floor(Math.log10(Math.max(...curve) - Math.min(...curve) || 1)), 4, 8);
/** A number with exactly so many decimals, as in a column of a table. */
export const fixed = (x, digits) => (+x.toFixed(digits)).toFixed(digits).replace("-", "−");
const showing = (curve) => (v) => fixed(v, digitsOf(curve));

/** The state of the run in a few sentences: this epoch, or, once it is over, what is taken home. */
export function sentence(state) {
  const values = observed(state, state.draw), run = early(values, state), n = values.length, at = Math.min(state.epoch, run.rows.length);
  const { noun, up } = MONITORS[state.monitor], show = showing(state.curve), beyond = state.mode === "max" ? "above" : "below";
  const row = run.rows[at - 1], before = run.rows[at - 2], noisy = state.noise > 0 || state.images > 0;
  const wrong = (state.mode === "max") === up ? "" : ` Mind the mode: “${state.mode}” takes a ${up ? "lower" : "higher"} ${noun} for better.`;
  if (at < run.rows.length) {
    const rival = before?.best, than = row.limit === null ? "" : `${show(row.limit)} (${state.min_delta ? `${show(values[rival - 1])} ${state.mode === "max" ? "+" : "−"} min_delta, from ` : ""}the best so far, epoch ${rival})`;
    const text = !row.looked ? `is not looked at, since start_from_epoch is ${state.start_from_epoch}.`
      : row.limit === null ? "is the first that is looked at, so it is the best: wait is 0."
      : row.better ? `is ${beyond} ${than}: a new best, and wait is 0.` : `is not ${beyond} ${than}: wait is ${row.wait} of ${state.patience}.`;
    return `Epoch ${at} of ${n}: ${show(row.value)} ${text} Predict before you go on: after which epoch does it stop, and whose weights do you take home?${wrong}`;
  }
  const clear = (e) => (noisy ? ` (without noise ${show(state.curve[e - 1])})` : "");
  const end = run.early ? `It stops after epoch ${at} of ${n}: wait has reached ${row.wait}${state.patience ? "" : ", and a patience of 0 acts as 1"}.` : `It runs through all ${n} epochs, and wait ends at ${row.wait} of ${state.patience}.`;
  const home = ` You take home the weights of epoch ${run.kept}, ${noun} ${show(values[run.kept - 1])}${clear(run.kept)}`
    + (run.best && run.kept !== run.best ? `, not those of its best, epoch ${run.best} with ${show(values[run.best - 1])}.` : ".");
  const whole = early(values, { ...state, patience: Infinity }).kept, gain = (up ? 1 : -1) * (state.curve[whole - 1] - state.curve[run.kept - 1]);
  const all = !run.early ? "" : whole === run.kept ? " Without the stop it would have been the same."
    : ` Without the stop it would have been epoch ${whole}, ${show(values[whole - 1])}${clear(whole)}: ${gain === 0 ? "no better" : `${show(Math.abs(gain))} ${gain > 0 ? "better" : "worse"}`}${noisy ? " without noise" : ""}.`;
  return end + home + all + rateWords(state, values, run) + wrong;
}

function rateWords(state, values, run) {
  if (!state.plateau) return "";
  const cuts = cutsOf(plateauRows(values, state), run), last = cuts.at(-1) === run.rows.length, used = last ? cuts.slice(0, -1) : cuts;
  return (used.length ? ` The rate is cut after epoch${used.length > 1 ? "s" : ""} ${listed(used)}, to ${format(state.factor ** used.length, 6)} of what it was.` : " No epoch is run at a lower rate.")
    + (last ? ` ${used.length ? "Another" : "A"} cut comes after the last epoch, too late for any.` : "")
    + " The curve here does not answer to the rate; a real one would.";
}

/** The lines of Keras that the controls stand for. */
export function keras({ monitor, patience, min_delta, mode, restore_best_weights, start_from_epoch, plateau, factor, plateau_patience, cooldown }) {
  const stop = `EarlyStopping("${monitor}", min_delta=${min_delta}, patience=${patience}, mode="${mode}", restore_best_weights=${restore_best_weights ? "True" : "False"}, start_from_epoch=${start_from_epoch})`;
  return plateau ? `${stop}\nReduceLROnPlateau("${monitor}", factor=${factor}, patience=${plateau_patience}, mode="${mode}", cooldown=${cooldown})` : stop;
}

// ---- drawing -------------------------------------------------------------------------------------------------------

/** Bounds around some numbers, and round ticks between them. */
export function scale(numbers, margin = 0.1) {
  const low = Math.min(...numbers), high = Math.max(...numbers), span = high - low || Math.abs(high) || 1, flat = high === low ? span / 2 : 0;
  const power = 10 ** Math.floor(Math.log10(span / 5)), step = [1, 2, 5, 10].map((f) => f * power).find((s) => span / s <= 5);
  const least = +(low - margin * span - (margin && flat)).toPrecision(6), most = +(high + margin * span + flat).toPrecision(6), from = Math.ceil(least / step - 1e-9);
  return { least, most, ticks: range(Math.floor(most / step + 1e-9) - from + 1).map((i) => +((from + i) * step).toPrecision(12)) };
}
const epochTicks = (n) => { const step = [1, 2, 5, 10, 20].find((s) => n / s <= 8); return [1, ...range(Math.floor(n / step)).map((i) => (i + 1) * step)].filter((e, i) => !i || e - 1 >= step / 2 && e > 1); };

const line = (points, colour, more = {}) => svg("path", { d: `M${points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}`, fill: "none", "stroke-width": 2, style: { stroke: colour }, ...more });
const word = (x, y, text, anchor = "middle") => svg("text", { x, y, text, "text-anchor": anchor, "font-weight": 600 });
const dots = (points, r, colour, more = {}) => svg("path", { d: points.map(([x, y]) => `M${(x - r).toFixed(1)} ${y.toFixed(1)}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`).join(""), style: { fill: colour }, ...more });

export default explorer({
  name: "early_stopping_simulator",
  python: "EarlyStoppingSimulator",
  title: "Early stopping simulator",
  traits: ["curve", "monitor", "noise", "images", "draw", "patience", "min_delta", "mode", "restore_best_weights", "start_from_epoch",
    "plateau", "factor", "plateau_patience", "cooldown", "epoch", "many"],
  clean,
  derive(state) {
    const values = observed(state, state.draw), run = early(values, state);
    return { values, stopped: run.rows.length, kept: run.kept, cuts: state.plateau ? cutsOf(plateauRows(values, state), run) : [] };
  },

  build(ui) {
    const presets = ui.given("presets"), own = "own curve", same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
    const state = () => ui.state(), seen = () => observed(state(), state().draw), run = () => early(seen(), state());
    const fresh = (changes) => { const next = clean({ ...structuredClone(state()), ...changes }); return { ...changes, epoch: opening(next) }; };
    const named = (s) => Object.keys(presets).find((name) => same(presets[name].curve, s.curve)) ?? own;
    const preset = ui.choice({ label: "Curve", options: [own, ...Object.keys(presets)].map((name) => [name, name]), value: named, choose: (name) => (name === own ? {} : fresh(presets[name])) });
    const noise = ui.slider({ trait: "noise", label: "Noise (standard deviation)", values: NOISES, show: (v) => format(v, 4) });
    const images = ui.choice({ trait: "images", label: "Images, half of them sick", options: IMAGES.map((n) => [n, String(n)]) });
    const again = ui.button("Draw the noise anew", () => {
      const draw = (state().draw % DRAWS) + 1, over = state().epoch >= run().rows.length;
      ui.set(over ? { draw, epoch: state().curve.length } : fresh({ draw }));
    });
    const head = (text) => h("span", { text, style: { fontWeight: 600 } });
    const plateauControls = [
      ui.choice({ trait: "factor", label: "factor", options: FACTORS.map((f) => [f, String(f)]) }),
      ui.number({ trait: "plateau_patience", label: "its patience", least: 1, most: MOST_PATIENCE, step: 1 }),
      ui.number({ trait: "cooldown", label: "cooldown", least: 0, most: MOST_PATIENCE, step: 1 })];
    const code = h("pre", { style: { margin: "0.3rem 0", whiteSpace: "pre-wrap", overflowWrap: "anywhere", fontSize: "13px", background: "var(--soft)", color: "var(--fg)", padding: "0.3rem 0.5rem", borderRadius: "4px", border: 0 } });

    // Stepping.
    const slider = ui.slider({ trait: "epoch", label: "Epoch", least: 1, most: MOST_EPOCHS, show: String });
    const next = ui.button("Next epoch", () => ui.set({ epoch: state().epoch + 1 }, "epoch")), toEnd = ui.button("Run to the end", () => ui.set({ epoch: state().curve.length }));

    // The curve, whose points can be moved: by a pointer, by keys, by numbers.
    let at = null, held = null, names = "";
    const point = () => clamp(at ?? state().epoch - 1, 0, state().curve.length - 1);
    const handles = () => (state().images ? state().curve : seen()); // the AUC of a few images cannot be set, its mean can
    const move = (value) => {
      const s = state(), e = point(), shift = s.noise ? seen()[e] - s.curve[e] : 0;
      if (Number.isFinite(value)) ui.set({ curve: s.curve.with(e, +(s.images ? clamp(value, 0.5, 0.999) : value - shift).toFixed(8)) }, `point ${e}`);
    };
    const fine = () => 10 ** Math.floor(Math.log10((chart.now().spec.y.most - chart.now().spec.y.least) / 50));
    const choose = (e) => { at = clamp(e, 0, state().curve.length - 1); ui.set({}); };
    const keys = { ArrowLeft: () => choose(point() - 1), ArrowRight: () => choose(point() + 1), Home: () => choose(0), End: () => choose(MOST_EPOCHS),
      ArrowUp: () => move(+(handles()[point()] + fine()).toPrecision(12)), ArrowDown: () => move(+(handles()[point()] - fine()).toPrecision(12)) };
    const chart = sheet({ tabindex: 0, role: "application", on: {
      keydown: (event) => {
        if (!keys[event.key] || event.altKey || event.ctrlKey || event.metaKey) return;
        event.preventDefault();
        event.stopPropagation();
        keys[event.key]();
      },
      focus: () => ui.set({}), blur: () => ui.set({}),
      pointerdown: (event) => {
        const e = event.target.dataset?.epoch;
        if (e === undefined) return;
        at = +e;
        held = chart.now().spec.y;
        chart.holder.setPointerCapture(event.pointerId);
        chart.holder.focus({ preventScroll: true, focusVisible: false });
        event.preventDefault();
      },
      pointermove: (event) => {
        if (!held || !chart.holder.hasPointerCapture(event.pointerId)) return;
        const { element, size: { top, bottom } } = chart.now(), box = element.getBoundingClientRect(), unit = 10 ** Math.floor(Math.log10((held.most - held.least) / 100));
        const part = clamp((bottom - ((event.clientY - box.top) / box.width) * 300) / (bottom - top), 0, 1);
        move(+(Math.round((held.least + part * (held.most - held.least)) / unit) * unit).toPrecision(12));
      },
      lostpointercapture: () => { held = null; ui.set({}); },
    } });
    const numberField = (label, attrs, change) => {
      const input = h("input", { type: "number", id: uid("cx"), ...attrs, on: { change: () => (input.value.trim() === "" ? ui.set({}) : change(+input.value)) } });
      return { input, element: h("span", { class: "cx-control" }, h("label", { for: input.id, text: label }), input) };
    };
    const where = numberField("Point of epoch", { min: 1, step: 1 }, (e) => choose(Math.round(e) - 1)), what = numberField("value", { step: "any" }, move);

    // The table.
    const body = h("tbody", {}), heads = h("tr", {});
    const rowKeys = { ArrowDown: 1, ArrowUp: -1, PageDown: 5, PageUp: -5 };
    const box = h("div", { role: "region", tabindex: 0, "aria-label": "epoch by epoch: up and down step through it", style: { maxHeight: "21rem", overflow: "auto", position: "relative" }, on: { keydown: (event) => {
      if (!rowKeys[event.key] || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      event.stopPropagation();
      ui.set({ epoch: state().epoch + rowKeys[event.key] }, "epoch");
    } } }, h("table", { style: { margin: 0, width: "100%", fontSize: "13px" } }, h("thead", {}, heads), body));
    let lines = [], made = "", scrolled = 0;

    // Many draws.
    const excess = sheet({}), length = sheet({}), results = h("tbody", {}), resultHeads = h("tr", {}), told = h("p", {});
    const many = h("div", {}, told, ui.panes(excess.element, length.element), h("div", { class: "cx-scroll", role: "region", tabindex: 0, "aria-label": "results by patience" },
      h("table", {}, h("thead", {}, resultHeads), results)));

    ui.root.append(
      ui.bar(preset, noise, images, again),
      ui.bar(head("EarlyStopping"), ui.slider({ trait: "patience", label: "patience", least: 0, most: MOST_PATIENCE }), ui.number({ trait: "min_delta", label: "min_delta", least: 0, most: 1, step: 0.01 }),
        ui.choice({ trait: "mode", label: "mode", options: [["min", "min"], ["max", "max"]] }), ui.tick({ trait: "restore_best_weights", label: "restore_best_weights" }),
        ui.number({ trait: "start_from_epoch", label: "start_from_epoch", least: 0, most: MOST_EPOCHS, step: 1 })),
      ui.bar(ui.tick({ trait: "plateau", label: "ReduceLROnPlateau beside it" }), ...plateauControls), code,
      ui.panes(h("div", { style: { flex: "1 1 300px", maxWidth: "27rem" } }, chart.element, ui.bar(where.element, what.element)), h("div", { style: { flex: "1 1 18rem" } }, box)),
      ui.bar(slider, next, toEnd),
      ui.bar(ui.tick({ trait: "many", label: `${DRAWS} draws of the noise, by patience` })), many);

    const fill = (s, values, now, rates, shown, show) => {
      const columns = ["epoch", s.monitor, `must be ${s.mode === "max" ? "above" : "below"}`, "better", `wait (of ${s.patience})`, "best", ...(s.plateau ? [`its wait (of ${s.plateau_patience})`, "cool-down", "rate"] : [])];
      if (made !== `${columns} ${values.length}`) {
        made = `${columns} ${values.length}`;
        heads.replaceChildren(...columns.map((text) => h("th", { scope: "col", text, style: { position: "sticky", top: 0, background: "var(--soft)", padding: "0.15rem 0.25rem" } })));
        lines = values.map((_, e) => {
          const cells = columns.map((__, i) => h(i ? "td" : "th", { scope: i ? null : "row", style: { padding: "0.1rem 0.25rem", textAlign: "right", whiteSpace: "nowrap" } }));
          return { cells, row: h("tr", { style: { cursor: "pointer" }, on: { click: () => ui.set({ epoch: e + 1 }, "epoch") } }, ...cells), known: "" };
        });
        body.replaceChildren(...lines.map(({ row }) => row));
      }
      lines.forEach(({ cells, row }, e) => {
        const one = now.rows[e], rate = rates[e], open = e < shown, over = now.rows.length <= shown && e >= now.rows.length;
        const texts = open ? [one.limit === null ? "–" : show(one.limit), one.looked ? (one.better ? "yes" : "no") : "skipped", one.looked ? one.wait : "–", one.best || "–", ...(s.plateau ? [rate.wait, rate.cooldown, format(rate.rate, 6) + (rate.cut ? " ▾" : "")] : [])]
          : ["", over ? "not run" : "", ...Array(columns.length - 4).fill("")];
        const current = e === shown - 1, all = [`${current ? "▸ " : ""}${e + 1}`, show(values[e]), ...texts.map(String)], key = `${all} ${current}`;
        if (lines[e].known === key) return;
        lines[e].known = key;
        all.forEach((text, i) => { cells[i].textContent = text; });
        Object.assign(row.style, { fontWeight: current ? 700 : "", background: current ? "var(--soft)" : "", fontStyle: open ? "" : "italic" });
        current ? row.setAttribute("aria-current", "step") : row.removeAttribute("aria-current");
      });
      if (scrolled !== shown && lines[shown - 1]) box.scrollTop = lines[shown - 1].row.offsetTop - box.clientHeight / 2;
      scrolled = shown;
    };

    const plot = (s, values, now, rates, shown, show) => {
      const n = values.length, over = shown === now.rows.length, noisy = s.noise > 0 || s.images > 0, { noun, axis } = MONITORS[s.monitor];
      const y = held ?? scale([...values, ...s.curve]);
      const { plot: group, x, y: up, size, describe } = chart.on({ x: { label: "epoch", least: 1, most: n, ticks: epochTicks(n) }, y: { label: axis, ...y }, height: 250, left: 52 },
        noisy ? `${noun} measured (dots to drag) and without noise (dashed)` : `${noun} after each epoch: dots to drag`);
      const places = values.map((v, e) => [x(e + 1), up(clamp(v, y.least, y.most))]), row = now.rows[shown - 1], best = row.best;
      if (over && shown < n) group.append(svg("rect", { x: x(shown), y: size.top, width: size.right - x(shown), height: size.bottom - size.top, style: { fill: "var(--soft)" } }));
      if (noisy) group.append(line(s.curve.map((v, e) => [x(e + 1), up(clamp(v, y.least, y.most))]), "var(--fg)", { "stroke-dasharray": "5 4", "stroke-width": 1.3 }));
      group.append(line(places, "var(--mark)", { opacity: 0.4, "stroke-width": 1.2 }), dots(places, 2.2, "var(--mark)", { opacity: 0.55 }), line(places.slice(0, shown), "var(--mark)"), dots(places.slice(0, shown), 2.8, "var(--mark)"));
      if (best) {
        const limit = limitOf(values[best - 1], s.min_delta, s.mode), from = x(best), to = Math.max(x(shown), from + 8);
        if (limit >= y.least && limit <= y.most) group.append(line([[from, up(limit)], [to, up(limit)]], "var(--other)", { "stroke-dasharray": "3 3" }));
        range(shown - best).slice(0, 9).forEach((i) => group.append(svg("text", { x: x(best + 1 + i), y: places[best + i][1] - 7, text: String(i + 1), "text-anchor": "middle" })));
      }
      if (s.plateau) rates.slice(0, shown).forEach(({ cut }, e) => { if (cut) group.append(svg("path", { d: `M${x(e + 1) - 5} ${size.bottom - 9}h10l-5 8z`, style: { fill: "var(--fg)" } })); });
      const side = (e) => (e > 0.8 * n ? "end" : e < 0.12 * n ? "start" : "middle");
      if (over) {
        group.append(line([[x(shown), size.top], [x(shown), size.bottom]], "var(--other)"), word(x(shown) + (shown > n / 2 ? -5 : 5), s.mode === "max" ? size.bottom - 16 : size.top + 10, now.early ? `stops: ${shown}` : `ends: ${shown}`, shown > n / 2 ? "end" : "start"));
      }
      const mine = over ? now.kept : best;
      if (mine) {
        const [a, b] = places[mine - 1];
        group.append(svg("path", { d: `M${a} ${b - 7}l7 7l-7 7l-7 -7z`, "stroke-width": 2, style: { fill: "var(--bg)", stroke: "var(--other)" } }),
          word(a, s.mode === "max" ? Math.max(b - 11, 11) : Math.min(b + 22, size.bottom - 4), over ? `kept: ${mine}` : `best: ${mine}`, side(mine)));
      }
      const spots = handles(), width = (size.right - size.left) / (n - 1);
      if (document.activeElement === chart.holder)
        group.append(svg("circle", { cx: x(point() + 1), cy: up(clamp(spots[point()], y.least, y.most)), r: 7, fill: "none", "stroke-width": 2, style: { stroke: "var(--fg)" } }));
      group.append(...spots.map((v, e) => svg("rect", { x: x(e + 1) - width / 2, y: up(clamp(v, y.least, y.most)) - 16, width, height: 32, fill: "transparent", "data-epoch": e, style: { touchAction: "none", cursor: "ns-resize" } })));
      describe(`${axis} over ${n} epochs.`);
      const label = `The curve. Point of epoch ${point() + 1}: ${show(spots[point()])}. Left and right choose a point, up and down move it.`;
      if (names !== label) chart.holder.setAttribute("aria-label", names = label);
      [where.input.max, where.input.value, what.input.value] = [n, point() + 1, +spots[point()].toFixed(digitsOf(s.curve))];
      what.input.step = +fine().toPrecision(3);
    };

    let asked = "", found = [];
    const study = (s, show) => {
      many.hidden = !s.many;
      if (!s.many) return;
      const key = JSON.stringify([s.curve, s.monitor, s.noise, s.images, s.patience, s.min_delta, s.mode, s.restore_best_weights, s.start_from_epoch]);
      if (asked !== key) [asked, found] = [key, experiment(s)];
      const { noun, up } = MONITORS[s.monitor], here = found.findIndex(({ patience }) => patience === Math.max(s.patience, 1));
      told.textContent = s.noise || s.images ? `Excess: how far the ${noun} of the weights that are taken home lies ${up ? "below" : "above"} the best of the curve, both without noise. Flattery: by how much the measured ${noun} of those weights is too good. Dots are means, bars hold the middle 80 % of ${DRAWS} draws.`
        : "There is no noise, so all draws are alike: set the noise, and look again.";
      const x = { label: "patience", least: -0.5, most: found.length - 0.5, ticks: range(found.length), show: (i) => String(found[i].patience), of: found.map((one) => one.patience) };
      for (const [paper, name, label] of [[excess, "excess", `excess ${noun}`], [length, "epochs", "epochs run"]]) {
        const on = paper.on({ x, y: { label, ...scale([0, ...found.map((one) => one[name].high), ...found.map((one) => one[name].mean)], 0) }, height: 200, left: 52 }, label);
        on.plot.append(line(found.map((one, i) => [on.x(i), on.y(one[name].mean)]), "var(--mark)", { "stroke-width": 1 }),
          ...found.map((one, i) => line([[on.x(i), on.y(one[name].low)], [on.x(i), on.y(one[name].high)]], "var(--mark)", { "stroke-width": 5, opacity: 0.45 })),
          dots(found.map((one, i) => [on.x(i), on.y(one[name].mean)]), 3.5, "var(--mark)"),
          svg("circle", { cx: on.x(here), cy: on.y(found[here][name].mean), r: 7, fill: "none", "stroke-width": 2, style: { stroke: "var(--other)" } }));
        on.describe(`Mean ${label} by patience: ${found.map((one) => `${one.patience}: ${name === "epochs" ? format(one[name].mean, 1) : show(one[name].mean)}`).join(", ")}.`);
      }
      const titles = ["patience", "excess, mean", "10 to 90 %", "flattery, mean", "epochs, mean", "10 to 90 %"], cell = (text, i, bold) => h(i ? "td" : "th", { scope: i ? null : "row", text, style: { fontWeight: bold ? 700 : "", whiteSpace: "nowrap" } });
      resultHeads.replaceChildren(...titles.map((text) => h("th", { scope: "col", text })));
      results.replaceChildren(...found.map((one, i) => h("tr", {}, ...[`${one.patience}${i === here ? ", chosen" : ""}`, show(one.excess.mean), `${show(one.excess.low)} to ${show(one.excess.high)}`, show(one.flattery),
        format(one.epochs.mean, 1), `${format(one.epochs.low, 0)} to ${format(one.epochs.high, 0)}`].map((text, c) => cell(text, c, i === here)))));
    };

    return (s) => {
      const values = seen(), now = early(values, s), rates = plateauRows(values, s), shown = Math.min(s.epoch, now.rows.length), show = showing(s.curve);
      noise.hidden = s.images > 0;
      images.hidden = !s.images;
      again.hidden = !s.noise && !s.images;
      plateauControls.forEach((one) => { one.hidden = !s.plateau; });
      code.textContent = keras(s);
      const input = slider.querySelector("input"), over = shown === now.rows.length;
      [input.max, input.value] = [values.length, s.epoch];
      input.setAttribute("aria-valuetext", slider.querySelector("output").textContent = over ? `${shown}, the last` : `${shown}`);
      next.disabled = toEnd.disabled = over;
      plot(s, values, now, rates, shown, show);
      fill(s, values, now, rates, shown, show);
      study(s, show);
      return sentence(s);
    };
  },
});
