"""What insertion and modification share."""

import numpy as np
import pytest
from imblearn.pipeline import make_pipeline as make_resampling_pipeline
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    StandardScaler,
)
from sklearn.svm import LinearSVC

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
    make_intersection,
)
from skpoison.goals import (
    ErrorGeneric,
    ErrorSpecific,
    TargetLabels,
)
from skpoison.optimizers import ProjectedAscent
from skpoison.surrogates import GradientDescentClassifier

X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

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

SURROGATES = {
    "logistic": LogisticRegression(),
    "ridge": make_pipeline(MinMaxScaler(), RidgeClassifier()),
    "svm": make_pipeline(StandardScaler(), LinearSVC()),
    "descent": GradientDescentClassifier(learning_rate=0.2, n_steps=10),
    "adaline": GradientDescentClassifier(
        "squared_error", learning_rate=0.05, n_steps=50
    ),
}

both = pytest.mark.parametrize("make", [GradientInsertion, GradientModification])


@pytest.mark.parametrize("surrogate", SURROGATES.values(), ids=SURROGATES.keys())
@both
@pytest.mark.parametrize("schedule", ["joint", "sequential"])
@pytest.mark.parametrize(
    "goal", [ErrorGeneric(), TargetLabels(), ErrorSpecific({0: 1})], ids=str
)
@pytest.mark.parametrize("loss", ["error", "surrogate"])
def test_never_weaker_than_its_start(
    loss, goal, schedule, make, surrogate, measure_goal
):
    """By its own measure, of the rows that come out."""
    settings = {"goal": clone(goal).set_params(loss=loss), "random_state": 0}
    values = []
    for max_iter in (0, 3):
        attack = make(
            surrogate,
            3,
            optimizer=ProjectedAscent(max_iter=max_iter, schedule=schedule),
            **settings,
        )
        out = attack.fit_resample(X_small, y_small, **OWN)
        values.append(measure_goal(attack, X_small, y_small, *out, **OWN))
        if schedule == "joint":
            np.testing.assert_allclose(attack.goal_path_.max(), values[-1], rtol=1e-5)
    start, end = values
    assert end >= start - 1e-9
    if schedule == "joint":
        assert end > start + 1e-5


# What the attacker knows


class Spy(Box):
    """Remembers what it has been fitted on."""

    def _fit(self, X, y):
        self.seen_ = X
        super()._fit(X, y)


@both
def test_unknown_rows_have_no_influence(make):
    attack = make(
        budget=10,
        known_fraction=0.5,
        feasible_set=Spy(),
        optimizer=ProjectedAscent(max_iter=4),
        random_state=0,
    )
    X_out, y_out = attack.fit_resample(X_small, y_small)
    mask = attack.poison_mask_
    seen = attack.feasible_set_.seen_
    known = (X_small[:, np.newaxis] == seen).all(axis=2).any(axis=1)
    assert known.sum() == len(seen) == 40
    assert mask.sum() == 10
    if make is GradientModification:
        assert known[mask].all()
    moved = np.where(known[:, np.newaxis], X_small, 100 + X_small)
    X_again, y_again = attack.fit_resample(moved, y_small)
    np.testing.assert_array_equal(attack.poison_mask_, mask)
    np.testing.assert_array_equal(X_again[mask], X_out[mask])
    np.testing.assert_array_equal(y_again, y_out)
    np.testing.assert_array_equal(X_again[:80][~mask[:80]], moved[~mask[:80]])
    moved = X_small.copy()
    moved[np.flatnonzero(known)[::2]] += 0.5
    assert (attack.fit_resample(moved, y_small)[0][mask] != X_out[mask]).any()


# Gradients


def test_all_steps_at_once_are_the_same_as_one_by_one():
    settings = {
        "budget": 6,
        "optimizer": ProjectedAscent(max_iter=4),
        "random_state": 0,
    }
    (at_once, _), (one_by_one, _) = (
        GradientInsertion(
            SURROGATES["adaline"], hypergradient=hypergradient, **settings
        ).fit_resample(X_small, y_small)
        for hypergradient in ("auto", "unrolled")
    )
    np.testing.assert_allclose(at_once, one_by_one, rtol=0, atol=1e-6)
    assert (at_once[80:] != X_small[:6]).all()


@pytest.mark.parametrize("schedule", ["joint", "sequential"])
def test_back_gradient_warns_once(schedule):
    attack = GradientInsertion(
        GradientDescentClassifier("squared_error", learning_rate=0.05, n_steps=60),
        4,
        optimizer=ProjectedAscent(schedule=schedule, max_iter=5, n_restarts=1),
        hypergradient="back-gradient",
        random_state=0,
    )
    with pytest.warns(ConvergenceWarning, match="Run backwards for 60 ste") as caught:
        attack.fit_resample(X_small, y_small)
    assert len(caught) == 1
    assert attack.diagnostics_["hypergradient"] == "back-gradient"
    assert attack.diagnostics_["residual"] > 0.1


def test_back_gradient_of_few_steps():
    mild = GradientDescentClassifier(learning_rate=0.01, n_steps=10)
    settings = {
        "budget": 6,
        "optimizer": ProjectedAscent(max_iter=5),
        "random_state": 0,
    }
    outs = [
        GradientInsertion(mild, hypergradient=hypergradient, **settings).fit_resample(
            X_small, y_small
        )[0]
        for hypergradient in ("back-gradient", "unrolled")
    ]
    np.testing.assert_allclose(*outs, atol=0.05)


@pytest.mark.parametrize("hypergradient", ["auto", "unrolled", "back-gradient"])
def test_a_surrogate_that_diverges_is_said(hypergradient):
    surrogate = GradientDescentClassifier("squared_error", n_steps=300)
    attack = GradientInsertion(
        surrogate, optimizer=ProjectedAscent(max_iter=2), hypergradient=hypergradient
    )
    with pytest.raises(ValueError, match="diverge"):
        attack.fit_resample(X_train, y_train)


# What the user sees


def test_lines(capsys):
    attack = GradientInsertion(
        optimizer=ProjectedAscent(max_iter=5), verbose=2, random_state=0
    )
    attack.fit_resample(X_small, y_small)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": goal ")[0] for line in lines] == [
        "[GradientInsertion] step 2 of 5",
        "[GradientInsertion] step 4 of 5",
    ]
    for line, value in zip(lines, attack.goal_path_[2::2], strict=False):
        assert float(line.split()[-1]) == pytest.approx(value, rel=1e-5)
    attack.set_params(verbose=0).fit_resample(X_small, y_small)
    assert not capsys.readouterr().out


class Callback:
    """Counts tasks, and stops after some of them."""

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.n_begun = self.n_ended = self.n_torn_down = 0

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        self.n_torn_down += 1

    def on_fit_task_begin(self, estimator, context):
        self.n_begun += 1

    def on_fit_task_end(self, estimator, context):
        self.n_ended += 1
        return self.stop_after is not None and self.n_ended >= self.stop_after


@pytest.mark.parametrize("schedule", ["joint", "sequential"])
@pytest.mark.parametrize("feasible_set", [None, BITS])
def test_callbacks(feasible_set, schedule):
    pytest.importorskip("sklearn.callback")
    attack = GradientInsertion(
        budget=5,
        feasible_set=feasible_set,
        optimizer=ProjectedAscent(schedule=schedule, max_iter=4, n_restarts=1),
        random_state=0,
    )
    attack.set_callbacks(callback := Callback())
    X_out, _ = attack.fit_resample(X_BITS, y_bits)
    assert callback.n_begun == callback.n_ended > 8
    assert callback.n_torn_down == 1
    quiet, _ = clone(attack).set_callbacks().fit_resample(X_BITS, y_bits)
    np.testing.assert_array_equal(X_out, quiet)


@pytest.mark.parametrize("schedule", ["joint", "sequential"])
@pytest.mark.parametrize("feasible_set", [None, BITS])
def test_callbacks_stop_all_that_is_left(feasible_set, schedule):
    pytest.importorskip("sklearn.callback")
    attack = GradientInsertion(
        budget=3,
        feasible_set=feasible_set,
        optimizer=ProjectedAscent(schedule=schedule, max_iter=9, n_restarts=2),
        random_state=0,
    )
    attack.set_callbacks(callback := Callback(stop_after=3))
    X_out, _ = attack.fit_resample(X_BITS, y_bits)
    assert X_out.shape == (153, 20)
    # Three steps and the work itself.
    assert callback.n_ended == 4
    assert callback.n_torn_down == 1


# Parameters


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"feasible_set": L2Ball(radius=-1)}, "The 'radius' parameter of L2Ball must"),
        ({"feasible_set": Box(upper=[1, 2])}, "`upper` must have one bound"),
        ({"feasible_set": Box(lower=9, upper=1)}, "must not exceed `upper`; got 9"),
        ({"feasible_set": Frozen(columns=[5])}, "`columns` must be column ind"),
        ({"feasible_set": "box"}, "The 'feasible_set' parameter of GradientInsertion"),
        ({"surrogate": 3}, "The 'surrogate' parameter of GradientInsertion"),
        ({"surrogate": GradientDescentClassifier(n_steps=0)}, "The 'n_steps' paramete"),
        ({"surrogate": LogisticRegression(C=-1)}, "The 'C' parameter"),
        ({"optimizer": ProjectedAscent(schedule="random")}, "The 'schedule' parameter"),
        ({"known_fraction": 0.0}, "The 'known_fraction' parameter"),
        (
            {"known_fraction": 0.001},
            r"`known_fraction` must leave .*; got 0\.001 for 80 ro",
        ),
        (
            {"hypergradient": "unrolled"},
            "hypergradient='unrolled' differentiates the steps",
        ),
        ({"goal": {}}, "must name at least one class"),
        ({"goal": {7: 1}}, "names the class 7"),
        ({"goal": {1: 1}}, "maps the class 1 to itself"),
        ({"goal": {}, "poison_labels": "keep"}, "must name at least one class"),
        ({"goal": {7: 1}, "poison_labels": "keep"}, "names the class 7"),
        ({"goal": {1: 1}, "poison_labels": "keep"}, "maps the class 1 to itself"),
        ({"optimizer": ProjectedAscent(n_restarts=-1)}, "The 'n_restarts' parameter"),
    ],
    ids=str,
)
def test_bad_values(parameters, message):
    with pytest.raises(ValueError, match=message):
        GradientInsertion(**parameters).fit_resample(X_small, y_small)


def test_nested_parameters():
    attack = GradientInsertion(
        make_pipeline(StandardScaler(), LogisticRegression(C=3)),
        feasible_set=make_intersection(Box(upper=2), L2Ball(radius=1)),
    )
    params = clone(attack).get_params()
    assert params["surrogate__logisticregression__C"] == 3
    assert params["feasible_set__box__upper"] == 2
    attack.set_params(feasible_set__l2ball__radius=0.25, feasible_set__box__upper=9)
    attack.set_params(optimizer=ProjectedAscent(max_iter=3), random_state=0)
    rows, start = (
        each.fit_resample(X_small, y_small)[0][80:]
        for each in (attack, RandomInsertion(random_state=0))
    )
    assert np.linalg.norm(rows - start, axis=1).max() <= 0.25 + 1e-9
    assert rows.max() > 2
    attack.set_params(goal=ErrorGeneric(), goal__sharpness=9.0, optimizer__decay=0.5)
    assert attack.goal.sharpness == 9
    assert attack.optimizer.decay == 0.5


def test_searched_in_a_pipeline():
    """Which is the worst case? The one of the lowest score."""
    pipeline = make_resampling_pipeline(
        GradientInsertion(
            feasible_set=Box(), optimizer=ProjectedAscent(max_iter=3), random_state=0
        ),
        LogisticRegression(),
    )
    grid = {
        "gradientinsertion__budget": [0.0, 0.2],
        "gradientinsertion__feasible_set__upper": [None, 0.5],
    }
    search = GridSearchCV(pipeline, grid, cv=3, error_score="raise")
    search.fit(X_small, y_small)
    scores = search.cv_results_["mean_test_score"]
    assert scores[0] == scores[1]
    assert scores[2] != scores[3]
    assert search.best_params_["gradientinsertion__budget"] in (0.0, 0.2)
