"""Training-data poisoning for scikit-learn.

An attack is an imbalanced-learn resampler, ``fit_resample(X, y)``; a defence is a
scikit-learn meta-estimator around the user's own estimator. So a Pipeline of attack
and defence is a threat model, and its cross-validated score is a robustness.
"""

__version__ = "0.1.0"
