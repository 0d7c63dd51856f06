"""Results of a sweep in a folder, kept as they come, without pickle.

``report.json`` says whose results they are, ``scores.jsonl`` holds a line for each
score, and ``poison`` a file for each budget and fold of an attack. Whatever was written
before an interruption is read instead of being computed again.
"""

import hashlib
import json
import os
from dataclasses import fields
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from scipy import sparse
from sklearn.base import clone

from skpoison.base import Poison
from skpoison.model_selection._fingerprint import fingerprint
from skpoison.model_selection._score import DefenceOnCleanRows
from skpoison.utils._show_versions import describe_versions

WHOSE, SCORES, POISON = "report.json", "scores.jsonl", "poison"
# The same estimator may be scored on all budgets, or on the largest one alone.
OF_A_SCORE = "attack", "estimator", "budget", "fold"


class Store:
    """The folder of one sweep.

    Parameters
    ----------
    folder : str or path-like
        The folder. It is made if need be.
    whose : dict of str to str
        What the results depend on, by what it is called.

    Raises
    ------
    ValueError
        If the folder holds other files, or results that depend on something else.
    """

    def __init__(self, folder, whose):
        self.folder = Path(folder)
        whose = whose | {"versions": describe_versions()}
        file = self.folder / WHOSE
        if self.folder.exists() and not self.folder.is_dir():
            raise ValueError(
                f"folder must be a folder, or new; {str(folder)!r} is a file. Name "
                "another folder."
            )
        if file.exists():
            found = _read_whose(file)
            other = [name for name in whose if found.get(name) != whose[name]]
            if other:
                raise ValueError(
                    f"folder must be new, or hold results of this same report; "
                    f"{str(folder)!r} holds those of another one: {', '.join(other)} "
                    "differ. Name another folder, or delete this one."
                )
        else:
            if self.folder.exists() and any(self.folder.iterdir()):
                raise ValueError(
                    f"folder must be new or empty, or hold results of this report; "
                    f"{str(folder)!r} holds other files. Name another folder."
                )
            (self.folder / POISON).mkdir(parents=True, exist_ok=True)
            _write(file, json.dumps(whose, indent=1).encode())
        self._scores = self._read_scores()

    def poison(self, attack, name, budgets):
        """Return the cache of the poison of an attack.

        Parameters
        ----------
        attack : sampler
            The attack.
        name : str
            Its name.
        budgets : list of float or int
            The budget of each cell.

        Returns
        -------
        cache : object with get(i) and put(i, result, seconds)
        """
        # Names can hold anything, and stand for themselves in no file name.
        digest = hashlib.sha256(name.encode()).hexdigest()[:16]
        return _PoisonCache(self.folder / POISON / digest, attack, budgets)

    def scores(self, attack_name, estimator_name, budgets):
        """Return the cache of the scores of an estimator under an attack.

        Parameters
        ----------
        attack_name, estimator_name : str
            Their names.
        budgets : list of float or int
            The budget of each cell; the folds of a budget are next to each other.

        Returns
        -------
        cache : object with get(i) and put(i, result, seconds)
        """
        return _ScoreCache(self, (attack_name, estimator_name), budgets)

    def _read_scores(self):
        """Return the scores by what they are of, without a line cut short."""
        file, found, whole = self.folder / SCORES, {}, b""
        for line in file.read_bytes().splitlines(True) if file.exists() else []:
            try:
                cell = json.loads(line)
            except ValueError:  # The process ended while it was written.
                break
            if not line.endswith(b"\n"):
                break
            whole += line
            found[tuple(cell.get(each) for each in OF_A_SCORE)] = cell
        _write(file, whole)
        return found


class _ScoreCache:
    """The scores of an estimator under an attack, one of each cell."""

    def __init__(self, store, names, budgets):
        self.store, self.names, self.budgets = store, names, budgets

    def _key(self, i):
        budget = self.budgets[i]
        return *self.names, budget, i - self.budgets.index(budget)

    def get(self, i):
        """Return the result of a cell and its seconds; None if it is not there."""
        cell = self.store._scores.get(self._key(i))
        if cell is None:
            return None
        result = {part: cell[part] for part in ("train", "test")}
        if "overruled" in cell:
            sample = cell["sample"] and tuple(cell["sample"])
            result["defence"] = DefenceOnCleanRows(dict(cell["overruled"]), sample)
        return result, cell["seconds"]

    def put(self, i, result, seconds):
        """Keep the result of a cell."""
        cell = dict(zip(OF_A_SCORE, self._key(i), strict=True))
        cell |= {part: result[part] for part in ("train", "test")}
        cell["seconds"] = seconds
        if "defence" in result:
            # The keys of a JSON object are words; labels need not be.
            cell["overruled"] = list(result["defence"].overruled.items())
            cell["sample"] = result["defence"].sample
        self.store._scores[self._key(i)] = cell
        with (self.store.folder / SCORES).open("a", encoding="utf-8") as file:
            file.write(json.dumps(cell) + "\n")


class _PoisonCache:
    """The poison of an attack, one of each cell."""

    def __init__(self, stem, attack, budgets):
        self.stem, self.attack, self.budgets = stem, attack, budgets

    def _file(self, i):
        return self.stem.with_name(f"{self.stem.name}-{i}.npz")

    def get(self, i):
        """Return the fitted attack of a cell, and seconds; None if it is not there."""
        if not self._file(i).exists():
            return None
        try:
            with (
                self._file(i).open("rb") as raw,
                np.load(raw, allow_pickle=False) as npz,
            ):
                arrays = dict(npz)
        except (ValueError, OSError, EOFError, BadZipFile) as error:
            raise ValueError(
                f"folder must hold poison as it was written; {str(self._file(i))!r} is "
                "damaged. Delete this file, so that the poison is computed again."
            ) from error
        fitted = clone(self.attack).set_params(budget=self.budgets[i])
        fitted._n_samples = int(arrays["n_samples"])
        if "classes" in arrays:
            fitted.classes_ = arrays["classes"]
        fitted.poison_ = Poison(
            **{each.name: _loaded(arrays, each.name) for each in fields(Poison)}
        )
        return (fitted, None), float(arrays["seconds"])

    def put(self, i, result, seconds):
        """Keep the poison of a cell, if it can be kept as plain arrays."""
        fitted, output = result
        if output is not None:  # an attack that is not derived from BasePoisoner
            return
        arrays = {"n_samples": fitted._n_samples, "seconds": seconds}
        if hasattr(fitted, "classes_"):
            arrays["classes"] = fitted.classes_
        for each in fields(Poison):
            arrays |= _plain(getattr(fitted.poison_, each.name), each.name)
        arrays = {name: _without_objects(each) for name, each in arrays.items()}
        if any(each.dtype == object for each in arrays.values()):
            return
        part = self._file(i).with_suffix(".part")
        with part.open("wb") as file:
            np.savez(file, **arrays)
        os.replace(part, self._file(i))


def _plain(value, name):
    """Return an array, or a sparse matrix, as arrays by name."""
    if value is None:
        return {}
    if not sparse.issparse(value):
        return {name: value}
    csr = value.tocsr()
    parts = {"data": csr.data, "indices": csr.indices, "indptr": csr.indptr}
    parts["shape"] = csr.shape
    return {f"{name}.{part}": each for part, each in parts.items()}


def _loaded(arrays, name):
    if f"{name}.data" in arrays:
        parts = [arrays[f"{name}.{each}"] for each in ("data", "indices", "indptr")]
        return sparse.csr_matrix(tuple(parts), shape=arrays[f"{name}.shape"])
    return arrays.get(name)


def _without_objects(array):
    """Return words as an array of words; other objects stay what they are."""
    array = np.asarray(array)
    if array.dtype == object and all(isinstance(each, str) for each in array.flat):
        return array.astype(str)
    return array


def _read_whose(file):
    """Return what the results in a folder depend on."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ValueError(
            f"folder must hold results of a report; {str(file)!r} is damaged, so that "
            "nobody knows whose they are. Name another folder, or delete this one."
        )
    return found


def _write(file, content):
    """Write a file as a whole, or leave the one that is there."""
    part = file.with_suffix(".part")
    part.write_bytes(content)
    os.replace(part, file)


def open_store(folder, **depends_on):
    """Return the folder of a sweep.

    Parameters
    ----------
    folder : str or path-like or None
        The folder.
    **depends_on : object
        What the results depend on.

    Returns
    -------
    store : Store or None
        None if there is no folder.

    Raises
    ------
    ValueError
        If the folder cannot be used, or if something does not show what it consists of,
        so that results that depend on it could not be told from others.
    """
    if folder is None:
        return None
    whose = {}
    for name, value in depends_on.items():
        try:
            whose[name] = fingerprint(value)
        except ValueError as error:
            raise ValueError(
                f"{name} must be what results in a folder can be told apart by; "
                f"{error}. Give no folder, folder=None."
            ) from error
    return Store(folder, whose)
