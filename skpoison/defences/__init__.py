"""Defences against poisoned training data.

A defence is a meta-estimator: it fits a clone of the user's estimator in spite of
poisoned rows. Most defences score the training rows and drop, relabel or down-weight
the suspicious ones.
"""

from skpoison.defences._confident_learning import ConfidentLearningClassifier
from skpoison.defences._influence import (
    InfluenceFilteredClassifier,
    InfluenceFilteredRegressor,
)
from skpoison.defences._knn_shapley import (
    KNNShapleyFilteredClassifier,
    KNNShapleyFilteredRegressor,
)
from skpoison.defences._label_noise import NoisyLabelClassifier
from skpoison.defences._neighbors import KNNSanitizedClassifier
from skpoison.defences._outliers import (
    OutlierFilteredClassifier,
    OutlierFilteredRegressor,
)
from skpoison.defences._sever import SEVERClassifier, SEVERRegressor
from skpoison.defences._spectral import SpectralFilteredClassifier
from skpoison.defences._trimmed import TrimmedClassifier, TrimmedRegressor

__all__ = [
    "ConfidentLearningClassifier",
    "InfluenceFilteredClassifier",
    "InfluenceFilteredRegressor",
    "KNNSanitizedClassifier",
    "KNNShapleyFilteredClassifier",
    "KNNShapleyFilteredRegressor",
    "NoisyLabelClassifier",
    "OutlierFilteredClassifier",
    "OutlierFilteredRegressor",
    "SEVERClassifier",
    "SEVERRegressor",
    "SpectralFilteredClassifier",
    "TrimmedClassifier",
    "TrimmedRegressor",
]
