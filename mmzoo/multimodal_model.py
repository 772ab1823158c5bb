"""MultimodalModel: what build_model() returns."""

import os

import keras
import numpy as np
from keras import ops

from mmzoo.encoders import Encoder
from mmzoo.heads import Head, keep_calibrations
from mmzoo.keras_compat import (
    BuiltBeforeTraining,
    LossScaleOptimizer,
    all_layers,
    data_dependencies,
    note_compilation,
)
from mmzoo.targets.class_weights import weighted_by_class
from mmzoo.targets.of_dataset import check_labels, targets_of_dataset
from mmzoo.utils.readable_errors import readable_errors


@keras.saving.register_keras_serializable(package="mmzoo")
class MultimodalModel(BuiltBeforeTraining):
    """A functional `keras.Model` that knows its parts, its precision and its compilations.

    `mmzoo.build_model` makes it. All that Keras does with functional models it does with this one:
    `keras.saving.load_model`, `keras.models.clone_model`, `keras.Model(model.input, ...)`.

    With `"mixed_float16"` the loss is scaled, by `mmzoo`'s own `LossScaleOptimizer`, which takes
    the place of Keras's: as built, loaded or cloned, and compiled however often.

    Args:
        inputs: dict of symbolic inputs, as for `keras.Model`.
        outputs: symbolic output, or a dict of them.
        name: name of the model.
        dtype: dtype policy of the model; `None`: `"mixed_float16"` where a layer has that, or else
            that of the fusion block.

    Example:

    >>> import mmzoo
    >>> inputs = {"text": mmzoo.Text(length=4, vocabulary_size=10, encoder="bag")}
    >>> model = mmzoo.build_model(inputs=inputs, head="sigmoid", dim=8)
    >>> sorted(model.encoders), sorted(model.heads), model.embedding.shape
    (['text'], ['head'], (None, 8))
    """

    def __init__(self, *args, dtype=None, **kwargs):
        super().__init__(*args, **kwargs)
        if dtype is None:
            known_by = [self if self.fusion is None else self.fusion, *all_layers(self)]
            policies = [layer.dtype_policy for layer in known_by]
            scaled = (policy for policy in policies if policy.name == "mixed_float16")
            dtype = next(scaled, policies[0])
        self.dtype_policy = keras.dtype_policies.get(dtype)

    @property
    def encoders(self):
        """Dict from the name of a modality to its `Encoder`."""
        return self._parts(Encoder, "_encoder")

    @property
    def fusion(self):
        """The fusion block; `None` in a model without one."""
        return next((layer for layer in self.layers if layer.name == "fusion"), None)

    @property
    def heads(self):
        """Dict from the name of an answer to its `Head`; `"head"` where there is only one."""
        return self._parts(Head, "_head")

    @property
    def embedding(self):
        """The symbolic vector that the fusion block gives: what the head reads."""
        return _vector_of(self.fusion)

    def _parts(self, kind, ending):
        found = [layer for layer in self.layers if isinstance(layer, kind)]
        return {layer.name.removesuffix(ending): layer for layer in found}

    def compile(
        self, optimizer="rmsprop", *args, jit_compile="auto", auto_scale_loss=True, **kwargs
    ):
        optimizer = keras.optimizers.get(optimizer)
        if type(optimizer) is keras.optimizers.LossScaleOptimizer:
            settings = optimizer.get_config() | {"inner_optimizer": optimizer.inner_optimizer}
            optimizer = LossScaleOptimizer(**settings)
        is_scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        if auto_scale_loss and self.dtype_policy.name == "mixed_float16" and not is_scaled:
            optimizer = LossScaleOptimizer(optimizer)
        super().compile(optimizer, *args, jit_compile=jit_compile, auto_scale_loss=False, **kwargs)
        # As it was asked: Keras stores what "auto" came to here, such as no XLA on a CPU.
        self.compiled_with = {"jit_compile": jit_compile, "auto_scale_loss": auto_scale_loss}

    def compile_for_heads(self, optimizer="adamw", loss_weights=None, **options):
        """Compiles with the losses and metrics of the heads.

        With several answers the metrics are weighted, so that a row without a label does not count.

        Args:
            optimizer: as in `keras.Model.compile`.
            loss_weights: dict from the name of an answer to the weight of its loss, or `None`.
            **options: further arguments of `keras.Model.compile`.
        """
        losses = {name: head.make_loss() for name, head in self.heads.items()}
        metrics = {name: head.make_metrics() for name, head in self.heads.items()}
        if isinstance(self.output, dict):
            weights = (
                None if loss_weights is None else {**dict.fromkeys(losses, 1.0), **loss_weights}
            )
            options |= {"loss": losses, "weighted_metrics": metrics, "loss_weights": weights}
        else:
            options |= {"loss": losses["head"], "metrics": metrics["head"]}
        self.compile(optimizer, **{"jit_compile": "auto", **options})

    def fit(self, x=None, y=None, *args, class_weight=None, **options):
        """As `keras.Model.fit`; before, the heads take over what the training labels taught.

        Numbers get their scale so, once: from the preprocessor that made a dataset of
        `records.to_dataset(...)`, or from `y` where that is an array. Classes in another order than
        the head's are an error here, not after the training.

        With several answers `class_weight` is a dict from the name of an answer to its weights.

        Where a dataset of `records.to_dataset(...)` meets a value or a label that can't be used, it
        is a `ValueError` that names the row; so in `evaluate` and `predict`.
        """
        if y is None:
            self.adapt_heads(targets_of_dataset(x) or {})
        else:
            for name, labels in (y if isinstance(y, dict) else {"head": y}).items():
                if name in self.heads and isinstance(labels, np.ndarray):
                    self.heads[name].learn(labels)
        if class_weight is not None and isinstance(self.output, dict):
            x, options = weighted_by_class(x, y, class_weight, self.heads, options)
            class_weight = None
        keep_calibrations(self, dict.fromkeys(self.heads))  # those found were of other weights
        self._check_labels(options.get("validation_data"))  # rather now than after an epoch
        with readable_errors():
            return super().fit(x, y, *args, class_weight=class_weight, **options)

    def evaluate(self, x=None, y=None, *args, **options):
        """As `keras.Model.evaluate`; classes in another order than the head's are an error."""
        self._check_labels(x)
        with readable_errors():
            return super().evaluate(x, y, *args, **options)

    def predict(self, x, *args, **options):
        """As `keras.Model.predict`."""
        with readable_errors():
            return super().predict(x, *args, **options)

    def _check_labels(self, dataset):
        check_labels({name: head.target() for name, head in self.heads.items()}, dataset)

    def adapt_heads(self, targets):
        """Hands over to the heads what was learned from the labels of the training rows.

        Args:
            targets: dict from the name of an answer to the `mmzoo.targets.Target` that learned it;
                those of a preprocessor, for example.

        Raises:
            ValueError: when labels were read as something else than the head predicts.
        """
        for name, head in self.heads.items():
            if name in targets:
                head.adapt(targets[name])

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def get_compile_config(self):
        settings = super().get_compile_config()
        return settings and {**settings, **self.compiled_with}

    def save(self, filepath, *args, **kwargs):
        """As `keras.Model.save`; refuses HDF5, from which it could not be loaded again."""
        is_path = isinstance(filepath, (str, os.PathLike))
        if is_path and os.fspath(filepath).lower().endswith((".h5", ".hdf5")):
            raise ValueError(
                f"{filepath}: HDF5, the format of older Keras versions, can't hold this model so "
                "that it could be loaded again. Save it as a .keras file; with its preprocessing: "
                "mmzoo.save; only its weights: model.save_weights('name.weights.h5')."
            )
        super().save(filepath, *args, **kwargs)

    def train_step(self, *state_and_data):
        data = state_and_data[-1]
        note_compilation(self, data)
        with data_dependencies(self, data):
            return super().train_step(*state_and_data)

    def test_step(self, *state_and_data):
        with data_dependencies(self, state_and_data[-1]):
            return super().test_step(*state_and_data)

    def get_config(self):
        return {**super().get_config(), "dtype": keras.dtype_policies.serialize(self.dtype_policy)}


def _vector_of(fusion):
    """The symbolic vector that a fusion block gives, alone or before its tokens and their mask."""
    output = fusion.output
    return output[0] if isinstance(output, (list, tuple)) else output


def embedding_model(model):
    """The part of a model that ends at the fusion block: one vector a row, as the head reads it.

    It shares the layers of `model`: what either learns, both know.

    Args:
        model: what `mmzoo.build_model` returned.

    Returns:
        A functional `keras.Model` from the same inputs to `(B, D)`. Where the block gives one
        vector a modality, it is their mean.

    Raises:
        ValueError: when the model has no fusion block.

    Example:

    >>> import mmzoo
    >>> inputs = {"text": mmzoo.Text(length=4, vocabulary_size=10, encoder="bag")}
    >>> model = mmzoo.build_model(inputs=inputs, head="sigmoid", dim=8)
    >>> embedding_model(model).output_shape
    (None, 8)
    """
    if "fusion" not in [layer.name for layer in model.layers]:
        raise ValueError(
            f"The model {model.name!r} is not one of mmzoo.build_model: it has no fusion block."
        )
    embedding = _vector_of(model.get_layer("fusion"))
    if isinstance(embedding, (list, tuple)):
        embedding = embedding[0]
    if len(embedding.shape) == 3:
        embedding = ops.mean(embedding, axis=1)
    return keras.Model(model.input, embedding, name="embedding_model")
