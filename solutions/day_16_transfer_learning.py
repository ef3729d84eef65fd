# ---
# jupyter:
#   course:
#     budget_s:
#       cpu: 300
#       gpu: 300
#       smoke: 60
#     data: []
#     day: 16
#     frameworks:
#     - torch
#     minutes: 90
#     title: 'Transfer learning: exercise'
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
# # Day 16 · Transfer learning: exercise
#
# You write the tools that a pretrained net needs: what its head costs, how its images are prepared, what trains and at which
# rate. Then freezing that holds, unfreezing that works, and features that are computed once.
#
# Each question has a small example to work out on paper, a cell for your answer, and a check, which you may run as often as you
# like.

# %% tags=["parameters"]
PROFILE = "auto"  # "smoke", "cpu", "gpu", or "auto": gpu where one is visible, else cpu
SEED = 0

# %%
import hashlib
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

from course_utils import profiles
from course_utils.checks import check, summary
from course_utils.checks import day_16 as questions
from course_utils.claims import claim

profile = profiles.start(PROFILE, seed=SEED, frameworks=("torch",))

# %% [markdown]
# ## 1. What a head costs · 2 points
#
# Write `head_parameters(maps, units, pooled)`: how many parameters the head has that is put on a pretrained body.
#
# - `maps`: (H, W, C), what the body puts out.
# - `pooled`: if True, global average pooling comes first; else all numbers of the maps are flattened.
# - `units`: a list with the units of each dense layer, in order. The last one gives the outputs. All have biases.
#
# On paper first: maps of 2 × 2 × 3 and one dense layer of 2 units. Flattened, 12 numbers go in. How many parameters? And
# pooled?

# %%
claim("flattened, then pooled", np.array([12 * 2 + 2, 3 * 2 + 2]), np.array([26, 8]))


# %% nbgrader={"grade": false, "grade_id": "head_parameters", "locked": false, "schema_version": 3, "solution": true, "task": false}
def head_parameters(maps, units, pooled):
    """Parameters of a chain of dense layers: one whole number."""
    ### BEGIN SOLUTION
    height, width, coming = maps
    if not pooled:
        coming *= height * width
    total = 0
    for leaving in units:
        total += (coming + 1) * leaving
        coming = leaving
    return total
    ### END SOLUTION


# %% [markdown]
# VGG16 puts out 7 × 7 × 512 for an image of 224 × 224. Two heads for it, each with 256 units and one output:

# %%
for pooled in (False, True):
    print("pooled:   " if pooled else "flattened:", head_parameters((7, 7, 512), [256, 1], pooled))

# %% nbgrader={"grade": true, "grade_id": "check-head_parameters", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.head_parameters, head_parameters)

# %% [markdown]
# ## 2. Images as VGG16 knows them · 3 points
#
# Write `preprocess_vgg(images)`. `images` is uint8, (N, H, W, 3) in the order red, green, blue, or (N, H, W, 1) grey. Return
# float32 (N, H, W, 3):
#
# - a grey image stands for three equal colours;
# - the colours in the order **blue, green, red**;
# - from each colour its mean over ImageNet is subtracted: blue 103.939, green 116.779, red 123.68;
# - nothing else. A step of 1 stays a step of 1.
#
# On paper first: a pixel of pure red, (255, 0, 0). Which three numbers go into the net?

# %%
claim(
    "pure red, as VGG16 sees it",
    np.array([0 - 103.939, 0 - 116.779, 255 - 123.68]),
    np.array([-103.939, -116.779, 131.32]),
    tolerance=1e-9,
)


# %% nbgrader={"grade": false, "grade_id": "preprocess_vgg", "locked": false, "schema_version": 3, "solution": true, "task": false}
def preprocess_vgg(images):
    """Images for VGG16: float32 (N, H, W, 3)."""
    ### BEGIN SOLUTION
    three = np.concatenate([images] * 3, axis=-1) if images.shape[-1] == 1 else images
    means_of_imagenet = np.array([103.939, 116.779, 123.68], dtype=np.float32)
    return three[..., [2, 1, 0]].astype(np.float32) - means_of_imagenet
    ### END SOLUTION


# %%
print(preprocess_vgg(np.array([[[[255, 0, 0]]]], dtype=np.uint8)))
print(preprocess_vgg(np.array([[[[120]]]], dtype=np.uint8)))

# %% nbgrader={"grade": true, "grade_id": "check-preprocess_vgg", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.preprocess_vgg, preprocess_vgg)

# %% [markdown]
# ## 3. A rate for each depth · 2 points
#
# Write `layer_rates(groups, rate, decay, frozen)`: discriminative learning rates.
#
# - `groups`: names of groups of layers, from the image on. The last is the head.
# - The last group gets `rate`; each group below it gets `decay` times the rate of the one above.
# - `frozen`: a list of names, perhaps empty. A frozen group has the rate 0. It counts as a step all the same.
#
# Return a list of rates in the order of `groups`.
#
# On paper first: four groups, a rate of 0.01, a decay of 0.5, and the third group frozen. Which four rates?

# %%
claim(
    "the rates, from the image on",
    np.array([0.01 * 0.5**3, 0.01 * 0.5**2, 0, 0.01]),
    np.array([0.00125, 0.0025, 0, 0.01]),
    tolerance=1e-12,
)


# %% nbgrader={"grade": false, "grade_id": "layer_rates", "locked": false, "schema_version": 3, "solution": true, "task": false}
def layer_rates(groups, rate, decay, frozen):
    """A learning rate for each group, in their order: a list."""
    ### BEGIN SOLUTION
    from_the_head = []
    for below, group in enumerate(reversed(groups)):
        from_the_head.append(0.0 if group in frozen else rate * decay**below)
    return from_the_head[::-1]
    ### END SOLUTION


# %%
print(layer_rates(["block1", "block2", "block3", "head"], 0.01, 0.5, ["block3"]))

# %% nbgrader={"grade": true, "grade_id": "check-layer_rates", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.layer_rates, layer_rates)

# %% [markdown]
# ## 4. A freeze plan · 3 points
#
# Before you fine-tune, write down what will train. Write `freeze_plan(layers, first)`.
#
# - `layers`: a list of (block, kind, numbers), from the image on, as a ledger shows them. The body comes first; the last block
#   is `"head"`. Kinds are `"conv"`, `"dense"`, `"pooling"` and `"batch norm"`.
# - Everything from the block `first` up to the head trains; all before it is frozen.
# - Batch norm of the **body** stays frozen as a whole, wherever it stands: its averages fit the images that it was trained on, and
#   a few new ones would spoil them.
# - Batch norm of the **head** is new. A ledger counts four numbers for each channel: $\gamma$ and $\beta$, which train, and the
#   running mean and variance, which are measured. So half of them count as frozen.
#
# Return `{"trainable": ..., "frozen": ...}`, two counts of numbers.
#
# On paper first: block1 has a conv of 100; block2 a conv of 200 and batch norm of 40; the head a dense layer of 30 and batch
# norm of 20. The plan begins at block2. What trains, and what is frozen?

# %%
claim("trainable, then frozen", np.array([200 + 30 + 20 // 2, 100 + 40 + 20 // 2]), np.array([240, 150]))


# %% nbgrader={"grade": false, "grade_id": "freeze_plan", "locked": false, "schema_version": 3, "solution": true, "task": false}
def freeze_plan(layers, first):
    """How many numbers train and how many are frozen: a dictionary."""
    ### BEGIN SOLUTION
    counts, state = {"trainable": 0, "frozen": 0}, "frozen"
    for block, kind, numbers in layers:
        state = "trainable" if block == first else state
        if kind == "batch norm" and block == "head":
            counts["trainable"] += numbers // 2
            counts["frozen"] += numbers - numbers // 2
        else:
            counts["frozen" if kind == "batch norm" else state] += numbers
    return counts
    ### END SOLUTION


# %% [markdown]
# VGG16 with a pooled head of one unit, from its ledger. Which blocks hold most of the numbers?

# %%
vgg16 = []
for block, (convs, c_in, c_out) in enumerate([(2, 3, 64), (2, 64, 128), (3, 128, 256), (3, 256, 512), (3, 512, 512)], 1):
    for place in range(convs):
        into = c_out if place else c_in
        vgg16.append((f"block{block}", "conv", (3 * 3 * into + 1) * c_out))
    vgg16.append((f"block{block}", "pooling", 0))
vgg16.append(("head", "dense", 512 + 1))
for first in ("head", "block5", "block4", "block1"):
    print(first, freeze_plan(vgg16, first))

# %% nbgrader={"grade": true, "grade_id": "check-freeze_plan", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.freeze_plan, freeze_plan)


# %% [markdown]
# ## 5. Freezing that holds · 3 points
#
# Write `FrozenBackbone(body)`, an `nn.Module` that goes into a larger model: `nn.Sequential(front, FrozenBackbone(body), head)`.
# `body` is any `nn.Module`, with batch norm and dropout inside.
#
# - Whatever a training loop does, no weight of the body and none of its running averages moves.
# - The loop is somebody else's. It calls `model.train()` before each epoch, and that calls `train` of every part.
# - `forward` gives what the body gives in use: nothing in it is random, and no image's features depend on its neighbours.
# - A small layer in front may learn, say one that makes three channels out of grey. So gradients have to pass through the body.
#
# On paper first: which of these does `requires_grad = False` on each parameter take care of? Which does `body.eval()`? What is
# left after the loop's first line?

# %% nbgrader={"grade": false, "grade_id": "FrozenBackbone", "locked": false, "schema_version": 3, "solution": true, "task": false}
class FrozenBackbone(nn.Module):
    """A body that gives features and never changes."""

    def __init__(self, body):
        super().__init__()
        ### BEGIN SOLUTION
        self.inner = body.requires_grad_(False)
        self.inner.eval()
        ### END SOLUTION

    def forward(self, images):
        """Features of a batch of images."""
        ### BEGIN SOLUTION
        return self.inner(images)
        ### END SOLUTION

    def train(self, mode=True):
        """Called by model.train() and, with mode=False, by model.eval(); returns the module itself."""
        ### BEGIN SOLUTION
        super().train(mode)
        self.inner.eval()
        return self
        ### END SOLUTION


# %% [markdown]
# A careless loop of three steps, to try it. The images are grey and far from what the body has seen; its running mean begins
# at 0. Where does it end?

# %%
body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
frozen = FrozenBackbone(body)
grey, answers = 5 + torch.randn(8, 1, 6, 6), torch.arange(8) % 2
model = nn.Sequential(nn.Conv2d(1, 3, 1), frozen, nn.Linear(4, 2))
if frozen(torch.zeros(1, 3, 6, 6)) is not None:
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        model.train()
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(grey), answers).backward()
        optimiser.step()
    print("running mean:", body[1].running_mean)

# %% nbgrader={"grade": true, "grade_id": "check-FrozenBackbone", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.FrozenBackbone, FrozenBackbone)

# %% [markdown]
# ## 6. Unfreezing that works · 4 points
#
# Progressive unfreezing goes by stages. In stage 0 the head trains alone; in stage 1 the last block of the body joins it; in
# stage 2 the last two, and so on. Write `unfreeze_stage(model, optimiser, stage, rate)`.
#
# - `model`: an `nn.Sequential`. Its last entry is the head, the others are the blocks of the body, from the image on. At first
#   no parameter of the body needs a gradient, and `optimiser` was made with those of the head.
# - After the call, the head and the last `stage` blocks train. The blocks that are new join the optimiser with the learning rate
#   `rate`; see its method `add_param_group`, which takes a dictionary with `"params"` and `"lr"`.
# - Whatever trained before keeps its rate, and the momentum that the optimiser has gathered.
# - A stage may be left out, and the same one may be asked for twice.
# - Return how many parameters train now.
#
# On paper first: three blocks with 30 parameters each and a head with 12. Stage 2: which entries of `model` are meant, counted
# from the end, and how many parameters train?

# %%
claim("parameters that train in stage 2", 2 * 30 + 12, 72)


# %% nbgrader={"grade": false, "grade_id": "unfreeze_stage", "locked": false, "schema_version": 3, "solution": true, "task": false}
def unfreeze_stage(model, optimiser, stage, rate):
    """Let the last `stage` blocks train, too; the number of parameters that train now."""
    ### BEGIN SOLUTION
    *blocks, head = model
    awake = [tensor for block in blocks[len(blocks) - stage :] for tensor in block.parameters()]
    joining = [tensor for tensor in awake if not tensor.requires_grad]
    for tensor in joining:
        tensor.requires_grad_(True)
    if joining:
        optimiser.add_param_group({"params": joining, "lr": rate})
    return sum(tensor.numel() for tensor in [*awake, *head.parameters()])
    ### END SOLUTION


# %%
blocks = [nn.Sequential(nn.Linear(5, 5), nn.Tanh()) for _ in range(3)]
model = nn.Sequential(*blocks, nn.Linear(5, 2))
for tensor in nn.ModuleList(blocks).parameters():
    tensor.requires_grad = False
optimiser = torch.optim.SGD(model[-1].parameters(), lr=0.1, momentum=0.9)
for stage, rate in [(1, 0.01), (2, 0.001)]:
    print(f"stage {stage}:", unfreeze_stage(model, optimiser, stage, rate), "parameters train;", end=" ")
    print("rates of the optimiser's groups:", [group["lr"] for group in optimiser.param_groups])

# %% nbgrader={"grade": true, "grade_id": "check-unfreeze_stage", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check(questions.unfreeze_stage, unfreeze_stage)


# %% [markdown]
# ## 7. Features that are computed once · 4 points
#
# A frozen body gives the same features for the same image in every epoch. Write
# `cached_features(images, extract, name, folder, batch)`: an array (N, D) with the features of each image, in the order of the
# images.
#
# - `images`: uint8 (N, H, W, C). `extract(some_images)` computes features (n, D) of n images. It is slow, and has memory for at
#   most `batch` images at once.
# - `folder`: a `pathlib.Path` that exists. Whatever was computed is kept there and never computed again: not tomorrow, not from
#   a copy of the folder, not when images come in another order or among new ones.
# - `name` says which extractor it is. Another name means other features.
# - An image whose pixels have changed is another image. So is one with the same bytes in another shape.
# - The work may be interrupted at any time. What earlier batches gave must not be lost.
#
# Tools: `np.save` and `np.load` for a file; `hashlib.sha256(some_bytes).hexdigest()` makes a short text of bytes that no other
# bytes share, the same on every day. (Python's own `hash()` gives other numbers in each process.) `image.tobytes()` are an
# image's bytes, `"text".encode()` those of a text.
#
# On paper first: five images are known. Seven come, among them the five, in batches of at most 4. How often is `extract` called,
# with how many images?

# %% nbgrader={"grade": false, "grade_id": "cached_features", "locked": false, "schema_version": 3, "solution": true, "task": false}
def cached_features(images, extract, name, folder, batch):
    """Features of the images, computed or from the folder: an array (N, D)."""
    ### BEGIN SOLUTION
    files = []
    for image in images:
        described = f"{name} {image.shape} {image.dtype}".encode() + image.tobytes()
        files.append(folder / (hashlib.sha256(described).hexdigest() + ".npy"))
    unknown = [place for place, file in enumerate(files) if not file.exists()]
    while unknown:
        now, unknown = unknown[:batch], unknown[batch:]
        for place, features in zip(now, extract(images[now]), strict=True):
            np.save(files[place], features)
    return np.stack([np.load(file) for file in files])
    ### END SOLUTION


# %% [markdown]
# An extractor that says when it works, and a folder that is thrown away:

# %%
def mean_and_spread(some_images):
    print(f"  extract: {len(some_images)} images")
    return np.stack([some_images.mean(axis=(1, 2, 3)), some_images.std(axis=(1, 2, 3))], axis=1)


small = np.random.default_rng(SEED).integers(0, 256, (7, 4, 4, 1), dtype=np.uint8)
with tempfile.TemporaryDirectory() as scratch:
    for what, some in [("five", small[:5]), ("the same", small[:5]), ("all, from the end", small[::-1])]:
        print(what)
        features = cached_features(some, mean_and_spread, "mean and spread", Path(scratch), 4)
if features is not None:
    print("in order:", np.allclose(features[:, 0], small[::-1].mean(axis=(1, 2, 3))))

# %% nbgrader={"grade": true, "grade_id": "check-cached_features", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check(questions.cached_features, cached_features)

# %% [markdown]
# ## Your points so far

# %%
summary(questions)
