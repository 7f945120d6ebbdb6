-- The :limit samples that were written last, newest first.
SELECT * FROM samples ORDER BY rowid DESC LIMIT :limit
