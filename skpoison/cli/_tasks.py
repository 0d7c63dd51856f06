"""What the command knows by name, for classification and for regression."""

import re
from dataclasses import dataclass
from functools import partial

from sklearn.base import is_classifier, is_regressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import Lasso, LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.svm import SVC, SVR, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skpoison import attacks
from skpoison.attacks._base import BaseSurrogateAttack
from skpoison.base import BasePoisoner
from skpoison.defences import (
    ConfidentLearningClassifier,
    InfluenceFilteredClassifier,
    InfluenceFilteredRegressor,
    KNNSanitizedClassifier,
    KNNShapleyFilteredClassifier,
    KNNShapleyFilteredRegressor,
    NoisyLabelClassifier,
    OutlierFilteredClassifier,
    OutlierFilteredRegressor,
    SEVERClassifier,
    SEVERRegressor,
    SpectralFilteredClassifier,
    TrimmedClassifier,
    TrimmedRegressor,
)

# Every attack of the package: GreedyLabelFlip is greedy_label_flip.
ATTACKS = {
    re.sub(r"(?<!^)(?=[A-Z][a-z])", "_", name).lower(): getattr(attacks, name)
    for name in attacks.__all__
}


@dataclass(frozen=True)
class Task:
    """Classification or regression, with what the command knows by name.

    Parameters
    ----------
    is_of_task : callable
        Returns whether an estimator is of this task.
    kind, target : str
        What such an estimator and its targets are called.
    estimators, defences : dict
        Estimators, and what puts a defence around one, by name. The first estimator is
        the default.
    scoring : str
        Name of the default score.
    best_defences : list of str
        Names of the defences that withstand most.
    best_if_trusted : list of str
        Those that do so only if there are trusted rows.
    others : list of str
        Names of estimators of other kinds, which poison may reach by transfer.
    """

    is_of_task: object
    kind: str
    target: str
    estimators: dict
    defences: dict
    scoring: str
    best_defences: list
    best_if_trusted: list
    others: list

    @property
    def default_estimator(self):
        """Name of the estimator that is attacked if none is named."""
        return next(iter(self.estimators))

    @property
    def attacks(self):
        """Attacks of the package that can be on this task, by name."""
        return {name: each for name, each in ATTACKS.items() if self.takes(each())}

    def takes(self, attack):
        """Return whether an attack can be on this task.

        Parameters
        ----------
        attack : sampler
            The attack. One that is not derived from BasePoisoner checks y itself.

        Returns
        -------
        takes : bool
        """
        if self is CLASSIFICATION or not isinstance(attack, BasePoisoner):
            return True
        if isinstance(attack, BaseSurrogateAttack):
            return not attack._needs_classifier
        return attack._takes_responses()

    def is_estimator(self, found):
        """Return whether an object is an estimator of this task that predicts."""
        try:
            return self.is_of_task(found) and hasattr(found, "predict")
        except AttributeError:  # It has no scikit-learn tags.
            return False


CLASSIFICATION = Task(
    is_of_task=is_classifier,
    kind="classifier",
    target="classes",
    estimators={
        "logistic": LogisticRegression(max_iter=1000),
        "linear_svm": LinearSVC(),
        "svm": SVC(),
        "tree": DecisionTreeClassifier(),
        "forest": RandomForestClassifier(),
        "boosting": HistGradientBoostingClassifier(),
        "neighbors": KNeighborsClassifier(),
    },
    defences={
        "knn_relabel": KNNSanitizedClassifier,
        "knn_drop": partial(KNNSanitizedClassifier, action="drop"),
        "outlier_filter": OutlierFilteredClassifier,
        "confident_learning": ConfidentLearningClassifier,
        "noisy_label": NoisyLabelClassifier,
        "knn_shapley": KNNShapleyFilteredClassifier,
        "influence": InfluenceFilteredClassifier,
        "trimmed": TrimmedClassifier,
        "sever": SEVERClassifier,
        "spectral": SpectralFilteredClassifier,
    },
    scoring="accuracy",
    best_defences=["confident_learning", "knn_drop", "knn_relabel"],
    # Its detector needs rows that it can trust.
    best_if_trusted=["outlier_filter"],
    others=["forest", "neighbors"],
)

REGRESSION = Task(
    is_of_task=is_regressor,
    kind="regressor",
    target="quantities",
    estimators={
        "ridge": Ridge(),
        "lasso": Lasso(),
        "svr": SVR(),
        "tree_regressor": DecisionTreeRegressor(),
        "forest_regressor": RandomForestRegressor(),
        "boosting_regressor": HistGradientBoostingRegressor(),
        "neighbors_regressor": KNeighborsRegressor(),
    },
    defences={
        "outlier_filter": OutlierFilteredRegressor,
        "knn_shapley": KNNShapleyFilteredRegressor,
        "influence": InfluenceFilteredRegressor,
        "trimmed": TrimmedRegressor,
        "sever": SEVERRegressor,
    },
    scoring="r2",
    best_defences=["trimmed", "sever"],
    best_if_trusted=["outlier_filter"],
    others=["forest_regressor", "neighbors_regressor"],
)

TASKS = CLASSIFICATION, REGRESSION
ESTIMATORS = CLASSIFICATION.estimators | REGRESSION.estimators
# For the classes of a name that both tasks have, that of classification.
DEFENCES = REGRESSION.defences | CLASSIFICATION.defences


def task_of(estimator):
    """Return the task of an estimator; None if it is of neither."""
    return next((task for task in TASKS if task.is_estimator(estimator)), None)
