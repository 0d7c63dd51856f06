"""What benchmarks of poison on Spambase and MNIST have in common: their options."""

import argparse
import warnings

from sklearn.exceptions import ConvergenceWarning

from skpoison.optimizers import ProjectedAscent


def parse_options(n_seeds, **numbers):
    """Return the options of the command line, and the optimizer of the attacks.

    `numbers` are further options and their defaults. Warnings of learners that have not
    converged, which are many, are left out.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--sets", nargs="+", default=["spambase", "mnist_1_7"])
    parser.add_argument("--seeds", type=int, default=n_seeds)
    parser.add_argument(
        "--steps", type=int, help="steps of a single ascent, instead of many starts"
    )
    for name, default in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    if options.steps is None:
        return options, None
    return options, ProjectedAscent(max_iter=options.steps)
