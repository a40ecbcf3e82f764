"""A score: its name, its title in tables, its format, and which direction is better."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """A score: its key, its title in tables, its format, and whether higher is better.

    relative: whether a gain is relative to the other value, which must then not be near zero
    """

    name: str
    title: str
    form: str = ".3f"
    higher: bool = False
    relative: bool = True

    @property
    def with_article(self) -> str:
        """The title in a sentence.

        >>> Metric("accuracy", "accuracy").with_article, Metric("mase", "MASE").with_article
        ('an accuracy', 'a MASE')
        """
        return f"{'an' if self.title[0].lower() in 'aeiou' else 'a'} {self.title}"

    def format(self, value: float) -> str:
        """A value in the format of the metric.

        >>> Metric("accuracy", "accuracy", ".1%", higher=True).format(0.98765)
        '98.8%'
        """
        return f"{value:{self.form}}"

    def gain(self, value: float, rival: float) -> str:
        """How much better a value is than another: in points for a fraction, else relative to the other.

        Relative to zero, the absolute difference is given.

        >>> Metric("mase", "MASE").gain(0.6, 0.8), Metric("f1", "F1", ".1%", higher=True).gain(0.6, 0.5)
        ('25.0% below', '10.0 points above')
        >>> Metric("nats", "nats", ".2f", relative=False).gain(-0.5, 0.25)
        '0.75 below'
        >>> Metric("bleu", "BLEU", ".1f", higher=True).gain(12.5, 0.0)
        '12.5 above'
        """
        side = "above" if self.higher else "below"
        if self.relative and self.form.endswith("%"):
            return f"{100 * abs(value - rival):.1f} points {side}"
        if self.relative and rival:
            return f"{abs(1 - value / rival):.1%} {side}"
        return f"{self.format(abs(value - rival))} {side}"

    def order(self, value: float) -> float:
        """The value as one that is better where it is lower."""
        return -value if self.higher else value
