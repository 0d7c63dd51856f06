"""Plot of a robustness curve."""

import numpy as np

from skpoison.model_selection._curve import robustness_curve
from skpoison.utils._display import BaseDisplay
from skpoison.utils._optional import import_optional


class RobustnessCurveDisplay(BaseDisplay):
    """Robustness curve: a score against the budget of an attack.

    Use :meth:`from_estimator` to compute the curve and draw it. To draw several
    estimators in the same axes, pass ``ax=display.ax_``.

    Parameters
    ----------
    budgets : ndarray of shape (n_budgets,)
        The budgets: shares of the training rows (floats) or numbers of rows (ints).
    train_scores : ndarray of shape (n_budgets, n_folds)
        Scores on training rows, before the attack.
    test_scores : ndarray of shape (n_budgets, n_folds)
        Scores on test rows.
    name : str, default=None
        Name of the estimator, for the legend.
    score_name : str, default=None
        Name of the score, for the vertical axis.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curve.
    figure_ : matplotlib Figure
        Figure with the curve.
    lines_ : list of matplotlib Lines
        The curves of mean scores.
    fill_between_ : list of matplotlib collections, or None
        Bands of a standard deviation around the curves.

    See Also
    --------
    robustness_curve : Computes what is drawn here.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skpoison.attacks import RandomLabelFlip
    >>> from skpoison.defences import KNNSanitizedClassifier
    >>> from skpoison.model_selection import RobustnessCurveDisplay
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> tree = DecisionTreeClassifier(random_state=0)
    >>> attack = RandomLabelFlip(random_state=0)
    >>> display = RobustnessCurveDisplay.from_estimator(tree, X, y, attack=attack)
    >>> defended = KNNSanitizedClassifier(tree)
    >>> display = RobustnessCurveDisplay.from_estimator(
    ...     defended, X, y, attack=attack, ax=display.ax_
    ... )
    >>> [text.get_text() for text in display.ax_.get_legend().get_texts()]
    ['DecisionTreeClassifier', 'KNNSanitizedClassifier']
    """

    def __init__(
        self, *, budgets, train_scores, test_scores, name=None, score_name=None
    ):
        self.budgets = budgets
        self.train_scores = train_scores
        self.test_scores = test_scores
        self.name = name
        self.score_name = score_name

    def plot(
        self,
        ax=None,
        *,
        name=None,
        score_name=None,
        negate_score=False,
        score_type="test",
        std_display_style="fill_between",
        line_kw=None,
        fill_between_kw=None,
    ):
        """Draw the curve.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in. None makes a new figure.
        name : str, default=None
            Name in the legend. None: the one passed to the constructor.
        score_name : str, default=None
            Name of the vertical axis. None: the one passed to the constructor.
        negate_score : bool, default=False
            Draw the negative of the scores, for metrics such as "neg_log_loss".
        score_type : {"test", "train", "both"}, default="test"
            Which scores to draw.
        std_display_style : {"fill_between", None}, default="fill_between"
            How the standard deviation over the folds is shown; None hides it.
        line_kw : dict, default=None
            Passed on to matplotlib's `plot`.
        fill_between_kw : dict, default=None
            Passed on to matplotlib's `fill_between`.

        Returns
        -------
        display : RobustnessCurveDisplay
            With `ax_`, `figure_`, `lines_` and `fill_between_` set.

        Raises
        ------
        ValueError
            If `score_type` or `std_display_style` is not one of the values above.
        """
        parts = {"test": ("test",), "train": ("train",), "both": ("train", "test")}
        if score_type not in parts:
            raise ValueError(
                f"score_type must be one of {sorted(parts)}; got {score_type!r}."
            )
        if std_display_style not in ("fill_between", None):
            raise ValueError(
                "std_display_style must be 'fill_between' or None; got "
                f"{std_display_style!r}."
            )
        ax = self._prepare_axes(ax)
        name = self.name if name is None else name
        score_name = self.score_name if score_name is None else score_name
        sign = -1 if negate_score else 1
        order = np.argsort(self.budgets)
        budgets = np.asarray(self.budgets)[order]

        self.lines_, self.fill_between_ = [], []
        for part in parts[score_type]:
            scores = sign * getattr(self, f"{part}_scores")[order]
            mean, std = scores.mean(axis=1), scores.std(axis=1)
            labels = [name] if score_type == "test" else [name, part]
            label = ", ".join(word for word in labels if word) or None
            style = {"label": label, "marker": "o", "markersize": 4, **(line_kw or {})}
            (line,) = ax.plot(budgets, mean, **style)
            self.lines_.append(line)
            if std_display_style is not None:
                band = {"alpha": 0.2, "color": line.get_color(), "linewidth": 0}
                band |= fill_between_kw or {}
                self.fill_between_.append(
                    ax.fill_between(budgets, mean - std, mean + std, **band)
                )
        if std_display_style is None:
            self.fill_between_ = None

        unit = "rows (n_p)"
        if budgets.dtype.kind == "f":
            unit = "share of the clean training rows (n_p / n)"
        ax.set_xlabel(f"Poison, {unit}")
        ax.set_ylabel(score_name or "Score")
        if ax.get_legend_handles_labels()[1]:
            ax.legend()
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        attack,
        budgets=None,
        cv=None,
        scoring=None,
        n_jobs=None,
        pre_dispatch="2*n_jobs",
        verbose=0,
        error_score=np.nan,
        params=None,
        ax=None,
        name=None,
        score_name=None,
        negate_score=False,
        score_type="test",
        std_display_style="fill_between",
        line_kw=None,
        fill_between_kw=None,
    ):
        """Compute a robustness curve and draw it.

        Parameters
        ----------
        estimator : estimator
            The victim: a plain estimator, a defence around one, a Pipeline.
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,)
            Their labels.
        attack : sampler or CraftedPoison
            The attack; its `budget` is set to each of `budgets` in turn. Or crafted
            poison.
        budgets : array-like of shape (n_budgets,), default=None
            Budgets: shares of the training rows (floats) or numbers of rows (ints).
            None: 0, 0.05, 0.1, 0.15 and 0.2.
        cv : int, cross-validation generator or iterable, default=None
            How folds are made.
        scoring : str or callable, default=None
            The score: one metric.
        n_jobs : int, default=None
            Number of jobs, over folds and budgets together.
        pre_dispatch : int or str, default="2*n_jobs"
            Number of jobs dispatched ahead.
        verbose : int, default=0
            Verbosity of joblib.
        error_score : "raise" or numeric, default=np.nan
            Score if a fit fails; "raise" raises the error.
        params : dict, default=None
            Row metadata and other parameters of `fit`, as in
            :func:`robustness_curve`.
        ax : matplotlib Axes, default=None
            Axes to draw in. None makes a new figure.
        name : str, default=None
            Name in the legend. None: the name of the estimator's class.
        score_name : str, default=None
            Name of the vertical axis. None: that of `scoring`.
        negate_score : bool, default=False
            Draw the negative of the scores, for metrics such as "neg_log_loss".
        score_type : {"test", "train", "both"}, default="test"
            Which scores to draw.
        std_display_style : {"fill_between", None}, default="fill_between"
            How the standard deviation over the folds is shown; None hides it.
        line_kw : dict, default=None
            Passed on to matplotlib's `plot`.
        fill_between_kw : dict, default=None
            Passed on to matplotlib's `fill_between`.

        Returns
        -------
        display : RobustnessCurveDisplay
        """
        import_optional("matplotlib", extra="plot", user=cls.__name__)
        curve = robustness_curve(
            estimator,
            X,
            y,
            attack=attack,
            budgets=budgets,
            cv=cv,
            scoring=scoring,
            n_jobs=n_jobs,
            pre_dispatch=pre_dispatch,
            verbose=verbose,
            error_score=error_score,
            params=params,
        )
        if isinstance(curve.test_scores, dict):
            raise ValueError(
                f"scoring must be one metric for a display; got {scoring!r}. Compute "
                "several by robustness_curve and make a display for each."
            )
        if score_name is None and isinstance(scoring, str):
            score_name = scoring.removeprefix("neg_" if negate_score else "")
            score_name = score_name.replace("_", " ").capitalize()
        return cls(
            **curve,
            name=type(estimator).__name__ if name is None else name,
            score_name=score_name,
        ).plot(
            ax,
            negate_score=negate_score,
            score_type=score_type,
            std_display_style=std_display_style,
            line_kw=line_kw,
            fill_between_kw=fill_between_kw,
        )


def draw_report(curves, *, baseline, score_name, crafted_for, figure=None):
    """Draw the curves of a report, one axis for each attack.

    Parameters
    ----------
    curves : dict of (str, str) to Bunch
        What `robustness_curve` returns for each attack and estimator.
    baseline : str
        Name of the undefended estimator. It is black.
    score_name : str
        Name of the score.
    crafted_for : dict of str to str
        For each attack the estimator that its poison is crafted for, if that is not the
        baseline.
    figure : matplotlib Figure, default=None
        The figure to draw in. None makes a new one.

    Returns
    -------
    figure : matplotlib Figure
    """
    attacks = list(dict.fromkeys(attack for attack, _ in curves))
    if figure is None:
        pyplot = import_optional(
            "matplotlib.pyplot", extra="plot", user="RobustnessReport.plot"
        )
        size = 1 + 4.5 * len(attacks), 4.2
        figure = pyplot.figure(figsize=size, layout="constrained")
    axes = figure.subplots(1, len(attacks), sharey=True, squeeze=False)[0]
    axes = dict(zip(attacks, axes, strict=True))
    score_name = score_name.replace("_", " ").capitalize()
    for (attack, name), curve in curves.items():
        RobustnessCurveDisplay(**curve, name=name, score_name=score_name).plot(
            axes[attack], line_kw={"color": "black"} if name == baseline else None
        )
    for attack, ax in axes.items():
        note = crafted_for[attack]
        ax.set_title(f"{attack}\ncrafted for {note}" if note else attack)
        ax.label_outer()
        ax.grid(alpha=0.3)
        if ax is not axes[attacks[0]]:
            ax.get_legend().remove()
    return figure
