import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold

from skpoison.defences._folds import classes_to_judge, stratified_folds


class Defence:
    classes_ = np.array(["a", "b", "c"])


def test_folds_are_stratified():
    codes = np.random.RandomState(0).randint(3, size=60)
    splitter = StratifiedKFold(5, shuffle=True, random_state=3)
    expected = splitter.split(codes, codes)
    for ours, theirs in zip(stratified_folds(codes, 5, 3), expected, strict=True):
        for mine, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(mine, other)


def test_rare_classes_do_not_limit_the_folds():
    codes = np.repeat([0, 1, 2], [40, 2, 3])
    folds = stratified_folds(codes, 5, 0)
    assert len(folds) == 5
    tests = np.concatenate([test for _, test in folds])
    np.testing.assert_array_equal(np.sort(tests), np.arange(45))
    for train, test in folds:
        assert np.unique(codes[train]).tolist() == [0, 1, 2]
        assert np.bincount(codes[test], minlength=3)[1:].max() <= 1
        assert (codes[test] == 0).sum() == 8


def test_no_more_folds_than_rows_of_the_largest_class():
    assert len(stratified_folds(np.array([0, 0, 1, 1, 1]), 5, 0)) == 3


def test_classes_of_one_row_are_not_judged():
    with pytest.warns(UserWarning, match=r"Defence believes .* classes \['b'\]"):
        judged = classes_to_judge(Defence(), np.array([0, 1, 0, 2, 2]))
    assert judged.tolist() == [True, False, True]
    with pytest.warns(UserWarning, match=r"classes \['b', 'c'\]"):
        judged = classes_to_judge(Defence(), np.array([0, 1, 0, 2]))
    assert not judged.any()
    assert classes_to_judge(Defence(), np.array([0, 0, 1, 1, 2, 2])).all()
