"""contributions(): what each modality, column or segment does for the answers (Shapley)."""

import itertools

import keras
import numpy as np

from mmzoo.data.as_records import as_records
from mmzoo.evaluation.contributions_report import Contributions
from mmzoo.evaluation.evaluate import checked_by_answer
from mmzoo.evaluation.figure_names import figure_by_name, numbers_of
from mmzoo.evaluation.report_output import print_reports
from mmzoo.evaluation.run_over_variants import run_over_variants
from mmzoo.heads import answering_model, targets_of
from mmzoo.utils.checks import check_positive_integers
from mmzoo.utils.progress import track

#: Up to so many players (modalities, or components of one) all orders are counted; of more,
#: `PERMUTATIONS` are drawn.
MOST_EXACT = 6
PERMUTATIONS = 32
#: What a figure is when none is named: the first of these that a report has.
FIGURES = ("accuracy", "r2", "exact_match", "mean_iou")


def contributions(
    model,
    preprocessor,
    rows,
    figure=None,
    *,
    within=None,
    draws=4,
    resamples=50,
    batch_size=64,
    seed=0,
    verbose=True,
):
    """What each modality does for a figure of the model, and for each of its predictions.

    The model answers with every set of modalities, `2**M` in all, a batch after another. An
    optional modality that is left out is absent: the model was trained with that state. For one
    that is not optional the values of other rows of the batch stand in; several draws of them are
    averaged. From more than 6 modalities on, 32 orders are drawn in place of all.

    With `within` the same is done for the components of one modality, while all others stay as they
    are: the columns of a `mmzoo.Tabular`, or the segments of a `mmzoo.Text(segments=...)`. A column
    that is left out is a missing cell; a segment that is left out is empty. An optional value of
    which all is left out is absent. Of one that is not optional, all cells of the row are then
    missing, or the text has one unknown word.

    Args:
        model: what `mmzoo.build_model` returned.
        preprocessor: its adapted `mmzoo.Preprocessor`.
        rows: labelled `mmzoo.data.Records`, which were not trained on; or rows as for
            `mmzoo.predict`, and then only predictions are shared out.
        figure: name of a figure of the report, such as `"log_loss"`, or `"f1.macro"` of a dict;
            `None`: accuracy, R2, exact match, or the mean intersection over union.
        within: name of the modality whose columns or segments are left out; `None`: whole
            modalities are. What a model makes of a missing cell it can only have learned where
            cells of that column were missing in the training rows.
        draws: how often values of other rows are drawn, where there is a modality that is not
            optional.
        resamples: how often rows are resampled for the intervals; 0: no intervals.
        batch_size: rows a batch.
        seed: of the draws, the order of rows and the resampling.
        verbose: whether to print what was found, and the progress where there is a terminal.

    Returns:
        `mmzoo.evaluation.Contributions`; with several answers a dict by the name of the answer.

    Raises:
        ValueError: for a model with one modality, fewer than two rows, an answer about a part of an
            input (tags, boxes, masks), `within` a modality without at least two components, a
            figure that the report lacks, and as `mmzoo.evaluate`.

    Example:

    >>> import numpy as np
    >>> import mmzoo
    >>> inputs = {"a": mmzoo.Features(2, optional=True), "b": mmzoo.Features(2, optional=True)}
    >>> preprocessor = mmzoo.Preprocessor(inputs, head="regression")
    >>> columns = {"a": np.eye(2).tolist(), "b": np.ones((2, 2)).tolist()}
    >>> rows = mmzoo.data.from_arrays(columns, labels=[0.5, 1.5])
    >>> preprocessor.adapt(rows)
    >>> model = mmzoo.build_model(inputs=inputs, head=preprocessor.head, dim=8)
    >>> found = contributions(model, preprocessor, rows, verbose=False)
    >>> abs(sum(found.shares.values()) - (found.everything - found.nothing)) < 1e-9
    True

    Reference: Shapley 1953; Lundberg and Lee 2017, arXiv 1705.07874; of several modalities,
    Parcalabescu and Frank 2023, arXiv 2212.08158 (MM-SHAP).
    """
    check_positive_integers("draws", draws)
    inputs, targets = preprocessor.inputs, targets_of(model, preprocessor)
    records = as_records(rows, inputs)
    _check(preprocessor, targets, records, within)
    if within is None:
        absence = {name: "absent" if inputs[name].optional else "other rows" for name in inputs}
    else:
        absence = preprocessor.preprocessings[within].components()
    draws = draws if "other rows" in absence.values() else 1
    orders = _orders(len(absence), seed)
    subsets = sorted({frozenset(order[:k]) for order in orders for k in range(len(order) + 1)}
                     | _named_subsets(len(absence)), key=sorted)  # fmt: skip
    shown = [(subset, draw) for subset in subsets for draw in range(draws)]
    while within is None and len(records) % batch_size == 1:  # a row alone has no other rows
        batch_size += 1
    order = np.random.default_rng(seed).permutation(len(records))
    shuffled = records.take(order)
    if within is None:
        dataset = shuffled.to_dataset(preprocessor, batch_size)
    else:
        dataset = _decoded(shuffled, preprocessor, batch_size)
    if verbose:
        left_out = "modalities" if within is None else f"what is in {within}"
        dataset = track(dataset, -(-len(records) // batch_size), f"Leaving {left_out} out")
    if within is None:
        batches = _batches(dataset, inputs, shown, seed)
    else:
        batches = _batches_within(dataset, preprocessor.preprocessings[within], subsets)
    if records.label_columns:
        found = run_over_variants(model, batches, targets, len(shown))
    else:
        found = _unlabelled(model, batches, targets, len(shown))
    results = {}
    for name, (labels, predictions, weights) in found.items():
        values = _Values(targets[name], labels, predictions, weights, subsets, draws, figure)
        of_answer = _contributions(values, orders, absence, within, resamples, seed)
        if of_answer.predictions is not None and len(of_answer.predictions) == len(records):
            of_answer.predictions = of_answer.predictions[np.argsort(order)]
        results[name] = of_answer
    if verbose:
        print_reports(results)
    return results["head"] if [*results] == ["head"] else results


def _check(preprocessor, targets, records, within):
    inputs = preprocessor.inputs
    if within is not None:
        _check_components(preprocessor, within)
    elif len(inputs) < 2:
        (name,) = inputs
        hint = f" Its columns or segments: within={name!r}." if _components(preprocessor) else ""
        raise ValueError(f"The model reads {name!r} alone, so there is nothing to share out.{hint}")
    if within is None and len(records) < 2:
        raise ValueError(f"At least two rows are needed; received {len(records)}.")
    for name, target in targets.items():
        part = target.picture or target.text_name
        if part is None:
            continue
        if within in (None, part):
            raise ValueError(
                f"The answer {name!r} is about a part of {part!r}, which can't be left out: "
                "contributions are for answers about the whole row."
            )
        if not records.label_columns:
            raise ValueError(
                f"Rows without labels have no figure, and the answer {name!r}, about a part of "
                f"{part!r}, no outputs that could be shared out: give labelled records."
            )


def _components(preprocessor):
    """Dict from each modality that has several components to a list of their names."""
    found = {name: [*part.components()] for name, part in preprocessor.preprocessings.items()}
    return {name: names for name, names in found.items() if len(names) > 1}


def _check_components(preprocessor, within):
    known = _components(preprocessor)
    if within in known:
        return
    if within not in preprocessor.inputs:
        problem = f"The model reads no {within!r}"
    else:
        problem = f"{within!r} has no columns or segments of which some could be left out"
    have = "; ".join(f"{name!r} ({', '.join(names)})" for name, names in known.items())
    raise ValueError(
        f"{problem}. `within` takes a table with several columns, or a text with several segments: "
        f"{have or 'this model reads none'}."
    )


def _orders(count, seed):
    """Orders in which players come: all of them, or some with their reverses."""
    if count <= MOST_EXACT:
        return [*itertools.permutations(range(count))]
    generator = np.random.default_rng(seed)
    drawn = [generator.permutation(count).tolist() for _ in range(PERMUTATIONS // 2)]
    return [*map(tuple, drawn), *(tuple(reversed(order)) for order in drawn)]


def _named_subsets(count):
    """Nothing, each alone, all others, each pair, everything: what is reported by itself."""
    every = frozenset(range(count))
    pairs = itertools.combinations(range(count), 2)
    return {
        frozenset(), every, *(frozenset({i}) for i in range(count)),
        *(every - {i} for i in range(count)), *map(frozenset, pairs),
    }  # fmt: skip


def _batches(dataset, inputs, shown, seed):
    """Each batch once for every `(subset of modalities that are there, draw)` in `shown`."""
    generator = np.random.default_rng(seed)
    for batch in dataset:
        x, y, weights = keras.utils.unpack_x_y_sample_weight(batch)
        x = {name: np.asarray(value) for name, value in x.items()}
        rows = len(next(iter(x.values())))
        draws = 1 + max(draw for _, draw in shown)
        # By a shift no row keeps its own values.
        shifts = generator.integers(1, rows, size=(draws, len(inputs)))
        for subset, draw in shown:
            changed = dict(x)
            for number, (name, modality) in enumerate(inputs.items()):
                if number in subset:
                    continue
                if modality.optional:
                    changed[f"{name}_present"] = np.zeros(rows, bool)
                    continue
                for tensor in modality.input_names(name).values():
                    changed[tensor] = np.roll(x[tensor], shifts[draw, number], axis=0)
            yield (changed,) if y is None else (changed, y, weights)


def _decoded(records, preprocessor, batch_size):
    """Dataset of batches as they are, with what was decoded of them."""
    from mmzoo.data.pipeline.pipeline import Pipeline

    preprocessor.check_adapted()
    records.check(preprocessor.inputs)
    return Pipeline(records, preprocessor, batch_size).decoded_dataset()


def _batches_within(dataset, preprocessing, subsets):
    """Each batch once for every subset of the components of one modality that are there."""
    count = len(preprocessing.components())
    for _, decoded, _, batch in dataset:
        x, y, weights = keras.utils.unpack_x_y_sample_weight(batch)
        for subset in subsets:
            kept = np.isin(np.arange(count), [*subset])
            left = preprocessing.keep_components_of_batch(decoded[preprocessing.name], kept)
            changed = {**x, **preprocessing.batch(left)[0]}
            yield (changed,) if y is None else (changed, y, weights)


def _unlabelled(model, batches, targets, variants):
    """As `run_over_variants`, of rows without labels."""
    network = answering_model(model)
    found = {name: [] for name in targets}
    for number, (x,) in enumerate(batches):
        predictions = checked_by_answer(network.predict_on_batch(x), targets, "predictions")
        for name in targets:
            if number % variants == 0:
                found[name].append([])
            prediction = keras.tree.map_structure(np.asarray, predictions[name])
            found[name][-1].append(targets[name].prediction_itself(prediction))
    joined = {
        name: np.concatenate([np.stack(variants) for variants in of_batches], axis=1)
        for name, of_batches in found.items()
    }
    return {name: (None, predictions, None) for name, predictions in joined.items()}


class _Values:
    """The value of every subset of players: of a figure, over any rows, and of each prediction.

    Args:
        target: the target of the answer.
        labels: of all rows, or `None`.
        predictions: `(subsets * draws, rows, ...)`, or what structure of such arrays it is.
        weights: `(rows,)`, or `None`.
        subsets: list of frozensets.
        draws: how often each was answered.
        figure: as for `contributions`.
    """

    def __init__(self, target, labels, predictions, weights, subsets, draws, figure):
        self.target, self.labels, self.predictions = target, labels, predictions
        self.weights, self.draws, self.subsets = weights, draws, subsets
        self.rows = keras.tree.flatten(predictions)[0].shape[1]
        self.figure = None if labels is None else self._figure_name(figure)

    def _figures(self, variant, rows=slice(None)):
        predictions = keras.tree.map_structure(lambda x: x[variant][rows], self.predictions)
        weights = None if self.weights is None else self.weights[rows]
        return self.target.figures(self.labels[rows], predictions, weights)

    def _figure_name(self, figure):
        return figure_by_name(numbers_of(self._figures(0)), figure, FIGURES)

    def of_figure(self, rows=slice(None)):
        """Dict from subset to the figure, the mean over the draws."""

        def value(variant):
            return numbers_of(self._figures(variant, rows)).get(self.figure, np.nan)

        found = [value(variant) for variant in range(len(self.subsets) * self.draws)]
        means = np.reshape(found, (len(self.subsets), self.draws)).mean(axis=1)
        return dict(zip(self.subsets, means.tolist(), strict=True))

    def of_predictions(self):
        """Dict from subset to `(rows, outputs)`; `None` where answers are no such outputs."""
        x = self.predictions
        if not isinstance(x, np.ndarray) or x.ndim != 3 or x.dtype.kind != "f":
            return None
        x = x.reshape(len(self.subsets), self.draws, *x.shape[1:]).astype("float64").mean(axis=1)
        return dict(zip(self.subsets, x, strict=True))


def shapley(values, orders):
    """What each player adds to those before it, on average over the orders.

    Args:
        values: dict from a frozenset of players to what it is worth, a number or an array.
        orders: list of tuples of all players.

    Returns:
        List of the shares of the players, as the values are.

    Example:

    >>> worth = {frozenset(): 0.0, frozenset({0}): 1.0, frozenset({1}): 0.0, frozenset({0, 1}): 2.0}
    >>> shapley(worth, [(0, 1), (1, 0)])
    [1.5, 0.5]
    """
    shares = [0.0] * len(orders[0])
    for order in orders:
        for place, player in enumerate(order):
            before = frozenset(order[:place])
            added = values[before | {player}] - values[before]
            shares[player] = shares[player] + added / len(orders)
    return shares


def _contributions(values, orders, absence, within, resamples, seed):
    """The `Contributions` of an answer."""
    names = [*absence]
    predictions = values.of_predictions()
    if predictions is not None:
        predictions = np.stack(shapley(predictions, orders), axis=1)
    facts = {"everything": None, "nothing": None, "shares": {}, "alone": {}, "without": {},
             "interactions": {}, "intervals": {}}  # fmt: skip
    if values.figure is not None:
        worth = values.of_figure()
        players = range(len(names))
        every, one = frozenset(players), [frozenset({player}) for player in players]
        nothing = worth[frozenset()]

        def by_name(of_players):
            return {name: float(x) for name, x in zip(names, of_players, strict=True)}

        facts = {
            "everything": worth[every],
            "nothing": nothing,
            "shares": by_name(shapley(worth, orders)),
            "alone": by_name(worth[each] for each in one),
            "without": by_name(worth[every - each] for each in one),
            "interactions": {
                (names[i], names[j]): worth[one[i] | one[j]]
                - worth[one[i]]
                - worth[one[j]]
                + nothing
                for i, j in itertools.combinations(players, 2)
            },
            "intervals": _intervals(values, names, orders, resamples, seed),
        }
    elif predictions is None:
        raise ValueError(
            "Rows without labels have no figure, and answers of this kind no outputs that could be "
            "shared out: give labelled records."
        )
    return Contributions(
        modalities=names, rows=values.rows, figure=values.figure, predictions=predictions,
        absence=absence, within=within, **facts,
    )  # fmt: skip


def _intervals(values, names, orders, resamples, seed):
    """Dict from player to the central 95 % of its share over resampled rows."""
    generator = np.random.default_rng(seed)
    shares = [
        shapley(values.of_figure(generator.integers(values.rows, size=values.rows)), orders)
        for _ in range(resamples)
    ]
    if not shares:
        return {}
    low, high = np.nanquantile(shares, [0.025, 0.975], axis=0)
    return {name: (float(a), float(b)) for name, a, b in zip(names, low, high, strict=True)}
