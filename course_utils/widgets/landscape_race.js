import { axes, clamp, explorer, format, h, integerIn, listed, numberIn, raised, range, svg, uid } from "./toolkit.js";

const RIGHT = 2.8, TOP = 1.6; // the picture: first weight from -2.8 to 2.8, second from -1.6 to 1.6
const FAR = 1000; // a rule that is farther out than this has diverged, and is followed no more
const CLOSE = 0.01; // both weights within this of a bottom: arrived, as in the lesson
const RHO = 0.3, ALPHA = 0.99, BETA2 = 0.999;
/** From 0.001 to 3 in steps that the eye takes as even: 32 a factor of ten, 0.05, 0.055, 0.06 among them. */
export const RATES = [0.001, 0.01, 0.1, 1].flatMap((unit) =>
  range(32).map((i) => +(unit * (i < 10 ? 1 + i / 10 : i < 20 ? i / 5 : i / 2 - 6)).toPrecision(3))).filter((rate) => rate <= 3);
const STEPS = [1, 2, 5, 10, 20, 40, 60, 100, 200];

// ---- landscapes: the loss of two weights, its slope, where the lesson starts, the bottoms and the largest curvature there -----

const root = (x) => { // of the slope along the floor of the two valleys, by Newton's method
  for (let i = 0; i < 30; i++) x -= (4 * x ** 3 - 4 * x + 0.3) / (12 * x ** 2 - 4);
  return x;
};
const VALLEYS = [root(-1), root(1)];

export const LANDSCAPES = {
  ravine: {
    text: "ravine, 25 to 1", bowl: true, start: [-2.5, 0.6], bottoms: [{ at: [0, 0], curvature: 25 }],
    loss: (x, y) => (x * x + 25 * y * y) / 2, slope: (x, y) => [x, 25 * y],
  },
  "turned ravine": { // along (0.8, 0.6): the ravine and its start, turned by 37°
    text: "the same ravine, turned by 37°", bowl: true, start: [-2.36, -1.02], bottoms: [{ at: [0, 0], curvature: 25 }],
    loss: (x, y) => ((0.8 * x + 0.6 * y) ** 2 + 25 * (0.8 * y - 0.6 * x) ** 2) / 2,
    slope: (x, y) => { const u = 0.8 * x + 0.6 * y, v = 25 * (0.8 * y - 0.6 * x); return [0.8 * u - 0.6 * v, 0.6 * u + 0.8 * v]; },
  },
  saddle: {
    text: "saddle", start: [-2.5, 0], bottoms: [-1, 1].map((y) => ({ at: [0, y], curvature: 2 })),
    loss: (x, y) => (x * x - y * y) / 2 + y ** 4 / 4, slope: (x, y) => [x, y ** 3 - y],
  },
  plateau: {
    text: "plateau", start: [-2.5, 0.6], bottoms: [{ at: [0, 0], curvature: 2 }],
    loss: (x, y) => 1 - Math.exp(-(x * x + y * y)), slope: (x, y) => { const e = 2 * Math.exp(-(x * x + y * y)); return [e * x, e * y]; },
  },
  "two valleys": {
    text: "two valleys", start: [1.9, 0.6], bottoms: VALLEYS.map((x) => ({ at: [x, 0], curvature: 12 * x * x - 4 })),
    loss: (x, y) => (x * x - 1) ** 2 + 0.3 * x + y * y, slope: (x, y) => [4 * x * (x * x - 1) + 0.3, 2 * y],
  },
  "level floor": {
    text: "level floor, narrow on the left", start: [-2, 0.6], bottoms: [],
    loss: (x, y) => ((1 + 2 * (x - 2) ** 2) * y * y) / 2, slope: (x, y) => [2 * (x - 2) * y * y, (1 + 2 * (x - 2) ** 2) * y],
  },
};
const lossAt = (name, [x, y]) => LANDSCAPES[name].loss(x, y);
/** The lowest loss of a landscape. */
export const lowest = (name) => (LANDSCAPES[name].bottoms.length ? Math.min(...LANDSCAPES[name].bottoms.map(({ at }) => lossAt(name, at))) : 0);

// ---- rules: the update of one weight (i = 0 or 1) from its gradient and from what the rule remembers, in PyTorch's form -------

const RULES = {
  SGD: (g, i, kept, { rate }) => -rate * g,
  momentum: (g, i, { v }, { rate, mu }) => { v[i] = mu * v[i] + g; return -rate * v[i]; },
  Nesterov: (g, i, { v }, { rate, mu }) => { v[i] = mu * v[i] + g; return -rate * (g + mu * v[i]); },
  AdaGrad: (g, i, { S }, { rate }) => { S[i] += g * g; return (-rate * g) / (Math.sqrt(S[i]) + 1e-10); },
  RMSProp: (g, i, { S }, { rate }) => { S[i] = ALPHA * S[i] + (1 - ALPHA) * g * g; return (-rate * g) / (Math.sqrt(S[i]) + 1e-8); },
  Adam: (g, i, { v, S }, { rate, mu, t }) => {
    [v[i], S[i]] = [mu * v[i] + (1 - mu) * g, BETA2 * S[i] + (1 - BETA2) * g * g];
    return (-rate * v[i]) / (1 - mu ** t) / (Math.sqrt(S[i] / (1 - BETA2 ** t)) + 1e-8);
  },
  SAM: (g, i, kept, { rate }) => -rate * g, // with the gradient of the place to which it has climbed
};
const NAMES = Object.keys(RULES);

const climb = (g) => {
  const length = Math.hypot(...g);
  return length ? g.map((part) => (RHO * part) / length) : [0, 0];
};

/** Follow a rule. each(step, place, gradient, update, kept) is called after each step; returns where and when it ended. */
function follow(name, landscape, from, rate, mu, steps, each = null) {
  const { slope } = LANDSCAPES[landscape], rule = RULES[name], kept = { v: [0, 0], S: [0, 0] }, settings = { rate, mu, t: 0 };
  let [x, y] = from;
  for (let t = 1; t <= steps; t++) {
    const first = slope(x, y), up = name === "SAM" ? climb(first) : null, g = up ? slope(x + up[0], y + up[1]) : first;
    settings.t = t;
    const update = [rule(g[0], 0, kept, settings), rule(g[1], 1, kept, settings)];
    [x, y] = [x + update[0], y + update[1]];
    if (each) each(t, [x, y], g, update, kept, first, up);
    if (!(Math.abs(x) <= FAR && Math.abs(y) <= FAR)) return { end: [x, y], diverged: t };
  }
  return { end: [x, y], diverged: null };
}

/** The whole run of a rule: places (the start first), and what happened in each step. */
export function run({ landscape, x, y, rates, momentum, steps }, name) {
  const places = [[x, y]], events = [null];
  const { diverged } = follow(name, landscape, [x, y], rates[name], momentum, steps, (t, place, gradient, update, { v, S }, first, up) => {
    places.push(place);
    events.push({ gradient, update, v: [...v], S: [...S], first, up });
  });
  return { places, events, diverged };
}

/** How much loss is left above the lowest place after all steps, for each of RATES; infinite where it diverges. */
export function sweep({ landscape, x, y, momentum, steps }, name) {
  const low = lowest(landscape);
  return RATES.map((rate) => {
    const { end, diverged } = follow(name, landscape, [x, y], rate, momentum, steps);
    return diverged ? Infinity : Math.max(lossAt(landscape, end) - low, 0);
  });
}
const bestRate = (losses) => RATES[losses.indexOf(Math.min(...losses))];

/** The largest rate with which a rule settles where the largest curvature is L: of a bowl exactly, elsewhere close to the bottom. */
export const limits = (L, mu) => ({ SGD: 2 / L, momentum: ((1 + mu) * 2) / L, Nesterov: (((1 + mu) / (1 + 2 * mu)) * 2) / L });

/** How far the nearest bottom is, in the weight that is farther off; on the level floor, how high it is above the floor line. */
const gap = (landscape, [x, y]) => {
  const { bottoms } = LANDSCAPES[landscape];
  return bottoms.length ? Math.min(...bottoms.map(({ at }) => Math.max(Math.abs(x - at[0]), Math.abs(y - at[1])))) : Math.abs(y);
};

/** What became of a rule over all its steps: {word, step}; arrived: from when on it stayed there; outside: when it left the picture. */
export function fate({ landscape }, { places, diverged }) {
  if (diverged) return { word: "diverged", step: diverged };
  const away = places.findLastIndex((w) => !(gap(landscape, w) <= CLOSE)), end = places.at(-1);
  if (away < places.length - 1) return { word: "arrived", step: away + 1 };
  const out = ([x, y]) => Math.abs(x) > RIGHT || Math.abs(y) > TOP;
  if (out(end)) return { word: "outside", step: places.findIndex(out) };
  const flat = Math.hypot(...LANDSCAPES[landscape].slope(...end)) < 0.05 && gap(landscape, end) > 0.3;
  return { word: flat ? "stuck" : "under way", step: null };
}

/** Segments of the line on which the loss has this height, by marching squares: [x, y, x, y] each. */
export function contour(heights, level, xs, ys) {
  const found = [];
  const cut = (x1, y1, a, x2, y2, b) => { const s = (level - a) / (b - a); return [x1 + s * (x2 - x1), y1 + s * (y2 - y1)]; };
  for (let r = 0; r + 1 < ys.length; r++) for (let c = 0; c + 1 < xs.length; c++) {
    const corners = [[c, r], [c + 1, r], [c + 1, r + 1], [c, r + 1]].map(([i, j]) => [xs[i], ys[j], heights[j][i]]);
    const ends = corners.flatMap((one, k) => {
      const next = corners[(k + 1) % 4];
      return one[2] > level !== next[2] > level ? [cut(...one, ...next)] : [];
    });
    for (let k = 0; k + 1 < ends.length; k += 2) found.push([...ends[k], ...ends[k + 1]]);
  }
  return found;
}

// ---- state -----------------------------------------------------------------------------------------------------------


export function clean(state) {
  if (!Object.hasOwn(LANDSCAPES, state.landscape)) state.landscape = "ravine";
  const { start } = LANDSCAPES[state.landscape], asked = state.rates && typeof state.rates === "object" ? state.rates : {};
  state.rates = Object.fromEntries(NAMES.map((name) => [name, numberIn(asked[name], RATES[0], RATES.at(-1), 0.05)]));
  state.rules = NAMES.filter((name) => Array.isArray(state.rules) && state.rules.includes(name));
  if (!state.rules.length) state.rules = [NAMES[0]];
  if (!state.rules.includes(state.rule)) state.rule = state.rules[0];
  state.momentum = numberIn(state.momentum, 0, 0.99, 0.9);
  state.steps = integerIn(state.steps ?? 40, 1, STEPS.at(-1));
  state.step = integerIn(state.step ?? state.steps, 0, state.steps);
  [state.x, state.y] = [numberIn(state.x, -RIGHT, RIGHT, start[0]), numberIn(state.y, -TOP, TOP, start[1])];
  state.every_rate = state.every_rate === true;
  return state;
}

// ---- words -----------------------------------------------------------------------------------------------------------

/** A number with four digits that count: −0.03125, 2.34 · 10⁻⁷. */
export function digits(x) {
  const size = Math.abs(x);
  if (size && (size < 1e-3 || size >= 1e5)) {
    const [figures, power] = x.toExponential(2).split("e");
    return `${format(+figures)} · 10${raised(+power)}`;
  }
  return format(x, size ? Math.max(0, 3 - Math.floor(Math.log10(size))) : 0);
}
const pair = (w) => `(${w.map(digits).join(", ")})`;
const oneRate = ({ rates, rules }) => rules.every((name) => rates[name] === rates[rules[0]]);

const FATES = {
  diverged: (k) => `diverged at step ${k}`, outside: (k) => `left the picture at step ${k}`, stuck: () => "hardly a slope, no bottom near",
  arrived: (k, landscape, end) => `arrived at step ${k}${LANDSCAPES[landscape].bottoms.length === 1 ? "" : `: ${pair(end.map((v) => +v.toFixed(2)))}`}`,
  "under way": () => "still under way",
};

/** How the chosen rule made the update of a step: lines with every number in them. */
export function worked(state, name, { places, events, diverged }) {
  const step = Math.min(state.step, places.length - 1), rate = digits(state.rates[name]), mu = digits(state.momentum);
  if (!step) return [`${name} stands at its start, ${pair(places[0])}, where the gradient is ${pair(LANDSCAPES[state.landscape].slope(...places[0]))}. Move to step 1.`];
  const { gradient: g, update, v, S, first, up } = events[step], before = events[step - 1] ?? { v: [0, 0], S: [0, 0] };
  const end = (how) => `update = −${rate} · ${how} = ${pair(update)}`, from = places[step - 1];
  const gradient = `gradient g = ${pair(g)} at ${pair(from)}`, velocity = `velocity v = ${mu} · ${pair(before.v)} + g = ${pair(v)}`;
  const lines = {
    SGD: () => [gradient, end("g")], momentum: () => [gradient, velocity, end("v")], Nesterov: () => [gradient, velocity, end(`(g + ${mu} v)`)],
    AdaGrad: () => [gradient, `sum of squares S = ${pair(before.S)} + g² = ${pair(S)}`, end("g / √S")],
    RMSProp: () => [gradient, `mean of squares S = ${ALPHA} · ${pair(before.S)} + ${format(1 - ALPHA)} · g² = ${pair(S)}`, end("g / √S")],
    Adam: () => {
      const [m, s] = [v.map((x) => x / (1 - state.momentum ** step)), S.map((x) => x / (1 - BETA2 ** step))];
      return [gradient, `mean of gradients m = ${mu} · ${pair(before.v)} + ${format(1 - state.momentum)} · g = ${pair(v)}, corrected ${pair(m)}`,
        `mean of squares v = ${BETA2} · ${pair(before.S)} + ${format(1 - BETA2, 3)} · g² = ${pair(S)}, corrected ${pair(s)}`, end("corrected m / √(corrected v)")];
    },
    SAM: () => [`first gradient ${pair(first)} at ${pair(from)}: climb ${RHO} along it, to ${pair(from.map((x, i) => x + up[i]))}`, `second gradient g = ${pair(g)} up there`, end("g")],
  }[name]();
  return [...lines, `so it goes to ${pair(places[step])}${diverged === step ? `: farther than ${FAR} out, it has diverged` : ""}`];
}

/** What the curvature says of the largest rates; all: of momentum and Nesterov, too. */
export function bears({ landscape, momentum: mu, x }, all) {
  const { bowl, bottoms } = LANDSCAPES[landscape];
  const spots = bottoms.length ? bottoms : [{ at: [x, 0], curvature: 1 + 2 * (x - 2) ** 2 }];
  const said = [...new Set(spots.map(({ curvature }) => curvature))].map((curvature, i) => {
    const most = limits(curvature, mu), near = spots.filter((spot) => spot.curvature === curvature).map(({ at }) => pair(at.map((v) => +v.toFixed(2))));
    const where = `${bowl ? "The largest curvature is" : `Close to ${listed(near)} the largest curvature is`} L = ${digits(curvature)}`;
    if (i) return `${where}: ${listed((all ? ["SGD", "momentum", "Nesterov"] : ["SGD"]).map((name) => `${name} ${digits(most[name])}`))}.`;
    const others = `, momentum below (1 + μ) · 2/L = ${digits(most.momentum)}, Nesterov below (1 + μ)/(1 + 2μ) · 2/L = ${digits(most.Nesterov)}`;
    return `${where}: SGD settles with rates below 2/L = ${digits(most.SGD)}${all ? others : ""}.`;
  }).join(" ");
  return all ? `${said}${bowl ? " SAM breaks where SGD breaks." : ""} AdaGrad, RMSProp and Adam have no such limit: their steps do not grow with the slope.` : said;
}

/** Where all rules are, and what became of them. */
export function sentence(state, runs) {
  const { step, steps, rules, rates, landscape } = state, shown = rules.map((name) => {
    const { places, diverged } = runs[name], at = Math.min(step, places.length - 1);
    return { name, loss: lossAt(landscape, places[at]), gone: diverged !== null && diverged <= step ? diverged : null };
  });
  const alive = shown.filter(({ gone }) => gone === null).sort((a, b) => a.loss - b.loss), gone = shown.filter((one) => one.gone !== null);
  const how = oneRate(state) ? `${rules.length > 1 ? "all at" : "at"} rate ${digits(rates[rules[0]])}` : "each at a rate of its own";
  const last = alive.at(-1), low = alive[0], bowl = LANDSCAPES[landscape].bowl;
  const lost = gone.map(({ name, gone: k }, i) => `${name} ${i ? "" : "diverged "}at step ${k}`);
  if (!step) return `Step 0 of ${steps}, ${how}. All stand at the start, loss ${digits(shown[0].loss)}. Move to step 1 to see who goes where.`;
  return `Step ${step} of ${steps}, ${how}. `
    + (low ? `Lowest: ${low.name}, loss ${digits(low.loss)}${alive.length > 1 ? `; highest: ${last.name}, ${digits(last.loss)}` : ""}. ` : "")
    + (lost.length ? `${listed(lost)}${bowl ? ": more than a curvature of 25 bears, so each jump is longer than the one before" : ""}.` : "None has diverged.");
}

// ---- looks -----------------------------------------------------------------------------------------------------------

// For each rule a colour, a line and a sign; the paths are drawn around 0.
const LOOKS = {
  SGD: ["#0072b2", "", "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z"], momentum: ["#d55e00", "7 3", "M-4 -4h8v8h-8z"], Nesterov: ["#009e73", "2 2", "M0 -5L5 4H-5z"],
  AdaGrad: ["#cc79a7", "8 2 2 2", "M0 -5.5L5.5 0L0 5.5L-5.5 0z"], RMSProp: ["#875a3c", "4 2", "M0 5L5 -4H-5z"],
  Adam: ["#a578ff", "10 3", "M0 -6L1.5 -2H6L2.5 1L4 5.5L0 3L-4 5.5L-2.5 1L-6 -2H-1.5z"], SAM: ["var(--fg)", "1 3", "M-1.5 -5h3v3.5h3.5v3h-3.5v3.5h-3v-3.5h-3.5v-3h3.5z"],
};
const sign = (name, x, y, hollow = false) => svg("path", { d: LOOKS[name][2], transform: `translate(${x.toFixed(2)} ${y.toFixed(2)})`, "stroke-width": hollow ? 2 : 1.5,
  style: { fill: hollow ? "var(--bg)" : LOOKS[name][0], stroke: hollow ? LOOKS[name][0] : "var(--bg)" } });
const stroke = (d, colour, width = 1.8, dash = "", opacity = 1) => svg("path", { d, fill: "none", "stroke-width": width, "stroke-dasharray": dash || null, opacity, style: { stroke: colour } });
const line = (points) => points.map(([x, y], i) => `${i ? "L" : "M"}${clamp(x, -1e4, 1e4).toFixed(1)} ${clamp(y, -1e4, 1e4).toFixed(1)}`).join("");
const LEAST = 1e-6, MOST = 1e3; // the losses that a chart shows

export default explorer({
  name: "landscape_race",
  python: "LandscapeRace",
  title: "Landscape race",
  traits: ["landscape", "rules", "rates", "momentum", "steps", "step", "x", "y", "rule", "every_rate"],
  clean,
  derive: (state) => {
    const runs = state.rules.map((name) => [name, run(state, name)]), here = (places) => places[Math.min(state.step, places.length - 1)];
    const each = (value) => Object.fromEntries(runs.map(([name, one]) => [name, value(one)]));
    return { places: each(({ places }) => here(places)), losses: each(({ places }) => lossAt(state.landscape, here(places))), diverged: each(({ diverged }) => diverged) };
  },

  build(ui) {
    const now = ui.state, labelled = (text, control, ...after) => {
      control.id = uid("cx");
      return h("span", { class: "cx-control" }, h("label", { for: control.id, text }), control, ...after);
    };
    const all = (rate) => Object.fromEntries(NAMES.map((name) => [name, rate]));
    const reading = h("output", {}), nearest = (rate) => RATES.reduce((best, r, i) => (Math.abs(r - rate) < Math.abs(RATES[best] - rate) ? i : best), 0);
    const rateSlider = h("input", { type: "range", min: 0, max: RATES.length - 1, on: { input: () => ui.set({ rates: all(RATES[+rateSlider.value]) }, "rates") } });
    const own = h("input", { type: "number", min: RATES[0], max: RATES.at(-1), step: "any", on: { change: () => {
      const { rule, rates } = now(), rate = own.value.trim() === "" ? NaN : +own.value;
      rate >= RATES[0] && rate <= RATES.at(-1) ? ui.set({ rates: { ...rates, [rule]: rate } }) : (own.value = rates[rule]);
    } } });
    const ownRate = labelled("", own), swept = new Map();
    const sweepOf = (state, name) => {
      const key = JSON.stringify([name, state.landscape, state.x, state.y, state.momentum, state.steps]);
      if (!swept.has(key)) {
        if (swept.size > 50) swept.clear();
        swept.set(key, sweep(state, name));
      }
      return swept.get(key);
    };
    const best = ui.button("Each shown rule at its best rate", () => ui.set({ rates: { ...now().rates, ...Object.fromEntries(now().rules.map((name) => [name, bestRate(sweepOf(now(), name))])) } }));
    const every = ui.button("Show the loss at every rate", () => ui.set({ every_rate: !now().every_rate }));

    // The map: contours that change with the landscape only, paths over them, the start to be moved.
    const map = axes({ x: { label: "first weight", least: -RIGHT, most: RIGHT, ticks: [-2, -1, 0, 1, 2] }, y: { label: "second weight", least: -TOP, most: TOP, ticks: [-1, 0, 1] }, height: 190, left: 40 });
    const clip = uid("cx-clip"), { left, right, top, bottom } = map.size;
    const ground = svg("g", {}), paths = svg("g", { "clip-path": `url(#${clip})` }), signs = svg("g", {});
    const handle = svg("g", { style: { touchAction: "none", cursor: "move" } }, svg("circle", { r: 16, style: { fill: "transparent" } }), svg("circle", { r: 7, "stroke-width": 2.5, style: { fill: "none", stroke: "var(--fg)" } }));
    map.plot.append(svg("clipPath", { id: clip }, svg("rect", { x: left, y: top, width: right - left, height: bottom - top })), ground, paths, handle, signs);
    signs.setAttribute("pointer-events", "none");
    const to = (x, y) => ui.set({ x: +clamp(x, -RIGHT, RIGHT).toFixed(6), y: +clamp(y, -TOP, TOP).toFixed(6) }, "start");
    const follow_ = (event) => {
      const p = new DOMPoint(event.clientX, event.clientY).matrixTransform(map.element.getScreenCTM().inverse()), tidy = (v) => Math.round(v * 20) / 20;
      to(tidy(-RIGHT + ((p.x - left) / (right - left)) * 2 * RIGHT), tidy(TOP - ((p.y - top) / (bottom - top)) * 2 * TOP));
    };
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    let dragging = false;
    const stage = h("div", { tabindex: 0, role: "application", style: { cursor: "crosshair", touchAction: "manipulation" }, on: {
      keydown: (event) => {
        const move = moves[event.key];
        if (!move || event.altKey || event.ctrlKey || event.metaKey) return;
        event.preventDefault();
        event.stopPropagation();
        to(now().x + move[0] * (event.shiftKey ? 0.01 : 0.1), now().y + move[1] * (event.shiftKey ? 0.01 : 0.1));
      },
      pointerdown: (event) => {
        dragging = event.button === 0 && (event.pointerType === "mouse" || handle.contains(event.target));
        if (dragging) [stage.setPointerCapture(event.pointerId), follow_(event)];
      },
      pointermove: (event) => { if (dragging) follow_(event); },
      pointerup: () => { dragging = false; },
      pointercancel: () => { dragging = false; },
      click: follow_, // a tap
    } }, map.element);

    // The chart beside it is made anew when its axes change.
    const slot = h("div", {}), title = h("figcaption", {}), prompt = h("p", { text: "Before you look: in which order do the shown rules break, if you raise the rate of all, and which never do? Write it down, then show the loss at every rate." });
    let graph = null, known = "";
    const power = (v) => (v === 1 ? "1" : `10${raised(Math.round(Math.log10(v)))}`);
    const chart = (x) => {
      if (JSON.stringify(x) !== known) {
        known = JSON.stringify(x);
        graph = axes({ x, y: { label: "loss above the lowest", least: LEAST, most: MOST, log: true, ticks: [1e-6, 1e-3, 1, 1e3], show: power }, height: 190, left: 58 });
        slot.replaceChildren(graph.element);
      }
      graph.plot.replaceChildren();
      return graph;
    };

    // The table: a row for each rule, which is shown if ticked, and whose arithmetic is worked out below if chosen.
    const tight = "0.1rem 0.35rem", lines = NAMES.map((name) => {
      const tick = h("input", { type: "checkbox", "aria-label": `show ${name}`, on: { change: () => {
        const rules = tick.checked ? [...now().rules, name] : now().rules.filter((other) => other !== name);
        ui.set(rules.length ? { rules } : {}); // the last one stays
      } } });
      const button = h("button", { type: "button", text: name, style: { width: "100%", textAlign: "left", padding: tight }, on: { click: () => ui.set({ rule: name, rules: [...now().rules, name] }) } });
      const mark = svg("svg", { viewBox: "0 0 34 14", width: 34, height: 14, "aria-hidden": "true", style: { verticalAlign: "middle", background: "none" } }, stroke("M0 7H34", LOOKS[name][0], 2, LOOKS[name][1]), sign(name, 17, 7));
      const cells = range(5).map((i) => h("td", { style: { padding: tight, whiteSpace: "nowrap", fontVariantNumeric: "tabular-nums", textAlign: i === 4 ? "left" : "right" } }));
      return { name, tick, button, cells, row: h("tr", {}, h("td", { style: { padding: tight, whiteSpace: "nowrap" } }, tick, " ", mark), h("th", { scope: "row", style: { padding: tight } }, button), ...cells) };
    });
    const heads = ["shown", "rule", "rate", "place", "loss", "last update", ""].map((text) => h("th", { scope: "col", text, style: { padding: tight } }));
    const tableBox = h("div", { class: "cx-scroll", role: "region", tabindex: 0, "aria-label": "each rule at this step" }, h("table", {}, h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...lines.map(({ row }) => row))));
    const how = h("ol", { style: { margin: "0.2rem 0 0 1.4rem", padding: 0, fontVariantNumeric: "tabular-nums", overflowWrap: "anywhere" } }), howTitle = h("p", { style: { fontWeight: 600 } }), note = h("p", {});
    const stepSlider = h("input", { type: "range", min: 0, style: { width: "16rem", maxWidth: "100%" }, on: { input: () => ui.set({ step: +stepSlider.value }, "step") } }), stepText = h("output", {});

    ui.root.append(
      ui.bar(ui.choice({ label: "Landscape", options: Object.entries(LANDSCAPES).map(([name, { text }]) => [name, text]), value: (s) => s.landscape,
        choose: (name) => ({ landscape: name, x: LANDSCAPES[name].start[0], y: LANDSCAPES[name].start[1] }) }),
      ui.number({ trait: "x", label: "Start: first weight", least: -RIGHT, most: RIGHT, step: 0.1 }), ui.number({ trait: "y", label: "second weight", least: -TOP, most: TOP, step: 0.1 })),
      ui.bar(labelled("Rate of all rules", rateSlider, reading), ui.slider({ trait: "momentum", label: "Momentum μ (for Adam: β₁)", least: 0, most: 0.99, step: 0.01 }),
        ui.choice({ label: "Steps", options: STEPS.map((n) => [n, String(n)]), choose: (n) => ({ steps: n, step: n }), value: (s) => s.steps })),
      ui.panes(h("figure", { class: "cx-pane", style: { flex: "1 1 300px" } }, h("figcaption", { text: "start ○: drag, tap, arrow keys; bottom +" }), h("div", { class: "cx-scroll" }, stage)),
        h("figure", { class: "cx-pane", style: { flex: "1 1 300px" } }, title, h("div", { class: "cx-scroll" }, slot))),
      ui.bar(labelled("Step", stepSlider, stepText), every, best), prompt, note, tableBox, howTitle, how, ui.bar(ownRate));

    let drawn = null;
    const drawGround = (name) => {
      if (drawn === name) return;
      drawn = name;
      const xs = range(113).map((i) => -RIGHT + i / 20), ys = range(65).map((i) => -TOP + i / 20), heights = ys.map((y) => xs.map((x) => lossAt(name, [x, y])));
      const low = Math.min(...heights.flat()), high = Math.max(...heights.flat());
      const levels = range(13).map((i) => low + (high - low) * ((i + 1) / 13) ** 2); // closer together near the bottom, as in the lesson
      ground.replaceChildren(...levels.map((level, i) => stroke(contour(heights, level, xs, ys).map(([a, b, c, d]) => line([[map.x(a), map.y(b)], [map.x(c), map.y(d)]])).join(""), "var(--line)", 0.8, "", 1 - i / 20)),
        ...LANDSCAPES[name].bottoms.map(({ at: [x, y] }) => svg("path", { d: `M${map.x(x) - 6} ${map.y(y)}h12m-6 -6v12`, "stroke-width": 2, style: { stroke: "var(--fg)" } })));
    };

    return (state) => {
      const { landscape, rules, rates, steps, step, rule, x, y } = state, runs = Object.fromEntries(rules.map((name) => [name, run(state, name)]));
      const at = (name) => runs[name].places[Math.min(step, runs[name].places.length - 1)], low = lowest(landscape);
      const same = oneRate(state), height = (w, graph) => graph.y(clamp(lossAt(landscape, w) - low, LEAST, MOST) || LEAST);
      rateSlider.value = nearest(rates[rule]);
      reading.textContent = same ? digits(rates[rule]) : "differ";
      rateSlider.setAttribute("aria-valuetext", reading.textContent);
      if (document.activeElement !== own || +own.value !== rates[rule]) own.value = rates[rule];
      ownRate.firstChild.textContent = `Rate of ${rule} alone`;
      stepSlider.max = steps;
      stepSlider.value = step;
      stepText.textContent = `${step} of ${steps}`;
      stepSlider.setAttribute("aria-valuetext", stepText.textContent);

      drawGround(landscape);
      const onMap = ([a, b]) => [map.x(a), map.y(b)];
      paths.replaceChildren(...rules.flatMap((name) => {
        const points = runs[name].places.map(onMap), [colour, dash] = LOOKS[name];
        return [stroke(line(points), colour, 1.2, dash, 0.35), stroke(line(points.slice(0, step + 1)), colour, 1.8, dash),
          svg("path", { d: points.slice(0, step + 1).map(([px, py]) => `M${clamp(px, -1e4, 1e4).toFixed(1)} ${clamp(py, -1e4, 1e4).toFixed(1)}h0`).join(""), "stroke-width": steps > 60 ? 2 : 3, "stroke-linecap": "round", style: { stroke: colour } })];
      }));
      handle.setAttribute("transform", `translate(${map.x(x)} ${map.y(y)})`);
      signs.replaceChildren(...rules.map((name) => {
        const [px, py] = onMap(at(name)), out = px < left || px > right || py < top || py > bottom;
        return sign(name, clamp(px, left, right), clamp(py, top, bottom), out);
      }));
      const told = rules.map((name) => `${name} at ${pair(at(name))}`).join("; ");
      map.describe(`Contour lines of the landscape and the paths of ${listed(rules)} from ${pair([x, y])}. At step ${step}: ${told}. A cross marks a bottom.`);
      stage.setAttribute("aria-label", `Start at ${pair([x, y])}. Arrow keys move it by 0.1, with Shift by 0.01.`);

      if (state.every_rate) {
        const c = chart({ label: "rate", least: RATES[0], most: RATES.at(-1), log: true, ticks: [0.001, 0.01, 0.1, 1], show: (v) => String(v) });
        title.textContent = `loss after ${steps} steps at every rate, signs: now`;
        c.plot.append(...rules.flatMap((name) => {
          const losses = sweepOf(state, name), place = (i) => [c.x(RATES[i]), c.y(clamp(losses[i], LEAST, MOST))], i = nearest(rates[name]);
          return [stroke(line(losses.map((_, k) => place(k))), LOOKS[name][0], 1.8, LOOKS[name][1]), sign(name, ...place(i))];
        }));
        c.describe(`Loss after ${steps} steps over the rate. Lowest: ${rules.map((name) => `${name} at rate ${digits(bestRate(sweepOf(state, name)))}`).join("; ")}.`);
      } else {
        const c = chart({ label: "step", least: 0, most: steps, ticks: steps > 1 ? [0, Math.round(steps / 2), steps] : [0, 1] });
        title.textContent = "loss above the lowest place, after each step";
        c.plot.append(stroke(`M${c.x(step)} ${c.size.top}V${c.size.bottom}`, "var(--line)", 1.5), ...rules.flatMap((name) => {
          const points = runs[name].places.map((w, t) => [c.x(t), height(w, c)]);
          return [stroke(line(points), LOOKS[name][0], 1.8, LOOKS[name][1]), sign(name, ...points[Math.min(step, points.length - 1)])];
        }));
        c.describe(`Loss above the lowest place after each of ${steps} steps. At step ${step}: ${rules.map((name) => `${name} ${digits(lossAt(landscape, at(name)) - low)}`).join("; ")}.`);
      }
      every.setAttribute("aria-pressed", String(state.every_rate));
      prompt.hidden = state.every_rate;
      note.textContent = bears(state, state.every_rate);

      heads[6].textContent = `over all ${steps} steps`;
      for (const { name, tick, button, cells } of lines) {
        const one = runs[name];
        tick.checked = Boolean(one);
        button.setAttribute("aria-pressed", String(name === rule));
        const event = one?.events[Math.min(step, one.events.length - 1)], { word, step: k } = one ? fate(state, one) : {};
        const texts = one ? [digits(rates[name]), pair(at(name)), digits(lossAt(landscape, at(name))), event ? pair(event.update) : "none yet", FATES[word](k, landscape, one.places.at(-1))] : [digits(rates[name]), "–", "–", "–", "not shown"];
        texts.forEach((text, i) => { if (cells[i].textContent !== text) cells[i].textContent = text; });
      }
      howTitle.textContent = `${rule}, step ${Math.min(step, runs[rule].places.length - 1)}, worked out`;
      how.replaceChildren(...worked(state, rule, runs[rule]).map((text) => h("li", { text })));
      return sentence(state, runs);
    };
  },
});
