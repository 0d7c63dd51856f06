"""Sweeps on a cluster: the same numbers as in one process, and workers that die."""

import os
import signal
import sys

import numpy as np
import pytest
from joblib import parallel_config
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.naive_bayes import GaussianNB

from skpoison.attacks import MarginLabelFlip, RandomLabelFlip
from skpoison.defences import KNNSanitizedClassifier
from skpoison.model_selection import (
    RobustnessReport,
    craft,
    robustness_curve,
    transfer_matrix,
)

X, y = make_classification(80, 5, random_state=0)
ATTACK = MarginLabelFlip(LogisticRegression(), random_state=0)
SWEEP = {"budgets": [0.0, 0.1, 0.2], "cv": 3}
# The workers cannot import this file.
cloudpickle = pytest.importorskip("cloudpickle")
cloudpickle.register_pickle_by_value(sys.modules[__name__])


class DiesOnce(GaussianNB):
    """A victim whose first fit kills the process that it runs in."""

    def __init__(self, *, marker=None, parent=None):
        super().__init__()
        self.marker = marker
        self.parent = parent

    def fit(self, X, y, sample_weight=None):
        if not os.path.exists(self.marker) and os.getpid() != self.parent:
            with open(self.marker, "w", encoding="utf-8") as f:
                f.write(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGKILL)
        return super().fit(X, y, sample_weight)


@pytest.fixture(scope="module")
def cluster():
    """Start a cluster of two workers."""
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None
    )
    with cluster, distributed.Client(cluster):
        yield cluster


def sweeps():
    """Run each sweep with two jobs at a time."""
    crafted = craft(ATTACK, X, y, n_jobs=2, **SWEEP)
    curve = robustness_curve(GaussianNB(), X, y, attack=crafted, n_jobs=2)
    models = {"nb": GaussianNB(), "kNN": KNNSanitizedClassifier(GaussianNB())}
    report = RobustnessReport(
        models,
        {"random": RandomLabelFlip(random_state=0), "margin": ATTACK},
        n_jobs=2,
        **SWEEP,
    ).fit(X, y)
    surrogates = {"logistic": LogisticRegression(), "ridge": RidgeClassifier()}
    matrix = transfer_matrix(models, surrogates, X, y, attack=ATTACK, cv=3, n_jobs=2)
    scores = [each.test_scores for each in report.curves_.values()]
    return [curve.test_scores, curve.train_scores, *scores, matrix.test_scores]


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
# Of dask, while it starts and stops.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
class TestDask:
    def test_same_numbers_as_in_one_process(self):
        with parallel_config("sequential"):
            expected = sweeps()
        with parallel_config("dask"):
            found = sweeps()
        for one, other in zip(expected, found, strict=True):
            np.testing.assert_array_equal(one, other)

    def test_a_worker_that_is_killed_is_survived(self, tmp_path):
        marker = tmp_path / "died"
        victim = DiesOnce(marker=str(marker), parent=os.getpid())
        with parallel_config("dask"):
            curve = robustness_curve(
                victim, X, y, attack=ATTACK, n_jobs=2, error_score="raise", **SWEEP
            )
        assert marker.exists()
        expected = robustness_curve(GaussianNB(), X, y, attack=ATTACK, **SWEEP)
        np.testing.assert_array_equal(curve.test_scores, expected.test_scores)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_ray_gives_the_same_numbers():
    ray = pytest.importorskip("ray")
    from ray.util.joblib import register_ray

    with parallel_config("sequential"):
        expected = sweeps()
    register_ray()
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        with parallel_config("ray"):
            found = sweeps()
    finally:
        ray.shutdown()
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_array_equal(one, other)
