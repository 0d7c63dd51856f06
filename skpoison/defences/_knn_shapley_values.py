r"""Exact Shapley values of training rows for a nearest-neighbour model.

The players of a game are the training rows, and the worth :math:`U(S)` of a set of them
is how well the :math:`K` nearest rows of the set predict a trusted row :math:`t`. The
Shapley value of a row is its mean contribution :math:`U(S \cup i) - U(S)` over all
orders in which rows arrive. It is additive over trusted rows: values are means of those
for one of them, which are known in closed form once the rows are sorted by distance
(Jia et al. 2019, Theorems 1 and 6). Let :math:`y_1, \dots, y_N` be labels in this
order.

**Classification.** :math:`U(S)` is the share of votes for :math:`y_t`: the number of
rows with this label among the K nearest, divided by K. With
:math:`1_l = [y_l = y_t]` and :math:`w_l = \min(K, l) / (K l)`,

.. math::

    s_i = \sum_{l=i}^N w_l \, (1_l - 1_{l+1}), \qquad 1_{N+1} = 0 .

Rows at the same distance are in no order. Here they are in a random one, so that
:math:`U` is an expectation, and rows that are equal have equal values. If the rows from
p to q are tied, m of them, a of which have the label, the mean over their orders is

.. math::

    s_i = 1_i \bar w + \frac{a - 1_i}{m - 1} (w_q - \bar w) + T_q, \qquad
    T_q = \sum_{(p', q')} \frac{a'}{m'} (w_{q'} - w_{p'-1}) ,

where :math:`\bar w` is the mean of :math:`w_p, \dots, w_q`, and the sum is over the
groups of tied rows that are further away.

**Regression.** :math:`U(S) = -(\sum y / K - y_t)^2`, the sum over the K nearest. The
difference of two neighbours in the order is

.. math::

    s_i - s_{i+1} = \frac{y_{i+1} - y_i}{K} \, \frac{\min(K, i)}{i}
        \Bigl( \frac1K \sum_l A_l y_l - 2 y_t \Bigr) ,

with :math:`A_l = (\min(K,i)-1)/(i-1)` before i, 1 for i and i + 1, and
:math:`\min(K,l-1) \min(K-1,l-2) \, i / ((l-1)(l-2) \min(K,i))` behind. The values add
up to :math:`U` of all rows minus :math:`U(\emptyset) = -y_t^2`. Here ties are
broken by the order of the rows.

**Neighbours within a radius** (Wang et al. 2023). All rows within a distance vote. Let
m be their number, C the number of classes, and 1 / C the worth of no neighbour. Then
only these rows have a value,

.. math::

    \phi_i = \frac1m \Bigl[ 1_i - \frac1C +
        \Bigl(1_i - \frac{p_i}{m-1}\Bigr) (H_m - 1) \Bigr] ,

where :math:`p_i` of the others have the label of t, and :math:`H_m` is the sum of
:math:`1/k` up to m. Nothing is sorted.

To sort, squared distances and positions are packed into one whole number of 64 bits:
the bits of positive floats in single precision are ordered as the floats are. Distances
that agree in single precision are ties. A block of trusted rows is done at a time,
which bounds the memory.
"""

import numpy as np
from sklearn.utils import gen_batches
from sklearn.utils.extmath import row_norms, safe_sparse_dot

# How many squared distances are held in memory at once, and to how many rows they are
# computed at a time.
BLOCK_SIZE = 4_000_000
BATCH_SIZE = 16384
# Squared distances below this share of the squared norms that they are a difference of
# are rounding: the rows are equal.
ROUNDING = 1e-13
LOW_BITS = np.uint64(32)
POSITIONS = np.uint64(0xFFFFFFFF)
LAST = np.uint32(0xFFFFFFFF)


def knn_shapley(X, y, tests, *, n_neighbors=5, radius=None, n_classes=None):
    """Compute the Shapley values of rows for the predictions of some of them.

    A row does not play for its own prediction: its value is the mean over the others.

    Parameters
    ----------
    X : {ndarray, csr matrix} of shape (n_samples, n_features)
        The rows.
    y : ndarray of shape (n_samples,)
        Their labels as positions among the classes, or their responses.
    tests : ndarray of shape (n_tests,) of int
        The positions of the rows to be predicted.
    n_neighbors : int, default=5
        Number of neighbours that predict.
    radius : float, default=None
        Distance up to which rows predict, instead of a number of them. Only for
        labels.
    n_classes : int, default=None
        Number of classes; None for responses.

    Returns
    -------
    values : ndarray of shape (n_samples,)
        They add up to how well the rows predict on average, if no row is both: the
        share of votes for the right label, or minus the squared error plus that of
        predicting 0. 0 for the only row to be predicted.
    """
    n_samples = y.shape[0]
    sums = np.zeros(n_samples)
    if isinstance(X, np.ndarray):
        # Differences of squares are exact only as far as the squares are small.
        X = X - X[tests].mean(axis=0)
    norms = np.empty(n_samples)
    for part in gen_batches(n_samples, BATCH_SIZE):
        norms[part] = row_norms(X[part].astype(np.float64, copy=False), squared=True)
    weights = np.minimum(n_neighbors, 1 + np.arange(n_samples, dtype=float))
    weights /= n_neighbors * (1 + np.arange(n_samples))
    per_block = max(1, BLOCK_SIZE // max(n_samples, 1))
    for block in gen_batches(tests.shape[0], per_block):
        rows = tests[block]
        squares = _squared_distances(X, norms, rows)
        if radius is not None:
            for t, distances in zip(rows, squares, strict=True):
                near = distances <= radius * radius
                near[t] = False
                near = np.flatnonzero(near)
                sums[near] += values_within_radius(y[near] == y[t], n_classes)
            continue
        keys = _packed(squares, rows)
        del squares
        keys.sort(axis=1)
        for t, sorted_keys in zip(rows, keys, strict=True):
            # The row itself has the largest key.
            order = (sorted_keys[:-1] & POSITIONS).astype(np.intp)
            if n_classes is None:
                sums[order] += values_for_response(y[order], y[t], n_neighbors)
            else:
                distances = sorted_keys[:-1] >> LOW_BITS
                sums[order] += values_for_label(y[order] == y[t], distances, weights)
    counts = np.full(n_samples, float(tests.shape[0]))
    counts[tests] -= 1
    return sums / np.maximum(counts, 1)


def _squared_distances(X, norms, rows):
    """Return the squared distances of some rows to all, of shape (n_rows, n_samples).

    Those of equal rows are exactly 0.
    """
    tests = X[rows].astype(np.float64, copy=False)
    squares = np.empty((rows.shape[0], X.shape[0]))
    for part in gen_batches(X.shape[0], BATCH_SIZE):
        others = X[part].astype(np.float64, copy=False)
        squares[:, part] = safe_sparse_dot(tests, others.T, dense_output=True)
    squares *= -2
    squares += norms
    squares += norms[rows, np.newaxis]
    squares[squares <= ROUNDING * (norms + norms[rows, np.newaxis])] = 0
    return squares


def _packed(squares, rows):
    """Return squared distances and positions as whole numbers that sort alike."""
    with np.errstate(over="ignore", under="ignore"):
        bits = squares.astype(np.float32).view(np.uint32)
    bits[np.arange(rows.shape[0]), rows] = LAST
    keys = bits.astype(np.uint64)
    keys <<= LOW_BITS
    keys |= np.arange(squares.shape[1], dtype=np.uint64)
    return keys


def values_for_label(matches, distances, weights):
    """Compute the values of sorted rows for one row with a label.

    Parameters
    ----------
    matches : ndarray of shape (n_rows,) of bool
        Whether they have the label.
    distances : ndarray of shape (n_rows,)
        How far they are, rising; equal numbers are ties.
    weights : ndarray of shape (n_rows,) or longer
        The weights of the places.

    Returns
    -------
    values : ndarray of shape (n_rows,)
    """
    n_rows = matches.shape[0]
    if not n_rows:
        return np.zeros(0)
    weights = weights[:n_rows]
    changes = np.flatnonzero(distances[1:] != distances[:-1])
    if changes.shape[0] == n_rows - 1:
        steps = weights * matches
        steps[:-1] -= weights[:-1] * matches[1:]
        return np.cumsum(steps[::-1])[::-1]
    first = np.append(0, changes + 1)
    last = np.append(changes, n_rows - 1)
    sizes = last - first + 1
    counts = np.add.reduceat(matches, first, dtype=float)
    means = np.add.reduceat(weights, first) / sizes
    before = np.append(0.0, weights[last[:-1]])
    steps = counts / sizes * (weights[last] - before)
    behind = np.append(np.cumsum(steps[:0:-1])[::-1], 0.0)
    pull = (weights[last] - means) / np.maximum(sizes - 1, 1)
    # The group of each row, and what rows with the label and without it have in it.
    without, own = counts * pull + behind, means - pull
    return np.repeat(without, sizes) + matches * np.repeat(own, sizes)


def values_for_response(responses, response, n_neighbors):
    """Compute the values of sorted rows for one row with a response.

    Parameters
    ----------
    responses : ndarray of shape (n_rows,)
        The responses of the rows, the nearest first.
    response : float
        That of the row to be predicted.
    n_neighbors : int
        Number of neighbours that predict.

    Returns
    -------
    values : ndarray of shape (n_rows,)
    """
    n_rows, K = responses.shape[0], float(n_neighbors)
    if not n_rows:
        return np.zeros(0)
    whole = responses[:n_neighbors].sum() / K
    worth = response**2 - (whole - response) ** 2
    i = 1.0 + np.arange(n_rows - 1)
    least = np.minimum(K, i)
    before = np.cumsum(responses)[:-1] - responses[:-1]
    # The first place has no rows before it.
    inner = before * (least - 1) / np.maximum(i - 1, 1)
    inner += responses[:-1] + responses[1:]
    far = 1.0 + np.arange(2, n_rows)  # the places from the third on
    terms = np.minimum(K, far - 1) * np.minimum(K - 1, far - 2)
    terms *= responses[2:] / ((far - 1) * (far - 2))
    behind = np.append(np.cumsum(terms[::-1])[::-1], 0.0)[: n_rows - 1]
    inner += behind * i / least
    differences = (responses[1:] - responses[:-1]) / K * least / i
    differences *= inner / K - 2 * response
    # s_i is s_N plus the differences from i on; the constant makes them add up.
    values = np.append(np.cumsum(differences[::-1])[::-1], 0.0)
    return values + (worth - values.sum()) / n_rows


def values_within_radius(matches, n_classes):
    """Compute the values of the rows within a radius for one row with a label.

    Parameters
    ----------
    matches : ndarray of shape (n_rows,) of bool
        Whether they have the label.
    n_classes : int
        Number of classes.

    Returns
    -------
    values : ndarray of shape (n_rows,)
    """
    m = matches.shape[0]
    harmonic = (1 / (1.0 + np.arange(m))).sum()
    others = (matches.sum() - matches) / max(m - 1, 1)
    rest = (matches - others) * (harmonic - 1)
    return (matches - 1 / n_classes + rest) / max(m, 1)
