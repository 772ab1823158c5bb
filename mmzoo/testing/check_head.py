"""check_head(): what a head promises."""

import keras
import numpy as np
from keras import ops

from mmzoo.targets import Target
from mmzoo.testing.check_target import TARGET_PROPERTIES, TargetCase
from mmzoo.testing.properties import (
    answer,
    assert_config_round_trips,
    assert_gradients,
    assert_saved_and_loaded,
    copy_of,
    disturb,
    gradients,
    run_properties,
)

#: Width of the vectors and tokens that heads read here.
WIDTH = 8
#: Modality name -> how many tokens it has; `None`: any number, `LENGTH` here.
TOKENS = {"image": 6, "text": None}
LENGTH = 4
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


class HeadCase:
    """A head with vectors to answer about, and tokens, where it reads them.

    Args:
        head: a `mmzoo.heads.Head`.
        labels: raw labels that it is to learn, two or more, and different ones.
        wrong: raw labels that are none of its kind.
        without_gradient: ends of the paths of weights that need no gradient.
        tokens: dict from modality name to how many tokens it has; `None`: any number.
        y: what the head learns from; `None`: what its target makes of the labels.
    """

    def __init__(self, head, labels, wrong=(), without_gradient=(), tokens=TOKENS, y=None):
        self.head, self.labels, self.wrong = head, list(labels), wrong
        self.without_gradient = without_gradient
        self.target = head.target()
        self.target.adapt(self.target.check(self.labels))
        self.y = self.target.encode(self.target.check(self.labels)) if y is None else y
        self.tokens = dict(tokens) if head.reads_tokens else {}
        self.x = self._batch()
        keras.utils.set_random_seed(0)
        self.layer = copy_of(head)
        inputs = {"fused": keras.Input((WIDTH,), name="fused")}
        for name, length in self.tokens.items():
            inputs[name] = keras.Input((length, WIDTH), name=name)
            inputs[f"{name}_mask"] = keras.Input((length,), dtype="bool", name=f"{name}_mask")
        self.model = keras.Model(inputs, self.tensor(inputs))
        self.layer.adapt(self.target)
        disturb(self.model)
        self.loss = self.layer.make_loss()

    def _batch(self):
        """A dict of arrays: the vectors, tokens, and their masks, the last token being padding."""
        generator = np.random.default_rng(0)
        rows = len(self.labels)
        x = {"fused": generator.normal(size=(rows, WIDTH)).astype("float32")}
        for name, length in self.tokens.items():
            shape = (rows, LENGTH if length is None else length, WIDTH)
            x[name] = generator.normal(size=shape).astype("float32")
            x[f"{name}_mask"] = np.ones(shape[:2], bool)
            x[f"{name}_mask"][1, -1] = False
        return x

    def _arguments(self, x):
        if not self.head.reads_tokens:
            return [x["fused"]]
        tokens = {name: x[name] for name in self.tokens}
        return [x["fused"], tokens, {name: x[f"{name}_mask"] for name in tokens}]

    def __call__(self, x):
        """The prediction for a dict as `x` is one, as arrays."""
        return answer(self.layer, *self._arguments(x))

    def tensor(self, x):
        """The same as a tensor, of which the loss knows more than its numbers, such as logits."""
        return self.layer(*self._arguments(x))

    def changed(self, function):
        """The batch, with what a function makes of its vectors and tokens."""
        return {
            name: values if name.endswith("_mask") else function(values)
            for name, values in self.x.items()
        }

    def __str__(self):
        return f"{type(self.head).__name__} {self.head.name!r}"


def config_round_trips(case):
    assert_config_round_trips(case.layer)


def is_saved_and_loaded(case):
    assert_saved_and_loaded(case.model, case.x)


def predicts_in_full_precision(case):
    """Under every policy, and for vectors that are large or zero."""
    scales = [lambda x: x, lambda x: ops.cast(x, "bfloat16"), lambda x: 100 * x, lambda x: 0 * x]
    for change in scales:
        for prediction in keras.tree.flatten(case(case.changed(change))):
            dtype = keras.backend.standardize_dtype(prediction.dtype)
            assert dtype == "float32", f"the prediction is {dtype}"
            rows = prediction.shape[0]
            assert rows == len(case.labels), f"its shape is {tuple(prediction.shape)}"
    for prediction in keras.tree.flatten(case(case.x)):
        assert np.isfinite(prediction).all(), "the prediction is not finite"


def takes_a_vector_a_modality(case):
    """`(B, M, D)`: alike vectors give what one of them gives."""
    three = case({**case.x, "fused": np.repeat(case.x["fused"][:, None], 3, axis=1)})
    np.testing.assert_allclose(three, case(case.x), **CLOSE)


def rows_do_not_see_their_neighbours(case):
    alone = case({name: values[:1] for name, values in case.x.items()})
    np.testing.assert_allclose(alone, case(case.x)[:1], **CLOSE)


def what_is_masked_has_no_influence(case):
    """Padding, and the tokens of a modality that is absent; to the bit, whatever stands there."""
    for absent in case.tokens:
        masked = {**case.x, f"{absent}_mask": case.x[f"{absent}_mask"].copy()}
        masked[f"{absent}_mask"][0] = False
        other = dict(masked)
        for name in case.tokens:
            other[name] = np.where(masked[f"{name}_mask"][..., None], masked[name], np.nan)
        expected = case(masked)
        np.testing.assert_array_equal(case(other), expected)
        assert np.isfinite(expected).all(), f"without {absent} the prediction is not finite"


def longer_padding_changes_nothing(case):
    """Where the number of tokens is not fixed."""
    longer = dict(case.x)
    for name in (name for name, length in case.tokens.items() if length is None):
        longer[name] = np.pad(longer[name], [(0, 0), (0, 2), (0, 0)], constant_values=9)
        longer[f"{name}_mask"] = np.pad(longer[f"{name}_mask"], [(0, 0), (0, 2)])
    expected, found = case(case.x), case(longer)
    if found.ndim > 1:  # an answer about each token has more of them
        found = found[:, : expected.shape[1]]
    np.testing.assert_allclose(found, expected, **CLOSE)


def every_weight_gets_a_gradient(case):
    y = ops.convert_to_tensor(case.y)
    found = gradients(case.model, case.x, lambda prediction: ops.mean(case.loss(y, prediction)))
    assert_gradients(found, case.without_gradient)


def a_row_without_weight_costs_nothing(case):
    """What its label is does not matter."""
    prediction = case.tensor(case.x)
    weight = np.ones(len(case.y), "float32")
    weight[0] = 0
    other = case.y.copy()
    other[0] = case.y[1]
    losses = [
        float(case.loss(ops.convert_to_tensor(y), prediction, sample_weight=weight))
        for y in (case.y, other)
    ]
    assert np.isfinite(losses).all() and losses[0] == losses[1], f"the losses are {losses}"


def compiled(case, **options):
    """A copy of the model, compiled with the head's own loss and metrics."""
    model = keras.models.clone_model(case.model)
    model.set_weights(case.model.get_weights())
    layer = model.get_layer(case.layer.name)
    layer.adapt(case.target)
    metrics = layer.make_metrics()
    model.compile(keras.optimizers.Adam(0.03), loss=layer.make_loss(), metrics=metrics, **options)
    return model


def is_compiled_by_xla(case):
    """One training step, with a loss as it is without XLA."""
    loss = float(case.loss(ops.convert_to_tensor(case.y), case.tensor(case.x)))
    model = compiled(case, jit_compile=True)
    found = model.train_on_batch(case.x, case.y, return_dict=True)
    np.testing.assert_allclose(found["loss"], loss, rtol=1e-3, atol=1e-5)


def learns_its_labels(case):
    """With its own loss and metrics, from vectors that tell rows apart."""
    model = compiled(case)
    history = model.fit(case.x, case.y, batch_size=len(case.y), epochs=40, verbose=0).history
    assert history["loss"][-1] < history["loss"][0], (
        f"the loss went from {history['loss'][0]:.4g} to {history['loss'][-1]:.4g}"
    )


def names_its_target(case):
    """Which has every property of targets, for what the head predicts."""
    assert isinstance(case.target, Target), f"target() gave {case.target!r}"
    of_target = TargetCase(case.target, case.labels, case(case.x), case.wrong)
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
        what_is_masked_has_no_influence,
        longer_padding_changes_nothing,
        every_weight_gets_a_gradient,
        a_row_without_weight_costs_nothing,
        is_compiled_by_xla,
        learns_its_labels,
        names_its_target,
    )
}


def check_head(head, labels, wrong=(), without_gradient=(), leave_out=(), tokens=TOKENS, y=None):
    """Asserts that a head has every property of mmzoo's own.

    A config that round-trips; a saved model that answers alike; predictions in float32; a vector a
    modality; rows that do not see each other; a gradient for every weight; a loss that heeds sample
    weights, compiles by XLA, and falls; and a target that `mmzoo.testing.check_target` finds
    nothing wrong with. Of a head that reads tokens, too: no influence of what is masked, nor of the
    length of padding.

    Args:
        head: a `mmzoo.heads.Head`, which knows what `build_model` would tell it of its inputs, such
            as the `grid` of a picture; it is copied, never called.
        labels: raw labels that it is to learn, two or more, and different ones.
        wrong: raw labels that are none of its kind.
        without_gradient: ends of the paths of weights whose gradient may be zero.
        leave_out: names of properties, out of `HEAD_PROPERTIES`, that do not hold on purpose.
        tokens: for a head that reads tokens: dict from modality name to how many tokens it is to
            have, `None` where any number will do.
        y: array that the head learns from, a row a label; `None`: what its target makes of the
            labels. A target that makes it of the inputs, too, such as one of places in pictures,
            needs it, and `leave_out=["names_its_target"]`.

    Raises:
        AssertionError: names the property that does not hold.

    Example:

    >>> import mmzoo
    >>> check_head(mmzoo.heads.Softmax(class_names=["cat", "dog"]), ["dog", "cat", "dog"])
    """
    case = HeadCase(head, labels, wrong, without_gradient, tokens, y)
    run_properties(HEAD_PROPERTIES, case, leave_out)
