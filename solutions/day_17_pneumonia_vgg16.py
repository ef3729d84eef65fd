# ---
# jupyter:
#   course:
#     budget_s:
#       cpu: 300
#       gpu: 300
#       smoke: 60
#     data: []
#     day: 17
#     frameworks: []
#     minutes: 90
#     title: 'Pneumonia with VGG16: exercise'
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
# # Day 17 · Pneumonia with VGG16: exercise
#
# The network is the smaller part of a study. Here you write the rest: the weights of the classes and the way back from them,
# the plan of two phases, the check of a published report, what a threshold costs and how one is chosen, a split by patient,
# and the card that goes with the model.
#
# Class 1 is the disease, and a score of **at least** the threshold is called positive. The films on which you try your
# functions are drawn by code, as many as the study has; nothing here is trained, and all of it runs in seconds.
#
# Each question has a small example to work out on paper, a cell for your answer, and a check, which you may run as often as
# you like.

# %% tags=["parameters"]
PROFILE = "auto"  # "smoke", "cpu", "gpu", or "auto": gpu where one is visible, else cpu
SEED = 0

# %%
import numpy as np
from IPython.display import Markdown, display

from course_utils import plots, profiles
from course_utils.checks import check, summary
from course_utils.checks import day_17 as questions
from course_utils.claims import claim
from course_utils.reference import auc, wilson_interval

profile = profiles.start(PROFILE, seed=SEED)
run = questions.RUN
validation, test = run["validation"], run["test"]
print(f"drawn by code: {len(validation['labels'])} validation films, {len(test['labels'])} test films")


# %% [markdown]
# ## 1. Class weights · 2 points
#
# Write `class_weights(labels)`.
#
# - `labels`: an array of whole numbers, one for each film; two classes or more.
# - Return a dictionary, class → weight, as Keras takes it for `class_weight`.
# - The rarer a class, the heavier: all classes weigh the same in all, and the **mean weight of a film is 1**, so that the
#   loss keeps its size.
#
# On paper first: the labels 0, 1, 1, 1. What do the four weights add up to?

# %% nbgrader={"grade": false, "grade_id": "class_weights", "locked": false, "schema_version": 3, "solution": true, "task": false}
def class_weights(labels):
    """Class -> weight."""
    ### BEGIN SOLUTION
    weights = {}
    names, films = np.unique(labels, return_counts=True)
    for name, count in zip(names, films, strict=True):
        weights[int(name)] = float(len(labels) / len(names) / count)
    return weights
    ### END SOLUTION


# %%
print(class_weights(np.array([0, 1, 1, 1])))

# %% nbgrader={"grade": true, "grade_id": "check-class_weights", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.class_weights, class_weights)

# %% [markdown]
# The training films of the study, 1,341 normal and 3,875 with pneumonia. Which class is the heavy one?

# %%
weights = class_weights(np.repeat([0, 1], [1341, 3875]))
print(weights)


# %% [markdown]
# ## 2. Back from weighted scores · 2 points
#
# A model trained with class weights gives scores that are no probabilities: its odds of class 1, s / (1 − s), are w1 / w0 times
# too large. Write `undo_class_weights(scores, weights)`.
#
# - `scores`: an array of numbers from 0 to 1, **both included**. `weights`: a dictionary with the keys 0 and 1.
# - Return an array: the probabilities that belong to the odds without the weights. A score of 0 stays 0, a score of 1 stays 1.
#
# On paper first: a score of 0.5 and the weights 2 for class 0, 0.5 for class 1. What are its odds, before and after?

# %% nbgrader={"grade": false, "grade_id": "undo_class_weights", "locked": false, "schema_version": 3, "solution": true, "task": false}
def undo_class_weights(scores, weights):
    """Probabilities without the weights."""
    ### BEGIN SOLUTION
    disease = scores * weights[0]
    return disease / (disease + (1 - scores) * weights[1])
    ### END SOLUTION


# %%
print(undo_class_weights(np.array([0.5, 0.0, 1.0]), {0: 2.0, 1: 0.5}))

# %% nbgrader={"grade": true, "grade_id": "check-undo_class_weights", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.undo_class_weights, undo_class_weights)

# %% [markdown]
# A text trains with these weights and then lowers the threshold to 0.3, "to find more of the ill". Which threshold of a model
# without weights does the same? Is it lower than 0.5?

# %%
if weights is not None:
    print(undo_class_weights(np.array([0.3]), weights))


# %% [markdown]
# ## 3. A plan of two phases · 3 points
#
# Write `two_phase_plan(backbone, head, block, rate)`.
#
# - `backbone`, `head`: lists of pairs (name, parameters), one for each layer, in the order of the network.
# - `block`: the name of the last block, such as `"block5"`; the names of its layers begin with `"block5_"`.
# - Phase 1 trains the head alone, at `rate`. Phase 2 trains the block **and** the head, at a rate 100 times smaller.
# - Return `{"phase 1": {...}, "phase 2": {...}}`, each with `"layers"`, the names of the layers with weights that train, in the
#   order of the network; `"parameters"`, how many numbers train in all; and `"rate"`.
#
# On paper first: the backbone below, block 2, and a head of one layer.

# %% nbgrader={"grade": false, "grade_id": "two_phase_plan", "locked": false, "schema_version": 3, "solution": true, "task": false}
def two_phase_plan(backbone, head, block, rate):
    """What trains in each phase, and at which rate."""
    ### BEGIN SOLUTION
    def phase(trainable, step):
        return {
            "layers": [name for name, parameters in trainable if parameters > 0],
            "parameters": sum(parameters for _, parameters in trainable),
            "rate": step,
        }

    last_block = [layer for layer in backbone if layer[0].startswith(block + "_")]
    return {"phase 1": phase(head, rate), "phase 2": phase(last_block + list(head), rate / 100)}
    ### END SOLUTION


# %%
tiny = [("block1_conv1", 40), ("block1_pool", 0), ("block2_conv1", 74), ("block2_pool", 0)]
print(two_phase_plan(tiny, [("answer", 3)], "block2", 0.001))

# %% nbgrader={"grade": true, "grade_id": "check-two_phase_plan", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.two_phase_plan, two_phase_plan)

# %% [markdown]
# And for VGG16. How many convolutions has its last block?

# %%
plan = two_phase_plan(questions.VGG16, questions.HEAD, "block5", 1e-3)
if plan is not None:
    for phase, row in plan.items():
        print(f"{phase}: {row['parameters']:9,} parameters at {row['rate']:g} in {', '.join(row['layers'])}")


# %% [markdown]
# ## 4. A report that cannot be · 3 points
#
# A report gives precision and recall for each of two classes, rounded. Write `possible_report(precision, recall, support,
# digits)`, which finds every confusion matrix that could stand behind it.
#
# - `precision`, `recall`, `support`: lists of two numbers, for class 0 and for class 1. The support is the number of films of the
#   class. `digits`: to how many digits after the point the shares are rounded.
# - A matrix is known by two whole numbers: how many films of class 0 are right, and how many of class 1.
# - Return a list of these pairs, in ascending order, for which all four shares round to the published ones. An empty list says
#   that no such study exists. You may take a number as rounded right if it lies half a unit of the last digit away, or less.
#
# On paper first: precision (0.67, 1.00), recall (1.00, 0.67), support (2, 3).

# %% nbgrader={"grade": false, "grade_id": "possible_report", "locked": false, "schema_version": 3, "solution": true, "task": false}
def possible_report(precision, recall, support, digits):
    """All pairs (right of class 0, right of class 1) that fit the report."""
    ### BEGIN SOLUTION
    def fits(part, whole, published):
        return whole > 0 and abs(part / whole - published) < 0.500001 * 10 ** (-digits)

    pairs = []
    for a in range(support[0] + 1):
        if not fits(a, support[0], recall[0]):
            continue
        for b in range(support[1] + 1):
            called_0, called_1 = a + support[1] - b, b + support[0] - a
            if fits(b, support[1], recall[1]) and fits(a, called_0, precision[0]) and fits(b, called_1, precision[1]):
                pairs.append((a, b))
    return pairs
    ### END SOLUTION


# %%
print(possible_report([0.67, 1.00], [1.00, 0.67], [2, 3], 2))

# %% nbgrader={"grade": true, "grade_id": "check-possible_report", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.possible_report, possible_report)

# %% [markdown]
# The report of a published recipe for this study, on 234 normal films and 390 with pneumonia: precision 0.91 and 0.93, recall
# 0.85 and 0.96. Is there such a model? And if somebody has exchanged the two precisions?

# %%
for precision in ([0.91, 0.93], [0.93, 0.91]):
    matrices = possible_report(precision, [0.85, 0.96], [234, 390], 2)
    print(precision, "·", "no answer yet" if matrices is None else f"{len(matrices)} matrices")


# %% [markdown]
# ## 5. What a threshold costs · 2 points
#
# Write `cost_curve(labels, scores, thresholds, miss, false_alarm, prevalence)`.
#
# - `labels`: 0 or 1, and `scores`: two arrays of one length. `thresholds`: an array.
# - `miss`: what it costs to call an ill person well. `false_alarm`: what it costs to call a well person ill. Right calls cost
#   nothing.
# - `prevalence`: the share of the ill **where the model will be used**. In `labels` it may be another one: the rates of misses
#   and of false alarms come from the labels, how often each counts comes from the prevalence.
# - Return an array: for each threshold, what one film costs on average.
#
# On paper first: of 2 ill one is missed, of 2 well nobody is alarmed; a miss costs 10, the prevalence is 0.1.

# %% nbgrader={"grade": false, "grade_id": "cost_curve", "locked": false, "schema_version": 3, "solution": true, "task": false}
def cost_curve(labels, scores, thresholds, miss, false_alarm, prevalence):
    """Mean cost of a film at each threshold."""
    ### BEGIN SOLUTION
    curve = []
    for threshold in thresholds:
        miss_rate = np.mean(scores[labels == 1] < threshold)
        alarm_rate = np.mean(scores[labels == 0] >= threshold)
        curve.append(prevalence * miss_rate * miss + (1 - prevalence) * alarm_rate * false_alarm)
    return np.array(curve)
    ### END SOLUTION


# %%
print(cost_curve(np.array([1, 1, 0, 0]), np.array([0.9, 0.2, 0.3, 0.1]), np.array([0.5]), 10, 1, 0.1))

# %% nbgrader={"grade": true, "grade_id": "check-cost_curve", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.cost_curve, cost_curve)

# %% [markdown]
# On the drawn validation films, with 10 for a miss and 1 for a false alarm. Before you run: does the cheapest threshold rise or
# fall where the disease is rarer?

# %%
thresholds = np.linspace(0.01, 0.99, 99)
curves = {
    f"prevalence {share:.0%}": cost_curve(validation["labels"], validation["scores"], thresholds, 10, 1, share)
    for share in (0.6, 0.1, 0.02)
}
if all(curve is not None for curve in curves.values()):
    cheapest = {name: thresholds[np.argmin(curve)] for name, curve in curves.items()}
    print(", ".join(f"{name}: {threshold:.2f}" for name, threshold in cheapest.items()))
    fig = plots.curves(
        curves, x=thresholds, xlabel="threshold", ylabel="mean cost (false alarms)", log=True,
        caption="drawn scores",
    )
    plots.show(
        fig,
        alt="Three curves of the mean cost of a film over the threshold, one for each prevalence, each with a lowest "
        "point. The rarer the disease, the further right it lies.",
    )

# %% [markdown]
# ## 6. A threshold that finds enough · 3 points
#
# Write `screening_threshold(validation_labels, validation_scores, test_labels, test_scores, target)`.
#
# - Choose the **highest** threshold at which at least the share `target` of the ill **validation** films is found. It is one of
#   their scores.
# - Then use it on the test films, once.
# - Return a dictionary: `"threshold"`; `"sensitivity"`, the share of the ill test films that is found; `"low"` and `"high"`, the
#   ends of Wilson's 95 % interval for that share. `wilson_interval(found, n)` gives the two ends; what you have to decide is what
#   has been found, among how many.
#
# On paper first: the ill validation films have the scores 0.9, 0.8, 0.6 and 0.3, and the target is 0.7.

# %%
for found, n in [(16, 16), (374, 390)]:
    half = 1.96 * np.sqrt(found / n * (1 - found / n) / n)
    low, high = wilson_interval(found, n)
    print(f"{found} of {n}: Wilson's {low:.3f} to {high:.3f}; p ± 1.96 √(p (1 − p) / n): {found / n - half:.3f} to {found / n + half:.3f}")


# %% nbgrader={"grade": false, "grade_id": "screening_threshold", "locked": false, "schema_version": 3, "solution": true, "task": false}
def screening_threshold(validation_labels, validation_scores, test_labels, test_scores, target):
    """A threshold from the validation films, and what it finds among the test films."""
    ### BEGIN SOLUTION
    of_the_ill = validation_scores[validation_labels == 1]
    enough = [score for score in of_the_ill if np.mean(of_the_ill >= score) >= target]
    threshold = max(enough)
    found = test_scores[test_labels == 1] >= threshold
    low, high = wilson_interval(int(found.sum()), len(found))
    return {"threshold": float(threshold), "sensitivity": float(found.mean()), "low": low, "high": high}
    ### END SOLUTION


# %%
four = np.array([0.9, 0.8, 0.6, 0.3, 0.5])
told = screening_threshold(np.array([1, 1, 1, 1, 0]), four, np.array([1, 1, 1, 1, 0]), four - 0.05, 0.7)
print(told)

# %% nbgrader={"grade": true, "grade_id": "check-screening_threshold", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.screening_threshold, screening_threshold)

# %% [markdown]
# On the drawn study, with its target. Does the test set keep what validation promised?

# %%
screened = screening_threshold(validation["labels"], validation["scores"], test["labels"], test["scores"], run["target"])
print(f"target {run['target']}:", screened)


# %% [markdown]
# ## 7. A split by patient · 4 points
#
# Write `patient_split(labels, patients, contents, fraction, seed)`.
#
# - `labels`: 0 or 1 for each film. `patients`: the number of its patient. `contents`: a number that two films share if, and only
#   if, they are the same picture, pixel by pixel; that may happen under the tags of two patients, too.
# - Return an array of True and False: True where a film goes to validation.
# - No patient stands on both sides, and no picture. So films of the same content tie their patients together.
# - Each class gives about `fraction` of its **films**, a group more or less. A patient may have films of both classes.
# - The same seed gives the same split, another seed another one.
#
# One way, in two steps. First give each film the number of its group: begin with its patient, and where films share a content,
# let all films of one group take the number of the other. Then go through the groups in random order, and take each group
# whose films still fit into what the classes have left to give.
#
# On paper first: the films below. Which of them may never be parted?

# %% nbgrader={"grade": false, "grade_id": "patient_split", "locked": false, "schema_version": 3, "solution": true, "task": false}
def patient_split(labels, patients, contents, fraction, seed):
    """True where a film goes to validation."""
    ### BEGIN SOLUTION
    rng = np.random.default_rng(seed)
    group, first_film = np.array(patients), {}
    for film, content in enumerate(contents):
        twin = first_film.setdefault(content, film)
        group[group == group[film]] = group[twin]
    left = {name: round(fraction * np.sum(labels == name)) for name in np.unique(labels)}
    validation = np.zeros(len(labels), dtype=bool)
    for candidate in rng.permutation(np.unique(group)):
        members = group == candidate
        needed = {name: np.sum(labels[members] == name) for name in left}
        if all(needed[name] <= left[name] for name in left):
            validation |= members
            left = {name: left[name] - needed[name] for name in left}
    return validation
    ### END SOLUTION


# %%
some_labels = np.array([1, 1, 0, 0, 1, 1, 0, 0, 1, 1])
some_patients = np.array([7, 7, 3, 3, 5, 9, 9, 2, 4, 8])
some_contents = np.array([1, 2, 3, 4, 2, 5, 6, 7, 8, 9])
print(patient_split(some_labels, some_patients, some_contents, 0.5, seed=SEED))

# %% nbgrader={"grade": true, "grade_id": "check-patient_split", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check(questions.patient_split, patient_split)

# %% [markdown]
# What it is good for: 1,000 drawn patients with two or three films each on average, a tenth of them for validation. Before you
# run: split film by film, how many of the validation films belong to somebody whom the model has seen in training?

# %%
rng = np.random.default_rng(SEED)
owners = np.repeat(np.arange(1000), rng.geometric(0.4, 1000))
marks = (owners % 4 > 0).astype(int)
by_film = rng.random(len(owners)) < 0.1
by_patient = patient_split(marks, owners, np.arange(len(owners)), 0.1, SEED)
for name, chosen in {"film by film": by_film, "by patient": by_patient}.items():
    if chosen is not None:
        known = np.isin(owners[chosen], owners[~chosen]).mean()
        print(f"{name}: {chosen.mean():.1%} for validation, {known:.0%} of them of patients known from training")


# %% [markdown]
# ## 8. The model card · 3 points
#
# Write `model_card(run)`, which makes the card from the run, so that nobody types a number.
#
# `run` is a dictionary:
#
# | key | what it holds |
# |---|---|
# | `"texts"` | a dictionary with the texts `"intended use"`, `"not for"`, `"data"`, `"split"`, `"limits"`; some may be missing or empty |
# | `"threshold"`, `"target"` | the threshold, chosen on validation, and the sensitivity for which it was chosen |
# | `"validation"`, `"test"` | dictionaries of arrays: `"labels"`, `"scores"`, `"kinds"` (0 where there is no disease) |
# | `"aucs"` | the AUC on many bootstrap draws of the test films |
# | `"kind names"` | kind → name, such as `{1: "bacterial", 2: "viral"}` |
#
# Return a dictionary with these fields:
#
# - the five texts, each under its name, and `"not stated"` for a text that is missing or empty: a reader has to see the gap;
# - `"threshold"`: `{"value": ..., "chosen on": "validation", "target sensitivity": ...}`;
# - `"results"`: `"AUC"`, `"sensitivity"` and `"specificity"`, on the test films at the threshold of the run;
# - `"groups"`: the name of each kind → the sensitivity among the test films of that kind.
#
# Every result and group is a dictionary `{"value": ..., "low": ..., "high": ..., "n": ...}`. The interval of the AUC is the middle
# 95 % of `run["aucs"]`, the others are Wilson's; `n` is the number of films that the value is a share of, and all test films for
# the AUC. `auc(labels, scores)` and `wilson_interval(found, n)` are given.
#
# On paper first: a test set has 3 normal films, 2 bacterial and 1 viral. Which n stand on its card?

# %% nbgrader={"grade": false, "grade_id": "model_card", "locked": false, "schema_version": 3, "solution": true, "task": false}
def model_card(run):
    """The card of a model, from its run."""
    ### BEGIN SOLUTION
    def share(hits):
        low, high = wilson_interval(int(np.sum(hits)), len(hits))
        return {"value": float(np.mean(hits)), "low": low, "high": high, "n": len(hits)}

    films = run["test"]
    called = films["scores"] >= run["threshold"]
    ends = np.quantile(run["aucs"], [0.025, 0.975])
    card = {}
    for field in ("intended use", "not for", "data", "split", "limits"):
        card[field] = run["texts"].get(field) or "not stated"
    card["threshold"] = {"value": run["threshold"], "chosen on": "validation", "target sensitivity": run["target"]}
    card["results"] = {
        "AUC": {
            "value": auc(films["labels"], films["scores"]),
            "low": float(ends[0]),
            "high": float(ends[1]),
            "n": len(called),
        },
        "sensitivity": share(called[films["labels"] == 1]),
        "specificity": share(~called[films["labels"] == 0]),
    }
    card["groups"] = {name: share(called[films["kinds"] == kind]) for kind, name in run["kind names"].items()}
    return card
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-model_card", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.model_card, model_card)


# %% [markdown]
# The card of the drawn study, as a page. Which group has the widest interval, and why?

# %%
def as_page(card):
    """A card as Markdown: the texts, then a table of the results."""
    lines = [f"**{field}:** {text}\n" for field, text in card.items() if isinstance(text, str)]
    lines.append("**threshold:** " + ", ".join(f"{name} {value}" for name, value in card["threshold"].items()) + "\n")
    lines.append("| measure | value | 95 % interval | films |\n|---|---|---|---|")
    for name, row in (card["results"] | card["groups"]).items():
        lines.append(f"| {name} | {row['value']:.3f} | {row['low']:.3f} to {row['high']:.3f} | {row['n']} |")
    return "\n".join(lines)


card = model_card(run)
if card is None:
    print("no answer yet")
else:
    display(Markdown(as_page(card)))

# %% [markdown]
# ## Before you go
#
# A text gives the weights of this study as "about 1.85 and 0.64" (F04). Their ratio is right. What is the mean weight of a film
# with them, and what does that do to every step?

# %%
films = np.array([1341, 3875])
claim("right weight of the normal films", films.sum() / (2 * films[0]), 1.945, tolerance=0.0005)
claim("right weight of the films with pneumonia", films.sum() / (2 * films[1]), 0.673, tolerance=0.0005)
claim("mean weight with the published ones", np.average([1.85, 0.64], weights=films), 0.95, tolerance=0.005)

# %% [markdown]
# ## Your points so far

# %%
summary(questions)
