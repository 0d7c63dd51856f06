r"""Trimmed fits by concentration steps.

A trimmed fit minimises the mean loss of the rows that fit best. With weights
:math:`w_i` and losses :math:`\ell_i(\theta)`, it is

.. math::

    L_c(\theta) = \frac{\sum_{i \in S(\theta)} w_i \ell_i(\theta)}
        {\sum_{i \in S(\theta)} w_i} ,

where :math:`S(\theta)` are the first rows in the order of their losses whose weights
add up to a share :math:`1 - c` of all.

A concentration step finds :math:`S` for the present :math:`\theta`, and fits
:math:`\theta` anew to these rows. Neither half of it raises the loss of rows of equal
weights if the estimator minimises the losses themselves; a step that raises it all the
same, of an estimator with a penalty for instance, is not taken. So the trimmed loss
falls from step to step, and since there are finitely many subsets of the rows, it
stops. It is a local minimum: several starts are tried.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skpoison.defences._reference_rows import sample_rows
from skpoison.defences._refits import Refits

# Concentration steps of each start before the best start is chosen, as in FAST-LTS
# (Rousseeuw and Van Driessen 2006).
FIRST_STEPS = 2
ROUNDING = 1e-12


@dataclass(frozen=True)
class TrimmedFit:
    """A model, and the rows that it was fitted to.

    Parameters
    ----------
    model : estimator or LinearFit
        The model.
    losses : ndarray of shape (n_samples,)
        The losses of all rows.
    rows : ndarray of shape (n_fitted,) of int
        Positions of the rows that it was fitted to.
    path : tuple of float
        The trimmed loss of this model, after those of the models before it: it falls.
    is_settled : bool, default=False
        Whether another step would not lower the trimmed loss.
    """

    model: Any
    losses: np.ndarray
    rows: np.ndarray
    path: tuple[float, ...]
    is_settled: bool = False


@dataclass(frozen=True)
class Trimming:
    """Concentration steps on given rows.

    Parameters
    ----------
    refits : Refits
        Fits models to some of the rows.
    weights : ndarray of shape (n_samples,)
        The weights of the rows.
    kept : ndarray of shape (n_samples,) of bool
        Rows that always count, such as trusted ones: their losses are part of the
        trimmed loss.
    movable : ndarray of shape (n_samples,) of bool
        Rows that count or not. Shares are shares of these. A row that is in neither
        mask never counts.
    groups : ndarray of shape (n_samples,) of int
        Each group loses the same share of its own rows.
    """

    refits: Refits
    weights: np.ndarray
    kept: np.ndarray
    movable: np.ndarray
    groups: np.ndarray

    def thresholds(self, losses: np.ndarray, share: float) -> np.ndarray:
        """Return the loss of each group from which on rows are left out.

        Rows that are as good as the last one that counts stay as well.

        Parameters
        ----------
        losses : ndarray of shape (n_samples,)
            The losses.
        share : float
            The share of each group that is left out.

        Returns
        -------
        thresholds : ndarray of shape (n_groups,)
            Infinite if nothing is left out.
        """
        thresholds = []
        for group in range(self.groups.max() + 1):
            rows = np.flatnonzero((self.groups == group) & self.movable)
            weights = self.weights[rows]
            limit = (1 - share) * weights.sum()
            thresholds.append(threshold_that_keeps(losses[rows], weights, limit))
        return np.array(thresholds)

    def select(self, losses: np.ndarray, share: float) -> np.ndarray:
        """Return the positions of the rows that count.

        Parameters
        ----------
        losses : ndarray of shape (n_samples,)
            The losses.
        share : float
            The share of each group that is left out.

        Returns
        -------
        rows : ndarray of shape (n_counting,) of int
        """
        return self._below(losses, self.thresholds(losses, share))

    def trimmed_loss(self, losses: np.ndarray, share: float) -> float:
        """Compute the mean loss of the rows that count.

        Parameters
        ----------
        losses : ndarray of shape (n_samples,)
            The losses.
        share : float
            The share of each group that is left out.

        Returns
        -------
        loss : float
        """
        total = self.weights[self.kept] @ losses[self.kept]
        weight = self.weights[self.kept].sum()
        for group in range(self.groups.max() + 1):
            rows = np.flatnonzero((self.groups == group) & self.movable)
            if rows.size:
                limit = (1 - share) * self.weights[rows].sum()
                rows = rows[first_rows(losses[rows], self.weights[rows], limit)]
                total += self.weights[rows] @ losses[rows]
                weight += self.weights[rows].sum()
        return float(total / weight)

    def starts(
        self, n_starts: int, size: int, random_state: np.random.RandomState
    ) -> list[np.ndarray]:
        """Return rows to start from.

        Parameters
        ----------
        n_starts : int
            Number of starts.
        size : int
            Number of rows of a random start.
        random_state : RandomState instance
            Draws them.

        Returns
        -------
        starts : list of ndarray of int
            First all rows; then those that always count, if each group is among them;
            then random ones, of each group at least one and otherwise as many as its
            share. Few rows are more often free of poison than many.
        """
        rows = np.flatnonzero(self.kept | self.movable)
        starts = [rows]
        if np.isin(self.groups, self.groups[self.kept]).all():
            starts.append(np.flatnonzero(self.kept))
        while len(starts) < n_starts:
            drawn = rows[sample_rows(self.groups[rows], size, random_state)]
            lone = np.setdiff1d(self.groups[rows], self.groups[drawn])
            more = [random_state.choice(rows[self.groups[rows] == g]) for g in lone]
            starts.append(np.sort(np.append(drawn, more).astype(int)))
        return starts[:n_starts]

    def start(self, rows: np.ndarray, share: float) -> TrimmedFit:
        """Fit a model to some rows.

        Parameters
        ----------
        rows : ndarray of shape (n_rows,) of int
            Positions of the rows.
        share : float
            The share of each group that is left out.

        Returns
        -------
        fitted : TrimmedFit
        """
        return self._start_each([rows], share)[0]

    def _start_each(self, subsets: list[np.ndarray], share: float) -> list[TrimmedFit]:
        """Fit a model to each of several subsets of the rows."""
        fits = []
        for model, rows in zip(self.refits.fit_each(subsets), subsets, strict=True):
            losses = self.refits.losses(model)
            path = (self.trimmed_loss(losses, share),)
            fits.append(TrimmedFit(model, losses, rows, path))
        return fits

    def concentrate(
        self, fitted: TrimmedFit, share: float, max_steps: int
    ) -> TrimmedFit:
        """Take concentration steps for as long as they lower the trimmed loss.

        Parameters
        ----------
        fitted : TrimmedFit
            Where to start from.
        share : float
            The share of each group that is left out.
        max_steps : int
            Largest number of steps.

        Returns
        -------
        fitted : TrimmedFit
        """
        return self._concentrate_each([fitted], share, max_steps)[0]

    def _concentrate_each(
        self, fits: list[TrimmedFit], share: float, max_steps: int
    ) -> list[TrimmedFit]:
        """Take the concentration steps of several fits together."""
        fits = list(fits)
        for _ in range(max_steps):
            subsets = {}
            for i, fitted in enumerate(fits):
                if fitted.is_settled:
                    continue
                rows = self.select(fitted.losses, share)
                if np.array_equal(rows, fitted.rows):
                    fits[i] = _settled(fitted)
                else:
                    subsets[i] = rows
            if not subsets:
                break
            steps = self._start_each(list(subsets.values()), share)
            for i, step in zip(subsets, steps, strict=True):
                if step.path[0] >= fits[i].path[-1]:
                    fits[i] = _settled(fits[i])
                else:
                    fits[i] = replace(step, path=fits[i].path + step.path)
        return fits

    def best(
        self, starts: list[np.ndarray], share: float, max_steps: int
    ) -> TrimmedFit:
        """Return the best of the trimmed fits from several starts.

        Parameters
        ----------
        starts : list of ndarray of int
            Positions of rows to fit first models to.
        share : float
            The share of each group that is left out.
        max_steps : int
            Largest number of steps of the best start.

        Returns
        -------
        fitted : TrimmedFit
        """
        first = min(FIRST_STEPS, max_steps)
        n_together, best = self.refits.n_together, []
        for begin in range(0, len(starts), n_together):
            fits = self._start_each(starts[begin : begin + n_together], share)
            fits = best + self._concentrate_each(fits, share, first)
            best = [min(fits, key=lambda each: each.path[-1])]
        return self.concentrate(best[0], share, max_steps - first)

    def at_share(self, fitted: TrimmedFit, share: float, max_steps: int) -> TrimmedFit:
        """Go on from a trimmed fit with another share.

        Parameters
        ----------
        fitted : TrimmedFit
            The trimmed fit.
        share : float
            The share of each group that is left out.
        max_steps : int
            Largest number of steps.

        Returns
        -------
        fitted : TrimmedFit
        """
        loss = self.trimmed_loss(fitted.losses, share)
        again = TrimmedFit(fitted.model, fitted.losses, fitted.rows, (loss,))
        return self.concentrate(again, share, max_steps)

    def reweight(
        self, fitted: TrimmedFit, limits: Callable, max_steps: int
    ) -> tuple[TrimmedFit, np.ndarray]:
        """Take back rows whose loss is not large, and fit anew, until nothing changes.

        Parameters
        ----------
        fitted : TrimmedFit
            A trimmed fit.
        limits : callable
            Takes the losses, and returns the loss of each group from which on rows are
            left out.
        max_steps : int
            Largest number of fits.

        Returns
        -------
        fitted : TrimmedFit
            The last model. Its path is that of the trimmed fit.
        thresholds : ndarray of shape (n_groups,)
            What `limits` returns for its losses.
        """
        thresholds = limits(fitted.losses)
        for _ in range(max_steps):
            rows = self._below(fitted.losses, thresholds)
            if np.array_equal(rows, fitted.rows):
                return _settled(fitted), thresholds
            model = self.refits.fit(rows)
            losses = self.refits.losses(model)
            fitted = TrimmedFit(model, losses, rows, fitted.path)
            thresholds = limits(fitted.losses)
        return fitted, thresholds

    def _below(self, losses: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
        """Return the rows below thresholds, and all rows of a group without any."""
        counts = (losses < thresholds[self.groups]) & self.movable | self.kept
        n_counting = np.bincount(self.groups[counts], minlength=thresholds.shape[0])
        if not n_counting.all():
            counts = counts | (n_counting == 0)[self.groups] & self.movable
        return np.flatnonzero(counts)


def threshold_that_keeps(
    values: np.ndarray, weights: np.ndarray, limit: float
) -> float:
    """Return the value from which on rows are left out so that enough are kept.

    Rows that are as good as the last one that is kept are kept as well.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        The values; rows with the lowest are kept.
    weights : ndarray of shape (n_samples,)
        The weights of the rows.
    limit : float
        The least sum of weights that is kept. One row is always kept.

    Returns
    -------
    threshold : float
        Infinite if nothing is left out.
    """
    if not values.size:
        return np.inf
    last = values[first_rows(values, weights, limit)[-1]]
    return np.nextafter(last, np.inf) if last < values.max() else np.inf


def first_rows(values: np.ndarray, weights: np.ndarray, limit: float) -> np.ndarray:
    """Return the rows of the lowest values whose weights reach a limit.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        The values.
    weights : ndarray of shape (n_samples,)
        The weights of the rows.
    limit : float
        The least sum of weights.

    Returns
    -------
    rows : ndarray of shape (n_first,) of int
        In the order of their values; one at least.
    """
    order = np.argsort(values, kind="stable")
    ends = np.cumsum(weights[order])
    # Rounding must not add one more row.
    position = np.searchsorted(ends, limit - ROUNDING * ends[-1])
    return order[: position + 1]


def _settled(fitted: TrimmedFit) -> TrimmedFit:
    return replace(fitted, is_settled=True)
