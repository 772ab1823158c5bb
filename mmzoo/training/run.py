"""train_run(): from records to a folder with everything a training leaves."""

import contextlib
import json
import os
import shutil
import sys

import keras
import numpy as np

from mmzoo import heads, recipes
from mmzoo.evaluation import evaluate, plot_training_curves
from mmzoo.model import build_model
from mmzoo.preprocessor import Preprocessor
from mmzoo.saving import check_pair, save
from mmzoo.training.distribution.hosts import is_first_host
from mmzoo.training.distribution.local_copy import local_copy, without_distribution
from mmzoo.training.fine_tuning.branch_table import branch_table
from mmzoo.training.fit import fit
from mmzoo.training.history_file import HistoryFile
from mmzoo.training.progress import Progress
from mmzoo.utils.atomic_files import atomic_folder
from mmzoo.utils.optional_packages import require

#: What `metadata=` is written to.
METADATA_FILE = "metadata.json"


def warmup_cosine(peak, steps, warmup=0.05):
    """A learning rate that rises linearly to `peak` and falls to zero along a cosine.

    Args:
        peak: highest learning rate.
        steps: number of training steps in all.
        warmup: share of the steps spent rising.

    Returns:
        A `keras.optimizers.schedules.LearningRateSchedule`.

    Example:

    >>> schedule = warmup_cosine(0.001, steps=100, warmup=0.1)
    >>> [round(float(schedule(step)), 6) for step in (0, 10, 100)]
    [0.0, 0.001, 0.0]

    Reference: Loshchilov and Hutter 2016, arXiv 1608.03983.
    """
    rising = max(1, round(warmup * steps))
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0,
        decay_steps=max(1, steps - rising),
        warmup_target=peak,
        warmup_steps=rising,
    )


def head_for(records):
    """The head that fits the labels.

    `Softmax` for classes, `Sigmoid` for rows of zeros and ones, `Regression` for other numbers.

    Args:
        records: labelled `mmzoo.data.Records`.

    Returns:
        A `mmzoo.heads.Head`.

    Raises:
        ValueError: when there are no labels.
    """
    if records.labels is None:
        raise ValueError("The records have no labels to train with.")
    if isinstance(records.labels, list):
        return heads.Softmax(class_names=records.class_names)
    if records.labels.ndim == 2 and np.isin(records.labels, (0, 1)).all():
        return heads.Sigmoid(units=records.labels.shape[1], class_names=records.class_names)
    return heads.Regression(units=1 if records.labels.ndim == 1 else records.labels.shape[1])


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
    epochs=10,
    batch_size=64,
    learning_rate=1e-3,
    seed=0,
    cache=False,
    on_error="raise",
    dtype=None,
    patience=None,
    gradient_accumulation=None,
    clip_norm=None,
    ema=None,
    save_every=None,
    resume=False,
    tensorboard=False,
    metadata=None,
    verbose="auto",
):
    """Trains, evaluates and saves a model, whole or not at all.

    AdamW with warm-up and a cosine schedule; the weights of the epoch with the lowest validation
    loss are kept. `output` then holds `model/` (see `mmzoo.save`), `report.json`, `history.csv`,
    `training_curves.png` and, for classes, `confusion_matrix.png`.

    Until then, `<output>.unfinished` has the checkpoints and `history.csv`. A run that was killed
    goes on with `resume=True` and the same arguments, see `mmzoo.training.fit`.

    In `mmzoo.training.scope` it trains on several devices or hosts. The first host evaluates and
    writes `output`; on the others the report is `None`.

    Args:
        train: `mmzoo.data.Records` to train on; the preprocessor adapts to them.
        validation: records to choose the epoch by.
        test: records to evaluate on, once.
        output: folder to make; may exist if empty.
        recipe: as in `mmzoo.build_model`.
        inputs: as in `mmzoo.build_model`.
        fusion: as in `mmzoo.build_model`.
        head: as in `mmzoo.build_model`; `None`: what fits the labels.
        dim: as in `mmzoo.build_model`.
        epochs: passes over the training rows.
        batch_size: rows a step.
        learning_rate: peak of the schedule.
        seed: of weights, shuffling and augmentation.
        dtype: as in `mmzoo.build_model`, such as `"mixed_bfloat16"`.
        patience: epochs without a lower validation loss after which training ends; `None`: all
            epochs are trained.
        gradient_accumulation: steps whose gradients make one update of the weights, or `None`.
        clip_norm: largest norm of all gradients together, or `None`.
        ema: momentum of an exponential moving average of the weights, such as 0.999, which is kept
            at the end instead of the best epoch's weights; or `None`.
        save_every: steps between two checkpoints; `None`: one an epoch.
        resume: whether to go on with an unfinished run.
        tensorboard: whether to write logs for TensorBoard, to `tensorboard/`.
        metadata: JSON-able dict to keep beside the model, as `metadata.json`, or `None`.
        cache: whether to keep the decoded training rows, as in `Records.to_dataset`.
        on_error: what happens to rows that can't be read, as in `Records.to_dataset`.
        verbose: as in `keras.Model.fit`; unless 0, `mmzoo.branch_table` is printed before.

    Returns:
        `(model, preprocessor, report)`.

    Raises:
        FileExistsError: when `output` is not empty, or an unfinished run is there and `resume` is
            not set.
        NonFiniteError: for a loss that is NaN or infinite.
        ValueError: for rows or arguments that can't be used.
    """
    unfinished = f"{os.path.abspath(output)}.unfinished"
    checkpoints = os.path.join(unfinished, "checkpoints")
    if os.path.isdir(checkpoints) and not resume:
        raise FileExistsError(
            f"{unfinished} is a run that was not finished. Go on with resume=True (`--resume`), or "
            "remove it."
        )
    keras.utils.set_random_seed(seed)
    first = is_first_host()
    with atomic_folder(output) if first else contextlib.nullcontext() as folder:
        model = build_model(
            recipe,
            inputs=inputs,
            fusion=fusion,
            head=head_for(train) if head is None else head,
            dim=dim,
            name="model",
            compile=False,
            dtype=dtype,
        )
        preprocessor = Preprocessor(recipes.model_inputs(recipe, inputs))
        preprocessor.adapt(train)
        check_pair(model, preprocessor)
        updates = epochs * max(1, len(train) // batch_size) // (gradient_accumulation or 1)
        optimizer = keras.optimizers.AdamW(
            warmup_cosine(learning_rate, updates),
            gradient_accumulation_steps=gradient_accumulation,
            global_clipnorm=clip_norm,
            use_ema=ema is not None,
            ema_momentum=ema or 0.99,
        )
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        head = model.get_layer("head")
        model.compile(optimizer, loss=head.make_loss(), metrics=head.make_metrics())
        if verbose and first:
            print(branch_table(model))
        # An average is kept as it is at the end, not as it was in the best epoch.
        stopping = keras.callbacks.EarlyStopping(
            patience=patience or epochs, restore_best_weights=ema is None
        )
        callbacks = [stopping]
        if first:
            os.makedirs(unfinished, exist_ok=True)
            callbacks.append(HistoryFile(os.path.join(unfinished, "history.csv")))
        if first and tensorboard:
            require("tensorboard", "tensorboard")
            callbacks.append(keras.callbacks.TensorBoard(os.path.join(unfinished, "tensorboard")))
        bar = None
        if first and verbose == "auto" and sys.stdout.isatty():
            bar = Progress(batch_size)
        with contextlib.closing(bar) if bar else contextlib.nullcontext():
            history = fit(
                model,
                train,
                preprocessor,
                validation,
                epochs=epochs,
                batch_size=batch_size,
                seed=seed,
                checkpoints=checkpoints,
                save_every=save_every,
                callbacks=[*callbacks, bar] if bar else callbacks,
                verbose=0 if bar else verbose,
                cache=cache,
                on_error=on_error,
            )
        if keras.distribution.distribution() is not None:
            model = local_copy(model)
        if not first:
            return model, preprocessor, None
        for name in ("history.csv", "tensorboard"):
            if os.path.exists(os.path.join(unfinished, name)):
                shutil.move(os.path.join(unfinished, name), os.path.join(folder, name))
        with without_distribution():  # the other hosts have nothing to do with it
            dataset = test.to_dataset(preprocessor, batch_size, on_error=on_error)
            report = evaluate(model, dataset, verbose=bool(verbose))
            save(model, preprocessor, os.path.join(folder, "model"))
        report.save(os.path.join(folder, "report.json"))
        if metadata is not None:
            with open(os.path.join(folder, METADATA_FILE), "w", encoding="utf-8") as file:
                json.dump(metadata, file, ensure_ascii=False)
        plot_training_curves(history, os.path.join(folder, "training_curves.png"))
        if report.task in ("multiclass", "binary"):
            report.plot_confusion_matrix(os.path.join(folder, "confusion_matrix.png"))
    shutil.rmtree(unfinished)
    return model, preprocessor, report
