"""Plot of a transfer matrix."""

import numpy as np

from skpoison.utils._display import BaseDisplay

VALUES = {
    "score": "score",
    "loss": "loss of score by the poison",
    "alignment": "gradient alignment",
}


class TransferMatrixDisplay(BaseDisplay):
    """Transfer matrix: victims on poison that was crafted for other estimators.

    A row for each surrogate, after one for clean data; a column for each victim.

    Parameters
    ----------
    victims : list of str, of length n_victims
        The names of the victims.
    surrogates : list of str, of length n_surrogates
        The names of the surrogates.
    budget : float or int
        The budget: a share of the training rows (float) or a number of rows (int).
    clean_scores : ndarray of shape (n_victims, n_folds)
        Scores of each victim without poison.
    test_scores : ndarray of shape (n_surrogates, n_victims, n_folds)
        Scores of each victim on poison crafted for each surrogate.
    alignments : ndarray of shape (n_surrogates, n_victims, n_folds)
        Gradient alignments; NaN for pairs that have none.
    score_name : str, default=None
        Name of the score, for the colour bar.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the matrix.
    figure_ : matplotlib Figure
        Figure with the matrix.
    im_ : matplotlib AxesImage
        The coloured cells.
    text_ : ndarray of matplotlib Text, of the shape of the cells
        The numbers in the cells.

    See Also
    --------
    transfer_matrix : Computes what is drawn here.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression, RidgeClassifier
    >>> from sklearn.preprocessing import scale
    >>> from skpoison.attacks import MarginLabelFlip
    >>> from skpoison.model_selection import TransferMatrixDisplay, transfer_matrix
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> linear = {"logistic": LogisticRegression(), "ridge": RidgeClassifier()}
    >>> attack = MarginLabelFlip(random_state=0)
    >>> matrix = transfer_matrix(linear, linear, scale(X), y, attack=attack, cv=3)
    >>> display = TransferMatrixDisplay(**matrix, score_name="Accuracy").plot()
    >>> [label.get_text() for label in display.ax_.get_yticklabels()]
    ['clean data', 'logistic', 'ridge']
    """

    def __init__(
        self,
        *,
        victims,
        surrogates,
        budget,
        clean_scores,
        test_scores,
        alignments,
        score_name=None,
    ):
        self.victims = victims
        self.surrogates = surrogates
        self.budget = budget
        self.clean_scores = clean_scores
        self.test_scores = test_scores
        self.alignments = alignments
        self.score_name = score_name

    def plot(
        self,
        ax=None,
        *,
        values="score",
        values_format=".2f",
        colorbar=True,
        im_kw=None,
        text_kw=None,
    ):
        """Draw the matrix.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in. None makes a new figure.
        values : {"score", "loss", "alignment"}, default="score"
            What the cells show, as a mean over the folds: the score; what the poison
            takes from the score on clean data; or the gradient alignment, with a dash
            for pairs that have none.
        values_format : str, default=".2f"
            How the numbers are written.
        colorbar : bool, default=True
            Whether there is a colour bar.
        im_kw : dict, default=None
            Passed on to matplotlib's `imshow`.
        text_kw : dict, default=None
            Passed on to matplotlib's `text`.

        Returns
        -------
        display : TransferMatrixDisplay
            With `ax_`, `figure_`, `im_` and `text_` set.

        Raises
        ------
        ValueError
            If `values` is not one of those above.
        """
        if values not in VALUES:
            raise ValueError(f"values must be one of {sorted(VALUES)}; got {values!r}.")
        ax = self._prepare_axes(ax)
        cells, rows = self._cells(values), list(self.surrogates)
        if values == "score":
            rows = ["clean data", *rows]
        # Strong poison is dark, whichever way the numbers run.
        style = {"cmap": "Blues_r" if values == "score" else "Blues", **(im_kw or {})}
        self.im_ = ax.imshow(cells, **style)
        self.text_ = np.empty(cells.shape, dtype=object)
        for place, value in np.ndenumerate(cells):
            *color, opacity = self.im_.cmap(self.im_.norm(value))
            # What is missing is transparent, on white.
            shade = opacity * np.dot(color, [0.3, 0.6, 0.1]) + 1 - opacity
            text = "–" if np.isnan(value) else format(value, values_format)
            font = {"ha": "center", "va": "center", **(text_kw or {})}
            font.setdefault("color", "black" if shade > 0.5 else "white")
            self.text_[place] = ax.text(*place[::-1], text, **font)
        ax.set_xticks(range(len(self.victims)), self.victims, rotation=30, ha="right")
        ax.set_yticks(range(len(rows)), rows)
        ax.set_xlabel("Victim")
        ax.set_ylabel("Poison crafted for")
        if colorbar:
            label = VALUES[values].replace("score", self.score_name or "score")
            self.figure_.colorbar(self.im_, ax=ax, label=label[:1].upper() + label[1:])
        return self

    def _cells(self, values):
        """Return the means over the folds."""
        if values == "alignment":
            return np.mean(self.alignments, axis=-1)
        clean, poisoned = self.clean_scores.mean(-1), self.test_scores.mean(-1)
        if values == "loss":
            return clean - poisoned
        return np.vstack([clean, poisoned])
