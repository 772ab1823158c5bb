"""Heads: exact losses, every shape of label, weights."""

import keras
import numpy as np
import pytest
from keras import ops

import mmzoo
from tests.parts import labels, tensors, text


def linear_model(head, logits):
    """A model whose logits are `logits`, row by row, and whose weights are one bias a unit."""
    x = keras.Input((len(logits[0]),))
    model = keras.Model(x, head(x))
    units = head.units
    head.dense.set_weights([np.eye(units, dtype="float32"), np.zeros(units, "float32")])
    return model


def bias_gradient(head, logits, y):
    """Gradient of the compiled loss by the head's bias, from one step of plain descent."""
    model = linear_model(head, logits)
    model.compile(keras.optimizers.SGD(1.0), loss=head.make_loss(), metrics=head.make_metrics())
    model.fit(np.array(logits, "float32"), y, epochs=1, batch_size=len(logits), verbose=0)
    return -ops.convert_to_numpy(head.dense.bias)


@pytest.mark.parametrize("gap", [0.0, 5.0, 40.0, 200.0])
def test_softmax_gradient_is_exact_at_any_gap(gap):
    head = mmzoo.heads.Softmax(units=2)
    wrong = 1 / (1 + np.exp(-gap))  # the probability of the wrong class
    gradient = bias_gradient(head, [[0.0, gap]], np.array([0]))
    np.testing.assert_allclose(gradient, [-wrong, wrong], rtol=1e-5)


@pytest.mark.parametrize("gap", [0.0, 5.0, 40.0, 200.0])
@pytest.mark.parametrize("label", [0, 1])
def test_sigmoid_gradient_is_exact_at_any_gap(gap, label):
    head = mmzoo.heads.Sigmoid(units=1)
    logit = gap if label == 0 else -gap  # wrong either way
    gradient = bias_gradient(head, [[logit]], np.array([label]))
    expected = 1 / (1 + np.exp(-logit)) - label
    np.testing.assert_allclose(gradient, [expected], rtol=1e-5)


def test_losses_equal_those_of_keras_where_these_are_exact():
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(6, 4)).astype("float32")
    classes = generator.integers(0, 4, 6)
    head = mmzoo.heads.Softmax(units=4, label_smoothing=0.1)
    prediction = linear_model(head, logits)(logits)
    expected = keras.losses.CategoricalCrossentropy(label_smoothing=0.1)(
        np.eye(4)[classes], ops.softmax(logits)
    )
    np.testing.assert_allclose(head.make_loss()(classes, prediction), expected, rtol=1e-5)
    answers = generator.integers(0, 2, (6, 4)).astype("float32")
    head = mmzoo.heads.Sigmoid(units=4, label_smoothing=0.1)
    prediction = linear_model(head, logits)(logits)
    expected = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1)(
        answers, logits
    )
    np.testing.assert_allclose(head.make_loss()(answers, prediction), expected, rtol=1e-5)


def test_a_label_outside_the_classes_is_not_free():
    loss = mmzoo.heads.SoftmaxCrossentropy()
    for label in (-1, 2):
        assert np.isnan(float(loss(np.array([0, label]), np.full((2, 2), 0.5, "float32"))))


def test_losses_of_plain_probabilities():
    loss = mmzoo.heads.SoftmaxCrossentropy()
    np.testing.assert_allclose(loss(np.array([1]), np.array([[0.25, 0.75]])), -np.log(0.75), 1e-6)
    loss = mmzoo.heads.SigmoidCrossentropy()
    np.testing.assert_allclose(loss(np.array([1.0]), np.array([[0.75]])), -np.log(0.75), 1e-6)


@pytest.mark.parametrize("name", ["SoftmaxCrossentropy", "SigmoidCrossentropy"])
def test_losses_round_trip(name):
    loss = getattr(mmzoo.heads, name)(label_smoothing=0.2)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert again.get_config() == loss.get_config()


def model_of(head):
    keras.utils.set_random_seed(0)
    return mmzoo.build_model(inputs={"text": text("bag")}, head=head, dim=8)


@pytest.mark.parametrize(
    ("head", "shapes"),
    [
        (
            lambda: mmzoo.heads.Softmax(units=3),
            [
                lambda y: y,
                lambda y: y[:, None],
                lambda y: np.eye(3)[y],
                lambda y: y.astype("int64"),
            ],
        ),
        pytest.param(
            lambda: mmzoo.heads.Sigmoid(),
            [lambda y: y % 2, lambda y: (y % 2)[:, None]],
            marks=pytest.mark.slow,
        ),
        pytest.param(
            lambda: mmzoo.heads.Regression(),
            [lambda y: y * 1.5, lambda y: (y * 1.5)[:, None]],
            marks=pytest.mark.slow,
        ),
    ],
)
def test_every_shape_of_label_trains_the_same(head, shapes):
    results = []
    for shape in shapes:
        model = model_of(head())
        x, y = tensors(model, 6), shape(np.arange(6) % 3)
        results.append(model.fit(x, y, batch_size=3, shuffle=False, verbose=0).history)
    for result in results:
        for key, values in result.items():
            np.testing.assert_allclose(values, results[0][key], rtol=1e-5, err_msg=key)


def test_several_labels_at_once():
    model = model_of(mmzoo.heads.Sigmoid(units=3, class_names=["a", "b", "c"]))
    y = np.array([[1, 0, 1], [0, 0, 0]] * 2)
    history = model.fit(tensors(model), y, verbose=0).history
    assert 0 <= history["accuracy"][0] <= 1


@pytest.mark.parametrize(
    "head",
    [
        lambda: mmzoo.heads.Softmax(units=3),
        pytest.param(mmzoo.heads.Sigmoid, marks=pytest.mark.slow),
    ],
)
def test_class_weight_is_sample_weight(head):
    weights = {0: 1.0, 1: 3.0, 2: 0.0}
    losses = []
    for weighted in (True, False):
        model = model_of(head())
        x, y = tensors(model, 6), labels(model, 6).astype("int32")
        argument = (
            {"class_weight": weights}
            if weighted
            else {"sample_weight": np.array([weights[int(k)] for k in y])}
        )
        losses.append(model.fit(x, y, batch_size=6, verbose=0, **argument).history["loss"])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)


def test_predictions_are_float32_probabilities():
    model = model_of(mmzoo.heads.Softmax(units=3))
    prediction = model.predict(tensors(model), verbose=0)
    assert prediction.dtype == "float32" and prediction.shape == (4, 3)
    np.testing.assert_allclose(prediction.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.slow
def test_logits_are_found_by_their_prediction_alone_and_not_kept_for_ever():
    from mmzoo.heads import logits

    head = mmzoo.heads.Softmax(units=3)
    predictions = [head(np.full((1, 4), k, "float32")) for k in range(50)]
    for _ in range(3):
        model_of(mmzoo.heads.Softmax(units=3)).fit(
            {"text": np.ones((4, 6))}, np.arange(4) % 3, verbose=0
        )
    assert len(logits._LOGITS) <= logits._REMEMBERED
    assert logits.recall_logits(ops.softmax(np.zeros((1, 3)))) is None or (
        keras.backend.backend() == "tensorflow"  # where Keras's own softmax remembers them, too
    )
    del predictions
