-- All tasks of the job :job, and those of its root task :root that overlap it; :until is its end.
SELECT *, 0 AS open FROM tasks
WHERE job = :job OR (id = :root AND ended > :since AND created < :until)
UNION ALL
SELECT *, 1 FROM open_tasks
WHERE :newest AND (job = :job OR (id = :root AND created < :until))
