"""Tests of whether two samples are of one population."""

import math
from collections.abc import Sequence


def kolmogorov_smirnov(distance: float, num: float, others: float) -> float:
    """The probability that two samples of one population are at least so far apart.

        >>> round(kolmogorov_smirnov(0.25, 100, 3589), 7)
        7.6e-06

    Args:
        distance: The greatest difference of the two samples' shares at or below a value, 0 to 1.
        num, others: How many values either sample has.

    The series is Kolmogorov's, for samples of a finite size as by Stephens (1970), "Use of the Kolmogorov–Smirnov,
    Cramér–von Mises and related statistics without extensive tables", J. R. Stat. Soc. B 32. Where the distance was
    looked for at some values only, or values occur more than once, the true probability is smaller.
    """
    root = math.sqrt(num * others / (num + others))
    scaled = (root + 0.12 + 0.11 / root) * distance
    if scaled < 0.3:  # where the series converges slowly, it is 1 to five digits
        return 1.0
    terms = (math.copysign(1, -(k % 2 == 0)) * math.exp(-2 * (k * scaled) ** 2) for k in range(1, 30))
    return min(1.0, max(0.0, 2 * sum(terms)))


def fisher_exact(hits: int, num: int, other_hits: int, others: int) -> float:
    """The probability, two-sided, that shares of two samples of one population differ at least as much.

        >>> round(fisher_exact(3, 4, 1, 4), 4)  # the lady tasting tea: twice 17/70
        0.4857

    Twice the smaller tail of Fisher's exact test (Fisher 1934), which is never too small.

    Args:
        hits, other_hits: In how many of either sample something was so.
        num, others: How many either sample has.
    """
    total, all_hits = num + others, hits + other_hits
    # Of the sample that cannot be long: the reference's.
    counts = range(max(0, all_hits - num), min(all_hits, others) + 1)
    whole = _log_choose(total, others)
    logs = [_log_choose(all_hits, k) + _log_choose(total - all_hits, others - k) - whole for k in counts]
    below = math.fsum(math.exp(each) for k, each in zip(counts, logs, strict=True) if k <= other_hits)
    above = math.fsum(math.exp(each) for k, each in zip(counts, logs, strict=True) if k >= other_hits)
    return min(1.0, 2 * min(below, above))


def _log_choose(num: int, chosen: int) -> float:
    return math.lgamma(num + 1) - math.lgamma(chosen + 1) - math.lgamma(num - chosen + 1)


def holm(probabilities: Sequence[float]) -> list[float]:
    """Probabilities of several tests so that the least is as likely below a limit as that of one test would be.

        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]

    Holm (1979), "A simple sequentially rejective multiple test procedure", Scand. J. Stat. 6; it needs no independence.
    """
    adjusted = [1.0] * len(probabilities)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(probabilities)), key=probabilities.__getitem__)):
        largest = max(largest, min(1.0, (len(probabilities) - rank) * probabilities[index]))
        adjusted[index] = largest
    return adjusted
