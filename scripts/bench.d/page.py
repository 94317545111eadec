"""Puts tables and plots into docs/performance.md and docs/plots/.

A part's place in the page is between '<!-- bench: PART -->' and '<!-- end of bench -->'."""
import re

from builds import TOP

PAGE = TOP / "docs" / "performance.md"
PLOTS = TOP / "docs" / "plots"
TITLE = re.compile(r'<text class="title"[^>]*>([^<]*)</text>')


def place(part):
    return re.compile(r"(<!-- bench: %s -->\n).*?(\n?<!-- end of bench -->)" % re.escape(part), re.DOTALL)


def put(part, text, plots):
    page = PAGE.read_text(encoding="utf-8")
    if not place(part).search(page):
        raise SystemExit("bench: %s has no place for %s" % (PAGE.relative_to(TOP), part))
    PLOTS.mkdir(exist_ok=True)
    for name, svg in plots.items():
        (PLOTS / (name + ".svg")).write_text(svg, encoding="utf-8")
        text += "\n![%s](plots/%s.svg)\n" % (TITLE.search(svg).group(1), name)
    page = place(part).sub(lambda found: found.group(1) + "\n" + text + found.group(2), page)
    PAGE.write_text(page, encoding="utf-8")
