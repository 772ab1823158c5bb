"""explained_rows(): pictures of what spoke for the answers of rows."""

from mmzoo.evaluation.attribution import attributions
from mmzoo.heads import heads_of

#: The first of the rows are explained, so many.
MOST_EXPLAINED = 24


def explained_rows(model, preprocessor, records, rows, method):
    """Draws which pixels, words, frames and cells speak for what a model answers.

    Args:
        model: what `mmzoo.build_model` returned.
        preprocessor: its adapted `mmzoo.Preprocessor`.
        records: the `mmzoo.data.Records`.
        rows: positions of rows that can be read; the first 24 are explained.
        method: as for `mmzoo.attributions`.

    Returns:
        Dict from a position to a list of `(bytes of a PNG file, caption)`: one for each answer that
        is a class or a number.

    Raises:
        ValueError: where there is no such answer, and as `mmzoo.attributions`.
    """
    rows, heads = list(rows)[:MOST_EXPLAINED], heads_of(model)
    answers = [name for name, head in heads.items() if head.score_names is not None] or [*heads]
    pictures = {row: [] for row in rows}
    for answer in answers if rows else ():
        found = attributions(model, preprocessor, records.take(rows), method=method, answer=answer)
        of = f" {answer}" if len(heads) > 1 else ""
        for place, row in enumerate(rows):
            caption = f"What speaks for the answer{of} ({method.replace('_', ' ')})"
            pictures[row].append((found.png(place), caption))
    return pictures
