import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skpoison.cli._defaults import (
    CHEAP,
    CHEAP_ADAPTIVE,
    MANY_FOR_OTHERS,
    STRONG,
    WITHOUT_WRITING,
    choose_adaptive,
    choose_attacks,
    choose_defences,
    choose_learners,
    describe_responses,
    describe_time,
)
from skpoison.cli._learners import RETUNED
from skpoison.cli._tasks import CLASSIFICATION, REGRESSION


@pytest.mark.parametrize(
    ("shape", "n_classes", "n_crafts", "fits"),
    [
        ((569, 30), 2, 20, True),
        ((569, 30), 2, 200, False),
        ((50_000, 20), 2, 20, False),
        ((1797, 64), 10, 20, False),
    ],
)
def test_the_strongest_attacks_that_fit(shape, n_classes, n_crafts, fits):
    attacks, notes = choose_attacks(
        np.broadcast_to(0.0, shape),
        task=CLASSIFICATION,
        n_classes=n_classes,
        n_crafts=n_crafts,
    )
    assert attacks == [*CHEAP, STRONG] if fits else [*CHEAP]
    assert len(notes) == (not fits)
    assert all(f"--attack {STRONG} includes it" in note for note in notes)


def test_regression():
    attacks, notes = choose_attacks(
        np.zeros((10, 2)), task=REGRESSION, n_classes=1, n_crafts=20
    )
    assert attacks == [STRONG]
    assert notes == []


@pytest.mark.parametrize(
    ("task", "left"), [(CLASSIFICATION, CHEAP), (REGRESSION, ["greedy_deletion"])]
)
def test_words_cannot_be_written(task, left):
    attacks, notes = choose_attacks(
        np.zeros((10, 2)), task=task, n_classes=2, n_crafts=2, words=["city"]
    )
    assert attacks == left
    (note,) = notes
    assert note.startswith(
        f"left out {STRONG}: numbers cannot be written into columns of words (city). "
        "To include it,"
    )
    assert "columns of 0 and 1, or" in note
    assert "--drop" in note


def test_defences():
    trusted = np.array([True, False])
    for task, victim in (
        (CLASSIFICATION, LogisticRegression()),
        (REGRESSION, make_pipeline(StandardScaler(), Ridge())),
    ):
        best = task.best_defences
        assert choose_defences(task, victim, None, 500) == best
        assert choose_defences(task, victim, trusted, 500) == [*best, "outlier_filter"]
    forest = RandomForestRegressor()
    assert choose_defences(REGRESSION, forest, None, 500) == ["outlier_filter"]
    many = choose_defences(CLASSIFICATION, LogisticRegression(), None, 50_000)
    assert many == ["confident_learning", "knn_drop"]


def test_responses_beside_words():
    attacks, notes = choose_attacks(
        np.zeros((10, 2)),
        task=REGRESSION,
        n_classes=1,
        n_crafts=2,
        words=["city"],
        has_responses=True,
    )
    assert (attacks, notes) == ([STRONG], [])
    assert describe_responses([STRONG], ["city"]) == (
        f"{STRONG} clones rows and chooses their target alone: numbers cannot be "
        "written into columns of words (city)"
    )


def test_time_of_attacks_on_quantities():
    assert describe_time([STRONG], 500 * 10, 20) == []
    (line,) = describe_time([STRONG], 100_000 * 50, 20)
    assert line.startswith(f"{STRONG} takes about 10 minutes of computation here")
    assert len(describe_time([WITHOUT_WRITING], 100_000 * 5, 20)) == 1


def test_other_victims():
    assert choose_learners(CLASSIFICATION, "logistic", 100) == [
        *(RETUNED, "forest", "neighbors")
    ]
    assert choose_learners(CLASSIFICATION, "forest", 100) == [RETUNED, "neighbors"]
    assert choose_learners(REGRESSION, "ridge", 100)[1:] == REGRESSION.others
    assert choose_learners(CLASSIFICATION, "logistic", MANY_FOR_OTHERS) == []


def test_attackers_who_know_the_defence():
    attacks, defences = [*CHEAP, STRONG], ["knn_drop"]
    assert choose_adaptive(CLASSIFICATION, attacks, defences, 100) == [CHEAP_ADAPTIVE]
    assert choose_adaptive(CLASSIFICATION, attacks, [], 100) == []
    assert choose_adaptive(CLASSIFICATION, [STRONG], defences, 100) == []
    assert choose_adaptive(CLASSIFICATION, attacks, defences, MANY_FOR_OTHERS) == []
    assert choose_adaptive(REGRESSION, attacks, defences, 100) == []
