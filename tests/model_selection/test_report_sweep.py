import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from skpoison.attacks import (
    GradientInsertion,
    GreedyDeletion,
    MarginLabelFlip,
    RandomLabelFlip,
    RelaxedLabelFlip,
)
from skpoison.defences import (
    KNNSanitizedClassifier,
    TrimmedClassifier,
    TrimmedRegressor,
)
from skpoison.feasible_sets import ResponseRange
from skpoison.model_selection import RobustnessReport, craft
from skpoison.model_selection._encoded import EncodedAttack
from skpoison.model_selection._report_sweep import (
    SharedClean,
    at_ends,
    case_name,
    knowing_defence,
    takes_surrogate,
)
from skpoison.optimizers import ProjectedAscent

X, y = make_classification(60, 4, random_state=0)


class Counting(GaussianNB):
    fits = 0

    def fit(self, X, y, sample_weight=None):
        type(self).fits += 1
        return super().fit(X, y, sample_weight)


def test_clean_rows_are_learnt_once_whatever_the_number_of_attacks():
    attacks = {str(seed): RandomLabelFlip(random_state=seed) for seed in range(3)}
    RobustnessReport(Counting(), attacks, budgets=[0.1], cv=2).fit(X, y)
    assert Counting.fits == 2 * (1 + 3)


def test_shared_clean_scores():
    known, kept = {}, {}

    class Kept:
        get = kept.get

        def put(self, i, result, seconds):
            kept[i] = result, seconds

    first = SharedClean(Kept(), known, 2)
    for i in range(4):
        first.put(i, f"result {i}", 1.0)
    assert kept[3] == ("result 3", 1.0)
    other = SharedClean(None, known, 2)
    assert other.get(1) == ("result 1", 0.0)
    assert other.get(2) is None
    again = SharedClean(Kept(), {}, 2)
    assert again.get(3) == ("result 3", 1.0)


def test_first_and_largest_budget():
    crafted = craft(RandomLabelFlip(random_state=0), X, y, budgets=[0, 2, 5], cv=2)
    ends = at_ends(crafted)
    assert ends.budgets.tolist() == [0, 5]
    assert [int(each.attack.poison_mask_.sum()) for each in ends] == [0, 0, 5, 5]
    single = craft(RandomLabelFlip(random_state=0), X, y, budgets=[0], cv=2)
    assert at_ends(single) is single


def test_names_and_surrogates():
    assert case_name("flips") == "flips"
    assert case_name("flips", "kNN") == "flips through kNN"
    attack, defended = MarginLabelFlip(), KNNSanitizedClassifier(GaussianNB())
    assert knowing_defence(attack, defended).surrogate is not None
    assert attack.surrogate is None
    assert np.isclose(attack.budget, 0.1)


@pytest.mark.parametrize(
    ("attack", "defended"),
    [
        (RelaxedLabelFlip(max_iter=1), TrimmedClassifier(LogisticRegression())),
        (GreedyDeletion(), TrimmedRegressor(Ridge())),
        (
            EncodedAttack(
                GradientInsertion(
                    optimizer=ProjectedAscent(max_iter=1),
                    poison_labels=ResponseRange(),
                ),
                OneHotEncoder(),
                keep_features=True,
            ),
            TrimmedRegressor(Ridge()),
        ),
    ],
)
def test_knowing_a_defence_behind_an_encoder(attack, defended):
    encoder = OneHotEncoder(sparse_output=False)
    knowing = knowing_defence(attack, make_pipeline(encoder, defended))
    assert isinstance(knowing, EncodedAttack)
    assert knowing.keep_features == isinstance(attack, EncodedAttack)
    assert takes_surrogate(attack)
    words = np.array(["ham", "eggs", "spam"])[np.arange(20) % 3, np.newaxis]
    knowing.set_params(budget=1).fit_resample(words, y[:20])
    assert knowing.poison_mask_.sum() == 1 or knowing.poison_.deleted is not None
    assert isinstance(knowing.attack_.surrogate[-1], type(defended))


def test_who_takes_no_surrogate():
    assert not takes_surrogate(EncodedAttack(RandomLabelFlip(), OneHotEncoder()))
    assert not takes_surrogate(RandomLabelFlip())
