import pytest
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier

from skpoison.cli._errors import CommandError
from skpoison.cli._learners import GRIDS, RETUNED, make_learners
from skpoison.cli._names import assemble
from skpoison.cli._tasks import CLASSIFICATION, ESTIMATORS, REGRESSION

GIVEN = {"task": CLASSIFICATION, "scoring": "accuracy", "is_asked": True, "seed": 3}
GIVEN |= {"n_rows": 200}


def test_other_learners_and_the_estimator_retuned():
    victim = assemble(LogisticRegression(), seed=3)
    found = make_learners([RETUNED, "forest"], victim, **GIVEN)
    assert list(found) == [RETUNED, "forest"]
    assert found["forest"][-1].random_state == 3
    search = found[RETUNED]
    assert isinstance(search, GridSearchCV)
    assert search.estimator is victim
    assert set(search.param_grid) == {"logisticregression__C"}


def test_every_estimator_can_be_tuned():
    for each in ESTIMATORS.values():
        grid = GRIDS[type(each).__name__]
        assert set(grid) <= set(each.get_params())
    for task in (CLASSIFICATION, REGRESSION):
        assert set(task.others) <= set(task.estimators)


@pytest.mark.parametrize(
    ("n_rows", "tried"), [(68, [1, 5, 15, 45]), (67, [1, 5, 15]), (3, [1]), (1, [1])]
)
def test_no_more_neighbours_are_tried_than_there_are_rows(n_rows, tried):
    victim = assemble(KNeighborsClassifier(), seed=0)
    found = make_learners([RETUNED], victim, **GIVEN | {"n_rows": n_rows})
    (values,) = found[RETUNED].param_grid.values()
    assert values == tried


def test_others_are_tuned_only_if_it_is_known_how():
    victim = assemble(SGDClassifier(), seed=0)
    with pytest.raises(CommandError, match=r"^--transfer re-tuned is for estimators"):
        make_learners([RETUNED], victim, **GIVEN)
    assert make_learners([RETUNED], victim, **GIVEN | {"is_asked": False}) == {}


def test_unknown_names():
    victim = assemble(LogisticRegression(), seed=0)
    with pytest.raises(CommandError, match="--transfer nothing is not one of"):
        make_learners(["nothing"], victim, **GIVEN)
    with pytest.raises(CommandError, match="--transfer ridge is not a scikit-learn"):
        make_learners(["ridge"], victim, **GIVEN)
