import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures

from skpoison.attacks import (
    GradientInsertion,
    GradientModification,
    GreedyDeletion,
    RandomInsertion,
    RelaxedLabelFlip,
)
from skpoison.feasible_sets import ResponseRange
from skpoison.model_selection import RobustnessReport
from skpoison.model_selection._encoded import EncodedAttack, keeps_columns
from skpoison.optimizers import ProjectedAscent

X, y = load_iris(return_X_y=True)
X, y = X[50::2], y[50::2]
WORDS = np.round(X[:, :2]).astype(int).astype(str).astype(object)
ENCODER = OneHotEncoder(handle_unknown="ignore")


@pytest.mark.parametrize("budget", [0, 4, 0.1])
@pytest.mark.parametrize(
    "attack",
    [
        RelaxedLabelFlip(LogisticRegression(), max_iter=3, random_state=0),
        GreedyDeletion(LogisticRegression(), random_state=0),
        RandomInsertion(random_state=0),
    ],
)
def test_does_to_the_rows_what_the_attack_does_behind_the_encoder(attack, budget):
    encoded = EncodedAttack(attack, ENCODER, budget)
    X_out, y_out = encoded.fit_resample(WORDS, y)
    expected = clone(attack).set_params(budget=budget)
    Z_out, labels = expected.fit_resample(ENCODER.fit_transform(WORDS), y)
    np.testing.assert_array_equal(y_out, labels)
    assert X_out.dtype == object
    assert (ENCODER.transform(X_out) != Z_out).nnz == 0
    np.testing.assert_array_equal(encoded.poison_mask_, expected.poison_mask_)
    # The poison can be applied again.
    np.testing.assert_array_equal(encoded.apply_poison(WORDS, y)[0], X_out)


def test_encoder_is_fitted_on_the_training_rows_and_not_written_to():
    encoder = PolynomialFeatures()
    surrogate = LogisticRegression(max_iter=1000)
    attack = RelaxedLabelFlip(surrogate, max_iter=1, random_state=0)
    encoded = EncodedAttack(attack, encoder)
    encoded.fit_resample(X, y)
    assert encoded.attack_.n_features_in_ == 15
    assert not hasattr(encoder, "n_features_in_")
    assert not hasattr(attack, "poison_")


def test_trusted_rows_stay():
    attack = RelaxedLabelFlip(LogisticRegression(), max_iter=1, random_state=0)
    trusted = np.arange(y.shape[0]) >= 10
    encoded = EncodedAttack(attack, ENCODER, 5)
    _, y_out = encoded.fit_resample(WORDS, y, trusted=trusted)
    changed = np.flatnonzero(y_out != y)
    assert changed.shape == (5,)
    assert changed.max() < 10


def test_groups_reach_the_attack():
    groups = np.arange(y.shape[0]) % 5
    attack = GreedyDeletion(
        LogisticRegression(), validation=GroupKFold(2), random_state=0
    )
    encoded = EncodedAttack(attack, ENCODER, 2)
    X_out, _ = encoded.fit_resample(WORDS, y, groups=groups)
    assert len(X_out) == len(y) - 2
    with pytest.raises(ValueError, match="`groups` must be given to fit_resample"):
        encoded.fit_resample(WORDS, y)
    report = RobustnessReport(
        make_pipeline(ENCODER, LogisticRegression()), attack, budgets=[2], cv=2
    )
    order = np.random.RandomState(0).permutation(y.shape[0])
    report.fit(WORDS[order], y[order], groups=groups)
    (curve,) = report.curves_.values()
    assert np.isfinite(curve.test_scores).all()


@pytest.mark.parametrize("attack", [GradientInsertion, GradientModification])
def test_features_cannot_be_written_behind_an_encoder(attack):
    encoded = EncodedAttack(attack(LogisticRegression(), random_state=0), ENCODER, 2)
    with pytest.raises(ValueError, match="attack must not write features behind an"):
        encoded.fit_resample(WORDS, y)


@pytest.mark.parametrize("attack", [GradientInsertion, GradientModification])
def test_features_can_be_written_behind_an_imputer(attack):
    holes = X.copy()
    holes[::5, 1] = np.nan
    imputer = SimpleImputer(keep_empty_features=True)
    attack = attack(LogisticRegression(), random_state=0)
    encoded = EncodedAttack(attack, make_pipeline(imputer), 2)
    X_out, y_out = encoded.fit_resample(holes, y)
    attack.set_params(budget=2).fit_resample(imputer.fit_transform(holes), y)
    expected, labels = attack.apply_poison(holes, y)
    np.testing.assert_array_equal(X_out, expected)
    np.testing.assert_array_equal(y_out, labels)
    assert np.isnan(X_out[0, 1])
    assert not np.isnan(X_out[encoded.poison_mask_]).any()


@pytest.mark.parametrize(
    ("encoder", "expected"),
    [
        (SimpleImputer(keep_empty_features=True), True),
        (SimpleImputer(), False),
        (SimpleImputer(keep_empty_features=True, add_indicator=True), False),
        (make_pipeline(SimpleImputer(keep_empty_features=True), ENCODER), False),
    ],
)
def test_keeps_columns(encoder, expected):
    assert keeps_columns(encoder) == expected


@pytest.mark.parametrize("make", [GradientInsertion, GradientModification])
def test_responses_behind_an_encoder_that_cannot_be_undone(make):
    """Rows are cloned, or stay as they are; responses are chosen by gradients."""
    responses = X[:, 2] + 0.1 * np.arange(len(X)) % 1
    attack = make(
        Ridge(),
        poison_labels=ResponseRange(),
        optimizer=ProjectedAscent(max_iter=10),
        random_state=0,
    )
    encoded = EncodedAttack(attack, ENCODER, 16, keep_features=True)
    rows, targets = encoded.fit_resample(WORDS, responses)
    n = len(responses)
    np.testing.assert_array_equal(rows[:n], WORDS)
    known = {tuple(row) for row in WORDS.tolist()}
    assert {tuple(row) for row in rows[n:].tolist()} <= known
    assert encoded.poison_mask_.sum() == 16
    assert responses.min() <= targets.min() <= targets.max() <= responses.max()
    errors = []
    for train, y_train in ((WORDS, responses), (rows, targets)):
        victim = make_pipeline(ENCODER, Ridge()).fit(train, y_train)
        errors.append(np.mean((victim.predict(WORDS) - responses) ** 2))
    assert errors[1] > 1.3 * errors[0]
