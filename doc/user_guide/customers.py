"""A table of customers, made up for the first chapter of the guide.

Run as a script, it writes customers.csv.
"""

import numpy as np
import pandas as pd

PLANS = ["basic", "family", "business"]
GREETINGS = ["hello", "dear team", "good morning", "hi there", "to whom it may concern"]
CLOSINGS = ["kind regards", "thanks", "please reply soon", "sent from my phone", ""]
CONTENT = [
    "thank you for the quick answer",
    "please send me the invoice again",
    "how do I change my address",
    "the new router works well",
    "can I add a second card",
]
ANNOYED = [
    "the line was down again all week",
    "I was charged twice this month",
    "nobody calls me back",
    "your competitor offers the same for less",
    "this is the third time that I complain",
]


def make_customers(n_samples=600, random_state=0):
    """Return a table of customers, a third of whom have cancelled.

    Parameters
    ----------
    n_samples : int, default=600
        Number of customers.
    random_state : int, default=0
        Seed.

    Returns
    -------
    customers : dataframe of shape (n_samples, 8)
        One customer a row. "checked" is 1 for the rows that staff have compared with
        the contract, and "cancelled" is "yes" or "no".
    """
    rng = np.random.RandomState(random_state)
    months = rng.gamma(2, 14, n_samples).round()
    fee = (rng.gamma(9, 4, n_samples)).round(2)
    calls = rng.poisson(1.5, n_samples)
    plan = rng.choice(PLANS, n_samples, p=[0.5, 0.3, 0.2])
    is_annoyed = rng.uniform(size=n_samples) < 0.15 + 0.15 * np.minimum(calls, 4)
    inclination = (
        1.6 * is_annoyed
        + 0.5 * (calls - 1.5)
        + 0.04 * (fee - 36)
        - 0.05 * (months - 28)
        + 0.5 * (plan == "basic")
        - 1.5
    )
    cancels = rng.logistic(0, 0.4, n_samples) + inclination > 0
    # Some annoyed customers are polite.
    is_rude = is_annoyed & (rng.uniform(size=n_samples) < 0.9)
    messages = [
        f"{rng.choice(GREETINGS)}, {rng.choice(ANNOYED if rude else CONTENT)}, "
        f"contract {rng.randint(10000, 99999)} {rng.choice(CLOSINGS)}".rstrip()
        for rude in is_rude
    ]
    months[rng.uniform(size=n_samples) < 0.03] = np.nan
    return pd.DataFrame(
        {
            "customer": np.arange(1, n_samples + 1),
            "plan": plan,
            "months": months,
            "monthly_fee": fee,
            "calls": calls,
            "last_message": messages,
            "checked": (rng.uniform(size=n_samples) < 0.2).astype(int),
            "cancelled": np.where(cancels, "yes", "no"),
        }
    )


if __name__ == "__main__":
    make_customers().to_csv("customers.csv", index=False)
