r"""How often is a label wrong, and in favour of which?

The transition matrix has in row i and column j the probability :math:`T_{ij}` that a
label is seen as the j-th class where it is the i-th.
"""

import numpy as np

# The worst condition of a transition matrix that counts as invertible.
WORST = 1e6


def spread(rates):
    """Make the matrix of rates at which labels turn into any other alike.

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


def given(noise, classes):
    """Make a transition matrix of what the user says of the noise.

    Parameters
    ----------
    noise : float, dict or array-like
        The rate of all classes, that of each by its label, or the matrix.
    classes : ndarray of shape (n_classes,)
        The labels.

    Returns
    -------
    matrix : ndarray of shape (n_classes, n_classes)

    Raises
    ------
    ValueError
        If it does not fit the classes, or `check_matrix` refuses it.
    """
    n_classes = classes.shape[0]
    if isinstance(noise, dict):
        unknown = [label for label in noise if label not in classes.tolist()]
        if unknown:
            raise ValueError(
                f"noise names classes that y does not have: {unknown}; y has "
                f"{classes.tolist()}."
            )
        rates = np.array([noise.get(label, 0.0) for label in classes.tolist()], float)
        if not ((rates >= 0) & (rates < 1)).all():
            raise ValueError(f"The rates of noise must be in [0, 1); got {noise}.")
        return check_matrix(spread(rates))
    if np.ndim(noise) == 0:
        return check_matrix(spread(np.full(n_classes, float(noise))))
    matrix = np.array(noise, dtype=float)
    if matrix.shape != (n_classes, n_classes):
        raise ValueError(
            f"noise has the shape {matrix.shape}, but y has {n_classes} classes: give "
            "a row and a column for each."
        )
    if (matrix < 0).any() or not np.allclose(matrix.sum(axis=1), 1):
        raise ValueError(
            "Each row of noise must hold probabilities that sum to 1: how the labels "
            f"of one class are seen. Got {matrix.tolist()}."
        )
    return check_matrix(matrix)


def check_matrix(matrix):
    """Check that labels say more about their own class than about any other.

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
        If they do not, or the matrix cannot be inverted.
    """
    own = np.diag(matrix)
    others = matrix - np.diag(own)
    if (others >= own).any() or np.linalg.cond(matrix) > WORST:
        raise ValueError(
            "There is too much noise: a label must be likelier in its own class than "
            "in any other (with two classes, rates must sum to less than 1). The "
            f"transition matrix is {matrix.round(3).tolist()}."
        )
    return matrix
