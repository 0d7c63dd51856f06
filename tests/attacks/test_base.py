"""What all attacks with a surrogate share, seen through the smallest of them."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge

from skpoison.attacks._base import BaseSurrogateAttack
from skpoison.base import Poison

X, y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[y]


class FirstRows(BaseSurrogateAttack):
    """Does everything to the first rows known that may be touched."""

    what = "flip"

    def _attack(self, known, n_poison, random_state):
        self.known_ = known
        self.drawn_ = random_state.uniform()
        rows = np.flatnonzero(~known.trusted)[:n_poison]
        if self.what == "flip":
            labels = known.y.copy()
            labels[rows] = known.classes[(known.codes[rows] + 1) % len(known.classes)]
            return Poison(y=labels)
        if self.what == "delete":
            return Poison(deleted=rows)
        if self.what == "modify":
            return Poison(modified=rows, X_modified=known.X[rows] + 1)
        return Poison(X_inserted=rows, y_inserted=known.y[rows])


@pytest.mark.parametrize("what", ["flip", "delete", "modify", "insert"])
def test_poison_of_the_rows_known_is_that_of_all_rows(what):
    attack = FirstRows(budget=4, known_fraction=0.3, random_state=0)
    attack.what = what
    trusted = np.arange(150) < 75
    X_out, y_out = attack.fit_resample(X, NAMES, trusted=trusted)
    known = attack.known_
    assert known.X.shape == (45, 4)
    assert known.n_samples == 150
    assert known.trusted.sum() == pytest.approx(22, abs=8)
    is_known = (X[:, np.newaxis] == known.X).all(axis=2).any(axis=1)
    rows = np.flatnonzero(is_known & ~trusted)[:4]
    if what == "delete":
        assert_array_equal(np.flatnonzero(attack.deletion_mask_), rows)
    elif what == "insert":
        assert_array_equal(X_out[150:], X[rows])
        assert_array_equal(y_out[150:], NAMES[rows])
    else:
        assert_array_equal(np.flatnonzero(attack.poison_mask_), rows)
        assert_array_equal((X_out != X).any(axis=1).any(), what == "modify")
        assert_array_equal((y_out != NAMES).any(), what == "flip")


def test_everything_is_known_by_default():
    attack = FirstRows(random_state=0)
    attack.fit_resample(X, NAMES)
    assert_array_equal(attack.known_.X, X)
    assert_array_equal(attack.known_.codes, y)


@pytest.mark.parametrize("surrogate", [None, RandomForestClassifier()], ids=str)
def test_seeds_of_the_surrogate_do_not_change_what_is_drawn(surrogate):
    first = FirstRows(LogisticRegression(random_state=0), random_state=3)
    second = FirstRows(surrogate, random_state=3)
    for attack in (first, second):
        attack.fit_resample(X, y)
    assert first.drawn_ == second.drawn_
    seeds = [
        value
        for name, value in second.known_.surrogate.get_params().items()
        if name.endswith("random_state")
    ]
    assert seeds
    assert None not in seeds


def test_surrogates_are_classifiers_or_regressors():
    with pytest.raises(ValueError, match="`surrogate` must be a classifier if y holds"):
        FirstRows(KMeans()).fit_resample(X, y)


def test_labels_need_a_classifier():
    attack = FirstRows(Ridge())
    attack._needs_classifier = True
    with pytest.raises(ValueError, match="must be a classifier for FirstRows; got Rid"):
        attack.fit_resample(X, y)


@pytest.mark.parametrize(
    ("known_fraction", "message"),
    [
        (0.0, "The 'known_fraction' parameter"),
        (0.001, "`known_fraction` must leave rows"),
    ],
)
def test_some_rows_must_be_known(known_fraction, message):
    with pytest.raises(ValueError, match=message):
        FirstRows(known_fraction=known_fraction).fit_resample(X, y)


@pytest.mark.parametrize("number", [0.2, 5])
def test_budget_in_the_place_of_the_surrogate(number):
    message = "'surrogate' parameter of FirstRows must be .*, write (FirstRows.*)\\.$"
    with pytest.raises(ValueError, match=message) as caught:
        FirstRows(number).fit_resample(X, y)
    _, way_out = str(caught.value)[:-1].split("write ")
    eval(way_out, {"FirstRows": FirstRows}).fit_resample(X, y)
