"""Plot of the scores that a defence gives to training rows."""

import numpy as np
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.validation import check_is_fitted

from skpoison.utils._display import BaseDisplay

# Blue and vermilion of the palette of Okabe and Ito, which the colour-blind can tell.
CLEAN, POISON = "#0072b2", "#d55e00"


class SampleScoresDisplay(BaseDisplay):
    """Scores of training rows, with the threshold of the defence.

    Each class has a column, in which its rows stand from left to right in the order of
    the training set. Rows above the line are suspicious. For regression there is one
    column. Rows of weight 0 have no score and are not drawn.

    Use :meth:`from_estimator` to draw the scores of a fitted defence.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,)
        The scores; higher is more suspicious.
    threshold : float or ndarray of shape (n_classes,)
        Score from which on a row, or a row of each class, is suspicious.
    y : ndarray of shape (n_samples,), default=None
        The labels of the rows. None: all rows are in one column.
    poison_mask : ndarray of shape (n_samples,) of bool, default=None
        Which rows are poisoned. None: not known.
    name : str, default=None
        Name of the defence, for the vertical axis.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the scores.
    figure_ : matplotlib Figure
        Figure with the scores.
    points_ : list of matplotlib PathCollection
        The rows: all of them, or the clean and the poisoned ones.
    threshold_lines_ : matplotlib LineCollection
        The thresholds. An infinite threshold has no line.

    See Also
    --------
    skpoison.base.BaseRowFilter : Base class of the defences that score rows.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skpoison.attacks import RandomLabelFlip
    >>> from skpoison.defences import KNNSanitizedClassifier
    >>> from skpoison.inspection import SampleScoresDisplay
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> attack = RandomLabelFlip(random_state=0)
    >>> X_poisoned, y_poisoned = attack.fit_resample(X, y)
    >>> defence = KNNSanitizedClassifier(DecisionTreeClassifier())
    >>> defence = defence.fit(X_poisoned, y_poisoned)
    >>> display = SampleScoresDisplay.from_estimator(defence, attack.poison_mask_)
    >>> [text.get_text() for text in display.ax_.get_legend().get_texts()]
    ['clean', 'poison', 'threshold']
    """

    def __init__(self, *, scores, threshold, y=None, poison_mask=None, name=None):
        self.scores = scores
        self.threshold = threshold
        self.y = y
        self.poison_mask = poison_mask
        self.name = name

    def plot(self, ax=None):
        """Draw the scores.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        display : SampleScoresDisplay
            With `ax_`, `figure_`, `points_` and `threshold_lines_` set.

        Raises
        ------
        ValueError
            If `poison_mask` or `y` does not have an entry for each row, or `threshold`
            for each class.
        """
        scores = np.asarray(self.scores, dtype=float)
        groups = {"row": np.ones(scores.shape[0], dtype=bool)}
        colors = {"row": CLEAN}
        if self.poison_mask is not None:
            poisoned = self._checked_mask(scores)
            groups = {"clean": ~poisoned, "poison": poisoned}
            colors = {"clean": CLEAN, "poison": POISON}
        classes, codes = [""], np.zeros(scores.shape[0], dtype=int)
        present = ~np.isnan(scores)
        if self.y is not None:
            y = column_or_1d(self.y)
            check_consistent_length(scores, y)
            classes = np.unique(y[present])
            codes = np.searchsorted(classes, y).clip(max=classes.shape[0] - 1)
        ax = self._prepare_axes(ax)
        places = _places(codes, present)
        heights = _within_view(scores)
        self.points_ = [
            ax.scatter(
                places[rows & present],
                heights[rows & present],
                s=12,
                alpha=0.6,
                linewidths=0,
                color=colors[name],
                label=name,
            )
            for name, rows in groups.items()
        ]
        thresholds = self._checked_thresholds(len(classes))
        columns = np.flatnonzero(np.isfinite(thresholds))
        self.threshold_lines_ = ax.hlines(
            thresholds[columns],
            columns - 0.45,
            columns + 0.45,
            colors="black",
            linestyles="dashed",
            label="threshold",
        )
        self._label_axes(classes)
        return self

    def _checked_mask(self, scores):
        """Return the mask of poisoned rows, or raise if it is not one of these rows."""
        mask = np.asarray(self.poison_mask)
        if mask.shape != scores.shape or mask.dtype != bool:
            raise ValueError(
                "poison_mask must be a boolean mask over the rows that the defence was "
                f"fitted on, of shape {scores.shape}; got shape {mask.shape} and dtype "
                f"{mask.dtype}."
            )
        return mask

    def _checked_thresholds(self, n_classes):
        """Return a threshold for each class."""
        if np.shape(self.threshold) not in ((), (n_classes,)):
            raise ValueError(
                f"threshold must be a number, or hold one for each of the {n_classes} "
                f"classes of the rows with a score; got {self.threshold!r}."
            )
        return np.broadcast_to(self.threshold, n_classes)

    def _label_axes(self, classes):
        ax = self.ax_
        if self.y is None:
            ax.set_xticks([])
            ax.set_xlabel("Row")
        else:
            ax.set_xticks(np.arange(len(classes)), [str(label) for label in classes])
            ax.set_xlabel("Class (rows in order within each class)")
        ax.set_ylabel(f"Score by {self.name}" if self.name else "Score")
        # Above the axes: rows can be anywhere in them.
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False)

    @classmethod
    def from_estimator(cls, estimator, poison_mask=None, *, ax=None, name=None):
        """Draw the scores of a fitted defence.

        Parameters
        ----------
        estimator : estimator
            A fitted defence with `sample_scores_` and `threshold_`.
        poison_mask : array-like of shape (n_samples,) of bool, default=None
            Which of the rows that it was fitted on are poisoned, for example the
            `poison_mask_` of an attack. None: not known.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.
        name : str, default=None
            Name of the defence, for the vertical axis. None: that of its class.

        Returns
        -------
        display : SampleScoresDisplay

        Raises
        ------
        ValueError
            If the estimator does not score rows, or if `poison_mask` does not have an
            entry for each row.
        """
        check_is_fitted(estimator)
        if not hasattr(estimator, "sample_scores_"):
            raise ValueError(
                "estimator must be a defence that scores rows, with sample_scores_; "
                f"got {estimator!r}. Of a Pipeline, give the step."
            )
        codes = getattr(estimator, "_row_codes", None)
        y = None
        if hasattr(estimator, "classes_") and codes is not None:
            y = estimator.classes_[codes]
        return cls(
            scores=estimator.sample_scores_,
            threshold=estimator.threshold_,
            y=y,
            poison_mask=poison_mask,
            name=type(estimator).__name__ if name is None else name,
        ).plot(ax)


def _places(codes, present):
    """Return horizontal places: rows of a class in their order, around its number."""
    places = codes.astype(float)
    for code in np.unique(codes):
        rows = np.flatnonzero((codes == code) & present)
        places[rows] += np.linspace(-0.4, 0.4, rows.shape[0]) if rows.size > 1 else 0
    return places


def _within_view(scores):
    """Return the scores, infinite ones a little beyond the finite ones."""
    finite = scores[np.isfinite(scores)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
    margin = 0.05 * (high - low) or 1.0
    return np.clip(scores, low - margin, high + margin)
