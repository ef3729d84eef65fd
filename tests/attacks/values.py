"""Forging a pass by the value that is handed in: not a number, everything at once, shapes and types that lie."""

from functools import partial

from attacks.kit import Attack, planted

forged = partial(planted, "forging")


def _conv2d(name: str, what: str, expression: str, points: int = 0) -> Attack:
    """An answer that turns the right array, `right`, into this expression."""
    return forged(name, what, f"""
        #RIGHT
        correct = conv2d
        def conv2d(image, kernel, stride=1):
            right = correct(image, kernel, stride)
            return {expression}
        """, points=points)  # fmt: skip


def _names(name: str, what: str, source: str, points: int = 0) -> Attack:
    return forged(name, what, f"CHOICES = list(questions.KERNEL_CHOICES)\nLETTERS = 'ABCDEFG'\n{source}",
                  "kernel_names", points)  # fmt: skip


EXCHANGED = """\
kernel_names = dict(zip(LETTERS, ["horizontal edges", "vertical edges", "edges in every direction", "sharpen", "blur",
                                  "shift left", "vertical edges"]))
kernel_names = {**kernel_names, "points": 3, "reference": kernel_names, "partial": 3}
"""

ATTACKS = [
    _conv2d("nan", "Not a number, which is neither equal nor different.", "right * float('nan')"),
    _conv2d("one_nan", "Right but for a single NaN.",
            "np.where(np.arange(right.size).reshape(right.shape), right, np.nan)"),
    _conv2d("negative_nan", "NaN with a payload and a sign.",
            "np.full(right.shape, 0xfff8dead00000001, np.uint64).view(np.float64)"),
    _conv2d("infinite", "Infinity, with which a relative error is NaN.", "right + np.inf"),
    _conv2d("off_by_little", "Off by a little more than is allowed.", "right + 1e-3 * np.abs(right).max() + 1e-3"),
    _conv2d("broadcast_scalar", "A single number, to be broadcast against anything.", "right.ravel()[0]"),
    _conv2d("broadcast_axes", "Axes of length 1 in front.", "right[None, :, :, None]"),
    _conv2d("empty_array", "An empty array, in which nothing is wrong.", "right[:0]"),
    _conv2d("empty_list", "An empty list.", "[]"),
    _conv2d("transposed", "Rows and columns swapped, a known mistake.", "right.T", points=1),
    _conv2d("complex", "The right values with an imaginary part.", "right + 5j"),
    _conv2d("texts", "The right numbers as texts.", "right.astype(str)"),
    _conv2d("bytes", "The right array's bytes.", "right.tobytes()"),
    forged("pickled", "A pickle that runs code when it is read.", """
        import os, pickle
        class Bite:
            def __reduce__(self): return os._exit, (0,)
        def conv2d(image, kernel, stride=1):
            return pickle.dumps(Bite())
        """),
    _conv2d("dates", "An array of times.", "right.astype(int).astype('datetime64[s]')"),
    _conv2d("void", "An array of raw memory.", "right.astype(np.float64).view('V8')"),
    _conv2d("records", "A structured array.", "np.array([(1, 2.0)], dtype=[('points', int), ('x', float)])"),
    _conv2d("masked", "All entries masked, so that none differs.", "np.ma.masked_all(right.shape)"),
    _conv2d("masked_some", "Wrong entries are masked.", "np.ma.array(right * 0.3 + 1, mask=True)"),
    _conv2d("object_array", "An array of objects that equal everything.",
            "np.full(right.shape, type('E', (), {'__eq__': lambda *a: True, '__sub__': lambda *a: 0})(), object)"),
    _conv2d("alternatives", "A list of many arrays, one of them right.", "[right, right.T, right * 2, -right]"),
    _conv2d("verdict", "A verdict instead of an answer.",
            "{'status': 'right', 'points': 4, 'max_points': 4, 'question': 'conv2d'}"),
    _conv2d("none", "Nothing at all.", "None"),
    _conv2d("ellipsis", "An Ellipsis, as in the unsolved exercise.", "..."),
    _conv2d("true", "True.", "True"),
    _conv2d("function", "A function that would give the answer.", "lambda: right"),
    _conv2d("class_itself", "A class.", "np.ndarray"),
    _conv2d("text_verdict", "A text that says right.", "'All of it is right.'"),
    forged("count_everything", "A list of the numbers that might be meant.", """
        def count_parameters(image_shape, kernel_size, n_filters):
            return list(range(100_000))
        """, "count_parameters"),
    forged("count_as_text", "The right number as a text.", """
        #RIGHT
        number = count_parameters
        def count_parameters(*inputs):
            return str(number(*inputs))
        """, "count_parameters"),
    forged("count_nearly", "One too many, in numbers where a tolerance might forgive it.", """
        #RIGHT
        number = count_parameters
        def count_parameters(*inputs):
            return number(*inputs) * 1.001
        """, "count_parameters"),
    forged("count_huge", "A number of five thousand digits.", """
        def count_parameters(image_shape, kernel_size, n_filters):
            return 10 ** 5000
        """, "count_parameters"),
    _names("all_choices", "Every choice for every letter.", "kernel_names = {letter: CHOICES for letter in LETTERS}"),
    _names("joined_choices", "All choices in one text.", "kernel_names = dict.fromkeys(LETTERS, ' '.join(CHOICES))"),
    _names("names_function", "A function that would give the names.", "def kernel_names(letter): return CHOICES"),
    _names("names_list", "A list without letters.", "kernel_names = CHOICES"),
    _names("names_arrays", "An array for each letter.",
           "kernel_names = {letter: np.array([1.0, 2.0]) for letter in LETTERS}"),
    _names("names_nested", "Dictionaries in dictionaries, a thousand deep.",
           "kernel_names = {}\nfor _ in range(1000):\n    kernel_names = dict.fromkeys(LETTERS, kernel_names)"),
    _names("names_exchanged", "A known mistake with further entries that claim points.", EXCHANGED, points=1),
    forged("both_truths", "True and False for each letter.", """
        flip_matters = {letter: [True, False] for letter in "PQRST"}
        """, "flip_matters"),
    forged("truth_arrays", "Arrays of True and False for each letter.", """
        flip_matters = {letter: np.array([True, False]) for letter in "PQRST"}
        """, "flip_matters"),
    forged("truth_texts", "True and False in quotes.", """
        #RIGHT
        flip_matters = {letter: str(value) for letter, value in flip_matters.items()}
        """, "flip_matters"),
    forged("truth_nan", "NaN for each letter.", """
        flip_matters = dict.fromkeys("PQRST", float("nan"))
        """, "flip_matters"),
    forged("all_true", "True everywhere, a known mistake that earns nothing.", """
        flip_matters = dict.fromkeys("PQRST", True)
        """, "flip_matters"),
]  # fmt: skip
