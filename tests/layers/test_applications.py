"""Applications: every family of keras.applications as an encoder. Runs on TensorFlow and on JAX."""

import json
import shutil

import keras
import numpy as np
import pytest

import mmzoo
from mmzoo.encoders.applications import ARCHITECTURES, SMALLEST, Applications
from tests.parts import predict, slow_among, tensors, text

BACKEND = keras.backend.backend()
#: The smallest architecture of each family.
FAMILIES = {
    "convnext": "ConvNeXtTiny",
    "densenet": "DenseNet121",
    "efficientnet": "EfficientNetB0",
    "efficientnet_v2": "EfficientNetV2B0",
    "inception_resnet_v2": "InceptionResNetV2",
    "inception_v3": "InceptionV3",
    "mobilenet": "MobileNet",
    "mobilenet_v2": "MobileNetV2",
    "mobilenet_v3": "MobileNetV3Small",
    "nasnet": "NASNetMobile",
    "resnet": "ResNet50",
    "resnet_v2": "ResNet50V2",
    "vgg16": "VGG16",
    "vgg19": "VGG19",
    "xception": "Xception",
}
#: Families whose networks scale pixels themselves.
SCALED_INSIDE = {"convnext", "efficientnet", "efficientnet_v2", "mobilenet_v3"}
#: In the default run, one for each way to scale: inside, by ImageNet's mean in BGR and in RGB, to
#: [-1, 1]. JAX compiles op by op, which takes seconds.
QUICK = {"densenet", "mobilenet", "mobilenet_v3", "vgg16"}
if BACKEND == "jax":
    QUICK = {"mobilenet", "vgg16"}
GET_FILE = "keras.src.utils.file_utils.get_file"  # what keras.applications calls


def every_family(quick):
    """Parametrises over all families; those that are not in `quick` are slow tests."""
    return pytest.mark.parametrize("family", slow_among(FAMILIES, slow=set(FAMILIES) - set(quick)))


def slow_on_jax(test):
    return pytest.mark.slow(test) if BACKEND == "jax" else test


def side(family):
    """Small pictures; where the family takes them, of which sides get odd on the way."""
    return SMALLEST.get(family, 48)


def pictures(height, width=None, channels=3, rows=2):
    """Pixels with fractions, as resizing makes them."""
    shape = (rows, height, width or height, channels)
    return np.random.default_rng(0).uniform(0, 255, shape).astype("float32")


def numpy(x):
    return keras.ops.convert_to_numpy(x)


def feature_map(encoder, x):
    """The tokens, on their grid again."""
    tokens, mask = encoder(x, training=False)
    assert numpy(mask).all()
    return numpy(tokens).reshape(-1, *encoder.grid, tokens.shape[-1])


def preprocessed(family, x):
    """What the family's own function makes of pixels; of a copy, because it writes into them."""
    return getattr(keras.applications, family).preprocess_input(x.copy())


def assert_close(actual, expected, tolerance=1e-6):
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max() <= tolerance * np.abs(expected).max()


def changed(weights, before):
    """For each weight whether it differs from what it was."""
    return [not np.array_equal(a, b) for a, b in zip(weights, before, strict=True)]


def model_of(encoder, size=32):
    inputs = {"image": mmzoo.Image(size=size, encoder=encoder)}
    return mmzoo.build_model(inputs=inputs, head=mmzoo.heads.Softmax(units=3), dim=8)


def fit(model, epochs=1):
    """Trains on one batch; returns the losses."""
    # On TensorFlow, tracing so many layers takes longer than a few steps do.
    eagerly = BACKEND == "tensorflow"
    model.compile(keras.optimizers.Adam(1e-3), loss=model.loss, run_eagerly=eagerly)
    x, y = {"image": pictures(32, rows=6)}, np.arange(6) % 3
    return model.fit(x, y, batch_size=6, epochs=epochs, shuffle=False, verbose=0).history["loss"]


@pytest.fixture(autouse=True)
def _offline(monkeypatch):
    def get_file(name, origin, **kwargs):
        raise Exception(f"URL fetch failure on {origin}: None -- [Errno -2] Name not known")

    monkeypatch.setattr(GET_FILE, get_file)


@pytest.fixture(scope="module")
def vgg(tmp_path_factory):
    """Path of weights of a VGG16: a network without BatchNorm."""
    network = keras.applications.VGG16(include_top=False, weights=None, input_shape=(32, 32, 3))
    path = tmp_path_factory.mktemp("weights") / "vgg.weights.h5"
    network.save_weights(path)
    return str(path)


@pytest.fixture(scope="module")
def mobilenet(tmp_path_factory):
    """Path of weights of a MobileNet whose BatchNorm statistics fit: activations stay near 1."""
    network = keras.applications.MobileNet(include_top=False, weights=None, input_shape=(32, 32, 3))
    generator = np.random.default_rng(0)
    for weight in network.weights:
        if weight.path.endswith("kernel"):
            fan_in = np.prod(weight.shape[: 2 if "_dw_" in weight.path else 3])
            weight.assign(generator.normal(size=weight.shape) * np.sqrt(2 / fan_in))
        elif weight.path.endswith("moving_mean"):
            weight.assign(generator.normal(scale=0.1, size=weight.shape))
    path = tmp_path_factory.mktemp("weights") / "mobilenet.weights.h5"
    network.save_weights(path)
    return str(path)


def test_every_family_is_tested():
    assert {Applications(name, weights=None).family for name in ARCHITECTURES} == set(FAMILIES)
    assert {"EfficientNetV2B0", "ConvNeXtXLarge", "MobileNetV3Large"} < set(ARCHITECTURES)


@every_family(QUICK)
def test_pixels_are_scaled_once(family):
    encoder = Applications(FAMILIES[family], weights=None)
    x = pictures(side(family))
    before = x.copy()
    actual = feature_map(encoder, x)
    assert_close(actual, numpy(encoder.network(preprocessed(family, x), training=False)))
    np.testing.assert_array_equal(x, before)
    scalings = (keras.layers.Rescaling, keras.layers.Normalization)
    inside = any(isinstance(layer, scalings) for layer in encoder.network.layers)
    outside = not np.array_equal(preprocessed(family, x), x)
    assert (inside, outside) == (family in SCALED_INSIDE, family not in SCALED_INSIDE)


@every_family([])
def test_config_and_archive_hold_the_network(family, tmp_path):
    x = keras.Input((side(family), side(family), 3))
    encoder = Applications(FAMILIES[family], weights=None, pooling="mean")
    model = keras.Model(x, encoder(x)[0])
    config = encoder.get_config()
    again = Applications.from_config(json.loads(json.dumps(config))).get_config()
    assert json.dumps(again) == json.dumps(config)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")  # safe_mode is on by default
    x = pictures(side(family))
    np.testing.assert_array_equal(predict(loaded, x), predict(model, x))


@pytest.mark.slow
def test_equals_the_raw_network_with_weights_of_a_file(tmp_path):
    # 50 x 70: sides that get odd on the way, where Keras pads by the size of the pictures.
    raw = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(50, 70, 3))
    raw.save_weights(tmp_path / "raw.weights.h5")
    raw.save(tmp_path / "raw.h5")  # the format that Keras publishes weights in
    x = pictures(50, 70)
    expected = numpy(raw(preprocessed("mobilenet_v2", x), training=False))
    encoder = Applications("MobileNetV2", weights=str(tmp_path / "raw.h5"))
    assert_close(feature_map(encoder, x), expected)
    encoder = Applications("MobileNetV2", weights=tmp_path / "raw.weights.h5")
    inputs = {"image": mmzoo.Image(size=(50, 70), encoder=encoder)}
    model = mmzoo.build_model(inputs=inputs, fusion="film", head="sigmoid", dim=8)
    tokens, _ = keras.Model(model.input, model.get_layer("image_encoder").output)({"image": x})
    assert_close(numpy(tokens).reshape(expected.shape), expected)
    assert encoder.grid == (2, 3) and model.get_layer("fusion").grids == {"image": (2, 3)}


@pytest.mark.parametrize("family", ["mobilenet", "vgg16"])
def test_gray_pictures_are_three_equal_channels(family):
    encoder = Applications(FAMILIES[family], weights=None, pooling="max")
    gray = pictures(32, channels=1).round()
    tokens, mask = encoder(gray)
    assert tokens.shape[1] == mask.shape[1] == 1 and encoder.grid is None
    for same in (np.repeat(gray, 3, axis=-1), gray.astype("uint8")):
        np.testing.assert_array_equal(numpy(encoder(same)[0]), numpy(tokens))


@pytest.mark.end_to_end
def test_frozen_it_stays_as_it_is_to_the_bit(mobilenet):
    encoder = Applications("MobileNet", weights=mobilenet)
    model = model_of(encoder)
    assert not encoder.trainable and encoder.trainable_variables == []
    before, head = encoder.get_weights(), model.get_layer("head").get_weights()
    fit(model, epochs=2)
    assert not any(changed(encoder.get_weights(), before))  # BatchNorm's statistics among them
    assert all(changed(model.get_layer("head").get_weights(), head))
    x = pictures(32, rows=4)
    together = numpy(encoder(x, training=True)[0])
    assert_close(numpy(encoder(x[:1], training=True)[0]), together[:1], tolerance=1e-5)


@pytest.mark.slow
def test_fine_tuning_later_changes_all_that_is_not_frozen(mobilenet, tmp_path):
    encoder = Applications("MobileNet", weights=mobilenet)
    model = model_of(encoder)
    encoder.trainable = True
    before = encoder.get_weights()
    losses = fit(model, epochs=4)
    assert losses[-1] < losses[0]
    assert all(changed(encoder.get_weights(), before))  # BatchNorm's statistics among them

    layers = encoder.network.layers
    norms = [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
    for layer in norms:
        layer.trainable = False
    frozen = {id(weight) for layer in norms for weight in layer.weights}
    before = encoder.get_weights()
    fit(model)
    assert changed(encoder.get_weights(), before) == [id(w) not in frozen for w in encoder.weights]

    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert len(loaded.trainable_variables) == len(model.trainable_variables)
    optimizers = (model.optimizer.variables, loaded.optimizer.variables)
    for variable, again in zip(*optimizers, strict=True):
        np.testing.assert_array_equal(numpy(again), numpy(variable))


@pytest.mark.slow
def test_what_is_trained(vgg):
    for weights, options, then, expected in [
        (None, {}, None, True),
        (vgg, {}, None, False),
        (None, {"trainable": False}, None, False),
        (vgg, {"trainable": True}, None, True),
        (vgg, {}, True, True),
        (None, {}, False, False),
        (vgg, {"projection_units": 4}, None, False),
        (vgg, {"projection_units": 4}, True, True),
        (None, {"projection_units": 4}, False, False),
    ]:
        encoder = Applications("VGG16", weights=weights, **options)
        if then is not None:
            encoder.trainable = then
        encoder.build((None, 32, 32, 3))
        assert encoder.network.trainable == expected
        again = Applications.from_config(encoder.get_config())
        assert again.network.trainable == expected and again.trainable == encoder.trainable


@pytest.mark.end_to_end
def test_the_projection_of_a_frozen_network_is_trained(vgg):
    encoder = Applications("VGG16", weights=vgg, projection_units=4)
    model = model_of(encoder)
    network, projection = encoder.network.get_weights(), encoder.projection.get_weights()
    fit(model)
    assert not any(changed(encoder.network.get_weights(), network))
    assert all(changed(encoder.projection.get_weights(), projection))
    encoder.trainable = True
    fit(model)
    assert all(changed(encoder.network.get_weights(), network))


@pytest.mark.end_to_end
def test_copies_do_without_the_file(vgg, tmp_path):
    path = tmp_path / "moved.weights.h5"
    shutil.copy(vgg, path)
    model = model_of(Applications("VGG16", weights=path))
    model.save(tmp_path / "model.keras")
    path.unlink()
    assert str(path) not in json.dumps(model.get_config())
    x = tensors(model)
    expected = predict(model, x)
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(predict(loaded, x), expected)
    clone = keras.models.clone_model(model)
    assert not np.array_equal(predict(clone, x), expected)  # a clone has weights of its own
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(predict(clone, x), expected)
    assert len(clone.trainable_variables) == len(model.trainable_variables)
    assert len(loaded.trainable_variables) == len(model.trainable_variables)


@pytest.mark.slow
@slow_on_jax
def test_copies_do_without_imagenet(tmp_path, monkeypatch):
    """And have the rescaling that Keras gives EfficientNet with ImageNet's weights only."""
    raw = keras.applications.EfficientNetB0(
        include_top=False, weights=None, input_shape=(32, 32, 3)
    )
    raw.save_weights(tmp_path / "cached.weights.h5")
    encoder = Applications("EfficientNetB0")
    with monkeypatch.context() as cached:
        cached.setattr(GET_FILE, lambda *_, **__: str(tmp_path / "cached.weights.h5"))
        encoder.build((None, 32, 32, 3))
    x = pictures(32)
    actual, unscaled = feature_map(encoder, x), numpy(raw(x, training=False))
    assert np.abs(actual - unscaled).max() > 0.1 * np.abs(unscaled).max()
    again = Applications.from_config(encoder.get_config())
    again.set_weights(encoder.get_weights())
    np.testing.assert_array_equal(feature_map(again, x), actual)
    training = numpy(encoder(x, training=True)[0])  # frozen, it has no stochastic depth either
    np.testing.assert_array_equal(training.reshape(actual.shape), actual)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(policy):
    if BACKEND == "jax" and policy == "mixed_float16":
        pytest.skip("XLA on the CPU of JAX has no float16 convolutions")
    encoder = Applications("MobileNet", weights=None, dtype=policy)
    x = pictures(32)
    tokens, _ = encoder(x)
    assert keras.backend.standardize_dtype(tokens.dtype) == policy.removeprefix("mixed_")
    assert {weight.dtype for weight in encoder.weights} == {"float32"}
    assert {layer.dtype_policy.name for layer in encoder.network.layers} == {policy}
    assert keras.config.dtype_policy().name == "float32"
    # Pixels are scaled in float32: as NumPy does it.
    expected = encoder.network(preprocessed("mobilenet", x))
    as_float = [numpy(keras.ops.cast(values, "float32")) for values in (tokens, expected)]
    np.testing.assert_array_equal(as_float[0].ravel(), as_float[1].ravel())


@pytest.mark.end_to_end
def test_beside_a_text(vgg):
    """One encoder of two pictures, one of them gray and optional, and a text that asks."""
    encoder = Applications("VGG16", weights=vgg)
    inputs = {
        "front": mmzoo.Image(size=32, encoder=encoder),
        "back": mmzoo.Image(size=32, encoder=encoder, channels=1, optional=True),
        "text": text(),
    }
    model = mmzoo.build_model(inputs=inputs, fusion="cross_attention", head="sigmoid", dim=8)
    assert model.get_layer("front_encoder").layer is model.get_layer("back_encoder").layer
    x = tensors(model)
    expected = predict(model, x)
    x["back"][~x["back_present"]] = np.nan
    np.testing.assert_array_equal(predict(model, x), expected)
    assert np.isfinite(expected).all()


def test_wrong_arguments():
    for arguments, error, message in [
        (("MobilNetV2",), ValueError, "Unknown architecture.*'MobileNetV2'"),
        (("resnet50",), ValueError, "Did you mean 'ResNet50'"),
        (("VGG16", "nope.weights.h5"), FileNotFoundError, r"nope\.weights\.h5"),
        (("VGG16", "image-net"), FileNotFoundError, '"imagenet", None or the path'),
        (("VGG16", 3), TypeError, "int"),
    ]:
        with pytest.raises(error, match=message):
            Applications(*arguments)


def test_pictures_it_can_not_take():
    for architecture, shape, message in [
        ("VGG16", (31, 64, 3), "VGG16 takes .* at least 32 x 32 .* received: 31 x 64"),
        ("InceptionV3", (74, 74, 3), "InceptionV3 .* at least 75 x 75"),
        ("Xception", (71, 70, 3), "Xception .* at least 71 x 71"),
        ("VGG16", (64, 64, 4), "3 channels, or 1.*64, 4"),
        ("VGG16", (None, None, 3), "of one size"),
        ("VGG16", (64,), "of one size"),
    ]:
        x = keras.Input(shape)
        for weights in (None, "imagenet"):
            encoder = Applications(architecture, weights=weights)
            with pytest.raises(ValueError, match=message):
                encoder(x)
            with pytest.raises(ValueError, match=message):
                mmzoo.encoders.Adapter(encoder)(x)


def test_the_network_is_made_for_a_size():
    encoder = Applications("VGG16", weights=None)
    with pytest.raises(ValueError, match=r"encoder\.build\(\(None, height, width, 3\)\)"):
        _ = encoder.network
    encoder.build((None, 32, 48, 3))
    assert encoder.network.input_shape == (None, 32, 48, 3)


@every_family({"mobilenet"})
def test_imagenet_out_of_reach(family):
    name = FAMILIES[family]
    message = rf"{name} .*https://.*KERAS_HOME.*`weights="
    with pytest.raises(FileNotFoundError, match=message):
        model_of(Applications(name), size=96)


def test_weights_that_do_not_fit(mobilenet, tmp_path):
    for name in ("junk.weights.h5", "junk.h5", "junk.keras", "weights.txt"):
        (tmp_path / name).write_bytes(b"junk")
    for path in (mobilenet, *tmp_path.iterdir()):
        with pytest.raises(ValueError, match="does not hold the weights of VGG16") as caught:
            model_of(Applications("VGG16", weights=path))
        assert str(path) in str(caught.value)


def test_weights_are_not_lost_in_a_trace(vgg):
    class Outer(keras.layers.Layer):
        def __init__(self, encoder):
            super().__init__()
            self.encoder = encoder

        def call(self, x):
            return self.encoder(x)[0]

    encoder = Applications("VGG16", weights=vgg)
    with pytest.raises(ValueError, match=r"call `encoder\.build"), pytest.warns(UserWarning):
        Outer(encoder)(keras.Input((32, 32, 3)))
    encoder.build((None, 32, 32, 3))
    expected = encoder.get_weights()
    Outer(encoder)(keras.Input((32, 32, 3)))
    assert not any(changed(encoder.get_weights(), expected))
