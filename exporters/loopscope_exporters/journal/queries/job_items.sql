-- All items of the job :job, and those of its root task :root that overlap it, whatever job they name: that task
-- may have gone on to other jobs before its rows were written. :until is the job's end.
-- :items_from skips what was written before the job began.
SELECT *, 0 AS open FROM items
WHERE rowid > :items_from AND ((job = :job AND task <> :root) OR (task = :root AND ended > :since AND submitted < :until))
UNION ALL
SELECT *, 1 FROM open_items
WHERE :newest AND ((job = :job AND task <> :root) OR (task = :root AND submitted < :until))
