-- Life and running time of the tasks of :jobs and of those that opened them, :roots; both JSON lists of ids.
SELECT id, job, created, ended, first_run, last_ran, running, 0 AS open FROM tasks
WHERE rowid > :tasks_from
  AND (job IN (SELECT value FROM json_each(:jobs)) OR id IN (SELECT value FROM json_each(:roots)))
UNION ALL
SELECT id, job, created, ended, first_run, last_ran, running, 1 FROM open_tasks
WHERE :newest
  AND (job IN (SELECT value FROM json_each(:jobs)) OR id IN (SELECT value FROM json_each(:roots)))
