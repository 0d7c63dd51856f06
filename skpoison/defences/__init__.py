"""What can a learner do about poison in its training set?"""

from skpoison.defences._neighbors import KNNSanitizedClassifier
from skpoison.defences._outliers import OutlierFilteredClassifier

__all__ = ["KNNSanitizedClassifier", "OutlierFilteredClassifier"]
