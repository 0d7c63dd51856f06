"""What attacks on streams have in common."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import SGDClassifier, SGDRegressor
from sklearn.neural_network import MLPClassifier

from skpoison.goals import ErrorGeneric, TargetCoefficients, TargetFeatures
from skpoison.online import OnlineInsertion
from skpoison.online._base import CHUNK, Stream
from skpoison.online._victims import as_stream_learner

rng = np.random.RandomState(0)
X = rng.normal(size=(60, 4))
y = (X[:, 0] > 0).astype(int)


def test_known_rows_are_the_last_ones_or_those_given():
    stream = Stream(X, y, window=10)
    np.testing.assert_array_equal(stream.known(25)[0], X[15:25])
    np.testing.assert_array_equal(stream.known(4)[1], y[:4])
    given = Stream(X, y, X[:3], y[:3])
    np.testing.assert_array_equal(given.known(25)[0], X[:3])


def test_long_sparse_streams_pass_by_in_chunks():
    n_rows = 2 * CHUNK + 7
    X_long = sparse.random(n_rows, 4, 0.5, format="csr", random_state=0)
    y_long = rng.randint(2, size=n_rows)
    states = [as_stream_learner(SGDClassifier(), 4, np.arange(2)) for _ in range(2)]
    Stream(X_long, y_long).pass_by(states[0], 0, n_rows)
    states[1].learn_rows(X_long.toarray(), y_long)
    np.testing.assert_array_equal(states[0].weights, states[1].weights)


@pytest.mark.parametrize(
    ("params", "given", "message"),
    [
        ({"surrogate": SGDRegressor()}, {"y": "labels"}, "`surrogate` must"),
        ({"goal": TargetFeatures([0])}, {}, "`goal` must be a function"),
        ({"window": 9}, {"X_val": X[:9], "y_val": y[:9]}, "window must be None"),
        (
            {"goal": TargetCoefficients({0: 1.0})},
            {"X_val": X[:9], "y_val": y[:9]},
            "`X_val` and `y_val` must be None",
        ),
        (
            {"surrogate": MLPClassifier(), "look_ahead": 2},
            {},
            "`look_ahead` must be 1",
        ),
        ({"surrogate": MLPClassifier(), "n_repeats": 2}, {}, "`n_repeats` must be 1"),
        ({"goal": ErrorGeneric("surrogate", 2.0)}, {}, "`sharpness`"),
    ],
)
def test_what_does_not_go_together(params, given, message):
    given = dict(given)
    labels = np.where(y, "a", "b") if given.pop("y", None) else y
    with pytest.raises(ValueError, match=message):
        OnlineInsertion(**params).fit_resample(X, labels, **given)


def test_a_fitted_surrogate_knows_the_rows_of_the_stream():
    learner = SGDClassifier("log_loss", random_state=0)
    narrow = clone(learner).partial_fit(X[:, :3], y, classes=[0, 1])
    wide = clone(learner).partial_fit(X, y, classes=[0, 1, 2])
    rows = [(X[0], y[0])]
    for fitted, message in ((narrow, "of 4 features"), (wide, "labels of")):
        attack = OnlineInsertion(FrozenEstimator(fitted), 3)
        with pytest.raises(ValueError, match=message):
            attack.fit_resample(X, y)
        attack = OnlineInsertion(FrozenEstimator(fitted), 0.5)
        with pytest.raises(ValueError, match="`surrogate` must be fitted to"):
            attack.iter_resample(rows, X, y)
