"""What a customer wants, and what to answer."""

from mmzoo.heads import Softmax, Words
from mmzoo.modalities import Audio, Image, Text
from mmzoo.recipes.recipe import Recipe, part

#: What customers of a shop want, and a reply to each.
REPLIES = {
    "cancel_order": "Your order is cancelled as long as it has not left our warehouse.",
    "complaint": "We are sorry. A colleague will look into this and write to you today.",
    "greeting": "Hello! How can I help you?",
    "invoice": "You find your invoices under My account > Orders.",
    "order_status": "Your parcel's tracking link is in the e-mail that confirms its dispatch.",
    "product_question": "I am passing your question on to a colleague who knows this product.",
    "return": "You can send it back within 30 days. A return label is on its way to you.",
    "technical_problem": "Please switch it off and on again. If that does not help, send a photo.",
}


def customer_service(replies=None, vocabulary=None):
    """A customer's message, perhaps with a photo or a voice message; its intent, and a reply.

    The text through a transformer, the photo through a small residual network, the voice through
    convolutions over its log-mel frames; a gate decides how much each counts. The head knows a
    reply to every intent: the exported model returns those of the best intents as `replies`, beside
    their `labels` and `scores`. With `replies="words"` the model writes its reply instead, word by
    word, and has learned from replies rather than from intents.

    Args:
        replies: dict from intent to the text of its reply; `None`: eight intents of a web shop, to
            try it with; or `"words"`.
        vocabulary: the pieces of words of the replies that it writes, as
            `preprocessor.targets["head"].vocabulary` has learned them; `None`: 5,000 ids, for a
            preprocessor to fill.

    Returns:
        A `Recipe` with the inputs `text`, `image` (optional) and `audio` (optional).

    Example:

    >>> import mmzoo
    >>> replies = {"price": "It is 20 euros.", "return": "Send it back within 30 days."}
    >>> model = mmzoo.build_model(mmzoo.recipes.customer_service(replies), modality_dropout=0.2)
    >>> model.get_layer("head").class_names
    ['price', 'return']
    >>> mmzoo.recipes.customer_service("words").head.length
    64

    Reference: the documents mmzoo grew from; gate: Arevalo et al. 2017, arXiv 1702.01992 (GMU).
    """
    if replies == "words":
        head = Words(vocabulary, length=64, unit="wordpiece")
    else:
        replies = REPLIES if replies is None else replies
        head = Softmax(class_names=sorted(replies), replies=replies)
    return Recipe(
        name="customer_service",
        inputs={
            "text": Text(
                length=64,
                vocabulary_size=10_000,
                encoder=part("transformer", embedding_dim=128, depth=2, dropout=0.1),
            ),
            "image": Image(
                size=(96, 96), encoder=part("resnet", filters=[32, 64, 128]), optional=True
            ),
            "audio": Audio(sample_rate=16_000, seconds=5, encoder="cnn", optional=True),
        },
        fusion="gated",
        head=head,
    )
