-- The longest finished wait of each of :jobs, but not of the tasks that opened them. Waits for tasks are left out:
-- that a job waits for its own tasks explains nothing. With MAX(), SQLite takes the other columns from that row.
SELECT job, kind, resource, detail, MAX(ended - started) FROM waits
WHERE rowid > :waits_from
  AND job IN (SELECT value FROM json_each(:jobs))
  AND task NOT IN (SELECT value FROM json_each(:roots))
  AND kind NOT IN ('gather', 'task')
GROUP BY job
