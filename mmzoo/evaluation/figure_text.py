"""Figures, and their names, as people read them."""

#: What people call figures, where it is not their name.
FIGURE_LABELS = {
    "hamming_loss": "Hamming loss",
    "log_loss": "log loss",
    "brier_score": "Brier score",
    "roc_auc": "ROC AUC",
    "r2": "R²",
    "mean_iou": "mean IoU",
    "iou_over_half": "share with IoU over half",
    "span_f1": "F1 of spans",
    "cer": "character error rate",
    "wer": "word error rate",
    "token_f1": "F1 of words",
    "chrf": "chrF",
    "bleu": "BLEU",
}


def figure_text(value):
    """A figure as text: what is undefined is a dash, and a text stays one.

    Example:

    >>> figure_text(0.5), figure_text(12345.678), figure_text(None)
    ('0.5000', '12,346', '–')
    >>> figure_text(12345)
    '12,345'
    """
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return f"{value:,}"
    if value is None:
        return "–"
    if 1000 <= abs(value) < 1e9:
        return f"{value:,.0f}"
    return f"{value:.4g}" if abs(value) >= 10 else f"{value:.4f}"


def figure_label(name):
    """What people call a figure.

    Example:

    >>> figure_label("r2"), figure_label("mean_absolute_error")
    ('R²', 'mean absolute error')
    """
    return FIGURE_LABELS.get(name, name.replace("_", " "))
