from collections import Counter

import numpy as np
import pytest
import sklearn
from joblib import parallel_config
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import scale
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from skpoison.attacks import (
    GradientInsertion,
    MarginLabelFlip,
    RandomLabelFlip,
)
from skpoison.model_selection import TrustedKFold, robustness_curve, transfer_matrix
from skpoison.optimizers import ProjectedAscent

X, y = load_breast_cancer(return_X_y=True)
X, y = scale(X)[:100], y[:100]
ATTACK = MarginLabelFlip(random_state=0)
LINEAR = {"logistic": LogisticRegression(), "ridge": RidgeClassifier()}


class Counted(LogisticRegression):
    """A classifier that counts its fits by its regularisation."""

    fits = Counter()

    def fit(self, X, y, sample_weight=None):
        self.fits[self.C] += 1
        return super().fit(X, y, sample_weight)


class CountedFlip(MarginLabelFlip):
    runs = Counter()

    def fit_resample(self, X, y, *, trusted=None):
        self.runs[self.budget] += 1
        return super().fit_resample(X, y, trusted=trusted)


@pytest.mark.parametrize("scoring", [None, "roc_auc"])
@pytest.mark.parametrize(
    "attack",
    [
        ATTACK,
        GradientInsertion(optimizer=ProjectedAscent(max_iter=1), random_state=0),
    ],
    ids=lambda attack: type(attack).__name__,
)
def test_equals_robustness_curves(attack, scoring):
    victims = LINEAR | {"tree": DecisionTreeClassifier(random_state=0), "svm": SVC()}
    if scoring is not None:
        victims.pop("ridge")
    matrix = transfer_matrix(
        victims, LINEAR, X, y, attack=attack, budget=10, cv=3, scoring=scoring
    )
    assert matrix.victims == list(victims)
    assert matrix.surrogates == list(LINEAR)
    assert matrix.budget == 10
    for i, surrogate in enumerate(LINEAR.values()):
        crafting = clone(attack).set_params(surrogate=surrogate)
        for j, victim in enumerate(victims.values()):
            curve = robustness_curve(
                victim, X, y, attack=crafting, budgets=[0, 10], cv=3, scoring=scoring
            )
            clean, poisoned = curve.test_scores
            np.testing.assert_array_equal(matrix.clean_scores[j], clean)
            np.testing.assert_array_equal(matrix.test_scores[i, j], poisoned)


def test_each_poison_is_crafted_and_learnt_once():
    Counted.fits.clear()
    CountedFlip.runs.clear()
    victims = {C: Counted(C=C) for C in (0.5, 2)}
    surrogates = {"own": victims[0.5], "other": LogisticRegression(), "svm": SVC()}
    transfer_matrix(victims, surrogates, X, y, attack=CountedFlip(), budget=0.2, cv=3)
    assert CountedFlip.runs == {0.2: 3 * 3, 0: 3}
    # Clean rows and those of each surrogate; and as a surrogate of the attack.
    assert Counted.fits == {0.5: 3 * 4 + 3, 2: 3 * 4}


def test_parallel_equals_serial():
    run = []
    for n_jobs in (None, 2):
        with parallel_config("threading"):
            run.append(
                transfer_matrix(LINEAR, LINEAR, X, y, attack=ATTACK, n_jobs=n_jobs)
            )
    for name, value in run[0].items():
        np.testing.assert_array_equal(value, run[1][name])


def test_alignments():
    knn = KNeighborsClassifier()
    victims = LINEAR | {"neighbours": knn, "svm": SVC()}
    surrogates = LINEAR | {"svm": SVC(), "bayes": GaussianNB()}
    cv = StratifiedKFold(3)
    found = transfer_matrix(
        victims, surrogates, X, y, attack=ATTACK, budget=2, cv=cv
    ).alignments
    assert found.shape == (4, 4, 3)
    assert np.isnan(found[:, 2]).all()
    assert np.isnan(found[3]).all()
    np.testing.assert_allclose([found[0, 0], found[1, 1], found[2, 3]], 1)
    np.testing.assert_allclose(found[0, 1], found[1, 0])
    for k, (train, _) in enumerate(cv.split(X, y)):
        one, other = (m.fit(X[train], y[train]).coef_.ravel() for m in LINEAR.values())
        cosine = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
        np.testing.assert_allclose(found[0, 1, k], cosine)


def test_regression():
    rows, responses = load_diabetes(return_X_y=True)
    attack = GradientInsertion(optimizer=ProjectedAscent(max_iter=2), random_state=0)
    matrix = transfer_matrix(
        Ridge(),
        {"weak": Ridge(1e-3), "strong": Ridge(10)},
        rows[:90],
        responses[:90],
        attack=attack,
        cv=2,
        scoring="neg_mean_squared_error",
    )
    assert matrix.victims == ["Ridge"]
    assert (matrix.test_scores.mean(-1) < matrix.clean_scores.mean(-1)).all()


def test_search_is_tuned_on_poisoned_rows():
    grid = {"C": [1e-3, 1.0]}
    search = GridSearchCV(LogisticRegression(), grid, cv=3)
    attack = MarginLabelFlip(LogisticRegression())
    matrix = transfer_matrix(
        search, LogisticRegression(), X, y, attack=attack, budget=0.3, cv=2
    )
    for k, (train, test) in enumerate(StratifiedKFold(2).split(X, y)):
        poisoned = attack.set_params(budget=0.3).fit_resample(X[train], y[train])
        expected = clone(search).fit(*poisoned).score(X[test], y[test])
        assert matrix.test_scores[0, 0, k] == expected


@pytest.mark.parametrize("routing", [False, True])
def test_search_on_trusted_rows_gets_the_mask(routing):
    trusted = np.arange(100) % 3 == 0
    grid = {"C": [1e-4, 0.1, 10.0]}
    search = GridSearchCV(LogisticRegression(), grid, cv=TrustedKFold(2))
    attack = MarginLabelFlip(LogisticRegression(), 0.4)
    with sklearn.config_context(enable_metadata_routing=routing):
        matrix = transfer_matrix(
            search,
            LogisticRegression(),
            X,
            y,
            attack=attack.set_fit_resample_request(trusted=True) if routing else attack,
            budget=0.4,
            cv=2,
            params={"trusted": trusted},
        )
    for k, (train, test) in enumerate(StratifiedKFold(2).split(X, y)):
        rows = attack.fit_resample(X[train], y[train], trusted=trusted[train])
        cv = list(TrustedKFold(2).split(*rows, trusted=trusted[train]))
        expected = clone(search).set_params(cv=cv).fit(*rows)
        assert matrix.test_scores[0, 0, k] == expected.score(X[test], y[test])


def test_surrogate_that_is_a_search_on_trusted_rows():
    search = GridSearchCV(LogisticRegression(), {"C": [0.1]}, cv=TrustedKFold(2))
    attack = GradientInsertion(optimizer=ProjectedAscent(max_iter=1), random_state=0)
    matrix = transfer_matrix(
        LogisticRegression(C=0.1),
        search,
        X,
        y,
        attack=attack,
        cv=2,
        params={"trusted": np.arange(100) % 3 == 0},
    )
    np.testing.assert_allclose(matrix.alignments, 1)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"attack": RandomLabelFlip()}, "must have a parameter surrogate"),
        ({"surrogates": {}}, "surrogates must hold at least one"),
        ({"surrogates": {"a": None}}, r"surrogates\['a'\] must be"),
        ({"victims": {}}, "victims must hold at least one"),
        ({"victims": {"a": Ridge(), "b": SVC()}}, "all classifiers or all regressors"),
        ({"victims": RandomLabelFlip()}, "must be an estimator that predicts"),
        (
            {"victims": GridSearchCV(SVC(), {}, cv=TrustedKFold())},
            "trusted must mark the rows",
        ),
        ({"budget": 1.5}, "between 0 and 1"),
        ({"scoring": ["accuracy", "f1"]}, "must return one number"),
    ],
)
def test_refusals(arguments, match):
    given = {"victims": SVC(), "surrogates": LogisticRegression(), "attack": ATTACK}
    given |= arguments
    with pytest.raises(ValueError, match=match):
        transfer_matrix(X=X, y=y, cv=2, **given)


def test_warns_of_a_budget_of_no_row():
    with pytest.warns(UserWarning, match="rounds to 0 rows"):
        transfer_matrix(SVC(), SVC(), X, y, attack=ATTACK, budget=0.001, cv=2)
