"""What is to be explained: one number of one answer of a model."""

import keras
import numpy as np

from mmzoo.heads import heads_of


def asked_head(model, answer):
    """The head whose answers are explained, and the part of the model that ends there.

    Args:
        model: what `mmzoo.build_model` returned.
        answer: name of the answer; `None` where there is only one.

    Returns:
        `(answer, head, network)`: the name, the head, and a `keras.Model` from the inputs of the
        modalities to the head's prediction.

    Raises:
        ValueError: for an answer that the model lacks, or that is no number and no class of the
            whole row.
    """
    heads = heads_of(model)
    if answer is None and len(heads) == 1:
        (answer,) = heads
    if answer not in heads:
        raise ValueError(
            f"`answer` must be one of: {', '.join(heads)}; received: {answer!r}."
            if answer is not None
            else f"The model has several answers; say which: `answer=` one of {', '.join(heads)}."
        )
    head = heads[answer]
    if head.score_names is None:
        raise ValueError(
            f"The answer {answer!r} of {type(head).__name__} is no number and no class of the "
            "whole row, which could be shared out among its parts. `mmzoo.attention` shows what "
            "the model attends to; `mmzoo.contributions` what each input does for a figure."
        )
    if [*heads] == [answer]:
        return answer, head, model
    besides = {f"{name}_{part}" for name, each in heads.items() for part in each.input_tensors()}
    inputs = {name: x for name, x in model.input.items() if name not in besides}
    return answer, head, keras.Model(inputs, head.output)


def asked_scores(head, prediction, of, rows):
    """Which of `head.score_names` each row is asked for.

    Args:
        head: the `mmzoo.heads.Head`.
        prediction: `(B, units)` NumPy array.
        of: `None`: what was answered; a class name or a number of an output; or a list of these,
            one a row of the whole call.
        rows: slice of the rows of this batch.

    Returns:
        `(B,)` int.

    Raises:
        ValueError: for something that the head does not predict, or where it must be said.
    """
    names = head.score_names
    if of is None:
        found = head.answered(prediction)
        if found is None:
            raise ValueError(
                f"The answer has several numbers; say which is to be explained: `of=` one of "
                f"0 to {len(names) - 1} ({', '.join(names)})."
            )
        return np.asarray(found, "int32")
    several = isinstance(of, (list, tuple, np.ndarray))
    wanted = list(of)[rows] if several else [of] * len(prediction)
    return np.array([_position(each, names) for each in wanted], "int32")


def _position(of, names):
    if isinstance(of, str) and of in names:
        return names.index(of)
    is_number = isinstance(of, (int, np.integer)) and not isinstance(of, bool)
    if is_number and 0 <= of < len(names):
        return int(of)
    raise ValueError(
        f"`of` must be one of {', '.join(names[:20])}{', ...' * (len(names) > 20)}, or its number, "
        f"0 to {len(names) - 1}; received: {of!r}."
    )
