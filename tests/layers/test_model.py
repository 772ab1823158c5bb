"""build_model: what it takes, what it returns, what it refuses."""

import keras
import numpy as np
import pytest

import mmzoo
from tests.parts import image, predict, tensors, text

SOFTMAX = {"class_name": "softmax", "config": {"units": 3}}


def test_layers_and_inputs_have_the_promised_names():
    model = mmzoo.build_model(
        inputs={"front": image(), "back": image(), "title": text(optional=True)},
        fusion="cross_attention",
        head=mmzoo.heads.Softmax(units=3),
        dim=8,
    )
    names = {layer.name for layer in model.layers}
    assert names >= {"front_encoder", "back_encoder", "title_encoder", "fusion", "head"}
    assert set(model.input) == {"front", "back", "title", "title_present"}
    assert model.input["title_present"].dtype == "bool"
    assert model.compiled and model.optimizer.name == "adam_w"
    assert predict(model, tensors(model)).shape == (4, 3)


@pytest.mark.slow
@pytest.mark.parametrize("modality", [image(), text()])
@pytest.mark.parametrize("fusion", sorted({*mmzoo.fusion.names()} - {"bilinear"}))
def test_one_modality_alone(modality, fusion):
    model = mmzoo.build_model(
        inputs={modality.kind: modality}, fusion=fusion, head="sigmoid", dim=8
    )
    assert predict(model, tensors(model)).shape == (4, 1)


def test_strings_configs_and_instances_are_the_same():
    models = [
        mmzoo.build_model(inputs={"image": image("cnn")}, fusion=fusion, head=head, dim=16)
        for fusion, head in [
            ("sum", SOFTMAX),
            ({"class_name": "sum", "config": {}}, mmzoo.heads.Softmax(3)),
            (mmzoo.fusion.Sum(), keras.saving.serialize_keras_object(mmzoo.heads.Softmax(3))),
        ]
    ]
    expected = [weight.shape for weight in models[0].weights]
    for model in models:
        assert [weight.shape for weight in model.weights] == expected
        assert model.get_layer("fusion").dim == 16


def test_an_encoder_instance_without_vocabulary_size_gets_that_of_the_modality():
    encoder = mmzoo.encoders.TextLSTM(units=5, embedding_dim=4)
    model = mmzoo.build_model(inputs={"title": text(encoder)}, head="sigmoid")
    assert model.get_layer("title_encoder").layer.vocabulary_size == 12
    assert encoder.vocabulary_size is None  # what the user holds is not changed


def functional_model():
    x = keras.Input((8, 8, 3))
    return keras.Model(x, keras.layers.Conv2D(6, 3, strides=2)(x))


@pytest.mark.parametrize(
    ("encoder", "tokens"),
    [
        (functional_model, (9, 6)),
        (lambda: keras.layers.Conv2D(6, 3, strides=2), (9, 6)),
        (lambda: keras.Sequential([keras.layers.Reshape((16, 12))]), (16, 12)),
        (lambda: keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(5)]), (1, 5)),
    ],
)
def test_any_layer_or_model_is_an_encoder(encoder, tokens, tmp_path):
    model = mmzoo.build_model(inputs={"image": image(encoder())}, head=SOFTMAX, dim=8)
    encoded, mask = model.get_layer("image_encoder").output
    assert encoded.shape[1:] == tokens and mask.shape[1:] == tokens[:1]
    x = tensors(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(predict(loaded, x), predict(model, x))


def test_a_foreign_embedding_keeps_its_mask():
    layer = keras.layers.Embedding(12, 4, mask_zero=True)
    model = mmzoo.build_model(inputs={"text": text(layer)}, head="sigmoid", dim=8)
    inspector = keras.Model(model.input, model.get_layer("text_encoder").output)
    ids = np.array([[3, 4, 0, 0, 0, 0]], "int32")
    _, mask = inspector({"text": ids})
    assert keras.ops.convert_to_numpy(mask).tolist() == (ids != 0).tolist()


def test_an_instance_given_twice_is_shared(tmp_path):
    encoder = mmzoo.encoders.ImageCNN(filters=(4, 8))
    model = mmzoo.build_model(
        inputs={"front": image(encoder), "back": image(encoder)}, fusion="sum", head="sigmoid"
    )
    single = mmzoo.build_model(inputs={"front": image()}, fusion="sum", head="sigmoid")
    assert len(model.trainable_weights) == len(single.trainable_weights) + 2  # a projection more
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert len(loaded.trainable_weights) == len(model.trainable_weights)
    local = mmzoo.training.local_copy(model)
    assert len(local.trainable_weights) == len(model.trainable_weights)
    x = tensors(model)
    np.testing.assert_array_equal(predict(local, x), predict(model, x))
    # A clone's encoders are two layers, as Keras clones wrappers, and stay so.
    clone = keras.models.clone_model(model)
    clone.save(tmp_path / "clone.keras")
    again = keras.saving.load_model(tmp_path / "clone.keras")
    np.testing.assert_array_equal(predict(again, x), predict(clone, x))


@pytest.mark.parametrize(
    ("part", "path"),
    [
        ({"head": mmzoo.heads.Softmax(units=10**10)}, r"head/.*\(8, 10000000000\) float32"),
        ({"dim": 10**10}, r"fusion/.*\(\d+, 10000000000\) float32"),
        (
            {"inputs": {"text": mmzoo.Text(length=4, vocabulary_size=10**12, encoder="bag")}},
            r"text_encoder/.*\(1000000000000, \d+\) float32",
        ),
    ],
)
def test_a_model_that_no_memory_holds_leaves_nothing_behind(part, path, tmp_path):
    good = {"inputs": {"text": text("bag")}, "head": SOFTMAX, "dim": 8}
    with pytest.raises(ValueError, match=f"too large for this machine: .*{path}"):
        mmzoo.build_model(**{**good, **part})
    model = mmzoo.build_model(**good)
    x = tensors(model)
    model.train_on_batch(x, np.array([0, 1, 2, 0]))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(predict(again, x), predict(model, x))


def test_one_head_is_not_shared_by_two_models():
    head = mmzoo.heads.Sigmoid(name="head")
    mmzoo.build_model(inputs={"image": image()}, head=head)
    with pytest.raises(ValueError, match="already part of a model"):
        mmzoo.build_model(inputs={"image": image()}, head=head)


def test_numpy_integers_are_integers():
    count = np.int64(3)
    assert mmzoo.heads.Softmax(units=count).units == 3
    assert mmzoo.Text(length=4, vocabulary_size=np.int64(9)).vocabulary_size == 9


def test_recipe_with_any_part_replaced():
    original = mmzoo.build_model("cnn_lstm_concat", compile=False)
    assert original.input["image"].shape == (None, 100, 100, 3)
    assert original.input["text"].shape == (None, 100)
    # Conv2D 896; Embedding 640,000, LSTM 33,024, Dense 4,160; Dense 64 over 49*49*32 + 64; 1 unit.
    dense = (49 * 49 * 32 + 64) * 64 + 64
    assert original.count_params() == 896 + 640_000 + 33_024 + 4_160 + dense + 65
    replaced = mmzoo.build_model(
        "cnn_lstm_concat",
        inputs={"image": image()},
        fusion="merged_attention",
        head=mmzoo.heads.Softmax(units=4),
        dim=8,
    )
    assert replaced.input["image"].shape == (None, 8, 8, 3)
    assert replaced.input["text"].shape == (None, 100)
    assert replaced.output_shape == (None, 4)


def test_the_second_recipe_takes_texts_of_any_length():
    model = mmzoo.build_model("cnn_rnn_concat_softmax", compile=False)
    assert model.input["text"].shape == (None, None)
    assert model.get_layer("image_encoder").output[0].shape == (None, 1, 1024)
    assert model.get_layer("text_encoder").output[0].shape == (None, 1, 1024)
    assert model.get_layer("fusion").output.shape == (None, 512)
    pictures = np.zeros((1, 224, 224, 3), "float32")
    for length in (3, 7):
        x = {"image": pictures, "text": np.ones((1, length), "int32")}
        np.testing.assert_allclose(predict(model, x).sum(), 1, rtol=1e-5)


@pytest.mark.parametrize(
    "key", ["Image", "1st", "my image", "photo_mask", "head", "self", "class", "", 3]
)
def test_impossible_names(key):
    with pytest.raises(ValueError, match="can't be the name of a modality"):
        mmzoo.build_model(inputs={key: image()}, head="sigmoid")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"fusion": "crossattention"}, "Did you mean 'cross_attention'.*Known: bilinear"),
        ({"head": "softmx"}, "Did you mean 'softmax'"),
        ({"inputs": {"image": image("resnett")}}, "Unknown image encoder.*'resnet'"),
        ({"inputs": {"text": text("lsmt")}}, "Unknown text encoder.*'lstm'"),
        ({"fusion": {"class_name": "sums", "config": {}}}, "Did you mean 'sum'"),
        ({"head": None}, "`head` is missing"),
        ({"inputs": None}, "`inputs` is missing"),
        ({"inputs": {}}, "`inputs` is missing"),
        ({"head": "softmax"}, "Softmax needs `units` or `class_names`"),
    ],
)
def test_messages_name_what_is_wrong(arguments, message):
    arguments = {"inputs": {"image": image()}, "head": "sigmoid", **arguments}
    with pytest.raises(ValueError, match=message):
        mmzoo.build_model(**arguments)


def test_a_regression_joins_its_inputs_as_it_is_told():
    fusions = {"add": "Sum", "multiply": "Product", "attention": "CrossAttention", "film": "FiLM"}
    for word, cls in fusions.items():
        recipe = mmzoo.recipes.cnn_rnn_regression(word)
        model = mmzoo.build_model(recipe, inputs={"image": image()}, dim=8)
        assert type(model.get_layer("fusion")).__name__ == cls
        words = model.get_layer("text_encoder").output[0].shape[1]
        assert words == (1 if word in ("add", "multiply") else 64)
        assert model.loss.name == "mean_squared_error"


def test_unknown_recipe():
    with pytest.raises(ValueError, match=r"mmzoo\.recipes\.tfhub_image_text\("):
        mmzoo.build_model("tfhub_image_text")
    with pytest.raises(ValueError, match="Did you mean 'cnn_lstm_concat'"):
        mmzoo.build_model("cnn_lstm")


@pytest.mark.parametrize(
    "arguments", [{"inputs": {"image": "cnn"}}, {"fusion": 3}, {"head": keras.layers.Dense(3)}]
)
def test_wrong_types(arguments):
    arguments = {"inputs": {"image": image()}, "head": "sigmoid", **arguments}
    with pytest.raises(TypeError):
        mmzoo.build_model(**arguments)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: mmzoo.Image(size=(0, 4)), "positive"),
        (lambda: mmzoo.Image(size=(4, 4), channels=4), "channels"),
        (lambda: mmzoo.Image(size=(4, 4), augmentation="flop"), "flop"),
        (lambda: mmzoo.Text(length=4, vocabulary_size=2), "at least 3"),
        (lambda: mmzoo.Text(length=4, vocabulary_size=9, vocabulary=["a", "a"]), "repeated"),
        (lambda: mmzoo.Text(length=4, vocabulary_size=3, vocabulary=["a", "b"]), "room for 1"),
        (lambda: mmzoo.heads.Softmax(units=3, class_names=["a", "b"]), "3 class names"),
        (lambda: mmzoo.heads.Softmax(units=1), "at least 2"),
        (lambda: mmzoo.heads.Sigmoid(units=2, class_names=["a"]), "2 class names"),
        (lambda: mmzoo.heads.Softmax(class_names=["a", "a"]), "unique"),
        (lambda: mmzoo.heads.Softmax(class_names=["a", "b"], replies={"a": "A"}), "one text for"),
        (lambda: mmzoo.heads.Softmax(units=2, replies={"a": "A", "b": "B"}), "class_names=None"),
        (lambda: mmzoo.encoders.ImageCNN(pooling="average"), "pooling"),
        (lambda: mmzoo.encoders.ImageCNN(filters=(4, 4), strides=(1, 2, 2)), "strides"),
        (lambda: mmzoo.encoders.ImageResNet(normalization="layer"), "normalization"),
        (lambda: mmzoo.encoders.TextTransformer(9, embedding_dim=6), "num_heads"),
    ],
)
def test_impossible_configurations(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_modalities_round_trip_and_do_not_change():
    modality = text(mmzoo.encoders.TextBag(embedding_dim=4))
    config = modality.get_config()
    assert type(modality).from_config(config).get_config() == config
    with pytest.raises(AttributeError):
        modality.length = 3


def test_poolings_give_one_token():
    for pooling, width in [("mean", 8), ("max", 8), ("last", 8), ("flatten", 8 * 4)]:
        encoder = mmzoo.encoders.ImageCNN(filters=(4, 8), pooling=pooling, projection_units=None)
        pooled, mask = encoder(np.zeros((2, 8, 8, 3), "float32"))
        assert tuple(pooled.shape) == (2, 1, width) and tuple(mask.shape) == (2, 1)


def test_predict_is_the_same_in_batches():
    model = mmzoo.build_model(inputs={"image": image(), "text": text()}, head=SOFTMAX, dim=8)
    x = tensors(model, rows=5)
    np.testing.assert_allclose(model.predict(x, batch_size=2, verbose=0), predict(model, x),
                               atol=1e-5)  # fmt: skip


@pytest.mark.parametrize("given", [True, False], ids=["dtype=", "global policy"])
def test_the_loss_is_scaled_in_float16(given, tmp_path):
    if not given:
        keras.config.set_dtype_policy("mixed_float16")
    arguments = {"dtype": "mixed_float16"} if given else {}
    inputs = {"features": mmzoo.Features(3, encoder="mlp")}
    model = mmzoo.build_model(inputs=inputs, head=mmzoo.heads.Softmax(2), dim=4, **arguments)
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert model.get_layer("head").compute_dtype == "float32"
    model.compile("sgd", model.get_layer("head").make_loss())  # as one may do again
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    keras.config.set_dtype_policy("float32")
    mmzoo.save(model, mmzoo.Preprocessor(inputs), tmp_path / "model")
    loaded, _ = mmzoo.load(tmp_path / "model")
    assert isinstance(loaded.optimizer, keras.optimizers.LossScaleOptimizer)
    loaded.compile("sgd", loaded.get_layer("head").make_loss())
    assert isinstance(loaded.optimizer, keras.optimizers.LossScaleOptimizer)


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="no float16 products on a CPU")
def test_a_float16_step_whose_embedding_overflows_is_left_out():
    encoder = {"class_name": "bag", "config": {"embedding_dim": 4}}
    inputs = {"text": mmzoo.Text(length=3, vocabulary_size=9, encoder=encoder)}
    model = mmzoo.build_model(
        inputs=inputs, head=mmzoo.heads.Softmax(2), dim=4, dtype="mixed_float16"
    )
    scale = keras.optimizers.LossScaleOptimizer(
        keras.optimizers.SGD(), initial_scale=1e9
    )  # nothing bears that
    model.compile(scale, model.get_layer("head").make_loss())
    text, labels = np.full((8, 3), 5, "int32"), np.arange(8) % 2
    model.fit({"text": text}, labels, epochs=2, verbose=0)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    assert float(model.optimizer.dynamic_scale) == 0.25e9
