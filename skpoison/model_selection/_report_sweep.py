"""Cells of a robustness report: what is crafted, and who is scored on it."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import clone

from skpoison.attacks._base import BaseSurrogateAttack
from skpoison.base import BasePoisoner
from skpoison.model_selection._craft import CraftedPoison, craft_folds
from skpoison.model_selection._encoded import EncodedAttack
from skpoison.model_selection._imbalance import BesideBalanced, split_scores
from skpoison.model_selection._row_metadata import RoutedParams
from skpoison.model_selection._score import score_folds
from skpoison.model_selection._store import Store
from skpoison.model_selection._surrogates import passed_encoder, split_encoder
from skpoison.model_selection._workers import Steps, Workers


@dataclass
class Sweep:
    """What all cells of a report have in common.

    Parameters
    ----------
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        The rows.
    y : array-like of shape (n_samples,)
        Their labels.
    folds : list of (train, test)
        Positions of the training and the test rows of each fold.
    routed : RoutedParams
        Parameters of attacks, estimators and scorers by their names.
    scorers : dict of str to callable
        The scorer of each estimator.
    hides_a_class : bool
        Whether the balanced accuracy is scored too.
    workers : Workers
        Where the cells are computed.
    progress : Steps
        What is told how far the report is.
    store : Store or None
        What keeps the results.
    seconds : dict of (str, str or None) to float
        Is given the seconds of each attack, and of each pair.
    """

    X: Any
    y: Any
    folds: list
    routed: RoutedParams
    scorers: dict
    hides_a_class: bool
    workers: Workers
    progress: Steps
    store: Store | None
    seconds: dict
    clean: dict = field(default_factory=dict)

    def craft(self, attack, attack_name, budgets, *, through=None):
        """Poison the training rows of each fold, once for each budget.

        Parameters
        ----------
        attack : sampler
            The attack.
        attack_name : str
            Its name.
        budgets : ndarray of shape (n_budgets,)
            The budgets.
        through : str, default=None
            The name of the defence that the attacker knows.

        Returns
        -------
        crafted : CraftedPoison
        """
        name = case_name(attack_name, through)
        self.progress.begin(name, None)
        cells = np.repeat(budgets, len(self.folds)).tolist()
        try:
            crafted = craft_folds(
                attack,
                self.X,
                self.y,
                budgets=budgets,
                folds=self.folds,
                params=self.routed.fit_resample[attack_name],
                workers=self.workers,
                cache=self.store and self.store.poison(attack, name, cells),
            )
        except Exception as error:
            error.add_note(f"Raised by {name}.")
            raise
        self._take_seconds(name, None)
        return crafted

    def score(self, estimator, name, crafted, attack_name, *, through=None):
        """Score an estimator on the clean test rows of each fold and budget.

        Parameters
        ----------
        estimator : estimator
            The estimator.
        name : str
            Its name.
        crafted : CraftedPoison
            The poison.
        attack_name : str
            The name of the attack.
        through : str, default=None
            The name of the defence that the attacker knows.

        Returns
        -------
        curve : Bunch
            As `robustness_curve` returns it.
        balanced : Bunch or None
            The curve of the balanced accuracy, if it is scored too.
        defence : DefenceOnCleanRows
            What a defence does on the clean training rows, if 0 is among the budgets.
        """
        case = case_name(attack_name, through)
        self.progress.begin(case, name)
        scorer = self.scorers[name]
        cells = [each.budget for each in crafted]
        cache = self.store and self.store.scores(case, name, cells)
        is_ours = all(isinstance(each.attack, BasePoisoner) for each in crafted)
        if is_ours:
            known = self.clean.setdefault(name, {})
            n_clean = len(self.folds) * int(crafted.budgets[0] == 0)
            cache = SharedClean(cache, known, n_clean)
        try:
            curve, defence = score_folds(
                estimator,
                self.X,
                self.y,
                crafted,
                scorer=BesideBalanced(scorer) if self.hides_a_class else scorer,
                fit_params=self.routed.fit[name],
                score_params=self.routed.score[name],
                error_score="raise",
                workers=self.workers,
                cache=cache,
            )
        except Exception as error:
            error.add_note(f"Raised by {case} against {name}.")
            raise
        self._take_seconds(case, name)
        if self.hides_a_class:
            return *split_scores(curve), defence
        if isinstance(curve.test_scores, dict):
            raise ValueError(
                "scoring must return one number; got the scores "
                f"{list(curve.test_scores)}. Make a report for each metric."
            )
        return curve, None, defence

    def _take_seconds(self, *case):
        self.seconds[case], self.workers.seconds = self.workers.seconds, 0.0


class SharedClean:
    """Scores on clean rows, which are the same for each attack: it does nothing there.

    Parameters
    ----------
    cache : object or None
        What keeps the scores under this attack, as in :meth:`Workers.map`.
    known : dict of int to object
        The scores of the cells on clean rows, under any attack.
    n_clean : int
        How many of the first cells are on clean rows.
    """

    def __init__(self, cache, known, n_clean):
        self.cache, self.known, self.n_clean = cache, known, n_clean

    def get(self, i):
        """Return the result of a cell and its seconds; None if it is not there."""
        found = None if self.cache is None else self.cache.get(i)
        if found is not None:
            self._remember(i, found[0])
        elif i < self.n_clean and i in self.known:
            found = self.known[i], 0.0
            if self.cache is not None:
                self.cache.put(i, *found)
        return found

    def put(self, i, result, seconds):
        """Keep the result of a cell."""
        self._remember(i, result)
        if self.cache is not None:
            self.cache.put(i, result, seconds)

    def _remember(self, i, result):
        if i < self.n_clean:
            self.known[i] = result


def case_name(attack_name, through=None):
    """Return the name of an attack, with the defence that the attacker knows."""
    return attack_name if through is None else f"{attack_name} through {through}"


def at_ends(crafted):
    """Return the poison of the first budget, which is 0, and of the largest one.

    Parameters
    ----------
    crafted : CraftedPoison
        The poison.

    Returns
    -------
    ends : CraftedPoison
    """
    budgets, n_folds = crafted.budgets, len(crafted) // crafted.budgets.shape[0]
    if budgets.shape[0] == 1:
        return crafted
    folds = [*crafted.poisoned_folds[:n_folds], *crafted.poisoned_folds[-n_folds:]]
    return CraftedPoison(budgets[[0, -1]], folds, crafted.n_samples)


def takes_surrogate(attack):
    """Return whether an attack, or the one behind an encoder, takes a surrogate."""
    if isinstance(attack, EncodedAttack):
        attack = attack.attack
    return "surrogate" in attack.get_params()


def knowing_defence(attack, defended):
    """Return an attack whose surrogate is the defended estimator.

    Parameters
    ----------
    attack : sampler
        The attack, which takes a surrogate.
    defended : estimator
        The defended estimator.

    Returns
    -------
    attack : sampler
        Behind the encoder of the defended estimator, if it cannot be before it.
    """
    if isinstance(attack, EncodedAttack):
        encoder, rest = split_encoder(defended)
        return clone(attack).set_params(encoder=encoder, attack__surrogate=rest)
    if isinstance(attack, BaseSurrogateAttack) and not attack._only_surrogate_reads:
        encoder, rest = passed_encoder(attack, defended)
        if encoder is not None:
            return EncodedAttack(clone(attack).set_params(surrogate=rest), encoder)
    return clone(attack).set_params(surrogate=defended)
