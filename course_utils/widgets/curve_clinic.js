import { axes, clamp, explorer, format, h, integerIn, listed, raised, range, svg, thousands } from "./toolkit.js";

const TOP = 4, CHANCE = Math.log(10); // nats: the upper end of the axes, and what ten classes cost without an opinion
const LAYERS = ["conv1", "conv2", "dense1", "dense2"];

// ---- readings and tests --------------------------------------------------------------------------------------------

/** A number to three digits, as a power of ten where it is tiny or huge. */
export function exact(x) {
  if (x === null) return "not a number";
  if (typeof x === "string") return x;
  if (Math.abs(x) >= 1000 && Math.abs(x) < 1e5) return thousands(x);
  if (x === 0 || (Math.abs(x) >= 0.001 && Math.abs(x) < 1000)) return format(x, x === 0 ? 0 : clamp(2 - Math.floor(Math.log10(Math.abs(x))), 0, 5));
  const [digits, power] = x.toExponential(1).split("e");
  return `${digits.replace("-", "−")}·10${raised(+power)}`;
}
const percent = (x) => (x === null ? "not a number" : `${format(100 * x, 1)} %`);
const whole = (x) => format(x, 0);
const times = (factor) => (low, high) => [low / factor, high * factor];
const plus = (more) => (low, high) => [low - more, high + more];

/** Reading -> what it is, how it is written, and how much further out than the measured runs a run may lie. */
const READINGS = {
  "final loss": ["training loss at the end", exact, plus(0.25)],
  "final val_loss": ["validation loss at the end", exact, plus(0.25)],
  "final accuracy": ["training accuracy at the end", percent, plus(0.05)],
  "final val_accuracy": ["validation accuracy at the end", percent, plus(0.05)],
  "least loss": ["smallest loss of a batch", exact, plus(0.15)],
  "broken images": ["number of broken training images", whole, times(1)],
  mean: ["mean of the pixels", exact, plus(0.3)],
  spread: ["standard deviation of the pixels", exact, plus(0.2)],
  "largest class": ["share of the largest class", percent, plus(0.05)],
  agreement: ["share of labels that five neighbours agree with", percent, plus(0.04)],
  twins: ["share of validation images that were trained on", percent, times(1)],
  orders: ["number of different orders in six epochs", whole, times(1)],
  "asked twice": ["largest difference of two answers", exact, times(2)],
  sums: ["largest distance of the outputs' sum from 1", exact, times(2)],
  "first loss": ["loss of the first batch (ln 10 is 2.3)", exact, plus(0.25)],
  ...Object.fromEntries(LAYERS.slice(0, 3).map((layer) => [`dead ${layer}`, [`dead share of ${layer}`, percent, plus(0.2)]])),
  ...Object.fromEntries(LAYERS.map((layer) => [`gradient ${layer}`, [`gradient norm of ${layer}`, exact, times(2)]])),
  ...Object.fromEntries(LAYERS.map((layer) => [`update ${layer}`, [`update ratio of ${layer}`, exact, times(2)]])),
  "born in": ["birthplace of the first bad number", exact],
};
const CURVES = ["final loss", "final val_loss", "final accuracy", "final val_accuracy", "least loss"];
const layered = (name) => Object.keys(READINGS).filter((reading) => reading.startsWith(`${name} `));

/** Test -> its name, its readings, the part of the chain that it looks at. */
export const TESTS = {
  inputs: ["Input statistics", ["broken images", "mean", "spread"], 0],
  counts: ["Label counts", ["largest class"], 0],
  neighbours: ["Labels against neighbours", ["agreement"], 0],
  twins: ["Twins across the split", ["twins"], 0],
  orders: ["Order of the epochs", ["orders"], 1],
  twice: ["Asked twice", ["asked twice"], 1],
  sums: ["Sums of the outputs", ["sums"], 1],
  first: ["First loss against ln 10", ["first loss"], 1],
  dead: ["Dead units", layered("dead"), 2],
  gradients: ["Gradient norms", layered("gradient"), 2],
  updates: ["Updates against weights", layered("update"), 2],
  nan: ["NaN hunt", ["born in"], 2],
};
const PARTS = ["What goes in", "How it is fed, what comes out", "What flows and moves (first step)"];

/** Illness -> the readings that prove it, why they do, the cure. */
const ILLNESSES = {
  healthy: [[], "Nothing that the tests measure lies outside what healthy runs show.", "None. Do not treat a healthy run: what it lacks it gets from more data or another model."],
  "rate too high": [layered("update"), "A step that moves weights by this share replaces what was learnt, while the inputs are scaled as they should be.", "A tenth of the rate, from fresh weights; then look again."],
  "rate too low": [layered("update"), "The gradients are as large as in healthy runs; only the steps are short.", "Ten times the rate, then look again."],
  "unscaled inputs": [["spread"], "First losses, gradients and updates are large only because the pixels are.", "Subtract the mean and divide by the standard deviation of the training images."],
  "wrong labels": [["agreement"], "Neighbours that have not seen the label contradict it far too often.", "List the out-of-fold suspects and let a person look at them."],
  "double softmax": [["sums"], "Logits add up to anything. These outputs add up to 1: they are probabilities already, and the loss applies another softmax.", "Hand logits to the loss."],
  "weights too small": [layered("gradient"), "They have faded in every layer alike, before any rate comes in.", "He initialisation (Day 7)."],
  leak: [["twins"], "The validation accuracy is measured on images that were learnt.", "Remove the twins; split by person or source."],
  "NaN pixels": [["broken images"], "The NaN stands in the input: no rate helps.", "Repair the images, or leave them out."],
  "dead units": [layered("dead"), "ReLU lets nothing through, so no gradient reaches the layers before it.", "Initialise again; if they die in training, lower the rate."],
  "frozen layers": [layered("update"), "The weights do not move at all, while other layers do.", "requires_grad_(True), and hand the weights to the optimiser."],
  "wrong mode": [["asked twice"], "A model in evaluation mode says the same twice: here dropout is still on.", "model.eval() before validation."],
  imbalance: [["largest class"], "Who always names that class gets this accuracy for nothing.", "Report per-class recall; weight the classes, or gather more of the rare ones (Day 17)."],
  "not reshuffled": [["orders"], "Every epoch repeats the same batches in the same order.", "shuffle=True, after the cache."],
};
const NAMES = Object.keys(ILLNESSES);

// ---- the differential diagnosis ------------------------------------------------------------------------------------

const known = new WeakMap();

/** Ranges of all illnesses: those of the ward, made wider where a given patient lies outside them. */
export function spans(ward, patients) {
  if (known.has(patients)) return known.get(patients);
  const all = structuredClone(ward.ranges);
  known.set(patients, all);
  for (const { illness, readings } of patients) for (const [name, value] of Object.entries(readings)) {
    const span = all[illness][name];
    if (typeof value === "string") { if (!span.includes(value)) span.push(value); }
    else if (value === null) span[2] = true;
    else [span[0], span[1]] = [Math.min(span[0] ?? value, value), Math.max(span[1] ?? value, value)];
  }
  return all;
}

const bornIn = (row) => (["input", "nowhere"].includes(row) ? row : "a layer"); // which of the layers is chance

/** Does a reading lie outside what runs with an illness show, some room left on both sides? */
export function outside(name, value, span) {
  if (typeof value === "string") return !span.some((row) => bornIn(row) === bornIn(value));
  if (value === null || span[0] === null) return value === null ? !span[2] : true;
  const [low, high] = READINGS[name][2](span[0], span[1]);
  return value < low || value > high;
}

/** The diagnoses that some readings of a patient exclude. */
export const excluded = (names, patient, ranges) =>
  NAMES.filter((illness) => names.some((name) => outside(name, patient.readings[name], ranges[illness][name])));

/** The diagnoses that the curves and the tests leave open. */
export const open = (tests, patient, ranges) => {
  const gone = new Set(excluded([...CURVES, ...tests.flatMap((test) => TESTS[test][1])], patient, ranges));
  return NAMES.filter((illness) => !gone.has(illness));
};

/** The fewest tests that, with the curves, leave the truth alone, if possible by its proof; null if all of them do not. */
export function fewest(patient, ranges) {
  const mask = (names) => excluded(names, patient, ranges).reduce((bits, illness) => bits | (1 << NAMES.indexOf(illness)), 0);
  const tests = Object.keys(TESTS), masks = tests.map((test) => mask(TESTS[test][1])), free = mask(CURVES);
  const all = ((1 << NAMES.length) - 1) & ~(1 << NAMES.indexOf(patient.illness));
  const proves = tests.map((test) => Number(TESTS[test][1].some((name) => ILLNESSES[patient.illness][0].includes(name))));
  const sets = [{ gone: free, size: 0, proofs: 0 }]; // by the bits of their tests: each is a smaller set and one test more
  let best = null;
  for (let chosen = 0; chosen < 1 << tests.length; chosen++) {
    const last = 31 - Math.clz32(chosen), rest = sets[chosen ^ (1 << last)];
    if (chosen) sets[chosen] = { gone: rest.gone | masks[last], size: rest.size + 1, proofs: rest.proofs + proves[last] };
    const { gone, size, proofs } = sets[chosen];
    if (gone === all && (!best || size < best.size || (size === best.size && proofs && !best.proofs))) best = { chosen, size, proofs };
  }
  return best && tests.filter((_, i) => best.chosen & (1 << i));
}

/** The order of the patients: the same as in curve_clinic.py. */
export function order(seed, count) {
  const places = range(count);
  let state = (seed + 1) * 1000003;
  for (let i = count - 1; i > 0; i--) {
    state = (state * 48271) % 2147483647;
    const j = state % (i + 1);
    [places[i], places[j]] = [places[j], places[i]];
  }
  return places;
}

// ---- words ---------------------------------------------------------------------------------------------------------

const count = (n, one, more = `${one}s`) => `${n || "no"} ${n === 1 ? one : more}`;
const testNames = (tests) => listed(tests.map((test) => TESTS[test][0].toLowerCase().replace("nan", "NaN")));
const between = (name, span) => {
  if (typeof span[0] === "string") return span.join(" or ");
  const [low, high] = span.slice(0, 2).map((v) => (v === null ? null : READINGS[name][1](v)));
  return low === null ? "not a number" : `${low === high ? low : `${low} to ${high}`}${span[2] ? ", or not a number" : ""}`;
};
const says = (name, patient, span, whose) => `${READINGS[name][0]} is ${READINGS[name][1](patient.readings[name])} (${whose}: ${between(name, span[name])})`;

/** How far out a reading lies: the logarithm of how many times it is too large or too small. */
const far = (value, span) => {
  if (typeof value !== "number" || typeof span[0] !== "number") return Infinity;
  const size = (v) => Math.log(Math.abs(v) + 1e-12);
  return Math.max(size(value) - size(span[1]), size(span[0]) - size(value));
};
const furthest = (names, patient, span) => names.reduce((best, name) => (far(patient.readings[name], span[name]) > far(patient.readings[best], span[best]) ? name : best));

/** Which measured number proves the illness. */
export function proof(patient, ranges) {
  const [names, why] = ILLNESSES[patient.illness];
  return names.length ? `The proof: the ${says(furthest(names, patient, ranges.healthy), patient, ranges.healthy, "healthy runs")}. ${why}` : why;
}

/** Why a wrong diagnosis is wrong: by what was measured already, or by a test that has not been ordered. */
export function objection(guess, tests, patient, ranges) {
  const against = (names) => names.filter((name) => outside(name, patient.readings[name], ranges[guess][name]));
  for (const [source, names] of [["The curves speak", CURVES], ...tests.map((test) => [`“${TESTS[test][0]}” speaks`, TESTS[test][1]])]) {
    const found = against(names);
    if (found.length) return `Not “${guess}”. ${source} against it: the ${says(furthest(found, patient, ranges[guess]), patient, ranges[guess], guess === "healthy" ? "healthy runs" : `runs with ${guess}`)}.`;
  }
  const test = Object.keys(TESTS).find((test) => against(TESTS[test][1]).length);
  return `Not “${guess}”. Nothing that you have measured speaks against it${test ? `; “${TESTS[test][0]}” would have` : ""}.`;
}

/** What the tests have done for the diagnosis, in sentences. */
export function review(tests, patient, ranges) {
  const left = open(tests, patient, ranges).filter((name) => name !== patient.illness), few = fewest(patient, ranges);
  const gone = NAMES.length - 1 - left.length;
  return `${tests.length ? "Curves and tests exclude" : "The curves alone exclude"} ${left.length ? `${gone} of the ${NAMES.length - 1} other diagnoses; still open: ${listed(left)}` : `all ${gone} other diagnoses`}. `
    + (few === null ? "Not even all tests together leave one diagnosis."
      : few.length ? `${few.length === 1 ? "One test is" : `${few.length} tests are`} enough here: ${testNames(few)}.` : "Here the curves alone are enough.");
}

const tally = (finished) => {
  const first = finished.filter(({ right, wrong }) => right && !wrong).length;
  const mean = finished.reduce((sum, { tests }) => sum + tests, 0) / finished.length;
  return `So far ${first} of ${count(finished.length, "patient")} named at the first attempt, with ${format(mean, 1)} ${mean === 1 ? "test" : "tests"} each.`;
};

// ---- state ---------------------------------------------------------------------------------------------------------

const FRESH = { ordered: [], diagnosis: "", named: [], shown: false };
const some = (value, allowed) => (Array.isArray(value) ? [...new Set(value)].filter((one) => allowed.includes(one)) : []);

export function clean(state, given) {
  const number = given("patients").length;
  state.seed = integerIn(state.seed, 0, 9999);
  state.patient = integerIn(state.patient, 1, number);
  state.ordered = some(state.ordered, Object.keys(TESTS));
  state.diagnosis = NAMES.includes(state.diagnosis) ? state.diagnosis : "";
  state.named = some(state.named, NAMES);
  [state.shown, state.hints] = [state.shown === true, state.hints === true];
  const known = new Map();
  for (const one of Array.isArray(state.finished) ? state.finished : [])
    if (one && Number.isInteger(one.case) && one.case >= 0 && one.case < number && !known.has(one.case))
      known.set(one.case, { case: one.case, tests: integerIn(one.tests, 0, 12), wrong: integerIn(one.wrong, 0, 13), right: one.right === true });
  state.finished = [...known.values()];
  return state;
}

// ---- pictures ------------------------------------------------------------------------------------------------------

/** Lines of numbers, broken where there is none, cut off at the top of the axis; marks at the points if wanted. */
function lines(chart, top, values, colour, { dash = null, mark = null } = {}) {
  const points = values.map((v, i) => (v === null ? null : [chart.x(i + 1), chart.y(Math.min(v, top))]));
  const path = points.map((p, i) => (p ? `${i && points[i - 1] ? "L" : "M"}${p[0].toFixed(1)} ${p[1].toFixed(1)}` : "")).join("");
  return [svg("path", { d: path, fill: "none", stroke: colour, "stroke-width": mark ? 2 : 1.2, "stroke-dasharray": dash }),
    ...(mark ? points.filter(Boolean).map(([x, y]) => mark === "circle" ? svg("circle", { cx: x, cy: y, r: 3.5, fill: colour })
      : svg("rect", { x: x - 3.5, y: y - 3.5, width: 7, height: 7, fill: colour })) : [])];
}
const chanceLine = ({ size, y }) => svg("path", { d: `M${size.left} ${y(CHANCE)}H${size.right}`, stroke: "var(--line)", "stroke-dasharray": "2 3" });
const beyond = (values, what) => {
  const high = values.filter((v) => v !== null && v > TOP), lost = values.findIndex((v) => v === null);
  return [high.length ? `${count(high.length, what)} above ${TOP}, the largest ${exact(Math.max(...high))}` : "", lost >= 0 ? `not a number from ${what} ${lost + 1} on` : ""].filter(Boolean).join("; ");
};

export default explorer({
  name: "curve_clinic",
  python: "CurveClinic",
  title: "Curve clinic",
  traits: ["seed", "patient", "ordered", "diagnosis", "named", "shown", "hints", "finished"],
  clean,
  derive: (state, given) => {
    const patient = given("patients")[order(state.seed, given("patients").length)[state.patient - 1]];
    return { left: open(state.ordered, patient, spans(given("ward"), given("patients"))) };
  },

  build(ui) {
    const patients = ui.given("patients"), ward = ui.given("ward"), ranges = spans(ward, patients), now = ui.state;
    const place = (state) => order(state.seed, patients.length)[state.patient - 1];
    const solved = (state) => state.shown || state.named.includes(patients[place(state)].illness);
    const finish = (changes) => {
      const next = { ...now(), ...changes }, at = place(next), { illness } = patients[at];
      const right = next.named.includes(illness), entry = { case: at, tests: next.ordered.length, wrong: next.named.length - right, right };
      ui.set({ ...changes, ...(solved(next) && !next.finished.some((one) => one.case === at) ? { finished: [...next.finished, entry] } : {}) });
    };

    const next = ui.button("Next patient", () => ui.set({ ...FRESH, patient: (now().patient % patients.length) + 1 }));
    const mix = ui.button("Shuffle the ward", () => ui.set({ ...FRESH, patient: 1, seed: (now().seed + 1) % 10000 }));
    const epochs = patients[0].history.loss.length;
    const most = Math.max(...patients.map((one) => one.steps.length));
    const epochAxis = { label: "epoch", least: 0.8, most: epochs + 0.2, ticks: range(epochs).map((i) => i + 1) };
    const lossAxis = (label) => ({ label, least: 0, most: TOP, ticks: [0, 1, CHANCE, 3, TOP], show: (v) => (v === CHANCE ? "ln 10" : format(v)) });
    const loss = axes({ x: epochAxis, y: lossAxis("loss (nats)"), height: 200, left: 60 });
    const accuracy = axes({ x: epochAxis, y: { label: "accuracy (%)", least: 0, most: 100, ticks: [0, 25, 50, 75, 100] }, height: 200, left: 60 });
    const batch = axes({ x: { label: "step", least: 0, most, ticks: range(Math.floor(most / 50) + 1).map((i) => 50 * i) }, y: lossAxis("loss of the batch (nats)"), height: 200, left: 60 });
    const pane = (title, chart, note) => h("figure", { class: "cx-pane", style: { flex: "1 1 300px", maxWidth: "27rem" } }, h("figcaption", { text: title }), chart.element, note);
    const small = () => h("div", { style: { fontSize: "14px" } });
    const notes = range(3).map(small);

    const tests = Object.fromEntries(Object.entries(TESTS).map(([test, [label]]) => [test, ui.button(label, () => ui.set({ ordered: [...now().ordered, test] }))]));
    const menu = h("fieldset", { style: { border: "1px solid var(--line)", borderRadius: "4px", margin: "0.4rem 0", padding: "0 0.5rem", minWidth: 0 } },
      h("legend", { text: "Order a test", style: { fontWeight: 600, padding: "0 0.3rem" } }),
      ...PARTS.map((part, i) => h("div", { role: "group", "aria-label": part }, h("div", { text: part, style: { fontSize: "14px" } }),
        ui.bar(...Object.keys(TESTS).filter((test) => TESTS[test][2] === i).map((test) => tests[test])))));
    const body = ui.panes();
    const head = () => h("thead", {}, h("tr", {}, ...["reading", "this patient", "healthy runs"].map((text) => h("th", { scope: "col", text }))));
    const choose = ui.choice({ trait: "diagnosis", label: "Diagnosis", options: [["", "choose"], ...NAMES.map((name) => [name, name])] });
    const name = ui.button("Name it", () => finish({ named: [...now().named, now().diagnosis] }));
    const show = ui.button("Show the answer", () => finish({ shown: true }));
    const verdict = h("div", { "aria-live": "polite", style: { borderLeft: "4px solid var(--mark)", paddingLeft: "0.7rem" } });
    ui.root.append(
      ui.bar(ui.choice({ trait: "patient", label: "Patient", options: range(patients.length).map((i) => [i + 1, String(i + 1)]), choose: (patient) => ({ ...FRESH, patient }) }),
        h("span", { text: `of ${patients.length}` }), next, mix),
      ui.panes(pane("● training, ■ validation", loss, notes[0]), pane("● training, ■ validation", accuracy, notes[1]), pane("the same loss, batch by batch", batch, notes[2])),
      menu, ui.bar(choose, name, show, ui.tick({ trait: "hints", label: "Say what each test excludes" })), verdict, body,
      h("p", { style: { fontSize: "14px" }, text: `⚑ lies clearly outside what ${ward.runs} healthy runs showed. In the same way a reading excludes a diagnosis when it lies clearly outside what ${ward.runs} runs with it showed, from mild to severe. Each patient has one illness, or none.` }));

    const section = (title, names, patient, news) => h("div", { style: { flex: "1 1 21rem", maxWidth: "44rem" } }, h("table", { style: { width: "100%" } },
      h("caption", { style: { textAlign: "left", fontWeight: 600, padding: "0.2rem 0", color: "inherit" }, text: title + (news ? `. ${news}` : "") }), head(),
      h("tbody", {}, ...names.map((reading) => {
        const value = patient.readings[reading], healthy = ranges.healthy[reading], odd = outside(reading, value, healthy);
        return h("tr", {}, h("th", { scope: "row", text: READINGS[reading][0], style: { fontWeight: 400 } }),
          h("td", { text: `${READINGS[reading][1](value)}${odd ? " ⚑" : ""}`, style: { fontWeight: odd ? 700 : 400 } }), h("td", { text: between(reading, healthy) }));
      }))));

    let told = "";
    return (state) => {
      const patient = patients[place(state)], { history } = patient, done = solved(state), { illness } = patient;
      for (const [chart, prefix, factor, top] of [[loss, "loss", 1, TOP], [accuracy, "accuracy", 100, 100]]) {
        const scaled = (key) => history[key].map((v) => (v === null ? null : factor * v));
        chart.plot.replaceChildren(...(prefix === "loss" ? [chanceLine(chart)] : []), ...lines(chart, top, scaled(prefix), "var(--mark)", { mark: "circle" }),
          ...lines(chart, top, scaled(`val_${prefix}`), "var(--other)", { dash: "6 4", mark: "square" }));
        const said = (key) => history[key].map((v) => (v === null ? "no number" : format(factor * v, factor === 1 ? 2 : 0))).join(", ");
        chart.describe(`${prefix} after each epoch, ${factor === 1 ? "in nats" : "in per cent"}. Training: ${said(prefix)}. Validation: ${said(`val_${prefix}`)}.`);
      }
      batch.plot.replaceChildren(chanceLine(batch), ...lines(batch, TOP, patient.steps, "var(--mark)"));
      batch.describe(`Loss of the batch at each of ${patient.steps.length} steps, first ${exact(patient.steps[0])}, last ${exact(patient.steps.at(-1))}. ${beyond(patient.steps, "step")}`);
      [beyond([...history.loss], "epoch"), "", beyond(patient.steps, "step")].forEach((text, i) => { notes[i].textContent = text; });

      let left = open([], patient, ranges);
      const blocks = [section("The curves, free of charge", CURVES, patient, state.hints || done ? `They leave ${left.length} of ${NAMES.length} diagnoses: ${listed(left)}` : "")];
      state.ordered.forEach((test, i) => {
        const then = open(state.ordered.slice(0, i + 1), patient, ranges), gone = left.filter((one) => !then.includes(one));
        blocks.push(section(`${i + 1}. ${TESTS[test][0]}`, TESTS[test][1], patient, state.hints || done ? (gone.length ? `Excludes ${listed(gone)}` : "Excludes nothing more") : ""));
        left = then;
      });
      body.replaceChildren(...blocks.reverse()); // the newest first
      for (const [test, button] of Object.entries(tests)) {
        const asked = state.ordered.includes(test);
        button.textContent = (asked ? "✓ " : "") + TESTS[test][0];
        button.setAttribute("aria-pressed", String(asked));
      }
      name.disabled = done || !state.diagnosis || state.named.includes(state.diagnosis);
      show.disabled = done;
      const wrong = state.named.filter((one) => one !== illness);
      const recipe = patient.strength === undefined ? "" : `Measured in clinic.run("${illness}", ${patient.strength}, seed=${patient.seed}).`;
      verdict.hidden = !wrong.length && !done;
      const parts = [...wrong.map((one) => h("p", { text: `✗ ${objection(one, state.ordered, patient, ranges)}` })), ...(done ? [
        h("p", {}, h("strong", { text: `${state.named.includes(illness) ? "✓ Right" : "The answer"}: ${illness}. ` }), proof(patient, ranges)),
        h("p", { text: review(state.ordered, patient, ranges) }), h("p", {}, h("strong", { text: "The cure: " }), `${ILLNESSES[illness][2]} ${recipe}`)] : [])];
      const text = parts.map((part) => part.textContent).join(" ");
      if (text !== told) verdict.replaceChildren(...parts); // or a screen reader would read it after every step
      told = text;

      const start = `Patient ${state.patient} of ${patients.length}, ${count(state.ordered.length, "test")} ordered. `;
      if (done) return `${start}${state.named.includes(illness) ? "Right" : "The answer"}: ${illness}. ${state.finished.length ? tally(state.finished) : ""}`;
      const what = state.ordered.length ? "curves and tests leave" : "the curves alone leave";
      return `${start}Of ${NAMES.length} diagnoses ${what} ${left.length} open${left.length > 1 ? ": which test would cut most?" : ": you can name it."}`
        + (wrong.length ? ` ${count(wrong.length, "wrong answer")} so far.` : "");
    };
  },
});
