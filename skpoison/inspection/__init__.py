"""Inspection: is the gradient that an attack follows the right one?"""

from skpoison.inspection._hypergradient import check_hypergradient

__all__ = ["check_hypergradient"]
