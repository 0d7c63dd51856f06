"""Robustness report: several attacks against several estimators."""

import os
from html import escape
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, _fit_context, is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.utils import indexable
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.validation import check_is_fitted

from skpoison.model_selection._arguments import (
    by_name,
    check_attack,
    check_budgets,
    check_same_task,
    check_settings,
    check_targets,
    check_victim,
    warn_of_empty_budgets,
)
from skpoison.model_selection._html import make_page, make_paragraph, make_section
from skpoison.model_selection._imbalance import (
    describe_defences,
    warn_of_rare_class,
)
from skpoison.model_selection._page import report_parts
from skpoison.model_selection._plot import draw_report
from skpoison.model_selection._report_columns import (
    check_columns,
    describe_columns,
    to_records,
    with_adaptive,
)
from skpoison.model_selection._report_sweep import Sweep, at_ends, knowing_defence
from skpoison.model_selection._row_metadata import route_params
from skpoison.model_selection._scoring import check_scoring_names
from skpoison.model_selection._store import open_store
from skpoison.model_selection._summary import format_html, format_text
from skpoison.model_selection._surrogates import inform
from skpoison.model_selection._threat_model import describe_threats
from skpoison.model_selection._workers import Steps, Workers
from skpoison.utils._optional import import_optional
from skpoison.utils._show_versions import describe_versions


class RobustnessReport(BaseEstimator):
    """Robustness curves of several estimators under several attacks.

    Each attack poisons the training rows of each fold once for each budget, and every
    estimator is fitted on that same poison and scored on the clean test rows.

    Parameters
    ----------
    estimators : estimator or dict of str to estimator
        The victims by name. The first one is the baseline: the undefended estimator,
        with which the others, usually defences around it, are compared.
    attacks : sampler or dict of str to sampler
        The attacks by name. Give them a `random_state` for a report that can be
        repeated. An attack with a surrogate that is given none takes the baseline, if
        it can: the attacker knows the estimator, but not the defence. For a search the
        poison is crafted once for each setting.
    learners : dict of str to estimator, default=None
        Victims that no attack is aimed at, by name: other learners, which poison may
        reach by transfer, or the baseline in a search, which tunes it on the poisoned
        rows. They are scored on clean data and with the largest budget.
    adaptive : sequence of str, default=()
        Names of attacks that are also crafted by attackers who know the defence: with
        each defence, in turn, as the surrogate, with the largest budget.
    budgets : array-like of shape (n_budgets,), default=None
        Budgets of the attacks: shares of the training rows of a fold (floats,
        n_p / n), or numbers of rows (ints). 0 is always added to them. None: 0, 0.05,
        0.1, 0.15 and 0.2.
    cv : int, cross-validation generator or iterable, default=None
        How folds are made, as in :func:`~sklearn.model_selection.cross_validate`.
    scoring : str or callable, default=None
        The score: one metric. None: the `score` method of the estimators.
    n_jobs : int, default=None
        Number of jobs, over folds and budgets together. Each job runs BLAS on one
        thread.
    callback : callable, default=None
        Called as ``callback(n_done, n_steps, attack_name, estimator_name)`` after each
        step, and before the first one of each curve; for example `print`, to see how
        far the report is. A step is an attack or a fit on one budget and fold. The
        name of the estimator is None while an attack is computed.
    folder : str or path-like, default=None
        Where poison and scores are kept as they come, as NPZ and JSON. A report that
        has been interrupted takes up from there what is done, if data, folds,
        parameters and versions are the same. It then gives the same scores as if it had
        not been interrupted, if everything random has a seed. None keeps nothing.
        What has been fitted before and is used as it is, functions and what they use
        count as well; attributes of classes do not, nor files that are read.

    Attributes
    ----------
    curves_ : dict of (str, str) to :class:`~sklearn.utils.Bunch`
        What :func:`robustness_curve` returns, for each pair of names of an attack and
        of an estimator.
    transfer_ : dict of (str, str) to :class:`~sklearn.utils.Bunch`
        The same for each attack and each of `learners`, with the budgets 0 and the
        largest one.
    adaptive_ : dict of (str, str) to :class:`~sklearn.utils.Bunch`
        The same for each attack named by `adaptive` and each defence, with the largest
        budget, crafted for this defence.
    baseline_ : str
        Name of the first estimator.
    score_name_ : str
        Name of the score.
    balanced_curves_ : dict of (str, str) to :class:`~sklearn.utils.Bunch`, or None
        The same curves of the balanced accuracy, if the score is accuracy and a class
        is rare.
    crafted_for_ : dict of str to str
        For each attack the estimator that its poison is crafted for, if that is not the
        baseline; otherwise an empty text.
    overruled_ : dict of str to dict
        For each defence that judges rows, which share of the clean training rows of
        each class it overrules, a mean over the folds.
    sampled_ : dict of str to tuple of int
        For each defence that compares the rows with a sample of them only, the number
        of rows of the sample and of the training rows of a fold.
    seconds_ : dict of (str, str or None) to float
        Seconds of computation, all jobs together: to craft the poison of each attack,
        ``attack, None``, and to fit and score, for each pair of names.

    See Also
    --------
    robustness_curve : One attack against one estimator.
    craft : The poison alone.

    Notes
    -----
    For a data file and estimators, attacks and defences by name there is a command:
    ``python -m skpoison --help``.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skpoison.attacks import RandomInsertion, RandomLabelFlip
    >>> from skpoison.defences import KNNSanitizedClassifier
    >>> from skpoison.model_selection import RobustnessReport
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> tree = DecisionTreeClassifier(random_state=0)
    >>> report = RobustnessReport(
    ...     {"tree": tree, "relabelled": KNNSanitizedClassifier(tree)},
    ...     {
    ...         "insertion": RandomInsertion(random_state=0),
    ...         "flips": RandomLabelFlip(random_state=0),
    ...     },
    ...     budgets=[0.1, 0.2],
    ... )
    >>> print(report.fit(X, y).summary().splitlines()[-1])
    Best defence by its own worst case: relabelled: score 0.907 (...
    """

    _parameter_constraints: dict = {
        "estimators": [dict, HasMethods("fit")],
        "attacks": [dict, HasMethods("fit_resample")],
        "learners": [dict, None],
        "adaptive": ["array-like", str],
        "budgets": ["array-like", None],
        "cv": ["cv_object"],
        "scoring": [str, callable, None],
        "n_jobs": [Integral, None],
        "callback": [callable, None],
        "folder": [str, os.PathLike, None],
    }

    def __init__(
        self,
        estimators,
        attacks,
        *,
        learners=None,
        adaptive=(),
        budgets=None,
        cv=None,
        scoring=None,
        n_jobs=None,
        callback=None,
        folder=None,
    ):
        self.estimators = estimators
        self.attacks = attacks
        self.learners = learners
        self.adaptive = adaptive
        self.budgets = budgets
        self.cv = cv
        self.scoring = scoring
        self.n_jobs = n_jobs
        self.callback = callback
        self.folder = folder

    # The estimators are validated when they are fitted themselves.
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, **params):
        """Measure every attack against every estimator.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,)
            Their labels.
        **params : dict
            Row metadata and other parameters, as the `params` of
            :func:`robustness_curve`.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If there are no estimators or no attacks, if one of `attacks` is not an
            attack, if `budgets` is not a sequence of shares or of numbers of rows, or
            mixes them, if `learners` or `adaptive` do not fit the other parameters, if
            `scoring` gives more than one number, if `folder` holds the
            results of another report, or if an attack, an estimator or the score raises
            it.

        Warns
        -----
        UserWarning
            If a share among `budgets` rounds to 0 rows, or if the score is accuracy and
            a class has less than a fifth of the rows of an average class.
        """
        estimators = by_name(self.estimators, "estimators")
        attacks = by_name(self.attacks, "attacks")
        for attack in attacks.values():
            check_attack(attack)
        for estimator in estimators.values():
            check_victim(estimator, "estimators")
        learners = check_columns(estimators, attacks, self.learners, self.adaptive)
        victims = estimators | learners
        check_same_task(victims)
        check_settings(cv=self.cv, n_jobs=self.n_jobs)
        budgets = check_budgets(self.budgets)
        budgets = np.unique(np.append(budgets, np.zeros(1, budgets.dtype)))
        self.baseline_ = next(iter(estimators))
        self.score_name_ = self.scoring
        if not isinstance(self.scoring, str):
            self.score_name_ = getattr(self.scoring, "__name__", "score")
        X, y = indexable(X, y)
        for estimator in victims.values():
            check_scoring_names(self.scoring, estimator, y)
        scorers = {
            name: check_scoring(estimator, self.scoring)
            for name, estimator in victims.items()
        }
        informed = {
            name: inform(attack, estimators[self.baseline_], y)
            for name, attack in attacks.items()
        }
        check_targets(
            y,
            attacks=[each.attack for each in informed.values()],
            estimators=victims.values(),
        )
        cv = check_cv(self.cv, y, classifier=is_classifier(estimators[self.baseline_]))
        routed = route_params(
            params,
            splitter=cv,
            attacks=attacks,
            estimators=victims,
            scorers=scorers,
        )
        folds = list(cv.split(X, y, **routed.split))
        warn_of_empty_budgets(budgets, folds)
        self.crafted_for_ = {name: each.crafted_for for name, each in informed.items()}
        # Of the attacks that have run, whatever becomes of the parameter.
        self._threats = describe_threats(
            attacks, self.crafted_for_, budgets, estimators
        )
        hides_a_class = warn_of_rare_class(
            estimators[self.baseline_], y, self.score_name_
        )
        # A job is a processor. BLAS threads below it would wait for each other on a
        # busy machine, and the results would depend on their number.
        workers = Workers(self.n_jobs, single_threaded=True)
        defences = dict(list(estimators.items())[1:])
        n_curves = len(attacks) * (1 + len(estimators)) * len(budgets)
        ends = np.unique(budgets[[0, -1]])
        n_curves += len(attacks) * len(learners) * len(ends)
        n_curves += len(set(self.adaptive)) * len(defences) * 2 * len(ends)
        progress = Steps(self.callback, n_curves * len(folds))
        workers.on_done = progress.step
        self.seconds_ = {}
        store = open_store(
            self.folder,
            X=X,
            y=y,
            params=params,
            folds=folds,
            budgets=budgets,
            scoring=self.scoring,
            estimators=victims,
            attacks={name: each.attack for name, each in informed.items()},
        )
        sweep = Sweep(
            X,
            y,
            folds,
            routed,
            scorers,
            hides_a_class,
            workers,
            progress,
            store,
            self.seconds_,
        )
        self.curves_, self.overruled_, self.sampled_ = {}, {}, {}
        self.transfer_, self.adaptive_ = {}, {}
        self.balanced_curves_ = {} if hides_a_class else None
        for attack_name, each in informed.items():
            crafted = sweep.craft(each.attack, attack_name, budgets)
            for name, estimator in estimators.items():
                curve, balanced, defence = sweep.score(
                    estimator, name, crafted, attack_name
                )
                self.curves_[attack_name, name] = curve
                if hides_a_class:
                    self.balanced_curves_[attack_name, name] = balanced
                if defence.overruled:
                    self.overruled_[name] = defence.overruled
                if defence.sample is not None:
                    self.sampled_[name] = defence.sample
            for name, learner in learners.items():
                self.transfer_[attack_name, name], *_ = sweep.score(
                    learner, name, at_ends(crafted), attack_name
                )
            for name, defended in defences.items():
                if attack_name not in self.adaptive:
                    continue
                attack = knowing_defence(attacks[attack_name], defended)
                adapted = sweep.craft(attack, attack_name, ends, through=name)
                self.adaptive_[attack_name, name], *_ = sweep.score(
                    defended, name, adapted, attack_name, through=name
                )
        workers.warn()
        return self

    def summary(self):
        """Return the scores, their spread and the worst cases as text.

        Returns
        -------
        text : str
            For each attack a table with a row for each estimator, then the worst case
            of the baseline and the defence with the best worst case of its own.
        """
        return format_text(**self._for_summary())

    def to_html(self, title="Robustness report"):
        """Return the report as a page that holds everything it needs.

        Tables can be sorted, pictures are drawn in the page itself, and nothing is
        loaded from elsewhere. It follows the light or dark mode of the reader.

        Parameters
        ----------
        title : str, default="Robustness report"
            The title of the page.

        Returns
        -------
        html : str
            The conclusions, the scores, the curves, the threat model of each attack in
            words and in the terms of NIST AI 100-2 and MITRE ATLAS, the time that it
            took, and the versions.
        """
        check_is_fitted(self)
        made = make_section("Made with", make_paragraph(describe_versions()))
        return make_page(title, *report_parts(self), made)

    def to_frame(self):
        """Return the scores of all folds as a dataframe.

        Returns
        -------
        frame : :class:`pandas.DataFrame`
            A row for each attack, estimator, budget and fold, with the columns
            "attack", "estimator", "budget", "fold", "train_score" and "test_score", and
            "test_balanced_accuracy" if that is scored beside accuracy, NaN for those of
            `learners` and `adaptive`. The attacks of these are called "attack through
            defence".

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        check_is_fitted(self)
        pandas = import_optional("pandas", user="RobustnessReport.to_frame")
        columns, records = to_records(self)
        return pandas.DataFrame(records, columns=columns)

    def plot(self, *, figure=None):
        """Draw the robustness curves, one axis for each attack.

        Parameters
        ----------
        figure : matplotlib Figure, default=None
            The figure to draw in. None makes a new one.

        Returns
        -------
        figure : matplotlib Figure
            The figure. The baseline is black.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        check_is_fitted(self)
        return draw_report(
            self.curves_,
            baseline=self.baseline_,
            score_name=self.score_name_,
            crafted_for=self.crafted_for_,
            figure=figure,
        )

    def _for_summary(self):
        check_is_fitted(self)
        return {
            "curves": self.curves_,
            "baseline": self.baseline_,
            "score_name": self.score_name_,
            "crafted_for": self.crafted_for_,
            "balanced_curves": self.balanced_curves_,
            "all_curves": with_adaptive(self),
            "columns": describe_columns(self),
            "notes": describe_defences(self.overruled_, self.sampled_),
        }

    def _repr_html_(self):
        """Return the summary as HTML, for notebooks."""
        if not hasattr(self, "curves_"):
            return f"<pre>{escape(repr(self))}</pre>"
        return format_html(**self._for_summary())

    def _repr_mimebundle_(self, **kwargs):
        """Return what notebooks show, instead of scikit-learn's diagram."""
        return {"text/plain": repr(self), "text/html": self._repr_html_()}
