"""Figures as Markdown."""
import statistics

median = statistics.median


def spread(values, form="{:,.0f}"):
    """Minimum / median / maximum, or the one value that there is."""
    if len(values) == 1:
        return form.format(values[0])
    return " / ".join(form.format(v) for v in (min(values), median(values), max(values)))


def table(heads, rows):
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def ratio(ours, theirs):
    return median(ours) / median(theirs)
