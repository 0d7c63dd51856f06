import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skpoison.defences import (
    ConfidentLearningClassifier,
    KNNSanitizedClassifier,
    NoisyLabelClassifier,
    OutlierFilteredClassifier,
)

rng = np.random.RandomState(0)
X = rng.normal(size=(120, 3))
Y = (X[:, 0] > 0).astype(int)
X[::9, 1] = np.nan
BOOSTING = HistGradientBoostingClassifier(max_iter=5)
# What each error proposes but to fill missing values in.
OTHERS = {
    "metric='nan_euclidean'": (
        KNNSanitizedClassifier(BOOSTING),
        {"metric": "nan_euclidean"},
    ),
    "classifiers=[HistGradientBoostingClassifier()]": (
        ConfidentLearningClassifier(BOOSTING, cv=2),
        {"classifiers": [BOOSTING]},
    ),
    "make_pipeline(SimpleImputer(), IsolationForest())": (
        OutlierFilteredClassifier(BOOSTING),
        {"detector": make_pipeline(SimpleImputer(), IsolationForest(n_estimators=5))},
    ),
    "": (NoisyLabelClassifier(LogisticRegression(), noise=0.1), None),
}


@pytest.mark.parametrize("rows", [X, pd.DataFrame(X, columns=list("abc"))])
@pytest.mark.parametrize("proposed", OTHERS)
def test_ways_out_lead_out(proposed, rows):
    defence, params = OTHERS[proposed]
    defence = clone(defence)
    with pytest.raises(ValueError, match=r"Input X contains NaN, .*SimpleImp") as e:
        defence.fit(rows, Y)
    text = str(e.value)
    assert proposed in text
    assert "HistGradientBoosting" not in text.replace(proposed, "")
    filled = make_pipeline(SimpleImputer(), defence).fit(rows, Y)
    assert filled.predict(rows).shape == (120,)
    if params is not None:
        defence.set_params(**params).fit(rows, Y)
        assert defence.predict(rows).shape == (120,)


def test_other_errors_stay_what_they_are():
    rows = X.copy()
    rows[0, 0] = np.inf
    with pytest.raises(ValueError, match=r"infinity|NaN"):
        KNNSanitizedClassifier(LogisticRegression()).fit(rows, Y)
    with pytest.raises(ValueError, match=r"^Input X contains infinity"):
        KNNSanitizedClassifier(LogisticRegression()).fit(
            np.nan_to_num(rows, posinf=np.inf), Y
        )
