"""Applications from raw pictures to the exported SavedModel: the raw Keras network's numbers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.encoders.applications import Applications
from tests.pipeline.raw import raw_columns

#: One for each way to scale: inside, by ImageNet's mean in BGR and in RGB, to [-1, 1].
ARCHITECTURES = {
    "mobilenet_v3": "MobileNetV3Small",
    "vgg16": "VGG16",
    "densenet": "DenseNet121",
    "mobilenet": "MobileNet",
}


@pytest.mark.slow
@pytest.mark.parametrize("family", ARCHITECTURES)
def test_raw_pictures_reach_the_network_scaled_once(family, tmp_path):
    make = getattr(keras.applications, ARCHITECTURES[family])
    raw = make(include_top=False, weights=None, input_shape=(40, 48, 3))
    # Random weights make nearly nothing of a picture: the last BatchNorm brings that to size 1.
    size = np.abs(raw(np.full((1, 40, 48, 3), 200.0), training=False)).max()
    for gamma in [weight for weight in raw.weights if weight.path.endswith("gamma")][-1:]:
        gamma.assign(gamma / size)
    raw.save_weights(tmp_path / "raw.weights.h5")
    encoder = Applications(ARCHITECTURES[family], tmp_path / "raw.weights.h5")
    inputs = {"image": mmzoo.Image(size=(40, 48), encoder=encoder)}
    columns, labels = raw_columns(4)
    records = mmzoo.data.from_arrays({"image": columns["image"]}, labels=labels)
    preprocessor = mmzoo.Preprocessor(inputs)
    preprocessor.adapt(records)
    head = mmzoo.heads.Softmax(class_names=records.class_names)
    model = mmzoo.build_model(inputs=inputs, head=head)
    dataset = records.to_dataset(preprocessor)

    pixels = np.concatenate([x["image"] for x, _ in dataset.as_numpy_iterator()])
    scaled = getattr(keras.applications, family).preprocess_input(pixels.astype("float32"))
    features = raw(scaled, training=False)
    tokens = tf.reshape(features, (4, -1, features.shape[-1]))
    mask = tf.ones(tokens.shape[:2], "bool")
    fused = model.get_layer("fusion")({"image": tokens}, {"image": mask})
    expected = model.get_layer("head")(fused)
    assert np.ptp(expected, axis=0).max() > 1e-4  # rows differ, by far more than 1e-6

    folder = mmzoo.export_savedmodel(model, preprocessor, tmp_path / "serving")
    served = tf.saved_model.load(folder).signatures["serving_default"]
    outputs = served(image=tf.constant(columns["image"]))
    np.testing.assert_allclose(outputs["probabilities"], expected, atol=1e-6)
    np.testing.assert_allclose(model.predict(dataset, verbose=0), expected, atol=1e-6)

    mmzoo.save(model, preprocessor, tmp_path / "model")
    (tmp_path / "raw.weights.h5").unlink()
    loaded, again = mmzoo.load(tmp_path / "model")
    columns = {"image": columns["image"]}
    np.testing.assert_allclose(mmzoo.predict(loaded, again, columns), expected, atol=1e-6)
