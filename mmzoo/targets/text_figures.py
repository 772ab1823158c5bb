"""How near texts are to those that were wanted."""

import collections

from mmzoo.utils.optional_packages import require

#: How many of the worst rows, and of the most frequent confusions, a report keeps.
KEPT = 10


def text_figures(wanted, answers, split):
    """Figures of a list of answers.

    Args:
        wanted: list of strings.
        answers: list of as many.
        split: function from a text to its words.

    Returns:
        Dict: `exact_match`; `token_f1`, the mean over rows of the F1 of words; `chrf` and `bleu`,
        0 to 100, and `cer` and `wer`, the edits a character and word, over all rows together;
        `lengths`, by the number of words of answers how many have it; `confusions`, the most
        frequent pairs that differ; `worst_rows`, those of the lowest chrF.

    Raises:
        ImportError: when sacrebleu or jiwer is missing: `pip install "mmzoo[text-metrics]"`.

    Reference: chrF: Popovic 2015; BLEU: Post 2018, arXiv 1804.08771 (sacrebleu); CER, WER: jiwer.
    """
    sacrebleu = require("sacrebleu", extra="text-metrics")
    jiwer = require("jiwer", extra="text-metrics")
    right = [one == other for one, other in zip(wanted, answers, strict=True)]
    by_row = [
        (sacrebleu.sentence_chrf(answer, [text]).score, row)
        for row, (text, answer) in enumerate(zip(wanted, answers, strict=True))
        if not right[row]
    ]
    wrong = collections.Counter(
        (text, answer) for text, answer, ok in zip(wanted, answers, right, strict=True) if not ok
    )
    lengths = collections.Counter(len(split(answer)) for answer in answers)
    overlaps = [_f1(split(one), split(other)) for one, other in zip(wanted, answers, strict=True)]
    return {
        "task": "text",
        "exact_match": sum(right) / len(right),
        "token_f1": sum(overlaps) / len(overlaps),
        "chrf": sacrebleu.corpus_chrf(answers, [wanted]).score,
        "bleu": sacrebleu.corpus_bleu(answers, [wanted]).score,
        "cer": jiwer.cer(wanted, answers),
        "wer": jiwer.wer(wanted, answers),
        "lengths": {str(length): lengths[length] for length in sorted(lengths)},
        "confusions": [
            {"wanted": text, "answer": answer, "rows": count}
            for (text, answer), count in wrong.most_common(KEPT)
        ],
        "worst_rows": [
            {"row": row, "wanted": wanted[row], "answer": answers[row], "chrf": score}
            for score, row in sorted(by_row)[:KEPT]
        ],
    }


def _f1(one, other):
    """The F1 of two bags of words."""
    common = sum((collections.Counter(one) & collections.Counter(other)).values())
    return 2 * common / max(len(one) + len(other), 1)
