-- The writer's sign of life, at each drain; the last one also says that the segment, or the process, has ended.
-- Not by name: for each name of a parameter Python's sqlite3 gives the GIL away and waits for it again.
UPDATE process
SET heartbeat = ?, drift = ?, dropped = ?, open_since = ?, sealed = ?, ended = ?
