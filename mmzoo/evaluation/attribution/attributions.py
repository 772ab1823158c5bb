"""attributions(): which pixels, words, frames and cells speak for what a model answered."""

import numpy as np
from keras import ops

from mmzoo.data.as_records import as_records
from mmzoo.evaluation.attribution.asked import asked_head, asked_scores
from mmzoo.evaluation.attribution.gradients import gradients, integrated_gradients
from mmzoo.evaluation.attribution.inputs import check_fits, input_batches
from mmzoo.evaluation.attribution.occlusion import occlusion
from mmzoo.evaluation.attribution.parts_of_rows import part_of_row, reduced
from mmzoo.evaluation.attribution.points import Points
from mmzoo.evaluation.attribution.results import Attributions
from mmzoo.utils.by_backend import compiled
from mmzoo.utils.checks import check_positive_integers

METHODS = ("integrated_gradients", "gradients", "occlusion")


def attributions(
    model,
    preprocessor,
    rows,
    *,
    method="integrated_gradients",
    answer=None,
    of=None,
    steps=32,
    patch=None,
    batch_size=64,
):
    """Which parts of each input speak for, or against, what the model answered.

    What is shared out is a number a row, its score: of a class the logarithm of its odds, of a
    regression the predicted number.

    * `"integrated_gradients"`: the shares of all parts of all modalities sum up to the score minus
      that of a baseline, whose values are there and say nothing: a picture of its mean colour,
      words without a vector, cells at their mean, frames at theirs. (An absent modality is not
      that baseline: the model has learned this state by itself, and jumps to it.) The sum is exact
      in the limit of many `steps`; `gaps` says how far it is off.
    * `"gradients"`: how fast the score changes with a part; for a pixel or a word, which are
      several numbers, the length of the gradient, without a sign.
    * `"occlusion"`: how much lower the score is with a part covered: squares of a picture by its
      mean colour, words as padding is, cells at their mean or missing, parts of a sound by
      silence. This looks at nothing but what the model answers, and so checks the other two.

    Words and categories enter as ids, of which there is no gradient. It is taken of the vectors
    that the encoder's embedding gives for them, and added up a word or cell; of sounds it is taken
    of the log-mel frames, where the encoder makes such.

    Args:
        model: what `mmzoo.build_model` returned.
        preprocessor: its adapted `mmzoo.Preprocessor`.
        rows: `mmzoo.data.Records`, or rows as for `mmzoo.predict`.
        method: one of the three.
        answer: name of the answer, where the model has several.
        of: what is explained: a class name, or the number of an output; a list has one a row.
            `None`: what was answered.
        steps: of `"integrated_gradients"`: in how many points the gradient is taken.
        patch: of `"occlusion"`: side of the squares in pixels; `None`: an eighth of the shorter
            side. They overlap by half.
        batch_size: rows that are computed at a time.

    Returns:
        `mmzoo.evaluation.Attributions`. Its `values` have by modality an array a row: pixels
        `(height, width)` of the picture that the model sees; words `(tokens,)`; log-mel frames
        `(frames, bands)`, or segments of the waveform; cells `(columns,)`, numbers first; features
        `(width,)` or `(length, width)`; a video `(frames, height, width)`. A modality that is
        absent has zeros, or nothing.

    Raises:
        ValueError: for an answer that is a text, tags or a mask, an unknown class, a modality whose
            encoder has no gradient, and as `mmzoo.predict`.

    Example:

    >>> import numpy as np
    >>> import mmzoo
    >>> inputs = {"a": mmzoo.Features(2), "b": mmzoo.Features(3)}
    >>> model = mmzoo.build_model(inputs=inputs, head="regression", dim=8)
    >>> rows = {"a": [[1.0, 2.0]], "b": [[0.0, 0.0, 1.0]]}
    >>> found = attributions(model, mmzoo.Preprocessor(inputs), rows)
    >>> found.values["a"][0].shape, bool(abs(found.gaps[0]) < 1e-3)
    ((2,), True)

    Reference: Sundararajan et al. 2017, arXiv 1703.01365 (integrated gradients); Simonyan et al.
    2013, 1312.6034 (gradients); Zeiler and Fergus 2014, 1311.2901 (occlusion).
    """
    if method not in METHODS:
        raise ValueError(f"`method` must be one of {', '.join(METHODS)}; received: {method!r}.")
    check_positive_integers("steps", steps)
    check_positive_integers("batch_size", batch_size)
    if patch is not None:
        check_positive_integers("patch", patch)
    check_fits(model, preprocessor)
    answer, head, network = asked_head(model, answer)
    inputs = preprocessor.inputs
    records = as_records(rows, inputs).unlabelled()
    if isinstance(of, (list, tuple, np.ndarray)) and len(of) != len(records):
        raise ValueError(f"`of` has {len(of)} entries for {len(records)} rows.")
    points = None if method == "occlusion" else Points(network, inputs)
    score_of_inputs = compiled(
        lambda x, asked: head.scores(network(x, training=False), asked)
    )  # which occlusion asks often
    found = {"asked": [], "scores": [], "baselines": []}
    values, elements = ({name: [] for name in inputs} for _ in range(2))
    row = 0
    for x in input_batches(records, preprocessor, batch_size):
        count = len(next(iter(x.values())))
        if points is None:
            prediction, at = network(x, training=False), {}
        else:
            prediction, at = points.read(x)
        array = ops.convert_to_numpy(prediction)
        if array.ndim != 2:
            raise ValueError(
                f"The answer {answer!r} has the shape {array.shape[1:]} a row: numbers or classes "
                "of the whole row alone can be shared out among its parts."
            )
        asked = asked_scores(head, array, of, slice(row, row + count))

        def score(prediction, copies, asked=asked):
            return head.scores(prediction, np.concatenate([asked] * copies))

        found["scores"].append(ops.convert_to_numpy(score(prediction, 1)))
        if method == "occlusion":
            maps = occlusion(score_of_inputs, inputs, x, asked, patch, batch_size)
        elif method == "gradients":
            maps = reduced(points, gradients(points, score, x, at), "length")
        else:
            shares, baseline = integrated_gradients(points, score, x, at, steps, batch_size)
            maps = reduced(points, shares, "sum")
            found["baselines"].append(baseline)
        found["asked"] += [head.score_names[each] for each in asked]
        for name in inputs:
            for position in range(count):
                array, names = part_of_row(
                    preprocessor.preprocessings[name], name, maps[name][position],
                    {key: value[position] for key, value in x.items()},
                    records.column(name)[row + position], network.get_layer(f"{name}_encoder"),
                )  # fmt: skip
                values[name].append(array)
                elements[name].append(names)
        row += count
    baselines = np.concatenate(found["baselines"]) if found["baselines"] else None
    return Attributions(
        answer=answer, method=method, asked=found["asked"], scores=np.concatenate(found["scores"]),
        baselines=baselines, values=values, elements=elements, records=records,
        preprocessor=preprocessor,
    )  # fmt: skip
