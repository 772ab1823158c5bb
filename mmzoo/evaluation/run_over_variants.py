"""run_over_variants(): predictions of the same rows in several variants."""

import keras
import numpy as np

from mmzoo.evaluation.evaluate import run_over


def run_over_variants(model, batches, targets, variants):
    """As `run_over`, of batches of which each comes in several variants.

    Args:
        model: as for `run_over`.
        batches: iterable of `(x, y)` or `(x, y, sample_weight)`: each batch `variants` times, one
            behind the other, with different `x`.
        targets: as for `run_over`.
        variants: number of variants.

    Returns:
        As `run_over`, with predictions `(variants, rows, ...)`; labels and weights once.
    """
    rows = []

    def counted():
        for number, batch in enumerate(batches):
            x, y, weights = keras.utils.unpack_x_y_sample_weight(batch)
            if number % variants == 0:
                of_batch = weights if isinstance(weights, dict) else dict.fromkeys(targets, weights)
                count = len(next(iter(x.values())))
                rows.append({
                    name: count if of_batch[name] is None
                    else int((np.asarray(of_batch[name]) > 0).sum())
                    for name in targets
                })  # fmt: skip
            yield x, y, weights

    found = run_over(model, counted(), targets)
    results = {}
    for name, (labels, predictions, weights) in found.items():
        # Rows stand batch by batch, and in each batch variant by variant.
        counts = [of_batch[name] for of_batch in rows]
        starts = np.cumsum([0, *(variants * count for count in counts)])
        places = np.concatenate(
            [
                start + np.arange(variants * count).reshape(variants, count)
                for start, count in zip(starts[:-1], counts, strict=True)
            ],
            axis=1,
        )  # (variants, rows)
        results[name] = (
            labels[places[0]],
            keras.tree.map_structure(lambda array, places=places: array[places], predictions),
            None if weights is None else weights[places[0]],
        )
    return results
