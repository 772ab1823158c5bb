"""predict(): raw rows in, predictions out."""

import numpy as np

from mmzoo.data import Records
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
    import tensorflow as tf

    check_pair(model, preprocessor)
    records = _as_records(rows, preprocessor.inputs)
    unlabelled = Records(records.columns, root=records.root, describe=records.describe)
    try:
        dataset = unlabelled.to_dataset(preprocessor, batch_size=batch_size)
        return np.asarray(model.predict(dataset, verbose=verbose))
    except tf.errors.InvalidArgumentError as error:
        raise readable(error) from None


def prediction_columns(head, predictions, delimiter="|"):
    """What a table says of predictions.

    Args:
        head: the model's head.
        predictions: `(rows, units)` array, what `predict` returned.
        delimiter: what stands between the labels of a row, where there may be several.

    Returns:
        Dict from name to a column. Classes: `predicted` and `score`, its probability. Several
        labels at once: `predicted`, those with a probability of 0.5 and more, and the probability
        of each in `score_<label>`. Numbers: `value`, or `value_0` and so on.

    Example:

    >>> import mmzoo
    >>> head = mmzoo.heads.Sigmoid(units=3, class_names=["red", "round", "big"])
    >>> columns = prediction_columns(head, np.array([[0.9, 0.2, 0.5]]))
    >>> columns["predicted"], columns["score_round"].tolist()
    (['red|big'], [0.2])
    """
    names, units = head.class_names, predictions.shape[1]
    if names is None:
        return {
            "value" if units == 1 else f"value_{unit}": predictions[:, unit]
            for unit in range(units)
        }
    if isinstance(head, Sigmoid) and units > 1:
        chosen = [
            delimiter.join(name for name, p in zip(names, row, strict=True) if p >= 0.5)
            for row in predictions
        ]
        scores = {f"score_{name}": predictions[:, unit] for unit, name in enumerate(names)}
        return {"predicted": chosen, **scores}
    if units == 1:  # one sigmoid: the probability of the second class
        predictions = np.concatenate([1 - predictions, predictions], axis=1)
    return {
        "predicted": [names[best] for best in predictions.argmax(axis=1)],
        "score": predictions.max(axis=1),
    }


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


def _as_records(rows, inputs):
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
