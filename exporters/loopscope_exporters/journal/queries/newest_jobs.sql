-- The :limit jobs that started last, open ones before all others: a job that hangs is listed however many came
-- after it. Open work counts only in the newest segment of a process (:newest): an older
-- one may hold what was open when the process was killed between opening a segment and sealing the one before.
WITH every AS (
    SELECT *, 0 AS open FROM jobs
    UNION ALL
    SELECT *, 1 AS open FROM open_jobs WHERE :newest
)
SELECT every.id, name, key, kind, parent, root_task, started, ended, outcome, exception, progress, thinned, stuck,
       open,
       COALESCE(file, '') AS file, COALESCE(line, 0) AS line, COALESCE(function, '') AS function
FROM every LEFT JOIN places ON places.id = every.place
ORDER BY open DESC, started DESC LIMIT :limit
