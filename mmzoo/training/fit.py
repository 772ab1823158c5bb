"""fit(): `model.fit` on records, which a killed process can resume."""

import functools
import json
import logging

import keras
import numpy as np

from mmzoo.training.checkpoints.callback_states import CallbackStates
from mmzoo.training.checkpoints.checkpoint_folder import CheckpointFolder
from mmzoo.training.checkpoints.state_keeper import StateKeeper
from mmzoo.training.checkpoints.training_state import restore_state
from mmzoo.training.distribution.hosts import (
    check_agreed,
    data_share,
    from_first_host,
    gather_weights,
    is_first_host,
)
from mmzoo.training.distribution.shared_validation import SharedValidation
from mmzoo.training.non_finite import LossNotFiniteError, StopAtNonFinite, explained
from mmzoo.utils.readable_errors import readable_errors

logger = logging.getLogger("mmzoo")


def fit(
    model,
    train,
    preprocessor,
    validation=None,
    *,
    epochs=1,
    batch_size=32,
    seed=0,
    checkpoints=None,
    save_every=None,
    callbacks=(),
    class_weight=None,
    verbose="auto",
    **options,
):
    """Trains a compiled model on records. A run that was killed goes on where it was.

    With `checkpoints=` the state of the training is written at the end of every epoch, and every
    `save_every` steps. Called again with the same arguments, in a new process, `fit` resumes the
    newest state: weights, optimizer, place in the schedule, epoch and step, order of the rows,
    augmentation, dropout, and what callbacks remember. The weights at the end are those of a run
    that was not interrupted, to the bit, on the same machine.

    A loss that is not finite stops the training, see `mmzoo.training.NonFiniteError`.

    On several hosts (see `mmzoo.training.scope`) each reads its own share of every batch, so the
    batches are those of one host. Only the first one writes and reads checkpoints.

    Args:
        model: a compiled `keras.Model`.
        train: `mmzoo.data.Records` to train on.
        preprocessor: an adapted `mmzoo.Preprocessor`.
        validation: records to measure after every epoch, or `None`.
        epochs: passes over the training rows, those of earlier calls included.
        batch_size: rows a step, of all devices and hosts together. Rows that do not fill a batch at
            the end of an epoch are left to the next ones, whose order is another.
        seed: of the order of the rows and of augmentation.
        checkpoints: folder of this training's checkpoints, or `None`.
        save_every: steps between two checkpoints; `None`: one an epoch.
        callbacks: list of `keras.callbacks.Callback`. On several hosts every host has its own, so
            give those that write files to the first one alone (`mmzoo.training.is_first_host()`).
        class_weight: as in `keras.Model.fit`.
        verbose: as in `keras.Model.fit`.
        **options: further arguments of `Records.to_dataset` for the training rows, such as
            `cache` and `on_error`. With `on_error="skip"` every value is read once before, and the
            rows with one that can't be are left out, and logged: the training is that of records
            without them.

    Returns:
        The `keras.callbacks.History` of all epochs.

    Raises:
        mmzoo.training.NonFiniteError: for a loss that is NaN or infinite.
        ValueError: for a value or a label that can't be used, naming its row; for a checkpoint of
            another model or of other arguments, a batch that can't be shared out to the devices
            evenly, or hosts that were started with different arguments.
        OSError: when a checkpoint can't be written; the last good one stays.

    Example:

    >>> import mmzoo
    >>> records = mmzoo.data.from_arrays({"text": ["a cat", "a dog"] * 8}, ["cat", "dog"] * 8)
    >>> inputs = {"text": mmzoo.Text(length=4, vocabulary_size=10, encoder="bag")}
    >>> preprocessor = mmzoo.Preprocessor(inputs)
    >>> preprocessor.adapt(records)
    >>> model = mmzoo.build_model(inputs=inputs, head=mmzoo.heads.Softmax(units=2))
    >>> history = fit(model, records, preprocessor, epochs=2, batch_size=8, verbose=0)
    >>> history.epoch
    [0, 1]
    """
    if options.get("on_error") == "skip":  # how many steps there are has to be known before
        train = _readable(train, preprocessor)
        validation = None if validation is None else _readable(validation, preprocessor)
        options = {**options, "on_error": "raise"}
    if save_every is not None and (save_every < 1 or checkpoints is None):
        raise ValueError(
            f"`save_every` is a number of steps, from 1 on, and needs `checkpoints=`, a folder; "
            f"received: save_every={save_every!r}, checkpoints={checkpoints!r}."
        )
    folder = None if checkpoints is None else CheckpointFolder(checkpoints)
    if folder and is_first_host():
        folder.remove_unfinished()
    history = keras.callbacks.History()
    callbacks = [history, *callbacks]
    states = CallbackStates(callbacks)
    run = {"rows": len(train), "batch_size": batch_size, "seed": seed}
    run["steps_per_epoch"] = max(1, len(train) // batch_size)
    options |= {"batch_size": batch_size, "seed": seed, "training": True}
    before, on_error = [], options.get("on_error", "raise")
    if keras.distribution.distribution() is not None:
        _check_devices(len(train), batch_size)
        arguments = [run, epochs, save_every, folder is None, on_error, class_weight]
        _check_hosts(model, train, validation, preprocessor, arguments)
        if validation is not None:
            before = [SharedValidation(validation, preprocessor, batch_size, on_error)]
            validation = None
        gather_weights(model)
        verbose = verbose if is_first_host() else 0
    elif validation is not None:
        validation = validation.to_dataset(preprocessor, batch_size, on_error=on_error)
    index, shares = data_share()
    mine = {**options, "batch_size": batch_size // shares, "shard": (index, shares)}
    resumed_state = None
    if folder:
        resumed_state = from_first_host(folder.latest() if is_first_host() else None)
    begin = _position(resumed_state, run, epochs, checkpoints)
    if resumed_state and resumed_state[1]["finished"]:
        return _resume_finished(model, states, resumed_state, history)
    first = []
    while True:
        keeper = StateKeeper(folder, states, run, begin, epochs, resumed_state, save_every)
        epoch, step = begin
        dataset = train.to_dataset(
            preprocessor, **mine, epoch=keeper.epoch_variable, first_step=step
        )
        try:
            with readable_errors():
                if step:
                    _build_metrics(model, dataset)
                model.fit(
                    dataset,
                    validation_data=validation,
                    initial_epoch=epoch,
                    epochs=epoch + 1 if step else epochs,  # the rest of an epoch: its own `fit`
                    shuffle=False,  # the dataset shuffles
                    callbacks=[*first, *before, *callbacks, StopAtNonFinite(), keeper],
                    class_weight=class_weight,
                    verbose=verbose,
                )
        except LossNotFiniteError as found:
            at = keeper.epoch, keeper.first_step + found.batch
            raise explained(
                found.loss, model, train, preprocessor, options, at, keeper.last_good
            ) from None
        if keeper.finished:
            return history
        # Keras ends a `fit` with averages and best weights: back to what the epoch came to.
        begin, resumed_state = (epoch + 1, 0), None
        first = [_Once(functools.partial(keeper.set_state, *keeper.after_rest))]


class _Once(keras.callbacks.Callback):
    """Calls a function when the first epoch begins, before other callbacks do anything."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def on_epoch_begin(self, epoch, logs=None):
        if self.function:
            self.function()
            self.function = None


def _readable(records, preprocessor):
    """The rows of which every value can be read; the others are logged."""
    report = records.validate(preprocessor.inputs, preprocessor)
    for message in report.unreadable_messages():
        logger.warning("%s: left out.", message)
    return report.usable_records("skip")


def _position(resumed_state, run, epochs, path):
    """`(epoch, step)` to begin at."""
    if resumed_state is None:
        return 0, 0
    facts = resumed_state[1]
    if facts["run"] != run:
        raise ValueError(
            f"The training in {path} was begun with {facts['run']}; received: {run}. Go on with "
            "the same, or choose another folder."
        )
    if facts["epoch"] != epochs if facts["finished"] else facts["epoch"] >= epochs:
        state = "is finished after" if facts["finished"] else "was to be longer, and has had"
        raise ValueError(
            f"The training in {path} {state} {facts['epoch']} epochs; received: epochs={epochs}. "
            "For another length choose another folder."
        )
    return facts["epoch"], facts["step"]


def _check_devices(rows, batch_size):
    """Raises a `ValueError` unless each of JAX's devices has as much to do in every step."""
    replicas = keras.distribution.distribution().num_model_replicas
    if min(rows, batch_size) % replicas:
        raise ValueError(
            f"A batch of {min(rows, batch_size)} rows can't be shared out to {replicas} devices "
            f"evenly; received: batch_size={batch_size}, {rows} rows. Choose a multiple of "
            f"{replicas}."
        )


def _check_hosts(model, train, validation, preprocessor, arguments):
    """Raises a `ValueError` unless all hosts are to train the same model on the same rows."""
    check_agreed(
        {
            "arguments": arguments,
            "training rows": _facts(train),
            "validation rows": None if validation is None else _facts(validation),
            "preprocessor": json.dumps(preprocessor.get_config(), sort_keys=True),
            "model": [(variable.path, variable.shape) for variable in model.variables],
        }
    )


def _facts(records):
    """What of the records is compared: all but the files themselves."""
    labels = {name: column.labels for name, column in records.label_columns.items()}
    exact = [
        values.tobytes() if isinstance(values, np.ndarray) else values
        for values in (*labels.values(), records.sample_weight)
    ]
    return [len(records), list(records.columns), *labels, *exact]


def _build_metrics(model, dataset):
    """Makes the variables of metrics, which Keras on TensorFlow does in the first step."""
    batch = keras.tree.map_structure(np.asarray, next(iter(dataset)))
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
    model.test_on_batch(x, y, sample_weight)


def _resume_finished(model, states, resumed_state, history):
    arrays, facts = resumed_state
    restore_state(model, arrays, kinds=["model"])
    states.restore(facts["callbacks"], arrays)
    model.history = history
    return history
