"""The measured part of docs/performance.md: tables, and a chart of the ratios beside it.

    write(page, measured_part(machine, rows, figures), rows)

Only what stands between the two marks is replaced; why something falls short is written by hand."""

import math
import os
import statistics
import subprocess
import textwrap
from dataclasses import dataclass
from typing import List, Optional

BEGIN = "<!-- make bench writes from here -->"
END = "<!-- to here -->"
CHART = "performance-ratios.svg"


@dataclass
class Row:
    """Ours beside a limit, round by round."""
    name: str
    unit: str
    ours: List[float]
    limit: List[float]
    aim: Optional[float] = None
    lower_is_better: bool = False

    def ratios(self):
        return [a / b for a, b in zip(self.ours, self.limit)]

    def ratio(self):
        return statistics.median(self.ratios())

    def is_whole(self):
        return min(self.ours) > 0 and min(self.limit) > 0

    def verdict(self):
        if self.aim is None:
            return ""
        met = self.ratio() <= self.aim if self.lower_is_better else self.ratio() >= self.aim
        return "met" if met else "missed"


@dataclass
class Figure:
    """One number, with the most it should be."""
    name: str
    value: float
    unit: str
    aim: Optional[float]

    def verdict(self):
        return "" if self.aim is None else "met" if self.value <= self.aim else "missed"


def number(value):
    """Three figures that count, thousands apart."""
    if value == int(value) or value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.{max(0, 2 - int(math.floor(math.log10(value))))}f}"


def describe_machine(root, args):
    def said(*words):
        return subprocess.run(words, cwd=root, stdout=subprocess.PIPE, text=True,
                              check=False).stdout.strip()

    with open("/proc/cpuinfo") as cpus:
        model = next((line.split(":")[1].strip() for line in cpus if "model name" in line), "CPU")
    return (f"`tests/measure/run --rounds {args.rounds} --seconds {args.seconds:g}` at "
            f"{said('git', 'rev-parse', '--short', 'HEAD')}, {said('date', '-u', '+%d %B %Y')}; "
            f"{os.cpu_count()} processors ({model}), Linux {os.uname().release}, "
            f"{said('findmnt', '-n', '-o', 'FSTYPE', '--target', args.directory)}; load before the "
            f"run {os.getloadavg()[0]:.1f}. Server, client and limit share the processors, over "
            f"loopback. Memory 256 MiB, `sync` unless said otherwise, messages of 1,000 bytes in "
            f"the batches of 1 MiB. Median of the rounds, lowest and highest ratio beside it.")


def measured_part(machine, rows, figures):
    lines = [textwrap.fill(machine, 100, break_on_hyphens=False), "",
             f"![Ratios and aims]({CHART})", "",
             "| work | ours | limit | ratio | rounds | aim | |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        ratios = row.ratios()
        better = " (lower is better)" if row.lower_is_better else ""
        lines.append(f"| {row.name}{better} | {number(statistics.median(row.ours))} {row.unit} | "
                     f"{number(statistics.median(row.limit))} {row.unit} | **{row.ratio():.2f}** | "
                     f"{min(ratios):.2f} - {max(ratios):.2f} | "
                     f"{'' if row.aim is None else f'{row.aim:g}'} | {row.verdict()} |")
    lines += ["", "| figure | ours | aim | |", "|---|---|---|---|"]
    for one in figures:
        aim = "" if one.aim is None else f"{one.aim:,g} {one.unit}".strip()
        value = f"{number(one.value)} {one.unit}".strip()
        lines.append(f"| {one.name} | {value} | {aim} | {one.verdict()} |")
    return "\n".join(lines)


# ---- The chart ----

WIDTH, LEFT, RIGHT, TOP, STEP = 960, 490, 70, 40, 30
COLOURS = {"met": "#2da44e", "missed": "#d4740c", "": "#4493f8"}  # seen on white and on black


def draw(rows):
    """A line a row: the range of the ratios, their median, and a tick where the aim is."""
    values = [v for row in rows for v in row.ratios() + [row.aim or 1]]
    low, high = math.log(min(values) * 0.9), math.log(max(values) * 1.1)
    height = TOP + STEP * len(rows) + 30

    def x_of(value):
        return LEFT + (math.log(value) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
             'font-family="sans-serif" font-size="12" fill="#7d8590" role="img">',
             f'<text x="{LEFT}" y="16">ours / limit, logarithmic; the tick is the aim</text>']
    for mark in (v for v in (0.25, 0.5, 1, 2, 4, 8, 16) if low < math.log(v) < high):
        parts.append(f'<line x1="{x_of(mark):.1f}" x2="{x_of(mark):.1f}" y1="{TOP - 12}" '
                     f'y2="{height - 24}" stroke="#7d8590" stroke-opacity="0.35"/>'
                     f'<text x="{x_of(mark):.1f}" y="{height - 8}" text-anchor="middle">{mark:g}'
                     '</text>')
    for i, row in enumerate(rows):
        y, colour, ratios = TOP + STEP * i, COLOURS[row.verdict()], row.ratios()
        name = row.name.replace("`", "") + (" (less is better)" if row.lower_is_better else "")
        size = 12 if len(name) < 70 else 10
        parts.append(
            f'<text x="{LEFT - 12}" y="{y + 4}" text-anchor="end" font-size="{size}">{name}</text>'
            f'<line x1="{x_of(min(ratios)):.1f}" x2="{x_of(max(ratios)):.1f}" y1="{y}" y2="{y}" '
            f'stroke="{colour}" stroke-width="3" stroke-opacity="0.5"/>'
            f'<circle cx="{x_of(row.ratio()):.1f}" cy="{y}" r="5" fill="{colour}"/>'
            f'<text x="{WIDTH - 8}" y="{y + 4}" text-anchor="end" fill="{colour}">'
            f'{row.ratio():.2f}</text>')
        if row.aim is not None:
            parts.append(f'<line x1="{x_of(row.aim):.1f}" x2="{x_of(row.aim):.1f}" y1="{y - 9}" '
                         f'y2="{y + 9}" stroke="#7d8590" stroke-width="2"/>')
    return "\n".join(parts + ["</svg>", ""])


def write(page, part, rows):
    with open(page, encoding="utf-8") as file:
        before, rest = file.read().split(BEGIN)
    with open(page, "w", encoding="utf-8") as file:
        file.write(before + BEGIN + "\n\n" + part + "\n\n" + END + rest.split(END)[1])
    with open(os.path.join(os.path.dirname(page), CHART), "w", encoding="utf-8") as file:
        file.write(draw(rows))
