r"""Transition matrices of label noise.

The transition matrix has in row i and column j the probability :math:`T_{ij}` that the
label of a row of the i-th class is seen as the j-th class.
"""

import numpy as np

from skpoison.utils._texts import listed

# Condition number beyond which a transition matrix counts as singular.
MAX_CONDITION = 1e6


def uniform_noise_matrix(rates):
    """Return the transition matrix of noise that is uniform over the other classes.

    Parameters
    ----------
    rates : ndarray of shape (n_classes,)
        How often the labels of each class are wrong.

    Returns
    -------
    matrix : ndarray of shape (n_classes, n_classes)
    """
    others = rates / (rates.shape[0] - 1)
    matrix = np.repeat(others[:, np.newaxis], rates.shape[0], axis=1)
    np.fill_diagonal(matrix, 1 - rates)
    return matrix


def as_transition_matrix(noise, classes):
    """Return the transition matrix that the user describes.

    Parameters
    ----------
    noise : float, dict or array-like
        The rate of all classes, the rate of each by its label, or the matrix.
    classes : ndarray of shape (n_classes,)
        The labels.

    Returns
    -------
    matrix : ndarray of shape (n_classes, n_classes)

    Raises
    ------
    ValueError
        If `noise` does not match the classes or is too large.
    """
    n_classes = classes.shape[0]
    if isinstance(noise, dict):
        unknown = [label for label in noise if label not in classes.tolist()]
        if unknown:
            raise ValueError(
                f"noise must name classes among {listed(classes)}; got "
                f"{listed(unknown)} as well."
            )
        rates = np.array([noise.get(label, 0.0) for label in classes.tolist()], float)
        if not ((rates >= 0) & (rates < 1)).all():
            raise ValueError(
                "noise must hold rates in [0, 1); got "
                f"{rates[(rates < 0) | (rates >= 1)][0]:.6g}."
            )
        return check_transition_matrix(uniform_noise_matrix(rates))
    if np.ndim(noise) == 0:
        rates = np.full(n_classes, float(noise))
        return check_transition_matrix(uniform_noise_matrix(rates))
    matrix = np.array(noise, dtype=float)
    if matrix.shape != (n_classes, n_classes):
        raise ValueError(
            f"noise must have a row and a column for each of the {n_classes} classes "
            f"of y; got the shape {matrix.shape}."
        )
    if (matrix < 0).any() or not np.allclose(matrix.sum(axis=1), 1):
        raise ValueError(
            "noise must hold in each row probabilities that sum to 1, how the labels "
            f"of one class are seen; got {_wrong_row(matrix)}."
        )
    return check_transition_matrix(matrix)


def check_transition_matrix(matrix):
    """Check that each label is more likely in its own class than in any other.

    Parameters
    ----------
    matrix : ndarray of shape (n_classes, n_classes)
        The transition matrix.

    Returns
    -------
    matrix : ndarray of shape (n_classes, n_classes)

    Raises
    ------
    ValueError
        If one is not, or if the matrix cannot be inverted.
    """
    own = np.diag(matrix)
    others = matrix - np.diag(own)
    if (others >= own).any() or np.linalg.cond(matrix) > MAX_CONDITION:
        raise ValueError(
            "There is too much noise: a label must be likelier in its own class than "
            "in any other (with two classes, rates must sum to less than 1). Give "
            f"lower rates as noise; {as_text(matrix)}."
        )
    return matrix


def wrong_shares(matrix, seen):
    """Compute which share of the labels that are seen of each class is wrong.

    Parameters
    ----------
    matrix : ndarray of shape (n_classes, n_classes)
        The transition matrix.
    seen : ndarray of shape (n_classes,)
        Numbers or weights of the labels seen.

    Returns
    -------
    shares : ndarray of shape (n_classes,)
        By Bayes' rule, with the numbers of true labels that the matrix implies; 0 for
        classes that are not seen.
    """
    true = np.maximum(np.linalg.solve(matrix.T, seen), 0)
    right, expected = true * np.diag(matrix), true @ matrix
    known = (seen > 0) & (expected > 0)
    return np.where(known, 1 - right / np.where(known, expected, 1), 0.0)


def as_text(matrix):
    """Return a transition matrix as errors tell of it.

    Parameters
    ----------
    matrix : ndarray of shape (n_classes, n_classes)
        The transition matrix.

    Returns
    -------
    text : str
        The matrix of a few classes; the rate of each of many.
    """
    if matrix.shape[0] <= 4:
        return f"the transition matrix is {matrix.round(3).tolist()}"
    return f"the rates are {listed((1 - np.diag(matrix)).round(3))}"


def _wrong_row(matrix):
    """Return the first row that does not hold probabilities, and which it is."""
    is_wrong = (matrix < 0).any(axis=1) | ~np.isclose(matrix.sum(axis=1), 1)
    row = np.flatnonzero(is_wrong)[0]
    return f"{listed(matrix[row])} in row {row}, of the sum {matrix[row].sum():.6g}"
