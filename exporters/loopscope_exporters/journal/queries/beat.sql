-- The writer's sign of life, at each drain; the last one also says that the segment, or the process, has ended.
-- Numbered: for each name of a parameter Python's sqlite3 gives the GIL away and waits for it again.
UPDATE process
SET heartbeat = ?1, drift = ?2, dropped = ?3, open_since = ?4, sealed = ?5, ended = ?6
