import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from skpoison.utils._weights import fit_weighted, takes_weights

X = np.random.RandomState(0).normal(size=(30, 2))
y = np.arange(30) % 2
COUNTS = np.arange(30) % 3


def test_who_takes_weights():
    pipeline = make_pipeline(LogisticRegression())
    assert takes_weights(LogisticRegression())
    assert not takes_weights(pipeline)
    with sklearn.config_context(enable_metadata_routing=True):
        assert takes_weights(pipeline)


@pytest.mark.parametrize("make", [np.asarray, pd.DataFrame])
def test_copies_stand_in_for_weights(make):
    params = {"sample_weight": COUNTS.astype(float)}
    copies = np.repeat(np.arange(30), COUNTS)
    for estimator in (LogisticRegression(), make_pipeline(LogisticRegression())):
        fitted = fit_weighted(estimator, make(X), y, params)
        expected = LogisticRegression().fit(X[copies], y[copies])
        coef = getattr(fitted, "coef_", None)
        coef = fitted[-1].coef_ if coef is None else coef
        np.testing.assert_allclose(coef, expected.coef_, rtol=1e-3)
    fitted = fit_weighted(KNeighborsClassifier(), make(X), y, params)
    assert fitted.n_samples_fit_ == COUNTS.sum()


def test_no_weights():
    assert fit_weighted(KNeighborsClassifier(), X, y, {}).n_samples_fit_ == 30
