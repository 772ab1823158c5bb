"""train_run(): from records to a folder with everything a training leaves."""

import contextlib
import csv
import dataclasses
import json
import os
import shutil
import sys
import time

import keras

from mmzoo import heads, recipes
from mmzoo.commands.predictions_table import predictions_table
from mmzoo.commands.readable_records import readable_records
from mmzoo.commands.run_page import write_run_page
from mmzoo.commands.trained_run import METADATA_FILE
from mmzoo.commands.training_options import TrainingOptions
from mmzoo.evaluation import calibrate, evaluate, plot_training_curves
from mmzoo.evaluation.calibrate import FewRowsError, calibrated_answers, check_doubt
from mmzoo.evaluation.reports import reports_of
from mmzoo.evaluation.thresholds import choose_thresholds
from mmzoo.model import build_model
from mmzoo.prediction.good_rows import predict_good_rows
from mmzoo.preprocessor import Preprocessor
from mmzoo.saving import check_pair, save
from mmzoo.targets.calibration_summary import calibration_summary
from mmzoo.training.distribution.hosts import is_first_host
from mmzoo.training.distribution.local_copy import local_copy, without_distribution
from mmzoo.training.fine_tuning.branch_table import branch_table
from mmzoo.training.fit import fit
from mmzoo.training.history_file import HistoryFile
from mmzoo.training.progress import Progress
from mmzoo.training.schedules import warmup_cosine
from mmzoo.utils.atomic_files import atomic_folder
from mmzoo.utils.optional_packages import require
from mmzoo.version import __version__

#: With fewer labelled validation rows nothing is calibrated: a temperature would be noise.
FEWEST_ROWS = 100


def train_run(
    train,
    validation,
    test,
    output,
    *,
    recipe=None,
    inputs=None,
    fusion=None,
    head=None,
    dim=256,
    arguments=None,
    metadata=None,
    validation_report=None,
    verbose="auto",
    **options,
):
    """Trains, evaluates and saves a model, atomically.

    AdamW with warm-up and a cosine schedule; the weights of the epoch with the lowest validation
    loss are kept. `output` then holds `model/` (see `mmzoo.save`), `report.json`,
    `predictions.csv` (of the test rows), `split.csv` (which row was in which part), `history.csv`,
    `config.yaml`, `training_curves.png`, `report.html`, which shows all of it and rows besides
    (see `mmzoo.Report.to_html`), and, for classes, `confusion_matrix.png` and `reliability.png`.
    Probabilities of classes are calibrated on the validation rows, where at
    least 100 of them have a label; before thresholds are chosen, if they are.

    Until then, `<output>.unfinished` has the checkpoints and `history.csv`. A run that was killed
    goes on with `resume=True` and the same arguments, see `mmzoo.training.fit`. One that fails
    before its first checkpoint leaves nothing.

    In `mmzoo.training.scope` it trains on several devices or hosts. The first host evaluates and
    writes `output`; on the others the report is `None`.

    Args:
        train: `mmzoo.data.Records` to train on; the preprocessor adapts to them.
        validation: records to choose the epoch by, to calibrate on and to choose thresholds by.
        test: records to evaluate on, once.
        output: folder to make; may exist if empty.
        recipe: as in `mmzoo.build_model`.
        inputs: as in `mmzoo.build_model`.
        fusion: as in `mmzoo.build_model`.
        head: as in `mmzoo.build_model`; `None`: what fits the labels.
        dim: as in `mmzoo.build_model`.
        arguments: dict of what the run was called with, to keep in `config.yaml` beside the
            `options`, or `None`.
        metadata: JSON-able dict to keep beside the model, as `metadata.json`, or `None`; how many
            seconds `fit` took is added, unless the run was resumed.
        validation_report: what `records.validate` found of all rows, for `report.html`; or `None`.
        verbose: as in `keras.Model.fit`; unless 0, `mmzoo.branch_table` is printed before.
        **options: how to train: the fields of `mmzoo.commands.training_options.TrainingOptions`,
            such as `epochs`, `batch_size`, `learning_rate`, `seed`, `on_error` and `resume`.

    Returns:
        `(model, preprocessor, report)`.

    Raises:
        ImportError: when a package of the extra `report` is missing, or of `tensorboard`.
        FileExistsError: when `output` is not empty, or an unfinished run is there and `resume` is
            not set.
        NonFiniteError: for a loss that is NaN or infinite.
        ValueError: for rows or arguments that can't be used.
    """
    options = TrainingOptions(**options)
    _check_packages(options)
    unfinished = f"{os.path.abspath(output)}.unfinished"
    _check_unfinished(unfinished, options.resume)
    if options.on_error == "skip":  # how many steps there are has to be known before
        known = recipes.model_inputs(recipe, inputs)
        train, validation, test = (
            readable_records(records, known, "skip", verbose=verbose)
            for records in (train, validation, test)
        )
        options = dataclasses.replace(options, on_error="raise")
    keras.utils.set_random_seed(options.seed)
    first = is_first_host()
    output_folder = atomic_folder(output) if first else contextlib.nullcontext()
    with output_folder as folder, _removed_unless_begun(unfinished):
        head = head_for(train) if head is None else head
        parts = {"recipe": recipe, "inputs": inputs, "fusion": fusion, "head": head, "dim": dim}
        model, preprocessor = _build(train, options, **parts)
        _check_thresholds(model, options)
        _check_doubt(model, options)
        _compile(model, len(train), options)
        if verbose and first:
            print(branch_table(model))
        begun = time.monotonic()
        history = _fit(model, preprocessor, train, validation, options, unfinished, verbose)
        seconds = None if options.resume else time.monotonic() - begun  # of all, or not known
        if keras.distribution.distribution() is not None:
            model = local_copy(model)
        if not first:
            return model, preprocessor, None
        if options.calibration:
            _calibrate(model, preprocessor, validation, options, verbose)
        if options.threshold is not None:
            _choose_thresholds(model, preprocessor, validation, options, verbose)
        report, predicted = _evaluate_and_save(model, preprocessor, test, options, folder, verbose)
        _write_history(history, unfinished, folder)
        parts = {"train": train, "validation": validation, "test": test}
        _write_split(parts, folder)
        arguments = {**(arguments or {}), **dataclasses.asdict(options)}
        if metadata is not None:
            metadata = {**metadata, "training_seconds": seconds}
        _write_arguments(arguments, metadata, folder)
        with without_distribution():
            write_run_page(
                folder, report, model, preprocessor, test, seed=options.seed,
                passes=len(history.epoch) * len(train), predicted=predicted, history=history,
                data=parts, validation=validation_report, arguments=arguments,
            )  # fmt: skip
    shutil.rmtree(unfinished)
    return model, preprocessor, report


def head_for(records, with_thresholds=False, named=None):
    """The head that fits the labels; a dict of heads where there are several answers.

    `Softmax` for classes, `Sigmoid` for rows of zeros and ones, `Regression` for other numbers.

    Args:
        records: labelled `mmzoo.data.Records`.
        with_thresholds: whether two classes are yes and no, `Sigmoid`, which has a threshold.
        named: dict from the name of an answer to the identifier of its head, where it is another.

    Returns:
        A `mmzoo.heads.Head`, or a dict of such by the name of the answer.

    Raises:
        ValueError: when there are no labels.
    """
    if not records.label_columns:
        raise ValueError("The records have no labels to train with.")
    found = {}
    for name, column in records.label_columns.items():
        if name in (named or {}):
            found[name] = heads.get(named[name])
            continue
        found[name] = heads.for_labels(column)
        if with_thresholds and column.is_classes and len(column.class_names) == 2:
            found[name] = heads.Sigmoid(class_names=column.class_names)
    return found if records.several_answers else found["head"]


def _check_packages(options):
    """Raises an `ImportError` for a package that would be missed after the training."""
    require("pandas", "report")
    require("sklearn.metrics", "report")
    require("matplotlib", "report")
    require("jinja2", "report")
    if options.tensorboard:
        require("tensorboard", "tensorboard")


def _checkpoints(unfinished):
    return os.path.join(unfinished, "checkpoints")


def _check_unfinished(unfinished, resume):
    """Raises a `FileExistsError` for a run that was killed, unless it is to go on."""
    if os.path.isdir(_checkpoints(unfinished)) and not resume:
        raise FileExistsError(
            f"{unfinished} is a run that was not finished. Go on with resume=True (`--resume`), or "
            "remove it."
        )


@contextlib.contextmanager
def _removed_unless_begun(unfinished):
    """A context that, where it fails before the first checkpoint, leaves nothing to go on with."""
    try:
        yield
    except BaseException:
        if is_first_host() and not os.path.isdir(_checkpoints(unfinished)):
            shutil.rmtree(unfinished, ignore_errors=True)
        raise


def _build(train, options, recipe, inputs, **parts):
    """The model and its preprocessor, which has learned from the training rows."""
    preprocessor = Preprocessor(recipes.model_inputs(recipe, inputs), parts["head"])
    preprocessor.adapt(train)
    parts["head"] = preprocessor.head
    model = build_model(
        recipe, inputs=inputs, name="model", compile=False, dtype=options.dtype, **parts
    )
    check_pair(model, preprocessor)
    return model, preprocessor


def _compile(model, rows, options):
    """Compiles the model with AdamW, whose learning rate follows the schedule over all epochs."""
    steps = options.epochs * max(1, rows // options.batch_size)
    optimizer = keras.optimizers.AdamW(
        warmup_cosine(options.learning_rate, steps // (options.gradient_accumulation or 1)),
        gradient_accumulation_steps=options.gradient_accumulation,
        global_clipnorm=options.clip_norm,
        use_ema=options.ema is not None,
        ema_momentum=options.ema or 0.99,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    model.compile_for_heads(optimizer)


def _fit(model, preprocessor, train, validation, options, unfinished, verbose):
    """Trains the model, and gives it the weights to keep.

    Returns:
        The `keras.callbacks.History`.
    """
    # An average is kept as it is at the end, not as it was in the best epoch.
    callbacks = [
        keras.callbacks.EarlyStopping(
            patience=options.patience or options.epochs, restore_best_weights=options.ema is None
        )
    ]
    bar = None
    if is_first_host():
        os.makedirs(unfinished, exist_ok=True)
        callbacks.append(HistoryFile(os.path.join(unfinished, "history.csv")))
        if options.tensorboard:
            callbacks.append(keras.callbacks.TensorBoard(os.path.join(unfinished, "tensorboard")))
        if verbose == "auto" and sys.stdout.isatty():
            bar = Progress(options.batch_size)
            callbacks.append(bar)
    if verbose == "auto":  # a line an epoch where a bar would be thousands of control characters
        verbose = 0 if bar else 2
    with contextlib.closing(bar) if bar else contextlib.nullcontext():
        return fit(
            model,
            train,
            preprocessor,
            validation,
            epochs=options.epochs,
            batch_size=options.batch_size,
            seed=options.seed,
            checkpoints=_checkpoints(unfinished),
            save_every=options.save_every,
            callbacks=callbacks,
            verbose=verbose,
            cache=options.cache,
            on_error=options.on_error,
        )


def _with_thresholds(model):
    """The names of the answers whose heads have thresholds."""
    return [
        name
        for name, head in heads.heads_of(model).items()
        if hasattr(head.target(), "choose_thresholds")
    ]


def _check_thresholds(model, options):
    """Raises a `ValueError` where thresholds are to be chosen, and there are none."""
    if options.threshold is not None and not _with_thresholds(model):
        raise ValueError(
            "A threshold is for two classes, or for several labels a row; the heads of this model "
            "have none. Leave it out, or take the head mmzoo.heads.Sigmoid."
        )


def _check_doubt(model, options):
    """Raises a `ValueError` where label sets, intervals or abstaining are asked for in vain."""
    check_doubt(options.alpha, options.abstain, heads.targets_of(model))
    if not options.calibration and (options.alpha, options.abstain) != (None, None):
        raise ValueError(
            "Label sets and intervals (`alpha`) and abstaining (`abstain`) come of the "
            "calibration: do not leave it out."
        )
    if options.threshold is not None and options.abstain is not None:
        raise ValueError(
            "Abstaining goes by the likelier answer, not by a threshold: leave `threshold` or "
            "`abstain` out."
        )


def _calibrate(model, preprocessor, validation, options, verbose):
    """Calibrates what can be, where there are rows enough, and says what changed."""
    for answer in calibrated_answers(model, options.alpha):
        of_answer = "" if answer == "head" else f" ({answer})"
        target = heads.targets_of(model)[answer]
        doubt = {}
        if hasattr(target, "least_probability") or hasattr(target, "intervals_of"):
            doubt["alpha"] = options.alpha
        if hasattr(target, "abstaining_of"):
            doubt["abstain"] = options.abstain
        # A promise that can't be kept must not cost the temperature.
        tries = [doubt] if answer not in calibrated_answers(model) else [doubt, {}]
        for asked in tries:
            try:
                found = _calibrated(model, preprocessor, validation, options, answer, asked)
                said, is_last = f"Calibrated{of_answer} {calibration_summary(found)}.", True
            except FewRowsError as error:
                said, is_last = f"Not calibrated{of_answer}: {error}", not any(asked.values())
            if verbose:
                print(said)
            if is_last:
                break


def _calibrated(model, preprocessor, validation, options, answer, doubt):
    """What `mmzoo.calibrate` found of an answer."""
    with without_distribution():
        found = calibrate(
            model,
            preprocessor,
            validation,
            answer=answer,
            **doubt,
            fewest_rows=FEWEST_ROWS,
            batch_size=options.batch_size,
            on_error=options.on_error,
        )
    return found if answer == "head" else found[answer]


def _choose_thresholds(model, preprocessor, validation, options, verbose):
    """Chooses the thresholds on the validation rows, and says which they are."""
    with without_distribution():
        dataset = validation.to_dataset(preprocessor, options.batch_size, on_error=options.on_error)
        for answer in _with_thresholds(model):
            chosen = choose_thresholds(model, dataset, options.threshold, answer=answer)
            shown = ", ".join(f"{name} {threshold:.4g}" for name, threshold in chosen.items())
            if verbose:
                print(f"Thresholds{'' if answer == 'head' else f' of {answer}'}: {shown}.")


def _evaluate_and_save(model, preprocessor, test, options, folder, verbose):
    """Writes the model, its report on the test rows, and its predictions of them.

    Returns:
        `(report, predicted)`; the latter is what `predict_good_rows` returned.
    """
    with without_distribution():  # the other hosts have nothing to do with it
        dataset = test.to_dataset(preprocessor, options.batch_size, on_error=options.on_error)
        report = evaluate(model, dataset, verbose=bool(verbose))
        save(model, preprocessor, os.path.join(folder, "model"))
        predicted = predict_good_rows(model, preprocessor, test, options.batch_size)
        predictions = predictions_table(model, preprocessor, test, predicted=predicted)
    report.save(os.path.join(folder, "report.json"))
    for answer, of_answer in reports_of(report).items():
        name = "" if answer == "head" else f"_{answer}"
        if of_answer.task in ("multiclass", "binary"):
            of_answer.plot_confusion_matrix(os.path.join(folder, f"confusion_matrix{name}.png"))
        if of_answer.reliability:
            of_answer.plot_reliability(os.path.join(folder, f"reliability{name}.png"))
    predictions.to_csv(os.path.join(folder, "predictions.csv"), index=False)
    return report, predicted


def _write_history(history, unfinished, folder):
    """Moves the history of the training to where it stays, and draws it."""
    for name in ("history.csv", "tensorboard"):
        if os.path.exists(os.path.join(unfinished, name)):
            shutil.move(os.path.join(unfinished, name), os.path.join(folder, name))
    plot_training_curves(history, os.path.join(folder, "training_curves.png"))


def _write_split(parts, folder):
    """Writes which row was in which part.

    Args:
        parts: dict from the name of a part to its records.
        folder: folder of the run.
    """
    with open(os.path.join(folder, "split.csv"), "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["row", "part"])
        for name, records in parts.items():
            writer.writerows([records.describe(row), name] for row in range(len(records)))


def _write_arguments(arguments, metadata, folder):
    """Writes `config.yaml`, what the run was called with, and `metadata.json`."""
    with open(os.path.join(folder, "config.yaml"), "w", encoding="utf-8") as file:
        for name, value in {"mmzoo": __version__, **arguments}.items():
            # Every line of JSON is YAML as well.
            file.write(f"{name}: {json.dumps(value, ensure_ascii=False, default=str)}\n")
    if metadata is not None:
        with open(os.path.join(folder, METADATA_FILE), "w", encoding="utf-8") as file:
            json.dump(metadata, file, ensure_ascii=False)
