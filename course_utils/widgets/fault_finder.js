import { clamp, explorer, format, h, mulberry32, range, thousands, uid } from "./toolkit.js";

const INPUT = [32, 32, 3], CLASSES = 10, MOST_LAYERS = 24; // CIFAR-10; as in fault_finder.py
const ACTIVATIONS = ["linear", "relu", "sigmoid", "softmax"];
const KINDS = {
  Conv2D: { filters: 32, kernel_size: 3, padding: "same", activation: "relu" }, Dense: { units: 64, activation: "relu" },
  MaxPooling2D: { pool_size: 2 }, Flatten: {}, GlobalAveragePooling2D: {}, BatchNormalization: {}, Dropout: { rate: 0.25 }, ReLU: {},
};
const LIMITS = { filters: [1, 1024], units: [1, 4096], kernel_size: [1, 15], pool_size: [1, 8], rate: [0, 0.99] };
const CHOICES = { padding: ["same", "valid"], activation: ACTIVATIONS };
const SETTINGS = {
  loss: ["sparse_categorical_crossentropy", "categorical_crossentropy", "mean_squared_error"], labels: ["integers", "one-hot"],
  from_logits: [false, true], scaled: [true, false], validation: ["split", "test", "none"], early_stopping: ["best", "last", "none"],
};
const ROWS = ["inputs", "loss", "learning rate", "validation", "early stopping"]; // what can be wrong besides layers
const SMALLEST_RATE = 1e-5, LARGEST_RATE = 1e-2; // of Adam: outside, a CNN of this size learns nothing or breaks

const product = (shape) => shape.reduce((a, b) => a * b, 1);
const sides = (shape) => shape.map(thousands).join(" × ");
const plural = (n, one) => `${thousands(n)} ${one}${n === 1 ? "" : "s"}`;

// ---- the ledger ----------------------------------------------------------------------------------------------------

/** {shape, parameters, macs} of a layer that gets `shape`, as Keras builds it; {cannot: reason} if it cannot be built. */
function through(layer, shape) {
  const channels = shape.at(-1), { kind } = layer;
  if (kind === "Dense") { // on the last axis alone, whatever comes before it
    const out = [...shape.slice(0, -1), layer.units];
    return { shape: out, parameters: (channels + 1) * layer.units, macs: product(out) * channels };
  }
  if (kind === "Flatten") return { shape: [product(shape)], parameters: 0, macs: 0 };
  if (kind === "BatchNormalization") return { shape, parameters: 4 * channels, macs: 0 };
  if (kind === "Dropout" || kind === "ReLU") return { shape, parameters: 0, macs: 0 };
  if (shape.length !== 3) return { cannot: `${kind} slides over rows and columns, but it gets a vector of ${thousands(channels)} numbers.` };
  if (kind === "GlobalAveragePooling2D") return { shape: [channels], parameters: 0, macs: 0 };
  const side = kind === "MaxPooling2D" ? layer.pool_size : layer.kernel_size, same = kind === "Conv2D" && layer.padding === "same";
  const out = shape.slice(0, 2).map((n) => (same ? n : kind === "Conv2D" ? n - side + 1 : Math.floor(n / side)));
  if (Math.min(...out) < 1) return { cannot: `A window of ${side} × ${side} does not fit on a map of ${shape[0]} × ${shape[1]}.` };
  if (kind === "MaxPooling2D") return { shape: [...out, channels], parameters: 0, macs: 0 };
  const weights = side * side * channels * layer.filters;
  return { shape: [...out, layer.filters], parameters: weights + layer.filters, macs: product(out) * weights };
}

/** A row for each layer: what it gets, its output shape (rows, columns, channels), parameters and multiply-adds, or why not. */
export function ledger({ stack }) {
  let shape = INPUT;
  return stack.map((layer) => {
    const row = shape ? { input: shape, ...through(layer, shape) } : { after: true };
    shape = row.shape ?? null;
    return row;
  });
}

// ---- the faults ----------------------------------------------------------------------------------------------------

const hasWeights = ({ kind }) => kind === "Conv2D" || kind === "Dense";
const bends = ({ kind, activation }) => kind === "ReLU" || kind === "MaxPooling2D" || (activation && activation !== "linear");

/** What the outputs are: the activation of the last layer that has one, or of a ReLU after it. */
function outputActivation(stack) {
  const last = stack.findLastIndex(hasWeights), relu = stack.findIndex(({ kind }, i) => i > last && kind === "ReLU");
  return relu >= 0 ? { at: relu, activation: "relu" } : { at: last, activation: stack[last]?.activation ?? "linear" };
}

/** All faults: [{row, fault, why, fix}], row "layer 1" and so on or one of ROWS. */
export function flags(state) {
  const { stack, loss } = state, rows = ledger(state), found = [];
  const flag = (row, fault, why, fix) => found.push({ row: typeof row === "number" ? `layer ${row + 1}` : row, fault, why, fix });
  const output = outputActivation(stack), final = rows.at(-1).shape;

  stack.forEach((layer, i) => {
    const { kind, activation } = layer, { input, cannot } = rows[i];
    if (cannot) flag(i, "impossible", `${cannot} Keras stops here.`, input.length === 3 ? "Take a smaller window, padding “same”, or fewer poolings before it." : "Move it before Flatten or global pooling.");
    if (kind === "Dense" && input?.length === 3)
      flag(i, "dense on an image", `Dense gets ${sides(input)} and works on the last axis alone: ${input[2]} numbers in, ${layer.units} out, the same at each of ${thousands(input[0] * input[1])} positions. It is a 1 × 1 convolution and sees no neighbours; nothing complains.`,
        stack.slice(0, i).some(({ kind }) => kind === "Conv2D") ? "Put Flatten or GlobalAveragePooling2D before it." : "Begin with Conv2D; Dense belongs to the head, after Flatten or GlobalAveragePooling2D.");
    if (kind === "Flatten" && input?.length === 3 && !stack.slice(0, i).some(({ kind }) => kind === "Conv2D"))
      flag(i, "pixels flattened first", "The image becomes a vector before any convolution has looked at it: which pixels are neighbours is left to be learnt for every position anew.", "Put convolutions and pooling before it.");
    const later = stack.slice(i + 1), next = later.findIndex(hasWeights);
    if (hasWeights(layer) && next >= 0 && activation === "sigmoid")
      flag(i, "sigmoid in a hidden layer", "A sigmoid's slope is at most 1/4, so the gradient shrinks at every such layer, and its outputs are all positive.", "Take ReLU in hidden layers.");
    if (hasWeights(layer) && next >= 0 && activation === "softmax")
      flag(i, "softmax in a hidden layer", "Softmax makes the channels compete for a sum of 1: little of the signal gets through.", "Take ReLU in hidden layers; softmax belongs to the output.");
    if (hasWeights(layer) && next >= 0 && !bends(layer) && !later.slice(0, next).some(bends))
      flag(i, "no non-linearity", "Nothing bends the signal before the next layer with weights: two linear layers in a row can do no more than one.", "Give it a ReLU.");
    if (kind === "Dropout" && layer.rate >= 0.8)
      flag(i, "too much dropout", `It sets ${format(100 * layer.rate, 0)} % of its inputs to 0 in training: hardly anything is left to learn from.`, "Take 0.2 to 0.5.");
    if (kind === "Dropout" && next < 0)
      flag(i, "dropout on the outputs", "It sets the outputs themselves to 0 at random, the right class included.", "Put it before the last layer with weights.");
    if (kind === "Flatten" && next < 0 && input?.length === 3)
      flag(i, "flatten comes last", `Flatten after the last Dense or Conv2D strings all ${thousands(input[0] * input[1])} positions together: ${sides(input)} become ${thousands(product(input))} outputs.`, "Move it before the Dense layers of the head.");
  });

  if (output.at >= 0 && output.activation === "relu")
    flag(output.at, "ReLU at the output", "ReLU turns every negative score into 0: those classes tie, and no gradient tells them apart. The outputs are neither logits nor probabilities.", "Take softmax, or no activation and from_logits=True.");
  if (output.at >= 0 && output.activation === "sigmoid")
    flag(output.at, "sigmoid at the output", "Sigmoid judges each class alone, so ten can be likely at once; here exactly one is right.", "Take softmax, or no activation and from_logits=True.");
  if (final && (final.length !== 1 || final[0] !== CLASSES))
    flag(Math.max(0, stack.findLastIndex(({ kind }) => !["Dropout", "ReLU", "BatchNormalization"].includes(kind))), "wrong number of outputs", final.length !== 1
      ? `The model ends in a map of ${sides(final)}, but one vector an image is wanted, a number a class.`
      : `${thousands(final[0])} outputs for ${CLASSES} classes. `
        + (loss !== "sparse_categorical_crossentropy" || state.labels !== "integers" ? "Labels of ten numbers do not match them: Keras stops, or compares what does not belong together."
          : final[0] > CLASSES ? `Under the sparse loss it trains without a word: labels 0 to 9 name the first ten outputs, and the other ${thousands(final[0] - CLASSES)} stand for classes that never occur.`
            : `Labels from ${final[0]} to 9 name outputs that do not exist: an error or NaN, depending on the device.`),
    `End in Dense(${CLASSES}) on a vector, so that the last row reads ${CLASSES}.`);

  if (!state.scaled) flag("inputs", "unscaled inputs", "Pixels from 0 to 255 make the first sums some hundred times larger than the initialisation expects: the first losses are huge, sigmoids saturate, steps are wild.", "Divide by 255, or begin with Rescaling(1 / 255).");
  if (loss === "mean_squared_error") flag("loss", "squared error for classes", "Where the model is sure and wrong, softmax is flat, and the gradient of the squared error vanishes with it.", "Take cross-entropy.");
  if (loss === "categorical_crossentropy" && state.labels === "integers") flag("loss", "labels do not fit the loss", "categorical_crossentropy wants one-hot labels; on integers Keras stops.", "Take sparse_categorical_crossentropy for integers.");
  if (loss === "sparse_categorical_crossentropy" && state.labels === "one-hot") flag("loss", "labels do not fit the loss", "sparse_categorical_crossentropy wants integers; on one-hot labels Keras stops.", "Take categorical_crossentropy for one-hot labels.");
  if (loss !== "mean_squared_error" && output.activation === "softmax" && state.from_logits)
    flag("loss", "softmax twice", `With from_logits=True the loss applies softmax to what softmax has made already, as PyTorch's cross-entropy always does: it trains, but the loss cannot fall below ${format(Math.log(1 + (CLASSES - 1) / Math.E))}, and gradients stay small. On TensorFlow, Keras notices, warns and takes the logits instead; on other backends it does not.`, "Drop the softmax, or say from_logits=False.");
  if (loss !== "mean_squared_error" && output.activation !== "softmax" && !state.from_logits)
    flag("loss", "outputs are not probabilities", `The loss expects probabilities (from_logits=False), but the outputs are ${output.activation === "linear" ? "logits" : `those of ${output.activation}`}: whatever is 0 or below is clipped to a tiny number and has no gradient.`, "No activation and from_logits=True, or softmax and from_logits=False.");
  if (state.learning_rate > LARGEST_RATE) flag("learning rate", "learning rate too high", `${format(state.learning_rate, 6)} is ${format(state.learning_rate / 0.001, 0)} times Adam's usual 0.001: the loss jumps or sticks at chance, ReLUs die.`, "Begin at 0.001, or find it with a learning-rate finder.");
  if (state.learning_rate < SMALLEST_RATE) flag("learning rate", "learning rate too low", `${state.learning_rate} is ${thousands(0.001 / state.learning_rate)} times less than Adam's usual 0.001: in any patient number of epochs nothing moves.`, "Begin at 0.001.");
  if (state.validation === "test") flag("validation", "test set as validation", "Whatever stops, saves or tunes by these numbers has chosen by the test set: its score is no honest one any more.", "Split a validation set off the training images, and keep the test set for one last look.");
  if (state.validation === "none") flag("validation", "no validation", "Nothing shows when it begins to overfit, and there is nothing to stop by.", "Split 10 % off the training images, equally from each class.");
  if (state.early_stopping === "none") flag("early stopping", "no early stopping", "It trains on after validation loss has begun to rise, and the last epoch, not the best, is kept.", "EarlyStopping on val_loss with restore_best_weights=True.");
  if (state.early_stopping === "last") flag("early stopping", "last weights kept", "It stops some epochs after the best one, and restore_best_weights=False, the default, keeps the weights of the last.", "Say restore_best_weights=True.");
  const order = [...stack.map((_, i) => `layer ${i + 1}`), ...ROWS];
  return found.sort((a, b) => order.indexOf(a.row) - order.indexOf(b.row));
}

/** Loss before training where all outputs are about equally likely, ln C; null where the outputs mean nothing of the kind. */
export function initialLoss(state) {
  const final = ledger(state).at(-1).shape, { activation } = outputActivation(state.stack);
  const reads = state.loss !== "mean_squared_error" && (activation === "softmax" || (activation === "linear" && state.from_logits));
  return final?.length === 1 && reads ? Math.log(final[0]) : null;
}

/** [found, missed, wrongly marked] rows. */
export function judge(state) {
  const faulty = new Set(flags(state).map(({ row }) => row)), marked = new Set(state.marks);
  return [[...faulty].filter((row) => marked.has(row)).length, [...faulty].filter((row) => !marked.has(row)).length,
    [...marked].filter((row) => !faulty.has(row)).length];
}

// ---- broken on purpose ---------------------------------------------------------------------------------------------

/** Random numbers from 0 to 1 that depend on the seed alone. */
function randomness(seed) {
  let k = 0;
  return () => mulberry32(Math.imul(seed, 2654435761), ++k);
}

/** A sound model drawn from `seed`: {state, random: the numbers that go on from there}. */
export function sound(seed) {
  const random = randomness(seed), pick = (list) => list[Math.floor(random() * list.length)];
  const conv = (filters, kernel_size) => ({ kind: "Conv2D", filters, kernel_size, padding: "same", activation: "relu" });
  const [width, kernel, logits, flat] = [pick([16, 32, 48]), pick([3, 3, 5]), random() < 0.4, random() < 0.6];
  const dropout = { kind: "Dropout", rate: pick([0.25, 0.3, 0.5]) }, pool = { kind: "MaxPooling2D", pool_size: 2 };
  const stack = [conv(width, kernel), conv(width, kernel), pool, ...(random() < 0.5 ? [dropout] : []), conv(2 * width, 3), pool,
    ...(random() < 0.5 ? [conv(4 * width, 3), pool] : []), { kind: flat ? "Flatten" : "GlobalAveragePooling2D" },
    ...(flat || random() < 0.5 ? [{ kind: "Dense", units: pick([64, 128, 256]), activation: "relu" }, dropout] : []),
    { kind: "Dense", units: CLASSES, activation: logits ? "linear" : "softmax" }].map((layer) => ({ ...layer }));
  return { random, state: { stack, loss: "sparse_categorical_crossentropy", labels: "integers", from_logits: logits, learning_rate: 0.001,
    scaled: true, validation: "split", early_stopping: "best" } };
}

/** The faults that can be planted, [name, plant(state, random)], in groups of which one at most is taken, in order of planting. */
const FAULTS = [
  [
    ["dense on an image", ({ stack }) => stack.splice(0, 1, { kind: "Dense", units: 32, activation: "relu" })],
    ["flatten comes last", ({ stack }) => {
      stack.splice(stack.findIndex(({ kind }) => kind === "Flatten" || kind === "GlobalAveragePooling2D"), 1);
      stack.push({ kind: "Flatten" });
    }],
    ["wrong number of outputs", ({ stack }, random) => { stack.at(-1).units = [1, 2, 100, 1000][Math.floor(4 * random())]; }],
    ["impossible", ({ stack }) => { // 16 × 16 or less after the second pooling
      const last = stack.findLastIndex(({ kind }) => kind === "Conv2D");
      stack.splice(last, 1, { kind: "MaxPooling2D", pool_size: 2 }, { ...stack[last], kernel_size: 15, padding: "valid" });
    }],
    ["pixels flattened first", ({ stack }) => stack.splice(0, stack.length - 1, { kind: "Flatten" },
      { kind: "Dense", units: 256, activation: "relu" }, { kind: "Dense", units: 128, activation: "relu" })],
  ],
  [
    ["sigmoid in a hidden layer", ({ stack }, random) => {
      const hidden = stack.filter(({ activation }) => activation).slice(0, -1), one = Math.floor(2 * random() * hidden.length);
      hidden.forEach((layer, i) => { if (one >= hidden.length || i === one) layer.activation = "sigmoid"; });
    }],
    ["ReLU at the output", (state) => Object.assign(state.stack.findLast(({ activation }) => activation), { activation: "relu" })],
    ["no non-linearity", ({ stack }) => Object.assign(stack.find(({ activation }) => activation), { activation: "linear" })],
    ["dropout on the outputs", ({ stack }) => stack.push({ kind: "Dropout", rate: 0.5 })],
  ],
  [
    ["mismatch", (state) => { state.from_logits = !state.from_logits; }], // its name depends on the output
    ["labels do not fit the loss", (state) => { state.labels = "one-hot"; }],
    ["squared error for classes", (state) => Object.assign(state, { loss: "mean_squared_error", labels: "one-hot" })],
  ],
  [["no early stopping", (state) => { state.early_stopping = "none"; }], ["last weights kept", (state) => { state.early_stopping = "last"; }]],
  [["learning rate too high", (state) => { state.learning_rate = 0.1; }], ["learning rate too low", (state) => { state.learning_rate = 1e-6; }]],
  [["unscaled inputs", (state) => { state.scaled = false; }]],
  [["test set as validation", (state) => { state.validation = "test"; }]],
];

/** A sound model drawn from `seed`, and then 3 to 6 faults planted in it: {state, planted: names of the faults}. */
export function broken(seed) {
  const { state, random } = sound(seed), logits = state.from_logits;
  const order = FAULTS.map((_, i) => [random(), i]).sort((a, b) => a[0] - b[0]).map(([, i]) => i);
  const taken = new Set(order.slice(0, 3 + Math.floor(4 * random())));
  const chosen = FAULTS.map((group) => group[Math.floor(random() * group.length)]).filter((_, i) => taken.has(i));
  const has = (name) => chosen.some(([other]) => other === name);
  // Two that would undo each other: a ReLU at the output leaves no softmax to be doubled.
  const kept = chosen.filter(([name]) => !(name === "mismatch" && has("ReLU at the output")));
  kept.forEach(([, plant]) => plant(state, random));
  return { state, planted: kept.map(([name]) => (name === "mismatch" ? (logits ? "outputs are not probabilities" : "softmax twice") : name)) };
}

// ---- the state -----------------------------------------------------------------------------------------------------

function soundLayer(layer) {
  if (!layer || typeof layer !== "object" || !Object.hasOwn(KINDS, layer.kind)) throw new Error("no such layer");
  const known = KINDS[layer.kind];
  return { kind: layer.kind, ...Object.fromEntries(Object.entries(known).map(([name, usual]) => {
    const value = layer[name];
    if (CHOICES[name]) return [name, CHOICES[name].includes(value) ? value : usual];
    if (!Number.isFinite(value)) return [name, usual];
    return [name, clamp(name === "rate" ? value : Math.round(value), ...LIMITS[name])];
  })) };
}

export function clean(state) {
  if (!Array.isArray(state.stack) || !state.stack.length) throw new Error("no stack");
  state.stack = state.stack.slice(0, MOST_LAYERS).map(soundLayer);
  for (const [name, values] of Object.entries(SETTINGS)) if (!values.includes(state[name])) state[name] = values[0];
  state.learning_rate = Number.isFinite(state.learning_rate) && state.learning_rate > 0 ? clamp(state.learning_rate, 1e-8, 10) : 0.001;
  state.seed = Number.isFinite(state.seed) ? clamp(Math.round(state.seed), 0, 1e9) : 0;
  const rows = [...state.stack.map((_, i) => `layer ${i + 1}`), ...ROWS];
  state.marks = Array.isArray(state.marks) ? rows.filter((row) => state.marks.includes(row)) : [];
  state.score = Array.isArray(state.score) && state.score.length === 3 && state.score.every((n) => Number.isInteger(n) && n >= 0) ? state.score : [];
  return state;
}

/** Marks after the layers from `from` on have changed places; `to(i)` is where layer i is now, null if it is gone. */
const moved = (marks, to) => marks.flatMap((mark) => {
  if (!mark.startsWith("layer ")) return [mark];
  const place = to(+mark.slice(6) - 1);
  return place === null ? [] : [`layer ${place + 1}`];
});

const named = ({ kind, ...arguments_ }) => {
  const { filters, units, kernel_size: k, pool_size: p, rate, padding, activation } = arguments_;
  return [kind, filters ?? units, k && `${k}×${k}`, p && `${p}×${p}`, rate, padding === "valid" && "valid", activation].filter((x) => x || x === 0).join(" ");
};

export default explorer({
  name: "fault_finder",
  python: "FaultFinder",
  title: "Fault finder",
  traits: ["stack", "loss", "labels", "from_logits", "learning_rate", "scaled", "validation", "early_stopping", "seed", "marks", "score"],
  clean,
  derive: (state) => ({ flags: flags(state), rows: ledger(state).map(({ shape = null, parameters = null, macs = null }) => ({ shape, parameters, macs })) }),

  build(ui) {
    const presets = ui.given("presets");
    let chosen = 0;
    const fresh = { marks: [], score: [] };
    const start = (state) => { chosen = 0; ui.set({ ...fresh, ...state }); };
    const cases = Object.entries(presets).map(([name, state]) => ui.button(name[0].toUpperCase() + name.slice(1), () => start(state)));
    const another = ui.button("Another broken model", () => start({ ...broken(ui.state().seed + 1).state, seed: ui.state().seed + 1 }));
    const reveal = ui.button("Reveal the faults", () => ui.set({ score: ui.state().score.length ? [] : judge(ui.state()) }));

    // The ledger: a tick and a row for each layer, then for each setting.
    const box = (row) => {
      const input = h("input", { type: "checkbox", on: { change: () =>
        ui.set({ marks: input.checked ? [...ui.state().marks, row] : ui.state().marks.filter((mark) => mark !== row) }) } });
      return input;
    };
    const layers = h("tbody", {}), settings = h("div", {});
    const total = range(3).map(() => h("td", {}));
    let lines = [];
    const linesFor = (count) => {
      lines = range(count).map((i) => {
        const tick = box(`layer ${i + 1}`), cells = range(3).map(() => h("td", {}));
        const button = h("button", { type: "button", style: { textAlign: "left", width: "100%", padding: "0.1rem 0.4rem" }, on: { click: () => { chosen = i; ui.set({}); } } });
        return { tick, button, cells, row: h("tr", {}, h("td", {}, tick), h("th", { scope: "row" }, button), ...cells) };
      });
      layers.replaceChildren(...lines.map((line) => line.row));
    };
    const choice = (trait, label, options) => ui.choice({ trait, label, options });
    const controls = {
      inputs: [choice("scaled", "Inputs", [[true, "pixels / 255"], [false, "pixels 0 to 255"]])],
      loss: [choice("loss", "Loss", SETTINGS.loss.map((x) => [x, x])), choice("labels", "Labels", SETTINGS.labels.map((x) => [x, x])), ui.tick({ trait: "from_logits", label: "from_logits" })],
      "learning rate": [choice("learning_rate", "Learning rate (Adam)", [0.1, 0.01, 0.001, 0.0003, 1e-6].map((x) => [x, format(x, 6)]))],
      validation: [choice("validation", "Validation on", [["split", "10 % of the training set"], ["test", "the test set"], ["none", "nothing"]])],
      "early stopping": [choice("early_stopping", "Early stopping", [["best", "yes, best weights restored"], ["last", "yes, last weights kept"], ["none", "no"]])],
    };
    const marks = ROWS.map((row) => {
      const tick = box(row), sign = h("span", {});
      settings.append(h("div", { style: { display: "flex", gap: "0.6rem", alignItems: "center", padding: "0 3px" } }, h("span", { style: { flex: "none" } }, tick), ui.bar(...controls[row], sign)));
      return { row, tick, sign };
    });
    const rate = controls["learning rate"][0].querySelector("select");
    const head = ["?", "layer", "output", "parameters", "multiply-adds"].map((text) => h("th", { scope: "col", text, "aria-label": text === "?" ? "suspicious" : null }));
    const book = h("table", {}, h("thead", {}, h("tr", {}, ...head)), layers,
      h("tbody", {}, h("tr", { style: { fontWeight: 600 } }, h("td", {}), h("th", { scope: "row", text: "total" }), ...total)));

    // The chosen layer.
    const edit = (name, value) => ui.set({ stack: ui.state().stack.map((layer, i) => (i !== chosen ? layer : name === "kind" ? { kind: value } : { ...layer, [name]: value })) },
      name === "kind" ? null : `layer ${chosen} ${name}`);
    const field = (label, control) => {
      control.id = uid("cx");
      return h("span", { class: "cx-control" }, h("label", { for: control.id, text: label }), control);
    };
    const list = (name, options) => {
      const select = h("select", { on: { change: () => edit(name, select.value) } }, ...options.map((value) => h("option", { value, text: value })));
      return select;
    };
    const number = (name) => {
      const input = h("input", { type: "number", min: LIMITS[name][0], max: LIMITS[name][1], step: name === "rate" ? 0.05 : 1, on: { change: () => {
        const value = +input.value;
        input.value.trim() !== "" && value >= LIMITS[name][0] && value <= LIMITS[name][1] ? edit(name, value) : (input.value = ui.state().stack[chosen][name]);
      } } });
      return input;
    };
    const inputs = { kind: list("kind", Object.keys(KINDS)), ...Object.fromEntries(Object.keys(LIMITS).map((name) => [name, number(name)])),
      ...Object.fromEntries(Object.entries(CHOICES).map(([name, options]) => [name, list(name, options)])) };
    const fields = Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, field(name, input)]));
    const legend = h("legend", { style: { fontWeight: 600, padding: "0 0.3rem" } });
    const change = (stack, to, at) => { chosen = at; ui.set({ stack, marks: moved(ui.state().marks, to) }); };
    const swap = (by) => () => {
      const stack = [...ui.state().stack], [a, b] = [chosen, chosen + by];
      [stack[a], stack[b]] = [stack[b], stack[a]];
      change(stack, (i) => (i === a ? b : i === b ? a : i), b);
    };
    const earlier = ui.button("Earlier", swap(-1)), later = ui.button("Later", swap(1));
    const add = ui.button("Add a layer after it", () => { const at = chosen + 1; change(ui.state().stack.toSpliced(at, 0, { ...ui.state().stack[at - 1] }), (i) => (i >= at ? i + 1 : i), at); });
    const remove = ui.button("Remove", () => { const at = chosen; change(ui.state().stack.toSpliced(at, 1), (i) => (i === at ? null : i > at ? i - 1 : i), Math.max(0, at - 1)); });
    const editor = h("fieldset", { style: { border: "1px solid var(--line)", borderRadius: "4px", margin: "0.4rem 0", padding: "0 0.5rem", minWidth: 0 } },
      legend, ui.bar(...Object.values(fields)), ui.bar(earlier, later, add, remove));

    const findings = h("ul", { style: { margin: "0.3rem 0", paddingLeft: "1.2rem" } });
    const title = h("p", { style: { fontWeight: 600 } });
    const hint = h("p", { text: "Tick every row that you would not leave as it is, then reveal. Choose a layer by its name to change it." });
    const expected = h("p", {});
    ui.root.append(ui.bar(...cases, another), hint, h("div", { class: "cx-scroll" }, book), settings, editor, expected, ui.bar(reveal), title, findings);

    return (state) => {
      const { stack, marks: marked, score } = state, rows = ledger(state), all = flags(state), shown = score.length > 0;
      chosen = clamp(chosen, 0, stack.length - 1);
      if (lines.length !== stack.length) linesFor(stack.length);
      const sign = (row) => (shown && all.some((flag) => flag.row === row) ? "⚑ fault" : "");
      lines.forEach(({ tick, button, cells }, i) => {
        const row = `layer ${i + 1}`, { shape, parameters, macs, cannot } = rows[i];
        tick.checked = marked.includes(row);
        tick.setAttribute("aria-label", `suspicious: ${row}, ${named(stack[i])}`);
        button.textContent = `${i + 1} ${named(stack[i])} ${sign(row)}`.trim();
        button.setAttribute("aria-pressed", String(i === chosen));
        [shape ? sides(shape) : cannot ? "cannot be built" : "–", shape ? thousands(parameters) : "–", shape ? thousands(macs) : "–"].forEach((text, c) => { cells[c].textContent = text; });
      });
      marks.forEach(({ row, tick, sign: place }) => {
        tick.checked = marked.includes(row);
        tick.setAttribute("aria-label", `suspicious: ${row}`);
        place.textContent = sign(row);
      });
      if (rate.selectedIndex < 0) { // a rate that Python has set
        rate.setAttribute("aria-description", `now ${format(state.learning_rate, 8)}`);
      } else rate.removeAttribute("aria-description");
      const built = rows.every((row) => row.shape), sum = (name) => rows.reduce((x, row) => x + (row[name] ?? 0), 0);
      [built ? sides(rows.at(-1).shape) : "–", thousands(sum("parameters")), thousands(sum("macs"))].forEach((text, c) => { total[c].textContent = text; });

      const layer = stack[chosen];
      legend.textContent = `Layer ${chosen + 1}: ${layer.kind}`;
      for (const [name, input] of Object.entries(inputs)) {
        fields[name].hidden = !(name in layer);
        if (name in layer && (document.activeElement !== input || String(layer[name]) !== input.value)) input.value = layer[name];
      }
      [earlier.disabled, later.disabled, remove.disabled, add.disabled] = [chosen === 0, chosen === stack.length - 1, stack.length === 1, stack.length === MOST_LAYERS];

      const loss = initialLoss(state), outputs = rows.at(-1).shape;
      expected.textContent = "Expected loss at initialisation: " + (loss === null
        ? `no such number, since the outputs are not read as a probability for each class. ${CLASSES} classes give ln ${CLASSES} = ${format(Math.log(CLASSES))}.`
        : `ln ${thousands(outputs[0])} = ${format(loss)}${outputs[0] === CLASSES ? "" : `, where ${CLASSES} classes would give ln ${CLASSES} = ${format(Math.log(CLASSES))}`}`
          + `${state.scaled ? "." : ", if the inputs were scaled; as they are, far more."}`);
      reveal.textContent = shown ? "Hide the faults and mark again" : "Reveal the faults";
      title.hidden = findings.hidden = !shown;
      hint.hidden = shown;
      const faulty = new Set(all.map(({ row }) => row)), wrong = marked.filter((row) => !faulty.has(row));
      const called = (row) => (row.startsWith("layer ") ? `${row[0].toUpperCase()}${row.slice(1)}, ${stack[+row.slice(6) - 1].kind}` : row[0].toUpperCase() + row.slice(1));
      title.textContent = all.length ? `${plural(all.length, "fault")} in ${plural(faulty.size, "row")}` : "No fault is left.";
      if (shown) findings.replaceChildren(
        ...all.map(({ row, fault, why, fix }) => h("li", { style: { marginBottom: "0.4rem" } }, h("strong", { text: `${called(row)}: ${fault}. ` }), `${why} `, h("em", { text: fix }))),
        ...(built ? wrong.map((row) => h("li", { text: `${called(row)}: marked, but sound as it stands.` })) : []));
      const facts = built ? `${plural(stack.length, "layer")}, ${thousands(sum("parameters"))} parameters, ${thousands(sum("macs"))} multiply-adds; ${sides(outputs)} outputs for ${CLASSES} classes.`
        : `Layer ${rows.findIndex((row) => row.cannot) + 1} cannot be built.`;
      return shown ? `Found ${score[0]} of ${plural(score[0] + score[1], "faulty row")}, missed ${score[1]}, ${plural(score[2], "false alarm")}. ${all.length ? `Now ${plural(all.length, "fault")} in ${plural(faulty.size, "row")}.` : "Now no fault is left."} ${facts}`
        : `${facts} ${plural(marked.length, "row")} marked.`;
    };
  },
});
