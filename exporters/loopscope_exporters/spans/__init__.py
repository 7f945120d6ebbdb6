"""OpenTelemetry spans of jobs, tasks, waits and work items, built off the loop from loopscope's records."""

from loopscope_exporters.spans.exporter import SpansExporter

__all__ = ["SpansExporter"]
