# ---
# jupyter:
#   course:
#     budget_s:
#       cpu: 60
#       gpu: 60
#       smoke: 60
#     data: []
#     day: 8
#     frameworks: []
#     minutes: 80
#     title: 'Optimizers: exercise'
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
# # Day 8 · Optimizers: exercise
#
# You write the rules that turn gradients into steps, the schedules that turn the rate down, and the two rules that watch
# the loss. All in PyTorch's form, unless the question says Keras.
#
# Questions 1 to 3 hand you the gradients of some steps, so that no network is needed: `gradients[t]` is the gradient
# in step `t`, an array of the weights' shape. Return the **path**: one row for each step, the weights after it. The
# start does not belong to it. No input may be changed.
#
# Each question has a small example that you can work out on paper, a cell for your answer, and a check. Run the check
# as often as you like: it shows the smallest input on which your answer fails, and names the mistake if it knows it.
# Where one known mistake is all that is wrong, you get a point.

# %% tags=["parameters"]
PROFILE = "auto"   # "smoke", "cpu", "gpu", or "auto": gpu where one is visible, else cpu
SEED = 0

# %%
import numpy as np

from course_utils import plots, profiles
from course_utils.checks import check, summary
from course_utils.checks import day_08 as questions
from course_utils.claims import claim

profile = profiles.start(PROFILE, seed=SEED)

# %% [markdown]
# ## 1. Momentum · 3 points
#
# Write `momentum_path(weights, gradients, rates, mu, nesterov)`. In step `t`
#
# - the velocity becomes `mu` times itself plus the gradient; it begins at zero;
# - the weights go against it, by `rates[t]`: each step has its own rate;
# - with `nesterov=True` they go against *gradient + mu · new velocity* instead.
#
# On paper first: one weight at 0, the gradient is 1 three times, `mu` is 0.5, the rates are 1, 1 and 0.1. Velocities: 1, 1.5,
# 1.75. So the weight is −1, then −2.5. And then?

# %%
claim("the third weight", -2.5 - 0.1 * 1.75, -2.675)


# %% nbgrader={"grade": false, "grade_id": "momentum_path", "locked": false, "schema_version": 3, "solution": true, "task": false}
def momentum_path(weights, gradients, rates, mu, nesterov):
    """The weights after each step; an array (steps, number of weights)."""
    ### BEGIN SOLUTION
    here, velocity, places = weights, np.zeros_like(weights), []
    for downhill, rate in zip(gradients, rates, strict=True):
        velocity = velocity * mu + downhill
        here = here - rate * (downhill + mu * velocity if nesterov else velocity)
        places.append(here)
    return np.array(places)
    ### END SOLUTION


# %%
three_ones = np.ones((3, 1))
for nesterov in (False, True):
    print(momentum_path(np.zeros(1), three_ones, np.array([1, 1, 0.1]), 0.5, nesterov))

# %% nbgrader={"grade": true, "grade_id": "check-momentum_path", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.momentum_path, momentum_path)

# %% [markdown]
# ## 2. A step for each weight · 3 points
#
# Write `adaptive_path(kind, weights, gradients, lr, alpha, eps)`. `kind` is `"adagrad"` or `"rmsprop"`. In each step
#
# - collect the squares of the gradient, weight by weight. AdaGrad adds them up. RMSProp takes a running mean: a share
#   `alpha` of the old one stays, the rest comes from the new square. Both begin at zero;
# - go against the gradient by `lr`, divided by *the root of what was collected, plus* `eps`.
#
# AdaGrad does not use `alpha`. The checks use a large `eps`, so that it shows where you put it.
#
# On paper first: one weight at 0, gradients 3 and 4, `lr` 1, `eps` 0. AdaGrad collects 9, then 25, and steps by 3/3 and
# 4/5. RMSProp with `alpha` 0.75 collects a quarter of 9. How long is its first step?

# %%
claim("AdaGrad's second step", 4 / np.sqrt(3**2 + 4**2), 0.8)
claim("RMSProp's first step", 3 / np.sqrt(0.25 * 9), 2)


# %% nbgrader={"grade": false, "grade_id": "adaptive_path", "locked": false, "schema_version": 3, "solution": true, "task": false}
def adaptive_path(kind, weights, gradients, lr, alpha, eps):
    """The weights after each step of AdaGrad or RMSProp; an array (steps, number of weights)."""
    ### BEGIN SOLUTION
    here, squares, places = weights, np.zeros_like(weights), []
    for downhill in gradients:
        old, new = (1, 1) if kind == "adagrad" else (alpha, 1 - alpha)
        squares = old * squares + new * downhill**2
        here = here - lr * downhill / (eps + np.sqrt(squares))
        places.append(here)
    return np.array(places)
    ### END SOLUTION


# %%
three_and_four = np.array([[3.0], [4.0]])
for kind in ("adagrad", "rmsprop"):
    print(kind, adaptive_path(kind, np.zeros(1), three_and_four, 1.0, 0.75, 0.0))

# %% nbgrader={"grade": true, "grade_id": "check-adaptive_path", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.adaptive_path, adaptive_path)

# %% [markdown]
# ## 3. AdamW · 4 points
#
# Write `adamw_path(weights, gradients, lr, beta1, beta2, eps, weight_decay)`. In step $t = 1, 2, \dots$
#
# - the weights keep the share `1 − lr · weight_decay`, before anything else;
# - a running mean of the gradients, in which `beta1` stays, and one of their squares, in which `beta2` stays. Both begin at
#   zero;
# - both are corrected for that: divided by $1 - \beta^t$. The means themselves are kept as they are;
# - go by `lr` times the corrected mean, divided by *the root of the corrected mean of squares, plus* `eps`.
#
# On paper first, without decay: `beta1` is 0.5, the gradients are 2 and −2. The mean is 1 after the first step. After the
# second it is 0.5 · 1 + 0.5 · (−2). So how long is the second step?

# %%
claim("the mean after the second step", 0.5 * 1 + 0.5 * (-2), -0.5)
claim("corrected", -0.5 / (1 - 0.5**2), -2 / 3, tolerance=1e-12)
claim("the mean of squares is corrected to 4, so in rates the step is", -2 / 3 / np.sqrt(4), -1 / 3, tolerance=1e-12)


# %% nbgrader={"grade": false, "grade_id": "adamw_path", "locked": false, "schema_version": 3, "solution": true, "task": false}
def adamw_path(weights, gradients, lr, beta1, beta2, eps, weight_decay):
    """The weights after each step; an array (steps, number of weights)."""
    ### BEGIN SOLUTION
    here, places = weights, []
    direction, size = np.zeros_like(weights), np.zeros_like(weights)
    for number, downhill in enumerate(gradients, start=1):
        here = here - lr * weight_decay * here
        direction = beta1 * direction + (1 - beta1) * downhill
        size = beta2 * size + (1 - beta2) * downhill**2
        length = np.sqrt(size / (1 - beta2**number)) + eps
        here = here - lr * direction / (1 - beta1**number) / length
        places.append(here)
    return np.array(places)
    ### END SOLUTION


# %%
there_and_back = np.array([[2.0], [-2.0]])
for decay in (0.0, 0.5):
    print(adamw_path(np.ones(1), there_and_back, 0.1, 0.5, 0.9, 1e-8, decay))

# %% nbgrader={"grade": true, "grade_id": "check-adamw_path", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check(questions.adamw_path, adamw_path)

# %% [markdown]
# ## 4. SAM · 3 points
#
# Write `sam_step(weights, gradient, lr, rho)`: one step of sharpness-aware minimisation. Here `gradient` is a *function*:
# `gradient(w)` is the gradient at `w`.
#
# - First pass: climb from the weights along the gradient, by a way that is `rho` long.
# - Second pass: take the gradient there, and go against it by `lr`, *from where the weights were*.
#
# The checks use a valley whose gradient is curvature · w + w³, weight by weight.
#
# On paper first: weights (3, 4), and the gradient is the place itself, so (3, 4) as well. It is 5 long. With `rho` 1 the
# climb is (0.6, 0.8). The gradient up there is (3.6, 4.8). With `lr` 0.1, where do the weights go?

# %%
claim("the new weights", np.array([3, 4]) - 0.1 * np.array([3.6, 4.8]), np.array([2.64, 3.52]), tolerance=1e-12)


# %% nbgrader={"grade": false, "grade_id": "sam_step", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sam_step(weights, gradient, lr, rho):
    """The weights after one step; an array of their shape."""
    ### BEGIN SOLUTION
    up = gradient(weights)
    worst = weights + rho * up / np.linalg.norm(up)
    return weights - lr * gradient(worst)
    ### END SOLUTION


# %%
print(sam_step(np.array([3.0, 4.0]), lambda w: w, 0.1, 1.0))

# %% nbgrader={"grade": true, "grade_id": "check-sam_step", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.sam_step, sam_step)

# %% [markdown]
# ## 5. Schedules · 4 points
#
# Write `learning_rate(kind, step, steps, peak)`: the rate in step `step`, counted from 0, of a training with `steps` steps.
#
# | kind | rate |
# |---|---|
# | `"step"` | the peak, divided by ten after every 30 steps |
# | `"exponential"` | the peak in step 0; then 0.97 times the rate of the step before |
# | `"cosine"` | half a cosine, from the peak in step 0 to 0 in step `steps` |
# | `"warm-up"` | in the first 10 steps a tenth of the peak, two tenths, … up to the peak; then, from step 10 on, a cosine from the peak to 0 in step `steps` |
# | `"one-cycle"` | half a cosine up, from peak / 25 in step 0 to the peak in step 0.3 · `steps` − 1; then half a cosine down, to peak / 250,000 in step `steps` − 1 |
#
# On paper first, for 100 steps and a peak of 1: what is the rate of each in step 0? And in step 30?
#
# A small helper saves much: half a cosine that leads from `a` to `b` while a part `p` goes from 0 to 1 is
# $b + (a - b)\,(1 + \cos \pi p)/2$.

# %%
claim("half a cosine from 1 to 0, a third of the way", (1 + np.cos(np.pi / 3)) / 2, 0.75, tolerance=1e-12)


# %% nbgrader={"grade": false, "grade_id": "learning_rate", "locked": false, "schema_version": 3, "solution": true, "task": false}
def learning_rate(kind, step, steps, peak):
    """The rate in one step; a number."""
    ### BEGIN SOLUTION
    def half_cosine(a, b, part):
        return b + (a - b) * (1 + np.cos(np.pi * part)) / 2

    if kind == "step":
        return peak / 10 ** (step // 30)
    if kind == "exponential":
        return peak * 0.97**step
    if kind == "cosine":
        return half_cosine(peak, 0, step / steps)
    if kind == "warm-up":
        return peak * (step + 1) / 10 if step < 10 else half_cosine(peak, 0, (step - 10) / (steps - 10))
    top = 0.3 * steps - 1
    if step <= top:
        return half_cosine(peak / 25, peak, step / top)
    return half_cosine(peak, peak / 250_000, (step - top) / (steps - 1 - top))
    ### END SOLUTION


# %%
kinds = ("step", "exponential", "cosine", "warm-up", "one-cycle")
drawn = {kind: [learning_rate(kind, step, 100, 1.0) for step in range(100)] for kind in kinds}
drawn = {kind: rates for kind, rates in drawn.items() if None not in rates}
if drawn:
    fig = plots.curves(drawn, x=range(100), xlabel="step", ylabel="learning rate (peaks)")
    told = "; ".join(f"{kind} {rates[0]:.2f}, {rates[50]:.2f}, {rates[-1]:.2g}" for kind, rates in drawn.items())
    plots.show(fig, alt=f"Your schedules over 100 steps. The rate in steps 0, 50 and 99: {told}.")

# %% nbgrader={"grade": true, "grade_id": "check-learning_rate", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check(questions.learning_rate, learning_rate)

# %% [markdown]
# ## 6. Reduce on plateau · 2 points
#
# Write `plateau_rates(losses, rate, factor, patience, min_delta)`, as Keras does it: a list of the rate *after* each epoch.
#
# - An epoch is **good** if its loss is below the best so far by more than `min_delta`. Only a good epoch becomes the new best.
# - All others are bad. With the `patience`-th bad epoch in a row the rate is multiplied by `factor`, and counting begins anew.
#
# On paper first: losses 0.9, 0.8, 0.8, 0.82, 0.797, 0.5, `patience` 2, `min_delta` 0.01, `factor` 0.5. Is the fifth epoch good?

# %%
claim("the fifth epoch beats the best by more than min_delta", 0.797 < 0.8 - 0.01, False)


# %% nbgrader={"grade": false, "grade_id": "plateau_rates", "locked": false, "schema_version": 3, "solution": true, "task": false}
def plateau_rates(losses, rate, factor, patience, min_delta):
    """The rate after each epoch; a list as long as the losses."""
    ### BEGIN SOLUTION
    lowest, waiting, after = np.inf, 0, []
    for loss in losses:
        if loss < lowest - min_delta:
            lowest, waiting = loss, 0
        else:
            waiting += 1
            if waiting == patience:
                rate, waiting = factor * rate, 0
        after.append(rate)
    return after
    ### END SOLUTION


# %%
print(plateau_rates([0.9, 0.8, 0.8, 0.82, 0.797, 0.5], 1.0, 0.5, 2, 0.01))

# %% nbgrader={"grade": true, "grade_id": "check-plateau_rates", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.plateau_rates, plateau_rates)

# %% [markdown]
# ## 7. Early stopping · 2 points
#
# Write `early_stopping(losses, patience, min_delta)`. Good and bad epochs as before. The `patience`-th bad epoch in a row is the
# last one; what comes after it in the list was never trained. If there is none, the last epoch is that of the last loss.
#
# Return `(last, best)`: the last epoch, and the last good one, whose weights you want to keep. Epochs count from 1.
#
# On paper first: the losses above. Which epoch is the last, and which one was best? Will the 0.5 ever be seen?

# %%
bad_in_a_row = [epoch for epoch in (3, 4) if [0.9, 0.8, 0.8, 0.82][epoch - 1] >= 0.8 - 0.01]
claim("bad epochs after the second", bad_in_a_row, [3, 4])


# %% nbgrader={"grade": false, "grade_id": "early_stopping", "locked": false, "schema_version": 3, "solution": true, "task": false}
def early_stopping(losses, patience, min_delta):
    """Epochs, counted from 1: (last, best)."""
    ### BEGIN SOLUTION
    lowest, best_epoch = np.inf, 0
    for epoch, loss in enumerate(losses, start=1):
        if loss < lowest - min_delta:
            lowest, best_epoch = loss, epoch
        elif epoch - best_epoch == patience:
            return epoch, best_epoch
    return len(losses), best_epoch
    ### END SOLUTION


# %%
print(early_stopping([0.9, 0.8, 0.8, 0.82, 0.797, 0.5], 2, 0.01))

# %% nbgrader={"grade": true, "grade_id": "check-early_stopping", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.early_stopping, early_stopping)

# %% [markdown]
# ## Your points so far

# %%
summary(questions)
