"""Plot of a prequential curve."""

import numpy as np

from skpoison.model_selection._prequential import prequential_curve, running_mean
from skpoison.utils._display import BaseDisplay


class PrequentialCurveDisplay(BaseDisplay):
    """Prequential curve: a running score of a learner over a stream.

    Use :meth:`from_estimator` to compute the curve and draw it. To draw several
    learners in the same axes, pass ``ax=display.ax_``.

    Parameters
    ----------
    running_scores : ndarray of shape (n_batches,)
        The running score after each batch.
    n_rows : ndarray of shape (n_batches,)
        The number of genuine rows of each batch.
    n_poison : ndarray of shape (n_batches,), default=None
        The number of poison rows of each batch.
    rejected : ndarray of shape (n_batches,), default=None
        The share of genuine rows of each batch that a defence finds suspicious.
    weights : ndarray of shape (n_batches, n_estimators), default=None
        The weights of the learners of a combination after each batch.
    weight_names : list of str, default=None
        The names of these learners. None: they are numbered.
    no_change_scores : ndarray of shape (n_batches,), default=None
        Scores of the no-change classifier, whose mean is drawn.
    name : str, default=None
        Name of the learner, for the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curve.
    figure_ : matplotlib Figure
        Figure with the curve.
    lines_ : list of matplotlib Lines
        The curve, and the line of the no-change classifier, if there is one.
    share_lines_ : list of matplotlib Lines
        The share rejected and the weights, if they are drawn.
    poison_ : matplotlib collection or None
        Ticks where poison came.

    See Also
    --------
    prequential_curve : Computes what is drawn here.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skpoison.model_selection import PrequentialCurveDisplay
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> display = PrequentialCurveDisplay.from_estimator(GaussianNB(), X, y)
    >>> [text.get_text() for text in display.ax_.get_legend().get_texts()]
    ['GaussianNB', 'no change']
    """

    def __init__(
        self,
        *,
        running_scores,
        n_rows,
        n_poison=None,
        rejected=None,
        weights=None,
        weight_names=None,
        no_change_scores=None,
        name=None,
    ):
        self.running_scores = running_scores
        self.n_rows = n_rows
        self.n_poison = n_poison
        self.rejected = rejected
        self.weights = weights
        self.weight_names = weight_names
        self.no_change_scores = no_change_scores
        self.name = name

    def plot(self, ax=None, *, name=None, no_change=True, shares=False, line_kw=None):
        """Draw the curve.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in. None makes a new figure.
        name : str, default=None
            Name in the legend. None: the one passed to the constructor.
        no_change : bool, default=True
            Whether to draw the mean score of the no-change classifier.
        shares : bool, default=False
            Whether to draw the share of genuine rows that a defence rejects, as a mean
            over the last twentieth of the stream, and the weights of the learners of a
            combination.
        line_kw : dict, default=None
            Passed on to matplotlib's `plot`.

        Returns
        -------
        display : PrequentialCurveDisplay
            With `ax_`, `figure_`, `lines_`, `share_lines_` and `poison_` set.
        """
        ax = self._prepare_axes(ax)
        rows = np.cumsum(self.n_rows)
        label = self.name if name is None else name
        style = {"label": label} | (line_kw or {})
        self.lines_ = ax.plot(rows, self.running_scores, **style)
        if no_change and self.no_change_scores is not None:
            mean = np.nanmean(self.no_change_scores)
            drawn = {line.get_label() for line in ax.get_lines()}
            label = None if "no change" in drawn else "no change"
            self.lines_.append(
                ax.axhline(mean, color="0.6", linestyle="--", label=label)
            )
        self.share_lines_ = self._draw_shares(ax, rows) if shares else []
        self.poison_ = None
        if self.n_poison is not None and np.any(self.n_poison):
            places = rows[np.asarray(self.n_poison) > 0]
            self.poison_ = ax.vlines(
                places, 0, 0.03, color="tab:red", transform=ax.get_xaxis_transform()
            )
        ax.set_xlabel("Genuine rows seen")
        ax.set_ylabel("Running score, share" if self.share_lines_ else "Running score")
        ax.legend()
        return self

    def _draw_shares(self, ax, rows):
        """Draw the share that is rejected, and the weights of learners."""
        lines = []
        if self.rejected is not None and np.nansum(self.rejected) > 0:
            window = max(1, len(rows) // 20)
            share = running_mean(self.rejected, self.n_rows, window, None)
            lines += ax.plot(rows, share, linestyle=":", label="rejected")
        if self.weights is not None:
            for i, each in enumerate(np.transpose(self.weights)):
                name = self.weight_names[i] if self.weight_names else i
                lines += ax.plot(rows, each, linewidth=0.8, label=f"weight {name}")
        return lines

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        ax=None,
        name=None,
        shares=False,
        line_kw=None,
        **params,
    ):
        """Compute the curve of a learner, and draw it.

        Parameters
        ----------
        estimator : estimator
            Has `partial_fit`.
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The rows in their order.
        y : array-like of shape (n_samples,)
            Their labels or responses.
        ax : matplotlib Axes, default=None
            Axes to draw in. None makes a new figure.
        name : str, default=None
            Name in the legend. None: the name of the class.
        shares : bool, default=False
            Whether to draw the share rejected and the weights of learners.
        line_kw : dict, default=None
            Passed on to matplotlib's `plot`.
        **params : dict
            Passed on to :func:`prequential_curve`: the attack and others.

        Returns
        -------
        display : PrequentialCurveDisplay
        """
        curve = prequential_curve(estimator, X, y, **params)
        display = cls(
            running_scores=curve.running_scores,
            n_rows=curve.n_rows,
            n_poison=curve.n_poison,
            rejected=curve.rejected,
            weights=curve.weights,
            weight_names=curve.weight_names,
            no_change_scores=curve.no_change_scores,
            name=type(estimator).__name__ if name is None else name,
        )
        return display.plot(ax, shares=shares, line_kw=line_kw)
