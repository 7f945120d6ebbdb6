-- When work items of :jobs and :roots were in a worker.
SELECT id, task, job, started, ended, 0 AS open FROM items
WHERE rowid > :items_from AND started > 0
  AND (job IN (SELECT value FROM json_each(:jobs)) OR task IN (SELECT value FROM json_each(:roots)))
UNION ALL
SELECT id, task, job, started, ended, 1 FROM open_items
WHERE :newest AND started > 0
  AND (job IN (SELECT value FROM json_each(:jobs)) OR task IN (SELECT value FROM json_each(:roots)))
