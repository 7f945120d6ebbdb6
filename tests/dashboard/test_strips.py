"""The curves under a timeline."""

from loopscope_dashboard.explorer.strips import strips_of


def strip(history, kind):
    return next(strip for strip in strips_of(history) if strip.kind == kind)


def seconds(history, strip):
    return [
        (round((time - history.job.started) / 1e9, 3), value)
        for time, value in zip(strip.times, strip.values, strict=True)
    ]


def test_strips_stand_in_a_fixed_order(history, podcast):
    """Lag, waiters, queues, processor, memory."""
    assert [strip.kind for strip in strips_of(history(podcast))] == [
        "lag",
        "waiters",
        "depth",
        "cpu",
        "memory",
    ]


def test_waiters_are_counted_per_resource_over_time(history, podcast):
    """Nine of twelve chunks wait for three permits, and three get one every round."""
    read = history(podcast)
    waiters = strip(read, "waiters")
    assert waiters.title == "waiting for speech"
    assert [value for _, value in seconds(read, waiters)] == [9, 6, 3, 0]


def test_queue_depth_counts_what_was_queued_before_us(segment, history):
    """The depth told at submission includes other jobs' items; it falls as ours start."""
    job = segment.job("podcast", "1", 0, -10, -1)
    pool = segment.resource("executor", "encoder", 2)
    task = segment.task("chunk", -10, -1)
    segment.item(task, pool, -9, -7, -6, depth=4)
    segment.item(task, pool, -8, -5, -4, depth=2)
    read = history(job)
    assert seconds(read, strip(read, "depth")) == [(1.0, 5), (2.0, 3), (3.0, 2), (5.0, 1)]


def test_processor_use_is_the_slope_between_samples(segment, history):
    """Half a second of processor time in a second is 50 %, from the earlier sample on."""
    job = segment.job("podcast", "1", 0, -10, -1)
    segment.task("chunk", -10, -1)
    for at, cpu in ((-9, 1.0), (-8, 1.5), (-7, 3.5)):
        segment.sample(at, cpu, 50_000_000, 0.25)
    read = history(job)
    assert seconds(read, strip(read, "cpu")) == [(1.0, 50.0), (2.0, 200.0)]
    assert seconds(read, strip(read, "lag")) == [(1.0, 250_000.0)]


def test_only_the_busiest_resources_get_a_strip(segment, history):
    """Twenty locks would push everything else off the page."""
    job = segment.job("podcast", "1", 0, -10, -1)
    for number in range(20):
        lock = segment.resource("lock", f"lock-{number}")
        for _ in range(number + 1):
            segment.wait(segment.task("t", -9, -2), "lock", -8, -3, resource=lock)
    shown = [strip.title for strip in strips_of(history(job)) if strip.kind == "waiters"]
    assert shown == ["waiting for lock-19", "waiting for lock-18", "waiting for lock-17"]
