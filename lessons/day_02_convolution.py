# ---
# jupyter:
#   course:
#     budget_s:
#       cpu: 300
#       gpu: 300
#       smoke: 60
#     data: []
#     day: 2
#     frameworks:
#     - keras
#     - torch
#     minutes: 90
#     title: Convolution
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
# # Day 2: Convolution
#
# **How can the same nine numbers find an edge anywhere in a picture?**
#
# After this day you can
#
# 1. work out any output of a convolution by hand, and write `conv2d` for grey and for colour images, with bias;
# 2. unroll an image with `im2col`, so that a convolution becomes one matrix product;
# 3. read a kernel's signs, say what it responds to, and test your guess on a synthetic picture;
# 4. count the parameters of a convolution layer, and say what its cost depends on;
# 5. say exactly what Keras and PyTorch compute when they say "convolution", and why mathematics calls it something else.
#
# **Time** about 90 minutes. **You need** NumPy arrays, slices and broadcasting. From Day 1: an image is an array of
# numbers, and one small set of weights can serve every position.

# %% tags=["parameters"]
PROFILE = "auto"  # "smoke", "cpu", "gpu", or "auto": gpu where one is visible, else cpu
SEED = 0

# %%
import matplotlib.pyplot as plt
import numpy as np
from scipy.signal import correlate2d

from course_utils import plots, profiles, reference
from course_utils.claims import claim, result
from course_utils.reference import KERNELS

profile = profiles.start(PROFILE, seed=SEED, frameworks=("keras", "torch"))


# %% [markdown]
# ## The idea: a card with nine numbers
#
# Take a piece of card. Cut nine small holes in it, three by three, and write a number beside each hole. Lay the card on
# a picture. Nine pixels show through. Multiply each pixel by the number beside its hole, add up the nine products, and
# write the sum down. Move the card by one pixel. Repeat.
#
# The card is called a **kernel**, and its nine numbers are **weights**. What you wrote down is a new picture, called a
# **feature map**: it says, place by place, how well the pixels under the card fit the numbers on it. The card never
# changes while it moves. So whatever it finds in one place, it finds everywhere.
#
# Here is one position of the card. The next cell draws it; you can use it again for any position.

# %%
def show_step(image, kernel, row, column):
    """One position of the kernel: the window it covers, the products, and the outputs written so far."""
    kh, kw = kernel.shape
    products = image[row : row + kh, column : column + kw] * kernel
    output = correlate2d(image.astype(float), kernel, mode="valid")  # SciPy's; ours comes below
    output[row, column + 1 :] = output[row + 1 :] = np.nan  # not reached yet: left empty
    fig, axes = plt.subplots(1, 4, figsize=(9, 2.7), width_ratios=[image.shape[1], kw, kw, output.shape[1]])
    plots.pixels(image, "image", axes[0], highlight=(row, column, kh, kw))
    plots.kernel(kernel, "kernel", axes[1])
    plots.pixels(products, "products", axes[2], labels=False)
    plots.pixels(output, "output so far", axes[3], highlight=(row, column, 1, 1))
    value = f"{products.sum():g}".replace("-", "−")
    alt = (
        f"The window whose top left corner is at row {row}, column {column} is framed in the image. Multiplied by the "
        f"kernel it gives {products.size} products; their sum, {value}, stands framed in the output."
    )
    plots.show(fig, alt=alt)


# %%
image = np.array(
    [
        [250, 250, 23, 250, 20],
        [30, 194, 183, 146, 20],
        [250, 161, 169, 208, 249],
        [20, 52, 89, 143, 250],
        [250, 21, 20, 20, 250],
    ]
)
kernel = KERNELS["laplacian"]
show_step(image, kernel, row=0, column=0)

# %% [markdown] topics=["C3"]
# This kernel is the **Laplacian**: four times the middle pixel, minus its four neighbours. Where all five are equal the
# sum is zero. Where the middle is brighter than its surroundings the sum is positive.
#
# ## The same in symbols
#
# $$ S[i, j] \;=\; b \;+\; \sum_{m=0}^{k_h-1} \; \sum_{n=0}^{k_w-1} I[i+m,\; j+n] \; K[m, n] $$
#
# | symbol | what it is |
# |---|---|
# | $I[r, c]$ | the **image**: the pixel in row $r$, column $c$; rows are counted downwards from 0 |
# | $K[m, n]$ | the **kernel**: the weight in row $m$, column $n$; it has $k_h$ rows and $k_w$ columns |
# | $b$ | the **bias**: one number added to every output (zero until further notice) |
# | $S[i, j]$ | the **feature map**: the sum for the window whose *top left* pixel is row $i$, column $j$ |
#
# Read it aloud: *the output at $(i, j)$ is the sum of the pixels of the window at $(i, j)$, each weighted by the number
# of the kernel that lies on it.* That is all. The rest of the day looks at this one line from different sides.

# %% [markdown] topics=["C1"]
# ## By hand
#
# Take the first window and do it on paper before you run the cell.

# %%
window = image[0:3, 0:3]
products = window * kernel
print(products)
claim("the first output", products.sum(), 152, source="T01")

# %% [markdown] topics=["C2"]
# `window * kernel` multiplies **element by element**: each pixel with the weight that lies on it. It is not the matrix
# product `window @ kernel`, which multiplies rows with columns. Both give nine numbers, and neither raises an error.
#
# **Before you run:** could the two sums be equal by luck?

# %%
elementwise = (window * kernel).sum()
matrix_product = (window @ kernel).sum()
print("sum of the element-wise product:", elementwise)
print("sum of the matrix product:      ", matrix_product)
claim("the element-wise products add up to the first output", elementwise, 152)
claim("the matrix product gives the same", matrix_product == elementwise, False)

# %% [markdown]
# Now move the card. **Before you run:** the next window starts one column further right. Work out its middle pixel, its
# four neighbours, and the sum.

# %%
show_step(image, kernel, row=0, column=1)

# %% [markdown]
# ### A published example to check
#
# One popular text introduces convolution with a picture of zeros and ones and the kernel below, and prints **1** as the
# first output. The image here is ours, chosen so that it gives the text's own nine products. **Before you run:** add
# them up.

# %%
binary_image = np.array([[1, 0, 1, 0, 1], [0, 1, 1, 1, 0], [1, 1, 0, 1, 1], [0, 1, 1, 1, 0], [1, 0, 0, 1, 1]])
vertical = np.array([[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]])
products = binary_image[:3, :3] * vertical
print("the nine products:", products.ravel())
claim("they add up to", products.sum(), 0, source="F01")


# %% [markdown]
# The text prints 1, and its own nine products say 0. Left and right column of the window hold the same number of ones,
# so this window contains no edge for the kernel to find. A worked example is only worth something if you can redo it.
#
# ## Loops
#
# Two loops over the positions, one line inside. Note where they end: the last window must still fit.

# %%
def conv2d_loops(image, kernel):
    """image (H, W), kernel (kh, kw) -> feature map (H - kh + 1, W - kw + 1)."""
    kh, kw = kernel.shape
    height, width = image.shape[0] - kh + 1, image.shape[1] - kw + 1
    feature_map = np.zeros((height, width), dtype=np.result_type(image, kernel))
    for i in range(height):
        for j in range(width):
            feature_map[i, j] = np.sum(image[i : i + kh, j : j + kw] * kernel)
    return feature_map


# %%
laplacian_map = conv2d_loops(image, kernel)
claim(
    "the whole map", laplacian_map, np.array([[152, 200, -77], [-21, 35, 125], [-83, -28, 5]]), source="T01"
)
claim(
    "the published example, whole",
    conv2d_loops(binary_image, vertical),
    np.array([[0, 0, 0], [1, 0, -1], [-1, 1, 1]]),
    source="F01",
)

# %% [markdown] topics=["C7"]
# ### How large is the output?
#
# A kernel of length $k$ fits into $n$ pixels at $n - k + 1$ positions: its first pixel can be any but the last $k-1$.
# **Before you run:** which image shrinks most?

# %%
lengths = np.array([[5, 3], [28, 5], [32, 3], [224, 7], [7, 7]])
found = [len(conv2d_loops(np.ones((n, n)), np.ones((k, k)))) for n, k in lengths]
for (n, k), rows in zip(lengths, found, strict=True):
    print(f"n = {n:3d}, k = {k}: {rows:3d} outputs, {n - rows} fewer")
claim("n − k + 1 outputs in each case", np.array(found), lengths[:, 0] - lengths[:, 1] + 1, source="T08")

# %% [markdown]
# The loss depends on the kernel only, not on the image. Tomorrow adds pixels around the image (padding) and lets the
# card jump (stride). Then the formula gets a division, and a **floor**, because the card may not reach the last pixel.
#
# ## What can nine numbers see?
#
# Here is a real photograph. It ships with scikit-image, so nothing is downloaded. Averaging blocks of 2 × 2 pixels
# halves its sides, and we cut out a part.

# %%
from skimage import data as photos

halved = photos.camera().reshape(256, 2, 256, 2).mean(axis=(1, 3))
photo = halved[10:202, 40:232]
print("rows, columns:", photo.shape, " smallest and largest value:", photo.min(), photo.max())

# %% [markdown] topics=["C5"]
# And here are ten kernels that people designed by hand, long before anyone trained one. **Before you run the cell
# after this one**, look at their numbers and decide for each: does it blur, sharpen, or find something? What?

# %%
fig, axes = plt.subplots(2, 5, figsize=(8.6, 4))
for (name, weights), ax in zip(KERNELS.items(), axes.flat, strict=True):
    plots.kernel(weights, name.replace(" edges", "\nedges"), ax)
sums = "; ".join(f"{name} {weights.sum():.0f}" for name, weights in KERNELS.items())
plots.show(fig, alt=f"Ten kernels with their weights, negative purple, positive orange. Their sums: {sums}.")

# %%
fig, axes = plt.subplots(3, 4, figsize=(9, 7.3))
axes.flat[-1].remove()
plots.image(photo.astype(np.uint8), "photo", axes.flat[0])
for (name, weights), ax in zip(KERNELS.items(), list(axes.flat)[1:-1], strict=True):
    feature_map = conv2d_loops(photo, weights)
    if weights.sum() > 0.5:  # keeps brightness: still a picture with values from 0 to 255
        plots.image(np.clip(feature_map, 0, 255).astype(np.uint8), name, ax)
    else:  # sums to zero: positive (orange) and negative (purple) answers, white where nothing is found
        plots.image(feature_map, name, ax, signed=True)
plots.show(
    fig,
    alt="A man with a camera on a tripod, and ten feature maps of the photo. Identity is the photo itself. Both blurs are "
    "softer, sharpen is crisper. The Laplacian draws thin double lines around everything. The maps for vertical "
    "edges show the man's head, purple on its left and orange on its right, and the legs of the tripod; those for "
    "horizontal edges show the shoulder, the top of the head and the horizon. The diagonal map is strongest on the "
    "tripod's right leg. The sky is white, that is zero, in all maps of edges.",
)

# %% [markdown] topics=["C6"]
# ### Read the signs
#
# Three rules explain all ten pictures.
#
# **The sum of the weights is the answer to a flat area.** Nine equal pixels can be taken out of the sum. Weights that add
# up to 1 keep the brightness (blur, sharpen). Weights that add up to 0 answer a flat area with zero (all the edge
# kernels).
#
# **Signs point.** Negative weights left, positive weights right: the output is positive (orange) where the picture gets
# *brighter from left to right*, negative (purple) where it gets darker, zero where left and right are alike. A change
# from left to right is a **vertical** edge: the line itself runs up and down.
#
# **A kernel answers most to a picture of itself.** Among all windows with the same sum of squares, the sum of products
# is largest for the window that is proportional to the kernel (the Cauchy–Schwarz inequality). A kernel is a small
# picture of what it looks for.

# %%
flat = np.full((3, 3), 100.0)
on_flat = {name: conv2d_loops(flat, weights).item() for name, weights in KERNELS.items()}
print({name: round(value, 6) for name, value in on_flat.items()})
sums = np.array([weights.sum() for weights in KERNELS.values()])
claim(
    "each answer to a flat grey of 100 is 100 × its sum",
    np.array(list(on_flat.values())),
    100 * sums,
    tolerance=1e-9,
    source="T05",
)

# %% [markdown]
# Guessing from signs is good; testing is better. Below are six synthetic pictures of 9 × 9 pixels, and for each
# kernel its strongest answer, with its sign. **Before you run:** which kernel will answer to the diagonal line and to no
# edge at all? Which one cannot tell a vertical from a horizontal edge?

# %%
dark_to_bright = np.tile(np.repeat([0, 1], [5, 4]), (9, 1))
pictures = {
    "brighter to the right": dark_to_bright,
    "darker to the right": 1 - dark_to_bright,
    "brighter downwards": dark_to_bright.T,
    "darker downwards": 1 - dark_to_bright.T,
    "diagonal line ↘": np.eye(9, dtype=int),
    "flat": np.ones((9, 9), dtype=int),
}


def strongest(feature_map):
    """The value furthest from zero, with its sign."""
    return feature_map.flat[np.argmax(np.abs(feature_map))]


# %%
edge_kernels = [name for name, weights in KERNELS.items() if weights.sum() == 0]
answers = np.array(
    [[strongest(conv2d_loops(p, KERNELS[name])) for p in pictures.values()] for name in edge_kernels]
)
fig, ax = plt.subplots(figsize=(6.4, 4.2))
plots.pixels(answers, ax=ax, labels=False)
ax.set_xticks(range(len(pictures)), pictures, rotation=30, ha="right", rotation_mode="anchor")
ax.set_yticks(range(len(edge_kernels)), edge_kernels)
ax.set(xlabel="picture", ylabel="kernel", title="strongest answer (sum of products)")
rows = "; ".join(f"{name}: {row.tolist()}" for name, row in zip(edge_kernels, answers, strict=True))
plots.show(fig, alt=f"Table of strongest answers to {', '.join(pictures)}. {rows}.".replace("-", "−"))

# %% [markdown]
# Read one row at a time. A kernel is named by **what it responds to**, never by how its numbers look at first sight.
# Sobel and Prewitt for vertical edges give nothing at all for a horizontal edge. Swap dark and bright, and only
# the sign changes. The Laplacian does not care about direction; it answers −1 on the dark side of an edge and +1 on the
# bright side, and the table keeps the one that comes first. The diagonal line gives Sobel an answer too, because a slanted
# line changes in both directions.
#
# Sobel differs from Prewitt by counting the middle row twice. That is a small blur along the edge, which makes it
# calmer in noise. And sharpening is nothing but *picture plus Laplacian*:

# %%
identity, laplacian, sobel = KERNELS["identity"], KERNELS["laplacian"], KERNELS["sobel vertical edges"]
claim("identity + Laplacian is the sharpening kernel", identity + laplacian, KERNELS["sharpen"])
claim("Sobel: a blur 1 2 1 downwards times a difference −1 0 1 across", np.outer([1, 2, 1], [-1, 0, 1]), sobel)

# %% [markdown] topics=["C13"]
# ### The same answer anywhere
#
# Back to the day's question. Move the picture by seven columns: the same kernel finds the same edges, seven columns
# further. That is called **equivariance**: first shift, then convolve, or first convolve, then shift; the result is the
# same. It needs no luck and no training, because each output is the same formula on another window. (Borders are
# another story: Day 3. And equivariance is not *invariance*: the map does change, it moves. What makes an answer stay
# the same is the subject of Days 1 and 4.)

# %%
left, right = photo[:, :-7], photo[:, 7:]  # two views of the same scene, seven columns apart
maps = conv2d_loops(left, sobel), conv2d_loops(right, sobel)
claim("the map of the shifted view is the shifted map", maps[1][:, :-7], maps[0][:, 7:])

# %% [markdown] topics=["C3"]
# ## Is it really a convolution?
#
# **Before you run:** a picture is black except for one bright pixel in the middle. You slide the kernel below over it. Each
# window sees the bright pixel in another place. What will the nine outputs look like?

# %%
point = np.zeros((5, 5), dtype=int)
point[2, 2] = 1
digits = np.arange(1, 10).reshape(3, 3)
answer = conv2d_loops(point, digits)
fig, axes = plt.subplots(1, 3, figsize=(7.4, 2.9), width_ratios=[5, 3, 3])
for ax, array, title in zip(axes, (point, digits, answer), ("image", "kernel", "output"), strict=True):
    plots.pixels(array, title, ax)
plots.show(
    fig,
    alt=f"An image with a single 1 in its centre and the kernel {digits.tolist()} give the output "
    f"{answer.tolist()}: the kernel after half a turn.",
)

# %% [markdown]
# The kernel comes out turned upside down and mirrored. Of course: the *first* window sees the bright pixel at its *last*
# place.
#
# Mathematicians did not like that. They want one bright point to be answered by the kernel itself, so they turn the
# kernel before sliding it:
#
# $$ \underbrace{\sum_{m,n} I[i+m,\; j+n]\,K[m,n]}_{\text{cross-correlation: what deep learning computes}} \qquad\qquad \underbrace{\sum_{m,n} I[i-m,\; j-n]\,K[m,n]}_{\text{convolution, in mathematics}} $$
#
# Look at the signs: plus on the left, minus on the right. SciPy has both, under their proper names.

# %%
from scipy.signal import convolve2d, correlate2d

ours = conv2d_loops(point, digits)
claim("what we wrote is SciPy's correlate2d", correlate2d(point, digits, mode="valid"), ours, source="M50")
claim("convolve2d answers a point with the kernel itself", convolve2d(point, digits, mode="valid"), digits)
claim(
    "turn the kernel first, and convolve2d agrees with us",
    convolve2d(point, digits[::-1, ::-1], mode="valid"),
    ours,
)

# %% [markdown]
# **Before you run:** for which of the ten kernels does the difference not matter? And by how much is Sobel's answer off?

# %%
agree = []
for name, weights in KERNELS.items():
    difference = np.abs(correlate2d(photo, weights, "valid") - convolve2d(photo, weights, "valid")).max()
    print(f"{name:26s} differ by up to {difference:.0f}")
    if difference < 1e-9:
        agree.append(name)

unchanged = [name for name, weights in KERNELS.items() if np.array_equal(weights, weights[::-1, ::-1])]
claim("they agree for just those kernels that half a turn leaves unchanged", agree, unchanged)
ours, turned = correlate2d(photo, sobel, "valid"), convolve2d(photo, sobel, "valid")
claim("half a turn changes every sign of Sobel, and so of its map", turned, -ours, tolerance=1e-9)

# %% [markdown]
# Does it matter? For *training*, no: a network that learns its kernels just learns them turned. It matters when you move
# kernels between tools, and when you derive gradients (Day 7). This course says "convolution" as the field does, and
# means cross-correlation.
#
# What did the mathematicians gain? Their operation can be regrouped freely. Two kernels, one after the other, are the
# same as one larger kernel, namely their convolution:

# %%
blur = KERNELS["gaussian"]
one_after_the_other = conv2d_loops(conv2d_loops(photo, blur), sobel)
combined = convolve2d(blur, sobel)  # default mode "full": every overlap counts
print("combined kernel:", combined.shape)
claim(
    "blur, then Sobel = one larger kernel", conv2d_loops(photo, combined), one_after_the_other, tolerance=1e-9
)

# %% [markdown] topics=["C4"]
# Keep that in mind: two 3 × 3 kernels in a row reach as far as one of 5 × 5, but *without something non-linear between
# them* they are no more than that one. Day 5 builds on the first half of the sentence, Day 6 on the second.
#
# ## Colour: channels in, maps out
#
# A colour photo has three numbers per pixel: red, green and blue. They are its **channels**, and the array has the shape
# (height, width, channels). The card becomes a small stack of cards, one for each channel. All products of all
# channels are added into **one** number, and the bias comes on top:
#
# $$ S[i, j, o] \;=\; b[o] \;+\; \sum_{m}\sum_{n}\sum_{c=0}^{C_{in}-1} I[i+m,\; j+n,\; c]\; K[m, n, c, o] $$
#
# New here: $c$ counts the $C_{in}$ channels of the image, and $o$ counts the $C_{out}$ **filters**. One filter is a whole
# stack of kernels with one bias; it makes one map. (Many people say kernel for both.)
#
# Small enough for paper: one window of 3 × 3 pixels with three channels. **Before you run:** work out the three sums.

# %%
red, green = [[1, 0, 2], [0, 1, 0], [2, 0, 1]], [[0, 1, 0], [1, 1, 1], [0, 1, 0]]
blue = [[2, 2, 2], [0, 0, 0], [1, 1, 1]]
patch = np.stack([red, green, blue], axis=-1)
for_red, for_green = [[1, 0, -1], [1, 0, -1], [1, 0, -1]], [[0, 0, 0], [0, 2, 0], [0, 0, 0]]
for_blue = [[1, 1, 1], [0, 0, 0], [-1, -1, -1]]
stack = np.stack([for_red, for_green, for_blue], axis=-1)
bias = -1
print("patch:", patch.shape, " stack of kernels:", stack.shape)

fig, axes = plt.subplots(2, 3, figsize=(5.6, 4))
for c, colour in enumerate(["red", "green", "blue"]):
    plots.pixels(patch[:, :, c], f"{colour} channel", axes[0, c], labels=False, limits=(0, 2))
    plots.kernel(stack[:, :, c], "its kernel", axes[1, c], limit=2)
plots.show(
    fig,
    alt=f"Red, green and blue channel of a 3 by 3 patch, {red}, {green} and {blue}, "
    f"each above its own kernel, {for_red}, {for_green} and {for_blue}.",
)

# %%
channel_sums = (patch * stack).sum(axis=(0, 1))
claim("sums of the red, green and blue products", channel_sums, np.array([0, 2, 3]))
claim("one output: the three sums and the bias", channel_sums.sum() + bias, 4)


# %% [markdown]
# So a filter on a colour image is three grey convolutions, added, plus a bias. And a layer with many filters repeats
# that once for each filter and stacks the maps. Both sentences, as code:

# %%
def conv2d_channels(image, filters, bias):
    """image (H, W, C_in), filters (kh, kw, C_in, C_out), bias (C_out,) -> maps (oh, ow, C_out)."""
    maps = []
    for o in range(filters.shape[-1]):
        grey_maps = [conv2d_loops(image[:, :, c], filters[:, :, c, o]) for c in range(image.shape[-1])]
        maps.append(sum(grey_maps) + bias[o])
    return np.stack(maps, axis=-1)


claim("the patch again", conv2d_channels(patch, stack[..., None], [bias]), np.array([[[4]]]))

# %% [markdown]
# Now a real colour photo and four filters of our own. **Before you run the second cell:** where will "red − green" be
# positive? Where will "blue − yellow" be? (Yellow is red and green together.)

# %%
colour_photo = (
    photos.astronaut().reshape(128, 4, 128, 4, 3).mean(axis=(1, 3)) / 255
)  # (128, 128, 3), values 0 to 1
filters = np.zeros((3, 3, 3, 4))  # kernel rows, kernel columns, channels in, filters
filters[:, :, :, 0] = sobel[:, :, None] / 3  # vertical edges in the mean of the three channels
filters[:, :, :, 1] = laplacian[:, :, None] / 3
filters[:, :, 0, 2], filters[:, :, 1, 2] = identity, -identity  # red − green
filters[:, :, 2, 3] = identity  # blue − yellow
filters[:, :, 0, 3] = filters[:, :, 1, 3] = -identity / 2

# %%
maps = conv2d_channels(colour_photo, filters, bias=np.zeros(4))
print("image", colour_photo.shape, " filters", filters.shape, " maps", maps.shape)
fig, axes = plt.subplots(1, 5, figsize=(9.5, 2.3))
plots.image(colour_photo, "photo", axes[0])
for o, title in enumerate(["vertical edges", "Laplacian", "red − green", "blue − yellow"]):
    plots.image(maps[:, :, o], title, axes[o + 1], signed=True)
plots.show(
    fig,
    alt="Portrait of an astronaut in an orange suit before a flag and a model of a shuttle, and four feature maps, orange "
    "where positive and purple where negative. Red minus green is strongly positive on the suit and on the flag's red stripes; "
    "blue minus yellow is negative on the suit and positive on the flag's blue field and the blue badge.",
)


# %% [markdown] topics=["C8"]
# One image went in with three channels, four filters gave four maps. The next layer would take those maps as a "photo" with
# four channels. That is how layers stack: **the number of filters of one layer is the number of input channels of the
# next.**
#
# ### Count the weights
#
# One filter has $k \cdot k \cdot C_{in}$ weights and one bias; there are $C_{out}$ filters:
#
# $$ \text{parameters} = (k \cdot k \cdot C_{in} + 1) \cdot C_{out} $$
#
# The image's height and width do not occur. **Before you run:** how many parameters have 32 filters of 3 × 3 on a colour
# image?

# %%
def conv_parameters(k, c_in, c_out):
    return (k * k * c_in + 1) * c_out


claim("32 filters of 3 × 3 on RGB", conv_parameters(3, 3, 32), 896, source="T07")
claim("64 filters of 3 × 3 on a grey image", conv_parameters(3, 1, 64), 640, source="M51")
claim("64 filters of 3 × 3 on RGB", conv_parameters(3, 3, 64), 1792, source="M51")
claim("the four filters above", conv_parameters(3, 3, 4), filters.size + 4)

# %% [markdown] topics=["C11", "C15"]
# **What do you decide, and what will be learnt?** You decide the size of the kernel, the number of filters, stride and
# padding: the **hyper-parameters**. Training finds the weights and biases: the **parameters**. Searching for the
# former by machine has a name as well, neural architecture search; it costs many trainings (Day 19 does a small one).

# %% [markdown]
# ## Faster, one: windows without copying
#
# Python's loops are slow. NumPy can show all windows at once, as an array with four axes: where the window is (two axes),
# where in the window we are (two axes). No pixel is copied. The trick is in the **strides**: how many bytes to walk in
# memory for one step along each axis.

# %%
from numpy.lib.stride_tricks import sliding_window_view

windows = sliding_window_view(image, (3, 3))
print("shape of the image:  ", image.shape, "  strides in bytes:", image.strides)
print("shape of the windows:", windows.shape, "  strides in bytes:", windows.strides)
claim("the windows are the image's own memory", np.shares_memory(windows, image), True)


# %% [markdown]
# One step to the *next window* walks as far as one step to the *next pixel inside* the window. That is all that
# overlapping means. What remains is one sum over the two inner axes. `einsum` writes it as we wrote the formula: indices
# that stand left of the arrow only are summed over.

# %%
def conv2d_strides(image, kernel):
    return np.einsum("ijmn,mn->ij", sliding_window_view(image, kernel.shape), kernel)


claim("no loop, same map", conv2d_strides(image, kernel), laplacian_map)

# %% [markdown]
# ## Faster, two: one matrix product
#
# Now copy every window into one **row** of a matrix. Write the kernel as one **column**. Row times column is "multiply
# the pairs and add up": exactly what the card does. So the whole convolution is one matrix product. The unrolling is called
# **im2col** ("image to columns").

# %%
rows = sliding_window_view(image, (3, 3)).reshape(-1, 9)  # a copy: no strides can describe this matrix
outputs = rows @ kernel.ravel()
fig, axes = plt.subplots(1, 3, figsize=(8.4, 4.2), width_ratios=[9, 1.6, 1.6])
plots.pixels(
    rows, "im2col: one window in each row", axes[0], highlight=[(0, 0, 1, 9), (4, 0, 1, 9)], limits=(0, 255)
)
axes[0].set(xlabel="place in the window", ylabel="window")
plots.kernel(kernel.reshape(9, 1), "kernel", axes[1])
plots.pixels(outputs[:, None], "output", axes[2], highlight=[(0, 0, 1, 1), (4, 0, 1, 1)], labels=False)
numbers = str(outputs.tolist()).replace("-", "−")
plots.show(
    fig,
    alt="A matrix of 9 windows by 9 pixels, times the kernel as one column, gives the column of outputs "
    f"{numbers}. Rows 0 and 4 and their outputs are framed.",
)

# %%
claim("one matrix product, same map", outputs.reshape(3, 3), laplacian_map)
copied = sliding_window_view(photo, (3, 3)).reshape(-1, 9)
print(f"the photo: {photo.nbytes / 1e6:.2f} MB   its windows, copied: {copied.nbytes / 1e6:.2f} MB")
claim("the copy is nearly nine times as large", copied.nbytes / photo.nbytes, lambda ratio: 8.5 < ratio < 9)

# %% [markdown]
# That is the bargain: nearly nine times the memory for a matrix product, which is the operation that processors do best.
# And several kernels cost no extra loop. Put them side by side as columns: one product gives all maps.

# %%
columns = np.stack([KERNELS[name].ravel() for name in edge_kernels], axis=1)
all_maps = copied @ columns
print(copied.shape, "@", columns.shape, "=", all_maps.shape)
first = all_maps[:, 0].reshape(190, 190)
claim("the first column, as a map, is the Laplacian's", first, conv2d_loops(photo, laplacian), tolerance=1e-9)

# %% [markdown]
# With channels, each row gets longer: $k \cdot k \cdot C_{in}$ numbers. You will write that in the exercise.
#
# ## The same in Keras and PyTorch
#
# Both call the layer `Conv2D`. They differ in how they lay out the arrays:
#
# | | images | weights |
# |---|---|---|
# | our NumPy | (H, W, C) | (kh, kw, C_in, C_out) |
# | Keras | (N, H, W, C), "channels last" or NHWC | (kh, kw, C_in, C_out) |
# | PyTorch | (N, C, H, W), "channels first" or NCHW | (C_out, C_in, kh, kw) |
#
# $N$ is the **batch**: how many images at once; here 1. Frameworks count in 32-bit floats, with about seven digits, so
# equal means *equal up to rounding*. We let Keras draw random weights and copy them to the other two.

# %%
import keras
import torch

keras_layer = keras.layers.Conv2D(16, kernel_size=3, padding="valid")  # valid: only where the window fits
keras_maps = keras_layer(colour_photo[None].astype("float32"))
weights, biases = keras_layer.get_weights()
print("Keras  weights", weights.shape, " biases", biases.shape, " maps", tuple(keras_maps.shape))

# %%
torch_layer = torch.nn.Conv2d(3, 16, kernel_size=3)
with torch.no_grad():
    torch_layer.weight.copy_(torch.from_numpy(weights.transpose(3, 2, 0, 1).copy()))
    torch_layer.bias.copy_(torch.from_numpy(biases.copy()))
    torch_maps = torch_layer(torch.from_numpy(colour_photo.transpose(2, 0, 1)[None].astype("float32")))
print("PyTorch weights", tuple(torch_layer.weight.shape), " maps", tuple(torch_maps.shape))

# %% [markdown]
# `transpose` reorders the axes; it moves each number to its right place. `reshape` to the same shape would raise no
# error and give nonsense (see the pitfalls). From now on three short functions do it for us, there and back:

# %%
from course_utils import layouts

claim("images, by hand and by the helper", layouts.to_torch(colour_photo).numpy(), colour_photo.transpose(2, 0, 1))
claim("and back", layouts.from_torch(layouts.to_torch(colour_photo)), colour_photo)
claim("kernels", layouts.kernels_to_torch(weights).numpy(), weights.transpose(3, 2, 0, 1))

# %%
# A GPU rounds the factors of a float32 convolution to 10 binary digits (TF32), so there the tolerance is wider.
tolerance = 1e-2 if profiles.visible_gpus() else 1e-5


def conv2d_layer(image, filters, bias):
    """The same as conv2d_channels, without its loops."""
    windows = sliding_window_view(image, filters.shape[:2], axis=(0, 1))  # (oh, ow, C_in, kh, kw)
    return np.einsum("ijcmn,mnco->ijo", windows, filters) + bias


ours = conv2d_layer(colour_photo, weights, biases)
from_keras = keras.ops.convert_to_numpy(keras_maps)[0]
from_torch = layouts.from_torch(torch_maps)[0]
claim("NumPy and Keras agree", from_keras, ours, tolerance=tolerance)
claim("NumPy and PyTorch agree", from_torch, ours, tolerance=tolerance)
turned = conv2d_layer(colour_photo, weights[::-1, ::-1], biases)
claim("with turned kernels they would differ by up to", np.abs(turned - ours).max(), lambda gap: gap > 0.1)
claim("parameters in Keras", keras_layer.count_params(), conv_parameters(3, 3, 16))
claim("parameters in PyTorch", sum(p.numel() for p in torch_layer.parameters()), conv_parameters(3, 3, 16))

# %% [markdown]
# Nobody trained these filters; their weights are random numbers around zero. **Before you run:** will the maps of random
# filters look like noise, or can you still recognise the picture?

# %%
eight = from_keras[:, :, :8]
bright = ", ".join(str(o) for o in range(8) if eight[:, :, o].mean() > 0)
plots.show(
    plots.feature_maps(eight, [f"filter {o}" for o in range(8)]),
    alt="Eight feature maps made by filters with random weights; the astronaut is recognisable in them. "
    f"Mostly positive, like a print: filters {bright}. The others are mostly negative, like a film negative.",
)

# %% [markdown]
# Random cards still add up neighbouring pixels, so the scene survives. Training starts from here and makes the filters
# different and useful. Day 14 watches them before and after.
#
# ### How fast?
#
# The same layer in five ways, on the same image. **Before you run:** put them in order. By what factor will the loops
# lose against im2col?

# %%
from contextlib import contextmanager
from time import perf_counter

from threadpoolctl import threadpool_limits


@contextmanager
def stopwatch(times):
    start = perf_counter()
    yield
    times.append(perf_counter() - start)


side = profile.pick(smoke=64, cpu=128, gpu=128)
x = np.ascontiguousarray(colour_photo[:side, :side], dtype="float32")
x_keras, x_torch = keras.ops.convert_to_tensor(x[None]), layouts.to_torch(x[None])


# %%
def loops():
    maps = np.zeros((side - 2, side - 2, 16), dtype="float32")
    for i in range(side - 2):
        for j in range(side - 2):
            for o in range(16):
                maps[i, j, o] = np.sum(x[i : i + 3, j : j + 3] * weights[:, :, :, o]) + biases[o]
    return maps


def strides():
    return np.einsum("ijcmn,mnco->ijo", sliding_window_view(x, (3, 3), axis=(0, 1)), weights) + biases


def im2col():
    patches = sliding_window_view(x, (3, 3), axis=(0, 1)).transpose(0, 1, 3, 4, 2).reshape(-1, 27)
    return (patches @ weights.reshape(27, 16) + biases).reshape(side - 2, side - 2, 16)


def in_keras():
    return keras.ops.convert_to_numpy(keras_layer(x_keras))[0]


def in_torch():
    with torch.no_grad():
        return layouts.from_torch(torch_layer(x_torch))[0]


# %%
medians = {}
for way in (loops, strides, im2col, in_keras, in_torch):
    # This first call is not timed: it also warms up.
    claim(f"{way.__name__}: the same maps", way(), ours[: side - 2, : side - 2], tolerance=tolerance)
    times = []
    for _ in range(3 if way is loops else 25):
        with threadpool_limits(1), stopwatch(times):  # one thread: we compare ways, not numbers of cores
            way()
    medians[way.__name__] = np.median(times)

print(f"one image of {side} × {side} × 3, 16 filters; median of the repeats on {profiles.device_report()}")
for name, seconds in medians.items():
    print(
        f"{name:9s} {1000 * seconds:9.2f} ms   the loops take {medians['loops'] / seconds:7.1f} times as long"
    )

# %%
result("loops_over_strides", medians["loops"] / medians["strides"], unit="times")
result("loops_over_im2col", medians["loops"] / medians["im2col"], unit="times")
result("loops_over_torch", medians["loops"] / medians["in_torch"], unit="times")
result("loops_over_keras", medians["loops"] / medians["in_keras"], unit="times")

# %% [markdown]
# All five do the same multiplications. What differs is who drives: the loops ask Python for every single sum. The order
# of the other four depends on your machine; run the cell again and see. Every call to a layer has a fixed price, so
# one small image flatters plain NumPy. With batches and many channels the frameworks pull ahead, they use all cores and
# GPUs, and they know the gradients.
#
# ## A convolution is a matrix
#
# Each output is a weighted sum of pixels, so a convolution is a **linear map**. Any linear map from 25 pixels to 9 outputs
# can be written as a matrix of 9 rows and 25 columns. How to find it? Ask the convolution itself: feed it a picture with a
# single 1, and its answer is one column.

# %%
columns = []
for pixel in range(25):
    single = np.zeros(25, dtype=int)
    single[pixel] = 1
    columns.append(conv2d_loops(single.reshape(5, 5), digits).ravel())
M = np.stack(columns, axis=1)
claim("matrix times flattened image = convolution", M @ image.ravel(), conv2d_loops(image, digits).ravel())

# %%
fig, ax = plt.subplots(figsize=(9, 3.9))
plots.kernel(np.where(M == 0, np.nan, M), ax=ax, limit=9)
ax.set(xticks=range(25), yticks=range(9))
ax.set(
    xlabel="pixel of the image (5 × 5, row by row)",
    ylabel="output",
    title="the matrix of a 3 × 3 kernel; empty cells are zero",
)
plots.show(
    fig,
    alt=f"A matrix of {M.shape[0]} rows and {M.shape[1]} columns. Each row holds the kernel's numbers 1 to 9 in three "
    "groups of three; each next row is shifted to the right, by one pixel or, at a new image row, by three. "
    f"{np.sum(M == 0)} of {M.size} cells are empty.",
)

# %% [markdown] topics=["C12"]
# Two things stand in this picture.
#
# - **Most cells are empty.** An output sees nine pixels, no others. That is *local connectivity*.
# - **The same nine numbers come back in every row**, shifted. That is *weight sharing*.
#
# A fully connected layer is the same matrix without these two rules: every cell filled, every number its own weight. A
# matrix whose diagonals are constant is called *Toeplitz*; this one consists of such blocks.
#
# Sharing is also an **assumption**: what is worth finding here is worth finding there. For photographs that is mostly
# true. Where position itself has a meaning (a form with fixed fields, a face that is always centred) it costs something.

# %%
print(f"cells {M.size}, not zero {np.count_nonzero(M)}, different weights {len(np.unique(M[M > 0]))}")
pixels, outputs = photo.size, 190 * 190
print(f"for the photo: {pixels * outputs:,} cells, {9 * outputs:,} not zero, {kernel.size} different weights")
print(f"share of cells that are not zero: {9 / pixels:.4%}")
claim("cells that are not zero: nine for each of nine outputs", np.count_nonzero(M), 9 * 9)

# %% [markdown]
# The matrix also answers a question that returns on Day 7. It leads from 25 pixels to 9 outputs; its **transpose** leads
# from 9 outputs back to 25 pixels. **Before you run:** is $M^T$ the inverse? Does it give the image back?

# %%
outputs = conv2d_loops(image, digits)
back = (M.T @ outputs.ravel()).reshape(5, 5)
claim("the transpose gives the image back", np.array_equal(back, image), False)
claim("it is a mathematical convolution, every overlap counted", back, convolve2d(outputs, digits, mode="full"))

# %% [markdown]
# Not the inverse: 9 numbers cannot hold 25. But it has the right shape, and it sends each output back to exactly the
# pixels that made it, with the same weights. It is called **transposed convolution**; gradients flow back through it, and
# networks that draw pictures use it to enlarge maps.
#
# ## What does it cost?
#
# Count multiplications with an addition, **multiply-adds** or MACs for short. Each output needs $k \cdot k \cdot C_{in}$ of
# them, and there are $H \cdot W \cdot C_{out}$ outputs ($H$, $W$: height and width of the *map*):
#
# $$ \text{MACs} = k^2 \cdot C_{in} \cdot C_{out} \cdot H \cdot W $$
#
# So parameters do not depend on the image's size, and the work does. A model's **ledger** lists both.

# %%
from course_utils.ledger import ledger

layer = keras.layers.Conv2D(32, kernel_size=3, padding="same")  # same: the map keeps 32 × 32 (Day 3)
model = keras.Sequential([keras.Input((32, 32, 3)), layer])
entry = ledger(model).rows[0]
print(f"output {entry.output_shape}, parameters {entry.parameters:,}, multiply-adds {entry.macs:,}")
claim("parameters by the formula", entry.parameters, conv_parameters(3, 3, 32), source="T07")
claim("multiply-adds by the formula", entry.macs, 3 * 3 * 3 * 32 * 32 * 32, source="M53")

dense = reference.dense_parameters(32 * 32 * 3, 32 * 32 * 32)
print(f"fully connected, same input and output: {dense:,} parameters", end=", ")
print(f"{dense / entry.parameters:,.0f} times as many")

# %% [markdown] topics=["C9"]
# **How many filters?** Each one is a feature that the layer can look for, and each one costs. **Before you run:** from 16 to
# 64 filters, by how much do parameters and work grow in this layer? And in the *next* layer, if it has as many filters?

# %%
print("           this layer                next layer")
print("filters    parameters       MACs    parameters        MACs")
for c in (3, 16, 64):
    here, after = 9 * 3 * c * 32 * 32, 9 * c * c * 32 * 32
    print(f"{c:7d} {conv_parameters(3, 3, c):13,} {here:10,} {conv_parameters(3, c, c):13,} {after:11,}")

# %% [markdown] topics=["C10"]
# The first layer grows in proportion, the next with the *square*: its filters got more channels and became more numerous.
# More filters can fit more, and overfit more; whether they pay has to be measured (Days 12 and 15).
#
# Many networks double the filters whenever they halve the sides. Texts say that this "keeps the capacity" (M40). **Before you
# run:** what does it keep?

# %%
from itertools import pairwise

stages = [(32, 16, 32), (16, 32, 64), (8, 64, 128)]  # side of the map, channels in, channels out
volumes = [size * size * c_out for size, _, c_out in stages]
macs = [9 * c_in * c_out * size * size for size, c_in, c_out in stages]
print("numbers in the maps:", volumes, "  multiply-adds:", macs)
halves = [after / before for before, after in pairwise(volumes)]
claim("each stage's maps hold as much as the last, times", np.array(halves), np.array([0.5, 0.5]), source="M40")
claim("the work stays the same", len(set(macs)), 1, source="M40")

# %% [markdown]
# ## Try it yourself: the convolution stepper

# %%
show_step(binary_image, vertical, row=1, column=2)  # try other rows and columns, 0 to 2

changed = image.copy()
changed[2, 2] += 100  # the centre; try [2, 0] and [0, 0]
print("outputs that change (1) or stay (0):")
print((conv2d_loops(changed, digits) != conv2d_loops(image, digits)).astype(int))

# %% [markdown] tags=["explorer"]
# **Explorer: convolution stepper.** Here you move the card over the image, change pixels and weights, and watch nine
# products become one sum. The cell above does the same, one position at a time. Two things to try:
#
# 1. *Zero is not "nothing there".* Visit all nine positions of the vertical-edge kernel on the image of zeros and ones.
#    Look for outputs of 0. Is any of those windows blank? What cancels what?
# 2. *One pixel changes.* Change the pixel in the centre, then one in the middle of an edge, then one in a corner. Look at
#    how many outputs change with it. Why are they not equally many?

# %%
from course_utils import widgets

widgets.ConvolutionStepper(image=binary_image, kernel=vertical)

# %% [markdown] topics=["C14"]
# ## Experiment: let the data choose the nine numbers
#
# So far people chose the weights. Now turn the question round. You are given a photo *and* its feature map, but the
# kernel is lost. Each output gives one equation with nine unknowns, and im2col has already written them down:
#
# $$ \underbrace{A}_{\text{windows}} \; \underbrace{w}_{\text{nine weights}} \approx \underbrace{y}_{\text{outputs}} $$
#
# Take the nine weights for which the squared errors add up to the least: that is called **least squares**, and NumPy
# solves it with `lstsq`. **Before you run:** will it find Sobel only roughly, or to the last digit?

# %%
A = sliding_window_view(photo, (3, 3)).reshape(-1, 9)
y = conv2d_loops(photo, sobel).ravel()
w, *_ = np.linalg.lstsq(A, y, rcond=None)
print(f"{len(y):,} equations, {len(w)} unknowns")
print(w.reshape(3, 3).round(6) + 0.0)
claim("the lost kernel, found from one photo", w.reshape(3, 3), sobel, tolerance=1e-6)

# %% [markdown]
# Exactly. So examples of input and output are enough to find a kernel. That was cheating a little: a kernel that makes
# the map perfectly did exist. Now a question where nobody knows the answer.
#
# ### Which kernel cleans a photo best?
#
# Add noise to the photo: a random number for each pixel, with standard deviation σ grey levels. Ask least squares for
# the 3 × 3 kernel that turns the noisy photo back into the clean one as well as possible. Now $y$ is the clean photo.
#
# **Before you run, write down your guess** for weak, medium and strong noise. Will the learnt kernel look like the
# identity (leave it alone), the Gaussian, the box blur, or like something else? Will it be symmetric?

# %%
rng = np.random.default_rng(SEED)
scene = halved  # the whole photo: more windows
learnt = {}
for sigma in (2, 10, 40):
    noisy = scene + rng.normal(0, sigma, scene.shape)
    A = sliding_window_view(noisy, (3, 3)).reshape(-1, 9)
    y = scene[1:-1, 1:-1].ravel()  # the clean pixel in the middle of each window
    learnt[sigma] = np.linalg.lstsq(A, y, rcond=None)[0].reshape(3, 3)

fig, axes = plt.subplots(1, 3, figsize=(6.6, 2.6))
for (sigma, w), ax in zip(learnt.items(), axes, strict=True):
    plots.kernel(w.round(2) + 0.0, f"noise σ = {sigma}\nsum of weights {w.sum():.2f}", ax)
middles = "; ".join(
    f"at σ = {s} the middle weighs {w[1, 1]:.2f}, the pixels above and below {w[0, 1]:.2f} and {w[2, 1]:.2f}, "
    f"those left and right {w[1, 0]:.2f} and {w[1, 2]:.2f}"
    for s, w in learnt.items()
)
plots.show(fig, alt=f"The kernels that least squares found: {middles}.")

# %% [markdown]
# Look at three things. With weak noise the best kernel nearly leaves the photo alone; with strong noise it comes close
# to a box. Nobody said that weights should add up to one, and yet they nearly do. And at medium noise the neighbours
# above and below count more than those left and right. Why? This photo is full of upright things: towers,
# tripod legs, a standing man. So a pixel resembles the one above it more than the one beside it:

# %%
down, across = np.abs(np.diff(scene, axis=0)).mean(), np.abs(np.diff(scene, axis=1)).mean()
print(f"mean difference of neighbours: {down:.2f} one above the other, {across:.2f} side by side")
claim("one above the other they are more alike", down < across, True)

# %% [markdown]
# The kernel has *learnt something about the data*. Is that knowledge, or did it only memorise this photo? The honest
# test is a photo that it has never seen: coins on a table, with fresh noise. **Before you run:** will it still beat
# Gaussian and box? It was not made for coins. The error is the root of the mean squared difference from the clean photo.

# %%
coins = photos.coins().astype(float)
contenders = {
    "do nothing": KERNELS["identity"],
    "gaussian": KERNELS["gaussian"],
    "box blur": KERNELS["box blur"],
}
fig, axes = plt.subplots(1, 3, figsize=(9, 2.3), sharey=True)
errors = {}
for (sigma, w), ax in zip(learnt.items(), axes, strict=True):
    noisy = coins + rng.normal(0, sigma, coins.shape)
    A = sliding_window_view(noisy, (3, 3)).reshape(-1, 9)
    for name, weights_ in {**contenders, "learnt": w}.items():
        errors[sigma, name] = np.sqrt(np.mean((A @ weights_.ravel() - coins[1:-1, 1:-1].ravel()) ** 2))
    names = [*contenders, "learnt"]
    heights = [errors[sigma, name] for name in names]
    plots.bars(names, heights, None, f"noise σ = {sigma}", ax, label="error (grey levels)", accent="learnt")
summary = "; ".join(f"σ = {s}, {n}: {e:.1f}" for (s, n), e in errors.items())
plots.show(fig, alt=f"Root mean square error on the photo of coins, in grey levels: {summary}.")

# %%
saved = {}
for sigma in learnt:
    best_designed = min(errors[sigma, name] for name in contenders)
    saved[sigma] = 1 - errors[sigma, "learnt"] / best_designed
    result(f"error_saved_at_sigma_{sigma}", saved[sigma], unit="%")
claim("the learnt kernel has the smallest error at each noise level", min(saved.values()) > 0, True)
claim("it saves most at noise σ =", max(saved, key=saved.get), 10)

# %% [markdown]
# The learnt kernel beats the best hand-made one at each noise level, on a photo that it has not seen. It does so most
# clearly at medium noise, where no classic kernel fits. This is all of machine learning in small: examples, a
# model with few parameters, a best fit, an honest test on other data. Training a network does the same with thousands of
# kernels at once, step by step, because there the answer no longer falls out of one formula (Days 7 and 8).
#
# **What one kernel cannot do.** Ask for edges regardless of sign: the *absolute value* of Sobel's answer. **Before you
# run:** how much of it can the best single kernel (with a bias) explain?

# %%
target = np.abs(conv2d_loops(photo, sobel)).ravel()
A = np.column_stack([sliding_window_view(photo, (3, 3)).reshape(-1, 9), np.ones(target.size)])  # the last column is the bias
fit = A @ np.linalg.lstsq(A, target, rcond=None)[0]
explained = 1 - np.mean((target - fit) ** 2) / np.var(target)
result("share_of_unsigned_edges_explained", explained, unit="%")
claim("less than a tenth", explained, lambda share: share < 0.1)

# %% [markdown]
# Next to nothing. A linear map that answers +5 to a pattern must answer −5 to its negative. To be glad of both, something
# non-linear is needed after the kernel. Two filters, Sobel and minus Sobel, and then "cut off below zero" do it:

# %%
positive_part = np.maximum(conv2d_loops(photo, sobel), 0) + np.maximum(conv2d_loops(photo, -sobel), 0)
claim("two filters, cut off at zero, added: the absolute value", positive_part.ravel(), target)

# %% [markdown]
# That cut-off is the ReLU of Day 6.
#
# ## What texts get wrong
#
# Each cell tests a sentence from a widely read text. Change the numbers and try to save it.
#
# **"The first output of the zeros-and-ones example is 1."** It is 0; you added it up above (F01). **"Convolution is
# $\sum I[i+m, j+n] K[m, n]$."** That is cross-correlation; you compared it with SciPy above (M50).
#
# **"A kernel that starts slightly brighter on the left is strengthened by training into −1 0 +1."** Strengthening keeps
# signs. Look at how well the two fit:

# %%
brighter_left = np.tile([1, 0, -1], (3, 1))
claim("'brighter left' times Sobel, summed: opposed", (brighter_left * sobel).sum(), -8, source="F10")
claim("'brighter left' times the mirrored Sobel", (brighter_left * sobel[:, ::-1]).sum(), 8, source="F10")

# %% [markdown]
# **"Trained kernel 1 finds vertical edges, 2 horizontal ones, 3 diagonals."** A text shows three trained kernels with
# such captions, and all three are wrong: tested as above, its first two answer to horizontal edges and its third to
# vertical ones. Here are three kernels with noise on them, as training makes them, in an order that the seed decides.
# **Name them from their signs before you run the second cell.**

# %%
rng = np.random.default_rng(SEED)
made_from = rng.permutation(["sobel vertical edges", "sobel horizontal edges", "diagonal"])
mystery = [KERNELS[name] / 4 + rng.normal(0, 0.1, (3, 3)) for name in made_from]
fig, axes = plt.subplots(1, 3, figsize=(5.6, 2.1))
for number, (weights_, ax) in enumerate(zip(mystery, axes, strict=True), start=1):
    plots.kernel(weights_.round(2), f"kernel {number}", ax)
plots.show(fig, alt="Three noisy kernels: " + "; ".join(str(k.round(2).tolist()) for k in mystery) + ".")

# %%
tests = {
    "sobel vertical edges": pictures["brighter to the right"],
    "sobel horizontal edges": pictures["brighter downwards"],
    "diagonal": pictures["diagonal line ↘"],
}
named = []
for number, weights_ in enumerate(mystery, start=1):
    balanced = weights_ - weights_.mean()  # now the sum is zero: plain brightness does not count as an answer
    answers = {name: round(abs(strongest(conv2d_loops(p, balanced))), 2) for name, p in tests.items()}
    named.append(max(answers, key=answers.get))
    print(f"kernel {number}:", ", ".join(f"{name} {value:.2f}" for name, value in answers.items()))
claim("named by their strongest answer", named, list(made_from), source="F11")

# %% [markdown]
# **"The input shape is width × height × channels."** Rows come first: *height* × width × channels. With square images
# nobody notices. Use a picture that is not square:

# %%
wide = np.zeros((1, 20, 50, 3), dtype="float32")  # one image, 20 rows, 50 columns
flat_kernel = keras.layers.Conv2D(1, kernel_size=(1, 7))  # 1 row, 7 columns
claim("1 row and 7 columns take 6 columns away", tuple(flat_kernel(wide).shape), (1, 20, 44, 1), source="F24")

# %% [markdown]
# **"padding='valid' has fewer parameters."** Padding adds pixels, not weights:

# %%
counts = []
for padding in ("valid", "same"):
    layer = keras.layers.Conv2D(32, 3, padding=padding)
    layer.build((None, 32, 32, 3))
    counts.append(layer.count_params())
claim("parameters with valid and with same", np.array(counts), np.array([896, 896]), source="F28")

# %% [markdown]
# **"The output has (W − F)/S + 1 columns"**, for W columns of image, F of kernel, and a card that jumps S columns at a
# time. Only if the division comes out even. Otherwise the last jump does not fit, and the number is rounded down:

# %%
stride_2 = torch.nn.Conv2d(1, 1, kernel_size=3, stride=2)
columns_out = stride_2(torch.zeros(1, 1, 32, 32)).shape[-1]
print("(32 − 3)/2 + 1 =", (32 - 3) / 2 + 1)
claim("columns out", columns_out, 15, source="M30")
claim("the formula with a floor", (32 - 3) // 2 + 1, columns_out, source="M30")

# %% [markdown]
# **"64 filters of 3 × 3 have 640 parameters."** On a grey image. On a colour image they have 1,792: you claimed both
# above (M51). **"A convolution costs k² · n for n pixels."** This forgets the channels. Same pixels, same kernel size:

# %%
for c in (1, 3, 64):
    model = keras.Sequential([keras.Input((32, 32, c)), keras.layers.Conv2D(c, 3, padding="same")])
    macs = ledger(model).macs
    print(f"{c:3d} channels in and out: {macs:12,} multiply-adds")
claim("64 channels against k² · n: this many times as much", macs // (9 * 32 * 32), 64 * 64, source="M53")

# %% [markdown]
# ## Pitfalls
#
# | symptom | cause | fix |
# |---|---|---|
# | An edge map shows huge values where the picture hardly changes | uint8 minus uint8 wraps around below 0 | convert to float or int *before* multiplying |
# | The result differs from a library's by its sign, or is mirrored | one of the two turns the kernel | compare with `correlate2d`, or turn the kernel yourself |
# | PyTorch: "expected input to have 3 channels, but got 128 channels" | channels last where channels first is wanted | `transpose(2, 0, 1)` or `permute`, then add the batch axis |
# | No error, but the maps are scrambled stripes | `reshape` was used to change the layout | `reshape` keeps the order in memory; reorder axes with `transpose` |
# | Keras: "expected min_ndim=4, found ndim=3" | the batch axis is missing | `image[None]` |
# | The output of a colour image still has three channels | each channel was filtered by itself and never added | sum over channels: one filter, one map |
# | The blurred picture is too bright or all white | the weights do not add up to 1 | divide the kernel by its sum |
# | The edge map is black except for some lines | negative values are cut off when shown as an image | use a colour map with zero in its middle |
# | The first call is far slower than the others | set-up, compilation and memory are paid once | warm up, then take the median of several runs |
#
# Three of them to feel. **Before you run:** what is 10 − 20?

# %%
dark, bright = np.array([20], dtype=np.uint8), np.array([10], dtype=np.uint8)
claim("10 − 20 in uint8", int((bright - dark)[0]), 246)
claim("10 − 20 after conversion", int(bright[0].astype(int) - dark[0].astype(int)), -10)

# %%
right = colour_photo.transpose(2, 0, 1)
wrong = colour_photo.reshape(3, 128, 128)
claim("same shape", right.shape, wrong.shape)
fig, axes = plt.subplots(1, 2, figsize=(4.6, 2.5))
plots.image(right[0], "transpose: red channel", axes[0])
plots.image(wrong[0], "reshape: nonsense", axes[1])
plots.show(
    fig,
    alt="Left, after transpose: the red channel, the astronaut's portrait. Right, after reshape: horizontal stripes, in "
    "which the stretched upper part of the portrait can be guessed.",
)

# %%
try:
    torch_layer(torch.from_numpy(colour_photo[None].astype("float32")))
except RuntimeError as error:
    print(str(error).splitlines()[0])

# %% [markdown]
# ## Recap
#
# 1. A convolution slides a small kernel over the image; each output is the sum of the products of one window.
# 2. Deep learning's convolution does not turn the kernel: it is cross-correlation. Mathematics turns it.
# 3. A filter spans all input channels and makes one map; $C_{out}$ filters have $(k^2 C_{in} + 1) \, C_{out}$ parameters, whatever the image's size.
# 4. Loops, strides, im2col, a sparse matrix with shared weights, Keras, PyTorch: one operation, the same numbers.
# 5. A kernel responds to what looks like it. People can design it, or data can choose it.
#
# ### Further reading
#
# - Goodfellow, Bengio & Courville, *Deep Learning*, chapter 9 (2016): the definition, and why the kernel is not turned.
# - Dumoulin & Visin, *A guide to convolution arithmetic for deep learning* (2016): sizes, the matrix, the transpose, in pictures.
# - Chellapilla, Puri & Simard, *High Performance Convolutional Neural Networks for Document Processing* (2006): im2col.
# - LeCun et al., *Gradient-Based Learning Applied to Document Recognition* (1998): kernels learnt instead of designed.
# - Sobel & Feldman (1968) and Prewitt (1970) for the edge kernels; Marr & Hildreth, *Theory of Edge Detection* (1980), for the Laplacian.
#
# **Now you:** [the exercise of Day 2](../exercises/day_02_convolution.py). You will write `conv2d`, a layer with channels,
# and `im2col`; count parameters; name unknown kernels; and say when the turn matters. Every check answers at once.
