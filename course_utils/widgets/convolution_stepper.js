import { clamp, explorer, format, grey, grid, h, range, signed, table } from "./toolkit.js";

const CHANNELS = ["red", "green", "blue"];

/** The feature map: image [H][W][C], kernel [kh][kw][C]. flip: turn the kernel by 180 degrees first, as mathematics does. */
export function featureMap({ image, kernel, bias, flip }) {
  return table(image.length - kernel.length + 1, image[0].length - kernel[0].length + 1, (r, c) =>
    bias + sum(products({ image, kernel, flip, row: r, column: c }).flat(2)));
}

/** The products of the window at (row, column): [kh][kw][C]. */
export function products({ image, kernel, flip, row, column }) {
  const [kh, kw] = [kernel.length, kernel[0].length];
  return table(kh, kw, (m, n) => range(image[0][0].length).map((k) =>
    image[row + m][column + n][k] * (flip ? kernel[kh - 1 - m][kw - 1 - n][k] : kernel[m][n][k])));
}

export const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);

/** The kernel with so many rows and columns: cut, or grown by zeros, around its middle. */
export function resized(kernel, rows, columns = rows) {
  const [down, right] = [Math.floor((kernel.length - rows) / 2), Math.floor((kernel[0].length - columns) / 2)];
  return table(rows, columns, (r, c) => kernel[r + down]?.[c + right] ?? kernel[0][0].map(() => 0));
}

/** Any number of channels from any other: the first is repeated, or the rest dropped. */
const withChannels = (plane, channels) => plane.map((row) => row.map((pixel) => range(channels).map((k) => pixel[k] ?? pixel[0])));

function clean(state) {
  const channels = state.image[0][0].length;
  if (state.kernel[0][0].length !== channels) state.kernel = withChannels(state.kernel, channels);
  const same = (row, width) => row.length === width && row.every((pixel) => pixel.length === channels && pixel.every(Number.isFinite));
  for (const plane of [state.image, state.kernel])
    if (!plane.every((row) => same(row, plane[0].length))) throw new Error("rows of unlike length");
  state.kernel = resized(state.kernel, Math.min(state.kernel.length, state.image.length), Math.min(state.kernel[0].length, state.image[0].length));
  state.row = clamp(Math.round(state.row) || 0, 0, state.image.length - state.kernel.length);
  state.column = clamp(Math.round(state.column) || 0, 0, state.image[0].length - state.kernel[0].length);
  if (!Number.isFinite(state.bias)) state.bias = 0;
  return state;
}

export default explorer({
  name: "convolution_stepper",
  python: "ConvolutionStepper",
  title: "Convolution stepper",
  traits: ["image", "kernel", "bias", "flip", "row", "column"],
  clean,
  derive: (state) => ({ feature_map: featureMap(state), products: products(state) }),

  build(ui) {
    const { kernels, images } = ui.given("presets");
    const named = (options, value) => Object.keys(options).find((name) => JSON.stringify(options[name]) === JSON.stringify(value));
    const preset = (label, options, choose, present) => {
      const none = "own numbers";
      const control = ui.choice({ trait: null, label, options: [none, ...Object.keys(options)].map((name) => [name, name]),
        choose: (name) => (name === none ? {} : choose(options[name])) });
      const select = control.querySelector("select");
      return { element: control, draw: (state) => { select.value = present(options, state) ?? none; } };
    };
    const pickImage = preset("Image", images,
      (image) => ({ image, kernel: withChannels(ui.state().kernel, image[0][0].length), row: 0, column: 0 }),
      (options, state) => named(options, state.image));
    const pickKernel = preset("Kernel", kernels,
      (kernel) => ({ kernel: withChannels(kernel, ui.state().image[0][0].length) }),
      (options, state) => Object.keys(options).find((name) =>
        JSON.stringify(withChannels(options[name], state.image[0][0].length)) === JSON.stringify(state.kernel)));
    const size = ui.choice({ trait: "kernel", label: "Kernel size", options: range(5).map((i) => [i + 1, `${i + 1} × ${i + 1}`]),
      choose: (side) => ({ kernel: resized(ui.state().kernel, side) }) });
    const sizeList = size.querySelector("select");

    const edited = (plane, k) => (r, c, value) =>
      ui.set({ [plane]: ui.state()[plane].map((row, i) => row.map((pixel, j) => pixel.map((v, n) => (i === r && j === c && n === k ? value : v)))) },
        `${plane} ${r} ${c} ${k}`);
    const lines = h("div", {}); // one for each channel: image, kernel, products
    const map = grid({ label: "feature map", caption: "feature map", select: (row, column) => ui.set({ row, column }, "position") });
    let planes = null;
    const planesFor = (channels) => {
      const names = channels === 1 ? [""] : channels === 3 ? CHANNELS : range(channels).map((k) => `channel ${k + 1}`);
      const of = (what, make) => names.map((name, k) => make(`${what}${name && ", " + name}`, k));
      planes = {
        names,
        image: of("image", (label, k) => grid({ label, edit: edited("image", k) })),
        kernel: of("kernel", (label, k) => grid({ label, edit: edited("kernel", k) })),
        products: of("products", (label) => grid({ label })),
      };
      lines.replaceChildren(...names.map((_, k) =>
        ui.panes(planes.image[k].element, planes.kernel[k].element, planes.products[k].element)));
    };

    // Predict first: the value of the window is hidden until it was guessed or shown.
    let seen = new Set(), known = "", hiding = false;
    const box = h("input", { type: "checkbox", id: "cx-predict-" + Math.random().toString(36).slice(2), on: { change: () => { hiding = box.checked; seen = new Set(); ui.set({}); } } });
    const guess = h("input", { type: "number", step: "any", "aria-label": "Your prediction", on: { keydown: (e) => { if (e.key === "Enter") check(); } } });
    const reply = h("span", { role: "status" });
    const here = () => `${ui.state().row} ${ui.state().column}`;
    const check = () => {
      if (guess.value.trim() === "") return;
      const value = featureMap(ui.state())[ui.state().row][ui.state().column];
      const right = Math.abs(+guess.value - value) < 0.005 * Math.max(1, Math.abs(value));
      reply.textContent = right ? "Right." : `Not ${format(+guess.value)}. Add the products once more.`;
      if (right) reveal();
    };
    const reveal = () => { seen.add(here()); guess.value = ""; ui.set({}); };
    const asking = h("span", { class: "cx-control" }, "The sum is", guess, ui.button("Check", check), ui.button("Show it", () => { reply.textContent = ""; reveal(); }), reply);

    const step = (by) => () => {
      const { image, kernel, row, column } = ui.state();
      const [oh, ow] = [image.length - kernel.length + 1, image[0].length - kernel[0].length + 1];
      const place = (row * ow + column + by + oh * ow) % (oh * ow);
      ui.set({ row: Math.floor(place / ow), column: place % ow }, "position");
    };
    let timer = null;
    const play = ui.button("Play", () => {
      timer = timer ? clearInterval(timer) : setInterval(() => (play.isConnected ? step(1)() : clearInterval(timer)), 700);
      play.textContent = timer ? "Pause" : "Play";
    });

    ui.root.append(
      ui.bar(pickImage.element, pickKernel.element, size, ui.number({ trait: "bias", label: "Bias" }), ui.tick({ trait: "flip", label: "Turn the kernel (convolution in mathematics)" })),
      ui.bar(ui.button("Previous window", step(-1)), ui.button("Next window", step(1)), play, h("span", { class: "cx-control" }, box, h("label", { for: box.id, text: "Predict first" })), asking),
      ui.panes(lines, map.element));

    return (state) => {
      const { image, kernel, bias, row, column } = state;
      const channels = image[0][0].length, [kh, kw] = [kernel.length, kernel[0].length];
      if (planes?.names.length !== channels) planesFor(channels);
      const out = featureMap(state), now = products(state);
      const key = JSON.stringify([image, kernel, bias, state.flip]);
      if (key !== known) [known, seen] = [key, new Set()];
      const hidden = (r, c) => hiding && !seen.has(`${r} ${c}`);
      asking.hidden = !hidden(row, column);
      pickImage.draw(state);
      pickKernel.draw(state);
      sizeList.selectedIndex = kh === kw && kh <= 5 ? kh - 1 : -1;
      const [least, most] = [Math.min(0, ...image.flat(2)), Math.max(1, ...image.flat(2))];
      const heaviest = Math.max(...kernel.flat(2).map(Math.abs)), largest = Math.max(...out.flat().map(Math.abs));
      const turned = (m, n) => (state.flip ? kernel[kh - 1 - m][kw - 1 - n] : kernel[m][n]);
      planes.names.forEach((name, k) => {
        const suffix = name && `, ${name}`;
        planes.image[k].draw({ rows: image.length, columns: image[0].length, frames: [[row, column, kh, kw]], cell: (r, c) => {
          const inside = r >= row && r < row + kh && c >= column && c < column + kw, v = image[r][c][k];
          return { text: format(v), value: v, style: grey(v, least, most), class: inside ? "cx-window" : "",
            label: `row ${r}, column ${c}: ${format(v)}${inside ? ", under the kernel" : ""}` };
        } });
        planes.kernel[k].draw({ rows: kh, columns: kw, cell: (r, c) => {
          const v = kernel[r][c][k];
          return { text: format(v), value: v, style: signed(v, heaviest), label: `weight in row ${r}, column ${c}: ${format(v, 4)}` };
        } });
        planes.products[k].draw({ rows: kh, columns: kw,
          label: `products${suffix}: ` + range(kh).map((m) => range(kw).map((n) => `${format(image[row + m][column + n][k])} × ${format(turned(m, n)[k])} = ${format(now[m][n][k])}`).join(", ")).join("; "),
          caption: `products${suffix}: sum ${hidden(row, column) ? "?" : format(sum(now.flat().map((p) => p[k])))}`,
          cell: (m, n) => ({ text: format(now[m][n][k], 1), style: signed(now[m][n][k], Math.max(...now.flat(2).map(Math.abs))) }) });
      });
      map.draw({ rows: out.length, columns: out[0].length, selected: [row, column], cell: (r, c) => ({
        text: hidden(r, c) ? "?" : format(out[r][c], 1), current: r === row && c === column, style: hidden(r, c) ? {} : signed(out[r][c], largest),
        label: `row ${r}, column ${c}: ${hidden(r, c) ? "not known yet" : format(out[r][c])}` }) });
      const terms = channels === 1
        ? range(kh).flatMap((m) => range(kw).map((n) => `${format(image[row + m][column + n][0])}×${format(turned(m, n)[0])}`))
        : planes.names.map((name, k) => `${name} ${format(sum(now.flat().map((p) => p[k])))}`);
      const total = hidden(row, column) ? "?" : format(out[row][column]);
      return `Row ${row}, column ${column} of ${out.length} × ${out[0].length}: ${terms.join(" + ")}${bias ? ` + bias ${format(bias)}` : ""} = ${total}`;
    };
  },
});
