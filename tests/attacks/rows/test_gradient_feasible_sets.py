"""Rows optimised by gradients stay in feasible sets."""

import numpy as np
import pytest
from scipy import sparse
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
    Frozen,
    Integers,
    L2Ball,
    LinfBall,
    OneHot,
    Sparse,
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


@pytest.mark.parametrize("schedule", ["joint", "sequential"])
def test_discrete_rows(schedule, measure_goal):
    """Climbing beside them is stronger than rounding in the end."""
    n_seeds, n_iter = (3, 20) if schedule == "joint" else (2, 8)
    optimizer = ProjectedAscent(max_iter=n_iter, schedule=schedule)
    gains = []
    for seed in range(n_seeds):
        values = []
        for feasible_set in (None, BITS):
            attack = GradientInsertion(
                LogisticRegression(),
                12,
                feasible_set=feasible_set,
                optimizer=optimizer,
                random_state=seed,
            )
            X_out, y_out = attack.fit_resample(X_BITS, y_bits, **OWN_BITS)
            if feasible_set is BITS:
                assert np.isin(X_out, [0, 1]).all()
            out = np.rint(X_out), y_out
            values.append(measure_goal(attack, X_BITS, y_bits, *out, **OWN_BITS))
        gains.append(values[1] - values[0])
        if schedule == "joint":
            np.testing.assert_allclose(values[1], attack.goal_path_.max(), rtol=1e-5)
    assert np.mean(gains) > 0.003


def test_search_goes_on_beside_numbers_that_are_not_discrete():
    """Where each step of the climb moves those, the others still change."""
    rng = np.random.RandomState(0)
    X = np.column_stack([X_BITS, rng.normal(size=(150, 20))])
    X_own = np.column_stack([X_BITS_OWN, rng.normal(size=(50, 20))])
    feasible_set = make_intersection(Box(), Integers(columns=range(20)))
    attack = GradientInsertion(
        LogisticRegression(),
        12,
        feasible_set=feasible_set,
        optimizer=ProjectedAscent(max_iter=15, store_path=True),
        random_state=0,
    )
    X_out, _ = attack.fit_resample(X, y_bits, X_val=X_own, y_val=y_bits_own)
    assert np.isin(X_out[:, :20], [0, 1]).all()
    # From the best place of the climb on, the search turns some bits.
    bits = attack.rows_path_[:, :, :20]
    best = attack.goal_path_[:16].argmax()
    assert (bits[16:] != bits[best]).any()


def rows_and_starts(attack, X=X_small, y=y_small, **params):
    """Poison, and say where the poison rows are and where they set out."""
    X_out, _ = attack.fit_resample(X, y, **params)
    mask = attack.poison_mask_
    if isinstance(attack, GradientModification):
        return X_out[mask], X[mask]
    start = RandomInsertion(attack.budget, random_state=attack.random_state)
    return X_out[mask], start.fit_resample(X, y)[0][mask]


@pytest.mark.parametrize("schedule", ["joint", "sequential"])
@both
@pytest.mark.parametrize(
    "feasible_set",
    [
        Box(lower=-1, upper=2),
        L2Ball(radius=0.7),
        LinfBall(radius=0.3),
        Frozen(columns=[0, 3]),
        make_intersection(Box(), L2Ball(radius=0.7), Frozen(columns=[1])),
        make_intersection(Box(-8, 8), Integers(columns=[2]), LinfBall(radius=1.5)),
    ],
    ids=str,
)
def test_rows_stay_feasible(feasible_set, make, schedule):
    attack = make(
        budget=5,
        feasible_set=feasible_set,
        optimizer=ProjectedAscent(schedule=schedule, max_iter=5, store_path=True),
        random_state=0,
    )
    rows, start = rows_and_starts(attack)
    assert attack.feasible_set_.contains(rows, start=start).all()
    initial = attack.feasible_set_.project(start, start=start)
    assert (rows != initial).any(axis=1).mean() > 0.5
    for visited in attack.rows_path_:
        k = np.isfinite(visited).all(axis=1).sum()
        nearest = attack.feasible_set_.project(visited[:k], start=start[:k])
        np.testing.assert_allclose(visited[:k], nearest, rtol=1e-9, atol=1e-9)


def test_radii_and_frozen_columns_by_hand():
    optimizer = ProjectedAscent(max_iter=8)
    settings = {"budget": 5, "optimizer": optimizer, "random_state": 0}
    for feasible_set, distance in (
        (L2Ball(radius=0.7), lambda moved: np.linalg.norm(moved, axis=1)),
        (LinfBall(radius=0.7), lambda moved: np.abs(moved).max(axis=1)),
    ):
        rows, start = rows_and_starts(
            GradientInsertion(feasible_set=feasible_set, **settings)
        )
        assert (distance(rows - start) < 0.7 + 1e-9).all()
        assert distance(rows - start).max() > 0.6
    frozen = GradientInsertion(feasible_set=Frozen(columns=[0, 3]), **settings)
    rows, start = rows_and_starts(frozen)
    np.testing.assert_array_equal(rows[:, [0, 3]], start[:, [0, 3]])
    assert (rows[:, [1, 2, 4]] != start[:, [1, 2, 4]]).all()


def test_categories_stay_categories():
    rng = np.random.RandomState(0)
    colour, size = np.eye(3)[rng.randint(3, size=150)], rng.normal(size=(150, 2))
    shape = np.eye(4)[rng.randint(4, size=150)]
    X = np.column_stack([colour, size, shape])
    y = (colour[:, 0] + shape[:, 2] + size[:, 0] > 0.7).astype(int)
    groups = [[0, 1, 2], [5, 6, 7, 8]]
    attack = GradientInsertion(
        feasible_set=make_intersection(Box(), OneHot(groups)),
        optimizer=ProjectedAscent(max_iter=20),
        random_state=0,
    )
    rows, start = rows_and_starts(attack, X, y)
    for group in groups:
        assert np.isin(rows[:, group], [0, 1]).all()
        assert (rows[:, group].sum(axis=1) == 1).all()
        assert (rows[:, group] != start[:, group]).any()
    assert attack.goal_path_.max() > attack.goal_path_[0]


def word_counts(n_rows, n_words, seed):
    """Make counts of words in texts of two classes, about 20 words each."""
    rng = np.random.RandomState(seed)
    y = rng.randint(2, size=n_rows)
    frequencies = rng.lognormal(0, 1.5, n_words) * rng.lognormal(0, 0.5, (2, n_words))
    frequencies *= 20 / frequencies.sum(axis=1, keepdims=True)
    return sparse.csr_array(rng.poisson(frequencies[y])), y


@pytest.mark.parametrize("dtype", [int, float])
def test_sparse_counts_stay_sparse_and_do_more_than_flipped_clones(dtype):
    words = make_intersection(Box(), Integers(), Sparse(max_nonzero=0.95))
    surrogate, optimizer = LogisticRegression(), ProjectedAscent(max_iter=30)
    errors = []
    for seed in range(3):
        X, y = word_counts(900, 400, seed)
        X, X_test, y, y_test = X[:250].astype(dtype), X[250:], y[:250], y[250:]
        attack = GradientInsertion(
            surrogate, feasible_set=words, optimizer=optimizer, random_state=seed
        )
        flipped_clones = RandomInsertion(random_state=seed)
        errors.append([])
        for each in (flipped_clones, attack):
            X_out, y_out = each.fit_resample(X, y)
            score = LogisticRegression().fit(X_out, y_out).score(X_test, y_test)
            errors[-1].append(1 - score)
        assert sparse.issparse(X_out)
        assert X_out.dtype == X.dtype
        assert (X_out.data != 0).all()
        poison = X_out[attack.poison_mask_].toarray()
        most = np.sort(np.count_nonzero(X.toarray(), axis=1))[int(0.95 * 250)]
        assert np.count_nonzero(poison, axis=1).max() <= most
        assert (poison == np.rint(poison)).all()
        assert (poison >= 0).all()
        assert (poison <= X.max(axis=0).toarray()).all()
    errors = np.array(errors)
    assert (errors[:, 1] > errors[:, 0]).all()
    assert (errors[:, 1] - errors[:, 0]).mean() > 0.05
