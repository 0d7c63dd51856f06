"""Data sets of the literature on poisoning, downloaded and cached at the first call."""

from skpoison.datasets._mnist import fetch_mnist
from skpoison.datasets._ransomware import fetch_ransomware
from skpoison.datasets._spambase import fetch_spambase

__all__ = ["fetch_mnist", "fetch_ransomware", "fetch_spambase"]
