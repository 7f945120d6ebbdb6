-- All holds of the job :job, and those of its root task :root that overlap it; :until is its end.
SELECT *, 0 AS open FROM holds
WHERE job = :job OR (task = :root AND released > :since AND acquired < :until)
UNION ALL
SELECT *, 1 FROM open_holds
WHERE :newest AND (job = :job OR (task = :root AND acquired < :until))
