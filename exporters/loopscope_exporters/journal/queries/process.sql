-- Which process wrote the segment, and how far it got.
SELECT id, service, host, pid, parent_pid, started, python, version, boot_ticks, segment, opened,
       heartbeat, drift, sealed, ended, dropped, stuck_after
FROM process LIMIT 1
