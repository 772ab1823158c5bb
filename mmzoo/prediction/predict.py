"""predict(): raw rows in, predictions out."""

import keras
import numpy as np

from mmzoo.data import Records
from mmzoo.data.pipeline.parallel_map import parallel_map, without_tuner
from mmzoo.data.problems import raw_problems
from mmzoo.heads import Sigmoid
from mmzoo.saving import check_pair


def predict(model, preprocessor, rows, batch_size=64, verbose=0):
    """Predicts from raw rows.

    Args:
        model: what `mmzoo.build_model` returned.
        preprocessor: its adapted `mmzoo.Preprocessor`.
        rows: `mmzoo.data.Records`, a dict from modality name to a sequence of raw values (as for
            `mmzoo.data.from_arrays`), or a sequence of such dicts with one value each.
        batch_size: rows a batch.
        verbose: as in `keras.Model.predict`.

    Returns:
        `(rows, units)` float32 NumPy array: probabilities, or values.

    Raises:
        ValueError: when a value is missing or can't be read; names the row and the file.
        FileNotFoundError: for a path that does not exist.

    Example:

    >>> import mmzoo
    >>> inputs = {"text": mmzoo.Text(length=4, vocabulary_size=10, vocabulary=["red", "blue"])}
    >>> model = mmzoo.build_model(inputs=inputs, head="sigmoid")
    >>> rows = {"text": ["a red one", "a blue one", "a green one"]}
    >>> predict(model, mmzoo.Preprocessor(inputs), rows).shape
    (3, 1)
    """
    check_pair(model, preprocessor)
    return outputs_of_rows(model, preprocessor, rows, batch_size, verbose)


def outputs_of_rows(network, preprocessor, rows, batch_size=64, verbose=0):
    """What a network gives for raw rows.

    Args:
        network: a `keras.Model` that takes what the preprocessor makes.
        preprocessor: an adapted `mmzoo.Preprocessor`.
        rows: as for `predict`.
        batch_size: rows a batch.
        verbose: as in `keras.Model.predict`.

    Returns:
        `(rows, ...)` NumPy array.

    Raises:
        ValueError: as `predict`.
        FileNotFoundError: as `predict`.
    """
    import tensorflow as tf

    records = as_records(rows, preprocessor.inputs)
    unlabelled = Records(records.columns, root=records.root, describe=records.describe)
    try:
        dataset = unlabelled.to_dataset(preprocessor, batch_size=batch_size)
        return np.asarray(network.predict(dataset, verbose=verbose))
    except tf.errors.InvalidArgumentError as error:
        raise readable(error) from None


def prediction_columns(head, predictions, delimiter="|"):
    """What a table says of predictions.

    Args:
        head: the model's head.
        predictions: `(rows, units)` array, what `predict` returned; NaN where there is none.
        delimiter: what stands between the labels of a row, where there may be several.

    Returns:
        Dict from name to a column, without a value where there is no prediction. Classes:
        `predicted` and `score`, its probability. Several labels at once: `predicted`, those with a
        probability of 0.5 and more, and the probability of each in `score_<label>`. Numbers:
        `value`, or `value_0` and so on.

    Example:

    >>> import mmzoo
    >>> head = mmzoo.heads.Sigmoid(units=3, class_names=["red", "round", "big"])
    >>> columns = prediction_columns(head, np.array([[0.9, 0.2, 0.5], [np.nan] * 3]))
    >>> columns["predicted"], columns["score_round"].tolist()
    (['red|big', None], [0.2, nan])
    """
    names, units = head.class_names, predictions.shape[1]
    if names is None:
        return {
            "value" if units == 1 else f"value_{unit}": predictions[:, unit]
            for unit in range(units)
        }
    absent = np.isnan(predictions).any(axis=1)
    if isinstance(head, Sigmoid) and units > 1:
        chosen = [
            delimiter.join(name for name, p in zip(names, row, strict=True) if p >= 0.5)
            for row in predictions
        ]
        scores = {f"score_{name}": predictions[:, unit] for unit, name in enumerate(names)}
    else:
        if units == 1:  # one sigmoid: the probability of the second class
            predictions = np.concatenate([1 - predictions, predictions], axis=1)
        chosen = [names[best] for best in predictions.argmax(axis=1)]
        scores = {"score": predictions.max(axis=1)}
    chosen = [None if none else label for label, none in zip(chosen, absent, strict=True)]
    return {"predicted": chosen, **scores}


def readable(error):
    """A `ValueError` with mmzoo's own message, where an error of a pipeline carries one.

    Args:
        error: `tf.errors.InvalidArgumentError`.

    Returns:
        A `ValueError`, or `error` itself where it is not mmzoo's.
    """
    start = error.message.find("mmzoo: ")
    if start < 0:
        return error
    message = error.message[start + len("mmzoo: ") :].split("\n")[0].rstrip("]")
    return ValueError(message[:1].upper() + message[1:] + ".")


def as_records(rows, inputs):
    """Rows in any of the forms that `predict` takes, as `mmzoo.data.Records`.

    Args:
        rows: as for `predict`.
        inputs: dict from modality name to modality.

    Raises:
        ValueError: for values that no modality takes.
    """
    if isinstance(rows, Records):
        return rows
    if not isinstance(rows, dict):
        rows = list(rows)
        unknown = {key for row in rows for key in row} - set(inputs)
        if unknown:
            raise ValueError(
                f"Rows have values that the model does not take: {sorted(unknown)}. It takes: "
                f"{', '.join(inputs)}."
            )
        rows = {name: [row.get(name) for row in rows] for name in inputs}
    return Records({name: rows[name] for name in inputs if name in rows})


def predict_good_rows(model, preprocessor, records, batch_size=64):
    """Predicts the rows that can be, and says of each other what is wrong with it.

    Args:
        model: what `mmzoo.build_model` returned.
        preprocessor: its adapted `mmzoo.Preprocessor`.
        records: `mmzoo.data.Records`.
        batch_size: rows a batch.

    Returns:
        `(predictions, errors)`: `(rows, units)` float32, NaN in bad rows, and a list of messages,
        `None` for good rows.

    Raises:
        ValueError: for a missing column.
    """
    predictions = np.full((len(records), model.output.shape[-1]), np.nan, "float32")
    errors = [None] * len(records)
    for name, modality in preprocessor.inputs.items():
        for problem in raw_problems(name, modality, records):
            errors[problem.row] = errors[problem.row] or str(problem.error).removesuffix(".")
    usable = [row for row, error in enumerate(errors) if error is None]
    if not usable:
        return predictions, errors
    start = 0
    for x, good in _checked_batches(records.take(usable), preprocessor, batch_size):
        x = keras.tree.map_structure(np.asarray, x)
        answers = np.asarray(model.predict_on_batch(x))
        for position, answer in enumerate(answers):
            row = usable[start + position]
            bad = [name for name, ok in good.items() if not ok[position]]
            if bad:
                fault = preprocessor.parts[bad[0]].fault(records.column(bad[0])[row], records.root)
                errors[row] = f"{records.describe(row)}: {bad[0]!r} can't be read{fault}"
            else:
                predictions[row] = answer
        start += len(answers)
    return predictions, errors


def _checked_batches(records, preprocessor, batch_size):
    """Dataset of `(x, ok)`: the model's inputs, and a dict from modality name to `(B,)` bool."""
    import tensorflow as tf

    columns = {
        name: part.column(records.column(name), records.root)
        for name, part in preprocessor.parts.items()
    }

    def read(rows):
        tensors, good = {}, {}
        for name, part in preprocessor.parts.items():
            column, of_one = columns[name]
            values = tf.nest.map_structure(lambda cells: tf.gather(cells, rows), column)
            decoded, readable = part.decode(values, of_one)
            outputs, filled = part.batch(decoded)
            tensors.update(outputs)
            good[name] = readable & filled
        return tensors, good

    rows = tf.data.Dataset.range(len(records)).batch(batch_size)
    return without_tuner(parallel_map(rows, read))
