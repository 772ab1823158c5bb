"""AdamW with a learning rate for each weight."""

import keras
from keras import ops

from mmzoo.keras_compat import DecayByWeight
from mmzoo.training.fine_tuning.layerwise_multipliers import LayerwiseMultipliers


@keras.saving.register_keras_serializable(package="mmzoo")
class LayerwiseAdamW(DecayByWeight, keras.optimizers.AdamW):
    """AdamW in which each weight has a multiplier of the learning rate and of its decay.

    With multipliers of 1 it is `keras.optimizers.AdamW`, to the bit. A weight with multiplier 0
    does not move.

    Args:
        learning_rate: as in `keras.optimizers.AdamW`: a float or a schedule.
        multipliers: what `mmzoo.training.layerwise_multipliers` returned, or a list of numbers,
            one for each of the model's trainable weights, in their order, or `None`: all 1. The
            config holds such a list, because the paths of weights may change with loading.
        exclude_from_decay: list of words; weights with one of them in their name do not decay,
            such as `["bias", "gamma", "beta"]`. Unlike with Keras's method
            `exclude_from_weight_decay`, this is still so after loading.
        **kwargs: those of `keras.optimizers.AdamW`, such as `weight_decay`.

    Raises:
        ValueError: when it is built, for another number of multipliers than of weights.

    Example:

    >>> import mmzoo
    >>> from mmzoo.training import layerwise_multipliers
    >>> inputs = {"text": mmzoo.Text(length=4, vocabulary_size=10, encoder="transformer")}
    >>> model = mmzoo.build_model(inputs=inputs, head="sigmoid")
    >>> head = model.get_layer("head")
    >>> model.compile(
    ...     LayerwiseAdamW(1e-3, layerwise_multipliers(model, decay=0.8), weight_decay=0.05),
    ...     loss=head.make_loss(),
    ...     metrics=head.make_metrics(),
    ... )

    Reference: Loshchilov and Hutter 2017, arXiv 1711.05101; Howard and Ruder 2018, 1801.06146.
    """

    def __init__(self, learning_rate=0.001, multipliers=None, exclude_from_decay=None, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.multipliers = multipliers
        self.exclude_from_decay = exclude_from_decay
        if exclude_from_decay:
            self.exclude_from_weight_decay(var_names=list(exclude_from_decay))

    def build(self, var_list):
        if self.built:
            return
        factors = self.multipliers
        if factors is None:
            factors = [1.0] * len(var_list)
        if not isinstance(factors, LayerwiseMultipliers):
            if len(factors) != len(var_list):
                raise ValueError(
                    f"`multipliers` has {len(factors)} numbers for {len(var_list)} trainable "
                    "weights. Use `mmzoo.training.layerwise_multipliers(model, ...)`, which knows "
                    "which is whose. (If this is a file being loaded, load it with compile=False.)"
                )
            factors = LayerwiseMultipliers(var_list, factors)
        self._factors = tuple(factors(variable) for variable in var_list)
        if self.multipliers is not None:
            self.multipliers = factors
        super().build(var_list)

    def update_step(self, gradient, variable, learning_rate):
        factor = self._factors[self.index_of(variable)]
        if factor == 0:
            return
        learning_rate = ops.multiply(learning_rate, factor)
        if self.decays(variable):
            rate = ops.cast(learning_rate, variable.dtype)
            self.assign_sub(variable, variable * ops.cast(self.weight_decay, variable.dtype) * rate)
        super().update_step(gradient, variable, learning_rate)

    def get_config(self):
        factors = self.multipliers
        if isinstance(factors, LayerwiseMultipliers):
            factors = list(self._factors) if self.built else factors.of_trainable()
        return {
            **super().get_config(),
            "multipliers": factors,
            "exclude_from_decay": self.exclude_from_decay,
        }
