# ---
# jupyter:
#   course:
#     budget_s:
#       cpu: 300
#       gpu: 300
#       smoke: 60
#     data: []
#     day: 3
#     frameworks:
#     - keras
#     - torch
#     minutes: 90
#     title: Padding and stride
#   jupytext:
#     formats: py:percent
#     notebook_metadata_filter: course,-jupytext.text_representation.jupytext_version
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Day 3: Padding and stride
#
# **What does a network see where the picture ends?**
#
# After this day you can (in brackets: the question of the exercise that asks for it)
#
# 1. work out the length of any output, with padding, stride and dilation, and say why there is a floor in the formula
#    [1];
# 2. pad a picture in five ways, and say what each of them invents [2];
# 3. write a convolution with stride, padding and dilation [3];
# 4. say how many pixels "same" adds in Keras and in PyTorch, and on which side [4, 5];
# 5. count how often each pixel is read, and say which layers let a shift pass through unchanged [6, 7].
#
# **Time** about 90 minutes. **You need** Day 2: kernel, window, feature map, Sobel. From Day 1: *equivariant* means
# that the map of a shifted picture is the shifted map.

# %% tags=["parameters"]
PROFILE = "auto"  # "smoke", "cpu", "gpu", or "auto": gpu where one is visible, else cpu
SEED = 0

# %%
import matplotlib.pyplot as plt
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from course_utils import plots, profiles
from course_utils.claims import claim, result
from course_utils.reference import KERNELS

profile = profiles.start(PROFILE, seed=SEED, frameworks=("keras", "torch"))


def conv2d(image, kernel):
    """Day 2's convolution: the kernel stays inside the image and moves by one pixel."""
    return np.einsum("ijmn,mn->ij", sliding_window_view(image, kernel.shape), kernel)


# %% [markdown] topics=["D1"]
# ## The idea: the card hangs over the edge
#
# Remember the card with nine numbers. To get an output *for* a pixel, we lay the middle of the card on it. What
# happens at the corner of the picture? **Before you run:** how many of the nine numbers have no pixel under them?

# %%
image = np.arange(1, 26).reshape(5, 5)
around = np.pad(image.astype(float), 1, constant_values=np.nan)  # NaN: there is nothing
fig, axes = plt.subplots(1, 3, figsize=(9.2, 3.4))
for ax, (row, column), place in zip(axes, [(0, 0), (0, 2), (2, 2)], ["a corner", "an edge", "the middle"], strict=True):
    undefined = int(np.isnan(around[row : row + 3, column : column + 3]).sum())
    plots.pixels(around, f"{place}: {undefined} cells undefined", ax, highlight=(row, column, 3, 3), labels=False)
plots.show(
    fig,
    alt="An image of 5 by 5 pixels with nothing around it, three times. A frame of 3 by 3 cells is centred on the corner "
    "pixel, where 5 of its cells are empty, on a pixel of the upper edge, where 3 are empty, and on the middle, where none is.",
)
claim("cells without a pixel at a corner", np.isnan(around[:3, :3]).sum(), 5, source="T14")


# %% [markdown]
# There are two ways out, and only two.
#
# - **Stay inside.** Use only the places where the whole card lies on pixels. The map gets smaller. Frameworks call
#   this **valid**.
# - **Invent pixels.** Put something around the picture so that the card can hang over. This is called **padding**.
#
# And a third question is waiting: must the card move by *one* pixel? The step is the **stride**. And must its nine
# holes be neighbours? Their distance is the **dilation**. All four are choices, not laws. Today you see what each
# choice costs.
#
# ## How long is the output?
#
# Rows and columns are treated alike, so one line of pixels is enough. The cell draws a line of pixels, and below it
# every window, one in each row. Filled squares are the pixels that it reads.

# %%
def draw_windows(ax, n, k, stride=1, padding=0, dilation=1):
    """All windows over a line of n pixels; padding is drawn pale. Returns how many there are."""
    span = dilation * (k - 1) + 1  # pixels from the first weight to the last, both included
    places = range(-padding, n + padding - span + 1, stride)
    for pixel in range(-padding, n + padding):
        inside = 0 <= pixel < n
        ax.add_patch(plt.Rectangle((pixel - 0.45, -0.45), 0.9, 0.9, color=plots.INK, alpha=0.9 if inside else 0.2))
    for row, place in enumerate(places, start=1):
        ax.plot([place, place + span - 1], [row, row], "-", color=plots.COLOURS[0], linewidth=1)
        for m in range(k):
            ax.add_patch(plt.Rectangle((place + dilation * m - 0.35, row - 0.35), 0.7, 0.7, color=plots.COLOURS[0]))
    ax.set(xlim=(-2.7, 9.7), ylim=(7.7, -0.7), xticks=range(n), yticks=[], aspect="equal")
    ax.set_xlabel("pixel")
    ax.spines["left"].set_visible(False)
    ax.set_title(f"n = {n}, k = {k}, s = {stride}, p = {padding}, d = {dilation}\n{len(places)} outputs", fontsize=10)
    return len(places)


# %%
fig, axes = plt.subplots(2, 3, figsize=(9.4, 5.8))
settings = [(7, 3, 1, 0, 1), (7, 3, 1, 1, 1), (7, 3, 2, 0, 1), (8, 3, 2, 0, 1), (7, 3, 2, 1, 1), (7, 3, 1, 0, 2)]
counted = [draw_windows(ax, *setting) for ax, setting in zip(axes.flat, settings, strict=True)]
told = "; ".join(
    f"n={n}, k={k}, s={s}, p={p}, d={d}: {c}" for (n, k, s, p, d), c in zip(settings, counted, strict=True)
)
plots.show(fig, alt=f"Windows over a line of pixels in six settings, with the number of outputs. {told}.")

# %% [markdown]
# Compare the third picture with the fourth. One pixel more, and not one output more: the next jump would need two
# more pixels, so the last pixel is never read. Count instead of believing, and the formula comes by itself:
#
# - The kernel **spans** $d\,(k-1)+1$ pixels, from its first weight to its last.
# - With $p$ pixels added on each side there are $n + 2p$. The first window uses up one span. What is left is room to
#   jump.
# - Each jump takes $s$ pixels. Only *whole* jumps count, so round down. That is the **floor**, $\lfloor\;\rfloor$.
# - One window stood there before the first jump: $+\,1$.
#
# $$ n_{out} \;=\; \left\lfloor \frac{n + 2p - d\,(k-1) - 1}{s} \right\rfloor + 1 $$
#
# | symbol | what it is |
# |---|---|
# | $n$, $n_{out}$ | length of input and output along one axis, in pixels |
# | $k$ | length of the kernel, in weights |
# | $p$ | **padding**: pixels added before the first *and* after the last |
# | $s$ | **stride**: pixels from one window to the next |
# | $d$ | **dilation**: pixels from one weight to the next; 1 is the ordinary kernel |
#
# **Before you run:** apply it to the six pictures on paper.

# %%
n, k, s, p, d = np.array(settings).T
claim("the formula gives what we counted", (n + 2 * p - d * (k - 1) - 1) // s + 1, np.array(counted), source="T08")
claim("32 pixels, kernel 3, stride 2: outputs", (32 - 3) // 2 + 1, 15, source="M30")

# %% [markdown] topics=["D2"]
# ## Stay inside, and pay
#
# Staying inside costs two things. The first is size: each layer of 3 × 3 takes two rows and two columns. **Before you
# run:** how many such layers can you put on a CIFAR-10 picture, 32 × 32, until no window fits any more?

# %%
sides = [32]
while sides[-1] >= 3:
    sides.append(sides[-1] - 2)
print(sides)
claim("layers of 3 × 3 that fit on 32 pixels", len(sides) - 1, 15)

# %% [markdown]
# The second cost is harder to see. **Before you run:** a 3 × 3 kernel visits all nine windows of a 5 × 5 picture.
# Write down how many of the windows read the corner pixel, the pixel in the middle of an edge, and the centre. Then
# imagine zeros around the picture, so that there are 25 windows, and write down the three numbers again. Are they
# equal now?

# %%
inside = np.zeros((5, 5), dtype=int)
for row in range(3):
    for column in range(3):
        inside[row : row + 3, column : column + 3] += 1  # this window reads these nine pixels

with_zeros = np.zeros((7, 7), dtype=int)  # one pixel more on each side
for row in range(5):
    for column in range(5):
        with_zeros[row : row + 3, column : column + 3] += 1
with_zeros = with_zeros[1:-1, 1:-1]  # the picture's own pixels

# %%
fig, axes = plt.subplots(1, 2, figsize=(6, 3.2))
for ax, counts, title in zip(axes, (inside, with_zeros), ("valid", "zeros around"), strict=True):
    plots.pixels(counts, f"{title}: windows that read a pixel", ax, labels=False, limits=(0, 9))
plots.show(fig, alt=f"Windows that read each pixel. Valid: {inside.tolist()}. Zeros around: {with_zeros.tolist()}.")
claim("valid: corner, edge, centre", inside[[0, 0, 2], [0, 2, 2]], np.array([1, 3, 9]), source="F29")
claim("zeros around: corner, edge, centre", with_zeros[[0, 0, 2], [0, 2, 2]], np.array([4, 6, 9]), source="F29")


# %% [markdown]
# Without padding the corner has one voice in the whole map, the centre nine. Zeros help the corner up to four, and no
# further: the window that is centred on it reads four pixels and five zeros. A mark in the corner of an X-ray weighs
# less in the next map than the same mark in the middle, with zeros around or without.
#
# ## Invent pixels: zeros
#
# The plainest invention is **zero padding**. From scratch it is three lines.

# %%
def pad_zeros(image, p):
    padded = np.zeros((image.shape[0] + 2 * p, image.shape[1] + 2 * p))
    padded[p : p + image.shape[0], p : p + image.shape[1]] = image
    return padded


for k in (1, 3, 5, 7):
    p = (k - 1) // 2
    rows, columns = conv2d(pad_zeros(image, p), np.ones((k, k))).shape
    print(f"k = {k}: {p} pixels on each side, output {rows} × {columns}")
    claim(f"k = {k} keeps the size", (rows, columns), image.shape)

# %% [markdown] topics=["D7"]
# With stride 1 a kernel takes $k-1$ pixels away. Give back half of them on each side, $p = (k-1)/2$, and the map is
# as large as the picture. Frameworks call that **same**. **Before you run:** what does the rule say for a kernel of
# 4?

# %%
claim("pixels on each side for k = 4", (4 - 1) / 2, 1.5, source="M57")
line = np.arange(1, 8)
for before, after in [(1, 1), (1, 2), (2, 2)]:
    outputs = len(sliding_window_view(np.pad(line, (before, after)), 4))
    print(f"7 pixels, k = 4, {before} before and {after} after: {outputs} outputs")
claim("one more after than before keeps the size", len(np.pad(line, (1, 2))) - 4 + 1, 7)

# %% [markdown] topics=["D3"]
# Half a pixel cannot be added. An even kernel has no middle, so its map sits half a pixel beside the picture: one
# side gets one pixel more. This is the plain reason why almost everybody takes odd kernels.
#
# ## Five ways to invent a pixel
#
# Why zeros? Nothing in the picture says so. Here is a short line, 1 2 3 4. What could stand before the 1? Each idea
# is one slice. **Before you run:** write down two pixels to the left for each.

# %%
line = np.array([1, 2, 3, 4])
left_of = {
    "zero": np.zeros(2, dtype=int),  # black
    "reflect": line[1:3][::-1],  # a mirror that stands ON the 1
    "symmetric": line[0:2][::-1],  # a mirror that stands BEFORE the 1
    "replicate": np.repeat(line[:1], 2),  # the 1 over and over
    "circular": line[-2:],  # the other end, as on a ring
}
for mode, pixels in left_of.items():
    print(f"{mode:10s} {pixels} | {line}")
expected = np.array([[0, 0], [3, 2], [2, 1], [1, 1], [3, 4]])
claim("two pixels to the left, mode by mode", np.array(list(left_of.values())), expected)

# %% [markdown] topics=["D4", "D5"]
# Reflect and symmetric are confused everywhere. Look at the 1: **symmetric** writes it twice, **reflect** does not.
# On the first pixel outside, symmetric and replicate agree; on the second they part.
#
# A picture is padded along one axis, then along the other, so corners are filled too. From here on NumPy's `pad` does
# it for us (you will write your own in the exercise). Its names differ from PyTorch's, hence the table.

# %%
NUMPY = {"zero": "constant", "reflect": "reflect", "symmetric": "symmetric", "replicate": "edge", "circular": "wrap"}
small = np.arange(1, 10).reshape(3, 3)
padded = {mode: np.pad(small, 2, mode=name) for mode, name in NUMPY.items()}
fig, axes = plt.subplots(2, 3, figsize=(9, 6.4))
plots.pixels(np.pad(small.astype(float), 2, constant_values=np.nan), "the picture", axes[0, 0], labels=False)
for ax, (mode, pixels) in zip(list(axes.flat)[1:], padded.items(), strict=True):
    plots.pixels(pixels, mode, ax, highlight=(2, 2, 3, 3), labels=False, limits=(0, 9))
told = " ".join(f"{mode}: {pixels.tolist()}." for mode, pixels in padded.items())
plots.show(fig, alt=f"The picture 1 to 9, padded by two pixels in five ways, the picture itself framed. {told}")

# %% [markdown]
# | | zero | reflect | symmetric | replicate | circular |
# |---|---|---|---|---|---|
# | NumPy `pad` | `constant` | `reflect` | `symmetric` | `edge` | `wrap` |
# | PyTorch `Conv2d(padding_mode=...)` | `zeros` | `reflect` | – | `replicate` | `circular` |
# | Keras `ops.pad`, on TensorFlow | `constant` | `reflect` | `symmetric` | – | – |
# | `scipy.ndimage` | `constant` | **`mirror`** | **`reflect`** | `nearest` | `wrap` |
#
# The last row is a trap: what SciPy calls `reflect` is everybody else's `symmetric`.

# %%
from scipy import ndimage

shift_left = np.array([1, 0, 0])  # copies the left neighbour
for name in ("mirror", "reflect"):
    print(f"scipy.ndimage, {name}: left of the 1 stands a", ndimage.correlate1d(line, shift_left, mode=name)[0])
claim(
    "SciPy's 'reflect' is symmetric", ndimage.correlate1d(line, shift_left, mode="reflect")[0], left_of["symmetric"][1]
)
claim("SciPy's 'mirror' is reflect", ndimage.correlate1d(line, shift_left, mode="mirror")[0], left_of["reflect"][1])

# %% [markdown]
# ### Who is read how often now?
#
# A padded pixel is a copy. If copies count for their original, the touch counts change. **Before you run:** in which
# modes are all pixels equal? And in which one is a pixel read *more* often than the centre?

# %%
numbers = np.arange(25).reshape(5, 5)  # each pixel is its own name, so a copy tells whose it is
reads = {}
for mode, name in NUMPY.items():
    names = np.pad(numbers, 1, mode=name, **({"constant_values": 25} if mode == "zero" else {}))  # 25: nobody
    reads[mode] = np.bincount(sliding_window_view(names, (3, 3)).ravel())[:25].reshape(5, 5)
fig, axes = plt.subplots(1, 5, figsize=(10, 2.5))
for ax, (mode, counts) in zip(axes, reads.items(), strict=True):
    plots.pixels(counts, mode, ax, labels=False, limits=(0, 20))
told = " ".join(f"{mode}: {counts.tolist()}." for mode, counts in reads.items())
plots.show(fig, alt=f"How often each pixel of 5 by 5 is read, copies included. {told}")
for mode in ("symmetric", "replicate", "circular"):
    claim(f"{mode}: the counts that occur", np.unique(reads[mode]), np.array([9]))
claim("reflect: the corner's diagonal neighbour is read, times", reads["reflect"][1, 1], 16)

for mode in ("symmetric", "replicate", "circular"):
    names = sliding_window_view(np.pad(numbers, 2, mode=NUMPY[mode]), (5, 5))
    corner, edge, centre = np.bincount(names.ravel())[[0, 2, 12]]
    print(f"{mode:10s} 5 × 5: corner {corner}, edge {edge}, centre {centre}")
    claim(f"{mode}, 5 × 5: corner and centre alike", corner == centre, mode != "replicate")

# %% [markdown]
# Reflect takes from the border and gives to its neighbours: the corner stays at 4, the pixel diagonally beside it is
# read 16 times. Symmetric and circular stay fair with 5 × 5; replicate does not, there it favours the border. And
# fair by count is not fair by content: the copies stand in places where they were never photographed.
#
# ## The frame
#
# Now the first surprise. Take the dullest picture there is: white paper, every pixel 1. Average each window (nine
# weights of 1/9). Any average of ones is one. **Before you run:** what will the map with zero padding look like?

# %%
paper, mean = np.ones((6, 6)), np.full((3, 3), 1 / 9)
framed = conv2d(np.pad(paper, 1), mean)
plots.show(
    plots.pixels(framed.round(2), "mean, zero padding", limits=(0, 1)),
    alt=f"A map of 6 by 6. Inside all values are 1, along the edges {framed[0, 2]:.2f}, in the corners {framed[0, 0]:.2f}.",
)
claim("corner, edge, inside", framed[[0, 0, 2], [0, 2, 2]], np.array([4, 6, 9]) / 9, tolerance=1e-12)
others = [conv2d(np.pad(paper, 1, mode=name), mean) for mode, name in NUMPY.items() if mode != "zero"]
claim("the other four draw no frame on paper", np.array(others), np.ones((4, 6, 6)), tolerance=1e-12)

# %% [markdown] topics=["D8"]
# A dark frame, which nobody photographed. The numbers are the touch counts divided by nine: the same fact, seen from
# the other end. And it grows. **Before you run:** apply the average 1, 2, 4, 8 and 16 times to white paper of 32 ×
# 32. How wide is the frame each time?

# %%
rows_after, widths, sheet = {}, [], np.ones((32, 32))
for layer in range(1, 17):
    sheet = conv2d(np.pad(sheet, 1), mean)
    if layer in (1, 2, 4, 8, 16):
        rows_after[f"{layer} layers" if layer > 1 else "1 layer"] = sheet[16, :16]
        widths.append(int((sheet[16, :16] < 1 - 1e-9).sum()))
fig = plots.curves(
    rows_after,
    "the middle row of white paper, left half",
    x=range(16),
    xlabel="column (pixels)",
    ylabel="value (paper is 1)",
)
fig.axes[0].set_xticks(range(0, 16, 3))
plots.show(
    fig,
    alt=f"The middle row after several averaging layers with zero padding. The frame is {widths} columns wide on each side "
    f"after 1, 2, 4, 8 and 16 layers; the outermost pixel has sunk to {sheet[16, 0]:.2f}.",
)
claim("width of the frame, in columns", widths, [1, 2, 4, 8, 16])

# %% [markdown]
# Each layer lets the border reach one pixel further in, if ever more faintly. Zero padding keeps the *size* for as
# many layers as you like; what it cannot keep is the *content*. In a deep network on small pictures the border is
# everywhere.
#
# ## One edge detector, five paddings
#
# Now a photograph, and the **edge strength**: Sobel from left to right, Sobel from top to bottom, and the root of the
# sum of their squares. **Before you run:** the five maps are the same but for one place. Which place? Which padding
# will draw the strongest frame there? Which one will find too *few* edges?

# %%
from skimage import data as photos

photo = photos.astronaut()[:256, 130:386].reshape(64, 4, 64, 4, 3).mean(axis=(1, 3, 4)) / 255  # grey, 64 × 64, 0 to 1
vertical, horizontal = KERNELS["sobel vertical edges"], KERNELS["sobel horizontal edges"]


def edge_strength(picture, mode):
    padded = np.pad(picture, 1, mode=NUMPY[mode])
    return np.hypot(conv2d(padded, vertical), conv2d(padded, horizontal))


# %%
strengths = {mode: edge_strength(photo, mode) for mode in NUMPY}
on_frame = np.ones((64, 64), dtype=bool)
on_frame[1:-1, 1:-1] = False
fig, axes = plt.subplots(2, 3, figsize=(9, 6.2))
plots.image(photo, "the photo", axes[0, 0])
for ax, (mode, strength) in zip(list(axes.flat)[1:], strengths.items(), strict=True):
    plots.image(np.minimum(strength, 3), mode, ax)
frame_mean = {mode: strength[on_frame].mean() for mode, strength in strengths.items()}
told = ", ".join(f"{mode} {value:.2f}" for mode, value in frame_mean.items())
plots.show(
    fig,
    alt="Portrait of an astronaut and its edge strength under five paddings. Inside, the maps are the same. Zero padding draws "
    f"a bright line along the sides wherever the photo is bright there. Mean edge strength on the outermost pixels: {told}.",
)

# %%
insides = np.array([strength[1:-1, 1:-1] for strength in strengths.values()])
claim("inside, the five maps differ by", np.ptp(insides, axis=0).max(), 0.0)
plots.show(
    plots.bars(
        list(frame_mean),
        list(frame_mean.values()),
        title="on the outermost pixels",
        label="mean edge strength",
        accent="zero",
    ),
    alt=f"Mean edge strength on the outermost pixels: {told}. Inside it is {insides[0].mean():.2f} for all.",
)
claim("the strongest frame is drawn by", max(frame_mean, key=frame_mean.get), "zero", source="M55")
result("zero_frame_over_inside", frame_mean["zero"] / insides[0].mean(), "times")

# %% [markdown]
# Zero padding pastes the photo on black paper, and the edge detector dutifully finds the edge of the photo. Circular
# pastes the right border beside the left one; where they differ, it finds an edge as well. And the mirror?
#
# **Before you run:** what does Sobel for vertical edges answer in the *first column* under reflect padding?

# %%
first_columns = {mode: conv2d(np.pad(photo, 1, mode=name), vertical)[:, 0] for mode, name in NUMPY.items()}
for mode, column in first_columns.items():
    print(f"{mode:10s} mean size in the first column {np.abs(column).mean():.3f}")
claim("reflect: largest value in the first column", np.abs(first_columns["reflect"]).max(), 0.0)

# %% [markdown] topics=["D3", "D6", "D8"]
# Exactly zero, whatever the photo. Left and right of the first column stand the *same* pixels, so their difference
# vanishes: reflect makes the detector **blind** at the border. Replicate and symmetric set the pixel itself beside its
# neighbour, which halves the answer to a steady slope. So there is no right padding:
#
# | padding | invents | good for | artefact |
# |---|---|---|---|
# | zero | black paper | nearly everything learnt; fast; the default | a frame, and knowledge of where the border is |
# | reflect | a mirrored scene | restoring and generating pictures | no edges at the border; needs $p < n$ |
# | symmetric | the same, border twice | classical image processing | weaker edges at the border |
# | replicate | the border, drawn out | smooth pictures, video, medical slices | streaks when $p$ is large |
# | circular | the other side | rings, panoramas, tiles, maps of the globe | a false edge where the picture does not close |
#
# ### A picture that does close
#
# Unroll an eye: one row for each direction around the centre, from 0° to 360°. The last row and the first are
# neighbours in the eye, and only the file has a border there. Panoramas and seamless textures are of this kind too.
# Put a blurred edge detector on it, and pad the two ends of the angle. **Before you run:** in which map can you tell
# where we cut?

# %%
from skimage.transform import warp_polar

eye = photos.retina().mean(axis=2)[::4, ::4] / 255
unrolled = warp_polar(eye, radius=160, output_shape=(180, 160))[:, 10:]  # (directions of 2°, distances from the centre)
across = np.repeat([[-1], [0], [1]], 5, axis=1) / 5  # brighter with growing angle, averaged over 5 columns

seam = {}
for mode in ("zero", "reflect", "circular"):
    seam[mode] = np.abs(conv2d(np.pad(unrolled, ((1, 1), (0, 0)), mode=NUMPY[mode]), across))
fig, axes = plt.subplots(1, 4, figsize=(9.4, 2.9))
plots.image(unrolled, "an eye, unrolled", axes[0])
for ax, (mode, strength) in zip(axes[1:], seam.items(), strict=True):
    plots.image(np.minimum(np.roll(strength, 90, axis=0), 0.1), f"{mode}, seam in the middle", ax)
told = ", ".join(f"{mode} {strength[0].mean():.3f}" for mode, strength in seam.items())
plots.show(
    fig,
    alt="The back of an eye, unrolled, and the strength of its edges across the angle, turned so that the cut lies in the middle "
    f"row. With zeros a bright line marks the cut, with reflect a thin dark one. Mean strength in the first row: {told}.",
)

# %%
cut_elsewhere = np.roll(unrolled, 50, axis=0)  # the same eye, cut 100 degrees further
for mode, strength in seam.items():
    again = np.abs(conv2d(np.pad(cut_elsewhere, ((1, 1), (0, 0)), mode=NUMPY[mode]), across))
    gap = np.abs(again - np.roll(strength, 50, axis=0)).max()
    print(f"{mode:9s} cut elsewhere, the map differs by up to {gap:.3f}")
    claim(f"{mode}: it matters where we cut", gap > 1e-9, mode != "circular", source="T13")

# %% [markdown]
# Zeros leave a bright line, reflect a dark one: there it is blind, as above. With circular padding the cut has left
# no trace: cut the eye elsewhere, and you get the same map, turned. The two others depend on the scissors.
#
# ## What padding does to equivariance
#
# Day 2 promised: shift the picture, and the map shifts along. "Borders are another story." Here is the story. We roll
# the photo by five columns (what leaves on the right comes in on the left) and send both through four layers: random
# kernels of 3 × 3 (their weights add up to a little more than zero), each followed by "cut off below zero". Then we
# mark every output that did *not* just move along.
#
# **Before you run:** which paddings will have no marks? How wide will the marked stripe be for the others, after one
# layer and after four?

# %%
rng = np.random.default_rng(SEED)
layers = rng.normal(0, 0.5, (4, 3, 3))


def through(picture, mode):
    """The maps after each of the four layers."""
    maps = []
    for weights in layers:
        picture = np.maximum(conv2d(np.pad(picture, 1, mode=NUMPY[mode]), weights - weights.mean() + 0.1), 0)
        maps.append(picture)
    return maps


# %%
moved_marks, wrong_columns = {}, {}
for mode in NUMPY:
    pairs = zip(through(photo, mode), through(np.roll(photo, 5, axis=1), mode), strict=True)
    marks = [~np.isclose(after, np.roll(before, 5, axis=1), rtol=0, atol=1e-9) for before, after in pairs]
    moved_marks[mode], wrong_columns[mode] = marks[-1], [int(m.any(axis=0).sum()) for m in marks]
    print(f"{mode:10s} columns with an error after 1, 2, 3, 4 layers: {wrong_columns[mode]}")
fig, axes = plt.subplots(1, 5, figsize=(10, 2.4))
for ax, (mode, marks) in zip(axes, moved_marks.items(), strict=True):
    plots.image(marks.astype(float), mode, ax)
told = "; ".join(f"{mode} {columns[-1]}" for mode, columns in wrong_columns.items())
plots.show(
    fig, alt=f"Outputs that did not move along are white. Columns with an error after four layers: {told} of 64."
)

# %%
claim("circular: columns with an error after each layer", wrong_columns["circular"], [0, 0, 0, 0], source="M56")
claim("zero: columns with an error after 1 to 4 layers", wrong_columns["zero"], [4, 8, 11, 13], source="M56")

# %% [markdown]
# Only circular is exact. The others spoil the border of *both* pictures, the old and the new, and the stripes grow by
# a column on each side with every layer, as the frame did. (Up to two layers the stripes of the two pictures are
# apart; from three on they overlap.)
#
# But be fair. Rolling is not what a camera does. When a camera turns, new scenery comes in on one side. **Before you
# run:** two crops of the same large photo, five columns apart. Is circular padding exact now?

# %%
large = photos.astronaut()[:256, :].reshape(64, 4, 128, 4, 3).mean(axis=(1, 3, 4)) / 255
one, other = large[:, 20:84], large[:, 25:89]  # the same scenery, five columns apart
for mode in NUMPY:
    gap = ~np.isclose(through(one, mode)[-1][:, 5:], through(other, mode)[-1][:, :-5], rtol=0, atol=1e-9)
    columns = int(gap.any(axis=0).sum())
    print(f"{mode:10s} columns with an error where both crops show the same scenery: {columns}")
    claim(f"{mode}: exact for two crops of a photo", columns == 0, False, source="M56")

# %% [markdown]
# No padding can know what is outside the photo. Circular padding is exact for pictures that close, and only for them.
#
# ## Experiment: can a convolution know where it is?
#
# A convolution does the same everywhere, and an average over all places forgets places. So a network that ends in
# such an average cannot tell left from right. Or can it?
#
# The task: a digit lies in the left or in the right half of a black strip. Five layers with 48 **random** kernels
# each, nothing trained (weights drawn so that the signal neither fades nor explodes: Day 7). Then each of the 48 maps
# is averaged over all its places. Only a last step is fitted: how to weigh the 48 averages to say *left* or *right*
# (**logistic regression**, one neuron as on Day 1). The exam uses digits that it has not seen, each once on the left
# and once on the right.
#
# **Before you run:** guess the share of right answers with zero padding, and with circular padding.

# %%
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

rng = np.random.default_rng(SEED)
digits = load_digits().images[rng.permutation(1797)[:600]] / 16
left_half = np.zeros((600, 1, 12, 24), dtype="float32")  # (strips, channels, rows, columns)
for strip, digit, row, column in zip(left_half, digits, rng.integers(0, 5, 600), rng.integers(0, 4, 600), strict=True):
    strip[0, row : row + 8, column : column + 8] = digit
right_half = np.roll(left_half, 12, axis=3)

fig, axes = plt.subplots(1, 4, figsize=(9, 1.6))
for ax, strip, title in zip(axes, [*left_half[:2], *right_half[:2]], ["left", "left", "right", "right"], strict=True):
    plots.image(strip[0], title, ax)
plots.show(
    fig, alt="Four black strips of 12 by 24 pixels: two handwritten digits in the left half, the same two in the right."
)


# %%
def averages(strips, mode, seed):
    """Five random layers, then the mean of each map: (strips, 48)."""
    torch.manual_seed(seed)
    layers = []
    for channels in (1, 48, 48, 48, 48):
        layer = torch.nn.Conv2d(channels, 48, kernel_size=3, padding=1, padding_mode=mode)
        torch.nn.init.kaiming_normal_(layer.weight)
        layers += [layer, torch.nn.ReLU()]
    network = torch.nn.Sequential(*layers)
    with torch.no_grad():
        maps = [network(batch) for batch in torch.from_numpy(strips).split(100)]
    return torch.cat(maps).double().mean(dim=(2, 3)).numpy()


def left_or_right(mode, seed):
    """Share of right answers on 300 unseen digits, each shown on both sides."""
    on_left, on_right = averages(left_half, mode, seed), averages(right_half, mode, seed)
    side = np.repeat([0, 1], 300)
    # each average is first brought to mean 0 and spread 1
    reader = make_pipeline(StandardScaler(), LogisticRegression(C=100, max_iter=2000))
    reader.fit(np.concatenate([on_left[:300], on_right[:300]]), side)
    return reader.score(np.concatenate([on_left[300:], on_right[300:]]), side), np.abs(on_left - on_right).max()


# %%
seeds = range(SEED, SEED + profile.pick(smoke=1, cpu=5, gpu=5))
shares = {mode: [left_or_right(mode, seed) for seed in seeds] for mode in ("zeros", "reflect", "replicate", "circular")}
scores = {mode: np.mean([score for score, _ in found]) for mode, found in shares.items()}
told = ", ".join(f"{mode} {score:.1%}" for mode, score in scores.items())
plots.show(
    plots.bars(
        list(scores), list(scores.values()), title="left or right?", label="right answers", unit="%", accent="circular"
    ),
    alt=f"Share of right answers by padding: {told}. Guessing gives half.",
)
for mode, score in scores.items():
    result(f"left_or_right_{mode}", score, "%")
claim("zeros: far better than guessing", scores["zeros"], lambda score: score > 0.8, source="M56")
claim("circular: guessing", scores["circular"], lambda score: abs(score - 0.5) < 0.01, source="M56")
claim(
    "circular: how far the averages of left and right differ",
    max(gap for _, gap in shares["circular"]),
    0,
    tolerance=1e-4,
)

# %% [markdown] topics=["D9"]
# With circular padding the two strips are the same ring, turned. All 48 averages agree, so no reader can beat a coin.
# With zeros the network *knows*: near the left border its maps are marked by the frame, and the digit meets that
# mark. Reflect and replicate draw no frame on black, but they cut the ring open: a digit in the left half is mirrored
# or drawn out at the left border, one in the right half at the right border. Nobody trained the network to know. A
# convolution with zero padding is not blind to position, and trained networks use that
# (Kayhan & van Gemert 2020; Islam, Jia & Bruce 2020). It can be welcome (sky is above) or not (a tumour is a tumour
# anywhere).
#
# ## Stride: the card jumps
#
# A stride of 2 makes every *second* window. So it is the map of stride 1 with every second row and column kept, and
# the others need not be computed: a quarter of the work.

# %%
every_window = conv2d(photo, vertical)
every_second = every_window[::2, ::2]
print(
    f"stride 1: {every_window.shape}, {every_window.size:,} outputs    stride 2: {every_second.shape}, {every_second.size:,}"
)
claim("outputs with stride 2, by the formula", len(every_second), (64 - 3) // 2 + 1)
claim("share of the work", every_second.size / every_window.size, lambda share: share < 0.26)

# %% [markdown]
# A popular text says that "a stride of 2 skips every other pixel". **Before you run:** which pixels of a 7 × 7
# picture are never read by a 3 × 3 kernel with stride 2? By 2 × 2? By 1 × 1?

# %%
pixel_names, jumps = np.arange(49).reshape(7, 7), {}
for k in (3, 2, 1):
    windows = sliding_window_view(pixel_names, (k, k))[::2, ::2]
    jumps[k] = np.bincount(windows.ravel(), minlength=49).reshape(7, 7)
fig, axes = plt.subplots(1, 3, figsize=(9, 3.2))
for ax, (k, counts) in zip(axes, jumps.items(), strict=True):
    plots.pixels(counts, f"{k} × {k}, stride 2", ax, labels=False, limits=(0, 4))
told = " ".join(f"{k} by {k}: {counts.tolist()}." for k, counts in jumps.items())
plots.show(fig, alt=f"How many windows read each pixel with stride 2. {told}")
claim("3 × 3: pixels that are never read", (jumps[3] == 0).sum(), 0, source="M33")
claim("3 × 3: least and most reads", np.array([jumps[3].min(), jumps[3].max()]), np.array([1, 4]))
claim("1 × 1: share of pixels never read", (jumps[1] == 0).mean(), 33 / 49, tolerance=1e-12)

# %% [markdown]
# Stride 2 skips every other *position*. With 3 × 3 all pixels are read, but in a chequered way: some once, some
# twice, some four times. (Day 7 sends gradients back through such layers; there the same pattern appears as a
# chequered texture.)
#
# ### Smaller by stride, or by pooling?
#
# Both make a map smaller. **Average pooling** (Day 4) is the mean of each 2 × 2 block. That *is* a convolution with
# stride 2, whose four weights are 1/4. **Max pooling** takes the largest of the block; that is none. **Before you
# run:** how well could a strided kernel imitate it?

# %%
blocks = photo.reshape(32, 2, 32, 2)
average_pool, max_pool = blocks.mean(axis=(1, 3)), blocks.max(axis=(1, 3))
claim(
    "a kernel of four quarters with stride 2",
    conv2d(photo, np.full((2, 2), 1 / 4))[::2, ::2],
    average_pool,
    tolerance=1e-12,
)

rows = sliding_window_view(photo, (2, 2))[::2, ::2].reshape(-1, 4)
rows = np.column_stack([rows, np.ones(len(rows))])  # the last column is the bias
weights = np.linalg.lstsq(rows, max_pool.ravel(), rcond=None)[0]  # learnt by least squares, as on Day 2
learnt_pool = (rows @ weights).reshape(32, 32)
print("learnt weights:", weights[:4].round(3), " bias:", weights[4].round(3))
explained = 1 - np.var(max_pool - learnt_pool) / np.var(max_pool)
result("max_pool_explained_by_a_strided_kernel", explained, "%")
claim("nearly all of it, not all", explained, lambda share: 0.9 < share < 1)

# %%
halves = {
    "1 × 1, stride 2": photo[::2, ::2],
    "average pool": average_pool,
    "max pool": max_pool,
    "learnt, stride 2": learnt_pool,
    "Sobel, stride 2": every_second,
}
fig, axes = plt.subplots(1, 5, figsize=(10, 2.4))
for ax, (title, half) in zip(axes, halves.items(), strict=True):
    plots.image(half, title, ax, signed=half.min() < 0)
plots.show(
    fig,
    alt="The portrait at half its size: every second pixel (jagged), block means (smooth), block maxima (brighter), a learnt "
    "imitation of the maxima (smooth and brighter), and Sobel with stride 2, which shows edges instead of the portrait.",
)


# %% [markdown]
# A strided convolution can learn to be an average pool, nearly a max pool, or something better suited to the task.
# The price: with $C$ channels in and out it has $k^2 C^2 + C$ parameters, and pooling has none. A well-known network
# replaced all its pooling by strides and stayed as accurate (Springenberg et al. 2015).
#
# **Stride and shifts.** **Before you run:** with circular padding and stride 2, is a shift by one column still exact?
# By two?

# %%
def strided_ring(picture):
    return conv2d(np.pad(picture, 1, mode="wrap"), vertical)[::2, ::2]


before = strided_ring(photo)
for shift in (1, 2, 3, 4):
    after = strided_ring(np.roll(photo, shift, axis=1))
    best = min(np.abs(after - np.roll(before, by, axis=1)).max() for by in range(32))
    print(f"shift by {shift}: the closest turned map differs by up to {best:.2f}")
    claim(f"a shift by {shift} passes through", best < 1e-9, shift % 2 == 0)


# %% [markdown] topics=["D10"]
# Only shifts by a multiple of the stride pass through. Each strided layer makes the exception rarer: after three of
# them, only multiples of 8. Day 4 measures what that does to answers, and what helps.
#
# ## Dilation: a card with gaps
#
# To see further without more weights, pull the nine holes apart. With dilation $d$ (also called *atrous*, "with
# holes"), $d-1$ pixels between two weights are left out. It is nothing new: the same as an ordinary convolution with
# a kernel that has zeros in its gaps.

# %%
def spread(kernel, dilation):
    """The kernel with zeros between its weights."""
    wide = np.zeros([dilation * (k - 1) + 1 for k in kernel.shape], dtype=kernel.dtype)
    wide[::dilation, ::dilation] = kernel
    return wide


numbered = np.arange(1, 10).reshape(3, 3)
fig, axes = plt.subplots(1, 3, figsize=(9, 3.2), width_ratios=[3, 5, 7])
for dilation, ax in zip((1, 2, 3), axes, strict=True):
    wide = spread(numbered, dilation).astype(float)
    plots.kernel(np.where(wide == 0, np.nan, wide), f"dilation {dilation}", ax, limit=9)
plots.show(
    fig, alt="A kernel with the weights 1 to 9 at dilation 1, 2 and 3: it spans 3, 5 and 7 cells a side, gaps empty."
)
claim("at dilation 2 it spans", spread(numbered, 2).shape, (5, 5), source="T15")
claim("and has still as many weights", np.count_nonzero(spread(numbered, 2)), 9, source="T15")

# %% [markdown]
# **Is it free?** A text says that dilated kernels see more "without needing more padding". **Before you run:** how
# much padding keeps the size at dilation 1, 2, 3?

# %%
for dilation in (1, 2, 3):
    wide = spread(np.ones((3, 3)), dilation)
    lost = 16 - len(conv2d(np.ones((16, 16)), wide))
    print(f"dilation {dilation}: spans {len(wide)}, takes {lost} of 16 rows away, so padding {lost // 2} on each side")
    claim(f"padding at dilation {dilation}", lost // 2, dilation, source="F15")


# %% [markdown]
# A 3 × 3 kernel at dilation 2 needs as much padding as a 5 × 5 one. What you save is weights, not border.
#
# ### How fast does the view grow, and has it holes?
#
# Send one bright pixel through a stack of dilated kernels of ones. Where the result is not zero, an output sees that
# pixel; seen from the output, these are the pixels that it sees. (Day 5 calls that the receptive field.) **Before you
# run:** how wide is the view after four layers with dilations 1 1 1 1, 2 2 2 2, and 1 2 4 8? Which of them has holes?

# %%
def view(dilations):
    """Which pixels of a line one output sees: an array of 0 and more (number of ways)."""
    seen = np.ones(1, dtype=int)
    for d in dilations:
        # convolve counts every overlap, also at the ends: the line grows with each layer
        seen = np.convolve(seen, spread(np.ones((3, 1), dtype=int), d)[:, 0])
    return seen


stacks = {"1 1 1 1": (1, 1, 1, 1), "2 2 2 2": (2, 2, 2, 2), "1 2 4 8": (1, 2, 4, 8)}
fig, axes = plt.subplots(3, 1, figsize=(8.6, 3.6), sharex=True)
for ax, (name, dilations) in zip(axes, stacks.items(), strict=True):
    seen = view(dilations)
    places = np.arange(len(seen)) - len(seen) // 2
    ax.bar(places, seen > 0, width=0.85, color=plots.COLOURS[0])
    ax.set(yticks=[], xlim=(-16.5, 16.5))
    ax.set_title(f"dilations {name}: {len(seen)} pixels wide, {np.count_nonzero(seen)} of them seen", fontsize=10)
axes[-1].set_xlabel("pixel, counted from the middle of the view")
told = "; ".join(f"{name}: {len(view(d))} wide, {np.count_nonzero(view(d))} seen" for name, d in stacks.items())
plots.show(
    fig,
    alt=f"The pixels that one output sees through four layers. {told}. With 2 2 2 2 every second pixel is left out.",
)

# %%
wide = [len(view(dilations)) for dilations in stacks.values()]
claim("width of the view", wide, [9, 17, 31], source="M54")
claim(
    "pixels seen", np.array([np.count_nonzero(view(dilations)) for dilations in stacks.values()]), np.array([9, 9, 31])
)
claim("eight layers of dilation 2: twice the layers, about twice the width", len(view((2,) * 8)), 33, source="M54")

# %% [markdown]
# Each layer adds $2d$ pixels to the width. With a constant dilation the view grows like a straight line, and with
# dilation 2 every output sees only every second pixel, in both directions: three quarters of the pixels around it are
# never looked at. This is called **gridding**. If the dilation doubles from layer to layer, the view doubles too, and
# has no holes.
#
# ## The same in Keras and PyTorch
#
# The layouts are those of Day 2: Keras (N, H, W, C), PyTorch (N, C, H, W). Each of the two helpers takes a plain
# picture and gives back a plain map, so that we need not think of it again.

# %%
import keras

tolerance = 1e-2 if profiles.visible_gpus() else 1e-5  # a GPU rounds factors to 10 binary digits (TF32)


def in_keras(picture, kernel, **settings):
    layer = keras.layers.Conv2D(1, kernel.shape, use_bias=False, **settings)
    layer.build((None, *picture.shape, 1))
    layer.set_weights([kernel[:, :, None, None]])
    return keras.ops.convert_to_numpy(layer(picture[None, :, :, None].astype("float32")))[0, :, :, 0]


def in_torch(picture, kernel, **settings):
    layer = torch.nn.Conv2d(1, 1, kernel.shape, bias=False, **settings)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(kernel[None, None].copy()))
        return layer(torch.from_numpy(picture[None, None].astype("float32")))[0, 0].numpy()


# %%
skewed = numbered / 9 - 0.5  # no symmetry: a shifted or turned map cannot hide
ours = conv2d(photo, skewed)[::2, ::2]
claim("stride 2, valid: Keras", in_keras(photo, skewed, strides=2), ours, tolerance=tolerance)
claim("stride 2, valid: PyTorch", in_torch(photo, skewed, stride=2), ours, tolerance=tolerance)

ours = conv2d(np.pad(photo, 2), spread(skewed, 2))
claim("dilation 2, same: Keras", in_keras(photo, skewed, dilation_rate=2, padding="same"), ours, tolerance=tolerance)
claim("dilation 2, same: PyTorch", in_torch(photo, skewed, dilation=2, padding="same"), ours, tolerance=tolerance)

for mode, name in {"zero": "zeros", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}.items():
    ours = conv2d(np.pad(photo, 1, mode=NUMPY[mode]), skewed)
    claim(f"{mode}: PyTorch", in_torch(photo, skewed, padding=1, padding_mode=name), ours, tolerance=tolerance)


# %% [markdown]
# ### What "same" means, found out
#
# Now for the trap. Keras accepts `padding="same"` together with a stride. How many zeros does it add, and where? We
# do not look it up; we try all amounts until our own map agrees. **Before you run:** for 32 pixels, kernel 3, stride
# 2, does it add one on each side?

# %%
def zeros_added(theirs, picture, kernel, stride):
    """Which (before, after), alike for rows and columns, makes our map equal to theirs."""
    for before in range(4):
        for after in range(4):
            ours = conv2d(np.pad(picture, (before, after)), kernel)[::stride, ::stride]
            if ours.shape == theirs.shape and np.allclose(ours, theirs, rtol=0, atol=tolerance):
                return before, after
    return None


found = {}
for n, k, s in [(32, 3, 1), (32, 3, 2), (33, 3, 2), (32, 4, 1), (32, 5, 3)]:
    picture = photo[:n, :n]
    kernel = np.arange(k * k).reshape(k, k) / k**2 - 0.3
    theirs = in_keras(picture, kernel, strides=s, padding="same")
    found[n, k, s] = zeros_added(theirs, picture, kernel, s)
    print(f"n = {n}, k = {k}, stride {s}: {len(theirs)} outputs, zeros before and after: {found[n, k, s]}")
claim("32 pixels, kernel 3, stride 2", found[32, 3, 2], (0, 1))
claim("33 pixels, kernel 3, stride 2", found[33, 3, 2], (1, 1))
claim("32 pixels, kernel 4, stride 1", found[32, 4, 1], (1, 2), source="M57")

# %% [markdown]
# One pixel more in the picture, and the padding changes. Keras (and TensorFlow) reason backwards: *same* shall give
# $\lceil n/s \rceil$ outputs, that is $n/s$ rounded up. How far does the last window reach then? What is missing is
# filled with zeros, half before and half after; an odd one goes **after**.
#
# $$ P = \max\bigl( (\lceil n/s \rceil - 1)\,s + d\,(k-1) + 1 - n,\; 0 \bigr), \qquad \text{before} = \lfloor P/2 \rfloor, \quad \text{after} = P - \text{before} $$
#
# PyTorch's `padding="same"` adds $d\,(k-1)$, an odd one after, and refuses a stride:

# %%
try:
    torch.nn.Conv2d(1, 1, kernel_size=3, stride=2, padding="same")
except ValueError as error:
    print("PyTorch:", error)
try:
    in_keras(photo, skewed, strides=2, dilation_rate=2)
except ValueError as error:
    print("Keras:  ", str(error).splitlines()[0][:110])

# %% [markdown]
# So people who move weights from Keras to PyTorch write `padding=1` instead. The shapes agree. **Before you run:** do
# the maps?

# %%
from_keras = in_keras(photo, skewed, strides=2, padding="same")
from_torch = in_torch(photo, skewed, stride=2, padding=1)
claim("the shapes agree", from_torch.shape, from_keras.shape)
claim("the maps agree", np.allclose(from_torch, from_keras, atol=0.1), False)
moved_in = np.pad(photo, ((0, 1), (0, 1)))  # Keras' amounts, written out: torch.nn.functional.pad(x, (0, 1, 0, 1))
claim("with Keras' own padding they do", in_torch(moved_in, skewed, stride=2), from_keras, tolerance=tolerance)

# %% [markdown]
# No error, right shapes, wrong numbers: the windows lie one pixel apart. A ported network can lose accuracy for this
# reason alone, and nobody sees why.
#
# ## Try it yourself: padding and stride

# %%
from course_utils.widgets import PaddingAndStride

PaddingAndStride()

# %% [markdown] tags=["explorer"]
# **Explorer: padding and stride.** Choose what stands around the picture, move the window, change stride and
# dilation, and see the map, its size and the touch counts. Two things to try:
#
# 1. *Who touches the corner?* Let it show how many windows read each cell, without padding and with one pixel on each
#    side. Then let copies count for their pixel, and go through the five modes. Look for those in which all pixels
#    are alike.
# 2. *Where does "same" put its zeros?* Choose same as in Keras, a kernel of 3 × 3 and stride 2. Change the number of
#    columns from 6 to 7 and look at the left side. Then ask for PyTorch's same.

# %% [markdown]
# ## What texts get wrong
#
# Each cell tests a sentence from a widely read text. Change the numbers and try to save it.
#
# **"Reflection padding of P1 P2 P3 is P2 P1 P1 P2 P3."** Reflect does not repeat P1, and both sides are padded. The
# drawing is what *symmetric* padding gives when two pixels are added on the left and none on the right:

# %%
three = np.array([1, 2, 3])
claim("reflect, one on each side", np.pad(three, 1, mode="reflect"), np.array([2, 1, 2, 3, 2]), source="F13")
claim("symmetric, one on each side", np.pad(three, 1, mode="symmetric"), np.array([1, 1, 2, 3, 3]), source="F13")
as_drawn = np.array([2, 1, 1, 2, 3])
claim("symmetric, two on the left only: the drawing", np.pad(three, (2, 0), mode="symmetric"), as_drawn, source="F13")

# %% [markdown]
# **"Replication padding of a 3 × 3 picture starts with two rows P1 P1 P1 P2 P3, then two rows P4 P4 P4 P5 P6."** One
# pixel on each side makes five rows of five, and only the border rows are repeated:

# %%
replicated = np.array([[1, 1, 2, 3, 3], [1, 1, 2, 3, 3], [4, 4, 5, 6, 6], [7, 7, 8, 9, 9], [7, 7, 8, 9, 9]])
claim("replicate, one on each side", np.pad(small, 1, mode="edge"), replicated, source="F14")

# %% [markdown]
# **"padding='valid' has fewer parameters."** Not in the convolution. Only a dense layer that reads the flattened map
# shrinks with it:

# %%
counts = {}
for padding in ("valid", "same"):
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.Conv2D(32, 3, padding=padding),
            keras.layers.Flatten(),
            keras.layers.Dense(10),
        ]
    )
    counts[padding] = [layer.count_params() for layer in model.layers if layer.weights]
    print(padding, "convolution and dense layer:", counts[padding])
claim("parameters of the convolution, valid and same", [c[0] for c in counts.values()], [896, 896], source="F28")
claim("the dense layer: valid has fewer", counts["valid"][1] < counts["same"][1], True, source="F28")

# %% [markdown]
# **"With same padding every position, corners included, contributes equally."** You counted: corner 4, edge 6, centre
# 9 (F29).
#
# **"Dilated convolutions grow the view without needing more padding."** They need $d$ pixels on each side instead of
# 1 (F15). **"The view grows exponentially with dilation, without loss."** Only if the rate doubles from layer to
# layer; with a constant rate it grows linearly, with holes (M54).
#
# **"The output has (W − F)/S + 1 columns."** Without a floor, some of these outputs are fractions:

# %%
for w, f, stride in [(32, 3, 1), (32, 3, 2), (33, 3, 2), (224, 7, 2), (227, 11, 4)]:
    without_floor, real = (w - f) / stride + 1, in_torch(np.ones((w, w)), np.ones((f, f)), stride=stride).shape[1]
    print(f"W = {w}, F = {f}, S = {stride}: the sentence says {without_floor:g}, PyTorch makes {real}")
    claim(f"rounded down for {w}, {f}, {stride}", int(np.floor(without_floor)), real, source="M30")

# %% [markdown]
# **"A stride of 2 skips every other pixel."** Every other position; you saw that 3 × 3 reads them all (M33).
#
# **"Zero padding emphasises the border", once listed as an advantage, once as a drawback.** It is one effect. The
# frame on white paper is an edge that the scene does not have: bad for a map of edges. The same frame told the left
# half from the right: good where position matters. Whether you want it depends on the question, and both were
# measured above (M55).
#
# **"Proper padding keeps equivariance."** Circular padding does, on pictures that close. You counted the columns that
# the others spoil (M56).
#
# **"Same padding adds (k − 1)/2 on each side."** For odd kernels with stride 1. For k = 4 that would be 1.5; with
# stride 2 Keras adds (0, 1) to 32 pixels (M57).
#
# ## Pitfalls
#
# | symptom | cause | fix |
# |---|---|---|
# | A map is one pixel shorter than you worked out | the formula without a floor, or an even kernel | count the places; take odd kernels |
# | Ported weights, right shapes, accuracy a little worse | Keras pads (0, 1) at stride 2, PyTorch (1, 1) | pad explicitly in PyTorch, then no padding in the layer |
# | PyTorch: "padding='same' is not supported for strided convolutions" | its *same* does not depend on the input's length | give a number, or pad yourself |
# | PyTorch: "Padding size should be less than the corresponding input dimension" | reflect needs more pixels than there are | less padding, or replicate |
# | Two tools disagree at the border under "reflect" | SciPy's `reflect` is `symmetric` | use SciPy's `mirror` |
# | A detector fires along the frame of the picture | zero padding on a bright picture | reflect or replicate; or subtract the mean first |
# | A bright seam in a panorama | the two ends were padded with zeros | circular along that axis only |
# | A chequered texture in maps or gradients | kernel length not divisible by the stride, or a constant dilation | 2 × 2 or 4 × 4 at stride 2; rates 1, 2, 4 or 1, 2, 5 |
# | Keras: "strides > 1 not supported in conjunction with dilation_rate > 1" | both together | dilate first, then subsample |
#
# Two of them to feel. **Before you run:** can you reflect 3 pixels by 3? And what does subtracting the mean do to the
# frame?

# %%
try:
    torch.nn.functional.pad(torch.ones(1, 1, 3, 3), (3, 3, 3, 3), mode="reflect")
except RuntimeError as error:
    print(str(error).splitlines()[0][:110])

centred = edge_strength(photo - photo.mean(), "zero")[on_frame].mean()
print(f"frame under zero padding: {frame_mean['zero']:.2f}, after subtracting the mean: {centred:.2f}")
claim("zero is then the photo's mean grey, and the frame is weaker", centred < frame_mean["zero"], True)

# %% [markdown]
# ## Recap
#
# 1. Along each axis there are $\lfloor (n + 2p - d(k-1) - 1)/s \rfloor + 1$ outputs: whole jumps, rounded down, plus
#    the first window.
# 2. Without padding maps shrink and the corner is read once; with zeros it is read four times, never nine.
# 3. Zeros draw a frame that grows by a pixel with each layer, and tell the network where it is. Reflect hides edges
#    at the border.
# 4. Only circular padding is exactly equivariant, on pictures that close; with stride $s$ only for shifts by
#    multiples of $s$.
# 5. *Same* differs: Keras looks at length and stride and puts the odd zero after; PyTorch takes no stride at all.
#
# ### Further reading
#
# - Dumoulin & Visin, *A guide to convolution arithmetic for deep learning* (2016): every case of the formula, in
#   pictures.
# - Springenberg et al., *Striving for Simplicity: The All Convolutional Net* (2015): strides instead of pooling.
# - Yu & Koltun, *Multi-Scale Context Aggregation by Dilated Convolutions* (2016): rates that double.
# - Islam, Jia & Bruce, *How Much Position Information Do Convolutional Neural Networks Encode?* (2020).
# - Kayhan & van Gemert, *On Translation Invariance in CNNs: Convolutional Layers Can Exploit Absolute Spatial
#   Location* (2020).
# - Odena, Dumoulin & Olah, *Deconvolution and Checkerboard Artifacts* (2016): where chequered textures come from.
#
# **Now you:** [the exercise of Day 3](../exercises/day_03_padding_and_stride.py). You will write the formula, the
# five paddings, the full `conv2d`, and both kinds of *same*; count touches; and judge which layers let a shift pass.
# Every check answers at once.
