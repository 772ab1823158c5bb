"""The files of a SavedModel: a copy that lives as long as it is used, and how it is loaded."""

import os
import shutil
import tempfile
import uuid
import weakref

import tensorflow as tf

#: Folders of the modules that are alive in this process, by id: what a copy of a layer is made of.
FOLDERS = weakref.WeakValueDictionary()


def own_copy(folder):
    """A copy of a folder that lives as long as it is used; hard links where they can be made.

    Args:
        folder: path of a folder, or such a copy, which is then returned: nobody changes one.
    """
    if isinstance(folder, tempfile.TemporaryDirectory):
        return folder
    copy = _new_folder()
    shutil.copytree(folder, copy.name, copy_function=_link_or_copy, dirs_exist_ok=True)
    return copy


def _new_folder():
    folder = tempfile.TemporaryDirectory(prefix="mmzoo-", ignore_cleanup_errors=True)
    folder.id = uuid.uuid4().hex
    FOLDERS[folder.id] = folder
    return folder


def _link_or_copy(source, target):
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def load_onto(folder, variables):
    """Loads a SavedModel: `(module, its variables in the order they are made)`.

    Args:
        folder: its folder.
        variables: variables to use instead of new ones, in that order; may be empty.
    """
    waiting, made = list(variables), []

    def creator(next_creator, **kwargs):
        made.append(waiting.pop(0) if waiting else next_creator(**kwargs))
        return made[-1]

    with tf.variable_creator_scope(creator):
        module = tf.saved_model.load(folder)
    return module, made


def in_new_format(module):
    """Folder of a module of TensorFlow 1's format, written again in that of TensorFlow 2."""
    folder = _new_folder()
    holder = tf.Module()
    holder.module = module
    tf.saved_model.save(holder, folder.name, signatures=dict(module.signatures))
    return folder


def module_folder(identity):
    """The copy of a folder that has this id, if it is alive in this process, else `None`."""
    return FOLDERS.get(identity)
