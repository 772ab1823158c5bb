"""GradualUnfreezing: the head first, then the encoders from the top to the bottom."""

import keras

from mmzoo.training.fine_tuning.branch_table import branch_table
from mmzoo.training.fine_tuning.branches import branch_layers, train_only
from mmzoo.training.fine_tuning.freezing import weights_of_top
from mmzoo.training.fine_tuning.recompile import changes_trainable, make_train_step


class GradualUnfreezing(keras.callbacks.Callback):
    """Unfreezes branches stage by stage while `fit` runs.

    Until its first stage a branch that is named is frozen; a branch that is not named stays as it
    is, so fusion and head train from the beginning. Layers that are not due are frozen as with
    `mmzoo.freeze`: they cost no gradient, and their BatchNorm is in inference mode. The train step
    is compiled once a stage. The optimizer keeps its settings and its place in the schedule, but
    its estimates start anew with each stage: had Adam's step count gone on, the first steps of the
    layers that join would be three to six times too long. What is trained depends on the epoch
    alone, so `initial_epoch=` works; after `fit` it stays as in the last epoch.

    Args:
        stages: dict from the epoch that starts a stage, counted from 0, to a dict from branch to
            `top_layers`, as in `mmzoo.unfreeze`: how many layers train from then on, `None` for
            all.
        batch_normalization: as in `mmzoo.unfreeze`.
        verbose: 1 prints `mmzoo.branch_table` at the start of every stage, 0 nothing.

    Raises:
        ValueError: for stages that are not of that form; and when training begins, for an unknown
            branch, or one with fewer layers.

    Example:

    >>> import mmzoo
    >>> import numpy as np
    >>> inputs = {"text": mmzoo.Text(length=4, vocabulary_size=10, encoder="bag")}
    >>> model = mmzoo.build_model(inputs=inputs, head="sigmoid")
    >>> x, y = {"text": np.ones((8, 4), "int32")}, np.ones(8)
    >>> unfreezing = GradualUnfreezing({1: {"text": None}})
    >>> history = model.fit(x, y, callbacks=[unfreezing], epochs=1, verbose=0)
    >>> model.get_layer("text_encoder").trainable
    False
    >>> history = model.fit(x, y, callbacks=[unfreezing], epochs=2, verbose=0)
    >>> model.get_layer("text_encoder").trainable
    True

    Reference: Howard and Ruder 2018, arXiv 1801.06146.
    """

    def __init__(self, stages, batch_normalization=True, verbose=0):
        super().__init__()
        given = stages.items() if isinstance(stages, dict) else ()
        if not given or not all(
            isinstance(epoch, int) and epoch >= 0 and isinstance(stage, dict) and stage
            for epoch, stage in given
        ):
            raise ValueError(
                "`stages` must be a dict from epoch, counted from 0, to a dict from branch to "
                f'`top_layers`, such as {{2: {{"image": 1}}, 4: {{"image": None}}}}; received: '
                f"{stages!r}."
            )
        self.stages = stages
        self.batch_normalization = batch_normalization
        self.verbose = verbose
        self._stage = None

    def on_train_begin(self, logs=None):
        self._stage = None
        for stage in self.stages.values():
            for branch, top_layers in stage.items():
                weights_of_top(self.model, branch, top_layers, self.batch_normalization)

    def on_epoch_begin(self, epoch, logs=None):
        reached = [start for start in sorted(self.stages) if start <= epoch]
        if reached == self._stage:
            return
        self._stage = reached
        model = self.model
        wanted = {branch: 0 for stage in self.stages.values() for branch in stage}
        for start in reached:
            wanted.update(self.stages[start])
        with changes_trainable(model, continue_schedule=True):
            for branch, top_layers in wanted.items():
                weights = []
                if top_layers != 0:
                    weights = weights_of_top(model, branch, top_layers, self.batch_normalization)
                train_only(branch_layers(model, branch), weights)
        make_train_step(model)
        if self.verbose:
            print(f"\nEpoch {epoch + 1}:\n{branch_table(model)}")
