r"""Class weights for labels that are wrong at random.

The rates at which labels of the two classes are wrong are :math:`\rho_\pm`. The true
label of a row is more probably positive than not if and only if its label is positive
with a probability above :math:`\alpha = (1 - \rho_+ + \rho_-) / 2` (Natarajan et al.
2013, theorem 9). A classifier changes its decision there if rows with positive labels
get the weight :math:`2 (1 - \alpha)`, and those with negative labels :math:`2 \alpha`.
"""

import numpy as np


def noise_weights(matrix, codes, trusted):
    """Compute the weights of the rows.

    Parameters
    ----------
    matrix : ndarray of shape (2, 2)
        The transition matrix.
    codes : ndarray of shape (n_samples,) of int
        The labels: 0 or 1.
    trusted : ndarray of shape (n_samples,) of bool
        Rows whose label is right: they keep the weight 1.

    Returns
    -------
    weights : ndarray of shape (n_samples,)
        All 1 if both rates are equal.
    """
    difference = matrix[1, 0] - matrix[0, 1]
    weights = np.where(codes == 1, 1 + difference, 1 - difference)
    return np.where(trusted, 1.0, weights)
