"""What can a learner do about poison in its training set?"""

from skpoison.defences._confident_learning import ConfidentLearningClassifier
from skpoison.defences._label_noise import NoisyLabelClassifier
from skpoison.defences._neighbors import KNNSanitizedClassifier
from skpoison.defences._outliers import OutlierFilteredClassifier

__all__ = [
    "ConfidentLearningClassifier",
    "KNNSanitizedClassifier",
    "NoisyLabelClassifier",
    "OutlierFilteredClassifier",
]
