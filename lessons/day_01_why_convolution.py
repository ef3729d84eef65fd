# ---
# jupyter:
#   course:
#     budget_s:
#       cpu: 300
#       gpu: 300
#       smoke: 60
#     data:
#     - cifar10
#     day: 1
#     frameworks:
#     - keras
#     - torch
#     minutes: 90
#     title: Why convolution
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
# # Day 1: Why convolution
#
# **Scramble the pixels of every picture in the same way. Which network would notice?**
#
# After this day you can (in brackets: the question of the exercise that asks for it)
#
# 1. say what a neuron, a layer and a network compute, and count their parameters [1];
# 2. explain what a convolution leaves out and what it shares, and count what that saves [2];
# 3. scramble pictures, undo it inside a dense layer, and say what follows from that [3, 4];
# 4. measure whether a layer is equivariant or invariant to shifts, and tell the two words apart [5, 6];
# 5. choose between the two kinds of network for a task, and give the reason [7].
#
# **Time** about 90 minutes, of which the machine trains a few. **You need** NumPy: arrays, slices, the matrix product `@`.
# No knowledge of neural networks is needed. What this day only touches, a later day explains; it is named each time.
#
# **How to read a notebook of this course.** At **Before you run**, write down your guess first. `claim(what, computed, expected)`
# compares a number of the text with the one just computed and shows it behind a ✓; if it were wrong, the notebook would stop. A code
# such as [F26] names a sentence of some other text that is being tested. `result` shows a number measured in this run, and beside
# it the ones that were recorded. `PROFILE` says how much is computed: `"smoke"` is a quick test on little data, `"cpu"` is for a
# laptop, `"gpu"` for a graphics card. `SEED` fixes the random numbers.

# %% tags=["parameters"]
PROFILE = "auto"  # "smoke", "cpu", "gpu", or "auto": gpu where one is visible, else cpu
SEED = 0

# %%
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np

from course_utils import data, plots, profiles
from course_utils.claims import claim, result

profile = profiles.start(PROFILE, seed=SEED, frameworks=("keras", "torch"))

# %% [markdown] topics=["A3"]
# ## What is it for?
#
# A convolutional neural network, **CNN** for short, reads pictures. It sits in telephones, in cars, in clinics, and behind
# satellite maps. The question differs; the answer always has one of a few forms. Upper row: four places where such networks
# work. Lower row: four forms of answer.

# %%
from skimage import color, filters, measure
from skimage import data as photos

rng = np.random.default_rng(SEED)
fig, axes = plt.subplots(2, 4, figsize=(9.2, 4.9))
portrait, road, distance = photos.astronaut()[:300, 80:380], *photos.stereo_motorcycle()[::2]
coins, cells, camera = photos.coins()[:, :303], photos.immunohistochemistry()[:300, :300], photos.camera()
noise = np.where(np.arange(512) < 256, rng.uniform(0, 255, camera.shape), camera)
stained = filters.gaussian(color.rgb2hed(cells)[:, :, 2], 3)

panels = {
    "phone: whose face?": portrait,
    "clinic: is this eye healthy?": photos.retina()[::4, ::4],
    "car: how far away is it?": road[:, 120:620],
    "sky: which specks are galaxies?": photos.hubble_deep_field()[:400, :400],
    "a word: “cat”": photos.chelsea()[:, 75:375],
    "boxes: detection": coins,
    "a mask: segmentation": cells,
    "a new picture: generation": noise.astype(np.uint8),
}
for ax, (title, picture) in zip(axes.flat, panels.items(), strict=True):
    plots.image(picture, title, ax)
blobs = measure.regionprops(measure.label(filters.gaussian(coins, 2) > 0.47))
found = [blob.bbox for blob in blobs if blob.area > 600 and blob.bbox[0] > 0]
for ax, boxes in ((axes[0, 0], [(50, 92, 190, 192)]), (axes[1, 1], found)):
    for top, left, bottom, right in boxes:
        frame = plt.Rectangle((left, top), right - left, bottom - top, fill=False)
        ax.add_patch(frame).set(edgecolor=plots.COLOURS[1], linewidth=2)
axes[0, 2].imshow(np.where(np.isfinite(distance), distance, np.nan)[:, 120:620], cmap="cividis", alpha=0.6)
axes[1, 2].contour(stained, [filters.threshold_otsu(stained)], colors=plots.COLOURS[0])
plots.show(
    fig,
    alt="Eight pictures. Phone: a portrait with a box around the face. Clinic: the back of an eye. Car: a motorcycle, "
    "coloured by distance. Sky: a field of galaxies. A word: a cat. Boxes: coins, each in a box. A mask: tissue with the "
    "stained cells outlined. A new picture: noise on the left that turns into a photograph on the right.",
)

# %% [markdown]
# The pictures ship with scikit-image. The boxes, the mask and the noise were made here by simple rules and by hand, to show
# what an answer looks like. No network has been at work yet.
#
# ## An image is an array of numbers
#
# To a program a picture is a table of numbers. Look at one closely.

# %% [markdown] topics=["B1"]
# A **grey** image has one number for each **pixel** (picture element): an array of the shape (height, width). A **colour**
# image has three, for red, green and blue, its **channels**: (height, width, channels). Usually the numbers are `uint8`,
# integers from 0 (dark) to 255 (bright). Rows are counted downwards.

# %%
from sklearn.datasets import load_digits

digits = load_digits()
eight = digits.images[8]
cat = photos.chelsea()
for name, picture in {"digit": eight, "camera": camera, "cat": cat}.items():
    print(f"{name:7s} shape {picture.shape!s:14} {picture.dtype!s:8} from {picture.min()} to {picture.max()}")
claim("digits, and shades in them", [len(digits.images), len(np.unique(digits.images))], [1797, 17])
fig, axes = plt.subplots(1, 3, figsize=(9, 3.4), width_ratios=[1.15, 1, 1.2])
plots.pixels(eight, "a digit, as numbers", axes[0], labels=False)
plots.image(eight, "the same digit", axes[1])
plots.image(np.concatenate([cat[::2, ::2, c] for c in range(3)]), "red, green, blue channel", axes[2])
plots.show(
    fig,
    alt="A handwritten eight as a table of 8 by 8 numbers from 0 to 16, and as grey squares. Beside it the three channels of "
    "a photograph of a ginger cat, one below the other; its fur is brightest in red.",
)

# %% [markdown]
# These digits were written by hand on paper forms, scanned, and reduced to 8 × 8 pixels with 17 shades; scikit-learn ships
# 1,797 of them. PyTorch puts the channels first, (channels, height, width). Day 2 converts; today we only take note.
#
# ## A neuron, a layer, a network
#
# An artificial **neuron** takes numbers, multiplies each by a **weight** of its own, adds up the products, and adds one
# more number, its **bias**. That is its whole arithmetic:
#
# $$ z = w_1 x_1 + w_2 x_2 + \dots + w_n x_n + b $$
#
# | symbol | what it is |
# |---|---|
# | $x_1 \dots x_n$ | the **inputs**, here the pixels of an image, written in one long row |
# | $w_1 \dots w_n$ | the **weights**: how much each pixel speaks for (positive) or against (negative) |
# | $b$ | the **bias**: how easily the neuron is content; minus the bias is the threshold |
#
# Then comes a simple bend. The most common one is **ReLU**: negative sums become 0, others stay. Without a bend, layers in a
# row would be no more than one layer (Day 6).
#
# Here is a neuron that looks at 2 × 2 pixels. **Before you run:** do the sum on paper for both images.

# %%
bright_left, bright_right = np.array([[9, 1], [8, 2]]), np.array([[1, 9], [2, 8]])
w, b = np.array([[1, -1], [1, -1]]), -5
sums = np.array([(picture * w).sum() + b for picture in (bright_left, bright_right)])
claim("sum for the image that is bright on the left, and on the right", sums, np.array([9, -19]))
claim("after ReLU", np.maximum(sums, 0), np.array([9, 0]))


# %% [markdown]
# The neuron says 9 to one image and nothing to the other: it has an opinion. A **dense layer** (or *fully connected* layer) is
# many neurons, and every one of them reads *all* inputs. Write the weights of each neuron as a column, and the layer is one
# matrix product. A **multilayer perceptron**, MLP, is a few dense layers in a row.
#
# The last layer has one neuron for each possible answer. Its sums are called **logits**. **Softmax** turns them into
# probabilities: take the exponential of each, divide by the total. The largest stays the largest.

# %%
def relu(z):
    return np.maximum(z, 0)


def softmax(z):
    powers = np.exp(z)
    return powers / powers.sum()


probabilities = softmax(np.array([2.0, 1.0, 0.0]))
print(probabilities.round(3))
claim("they add up to 1", probabilities.sum(), 1, tolerance=1e-12)
claim(
    "one logit more is a probability e times as large",
    probabilities[0] / probabilities[1],
    np.e,
    tolerance=1e-9,
)

# %% [markdown]
# Weights and biases are the **parameters**. Nobody writes them down; they are **learnt** from examples. Start with small
# random numbers. Show the network some images. Measure by one number, the **loss**, how wrong its probabilities are (Day 6).
# Work out for every parameter whether the loss would rise or fall with it (Day 7). Move each a little downhill (Day 8).
# Repeat. One pass over all examples is an **epoch**. PyTorch does the mathematics, and the loop is six lines (Day 9):

# %%
import torch
import torch.nn.functional as F
from torch import nn

device = "cuda" if torch.cuda.is_available() else "cpu"


def train(model, images, labels, epochs, step=1e-3, batch_size=128):
    optimizer = torch.optim.Adam(model.parameters(), lr=step)  # how far to move each parameter
    for _ in range(epochs):
        for batch in torch.randperm(len(images), device=images.device).split(batch_size):
            loss = F.cross_entropy(model(images[batch]), labels[batch])  # how wrong?
            optimizer.zero_grad()
            loss.backward()  # which way is downhill?
            optimizer.step()  # one small move
    return model


@torch.no_grad()  # answers only: nothing is learnt here
def logits_of(model, images):
    return torch.cat([model(part) for part in images.split(1000)])


def accuracy(model, images, labels):
    return (logits_of(model, images).argmax(dim=1) == labels).float().mean().item()


def parameters_of(model):
    return sum(p.numel() for p in model.parameters())


# %% [markdown] topics=["B2"]
# ## An MLP reads digits
#
# The digits become rows of 64 numbers: the picture is **flattened**. An MLP with 64 inputs, one **hidden** layer and 10
# outputs shall tell which digit it is. 1,000 digits to learn from, the other 797 for the exam. (The famous MNIST digits have
# 28 × 28 pixels, so 784 inputs; here your laptop is faster.)
#
# How many hidden neurons? Nobody can tell beforehand. **Before you run:** guess the accuracy for 2, 8, 32 and 128, and for
# two hidden layers of 32. What does plain guessing score?

# %%
X = torch.tensor(digits.data / 16, dtype=torch.float32)
Y = torch.tensor(digits.target)
seeds = range(SEED, SEED + profile.pick(smoke=2, cpu=3, gpu=5))
digit_epochs = profile.pick(smoke=12, cpu=30, gpu=30)
torch.set_num_threads(1)  # such small layers are faster on one core


def mlp(*widths):
    layers = []
    for n_in, n_out in pairwise(widths):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])  # no ReLU after the logits


def on_digits(build, prepare=lambda images: images):
    """Accuracies on the exam, one for each seed; a seed draws both the exam and the first weights."""
    scores = []
    for seed in seeds:
        torch.manual_seed(seed)
        shuffled = torch.randperm(len(X))
        learn, exam = shuffled[:1000], shuffled[1000:]
        model = train(build(), prepare(X[learn]), Y[learn], digit_epochs, step=5e-3, batch_size=64)
        scores.append(accuracy(model, prepare(X[exam]), Y[exam]))
    return np.array(scores)


trials = {"2": (2,), "8": (8,), "32": (32,), "128": (128,), "32 and 32": (32, 32)}
digit_scores = {
    name: on_digits(lambda hidden=hidden: mlp(64, *hidden, 10)) for name, hidden in trials.items()
}
means = np.array([s.mean() for s in digit_scores.values()])
spreads = np.array([s.std(ddof=1) for s in digit_scores.values()])
fig = plots.bars(
    [f"{name} hidden" for name in trials], means, spreads, "MLPs on digits", label="exam accuracy", unit="%"
)
summary = "; ".join(f"{n}: {m:.1%} ± {s:.1%}" for n, m, s in zip(trials, means, spreads, strict=True))
plots.show(
    fig, alt=f"Mean accuracy and spread over {len(seeds)} seeds by number of hidden neurons. {summary}."
)
for name, mean in zip(trials, means, strict=True):
    result(f"digits_mlp_{name.replace(' ', '_')}_hidden", mean, "%")
claim("two hidden neurons are too few: 32 do better", means[2] > means[0] + 0.1, True)

# %% [markdown]
# Plain guessing scores one in ten. Two neurons are a bottleneck. Beyond a few dozen there is little left to gain here, and more neurons only cost more.
#
# ### The same in NumPy, Keras and PyTorch
#
# A layer in each of the three is one matrix product, a bias, a ReLU. We take the trained weights out of PyTorch and hand
# them to the others. PyTorch stores one *row* for each neuron, Keras and our formula one *column*: hence the `.T`.

# %%
import keras

torch.manual_seed(SEED)
digit_mlp = train(mlp(64, 32, 10), X[:1000], Y[:1000], epochs=15, step=5e-3, batch_size=64)
(W1, b1), (W2, b2) = [
    (m.weight.detach().numpy().T, m.bias.detach().numpy()) for m in (digit_mlp[0], digit_mlp[2])
]

keras_mlp = keras.Sequential(
    [keras.Input((64,)), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(10)]
)
keras_mlp.set_weights([W1, b1, W2, b2])

x = X[1000:].numpy()
by_numpy = relu(x @ W1 + b1) @ W2 + b2
by_keras = keras.ops.convert_to_numpy(keras_mlp(x))
by_torch = logits_of(digit_mlp, X[1000:]).numpy()
claim("NumPy and Keras agree", by_keras, by_numpy, tolerance=2e-2 if device == "cuda" else 1e-4)
claim("NumPy and PyTorch agree", by_torch, by_numpy, tolerance=1e-4)
claim(
    "parameters in Keras, and in PyTorch", [keras_mlp.count_params(), parameters_of(digit_mlp)], [2410, 2410]
)


# %% [markdown] topics=["B3"]
# ## Then the picture grows
#
# Where do 2,410 parameters come from? A layer of $m$ neurons on $n$ inputs has $n \cdot m$ weights and $m$ biases. For the
# digits: $64 \cdot 32 + 32$, and $32 \cdot 10 + 10$. **Before you run:** how many weights has one layer of 100 neurons on
# MNIST, 28 × 28 pixels? On 224 × 224 pixels, in grey and in colour? On a photo of a megapixel?

# %%
def dense_count(n_inputs, n_neurons):
    return n_inputs * n_neurons + n_neurons


claim("the digits' MLP", dense_count(64, 32) + dense_count(32, 10), 2410)
claim("MNIST: weights of 100 neurons", 28 * 28 * 100, 78_400, source="T17")
claim("and with their biases", dense_count(28 * 28, 100), 78_500)
claim("inputs of a grey image of 224 × 224", 224 * 224, 50_176, source="T17")
for side, channels in [(28, 1), (32, 3), (224, 3), (1000, 3)]:
    n = side * side * channels
    count = dense_count(n, 100)
    print(
        f"{side:4} × {side:4} × {channels}: {n:9,} inputs, {count:11,} parameters, {4 * count / 1e6:7.1f} MB"
    )

# %% [markdown] topics=["B6"]
# And that is *one* small layer. Each parameter takes four bytes of memory, and each weight one multiplication with an
# addition, a **multiply-add** (MAC), for every image. While it learns, the network keeps three more numbers for each weight.
#
# How does it grow? **Before you run:** twice as many inputs at the same number of neurons, how many times the weights? Twice
# the *side* of the image? And if the hidden layer grows along with the inputs?

# %%
side = np.array([64, 128])
inputs = side**2
claim("twice the inputs: weights times", (2 * 4096 * 100) / (4096 * 100), 2.0, source="F34")
claim("twice the side: weights times", (inputs[1] * 100) / (inputs[0] * 100), 4.0, source="F34")
claim("twice the side, hidden layer as large as the image: times", inputs[1] ** 2 / inputs[0] ** 2, 16.0)

# %% [markdown]
# So "quadratic" is true of the *side*, not of the number of inputs, unless the hidden layer grows as well. More parameters need more than memory: they need more
# examples. With far more parameters than examples, a network can learn its examples by heart and understand nothing. That
# is called **overfitting** (Day 10).

# %% [markdown] topics=["B4"]
# ## What the MLP does not know
#
# Flattening turns 8 rows into one. Pixel 3 and pixel 11 stood one above the other; to the MLP they are two of 64 numbers.
# How little it knows about their places shows in an experiment of thought and then of code.
#
# Draw a random order of the 64 pixels, once. Rearrange **every** digit in this one order, both those to learn from and those
# of the exam. You could no longer read a single one:

# %%
order = np.random.default_rng(SEED).permutation(64)
scrambled = digits.data[:, order]
pair = np.concatenate([digits.images[:8], scrambled[:8].reshape(-1, 8, 8)])
labels = ", ".join(str(label) for label in digits.target[:8])
plots.show(
    plots.image_grid(pair, columns=8),
    alt=f"Upper row: the handwritten digits {labels}. Lower row: the same with their pixels in another order, all in the same "
    "one. They look like noise.",
)

# %% [markdown]
# **Before you run:** a new MLP learns from scrambled digits and is examined on scrambled digits. Will it be much worse, a
# little worse, or just as good?

# %%
plain_scores = digit_scores["32"]
scrambled_scores = on_digits(lambda: mlp(64, 32, 10), lambda images: images[:, order])
print(f"plain     {plain_scores.mean():.1%} ± {plain_scores.std(ddof=1):.1%}   {plain_scores.round(3)}")
print(
    f"scrambled {scrambled_scores.mean():.1%} ± {scrambled_scores.std(ddof=1):.1%}   {scrambled_scores.round(3)}"
)
result("mlp_on_digits", plain_scores.mean(), "%")
result("mlp_on_scrambled_digits", scrambled_scores.mean(), "%")
claim(
    "they differ by less than three points", abs(plain_scores.mean() - scrambled_scores.mean()) < 0.03, True
)

# %% [markdown]
# Just as good. Not by luck: take the trained network and reorder the *rows of its first weight matrix* in the same way. Now
# each scrambled pixel meets the weight that it met before, and the sum has the same terms in another order.

# %%
by_scrambled = relu(x[:, order] @ W1[order] + b1) @ W2 + b2
claim(
    "scrambled digits, reordered weights: the same logits",
    by_scrambled,
    by_numpy,
    tolerance=1e-4,
    source="M42",
)

# %% [markdown]
# For every network that reads plain digits there is one that reads scrambled digits with the same answers. And random first
# weights are as likely in one order as in another. So *learning* cannot tell the two apart either. **An MLP does not know
# which pixels are neighbours.** It has to learn it, at each place anew, from examples.
#
# We know more. Scrambled, these digits are noise to us. A network that relies on what we know should be better at plain
# pictures, and should *suffer* from the shuffle. How to build what we know into a layer?

# %% [markdown] topics=["A8", "A1", "A6"]
# ## Three ideas
#
# What a network takes for granted before it has seen a single example is its **inductive bias**. An MLP takes almost nothing
# for granted. A CNN takes three things for granted, and each has its picture.
#
# **1. Neighbours belong together: locality.** *A flashlight in a dark room.* It shows one small patch at a time. Each neuron
# reads a small window of the image, not all of it. The windows **overlap**: a line that one window cuts in half stands
# whole in the next; every pixel is looked at several times; and since the windows lie in order, so do the outputs. The
# picture keeps its layout, and all windows can be read at the same time.
#
# **2. A pattern may stand anywhere: weight sharing.** *A rubber stamp.* One stamp serves the whole sheet. All windows use
# *the same* weights. This small set of weights is called a **kernel**, and its outputs, place by place, a **feature map**.
# To find several patterns, use several kernels: *a team of spotters*, one for each kind of bird.
#
# **3. Parts make wholes: hierarchy.** *A factory line.* The first station finds edges, the next joins edges to corners and
# curves, a later one joins these to eyes and wheels. Layers in a row, each with a small window on the map before it. Seen
# from the last station, the window on the *image* has grown: *a mural, first seen through a keyhole, then through a
# door*. That growing window is the **receptive field** (Day 5).
#
# Ideas 1 and 2 in one dimension: seven pixels in a row, five outputs. The colour of a line is its weight.

# %%
fig, axes = plt.subplots(1, 3, figsize=(9, 2.7))
wirings = {"dense": range(7), "local windows": range(3), "shared weights": range(3)}
for ax, (title, reach) in zip(axes, wirings.items(), strict=True):
    for output in range(5):
        for k in reach:
            pixel = k if title == "dense" else output + k
            shade = (
                plots.INK
                if title == "dense"
                else plots.COLOURS[k if title == "shared weights" else (3 * output + k) % 6]
            )
            style = ["-", "--", ":"][k] if title == "shared weights" else "-"
            ax.plot(
                [pixel, output + 1], [0, 1], style, color=shade, lw=1.0 if title == "dense" else 1.8, zorder=1
            )
    ax.scatter(range(7), [0] * 7, s=70, color=plots.INK, zorder=2)
    ax.scatter(range(1, 6), [1] * 5, s=70, color=plots.COLOURS[0], zorder=2)
    n_weights = {"dense": 35, "local windows": 15, "shared weights": 3}[title]
    ax.set(title=f"{title}\n{n_weights} different weights", yticks=[0, 1], xticks=[], ylim=(-0.2, 1.2))
    ax.set_yticklabels(["pixels", "outputs"] if ax is axes[0] else ["", ""])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
plots.show(
    fig,
    alt="Seven pixels wired to five outputs in three ways. Dense: 35 lines, each with a weight of its own. Local windows: each "
    "output reads three neighbouring pixels, 15 weights. Shared weights: the same windows, but the first, second and third "
    "line of each window have the same colour everywhere: 3 weights.",
)

# %% [markdown] topics=["A9"]
# Each of the three is a matrix with five rows and seven columns. The third one is a **convolution**, and with it comes a
# definition short enough to remember: *a CNN is a network that uses convolution instead of a general matrix product in at
# least one of its layers* (Goodfellow et al. 2016).
#
# **Before you run:** a row of pixels with one bright bar, and the kernel −1, 2, −1. Work out the five outputs.

# %%
signal = np.array([0, 0, 0, 5, 0, 0, 0])
bar_finder = np.array([-1, 2, -1])


def slide(signal, kernel):
    """One kernel, every window: the convolution in one dimension."""
    return np.array([signal[i : i + 3] @ kernel for i in range(len(signal) - 2)])


claim("the feature map", slide(signal, bar_finder), np.array([0, -5, 10, -5, 0]))

matrix = np.zeros((5, 7), dtype=int)
for i in range(5):
    matrix[i, i : i + 3] = bar_finder  # the same three numbers in every row, one place further
claim("the same, as a matrix product", matrix @ signal, slide(signal, bar_finder))
claim(
    "cells of the matrix, cells in use, different weights",
    np.array([matrix.size, np.count_nonzero(matrix), len(bar_finder)]),
    np.array([35, 15, 3]),
)
plots.show(
    plots.kernel(matrix, "the matrix of the convolution"),
    alt=f"The matrix {matrix.tolist()}.".replace("-", "−"),
)

# %% [markdown]
# From 35 weights to 3, in this small case. In two dimensions the window is a square, and it is as deep as the image: it reads
# all channels. $F$ kernels of side $k$ on $C$ channels have $(k^2 C + 1) F$ parameters, the 1 for the bias. **Before you
# run:** 32 maps of a colour image of 32 × 32 pixels with 3 × 3 windows. How many parameters with each of the three wirings?

# %%
places, window = 30 * 30, 3 * 3 * 3  # a window of 3 fits at 30 places in each direction
counts = {
    "dense": 32 * 32 * 3 * places * 32 + places * 32,
    "local windows": window * places * 32 + places * 32,
    "shared weights": window * 32 + 32,
}
for name, count in counts.items():
    print(f"{name:15} {count:12,} parameters")
claim("shared weights", counts["shared weights"], 896, source="T07")
claim("windows alone save a factor of", counts["dense"] / counts["local windows"], 109.75, tolerance=0.01)
claim("sharing saves another", counts["local windows"] / counts["shared weights"], float(places))

# %% [markdown]
# ### Learnt on the left, asked on the right
#
# What is sharing good for, besides memory? Here are pictures of 12 × 12 pixels of noise. In each hides a small plus or a small
# cross. While the networks learn, the pattern is always in the **left half**. In the exam it is in the right half.
#
# One network is an MLP. The other slides eight kernels of 3 × 3, and keeps of each map only its largest number (**global max
# pooling**): was it there at all? **Before you run:** how will each do in the exam, when guessing scores a half?

# %%
shapes = np.array([[[0, 1, 0], [1, 1, 1], [0, 1, 0]], [[1, 0, 1], [0, 1, 0], [1, 0, 1]]])


def hidden_shapes(n, columns, rng):
    """n noisy pictures with a plus (0) or a cross (1) whose left column is one of `columns`."""
    pictures, kinds = rng.normal(0, 0.15, (n, 1, 12, 12)), rng.integers(0, 2, n)
    for picture, kind, row, column in zip(
        pictures, kinds, rng.integers(0, 10, n), rng.choice(columns, n), strict=True
    ):
        picture[0, row : row + 3, column : column + 3] += shapes[kind]
    return torch.tensor(pictures, dtype=torch.float32), torch.tensor(kinds)


rng = np.random.default_rng(SEED)
left, kinds_left = hidden_shapes(1000, [0, 1, 2, 3], rng)
left_exam, kinds_left_exam = hidden_shapes(500, [0, 1, 2, 3], rng)
right_exam, kinds_right = hidden_shapes(500, [6, 7, 8, 9], rng)

builders = {
    "MLP": lambda: nn.Sequential(nn.Flatten(), nn.Linear(144, 64), nn.ReLU(), nn.Linear(64, 2)),
    "convolution": lambda: nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.ReLU(), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(8, 2)
    ),
}
halves = {}
for name, build in builders.items():
    torch.manual_seed(SEED)
    model = train(build(), left, kinds_left, epochs=25, step=1e-2, batch_size=50)
    halves[name] = [
        accuracy(model, *exam) for exam in ((left_exam, kinds_left_exam), (right_exam, kinds_right))
    ]
    print(
        f"{name:11} {parameters_of(model):6,} parameters, left {halves[name][0]:.1%}, right {halves[name][1]:.1%}"
    )
claim("the convolution still knows it on the right", halves["convolution"][1] > 0.9, True)
claim("the MLP is little better than guessing there", halves["MLP"][1] < 0.7, True)

# %% [markdown]
# The MLP learnt plus and cross *in the left half*. Its weights for the right half never saw one. The kernels were shared, so
# what they learnt in one place they know everywhere. That is the use of a good assumption, and where the assumption is wrong
# it does harm: a network of this kind cannot even say *in which half* the pattern was.

# %% [markdown] topics=["A10"]
# ## The parts of a CNN
#
# Four kinds of layer make up the networks of these three weeks:

# %%
fig = plots.boxes(
    {
        "image": (0, 0),
        "convolution": (2.4, 0),
        "ReLU": (4.8, 0),
        "pooling": (7.2, 0),
        "dense": (9.6, 0),
        "softmax": (12, 0),
    },
    [
        ("image", "convolution"),
        ("convolution", "ReLU"),
        ("ReLU", "pooling"),
        ("pooling", "dense"),
        ("dense", "softmax"),
    ],
    groups={"convolution": 2, "ReLU": 1, "pooling": 3, "dense": 0, "softmax": 1, "image": 4},
    notes={
        "image": "pixels in\nrows, columns,\nchannels",
        "convolution": "looks for its patterns\nin every window:\nfeature maps",
        "ReLU": "cuts off\nwhat is\nnegative",
        "pooling": "keeps one number\nof each 2 × 2:\nsmaller maps",
        "dense": "weighs all that\nwas found:\none logit a class",
        "softmax": "logits to\nprobabilities",
    },
    title="convolution, ReLU and pooling come several times in a row",
)
plots.show(
    fig,
    alt="A row of boxes joined by arrows: image, convolution, ReLU, pooling, dense, softmax. Convolution looks for its patterns "
    "in every window, ReLU cuts off what is negative, pooling keeps one number of each two by two, the dense layer weighs all "
    "that was found, softmax gives probabilities.",
)

# %% [markdown]
# **Pooling** (Day 4) takes the largest of each 2 × 2 numbers, so the maps get half as high and half as wide. Between pooling and
# the dense layer the maps are **flattened** into one row. Below is a whole CNN for colour images of 32 × 32 pixels in both
# frameworks, and beside it the MLP that a well-known guide uses as its baseline: 512 and 256 hidden neurons. `padding` adds a
# frame of zeros, so that a map stays as large as its image (Day 3). **Before you run:** which has more parameters? Which has
# more *work* for each image, in multiply-adds?

# %%
from course_utils.ledger import ledger


def build_cnn():
    return nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(4 * 4 * 64, 10),
    )  # fmt: skip


def build_mlp():
    return nn.Sequential(nn.Flatten(), *mlp(32 * 32 * 3, 512, 256, 10))


layers = keras.layers
keras_cnn = keras.Sequential([keras.Input((32, 32, 3))])
for maps in (32, 32, 64):
    keras_cnn.add(layers.Conv2D(maps, 3, padding="same", activation="relu"))
    keras_cnn.add(layers.MaxPooling2D(2))
keras_cnn.add(layers.Flatten())
keras_cnn.add(layers.Dense(10))

cnn_ledger, mlp_ledger = ledger(build_cnn(), (3, 32, 32)), ledger(build_mlp(), (3, 32, 32))
cnn_ledger

# %%
by_hand = [(9 * 3 + 1) * 32, (9 * 32 + 1) * 32, (9 * 32 + 1) * 64, dense_count(1024, 10)]
claim("parameters of the CNN, layer by layer", sum(by_hand), cnn_ledger.parameters)
claim("the same in Keras", keras_cnn.count_params(), cnn_ledger.parameters)
claim("parameters of the MLP", mlp_ledger.parameters, 1_707_274, source="T58")
print(f"CNN {cnn_ledger.parameters:9,} parameters, {cnn_ledger.macs:9,} multiply-adds")
print(f"MLP {mlp_ledger.parameters:9,} parameters, {mlp_ledger.macs:9,} multiply-adds")
claim(
    "the MLP has more parameters, times",
    mlp_ledger.parameters / cnn_ledger.parameters,
    lambda times: 43 < times < 44,
)
claim("and the CNN more work, times", cnn_ledger.macs / mlp_ledger.macs, lambda times: 2.5 < times < 2.7)

# %% [markdown]
# Few parameters do not mean little work. An MLP uses each weight once for an image; a convolution uses each of its weights at
# every place. One kernel of 3 × 3 on 32 × 32 pixels does $9 \cdot 32 \cdot 32$ multiply-adds for each pair of channels.
#
# ## Explorer: parameter explosion

# %%
from course_utils.widgets import ParameterExplosion

ParameterExplosion()

# %% [markdown] tags=["explorer"]
# **Explorer: parameter explosion.** Choose an image, a number of neurons and a number of kernels, and see what a dense layer,
# windows without sharing, and a convolution cost. Two things to try:
#
# 1. *Double the side.* Say first by how much each of the three parameter counts will grow. Then look at the multiply-adds: which
#    of the savings does a convolution not give you?
# 2. *Who saves more?* A convolution saves by its small window and by sharing. Compare the three counts for MNIST and for an X-ray.
#    Look at which step is the larger one.

# %% [markdown] topics=["B8"]
# ## Experiment: who notices the shuffle?
#
# Now to photographs. CIFAR-10 has 60,000 of them, 32 × 32 pixels in colour, of ten kinds of things (Day 12 looks at it
# closely). First the **baseline**, the number to beat: the MLP with all its parameters. Guessing scores one in ten. **Before you
# run:** your guess?

# %%
cifar = data.load("cifar10", profile=profile)
torch.set_num_threads(profile.pick(smoke=1, cpu=profiles.cores(), gpu=profiles.cores()))


def as_tensors(split, n):
    part = split.subset(n, seed=SEED) if n < len(split) else split
    pixels = torch.tensor(part.images, device=device).permute(0, 3, 1, 2)  # channels first
    return pixels.float() / 255 - 0.5, torch.tensor(part.labels, device=device).long()


images, kinds = as_tensors(cifar.train, profile.pick(smoke=200, cpu=45_000, gpu=45_000))
exam, exam_kinds = as_tensors(cifar.validation, profile.pick(smoke=100, cpu=5_000, gpu=5_000))
torch.manual_seed(SEED)
baseline = train(build_mlp().to(device), images, kinds, profile.pick(smoke=3, cpu=4, gpu=20), step=5e-4)
result("mlp_baseline_cifar10", accuracy(baseline, exam, exam_kinds), "%")
print(f"{len(images):,} images to learn from, {len(exam):,} for the exam; {cifar.source}")


# %% [markdown]
# Now the contest. MLP and CNN, each on plain and on scrambled photographs: all pixels of all photographs in one new order, each
# pixel keeping its colour. Fewer photographs, to save your time, but each case with several seeds: a seed draws the first weights
# and the order of the pixels.

# %%
def scramble(pictures, pixel_order):
    return pictures.flatten(2)[:, :, pixel_order].view_as(pictures)


names = cifar.class_names
first = [int(np.flatnonzero(kinds.cpu().numpy() == c)[0]) for c in range(6)]
pixel_order = torch.from_numpy(np.random.default_rng(SEED).permutation(32 * 32)).to(device)
shown = (
    torch.cat([images[first], scramble(images[first], pixel_order)]).permute(0, 2, 3, 1).cpu().numpy() + 0.5
)
plots.show(
    plots.image_grid(
        shown.clip(0, 1),
        [*(names[c] for c in range(6)), *["scrambled"] * 6],
        columns=6,
        caption=cifar.caption,
    ),
    alt="Six training images, "
    + ", ".join(names[:6])
    + ", and below each the same pixels in another order: coloured noise.",
)

# %% [markdown]
# **Before you run:** four bars. Put them in order. Will the CNN on scrambled photographs still beat the MLP?

# %%
n_train = profile.pick(smoke=200, cpu=6_000, gpu=45_000)
epochs = profile.pick(smoke=2, cpu=5, gpu=10)
contest = {"MLP": (build_mlp, 5e-4), "CNN": (build_cnn, 2e-3)}
scores, trained = {}, {}
for name, (build, step) in contest.items():
    for how in ("plain", "scrambled"):
        scores[name, how] = []
        for seed in range(SEED, SEED + profile.pick(smoke=2, cpu=3, gpu=5)):
            torch.manual_seed(seed)
            pixel_order = (
                torch.randperm(32 * 32).to(device)
                if how == "scrambled"
                else torch.arange(32 * 32, device=device)
            )
            model = build().to(device)
            train(model, scramble(images[:n_train], pixel_order), kinds[:n_train], epochs, step)
            scores[name, how].append(accuracy(model, scramble(exam, pixel_order), exam_kinds))
            if how == "plain":
                trained[name] = model

# %%
rows = [f"{name}, {how}" for name, how in scores]
means = np.array([np.mean(s) for s in scores.values()])
spreads = np.array([np.std(s, ddof=1) for s in scores.values()])
fig = plots.bars(
    rows,
    means,
    spreads,
    None,
    label="accuracy on new images",
    unit="%",
    accent="CNN, plain",
    caption=cifar.caption,
)
summary = "; ".join(
    f"{row}: {mean:.1%} ± {spread:.1%}" for row, mean, spread in zip(rows, means, spreads, strict=True)
)
plots.show(
    fig, alt=f"Mean accuracy and standard deviation over {len(scores['CNN', 'plain'])} seeds. {summary}."
)
for (name, how), mean in zip(scores, means, strict=True):
    result(f"{name.lower()}_{how}", mean, "%")
result("points_lost_by_the_mlp", means[0] - means[1], "%")
result("points_lost_by_the_cnn", means[2] - means[3], "%")
if not cifar.is_sample:  # a few drawn pictures and two epochs decide nothing
    claim("the CNN is ahead on plain photographs", means[2] > means[0], True)
    claim("and behind on scrambled ones", means[3] < means[1], True)

# %% [markdown]
# The MLP does not notice. The CNN, with a fraction of the parameters, is ahead on plain photographs, and pays for the
# shuffle, because what it takes for granted is no longer true. A right assumption is worth more than a million parameters. A
# wrong one costs: on scrambled photographs the CNN falls behind the MLP. (On the drawn samples of the smoke profile, with a few
# pictures and two epochs, the bars mean little.)

# %% [markdown] topics=["C13"]
# ## Equivariant or invariant?
#
# Move the photograph by one pixel. What becomes of the output? Two words are mixed up in many texts:
#
# - **Equivariant**: the output moves along. $f(\text{shift}(x)) = \text{shift}(f(x))$.
# - **Invariant**: the output stays the same. $f(\text{shift}(x)) = f(x)$.
#
# *The doorman and the doorbell*: a doorman who points at you, wherever you stand, is equivariant; a bell that rings whoever comes
# to whichever door is invariant. Which one is a convolution?
#
# It depends on the border, too. We shift in a circle: what leaves on the right comes back on the left. Then the convolution
# should see the picture continue in a circle (`circular` padding). Usually it sees zeros beyond the border. **Before you run:** in
# how many of the pixels will "shift, then convolve" and "convolve, then shift" differ, with each padding?

# %%
photo = torch.tensor(camera[::4, ::4] / 255, dtype=torch.float64)[None, None]  # 128 × 128
torch.manual_seed(SEED)
circular = nn.Conv2d(1, 8, 3, padding=1, padding_mode="circular", dtype=torch.float64)
zeros = nn.Conv2d(1, 8, 3, padding=1, dtype=torch.float64)
zeros.load_state_dict(circular.state_dict())  # the same kernels


def shift(x, rows, columns):
    return torch.roll(x, (rows, columns), dims=(2, 3))


differences = {}
with torch.no_grad():
    for name, conv in {"circular": circular, "zeros": zeros}.items():
        gap = (conv(shift(photo, 5, 3)) - shift(conv(photo), 5, 3)).abs().amax(dim=1)[0]
        differences[name] = gap.numpy()
        print(
            f"{name:8} largest difference {gap.max():.2g}, pixels that differ {int((gap > 1e-9).sum()):5} of {gap.numel():,}"
        )
claim("circular padding: equivariant", differences["circular"].max() < 1e-9, True, source="F26")
# The new border, and the old one, which has moved 5 rows down and 3 columns to the right:
border_rows, border_columns = [0, 127, 4, 5], [0, 127, 2, 3]
inside = np.delete(np.delete(differences["zeros"], border_rows, axis=0), border_columns, axis=1)
claim(
    "zeros: largest difference away from the old and the new border",
    inside.max(),
    0,
    tolerance=1e-9,
    source="F26",
)

# %%
with torch.no_grad():
    before, after = (zeros(p)[0, 0].numpy() for p in (photo, shift(photo, 5, 3)))
fig, axes = plt.subplots(1, 4, figsize=(9.4, 2.6))
plots.image(photo[0, 0].numpy(), "photo", axes[0])
plots.image(shift(photo, 5, 3)[0, 0].numpy(), "shifted: 5 down, 3 right", axes[1])
plots.image(after, "one of its feature maps", axes[2], signed=True)
plots.image(np.sqrt(differences["zeros"]), "where the two ways differ", axes[3])
plots.show(
    fig,
    alt="The photo of a man with a camera, the same shifted by 5 pixels down and 3 to the right, a feature map of it, and the "
    "differences between the two ways with zero padding: black but for thin lines along the border of the image and "
    "along the old border, 5 pixels below and 3 pixels to the right.",
)

# %% [markdown]
# Inside the picture a convolution is exactly equivariant. Zeros at the border break it, but only there. So is it invariant? Ask
# the numbers. **Before you run:** of the four, which stays the same when the photo is shifted?

# %%
torch.manual_seed(SEED)
dense = nn.Linear(8 * 128 * 128, 3, dtype=torch.float64)
heads = {
    "the feature maps": lambda p: circular(p),
    "their mean (global average pooling)": lambda p: circular(p).mean(dim=(2, 3)),
    "their largest (global max pooling)": lambda p: circular(p).amax(dim=(2, 3)),
    "flattened, then a dense layer": lambda p: dense(circular(p).flatten(1)),
}
changes = []
with torch.no_grad():
    for name, head in heads.items():
        changes.append((head(shift(photo, 5, 3)) - head(photo)).abs().max().item())
        print(f"{name:36} changes by up to {changes[-1]:.2g}")
claim("unchanged", [change < 1e-9 for change in changes], [False, True, True, False], source="F26")

# %% [markdown]
# A convolution alone is *not* invariant: its maps move along. Invariance comes from forgetting the place, as a global mean does. And
# a dense layer after flattening brings the place back in: each place has its own weights.
#
# And pooling with 2 × 2 windows? It is said to make small shifts invisible. **Before you run:** shift by one pixel. Which share of
# the pooled numbers stays what it was? And by two pixels: what happens then?

# %%
with torch.no_grad():
    pooled, by_one, by_two = (
        F.max_pool2d(relu_map, 2) for relu_map in (circular(shift(photo, 0, s)).relu() for s in (0, 1, 2))
    )
answered = (pooled > 0) | (by_one > 0)  # where nothing was found, nothing can change
result("pooled_values_kept_by_a_shift_of_one", (pooled == by_one)[answered].double().mean().item(), "%")
claim("all pooled numbers stay", torch.equal(pooled, by_one), False, source="F27")
claim(
    "two pixels: the pooled map moves along by one",
    torch.allclose(by_two, shift(pooled, 0, 1)),
    True,
    source="F27",
)

# %% [markdown]
# So pooling is no invariance either: it is equivariant to even shifts, and in between the numbers change. Day 4 looks closer.
#
# What about whole networks? Take the two trained ones, move all photographs of the exam by one pixel to the right, and count how
# many *answers* change. Nobody would say that the picture shows something else. **Before you run:** none? One in a hundred? One in
# ten?

# %%
moved = F.pad(exam, (1, 0, 0, 0), mode="replicate")[..., :32]
for name, model in trained.items():
    changed = logits_of(model, exam).argmax(dim=1) != logits_of(model, moved).argmax(dim=1)
    result(f"answers_changed_by_one_pixel_{name.lower()}", changed.float().mean().item(), "%")

# %% [markdown]
# Real CNNs change their minds under shifts that nobody sees (Azulay & Weiss 2019). Sharing weights does not forbid it.

# %% [markdown] topics=["A4"]
# ## Where the idea came from
#
# In the late 1950s and the 1960s David Hubel and Torsten Wiesel recorded single cells in the visual cortex of cats, and later of
# monkeys. Each cell answered to one small part of the view only, its **receptive field**. **Simple cells** wanted an edge or a bar
# of one direction at one place. **Complex cells** wanted the same direction, but did not mind where exactly it was.
#
# Both can be written with what you have: a simple cell is a kernel with a cut-off, at one place. A complex cell takes the largest
# answer of several such cells side by side. **Before you run:** the bar moves by one. Who notices?

# %%
bar, moved_bar = np.array([0, 0, 0, 5, 0, 0, 0]), np.array([0, 0, 0, 0, 5, 0, 0])
simple = [relu(slide(row, bar_finder))[2] for row in (bar, moved_bar)]
complex_cell = [relu(slide(row, bar_finder))[1:4].max() for row in (bar, moved_bar)]
claim("the simple cell, before and after", np.array(simple), np.array([10, 0]), source="T65")
claim("the complex cell, before and after", np.array(complex_cell), np.array([10, 10]), source="T65")

# %% [markdown] topics=["A5"]
# The way of the signal, with what each station prefers. It is drawn in much simplified form:

# %%
fig = plots.boxes(
    {
        "retina": (0, 0),
        "LGN": (2.5, 0),
        "V1": (5, 0),
        "V2": (7.5, 0),
        "V3": (10, 0),
        "V4": (10, -2.1),
        "IT": (12.5, -2.1),
        "V5 / MT": (10, 2.1),
        "parietal": (12.5, 2.1),
    },
    [
        ("retina", "LGN"),
        ("LGN", "V1"),
        ("V1", "V2"),
        ("V2", "V3"),
        ("V2", "V4"),
        ("V4", "IT"),
        ("V1", "V5 / MT"),
        ("V2", "V5 / MT"),
        ("V5 / MT", "parietal"),
    ],
    groups={"retina": 4, "LGN": 4, "V4": 1, "IT": 1, "V5 / MT": 2, "parietal": 2},
    notes={
        "retina": "bright spots\non dark, and\nthe reverse",
        "LGN": "relay in the\nthalamus",
        "V1": "edges of one\ndirection",
        "V2": "contours,\ntextures",
        "V3": "form in motion",
        "V4": "colour, shape",
        "IT": "objects, faces",
        "V5 / MT": "motion",
        "parietal": "where, how\nto grasp it",
    },
    title="from the eye to the cortex: “what” goes down, “where” goes up",
)
plots.show(
    fig,
    alt="Boxes joined by arrows. Retina to LGN to V1 to V2. From V2 one way leads by V4 (colour, shape) to IT (objects, faces), one to V3 "
    "(form in motion). From V1 and V2 another leads by V5 or MT (motion) to the parietal cortex (where, how to grasp).",
)

# %% [markdown]
# What the drawing leaves out matters: nearly every arrow has one in the *opposite* direction. A CNN has none of these.

# %% [markdown] topics=["A7"]
# How far does the likeness go? The five comparisons that texts draw, with what fits and what does not:
#
# | in a CNN | in the cortex | fits | does not fit |
# |---|---|---|---|
# | kernels | simple cells in V1 | many trained first layers hold edges of all directions | cells also adapt, compete, and look at time |
# | weight sharing | cells of the same kind all over the view | the same kinds of cell occur everywhere | **each cell has synapses of its own; nothing is copied** |
# | hierarchy | V1, V2, V4, IT | fields grow, preferences get complex | the cortex has side ways and feedback |
# | pooling | complex cells | tolerance to place | a hypothesis about how complex cells work |
# | depth | a chain of areas | later layers predict later areas to a degree | a few areas against a hundred layers |
#
# The cortex was the *inspiration*. That CNNs work is no proof that brains do it so, and the learning by backpropagation (Day 7) has
# no known counterpart.

# %% [markdown] topics=["A2"]
# ### Four dates
#
# - **1980, the neocognitron.** Kunihiko Fukushima builds Hubel and Wiesel's two kinds of cell into layers: shared windows, then
#   pooling (first published in Japanese in 1979). It is the first network with the architecture of a CNN. It is not trained by
#   backpropagation.
# - **1989, zip codes.** Yann LeCun and colleagues train a network with shared weights *by backpropagation* on handwritten zip codes.
# - **1998, LeNet-5.** It reads documents, and systems built on it read cheques in banks.
# - **2012, AlexNet.** Krizhevsky, Sutskever and Hinton win the ImageNet challenge with a **top-5** error of 15.3 %; the runner-up has
#   26.2 %. Top-5 means: an answer counts if the right class, of 1,000, is among the five guesses. GPUs and 1.2 million labelled
#   photographs made it possible.
#
# How much kinder is top-5? Count both errors for the baseline above. (There are only ten classes here: five *random* guesses already
# hit half of the time.)

# %%
ranked = logits_of(baseline, exam).argsort(dim=1, descending=True)
top1, top5 = ((ranked[:, :k] != exam_kinds[:, None]).all(dim=1).double().mean().item() for k in (1, 5))
result("top_1_error_of_the_baseline", top1, "%")
result("top_5_error_of_the_baseline", top5, "%")
claim("top-5 is never larger", top5 <= top1, True, source="M45")
claim("AlexNet's lead over the runner-up, in points", 26.2 - 15.3, 10.9, tolerance=1e-9, source="M45")

# %% [markdown] topics=["B5"]
# ## The two side by side
#
# With the numbers of this notebook:

# %%
from IPython.display import Markdown

table = f"""
| | MLP | CNN |
|---|---|---|
| a neuron reads | all of its input | a small window |
| wiring | every input to every neuron | overlapping windows, in order |
| weights | each used once | shared by all places |
| knows about neighbours | nothing | built in |
| a shift of the image | anything may happen | maps move along, up to the border |
| size of the image | fixed | free for the convolutions, fixed for a dense layer after them |
| parameters (CIFAR-10) | {mlp_ledger.parameters:,} | {cnn_ledger.parameters:,} |
| multiply-adds for an image | {mlp_ledger.macs:,} | {cnn_ledger.macs:,} |
| accuracy, plain images | {means[0]:.1%} | {means[2]:.1%} |
| accuracy, scrambled images | {means[1]:.1%} | {means[3]:.1%} |
"""
Markdown(table)

# %% [markdown] topics=["B7"]
# **When to use which?** Ask three questions of your data. Do neighbours belong together? May the same pattern stand anywhere? Would a
# fixed shuffle of the inputs destroy something? Three times yes: convolution. Three times no (a table of blood values, say): an
# MLP, or no network at all. A sound recording is a row of neighbours in time, so a convolution slides along one axis. With very many
# examples the built-in knowledge matters less: Day 15 meets networks that do without.
#
# ## What texts get wrong
#
# Each cell tests a sentence from a widely read text. Change the numbers and try to save it.
#
# **"Convolution makes a CNN translation invariant."** Equivariant, and only up to the border; you measured both (F26).
# **"Max pooling makes small shifts have no effect."** You counted what is left after one pixel (F27). **"MLP parameters grow
# quadratically with the number of inputs."** Linearly; quadratically with the side (F34). **"Convolutional networks began in
# 1989."** The architecture is from 1980; what came in 1989 was training it by backpropagation (M44). **"AlexNet's error was
# 15.3 %."** Its *top-5* error (M45).

# %%
years = {"neocognitron": 1980, "zip codes": 1989, "LeNet-5": 1998, "AlexNet": 2012}
claim(
    "the neocognitron came first, years before the zip codes",
    years["zip codes"] - years["neocognitron"],
    9,
    source="M44",
)

# %% [markdown]
# **"A plain network treats each pixel by itself."** It mixes all of them. What it ignores is their *order*. Double one pixel, and what
# that does to a neuron depends on the others, because of ReLU:

# %%
both_dark, neighbour_bright = np.array([0.0, 0.0]), np.array([0.0, 1.0])
step_up = np.array([1.0, 0.0])
neuron = lambda pixels: relu(pixels @ np.array([1.0, 1.0]) - 1)  # noqa: E731
effects = np.array([neuron(p + step_up) - neuron(p) for p in (both_dark, neighbour_bright)])
claim(
    "brightening pixel 1 by 1 adds, beside a dark and beside a bright pixel",
    effects,
    np.array([0.0, 1.0]),
    source="M42",
)

# %% [markdown]
# **"An image of 1,000 × 1,000 has a million inputs and needs billions of weights."** A million if it is grey, three if it has colour. The
# billions come from the hidden layer:

# %%
claim("inputs, grey and colour", [1000 * 1000, 1000 * 1000 * 3], [1_000_000, 3_000_000], source="M43")
claim("neurons needed for a billion weights, grey", 10**9 // (1000 * 1000), 1000, source="M43")
claim("ten neurons on the grey image: weights", 10 * 1000 * 1000, 10_000_000, source="M43")

# %% [markdown]
# **"A CNN's parameter count does not depend on the size of the input."** That of its *convolutions* does not. Ours has a dense layer
# behind a flattening. **Before you run:** by how much does it grow on images of 64 × 64?

# %%
small, large = sum(by_hand), sum(by_hand[:3]) + dense_count(8 * 8 * 64, 10)
convolutions = sum(by_hand[:3])
print(f"convolutions {convolutions:,} in both; whole network {small:,} and {large:,}")
claim("weights of the dense layer grow by a factor of", (8 * 8 * 64) / (4 * 4 * 64), 4.0, source="M52")
claim("the network as a whole grows", large > small, True, source="M52")

# %% [markdown]
# **"An MLP costs O(n²), a CNN only O(k² n)."** For $n$ pixels. The channels are forgotten: $k^2 \cdot C_{in} \cdot C_{out}$ for every place.
# By this count the second convolution of our CNN, on a quarter of the places, is the cheaper one. The ledger disagrees:

# %%
conv_macs = [row.macs for row in cnn_ledger.rows if row.macs][:2]
claim(
    "k² · C_in · C_out · places, first and second",
    conv_macs,
    [9 * 3 * 32 * 32 * 32, 9 * 32 * 32 * 16 * 16],
    source="M53",
)
print(f"without the channels one would say {9 * 32 * 32:,} and {9 * 16 * 16:,}")

# %% [markdown]
# **"CNNs implement the principles of the cortex, weight sharing included."** No cell copies its synapses from another. Networks with
# local windows and *without* sharing are closer to the cortex, and cost what you counted (M70):

# %%
claim(
    "weights of 32 maps without sharing, and with it",
    [counts["local windows"], counts["shared weights"]],
    [806_400, 896],
    source="M70",
)

# %% [markdown]
# ## Pitfalls
#
# | symptom | cause | fix |
# |---|---|---|
# | A photo looks blue where it is orange | red and blue are swapped: some libraries load BGR | reverse the last axis, `image[..., ::-1]` |
# | `imshow` shows a grey image in yellow and violet | a colour map is laid on it | `cmap="gray"` |
# | Brighter + brighter = dark | `uint8` wraps around at 256 | convert to float first |
# | The accuracy after shuffling is that of guessing | a new order for each image, or another one in the exam | draw the order once, use it everywhere |
# | Width and height are exchanged, the image is sheared | `reshape` with the sides swapped | (height, width), rows first |
# | "mat1 and mat2 shapes cannot be multiplied" | the dense layer was made for images of another size | count: channels · height · width after the last pooling |
# | The equivariance error is large although nothing is wrong | zeros at the border | compare inside, or pad in a circle |
# | A network with few parameters is slow | multiply-adds, not parameters, take the time | look at the ledger's last column |
#
# Two of them to feel:

# %%
bright = np.array([200], dtype=np.uint8)
claim("200 + 100 in uint8", int((bright + np.uint8(100))[0]), 44)
fresh = np.random.default_rng(SEED)


def each_its_own(images):
    return torch.stack([image[torch.from_numpy(fresh.permutation(64))] for image in images])


torch.set_num_threads(1)
lost = on_digits(lambda: mlp(64, 32, 10), each_its_own)
print(f"a new order for each digit: {lost.mean():.1%}")
claim("now the MLP is lost", lost.mean() < 0.5, True)

# %% [markdown]
# ## Recap
#
# 1. A neuron is a weighted sum, a bias and a bend; a dense layer joins every input to every neuron, so its weights grow with the image.
# 2. An MLP does not know which pixels are neighbours: in a fixed new order it learns just as well. A CNN does not.
# 3. A convolution looks through small windows and uses the same weights in all: few parameters, but not little work.
# 4. Convolution is equivariant to shifts, up to the border. Invariance needs something that forgets the place.
# 5. The visual cortex inspired this; it does not share weights.
#
# ### Further reading
#
# - Hubel & Wiesel, *Receptive fields, binocular interaction and functional architecture in the cat's visual cortex* (1962).
# - Fukushima, *Neocognitron: a self-organizing neural network model for a mechanism of pattern recognition unaffected by shift in
#   position* (1980).
# - LeCun et al., *Backpropagation applied to handwritten zip code recognition* (1989), and *Gradient-based learning applied to document
#   recognition* (1998).
# - Krizhevsky, Sutskever & Hinton, *ImageNet classification with deep convolutional neural networks* (2012).
# - Azulay & Weiss, *Why do deep convolutional networks generalize so poorly to small image transformations?* (2019).
# - Lindsay, *Convolutional neural networks as a model of the visual system: past, present, and future* (2021): the limits of the likeness.
#
# **Now you:** [the exercise of Day 1](../exercises/day_01_why_convolution.py). You will count, scramble, rewire, build the instrument that
# measures equivariance, and choose. Every check answers at once.
