"""Where records go: journal, Prometheus, OpenTelemetry spans."""
