"""MultimodalModel: its parts, and what stays of it however Keras makes it anew."""

import keras
import numpy as np
import pytest

import mmzoo
from mmzoo.keras_compat import LossScaleOptimizer
from tests.parts import features, image, labels, predict, tensors, text, tiny


def build(**options):
    inputs = {"vector": features("mlp", dim=3)}
    return mmzoo.build_model(
        inputs=inputs, head=mmzoo.heads.Softmax(2), dim=4, **{"optimizer": "sgd", **options}
    )


def loaded(model, folder):
    model.save(folder / "model.keras")
    return keras.saving.load_model(folder / "model.keras")


def cloned(model, folder):
    return keras.models.clone_model(model)


def cloned_by_function(model, folder):
    return keras.models.clone_model(
        model, clone_function=lambda layer: layer.from_config(layer.get_config())
    )


def from_config(model, folder):
    again = type(model).from_config(model.get_config())
    again.compile_from_config(model.get_compile_config())
    return again


WAYS = [loaded, cloned, cloned_by_function, from_config]


def test_it_knows_its_parts():
    inputs = {"front": image(), "title": text(optional=True)}
    model = mmzoo.build_model(inputs=inputs, fusion="sum", head="sigmoid", dim=8)
    assert isinstance(model, mmzoo.MultimodalModel)
    assert model.encoders == {
        "front": model.get_layer("front_encoder"), "title": model.get_layer("title_encoder"),
    }  # fmt: skip
    assert model.heads == {"head": model.get_layer("head")}
    assert model.fusion is model.get_layer("fusion")
    assert model.embedding.shape == (None, 8)


def test_nothing_is_patched_onto_instances():
    model = build(dtype="mixed_float16")
    assert "train_step" not in vars(model)
    assert "check_finite" not in vars(model.optimizer)


@pytest.mark.parametrize("way", WAYS)
def test_it_stays_what_it_is(way, tmp_path):
    model = build()
    again = way(model, tmp_path)
    assert type(again) is mmzoo.MultimodalModel and again.compiled
    assert again.get_config().keys() == model.get_config().keys()
    again.set_weights(model.get_weights())
    x = tensors(model)
    np.testing.assert_allclose(predict(again, x), predict(model, x), atol=1e-6)
    if way is loaded:
        again.fit(x, labels(model), verbose=0)
        assert len(mmzoo.xla_report(again).compilations) == 1
        assert mmzoo.xla_report(model).compilations == ()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("given", [True, False], ids=["dtype=", "global policy"])
def test_the_loss_stays_scaled_in_float16(way, given, tmp_path):
    if not given:
        keras.config.set_dtype_policy("mixed_float16")
    model = build(**({"dtype": "mixed_float16"} if given else {}))
    keras.config.set_dtype_policy("float32")
    again = way(model, tmp_path)
    assert again.dtype_policy.name == "mixed_float16"
    assert type(again.optimizer) is LossScaleOptimizer
    again.compile("sgd", "mse")
    assert type(again.optimizer) is LossScaleOptimizer
    again.compile("sgd", "mse", auto_scale_loss=False)
    assert type(again.optimizer) is keras.optimizers.SGD


@pytest.mark.parametrize("way", WAYS)
def test_other_precisions_stay(way, tmp_path):
    again = way(build(dtype="mixed_bfloat16"), tmp_path)
    assert again.dtype_policy.name == "mixed_bfloat16"
    assert type(again.optimizer) is keras.optimizers.SGD


def test_a_loss_scale_optimizer_of_keras_is_taken_with_its_settings(tmp_path):
    model = build(dtype="mixed_float16")
    inner = keras.optimizers.SGD(0.5)
    model.compile(keras.optimizers.LossScaleOptimizer(inner, 64.0, 7), "mse")
    for found in (model, loaded(model, tmp_path)):
        assert type(found.optimizer) is LossScaleOptimizer
        assert found.optimizer.initial_scale == 64 and found.optimizer.dynamic_growth_steps == 7
        assert float(found.optimizer.learning_rate) == 0.5
    assert model.optimizer.inner_optimizer is inner


def test_what_was_left_to_keras_is_left_to_it_again_on_another_machine(tmp_path):
    model = build(dtype="mixed_float16")
    model.compile("sgd", "mse", auto_scale_loss=False)
    for again in (loaded(model, tmp_path), cloned(model, tmp_path)):
        assert type(again.optimizer) is keras.optimizers.SGD
        assert again.get_compile_config()["jit_compile"] == "auto"
    model.compile("sgd", "mse", jit_compile=False)
    assert loaded(model, tmp_path).get_compile_config()["jit_compile"] is False
    assert build(compile=False).get_compile_config() == {}


def test_a_network_in_float16_inside_an_encoder_has_its_loss_scaled():
    network = keras.Sequential([keras.layers.Dense(3, dtype="mixed_float16")])
    inputs = {"vector": features(network, dim=3)}
    model = mmzoo.build_model(inputs=inputs, head="sigmoid", dim=4)
    assert type(model.optimizer) is LossScaleOptimizer


def test_stateless_paths():
    model = build()
    x = tensors(model)
    trainable = [variable.value for variable in model.trainable_variables]
    others = [variable.value for variable in model.non_trainable_variables]
    answer, _ = model.stateless_call(trainable, others, x)
    np.testing.assert_allclose(answer, predict(model, x), atol=1e-6)


@pytest.mark.parametrize("fusion", ["sum", "late"])
def test_the_head_reads_what_the_embedding_model_gives(fusion):
    inputs = {"front": image(), "title": text()}
    fusion = tiny(fusion, mmzoo.fusion.FUSIONS[fusion])
    model = mmzoo.build_model(inputs=inputs, fusion=fusion, head="sigmoid", dim=8)
    embedding = mmzoo.embedding_model(model)
    x = tensors(model)
    vectors = predict(embedding, x)
    assert vectors.shape == (4, 8)
    head = model.heads["head"]
    np.testing.assert_allclose(head(vectors), predict(model, x), atol=1e-6)
    with pytest.raises(ValueError, match="no fusion block"):
        mmzoo.embedding_model(keras.Model(model.input, model.encoders["title"].output))


@pytest.mark.parametrize("name", ["model.h5", "model.HDF5"])
def test_no_file_that_could_not_be_loaded_again(name, tmp_path):
    with pytest.raises(ValueError, match=r"can't hold this model.*Save it as a \.keras file"):
        build().save(tmp_path / name)
    assert not any(tmp_path.iterdir())


@keras.saving.register_keras_serializable(package="mmzoo_tests")
class TokenMean(mmzoo.heads.Regression):
    """A head that reads tokens besides the vector."""

    reads_tokens = True

    def call(self, fused, tokens, mask):
        return super().call(fused + keras.ops.mean(tokens["title"], axis=1))


@pytest.mark.parametrize("fusion", ["sum", "merged_attention"])
def test_the_embedding_where_a_head_reads_tokens(fusion):
    inputs = {"front": image(), "title": text()}
    fusion = tiny(fusion, mmzoo.fusion.FUSIONS[fusion])
    model = mmzoo.build_model(inputs=inputs, fusion=fusion, head=TokenMean(), dim=8)
    assert model.embedding.shape == (None, 8)
    assert predict(mmzoo.embedding_model(model), tensors(model)).shape == (4, 8)
