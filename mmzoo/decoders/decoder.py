"""The base class of decoders: what stands so far, and what was read -> what comes next."""

from mmzoo.decoders.writer import Writer


class Decoder(Writer):
    """Reads the tokens of the inputs, and writes one vector after another.

    In training all vectors of a text are computed at once (`call`): each sees those before it and
    no later one. In generation they come one by one (`start`, then `step` again and again), and
    what can be kept from step to step is kept. Both ways give the same vectors.

    A subclass implements all three.

    Call arguments:
        x: `(B, L, D)` float, the embedded tokens that stand so far.
        memory: `(B, S, D)` float, what is read.
        memory_mask: `(B, S)` bool, `True` where there is something to read; in every row somewhere.

    Returns:
        `(B, L, D)`: at each position what the next token is told from.
    """

    def start(self, memory, memory_mask, length):
        """What generation begins with.

        Args:
            memory: `(R, S, D)` float.
            memory_mask: `(R, S)` bool.
            length: the most steps there will be, an integer.

        Returns:
            `(read, state)`: two structures of tensors `(R, ...)`. The first stays as it is, the
            second is what `step` hands from one step to the next.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement `start`.")

    def step(self, x, position, read, state):
        """One step of generation.

        Args:
            x: `(R, D)` float, the embedded token at this position.
            position: scalar int32, from 0 on.
            read: what `start` returned.
            state: what `start` or the step before returned.

        Returns:
            `(hidden, state)`: `(R, D)` and the new state, of the same shapes.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement `step`.")
