"""The outputs of an exported model, as the targets of its answers name them."""

from mmzoo.prediction.answers import by_answer


def output_name(answer, output):
    """The name of an output: with several answers the answer stands before it."""
    return output if answer == "head" else f"{answer}_{output}"


def answer_outputs(targets, prediction, decoded=None):
    """All named outputs, in the graph.

    Args:
        targets: dict from the name of an answer to its target.
        prediction: what the model predicts.
        decoded: see `mmzoo.targets.Target.outputs`.

    Returns:
        Dict from name to tensor.
    """
    return {
        output_name(answer, output): tensor
        for answer, of_answer in by_answer(targets, prediction).items()
        for output, tensor in targets[answer].outputs(of_answer, decoded).items()
    }


def main_outputs(targets, prediction):
    """The predictions themselves, by their names."""
    return {
        output_name(answer, targets[answer].main_output): targets[answer].prediction_itself(
            of_answer
        )
        for answer, of_answer in by_answer(targets, prediction).items()
    }
