-- The ended tasks with the ids of :ids, a JSON list.
SELECT * FROM tasks WHERE id IN (SELECT value FROM json_each(:ids))
