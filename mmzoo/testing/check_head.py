"""check_head(): what a head promises."""

import keras
import numpy as np
from keras import ops

from mmzoo.targets import Target
from mmzoo.testing.check_target import TARGET_PROPERTIES, TargetCase
from mmzoo.testing.properties import (
    as_arrays,
    assert_config_round_trips,
    assert_gradients,
    assert_saved_and_loaded,
    copy_of,
    disturb,
    gradients,
    run_properties,
)

#: Width of the vectors that heads read here.
WIDTH = 8


class HeadCase:
    """A head with vectors to answer about.

    Args:
        head: a `mmzoo.heads.Head`.
        labels: raw labels that it is to learn, two or more, and different ones.
        wrong: raw labels that are none of its kind.
        without_gradient: ends of the paths of weights that need no gradient.
    """

    def __init__(self, head, labels, wrong=(), without_gradient=()):
        if head.reads_tokens:
            raise ValueError("Heads that read tokens need a whole model: test it by `build_model`.")
        self.head, self.labels, self.wrong = head, list(labels), wrong
        self.without_gradient = without_gradient
        self.target = head.target()
        self.target.adapt(self.target.check(self.labels))
        self.y = self.target.encode(self.target.check(self.labels))
        shape = (len(self.labels), WIDTH)
        self.x = np.random.default_rng(0).normal(size=shape).astype("float32")
        keras.utils.set_random_seed(0)
        self.layer = copy_of(head)
        inputs = keras.Input((WIDTH,), name="fused")
        self.model = keras.Model(inputs, self.layer(inputs))
        self.layer.adapt(self.target)
        disturb(self.model)
        self.loss = self.layer.make_loss()

    def __str__(self):
        return f"{type(self.head).__name__} {self.head.name!r}"


def config_round_trips(case):
    assert_config_round_trips(case.layer)


def is_saved_and_loaded(case):
    assert_saved_and_loaded(case.model, case.x)


def predicts_in_full_precision(case):
    """Under every policy; and finite, for vectors that are large or zero."""
    half = ops.cast(case.x, "bfloat16")
    for x in (case.x, half, 100 * case.x, 0 * case.x):
        prediction = case.layer(x)
        dtype = keras.backend.standardize_dtype(prediction.dtype)
        assert dtype == "float32", f"the prediction is {dtype}"
        assert prediction.shape[0] == len(case.x), f"its shape is {tuple(prediction.shape)}"
    assert np.isfinite(as_arrays(case.layer(case.x))).all()


def takes_a_vector_a_modality(case):
    """`(B, M, D)`: alike vectors give what one of them gives."""
    one = as_arrays(case.layer(case.x))
    three = as_arrays(case.layer(np.repeat(case.x[:, None], 3, axis=1)))
    np.testing.assert_allclose(three, one, rtol=1e-4, atol=1e-5)


def rows_do_not_see_their_neighbours(case):
    prediction = as_arrays(case.layer(case.x))
    alone = as_arrays(case.layer(case.x[:1]))
    np.testing.assert_allclose(alone, prediction[:1], rtol=1e-4, atol=1e-5)


def every_weight_gets_a_gradient(case):
    y = ops.convert_to_tensor(case.y)
    found = gradients(case.model, case.x, lambda prediction: ops.mean(case.loss(y, prediction)))
    assert_gradients(found, case.without_gradient)


def a_row_without_weight_costs_nothing(case):
    """What its label is does not matter."""
    prediction = case.layer(case.x)
    weight = np.ones(len(case.y), "float32")
    weight[0] = 0
    other = case.y.copy()
    other[0] = case.y[1]
    losses = [
        float(case.loss(ops.convert_to_tensor(y), prediction, sample_weight=weight))
        for y in (case.y, other)
    ]
    assert np.isfinite(losses).all() and losses[0] == losses[1], f"the losses are {losses}"


def learns_its_labels(case):
    """With its own loss and metrics, from vectors that tell rows apart."""
    model = keras.models.clone_model(case.model)
    model.layers[-1].adapt(case.target)
    metrics = case.layer.make_metrics()
    model.compile(keras.optimizers.Adam(0.03), loss=case.layer.make_loss(), metrics=metrics)
    history = model.fit(case.x, case.y, batch_size=len(case.y), epochs=40, verbose=0).history
    assert history["loss"][-1] < history["loss"][0], (
        f"the loss went from {history['loss'][0]:.4g} to {history['loss'][-1]:.4g}"
    )


def names_its_target(case):
    """Which has every property of targets, for what the head predicts."""
    assert isinstance(case.target, Target), f"target() gave {case.target!r}"
    prediction = as_arrays(case.layer(case.x))
    of_target = TargetCase(case.target, case.labels, prediction, case.wrong)
    run_properties(TARGET_PROPERTIES, of_target)


#: What every head is held to: name -> function of a `HeadCase`.
HEAD_PROPERTIES = {
    function.__name__: function
    for function in (
        config_round_trips,
        is_saved_and_loaded,
        predicts_in_full_precision,
        takes_a_vector_a_modality,
        rows_do_not_see_their_neighbours,
        every_weight_gets_a_gradient,
        a_row_without_weight_costs_nothing,
        learns_its_labels,
        names_its_target,
    )
}


def check_head(head, labels, wrong=(), without_gradient=(), leave_out=()):
    """Asserts that a head has every property of mmzoo's own.

    A config that round-trips; a saved model that answers alike; predictions in float32; a vector a
    modality; a gradient for every weight; a loss that heeds sample weights, and falls; and a target
    that `mmzoo.testing.check_target` finds nothing wrong with.

    Args:
        head: a `mmzoo.heads.Head` that reads the fused vector; it is copied, never called.
        labels: raw labels that it is to learn, two or more, and different ones.
        wrong: raw labels that are none of its kind.
        without_gradient: ends of the paths of weights whose gradient may be zero.
        leave_out: names of properties, out of `HEAD_PROPERTIES`, that do not hold on purpose.

    Raises:
        AssertionError: names the property that does not hold.
        ValueError: for a head that reads tokens.

    Example:

    >>> import mmzoo
    >>> check_head(mmzoo.heads.Softmax(class_names=["cat", "dog"]), ["dog", "cat", "dog"])
    """
    run_properties(HEAD_PROPERTIES, HeadCase(head, labels, wrong, without_gradient), leave_out)
