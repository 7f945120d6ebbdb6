-- The job :job, finished or open; the finished row comes first.
WITH every AS (
    SELECT *, 0 AS open FROM jobs WHERE id = :job
    UNION ALL
    SELECT *, 1 AS open FROM open_jobs WHERE :newest AND id = :job
)
SELECT every.id, name, key, kind, parent, root_task, started, ended, outcome, exception, progress, thinned, stuck,
       open,
       COALESCE(file, '') AS file, COALESCE(line, 0) AS line, COALESCE(function, '') AS function
FROM every LEFT JOIN places ON places.id = every.place
ORDER BY open
