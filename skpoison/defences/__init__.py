"""Defences against poisoned training data: meta-estimators around an estimator."""

from skpoison.defences._confident_learning import ConfidentLearningClassifier
from skpoison.defences._label_noise import NoisyLabelClassifier
from skpoison.defences._neighbors import KNNSanitizedClassifier
from skpoison.defences._outliers import (
    OutlierFilteredClassifier,
    OutlierFilteredRegressor,
)

__all__ = [
    "ConfidentLearningClassifier",
    "KNNSanitizedClassifier",
    "NoisyLabelClassifier",
    "OutlierFilteredClassifier",
    "OutlierFilteredRegressor",
]
