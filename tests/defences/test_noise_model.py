from functools import partial

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.tree import DecisionTreeClassifier

from skpoison.defences._corrected_loss import LabelledRows, fit_corrected
from skpoison.defences._noise_model import (
    candidate_matrices,
    matrix_at_anchors,
    matrix_by_likelihood,
)
from skpoison.defences._transition_matrix import uniform_noise_matrix

ESTIMATOR = LogisticRegression(C=0.3)


def noisy(rates, n_samples=2000):
    X, y = make_blobs(n_samples, centers=[[-2, 0], [2, 0]], random_state=0)
    wrong = np.random.RandomState(0).uniform(size=n_samples) < np.array(rates)[y]
    codes = np.where(wrong, 1 - y, y)
    folds = StratifiedKFold(5, shuffle=True, random_state=0).split(codes, codes)
    rows = LabelledRows(X, codes, codes, np.zeros(n_samples, dtype=bool), {})
    return rows, list(folds)


def test_candidates_start_with_no_noise():
    for n_classes, n_matrices in ((2, 25), (3, 5)):
        matrices = candidate_matrices(n_classes)
        assert len(matrices) == n_matrices
        np.testing.assert_array_equal(matrices[0], np.eye(n_classes))
        noise = [n_classes - np.trace(matrix) for matrix in matrices]
        assert (np.diff(noise) > -1e-12).all()


@pytest.mark.parametrize("rates", [[0.1, 0.3], [0.0, 0.0], [0.2, 0.2]])
def test_most_likely_matrix_is_that_of_the_noise(rates):
    rows, folds = noisy(rates)
    fit = partial(fit_corrected, ESTIMATOR, np.array([0, 1]), owner=ESTIMATOR)
    matrix = matrix_by_likelihood(fit, 2, rows, folds, n_jobs=None)
    np.testing.assert_allclose(matrix, uniform_noise_matrix(np.array(rates)))


def test_matrix_without_any_row_of_a_class_is_not_chosen():
    """So few positive labels that larger rates of the others would explain them."""
    rows, _ = noisy([0.0, 0.0], 400)
    codes = np.where(np.arange(400) < 12, 1, 0)
    rows = LabelledRows(rows.X, codes, codes, rows.trusted, {})
    folds = list(StratifiedKFold(3).split(codes, codes))
    fit = partial(fit_corrected, ESTIMATOR, np.array([0, 1]), owner=ESTIMATOR)
    matrix = matrix_by_likelihood(fit, 2, rows, folds, n_jobs=None)
    assert matrix[0, 1] < 12 / 400


def test_matrix_at_anchors():
    rows, folds = noisy([0.1, 0.3])
    tree = DecisionTreeClassifier(max_depth=1)
    matrix = matrix_at_anchors(tree, 2, rows, folds, n_jobs=None)
    expected = uniform_noise_matrix(np.array([0.1, 0.3]))
    np.testing.assert_allclose(matrix, expected, atol=0.03)
    assert not hasattr(tree, "tree_")


def test_classifier_that_tells_no_class_from_another_has_no_anchors():
    rows, folds = noisy([0.1, 0.3], 400)
    guess = DummyClassifier(strategy="uniform")
    with pytest.raises(ValueError, match="too much noise"):
        matrix_at_anchors(guess, 2, rows, folds, n_jobs=None)
