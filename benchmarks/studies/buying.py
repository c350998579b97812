"""The BG/NBD model of repeat purchases, fitted to the times of purchases alone.

Every customer buys at an individual rate and drops out after any purchase with an individual
probability. Rates are gamma distributed over customers, probabilities beta distributed. It is the
baseline for models with more features.

References
----------
Fader, Hardie and Lee (2005), "Counting Your Customers" the Easy Way: An Alternative to the
Pareto/NBD Model, *Marketing Science* 24(2), 275-284. Equation numbers are those of that paper.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streamsim.streams.errors import ModelError
from streamsim.streams.events import Floats, Ints


@dataclass(frozen=True, slots=True)
class Purchases:
    """Customers' purchases until the end of a period, in one unit of time.

    Attributes
    ----------
    repeats
        Number of purchases after the first, shape ``(n,)``.
    recency
        Time from the first purchase to the last (0 without a repeat).
    age
        Time from the first purchase to the end of the period.
    """

    repeats: Ints
    recency: Floats
    age: Floats

    def __post_init__(self) -> None:
        good = (self.repeats >= 0) & (self.recency >= 0) & (self.recency <= self.age)
        if not len(good) or not (good & ((self.repeats > 0) | (self.recency == 0))).all():
            raise ModelError("no purchases, or some that end before they begin")

    def __len__(self) -> int:
        return len(self.repeats)


def purchases_by(customer: npt.NDArray[np.generic], time: Floats, end: float) -> Purchases:
    """Summarise purchases until ``end``, one row per customer in sorted order.

    Purchases of a customer at the same time count as one.

    >>> purchases_by(np.array([7, 5, 7, 7, 7]), np.array([1.0, 4.0, 3.0, 3.0, 9.0]), 8.0)
    Purchases(repeats=array([0, 1]), recency=array([0., 2.]), age=array([4., 7.]))
    """
    inside = time <= end
    who, when = np.unique(customer[inside], return_inverse=True)[1], time[inside]
    order = np.lexsort((when, who))
    who, when = who[order], when[order]
    new = np.concatenate(([True], (np.diff(who) != 0) | (np.diff(when) != 0)))
    who, when = who[new], when[new]
    first = np.flatnonzero(np.diff(who, prepend=-1))
    last = np.append(first[1:], len(who)) - 1
    return Purchases(last - first, when[last] - when[first], end - when[first])


@dataclass(frozen=True, slots=True)
class BgNbd:
    """A fitted BG/NBD model.

    Attributes
    ----------
    r, alpha
        Shape and rate of the gamma distribution of purchase rates.
    a, b
        Parameters of the beta distribution of the drop-out probability.
    log_likelihood
        Log likelihood of the purchases that it was fitted to.
    """

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float

    @classmethod
    def fit(cls, purchases: Purchases) -> BgNbd:
        """Fit the parameters by maximum likelihood.

        Raises
        ------
        ModelError
            If no maximum is found, for example without any repeat purchase.
        """
        from scipy.optimize import minimize

        found = minimize(
            lambda logs: -_log_likelihood(np.exp(logs), purchases),
            np.zeros(4),
            method="L-BFGS-B",
            bounds=[(-10, 10)] * 4,
        )
        if not found.success or (np.abs(found.x) > 9.9).any():
            raise ModelError(f"no maximum of the likelihood was found: {found.message}")
        r, alpha, a, b = map(float, np.exp(found.x))
        return cls(r, alpha, a, b, -float(found.fun))

    def alive(self, purchases: Purchases) -> Floats:
        """Return the probability that each customer has not dropped out, shape ``(n,)``.

        It is 1 without a repeat purchase, as a customer can drop out only after one.
        """
        x, recency, age = purchases.repeats, purchases.recency, purchases.age
        odds = self.a / (self.b + np.maximum(x, 1) - 1)
        odds = odds * ((self.alpha + age) / (self.alpha + recency)) ** (self.r + x)
        chance: Floats = np.where(x > 0, 1 / (1 + odds), 1.0)
        return chance

    def buys_within(self, purchases: Purchases, horizon: float) -> Floats:
        """Return the probability that each customer buys within ``horizon`` after the period.

        Given the past purchases, the rate of a customer who has not dropped out is gamma
        distributed with shape ``r + x`` and rate ``alpha + T``.
        """
        rate = self.alpha + purchases.age
        none = (rate / (rate + horizon)) ** (self.r + purchases.repeats)
        chance: Floats = self.alive(purchases) * (1 - none)
        return chance


def _log_likelihood(parameters: Floats, purchases: Purchases) -> float:
    """Equation 6, summed over customers."""
    from scipy.special import betaln, gammaln

    r, alpha, a, b = parameters
    x, recency, age = purchases.repeats, purchases.recency, purchases.age
    stays = betaln(a, b + x) - betaln(a, b) - (r + x) * np.log(alpha + age)
    repeated = np.maximum(x, 1)
    left = betaln(a + 1, b + repeated - 1) - betaln(a, b) - (r + x) * np.log(alpha + recency)
    either = np.where(x > 0, np.logaddexp(stays, left), stays)
    return float((gammaln(r + x) - gammaln(r) + r * np.log(alpha) + either).sum())
