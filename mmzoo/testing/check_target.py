"""check_target(): what a target promises."""

import copy
import json

import keras
import numpy as np

from mmzoo.testing.properties import run_properties


class TargetCase:
    """A target with raw labels and predictions.

    Args:
        target: a `mmzoo.targets.Target`.
        labels: raw labels of it, two or more, none missing.
        prediction: array of as many rows, as a model predicts it.
        wrong: raw labels that are none of its kind.
    """

    def __init__(self, target, labels, prediction, wrong=()):
        if len(labels) < 2 or len(labels) != len(prediction):
            raise ValueError(
                f"Give two labels or more, and as many predictions; received {len(labels)} labels "
                f"and {len(prediction)} predictions."
            )
        self.labels, self.wrong = list(labels), list(wrong)
        self.prediction = np.asarray(prediction, "float32")
        self.target = copy.deepcopy(target)
        self.target.adapt(self.target.check(self.labels))

    def __str__(self):
        return type(self.target).__name__

    def encoded(self, target=None, labels=None):
        """`y` of the labels, as arrays."""
        target = target or self.target
        return target.encode(target.check(self.labels if labels is None else labels))


def is_configuration(case):
    """Its config and what it learned are JSON, and make a target that encodes alike."""
    target = case.target
    assert target.kind, "it has no `kind`"
    registered = keras.saving.get_registered_object(keras.saving.get_registered_name(type(target)))
    assert registered is type(target), "it is not registered with Keras"
    config, state = json.loads(json.dumps([target.get_config(), target.get_state()]))
    again = type(target).from_config(config)
    again.set_state(state)
    assert again.get_config() == target.get_config()
    assert json.loads(json.dumps(again.get_state())) == state
    found, expected = case.encoded(again), case.encoded()
    for one, other in zip(keras.tree.flatten(found), keras.tree.flatten(expected), strict=True):
        np.testing.assert_array_equal(one, other)


def wrong_labels_are_refused(case):
    """With an error that names the row."""
    for label in case.wrong:
        labels = [case.labels[0], label, *case.labels[1:]]
        try:
            checked = case.target.check(labels, "the row {}".format)
            case.target.encode(checked, "the row {}".format)
        except ValueError as error:
            assert "the row 1" in str(error), f"the error does not name the row: {error}"
        else:
            raise AssertionError(f"{label!r} is taken for a label")


def a_row_a_label(case):
    assert case.target.present(case.target.check(case.labels)).all()
    for y in keras.tree.flatten(case.encoded()):
        assert len(y) == len(case.labels), f"y has {len(y)} rows for {len(case.labels)} labels"
        assert np.isfinite(y).all(), "y is not finite"


def a_missing_label_is_missing(case):
    """It is not present, and its `y` is one that a loss can be computed for."""
    labels = [case.labels[0], None, *case.labels[1:]]
    checked = case.target.check(labels)
    present = np.arange(len(labels)) != 1
    np.testing.assert_array_equal(case.target.present(checked), present)
    for y in keras.tree.flatten(case.target.encode(checked)):
        assert len(y) == len(labels) and np.isfinite(y).all(), "y of a missing label is not finite"


def outputs_are_as_described(case):
    """In a graph, as an exported model has them."""
    try:
        import tensorflow as tf
    except ImportError:
        return  # the outputs of an exported graph, which there is none of without TensorFlow

    outputs = tf.function(case.target.outputs, autograph=False)(tf.constant(case.prediction))
    described = case.target.describe_outputs()
    assert list(described) and set(outputs) == set(described), (
        f"the outputs are {sorted(outputs)}, those described {sorted(described)}"
    )
    main = case.target.main_output
    assert main in outputs, f"`main_output`, {main!r}, is none of the outputs"
    for name, output in outputs.items():
        assert output.shape[0] == len(case.prediction), f"{name!r} has the shape {output.shape}"
    for name, (shape, meaning) in described.items():
        assert shape.startswith("(B") and meaning, f"{name!r} is described as {shape}, {meaning!r}"


def tables_have_a_cell_a_row(case):
    """And none where there is no prediction, while other rows keep theirs."""
    columns = case.target.columns(case.prediction.copy())
    assert columns, "there is no column"
    gap = case.prediction.copy()
    gap[0] = np.nan
    with_gap = case.target.columns(gap)
    assert set(with_gap) == set(columns)
    for name, cells in columns.items():
        assert len(cells) == len(case.prediction), f"{name!r} has {len(cells)} cells"
        first = with_gap[name][0]
        missing = first is None or (isinstance(first, (float, np.floating)) and np.isnan(first))
        assert missing, f"{name!r} is {first!r} where there is no prediction"
        assert list(with_gap[name][1:]) == list(cells[1:]), f"{name!r} differs in other rows"


def figures_are_numbers(case):
    y = case.target.check_y(case.encoded())
    figures = case.target.figures(y, case.prediction)
    weighted = case.target.figures(y, case.prediction, np.ones(len(y)))
    assert set(weighted) == set(figures)
    for name, value in figures.items():
        if isinstance(value, (float, np.floating)):
            np.testing.assert_allclose(weighted[name], value, rtol=1e-6, err_msg=name)


def figures_by_row_come_to_the_figures(case):
    """Means over rows, weighted ones, too; and rows are told apart by a trait a row."""
    y = case.target.check_y(case.encoded())
    prediction = case.target.condensed(case.prediction)
    weights = 1.0 + np.arange(len(y))
    for sample_weight in (None, weights):
        figures = case.target.figures(y, prediction, sample_weight)
        for name, (amounts, counts) in case.target.figures_by_row(y, prediction).items():
            assert np.shape(amounts) == np.shape(counts) == (len(y),), f"{name}: a number a row"
            row_weights = np.ones(len(y)) if sample_weight is None else sample_weight
            found = (row_weights * amounts).sum() / (row_weights * counts).sum()
            np.testing.assert_allclose(found, figures[name], rtol=1e-6, err_msg=name)
    for name, values in case.target.traits(y).items():
        assert len(values) == len(y), f"the trait {name!r} has {len(values)} values"


def broken_predictions_are_refused(case):
    rows = len(case.prediction)
    case.target.check_prediction(case.prediction, rows)
    broken = case.prediction.copy()
    broken[1] = np.nan
    for prediction, of_rows in ((broken, rows), (case.prediction[:-1], rows)):
        try:
            case.target.check_prediction(prediction, of_rows)
        except ValueError:
            continue
        raise AssertionError("a prediction that is not finite, or of too few rows, is taken")


#: What every target is held to: name -> function of a `TargetCase`.
TARGET_PROPERTIES = {
    function.__name__: function
    for function in (
        is_configuration,
        wrong_labels_are_refused,
        a_row_a_label,
        a_missing_label_is_missing,
        outputs_are_as_described,
        tables_have_a_cell_a_row,
        figures_are_numbers,
        figures_by_row_come_to_the_figures,
        broken_predictions_are_refused,
    )
}


def check_target(target, labels, prediction, wrong=(), leave_out=()):
    """Asserts that a target has every property of mmzoo's own.

    Configuration and what was learned as JSON; wrong labels refused with the row's name; missing
    ones known; outputs as they are described, in a graph; a cell a row in tables; figures, and
    those of single rows; broken predictions refused.

    Args:
        target: a `mmzoo.targets.Target`; with its class names, where it has classes.
        labels: raw labels, two or more, none missing.
        prediction: array of as many rows, as a model predicts it.
        wrong: raw labels that are none of its kind.
        leave_out: names of properties, out of `TARGET_PROPERTIES`, that do not hold on purpose.

    Raises:
        AssertionError: names the property that does not hold.
        ValueError: for a single label, or another number of predictions.

    Example:

    >>> import mmzoo
    >>> target = mmzoo.targets.OneClass(["cat", "dog"])
    >>> check_target(target, ["dog", "cat"], [[0.2, 0.8], [0.7, 0.3]], wrong=["fish"])
    """
    run_properties(TARGET_PROPERTIES, TargetCase(target, labels, prediction, wrong), leave_out)
