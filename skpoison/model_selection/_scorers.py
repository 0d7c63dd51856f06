"""Scorers of what an attack does, and of what a defence finds.

They are passed as `scoring`: to :func:`robustness_curve`, or to scikit-learn for a
Pipeline that begins with an attack.
"""

import numpy as np
from sklearn.metrics import check_scoring
from sklearn.utils import _safe_indexing

from skpoison.metrics import detection_scores
from skpoison.utils._texts import listed, shown


def detection_scorer(estimator, X, y):
    """Score how well a defence has found the poison in its training rows.

    Parameters
    ----------
    estimator : estimator
        A fitted Pipeline with an attack and a defence in it, or what
        :func:`robustness_curve` passes to a scorer.
    X, y : object
        Ignored: what counts are the rows of the training.

    Returns
    -------
    scores : dict of str to float
        "precision" and "recall", if the defence has an `inlier_mask_`;
        "average_precision", if it has `sample_scores_`. They are those of
        :func:`~skpoison.metrics.detection_scores`.

    Raises
    ------
    ValueError
        If there is no attack, or no defence that says which rows it believes.

    See Also
    --------
    skpoison.metrics.detection_scores : The scores of two masks.

    Examples
    --------
    >>> from imblearn.pipeline import make_pipeline
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_validate
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skpoison.attacks import RandomLabelFlip
    >>> from skpoison.defences import KNNSanitizedClassifier
    >>> from skpoison.model_selection import detection_scorer
    >>> pipeline = make_pipeline(
    ...     RandomLabelFlip(random_state=0),
    ...     StandardScaler(),
    ...     KNNSanitizedClassifier(LogisticRegression()),
    ... )
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> found = cross_validate(pipeline, X, y, scoring=detection_scorer)
    >>> found["test_recall"].round(2)
    array([0.96, 0.93, 0.93, 0.96, 0.91])
    """
    if hasattr(estimator, "attack_"):
        attack, fitted = estimator.attack_, estimator.estimator_
    else:
        attack, fitted = None, estimator
        for _, step in getattr(estimator, "steps", ()):
            attack = step if hasattr(step, "poison_mask_") else attack
    if not hasattr(attack, "poison_mask_"):
        raise ValueError(
            "estimator must have an attack in it, a step of a Pipeline, or be scored "
            f"by robustness_curve; got {shown(estimator)}."
        )
    defence = getattr(fitted, "steps", [(None, fitted)])[-1][1]
    masks = {
        name: getattr(defence, f"{name}_", None)
        for name in ("inlier_mask", "sample_scores")
    }
    if all(mask is None for mask in masks.values()):
        raise ValueError(
            "estimator must end with a defence that has inlier_mask_ or sample_scores_ "
            f"once it is fitted; got {shown(defence)}."
        )
    return dict(detection_scores(attack.poison_mask_, **masks))


def success_scorer(class_map):
    """Make a scorer that an attack that wants certain errors lowers by its success.

    As scikit-learn wants it, a greater score is a better model: the score is minus the
    success, 0 if no row is taken as the attack wants, and -1 if all of them are.

    Parameters
    ----------
    class_map : dict
        From a class to the class that its rows shall be taken for, such as ``{8: 3}``,
        as in :class:`~skpoison.goals.ErrorSpecific`.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y)`` returns minus the share of the rows of these classes
        that are predicted as wanted, as a scorer with ``greater_is_better=False`` does;
        NaN if there is no such row.

    Raises
    ------
    ValueError
        If `class_map` is empty or not a dict; on scoring, if it has a class that is
        neither among the labels nor among the classes of the estimator.

    See Also
    --------
    skpoison.goals.ErrorSpecific : The goal of such an attack.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import RidgeClassifier
    >>> from skpoison.attacks import RandomLabelFlip
    >>> from skpoison.model_selection import robustness_curve, success_scorer
    >>> X, y = load_digits(return_X_y=True)
    >>> attack = RandomLabelFlip(class_map={8: 3}, random_state=0)
    >>> curve = robustness_curve(
    ...     RidgeClassifier(),
    ...     X,
    ...     y,
    ...     attack=attack,
    ...     budgets=[0, 100],
    ...     cv=3,
    ...     scoring=success_scorer({8: 3}),
    ... )
    >>> curve.test_scores.mean(axis=1).round(2)
    array([-0.03, -0.82])
    """
    if not isinstance(class_map, dict) or not class_map:
        raise ValueError(
            "class_map must be a dict from a class to a class, such as {8: 3}; got "
            f"{shown(class_map)}."
        )
    return _Success(class_map)


class _Success:
    def __init__(self, class_map):
        self.class_map = class_map

    def __call__(self, estimator, X, y):
        y = np.asarray(y)
        classes = {*y.tolist(), *np.asarray(getattr(estimator, "classes_", y)).tolist()}
        unknown = {*self.class_map, *self.class_map.values()} - classes
        if unknown:
            raise ValueError(
                "class_map must have classes of the data and of the estimator, which "
                f"are {listed(sorted(classes, key=repr))}; got {self.class_map!r} with "
                f"{sorted(unknown, key=repr)}."
            )
        rows = np.flatnonzero(np.isin(y, list(self.class_map)))
        if not rows.size:
            return np.nan
        predicted = np.asarray(estimator.predict(_safe_indexing(X, rows)))
        wanted = np.array([self.class_map[label] for label in y[rows].tolist()])
        return -float(np.mean(predicted == wanted))

    def __repr__(self):
        return f"success_scorer({self.class_map!r})"


def subpopulation_scorer(member, scoring=None):
    """Make a scorer of some of the rows, and of the others beside them.

    It tells the damage that an attack on a subpopulation is to do from the damage that
    it does elsewhere.

    Parameters
    ----------
    member : callable
        ``member(X)`` returns a boolean for each row: whether it belongs to the
        subpopulation. For example ``lambda X: clusters.predict(X) == 3``.
    scoring : str or callable, default=None
        The score. None: the `score` method of the estimator.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y)`` returns a dict with the scores "inside" and
        "beside"; NaN for a part without a row.

    Raises
    ------
    ValueError
        If `member` is not callable, or does not return a boolean for each row.

    See Also
    --------
    robustness_curve : Takes it as `scoring`.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skpoison.attacks import RandomLabelFlip
    >>> from skpoison.model_selection import robustness_curve, subpopulation_scorer
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> large = subpopulation_scorer(lambda X: X[:, 0] > 15)
    >>> curve = robustness_curve(
    ...     DecisionTreeClassifier(random_state=0),
    ...     X,
    ...     y,
    ...     attack=RandomLabelFlip(class_map={0: 1}, random_state=0),
    ...     budgets=[0.0, 0.2],
    ...     scoring=large,
    ... )
    >>> for part, scores in curve.test_scores.items():
    ...     print(part, scores.mean(axis=1).round(2))
    inside [0.91 0.49]
    beside [0.92 0.87]
    """
    if not callable(member):
        raise ValueError(
            "member must be a function from rows to booleans, such as lambda X: "
            f"X[:, 0] > 1; got {shown(member)}."
        )
    return _Subpopulation(member, scoring)


class _Subpopulation:
    def __init__(self, member, scoring):
        self.member = member
        self.scoring = scoring

    def __call__(self, estimator, X, y):
        mask = np.asarray(self.member(X))
        if mask.dtype != bool or mask.shape != (len(y),):
            raise ValueError(
                f"member must return a boolean for each of the {len(y)} rows; got "
                f"{mask.dtype} of shape {mask.shape}."
            )
        scorer = check_scoring(estimator, self.scoring)
        scores = {}
        for part, rows in (("inside", mask), ("beside", ~mask)):
            rows = np.flatnonzero(rows)
            scores[part] = np.nan
            if rows.size:
                X_part, y_part = _safe_indexing(X, rows), _safe_indexing(y, rows)
                scores[part] = scorer(estimator, X_part, y_part)
        return scores

    def __repr__(self):
        return f"subpopulation_scorer({self.member!r}, {self.scoring!r})"
