"""The threat model of an attack in words, and in the terms of two public taxonomies.

NIST AI 100-2 E2025 classifies attacks by the goal, the capability and the knowledge of
the attacker (sections 2.1 and 2.3); MITRE ATLAS numbers techniques (content v2026.07).
"""

import numpy as np
from sklearn.pipeline import Pipeline

from skpoison.attacks import SubpopulationInsertion, SubpopulationLabelFlip
from skpoison.base import BaseDefence
from skpoison.goals import ErrorGeneric
from skpoison.model_selection._encoded import EncodedAttack
from skpoison.surrogates._student import is_student

TAXONOMIES = {
    "NIST AI 100-2": "https://doi.org/10.6028/NIST.AI.100-2e2025",
    "MITRE ATLAS": "https://atlas.mitre.org/techniques/AML.T0020",
}
# The last words of an attack's class say what the attacker can do.
CAPABILITIES = {
    "Insertion": "inserts rows of their own, with labels; the other rows stay",
    "Modification": "changes the features of rows, not their labels",
    "Deletion": "deletes rows",
    "LabelFlip": "changes the labels of rows, not their features",
    "ALFA": "changes the labels of rows, not their features",
}
ON_SOME_ROWS = SubpopulationInsertion, SubpopulationLabelFlip
POISONING = "AML.T0020 Training Data Poisoning"
EROSION = "AML.T0031 Erode AI Model Integrity"


def describe_threats(attacks, crafted_for, budgets, estimators):
    """Return the threat models of the attacks of a report.

    Parameters
    ----------
    attacks : dict of str to sampler
        The attacks by name.
    crafted_for : dict of str to str
        For each attack, as `describe_threat` takes it.
    budgets : ndarray of shape (n_budgets,)
        Their budgets.
    estimators : dict of str to estimator
        The victims by name.

    Returns
    -------
    threats : dict of str to dict of str to str
    """
    return {
        name: describe_threat(
            attack,
            crafted_for=crafted_for[name],
            budgets=budgets,
            estimators=estimators,
        )
        for name, attack in attacks.items()
    }


def describe_threat(attack, *, crafted_for, budgets, estimators):
    """Return the threat model of an attack, in words.

    Parameters
    ----------
    attack : sampler
        The attack.
    crafted_for : str
        The estimator that its poison is crafted for, if that is not the undefended
        estimator.
    budgets : ndarray of shape (n_budgets,)
        Its budgets.
    estimators : dict of str to estimator
        The victims by name, defended ones among them.

    Returns
    -------
    threat : dict of str to str
        What the attacker knows, can do, wants, and how many rows they may poison; then
        the terms of NIST AI 100-2 and of MITRE ATLAS.
    """
    if isinstance(attack, EncodedAttack):
        attack = attack.attack
    any_error = _wants_any_error(attack)
    knowledge, box = _knowledge(attack, crafted_for, estimators)
    known = attack.get_params(deep=False).get("known_fraction", 1.0)
    rows = "all training rows" if known == 1 else f"{known:.0%} of the training rows"
    return {
        "Knowledge": f"{knowledge}; {rows}",
        "Capability": _capability(attack),
        "Goal": _goal(attack, any_error),
        "Budget": _budget(attack, budgets),
        "NIST AI 100-2": f"{'availability' if any_error else 'targeted'} poisoning, "
        + box,
        "MITRE ATLAS": f"{POISONING}; {EROSION}" if any_error else POISONING,
    }


def _knowledge(attack, crafted_for, estimators):
    """Return what the attacker knows about the learner, and that in words of NIST."""
    params = attack.get_params(deep=False)
    if "surrogate" not in params:
        return "nothing about the estimator", "black-box"
    surrogate = params["surrogate"]
    if is_student(surrogate):
        asked, learner = map(_name, (surrogate.victim, surrogate.surrogate))
        return f"the predictions of {asked} alone, learnt by {learner}", "black-box"
    if not crafted_for:
        known = "the estimator with its parameters, but not the defence"
        return known, "white-box but for the defence"
    for name, estimator in estimators.items():
        if repr(estimator) == repr(surrogate) and isinstance(
            _last(surrogate), BaseDefence
        ):
            known = f"the estimator and the defence {name}, with their parameters"
            return known, "white-box"
    return f"takes the estimator for {crafted_for}", "gray-box"


def _last(estimator):
    return estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator


def _name(estimator):
    return type(_last(estimator)).__name__


def _capability(attack):
    name = type(attack).__name__
    can = next((text for end, text in CAPABILITIES.items() if name.endswith(end)), name)
    where = attack.get_params(deep=False).get("feasible_set")
    return can if where is None else f"{can}; features in {where}"


def _wants_any_error(attack):
    params = attack.get_params(deep=False)
    # Accuracy as a whole hardly tells that a subpopulation is attacked.
    is_on_some = isinstance(attack, ON_SOME_ROWS)
    if is_on_some or params.get("class_map") is not None:
        return False
    goal = params.get("goal")
    return goal in (None, "error-generic") or isinstance(goal, ErrorGeneric)


def _goal(attack, any_error):
    if any_error:
        return "as many errors as possible, of any kind, on rows not seen in training"
    params = attack.get_params(deep=False)
    class_map = params.get("class_map")
    if isinstance(attack, ON_SOME_ROWS):
        certain = "errors" if class_map is None else f"certain errors ({class_map})"
        return f"{certain} on rows of certain subpopulations, and none on others"
    wanted = params.get("goal", class_map)
    wanted = class_map if wanted is None else wanted
    return f"certain errors, or a certain model: {wanted}"


def _budget(attack, budgets):
    """Return the largest budget, as both fractions that are called so."""
    most = np.max(budgets)
    if budgets.dtype.kind != "f":
        return f"up to {most} row{'' if most == 1 else 's'} of a fold (n_p)"
    text = f"up to {100 * most:g}% of the clean training rows (n_p / n)"
    if type(attack).__name__.endswith("Insertion"):
        share = 100 * most / (1 + most)
        text += f", which is {share:.3g}% of what is learnt from (n_p / (n + n_p))"
    return text
