-- All waits of the job :job, and those of its root task :root that overlap it; :until is its end.
SELECT *, 0 AS open FROM waits
WHERE job = :job OR (task = :root AND ended > :since AND started < :until)
UNION ALL
SELECT *, 1 FROM open_waits
WHERE :newest AND (job = :job OR (task = :root AND started < :until))
