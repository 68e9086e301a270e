"""Medians, ratios of what ran side by side, and how far to trust them."""
import math

UNDECIDED_BELOW = 1.5  # a ratio nearer to 1 than this is only believed when its whole interval lies on one side


def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def interval(values):
    """The narrowest pair of order statistics that holds the true median with 95 %, and how surely it does. With fewer than six values
    no pair is that sure: then it is the least and the greatest, and what they are good for. Nothing is assumed about the distribution."""
    ordered = sorted(values)
    n = len(ordered)
    best = 0
    for k in range(n // 2):
        outside = 2 * sum(math.comb(n, i) for i in range(k + 1)) / 2 ** n
        if outside > 0.05:
            break
        best = k
    sure = 1 - 2 * sum(math.comb(n, i) for i in range(best + 1)) / 2 ** n
    return ordered[best], ordered[n - 1 - best], max(sure, 0.0)


class Ratio:
    """How `ours` compares with `theirs`, round by round: what ran minutes apart on a machine with neighbours is not compared."""

    def __init__(self, ours, theirs):
        pairs = [o / t for o, t in zip(ours, theirs) if o is not None and t]
        self.n = len(pairs)
        self.value = median(pairs) if pairs else None
        self.low, self.high, self.sure = interval(pairs) if pairs else (None, None, 0.0)

    def is_undecided(self):
        if self.n < 2:
            return True
        near = max(self.value, 1 / self.value if self.value else math.inf) < UNDECIDED_BELOW
        return near and self.low <= 1 <= self.high

    def judged(self, most):
        """Against a goal: at most so much."""
        return verdict(self.low, self.high, self.n, most=most)

    def text(self):
        if self.value is None:
            return "-"
        return f"{short(self.value)}{' undecided' if self.is_undecided() else ''} [{short(self.low)}, {short(self.high)}]"


def verdict(low, high, rounds, most=math.inf, least=-math.inf):
    """Of what lies between low and high against a goal. One round decides nothing: nobody knows how far the next one would lie from it."""
    if rounds < 2:
        return "undecided"
    if least <= low and high <= most:
        return "met"
    return "missed" if low > most or high < least else "undecided"


def short(x):
    """Three digits that mean something."""
    if x is None:
        return "-"
    if x == 0 or abs(x) >= 1000:
        return f"{x:,.0f}"
    digits = max(0, 2 - math.floor(math.log10(abs(x))))
    return f"{x:.{min(digits, 6)}f}"
