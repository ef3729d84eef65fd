import { clamp, explorer, format, h, numberIn, range, sheet, svg, thousands } from "./toolkit.js";

// ---- arithmetic: a set of scores is [labels, scores], labels 0 or 1; a score of at least the threshold is called positive ----

/** All that thresholds can do: {positives, negatives, points}, a point {threshold, tp, fp} for each different score, highest first. */
export function curve([labels, scores]) {
  const order = range(scores.length).sort((a, b) => scores[b] - scores[a]);
  const points = [{ threshold: Infinity, tp: 0, fp: 0 }];
  for (const i of order) {
    const last = points.at(-1);
    const point = last.threshold === scores[i] ? last : { ...last, threshold: scores[i] };
    labels[i] ? (point.tp += 1) : (point.fp += 1);
    if (point !== last) points.push(point);
  }
  return { positives: points.at(-1).tp, negatives: points.at(-1).fp, points };
}

/** The confusion matrix {tp, fp, fn, tn} at a threshold. */
export function countsAt({ positives, negatives, points }, threshold) {
  const { tp, fp } = points.findLast((point) => point.threshold >= threshold) ?? points[0];
  return { tp, fp, fn: positives - tp, tn: negatives - fp };
}

/** Of all pairs of a positive and a negative: in how many the positive scores higher, in how many both score the same. */
export function pairs({ positives, negatives, points }) {
  let [higher, equal] = [0, 0];
  for (let i = 1; i < points.length; i++) {
    const found = points[i].tp - points[i - 1].tp;
    higher += found * (negatives - points[i].fp);
    equal += found * (points[i].fp - points[i - 1].fp);
  }
  return { higher, equal, all: positives * negatives };
}

/** Area under the ROC curve: a tie counts one half. */
export const auc = (whole) => (({ higher, equal, all }) => (2 * higher + equal) / (2 * all))(pairs(whole));

const share = (part, whole) => (whole > 0 ? part / whole : null);

/** How many of each kind, counted, or as shares of 1 where a share `prevalence` is positive. */
const weighed = ({ tp, fp, fn, tn }, prevalence) => {
  if (prevalence === null) return { tp, fp, fn, tn };
  const ill = prevalence / (tp + fn), well = (1 - prevalence) / (fp + tn);
  return { tp: tp * ill, fn: fn * ill, fp: fp * well, tn: tn * well };
};

/** The measures of a confusion matrix, at the prevalence of the data (null) or another one; a share of nothing is null. */
export function measures(counts, prevalence = null) {
  const { tp, fp, fn, tn } = weighed(counts, prevalence);
  return {
    sensitivity: share(counts.tp, counts.tp + counts.fn), specificity: share(counts.tn, counts.tn + counts.fp),
    ppv: share(tp, tp + fp), npv: share(tn, tn + fn),
    accuracy: share(tp + tn, tp + fp + fn + tn), f1: share(2 * tp, 2 * tp + fp + fn),
  };
}

/** Area under the precision-recall curve by steps: the mean precision over all positives. */
export function averagePrecision({ positives, negatives, points }, prevalence = null) {
  return points.slice(1).reduce((sum, { tp, fp }, i) =>
    sum + ((tp - points[i].tp) / positives) * (measures({ tp, fp, fn: positives - tp, tn: negatives - fp }, prevalence).ppv ?? 0), 0);
}

/** Wilson's 95 % interval for a share of k in n. */
export function wilson(k, n, z = 1.959963984540054) {
  const p = k / n, weight = (z * z) / n, middle = (p + weight / 2) / (1 + weight);
  const half = (z * Math.sqrt((p * (1 - p)) / n + weight / (4 * n))) / (1 + weight);
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}

/** What the mistakes of 100 cost on average. */
export function cost(counts, miss, alarm, prevalence = null) {
  const { tp, fp, fn, tn } = weighed(counts, prevalence);
  return (100 * (fn * miss + fp * alarm)) / (tp + fp + fn + tn);
}

/** The cheapest point of a curve, {threshold, cost}; of equally cheap ones, that with the fewest misses. */
export function cheapest({ positives, negatives, points }, miss, alarm, prevalence = null) {
  return points.map(({ threshold, tp, fp }) => ({ threshold, cost: cost({ tp, fp, fn: positives - tp, tn: negatives - fp }, miss, alarm, prevalence) }))
    .reduce((best, one) => (one.cost <= best.cost * (1 + 1e-12) ? one : best));
}

/** The highest threshold that finds at least the share `target` of the positives. */
export function thresholdFor({ positives, points }, target) {
  return points.find(({ tp }) => tp && tp / positives >= target - 1e-12).threshold;
}

/** Right and wrong calls by class in equal bins from `least` to `most`: [{positive: [right, wrong], negative: [right, wrong]}, ...] */
export function histogram([labels, scores], least, most, bins, threshold) {
  const found = range(bins).map(() => ({ positive: [0, 0], negative: [0, 0] }));
  scores.forEach((score, i) => {
    const bin = found[clamp(Math.floor(((score - least) / (most - least)) * bins), 0, bins - 1)];
    bin[labels[i] ? "positive" : "negative"][(score >= threshold) === Boolean(labels[i]) ? 0 : 1] += 1;
  });
  return found;
}

/** Where thresholds lie: 0 to 1 for probabilities, else the scores with a margin; at `most` nobody is called positive. */
export function domain(...sets) {
  const all = sets.flatMap(([, scores]) => scores), least = all.reduce((a, b) => Math.min(a, b)), most = all.reduce((a, b) => Math.max(a, b));
  if (least >= 0 && most <= 1) return [0, most < 1 ? 1 : 1.01];
  const margin = (most - least) / 20 || 0.5;
  return [least - margin, most + margin];
}

/** About `n` round numbers between two others. */
export function ticks(least, most, n = 5) {
  const raw = (most - least) / n, power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 5, 10].find((s) => s * power >= raw * 0.999), first = Math.ceil(least / step - 1e-9);
  return range(Math.floor(most / step + 1e-9) - first + 1).map((i) => +((first + i) * step).toPrecision(12));
}

// ---- the state -----------------------------------------------------------------------------------------------------

const OWN = "your scores";
const PREVALENCES = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, ...range(18).map((i) => +(0.1 + 0.05 * i).toFixed(2)), 0.98, 0.99];
const NAMES = { sensitivity: "Sensitivity (recall)", specificity: "Specificity", ppv: "PPV (precision)", npv: "NPV", accuracy: "Accuracy", f1: "F1" };

const names = (given) => [...(given("validation").length ? [OWN] : []), ...Object.keys(given("samples"))];
const sampleOf = (name, given) => (name === OWN
  ? { validation: given("validation"), test: given("test").length ? given("test") : null, classes: given("classes"), unit: given("unit"), note: "" }
  : given("samples")[name]);
const rangeOf = ({ validation, test }) => domain(...[validation, test].filter(Boolean));

const curves = new WeakMap(); // the same scores are looked at again at each step
const curveOf = (set) => curves.get(set) ?? curves.set(set, curve(set)).get(set);

function clean(state, given) {
  if (!names(given).includes(state.sample)) state.sample = names(given)[0];
  const sample = sampleOf(state.sample, given), [least, most] = rangeOf(sample);
  if (state.shown !== "test" || !sample.test) state.shown = "validation";
  state.threshold = numberIn(state.threshold, least, most, (least + most) / 2);
  state.target = numberIn(state.target, 0.01, 1, 0.95);
  state.prevalence = numberIn(state.prevalence, 0.0001, 0.9999, null);
  for (const name of ["cost_miss", "cost_alarm"]) state[name] = numberIn(state[name], 0, 1e6, 1);
  return state;
}

function derive(state, given) {
  const whole = curveOf(sampleOf(state.sample, given)[state.shown]), counts = countsAt(whole, state.threshold);
  return { counts, measures: { ...measures(counts, state.prevalence), auc: auc(whole), average_precision: averagePrecision(whole, state.prevalence),
    cost: cost(counts, state.cost_miss, state.cost_alarm, state.prevalence) } };
}

// ---- what is seen --------------------------------------------------------------------------------------------------

const percent = (x, digits = 1) => (x === null ? "not defined" : `${format(100 * x, digits)}\u00a0%`);
const FILL = { positive: "var(--mark)", negative: "var(--other)" };

/** A chart; pick(x, y) is where a pointer was put down or dragged to. */
function chart(pick) {
  const paper = sheet({ style: { touchAction: "pan-y", cursor: "pointer" } }), { holder } = paper, at = (event) => pick(...paper.at(event));
  holder.addEventListener("pointerdown", (event) => { holder.setPointerCapture(event.pointerId); at(event); });
  holder.addEventListener("pointermove", (event) => { if (holder.hasPointerCapture(event.pointerId)) at(event); });
  return paper;
}

const path = (points) => `M${points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}`;
const stroke = (d, colour, width = 2, dash = null) => svg("path", { d, fill: "none", "stroke-width": width, "stroke-dasharray": dash, style: { stroke: colour } });
const spot = (x, y) => svg("circle", { cx: x, cy: y, r: 5.5, "stroke-width": 2, style: { fill: "var(--mark)", stroke: "var(--fg)" } });
const word = (x, y, text, anchor = "start") => svg("text", { x, y, text, "text-anchor": anchor });
const unitAxis = (label) => ({ label, least: 0, most: 1, ticks: [0, 0.5, 1] });

export default explorer({
  name: "threshold_explorer",
  python: "ThresholdExplorer",
  title: "Threshold explorer",
  traits: ["sample", "shown", "threshold", "target", "prevalence", "cost_miss", "cost_alarm"],
  data: ["validation", "test", "classes", "unit"],
  clean,
  derive,

  build(ui) {
    const { given } = ui, here = () => sampleOf(ui.state().sample, given), seen = () => curveOf(here()[ui.state().shown]), chosen = () => curveOf(here().validation);
    const to = (threshold) => ui.set({ threshold: Math.min(threshold, rangeOf(here())[1]) }, "threshold");
    const drag = (x) => { const [least, most] = rangeOf(here()), step = 10 ** (Math.floor(Math.log10(most - least)) - 2); to(+(Math.round(x / step) * step).toPrecision(12)); };
    const nearest = (place) => (x, y) => to(seen().points.reduce((best, point) => {
      const [u, v] = place(point), d = (u - x) ** 2 + (v - y) ** 2;
      return d < best.d ? { d, threshold: point.threshold } : best;
    }, { d: Infinity }).threshold);
    const precision = ({ tp, fp }) => measures({ tp, fp, fn: seen().positives - tp, tn: seen().negatives - fp }, ui.state().prevalence).ppv;
    const scores = chart(drag), costs = chart(drag);
    const roc = chart(nearest(({ tp, fp }) => [fp / seen().negatives, tp / seen().positives]));
    const pr = chart(nearest((point) => [point.tp / seen().positives, precision(point) ?? Infinity]));

    const sample = ui.choice({ trait: "sample", label: "Scores", options: [OWN, ...Object.keys(given("samples"))].map((name) => [name, name]),
      choose: (name) => {
        const [least, most] = rangeOf(sampleOf(name, given));
        return { sample: name, shown: "validation", threshold: (least + most) / 2, prevalence: null };
      } });
    const own = sample.querySelector("option");
    const shown = ui.choice({ trait: "shown", label: "Set", options: [["validation", "validation: choose here"], ["test", "test: look once"]] });
    const note = h("span", { class: "cx-control" });
    const slider = ui.slider({ trait: "threshold", label: "Threshold", least: 0, most: 1, step: 0.01, show: (v) => format(v, 3) });
    const prevalence = ui.slider({ trait: "prevalence", label: "Prevalence where it is used", values: PREVALENCES,
      show: (v) => (v === null ? "as in the data" : percent(v, 2)) });
    const step = (by) => () => {
      const values = seen().points.map((point) => point.threshold), t = ui.state().threshold;
      to(by < 0 ? values.find((v) => v < t) ?? t : values.findLast((v) => v > t) ?? t);
    };
    const asData = ui.button("As in the data", () => ui.set({ prevalence: null }));
    const state = () => ui.state();

    const cell = (text = "") => h("td", { text });
    const head = (text, scope = "col") => h("th", { scope, text });
    const matrix = { tp: cell(), fn: cell(), fp: cell(), tn: cell(), positive: head("", "row"), negative: head("", "row"), yes: head(), no: head() };
    const matrixTable = h("table", {}, h("caption", { text: "Confusion matrix", style: { fontWeight: "600", textAlign: "left" } }),
      h("thead", {}, h("tr", {}, head("truth"), matrix.yes, matrix.no)),
      h("tbody", {}, h("tr", {}, matrix.positive, matrix.tp, matrix.fn), h("tr", {}, matrix.negative, matrix.fp, matrix.tn)));
    const lines = Object.fromEntries(Object.keys(NAMES).map((key) => [key, { how: cell(), value: cell(), validation: cell() }]));
    const other = head("validation"), values = h("table", { style: { width: "100%" } },
      h("caption", { text: "Measures", style: { fontWeight: "600", textAlign: "left" } }),
      h("thead", {}, h("tr", {}, head("measure"), head("how"), head("value"), other)),
      h("tbody", {}, ...Object.entries(NAMES).map(([key, text]) => h("tr", {}, head(text, "row"), ...Object.values(lines[key])))));
    const sure = h("p", {}), natural = h("p", {});

    ui.root.append(
      ui.bar(sample, shown, note),
      ui.bar(slider, ui.button("One score lower", step(-1)), ui.button("One score higher", step(1))),
      ui.bar(ui.number({ trait: "target", label: "Target sensitivity", least: 0.01, most: 1, step: 0.01 }), ui.button("Reach it on validation", () => to(thresholdFor(chosen(), state().target))),
        ui.number({ trait: "cost_miss", label: "Cost of a miss", least: 0, most: 1e6, step: 1 }), ui.number({ trait: "cost_alarm", label: "of a false alarm", least: 0, most: 1e6, step: 1 }),
        ui.button("Cheapest on validation", () => to(cheapest(chosen(), state().cost_miss, state().cost_alarm, state().prevalence).threshold))),
      ui.bar(prevalence, asData),
      ui.panes(scores.element, h("div", { style: { flex: "1 1 300px" } }, matrixTable, values, sure, natural)),
      ui.panes(roc.element, pr.element, costs.element));

    return (state) => {
      const all = here(), whole = seen(), counts = countsAt(whole, state.threshold), [least, most] = rangeOf(all);
      const { tp, fp, fn, tn } = counts, [no, yes] = all.classes, now = measures(counts, state.prevalence), p = state.prevalence;
      const before = measures(countsAt(chosen(), state.threshold), p), testing = state.shown === "test", unit = all.unit;

      own.hidden = own.disabled = !given("validation").length;
      shown.querySelector("select").disabled = !all.test;
      note.textContent = all.note;
      const input = slider.querySelector("input"), wide = (most - least) / 100;
      [input.min, input.max, input.step] = [least, most, most <= 1.01 && least === 0 ? 0.01 : +wide.toPrecision(1)];
      input.value = state.threshold;
      const ratio = whole.positives / (whole.positives + whole.negatives), places = PREVALENCES.map((v) => Math.abs(v - ratio));
      if (p === null) prevalence.querySelector("input").value = places.indexOf(Math.min(...places));
      asData.disabled = p === null;

      const texts = { positive: yes, negative: no, yes: `called ${yes}`, no: `called ${no}`, tp: `TP ${thousands(tp)} found`, fn: `FN ${thousands(fn)} missed`, fp: `FP ${thousands(fp)} false alarms`, tn: `TN ${thousands(tn)} cleared` };
      for (const [key, text] of Object.entries(texts)) matrix[key].textContent = text;
      const [a, b] = [format(p, 4), format(1 - p, 4)], s = format(now.sensitivity, 4), c = format(now.specificity, 4), [miss, alarm] = [format(fn / (tp + fn), 4), format(fp / (fp + tn), 4)];
      const how = { sensitivity: `TP ${tp} / (TP ${tp} + FN ${fn})`, specificity: `TN ${tn} / (TN ${tn} + FP ${fp})`, ...(p === null ? {
        ppv: `TP ${tp} / (TP ${tp} + FP ${fp})`, npv: `TN ${tn} / (TN ${tn} + FN ${fn})`, accuracy: `(TP ${tp} + TN ${tn}) / ${tp + fp + fn + tn}`, f1: `2 TP / (2 TP + FP + FN) = ${2 * tp} / ${2 * tp + fp + fn}`,
      } : {
        ppv: `${a} × ${s} / (${a} × ${s} + ${b} × ${alarm})`, npv: `${b} × ${c} / (${b} × ${c} + ${a} × ${miss})`, accuracy: `${a} × ${s} + ${b} × ${c}`, f1: `2 × ${a} × ${s} / (2 × ${a} × ${s} + ${b} × ${alarm} + ${a} × ${miss})`,
      }) };
      other.hidden = !testing;
      for (const [key, row] of Object.entries(lines)) {
        [row.how.textContent, row.value.textContent, row.validation.textContent, row.validation.hidden] = [how[key], percent(now[key]), percent(before[key]), !testing];
      }
      const interval = (k, n) => wilson(k, n).map((x) => percent(x)).join(" to ");
      sure.textContent = `95 % intervals (Wilson): sensitivity ${interval(tp, tp + fn)}, specificity ${interval(tn, tn + fp)}.`;
      natural.hidden = p === null;
      const of = (n) => format(1000 * n, 1);
      if (p !== null) natural.textContent = `Of 1,000 ${unit} at a prevalence of ${percent(p, 2)}: ${of(p)} are ${yes}, ${of(p * now.sensitivity)} of them found and ${of((p * fn) / (tp + fn))} missed; ` +
        `${of(1 - p)} are ${no}, ${of((1 - p) * now.specificity)} of them cleared and ${of(((1 - p) * fp) / (fp + tn))} false alarms.`;

      // Scores of both classes, back to back: what is called right is filled, what is called wrong is hollow.
      const bins = histogram(all[state.shown], least, most, 20, state.threshold), width = (most - least) / 20;
      const [up, down] = ["positive", "negative"].map((kind) => 1.25 * Math.max(1, ...bins.map((bin) => bin[kind][0] + bin[kind][1])));
      const x = { label: "score", least, most, ticks: ticks(least, most) };
      const back = scores.on({ x, y: { label: unit, least: -down, most: up, ticks: ticks(-down, up, 6).filter(Number.isInteger), show: (v) => format(Math.abs(v)) }, height: 250 },
        `${state.shown} set: ${yes} above, ${no} below the line. Filled: called right. Hollow: called wrong.`);
      bins.forEach((bin, i) => ["positive", "negative"].forEach((kind) => {
        const sign = kind === "positive" ? 1 : -1, left = back.x(least + i * width) + 1, wideness = back.x(least + width) - back.x(least) - 2;
        [[0, bin[kind][0], FILL[kind]], [bin[kind][0], bin[kind][0] + bin[kind][1], "none"]].forEach(([from, until, fill]) => {
          const [top, bottom] = [back.y(sign * from), back.y(sign * until)].sort((u, v) => u - v);
          if (until > from) back.plot.append(svg("rect", { x: left, width: wideness, y: top, height: bottom - top, "stroke-width": 1.5, style: { fill, stroke: FILL[kind] } }));
        });
      }));
      const cut = (graph, at) => stroke(`M${graph.x(at)} ${graph.size.top}V${graph.size.bottom}`, "var(--fg)", 2.5);
      back.plot.append(stroke(`M${back.size.left} ${back.y(0)}H${back.size.right}`, "var(--line)", 1), cut(back, state.threshold),
        svg("path", { d: `M${back.x(state.threshold) - 7} ${back.size.top - 8}h14l-7 10Z`, style: { fill: "var(--fg)" } }),
        word(back.size.left + 5, back.size.top + 14, yes), word(back.size.right - 5, back.size.bottom - 6, no, "end"));
      back.describe(`Scores of the ${state.shown} set. ${yes}: ${tp} at or above the threshold, ${fn} below. ${no}: ${fp} at or above, ${tn} below.`);

      const { higher, equal, all: together } = pairs(whole), area = auc(whole);
      const ring = roc.on({ x: unitAxis("false alarms: 1 − specificity"), y: unitAxis("sensitivity") }, `ROC, AUC ${format(area, 4)}`);
      ring.plot.append(stroke(path([[ring.x(0), ring.y(0)], [ring.x(1), ring.y(1)]]), "var(--line)", 1.5, "4 4"), word(ring.x(0.97), ring.y(0.14), `${thousands(higher)} of ${thousands(together)} pairs right`, "end"),
        word(ring.x(0.97), ring.y(0.05), equal ? `and half of ${thousands(equal)} ties` : "no ties", "end"),
        stroke(path(whole.points.map((q) => [ring.x(q.fp / whole.negatives), ring.y(q.tp / whole.positives)])), "var(--mark)"), spot(ring.x(fp / whole.negatives), ring.y(tp / whole.positives)));
      ring.describe(`ROC curve. The area is ${format(area, 4)}: of ${thousands(together)} pairs of one ${yes} and one ${no}, the first scores higher in ${thousands(higher)} and the same in ${thousands(equal)}. The threshold's point: ${percent(fp / whole.negatives)} false alarms, sensitivity ${percent(now.sensitivity)}.`);

      const base = p ?? ratio, mean = averagePrecision(whole, p);
      const paper = pr.on({ x: unitAxis("recall: sensitivity"), y: unitAxis("precision: PPV") }, `Precision and recall, average precision ${format(mean, 4)}`);
      // In steps, as the average precision adds them up: between two points precision follows no straight line.
      const steps = whole.points.slice(1).flatMap((q, i) => [whole.points[i], q].map(({ tp: found }) => [paper.x(found / whole.positives), paper.y(precision(q))]));
      paper.plot.append(stroke(`M${paper.x(0)} ${paper.y(base)}H${paper.x(1)}`, "var(--line)", 1.5, "4 4"), word(paper.x(0.02), paper.y(base) + (base > 0.15 ? 15 : -6), `prevalence ${percent(base, 2)}`), stroke(path(steps), "var(--mark)"));
      if (now.ppv !== null) paper.plot.append(spot(paper.x(now.sensitivity), paper.y(now.ppv)));
      paper.describe(`Precision over recall; the dashed line is the prevalence, ${percent(base, 2)}. The threshold's point: recall ${percent(now.sensitivity)}, precision ${percent(now.ppv)}.`);

      const price = (q) => cost({ tp: q.tp, fp: q.fp, fn: whole.positives - q.tp, tn: whole.negatives - q.fp }, state.cost_miss, state.cost_alarm, p);
      const bestAt = Math.min(cheapest(chosen(), state.cost_miss, state.cost_alarm, p).threshold, most), lowest = cost(countsAt(whole, bestAt), state.cost_miss, state.cost_alarm, p), prices = whole.points.map(price), dearest = Math.max(...prices) || 1;
      const bill = costs.on({ x: { ...x, label: "threshold" }, y: { label: `cost of 100 ${unit}`, least: 0, most: dearest * 1.15, ticks: ticks(0, dearest), show: (v) => (v >= 1e4 ? v.toExponential(0).replace("+", "") : format(v, 3)) }, left: 58 },
        `Cost at this threshold: ${format(price({ tp, fp }), 1)}; ${testing ? "at the one cheapest on validation" : "least at"} ${format(bestAt, 3)}: ${format(lowest, 1)}`);
      const along = whole.points.flatMap((q, i) => [[whole.points[i].threshold, i], [whole.points[i + 1]?.threshold ?? least, i]]).map(([t, i]) => [bill.x(clamp(t, least, most)), bill.y(prices[i])]);
      bill.plot.append(stroke(path(along), "var(--other)"), cut(bill, state.threshold), spot(bill.x(bestAt), bill.y(lowest)), word(bill.x(bestAt) + (bestAt > (least + most) / 2 ? -9 : 9), bill.y(lowest) - 8, testing ? "chosen" : "cheapest", bestAt > (least + most) / 2 ? "end" : "start"));
      bill.describe(`Expected cost of 100 ${unit} over the threshold: ${format(price({ tp, fp }), 2)} at ${format(state.threshold, 3)}; the threshold that is cheapest on validation, ${format(bestAt, 3)}, costs ${format(lowest, 2)} here.`);

      const at = `At ${format(state.threshold, 3)}`, points = (u, v) => `${format(100 * (u - v), 1)} points`;
      if (testing) return `${at}, on the test set: sensitivity ${percent(now.sensitivity)} (validation ${percent(before.sensitivity)}, change ${points(now.sensitivity, before.sensitivity)}), specificity ${percent(now.specificity)} ` +
        `(validation ${percent(before.specificity)}, change ${points(now.specificity, before.specificity)}). Report this. A threshold moved now would be chosen on the test set.`;
      return `${at}, on the validation set: ${tp} of ${tp + fn} ${yes} found (sensitivity ${percent(now.sensitivity)}), ${tn} of ${tn + fp} ${no} cleared (specificity ${percent(now.specificity)}). ` +
        (now.ppv === null ? `Nobody is called ${yes}.` : `${p === null ? "" : `At a prevalence of ${percent(p, 2)}, `}${percent(now.ppv)} of those called ${yes} are called so rightly (PPV).`) +
        ` The highest threshold with a sensitivity of ${percent(state.target)} or more is ${format(thresholdFor(chosen(), state.target), 3)}.`;
    };
  },
});
