"""The threat model of an attack in words, and in the terms of two public taxonomies.

NIST AI 100-2 E2025 classifies attacks by the goal, the capability and the knowledge of
the attacker (sections 2.1 and 2.3); MITRE ATLAS numbers techniques (content v2026.07).
"""

import numpy as np

from skpoison.goals import ErrorGeneric
from skpoison.model_selection._encoded import EncodedAttack

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
POISONING = "AML.T0020 Training Data Poisoning"
EROSION = "AML.T0031 Erode AI Model Integrity"


def describe_threat(attack, *, crafted_for, budgets):
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

    Returns
    -------
    threat : dict of str to str
        What the attacker knows, can do, wants, and how many rows they may poison; then
        the terms of NIST AI 100-2 and of MITRE ATLAS.
    """
    if isinstance(attack, EncodedAttack):
        attack = attack.attack
    any_error = _wants_any_error(attack)
    return {
        "Knowledge": _knowledge(attack, crafted_for),
        "Capability": _capability(attack),
        "Goal": _goal(attack, any_error),
        "Budget": _budget(attack, budgets),
        "NIST AI 100-2": (
            f"{'availability' if any_error else 'targeted'} poisoning, "
            f"{_box(attack, crafted_for)}"
        ),
        "MITRE ATLAS": f"{POISONING}; {EROSION}" if any_error else POISONING,
    }


def _has_surrogate(attack):
    return "surrogate" in attack.get_params(deep=False)


def _knowledge(attack, crafted_for):
    """Return what the attacker knows about learner and rows."""
    known = attack.get_params(deep=False).get("known_fraction", 1.0)
    rows = "all training rows" if known == 1 else f"{known:.0%} of the training rows"
    if not _has_surrogate(attack):
        return f"nothing about the estimator; {rows}"
    if crafted_for:
        return f"takes the estimator for {crafted_for}; {rows}"
    return f"the estimator with its parameters, but not the defence; {rows}"


def _box(attack, crafted_for):
    """Return how much is known about the learner, in the words of NIST."""
    if not _has_surrogate(attack):
        return "black-box"
    return "gray-box" if crafted_for else "white-box but for the defence"


def _capability(attack):
    name = type(attack).__name__
    can = next((text for end, text in CAPABILITIES.items() if name.endswith(end)), name)
    where = attack.get_params(deep=False).get("feasible_set")
    return can if where is None else f"{can}; features in {where}"


def _wants_any_error(attack):
    params = attack.get_params(deep=False)
    if params.get("class_map") is not None:
        return False
    goal = params.get("goal")
    return goal in (None, "error-generic") or isinstance(goal, ErrorGeneric)


def _goal(attack, any_error):
    if any_error:
        return "as many errors as possible, of any kind, on rows not seen in training"
    params = attack.get_params(deep=False)
    wanted = params.get("goal", params.get("class_map"))
    wanted = params["class_map"] if wanted is None else wanted
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
