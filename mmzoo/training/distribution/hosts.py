"""Several hosts: one process on each, joined into one training. On JAX only."""

import contextlib
import hashlib
import json
import os
import re
import subprocess
import sys

import keras
import numpy as np

#: Seconds without a sign of life after which a host counts as dead; JAX has 100.
HEARTBEAT_SECONDS = 20
#: Seconds after which a host that ends by an error stops the others; JAX has 300.
SHUTDOWN_SECONDS = 30
#: What launchers set, by the names that Keras reads.
ADDRESSES = "KERAS_DISTRIBUTION_JOB_ADDRESSES"
INDEX = "KERAS_DISTRIBUTION_PROCESS_ID"

AGAIN = (
    "Start all hosts again with the same arguments (`mmzoo train`: and `--resume`); a training "
    "with checkpoints goes on from the newest one."
)
#: How JAX's errors tell that it lost a connection, of collectives or of its coordination service.
LOST = re.compile("gloo|nccl|coordination service|heartbeat|socket closed", re.IGNORECASE)
#: A process that speaks when the one that holds the other end of its input is gone.
WATCH = "import sys; sys.stdin.read() or sys.stderr.write(sys.argv[1])"


class HostLostError(ConnectionError):
    """Another host stopped, or can't be reached any more, so this one can't go on either."""


@contextlib.contextmanager
def connected_hosts(hosts=None, host_index=None):
    """Joins the processes of all hosts; they go on when all are there, and leave together.

    Args:
        hosts: addresses with ports, `"host0:1234,host1:1234"` or a list of them; the first is where
            the hosts meet. `"cluster"`: what JAX finds out by itself under Slurm, Open MPI and
            Kubernetes, and on Cloud TPU. `None`: what the environment variable
            `KERAS_DISTRIBUTION_JOB_ADDRESSES` says, if anything.
        host_index: the place of this host among them; `None`: `KERAS_DISTRIBUTION_PROCESS_ID`.

    Yields:
        Nothing.

    Raises:
        ValueError: where it isn't clear which host this is.
        HostLostError: when another host stops.
    """
    hosts = hosts or os.environ.get(ADDRESSES)
    if not hosts:
        yield
        return
    if keras.backend.backend() != "jax":
        raise ValueError(
            "Several hosts train on JAX: set the environment variable KERAS_BACKEND=jax; it is "
            f"{keras.backend.backend()!r} now."
        )
    import jax
    from jax.experimental import multihost_utils

    limits = {
        "heartbeat_timeout_seconds": HEARTBEAT_SECONDS,
        "shutdown_timeout_seconds": SHUTDOWN_SECONDS,
    }
    if hosts == "cluster":
        jax.distributed.initialize(**limits)
    else:
        hosts = hosts.split(",") if isinstance(hosts, str) else list(hosts)
        index = checked_index(hosts, host_index)
        jax.distributed.initialize(hosts[0], len(hosts), index, **limits)
    here = f"Host {jax.process_index()} of {jax.process_count()}"
    dismiss = _watched(f"mmzoo: {here} was stopped, or lost another host that was. {AGAIN}\n")
    try:
        # Weights are drawn on every host, and must be the same; `set_random_seed` before counts.
        seed = np.uint32(np.random.randint(2**31))
        keras.utils.set_random_seed(int(multihost_utils.broadcast_one_to_all(seed)))
        yield
        multihost_utils.sync_global_devices("mmzoo: done")  # has no limit of time
        jax.distributed.shutdown()
    except Exception as error:
        if not isinstance(error, jax.errors.JaxRuntimeError) or not LOST.search(str(error)):
            raise
        reason = str(error).splitlines()[0]
        raise HostLostError(f"{here} lost another host ({reason}). {AGAIN}") from error
    finally:
        dismiss()


def checked_index(hosts, index):
    """The place of this host among others; a `ValueError` where that isn't clear.

    Args:
        hosts: list of addresses.
        index: the place, or `None`: the environment says it.
    """
    if index is None and INDEX in os.environ:
        index = int(os.environ[INDEX])
    if index is None or not 0 <= index < len(hosts) or any(":" not in host for host in hosts):
        raise ValueError(
            "`hosts` are addresses with ports, such as 'host0:1234,host1:1234', the same on all "
            "hosts, and `host_index` is the place of this one among them, from 0; received: "
            f"{','.join(hosts)!r} and {index!r}."
        )
    return index


def _watched(message):
    """Has a message written if this process ends before the function that is returned is called.

    When JAX finds that the first host is gone, it ends the process, and no Python runs any more.
    """
    watch = subprocess.Popen(
        [sys.executable, "-c", WATCH, message], stdin=subprocess.PIPE, start_new_session=True
    )
    return lambda: watch.communicate(b"done")


def end_process(code):
    """Ends the process; at once where hosts are joined, so that the others need not wait.

    Args:
        code: the exit code.
    """
    jax = sys.modules.get("jax")
    if jax and jax.distributed.is_initialized():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def is_first_host():
    """Whether this is the host that writes files: the first one, or the only one."""
    if keras.backend.backend() != "jax":
        return True
    return _host_index() == 0


def data_share():
    """Which share of every batch this host reads: `(index, count)`, as `shard` of `to_dataset`.

    Under a model-parallel distribution several hosts may hold parts of one copy of the model, and
    read the same rows.
    """
    distribution = keras.distribution.distribution()
    if distribution is None:
        return 0, 1
    count = min(distribution.num_processes, distribution.num_model_replicas)
    return distribution.data_shard_id, count


def from_first_host(state):
    """What the first host has read from a checkpoint, on all hosts.

    Args:
        state: `(arrays, facts)`, a dict of NumPy arrays and a JSON-able dict, or `None`; looked at
            on the first host only.

    Returns:
        The same.
    """
    if _hosts() == 1:
        return state
    arrays, facts = state or ({}, None)
    forms = {name: [array.dtype.str, array.shape] for name, array in arrays.items()}
    text = json.dumps([facts, forms]).encode()
    length = int(_broadcast(np.array([len(text)], "uint32"))[0])
    facts, forms = json.loads(
        _broadcast(np.frombuffer(text.ljust(length)[:length], "uint8")).tobytes()
    )
    if facts is None:
        return None
    received = {}
    for name, (dtype, shape) in forms.items():
        array = arrays[name] if name in arrays else np.zeros(shape, dtype)
        data = np.frombuffer(array.tobytes(), "uint8")  # JAX would make 64 bits 32
        data = _broadcast(data) if data.size else data
        received[name] = np.frombuffer(bytearray(data), dtype).reshape(shape)
    return received, facts


def check_agreed(facts):
    """Raises a `ValueError` on all hosts unless they have the same.

    Otherwise they would wait for each other for ever, or train on other rows than they are told.

    Args:
        facts: dict from what is compared, in words, to what has a `repr`.
    """
    if _hosts() == 1:
        return
    from jax.experimental.multihost_utils import process_allgather

    digests = [hashlib.sha256(repr(value).encode()).digest() for value in facts.values()]
    digests = np.frombuffer(b"".join(digests), "uint32").reshape(len(facts), -1)
    differs = (process_allgather(digests) != digests).any(axis=-1)  # (hosts, facts)
    for name, hosts in zip(facts, differs.T, strict=True):
        if hosts.any():
            raise ValueError(
                f"All hosts must have the same {name}; those of host {_host_index()} are not those "
                f"of host {', '.join(map(str, np.flatnonzero(hosts)))}."
            )


def host_array(variable):
    """The value of a variable as a NumPy array, also of one whose parts lie on several hosts."""
    value = variable.value
    if getattr(value, "is_fully_addressable", True) or value.is_fully_replicated:
        return np.asarray(variable)
    from jax.experimental.multihost_utils import process_allgather

    return process_allgather(value, tiled=True)


def gather_weights(model):
    """Has `model.get_weights`, which callbacks use, gather what lies on several hosts in parts.

    Keras's own asks for them as if they were here.

    Args:
        model: a `keras.Model`.
    """
    if not all(weight.value.is_fully_replicated for weight in model.weights) and _hosts() > 1:
        model.get_weights = lambda: [host_array(weight) for weight in model.weights]


def _host_index():
    import jax

    return jax.process_index()


def _hosts():
    distribution = keras.distribution.distribution()
    return 1 if distribution is None else distribution.num_processes


def _broadcast(array):
    from jax.experimental.multihost_utils import broadcast_one_to_all

    return np.asarray(broadcast_one_to_all(array))
