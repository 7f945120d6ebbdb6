-- The :limit faults that were written last, newest first.
SELECT * FROM faults ORDER BY rowid DESC LIMIT :limit
