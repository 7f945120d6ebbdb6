-- The :limit holds that were written last, newest first.
SELECT * FROM holds ORDER BY rowid DESC LIMIT :limit
