-- The resources with the ids of :ids, a JSON list. The last row of an id knows most: a name may be found late.
SELECT id, kind, name, capacity, place, workers FROM resources
WHERE id IN (SELECT value FROM json_each(:ids))
ORDER BY rowid
