-- All items of the job :job, and those of its root task :root that overlap it; :until is its end.
SELECT *, 0 AS open FROM items
WHERE job = :job OR (task = :root AND ended > :since AND submitted < :until)
UNION ALL
SELECT *, 1 FROM open_items
WHERE :newest AND (job = :job OR (task = :root AND submitted < :until))
