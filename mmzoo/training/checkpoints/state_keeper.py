"""StateKeeper: writes the state of a training while it runs, and sets it when it begins anew."""

import keras

from mmzoo.training.checkpoints.training_state import (
    KINDS,
    capture_state,
    continue_schedule,
    restore_state,
)
from mmzoo.training.distribution.hosts import host_array, is_first_host


class StateKeeper(keras.callbacks.Callback):
    """What `mmzoo.training.fit` does around steps and epochs. Stands behind all other callbacks.

    A state is written when an epoch has begun, not when one has ended: what other callbacks do
    to the optimizer at the beginning of an epoch is then done, both times.

    Args:
        folder: `CheckpointFolder`, which the first host writes to, or `None`: nothing is written.
        states: `CallbackStates` of the other callbacks.
        run: JSON-able dict of what makes up this training, kept with every checkpoint.
        begin: `(epoch, step)` to begin at.
        epochs: number of epochs of the whole training.
        resumed_state: `(arrays, facts)` to begin with, or `None`.
        save_every: steps between two checkpoints within an epoch, or `None`.
    """

    def __init__(self, folder, states, run, begin, epochs, resumed_state=None, save_every=None):
        import tensorflow as tf

        super().__init__()
        self.folder = folder
        self.states = states
        self.run = run
        self.epochs = epochs
        self.resumed_state = resumed_state
        self.save_every = save_every
        #: The epoch that runs, and the variable that the dataset reads it from.
        self.epoch = begin[0]
        self.epoch_variable = tf.Variable(begin[0], dtype=tf.int64, trainable=False)
        #: The step that the epoch began with, in this call of `model.fit`.
        self.first_step = begin[1]
        #: Whether the training is over, not only this call of `model.fit`.
        self.finished = False
        #: `(epoch, step, weights)` of the last time that all was well.
        self.last_good = None
        #: `(arrays, facts)` at the end of the newest epoch that was begun within.
        self.after_rest = None

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        self.epoch_variable.assign(epoch)
        if not self.resumed_state:
            self._save(epoch, 0)
            return
        # Metrics are reset at the start of an epoch.
        self.set_state(*self.resumed_state, KINDS if self.first_step else KINDS[:2])
        self._remember(epoch, self.first_step)
        self.resumed_state = None

    def set_state(self, arrays, facts, kinds=KINDS[:2]):
        """Sets what was captured in the model and in the other callbacks."""
        continue_schedule(self.model, facts)
        restore_state(self.model, arrays, kinds)
        self.states.restore(facts["callbacks"], arrays, partly=not is_first_host())

    def on_train_batch_end(self, batch, logs=None):
        step = self.first_step + batch + 1
        whole = step % (self.save_every or step + 1) == 0
        if whole and step < self.run["steps_per_epoch"]:
            self._save(self.epoch, step)

    def on_epoch_end(self, epoch, logs=None):
        self.finished = self.model.stop_training or epoch + 1 == self.epochs
        if self.first_step and not self.finished:
            self.after_rest = self._captured(epoch + 1, 0)
        self.first_step = 0

    def on_train_end(self, logs=None):
        if self.finished:
            self._save(self.epoch + 1, 0)

    def _captured(self, epoch, step):
        arrays, facts = capture_state(self.model)
        callbacks, callback_arrays = self.states.capture()
        facts |= {"run": self.run, "epoch": epoch, "step": step, "finished": self.finished}
        return {**arrays, **callback_arrays}, {**facts, "callbacks": callbacks}

    def _save(self, epoch, step):
        self._remember(epoch, step)
        if self.folder is not None and (epoch or step):  # a run that is at its beginning needs none
            number = epoch * self.run["steps_per_epoch"] + step
            state = self._captured(epoch, step)  # on all hosts, which may have parts of it
            if is_first_host():
                self.folder.save(number, *state)

    def _remember(self, epoch, step):
        self.last_good = epoch, step, [host_array(variable) for variable in self.model.variables]
