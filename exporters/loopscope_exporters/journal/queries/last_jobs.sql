-- The :limit jobs that were written last, newest first.
SELECT * FROM jobs ORDER BY rowid DESC LIMIT :limit
