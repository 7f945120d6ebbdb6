-- The writer's sign of life, at each drain; the last one also says that the segment, or the process, has ended.
UPDATE process
SET heartbeat = :heartbeat, drift = :drift, dropped = :dropped, open_since = :open_since,
    sealed = :sealed, ended = :ended
