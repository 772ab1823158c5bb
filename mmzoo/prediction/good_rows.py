"""Predictions of the rows that can be read, and what is wrong with the others."""

import keras
import numpy as np

from mmzoo.heads import answering_model, targets_of
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
    from mmzoo.data.pipeline.pipeline import Pipeline

    targets = targets_of(model, preprocessor)
    network = answering_model(model)
    answers = {name: [None] * len(records) for name in targets}
    errors = [None] * len(records)
    pipeline = Pipeline(records.unlabelled(), preprocessor, batch_size, on_error="skip")
    for problems in pipeline.problems.values():
        for problem in problems:
            errors[problem.row] = errors[problem.row] or str(problem.error).removesuffix(".")
    row = 0
    for x, good, decoded in () if all(errors) else pipeline.checked_dataset():
        x = keras.tree.map_structure(np.asarray, x)
        predictions = keras.tree.map_structure(np.asarray, network.predict_on_batch(x))
        of_batch = {
            name: targets[name].answers(prediction, decoded)
            for name, prediction in by_answer(targets, predictions).items()
        }
        good = {name: ok.numpy().tolist() for name, ok in good.items()}
        for position in range(len(next(iter(good.values())))):
            bad = [name for name, ok in good.items() if not ok[position]]
            if not bad:
                for name in answers:
                    answers[name][row] = of_batch[name][position]
            elif errors[row] is None:
                part, value = preprocessor.preprocessings[bad[0]], records.column(bad[0])[row]
                fault, reason = (say(value, records.root) for say in (part.fault, part.reason))
                errors[row] = f"{records.describe(row)}: {bad[0]!r} can't be read{fault}: {reason}"
            row += 1
    return {name: targets[name].stacked(rows) for name, rows in answers.items()}, errors
