"""Metrics of the detection of poison, and of its effect on feature selection."""

import numpy as np
from sklearn.metrics import average_precision_score
from sklearn.utils import Bunch, check_array

from skpoison.utils._validation import check_mask

__all__ = ["detection_scores", "stability_index"]


def detection_scores(poison_mask, *, inlier_mask=None, sample_scores=None):
    r"""Measure how well a defence finds the rows that an attack has poisoned.

    The rows flagged by the defence are those that it does not use as they are: dropped,
    relabelled or weighted down. With F the rows flagged and P the rows poisoned,

    .. math::

        \text{precision} = \frac{|F \cap P|}{|F|} , \qquad
        \text{recall} = \frac{|F \cap P|}{|P|} .

    The average precision does not depend on the threshold of the defence: it is the
    mean precision over the poisoned rows, each time among the rows that are at least as
    suspicious as the one in question [1]_.

    Parameters
    ----------
    poison_mask : array-like of shape (n_samples,) of bool
        Which rows are poisoned: `poison_mask_` of an attack, one entry for each row of
        its output.
    inlier_mask : array-like of shape (n_samples,) of bool, default=None
        Which rows the defence believes: `inlier_mask_` of a defence fitted to that
        output. None: precision and recall are left out.
    sample_scores : array-like of shape (n_samples,), default=None
        How suspicious each row is, higher is more: `sample_scores_` of a defence fitted
        to that output. Rows without a score (NaN), which are those of weight 0, count
        neither as flagged nor as poisoned. None: the average precision is left out.

    Returns
    -------
    scores : :class:`~sklearn.utils.Bunch`
        With the attributes

        precision : float
            Poisoned share of the rows flagged; NaN if none is flagged.
        recall : float
            Flagged share of the rows poisoned; NaN if none is poisoned.
        average_precision : float
            Between the poisoned share of all rows, for scores at random, and 1, if
            all poisoned rows have higher scores than all clean rows; NaN if none is
            poisoned.

    Raises
    ------
    ValueError
        If neither `inlier_mask` nor `sample_scores` is given, if they do not have one
        entry for each row, or if a mask is not boolean.

    See Also
    --------
    skpoison.inspection.SampleScoresDisplay : Draws the scores and the threshold.

    Notes
    -----
    Deleted rows are in no output, so that an attack that deletes rows leaves nothing to
    be found. If the threshold of the defence differs between classes, divide the scores
    by the threshold of the class of each row first.

    References
    ----------
    .. [1] C. D. Manning, P. Raghavan, H. Schütze, "Introduction to information
       retrieval", Cambridge University Press, 2008, Section 8.4.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skpoison.attacks import RandomLabelFlip
    >>> from skpoison.defences import KNNSanitizedClassifier
    >>> from skpoison.metrics import detection_scores
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X = StandardScaler().fit_transform(X)
    >>> attack = RandomLabelFlip(budget=0.1, random_state=0)
    >>> X_poisoned, y_poisoned = attack.fit_resample(X, y)
    >>> defence = KNNSanitizedClassifier(LogisticRegression())
    >>> defence = defence.fit(X_poisoned, y_poisoned)
    >>> scores = detection_scores(
    ...     attack.poison_mask_,
    ...     inlier_mask=defence.inlier_mask_,
    ...     sample_scores=defence.sample_scores_,
    ... )
    >>> print({name: round(value, 2) for name, value in scores.items()})
    {'precision': 0.79, 'recall': 0.95, 'average_precision': 0.89}

    It returns what a scorer of several metrics returns:

    >>> from imblearn.pipeline import make_pipeline
    >>> from sklearn.model_selection import cross_validate
    >>> def found(pipeline, X, y):
    ...     attack, defence = pipeline[0], pipeline[-1]
    ...     return detection_scores(
    ...         attack.poison_mask_, inlier_mask=defence.inlier_mask_
    ...     )
    >>> pipeline = make_pipeline(attack, defence)
    >>> cross_validate(pipeline, X, y, scoring=found)["test_recall"].round(2)
    array([0.98, 0.96, 0.93, 0.96, 0.91])
    """
    if inlier_mask is None and sample_scores is None:
        raise ValueError(
            "`inlier_mask` or `sample_scores` must be given: `inlier_mask_` or "
            "`sample_scores_` of a defence."
        )
    is_poison = check_mask(poison_mask, "poison_mask")
    scores, is_scored = None, np.ones_like(is_poison)
    if sample_scores is not None:
        scores = check_array(
            sample_scores,
            ensure_2d=False,
            ensure_all_finite=False,
            dtype=np.float64,
            input_name="sample_scores",
        )
        _check_rows(is_poison, scores, "sample_scores")
        is_scored = ~np.isnan(scores)
    is_poison = is_poison & is_scored
    n_poison, found = is_poison.sum(), Bunch()
    if inlier_mask is not None:
        is_flagged = ~check_mask(inlier_mask, "inlier_mask")
        _check_rows(is_poison, is_flagged, "inlier_mask")
        is_flagged &= is_scored
        n_found, n_flagged = (is_flagged & is_poison).sum(), is_flagged.sum()
        found.precision = float(n_found / n_flagged) if n_flagged else np.nan
        found.recall = float(n_found / n_poison) if n_poison else np.nan
    if scores is not None:
        found.average_precision = np.nan
        if n_poison:
            # Only the order of scores matters. Some can be infinite.
            ranks = np.unique(scores[is_scored], return_inverse=True)[1]
            found.average_precision = float(
                average_precision_score(is_poison[is_scored], ranks)
            )
    return found


def _check_rows(is_poison, values, name):
    """Raise if there is not a value for each row."""
    if values.shape != is_poison.shape:
        raise ValueError(
            f"`{name}` must have one entry for each of the {is_poison.shape[0]} rows "
            f"of `poison_mask`; got the shape {values.shape}. Fit the defence to what "
            "the attack returned."
        )


def stability_index(selections):
    r"""Measure the stability of feature selections, corrected for chance.

    It is the index of Nogueira, Sechidis and Brown [1]_. For M selections among d
    features, with :math:`p_f` the share of selections that contain feature f and
    :math:`\bar k = \sum_f p_f` the mean number of features selected,

    .. math::

        \Phi = 1 - \frac{\frac1d \sum_f \frac{M}{M - 1} p_f (1 - p_f)}
        {\frac{\bar k}{d} \left( 1 - \frac{\bar k}{d} \right)} .

    If all selections have the same size k, it is the mean over pairs of the index of
    Kuncheva [2]_,

    .. math::

        I(A, B) = \frac{r d - k^2}{k (d - k)}, \qquad r = |A \cap B| ,

    which measures attacks on feature selection in [3]_. Unlike that index, it is also
    defined for selections of different sizes.

    Parameters
    ----------
    selections : array-like of shape (n_selections, n_features) of bool
        Which features each of them contains, as returned by ``get_support()`` of a
        selector. At least two.

    Returns
    -------
    stability : float
        1 if all are the same; 0 on average over random selections; at least
        -1 / (n_selections - 1).

    Raises
    ------
    ValueError
        If there are fewer than two selections, if they are not masks, or if none of
        them contains a feature or all contain every feature: the index is not defined
        then.

    References
    ----------
    .. [1] S. Nogueira, K. Sechidis, G. Brown, "On the stability of feature selection
       algorithms", Journal of Machine Learning Research 18(174), 2018.
    .. [2] L. I. Kuncheva, "A stability index for feature selection", IASTED
       International Conference on Artificial Intelligence and Applications, 2007.
    .. [3] H. Xiao, B. Biggio, G. Brown, G. Fumera, C. Eckert, F. Roli, "Is feature
       selection secure against training data poisoning?", ICML 2015.

    Examples
    --------
    >>> from skpoison.metrics import stability_index
    >>> clean = [True, True, False, False, False, False]
    >>> poisoned = [True, False, True, False, False, False]
    >>> stability_index([clean, clean])
    1.0
    >>> round(stability_index([clean, poisoned]), 6)
    0.25
    """
    selections = check_array(
        selections, ensure_min_samples=2, input_name="selections", dtype=None
    )
    if selections.dtype != bool and not np.isin(selections, (0, 1)).all():
        raise ValueError(
            "`selections` must hold boolean masks, True for a feature that is "
            "selected; got other values. Turn indices of features into masks first."
        )
    shares = selections.mean(axis=0, dtype=float)
    n_selections, n_features = selections.shape
    size = shares.sum() / n_features
    counts = selections.sum(axis=0, dtype=int)
    if not 0 < counts.sum() < selections.size:
        raise ValueError(
            f"`selections` must not all contain {'every' if counts.sum() else 'no'} "
            f"feature; got {n_selections} such selections of {n_features} features, "
            "whose stability is not defined. Choose a penalty that selects some "
            "features."
        )
    spread = (shares * (1 - shares)).mean() * n_selections / (n_selections - 1)
    return float(1 - spread / (size * (1 - size)))
