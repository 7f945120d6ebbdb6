-- The tasks of the job :job, and its root task :root, which may have been another job's before or after.
-- :tasks_from skips what was written before the job began.
SELECT *, 0 AS open FROM tasks WHERE rowid > :tasks_from AND (job = :job OR id = :root)
UNION ALL
SELECT *, 1 FROM open_tasks WHERE :newest AND (job = :job OR id = :root)
