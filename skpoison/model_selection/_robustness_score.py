r"""One number for the robustness of a model.

With the mean score :math:`s_a(b)` under the attack :math:`a` with the budget :math:`b`,
the worst one is :math:`s(b) = \min_a s_a(b)`.
"""

from collections.abc import Mapping
from numbers import Real

import numpy as np
from scipy.integrate import trapezoid
from sklearn.utils import Bunch

from skpoison.utils._texts import shown


def robustness_score(curves, *, no_skill=0.0):
    r"""Summarise robustness curves of a model in one number, and its worst case.

    With the mean score over the folds :math:`s_a(b)` under the attack :math:`a` with
    the budget :math:`b`, the worst one of the attacks :math:`s(b) = \min_a s_a(b)`, the
    largest budget :math:`B` and the score :math:`s_0` of a model without skill, the
    robustness is

    .. math::

        \frac{\frac1B \int_0^B s(b) \, db - s_0}{s(0) - s_0} ,

    the area under the curve of the worst scores, by the trapezoidal rule, relative to
    the score on clean data. A model that poison does not harm has 1, one that is
    without skill from the first poisoned row on nearly 0.

    Parameters
    ----------
    curves : Bunch or dict of str to Bunch
        What :func:`robustness_curve` returns for the model: one curve, or one for each
        attack by name, with the same budgets. 0 must be among the budgets.
    no_skill : float, default=0.0
        The score of a model without skill: for accuracy the share of the most frequent
        class, for balanced accuracy 1 / n_classes, for R² 0. Scores are compared with
        it, so that a model that always guesses is not half robust.

    Returns
    -------
    score : :class:`~sklearn.utils.Bunch`
        With the attributes

        robustness : float
            The area.
        worst_score : float
            The lowest mean score of all attacks and budgets.
        worst_attack : str or None
            The attack that causes it; None for a single curve without a name.
        worst_budget : float or int
            Its budget.
        clean_score : float
            The mean score on clean data.

    Raises
    ------
    ValueError
        If there is no curve, if 0 or any other budget is not among the budgets, if
        these differ between the curves, if they are of several metrics or estimators,
        if scores are missing (NaN), or if the score on clean data is not better than
        `no_skill`.

    See Also
    --------
    robustness_curve : Computes a curve.
    RobustnessReport : Its `curves_` are by names of attacks and estimators.
    worst_case_refit : Chooses a model by its worst case.

    Notes
    -----
    It is as strong as the attacks are. With random attacks alone nearly every model is
    robust.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skpoison.attacks import RandomLabelFlip
    >>> from skpoison.defences import KNNSanitizedClassifier
    >>> from skpoison.model_selection import robustness_curve, robustness_score
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> tree = DecisionTreeClassifier(random_state=0)
    >>> attack = RandomLabelFlip(random_state=0)
    >>> for model in (tree, KNNSanitizedClassifier(tree)):
    ...     curve = robustness_curve(model, X, y, attack=attack)
    ...     score = robustness_score(curve, no_skill=0.63)
    ...     print(f"{score.robustness:.2f} {score.worst_score:.2f}")
    0.68 0.72
    0.99 0.91
    """
    if isinstance(curves, Mapping) and "budgets" in curves:
        curves = {None: curves}
    if not isinstance(curves, Mapping) or not curves:
        raise ValueError(
            "curves must be a curve, or a dict from the name of an attack to a curve; "
            f"got {shown(curves)}."
        )
    if not isinstance(no_skill, Real) or not np.isfinite(no_skill):
        raise ValueError(
            f"no_skill must be a score, a finite number; got {shown(no_skill)}."
        )
    _check_one_estimator(curves)
    first = next(iter(curves.values())).budgets
    order = np.argsort(first)
    budgets = first[order]
    if budgets[0] != 0 or budgets[-1] == 0:
        raise ValueError(
            "curves must have the budget 0, for the score on clean data, and a larger "
            f"one; got budgets {first.tolist()}."
        )
    scores = []
    for name, curve in curves.items():
        if isinstance(curve.test_scores, dict):
            raise ValueError(
                "curves must be of one metric; got those of "
                f"{list(curve.test_scores)}. Make a curve of one of them."
            )
        if not np.array_equal(curve.budgets, first):
            raise ValueError(
                f"curves must have the same budgets; got {first.tolist()} and, for "
                f"{name!r}, {curve.budgets.tolist()}."
            )
        if np.isnan(curve.test_scores).any():
            raise ValueError(
                f"curves must have no missing scores; got NaN for {name!r}. A fit "
                "failed, which error_score='raise' shows, or the scorer gave NaN."
            )
        scores.append(curve.test_scores.mean(axis=1)[order])
    scores = np.array(scores)
    worst = scores.min(axis=0)
    clean = float(worst[0])
    if not clean > no_skill:
        raise ValueError(
            "no_skill must be lower than the score on clean data, which is "
            f"{clean:.3g}; got {no_skill!r}."
        )
    area = trapezoid(worst, budgets) / budgets[-1]
    i, j = np.unravel_index(scores.argmin(), scores.shape)
    return Bunch(
        robustness=float((area - no_skill) / (clean - no_skill)),
        worst_score=float(scores[i, j]),
        worst_attack=list(curves)[i],
        worst_budget=budgets[j].item(),
        clean_score=clean,
    )


def _check_one_estimator(curves):
    """Raise an error if curves are those of a report with several estimators."""
    pairs = [name for name in curves if isinstance(name, tuple) and len(name) == 2]
    estimators = list(dict.fromkeys(estimator for _, estimator in pairs))
    if len(estimators) > 1:
        raise ValueError(
            f"curves must be of one estimator; got those of {estimators}. Take those "
            "of one, {attack: curve for (attack, name), curve in curves.items() if "
            f"name == {estimators[0]!r}}}."
        )
