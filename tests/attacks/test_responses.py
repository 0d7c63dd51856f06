"""The gradient attack where y holds responses, and where something learnt is wanted."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import (
    Lasso,
    LinearRegression,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
    SGDRegressor,
)
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC

from skpoison.attacks import GradientPoisoner
from skpoison.feasible_sets import Box, Frozen, OneHot, make_intersection
from skpoison.goals import BaseGoal, TargetCoefficients, TargetFeatures
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


def own_error(surrogate, X_out, y_out):
    found = clone(surrogate).fit(X_out, y_out).predict(OWN["X_val"])
    return ((found - OWN["y_val"]) ** 2).mean() / 2


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("response_range", ["auto", None, (-20.0, 20.0)])
@pytest.mark.parametrize("surrogate", SURROGATES, ids=str)
def test_gradient(surrogate, response_range):
    attack = GradientPoisoner(
        surrogate,
        6,
        response_range=response_range,
        max_iter=3,
        check_gradient=True,
        random_state=0,
    )
    attack.fit_resample(X, y, **OWN)
    assert attack.diagnostics_["difference_error"] < 1e-5


@pytest.mark.parametrize("schedule", ["joint", "sequential"])
@pytest.mark.parametrize("capability", ["insert", "modify"])
@pytest.mark.parametrize("poison_labels", ["flip", "keep"])
def test_stronger_than_its_start(poison_labels, capability, schedule):
    values = {}
    surrogate = Ridge(alpha=0.1)
    for max_iter in (0, 30):
        attack = GradientPoisoner(
            surrogate,
            0.15,
            poison_labels=poison_labels,
            capability=capability,
            schedule=schedule,
            max_iter=max_iter,
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
            *GradientPoisoner(
                Ridge(), 0.15, response_range=each, random_state=0
            ).fit_resample(X, y, **OWN),
        )
        for each in (None, "auto", (-50.0, 50.0))
    ]
    assert errors[0] < errors[1] < errors[2]


@pytest.mark.parametrize("capability", ["insert", "modify"])
def test_where_responses_set_out(capability):
    settings = {"capability": capability, "max_iter": 0, "random_state": 0}
    for poison_labels in ("flip", "keep"):
        attack = GradientPoisoner(Ridge(), 10, poison_labels=poison_labels, **settings)
        X_out, y_out = attack.fit_resample(X, y)
        rows = X_out[attack.poison_mask_]
        origin = [np.abs(X - row).sum(axis=1).argmin() for row in rows]
        flipped = y.min() + y.max() - y
        expected = (y if poison_labels == "keep" else flipped)[origin]
        assert_allclose(y_out[attack.poison_mask_], expected)
        assert not hasattr(attack, "classes_")


def test_responses_that_stay():
    attack = GradientPoisoner(
        Ridge(), 10, poison_labels="keep", response_range=None, random_state=0
    )
    X_out, y_out = attack.fit_resample(X, y)
    assert np.isin(y_out, y).all()
    assert not (X_out[80:, np.newaxis] == X).all(axis=2).any()


def test_error_specific():
    """Some rows are to be given the responses wanted."""
    X_own, wanted = X_TEST[:5], np.full(5, y.max())
    gaps = []
    for max_iter in (0, 100):
        attack = GradientPoisoner(
            Ridge(), 0.2, goal="error-specific", max_iter=max_iter, random_state=0
        )
        out = attack.fit_resample(X, y, X_val=X_own, y_val=wanted)
        gaps.append(np.abs(Ridge().fit(*out).predict(X_own) - wanted).mean())
    assert gaps[1] < 0.7 * gaps[0]


def test_categories_stay_one_hot():
    groups = np.eye(3)[RNG.randint(3, size=80)]
    X_mixed = np.hstack([groups, X[:, :2]])
    feasible_set = make_intersection(Box(), OneHot([[0, 1, 2]]))
    attack = GradientPoisoner(Ridge(), 8, feasible_set=feasible_set, random_state=0)
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
    for capability in ("insert", "modify"):
        attack = GradientPoisoner(
            Ridge(), 5, capability=capability, max_iter=3, random_state=0
        )
        _, out = attack.fit_resample(X, given)
        assert type(out) is type(given)
        for name in ("dtype", "name", "columns"):
            assert str(getattr(out, name, "")) == str(getattr(given, name, ""))
        n_out = 85 if capability == "insert" else 80
        assert np.shape(out) == (n_out, *np.shape(given)[1:])
        clean = ~attack.poison_mask_[:80]
        assert_array_equal(np.asarray(out)[:80][clean], np.asarray(given)[clean])


def test_sparse_rows():
    attack = GradientPoisoner(Ridge(), 5, max_iter=5, random_state=0)
    expected = attack.fit_resample(X, y)
    X_out, y_out = attack.fit_resample(sparse.csr_array(X), y)
    assert_allclose(X_out.toarray(), expected[0], atol=1e-6)
    assert_allclose(y_out, expected[1], atol=1e-6)


@pytest.mark.parametrize(
    ("attack", "given", "message"),
    [
        (GradientPoisoner(Ridge(), goal={0: 1}), {}, "names classes, but y holds resp"),
        (GradientPoisoner(Ridge(), response_range=(1.0, 1.0)), {}, "is no range"),
        (GradientPoisoner(Ridge(), response_range=(1.0,)), {}, "is no range"),
        (GradientPoisoner(Ridge(), response_range=("a", "b")), {}, "is no range"),
        (
            GradientPoisoner(Ridge(), goal=TargetCoefficients({0: 1.0})),
            OWN,
            "leave X_val and y_val out",
        ),
        (
            GradientPoisoner(Ridge(), validation_fraction=0.001),
            {},
            r"validation_fraction=0\.001 cannot be taken of 80 rows\.",
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
        GradientPoisoner(Ridge()).fit_resample(X, bad)


# What is learnt


def machine_teacher(surrogate, goal, **params):
    """Change the rows that there are, as little as it takes."""
    return GradientPoisoner(
        surrogate,
        budget=1.0,
        goal=goal,
        capability="modify",
        poison_labels="keep",
        random_state=0,
        **params,
    )


@pytest.mark.parametrize("effort", [0.0, 1e-3, 10.0])
@pytest.mark.parametrize("alpha", [0.0, 3.0])
def test_smallest_change_of_responses(alpha, effort):
    """Mei and Zhu's attack has a closed form where only responses can be changed."""
    surrogate = Ridge(alpha=alpha) if alpha else LinearRegression()
    j, wanted = 1, 0.7
    attack = machine_teacher(
        surrogate,
        TargetCoefficients({j: wanted}),
        feasible_set=Frozen(range(4)),
        response_range=(-np.inf, np.inf),
        effort=effort,
    )
    X_out, y_out = attack.fit_resample(X, y)
    assert_array_equal(X_out, X)
    # Coefficients are linear in the responses: this is by which factors.
    penalty = alpha * np.diag([1.0, 1, 1, 1, 0])
    extended = np.column_stack([X, np.ones(80)])
    a = np.linalg.solve(extended.T @ extended + penalty, extended.T)[j]
    # Effort is charged in widths of the responses.
    charged = effort / np.ptp(y) ** 2
    expected = a * (wanted - a @ y) / (a @ a + charged)
    assert_allclose(y_out - y, expected, rtol=0, atol=1e-10)
    if not effort:
        reached = clone(surrogate).fit(X_out, y_out).coef_[j]
        assert_allclose(reached, wanted, atol=1e-10)


def test_effort_keeps_rows_where_they_are():
    goal = TargetCoefficients({0: 0.0})
    ways = []
    for effort in (0.0, 0.1, 1e6):
        attack = machine_teacher(LogisticRegression(), goal, effort=effort)
        X_out, _ = attack.fit_resample(X, y > 0)
        ways.append(np.linalg.norm(X_out - X))
    assert ways[0] > 1.05 * ways[1]
    assert ways[1] > 10 * ways[2]


@pytest.mark.parametrize(
    "surrogate",
    [
        LogisticRegression(tol=1e-10),
        RidgeClassifier(),
        make_pipeline(StandardScaler(), LogisticRegression(tol=1e-10)),
    ],
    ids=str,
)
def test_coefficient_reached(surrogate):
    """Other coefficients do not matter; the one wanted is what was asked for."""
    attack = machine_teacher(surrogate, TargetCoefficients({1: 0.0}), tol=1e-12)
    X_out, y_out = attack.fit_resample(X, y > 0)
    assert_array_equal(y_out, y > 0)
    inside = X_out
    if hasattr(surrogate, "steps"):
        # The attacker's surrogate scales as the clean rows do.
        inside = surrogate[0].fit(X).transform(X_out)
        surrogate = surrogate[-1]
    clean = np.ravel(clone(surrogate).fit(X, y > 0).coef_)[1]
    assert abs(clean) > 0.2
    assert abs(np.ravel(clone(surrogate).fit(inside, y_out).coef_)[1]) < 1e-4


def test_coefficients_by_inserted_rows():
    wanted = np.array([0.0, np.nan, 2.0, np.nan])
    gaps = []
    for max_iter in (0, 100):
        attack = GradientPoisoner(
            Ridge(),
            0.3,
            goal=TargetCoefficients(wanted),
            max_iter=max_iter,
            random_state=0,
        )
        coef = Ridge().fit(*attack.fit_resample(X, y)).coef_
        gaps.append(np.nansum((coef - wanted) ** 2))
    assert gaps[1] < 0.1 * gaps[0]


def test_a_kernel_has_no_coefficients():
    attack = machine_teacher(SVC(), TargetCoefficients({0: 0.0}))
    with pytest.raises(ValueError, match="A goal on coefficients needs"):
        attack.fit_resample(X, y > 0)


def test_a_goal_of_ones_own_needs_weights():
    class SmallWeights(BaseGoal):
        def resolve(self, context):
            return self

        def at(self, learner, W):
            return -(W**2).sum() / 2, -W

    attack = machine_teacher(SVC(), SmallWeights())
    with pytest.raises(ValueError, match="A goal on weights needs"):
        attack.fit_resample(X, y > 0)


@pytest.mark.parametrize("surrogate", [Ridge(), LogisticRegression(tol=1e-10)], ids=str)
def test_objective(surrogate):
    """What is climbed is the objective, as scikit-learn has it, on rows of his own."""
    labels = (y > 0).astype(int) if isinstance(surrogate, LogisticRegression) else y
    own = OWN["X_val"], OWN["y_val"]
    if isinstance(surrogate, LogisticRegression):
        own = own[0], (own[1] > 0).astype(int)
    attack = GradientPoisoner(
        surrogate,
        10,
        loss="objective",
        max_iter=20,
        check_gradient=True,
        random_state=0,
    )
    X_out, y_out = attack.fit_resample(X, labels, X_val=own[0], y_val=own[1])
    assert attack.diagnostics_["difference_error"] < 1e-5
    assert attack.goal_path_.max() > attack.goal_path_[0]
    fitted = clone(surrogate).fit(X_out, y_out)
    if isinstance(surrogate, Ridge):
        losses = (fitted.predict(own[0]) - own[1]) ** 2 / 2
    else:
        losses = np.log1p(np.exp(-(2 * own[1] - 1) * fitted.decision_function(own[0])))
    expected = losses.sum() + (fitted.coef_**2).sum() / 2
    assert_allclose(attack.goal_path_.max(), expected, rtol=1e-5)


@pytest.mark.parametrize("budget", [0.1, 0.2])
def test_features_are_discarded_across_kinks(budget):
    rng = np.random.RandomState(0)
    labels = rng.choice([-1.0, 1.0], 100)
    rows = rng.normal(size=(100, 40))
    rows += rng.uniform(-0.5, 0.5, 40) * labels[:, np.newaxis]
    victim = Lasso(0.02, max_iter=10_000)
    selected = victim.fit(rows, labels).coef_ != 0
    attack = GradientPoisoner(
        victim,
        budget,
        goal=TargetFeatures(discard=np.flatnonzero(selected)),
        response_range=None,
        random_state=0,
    )
    left = victim.fit(*attack.fit_resample(rows, labels)).coef_[selected] != 0
    # Steps that lengthen are caught where a feature comes or goes: more than half stay.
    assert left.mean() < 0.45


def test_path_of_rows_and_responses():
    attack = GradientPoisoner(Ridge(), 5, store_path=True, max_iter=10, random_state=0)
    X_out, y_out = attack.fit_resample(X, y, **OWN)
    assert attack.rows_path_.shape == (attack.n_iter_ + 1, 5, 5)
    best = attack.rows_path_[attack.goal_path_.argmax()]
    assert_allclose(best, np.column_stack([X_out, y_out])[-5:], rtol=1e-12)
