"""Feasible sets: where a poison row may lie.

A set is fitted to training rows. It tells which rows it contains, projects rows onto
itself, and maximises a linear function of them.
"""

from skpoison.feasible_sets._accepted import AcceptedBy
from skpoison.feasible_sets._balls import L1Ball, L2Ball, LinfBall
from skpoison.feasible_sets._base import BaseFeasibleSet
from skpoison.feasible_sets._box import Box
from skpoison.feasible_sets._class_sets import ClassBall, ClassSlab
from skpoison.feasible_sets._frozen import Frozen
from skpoison.feasible_sets._integers import Integers
from skpoison.feasible_sets._intersection import Intersection, make_intersection
from skpoison.feasible_sets._loss_bound import LossBound
from skpoison.feasible_sets._one_hot import OneHot
from skpoison.feasible_sets._response_range import ResponseRange
from skpoison.feasible_sets._slab import Slab
from skpoison.feasible_sets._sparse import Sparse
from skpoison.feasible_sets._sphere_slab import SphereSlab

__all__ = [
    "AcceptedBy",
    "BaseFeasibleSet",
    "Box",
    "ClassBall",
    "ClassSlab",
    "Frozen",
    "Integers",
    "Intersection",
    "L1Ball",
    "L2Ball",
    "LinfBall",
    "LossBound",
    "OneHot",
    "ResponseRange",
    "Slab",
    "Sparse",
    "SphereSlab",
    "make_intersection",
]
