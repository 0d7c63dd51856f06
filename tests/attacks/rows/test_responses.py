"""Attacks by gradients on regressors, whose responses can move."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import (
    LinearRegression,
    Ridge,
    SGDRegressor,
)
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skpoison.attacks import GradientInsertion, GradientModification
from skpoison.feasible_sets import (
    Box,
    OneHot,
    ResponseRange,
    make_intersection,
)
from skpoison.goals import (
    TargetLabels,
)
from skpoison.inspection import check_hypergradient
from skpoison.optimizers import ProjectedAscent
from skpoison.surrogates import GradientDescentRegressor

RNG = np.random.RandomState(0)
X = RNG.normal(size=(120, 4))
y = X @ [1.0, -2.0, 0.5, 0.0] + 0.5 * RNG.normal(size=120)
X, X_TEST, y, y_test = X[:80], X[80:], y[:80], y[80:]
OWN = {"X_val": X_TEST[:20], "y_val": y_test[:20]}
NETWORK = MLPRegressor(
    hidden_layer_sizes=(4,),
    activation="tanh",
    solver="sgd",
    momentum=0,
    learning_rate_init=0.05,
    max_iter=40,
    n_iter_no_change=40,
    random_state=0,
)
SURROGATES = [
    LinearRegression(),
    Ridge(alpha=2.0),
    make_pipeline(StandardScaler(), Ridge()),
    make_pipeline(MinMaxScaler(), LinearRegression()),
    SGDRegressor("huber", alpha=0.1),
    GradientDescentRegressor(n_steps=50),
    NETWORK,
]
both = pytest.mark.parametrize("make", [GradientInsertion, GradientModification])


def own_error(surrogate, X_out, y_out):
    found = clone(surrogate).fit(X_out, y_out).predict(OWN["X_val"])
    return ((found - OWN["y_val"]) ** 2).mean() / 2


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize(
    "poison_labels", [None, "flip", ResponseRange(-20.0, 20.0)], ids=str
)
@pytest.mark.parametrize("surrogate", SURROGATES, ids=str)
def test_gradient(surrogate, poison_labels):
    attack = GradientInsertion(
        surrogate,
        6,
        poison_labels=poison_labels,
        optimizer=ProjectedAscent(max_iter=3),
        random_state=0,
    )
    check = check_hypergradient(attack, X, y, **OWN, random_state=0)
    assert check.relative_error < 1e-6


@pytest.mark.parametrize("schedule", ["joint", "sequential"])
@both
@pytest.mark.parametrize("start", ["mirror", "keep"])
def test_stronger_than_its_start(start, make, schedule):
    values = {}
    surrogate = Ridge(alpha=0.1)
    for max_iter in (0, 30):
        attack = make(
            surrogate,
            0.15,
            optimizer=ProjectedAscent(schedule=schedule, max_iter=max_iter),
            poison_labels=ResponseRange(start=start),
            random_state=0,
        )
        X_out, y_out = attack.fit_resample(X, y, **OWN)
        assert attack.poison_mask_.sum() == 12
        assert y.min() <= y_out.min() <= y_out.max() <= y.max()
        values[max_iter] = own_error(surrogate, X_out, y_out)
        if schedule == "joint":
            assert_allclose(attack.goal_path_.max(), values[max_iter], rtol=1e-6)
    assert values[30] > 2 * values[0]


def test_responses_that_move_do_more_harm():
    errors = [
        own_error(
            Ridge(),
            *GradientInsertion(
                Ridge(), 0.15, poison_labels=each, random_state=0
            ).fit_resample(X, y, **OWN),
        )
        for each in ("flip", None, ResponseRange(-50.0, 50.0))
    ]
    assert errors[0] < errors[1] < errors[2]


@both
@pytest.mark.parametrize(
    ("poison_labels", "is_mirrored"),
    [
        (None, True),
        ("flip", True),
        ("keep", False),
        (ResponseRange(), True),
        (ResponseRange(start="keep"), False),
    ],
    ids=str,
)
def test_where_responses_start(poison_labels, is_mirrored, make):
    attack = make(
        Ridge(),
        10,
        poison_labels=poison_labels,
        optimizer=ProjectedAscent(max_iter=0),
        random_state=0,
    )
    X_out, y_out = attack.fit_resample(X, y)
    rows = X_out[attack.poison_mask_]
    origin = [np.abs(X - row).sum(axis=1).argmin() for row in rows]
    expected = (y.min() + y.max() - y if is_mirrored else y)[origin]
    assert_allclose(y_out[attack.poison_mask_], expected)
    assert not hasattr(attack, "classes_")


def test_responses_that_stay():
    attack = GradientInsertion(Ridge(), 10, poison_labels="keep", random_state=0)
    X_out, y_out = attack.fit_resample(X, y)
    assert np.isin(y_out, y).all()
    assert not (X_out[80:, np.newaxis] == X).all(axis=2).any()


def test_error_specific():
    """Some rows are to be given the responses wanted."""
    X_own, wanted = X_TEST[:5], np.full(5, y.max())
    gaps = []
    for max_iter in (0, 100):
        attack = GradientInsertion(
            Ridge(),
            0.2,
            goal=TargetLabels(),
            optimizer=ProjectedAscent(max_iter=max_iter),
            random_state=0,
        )
        out = attack.fit_resample(X, y, X_val=X_own, y_val=wanted)
        gaps.append(np.abs(Ridge().fit(*out).predict(X_own) - wanted).mean())
    assert gaps[1] < 0.7 * gaps[0]


def test_categories_stay_one_hot():
    groups = np.eye(3)[RNG.randint(3, size=80)]
    X_mixed = np.hstack([groups, X[:, :2]])
    feasible_set = make_intersection(Box(), OneHot([[0, 1, 2]]))
    attack = GradientInsertion(Ridge(), 8, feasible_set=feasible_set, random_state=0)
    X_out, y_out = attack.fit_resample(X_mixed, y)
    assert np.isin(X_out[:, :3], [0, 1]).all()
    assert_array_equal(X_out[:, :3].sum(axis=1), 1)
    assert y.min() <= y_out.min() <= y_out.max() <= y.max()


@pytest.mark.parametrize(
    "make",
    [
        np.ndarray.tolist,
        np.float32,
        lambda y: y[:, np.newaxis],
        pd.Series,
        lambda y: pd.Series(y, name="dose", index=np.arange(80) + 3),
        lambda y: pd.DataFrame({"dose": y}),
        pl.Series,
        lambda y: pl.DataFrame({"dose": y}),
        lambda y: np.rint(10 * y).astype(int),
    ],
)
def test_containers_of_responses(make):
    given = make(y)
    for make_attack in (GradientInsertion, GradientModification):
        attack = make_attack(
            Ridge(), 5, optimizer=ProjectedAscent(max_iter=3), random_state=0
        )
        _, out = attack.fit_resample(X, given)
        assert type(out) is type(given)
        for name in ("dtype", "name", "columns"):
            assert str(getattr(out, name, "")) == str(getattr(given, name, ""))
        n_out = 85 if make_attack is GradientInsertion else 80
        assert np.shape(out) == (n_out, *np.shape(given)[1:])
        clean = ~attack.poison_mask_[:80]
        assert_array_equal(np.asarray(out)[:80][clean], np.asarray(given)[clean])


def test_sparse_rows():
    attack = GradientInsertion(
        Ridge(), 5, optimizer=ProjectedAscent(max_iter=5), random_state=0
    )
    expected = attack.fit_resample(X, y)
    X_out, y_out = attack.fit_resample(sparse.csr_array(X), y)
    assert_allclose(X_out.toarray(), expected[0], atol=1e-6)
    assert_allclose(y_out, expected[1], atol=1e-6)


@pytest.mark.parametrize(
    ("attack", "given", "message"),
    [
        (
            GradientInsertion(Ridge(), goal={0: 1}),
            {},
            "must not name classes if y hold",
        ),
        (
            GradientInsertion(Ridge(), poison_labels=ResponseRange(1.0, 1.0)),
            {},
            "`low` of ResponseRange must be below `high`",
        ),
        (
            GradientInsertion(Ridge(), validation=0.001),
            {},
            r"`validation` must leave .*; got 0\.001 for 80 rows\.",
        ),
    ],
)
def test_bad_parameters(attack, given, message):
    with pytest.raises(ValueError, match=message):
        attack.fit_resample(X, y, **given)


@pytest.mark.parametrize(
    "bad", [None, ["a"] * 80, np.full(80, np.nan), np.ones((80, 2))]
)
def test_bad_responses(bad):
    with pytest.raises(ValueError):  # noqa: PT011  of scikit-learn, most of them
        GradientInsertion(Ridge()).fit_resample(X, bad)


def test_path_of_rows_and_responses():
    attack = GradientInsertion(
        Ridge(),
        5,
        optimizer=ProjectedAscent(store_path=True, max_iter=10),
        random_state=0,
    )
    X_out, y_out = attack.fit_resample(X, y, **OWN)
    n_iterates = attack.n_iter_ + 1
    assert attack.rows_path_.shape == (n_iterates, 5, 4)
    assert attack.responses_path_.shape == (n_iterates, 5)
    best = attack.goal_path_.argmax()
    assert_allclose(attack.rows_path_[best], X_out[-5:], rtol=1e-12)
    assert_allclose(attack.responses_path_[best], y_out[-5:], rtol=1e-12)
    attack.set_params(poison_labels="flip").fit_resample(X, y, **OWN)
    assert not hasattr(attack, "responses_path_")
