"""Lines over points as SVG, without dependencies: readable on light and dark ground."""
import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 84, 20, 78, 56
LEGEND_COLUMNS = 3
# Strong enough on white and on black.
COLOURS = ("#3b82d6", "#e0662f", "#2f9e6b", "#a259c4")
STYLE = """<style>
text { font: 13px sans-serif; fill: #767676 }
.title { font-size: 15px; font-weight: bold }
.grid { stroke: #8886; stroke-width: 1 }
.axis { stroke: #888; stroke-width: 1.5 }
@media (prefers-color-scheme: light) { text { fill: #333 } }
@media (prefers-color-scheme: dark) { text { fill: #ddd } }
</style>"""


def short(value):
    """1,500,000 -> 1.5M; 1,024 stays."""
    if value == int(value) and abs(value) < 10000:
        return format(int(value), ",")
    for size, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return "%.3g%s" % (value / size, suffix)
    return "%.3g" % value


def nice_ticks(top):
    """0 and some round steps up to 'top' or a little more."""
    step = 10 ** math.floor(math.log10(top or 1))
    for factor in (0.2, 0.25, 0.5, 1, 2):
        if top / (step * factor) <= 6:
            step *= factor
            break
    return [i * step for i in range(math.ceil(top / step - 1e-9) + 1)]


def decade_ticks(low, high):
    return [10.0 ** e for e in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]


class Axis:
    """Maps values to places between 'start' and 'end'."""

    def __init__(self, low, high, start, end, is_log):
        self.convert = math.log10 if is_log else float
        self.low, self.high = self.convert(low), self.convert(high)
        self.start, self.end = start, end

    def __call__(self, value):
        span = (self.high - self.low) or 1
        return self.start + (self.convert(value) - self.low) / span * (self.end - self.start)


def draw_frame(x, y, x_ticks, y_ticks, labels):
    title, x_label, y_label = labels
    parts = ['<text class="title" x="%d" y="22">%s</text>' % (LEFT, escape(title))]
    for value in y_ticks:
        at = y(value)
        parts.append('<line class="grid" x1="%d" y1="%.1f" x2="%d" y2="%.1f"/>' % (LEFT, at, WIDTH - RIGHT, at))
        parts.append('<text x="%d" y="%.1f" text-anchor="end">%s</text>' % (LEFT - 8, at + 4, short(value)))
    last = None
    for value in x_ticks:
        at = x(value)
        parts.append('<line class="axis" x1="%.1f" y1="%d" x2="%.1f" y2="%d"/>'
                     % (at, HEIGHT - BOTTOM, at, HEIGHT - BOTTOM + 5))
        if last is None or at - last >= 34:             # Labels must not touch.
            parts.append('<text x="%.1f" y="%d" text-anchor="middle">%s</text>'
                         % (at, HEIGHT - BOTTOM + 20, short(value)))
            last = at
    parts.append('<path class="axis" fill="none" d="M%d %dV%dH%d"/>' % (LEFT, TOP, HEIGHT - BOTTOM, WIDTH - RIGHT))
    parts.append('<text x="%d" y="%d" text-anchor="middle">%s</text>'
                 % ((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, escape(x_label)))
    parts.append('<text transform="translate(18 %d) rotate(-90)" text-anchor="middle">%s</text>'
                 % ((TOP + HEIGHT - BOTTOM) / 2, escape(y_label)))
    return parts


def draw_series(x, y, number, name, points):
    """The line of the medians, a bar from minimum to maximum at each, and the name in the legend."""
    colour = COLOURS[number % len(COLOURS)]
    line = " ".join("%.1f,%.1f" % (x(at), y(middle)) for at, (_, middle, _) in points)
    parts = ['<polyline fill="none" stroke="%s" stroke-width="2.5" points="%s"/>' % (colour, line)]
    for at, (low, middle, high) in points:
        parts.append('<line stroke="%s" stroke-width="1.5" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>'
                     % (colour, x(at), y(low), x(at), y(high)))
        parts.append('<circle fill="%s" cx="%.1f" cy="%.1f" r="4"><title>%s: %s at %s</title></circle>'
                     % (colour, x(at), y(middle), escape(name), short(middle), short(at)))
    left, top = LEFT + number % LEGEND_COLUMNS * 210, 38 + number // LEGEND_COLUMNS * 18
    parts.append('<rect fill="%s" x="%d" y="%d" width="16" height="5" rx="2"/>' % (colour, left, top))
    parts.append('<text x="%d" y="%d">%s</text>' % (left + 22, top + 8, escape(name)))
    return parts


def lines(title, x_label, y_label, series, log_x=False, log_y=False):
    """'series': {name: [(x, [values])]}; the plot shows minimum, median and maximum of the values."""
    series = {name: [(at, (min(v), sorted(v)[len(v) // 2], max(v))) for at, v in points]
              for name, points in series.items() if points}
    places = sorted({at for points in series.values() for at, _ in points})
    values = [v for points in series.values() for _, all_of in points for v in all_of]
    y_ticks = decade_ticks(min(values), max(values)) if log_y else nice_ticks(max(values))
    x = Axis(places[0] if log_x else 0, places[-1], LEFT + 12, WIDTH - RIGHT - 12, log_x)
    y = Axis(y_ticks[0], y_ticks[-1], HEIGHT - BOTTOM, TOP, log_y)
    parts = draw_frame(x, y, places, y_ticks, (title, x_label, y_label))
    for number, (name, points) in enumerate(series.items()):
        parts += draw_series(x, y, number, name, points)
    return ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img">\n' % (WIDTH, HEIGHT) + STYLE
            + "\n" + "\n".join(parts) + "\n</svg>\n")
