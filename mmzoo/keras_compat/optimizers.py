"""What optimizers do not tell."""

#: What `exclude_from_weight_decay` sets; no config has it.
EXCLUSIONS = ("_exclude_from_weight_decay", "_exclude_from_weight_decay_pattern")


def rate_or_schedule(optimizer):
    """The learning rate as it was given; `optimizer.learning_rate` is its value at this step.

    Args:
        optimizer: a `keras.optimizers.Optimizer`.

    Returns:
        A `LearningRateSchedule`, a function, or a `keras.Variable`.
    """
    return optimizer._learning_rate


def copy_decay_exclusions(source, target):
    """Has an optimizer leave out the weights that `exclude_from_weight_decay` named to another.

    Args:
        source: a `keras.optimizers.Optimizer`.
        target: another one.
    """
    for name in EXCLUSIONS:
        if hasattr(source, name):
            setattr(target, name, getattr(source, name))


class DecayByWeight:
    """Of an optimizer whose `update_step` decays each weight itself; stands before Keras's class.

    Keras would decay all weights at one rate before the first update.
    """

    def _apply_weight_decay(self, variables):
        """Nothing."""

    def decays(self, variable):
        """Whether a weight decays, by `exclude_from_weight_decay` and `weight_decay`.

        Args:
            variable: what `update_step` was given.
        """
        return self._use_weight_decay(variable)

    def index_of(self, variable):
        """The place of a weight among those the optimizer was built for.

        Args:
            variable: what `update_step` was given: under `tf.distribute` a part of the weight.
        """
        return self._get_variable_index(variable)
