import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from imblearn.pipeline import make_pipeline
from scipy import sparse
from sklearn.naive_bayes import GaussianNB

from skpoison.attacks import RandomLabelFlip
from skpoison.base import BasePoisoner, Poison
from skpoison.utils.estimator_checks import parametrize_with_checks


class MeanInsertion(BasePoisoner):
    """A third party's attack: it reads features and inserts rows."""

    def _poison(self, X, y, *, n_poison, trusted, random_state):
        rows = np.repeat(np.asarray(X.mean(axis=0)).reshape(1, -1), n_poison, axis=0)
        return Poison(
            X_inserted=rows, y_inserted=random_state.choice(self.classes_, n_poison)
        )


class Scripted(BasePoisoner):
    """An attack that does what it is told."""

    def __init__(self, poison=None, budget=0.1, *, random_state=None):
        super().__init__(budget, random_state=random_state)
        self.poison = poison

    def _poison(self, X, y, **seen):
        self.seen_ = {"X": X, "y": y, **seen}
        return self.poison


X = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0], [6.0, 7.0]])
y = np.array(["b", "a", "a", "b"])


@parametrize_with_checks([MeanInsertion(random_state=0)])
def test_attack_of_a_third_party(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    ("budget", "n_poison"), [(0, 0), (3, 3), (0.0, 0), (0.5, 2), (0.49, 2), (1.0, 4)]
)
def test_budget_becomes_a_number_of_rows(budget, n_poison):
    attack = Scripted(Poison(), budget)
    attack.fit_resample(X, y)
    assert attack.seen_["n_poison"] == n_poison


@pytest.mark.parametrize("budget", [-1, -0.1, 1.5, 10.0, "all", None, True])
def test_budget_out_of_range(budget):
    message = "'budget' parameter .* must be a share of the .* 0.1 for 10%. or a number"
    with pytest.raises(ValueError, match=message):
        RandomLabelFlip(budget).fit_resample(X, y)


def test_hook_sees_checked_arrays():
    attack = Scripted(Poison())
    attack.fit_resample(pd.DataFrame(X), pd.Series(y), trusted=[1, 0, 0, 0])
    np.testing.assert_array_equal(attack.seen_["X"], X)
    np.testing.assert_array_equal(attack.seen_["y"], y)
    assert attack.seen_["trusted"].tolist() == [True, False, False, False]
    attack.fit_resample(sparse.csc_array(X), y)
    assert attack.seen_["X"].format == "csc"


def test_flipped_and_inserted_rows():
    poison = Poison(
        y=np.array(["a", "a", "a", "b"]),
        X_inserted=np.array([[9.0, 9.0]]),
        y_inserted=np.array(["a"]),
    )
    attack = Scripted(poison)
    X_out, y_out = attack.fit_resample(X, y)
    np.testing.assert_array_equal(X_out, [*X, [9.0, 9.0]])
    assert y_out.tolist() == ["a", "a", "a", "b", "a"]
    assert attack.poison_mask_.tolist() == [True, False, False, False, True]
    assert attack.contamination_ == 2 / 5


def test_inserted_clones_are_given_by_position():
    poison = Poison(X_inserted=np.array([3, 1]), y_inserted=np.array(["a", "b"]))
    X_out, y_out = Scripted(poison).fit_resample(X, y)
    np.testing.assert_array_equal(X_out[4:], X[[3, 1]])
    assert y_out[4:].tolist() == ["a", "b"]


def test_invented_labels_are_refused():
    poison = Poison(X_inserted=np.array([3]), y_inserted=np.array(["c"]))
    with pytest.raises(ValueError, match=r"invent labels: it returned \['c'\], but y"):
        Scripted(poison).fit_resample(X, y)


def test_one_class_is_refused():
    message = "at least two classes for RandomLabelFlip, .* only one class: 'a'"
    with pytest.raises(ValueError, match=message):
        RandomLabelFlip().fit_resample(X, ["a"] * 4)


def test_imbalanced_learn_finds_a_sampling_strategy():
    assert RandomLabelFlip(random_state=0).fit(X, y).sampling_strategy_ == {}


def test_fit_checks_and_poisons_nothing():
    attack = RandomLabelFlip().fit(X, y)
    assert attack.classes_.tolist() == ["a", "b"]
    assert not hasattr(attack, "poison_mask_")
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        attack.fit(X, y[:3])


def test_trusted_is_routed():
    trusted = np.array([True, True, True, False])
    with sklearn.config_context(enable_metadata_routing=True):
        attack = RandomLabelFlip(1, random_state=0)
        pipeline = make_pipeline(
            attack.set_fit_resample_request(trusted=True), GaussianNB()
        )
        pipeline.fit(X, y, trusted=trusted)
    assert pipeline[0].poison_mask_.tolist() == [False, False, False, True]


@pytest.mark.parametrize(
    "poison",
    [
        Poison(),
        Poison(y=np.array(["b", "b", "a", "b"])),
        Poison(X_inserted=np.array([2, 2]), y_inserted=np.array(["b", "a"])),
        Poison(X_inserted=np.array([[8.0, 9.0]]), y_inserted=np.array(["a"])),
        Poison(modified=np.array([1]), X_modified=np.array([[-1.0, -2.0]])),
        Poison(deleted=np.array([0, 3])),
    ],
    ids=["nothing", "labels", "clones", "rows", "modified", "deleted"],
)
def test_poison_is_stored_and_applied_again(poison):
    frame, series = pd.DataFrame(X, columns=["u", "v"]), pd.Series(y, dtype="category")
    attack = Scripted(poison)
    expected = attack.fit_resample(frame, series)
    assert attack.poison_ is poison
    X_poisoned, y_poisoned = attack.apply_poison(frame, series)
    pd.testing.assert_frame_equal(X_poisoned, expected[0])
    pd.testing.assert_series_equal(y_poisoned, expected[1])


@pytest.mark.parametrize(
    ("rows", "labels", "message"),
    [
        (X[:3], y, "X must be the 4 rows that were passed to fit_resample; got 3 rows"),
        (X, y[:3], "y must be the 4 rows that were passed to fit_resample; got 3 rows"),
        (X, [0, 1, 1, 0], r"of the classes \['a', 'b'\]; got \[0, 1\]"),
        (
            X,
            np.where(y == "a", "c", "b"),
            r"of the classes \['a', 'b'\]; got \['b', 'c'\]",
        ),
    ],
)
def test_poison_is_not_applied_to_other_rows(rows, labels, message):
    attack = Scripted(Poison(y=np.array(["b", "b", "a", "b"])))
    attack.fit_resample(X, y)
    with pytest.raises(ValueError, match=message):
        attack.apply_poison(rows, labels)


def test_lazy_frames():
    frame = pl.LazyFrame({"u": X[:, 0]})
    for attack in (RandomLabelFlip(1), Scripted(Poison())):
        with pytest.raises(ValueError, match=r"got a LazyFrame\. Pass X\.collect\(\)"):
            attack.fit_resample(frame, y)
    RandomLabelFlip(1).fit_resample(frame.collect(), y)


def test_poison_of_an_attack_that_has_not_run():
    with pytest.raises(sklearn.exceptions.NotFittedError):
        Scripted(Poison()).apply_poison(X, y)


def test_hook_sees_floats_instead_of_booleans():
    attack = Scripted(Poison())
    X_out, _ = attack.fit_resample(X > 2, y)
    assert attack.seen_["X"].dtype == np.float64
    assert X_out.dtype == bool


@pytest.mark.parametrize("method", ["fit", "fit_resample"])
def test_nothing_is_left_of_an_earlier_call(method):
    attack = Scripted(Poison())
    attack.old_ = 1
    getattr(attack, method)(X, y)
    assert not hasattr(attack, "old_")
