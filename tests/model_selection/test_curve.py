import numpy as np
import pandas as pd
import pytest
import sklearn
from imblearn.pipeline import make_pipeline
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.exceptions import FitFailedWarning, UnsetMetadataPassedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import (
    GroupKFold,
    StratifiedKFold,
    cross_validate,
    validation_curve,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline as sklearn_make_pipeline
from sklearn.preprocessing import StandardScaler

from skpoison.attacks import RandomInsertion, RandomLabelFlip
from skpoison.defences import KNNSanitizedClassifier, OutlierFilteredClassifier
from skpoison.model_selection import robustness_curve

X, y = load_breast_cancer(return_X_y=True)
SCALED = StandardScaler().fit_transform(X)
ATTACKS = [RandomLabelFlip(random_state=0), RandomInsertion(random_state=0)]
attacks = pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: type(a).__name__)


class Recorder(GaussianNB):
    """A classifier that remembers what it was given; it takes no `trusted`."""

    def fit(self, X, y, sample_weight=None):
        self.seen_ = {"X": X, "y": y, "sample_weight": sample_weight}
        return super().fit(X, y, sample_weight)


class TrustingRecorder(Recorder):
    def fit(self, X, y, sample_weight=None, *, trusted=None):
        super().fit(X, y, sample_weight)
        self.seen_["trusted"] = trusted
        return self


def seen_by(estimator, params, attack, budget=0.2, n_folds=3):
    """Collect what the estimator and the attack saw in each fold."""
    seen = []

    def scorer(fitted, X, y):
        seen.append((fitted.estimator_, fitted.attack_))
        return 0.0

    robustness_curve(
        estimator,
        SCALED,
        y,
        attack=attack,
        budgets=[budget],
        cv=StratifiedKFold(n_folds),
        scoring=scorer,
        params=params,
        error_score="raise",
    )
    # The scorer is called for the test rows, then for the training rows.
    return seen[::2]


@attacks
@pytest.mark.parametrize("scoring", [None, "roc_auc", "neg_log_loss"])
def test_equals_validation_curve_of_a_pipeline(attack, scoring):
    budgets = [0.0, 0.1, 0.4]
    victim = sklearn_make_pipeline(StandardScaler(), GaussianNB())
    curve = robustness_curve(
        victim, X, y, attack=attack, budgets=budgets, cv=4, scoring=scoring
    )
    train, test = validation_curve(
        make_pipeline(attack, StandardScaler(), GaussianNB()),
        X,
        y,
        param_name=f"{type(attack).__name__.lower()}__budget",
        param_range=budgets,
        cv=4,
        scoring=scoring,
    )
    np.testing.assert_array_equal(curve.budgets, budgets)
    np.testing.assert_array_equal(curve.train_scores, train)
    np.testing.assert_array_equal(curve.test_scores, test)


def test_budget_zero_is_cross_validation():
    victim = GaussianNB()
    curve = robustness_curve(victim, X, y, attack=ATTACKS[0], budgets=[0.0], cv=3)
    expected = cross_validate(victim, X, y, cv=3)["test_score"]
    np.testing.assert_array_equal(curve.test_scores, [expected])


def test_several_metrics():
    budgets, scoring = [0, 20, 40], ["accuracy", "roc_auc"]
    curve = robustness_curve(
        GaussianNB(), X, y, attack=ATTACKS[0], budgets=budgets, cv=3, scoring=scoring
    )
    assert set(curve.test_scores) == set(curve.train_scores) == set(scoring)
    for metric in scoring:
        alone = robustness_curve(
            GaussianNB(), X, y, attack=ATTACKS[0], budgets=budgets, cv=3, scoring=metric
        )
        np.testing.assert_array_equal(curve.test_scores[metric], alone.test_scores)
        np.testing.assert_array_equal(curve.train_scores[metric], alone.train_scores)


def test_one_metric_in_a_dict_stays_in_a_dict():
    scoring = {"of_mine": make_scorer(accuracy_score)}
    curve = robustness_curve(
        GaussianNB(), X, y, attack=ATTACKS[0], budgets=[0.0], cv=3, scoring=scoring
    )
    assert curve.test_scores["of_mine"].shape == (1, 3)


def test_two_jobs_give_what_one_gives():
    one, two = (
        robustness_curve(
            GaussianNB(), X, y, attack=ATTACKS[1], budgets=[0.0, 0.2], n_jobs=n_jobs
        )
        for n_jobs in (1, 2)
    )
    np.testing.assert_array_equal(one.test_scores, two.test_scores)


def test_test_rows_are_clean_and_attack_sees_training_rows_alone():
    indices = np.arange(569).reshape(-1, 1)
    folds = list(StratifiedKFold(3).split(X, y))
    rows = []

    def scorer(fitted, X_scored, y_scored):
        rows.append(X_scored[:, 0].astype(int))
        np.testing.assert_array_equal(y_scored, y[rows[-1]])
        return 0.0

    robustness_curve(
        GaussianNB(),
        indices,
        y,
        attack=RandomLabelFlip(random_state=0),
        budgets=[0.5],
        cv=folds,
        scoring=scorer,
        error_score="raise",
    )
    for (train, test), test_seen, train_seen in zip(
        folds, rows[::2], rows[1::2], strict=True
    ):
        np.testing.assert_array_equal(test_seen, test)
        np.testing.assert_array_equal(train_seen, train)


@attacks
@pytest.mark.parametrize("wrap", [None, StandardScaler()], ids=["plain", "pipeline"])
def test_facts_about_rows_go_along(attack, wrap):
    trusted = np.random.RandomState(0).rand(569) < 0.4
    weights = 1 + np.arange(569) / 569
    victim = TrustingRecorder()
    if wrap is not None:
        victim = sklearn_make_pipeline(wrap, victim)
    params = {"trusted": trusted, "sample_weight": weights}
    folds = list(StratifiedKFold(3).split(SCALED, y))
    for (train, _), (fitted, fitted_attack) in zip(
        folds, seen_by(victim, params, attack), strict=True
    ):
        seen = (fitted if wrap is None else fitted[-1]).seen_
        n, mask = train.shape[0], fitted_attack.poison_mask_
        n_inserted = mask.shape[0] - n
        assert n_inserted == (76 if isinstance(attack, RandomInsertion) else 0)
        np.testing.assert_array_equal(seen["trusted"][:n], trusted[train])
        np.testing.assert_array_equal(seen["sample_weight"][:n], weights[train])
        assert not seen["trusted"][n:].any()
        assert (seen["sample_weight"][n:] == 1).all()
        assert seen["trusted"].shape == seen["sample_weight"].shape == mask.shape
        assert not mask[:n][trusted[train]].any()


def test_trusted_is_for_the_attack_where_the_estimator_does_not_take_it():
    trusted = np.ones(569, dtype=bool)
    trusted[::3] = False
    for victim in (Recorder(), sklearn_make_pipeline(StandardScaler(), Recorder())):
        for _, attack in seen_by(victim, {"trusted": trusted}, ATTACKS[0]):
            assert attack.poison_mask_.sum() == 76


def test_names_of_steps():
    weights = np.full(569, 2.0)
    victim = sklearn_make_pipeline(StandardScaler(), Recorder())
    params = {
        "standardscaler__sample_weight": weights,
        "recorder__sample_weight": weights,
    }
    for fitted, _ in seen_by(victim, params, ATTACKS[1]):
        assert fitted[-1].seen_["sample_weight"].shape == (379 + 76,) or (
            fitted[-1].seen_["sample_weight"].shape == (380 + 76,)
        )


@attacks
def test_facts_are_routed(attack):
    trusted = np.random.RandomState(0).rand(569) < 0.4
    weights = 1 + np.arange(569) / 569
    with sklearn.config_context(enable_metadata_routing=True):
        victim = TrustingRecorder().set_fit_request(trusted=True, sample_weight=True)
        victim.set_score_request(sample_weight=False)
        routed_attack = attack.__class__(random_state=0)
        routed_attack.set_fit_resample_request(trusted=True)
        params = {"trusted": trusted, "sample_weight": weights}
        routed = seen_by(victim, params, routed_attack)
    unrouted = seen_by(TrustingRecorder(), params, attack)
    for (one, _), (other, _) in zip(routed, unrouted, strict=True):
        for key, value in one.seen_.items():
            np.testing.assert_array_equal(value, other.seen_[key])


def test_scores_are_not_weighted():
    """As in validation_curve; the weights leave this estimator as it is."""
    params = {"sample_weight": np.where(np.arange(569) < 300, 1.0, 1e-9)}
    curve = robustness_curve(
        NeverWeighted(), X, y, attack=ATTACKS[0], budgets=[0.0], params=params
    )
    expected = cross_validate(GaussianNB(), X, y)["test_score"]
    np.testing.assert_array_equal(curve.test_scores[0], expected)


class NeverWeighted(GaussianNB):
    def fit(self, X, y, sample_weight=None):
        return super().fit(X, y)


def test_routed_weights_reach_the_score():
    weights = np.where(np.arange(569) < 300, 1.0, 0.1)
    folds = list(StratifiedKFold(3).split(X, y))

    def scores(victim, **params):
        return robustness_curve(
            victim, X, y, attack=ATTACKS[0], budgets=[0.1], cv=folds, params=params
        ).test_scores[0]

    with sklearn.config_context(enable_metadata_routing=True):
        victim = GaussianNB().set_fit_request(sample_weight=False)
        with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
            scores(victim, sample_weight=weights)
        victim.set_score_request(sample_weight=True)
        weighted = scores(victim, sample_weight=weights)
        victim.set_score_request(sample_weight="importance")
        renamed = scores(victim, importance=weights)
    expected = []
    for train, test in folds:
        fitted = GaussianNB().fit(
            *RandomLabelFlip(0.1, random_state=0).fit_resample(X[train], y[train])
        )
        expected.append(fitted.score(X[test], y[test], weights[test]))
    np.testing.assert_array_equal(weighted, expected)
    np.testing.assert_array_equal(renamed, expected)
    assert (weighted != scores(GaussianNB())).any()


def test_attack_is_checked():
    with pytest.raises(ValueError, match=r"attack must have .*; got GaussianNB\(\)"):
        robustness_curve(GaussianNB(), X, y, attack=GaussianNB())


def test_groups_reach_the_splitter():
    groups = np.arange(569) % 5
    curve = robustness_curve(
        GaussianNB(),
        X,
        y,
        attack=ATTACKS[1],
        budgets=[0.0],
        cv=GroupKFold(5),
        params={"groups": groups},
    )
    assert curve.test_scores.shape == (1, 5)


def test_params_not_taken():
    message = "parameters of the fit of KNeighbors.*; got 'sample_weight'"
    with pytest.raises(ValueError, match=message):
        robustness_curve(
            KNeighborsClassifier(),
            X,
            y,
            attack=ATTACKS[0],
            params={"sample_weight": np.ones(569)},
            error_score="raise",
        )


class Coloured(GaussianNB):
    def fit(self, X, y, colour=None):
        return super().fit(X, y)


def test_params_that_cannot_be_padded():
    message = "must not hold 'colour'.* known only for trusted and sample_weight"
    params = {"colour": np.arange(569)}
    arguments = {"budgets": [0.1], "params": params, "error_score": "raise", "cv": 3}
    robustness_curve(Coloured(), X, y, attack=ATTACKS[0], **arguments)
    with pytest.raises(ValueError, match=message):
        robustness_curve(Coloured(), X, y, attack=ATTACKS[1], **arguments)


@pytest.mark.parametrize("budgets", [[], 0.1, [[0.1]], ["a"]])
def test_budgets_are_checked(budgets):
    with pytest.raises(ValueError, match="budgets must be a sequence"):
        robustness_curve(GaussianNB(), X, y, attack=ATTACKS[0], budgets=budgets)


def test_failing_fits_are_scored_and_reported():
    attack = RandomLabelFlip(class_map={0: 1}, random_state=0)
    with pytest.warns(FitFailedWarning, match="must not exceed"):
        curve = robustness_curve(
            GaussianNB(), X, y, attack=attack, budgets=[0.1, 0.9], cv=3
        )
    assert np.isfinite(curve.test_scores[0]).all()
    assert np.isnan(curve.test_scores[1]).all()


def test_scorers_read_masks():
    def recall_of_poison(fitted, X, y):
        dropped = ~fitted.estimator_.inlier_mask_
        return dropped[fitted.attack_.poison_mask_].mean()

    defence = KNNSanitizedClassifier(GaussianNB())
    curve = robustness_curve(
        defence,
        SCALED,
        y,
        attack=RandomLabelFlip(random_state=0),
        budgets=[0.1],
        scoring=recall_of_poison,
    )
    assert curve.test_scores.min() > 0.8


def test_nothing_given_is_fitted_or_changed():
    victim, attack = GaussianNB(), RandomLabelFlip(budget=0.07)
    robustness_curve(victim, X, y, attack=attack, budgets=[0.2], cv=3)
    assert not hasattr(victim, "classes_")
    assert not hasattr(attack, "poison_mask_")
    assert attack.budget == 0.07


def test_dataframes_of_words():
    frame = pd.DataFrame({"city": np.array(["Rome", "Oslo", "Bern"])[y], "n": X[:, 0]})
    columns = sklearn.compose.make_column_transformer(
        (sklearn.preprocessing.OneHotEncoder(), ["city"]), remainder="passthrough"
    )
    curve = robustness_curve(
        sklearn_make_pipeline(columns, GaussianNB()),
        frame,
        pd.Series(y).map({0: "a", 1: "b"}),
        attack=RandomInsertion(random_state=0),
        budgets=[0.0, 0.2],
    )
    assert (curve.test_scores[0] == 1).all()


def test_defence_holds_what_the_attack_breaks():
    """The package's whole point, on data that scikit-learn ships."""
    trusted = np.random.RandomState(0).rand(569) < 0.3
    tree = sklearn.tree.DecisionTreeClassifier(random_state=0)
    scores = {
        name: robustness_curve(
            estimator,
            SCALED,
            y,
            attack=RandomInsertion(random_state=0),
            budgets=[0.0, 0.3],
            params={"trusted": trusted},
        ).test_scores.mean(axis=1)
        for name, estimator in {
            "plain": tree,
            "knn": KNNSanitizedClassifier(tree),
            "outliers": OutlierFilteredClassifier(tree, quantile=0.9),
        }.items()
    }
    lost = scores["plain"][0] - scores["plain"][1]
    assert lost > 0.05
    assert scores["knn"][1] > scores["plain"][1] + 0.5 * lost
    assert scores["outliers"][1] > scores["plain"][1]


def test_multi_class_and_iterable_of_folds():
    X, y = load_iris(return_X_y=True)
    curve = robustness_curve(
        LogisticRegression(max_iter=1000),
        X,
        y,
        attack=RandomLabelFlip(random_state=0),
        budgets=[0, 30],
        cv=iter(StratifiedKFold(3).split(X, y)),
    )
    assert curve.budgets.dtype.kind == "i"
    assert curve.test_scores.shape == (2, 3)
