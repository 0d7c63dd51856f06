import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import KFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skpoison.utils._seeds import set_missing_seeds


@pytest.mark.parametrize(
    "surrogate",
    [
        MLPClassifier(),
        RandomForestClassifier(),
        make_pipeline(StandardScaler(), SGDClassifier()),
        BaggingClassifier(SGDClassifier()),
    ],
    ids=str,
)
def test_missing_seeds_are_drawn(surrogate):
    def seeds(estimator):
        return [
            value
            for name, value in sorted(estimator.get_params().items())
            if name.endswith("random_state")
        ]

    random_state = np.random.RandomState(3)
    first, again = (set_missing_seeds(surrogate, random_state) for _ in range(2))
    assert seeds(first) == seeds(again)
    assert None not in seeds(first)
    assert len({*seeds(first)}) == len(seeds(first))
    assert {*seeds(surrogate)} == {None}
    assert seeds(set_missing_seeds(surrogate, np.random.RandomState(4))) != seeds(first)


def test_seeds_given_are_kept():
    surrogate = BaggingClassifier(SGDClassifier(random_state=5))
    seeded = set_missing_seeds(surrogate, np.random.RandomState(0))
    assert seeded.estimator.random_state == 5
    assert seeded.random_state is not None
    surrogate = LogisticRegression(random_state=1)
    assert set_missing_seeds(surrogate, np.random.RandomState(0)) is surrogate


def test_splitters_are_seeded():
    splitter = KFold(3, shuffle=True)
    surrogate = CalibratedClassifierCV(LogisticRegression(random_state=1), cv=splitter)
    first, again = (
        set_missing_seeds(surrogate, np.random.RandomState(0)).cv for _ in range(2)
    )
    assert first.random_state == again.random_state
    assert first.random_state is not None
    assert splitter.random_state is None
    surrogate.set_params(cv=KFold(3, shuffle=True, random_state=5))
    assert set_missing_seeds(surrogate, np.random.RandomState(0)) is surrogate
