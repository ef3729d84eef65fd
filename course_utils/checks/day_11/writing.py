"""The fault list of the exercise's patient: which rows are faulty, why it hurts, what mends it."""

from course_utils.checks.question import question

FAULTS = (
    "sound",
    "not scaled",
    "sees no neighbours",
    "wrong activation",
    "no activation",
    "drops too much",
    "wrong number of outputs",
    "step too large",
    "loss and labels do not match",
    "test images used",
    "watches the wrong loss",
    "batches too small",
    "not shuffled",
)
"""What a row of the recipe may be."""

# --- model_faults, setup_faults -----------------------------------------------------------------------------------

_MODEL = {
    "A": "not scaled",
    "B": "sound",
    "C": "sound",
    "D": "wrong activation",
    "E": "sound",
    "F": "sound",
    "G": "no activation",
    "H": "drops too much",
    "I": "wrong number of outputs",
}

model_faults = question(
    "model_faults",
    points=2,
    partial=1,
    reference=_MODEL,
    options=FAULTS,
    mistakes={
        "You pass over the pixels: read row A once more. In which range do the numbers go into the model?": (
            _MODEL | {"A": "sound"}
        ),
        "You pass over a softmax that stands where it does not belong. It makes numbers share a sum of 1, which is "
        "meant for the outputs.": _MODEL | {"D": "sound"},
        "You pass over a dense layer that is followed by another one with nothing between them that bends.": (
            _MODEL | {"G": "sound"}
        ),
        "You pass over the dropout. Its rate is the part that is set to zero: how much is left?": (
            _MODEL | {"H": "sound"}
        ),
        "You pass over the last row. How many classes are there? The loss will not tell you.": _MODEL | {"I": "sound"},
        "You accuse Flatten. Here it stands between the maps and the dense layers, where it belongs.": (
            _MODEL | {"F": "sees no neighbours"}
        ),
        "You accuse the first convolution. It reads 3 × 3 neighbours of all three colours, and bends by ReLU.": (
            _MODEL | {"B": "sees no neighbours"}
        ),
    },
    hints={
        "values": "Go from row to row, from the input on. What comes in, what comes out, in which range? Five rows are "
        "faulty.",
        "type": "Give each letter one of the words in questions.FAULTS, in quotes.",
    },
)

_SETUP = {
    "J": "step too large",
    "K": "sound",
    "L": "test images used",
    "M": "watches the wrong loss",
    "N": "sound",
    "O": "not shuffled",
}

setup_faults = question(
    "setup_faults",
    points=2,
    partial=1,
    reference=_SETUP,
    options=FAULTS,
    mistakes={
        "You pass over the learning rate. With Adam a weight moves by about the rate in each step; weights are a few "
        "hundredths.": _SETUP | {"J": "sound"},
        "You accuse the loss. Integer labels and a sparse loss belong together; it is only too trusting.": (
            _SETUP | {"K": "loss and labels do not match"}
        ),
        "You pass over the validation images. Where do they come from, and what is left for the report?": (
            _SETUP | {"L": "sound"}
        ),
        "You pass over what early stopping looks at. Which loss goes on falling while a model learns by heart?": (
            _SETUP | {"M": "sound"}
        ),
        "You accuse the batch size. 64 is an ordinary one.": _SETUP | {"N": "batches too small"},
        "You pass over the order of the images. The text above the recipe says how they lie.": _SETUP | {"O": "sound"},
    },
    hints={
        "values": "Ask of each row: what would it do to a healthy model? Four rows are faulty.",
        "type": "Give each letter one of the words in questions.FAULTS, in quotes.",
    },
)

# --- reasons, fixes -----------------------------------------------------------------------------------------------

REASONS = {
    "a": "One layer after another without a bend between them is one linear layer.",
    "b": "The first sums are hundreds of times larger than the initialisation reckons with.",
    "c": "Each batch holds a single class, and the model forgets the others.",
    "d": "It goes on falling while the model learns by heart, so training does not stop in time.",
    "e": "The numbers of a place must share a sum of 1, so few of them get through, and gradients fade.",
    "f": "Whatever is chosen by it will look better than it is.",
    "g": "The loss takes the output with the label's number and does not ask how many others there are.",
    "h": "Each update throws the weights far past the valley; the layers die.",
    "i": "In each step nineteen of twenty numbers are missing, so next to nothing can be learnt.",
    "j": "There are too many parameters for so few images.",
    "k": "It mixes the colours of each pixel and knows nothing of what lies around it.",
    "l": "The number that the loss takes for the truth is not the one that is meant.",
    "m": "Each step follows the accident of a few images.",
}
"""Why a fault hurts, by letter; one of them belongs to no fault."""

_REASONS = {
    "not scaled": "b",
    "sees no neighbours": "k",
    "wrong activation": "e",
    "no activation": "a",
    "drops too much": "i",
    "wrong number of outputs": "g",
    "step too large": "h",
    "loss and labels do not match": "l",
    "test images used": "f",
    "watches the wrong loss": "d",
    "batches too small": "m",
    "not shuffled": "c",
}


def _swapped(answers: dict[str, str], one: str, other: str) -> dict[str, str]:
    return answers | {one: answers[other], other: answers[one]}


reasons = question(
    "reasons",
    points=2,
    partial=1,
    reference=_REASONS,
    options=tuple(REASONS),
    mistakes={
        "The two activations are exchanged: a softmax bends too much, a missing activation not at all.": (
            _swapped(_REASONS, "wrong activation", "no activation")
        ),
        "The test images and the training loss are exchanged. One spoils the report, the other the moment to stop.": (
            _swapped(_REASONS, "test images used", "watches the wrong loss")
        ),
        "Scale and step are exchanged. One is about what goes in, the other about what an update changes.": (
            _swapped(_REASONS, "not scaled", "step too large")
        ),
        "Outputs are no parameters. Why does a sparse loss not complain about too many of them?": (
            _REASONS | {"wrong number of outputs": "j"}
        ),
    },
    hints={
        "values": "Read each reason aloud with 'because' before it. Does it follow from that fault?",
        "type": "Give each fault one letter of questions.REASONS, in quotes.",
    },
)

FIXES = {
    "n": "convolutions before the dense layers",
    "o": "the sparse loss for integers, the other one for one-hot rows",
    "p": "train for more epochs",
    "q": 'activation="relu"',
    "r": "layers.Rescaling(1 / 255) as the first layer",
    "s": "as many units as there are classes",
    "t": "a tenth of the training images, drawn by class, kept aside",
    "u": "shuffle=True, or shuffle the arrays first",
    "v": "a rate between 0.2 and 0.5",
    "w": "a learning rate of 0.001 to begin with",
    "x": 'monitor="val_loss", restore_best_weights=True',
    "y": 'activation="sigmoid"',
    "z": "32 to 256 images in a step",
}
"""What may be done, by letter; one fix serves two faults, and two serve none."""

_FIXES = {
    "not scaled": "r",
    "sees no neighbours": "n",
    "wrong activation": "q",
    "no activation": "q",
    "drops too much": "v",
    "wrong number of outputs": "s",
    "step too large": "w",
    "loss and labels do not match": "o",
    "test images used": "t",
    "watches the wrong loss": "x",
    "batches too small": "z",
    "not shuffled": "u",
}

fixes = question(
    "fixes",
    points=2,
    partial=1,
    reference=_FIXES,
    options=tuple(FIXES),
    mistakes={
        "More epochs do not mend dropout that leaves a twentieth: change the rate itself.": (
            _FIXES | {"drops too much": "p"}
        ),
        "A sigmoid in a hidden layer is the next fault, not the repair: its gradients fade.": (
            _FIXES | {"no activation": "y"}
        ),
        "A sigmoid in place of the softmax is the next fault, not the repair: its gradients fade.": (
            _FIXES | {"wrong activation": "y"}
        ),
        "Dropout and learning rate are exchanged; both are rates, of different things.": (
            _swapped(_FIXES, "drops too much", "step too large")
        ),
        "Test images and the watched loss are exchanged: one needs a pile of its own, the other a name.": (
            _swapped(_FIXES, "test images used", "watches the wrong loss")
        ),
    },
    hints={
        "values": "A fix answers its reason. Two faults share a fix.",
        "type": "Give each fault one letter of questions.FIXES, in quotes.",
    },
)
