import { clamp, explorer, format, h, integerIn, listed, numberIn, raised, range, thousands } from "./toolkit.js";

const MOST_CLASSES = 10, MOST_LOGIT = 1000, MOST_STEPS = 1000;
const LOSSES = { cross_entropy: "cross-entropy", smoothed: "label smoothing", focal: "focal loss", squared: "squared error", twice: "softmax twice" };
const NAMES = Object.keys(LOSSES);

// ---- arithmetic: softmax sees u = (z + offset) / T; y is the true class ----------------------------------------------

// Plain loops: a step of the explorer takes thousands of steps of the net.
const sum = (numbers) => {
  let total = 0;
  for (let i = 0; i < numbers.length; i++) total += numbers[i];
  return total;
};
const largest = (numbers) => {
  let best = 0;
  for (let i = 1; i < numbers.length; i++) if (numbers[i] > numbers[best]) best = i;
  return best;
};

/** What softmax sees of the logits. */
export const heated = ({ logits, offset, temperature }) => logits.map((z) => (z + offset) / temperature);

/** log p of all classes, for logits of any size: no power is above 1, and a p close to 1 keeps its last digits. */
export function logSoftmax(u) {
  const top = largest(u), most = u[top];
  let rest = 0;
  for (let i = 0; i < u.length; i++) if (i !== top) rest += Math.exp(u[i] - most);
  rest = Math.log1p(rest);
  return u.map((v) => v - most - rest);
}

const softmax = (u) => logSoftmax(u).map(Math.exp);

/** What the loss wants the probabilities to be. */
export const targets = ({ logits, true_class: y, smoothing }, loss) =>
  logits.map((_, i) => (loss === "smoothed" ? (i === y ? 1 - smoothing : 0) + smoothing / logits.length : +(i === y)));

/** What the answer costs. */
export function lossOf(state, loss) {
  const log = logSoftmax(heated(state)), y = state.true_class, t = targets(state, loss);
  if (loss === "smoothed") return sum(log.map((v, i) => -t[i] * v));
  if (loss === "focal") return (-Math.expm1(log[y])) ** state.gamma * -log[y];
  if (loss === "squared") return sum(log.map((v, i) => (Math.exp(v) - t[i]) ** 2));
  return loss === "twice" ? -logSoftmax(log.map(Math.exp))[y] : -log[y];
}

/** By how much focal loss multiplies the slopes of cross-entropy. */
export function focalFactor(logP, gamma) {
  const missing = -Math.expm1(logP);
  return missing > 0 ? missing ** gamma - gamma * missing ** (gamma - 1) * Math.exp(logP) * logP : 0 ** gamma;
}

/** The slope of the loss by each logit. */
export function slopes(state, loss) {
  const log = logSoftmax(heated(state)), p = log.map(Math.exp), y = state.true_class, t = targets(state, loss);
  const off = p.map((v, i) => (i === y && t[i] === 1 ? Math.expm1(log[i]) : v - t[i])); // what was said minus what was wanted
  if (loss === "squared" || loss === "twice") {
    // Through a softmax, a slope d by p becomes p (d − Σ p d). Measured from the largest p, nothing is lost in rounding.
    const d = loss === "squared" ? off.map((v) => 2 * v) : softmax(p).map((q, i) => q - t[i]), from = d[largest(p)];
    let mean = 0;
    for (let i = 0; i < p.length; i++) mean += p[i] * (d[i] - from);
    return p.map((v, i) => (v * (d[i] - from - mean)) / state.temperature);
  }
  const factor = loss === "focal" ? focalFactor(log[y], state.gamma) : 1;
  return off.map((v) => (factor * v) / state.temperature);
}

/** The least that any logits can cost. */
export function floorOf(state, loss) {
  if (loss === "twice") return Math.log1p((state.logits.length - 1) / Math.E);
  return loss === "smoothed" ? sum(targets(state, loss).map((t) => (t > 0 ? -t * Math.log(t) : 0))) : 0;
}

/** The logits after some steps of size 1 against the slope. */
export function stepped(state, loss, steps) {
  const moving = { ...state };
  for (let s = 0; s < steps; s++) {
    const slope = slopes(moving, loss);
    moving.logits = moving.logits.map((z, i) => clamp(z - slope[i], -MOST_LOGIT, MOST_LOGIT));
  }
  return moving.logits;
}

/** How many such steps until the truth has the largest logit alone; null if they are more than `most`. */
export function stepsUntilRight(state, loss, most = MOST_STEPS) {
  const y = state.true_class, moving = { ...state };
  for (let s = 0; s <= most; s++) {
    const z = moving.logits, next = stepped(moving, loss, 1);
    let [gap, way] = [-Infinity, 0];
    for (let i = 0; i < z.length; i++) {
      if (i !== y) gap = Math.max(gap, z[i] - z[y]);
      way = Math.max(way, 4 * most * Math.abs(next[i] - z[i]));
    }
    if (gap < -1e-9) return s;
    if (way < gap / 2 && way < state.temperature / 10) return null; // so slow that it stays slow
    moving.logits = next;
  }
  return null;
}

/** Softmax and cross-entropy as a computer finds them in 32 bits, in three ways: {power, total, p, loss}, null where it is not formed. */
export function inFloat32(state) {
  const f = Math.fround, u = state.logits.map((z) => f(f(f(z) + f(state.offset)) / f(state.temperature))), y = state.true_class;
  const shares = (values) => {
    const powers = values.map((v) => f(Math.exp(v))), total = powers.reduce((a, b) => f(a + b), 0), p = f(powers[y] / total);
    return { power: Math.max(...powers), total, p, loss: f(-Math.log(p)) + 0 };
  };
  const top = u[largest(u)], moved = u.map((v) => f(v - top)), subtracted = shares(moved);
  return { written: shares(u), subtracted, joined: { ...subtracted, p: null, loss: f(f(Math.log(subtracted.total)) - moved[y]) } };
}

// ---- state ---------------------------------------------------------------------------------------------------------

const SITUATIONS = {
  "sure and wrong": (n, y, rival) => range(n).map((i) => (i === rival ? 8 : 0)),
  "torn between two": (n, y, rival) => range(n).map((i) => (i === rival || i === y ? 4 : 0)),
  "knows nothing": (n) => range(n).map(() => 0),
  "sure and right": (n, y) => range(n).map((i) => (i === y ? 12 : 0)),
  "wrong by 200": (n, y, rival) => range(n).map((i) => (i === rival ? 200 : 0)),
};
const situation = ({ logits, true_class: y }) => Object.keys(SITUATIONS).find((name) =>
  logits.some((_, rival) => rival !== y && SITUATIONS[name](logits.length, y, rival).every((z, i) => z === logits[i]))) ?? null;
const OFFSETS = [-1000, -200, -110, -100, -90, -50, -10, -5, -1, 0, 1, 5, 10, 50, 80, 90, 100, 200, 1000];
const TEMPERATURES = [0.05, 0.1, 0.2, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10, 20, 30];

export function clean(state) {
  if (!Array.isArray(state.logits) || state.logits.length < 2 || !state.logits.every(Number.isFinite)) throw new Error("no logits");
  state.logits = state.logits.slice(0, MOST_CLASSES).map((z) => clamp(z, -MOST_LOGIT, MOST_LOGIT));
  state.true_class = integerIn(state.true_class, 0, state.logits.length - 1);
  state.offset = numberIn(state.offset, -MOST_LOGIT, MOST_LOGIT, 0);
  state.temperature = numberIn(state.temperature, 0.05, 30, 1);
  state.smoothing = numberIn(state.smoothing, 0, 0.5, 0.1);
  state.gamma = numberIn(state.gamma, 0, 5, 2);
  if (!NAMES.includes(state.loss)) state.loss = "cross_entropy";
  if (!["show", ...NAMES].includes(state.guess)) state.guess = "ask";
  return state;
}

// ---- words ---------------------------------------------------------------------------------------------------------

/** A number with its first digits, however small or large, and what a computer prints where it is none. */
export function exact(x) {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "nan" : x > 0 ? "inf" : "−inf";
  const size = Math.abs(x);
  if (Number.isInteger(x) && size < 1e6) return format(x);
  if (size >= 1e-4 && size < 1e6) return (x < 0 ? "−" : "") + size.toFixed(size < 0.1 ? 5 : 4);
  const [digits, power] = x.toExponential(1).split("e");
  return `${format(+digits)}·10${raised(+power)}`;
}
const plus = (x) => (x > 0 ? "+" : "") + exact(x);
const capital = (text) => text[0].toUpperCase() + text.slice(1);

/** How the loss and its push come about, with the numbers of this state. */
export function how(state, loss, truth) {
  const log = logSoftmax(heated(state)), y = state.true_class, p = Math.exp(log[y]), cost = exact(lossOf(state, loss)), { gamma, smoothing } = state;
  const heat = state.temperature === 1 ? "" : ` Each push is then divided by T = ${format(state.temperature)}, since softmax sees z / T.`;
  if (loss === "smoothed") {
    const [t, other] = [targets(state, loss)[y], smoothing / log.length];
    const rest = exact(log[y] - sum(log));
    return `Targets: ${exact(t)} for ${truth}, ${exact(other)} for each other class. ${exact(t)} × ${exact(-log[y])} + ${exact(other)} × ${rest} = ${cost}, where ${rest} is the −log p of the others, added up. Push: target − p.${heat}`;
  }
  if (loss === "focal") return `(1 − p)^γ × −log p = ${exact(-Math.expm1(log[y]))}^${format(gamma)} × ${exact(-log[y])} = ${cost}. Push: that of cross-entropy × ${exact(focalFactor(log[y], gamma))}.${heat}`;
  if (loss === "squared") {
    const off = Math.expm1(log[y]) ** 2;
    return `(1 − ${exact(p)})² = ${exact(off)} for ${truth}, the other p² together ${exact(sum(log.map((v, i) => (i === y ? 0 : Math.exp(v) ** 2))))}: ${cost}. Push: p × a number between −2 and 2, so a class whose p is nearly 0 stays where it is, the truth too.${heat}`;
  }
  if (loss === "twice") {
    const q = softmax(log.map(Math.exp))[y], least = floorOf(state, loss);
    return `A second softmax takes the p for logits and gives ${truth} ${exact(q)}: −log ${exact(q)} = ${cost}, always between ${exact(least)} and ${exact(least + 1)}. Push: p × a number between −1 and 1.${heat}`;
  }
  return `−log ${exact(p)} = ${cost}. Push: target − p, where the target is 1 for ${truth} and 0 for the others.${heat}`;
}

/** What the offset, the temperature and 32 bits do here. */
export function notes(state) {
  const said = [], { written, subtracted, joined } = inFloat32(state), seen = heated(state), most = seen[largest(seen)];
  if (state.offset) said.push(`${plus(state.offset)} on every logit multiplies every power of e by the same number: no probability, no loss and no push changes.`);
  if (state.temperature !== 1) said.push(`T = ${format(state.temperature)} divides every difference of logits: the order stays, the net only sounds ${state.temperature > 1 ? "less" : "more"} sure.`);
  if (written.total === Infinity) said.push(`As written it fails: e to the ${exact(most)} is more than 32 bits can hold (the limit is e to the 88.72), and ${Number.isNaN(written.p) ? "inf / inf is nan" : "any smaller power / inf is 0"}.`);
  else if (!written.total) said.push(`As written it fails: e to the ${exact(most)} is less than the smallest number in 32 bits, all powers are 0, and 0 / 0 is nan.`);
  if (subtracted.loss === Infinity) said.push(`With the largest logit subtracted, p is rightly rounded to 0, but −log 0 is inf. Log-sum-exp never forms p, and finds ${exact(joined.loss)}.`);
  else if (Number.isFinite(written.loss)) said.push("Here all three ways find the same loss.");
  return said;
}

/** The losses that pull the true logit up hardest. */
export function hardest(state) {
  const pulls = NAMES.map((name) => -slopes(state, name)[state.true_class]), most = Math.max(...pulls);
  return NAMES.filter((_, i) => pulls[i] >= most - 1e-9 * Math.abs(most));
}

function sentence(state, names, shown) {
  const y = state.true_class, p = softmax(heated(state)), best = p.flatMap((v, i) => (v === p[largest(p)] ? [i] : [])), truth = names[y];
  const answer = best.length > 1 ? `${best.length} classes tie for the answer` : best[0] === y ? "the net is right" : `the net answers ${names[best[0]]} with ${exact(p[best[0]])}`;
  const broken = inFloat32(state).written.loss, bits = Number.isFinite(broken) ? "" : ` Written out in 32 bits, the loss is ${exact(broken)}.`;
  const start = `The photo shows ${truth}: p = ${exact(p[y])}, ${answer}. ${capital(LOSSES[state.loss])} charges ${exact(lossOf(state, state.loss))}`;
  if (!shown) return `${start}. Which of the five losses pulls ${truth} up hardest? Guess first.${bits}`;
  const push = slopes(state, state.loss).map((v) => -v), others = push.map((v, i) => (i === y ? 0 : v)), down = others.indexOf(Math.min(...others));
  const top = hardest(state), guess = state.guess === "show" ? "" : top.includes(state.guess) ? " You guessed right." : ` You guessed ${LOSSES[state.guess]}.`;
  const most = exact(-slopes(state, top[0])[y]);
  return `${start}, pushes ${truth} by ${plus(push[y])}` + (others[down] < 0 ? ` and ${names[down]} by ${plus(others[down])}` : "") +
    `. Hardest on ${truth}: ${listed(top.map((name) => LOSSES[name]))}, ${most}.${guess}${bits}`;
}

export default explorer({
  name: "softmax_and_loss",
  python: "SoftmaxAndLoss",
  title: "Softmax and loss",
  traits: ["logits", "true_class", "temperature", "offset", "smoothing", "gamma", "loss", "guess"],
  data: ["classes"],
  clean,
  derive: (state) => ({ probabilities: softmax(heated(state)), slopes: slopes(state, state.loss), losses: Object.fromEntries(NAMES.map((name) => [name, lossOf(state, name)])) }),

  build(ui) {
    const now = ui.state, called = (i) => ui.given("classes")[i] ?? `class ${i}`;
    const put = (i, z, together) => ui.set({ logits: now().logits.with(i, clamp(z, -MOST_LOGIT, MOST_LOGIT)) }, together);
    const tight = { padding: "0.15rem 0.25rem" }, small = { fontSize: "clamp(12px, 3.3vw, 14px)" }; // so that a phone shows all columns
    const cell = () => h("td", { style: tight }), head = (text, scope = "col") => h("th", { scope, text, style: tight });

    // A bar from zero to a value; what can be dragged calls pick with its place from −1 to 1.
    const bar = (signed) => {
      const fill = h("div", { style: { position: "absolute", top: "5px", bottom: "5px" } });
      const zero = h("div", { style: { position: "absolute", top: 0, bottom: 0, left: signed ? "50%" : 0, borderLeft: "1px solid var(--line)" } });
      const element = h("div", { "aria-hidden": "true", style: { position: "relative", flex: "1 1 5.5rem", height: "24px", minWidth: 0, background: "var(--soft)" } }, fill, zero);
      return { element, draw(share) {
        const wide = clamp(Math.abs(share), 0, 1) * (signed ? 50 : 100), colour = share < 0 ? "var(--other)" : "var(--mark)";
        Object.assign(fill.style, { left: `${(signed ? 50 : 0) - (share < 0 ? wide : 0)}%`, width: `${wide}%`, background: share < 0 ? `repeating-linear-gradient(135deg, ${colour} 0 4px, var(--soft) 4px 6px)` : colour });
      } };
    };
    const SCALES = [6, 12, 25, 50, 100, 250, 1000];
    let held = null, drags = 0; // a scale that changed under the finger would carry the bar away
    const scale = (logits) => held ?? SCALES.find((s) => logits.every((z) => Math.abs(z) < s)) ?? MOST_LOGIT;
    const row = (i) => {
      const name = h("span", {}), mark = h("div", { style: { fontSize: "12px", fontWeight: 400 } }), logit = bar(true), share = bar(false), push = bar(true);
      const field = h("input", { type: "number", step: 0.1, style: { width: "4.7em" }, on: { change: () => {
        if (field.value.trim() === "" || !Number.isFinite(+field.value)) field.value = field.dataset.shown;
        else if (field.value !== field.dataset.shown) put(i, +field.value, `logit ${i}`);
      } } });
      Object.assign(logit.element.style, { cursor: "ew-resize", touchAction: "pan-y" });
      const drag = (event) => {
        const box = logit.element.getBoundingClientRect(), place = clamp((2 * (event.clientX - box.left)) / box.width - 1, -1, 1), unit = held > 12 ? held / 50 : 0.1;
        put(i, +(Math.round((place * held) / unit) * unit).toFixed(1), `drag ${drags}`);
      };
      const events = {
        pointerdown: (event) => { logit.element.setPointerCapture(event.pointerId); [held, drags] = [scale(now().logits), drags + 1]; drag(event); },
        pointermove: (event) => { if (logit.element.hasPointerCapture(event.pointerId)) drag(event); },
        lostpointercapture: () => { held = null; ui.set({}); },
      };
      for (const [event, handler] of Object.entries(events)) logit.element.addEventListener(event, handler);
      const p = h("span", { style: { flex: "0 0 5.6em" } }), force = h("span", { style: { flex: "0 0 5.6em" } });
      const both = (...items) => h("td", { style: tight }, h("div", { style: { display: "flex", flexWrap: "wrap", alignItems: "center", gap: "0.1rem 0.4rem" } }, ...items));
      const title = h("th", { scope: "row", style: { ...tight, overflowWrap: "anywhere" } }, name, mark);
      return { name, mark, title, field, p, force, logit, share, push, element: h("tr", {}, title, both(field, logit.element), both(p, share.element), both(force, push.element)) };
    };
    let rows = [];
    const body = h("tbody", {}), total = { p: cell(), push: cell() };
    const heads = ["class", "logit z", "probability p", "push on z (minus the slope)"].map((text) => head(text));
    const classTable = h("table", { style: { width: "100%", tableLayout: "fixed", ...small } },
      h("colgroup", {}, h("col", { style: { width: "28%" } })), h("thead", {}, h("tr", {}, ...heads)), body,
      h("tfoot", {}, h("tr", {}, head("sum", "row"), cell(), total.p, total.push)));

    const truthList = ui.choice({ trait: "true_class", label: "True class", options: range(MOST_CLASSES).map((i) => [i, called(i)]) });
    const asked = ui.choice({ trait: "guess", label: "Which loss pulls the true logit up hardest?",
      options: [["ask", "your guess …"], ...Object.entries(LOSSES), ["show", "show me"]],
      choose: (guess) => ({ guess, ...(NAMES.includes(guess) ? { loss: guess } : {}) }) });
    const lines = NAMES.map((name) => ({ name, cells: range(4).map(() => cell()),
      button: h("button", { type: "button", text: LOSSES[name], style: { width: "100%", textAlign: "left", padding: "0.1rem 0.3rem" }, on: { click: () => ui.set({ loss: name }) } }) }));
    const lossHeads = ["charges", "at best", "pull on truth", "steps until right"].map((text) => head(text));
    const lossTable = h("table", { style: small }, h("caption", { text: "Five losses of this answer", style: { fontWeight: 600, textAlign: "left" } }),
      h("thead", {}, h("tr", {}, head("loss"), ...lossHeads)),
      h("tbody", {}, ...lines.map(({ button, cells }) => h("tr", {}, h("th", { scope: "row", style: { padding: "0.1rem 0.15rem" } }, button), ...cells))));
    const one = ui.button("1 step along the push", () => walk(1)), many = ui.button("100 steps", () => walk(100));
    const walk = (steps) => ui.set({ logits: stepped(now(), now().loss, steps) }, null);
    const story = h("p", {}), strays = h("p", {}), remarks = h("div", {});
    const ways = { written: "softmax as written", subtracted: "largest subtracted", joined: "log-sum-exp" };
    const bits = Object.entries(ways).map(([name, text]) => ({ name, cells: range(4).map(() => cell()), text }));
    const bitHeads = ["largest power", "sum", "p", "loss"].map((text) => head(text));
    const bitTable = h("table", { style: small }, h("caption", { text: "Cross-entropy in 32 bits, as computed", style: { fontWeight: 600, textAlign: "left" } }),
      h("thead", {}, h("tr", {}, head("way"), ...bitHeads)), h("tbody", {}, ...bits.map(({ text, cells }) => h("tr", {}, head(text, "row"), ...cells))));
    const beside = (...items) => h("div", { style: { flex: "1 1 18rem" } }, ...items);
    const scroll = (label, table) => h("div", { role: "region", tabindex: 0, "aria-label": label, style: { overflowX: "auto", maxWidth: "100%" } }, table);

    ui.root.append(
      ui.bar(
        ui.choice({ label: "Situation", options: [[null, "own logits"], ...Object.keys(SITUATIONS).map((name) => [name, name])], value: situation,
          choose: (name) => {
            const { logits, true_class: y, guess } = now(), others = logits.map((z, i) => (i === y ? -Infinity : z));
            return name === null ? {} : { logits: SITUATIONS[name](logits.length, y, largest(others)), guess: guess === "show" ? guess : "ask" };
          } }),
        truthList,
        ui.slider({ trait: "temperature", label: "Temperature T", values: TEMPERATURES }),
        ui.slider({ trait: "offset", label: "Added to all logits", values: OFFSETS })),
      classTable,
      ui.bar(asked, one, many),
      ui.bar(ui.slider({ trait: "smoothing", label: "Smoothing ε", least: 0, most: 0.5, step: 0.05 }), ui.slider({ trait: "gamma", label: "Focal γ", least: 0, most: 5, step: 0.5 })),
      ui.panes(scroll("losses", lossTable), beside(story, strays)), ui.panes(scroll("32 bits", bitTable), beside(remarks)));

    return (state) => {
      const { logits, true_class: y, loss } = state, n = logits.length, shown = state.guess !== "ask", names = range(n).map(called);
      const p = softmax(heated(state)), push = slopes(state, loss).map((v) => -v), top = largest(p), most = scale(logits), reach = 1.4 / state.temperature;
      if (rows.length !== n) {
        rows = range(n).map(row);
        body.replaceChildren(...rows.map((each) => each.element));
      }
      const options = truthList.querySelectorAll("option");
      options.forEach((option, i) => { [option.textContent, option.hidden, option.disabled] = [called(i), i >= n, i >= n]; });
      heads[1].textContent = `logit z, ${format(-most)} to ${format(most)}`;
      heads[3].textContent = `push on z, ${LOSSES[loss]}`;
      rows.forEach((each, i) => {
        const z = String(+logits[i].toFixed(3));
        each.name.textContent = names[i];
        each.mark.textContent = [i === y && "✓ true", p.every((v, j) => j === i || v < p[i]) && "the net’s answer"].filter(Boolean).join(", ");
        each.title.style.borderLeft = i === y ? "4px solid var(--fg)" : "";
        each.field.setAttribute("aria-label", `logit of ${names[i]}`);
        each.field.dataset.shown = z;
        if (document.activeElement !== each.field || +each.field.value !== +z) each.field.value = z;
        each.p.textContent = exact(p[i]);
        each.force.textContent = shown ? plus(push[i]) : "?";
        each.logit.draw(logits[i] / most);
        each.share.draw(p[i]);
        each.push.draw(shown ? push[i] / reach : 0);
      });
      total.p.textContent = format(sum(p), 6);
      total.push.textContent = shown ? format(sum(push), 6) : "?";
      const pulls = NAMES.map((name) => -slopes(state, name)[y]), winners = hardest(state);
      lines.forEach(({ name, button, cells }, i) => {
        button.setAttribute("aria-pressed", String(name === loss));
        const steps = shown ? stepsUntilRight(state, name) : null;
        const texts = [exact(lossOf(state, name)), exact(floorOf(state, name)), shown ? plus(pulls[i]) + (winners.includes(name) ? "\u00a0◄" : "") : "?",
          shown ? (steps === null ? `over ${thousands(MOST_STEPS)}` : thousands(steps)) : "?"];
        texts.forEach((text, c) => { cells[c].textContent = text; });
      });
      [one.disabled, many.disabled] = [!shown, !shown];
      const computed = inFloat32(state);
      bitHeads[2].textContent = `p of ${names[y]}`;
      for (const { name, cells } of bits) ["power", "total", "p", "loss"].forEach((key, c) => { cells[c].textContent = computed[name][key] === null ? "–" : exact(computed[name][key]); });
      story.textContent = `${capital(LOSSES[loss])}: ${how(state, loss, names[y])}`;
      const pulled = shown ? push.flatMap((v, i) => (i !== y && v > 5e-4 && loss !== "smoothed" ? [`${names[i]} ${plus(v)}`] : [])) : [];
      strays.hidden = !pulled.length;
      strays.textContent = `Pulled up too, though wrong: ${pulled.join(", ")}.`;
      remarks.replaceChildren(...notes(state).map((text) => h("p", { text })));
      return sentence(state, names, shown);
    };
  },
});
