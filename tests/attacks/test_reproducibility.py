"""The same seed gives the same poison, in every attack and for every surrogate."""

import inspect

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import SGDClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skpoison import attacks
from skpoison.optimizers import ProjectedAscent

X, y = make_classification(
    60, 5, n_informative=3, flip_y=0.1, class_sep=0.7, random_state=0
)
NETWORK = MLPClassifier(
    (3,),
    solver="sgd",
    momentum=0,
    learning_rate_init=0.5,
    max_iter=20,
    n_iter_no_change=20,
    tol=0,
)
# None of them has a seed of its own.
SURROGATES = {
    "network": NETWORK,
    "network after a scaler": make_pipeline(StandardScaler(), NETWORK),
    "stochastic gradient descent": SGDClassifier(loss="log_loss"),
    "forest": RandomForestClassifier(3, max_depth=2),
    "tree on some features": DecisionTreeClassifier(max_depth=2, max_features=1),
}
CANNOT_BE_DIFFERENTIATED = {"forest", "tree on some features"}
# Those that fit any classifier.
FIT_ANYTHING = {
    *("ALFA", "GreedyLabelFlip", "MarginLabelFlip"),
    *("SubpopulationInsertion", "SubpopulationLabelFlip"),
}
FEW = {
    "GradientInsertion": {"optimizer": ProjectedAscent(max_iter=2, n_restarts=1)},
    "GradientModification": {"optimizer": ProjectedAscent(max_iter=2)},
    "GreedyDeletion": {"n_rounds": 2, "n_exchanges": 2},
    "GreedyLabelFlip": {"n_candidates": 2},
    "RelaxedLabelFlip": {"max_iter": 3},
}
ATTACKS = [
    name
    for name in attacks.__all__
    if "surrogate" in inspect.signature(getattr(attacks, name)).parameters
]


CASES = [
    pytest.param(name, surrogate, id=f"{name}-{kind}")
    for name in ATTACKS
    for kind, surrogate in SURROGATES.items()
    if name in FIT_ANYTHING or kind not in CANNOT_BE_DIFFERENTIATED
]


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize(("name", "surrogate"), CASES)
def test_surrogate_without_a_seed(name, surrogate):
    surrogate = clone(surrogate)
    before = surrogate.get_params()
    outputs = []
    for noise in range(2):
        # The global generator has no say.
        np.random.seed(noise)  # noqa: NPY002
        attack = getattr(attacks, name)(
            surrogate, 0.1, random_state=0, **FEW.get(name, {})
        )
        X_out, y_out = attack.fit_resample(X, y)
        path = getattr(attack, "goal_path_", np.empty(0))
        outputs.append((X_out, y_out, path))
    for ours, theirs in zip(*outputs, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    # What the user has given stays as it is.
    assert str(surrogate.get_params()) == str(before)
    assert attack.surrogate is surrogate
