"""What is frozen inside a layer is stored by names that another process has, too."""

import keras
import pytest

from mmzoo.keras_compat import all_layers
from mmzoo.layers.frozen import freeze_inside, frozen_inside, layers_by_path


def network(*layers):
    model = keras.Sequential(layers or [keras.layers.Dense(2), keras.layers.Dense(3, name="last")])
    model.build((None, 4))
    return model


def test_names_that_keras_numbers_are_told_apart_by_their_order():
    for _ in range(2):  # the second time, Keras goes on with `dense_3`
        model = network(*[keras.layers.Dense(2) for _ in range(3)])
        assert list(layers_by_path(model)) == ["", "input_layer", "dense", "dense#1", "dense#2"]
    assert list(layers_by_path(model).values()) == all_layers(model)


def test_it_comes_back_though_a_layer_was_added():
    model = network()
    model.layers[0].trainable = False
    model.layers[1].bias.trainable = False
    told = frozen_inside(model)
    assert told == [["dense", None], ["last", ["bias"]]]
    again = network(keras.layers.Dense(4, name="new"), keras.layers.Dense(2),
                    keras.layers.Dense(3, name="last"))  # fmt: skip
    freeze_inside(again, told)
    assert frozen_inside(again) == told
    with pytest.warns(UserWarning, match="no such layer"):
        freeze_inside(network(keras.layers.Dense(3)), [["last", None]])


def test_places_of_format_1():
    model = network()
    freeze_inside(model, [[2, None], [3, [1]]])
    assert frozen_inside(model) == [["dense", None], ["last", ["bias"]]]
