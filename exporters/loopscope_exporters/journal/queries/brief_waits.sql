-- Waits that must be looked at one by one: those for something outside the process, those of the tasks that opened
-- the jobs, which may reach beyond a job, and those that are open. An open row that has ended since the open rows
-- were last written is left out.
SELECT task, job, kind, resource, detail, started, ended, 0 AS open FROM waits
WHERE rowid > :waits_from
  AND (task IN (SELECT value FROM json_each(:roots))
       OR (kind IN ('http', 'io', 'write', 'child') AND job IN (SELECT value FROM json_each(:jobs))))
UNION ALL
SELECT task, job, kind, resource, detail, started, ended, 1 FROM open_waits
WHERE :newest
  AND (job IN (SELECT value FROM json_each(:jobs)) OR task IN (SELECT value FROM json_each(:roots)))
  AND (task, started) NOT IN (
      SELECT task, started FROM waits WHERE rowid > (SELECT open_since FROM process)
  )
