"""No evaluation shows test rows to an attack, or tells a defence what is poisoned.

Each row has a number of its own, and poison a number that no row has: attacks, victims
and scorers write down the numbers that they see.
"""

import numpy as np
import pytest
from imblearn.pipeline import make_pipeline
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_validate
from sklearn.tree import DecisionTreeClassifier

from skpoison.attacks import MarginLabelFlip
from skpoison.base import BasePoisoner, Poison
from skpoison.model_selection import (
    RobustnessCurveDisplay,
    RobustnessReport,
    craft,
    harmful_rows,
    prequential_curve,
    robustness_curve,
    transfer_matrix,
    worst_case_refit,
)

N_ROWS, CANARY = 40, 777.0
RNG = np.random.RandomState(0)
X = np.column_stack([np.arange(float(N_ROWS)), RNG.normal(size=N_ROWS)])
Y = np.arange(N_ROWS) % 2
CV = StratifiedKFold(4, shuffle=True, random_state=0)
FOLDS = [(frozenset(train), frozenset(test)) for train, test in CV.split(X, Y)]


class Notes:
    """Where the numbers are written down.

    A report that resumes compares the globals that its estimators use, and not what
    classes hold.
    """

    seen = {"attack": [], "fit": [], "predict": []}


SEEN = Notes.seen


@pytest.fixture(autouse=True)
def nothing_seen_yet():
    for each in SEEN.values():
        each.clear()


def see(who, rows, params=()):
    Notes.seen[who].append((frozenset(rows[:, 0].tolist()), sorted(params)))


class Insertion(BasePoisoner):
    """Insert the canary."""

    def __init__(self, budget=0.1, *, random_state=None):
        super().__init__(budget, random_state=random_state)

    def _poison(self, X, y, *, n_poison, trusted, random_state):
        see("attack", X)
        return Poison(
            X_inserted=np.full((n_poison, X.shape[1]), CANARY),
            y_inserted=self.classes_[np.zeros(n_poison, dtype=int)],
        )


class Flip(MarginLabelFlip):
    """Write down what the attacker knows."""

    def _flip(self, known, allowed, n_poison, random_state):
        see("attack", known.X)
        return super()._flip(known, allowed, n_poison, random_state)


class Victim(ClassifierMixin, BaseEstimator):
    """Write down the rows of fits and predictions."""

    def fit(self, X, y, **params):
        see("fit", X, params)
        self.tree_ = DecisionTreeClassifier(random_state=0).fit(X, y)
        self.classes_ = self.tree_.classes_
        return self

    def predict(self, X):
        see("predict", X)
        return self.tree_.predict(X)


class Defence(MetaEstimatorMixin, Victim):
    """A defence: a victim around a victim."""

    def __init__(self, estimator):
        self.estimator = estimator


INSERT = Insertion(budget=5)
GIVEN = {"budgets": [0, 5], "cv": CV}


def report():
    victims = {"plain": Victim(), "defended": Defence(Victim())}
    attacks = {"a": INSERT, "b": Insertion()}
    RobustnessReport(victims, attacks, **GIVEN).fit(X, Y)


def resumed(folder):
    for _ in range(2):
        RobustnessReport(Victim(), INSERT, folder=folder, **GIVEN).fit(X, Y)


def search():
    pipeline = make_pipeline(INSERT, Victim())
    grid = {"insertion": ["passthrough", INSERT]}
    GridSearchCV(pipeline, grid, cv=CV, refit=worst_case_refit(attack="insertion")).fit(
        X, Y
    )
    # The refit on all rows is without attack and scores nothing.
    assert SEEN["fit"].pop() == (frozenset(range(N_ROWS)), [])


EVALUATIONS = {
    "curve": lambda: robustness_curve(Victim(), X, Y, attack=INSERT, **GIVEN),
    "curve of crafted poison": lambda: robustness_curve(
        Defence(Victim()), X, Y, attack=craft(INSERT, X, Y, **GIVEN)
    ),
    "display": lambda: RobustnessCurveDisplay.from_estimator(
        Victim(), X, Y, attack=INSERT, **GIVEN
    ),
    "report": report,
    "pipeline": lambda: cross_validate(
        make_pipeline(INSERT, Defence(Victim())), X, Y, cv=CV
    ),
    "search": search,
}


def check(n_attacks):
    """Check what was seen: training rows by attacks and fits, no mask, no poison."""
    trains, tests = zip(*FOLDS, strict=True)
    assert len(SEEN["attack"]) == n_attacks
    assert {rows for rows, _ in SEEN["attack"]} == set(trains)
    for rows, params in SEEN["fit"]:
        assert rows - {CANARY} in trains
        assert params == []
    for rows, _ in SEEN["predict"]:
        assert rows in trains or rows in tests
    assert {rows for rows, _ in SEEN["predict"]} >= set(tests)


@pytest.mark.parametrize("name", EVALUATIONS)
def test_test_rows_and_masks_stay_hidden(name):
    EVALUATIONS[name]()
    n_budgets = 1 if name in ("pipeline", "search") else 2
    check(len(FOLDS) * n_budgets * (2 if name == "report" else 1))
    # The canary works: it is learnt.
    assert any(CANARY in rows for rows, _ in SEEN["fit"])


def test_report_in_a_folder(tmp_path):
    resumed(tmp_path)
    # The second time, nothing is done.
    check(2 * len(FOLDS))


def test_transfer():
    transfer_matrix(
        {"victim": Victim()},
        {"surrogate": LogisticRegression()},
        X,
        Y,
        attack=Flip(random_state=0),
        budget=4,
        cv=CV,
    )
    check(len(FOLDS))


def test_columns_of_a_report():
    """Other victims and attackers who know the defence see no more than the others."""
    RobustnessReport(
        {"plain": Victim(), "defended": Defence(Victim())},
        Flip(random_state=0),
        learners={"other": Victim()},
        adaptive=["Flip"],
        **GIVEN,
    ).fit(X, Y)
    trains = {train for train, _ in FOLDS}
    assert {rows for rows, _ in SEEN["attack"]} == trains
    for rows, params in SEEN["fit"]:
        assert rows in trains
        assert params == []


class Stream(Victim):
    """A victim that learns batches, and remembers how many rows it has learnt."""

    def partial_fit(self, X, y, classes=None):
        self.rows_ = np.vstack([getattr(self, "rows_", X[:0]), X])
        self.labels_ = np.append(getattr(self, "labels_", y[:0]), y)
        return self.fit(self.rows_, self.labels_)


class InStream(Insertion):
    """Insert the canary in front of every eighth row."""

    def fit_resample(self, X, y, *, trusted=None):
        see("attack", X)
        at = np.arange(0, len(y), 8)
        self.poison_mask_ = np.insert(np.zeros(len(y), bool), at, True)
        self.source_indices_ = np.insert(np.arange(len(y)), at, -1)
        return np.insert(X, at, CANARY, axis=0), np.insert(y, at, 1 - y[at])


def test_rows_of_a_stream_are_tested_before_they_are_learnt():
    """Poison is never tested, and learners are not told which rows it is."""
    prequential_curve(Stream(), X, Y, attack=InStream(), batch_size=9)
    assert len(SEEN["attack"]) == 1
    learnt, tested = set(), set()
    for i, (rows, params) in enumerate(SEEN["fit"]):
        assert params == []
        assert rows == learnt | set(range(8 * i, 8 * i + 8)) | {CANARY}
        learnt = set(rows)
    for rows, _ in SEEN["predict"]:
        assert CANARY not in rows
        assert not rows & tested
        tested |= rows
    # The first batch comes before anything is learnt.
    assert tested == set(range(8, N_ROWS))


def test_ranked_rows_are_judged_by_models_that_have_not_learnt_them():
    class Sure(Victim):
        def predict_proba(self, X):
            see("predict", X)
            return self.tree_.predict_proba(X)

    harmful_rows(Sure(), X, Y, cv=CV)
    assert [rows for rows, _ in SEEN["fit"]] == [train for train, _ in FOLDS]
    assert [rows for rows, _ in SEEN["predict"]] == [test for _, test in FOLDS]


def test_a_leak_is_noticed():
    """The check fails if an attack is shown a single test row."""
    (train, test), *_ = ([*map(list, fold)] for fold in FOLDS)
    robustness_curve(
        Victim(), X, Y, attack=INSERT, budgets=[5], cv=[(train + test[:1], test)]
    )
    with pytest.raises(AssertionError):
        check(1)


@pytest.mark.parametrize("budget", [N_ROWS, 31])
def test_budgets_beyond_the_training_rows_are_refused(budget):
    flip = MarginLabelFlip(random_state=0)
    for run in (
        lambda: robustness_curve(
            Victim(), X, Y, attack=flip, budgets=[budget], cv=CV, error_score="raise"
        ),
        lambda: craft(flip, X, Y, budgets=[budget], cv=CV),
        lambda: RobustnessReport(Victim(), flip, budgets=[budget], cv=CV).fit(X, Y),
    ):
        with pytest.raises(ValueError, match="Lower it"):
            run()
