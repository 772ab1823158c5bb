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
    jiwer = require("jiwer", extra="text-metrics")
    weight = np.ones(len(truths)) if sample_weight is None else np.asarray(sample_weight, float)
    rates, errors = {}, {}
    for name, process in (("cer", jiwer.process_characters), ("wer", jiwer.process_words)):
        found = process(list(truths), list(answers))
        errors[name] = np.array([_errors(alignment) for alignment in found.alignments], float)
        lengths = np.array([len(truth) for truth in found.references], float)
        rates[name] = float((weight * errors[name]).sum() / (weight * lengths).sum())
    right = np.array([truth == answer for truth, answer in zip(truths, answers, strict=True)])
    rates["exact_match"] = float(np.average(right, weights=weight))
    order = np.argsort(-errors["cer"], kind="stable")[:WORST]
    rates["worst"] = [
        {
            "row": int(row),
            "truth": truths[row],
            "answer": answers[row],
            "errors": int(errors["cer"][row]),
        }
        for row in order
        if not right[row]
    ]
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
