import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

from skpoison.attacks import (
    GradientInsertion,
    GradientModification,
    RandomLabelFlip,
)
from skpoison.feasible_sets import (
    Box,
)
from skpoison.optimizers import ProjectedAscent

X_SMALL, y_small = make_classification(
    120, n_features=5, n_informative=4, n_redundant=0, n_classes=3, random_state=1
)
X_small, X_OWN, y_small, y_own = train_test_split(
    X_SMALL, y_small, test_size=40, random_state=0
)
OWN = {"X_val": X_OWN, "y_val": y_own}


def as_frame(package):
    names = [f"x{j}" for j in range(5)]
    if package == "pandas":
        index = np.arange(80) + 1000
        return pd.DataFrame(X_small, columns=names, index=index), pd.Series(
            y_small, index=index, name="class"
        )
    return pl.DataFrame(X_small, schema=names), pl.Series("class", y_small)


CONTAINERS = {
    "array": (X_small, y_small),
    "list": (X_small.tolist(), y_small.tolist()),
    "csr": (sparse.csr_array(X_small), y_small),
    "csc": (sparse.csc_matrix(X_small), y_small),
    "pandas": as_frame("pandas"),
    "polars": as_frame("polars"),
}


def plain(X):
    return X.toarray() if sparse.issparse(X) else np.asarray(X)


@pytest.mark.parametrize("poison_labels", ["flip", "keep"])
@pytest.mark.parametrize("schedule", ["joint", "sequential"])
@pytest.mark.parametrize("container", CONTAINERS)
def test_modified_rows(container, schedule, poison_labels):
    X, y = CONTAINERS[container]
    trusted = np.arange(80) % 2 == 0
    attack = GradientModification(
        budget=0.1,
        optimizer=ProjectedAscent(0.5, schedule=schedule, max_iter=3),
        poison_labels=poison_labels,
        random_state=0,
    )
    X_out, y_out = attack.fit_resample(X, y, trusted=trusted)
    assert type(X_out) is type(X)
    assert type(y_out) is type(y)
    if container in ("pandas", "polars"):
        assert list(X_out.columns) == list(X.columns)
        assert list(X_out.dtypes) == list(X.dtypes)
    if sparse.issparse(X):
        assert X_out.format == X.format
    mask = attack.poison_mask_
    assert mask.shape == (80,)
    assert mask.sum() == 8
    assert attack.contamination_ == 0.1
    assert not mask[trusted].any()
    X_out, y_out = plain(X_out), np.asarray(y_out)
    np.testing.assert_array_equal((X_out != X_small).any(axis=1), mask)
    if poison_labels == "flip":
        np.testing.assert_array_equal(y_out != y_small, mask)
    else:
        np.testing.assert_array_equal(y_out, y_small)
    assert Box().fit(X_small).contains(X_out).all()


def test_modified_without_steps_is_flipping_labels():
    attack = GradientModification(
        optimizer=ProjectedAscent(max_iter=0), random_state=np.random.RandomState(3)
    )
    baseline = RandomLabelFlip(random_state=np.random.RandomState(3))
    X_out, y_out = attack.fit_resample(X_small, y_small)
    np.testing.assert_allclose(X_out, X_small, rtol=1e-12)
    np.testing.assert_array_equal(y_out, baseline.fit_resample(X_small, y_small)[1])


@pytest.mark.parametrize("poison_labels", ["flip", "keep"])
@pytest.mark.parametrize("given", [{}, OWN], ids=["set aside", "own"])
def test_all_rows_modified(given, poison_labels):
    """Then nothing is left to be set aside."""
    attack = GradientModification(
        budget=1.0,
        poison_labels=poison_labels,
        optimizer=ProjectedAscent(max_iter=2),
        random_state=0,
    )
    if given:
        X_out, y_out = attack.fit_resample(X_small, y_small, **given)
        assert attack.poison_mask_.all()
        # Where all labels are wrong, moving rows may do no more harm.
        changed = y_out != y_small
        if poison_labels == "keep":
            changed = (X_out != X_small).any(axis=1)
        assert changed.sum() > 40
    else:
        with pytest.raises(
            ValueError, match=r"`validation` must not exceed the 0 rows .*; got 2 folds"
        ):
            attack.fit_resample(X_small, y_small)
    trusted = np.ones(80, dtype=bool)
    attack.set_params(budget=1)
    with pytest.raises(
        ValueError, match="must not exceed the 0 rows that can be modified"
    ):
        attack.fit_resample(X_small, y_small, trusted=trusted, **given)


def test_validation_rows_have_the_columns_of_the_training_rows():
    frame, labels = CONTAINERS["pandas"]
    own = pd.DataFrame(X_OWN, columns=frame.columns)
    attack = GradientInsertion(optimizer=ProjectedAscent(max_iter=2), random_state=0)
    attack.fit_resample(frame, labels, X_val=own, y_val=y_own)
    with pytest.raises(ValueError, match=r"feature names|columns"):
        attack.fit_resample(frame, labels, X_val=own[own.columns[::-1]], y_val=y_own)
