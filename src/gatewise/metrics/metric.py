"""Metrics, as tables and comparisons need them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """A metric.

    name: the key of its value
    title: its name in tables
    form: the format specification of its values
    higher_is_better: whether higher values are better
    relative: whether a gain is relative to the other value, which must then not be near zero
    """

    name: str
    title: str
    form: str = ".3f"
    higher_is_better: bool = False
    relative: bool = True

    @property
    def with_article(self) -> str:
        """The title with an indefinite article.

        >>> [Metric(title, title).with_article for title in ("accuracy", "MASE", "NLL")]
        ['an accuracy', 'a MASE', 'an NLL']
        """
        is_spelled = self.title.isupper() and not set(self.title) & set("AEIOU")  # read letter by letter
        with_vowel = "AEFHILMNORSX" if is_spelled else "AEIOU"
        return f"{'an' if self.title[0].upper() in with_vowel else 'a'} {self.title}"

    def format(self, value: float) -> str:
        """Formats a value of the metric.

        >>> Metric("accuracy", "accuracy", ".1%", higher_is_better=True).format(0.98765)
        '98.8%'
        """
        return f"{value:{self.form}}"

    def gain(self, value: float, other: float) -> str:
        """The difference to a worse value, in words.

        In points for a fraction; absolute if the metric is not relative or the other value is zero; else
        relative to the other value.

        >>> Metric("mase", "MASE").gain(0.6, 0.8)
        '25.0% below'
        >>> Metric("f1", "F1", ".1%", higher_is_better=True).gain(0.6, 0.5)
        '10.0 points above'
        >>> Metric("nats", "nats", ".2f", relative=False).gain(-0.5, 0.25)
        '0.75 below'
        >>> Metric("bleu", "BLEU", ".1f", higher_is_better=True).gain(12.5, 0.0)
        '12.5 above'
        """
        side = "above" if self.higher_is_better else "below"
        if self.relative and self.form.endswith("%"):
            return f"{100 * abs(value - other):.1f} points {side}"
        if self.relative and other:
            return f"{abs(1 - value / other):.1%} {side}"
        return f"{self.format(abs(value - other))} {side}"

    def cost(self, value: float) -> float:
        """The value, negated if higher is better: lower costs are better."""
        return -value if self.higher_is_better else value
