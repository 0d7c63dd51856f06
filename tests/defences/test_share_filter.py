import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from skpoison.defences import SEVERClassifier
from skpoison.defences._share_filter import (
    SHARES,
    BaseShareFilter,
    Judgement,
    _weakest_that_fits_most,
)

X = np.random.RandomState(0).normal(size=(40, 2))
y = (X[:, 0] > 0).astype(int)


class FirstRows(BaseShareFilter):
    """Leave out the first rows, and write down what it is asked."""

    # The residual, in robust standard deviations, that is the best limit.
    best_limit = 3

    def __init__(self, estimator, contamination="auto", random_state=None):
        self.estimator = estimator
        self.contamination = contamination
        self.random_state = random_state

    def _judge(self, task, shares, random_state, *, limits):
        self.asked_ = [*getattr(self, "asked_", []), (tuple(shares), limits)]
        self.tasks_ = [*getattr(self, "tasks_", []), task]
        n_samples = task.codes.shape[0]
        judgements = []
        for share in shares:
            scores = 1.0 * (np.arange(n_samples) < share * n_samples)
            # A share of 0.3 and one of 0.1 are the best.
            losses = np.full(n_samples, abs(abs(share - 0.2) - 0.1))
            ones = np.ones(task.codes.max() + 1)
            found = []
            for limit in limits:
                number = getattr(limit, "keywords", {}).get("n_deviations", 3)
                cost = 0.0 if number == self.best_limit else 1.0
                found.append(Judgement(scores, ones, losses + cost))
            judgements.append(found)
        return judgements


@pytest.mark.parametrize("contamination", [0, 0.25])
def test_share_that_is_given(contamination):
    fitted = FirstRows(Ridge(), contamination).fit(X, X[:, 1])
    assert fitted.asked_ == [((contamination,), [None])]
    assert fitted.first_share_ == contamination
    assert (~fitted.inlier_mask_).sum() == 40 * contamination
    assert fitted.threshold_ == 1.0


def test_share_without_trusted_rows():
    fitted = FirstRows(LogisticRegression()).fit(X, y)
    ((shares, limits),) = fitted.asked_
    assert (shares, len(limits)) == ((0.3,), 1)
    assert fitted.threshold_.tolist() == [1.0, 1.0]
    ((shares, limits),) = FirstRows(Ridge()).fit(X, X[:, 1]).asked_
    assert shares == (0.3,)
    np.testing.assert_allclose(
        [limit(np.arange(41.0) ** 2) for limit in limits],
        [[(number * 1.4826 * 20) ** 2] for number in (np.inf, 4, 3, 2)],
    )


def test_several_shares_without_trusted_rows():
    class Several(FirstRows):
        _first_shares = (0.3, 0.4)

    fitted = Several(Ridge()).fit(X, X[:, 1])
    assert [shares for shares, _ in fitted.asked_] == [(0.3,), (0.4,)]
    # FirstRows has the least losses with a share of 0.3.
    assert fitted.first_share_ == 0.3
    assert (~fitted.inlier_mask_).sum() == 12


@pytest.mark.parametrize(("times", "expected"), [(1.9, 0), (2.1, 1)])
def test_weakest_choice_with_which_most_rows_fit_well(times, expected):
    weights = np.array([1.0, 1, 2, 1, 2, 3])
    # The four rows that fit best have a weight of 5 together, one of the others makes
    # it more than 6 of 10.
    best = np.array([1.0, 3, 2, 4, 5, 50])
    weak = np.append(times * best[:5], 1e6)
    judgements = [
        Judgement(losses, np.ones(1), losses) for losses in (weak, best, 1.5 * best)
    ]
    task = FirstRows(Ridge()).fit(np.eye(6), best, sample_weight=weights).tasks_[0]
    assert _weakest_that_fits_most(task, judgements) == expected


def test_trusted_rows_choose_the_weakest_of_the_best():
    trusted = np.arange(40) >= 25
    fitted = FirstRows(LogisticRegression(), random_state=0).fit(X, y, trusted=trusted)
    assert fitted.first_share_ == 0.1
    *folds, last = fitted.asked_
    assert [shares for shares, _ in folds] == [SHARES] * 2
    assert last[0] == (0.4, 0.3, 0.2, 0.1)
    *parts, whole = fitted.tasks_
    left_out = [np.flatnonzero(trusted & ~part.kept) for part in parts]
    np.testing.assert_array_equal(
        np.sort(np.concatenate(left_out)), np.flatnonzero(trusted)
    )
    for part in fitted.tasks_:
        np.testing.assert_array_equal(part.movable, ~trusted)
    np.testing.assert_array_equal(whole.kept, trusted)


def test_the_share_chosen_alone_if_it_does_not_go_on_from_larger_ones():
    class Alone(FirstRows):
        _goes_on_from_larger_shares = False

    trusted = np.arange(40) >= 25
    fitted = Alone(LogisticRegression(), random_state=0).fit(X, y, trusted=trusted)
    assert [shares for shares, _ in fitted.asked_] == [SHARES, SHARES, (0.1,)]
    assert fitted.first_share_ == 0.1
    assert not SEVERClassifier._goes_on_from_larger_shares


@pytest.mark.parametrize("number", [2, 3, 4])
def test_trusted_rows_choose_a_limit_for_regression(number):
    class Choosing(FirstRows):
        best_limit = number

    residuals = np.arange(41.0)
    largest = (number * 1.4826 * 20) ** 2
    fitted = Choosing(Ridge(), random_state=0).fit(X, y, trusted=np.arange(40) >= 25)
    shares, (limit,) = fitted.asked_[-1]
    assert shares == (0.4, 0.3, 0.2, 0.1)
    np.testing.assert_allclose(limit(residuals**2), [largest])


def test_task_fits_and_measures():
    weights = np.random.RandomState(1).uniform(1, 2, size=40)
    words = np.array(["a", "b"])[y]
    fitted = FirstRows(LogisticRegression()).fit(X, words, sample_weight=weights)
    (task,) = fitted.tasks_
    rows = np.arange(5, 40)
    model = task.refits.fit(rows)
    expected = LogisticRegression(tol=1e-10).fit(X[rows], words[rows], weights[rows])
    p = expected.predict_proba(X)[np.arange(40), y]
    np.testing.assert_allclose(task.refits.losses(model), -np.log(p), rtol=1e-6)
    (limit,) = task.limits
    assert limit(p).shape == (2,)
    np.testing.assert_array_equal(task.weights, weights)


def test_nothing_of_the_data_is_kept():
    fitted = FirstRows(Ridge()).fit(X, X[:, 0])
    assert not [name for name in vars(fitted) if name.startswith("_present")]
    assert "_thresholds" not in vars(fitted)
