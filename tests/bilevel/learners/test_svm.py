import numpy as np
from numpy.testing import assert_array_equal

from skpoison.bilevel.learners.svm import SVMLearner


def test_labels_read_from_targets():
    learner = SVMLearner("rbf", 1.0)
    two, three = np.array([1, 0, 1]), np.array([2, 0, 1, 2])
    codes, n_classes = learner.codes(2.0 * two[:, np.newaxis] - 1)
    assert_array_equal(codes, two)
    assert n_classes == 2
    codes, n_classes = learner.codes(2 * np.eye(3)[three] - 1)
    assert_array_equal(codes, three)
    assert n_classes == 3
