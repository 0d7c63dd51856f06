"""Schedules, restarts and paths of attacks that follow gradients."""

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from skpoison.attacks import (
    GradientInsertion,
    GradientModification,
    RandomInsertion,
)
from skpoison.feasible_sets import (
    Box,
    Integers,
    make_intersection,
)
from skpoison.optimizers import ProjectedAscent

X_SMALL, y_small = make_classification(
    120, n_features=5, n_informative=4, n_redundant=0, n_classes=3, random_state=1
)
X_small, X_OWN, y_small, y_own = train_test_split(
    X_SMALL, y_small, test_size=40, random_state=0
)
OWN = {"X_val": X_OWN, "y_val": y_own}

BINARY = (np.random.RandomState(0).rand(200, 20) < 0.5).astype(float)
y_binary = (BINARY[:, :10].sum(axis=1) > BINARY[:, 10:].sum(axis=1)).astype(int)
X_BITS, X_BITS_OWN, y_bits, y_bits_own = train_test_split(
    BINARY, y_binary, random_state=0
)
OWN_BITS = {"X_val": X_BITS_OWN, "y_val": y_bits_own}
BITS = make_intersection(Box(), Integers())

both = pytest.mark.parametrize("make", [GradientInsertion, GradientModification])


def rows_and_starts(attack, X=X_small, y=y_small, **params):
    """Poison, and say where the poison rows are and where they set out."""
    X_out, _ = attack.fit_resample(X, y, **params)
    mask = attack.poison_mask_
    if isinstance(attack, GradientModification):
        return X_out[mask], X[mask]
    start = RandomInsertion(attack.budget, random_state=attack.random_state)
    return X_out[mask], start.fit_resample(X, y)[0][mask]


def test_one_row_after_the_other():
    attack = GradientInsertion(
        LogisticRegression(),
        budget=3,
        optimizer=ProjectedAscent(schedule="sequential", max_iter=5, store_path=True),
        random_state=0,
    )
    rows, start = rows_and_starts(attack)
    assert attack.n_iter_ == 17
    assert attack.goal_path_.shape == (18,)
    path = attack.rows_path_
    assert path.shape == (18, 3, 5)
    for k in range(3):
        of_row = path[6 * k : 6 * (k + 1)]
        np.testing.assert_array_equal(
            np.isfinite(of_row).all(axis=(0, 2)), np.arange(3) <= k
        )
        np.testing.assert_allclose(of_row[0, k], start[k], rtol=1e-12)
        assert (of_row[1:, k] != of_row[:-1, k]).any()
        # The best of its places is where it stays, as those before it do.
        values = attack.goal_path_[6 * k : 6 * (k + 1)]
        np.testing.assert_allclose(rows[k], of_row[values.argmax(), k], rtol=1e-9)
        np.testing.assert_allclose(
            of_row[:, :k], np.broadcast_to(rows[:k], (6, k, 5)), rtol=1e-12
        )


@pytest.mark.parametrize("feasible_set", [None, BITS])
def test_path_of_rows(feasible_set, measure_goal):
    X, y, params = (X_small, y_small, OWN)
    if feasible_set is BITS:
        X, y, params = X_BITS, y_bits, OWN_BITS
    attack = GradientInsertion(
        LogisticRegression(),
        budget=6,
        feasible_set=feasible_set,
        optimizer=ProjectedAscent(max_iter=9, store_path=True),
        random_state=0,
    )
    rows, start = rows_and_starts(attack, X, y, **params)
    path, goal = attack.rows_path_, attack.goal_path_
    assert path.shape == (attack.n_iter_ + 1, *rows.shape)
    assert goal.shape == path.shape[:1]
    if feasible_set is BITS:
        assert attack.n_iter_ > 9
    else:
        assert attack.n_iter_ == 9
    np.testing.assert_allclose(path[0], start, rtol=1e-12, atol=1e-12)
    best = np.abs(path - rows).max(axis=(1, 2))
    assert goal[best < 1e-9].max() == goal.max()
    assert (best < 1e-9).sum() < len(best)
    _, y_out = attack.fit_resample(X, y, **params)
    for i in (0, 3, len(path) - 1):
        X_there = np.concatenate([X, path[i]])
        value = measure_goal(attack, X, y, X_there, y_out, **params)
        np.testing.assert_allclose(value, goal[i], rtol=1e-5)
    attack.set_params(optimizer__store_path=False).fit_resample(X, y, **params)
    assert not hasattr(attack, "rows_path_")


def test_restarts_are_never_worse(measure_goal):
    better = []
    for seed in range(4):
        values = []
        for n_restarts in (0, 3):
            attack = GradientInsertion(
                LogisticRegression(),
                8,
                optimizer=ProjectedAscent(n_restarts=n_restarts, max_iter=5),
                random_state=seed,
            )
            out = attack.fit_resample(X_small, y_small, **OWN)
            values.append(measure_goal(attack, X_small, y_small, *out, **OWN))
            assert attack.goal_path_.shape == (6,)
            np.testing.assert_allclose(attack.goal_path_.max(), values[-1], rtol=1e-5)
        assert values[1] >= values[0] - 1e-9
        better.append(values[1] > values[0] + 1e-4)
    assert any(better)
