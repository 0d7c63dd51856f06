import numpy as np
import pytest
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import GroupKFold, KFold
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skpoison.attacks import GreedyDeletion, RandomInsertion, RandomLabelFlip
from skpoison.defences import KNNSanitizedClassifier
from skpoison.model_selection._row_metadata import align_params, route_params

PARAMS = {"trusted": "t", "sample_weight": "w", "groups": "g"}
ATTACKS = {"flip": RandomLabelFlip()}


class Fitted:
    """Stands for a fitted attack."""

    def __init__(self, deletion_mask=None):
        if deletion_mask is not None:
            self.deletion_mask_ = np.array(deletion_mask)


def test_nothing_to_route():
    routed = route_params(
        None, splitter=KFold(), attacks=ATTACKS, estimators={"nb": GaussianNB()}
    )
    assert routed.split == {}
    assert routed.fit_resample == {"flip": {}}
    assert routed.fit == {"nb": {}}
    assert routed.score == {}


def test_without_routing():
    routed = route_params(
        PARAMS,
        splitter=GroupKFold(),
        attacks=ATTACKS,
        estimators={
            "plain": GaussianNB(),
            "defended": KNNSanitizedClassifier(GaussianNB()),
            "pipeline": make_pipeline(StandardScaler(), GaussianNB()),
        },
        scorers={"plain": make_scorer(accuracy_score)},
    )
    assert routed.split == {"groups": "g"}
    assert routed.fit_resample == {"flip": {"trusted": "t"}}
    assert routed.fit == {
        "plain": {"sample_weight": "w"},
        "defended": {"trusted": "t", "sample_weight": "w"},
        "pipeline": {"gaussiannb__sample_weight": "w"},
    }
    assert routed.score == {"plain": {}}


def test_names_of_steps():
    pipeline = make_pipeline(StandardScaler(), KNNSanitizedClassifier(GaussianNB()))
    params = {"knnsanitizedclassifier__trusted": "t"}
    routed = route_params(params, attacks=ATTACKS, estimators={"victim": pipeline})
    assert routed.fit_resample == {"flip": {"trusted": "t"}}
    assert routed.fit == {"victim": params}


@pytest.mark.parametrize(
    ("params", "arguments"),
    [
        ({"sample_weight": "w"}, {"attacks": ATTACKS}),
        ({"colour": "c"}, {"attacks": ATTACKS}),
        ({"groups": "g"}, {"attacks": ATTACKS}),
        ({"trusted": "t"}, {}),
    ],
)
def test_params_of_nobody(params, arguments):
    (name,) = params
    estimators = {"victim": KNeighborsClassifier()}
    with pytest.raises(ValueError, match=f"fit of KNeighbors.*; got '{name}'"):
        route_params(params, estimators=estimators, **arguments)


def test_groups_go_to_the_splitters_that_take_groups():
    attacks = {
        "grouped": GreedyDeletion(validation=GroupKFold(2)),
        "other": GreedyDeletion(validation=2),
    }
    for splitter, split in ((GroupKFold(), {"groups": "g"}), (KFold(), {})):
        params = {"groups": "g", "trusted": "t"}
        routed = route_params(params, splitter=splitter, attacks=attacks)
        assert routed.split == split
        assert routed.fit_resample == {"grouped": params, "other": {"trusted": "t"}}


def test_groups_that_are_missing_or_not_taken():
    with pytest.raises(ValueError, match=r"groups must be given for cv=GroupKFold\("):
        route_params(None, splitter=GroupKFold(), attacks=ATTACKS)
    with pytest.raises(ValueError, match=r"groups must not be given for cv=KFold\("):
        route_params({"groups": "g"}, splitter=KFold(), attacks=ATTACKS)


def test_params_that_only_the_attack_could_take():
    with pytest.raises(ValueError, match="attacks take only 'trusted' and 'groups'"):
        route_params({"colour": "c"}, attacks=ATTACKS)


def test_with_routing():
    with sklearn.config_context(enable_metadata_routing=True):
        attack = RandomInsertion().set_fit_resample_request(trusted="safe")
        weighted = LogisticRegression().set_fit_request(sample_weight=True)
        weighted.set_score_request(sample_weight=False)
        unweighted = LogisticRegression().set_fit_request(sample_weight=False)
        unweighted.set_score_request(sample_weight=False)
        scorer = make_scorer(accuracy_score).set_score_request(sample_weight=True)
        routed = route_params(
            {"safe": "t", "sample_weight": "w", "groups": "g"},
            splitter=GroupKFold(),
            attacks={"insertion": attack},
            estimators={"weighted": weighted, "unweighted": unweighted},
            scorers={"weighted": scorer, "unweighted": scorer},
        )
        assert routed.split == {"groups": "g"}
        assert routed.fit_resample == {"insertion": {"trusted": "t"}}
        assert routed.fit == {"weighted": {"sample_weight": "w"}, "unweighted": {}}
        assert routed.score["weighted"] == {"sample_weight": "w"}
        with pytest.raises(TypeError, match=r"got unexpected argument.*colour"):
            route_params({"colour": "c"}, attacks={"insertion": attack})


def test_inserted_rows_are_padded():
    params = {
        "trusted": [True, False],
        "step__sample_weight": np.array([2.0, 3.0]),
        "size": 2,
        "mode": "on",
        "map": {1: 1, 2: 2},
    }
    aligned = align_params(params, Fitted(), 2, 4)
    np.testing.assert_array_equal(aligned["trusted"], [True, False, False, False])
    np.testing.assert_array_equal(aligned["step__sample_weight"], [2, 3, 1, 1])
    assert aligned["trusted"].dtype == bool
    for key in ("size", "mode", "map"):
        assert aligned[key] == params[key]


def test_deleted_rows_are_deleted():
    attack = Fitted([False, True, False])
    aligned = align_params({"colour": ["r", "g", "b"], "size": 3}, attack, 3, 2)
    assert aligned["colour"].tolist() == ["r", "b"]
    assert aligned["size"] == 3


def test_same_rows_same_params():
    params = {"colour": ["r", "g"]}
    assert align_params(params, Fitted(), 2, 2)["colour"] is params["colour"]


@pytest.mark.parametrize(
    ("key", "n_out"), [("colour", 3), ("trusted", 1), ("sample_weight", 1)]
)
def test_rows_whose_value_is_not_known(key, n_out):
    with pytest.raises(ValueError, match=f"params must not hold '{key}'"):
        align_params({key: [True, False]}, Fitted(), 2, n_out)
