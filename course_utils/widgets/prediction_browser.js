import { amount, clamp, explorer, format, grid, h, range, uid } from "./toolkit.js";

export const VERDICTS = ["all", "right", "wrong"];
export const ORDERS = ["as given", "most confident", "least confident", "largest loss", "smallest loss", "smallest margin"];
const COLUMNS = 6; // of thumbnails: as many as a telephone has room for
const THUMB = 48;

// ---- arithmetic: p holds the probabilities of one image, data is {class_names, labels, probabilities} --------------

/** The class that the model takes it for: the most probable, the first of several. */
export const guess = (p) => p.indexOf(Math.max(...p));
export const confidence = (p) => Math.max(...p);
/** How far the first choice is ahead of the second. */
export const margin = (p) => {
  const [first, second] = [...p].sort((a, b) => b - a);
  return first - second;
};
/** Cross-entropy −ln p of the true class, in nats: 0 if the model was sure and right, ∞ if it held the truth impossible. */
export const loss = (p, label) => (p[label] === 1 ? 0 : -Math.log(p[label]));

const KEYS = {
  "as given": () => 0, "most confident": (p) => -confidence(p), "least confident": (p) => confidence(p),
  "largest loss": (p, label) => -loss(p, label), "smallest loss": loss, "smallest margin": (p) => margin(p),
};
const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0); // the difference of two infinities is no number

/** Indices of the images that pass the filters, in the order asked for; equal ones keep their own order. */
export function filtered({ true_class, predicted_class, verdict, order }, { class_names, labels, probabilities }) {
  const passes = (i) => {
    const taken = guess(probabilities[i]);
    return (true_class === null || class_names[labels[i]] === true_class) && (predicted_class === null || class_names[taken] === predicted_class) &&
      (verdict === "all" || (verdict === "right") === (taken === labels[i]));
  };
  const keys = probabilities.map((p, i) => KEYS[order](p, labels[i]));
  return range(labels.length).filter(passes).sort((a, b) => compare(keys[a], keys[b]));
}

/** How good the predictions of these images are: accuracy, mean confidence, mean loss; null for no images. */
export function summary(indices, { labels, probabilities }) {
  const mean = (value) => (indices.length ? indices.reduce((sum, i) => sum + value(probabilities[i], labels[i]), 0) / indices.length : null);
  return { count: indices.length, accuracy: mean((p, label) => +(guess(p) === label)), confidence: mean(confidence), loss: mean(loss) };
}

/** How often each class (row) was taken for each class (column) among these images. */
export function confusion(indices, { class_names, labels, probabilities }) {
  const matrix = class_names.map(() => class_names.map(() => 0));
  for (const i of indices) matrix[labels[i]][guess(probabilities[i])] += 1;
  return matrix;
}

const all = (given) => ({ class_names: given("class_names"), labels: given("labels"), probabilities: given("probabilities") });

function clean(state, given) {
  const data = all(given), n = data.labels.length;
  for (const name of ["true_class", "predicted_class"]) if (!data.class_names.includes(state[name])) state[name] = null;
  if (!VERDICTS.includes(state.verdict)) state.verdict = "all";
  if (!ORDERS.includes(state.order)) state.order = "as given";
  const number = (value, otherwise) => (typeof value === "number" && !Number.isNaN(value) ? value : otherwise);
  state.threshold = clamp(number(state.threshold, 0.5), 0, 1);
  state.selected = clamp(Math.round(number(state.selected, 0)), 0, n - 1);
  const shown = filtered(state, data);
  if (shown.length && !shown.includes(state.selected)) state.selected = shown[0];
  return state;
}

const percent = (share, digits = 1) => (share === null ? "none" : `${format(100 * share, digits)}\u00a0%`);
/** A probability as one reads it; what is not quite 0 or 1 does not look like it. */
export const probability = (p) => (p > 0 && p < 0.0001 ? "<\u00a00.01\u00a0%" : p < 1 && p > 0.9999 ? ">\u00a099.99\u00a0%" : percent(p, 2));
const a = (name) => `${/^[aeiou]/i.test(name) ? "an" : "a"} ${name}`;

export default explorer({
  name: "prediction_browser",
  python: "PredictionBrowser",
  title: "Prediction browser",
  traits: ["selected", "true_class", "predicted_class", "verdict", "order", "threshold"],
  clean,
  derive: (state, given) => {
    const data = all(given), shown = filtered(state, data);
    return { shown, accuracy: summary(shown, data).accuracy, confusion_matrix: confusion(shown, data) };
  },

  build(ui) {
    const data = all(ui.given), { class_names: names, labels, probabilities } = data;
    const { columns, rows } = ui.given("sheet"), caption = ui.given("caption");
    // One rule for all pictures, so that the text of the sheet stands in the page once.
    const sheet = uid("cx-sheet");
    const style = h("style", { text: `.${sheet} { background-image: url("${ui.given("sprite")}"); background-repeat: no-repeat; image-rendering: pixelated; }` });
    const picture = (i, size) => ({ backgroundSize: `${columns * size}px ${rows * size}px`,
      backgroundPosition: `${-(i % columns) * size}px ${-Math.floor(i / columns) * size}px` });

    const choose = (trait, label) => ui.choice({ trait, label, options: [[null, "any"], ...names.map((name) => [name, name])] });
    const first = (order) => ({ order, selected: filtered({ ...ui.state(), order }, data)[0] ?? ui.state().selected });
    const plain = (values) => values.map((value) => [value, value]);
    let shown = [];
    const go = (by) => () => ui.set({ selected: shown[(shown.indexOf(ui.state().selected) + by + shown.length) % shown.length] }, "selected");
    const back = ui.button("Previous image", go(-1)), on = ui.button("Next image", go(1));

    // Thumbnails; the last row may have places without an image.
    const gallery = grid({ label: "images", caption: "images", select: (r, c) => {
      if (!shown.length) return;
      ui.set({ selected: shown[Math.min(r * COLUMNS + c, shown.length - 1)] }, "selected");
      const here = gallery.element.querySelector("[tabindex='0']");
      if (gallery.element.contains(document.activeElement)) here.focus({ preventScroll: false });
    } });
    const stage = gallery.element.querySelector(".cx-stage");
    for (const side of ["--w", "--h"]) stage.style.setProperty(side, `${THUMB}px`);
    Object.assign(stage.parentElement.style, { maxHeight: "27rem", overflowY: "auto" });
    const none = h("p", { text: "No image passes these filters." });

    // The chosen image, its probabilities and what follows from them.
    const SIZE = 192;
    const large = h("div", { role: "img", class: sheet, style: { width: `${SIZE}px`, height: `${SIZE}px`, border: "1px solid var(--line)" } });
    const title = h("figcaption", {});
    const bars = names.map((name) => {
      const bar = h("div", { style: { height: "0.8rem", background: "var(--mark)", minWidth: "1px" } });
      const head = h("th", { scope: "row" }), number = h("td", { style: { whiteSpace: "nowrap" } });
      return { name, bar, head, number, row: h("tr", {}, head, h("td", { "aria-hidden": "true", style: { width: "4.5rem", padding: "0 2px" } }, bar), number) };
    });
    const sums = h("p", {});
    const detail = h("div", { style: { flex: "1 1 14.5rem", maxWidth: "20rem" } }, h("figure", { class: "cx-pane" }, title, large), sums,
      h("table", { style: { width: "100%" }, "aria-label": "probabilities" }, h("tbody", {}, ...bars.map((bar) => bar.row))));

    // The confusion matrix, with names beside and above it.
    const matrix = grid({ label: "confusion matrix", select: (r, c) => ui.set({ true_class: names[r], predicted_class: names[c] }) });
    const table = matrix.element.querySelector(".cx-stage"), cells = table.firstElementChild;
    const [wide, high] = [28, 28];
    table.style.setProperty("--w", `${wide}px`);
    table.style.setProperty("--h", `${high}px`);
    const small = { fontSize: "13px", whiteSpace: "nowrap" };
    const above = h("div", { "aria-hidden": "true", style: { display: "flex", gridColumn: "2", alignItems: "flex-end" } },
      ...names.map((name) => h("span", { text: name, style: { ...small, width: `${wide - 1}px`, lineHeight: `${wide - 1}px`, writingMode: "vertical-rl", transform: "rotate(180deg)" } })));
    const beside = h("div", { "aria-hidden": "true", style: { gridColumn: "1", textAlign: "right", paddingRight: "0.3rem" } },
      ...names.map((name) => h("div", { text: name, style: { ...small, height: `${high - 1}px`, lineHeight: `${high - 1}px` } })));
    Object.assign(table.style, { display: "grid", gridTemplateColumns: "max-content max-content" });
    cells.style.gridColumn = "2";
    table.prepend(above, beside);
    const every = ui.button("All classes", () => ui.set({ true_class: null, predicted_class: null }));

    const tight = { padding: "0.1rem 0.25rem" };
    const lines = Object.fromEntries(["shown", "sure", "unsure"].map((name) => [name, { head: h("th", { scope: "row", style: tight }), cells: range(4).map(() => h("td", { style: tight })) }]));
    const scores = h("table", { "aria-label": "how good they are" },
      h("thead", {}, h("tr", {}, ...["images", "count", "right", "mean confidence", "mean loss"].map((text) => h("th", { scope: "col", text, style: tight })))),
      h("tbody", {}, ...Object.values(lines).map(({ head, cells: own }) => h("tr", {}, head, ...own))));

    ui.root.append(style, h("p", { text: caption, hidden: !caption, style: { fontStyle: "italic" } }),
      ui.bar(choose("true_class", "True class"), choose("predicted_class", "Taken for"), ui.choice({ trait: "verdict", label: "Answer", options: plain(VERDICTS) }),
        ui.choice({ trait: "order", label: "Order", options: plain(ORDERS), choose: first })),
      ui.bar(back, on, every),
      ui.panes(h("div", {}, gallery.element, none), detail,
        h("div", { style: { flex: "1 1 22rem", maxWidth: "25rem" } }, matrix.element, ui.bar(ui.slider({ trait: "threshold", label: "Sure from", least: 0, most: 1, step: 0.01, show: (t) => percent(t, 0) })), scores)));

    return (state) => {
      shown = filtered(state, data);
      const at = shown.indexOf(state.selected), i = state.selected, p = probabilities[i], label = labels[i], taken = guess(p);
      none.hidden = shown.length > 0;
      gallery.element.hidden = !shown.length;
      back.disabled = on.disabled = shown.length < 2;
      every.disabled = state.true_class === null && state.predicted_class === null;
      const told = (k) => `image ${k}, ${a(names[labels[k]])}${guess(probabilities[k]) === labels[k] ? "" : `, taken for ${a(names[guess(probabilities[k])])}`}`;
      const empty = { text: "", label: "no image", style: { visibility: "hidden" } };
      gallery.draw({
        rows: Math.max(1, Math.ceil(shown.length / COLUMNS)), columns: COLUMNS, selected: at < 0 ? undefined : [Math.floor(at / COLUMNS), at % COLUMNS],
        caption: `${shown.length} of ${labels.length} images, ✗ wrong`,
        cell: (r, c) => {
          const k = shown[r * COLUMNS + c];
          if (k === undefined) return empty;
          const wrong = guess(probabilities[k]) !== labels[k];
          return { text: wrong ? "✗" : "", label: told(k), class: sheet, current: k === i,
            style: { visibility: "", boxShadow: k === i ? "inset 0 0 0 3px var(--mark), inset 0 0 0 6px var(--bg)" : "", ...picture(k, THUMB), color: "#fff", fontWeight: "700", fontSize: "16px", textShadow: "0 0 2px #000, 0 0 3px #000, 0 0 4px #000",
              alignItems: "flex-end", justifyContent: "flex-end", paddingRight: "4px" } };
        },
      });
      Object.assign(large.style, picture(i, SIZE));
      large.setAttribute("aria-label", `image ${i}, ${a(names[label])}`);
      title.textContent = `Image ${i}: ${a(names[label])}`;
      const best = [...p].sort((x, y) => y - x);
      bars.forEach(({ name, bar, head, number }, c) => {
        head.textContent = `${c === taken ? "▸ " : ""}${name}${c === label ? " (true)" : ""}`;
        head.style.fontWeight = c === taken ? "700" : "400";
        bar.style.width = `${100 * p[c]}%`;
        bar.style.background = c === label ? "var(--other)" : "var(--mark)";
        number.textContent = probability(p[c]);
      });
      sums.textContent = `Confidence ${probability(best[0])}, margin ${format(best[0], 4)} − ${format(best[1], 4)} = ${format(best[0] - best[1], 4)}, loss −ln ${+p[label].toPrecision(4)} = ${format(loss(p, label), 4)}.`;

      const others = filtered({ ...state, true_class: null, predicted_class: null }, data), counts = confusion(others, data), most = Math.max(1, ...counts.flat());
      const [row, column] = [names.indexOf(state.true_class), names.indexOf(state.predicted_class)];
      matrix.draw({
        rows: names.length, columns: names.length, selected: row < 0 || column < 0 ? undefined : [row, column],
        caption: `confusion matrix: rows true, columns taken for${state.verdict === "all" ? "" : `, only ${state.verdict} answers`}`,
        cell: (r, c) => ({ text: String(counts[r][c]), style: amount(counts[r][c], most),
          label: `${names[r]}, taken for ${names[c]}: ${counts[r][c]}`, current: r === row && c === column }),
      });

      const sure = shown.filter((k) => confidence(probabilities[k]) >= state.threshold);
      const unsure = shown.filter((k) => confidence(probabilities[k]) < state.threshold);
      const parts = { shown: ["shown", shown], sure: [`${percent(state.threshold, 0)} or surer`, sure], unsure: ["less sure", unsure] };
      for (const [name, [text, indices]] of Object.entries(parts)) {
        const { count, accuracy, confidence: mean, loss: cost } = summary(indices, data);
        lines[name].head.textContent = text;
        const own = [String(count), percent(accuracy), percent(mean), cost === null ? "none" : format(cost, 3)];
        lines[name].cells.forEach((cell, k) => { cell.textContent = own[k]; });
      }
      const { accuracy } = summary(shown, data);
      const whole = shown.length ? `${shown.length} of ${labels.length} images are shown, ${percent(accuracy)} of them right.` : "No image passes these filters.";
      const verdict = taken === label ? `which is right, with ${probability(p[taken])}` : `with ${probability(p[taken])}, and gives ${a(names[label])} ${probability(p[label])}`;
      return shown.length ? `Image ${i} is ${a(names[label])}. The model says ${names[taken]}, ${verdict}: loss −ln ${+p[label].toPrecision(4)} = ${format(loss(p, label), 4)}. ${whole}` : whole;
    };
  },
});
