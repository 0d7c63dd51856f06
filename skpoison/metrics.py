"""Metrics of the effect of poison on feature selection."""

import numpy as np
from sklearn.utils import check_array

__all__ = ["stability_index"]


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
