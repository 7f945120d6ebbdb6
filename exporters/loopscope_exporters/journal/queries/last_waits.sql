-- The :limit waits that were written last, newest first.
SELECT * FROM waits ORDER BY rowid DESC LIMIT :limit
