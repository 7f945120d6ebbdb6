-- All holds of the job :job, and those of its root task :root that overlap it, whatever job they name: that task
-- may have gone on to other jobs before its rows were written. :until is the job's end.
-- :holds_from skips what was written before the job began.
SELECT *, 0 AS open FROM holds
WHERE rowid > :holds_from AND ((job = :job AND task <> :root) OR (task = :root AND released > :since AND acquired < :until))
UNION ALL
SELECT *, 1 FROM open_holds
WHERE :newest AND ((job = :job AND task <> :root) OR (task = :root AND acquired < :until))
