import { clamp, explorer, format, h, integerIn, mulberry32, numberIn, range, thousands } from "./toolkit.js";

const DRAWS = 8, MANY = 1000, HALF_GREY = 0.5;
const BORDERS = [["reflect", "a mirror image (reflect)"], ["constant", "black (constant)"], ["nearest", "the last pixel (nearest)"], ["wrap", "the other side (wrap)"]];
const MIXES = [["none", "nothing"], ["mixup", "mixup"], ["cutmix", "CutMix"]];
const LARGEST = { shift: 0.5, rotate: 180, brightness: 0.9, contrast: 1, cutout: 1, share: 1 };
const USUAL = { shift: 0.15, rotate: 15, brightness: 0, contrast: 0, cutout: 0, share: 0.7 };

// ---- pictures: {height, width, data}, three channels from 0 to 1, row by row -----------------------------------------

/** A picture as Python keeps it. */
export function decoded({ height, width, channels, pixels }) {
  const bytes = atob(pixels), every = channels === 3 ? 1 : 3;
  return { height, width, data: Float64Array.from({ length: 3 * height * width }, (_, i) => bytes.charCodeAt(Math.floor(i / every)) / 255) };
}

const turn = (i, n) => ((i % n) + n) % n;
/** Which pixel stands for pixel i of a line of n, also beyond its ends; −1: none, so black. */
const STANDS = {
  reflect: (i, n) => Math.min(turn(i, 2 * n), 2 * n - 1 - turn(i, 2 * n)),
  nearest: (i, n) => clamp(i, 0, n - 1),
  wrap: turn,
  constant: (i, n) => (i >= 0 && i < n ? i : -1),
};

/** A picture of the same size, each pixel by fill(row, column, where in `data` it goes, the new data). */
function made({ height, width }, fill) {
  const data = new Float64Array(3 * height * width);
  for (let r = 0, at = 0; r < height; r++) for (let c = 0; c < width; c++, at += 3) fill(r, c, at, data);
  return { height, width, data };
}
function each(image, value) {
  const data = new Float64Array(image.data.length);
  for (let i = 0; i < data.length; i++) data[i] = value(image.data[i], i);
  return { ...image, data };
}

/** Every pixel of the old picture, given as row and column of the new one: `from(r, c)`; none is black. */
const taken = (image, rows, columns) => made(image, (r, c, at, data) => {
  if (rows[r] < 0 || columns[c] < 0) return;
  const from = 3 * (rows[r] * image.width + columns[c]);
  for (let k = 0; k < 3; k++) data[at + k] = image.data[from + k];
});

export const flipped = (image) => taken(image, range(image.height), range(image.width).reverse());

/** Moved down and to the right by whole pixels. */
export const shifted = (image, down, right, border) => taken(image,
  range(image.height).map((r) => STANDS[border](r - down, image.height)), range(image.width).map((c) => STANDS[border](c - right, image.width)));

/** Turned to the left about the middle, by degrees; between pixels, the two by two nearest are averaged. */
export function rotated(image, angle, border) {
  const { height, width, data: old } = image, radians = (angle * Math.PI) / 180;
  const [cos, sin] = angle % 90 ? [Math.cos(radians), Math.sin(radians)] : [[1, 0], [0, 1], [-1, 0], [0, -1]][turn(angle / 90, 4)];
  const y0 = (height - 1) / 2, x0 = (width - 1) / 2, stands = (i, n) => (i >= 0 && i < n ? i : STANDS[border](i, n));
  return made(image, (r, c, at, data) => {
    const y = cos * (r - y0) + sin * (c - x0) + y0, x = cos * (c - x0) - sin * (r - y0) + x0;
    if (border === "constant" && (y < 0 || x < 0 || y > height - 1 || x > width - 1)) return;
    const top = Math.floor(y), left = Math.floor(x), low = y - top, right = x - left;
    const upper = stands(top, height) * width, lower = low ? stands(top + 1, height) * width : upper;
    const first = stands(left, width), second = right ? stands(left + 1, width) : first;
    const [a, b, d, e] = [3 * (upper + first), 3 * (upper + second), 3 * (lower + first), 3 * (lower + second)];
    for (let k = 0; k < 3; k++)
      data[at + k] = (1 - low) * ((1 - right) * old[a + k] + right * old[b + k]) + low * ((1 - right) * old[d + k] + right * old[e + k]);
  });
}

export const brightened = (image, by) => each(image, (v) => clamp(v + by, 0, 1));

export function contrasted(image, factor) {
  let sum = 0;
  for (const v of image.data) sum += v;
  const mean = sum / image.data.length;
  return each(image, (v) => clamp((v - mean) * factor + mean, 0, 1));
}

/** What value(where in `data`) says inside the box [top, left, bottom, right), the picture outside. */
function inside(image, [top, left, bottom, right], value) {
  const data = image.data.slice();
  for (let r = top; r < bottom; r++) for (let i = 3 * (r * image.width + left); i < 3 * (r * image.width + right); i++) data[i] = value(i);
  return { ...image, data };
}
export const erased = (image, box) => inside(image, box, () => HALF_GREY);
export const pasted = (image, partner, box) => inside(image, box, (i) => partner.data[i]);
export const blended = (image, partner, share) => each(image, (v, i) => share * v + (1 - share) * partner.data[i]);

// ---- draws ---------------------------------------------------------------------------------------------------------

/** Ten numbers from [0, 1) for a draw: the same whatever is switched on, so that a strength changes one thing. */
export function uniforms(seed, number) {
  const start = Math.imul(seed, 0x9e3779b1) + Math.imul(number, 0x85ebca6b);
  return range(10).map((i) => mulberry32(start, i + 1));
}

/** What is done in a draw. Boxes are [top, left, bottom, right), cut off at the border; null where a change is off. */
export function drawOf(state, number, { height, width }) {
  const u = uniforms(state.seed, number), within = (most, i) => most * (2 * u[i] - 1);
  const box = (i, reach) => {
    const [[top, bottom], [left, right]] = [height, width].map((n, axis) => {
      const middle = Math.floor(u[i + axis] * n);
      return [Math.max(middle - reach(n), 0), Math.min(middle + reach(n), n)];
    });
    return [top, left, bottom, right];
  };
  return {
    flip: state.flip && u[0] < 0.5,
    down: Math.round(within(state.shift, 1) * height) + 0, right: Math.round(within(state.shift, 2) * width) + 0, // + 0: no −0
    angle: within(state.rotate, 3), brightness: within(state.brightness, 4), contrast: 1 + within(state.contrast, 5),
    cutout: state.cutout ? box(6, (n) => Math.floor((state.cutout * n) / 2)) : null,
    pasted: state.mix === "cutmix" ? box(8, (n) => Math.floor(Math.floor(n * Math.sqrt(1 - state.share)) / 2)) : null,
  };
}

export const area = (box) => (box ? (box[2] - box[0]) * (box[3] - box[1]) : 0);

/** How much of the picture is left, which is its share of the label. */
export const keptOf = (state, draw, { height, width }) => (state.mix === "mixup" ? state.share : 1 - area(draw.pasted) / (height * width));

const span = (low, high) => (high - low === 1 ? `${low}` : `${low}–${high - 1}`);
const place = ([top, left, bottom, right]) => `rows ${span(top, bottom)}, columns ${span(left, right)}`;
const size = (box) => `${box[2] - box[0]} × ${box[3] - box[1]} px`;
const ways = (n, plus, minus) => (n ? `${Math.abs(n)} px ${n > 0 ? plus : minus}` : null);
const moves = ({ down, right }) => [ways(down, "down", "up"), ways(right, "right", "left")].filter(Boolean).join(", ");
const sign = (x, digits) => (x < 0 ? "" : "+") + format(x, digits);

/** The changes of a draw in their order, [[what is done, picture → picture], ...], without those that do nothing. */
export function steps(state, draw, partner, names) {
  const all = [
    [draw.flip, "mirrored", flipped],
    [draw.down || draw.right, `moved ${moves(draw)}`, (x) => shifted(x, draw.down, draw.right, state.border)],
    [draw.angle, `turned ${draw.angle < 0 ? "right" : "left"} ${format(Math.abs(draw.angle), 1)}°`, (x) => rotated(x, draw.angle, state.border)],
    [draw.brightness, `brightness ${sign(draw.brightness, 2)}`, (x) => brightened(x, draw.brightness)],
    [draw.contrast !== 1, `contrast × ${format(draw.contrast, 2)}`, (x) => contrasted(x, draw.contrast)],
    [area(draw.cutout), draw.cutout && `grey box of ${size(draw.cutout)} (${place(draw.cutout)})`, (x) => erased(x, draw.cutout)],
    [area(draw.pasted), draw.pasted && `box of ${names[1]}, ${size(draw.pasted)} (${place(draw.pasted)})`, (x) => pasted(x, partner, draw.pasted)],
    [state.mix === "mixup" && state.share < 1, `${format(state.share)} · ${names[0]} + ${format(1 - state.share)} · ${names[1]}`, (x) => blended(x, partner, state.share)],
  ];
  return all.filter(([on]) => on).map(([, text, change]) => [text, change]);
}

/** The picture that a draw gives. */
export const result = (state, draw, image, partner) => steps(state, draw, partner, ["", ""]).reduce((x, [, change]) => change(x), image);

/** What the first picture is after the draw; null: nothing that has a name. Only for the 6 is it known what turning makes of it. */
export const meaning = (state, draw, name) => (state.subject !== "digit" ? name : draw.flip ? null : Math.abs(draw.angle) > 90 ? "9" : name);

/** The label as it has to be, in words. */
export function labelText(state, draw, names, size) {
  const kept = keptOf(state, draw, size), parts = [[meaning(state, draw, names[0]) ?? "no digit", kept], [names[1], 1 - kept]].filter(([, share]) => share > 0);
  return parts.map(([name, share]) => (parts.length > 1 ? `${name} ${format(share, 3)}` : name)).join(", ");
}

/** Over many draws: the mean share of the picture, how far λ is from the shares (mean, worst), mirrored, turned beyond 90° only. */
export function tally(state, size, many = MANY) {
  const draws = range(many).map((number) => drawOf(state, number, size)), kept = draws.map((draw) => keptOf(state, draw, size));
  const off = kept.map((share) => Math.abs(share - state.share)), mean = (values) => values.reduce((a, b) => a + b, 0) / many;
  return { kept: mean(kept), off: mean(off), worst: Math.max(...off), mirrored: draws.filter((draw) => draw.flip).length,
    turned: draws.filter((draw) => !draw.flip && Math.abs(draw.angle) > 90).length };
}

/** What a reader should know of these settings. What would give the labels away waits until they are shown. */
export function notes(state, names, size) {
  const said = [], many = thousands(MANY);
  if (state.subject === "picture" && state.flip) said.push("A mirrored picture keeps its label only where left and right do not matter: so for a cat or a cup, not for text, digits or X-rays.");
  if (state.subject === "picture" && state.rotate > 90) said.push("Turned by more than 90° it stands on its head. The label stays, but will the network ever meet such a picture in use?");
  if (state.border === "constant" && (state.shift || state.rotate)) said.push("Black edges can be learnt as a sign of augmentation: no validation picture has them.");
  if (!state.revealed) return said;
  const { kept, off, worst, mirrored, turned } = tally(state, size);
  if (mirrored + turned && state.subject === "digit") said.push(`⚠ In ${thousands(mirrored + turned)} of ${many} draws it is no ${names[0]} any more: ${mirrored} are mirrored, ${turned} nearer to a 9. With the label ${names[0]} they would teach a falsehood.`);
  if (state.mix === "cutmix") said.push(`In ${many} draws ${format(kept, 3)} of the label is ${names[0]} on average. With λ = ${format(state.share)} as the label, it would be wrong by ${format(off, 3)} on average, and by ${format(worst, 3)} at worst: boxes have whole pixels and end at the border.`);
  if (state.mix === "mixup") said.push(`Mixup has neither box nor border: λ = ${format(state.share)} is right for every draw.`);
  if (state.cutout) said.push("Cutout hides a part and leaves the label as it is. CutMix puts something else there, so the label has to be shared.");
  return said;
}

function clean(state) {
  const among = (value, options) => (options.some(([name]) => name === value) ? value : options[0][0]);
  state.subject = state.subject === "digit" ? "digit" : "picture";
  [state.mix, state.border] = [among(state.mix, MIXES), among(state.border, BORDERS)];
  [state.flip, state.revealed] = [Boolean(state.flip), Boolean(state.revealed)];
  for (const [name, most] of Object.entries(LARGEST)) state[name] = numberIn(state[name], 0, most, USUAL[name]);
  state.seed = integerIn(state.seed, 0, 2 ** 31 - 1);
  state.chosen = integerIn(state.chosen, 0, DRAWS - 1);
  return state;
}

/** The two pictures and their names. */
function pair(state, given) {
  const digits = given("digits"), own = [given("image"), given("partner")];
  return state.subject === "digit" ? [Object.values(digits), Object.keys(digits)] : [own, given("class_names")];
}

const allDraws = (state, size) => range(DRAWS).map((number) => drawOf(state, number, size));

export default explorer({
  name: "augmentation_preview",
  python: "AugmentationPreview",
  title: "Augmentation preview",
  traits: ["subject", "flip", "shift", "rotate", "brightness", "contrast", "cutout", "mix", "share", "border", "seed", "chosen", "revealed"],
  data: ["image", "partner", "class_names"],
  clean,
  derive: (state, given) => {
    const [[size]] = pair(state, given), draws = allDraws(state, size);
    return { draws, kept: draws.map((draw) => keptOf(state, draw, size)) };
  },

  build(ui) {
    const pixelated = { display: "block", width: "100%", height: "auto", imageRendering: "pixelated" };
    const canvas = () => h("canvas", { role: "img", style: pixelated });
    const show = (element, { height, width, data }, label) => {
      const picture = new ImageData(width, height);
      for (let i = 0, at = 0; i < data.length; i += 3, at += 4) {
        for (let k = 0; k < 3; k++) picture.data[at + k] = Math.round(255 * data[i + k]);
        picture.data[at + 3] = 255;
      }
      if (element.width !== width || element.height !== height) [element.width, element.height] = [width, height];
      element.getContext("2d").putImageData(picture, 0, 0);
      element.setAttribute("aria-label", label);
    };
    const decode = {}; // pictures come as text, and seldom change
    const unpacked = (picture) => (decode[picture.pixels] ??= decoded(picture));

    const fine = { fontSize: "13px", lineHeight: "1.35", margin: "0.2rem 0 0", fontWeight: "400", overflowWrap: "anywhere" };
    const tiles = range(DRAWS).map((number) => {
      const picture = canvas(), title = h("strong", {}), done = h("span", {}), label = h("div", { style: { fontWeight: "600" } });
      const button = h("button", { type: "button", style: { padding: "4px", width: "100%", maxWidth: "11rem", display: "block" }, on: { click: () => ui.set({ chosen: number }, "chosen") } }, picture);
      const element = h("figure", { class: "cx-pane" }, button, h("figcaption", { style: fine }, title, done, label));
      return { picture, title, done, label, button, element };
    });
    const film = range(10).map(() => {
      const picture = canvas(), caption = h("figcaption", { style: fine });
      return { picture, caption, element: h("figure", { class: "cx-pane", style: { width: "5.9rem" } }, picture, caption) };
    });
    const filmTitle = h("p", { style: { fontWeight: "600" } });
    const mean = canvas(), meanCaption = h("figcaption", { style: { ...fine, fontWeight: "600" } });
    const remarks = h("ul", { style: { margin: "0.3rem 0 0 1.2rem", padding: "0" } });
    const group = (title, ...items) => h("fieldset", { style: { border: "1px solid var(--line)", borderRadius: "4px", margin: "0.4rem 0", padding: "0 0.5rem", minWidth: 0 } },
      h("legend", { text: title, style: { fontWeight: 600, padding: "0 0.3rem" } }), ui.bar(...items));
    const most = (text) => (v) => (v ? text(v) : "off");
    const strength = (trait, label, step, text) => ui.slider({ trait, label, least: 0, most: LARGEST[trait], step, show: most(text) });
    const share = ui.slider({ trait: "share", label: "λ, to be kept", least: 0, most: 1, step: 0.05 });
    const names = () => ui.given("class_names");

    ui.root.append(
      group("Drawn by lot, up to",
        ui.choice({ trait: "subject", label: "Picture", options: [["picture", names().join(" and ")], ["digit", "the digits 6 and 7"]] }),
        ui.tick({ trait: "flip", label: "Flip" }),
        strength("shift", "Shift", 0.05, (v) => `± ${format(100 * v, 0)} %`), strength("rotate", "Rotate", 5, (v) => `± ${format(v, 0)}°`),
        strength("brightness", "Brightness", 0.05, (v) => `± ${format(v)}`), strength("contrast", "Contrast", 0.05, (v) => `× 1 ± ${format(v)}`),
        strength("cutout", "Cutout", 0.05, (v) => `${format(100 * v, 0)} % of the side`),
        ui.choice({ trait: "border", label: "At the border comes in", options: BORDERS })),
      group("Mixed in", ui.choice({ trait: "mix", label: "Mix by", options: MIXES }), share),
      ui.bar(ui.button("Draw again", () => ui.set({ seed: (ui.state().seed + 1) % 2 ** 31 }, "seed")), ui.tick({ trait: "revealed", label: "Show the labels" })),
      h("div", { style: { display: "grid", gap: "0.7rem 0.9rem", gridTemplateColumns: "repeat(auto-fit, minmax(max(8.2rem, 21%), 1fr))", margin: "0.5rem 0" } }, ...tiles.map((tile) => tile.element)),
      filmTitle, h("div", { class: "cx-panes", style: { margin: "0.4rem 0" } }, ...film.map((one) => one.element), h("figure", { class: "cx-pane", style: { width: "9rem" } }, mean, meanCaption)),
      remarks);

    let run = null, meanOf = "";
    /** The mean of many draws, in slices short enough for a page to stay quick, once a slider has come to rest. */
    const average = (state, image, partner, name) => {
      const mine = (run = {}), total = new Float64Array(image.data.length);
      let n = 0, seen = 0;
      mean.setAttribute("aria-label", `the mean of many draws of ${name}`);
      meanCaption.textContent = "mean of many draws: soon";
      const slice = () => {
        if (run !== mine || !mean.isConnected) return;
        const until = performance.now() + 6;
        do {
          const { data } = result(state, drawOf(state, n, image), image, partner);
          for (let i = 0; i < data.length; i++) total[i] += data[i];
          n++;
        } while (n < MANY && performance.now() < until);
        if (n >= seen + 100 || n === MANY) {
          show(mean, { ...image, data: total.map((v) => v / n) }, `the mean of many draws of ${name}`);
          meanCaption.textContent = `mean of ${thousands(n)} draws`;
          seen = n;
        }
        if (n < MANY) setTimeout(slice);
      };
      setTimeout(slice, 250);
    };

    return (state) => {
      const [pictures, called] = pair(state, ui.given), [image, partner] = pictures.map(unpacked), draws = allDraws(state, image);
      share.hidden = state.mix === "none";
      let told, frames;
      tiles.forEach((tile, number) => {
        const draw = draws[number], list = steps(state, draw, partner, called), here = number === state.chosen;
        const pass = [["", image]];
        for (const [text, change] of list) pass.push([text, change(pass.at(-1)[1])]);
        const done = list.map(([text]) => text).join(", ") || "unchanged", label = labelText(state, draw, called, image);
        show(tile.picture, pass.at(-1)[1], `draw ${number + 1}: ${done}`);
        tile.button.setAttribute("aria-pressed", String(here));
        tile.title.textContent = `${number + 1}${here ? " ▾" : ""} `;
        tile.done.textContent = done;
        tile.label.textContent = state.revealed ? `Label: ${label}${state.subject === "digit" && meaning(state, draw, called[0]) !== called[0] ? " ⚠" : ""}` : "Label: ?";
        if (here) [told, frames] = [{ draw, done, label }, pass];
      });
      filmTitle.textContent = `Draw ${state.chosen + 1}, step by step, and the mean of many draws`;
      frames[0][0] = called[0];
      if (state.mix !== "none") frames.splice(-1, 0, [`to mix in, as it is: ${called[1]}`, partner]);
      film.forEach(({ picture, caption, element }, i) => {
        element.hidden = i >= frames.length;
        if (element.hidden) return;
        caption.textContent = frames[i][0];
        show(picture, frames[i][1], i ? `step ${i}: ${frames[i][0]}` : `before any change: ${frames[i][0]}`);
      });
      const key = JSON.stringify({ ...state, chosen: 0, revealed: false });
      if (key + pictures[0].pixels + pictures[1].pixels !== meanOf) {
        meanOf = key + pictures[0].pixels + pictures[1].pixels;
        average(state, image, partner, called[0]);
      }
      const said = notes(state, called, image);
      remarks.hidden = !said.length;
      remarks.replaceChildren(...said.map((text) => h("li", { text })));
      const start = `Draw ${state.chosen + 1} of ${DRAWS}, seed ${state.seed}: ${told.done}.`;
      if (!state.revealed) return `${start} Would you still say ${called[0]}? Decide what its label has to be, then show the labels.`;
      const pixels = thousands(image.height * image.width), holds = meaning(state, told.draw, called[0]);
      const why = holds === null ? ` A mirrored ${called[0]} is no digit.` : holds !== called[0] ? ` Turned by more than 90°, it is nearer to a ${holds} than to a ${called[0]}.`
        : told.label === called[0] ? " As before: nothing of this changes it." : "";
      const counted = state.mix !== "cutmix" ? "" : ` The box has ${thousands(area(told.draw.pasted))} of ${pixels} pixels; λ asked for ${format(1 - state.share)} of them, ${format((1 - state.share) * image.height * image.width, 1)}.`;
      return `${start} Its label: ${told.label}.${why}${counted}`;
    };
  },
});
