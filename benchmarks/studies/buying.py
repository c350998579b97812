"""When will a customer buy again? The BG/NBD model, which needs no more than when they bought.

Every customer buys at a rate of their own and drops out after any purchase with a probability of
their own; rates are gamma distributed over customers, and probabilities beta. It is the baseline
that a model with more to go by must beat.

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
    """What is known of customers by the end of a period; one unit of time throughout.

    Attributes
    ----------
    repeats
        Purchases after the first, shape ``(n,)``.
    recency
        From the first purchase to the last (0 without a repeat).
    age
        From the first purchase to the end of the period.
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
    """Sum up purchases until ``end``, customer by customer in sorted order.

    Those of a customer at the same time are one purchase.

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
    """A fitted model.

    Attributes
    ----------
    r, alpha
        Shape and rate of the gamma distribution of how often customers buy.
    a, b
        Of the beta distribution of how likely each purchase is to be the last.
    log_likelihood
        Of what it was fitted to.
    """

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float

    @classmethod
    def fit(cls, purchases: Purchases) -> BgNbd:
        """Find the parameters of the highest likelihood.

        Raises
        ------
        ModelError
            If there is no such maximum, as where nobody buys twice.
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

        Nobody drops out before a first repeat: without one it is 1.
        """
        x, recency, age = purchases.repeats, purchases.recency, purchases.age
        odds = self.a / (self.b + np.maximum(x, 1) - 1)
        odds = odds * ((self.alpha + age) / (self.alpha + recency)) ** (self.r + x)
        chance: Floats = np.where(x > 0, 1 / (1 + odds), 1.0)
        return chance

    def buys_within(self, purchases: Purchases, horizon: float) -> Floats:
        """Return the probability that each buys within ``horizon`` after the period.

        A customer who has not dropped out buys at a rate that is gamma distributed with shape
        ``r + x`` and rate ``alpha + T``, given what they did.
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
