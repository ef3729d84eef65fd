"""One dense layer with ReLU, backwards."""

import numpy as np

from course_utils import reference
from course_utils.checks.question import Case, question


def _cases(rng: np.random.Generator) -> list[Case]:
    def case(n, n_in, n_out, whole):
        """Sums of both signs, and none exactly zero, where people may disagree about the slope of ReLU."""
        while True:
            shapes = ((n, n_in), (n_in, n_out), (n_out,), (n, n_out))
            drawn = [rng.integers(-4, 5, shape) if whole else rng.normal(size=shape) for shape in shapes]
            x, weights, bias, upstream = drawn
            sums = x @ weights + bias
            signs = [array.min() < 0 < array.max() for array in (sums, upstream)]
            # On a negative sum something has to arrive that ReLU stops, and on a positive one something negative.
            if sums.all() and upstream.all() and all(signs) and (upstream[sums > 0] < 0).any():
                return Case(x=x, weights=weights, bias=bias, upstream=upstream)

    return [case(2, 3, 2, True), case(3, 2, 4, True), case(5, 3, 4, False)]


def _backward(x, weights, bias, upstream):
    return reference.dense_relu_backward(x, weights, bias, upstream)


def _with(gate):
    """The backward pass in which `gate(sums, upstream)` stands in for the gradient behind ReLU."""

    def backward(x, weights, bias, upstream):
        g = gate(x @ weights + bias, upstream)
        return g @ weights.T, x.T @ g, g.sum(axis=0)

    return backward


def _input_before_relu(x, weights, bias, upstream):
    _, for_weights, for_bias = _backward(x, weights, bias, upstream)
    return upstream @ weights.T, for_weights, for_bias


def _bias_before_relu(x, weights, bias, upstream):
    for_x, for_weights, _ = _backward(x, weights, bias, upstream)
    return for_x, for_weights, upstream.sum(axis=0)


def _bias_changed(change):
    def backward(x, weights, bias, upstream):
        for_x, for_weights, for_bias = _backward(x, weights, bias, upstream)
        return for_x, for_weights, change(for_bias, len(x))

    return backward


def _averaged(x, weights, bias, upstream):
    for_x, for_weights, for_bias = _backward(x, weights, bias, upstream)
    return for_x, for_weights / len(x), for_bias / len(x)


dense_backward = question(
    "dense_backward",
    shortcuts=("torch", "keras", "tensorflow", "jax"),
    points=3,
    partial=1,
    reference=_backward,
    cases=_cases,
    mistakes={
        "ReLU is left out. Where the sum was negative the output was 0 whatever the weights, so no gradient passes.": (
            _with(lambda sums, g: g)
        ),
        "ReLU looks at the wrong number: what counts is the sign of the sum on the way forward, not the sign of the "
        "gradient that comes back.": _with(lambda sums, g: np.maximum(g, 0)),
        "ReLU's gate is the wrong way round: the gradient passes where the sum was above 0.": _with(
            lambda sums, g: g * (sums < 0)
        ),
        "You multiply by ReLU itself. Backwards it is its slope that counts: 1 above zero, 0 below.": _with(
            lambda sums, g: g * np.maximum(sums, 0)
        ),
        "The gradient of x is taken from before ReLU's gate. First send the upstream gradient through ReLU, then "
        "through the weights.": _input_before_relu,
        "The gradient of the bias is taken from before ReLU's gate.": _bias_before_relu,
        "The gradient of the bias is a mean. Each example uses the same bias, so what they say adds up.": (
            _bias_changed(lambda for_bias, n: for_bias / n)
        ),
        "The gradient of the bias is one number for the whole layer. Each unit has a bias of its own: add up over the "
        "examples only.": _bias_changed(lambda for_bias, n: for_bias.sum()),
        "The gradient of the bias is added up over the units. It has an entry for each unit: add up over the "
        "examples.": lambda x, weights, bias, upstream: (
            *_backward(x, weights, bias, upstream)[:2],
            (upstream * (x @ weights + bias > 0)).sum(axis=1),
        ),
        "The three gradients come in another order: return that of x first, then that of the weights, then that of the "
        "bias.": lambda x, weights, bias, upstream: [
            _backward(x, weights, bias, upstream)[which] for which in (1, 0, 2)
        ],
        "You divide by the number of examples. If the loss is a mean, the upstream gradient has been divided already; "
        "here everything adds up.": _averaged,
    },
    hints={
        "shape": "A gradient has the shape of what it belongs to: x (N, in), weights (in, out), bias (out,).",
        "values": "Do the example of the exercise by hand, one arrow at a time: through ReLU, then into x, weights and "
        "bias.",
        "raised": "The upstream gradient is (N, out). Which of `x`, `weights` has to be transposed to make the shapes "
        "fit?",
        "type": "Return three arrays: (gradient of x, gradient of weights, gradient of bias).",
    },
)
