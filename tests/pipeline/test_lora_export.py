"""LoRA leaves merged: the exported model and the saved one know nothing of it."""

import sys

import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.training import LayerwiseAdamW, enable_lora, layerwise_multipliers
from tests.parts import disturb, image, labels, predict, tensors, text, tiny


@pytest.mark.end_to_end
def test_a_failed_export_and_a_prediction_meanwhile_find_the_model_as_it_was(tmp_path, monkeypatch):
    encoder = {"class_name": "transformer", "config": {"embedding_dim": 8, "depth": 1}}
    inputs = {"text": text(encoder)}
    preprocessor = mmzoo.Preprocessor(inputs)
    model = mmzoo.build_model(inputs=inputs, head=mmzoo.heads.Softmax(3), dim=8)
    enable_lora(model, 2)
    disturb(model)
    x, weights = tensors(model), [id(weight) for weight in model.weights]
    expected, trainable = predict(model, x), [id(weight) for weight in model.trainable_weights]
    seen = []

    def fails(*args, **kwargs):  # the last that an export does
        seen.append(predict(model, x))
        raise OSError("the disk is full")

    module = sys.modules["mmzoo.export.export_savedmodel"]
    monkeypatch.setattr(module, "write_model_card", fails)
    with pytest.raises(OSError, match="the disk is full"):
        mmzoo.export_savedmodel(model, preprocessor, tmp_path / "serving")
    np.testing.assert_array_equal(seen, [expected])
    np.testing.assert_array_equal(predict(model, x), expected)
    assert [id(weight) for weight in model.weights] == weights
    assert [id(weight) for weight in model.trainable_weights] == trainable
    assert not list(tmp_path.iterdir())


@pytest.fixture
def trained():
    """A model after some training with LoRA, compiled by XLA, and its preprocessor."""
    inputs = {"image": image(tiny("vit", mmzoo.encoders.ImageViT)), "text": text()}
    preprocessor = mmzoo.Preprocessor(inputs)
    model = mmzoo.build_model(inputs=inputs, head=mmzoo.heads.Softmax(3), dim=8)
    enable_lora(model, 2)
    optimizer = LayerwiseAdamW(0.01, layerwise_multipliers(model, 0.7))
    model.compile(optimizer, loss=model.get_layer("head").make_loss(), jit_compile=True)
    model.fit(tensors(model), labels(model), verbose=0)
    disturb(model)
    return model, preprocessor


@pytest.mark.slow
def test_lora_is_merged_at_export(trained, tmp_path):
    model, preprocessor = trained
    weights = model.get_weights()
    path = mmzoo.export_savedmodel(model, preprocessor, tmp_path / "serving")
    mmzoo.save(model, preprocessor, tmp_path / "model")
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(after, before)
    x = tensors(model)
    expected = predict(model, x)
    served = tf.saved_model.load(path)
    given = {name: tf.constant(values) for name, values in x.items()}
    outputs = served.signatures["tensors"](**given)["probabilities"]
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    assert not [
        name for name, _ in tf.train.list_variables(path + "/variables/variables") if "lora" in name
    ]
    assert len(served.signatures["tensors"].captured_inputs) == sum(
        "lora" not in weight.name for weight in model.weights
    )
    loaded, _ = mmzoo.load(tmp_path / "model")
    np.testing.assert_allclose(predict(loaded, x), expected, atol=1e-5)
    assert not [weight.path for weight in loaded.weights if "lora" in weight.name]
