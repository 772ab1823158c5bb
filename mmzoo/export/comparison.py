"""How good a model is before and after its export, and how large."""

import os

from mmzoo.evaluation import evaluate
from mmzoo.evaluation.reports import reports_of
from mmzoo.export.exported_model import ExportedModel
from mmzoo.heads import heads_of


def comparison(model, folder, dataset):
    """Evaluates a model and what was exported of it on the same rows.

    Args:
        model: what `mmzoo.build_model` returned.
        folder: what `mmzoo.export_savedmodel` returned; it runs in the runtime of its format.
        dataset: labelled batches, as for `mmzoo.evaluate`.

    Returns:
        Two lines of text: the figure (accuracy, or mean absolute error), and the size of weights in
        float32 and of the exported files.
    """
    exported = ExportedModel(folder, heads_of(model))
    before, after = (
        reports_of(evaluate(each, dataset, verbose=False)) for each in (model, exported)
    )
    lines = []
    for answer, report in before.items():
        for name in report.summary_names()[:1]:
            figures = getattr(report, name), getattr(after[answer], name)
            if figures[0] is not None:
                of_answer = "" if answer == "head" else f"{answer}, "
                lines.append(
                    f"{of_answer}{name.replace('_', ' ')}: {figures[0]:.4f} before, "
                    f"{figures[1]:.4f} after"
                )
    sizes = 4 * model.count_params() / 1e6, _size(folder) / 1e6
    lines.append(f"size: {sizes[0]:.2f} MB of weights before, {sizes[1]:.2f} MB in all after")
    return "\n".join(lines)


def _size(folder):
    """The bytes of all files below a folder."""
    return sum(
        os.path.getsize(os.path.join(place, name))
        for place, _, names in os.walk(folder)
        for name in names
    )
