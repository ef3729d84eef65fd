"""What a training loop computes, against PyTorch, Keras and TensorFlow."""

import keras
import numpy as np
import pytest
import torch

from course_utils.reference import (
    EarlyStopping,
    NormedSoftmax,
    epoch_loss,
    judge_batch,
    second_epoch,
    train_normed_softmax,
)


def test_epoch_loss_by_hand_and_over_the_images():
    assert epoch_loss([1, 1, 4], 5, 2) == pytest.approx(1.6)
    losses = np.random.default_rng(0).random(23)
    parts = np.split(losses, range(5, 23, 5))
    assert epoch_loss([part.mean() for part in parts], 23, 5) == pytest.approx(losses.mean())


@pytest.mark.parametrize(("losses", "n", "size"), [([1, 2], 5, 2), ([[1.0]], 1, 1), ([1], 0, 1), ([1], 1, 0)])
def test_epoch_loss_refuses_losses_that_do_not_fit(losses, n, size):
    with pytest.raises(ValueError):
        epoch_loss(losses, n, size)


def model_and_data(seed, n=23, features=4, classes=3):
    rng = np.random.default_rng(seed)
    model = NormedSoftmax(
        rng.normal(size=(classes, features)), rng.normal(size=classes), rng.normal(size=features), rng.random(features)
    )
    return model, rng.normal(1, 2, (n, features)), rng.integers(0, classes, n)


def in_torch(model):
    classes, features = model.weight.shape
    net = torch.nn.Sequential(torch.nn.BatchNorm1d(features, affine=False), torch.nn.Linear(features, classes)).double()
    names = ("0.running_mean", "0.running_var", "1.weight", "1.bias")
    values = (model.mean, model.var, model.weight, model.bias)
    state = {name: torch.tensor(value) for name, value in zip(names, values, strict=True)}
    net.load_state_dict(state | {"0.num_batches_tracked": torch.tensor(0)})
    return net


@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_an_epoch_of_softmax_behind_batch_norm_is_that_of_torch(seed, accumulate):
    model, x, labels = model_and_data(seed)
    cuts = [slice(start, start + 10) for start in range(0, 23, 10)]
    epoch = train_normed_softmax(model, [(x[cut], labels[cut]) for cut in cuts], rate=0.3, accumulate=accumulate)
    net = in_torch(model).train()
    optimiser = torch.optim.SGD(net.parameters(), lr=0.3)
    for number, cut in enumerate(cuts):
        if not accumulate:
            optimiser.zero_grad()
        logits, y = net(torch.tensor(x[cut])), torch.tensor(labels[cut])
        np.testing.assert_allclose(
            epoch.losses[number], torch.nn.functional.cross_entropy(logits, y, reduction="none").detach(), atol=1e-12
        )
        np.testing.assert_array_equal(epoch.right[number], logits.argmax(1) == y)
        torch.nn.functional.cross_entropy(logits, y).backward()
        optimiser.step()
    found = net[1].weight, net[1].bias, net[0].running_mean, net[0].running_var
    for ours, theirs in zip(epoch.model, found, strict=True):
        np.testing.assert_allclose(ours, theirs.detach(), atol=1e-12)


def test_in_evaluation_mode_the_running_averages_are_used():
    model, x, labels = model_and_data(5)
    losses, right = judge_batch(model, x, labels)
    logits = in_torch(model).eval()(torch.tensor(x))
    expected = torch.nn.functional.cross_entropy(logits, torch.tensor(labels), reduction="none")
    np.testing.assert_allclose(losses, expected.detach(), atol=1e-12)
    np.testing.assert_array_equal(right, logits.argmax(1).numpy() == labels)


def test_a_batch_of_one_is_refused_as_by_torch():
    model, x, labels = model_and_data(0, n=1)
    with pytest.raises(ValueError, match="at least two"):
        train_normed_softmax(model, [(x, labels)], 0.1)
    with pytest.raises(ValueError, match="more than 1 value"):
        in_torch(model).train()(torch.tensor(x))


def test_early_stopping_is_that_of_keras():
    probe = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    probe.compile("sgd", "mse")
    rng = np.random.default_rng(0)
    for _ in range(60):
        losses = (2 + rng.normal(size=15).cumsum() * 0.1).tolist()
        patience, delta = int(rng.integers(1, 5)), float(rng.choice([0, 0.05, 0.3]))
        theirs = keras.callbacks.EarlyStopping(patience=patience, min_delta=delta, restore_best_weights=True)
        ours, weights = EarlyStopping(patience, delta), [np.zeros((1, 1))]
        probe.stop_training = False
        theirs.set_model(probe)
        theirs.on_train_begin()
        for epoch, loss in enumerate(losses):
            weights[0][...] = epoch
            probe.set_weights([weights[0].copy()])
            theirs.on_epoch_end(epoch, {"val_loss": loss})
            stop = ours.update(loss, weights)
            assert stop == probe.stop_training
            if stop:
                break
        theirs.on_train_end()
        assert ours.best_weights[0].item() == probe.get_weights()[0].item()


def test_early_stopping_needs_patience():
    with pytest.raises(ValueError, match="patience"):
        EarlyStopping(0)


def two_epochs(steps):
    """Numbers and marks that tf.data brings in two epochs of such a pipeline."""
    import tensorflow as tf

    random = tf.random.Generator.from_seed(0)
    data = tf.data.Dataset.range(50).map(lambda number: (number, tf.zeros((), tf.int64)))

    def mark(number, _):
        return number, random.uniform(tf.shape(number), maxval=10**9, dtype=tf.int64)

    do = {
        "cache": lambda data: data.cache(),
        "shuffle": lambda data: data.shuffle(50, seed=1),
        "batch": lambda data: data.batch(7),
        "augment": lambda data: data.map(mark),
        "prefetch": lambda data: data.prefetch(2),
    }
    for step in steps:
        data = do[step](data)
    epochs = [zip(*data.as_numpy_iterator(), strict=True) for _ in range(2)]
    return [[np.concatenate([np.atleast_1d(part) for part in column]) for column in epoch] for epoch in epochs]


@pytest.mark.parametrize(
    "steps",
    [
        "cache shuffle batch augment prefetch",
        "shuffle batch augment cache",
        "augment cache shuffle batch",
        "shuffle cache augment batch",
        "cache augment shuffle cache batch",
        "shuffle augment batch",
        "augment batch",
        "batch",
    ],
)
def test_the_second_epoch_is_that_of_tensorflow(steps):
    (first, marks), (again, new_marks) = two_epochs(steps.split())
    told = second_epoch(steps.split())
    assert told["order"] == (first.tolist() != again.tolist())
    assert told["pictures"] == (dict(zip(first, marks, strict=True)) != dict(zip(again, new_marks, strict=True)))


def test_an_unknown_step_is_named():
    with pytest.raises(ValueError, match="'repeat'"):
        second_epoch(["shuffle", "repeat"])
