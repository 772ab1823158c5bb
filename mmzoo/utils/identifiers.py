"""One way to name a layer or recipe: a string, a Keras config dict, or an instance."""

import difflib
import inspect

import keras


def unknown(kind, received, known):
    """The error for a name that is not in `known`, with the nearest one.

    Args:
        kind: what was looked up, as the message should call it.
        received: the name that was not found.
        known: the names there are.

    Returns:
        A `ValueError` to raise.
    """
    hint = nearest_hint(received, known)
    return ValueError(f"Unknown {kind}: {received!r}.{hint} Known: {', '.join(sorted(known))}.")


def nearest_hint(received, known):
    """`" Did you mean ...?"`, or an empty string where nothing is near.

    Example:

    >>> nearest_hint("crossattention", ["concat", "cross_attention"])
    " Did you mean 'cross_attention'?"
    """
    nearest = difflib.get_close_matches(str(received).lower(), sorted(known), n=1, cutoff=0.5)
    return f" Did you mean {nearest[0]!r}?" if nearest else ""


def register(registry, kind, name, thing=None, check=None):
    """Adds to a registry, as a call or as a decorator; the registries' own `register` call this.

    Args:
        registry: dict from name to class or function.
        kind: what is added, for messages ("fusion", "head", ...).
        name: what to call it.
        thing: the class or function; `None`: a decorator for it is returned.
        check: function that raises where `thing` is not of the kind, or `None`.

    Returns:
        `thing`, or the decorator.

    Raises:
        ValueError: for an impossible name, or one that is taken by another. A class that was
            defined anew, as in a notebook's cell that ran twice, replaces the old one.
    """
    if not isinstance(name, str) or not name.isidentifier() or name != name.lower():
        raise ValueError(
            f"{name!r} can't be the name of a {kind}: it must be a word of small letters, digits "
            "and underscores."
        )

    def add(thing):
        if check is not None:
            check(thing)
        known = registry.get(name, thing)
        if (known.__module__, known.__qualname__) != (thing.__module__, thing.__qualname__):
            raise ValueError(
                f"There is a {kind} called {name!r} already: {known.__module__}."
                f"{known.__qualname__}. Choose another name."
            )
        registry[name] = thing
        return thing

    return add if thing is None else add(thing)


def check_serializable(kind, cls, base):
    """Raises unless `cls` is a subclass of `base` that Keras finds again in a saved model.

    Args:
        kind: what it should be, for messages.
        cls: the class.
        base: the class, or a tuple of classes, it must be derived from.

    Raises:
        TypeError: when it is no such class.
        ValueError: when it was not registered with Keras.
    """
    if not isinstance(cls, type) or not issubclass(cls, base):
        article = "An" if kind[0] in "aeiou" else "A"
        raise TypeError(f"{article} {kind} is a subclass of {base.__name__}; received: {cls!r}.")
    name = keras.saving.get_registered_name(cls)
    if cls.__module__.startswith("keras."):  # one of Keras's own
        return
    if keras.saving.get_registered_object(name) is not cls:
        raise ValueError(
            f"{cls.__name__} could be saved, but not loaded. Decorate it with "
            '`@keras.saving.register_keras_serializable(package="...")`.'
        )


def resolve(identifier, registry, kind, base, **defaults):
    """Turns an identifier into an instance, as `keras.layers.get` and friends do.

    Args:
        identifier: a name in `registry`, a config dict
            `{"class_name": name, "config": {...}}`, or an instance of `base`.
        registry: dict from name to class.
        kind: what is looked up, for messages ("fusion", "head", ...).
        base: class or tuple of classes that an instance must belong to.
        **defaults: arguments to use where the identifier leaves them open. Those the class does
            not take are dropped. An instance that left one of them `None` is copied with it, or
            given it by its method `fill` if it has one.

    Returns:
        An instance of `base`.

    Raises:
        ValueError: for an unknown name; the message lists the known ones.
        TypeError: for anything that is not an identifier.
    """
    if isinstance(identifier, str):
        if identifier not in registry:
            raise unknown(kind, identifier, registry)
        cls = registry[identifier]
        return cls(**_accepted(cls, defaults))
    if isinstance(identifier, dict) and "class_name" in identifier:
        if identifier["class_name"] in registry:
            cls = registry[identifier["class_name"]]
            return cls(**{**_accepted(cls, defaults), **identifier.get("config", {})})
        if "module" not in identifier and "registered_name" not in identifier:
            raise unknown(kind, identifier["class_name"], registry)
        identifier = keras.saving.deserialize_keras_object(identifier)
    if isinstance(identifier, base):
        return _filled(identifier, defaults)
    raise TypeError(
        f"Expected a {kind} as a name ({', '.join(sorted(registry))}), a config dict "
        f'{{"class_name": ..., "config": {{...}}}} or an instance; received: {identifier!r} '
        f"({type(identifier).__name__})."
    )


def _accepted(cls, arguments):
    parameters = inspect.signature(cls).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    layer_arguments = {"name", "dtype"} if takes_any else set()
    return {
        key: value
        for key, value in arguments.items()
        if value is not None and (key in parameters or key in layer_arguments)
    }


def _filled(instance, defaults):
    """`instance` itself, or a copy in which arguments it left `None` have their default."""
    missing = {
        key: value
        for key, value in _accepted(type(instance), defaults).items()
        if key not in ("name", "dtype") and getattr(instance, key, value) is None
    }
    if not missing:
        return instance
    if hasattr(instance, "fill"):  # holds a pretrained network, which a copy would load again
        instance.fill(**missing)
        return instance
    return type(instance).from_config({**instance.get_config(), **missing})
