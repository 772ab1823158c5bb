"""Fine-tuning: freezing, gradual unfreezing, layer-wise learning rates, LoRA, the table.

Pure Keras: runs on TensorFlow and on JAX.
"""

import inspect
import itertools
import json
import os

import keras
import numpy as np
import pytest
from keras import ops

import mmzoo
from mmzoo import training
from mmzoo.keras_compat import all_layers
from mmzoo.training import (
    GradualUnfreezing,
    LayerwiseAdamW,
    branch_table,
    enable_lora,
    freeze,
    layerwise_multipliers,
    load_lora,
    lora_merged,
    merge_lora,
    merged_copy,
    save_lora,
    unfreeze,
)
from mmzoo.training.fine_tuning.branches import branch_layers, layers_with_weights
from mmzoo.training.fine_tuning.lora import with_lora
from tests.layers.test_properties import gradients
from tests.parts import disturb, image, labels, predict, tensors, text

BACKEND = keras.backend.backend()
CNN = {"class_name": "cnn", "config": {"filters": [4, 6], "normalization": "batch"}}
BAG = {"class_name": "bag", "config": {"embedding_dim": 6, "pooling": None}}
VIT = {"class_name": "vit", "config": {"dim": 8, "depth": 2, "num_heads": 2, "patch_size": 4}}
SHALLOW = {"class_name": "vit", "config": {**VIT["config"], "depth": 1}}


def build(fusion="sum", seed=0, **encoders):
    """A model of a text and of pictures; encoders are names, configs, layers or makers of these."""
    keras.utils.set_random_seed(seed)
    made = {
        name: image(
            encoder() if inspect.isfunction(encoder) or inspect.isclass(encoder) else encoder
        )
        for name, encoder in (encoders or {"image": dense}).items()
    }
    return mmzoo.build_model(
        inputs={"text": text(BAG), **made},
        fusion=fusion,
        head=mmzoo.heads.Softmax(3),
        dim=8,
        optimizer=keras.optimizers.AdamW(0.01),
    )


def dense():
    """The cheapest network with BatchNorm."""
    layers = [
        keras.layers.Flatten(),
        keras.layers.Dense(4, name="first"),
        keras.layers.BatchNormalization(name="norm"),
        keras.layers.Dense(4, name="last"),
    ]
    return keras.Sequential(layers)


def network():
    """A functional network with a residual connection, BatchNorm and a network inside."""
    x = keras.Input((8, 8, 3))
    first = keras.layers.Conv2D(4, 3, padding="same", name="first")(x)
    norm = keras.layers.BatchNormalization(name="norm")(first)
    inside = keras.Sequential(
        [keras.layers.Conv2D(4, 3, padding="same", name="second"), keras.layers.ReLU()],
        name="inside",
    )(norm)
    added = keras.layers.Add()([norm, inside])
    last_norm = keras.layers.BatchNormalization(name="last_norm")(added)
    return keras.Model(x, keras.layers.Dense(5, name="last")(last_norm))


@keras.saving.register_keras_serializable(package="tests")
class WithToken(mmzoo.encoders.Encoder):
    """An encoder with a weight of its own beside its sublayers."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(4, name="dense")

    def build(self, shape):
        self.token = self.add_weight((4,), name="token")

    def encode(self, x, training=None):
        tokens = ops.reshape(self.dense(x) + self.token, (-1, 64, 4))
        return tokens, ops.ones(ops.shape(tokens)[:2], dtype="bool")


def fit_eagerly(model, epochs=1):
    """Where the train step itself is not what matters: tracing it takes long on TensorFlow."""
    model.run_eagerly = BACKEND == "tensorflow"
    model.train_function = None
    return fit(model, epochs)


def fit(model, epochs=1, rows=8, **options):
    x, y = tensors(model, rows), labels(model, rows)
    return model.fit(x, y, epochs=epochs, batch_size=4, shuffle=False, verbose=0, **options)


def values(layers):
    layers = layers if isinstance(layers, list) else [layers]
    return [np.array(ops.convert_to_numpy(w)) for layer in layers for w in layer.weights]


def moved(before, after):
    return [not np.array_equal(a, b) for a, b in zip(before, after, strict=True)]


def branch_values(model):
    return {
        line.branch: values(branch_layers(model, line.branch)) for line in branch_table(model).rows
    }


def row(model, branch):
    """A line of the table."""
    return next(line for line in branch_table(model).rows if line.branch == branch)


def assert_equal(first, second):
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


# Freezing


def test_a_frozen_branch_does_not_move_by_a_bit_and_moves_again_when_unfrozen():
    model = build()
    assert model.get_layer("text_projection") in branch_layers(model, "fusion")
    fit(model)  # so that the train step is traced, and the optimizer built, before all changes
    freeze(model, "image")
    freeze(model, "fusion")
    before = branch_values(model)
    fit(model)
    after = branch_values(model)
    changed = {name for name in before if any(moved(before[name], after[name]))}
    assert changed == {"text", "head"}
    unfreeze(model, "image")
    fit(model)
    assert all(moved(before["image"], values(branch_layers(model, "image"))))
    assert not any(moved(before["fusion"], values(branch_layers(model, "fusion"))))


@pytest.mark.parametrize(
    ("encoder", "names"),
    [
        (CNN, ["convolution_0", "norm_0", "convolution_1", "norm_1"]),
        (VIT, ["patches", "positions", "block_0", "block_1", "norm"]),
        (network, ["first", "norm", "second", "last_norm", "last"]),
        (lambda: keras.Sequential([network()]), ["first", "norm", "second", "last_norm", "last"]),
        (
            lambda: mmzoo.encoders.ImageCNN(filters=[4], projection_units=3),
            ["convolution_0", "projection"],
        ),
        (lambda: keras.layers.Dense(3, name="only"), ["only"]),
        (lambda: WithToken(name="with_token"), ["with_token", "dense"]),
    ],
)
def test_layers_are_counted_from_the_bottom_to_the_top(encoder, names):
    model = build(image=encoder)
    layers = layers_with_weights(branch_layers(model, "image"))
    assert [layer.name for layer, _ in layers] == names
    assert row(model, "image").layers == len(names)
    for count in range(1, len(names) + 1):
        unfreeze(model, "image", top_layers=count)
        trained = {id(w) for w in model.trainable_weights}
        for layer, weights in layers[-count:]:
            assert any(id(w) in trained for w in weights), layer.name
        assert not any(id(w) in trained for _, weights in layers[:-count] for w in weights)


def test_partly_frozen_batch_normalization_is_in_inference_mode():
    model = build(image=network)
    inner = model.get_layer("image_encoder").layer
    unfreeze(model, "image", top_layers=2)
    lower, upper = values(inner.get_layer("norm")), values(inner.get_layer("last_norm"))
    fit_eagerly(model)
    assert not any(moved(lower, values(inner.get_layer("norm"))))
    assert all(moved(upper, values(inner.get_layer("last_norm"))))


def test_batch_normalization_may_stay_frozen():
    model = build(image=network)
    inner = model.get_layer("image_encoder").layer
    unfreeze(model, "image", top_layers=2, batch_normalization=False)
    before = {layer.name: values(layer) for layer in inner.layers if layer.weights}
    fit_eagerly(model)
    changed = [name for name in before if any(moved(before[name], values(inner.get_layer(name))))]
    assert changed == ["inside", "last"]


def test_a_shared_encoder_is_frozen_for_both():
    shared = keras.Sequential([keras.layers.Conv2D(4, 3), keras.layers.Flatten()])
    model = build(front=shared, back=shared)
    freeze(model, "front")
    before = values(shared)
    fit_eagerly(model)
    assert not any(moved(before, values(shared)))
    assert row(model, "front").trainable == row(model, "back").trainable == 0
    unfreeze(model, "back")
    fit_eagerly(model)
    assert all(moved(before, values(shared)))
    assert branch_table(model).total.parameters == model.count_params()


def test_freezing_keeps_the_settings_of_training():
    def squared(y_true, y_pred):
        return ops.mean((ops.one_hot(ops.cast(y_true, "int32"), 3) - y_pred) ** 2, axis=-1)

    model = build()
    schedule = keras.optimizers.schedules.CosineDecay(0.02, 100)
    optimizer = keras.optimizers.SGD(schedule, momentum=0.5, weight_decay=0.1)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    model.compile(optimizer, loss=squared, metrics=["accuracy"])
    freeze(model, "image")
    assert model.optimizer is optimizer  # it has not trained yet
    fit_eagerly(model)
    unfreeze(model, "image")
    history = fit_eagerly(model).history
    assert set(history) == {"loss", "accuracy"}
    assert model.optimizer is not optimizer and int(model.optimizer.iterations) == 2
    assert model.optimizer.get_config() == {**optimizer.get_config()}
    assert model.optimizer._learning_rate is schedule
    bias = model.get_layer("head").dense.bias
    assert not model.optimizer._use_weight_decay(bias)
    before = model.optimizer
    unfreeze(model, "image")  # nothing changes
    assert model.optimizer is before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda model: freeze(model, "imag"),
            "Did you mean 'image'.* bare, fusion, head, image, text",
        ),
        (lambda model: unfreeze(model, "image", top_layers=9), "has 3 layers"),
        (lambda model: unfreeze(model, "image", top_layers=0), "positive integers"),
        (lambda model: unfreeze(model, "bare"), "no weights there"),
        (lambda model: freeze(keras.Sequential([keras.layers.Dense(1)]), "head"), "build_model"),
    ],
)
def test_what_cannot_be_frozen(change, message):
    model = build(image=dense, bare=keras.layers.Flatten)
    before = len(model.trainable_weights)
    with pytest.raises(ValueError, match=message):
        change(model)
    freeze(model, "bare")  # it has nothing to freeze
    assert len(model.trainable_weights) == before


@pytest.mark.slow
def test_what_is_frozen_is_still_so_after_loading_and_training_goes_on(tmp_path):
    model = build(image=CNN)
    freeze(model, "text")
    unfreeze(model, "image", 2)
    fit(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert json.dumps(loaded.get_config()) == json.dumps(model.get_config())
    assert len(loaded.trainable_weights) == len(model.trainable_weights)
    fit(model)
    fit(loaded)
    assert_equal(values(loaded), values(model))


def test_frozen_layers_inside_keras_layers_are_frozen_after_loading(tmp_path):
    x = keras.Input((8, 8, 3))
    rows = keras.layers.Reshape((8, 24))(x)
    attention = keras.layers.MultiHeadAttention(2, 3)
    model = build(image=keras.Model(x, keras.layers.Dense(2)(attention(rows, rows))))
    unfreeze(model, "image", top_layers=1)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert branch_table(loaded).rows == branch_table(model).rows
    unfreeze(loaded, "image")
    assert len(attention.trainable_weights) == 0 < len(attention.weights)
    assert row(loaded, "image").trainable == row(model, "image").parameters


def test_an_encoder_may_be_given_frozen():
    model = build(image=mmzoo.encoders.ImageCNN(filters=[4], trainable=False))
    assert row(model, "image").trainable == 0


# Gradual unfreezing


class Record(keras.callbacks.Callback):
    """Weights after every epoch."""

    def on_train_begin(self, logs=None):
        self.epochs = [branch_values(self.model)]
        self.rates = []

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(branch_values(self.model))
        self.rates.append(float(self.model.optimizer.learning_rate))


@pytest.mark.end_to_end
def test_gradual_unfreezing_trains_stage_by_stage_in_one_fit():
    model = build()
    schedule = keras.optimizers.schedules.PolynomialDecay(0.01, 8, 0.001)
    model.compile(keras.optimizers.AdamW(schedule), loss=model.loss, metrics=["accuracy"])
    record = Record()
    stages = {1: {"image": 1}, 2: {"image": None, "text": None}}
    x, y = tensors(model), labels(model)
    history = fit(
        model,
        epochs=3,
        callbacks=[GradualUnfreezing(stages), record],
        validation_data=(x, y),
    ).history
    changes = {
        name: [any(moved(a[name], b[name])) for a, b in itertools.pairwise(record.epochs)]
        for name in record.epochs[0]
    }
    assert changes == {
        "image": [False, True, True],
        "text": [False, False, True],
        "fusion": [True] * 3,
        "head": [True] * 3,
    }
    first = moved(record.epochs[1]["image"], record.epochs[2]["image"])
    assert first == [False] * (len(first) - 2) + [True] * 2  # BatchNorm below it stands still
    assert all(moved(record.epochs[2]["image"], record.epochs[3]["image"]))
    np.testing.assert_allclose(record.rates, [float(schedule(step)) for step in (2, 4, 6)])
    assert len(history["val_accuracy"]) == 3


@pytest.mark.slow
def test_gradual_unfreezing_is_a_fit_a_stage():
    callback = GradualUnfreezing({1: {"image": 1}})
    gradual, manual = build(), build()
    fit(gradual, epochs=2, callbacks=[callback])
    freeze(manual, "image")
    fit(manual)
    unfreeze(manual, "image", 1)
    fit(manual)
    assert_equal(values(gradual), values(manual))
    freeze(gradual, "image")  # what is trained is a function of the epoch
    fit(gradual, epochs=2, initial_epoch=1, callbacks=[callback])
    assert row(gradual, "image").trainable == 4 * 4 + 4


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ({}, "dict from epoch"),
        ([{"image": 1}], "dict from epoch"),
        ({-1: {"image": 1}}, "dict from epoch"),
        ({1: {"sound": 1}}, "Unknown branch"),
        ({1: {"image": 7}}, "has 3 layers"),
    ],
)
def test_stages_that_cannot_be(stages, message):
    with pytest.raises(ValueError, match=message):
        fit(build(), callbacks=[GradualUnfreezing(stages)])


# Layer-wise learning rates


def dense_model(optimizer, policy=None, **settings):
    keras.utils.set_random_seed(1)
    layers = [keras.layers.Dense(4, dtype=policy, name=f"dense_{i}") for i in range(2)]
    x = keras.Input((5,))
    y = x
    for layer in layers:
        y = layer(y)
    model = keras.Model(x, y)
    model.compile(optimizer, loss="mse", **settings)
    return model


def fit_dense(model, epochs=2):
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(12, 5)), generator.normal(size=(12, 4))
    model.fit(x, y, batch_size=4, epochs=epochs, shuffle=False, verbose=0)


SETTINGS = [
    pytest.param({}, marks=pytest.mark.slow),
    {"policy": "mixed_bfloat16", "gradient_accumulation_steps": 2, "jit_compile": True},
    {"clipnorm": 0.1, "use_ema": True, "amsgrad": True},
]
if BACKEND == "tensorflow":
    SETTINGS.append(pytest.param({"policy": "mixed_float16"}, marks=pytest.mark.slow))


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.end_to_end
def test_layerwise_adamw_is_adamw_and_multiplier_0_is_frozen(settings):
    settings = dict(settings)
    compile_settings = {
        name: settings.pop(name) for name in ("jit_compile", "policy") if name in settings
    }
    settings |= {"learning_rate": 0.01, "weight_decay": 0.1}
    adamw = keras.optimizers.AdamW(**settings)
    adamw.exclude_from_weight_decay(var_names=["bias"])
    expected = dense_model(adamw, **compile_settings)
    fit_dense(expected)
    settings["exclude_from_decay"] = ["bias"]
    model = dense_model(LayerwiseAdamW(multipliers=[1] * 4, **settings), **compile_settings)
    fit_dense(model)
    assert_equal(values(model), values(expected))
    model = dense_model(LayerwiseAdamW(multipliers=[0, 1, 0.5, 0], **settings), **compile_settings)
    before = values(model)
    fit_dense(model)
    assert moved(before, values(model)) == [False, True, True, False]


def test_a_multiplier_scales_learning_rate_and_weight_decay():
    factors = [0.25, 1, 0, 3]
    model = dense_model(LayerwiseAdamW(0.01, factors, weight_decay=0.1), run_eagerly=True)
    start = values(model)
    fit_one = {"x": np.ones((4, 5)), "y": np.ones((4, 4)), "verbose": 0}
    model.fit(**fit_one)
    for index, factor in enumerate(factors):
        alone = dense_model(
            keras.optimizers.AdamW(0.01 * factor or 1e-9, weight_decay=0.1), run_eagerly=True
        )
        alone.fit(**fit_one)
        step, expected = (values(m)[index] - start[index] for m in (model, alone))
        np.testing.assert_allclose(step, expected, atol=1e-7)


@pytest.mark.slow
def test_layerwise_training_goes_on_after_loading(tmp_path):
    model = build()
    multipliers = layerwise_multipliers(model, 0.5, {"^head/.*bias": 0, "image.*norm": 3})
    optimizer = LayerwiseAdamW(
        training.warmup_cosine(0.02, 20), multipliers, weight_decay=0.1, exclude_from_decay=["bias"]
    )
    model.compile(optimizer, loss=model.loss, jit_compile=True)
    freeze(model, "text")
    fit(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    bias = values(loaded.get_layer("head"))[1]
    for each in (model, loaded):
        fit(each)
    assert_equal(values(loaded), values(model))
    assert_equal(values(loaded.get_layer("head"))[1:], [bias])
    assert branch_table(loaded).rows == branch_table(model).rows


def test_multipliers_fall_from_the_top_of_each_encoder():
    model = build(image=VIT)
    multipliers = layerwise_multipliers(model, 0.5, {"text_encoder": 7, "block_1/attention": 0.3})
    encoder = model.get_layer("image_encoder")
    assert {multipliers(w) for w in model.get_layer("head").weights} == {1}
    assert {multipliers(w) for w in model.get_layer("text_projection").weights} == {1}
    assert {multipliers(w) for w in model.get_layer("text_encoder").weights} == {7}
    assert {multipliers(w) for w in encoder.norm.weights} == {0.5}
    assert {multipliers(w) for w in encoder.blocks[1].weights} == {0.25, 0.3}
    assert {multipliers(w) for w in encoder.blocks[0].weights} == {0.125}
    assert {multipliers(w) for w in encoder.patches.weights} == {0.03125}
    only_text = layerwise_multipliers(model, {"text": 0.5})
    assert {only_text(w) for w in encoder.weights} == {1}
    assert {only_text(w) for w in model.get_layer("text_encoder").weights} == {0.5}


def test_patterns_know_the_branch_of_a_foreign_network():
    model = build(image=network)
    multipliers = layerwise_multipliers(model, 1.0, {"^image_encoder/": 0.1, "image.*/last/": 1})
    found = [multipliers(w) for w in model.get_layer("image_encoder").weights]
    assert found == [0.1] * (len(found) - 2) + [1, 1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"patterns": {"image_encoder/blokc": 0.5}}, "found in no path.*image_encoder/"),
        ({"patterns": {"head": -1}}, "from 0 on"),
        ({"patterns": {"head": "1"}}, "from 0 on"),
        ({"decay": 1.1}, "up to 1"),
        ({"decay": {"fusion": 0.5}}, "Unknown modality"),
    ],
)
def test_multipliers_that_cannot_be(arguments, message):
    with pytest.raises(ValueError, match=message):
        layerwise_multipliers(build(), **arguments)


def test_multipliers_that_do_not_fit():
    with pytest.raises(ValueError, match="3 numbers for 4 trainable"):
        fit_dense(dense_model(LayerwiseAdamW(multipliers=[1, 1, 1])))
    model = build()
    model.compile(LayerwiseAdamW(multipliers=layerwise_multipliers(model)), loss=model.loss)
    enable_lora(model, 1)
    with pytest.raises(ValueError, match="no learning-rate multiplier for"):
        fit(model)


@pytest.mark.slow
def test_gradual_unfreezing_with_layerwise_rates(tmp_path):
    model = build()
    model.compile(LayerwiseAdamW(0.01, layerwise_multipliers(model, 0.5)), loss=model.loss)
    fit(model, epochs=2, callbacks=[GradualUnfreezing({1: {"image": 2}})])
    assert row(model, "image").multipliers == (0.25, 0.5)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert branch_table(loaded).rows == branch_table(model).rows
    fit(loaded)
    fit(model)
    assert_equal(values(loaded), values(model))


# LoRA


def adapters(model):
    return [w for w in model.weights if "lora" in w.name]


def test_lora_reaches_the_projections_and_freezes_the_rest():
    model = build(image=SHALLOW)
    x = tensors(model)
    expected = predict(model, x)
    enable_lora(model, 2, branches="image", alpha=4)
    np.testing.assert_array_equal(predict(model, x), expected)
    attention = model.get_layer("image_encoder").blocks[0].attention
    for layer in (
        attention.query_dense, attention.key_dense, attention.value_dense, attention.output_dense
    ):  # fmt: skip
        assert layer.lora_enabled and layer.lora_rank == 2 and layer.lora_alpha == 4
    before = {w.path: np.array(ops.convert_to_numpy(w)) for w in model.weights}
    fit_eagerly(model, epochs=2)  # in its first step only B moves: the gradient of A is zero
    for weight in model.weights:
        changed = not np.array_equal(before[weight.path], ops.convert_to_numpy(weight))
        in_branch = weight.path.startswith("image_encoder")
        assert changed == (not in_branch or "lora" in weight.name), weight.path
    assert row(model, "image").trainable == sum(int(np.prod(w.shape)) for w in adapters(model))


def test_lora_leaves_out_what_is_smaller_than_itself_and_batch_normalization():
    model = build(image=network)
    enable_lora(model, 3, "image")
    inner = model.get_layer("image_encoder").layer
    assert inner.get_layer("first").lora_enabled
    assert not inner.get_layer("last").lora_enabled
    before = values(inner.get_layer("norm"))
    fit_eagerly(model)
    assert not any(moved(before, values(inner.get_layer("norm"))))


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_lora_merged(policy, tmp_path):
    keras.config.set_dtype_policy(policy)
    model = build(image=network)
    enable_lora(model, 2)
    disturb(model)
    x, before = tensors(model), values(model)
    expected, names = predict(model, x), [w.path for w in model.weights]
    flags = [w.trainable for w in model.weights]
    tolerance = 1e-6 if policy == "float32" else 0.02
    with lora_merged(model):
        assert not adapters(model)
        np.testing.assert_allclose(predict(model, x), expected, atol=tolerance)
        merged = values(model)
        model.save(tmp_path / "model.keras")
    assert_equal(values(model), before)
    np.testing.assert_array_equal(predict(model, x), expected)
    assert [w.path for w in model.weights] == names
    assert [w.trainable for w in model.weights] == flags
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert_equal(values(loaded), merged)  # in full precision
    merge_lora(model)
    assert_equal(values(model), merged)
    assert row(model, "image").trainable == 0
    unfreeze(model, "image")
    enable_lora(model, 2)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_a_merged_copy_leaves_the_model_as_it_is(policy):
    keras.config.set_dtype_policy(policy)
    model = build(image=network)
    assert merged_copy(model) is model
    enable_lora(model, 2)
    multipliers = layerwise_multipliers(model, 0.5)
    head = model.get_layer("head")
    optimizer = LayerwiseAdamW(0.01, multipliers)
    model.compile(optimizer, head.make_loss(), run_eagerly=True)
    disturb(model)
    x, before = tensors(model), values(model)
    expected, weights = predict(model, x), [id(w) for w in model.weights]
    trained = [id(w) for w in model.trainable_variables]
    copy = merged_copy(model)
    assert not adapters(copy) and not with_lora(all_layers(copy))
    tolerance = 1e-6 if policy == "float32" else 0.02
    np.testing.assert_allclose(predict(copy, x), expected, atol=tolerance)
    assert [id(w) for w in model.weights] == weights and model.optimizer is optimizer
    assert [id(w) for w in model.trainable_variables] == trained
    assert_equal(values(model), before)
    names = [w.path for w in model.trainable_variables if "lora" not in w.path]
    assert [w.path for w in copy.trainable_variables] == names
    wanted = [multipliers(w) for w in model.trainable_variables if "lora" not in w.path]
    assert copy.optimizer.get_config()["multipliers"] == wanted
    merge_lora(model)
    assert_equal(values(copy), values(model))  # in full precision
    copy.train_on_batch(x, labels(copy))


def test_freezing_and_unfreezing_with_lora():
    model = build()
    enable_lora(model, 1)
    matrices = {w.path for w in model.trainable_weights}
    freeze(model, "image")
    assert not model.get_layer("image_encoder").trainable_weights
    unfreeze(model, "image")
    assert {w.path for w in model.trainable_weights} == matrices
    unfreeze(model, "image", top_layers=1)
    paths = [w.path for w in model.get_layer("image_encoder").trainable_weights]
    assert paths and all("last" in path and "lora" in path for path in paths)
    fit(model, epochs=2, callbacks=[GradualUnfreezing({1: {"image": None}})])
    assert {w.path for w in model.trainable_weights} == matrices


@pytest.mark.slow
def test_lora_file(tmp_path):
    base = build("concat", image=SHALLOW, back=dense)
    base.save(tmp_path / "base.keras")
    model = build("concat", image=SHALLOW, back=dense)
    enable_lora(model, 2, ["image"])
    freeze(model, "back")
    fit_eagerly(model, epochs=1)
    path = str(tmp_path / "new" / "lora.npz")
    save_lora(model, path)
    assert os.listdir(tmp_path / "new") == ["lora.npz"]
    x = tensors(model)
    for again in (build("concat", image=SHALLOW, back=dense), model):
        load_lora(again, path)
        np.testing.assert_array_equal(predict(again, x), predict(model, x))
        assert branch_table(again).rows == branch_table(model).rows
    again = keras.saving.load_model(tmp_path / "base.keras")
    load_lora(again, path)
    np.testing.assert_allclose(predict(again, x), predict(model, x), atol=1e-6)
    for weight, gradient in gradients(again, x, labels(again)).items():
        assert np.abs(gradient).max() > 0, weight
    before = [np.array(ops.convert_to_numpy(w)) for w in adapters(again)]
    fit_eagerly(again)
    assert all(moved(before, [np.array(ops.convert_to_numpy(w)) for w in adapters(again)]))
    stored = dict(np.load(path, allow_pickle=False))
    sizes = sum(array.size for name, array in stored.items() if name != "header")
    assert sizes == branch_table(model).total.trainable


def test_a_lora_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    model = build(image=VIT)
    enable_lora(model, 1)
    save_lora(model, tmp_path / "lora.npz")
    written = (tmp_path / "lora.npz").read_bytes()

    def fails(file, **arrays):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez", fails)
    with pytest.raises(OSError, match="disk full"):
        save_lora(model, tmp_path / "lora.npz")
    assert (tmp_path / "lora.npz").read_bytes() == written
    assert os.listdir(tmp_path) == ["lora.npz"]


def test_a_lora_file_that_does_not_fit(tmp_path):
    model, path = build(), tmp_path / "lora.npz"
    enable_lora(model, 1, "image")
    save_lora(model, path)
    with_rank_2, with_all = build(), build()
    enable_lora(with_rank_2, 2, "image")
    enable_lora(with_all, 1)
    for other, message in (
        (build(image=network), "other shapes"),
        (build(image=keras.layers.Flatten), "missing"),
        (build(seed=1), "other weights"),
        (with_rank_2, "rank 1.*of 2"),
        (with_all, "has no LoRA for"),
        (build("concat"), "weight of shape"),
    ):
        before = values(other)
        with pytest.raises(ValueError, match=message):
            load_lora(other, path)
        assert_equal(values(other), before)
    with pytest.raises(FileNotFoundError, match="no file"):
        load_lora(model, tmp_path / "nothing.npz")
    np.savez(tmp_path / "other.npz", a=np.ones(3))
    (tmp_path / "text.npz").write_text("no zip at all")
    (tmp_path / "half.npz").write_bytes(path.read_bytes()[:500])
    for name in ("other.npz", "text.npz", "half.npz"):
        with pytest.raises(ValueError, match="not written by save_lora"):
            load_lora(model, tmp_path / name)
    with pytest.raises(ValueError, match="has no LoRA"):
        save_lora(build(), path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rank": 0}, "positive integers"),
        ({"rank": 2.5}, "positive integers"),
        ({"rank": 1, "branches": ["image", "voice"]}, "Unknown branch: 'voice'"),
        ({"rank": 100}, "larger than an update of rank 100"),
        ({"rank": 1, "branches": "head"}, "has LoRA already"),
    ],
)
def test_lora_that_cannot_be(arguments, message):
    model = build(image=VIT)
    enable_lora(model, 1, "head")
    before = [w.path for w in model.trainable_weights]
    with pytest.raises(ValueError, match=message):
        enable_lora(model, **arguments)
    assert [w.path for w in model.trainable_weights] == before
    merge_lora(model)
    with pytest.raises(ValueError, match="has no LoRA"):
        merge_lora(model)


# The table


def test_the_table(capsys):
    model = build()
    model.compile(LayerwiseAdamW(multipliers=layerwise_multipliers(model, 0.5)), loss=model.loss)
    freeze(model, "text")
    print(branch_table(model))
    assert (
        capsys.readouterr().out
        == """\
branch  layers  parameters  trainable  learning rate
-------------------------------------------------------
image        3         808        800  x 0.125 to x 0.5
text         1          72          0  -
fusion       2          96         96  x 1
head         1          27         27  x 1
-------------------------------------------------------
total        7       1,003        923  x 0.125 to x 1
"""
    )
    fit(model, callbacks=[GradualUnfreezing({0: {"text": None}}, verbose=1)])
    assert "text         1          72         72  x 0.5\n" in capsys.readouterr().out
