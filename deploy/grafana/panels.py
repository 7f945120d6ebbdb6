"""What the dashboard shows: rows of panels, each a question with its PromQL."""  # noqa: INP001  beside its script

from __future__ import annotations

from typing import NamedTuple

HERE = 'job=~"$job", instance=~"$instance"'  # the processes chosen at the top of the dashboard
RATE = "$__rate_interval"

SECONDS, BYTES, SHARE, COUNT = "s", "bytes", "percentunit", "short"
PER_SECOND, PER_MINUTE = "ops", "opm"


class Query(NamedTuple):
    expr: str
    legend: str


class Panel(NamedTuple):
    """``worrying`` is the value from which a panel turns red; None where no value is wrong in itself."""

    title: str
    meaning: str
    unit: str
    queries: tuple[Query, ...]
    worrying: float | None = None


class Row(NamedTuple):
    title: str
    panels: tuple[Panel, ...]


def total(metric: str) -> str:
    """One number; 0 where no process has such a thing yet."""
    return f"sum({metric}{{{HERE}}}) or vector(0)"


def level(metric: str, *labels: str) -> str:
    return f"sum by ({', '.join(labels)}) ({metric}{{{HERE}}})"


def rate(metric: str, *labels: str) -> str:
    return f"sum by ({', '.join(labels)}) (rate({metric}{{{HERE}}}[{RATE}]))"


def quantile(share: float, metric: str, *labels: str) -> str:
    return f"histogram_quantile({share}, {rate(metric + '_bucket', *labels, 'le')})"


GLANCE = (
    Panel(
        "Stuck jobs",
        "Open jobs of which nothing moves. Should be 0.",
        COUNT,
        (Query(total("loopscope_jobs_stuck"), "stuck"),),
        worrying=1,
    ),
    Panel(
        "Running jobs",
        "Open jobs, the stuck ones included.",
        COUNT,
        (Query(total("loopscope_jobs_running"), "running"),),
    ),
    Panel(
        "Loop blocked",
        "Share of the time in which the most affected loop could not turn. Should be 0.",
        SHARE,
        (Query(f"max({rate('loopscope_blocked_seconds_total', 'instance')})", "blocked"),),
        worrying=0.05,
    ),
    Panel(
        "Items queued",
        "Work items for which no worker is free. Near 0.",
        COUNT,
        (Query(total("loopscope_executor_queue_depth"), "queued"),),
        worrying=100,
    ),
    Panel(
        "Dropped records",
        "Records that loopscope could not keep; above 0 the other numbers are too low.",
        COUNT,
        (Query(total("loopscope_dropped_records_total"), "dropped"),),
        worrying=1,
    ),
    Panel(
        "Processes",
        "Processes that answered the last scrape.",
        COUNT,
        (Query(f"count(loopscope_info{{{HERE}}})", "processes"),),
    ),
)

JOBS = (
    Panel(
        "Jobs running",
        "Returns to its usual level after each burst of work.",
        COUNT,
        (Query(level("loopscope_jobs_running", "job_name"), "{{job_name}}"),),
    ),
    Panel(
        "Job duration",
        "Median and 95th percentile of jobs that ended. Jobs that hang are not in it: see stuck jobs.",
        SECONDS,
        (
            Query(quantile(0.5, "loopscope_job_duration_seconds", "job_name"), "{{job_name}} p50"),
            Query(quantile(0.95, "loopscope_job_duration_seconds", "job_name"), "{{job_name}} p95"),
        ),
    ),
    Panel(
        "Jobs finished",
        "By outcome. Errors near 0.",
        PER_SECOND,
        (
            Query(
                rate("loopscope_jobs_finished_total", "job_name", "outcome"),
                "{{job_name}} {{outcome}}",
            ),
        ),
    ),
    Panel(
        "Stuck jobs by name",
        "Which jobs do not move.",
        COUNT,
        (Query(level("loopscope_jobs_stuck", "job_name"), "{{job_name}}"),),
        worrying=1,
    ),
    Panel(
        "Open tasks",
        "By state. Growth without end is a leak; many pending ones are a busy loop.",
        COUNT,
        (Query(level("loopscope_tasks", "state"), "{{state}}"),),
    ),
    Panel(
        "Tasks finished",
        "By outcome. never_started and destroyed_pending are tasks that nobody kept: they should stay 0.",
        PER_SECOND,
        (Query(rate("loopscope_tasks_finished_total", "outcome"), "{{outcome}}"),),
    ),
)

LOOP = (
    Panel(
        "Loop lag",
        "How long iterations keep everything else waiting. Healthy loops stay under 10 ms.",
        SECONDS,
        (
            Query(quantile(0.5, "loopscope_loop_lag_seconds", "instance"), "{{instance}} p50"),
            Query(quantile(0.99, "loopscope_loop_lag_seconds", "instance"), "{{instance}} p99"),
        ),
        worrying=0.1,
    ),
    Panel(
        "Loop blocked by cause",
        "Share of the time; blocks that still last are in it.",
        SHARE,
        (Query(rate("loopscope_blocked_seconds_total", "instance", "cause"), "{{instance}} {{cause}}"),),
        worrying=0.05,
    ),
    Panel(
        "Blocks",
        "How often a loop was blocked. The explorer names the lines.",
        PER_MINUTE,
        (Query(f"60 * {rate('loopscope_blocks_total', 'instance', 'cause')}", "{{instance}} {{cause}}"),),
        worrying=1,
    ),
)

WAITING = (
    Panel(
        "Oldest wait",
        "Age of the longest wait that has not ended. A straight line up is a wait that nobody ends.",
        SECONDS,
        (
            Query(
                f"max by (kind, resource) (loopscope_wait_oldest_seconds{{{HERE}}})", "{{kind}} {{resource}}"
            ),
        ),
    ),
    Panel(
        "Waits, 95th percentile",
        "Of waits that have ended, by what was waited for.",
        SECONDS,
        (Query(quantile(0.95, "loopscope_wait_seconds", "kind", "resource"), "{{kind}} {{resource}}"),),
    ),
    Panel(
        "Time waited",
        "Seconds that tasks spend waiting in each second: what the service's time goes into.",
        COUNT,
        (Query(rate("loopscope_wait_seconds_sum", "kind", "resource"), "{{kind}} {{resource}}"),),
    ),
    Panel(
        "Waiters",
        "Tasks that wait for a permit or a message now.",
        COUNT,
        (Query(level("loopscope_resource_waiters", "kind", "resource"), "{{kind}} {{resource}}"),),
    ),
    Panel(
        "Permits in use",
        "Share of the permits, or of a bounded queue's places. At 100 % whoever comes next waits.",
        SHARE,
        (
            Query(
                f"{level('loopscope_resource_permits_in_use', 'kind', 'resource')}"
                f" / {level('loopscope_resource_permits', 'kind', 'resource')}",
                "{{kind}} {{resource}}",
            ),
        ),
        worrying=1,
    ),
)

EXECUTORS = (
    Panel(
        "Queue depth",
        "Work items that no worker has begun. Near 0.",
        COUNT,
        (Query(level("loopscope_executor_queue_depth", "executor"), "{{executor}}"),),
    ),
    Panel(
        "Busy workers",
        "Share of the workers. At 100 % work queues.",
        SHARE,
        (
            Query(
                f"{level('loopscope_executor_busy_workers', 'executor')}"
                f" / {level('loopscope_executor_workers', 'executor')}",
                "{{executor}}",
            ),
        ),
        worrying=1,
    ),
    Panel(
        "Time in the queue, 95th percentile",
        "Too few workers show here. Near 0.",
        SECONDS,
        (Query(quantile(0.95, "loopscope_executor_queue_wait_seconds", "executor"), "{{executor}}"),),
    ),
    Panel(
        "Time in a worker, 95th percentile",
        "Slow work shows here.",
        SECONDS,
        (Query(quantile(0.95, "loopscope_executor_run_seconds", "executor"), "{{executor}}"),),
    ),
    Panel(
        "Work items finished",
        "By outcome. Errors near 0.",
        PER_SECOND,
        (Query(rate("loopscope_executor_items_total", "executor", "outcome"), "{{executor}} {{outcome}}"),),
    ),
)

PROCESS = (
    Panel(
        "Processor",
        "Processors in use, all threads of a process. One loop uses at most one.",
        COUNT,
        (Query(rate("loopscope_process_cpu_seconds_total", "instance"), "{{instance}}"),),
    ),
    Panel(
        "Memory",
        "Resident bytes. Levels off under steady load.",
        BYTES,
        (Query(level("loopscope_process_memory_bytes", "instance"), "{{instance}}"),),
    ),
    Panel(
        "Threads and open files",
        "Both level off.",
        COUNT,
        (
            Query(level("loopscope_process_threads", "instance"), "{{instance}} threads"),
            Query(level("loopscope_process_open_files", "instance"), "{{instance}} files"),
        ),
    ),
    Panel(
        "loopscope's own processor time",
        "Share of one processor that observing costs. Under 5 %.",
        SHARE,
        (Query(rate("loopscope_own_cpu_seconds_total", "instance"), "{{instance}}"),),
        worrying=0.05,
    ),
    Panel(
        "loopscope's own faults and drops",
        "Errors inside loopscope and records it could not keep. Both should be 0.",
        COUNT,
        (
            Query(
                f"{level('loopscope_faults_total', 'instance', 'place')}"
                f" or 0 * {level('loopscope_info', 'instance')}",
                "{{instance}} faults {{place}}",
            ),
            Query(
                level("loopscope_dropped_records_total", "instance", "kind"), "{{instance}} dropped {{kind}}"
            ),
        ),
        worrying=1,
    ),
)

ROWS = (
    Row("At a glance", GLANCE),
    Row("Jobs and tasks", JOBS),
    Row("Event loop", LOOP),
    Row("Waiting", WAITING),
    Row("Executors", EXECUTORS),
    Row("Process, and loopscope itself", PROCESS),
)
