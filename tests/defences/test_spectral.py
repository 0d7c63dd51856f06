import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from skpoison.defences import SpectralFilteredClassifier
from skpoison.defences._last_layer import last_layer_inputs

rng = np.random.RandomState(0)
X = rng.normal(size=(200, 8))
y = rng.randint(2, size=200)
X[:, 0] += 2 * y
MARKED = np.arange(200) < 12
y[MARKED] = 1
X[MARKED] += [0, 0, 3, 3, 0, 0, 0, 0]


def published_signature(R, y, eps):
    """Algorithm 1 of Tran, Li and Madry (2018), explicitly: which rows are kept."""
    kept = np.ones(y.shape[0], dtype=bool)
    for k in np.unique(y):
        rows = np.flatnonzero(y == k)
        centred = R[rows] - R[rows].mean(axis=0)
        scores = (centred @ np.linalg.svd(centred)[2][0]) ** 2
        n_left_out = int(1.5 * eps * rows.size + 1e-9)
        kept[rows[np.argsort(-scores)[:n_left_out]]] = False
    return kept


@pytest.mark.parametrize("eps", [0.05, 0.1, 0.2])
def test_equals_the_published_algorithm(eps):
    defence = SpectralFilteredClassifier(
        LogisticRegression(), contamination=eps, random_state=0
    ).fit(X, y)
    np.testing.assert_array_equal(defence.inlier_mask_, published_signature(X, y, eps))
    if eps == 0.1:
        assert not defence.inlier_mask_[MARKED].any()


def test_network_by_its_hidden_layer():
    digits, labels = load_digits(n_class=3, return_X_y=True)
    digits = digits / 16
    marked = np.flatnonzero(labels == 0)[:20]
    digits[marked, :4] = 3
    labels[marked] = 1
    network = MLPClassifier((16,), max_iter=30, tol=1, random_state=0)
    defence = SpectralFilteredClassifier(
        network, contamination=0.1, random_state=0
    ).fit(digits, labels)
    assert not defence.inlier_mask_[marked].any()
    hidden = last_layer_inputs(clone(network).fit(digits, labels), digits)
    expected = published_signature(hidden, labels, 0.1)
    np.testing.assert_array_equal(defence.inlier_mask_, expected)


def test_sample_weights_are_copies():
    counts = np.random.RandomState(1).randint(1, 4, size=200)
    rows = np.repeat(np.arange(200), counts)
    defence = SpectralFilteredClassifier(
        LogisticRegression(), contamination=0.1, random_state=0
    )
    weighted = clone(defence).fit(X, y, sample_weight=counts)
    copied = clone(defence).fit(X[rows], y[rows])
    np.testing.assert_array_equal(weighted.inlier_mask_[rows], copied.inlier_mask_)
