"""Gradient insertion where rows and columns are both thousands: CPU time, and growth.

Default victims and budgets (n_p/n = 0.1; 0.03 for "sparse_few"), one share of the rows
set aside, one start: what a climb of so many steps takes, of which each step is one
warm refit and one gradient. For each shape:

* seconds of user CPU in all, and for each gradient;
* growth with the last doubling of the number of rows;
* one pass: a product with the training rows and one with their transpose, the least
  that any method spends on a gradient in all digits, and how many of them the gradient
  takes.

Run with one BLAS thread, with the number of steps and, to choose, names of parts:
``OMP_NUM_THREADS=1 python benchmarks/gradient_grid.py 20 logistic ridge``

With ``default`` in the place of the number it measures the default search, starts and
held-out rows included: seconds and growth.
"""

import multiprocessing
import resource
import sys
import time
import warnings

import numpy as np
from scipy import sparse
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skpoison.attacks import GradientInsertion
from skpoison.optimizers import ProjectedAscent

WIDE = [(1000, 5000), (2000, 5000), (4000, 5000)]
SPARSE = [(5000, 20_000), (10_000, 20_000)]
PARTS = {
    "logistic": (LogisticRegression(), WIDE),
    "ridge": (RidgeClassifier(), WIDE[:2]),
    "svc": (LinearSVC(random_state=0), WIDE[:2]),
    "scaled": (make_pipeline(StandardScaler(), LogisticRegression()), WIDE[:2]),
    "tall": (LogisticRegression(), [(20_000, 300), (40_000, 300)]),
    "sparse": (LogisticRegression(), SPARSE),
    "sparse_few": (LogisticRegression(), SPARSE),
}
BUDGETS = dict.fromkeys(PARTS, 0.1) | {"sparse_few": 0.03}


def dense_rows(n_samples, n_features):
    """Return rows of two classes, most of whose columns are noise."""
    n_informative = min(50, n_features // 2)
    return make_classification(
        n_samples, n_features, n_informative=n_informative, flip_y=0.02, random_state=0
    )


def sparse_rows(n_samples, n_features):
    """Return rows of small counts, of which 0.5 % are not 0."""
    rng = np.random.default_rng(0)
    X = sparse.random_array((n_samples, n_features), density=0.005, rng=rng).tocsr()
    X.data = np.ceil(-np.log(X.data))
    weights = rng.normal(size=n_features) * (rng.random(n_features) < 0.1)
    scores = X @ weights + rng.normal(size=n_samples)
    return X, (scores > np.median(scores)).astype(int)


def cpu():
    """Return the seconds of user CPU so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime


def measure(part, victim, shape, n_steps, results):
    X, y = (sparse_rows if part.startswith("sparse") else dense_rows)(*shape)
    attack = GradientInsertion(victim, BUDGETS[part], random_state=0)
    if n_steps is not None:
        optimizer = ProjectedAscent(max_iter=n_steps, tol=None)
        attack.set_params(validation=0.3, optimizer=optimizer)
    begin = cpu(), time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        attack.fit_resample(X, y)
    seconds, wall = cpu() - begin[0], time.perf_counter() - begin[1]
    w, r = np.ones(shape[1]), np.ones(shape[0])
    begin = cpu()
    for _ in range(10):
        X @ w, X.T @ r
    known = attack.diagnostics_
    results.put((seconds, wall, (cpu() - begin) / 10, known, attack.goal_path_.max()))


def main():
    given = sys.argv[1] if len(sys.argv) > 1 else "100"
    n_steps = None if given == "default" else int(given)
    print(
        f"{'':<10}{'':>15}{'CPU s':>9}{'wall s':>9}{'a gradient':>12}{'growth':>8}"
        f"{'a pass':>10}{'passes':>8}   gradient norm, residual, goal",
        flush=True,
    )
    context = multiprocessing.get_context("spawn")
    for part in sys.argv[2:] or PARTS:
        victim, shapes = PARTS[part]
        before = None
        for shape in shapes:
            results = context.Queue()
            process = context.Process(
                target=measure, args=(part, victim, shape, n_steps, results)
            )
            process.start()
            seconds, wall, one_pass, known, goal = results.get()
            process.join()
            each = seconds / (np.nan if n_steps is None else n_steps + 1)
            growth = f"{seconds / before:.2f}" if before else ""
            print(
                f"{part:<11}{shape[0]:>7} x {shape[1]:>5}{seconds:>8.1f}{wall:>9.1f}"
                f"{1e3 * each:>9.0f} ms{growth:>8}{1e3 * one_pass:>7.1f} ms"
                f"{each / one_pass:>8.1f}   {known['gradient_norm']:.0e}, "
                f"{known['residual']:.0e}, {goal:.3f}",
                flush=True,
            )
            before = seconds


if __name__ == "__main__":
    main()
