"""A model that writes, as two functions without a loop: one reads the inputs, one makes a step.

Formats other than SavedModel hold no loop over positions. Their files hold these two functions, and
the client loops, as `write_greedily` does.
"""

import numpy as np
from keras import ops, tree

from mmzoo.export.answers import main_outputs, output_name
from mmzoo.heads import answering_model, heads_of
from mmzoo.tokenizers.vocabulary import END, PADDING, SPECIAL, START

#: What stands before the name of a state that a step gives to the next one.
NEXT = "next_"


def writing_answer(model):
    """The name of the answer that the model writes; `None` if it writes none.

    Raises:
        ValueError: when it writes several: a file has one `step`.
    """
    writing = [name for name, head in heads_of(model).items() if head.generates]
    if len(writing) > 1:
        raise ValueError(
            f"LiteRT and ONNX files hold one answer that is written, but {', '.join(writing)} all "
            "are. Export as a SavedModel."
        )
    return writing[0] if writing else None


class WritingSteps:
    """The two functions, of dicts of tensors.

    Args:
        model: a model with one head that writes.
        targets: dict from the name of an answer to its target.
    """

    def __init__(self, model, targets):
        self.network = answering_model(model)
        self.answer = writing_answer(model)
        self.head = heads_of(model)[self.answer]
        self.others = {name: target for name, target in targets.items() if name != self.answer}
        self.structure = None  # of what `read` kept

    def read(self, tensors):
        """The model's inputs -> `read_0`, ... and `state_0`, ..., which a step takes.

        With several answers the predictions of the others are among them, by their names.
        """
        read = self.network.reader(tensors, training=False)
        self.structure = kept = self.head.start(**read[self.answer])
        named = _named(*kept)
        if self.others:
            named |= main_outputs(self.others, {name: read[name] for name in self.others})
        return named

    def step(self, tensors):
        """One position: `ids`, `(B,)` int32, the tokens before it, `position`, `(1,)` int32, and
        what `read` kept -> `logits`, `(B, V)`, and `next_state_0`, ..., the states after it."""
        read, state = (
            tree.pack_sequence_as(part, [tensors[name] for name in _names(kind, part)])
            for kind, part in zip(("read", "state"), self.structure, strict=True)
        )
        position = ops.reshape(tensors["position"], ())
        logits, state = self.head.step(tensors["ids"], position, read, state)
        after = {f"{NEXT}{name}": tensor for name, tensor in _named((), state).items()}
        return {"logits": logits, **after}


def _names(kind, structure):
    return [f"{kind}_{number}" for number in range(len(tree.flatten(structure)))]


def _named(read, state):
    return {
        name: tensor
        for kind, part in (("read", read), ("state", state))
        for name, tensor in zip(_names(kind, part), tree.flatten(part), strict=True)
    }


def write_greedily(read, step, x, length):
    """Writes the likeliest token at every position, by two functions of dicts of arrays.

    Args:
        read: the first.
        step: the second.
        x: dict of arrays `(B, ...)`, the model's inputs.
        length: the most tokens of a text.

    Returns:
        `(ids, kept)`: `(B, 1, length + 1)` int32, each text up to its end, then 0; and what `read`
        returned.
    """
    kept = read(x)
    last = np.full(len(kept["state_0"]), START, "int32")
    ids, values = np.zeros((len(last), 1, length + 1), "int32"), dict(kept)
    for position in range(length):
        values |= {"ids": last, "position": np.array([position], "int32")}
        values |= {name.removeprefix(NEXT): x for name, x in step(values).items()}
        logits = np.array(values.pop("logits"))
        logits[:, [token for token in range(SPECIAL) if token != END]] = -np.inf
        is_done = (last == END) | (last == PADDING)
        last = np.where(is_done, PADDING, logits.argmax(axis=1)).astype("int32")
        ids[:, 0, position] = np.where(last == END, PADDING, last)
    return ids, kept


def written(read, step, x, answer, facts, outputs):
    """What an exported file answers: the ids of the texts, and the predictions of others.

    Args:
        read: as for `write_greedily`, and
        step: ; likewise
        x: .
        answer: name of the answer that is written.
        facts: what `model.json` says of it.
        outputs: the names of all outputs.
    """
    ids, kept = write_greedily(read, step, x, facts["length"])
    name = output_name(answer, "ids")
    return {output: ids if output == name else kept[output] for output in outputs}
