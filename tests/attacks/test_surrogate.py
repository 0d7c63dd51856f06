import numpy as np
import pytest
from scipy import sparse
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skpoison.attacks._surrogate import default_surrogate, seed_surrogate

X = np.random.RandomState(0).normal(size=(50, 3))


@pytest.mark.parametrize(("shift", "is_centred"), [(0, False), (1e6, True)])
def test_default_surrogate_centres_columns_far_from_zero(shift, is_centred):
    assert default_surrogate(X + shift)[0].with_mean == is_centred
    assert not default_surrogate(sparse.csr_array(X + shift))[0].with_mean


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
    first, again = (seed_surrogate(surrogate, random_state) for _ in range(2))
    assert seeds(first) == seeds(again)
    assert None not in seeds(first)
    assert len({*seeds(first)}) == len(seeds(first))
    assert {*seeds(surrogate)} == {None}
    assert seeds(seed_surrogate(surrogate, np.random.RandomState(4))) != seeds(first)


def test_seeds_given_are_kept():
    surrogate = BaggingClassifier(SGDClassifier(random_state=5))
    seeded = seed_surrogate(surrogate, np.random.RandomState(0))
    assert seeded.estimator.random_state == 5
    assert seeded.random_state is not None
    surrogate = LogisticRegression(random_state=1)
    assert seed_surrogate(surrogate, np.random.RandomState(0)) is surrogate
