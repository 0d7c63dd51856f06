import numpy as np
import pytest
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    LeaveOneGroupOut,
    PredefinedSplit,
    StratifiedGroupKFold,
    TimeSeriesSplit,
    check_cv,
)

from skpoison.utils._splitters import needs_groups, takes_groups


class Halves:
    """A splitter of no package."""

    def split(self, X, y=None, groups=None):
        yield np.arange(2), np.arange(2, 4)


class NoGroups:
    def split(self, X, y=None):
        yield np.arange(2), np.arange(2, 4)


@pytest.mark.parametrize(
    "splitter",
    [GroupKFold(2), GroupShuffleSplit(), LeaveOneGroupOut(), StratifiedGroupKFold(2)],
    ids=str,
)
def test_splitters_by_groups(splitter):
    assert takes_groups(splitter)
    assert needs_groups(splitter)


@pytest.mark.parametrize(
    "splitter",
    [
        KFold(2),
        TimeSeriesSplit(),
        PredefinedSplit([0, 1]),
        check_cv([([0], [1])]),
        NoGroups(),
        3,
        0.3,
        "all",
        None,
    ],
    ids=lambda splitter: type(splitter).__name__,
)
def test_without_groups(splitter):
    assert not takes_groups(splitter)
    assert not needs_groups(splitter)


def test_splitters_of_others_may_take_groups():
    assert takes_groups(Halves())
    assert not needs_groups(Halves())
