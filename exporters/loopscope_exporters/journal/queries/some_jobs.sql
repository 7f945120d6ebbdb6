-- The ended jobs with the ids of :ids, a JSON list.
SELECT * FROM jobs WHERE id IN (SELECT value FROM json_each(:ids))
