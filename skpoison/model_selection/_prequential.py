"""Prequential evaluation of learners from a stream: test first, then learn."""

from inspect import signature
from numbers import Integral, Real

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.metrics import check_scoring, r2_score
from sklearn.utils import Bunch
from sklearn.utils._param_validation import Interval, validate_params
from sklearn.utils.validation import (
    _num_samples,
    check_consistent_length,
)

from skpoison.model_selection._prequential_steps import LearnerSteps
from skpoison.utils._containers import take_rows
from skpoison.utils._targets import check_labels
from skpoison.utils._texts import shown
from skpoison.utils._validation import InstanceWith, check_trusted
from skpoison.utils._warnings import warn_user


@validate_params(
    {
        "estimator": [InstanceWith(["partial_fit", "predict"])],
        "attack": [InstanceWith("fit_resample"), None],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "window": [Interval(Integral, 1, None, closed="left"), None],
        "fading": [Interval(Real, 0, 1, closed="neither"), None],
        "delay": [Interval(Integral, 0, None, closed="left")],
    },
    # The estimator and the attack are validated by their own fits.
    prefer_skip_nested_validation=False,
)
def prequential_curve(
    estimator,
    X,
    y,
    *,
    attack=None,
    batch_size=100,
    window=None,
    fading=None,
    delay=0,
    scoring=None,
    trusted=None,
):
    """Evaluate a learner on a stream: each batch is tested, and then learnt.

    Poison is learnt, but never counted in a score.

    Parameters
    ----------
    estimator : estimator
        Has `partial_fit`. A clone learns the stream from its beginning.
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        The rows in their order.
    y : array-like of shape (n_samples,)
        Their labels or responses.
    attack : attack, default=None
        Poisons the stream: :class:`~skpoison.online.OnlineInsertion`, or an attack
        that changes labels or rows where they are.
    batch_size : int, default=100
        Number of rows of a batch, poison included.
    window : int, default=None
        The running score is the mean over the genuine rows of the last batches, so
        many of them. None: of all batches, unless `fading` is given.
    fading : float, default=None
        The running score is a mean in which a batch counts for this factor of the one
        after it.
    delay : int, default=0
        Number of batches that are tested before the labels of a batch are known, less
        than there are batches after the first.
    scoring : str or callable, default=None
        A score as in :func:`~sklearn.model_selection.cross_val_score`, evaluated for
        the genuine rows of each batch. None: the score of the estimator.
    trusted : array-like of shape (n_samples,) of bool, default=None
        Rows of the stream that are verified as they come, for a defence whose
        `partial_fit` takes `trusted`. The attack cannot touch them, and knows them.

    Returns
    -------
    curve : Bunch
        With these attributes, each an array with an entry for a batch:

        test_scores : ndarray of shape (n_batches,)
            The score for the genuine rows, before they are learnt. NaN before the
            first batch is learnt, if there are none, and, with one warning, if some
            class is missing among them and the score cannot do without, or if R2 is
            asked for a single row.
        running_scores : ndarray of shape (n_batches,)
            The mean of these, weighted by the numbers of genuine rows.
        n_rows, n_poison : ndarray of shape (n_batches,) of int
            The numbers of genuine rows and of poison rows.
        rejected, rejected_poison : ndarray of shape (n_batches,)
            The shares of the genuine rows and of the poison rows that the estimator
            finds suspicious, by its `inlier_mask_`; NaN if it has none. Weight that
            rows lose because they lie far out (`max_leverage`) does not count. Rows
            that a :class:`~skpoison.online.SlidingWindowClassifier` lets wait count in
            their own batch, once they are judged.
        weights : ndarray of shape (n_batches, n_estimators) or None
            The weights of the learners of an
            :class:`~skpoison.online.AdaptiveCombinationClassifier` after each batch is
            learnt, by its `weights_`; None for other learners.
        weight_names : list of str or None
            The names of these learners.
        no_change_scores : ndarray of shape (n_batches,) or None
            The accuracy of predicting the label of the genuine row before. Labels that
            come in runs make it high, and a learner is worth what it has beyond it.
            None for a regressor.
        estimator : estimator
            The clone, after the last batch.

    Raises
    ------
    ValueError
        If both `window` and `fading` are given, if `batch_size` or `delay` leaves no
        batch to test, if the attack appends rows instead of
        inserting them into the stream, or if `trusted` is given for an estimator that
        does not ask for it.

    See Also
    --------
    PrequentialCurveDisplay : Draws the curve.
    robustness_curve : The same for learners from a whole training set.

    Notes
    -----
    Set ``shuffle=False`` in an SGDClassifier, or the rows of a batch are learnt in
    another order than that of the stream.

    An SGDClassifier or SGDRegressor with its own score takes its steps in a loop
    without the checks of scikit-learn, to the same numbers within rounding, if
    the rows are an array of numbers and learnt in their order (``shuffle=False``, or
    ``batch_size=1``). Row by row that is about forty times faster.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import SGDClassifier
    >>> from sklearn.preprocessing import scale
    >>> from skpoison.model_selection import prequential_curve
    >>> from skpoison.online import OnlineInsertion
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> learner = SGDClassifier(
    ...     "log_loss", learning_rate="constant", eta0=0.1, shuffle=False
    ... )
    >>> for attack in (None, OnlineInsertion(learner, budget=0.1)):
    ...     curve = prequential_curve(learner, scale(X), y, attack=attack)
    ...     print(curve.running_scores[-1] > 0.9)
    True
    False
    """
    if window is not None and fading is not None:
        raise ValueError(
            "`window` and `fading` must not both be given, because each is a running "
            f"mean of its own; got {window} and {fading}. Leave out one of them."
        )
    check_consistent_length(X, y)
    mask = np.zeros(_num_samples(X), dtype=bool)
    known = None
    if trusted is not None:
        if "trusted" not in signature(estimator.partial_fit).parameters:
            raise ValueError(
                "`trusted` must be None for an estimator whose partial_fit does not "
                f"take it; got {shown(estimator)}. Leave it out, or take a defence "
                "such as TrustedStepClassifier."
            )
        known = check_trusted(trusted, X)
    if attack is not None:
        X, y, mask, known = _poisoned(attack, X, y, known)
    scorer = check_scoring(estimator, scoring)
    labels = check_labels(estimator, y) if is_classifier(estimator) else np.asarray(y)
    learner = clone(estimator)
    batches = [
        np.arange(first, min(first + batch_size, len(mask)))
        for first in range(0, len(mask), batch_size)
    ]
    if len(batches) == 1:
        raise ValueError(
            f"`batch_size` must be less than {len(mask)}, the number of rows, or no "
            f"batch is tested after one is learnt; got {batch_size}. Set a smaller one."
        )
    if delay and delay >= len(batches) - 1:
        raise ValueError(
            f"`delay` must be less than {len(batches) - 1}, or no batch is "
            f"tested after one is learnt; got {delay} for {len(batches)} batches of "
            f"{batch_size} rows. Set a smaller `delay` or `batch_size`."
        )
    test_scores, kept = np.full(len(batches), np.nan), np.full(len(mask), np.nan)
    weights, n_failed, steps = {}, 0, None
    is_r2 = scoring is None or getattr(scorer, "_score_func", None) is r2_score
    classes = np.unique(labels) if is_classifier(estimator) else None
    given = {} if classes is None else {"classes": classes}
    for i, batch in enumerate(batches):
        genuine = batch[~mask[batch]]
        if i > delay and genuine.size == 1 and classes is None and is_r2:
            n_failed += 1
        elif i > delay and genuine.size and steps is not None:
            test_scores[i] = steps.score(genuine)
        elif i > delay and genuine.size:
            try:
                test_scores[i] = scorer(learner, take_rows(X, genuine), labels[genuine])
            except ValueError:
                if classes is None or np.isin(classes, labels[genuine]).all():
                    raise
                n_failed += 1
        if i < delay:
            continue
        learnt = batches[i - delay]
        if steps is not None:
            steps.learn(learnt)
            continue
        if known is not None:
            given["trusted"] = known[learnt]
        learner.partial_fit(take_rows(X, learnt), labels[learnt], **given)
        given = {}
        if scoring is None and i == delay:
            steps = LearnerSteps.of(learner, X, labels, batch_size=batch_size)
        _note_verdicts(kept, learner, learnt)
        if hasattr(learner, "weights_"):
            weights[i - delay] = learner.weights_
    if steps is not None:
        steps.finish()
    if n_failed:
        _warn_of_nan(n_failed, len(batches), of_labels=classes is not None)
    n_rows = np.array([np.sum(~mask[batch]) for batch in batches])
    sizes = np.array([batch.shape[0] for batch in batches])
    return Bunch(
        test_scores=test_scores,
        rejected=_rejected(kept, ~mask, batches),
        rejected_poison=_rejected(kept, mask, batches),
        running_scores=running_mean(test_scores, n_rows, window, fading),
        n_rows=n_rows,
        n_poison=sizes - n_rows,
        weights=_in_order(weights, len(batches)),
        weight_names=(
            [name for name, _ in getattr(learner, "estimators", [])]
            if weights
            else None
        ),
        no_change_scores=(
            _no_change(labels, mask, batches) if is_classifier(estimator) else None
        ),
        estimator=learner,
    )


def _warn_of_nan(n_failed, n_batches, *, of_labels):
    """Warn of batches without a score."""
    reason = (
        "classes are missing among their rows. Set a larger `batch_size`, or a "
        "`scoring` that knows all classes, such as make_scorer(log_loss, "
        "response_method='predict_proba', greater_is_better=False, labels=classes)."
        if of_labels
        else "R2 needs two rows. Set a larger `batch_size`, or another `scoring`, such "
        "as 'neg_mean_absolute_error'."
    )
    warn_user(
        f"The score of {n_failed} of {n_batches} batches is NaN, because {reason}"
    )


def _poisoned(attack, X, y, trusted):
    """Return a poisoned stream, and which of its rows are poison and trusted."""
    attack, n_samples = clone(attack), _num_samples(X)
    params = {} if trusted is None else {"trusted": trusted}
    X_out, y_out = attack.fit_resample(X, y, **params)
    mask = np.asarray(attack.poison_mask_)
    sources = getattr(attack, "source_indices_", None)
    if mask.shape[0] != n_samples and sources is None:
        raise ValueError(
            "`attack` must keep the order of a stream, and insert rows among the "
            f"others; {shown(attack)} appends or deletes rows. Take OnlineInsertion, "
            "or an attack that changes labels."
        )
    if trusted is not None and sources is not None:
        # Inserted rows have no source, and are not trusted.
        trusted = (sources >= 0) & trusted[sources]
    return X_out, y_out, mask, trusted


def _in_order(weights, n_batches):
    """Return weights of batches as an array, NaN for those not learnt, or None."""
    if not weights:
        return None
    n_estimators = len(next(iter(weights.values())))
    found = np.full((n_batches, n_estimators), np.nan)
    for i, each in weights.items():
        found[i] = each
    return found


def _note_verdicts(kept, learner, learnt):
    """Take note of the rows of a stream that a defence has judged in a call."""
    verdicts = getattr(learner, "verdicts_", None)
    if verdicts is not None:  # rows of earlier calls may have waited
        last = learnt[-1] + 1
        kept[last - verdicts.shape[0] : last] = verdicts
        return
    inliers = getattr(learner, "inlier_mask_", None)
    if inliers is not None and inliers.shape == learnt.shape:
        kept[learnt] = inliers


def _rejected(kept, mask, batches):
    """Return the shares of some rows that were judged and found suspicious."""
    found = np.full(len(batches), np.nan)
    for i, batch in enumerate(batches):
        judged = kept[batch][mask[batch] & np.isfinite(kept[batch])]
        if judged.size:
            found[i] = 1 - judged.mean()
    return found


def running_mean(scores, n_rows, window, fading):
    """Return means of the scores up to each batch; NaN before the first score."""
    counted = np.isfinite(scores)
    values = np.where(counted, scores * n_rows, 0.0)
    weights = np.where(counted, n_rows, 0).astype(float)
    totals = np.zeros((2, scores.shape[0]))
    for i in range(scores.shape[0]):
        first = 0 if window is None else max(0, i + 1 - window)
        if fading is None:
            factors = np.ones(i + 1 - first)
        else:
            factors = fading ** np.arange(i - first, -1, -1.0)
        totals[:, i] = values[first : i + 1] @ factors, weights[first : i + 1] @ factors
    return np.divide(*totals, out=np.full(scores.shape[0], np.nan), where=totals[1] > 0)


def _no_change(labels, mask, batches):
    """Return the accuracy of predicting the label of the genuine row before."""
    genuine = np.flatnonzero(~mask)
    same = np.full(labels.shape[0], np.nan)
    same[genuine[1:]] = labels[genuine[1:]] == labels[genuine[:-1]]
    found = np.full(len(batches), np.nan)
    for i, batch in enumerate(batches):
        known = same[batch][np.isfinite(same[batch])]
        if known.size:
            found[i] = known.mean()
    return found
