"""How near texts are to those that were wanted."""

import collections
import itertools

import numpy as np

from mmzoo.targets.error_rates import error_rates, nearest
from mmzoo.utils.optional_packages import require

#: How many of the most frequent confusions a report keeps.
KEPT = 10


def text_figures(references, answers, split, sample_weight=None):
    """Figures of texts that were written.

    Args:
        references: list of lists of right texts: one a row, or several.
        answers: list of as many texts.
        split: function from a text to its words.
        sample_weight: `(rows,)` positive floats, or `None`.

    Returns:
        Dict: those of `error_rates`; `token_f1`, the mean over rows of the F1 of words; `chrf` and
        `bleu`, 0 to 100, over all rows together and without weights; `lengths`: by the number of
        words of an answer how many have it; `confusions`: the most frequent wrong pairs. Where a
        row has several right texts, `chrf` and `bleu` know them all, and the others judge by the
        one that is nearest: by characters, and `token_f1` by words.

    Raises:
        ImportError: when sacrebleu or jiwer is missing: `pip install "mmzoo[text-metrics]"`.

    Reference: chrF: Popovic 2015; BLEU: Post 2018, arXiv 1804.08771 (sacrebleu).
    """
    sacrebleu = require("sacrebleu", extra="text-metrics")
    truths = nearest(references, answers)
    words = [split(answer) for answer in answers]
    f1 = [
        max(_f1(split(reference), answer) for reference in of_row)
        for of_row, answer in zip(references, words, strict=True)
    ]
    lengths = collections.Counter(map(len, words))
    # A stream of references each, of which rows with fewer lack the last.
    streams = [list(stream) for stream in itertools.zip_longest(*references)]
    pairs = collections.Counter(zip(truths, answers, strict=True))
    wrong = [(pair, count) for pair, count in pairs.most_common() if pair[0] != pair[1]]
    return {
        **error_rates(truths, answers, sample_weight),
        "token_f1": float(np.average(f1, weights=sample_weight)),
        "chrf": sacrebleu.corpus_chrf(answers, streams).score,
        "bleu": sacrebleu.corpus_bleu(answers, streams).score,
        "lengths": {str(length): lengths[length] for length in sorted(lengths)},
        "confusions": [
            {"truth": truth, "answer": answer, "rows": count}
            for (truth, answer), count in wrong[:KEPT]
        ],
    }


def _f1(one, other):
    """The F1 of two bags of words."""
    common = sum((collections.Counter(one) & collections.Counter(other)).values())
    return 2 * common / max(len(one) + len(other), 1)
