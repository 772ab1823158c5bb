"""How far texts are from the right ones."""

import numpy as np

from mmzoo.utils.optional_packages import require

#: How many of the worst rows a report lists.
WORST = 10


def error_rates(truths, answers, sample_weight=None):
    """Errors over the whole corpus, by characters and by words, and the rows with the most.

    Args:
        truths: list of the right texts, none of them empty.
        answers: list of as many texts.
        sample_weight: `(rows,)` positive floats, or `None`.

    Returns:
        Dict of `cer` and `wer`, the character and word error rates: insertions, deletions and
        substitutions over the characters, or words, of the right texts; `exact_match`, the share of
        rows without any; and `worst`, a list of dicts of `row`, `truth`, `answer` and `errors`, the
        number of wrong characters.

    Raises:
        ImportError: when jiwer is missing: `pip install "mmzoo[text-metrics]"`.

    Example:

    >>> rates = error_rates(["seven two", "one"], ["seven too", "one"])
    >>> round(rates["wer"], 3), round(rates["cer"], 3), rates["exact_match"]
    (0.333, 0.083, 0.5)
    """
    weight = np.ones(len(truths)) if sample_weight is None else np.asarray(sample_weight, float)
    by_row = error_rates_by_row(truths, answers)
    rates = {
        name: float((weight * amounts).sum() / (weight * counts).sum())
        for name, (amounts, counts) in by_row.items()
    }
    errors, right = by_row["cer"][0], by_row["exact_match"][0]
    order = np.argsort(-errors, kind="stable")[:WORST]
    rates["worst"] = [
        {
            "row": int(row),
            "truth": truths[row],
            "answer": answers[row],
            "errors": int(errors[row]),
        }
        for row in order
        if not right[row]
    ]
    return rates


def error_rates_by_row(truths, answers):
    """`error_rates`, row by row.

    Args:
        truths: list of the right texts, none of them empty.
        answers: list of as many texts.

    Returns:
        Dict from `cer`, `wer` and `exact_match` to `(amounts, counts)`, see
        `mmzoo.targets.Target.figures_by_row`.

    Example:

    >>> errors, lengths = error_rates_by_row(["seven two", "one"], ["seven too", "one"])["wer"]
    >>> errors.tolist(), lengths.tolist()
    ([1.0, 0.0], [2.0, 1.0])
    """
    jiwer = require("jiwer", extra="text-metrics")
    rates = {}
    for name, process in (("cer", jiwer.process_characters), ("wer", jiwer.process_words)):
        found = process(list(truths), list(answers))
        errors = np.array([_errors(alignment) for alignment in found.alignments], float)
        rates[name] = errors, np.array([len(truth) for truth in found.references], float)
    right = [truth == answer for truth, answer in zip(truths, answers, strict=True)]
    rates["exact_match"] = np.array(right, float), np.ones(len(right))
    return rates


def nearest(references, answers):
    """Of each row's right texts the one that differs in the smallest share of its characters.

    Args:
        references: list of lists of texts, none of them empty.
        answers: list of as many texts.

    Returns:
        List of texts.

    Example:

    >>> nearest([["a red circle", "a circle"], ["blue"]], ["circle", "red"])
    ['a circle', 'blue']
    """
    jiwer = require("jiwer", extra="text-metrics")
    return [
        min(of_row, key=lambda text: jiwer.cer(text, answer)) if len(of_row) > 1 else of_row[0]
        for of_row, answer in zip(references, answers, strict=True)
    ]


def _errors(alignment):
    """Insertions, deletions and substitutions of one row."""
    return sum(
        max(chunk.ref_end_idx - chunk.ref_start_idx, chunk.hyp_end_idx - chunk.hyp_start_idx)
        for chunk in alignment
        if chunk.type != "equal"
    )
