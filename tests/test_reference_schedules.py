"""The reference's schedules against those of PyTorch and the callbacks of Keras."""

import warnings

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

from course_utils import reference

PEAK, STEPS = 0.3, 40


def by_torch(make, steps=STEPS):
    """The rates that a scheduler of PyTorch sets, step by step."""
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], PEAK)
    scheduler, rates = make(optimiser), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # SequentialLR calls its parts in a way that they warn of
        for _ in range(steps):
            rates.append(optimiser.param_groups[0]["lr"])
            optimiser.step()
            scheduler.step()
    return rates


def ours(schedule, *settings, steps=STEPS, **more):
    return [schedule(step, PEAK, *settings, **more) for step in range(steps)]


@pytest.mark.parametrize(
    ("mine", "make"),
    [
        (ours(reference.step_decay, 7, 0.5), lambda o: lr_scheduler.StepLR(o, 7, 0.5)),
        (ours(reference.exponential_decay, 0.9), lambda o: lr_scheduler.ExponentialLR(o, 0.9)),
        (ours(reference.cosine_decay, STEPS, 0.01), lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS, 0.01)),
        (ours(reference.cosine_restarts, 9, 0.01), lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 9, 1, 0.01)),
        (ours(reference.one_cycle, STEPS), lambda o: lr_scheduler.OneCycleLR(o, PEAK, total_steps=STEPS)),
        (
            ours(reference.one_cycle, STEPS, 0.1, 10, 100),
            lambda o: lr_scheduler.OneCycleLR(
                o, PEAK, total_steps=STEPS, pct_start=0.1, div_factor=10, final_div_factor=100
            ),
        ),
        (
            ours(reference.warm_up_cosine, STEPS, 5),
            lambda o: lr_scheduler.SequentialLR(
                o,
                [
                    lr_scheduler.LinearLR(o, start_factor=1 / 5, total_iters=4),
                    lr_scheduler.CosineAnnealingLR(o, STEPS - 5),
                ],
                milestones=[5],
            ),
        ),
    ],
)
def test_schedules_are_those_of_torch(mine, make):
    np.testing.assert_allclose(mine, by_torch(make), rtol=0, atol=1e-12)


def test_beyond_the_end_the_cosine_stays_down_and_torchs_climbs():
    theirs = by_torch(lambda o: lr_scheduler.CosineAnnealingLR(o, 10), steps=16)
    assert ours(reference.cosine_decay, 10, steps=16)[10:] == [0.0] * 6
    assert theirs[15] > theirs[12] > theirs[10]


def test_what_a_schedule_cannot_do_is_said():
    with pytest.raises(ValueError, match="step is an integer of at least 0, not -1"):
        reference.exponential_decay(-1, PEAK, 0.9)
    with pytest.raises(ValueError, match="every"):
        reference.step_decay(1, PEAK, 0)
    with pytest.raises(ValueError, match="period"):
        reference.cosine_restarts(1, PEAK, 0)
    with pytest.raises(ValueError, match="steps is an integer of at least 11, not 10"):
        reference.warm_up_cosine(0, PEAK, 10, 10)
    for step, steps, up in [(40, 40, 0.3), (0, 3, 0.3), (0, 40, 1.0)]:
        with pytest.raises(ValueError, match="no step of one cycle"):
            reference.one_cycle(step, PEAK, steps, up)


def keras_model():
    import keras

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(keras.optimizers.SGD(PEAK), "mse")
    return model


def losses(seed):
    """Falling in steps, with noise: good and bad epochs in turn."""
    rng = np.random.default_rng(seed)
    return np.round(1 / (1 + np.arange(40) // 8) + rng.choice([0, 0.002, 0.01, 0.05], 40), 3).tolist()


@pytest.mark.parametrize("patience", [1, 2, 4])
@pytest.mark.parametrize("seed", range(6))
def test_plateau_cuts_when_the_callback_of_keras_does(seed, patience):
    import keras

    model, rates = keras_model(), []
    callback = keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=patience, min_delta=0.005)
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, loss in enumerate(losses(seed)):
        callback.on_epoch_end(epoch, {"val_loss": loss})
        rates.append(float(model.optimizer.learning_rate))
    mine = reference.plateau_rates(losses(seed), PEAK, 0.5, patience, 0.005)
    np.testing.assert_allclose(mine, rates, rtol=1e-6)
    assert len(set(mine)) > 1


@pytest.mark.parametrize("patience", [1, 2, 4])
@pytest.mark.parametrize("seed", range(6))
def test_plateau_of_torch(seed, patience):
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], PEAK)
    scheduler, rates = lr_scheduler.ReduceLROnPlateau(optimiser, "min", 0.5, patience, 0.01), []
    for loss in losses(seed):
        scheduler.step(loss)
        rates.append(optimiser.param_groups[0]["lr"])
    np.testing.assert_allclose(
        reference.plateau_rates(losses(seed), PEAK, 0.5, patience, 0.01, "torch"), rates, rtol=1e-12
    )


@pytest.mark.parametrize("min_delta", [0.0, 0.005])
@pytest.mark.parametrize("patience", [1, 2, 4, 30])
@pytest.mark.parametrize("seed", range(6))
def test_early_stopping_is_that_of_keras(seed, patience, min_delta):
    import keras

    model = keras_model()
    callback = keras.callbacks.EarlyStopping(patience=patience, min_delta=min_delta, restore_best_weights=True)
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, loss in enumerate(losses(seed), start=1):
        model.set_weights([np.full((1, 1), epoch, "float32")])  # the weight tells from which epoch it comes
        callback.on_epoch_end(epoch - 1, {"val_loss": loss})
        if model.stop_training:
            break
    callback.on_train_end()
    found = reference.early_stop(losses(seed), patience, min_delta)
    assert found == (epoch, model.get_weights()[0].item())


def test_watching_losses_by_hand():
    assert reference.early_stop([3, 2, 2, 2, 1], patience=2) == (4, 2)
    assert reference.early_stop([3, 2, 1], patience=1) == (3, 3)
    assert reference.plateau_rates([3, 2, 2, 2, 2, 2], 1.0, 0.5, 2) == [1, 1, 1, 0.5, 0.5, 0.25]
    assert reference.plateau_rates([3, 2, 2, 2, 2], 1.0, 0.5, 2, framework="torch") == [1, 1, 1, 1, 0.5]
    with pytest.raises(ValueError, match="epochs"):
        reference.early_stop([], 2)
    with pytest.raises(ValueError, match="patience"):
        reference.plateau_rates([1, 2], 1.0, 0.5, 0)
    with pytest.raises(ValueError, match="not 'jax'"):
        reference.plateau_rates([1, 2], 1.0, 0.5, 1, framework="jax")
