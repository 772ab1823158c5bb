"""How late a pass over a `tf.data` dataset ends, with its tuner and without.

    python benchmarks/dataset_tuner.py

Needs nothing but TensorFlow: the dataset multiplies random matrices. A pass has ended when its
iterator is deleted, as a `for` loop does, and Keras at the end of an epoch.
"""

import argparse
import statistics
import time

from results_file import FOLDER, write

NAME = "dataset_tuner"
SIDE = 300  # of the matrices


def passes(tuner, elements, count):
    """Seconds from the last element to the end, and of a whole pass, of each of `count` passes."""
    import tensorflow as tf

    def work(number):
        values = tf.random.stateless_normal((SIDE, SIDE), (0, number))
        return tf.reduce_sum(values @ values)

    options = tf.data.Options()
    options.autotune.enabled = tuner
    dataset = tf.data.Dataset.range(elements).map(work, num_parallel_calls=tf.data.AUTOTUNE)
    dataset = dataset.prefetch(2).with_options(options)
    seconds = []
    for _ in range(count):
        start = time.perf_counter()
        iterator = iter(dataset)
        for _ in iterator:
            pass
        last = time.perf_counter()
        del iterator
        seconds.append((time.perf_counter() - last, time.perf_counter() - start))
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--elements", type=int, nargs="*", default=[500, 2000])
    parser.add_argument("--passes", type=int, default=15)
    parser.add_argument("--folder", default=FOLDER, help="where the results file goes")
    arguments = parser.parse_args()
    results = []
    for elements in arguments.elements:
        for tuner in (True, False):
            late, whole = zip(*passes(tuner, elements, arguments.passes), strict=True)
            results.append(
                {
                    "tuner": tuner,
                    "elements": elements,
                    "passes": arguments.passes,
                    "passes_over_0.1_s_late": sum(seconds > 0.1 for seconds in late),
                    "most_seconds_late": max(late),
                    "mean_seconds_of_a_pass": statistics.mean(whole),
                }
            )
            print(results[-1], flush=True)
    write(NAME, results, arguments.folder)


if __name__ == "__main__":
    main()
