import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris

from skpoison.attacks import RandomInsertion

X, y = load_iris(return_X_y=True)


@pytest.mark.parametrize("budget", [0, 1, 17, 400, 0.1, 1.0])
def test_inserts_as_many_as_the_budget(budget):
    attack = RandomInsertion(budget, random_state=0)
    X_out, y_out = attack.fit_resample(X, y)
    expected = budget if isinstance(budget, int) else round(budget * 150)
    assert X_out.shape[0] == y_out.shape[0] == 150 + expected
    assert attack.contamination_ == expected / (150 + expected)


def test_inserted_rows_are_clones_with_another_label():
    X_out, y_out = RandomInsertion(0.5, random_state=0).fit_resample(X, y)
    for row, label in zip(X_out[150:], y_out[150:], strict=True):
        twins = (row == X).all(axis=1)
        assert twins.any()
        assert label not in y[twins]


def test_every_row_is_cloned_before_one_is_cloned_again():
    indices = np.arange(150).reshape(-1, 1)
    X_out, _ = RandomInsertion(400, random_state=0).fit_resample(indices, y)
    counts = np.bincount(X_out[150:, 0])
    assert counts.min() == 2
    assert counts.max() == 3


def test_trusted_rows_may_be_cloned():
    attack = RandomInsertion(10, random_state=0)
    X_out, _ = attack.fit_resample(X, y, trusted=np.ones(150, dtype=bool))
    assert X_out.shape[0] == 160


def test_rare_dtypes_of_labels_come_back():
    for labels in (
        pd.Series(y).astype("Int64"),
        pd.Series(y == 1),
        pd.Series(y.astype(str)).astype("string"),
    ):
        _, y_out = RandomInsertion(0.2, random_state=0).fit_resample(X, labels)
        assert y_out.dtype == labels.dtype
