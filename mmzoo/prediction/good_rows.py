"""Predictions of the rows that can be read, and what is wrong with the others."""

import keras
import numpy as np

from mmzoo.data.pipeline.parallel_map import parallel_map, without_tuner
from mmzoo.data.problems import raw_problems
from mmzoo.heads import targets_of
from mmzoo.prediction.answers import by_answer


def predict_good_rows(model, preprocessor, records, batch_size=64):
    """Predicts the rows that can be, and says of each other what is wrong with it.

    Args:
        model: what `mmzoo.build_model` returned.
        preprocessor: its adapted `mmzoo.Preprocessor`.
        records: `mmzoo.data.Records`.
        batch_size: rows a batch.

    Returns:
        `(answers, errors)`: dict from the name of an answer (`"head"`, where there is only one) to
        the answers of all rows, `(rows, units)` float32 with NaN in bad rows, or what the target
        says; and a list of messages, `None` for good rows.

    Raises:
        ValueError: for a missing column.
    """
    targets = targets_of(model, preprocessor)
    answers = {name: [None] * len(records) for name in targets}
    errors = [None] * len(records)
    for name, modality in preprocessor.inputs.items():
        for problem in raw_problems(name, modality, records):
            errors[problem.row] = errors[problem.row] or str(problem.error).removesuffix(".")
    usable = [row for row, error in enumerate(errors) if error is None]
    start = 0
    batches = _checked_batches(records.take(usable), preprocessor, batch_size) if usable else ()
    for x, good in batches:
        x = keras.tree.map_structure(np.asarray, x)
        predictions = keras.tree.map_structure(np.asarray, model.predict_on_batch(x))
        of_batch = {
            name: targets[name].answers(prediction)
            for name, prediction in by_answer(targets, predictions).items()
        }
        count = len(next(iter(good.values())))
        for position in range(count):
            row = usable[start + position]
            bad = [name for name, ok in good.items() if not ok[position]]
            if bad:
                part, value = preprocessor.parts[bad[0]], records.column(bad[0])[row]
                fault, reason = (say(value, records.root) for say in (part.fault, part.reason))
                errors[row] = f"{records.describe(row)}: {bad[0]!r} can't be read{fault}: {reason}"
            else:
                for name in answers:
                    answers[name][row] = of_batch[name][position]
        start += count
    return {name: targets[name].stacked(rows) for name, rows in answers.items()}, errors


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
