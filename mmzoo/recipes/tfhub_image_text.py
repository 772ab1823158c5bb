"""Two modules of TF-Hub."""

from mmzoo.encoders import TFHub
from mmzoo.modalities import Image, Text
from mmzoo.recipes.recipe import Recipe


def tfhub_image_text(
    image_handle,
    text_handle,
    text_preprocessor=None,
    *,
    size=None,
    output_keys=(None, None),
    trainable=False,
    head="sigmoid",
):
    """A picture and a text through two modules of TF-Hub, concatenated.

    Args:
        image_handle: handle or folder of an image module, such as a feature vector.
        text_handle: handle or folder of a text module: one that takes strings, or a BERT.
        text_preprocessor: handle or folder of the text module's preprocessing, if it has one.
        size: `(height, width)` of the pictures; `None`: that of the module, or `(224, 224)` where
            it takes any.
        output_keys: which output of the image and of the text module, where there are several.
        trainable: whether the modules train, or only what stands on them.
        head: as in `mmzoo.build_model`.

    Returns:
        A `Recipe` with the inputs `image` and `text`.

    Raises:
        FileNotFoundError: when a module can't be found or downloaded.

    Example:

    ```python
    recipe = mmzoo.recipes.tfhub_image_text(
        "https://tfhub.dev/google/imagenet/mobilenet_v2_100_224/feature_vector/5",
        "https://tfhub.dev/google/nnlm-en-dim128/2",
        head=mmzoo.heads.Softmax(units=3),
    )
    model = mmzoo.build_model(recipe)
    ```

    Reference: TensorFlow Hub, https://www.tensorflow.org/hub
    """
    image_key, text_key = output_keys
    image = TFHub(image_handle, trainable=trainable, output_key=image_key)
    text = TFHub(
        text_handle, trainable=trainable, output_key=text_key, preprocessor=text_preprocessor
    )
    return Recipe(
        name="tfhub_image_text",
        inputs={
            "image": Image(size=size or image.module.picture_size or (224, 224), encoder=image),
            "text": Text(encoder=text),
        },
        fusion="concat",
        head=head,
    )
