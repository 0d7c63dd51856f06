import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skpoison import attacks
from skpoison.attacks import (
    GradientInsertion,
    MarginLabelFlip,
    RandomInsertion,
    RandomLabelFlip,
    SubpopulationLabelFlip,
)
from skpoison.defences import KNNSanitizedClassifier
from skpoison.feasible_sets import Box
from skpoison.goals import ErrorGeneric
from skpoison.model_selection._encoded import EncodedAttack
from skpoison.model_selection._threat_model import CAPABILITIES, describe_threat
from skpoison.surrogates import as_student

SHARES = np.array([0.0, 0.2])


def threat(attack, *, crafted_for="", budgets=SHARES, estimators=None):
    return describe_threat(
        attack,
        crafted_for=crafted_for,
        budgets=budgets,
        estimators=estimators or {},
    )


def test_without_a_surrogate():
    assert threat(RandomInsertion()) == {
        "Knowledge": "nothing about the estimator; all training rows",
        "Capability": "inserts rows of their own, with labels; the other rows stay",
        "Goal": "as many errors as possible, of any kind, on rows not seen in training",
        "Budget": "up to 20% of the clean training rows (n_p / n), which is 16.7% of "
        "what is learnt from (n_p / (n + n_p))",
        "NIST AI 100-2": "availability poisoning, black-box",
        "MITRE ATLAS": "AML.T0020 Training Data Poisoning; AML.T0031 Erode AI Model "
        "Integrity",
    }


def test_knowledge():
    some = threat(MarginLabelFlip(known_fraction=0.3))
    assert some["Knowledge"] == (
        "the estimator with its parameters, but not the defence; 30% of the training "
        "rows"
    )
    assert some["NIST AI 100-2"].endswith("white-box but for the defence")
    other = threat(MarginLabelFlip(), crafted_for="Ridge (transfer)")
    assert other["Knowledge"].startswith("takes the estimator for Ridge (transfer);")
    assert other["NIST AI 100-2"].endswith("gray-box")


def test_student_sees_predictions_alone():
    student = as_student(RandomForestClassifier(), LogisticRegression())
    found = threat(MarginLabelFlip(student), crafted_for="Student")
    assert found["Knowledge"] == (
        "the predictions of RandomForestClassifier alone, learnt by "
        "LogisticRegression; all training rows"
    )
    assert found["NIST AI 100-2"].endswith(" poisoning, black-box")


@pytest.mark.parametrize("scaler", [[], [StandardScaler()]])
def test_surrogate_that_is_a_defence_of_the_report(scaler):
    plain = make_pipeline(*scaler, LogisticRegression())
    defended = make_pipeline(*scaler, KNNSanitizedClassifier(LogisticRegression()))
    attack, name = MarginLabelFlip(defended), "KNNSanitizedClassifier"
    found = threat(
        attack, crafted_for=name, estimators={"plain": plain, "kNN": clone(defended)}
    )
    assert found["Knowledge"] == (
        "the estimator and the defence kNN, with their parameters; all training rows"
    )
    assert found["NIST AI 100-2"].endswith(" poisoning, white-box")
    other = threat(attack, crafted_for=name, estimators={"plain": plain})
    assert other["Knowledge"].startswith(f"takes the estimator for {name};")
    assert other["NIST AI 100-2"].endswith("gray-box")


def test_subpopulations_are_targeted():
    found = threat(SubpopulationLabelFlip())
    assert (
        found["Goal"] == "errors on rows of certain subpopulations, and none on others"
    )
    assert found["NIST AI 100-2"].startswith("targeted poisoning")
    assert found["MITRE ATLAS"] == "AML.T0020 Training Data Poisoning"
    mapped = threat(SubpopulationLabelFlip(class_map={0: 1}))
    assert mapped["Goal"].startswith("certain errors ({0: 1}) on rows")


def test_every_attack_has_a_capability():
    for name in attacks.__all__:
        assert threat(getattr(attacks, name)())["Capability"] in CAPABILITIES.values()


def test_feasible_set_and_encoder():
    attack = GradientInsertion(feasible_set=Box(0, 1))
    capability = threat(attack)["Capability"]
    assert capability.endswith(f"; features in {attack.feasible_set}")
    assert threat(EncodedAttack(attack, None))["Capability"] == capability


@pytest.mark.parametrize(
    ("attack", "any_error"),
    [
        (GradientInsertion(goal=ErrorGeneric()), True),
        (GradientInsertion(goal="error-generic"), True),
        (GradientInsertion(goal={0: 1}), False),
        (RandomLabelFlip(class_map={0: 1}), False),
        (MarginLabelFlip(LogisticRegression()), True),
    ],
)
def test_goals(attack, any_error):
    found = threat(attack)
    assert found["NIST AI 100-2"].startswith(
        "availability" if any_error else "targeted"
    )
    assert ("T0031" in found["MITRE ATLAS"]) == any_error
    assert ("{0: 1}" in found["Goal"]) != any_error


@pytest.mark.parametrize(
    ("budgets", "text"),
    [
        ([0, 1], "up to 1 row of a fold (n_p)"),
        ([0, 7], "up to 7 rows of a fold (n_p)"),
        ([0.0, 0.125], "up to 12.5% of the clean training rows (n_p / n)"),
    ],
)
def test_budgets(budgets, text):
    assert threat(RandomLabelFlip(), budgets=np.array(budgets))["Budget"] == text
