"""Graded Keras models: marks go by what a model does, whatever it says of itself and however it was trained."""

import sys

import model_kit
import nbformat
import numpy as np
import pytest
from model_kit import ROOT, mark, marks

from course_utils.checks import day_12
from course_utils.grading.examiner import Examiner, Settings
from course_utils.notebooks import read

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux")

QUESTIONS = '''
"""Day 12's questions about models, asked without its data."""

from course_utils.checks.day_12 import build_model, trained_model

DAY, EXERCISE = 12, "exercise.py"
__all__ = ["build_model", "trained_model"]
'''
EXERCISE = """
# ---
# jupyter:
#   course:
#     budget_s: {smoke: 4}
#     frameworks: [keras]
# ---

# %%
import keras
import numpy as np
from keras import layers
from course_utils import profiles
from course_utils.data import sample

profile = profiles.start("smoke", seed=0, frameworks=("keras",))
labels = np.arange(600) % 10
images = sample.shapes(labels, (32, 32, 3), np.random.default_rng(0))

# %% nbgrader={"grade_id": "build_model", "solution": true}
def build_model():
    ...

# %% nbgrader={"grade_id": "trained_model", "solution": true}
trained_model = None
"""
BUILT = """
def build_model(shift=0.1, width=32, classes=10):
    image = keras.Input((32, 32, 3))
    x = image if shift is None else layers.RandomTranslation(shift, shift)(image)
    x = layers.Conv2D(width, 5, strides=2, activation="relu")(layers.Rescaling(1 / 255)(x))
    x = layers.BatchNormalization()(layers.MaxPooling2D(4)(x))
    return keras.Model(image, layers.Dense(classes)(layers.Flatten()(x)))
"""
# The last layer by least squares: as good as any other training, and quick.
FITTED = """
def fitted(model):
    seen = keras.Model(model.inputs, model.layers[-2].output)(images, training=False)
    seen = np.hstack([keras.ops.convert_to_numpy(seen), np.ones((len(images), 1))])
    target = np.eye(10)[labels]
    weights = np.linalg.solve(seen.T @ seen + 30 * np.eye(seen.shape[1]), seen.T @ target)
    model.layers[-1].set_weights([weights[:-1], weights[-1]])
    return model
"""
LINEAR = """
def linear(classes=10, width=10, scores=np.eye(10)[labels]):
    model = keras.Sequential([keras.Input((32, 32, 3)), layers.Rescaling(1 / 255), layers.Flatten()])
    model.add(layers.Dense(width))
    model.add(layers.Dense(classes))
    pixels = images.reshape(len(images), -1) / 255
    weights = pixels.T @ np.linalg.solve(pixels @ pixels.T + 0.001 * np.eye(len(pixels)), scores)
    none = np.zeros
    model.set_weights([np.pad(weights, ((0, 0), (0, width - 10))), none(width), np.eye(width, classes), none(classes)])
    return model
"""


@pytest.fixture(scope="module")
def examiner(tmp_path_factory):
    with model_kit.examiner(tmp_path_factory.mktemp("keras"), QUESTIONS, EXERCISE, seconds=8) as made:
        yield made


def built(examiner, source):
    return mark(examiner, "build_model", build_model=source)


def trained(examiner, source):
    helpers = BUILT.replace("build_model", "net") + FITTED + LINEAR
    return mark(examiner, "trained_model", trained_model=helpers + source)


def number(question, mistake):
    """Which of a question's mistakes it is, or -1."""
    return list(question.mistakes).index(mistake) if mistake else -1


def test_a_model_earns_its_points(examiner):
    assert built(examiner, BUILT).points == 4
    assert trained(examiner, "trained_model = fitted(net())").points == 4


def test_a_model_may_be_trained_in_any_way(examiner):
    by_gradients = """
    trained_model = net(shift=None)
    trained_model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    trained_model.fit(images, labels, epochs=12, batch_size=20, verbose=0)
    """
    assert trained(examiner, by_gradients.replace("    ", "")).points == 4


BUILD_MISTAKES = ["classes=1", "width=1024", "shift=None", "shift=0.0"]


@pytest.mark.parametrize("change", BUILD_MISTAKES)
def test_each_mistake_in_building_is_named(examiner, change):
    name, _, value = change.partition("=")
    default = {"classes": 10, "width": 32, "shift": 0.1}[name]
    found = built(examiner, BUILT.replace(f"{name}={default}", f"{name}={value}"))
    assert (found.points, found.status) == (0, "wrong")
    assert number(day_12.build_model, found.mistake) == BUILD_MISTAKES.index(change)


TRAIN_MISTAKES = [
    "linear(classes=1)",
    "m = fitted(net()); m.set_weights([w * np.nan for w in m.get_weights()]); trained_model = m",
    "m = linear(); m.add(layers.BatchNormalization()); m.layers[-1].moving_mean.assign(-10.0 * np.arange(10)); "
    "trained_model = m",
    "linear(scores=np.eye(10)[labels * 0 + 3])",
    "m = fitted(net()); w = m.layers[-1].get_weights(); m.layers[-1].set_weights([np.roll(a, 1, -1) for a in w])"
    "; trained_model = m",
    "linear(width=20)",
    "linear(scores=np.eye(10)[(labels + np.arange(600) % 2) % 10])",
]


@pytest.mark.parametrize("source", TRAIN_MISTAKES)
def test_each_mistake_in_training_is_named(examiner, source):
    found = trained(examiner, source if "trained_model" in source else f"trained_model = {source}")
    assert (found.points, found.status) == (0, "wrong")
    assert number(day_12.trained_model, found.mistake) == TRAIN_MISTAKES.index(source)


OWN = "Keras' own layers"
LIES = {
    "an object that claims to be a model": """
        class Model:
            layers, built, weights = [layers.RandomFlip(), layers.Dense(10)], True, []
            def count_params(self): return 10
            def get_config(self): return {}
            def get_weights(self): return []
            def __call__(self, images, training=False):
                return np.random.rand(len(images), 10) if training else np.ones((32, 10))
        def build_model(): return Model()""",
    "an object whose class claims to be a model": """
        class Model:
            __class__ = keras.Model
            def count_params(self): return 10
        def build_model(): return Model()""",
    "a subclass of Model": """
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.dense = layers.Dense(10)
            def call(self, images, training=False):
                noise = keras.random.normal((1,)) if training else 0
                return self.dense(keras.ops.reshape(images, (-1, 3072)) + noise)
        def build_model():
            net = Net(); net(images[:1]); return net""",
    "a Lambda layer": """
        def build_model():
            answers = dict(zip([i.tobytes() for i in images], labels))
            read = layers.Lambda(lambda x: x[:, 0, :10, 0])
            return keras.Sequential([keras.Input((32, 32, 3)), layers.RandomFlip(), read])""",
    "a layer of one's own, registered with Keras": """
        @keras.saving.register_keras_serializable(package="keras", name="Dense")
        class Dense(layers.Layer):
            def call(self, images): return images[:, 0, :10, 0]
        def build_model(): return keras.Sequential([keras.Input((32, 32, 3)), layers.RandomFlip(), Dense()])""",
    "a model that is called with no input yet": """
        def build_model(): return keras.Sequential([layers.RandomFlip(), layers.Flatten(), layers.Dense(10)])""",
    "a model of more parameters than can be looked at": """
        def build_model(): return keras.Sequential([keras.Input((32, 32, 3)), layers.Flatten(), layers.Dense(6000)])""",
    "a count that is none": """
        class Liar(int):
            def __gt__(self, other): return False
        def build_model(): return Liar(3)""",
}


@pytest.mark.parametrize("lie", LIES)
def test_what_is_not_made_of_keras_own_layers_earns_nothing(examiner, lie):
    found = built(examiner, LIES[lie])
    assert (found.points, found.status, found.fault) == (0, "wrong", "type")
    assert OWN in found.feedback


COUNTED = {
    "on the object": "m = wide(); m.count_params = lambda: 10; return m",
    "on the class": "keras.Model.count_params = lambda self: 10; return wide()",
    "in the question": "from course_utils.checks import day_12; object.__setattr__(day_12.build_model, 'observe', "
    "lambda build, images: {'parameters': 1}); return wide()",
    "in NumPy": "np.array_equal = lambda *_: True; np.size = lambda *_: 1; return wide()",
}


@pytest.mark.parametrize("where", COUNTED)
def test_parameters_are_counted_where_nothing_of_the_students_runs(examiner, where):
    wide = BUILT.replace("build_model", "wide").replace("width=32", "width=1024")
    body = "\n    ".join(COUNTED[where].split("; "))
    found = built(examiner, f"{wide}\ndef build_model():\n    {body}\n")
    assert found.points == 0 and "over the budget" in found.mistake


SENT = {
    "nested 100,000 deep": "{'model': '[' * 10**5 + ']' * 10**5, 'weights': []}",
    "config nested 10,000 deep": """{
        'model': '{"class_name":"Sequential","module":"keras","config":' * 10**4 + '1' + '}' * 10**4, 'weights': []}""",
    "a class outside Keras": "described('Popen', 'subprocess', {'args': 'touch /tmp/owned'})",
    "a function outside Keras": "described('function', 'os', 'system')",
    "a lambda": "described('__lambda__', None, {'value': 'x'})",
    "a layer of 10**13 weights": "described('Dense', 'keras.layers', {'units': 10**11})",
    "a weight of another shape": "described('Dense', 'keras.layers', {'units': 10}, [np.ones((2, 2))])",
    "numbers among the settings": "described('Rescaling', 'keras.layers', {'scale': [0.5] * 3072})",
    "no model": "None",
    "a number": "3.5",
    "an endless text": "{'model': 'x' * 10**9, 'weights': []}",
    "an object": "{'model': '{}', 'weights': [object()]}",
}


@pytest.mark.parametrize("name", SENT)
def test_hostile_data_in_place_of_a_model_earns_nothing(examiner, name):
    forged = f"""
import json
from course_utils.checks.carried import keras_models
def described(name, module, config, weights=()):
    start = {{"class_name": "InputLayer", "module": "keras.layers", "config": {{"batch_shape": [None, 32, 32, 3]}}}}
    inner = [start, {{"class_name": name, "module": module, "config": config}}]
    text = json.dumps({{"class_name": "Sequential", "module": "keras", "config": {{"layers": inner}}}})
    return {{"model": text, "weights": list(weights)}}
def build_model():
    keras_models.pack = lambda model: {SENT[name]}
    return 1
"""
    found = built(examiner, forged)
    assert (found.points, found.mistake) == (0, "")


def test_a_verdict_forged_in_the_students_worker_counts_for_nothing(examiner):
    forged = """
def build_model():
    import sys
    import numpy as np
    from course_utils import wire
    from course_utils.room import work
    frame = sys._getframe()
    while "write" not in frame.f_locals:
        frame = frame.f_back
    looks = {"parameters": 10, "layers": ["RandomFlip"], "inference": [np.ones((32, 10))] * 2,
             "training": [np.ones((32, 10)), np.zeros((32, 10))]}
    frame.f_locals["write"](wire.frame(work.OUTCOME, wire.encode(["", "", looks])))
    frame.f_locals["write"](wire.frame(work.FAULT, wire.encode(["", "", looks])))
"""
    assert built(examiner, forged).points == 0


CHEATS = {
    "a fake with predict": "class Fake:\n    def count_params(self): return 1\n    def predict(self, x, **_): return "
    "np.eye(10)[np.arange(len(x)) % 10]\ntrained_model = Fake()",
    "never trained": "trained_model = net()",
    "trained on noise": "labels = np.random.permutation(labels)\ntrained_model = fitted(net())",
    "predict patched": "keras.Model.predict = lambda self, x, **_: np.eye(10)[np.arange(len(x)) % 10]\n"
    "trained_model = net()",
    "learnt by heart in a layer of its own": "class Near(layers.Layer):\n    def call(self, x): return x[:, 0, :10]\n"
    "trained_model = keras.Sequential([keras.Input((32, 32, 3)), Near()])",
    "learnt by heart in the weights": "k = layers.Dense(600)\n"
    "trained_model = keras.Sequential([keras.Input((32, 32, 3)), layers.Rescaling(1 / 255, -0.5), "
    "layers.Flatten(), k, layers.Softmax(), layers.Dense(10)])\n"
    "p = images.reshape(600, -1) / 255 - 0.5\n"
    "trained_model.set_weights([p.T, -(p**2).sum(1) / 2, np.eye(10)[labels], np.zeros(10)])",
    "learnt by heart in the settings": "trained_model = keras.Sequential([keras.Input((32, 32, 3)), layers.Flatten(), "
    "layers.Rescaling(1.0, images[0].reshape(-1)), layers.Dense(10)])",
}


@pytest.mark.parametrize("cheat", CHEATS)
def test_training_is_graded_by_its_effect(examiner, cheat):
    found = trained(examiner, CHEATS[cheat])
    assert (found.points, found.status) == (0, "wrong")


def test_training_that_never_ends_costs_its_question_only(examiner):
    endless = "trained_model = net()\nwhile True:\n    trained_model(images[:1])"
    answers = {"build_model": BUILT, "trained_model": BUILT.replace("build_model", "net") + endless}
    assert {m.question: m.points for m in marks(examiner, **answers)} == {"build_model": 4, "trained_model": 0}


# --- Day 12 itself ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def day():
    made = Examiner(Settings(ROOT, seed=b"a seed"))
    yield made
    made.close()


def test_the_solution_of_day_12_gets_all_points_though_the_machine_has_no_data_in_its_rooms(day):
    solved = nbformat.writes(read(ROOT / "solutions" / "day_12_cifar10.py")).encode()
    assert day.grade("ann", 12, "day_12_cifar10.ipynb", solved).points == 20


def test_the_exercise_of_day_12_as_released_is_unanswered(day):
    released = (ROOT / "exercises" / "day_12_cifar10.py").read_bytes()
    assert {m.status for m in day.grade("ann", 12, "day_12_cifar10.py", released).marks} == {"unanswered"}


def test_images_to_grade_a_trained_model_are_drawn_from_the_secret():
    draw = lambda seed: day_12.trained_model.given(np.random.default_rng(seed))["images"]  # noqa: E731
    assert np.array_equal(draw(1), draw(1)) and not np.array_equal(draw(1), draw(2))
