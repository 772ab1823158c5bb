"""A model that answers: what predicts by a call does so, what writes writes."""

import weakref

import keras
from keras import ops

from mmzoo.heads.of_model import heads_of
from mmzoo.keras_compat import call_arguments, traced_apart

#: Model -> `(what they were made for, models that answer by their settings)`.
_KNOWN = weakref.WeakKeyDictionary()
#: So many settings of a model are kept, those that were used last.
MOST_KEPT = 8


def answering_model(model, **sampling):
    """A model from the inputs of the modalities to the predictions that answers are made of.

    It shares the layers of `model`, and is kept as long as the model has the same variables: files
    are predicted in parts, and what is compiled for one serves for all. So are those of the latest
    `MOST_KEPT` settings.

    Args:
        model: what `mmzoo.build_model` returned.
        **sampling: arguments of `mmzoo.decoders.Sampling` that differ from those of the heads.

    Returns:
        `model` itself, where none of its heads writes; else a model whose prediction for such heads
        is a `mmzoo.decoders.Generated`.
    """
    writing = [layer for layer in model.layers if getattr(layer, "generates", False)]
    if not writing:
        return model
    # LoRA, for one, gives layers other variables, and a graph that was traced does not know them.
    variables = [id(variable) for variable in model.variables]
    lines = [getattr(layer, "isotonic", None) for layer in model.layers]
    made_for = [dict(head.sampling) for head in writing], variables, lines
    if _KNOWN.get(model, (None,))[0] != made_for:
        _KNOWN[model] = made_for, {}
    networks, setting = _KNOWN[model][1], repr(sorted(sampling.items()))
    network = networks.pop(setting, None)
    networks[setting] = AnsweringModel(model, sampling) if network is None else network
    if len(networks) > MOST_KEPT:
        del networks[next(iter(networks))]
    return networks[setting]


def inputs_of(network):
    """The symbolic inputs of an `answering_model`, without those that heads have in training.

    Returns:
        Dict from name to symbolic tensor.
    """
    return network.reader.input if isinstance(network, AnsweringModel) else network.input


class AnsweringModel(keras.Model):
    """See `answering_model`.

    Args:
        model: a model with a head that writes.
        sampling: dict of arguments of `mmzoo.decoders.Sampling`.

    Call arguments:
        x: dict of tensors; further ones are left alone, but `<answer>_prefix`, `(B, P)` int32: ids
            that the answer begins with; and where answers are drawn `<answer>_seed`, `(B,)` int32,
            the same in all rows.
    """

    def __init__(self, model, sampling=None):
        super().__init__(name=model.name)
        self.answer_heads = heads_of(model)
        self.several = isinstance(model.output, dict)
        self.sampling = dict(sampling or {})
        besides, read = set(), {}
        for answer, head in self.answer_heads.items():
            parts = head.input_tensors()
            besides |= {f"{answer}_{part}" for part in parts}
            if head.generates:
                arguments = call_arguments(head)
                read[answer] = {name: x for name, x in arguments.items() if name not in parts}
            else:
                read[answer] = head.output
        inputs = {name: x for name, x in model.input.items() if name not in besides}
        self.reader = keras.Model(inputs, read)

    def make_predict_function(self, force=False):
        """As Keras's; each way to write is traced once, of which TensorFlow need not warn."""
        if self.predict_function is None or force:
            super().make_predict_function(force)
            if keras.backend.backend() == "tensorflow" and not self.run_eagerly:
                self.predict_function = traced_apart(self.predict_function)
        return self.predict_function

    def call(self, x):
        return self.answer(x, **self.sampling)

    def answer(self, x, **sampling):
        """Predictions of a batch.

        Args:
            x: as for a call.
            **sampling: arguments of `mmzoo.decoders.Sampling` that differ from those of the heads.

        Returns:
            What answers are made of; with several answers a dict by their names.
        """
        read = self.reader({name: x[name] for name in self.reader.input}, training=False)
        predictions = {}
        for answer, head in self.answer_heads.items():
            predictions[answer] = read[answer]
            if head.generates:
                prefix, seed = x.get(f"{answer}_prefix"), x.get(f"{answer}_seed")
                drawn = sampling.get("sampler") == "sample" and seed is not None
                more = {"seed": ops.max(seed)} if drawn else {}
                predictions[answer] = head.generate(
                    **read[answer], prefix=prefix, **{**sampling, **more}
                )
        return predictions if self.several else predictions["head"]
