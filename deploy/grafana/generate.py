#!/usr/bin/env python3
"""Writes the Grafana dashboard, loopscope.json beside this file, from panels.py."""

from __future__ import annotations

import argparse
from pathlib import Path
from string import ascii_uppercase
from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    BigValueGraphMode,
    GraphTresholdsStyleMode,  # their spelling
    LegendDisplayMode,
    LegendPlacement,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataSourceRef,
    Threshold,
    ThresholdsMode,
    VariableRefresh,
    VariableSort,
)
from panels import ROWS, Panel

if TYPE_CHECKING:
    from grafana_foundation_sdk.models.dashboard import Dashboard

HERE = Path(__file__).parent
SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
GLANCE = ROWS[0]
STAT_WIDTH, STAT_HEIGHT = 4, 4
GRAPH_WIDTH, GRAPH_HEIGHT = 8, 8


def build() -> Dashboard:
    board = (
        dashboard.Dashboard("loopscope")
        .uid("loopscope")
        .description("What async Python services are doing: jobs, loops, waits, executors.")
        .tags(["loopscope", "asyncio"])
        .readonly()
        .time("now-30m", "now")
        .refresh("10s")
        .tooltip(DashboardCursorSync.CROSSHAIR)
    )
    for variable in _variables():
        board.with_variable(variable)
    for row in ROWS:
        board.with_row(dashboard.Row(row.title))
        for panel in row.panels:
            board.with_panel(_number(panel) if row is GLANCE else _graph(panel))
    return board.build()


def _variables() -> tuple[dashboard.DatasourceVariable, dashboard.QueryVariable, dashboard.QueryVariable]:
    return (
        dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"),
        _label("job", "Scrape job", "label_values(loopscope_info, job)"),
        _label("instance", "Process", 'label_values(loopscope_info{job=~"$job"}, instance)'),
    )


def _label(name: str, title: str, query: str) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(name)
        .label(title)
        .query(query)
        .datasource(SOURCE)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
    )


def _number(panel: Panel) -> stat.Panel:
    number = (
        stat.Panel()
        .title(panel.title)
        .description(panel.meaning)
        .datasource(SOURCE)
        .unit(panel.unit)
        .thresholds(_thresholds(panel))
        .graph_mode(BigValueGraphMode.AREA)
        .span(STAT_WIDTH)
        .height(STAT_HEIGHT)
    )
    for target in _targets(panel):
        number.with_target(target)
    return number


def _graph(panel: Panel) -> timeseries.Panel:
    graph = (
        timeseries.Panel()
        .title(panel.title)
        .description(panel.meaning)
        .datasource(SOURCE)
        .unit(panel.unit)
        .min(0)
        .fill_opacity(10)
        .thresholds(_thresholds(panel))
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
        .span(GRAPH_WIDTH)
        .height(GRAPH_HEIGHT)
    )
    if panel.worrying is not None:
        graph.thresholds_style(common.GraphThresholdsStyleConfig().mode(GraphTresholdsStyleMode.DASHED))
    for target in _targets(panel):
        graph.with_target(target)
    return graph


def _targets(panel: Panel) -> list[prometheus.Dataquery]:
    return [
        prometheus.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(name)
        for name, query in zip(ascii_uppercase, panel.queries, strict=False)
    ]


def _thresholds(panel: Panel) -> dashboard.ThresholdsConfig:
    steps = [Threshold(value=None, color="green")]
    if panel.worrying is not None:
        steps.append(Threshold(value=panel.worrying, color="red"))
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=HERE / "loopscope.json", help="to write")
    text = JSONEncoder(sort_keys=True, indent=2).encode(build())
    parser.parse_args().file.write_text(text + "\n")


if __name__ == "__main__":
    main()
