-- From which row on the long tables can hold what ended at :since or later. Rows are written after they ended, so
-- what was written by then ended by then.
SELECT COALESCE(MAX(tasks), 0) AS tasks_from, COALESCE(MAX(waits), 0) AS waits_from,
       COALESCE(MAX(holds), 0) AS holds_from, COALESCE(MAX(items), 0) AS items_from
FROM marks WHERE at < :since
