"""On which rows does the attacker measure what he has reached?

On rows of his own, or on a part of the training rows that is set aside.
"""

import numpy as np
from scipy import sparse
from sklearn.model_selection import train_test_split
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.validation import _check_feature_names

from skpoison.utils._validation import (
    check_labels,
    check_responses,
    numeric_features,
)


def check_together(X_val, y_val):
    """Check that rows and labels are given together.

    Parameters
    ----------
    X_val, y_val : array-like or None
        Rows of the attacker's own, and their labels or responses.

    Raises
    ------
    ValueError
        If one of them is missing.
    """
    if (X_val is None) != (y_val is None):
        raise ValueError("X_val and y_val go together: give both of them, or none.")


def check_own_rows(attack, X, X_val, y_val):
    """Check the rows that the attacker brings along.

    Parameters
    ----------
    attack : BasePoisoner
        The attack; its `classes_` are known, but where it takes responses.
    X : {ndarray, csr matrix} of shape (n_samples, n_features)
        The training rows.
    X_val : {array-like, sparse matrix, dataframe} of shape (n_val, n_features)
        The rows.
    y_val : array-like of shape (n_val,)
        Their labels.

    Returns
    -------
    X_val : {ndarray, csr matrix} of shape (n_val, n_features)
        The rows, sparse where the training rows are.
    codes : ndarray of shape (n_val,)
        Their labels, as positions among the classes; or their responses.

    Raises
    ------
    ValueError
        If they do not go with the training rows.
    """
    _check_feature_names(attack, X_val, reset=False)
    X_val = numeric_features(attack, X_val, accept_sparse="csr", dtype=np.float64)
    takes_responses = attack._takes_responses()
    if takes_responses:
        y_val = check_responses(attack, y_val)
    else:
        y_val = column_or_1d(check_labels(attack, y_val))
    check_consistent_length(X_val, y_val)
    if X_val.shape[1] != X.shape[1]:
        raise ValueError(
            f"X_val has {X_val.shape[1]} features, but X has {X.shape[1]}."
        )
    if not takes_responses and not np.isin(y_val, attack.classes_).all():
        raise ValueError(
            "y_val has labels that are not among those of y: "
            f"{np.setdiff1d(y_val, attack.classes_).tolist()}."
        )
    if sparse.issparse(X) != sparse.issparse(X_val):
        X_val = sparse.csr_array(X_val) if sparse.issparse(X) else X_val.toarray()
    return X_val, y_val if takes_responses else np.searchsorted(attack.classes_, y_val)


def split(name, fraction, positions, y, random_state, *, are_labels=True):
    """Split positions of rows in two, with the same shares of classes.

    Parameters
    ----------
    name : str
        The parameter that says how.
    fraction : float
        Its value: the share of the first part.
    positions : ndarray of shape (n_positions,) of int
        The rows to split.
    y : ndarray of shape (n_samples,)
        The labels, or responses, of all rows.
    random_state : RandomState
        Draws them.
    are_labels : bool, default=True
        Whether these are labels.

    Returns
    -------
    first, second : ndarray of int
        The positions in either part.

    Raises
    ------
    ValueError
        If a part would be empty, or be without a class.
    """
    labels = y[positions]
    try:
        return train_test_split(
            positions,
            train_size=fraction,
            stratify=labels if are_labels else None,
            random_state=random_state,
        )
    except ValueError as error:
        classes = f" of {np.unique(labels).shape[0]} classes" if are_labels else ""
        raise ValueError(
            f"{name}={fraction} cannot be taken of {labels.shape[0]} rows{classes}. "
            f"Give X_val and y_val, or lower the budget. ({error})"
        ) from error
