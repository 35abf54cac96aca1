"""Figures as a table whose last columns are ratios: those hold on another machine, the others do not."""

from dataclasses import dataclass

from tests.load.generator import Measured


@dataclass(frozen=True)
class Row:
    name: str
    ours: Measured
    floor: Measured
    reference: Measured | None = None


def print_table(title: str, rows: list[Row]) -> None:
    print(f"\n{title}\n")
    head = [
        "",
        "ours",
        "p50 ms",
        "p99 ms",
        "SQL floor",
        "reference",
        "floor / ours",
        "ours / reference",
        "refused",
    ]
    print_columns(
        head,
        [
            [
                row.name,
                f"{row.ours.rate:.0f}",
                f"{row.ours.p50:.1f}",
                f"{row.ours.p99:.1f}",
                f"{row.floor.rate:.0f}",
                f"{row.reference.rate:.0f}" if row.reference else "-",
                f"{row.floor.rate / row.ours.rate:.2f}" if row.ours.rate else "-",
                f"{row.ours.rate / row.reference.rate:.2f}" if row.reference and row.reference.rate else "-",
                str(row.ours.refused + (row.reference.refused if row.reference else 0)),
            ]
            for row in rows
        ],
    )


def print_columns(head: list[str], lines: list[list[str]]) -> None:
    widths = [max(len(line[column]) for line in [head, *lines]) for column in range(len(head))]
    for line in [head, ["-" * width for width in widths], *lines]:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |")
