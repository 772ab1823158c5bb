"""One train step: mmzoo against hand-written Keras, PyTorch eager and torch.compile.

    python benchmarks/train_step.py            # PyTorch is compared where it is installed
    python benchmarks/train_step.py --variants # what costs how much, into train_step_variants.json
    python benchmarks/train_step.py --table    # the table of what was measured last

All run the network of `mmzoo quickstart` (three convolutions, word embeddings, co-attention in both
directions, AdamW) on the same batch of 64, in one process, by turns. What counts is the ratio of
mmzoo to each in the same round; its median over the rounds is written to `results/train_step.json`.
"""

import argparse
import os
import statistics
import time
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from results_file import FOLDER, read, write

import mmzoo
from mmzoo.quickstart import FUSION, INPUTS

NAME = "train_step"
SIZE, LENGTH, VOCABULARY, CLASSES = 64, 12, 64, 13
FILTERS, DIM, HEADS, FEEDFORWARD, HIDDEN, BATCH = (16, 32, 64), 64, 4, 128, 128, 64
LEARNING_RATE, DECAY = 1e-3, 0.004


def batch():
    """One batch: pictures `(B, 64, 64, 3)`, token ids `(B, 12)` that end in padding, labels."""
    generator = np.random.default_rng(0)
    image = generator.uniform(0, 255, (BATCH, SIZE, SIZE, 3)).astype("float32")
    text = generator.integers(1, VOCABULARY, (BATCH, LENGTH)).astype("int32")
    text[np.arange(LENGTH) >= generator.integers(4, LENGTH + 1, (BATCH, 1))] = 0
    return image, text, generator.integers(0, CLASSES, BATCH)


def optimizer():
    return keras.optimizers.AdamW(LEARNING_RATE, weight_decay=DECAY)


def mmzoo_model(name="mmzoo", **inputs):
    model = mmzoo.build_model(
        inputs={**INPUTS, **inputs},
        fusion=FUSION,
        head=mmzoo.heads.Softmax(CLASSES),
        dim=DIM,
        optimizer=optimizer(),
    )
    model.name = name
    return model


def variants():
    """mmzoo's network with something left out or exchanged, to see what costs how much."""
    compiled = mmzoo_model("mmzoo_with_XLA")
    head = compiled.get_layer("head")
    compiled.compile(optimizer(), head.make_loss(), metrics=head.make_metrics(), jit_compile=True)
    descent = mmzoo_model("mmzoo_with_plain_SGD")
    descent.compile(
        keras.optimizers.SGD(LEARNING_RATE), head.make_loss(), metrics=head.make_metrics()
    )
    with mock.patch.object(layers, "LayerNormalization", _Identity):
        without_norm = mmzoo_model("mmzoo_without_LayerNorm")
    pooled = mmzoo.Image((SIZE, SIZE), encoder=layers.AveragePooling2D(SIZE // 4))
    without_convolutions = mmzoo_model("mmzoo_without_convolutions", image=pooled)
    return compiled, descent, without_norm, without_convolutions


class _Identity(layers.Layer):
    """What a normalisation is replaced by."""

    def __init__(self, epsilon=None, **kwargs):
        super().__init__(**kwargs)

    def call(self, x):
        return x


def keras_model():
    """The same network as one would write it by hand."""
    image = keras.Input((SIZE, SIZE, 3), name="image")
    text = keras.Input((LENGTH,), dtype="int32", name="question")
    x = layers.Rescaling(1 / 127.5, offset=-1)(image)
    for filters in FILTERS:
        x = layers.Conv2D(filters, 3, 2, padding="same", activation="relu")(x)
    image_tokens = layers.Reshape((-1, FILTERS[-1]))(layers.MaxPooling2D(2)(x))
    text_tokens = layers.Embedding(VOCABULARY, DIM)(text)
    mask = keras.ops.not_equal(text, 0)

    def block(tokens, context, context_mask):
        query = layers.LayerNormalization(epsilon=1e-6)(tokens)
        value = layers.LayerNormalization(epsilon=1e-6)(context)
        attention = layers.MultiHeadAttention(HEADS, DIM // HEADS)
        tokens = tokens + attention(query, value, attention_mask=context_mask)
        hidden = layers.LayerNormalization(epsilon=1e-6)(tokens)
        hidden = layers.Dense(FEEDFORWARD, activation="gelu")(hidden)
        return layers.LayerNormalization(epsilon=1e-6)(tokens + layers.Dense(DIM)(hidden))

    image_tokens = layers.LayerNormalization(epsilon=1e-6)(image_tokens)
    text_tokens = layers.LayerNormalization(epsilon=1e-6)(text_tokens)
    image_tokens, text_tokens = (
        block(image_tokens, text_tokens, mask[:, None]),
        block(text_tokens, image_tokens, None),
    )
    weights = keras.ops.cast(mask, "float32")[..., None]
    text_mean = keras.ops.sum(text_tokens * weights, axis=1) / keras.ops.sum(weights, axis=1)
    image_mean = layers.GlobalAveragePooling1D()(image_tokens)
    fused = layers.Dense(DIM)(layers.Concatenate()([image_mean, text_mean]))
    fused = layers.Dense(HIDDEN, activation="relu")(fused)
    prediction = layers.Dense(CLASSES, activation="softmax")(fused)
    model = keras.Model({"image": image, "question": text}, prediction, name="keras")
    model.compile(optimizer(), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def keras_steps(model, steps):
    """A function that trains `steps` steps."""
    image, text, y = batch()
    data = tf.data.Dataset.from_tensors(({"image": image, "question": text}, y)).repeat(steps)
    return lambda: model.fit(data, shuffle=False, verbose=0)


def torch_steps(steps, channels_last=False, compiled=False):
    """A function that trains `steps` steps, and the number of parameters."""
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norms = nn.ModuleList([nn.LayerNorm(DIM, eps=1e-6) for _ in range(4)])
            self.attention = nn.MultiheadAttention(DIM, HEADS, batch_first=True)
            self.hidden, self.output = nn.Linear(DIM, FEEDFORWARD), nn.Linear(FEEDFORWARD, DIM)

        def forward(self, tokens, context, padding):
            value = self.norms[1](context)
            attended, _ = self.attention(
                self.norms[0](tokens), value, value, key_padding_mask=padding, need_weights=False
            )
            tokens = tokens + attended
            hidden = nn.functional.gelu(self.hidden(self.norms[2](tokens)))
            return self.norms[3](tokens + self.output(hidden))

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            channels = (3, *FILTERS)
            self.convolutions = nn.ModuleList(
                [
                    nn.Conv2d(channels[i], channels[i + 1], 3, 2, padding=1)
                    for i in range(len(FILTERS))
                ]
            )
            self.embedding = nn.Embedding(VOCABULARY, DIM)
            self.image_norm, self.text_norm = nn.LayerNorm(DIM, 1e-6), nn.LayerNorm(DIM, 1e-6)
            self.image_block, self.text_block = Block(), Block()
            self.joint, self.hidden = nn.Linear(2 * DIM, DIM), nn.Linear(DIM, HIDDEN)
            self.head = nn.Linear(HIDDEN, CLASSES)

        def forward(self, image, text):
            x = image / 127.5 - 1
            for convolution in self.convolutions:
                x = torch.relu(convolution(x))
            image_tokens = nn.functional.max_pool2d(x, 2).flatten(2).transpose(1, 2)
            image_tokens = self.image_norm(image_tokens)
            text_tokens = self.text_norm(self.embedding(text))
            padding = text == 0
            image_tokens, text_tokens = (
                self.image_block(image_tokens, text_tokens, padding),
                self.text_block(text_tokens, image_tokens, None),
            )
            weights = (~padding).float()[..., None]
            text_mean = (text_tokens * weights).sum(1) / weights.sum(1)
            fused = self.joint(torch.cat([image_tokens.mean(1), text_mean], dim=-1))
            return self.head(torch.relu(self.hidden(fused)))

    torch.manual_seed(0)
    model = Model()
    image, text, y = batch()
    layout = torch.channels_last if channels_last else torch.contiguous_format
    image = torch.from_numpy(image).permute(0, 3, 1, 2).contiguous(memory_format=layout)
    model = model.to(memory_format=layout)
    text, y = torch.from_numpy(text).long(), torch.from_numpy(y)
    adamw = torch.optim.AdamW(model.parameters(), LEARNING_RATE, weight_decay=DECAY)
    forward = torch.compile(model) if compiled else model

    def run():
        for _ in range(steps):
            adamw.zero_grad()
            loss = nn.functional.cross_entropy(forward(image, text), y)
            loss.backward()
            adamw.step()
        return loss.item()

    return run, sum(p.numel() for p in model.parameters())


def contenders(steps, with_variants):
    """name -> (function that trains `steps` steps, number of parameters)."""
    keras.utils.set_random_seed(0)
    made = {}
    for model in (mmzoo_model(), *(variants() if with_variants else [keras_model()])):
        made[model.name.replace("_", " ")] = (keras_steps(model, steps), model.count_params())
    if with_variants:
        return made
    try:
        import torch
    except ImportError:
        print("PyTorch is not installed: compared with Keras alone.")
        return made
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    made["torch eager"] = torch_steps(steps)
    made["torch eager, channels_last"] = torch_steps(steps, channels_last=True)
    made["torch.compile, channels_last"] = torch_steps(steps, channels_last=True, compiled=True)
    return made


def table(results):
    """The results as a Markdown table, a row a contender."""
    lines = ["| contender | ms a step | mmzoo's time in it |", "|---|---|---|"]
    lines += [
        f"| {r['contender']} | {1000 * r['seconds']:.1f} | {r['mmzoo_ratio']:.2f}x |"
        for r in results
    ]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--steps", type=int, default=20, help="steps a turn")
    parser.add_argument("--folder", default=FOLDER, help="where the results file goes")
    parser.add_argument("--variants", action="store_true", help="mmzoo with parts left out")
    parser.add_argument("--table", action="store_true", help="print the table and stop")
    arguments = parser.parse_args()
    name = f"{NAME}_variants" if arguments.variants else NAME
    if arguments.table:
        print(table(read(name, arguments.folder)))
        return
    made = contenders(arguments.steps, arguments.variants)
    parameters = {name: count for name, (_, count) in made.items()}
    same = arguments.variants or len(set(parameters.values())) == 1
    assert same, f"not the same network: {parameters}"
    seconds = {name: [] for name in made}
    for round_number in range(-1, arguments.rounds):  # the first one warms up
        names = list(made)
        names = names if round_number % 2 else names[::-1]
        for contender in names:
            start = time.perf_counter()
            made[contender][0]()
            if round_number >= 0:
                seconds[contender].append((time.perf_counter() - start) / arguments.steps)
    results = []
    for contender, times in seconds.items():
        ratios = [ours / other for ours, other in zip(seconds["mmzoo"], times, strict=True)]
        results.append(
            {
                "contender": contender,
                "seconds": statistics.median(times),
                "mmzoo_ratio": statistics.median(ratios),
                "parameters": parameters[contender],
                "batch_size": BATCH,
                "rounds": arguments.rounds,
                "steps": arguments.steps,
            }
        )
    print(table(results))
    write(name, results, arguments.folder)


if __name__ == "__main__":
    main()
