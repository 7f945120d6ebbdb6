-- The :limit tasks that were written last, newest first.
SELECT * FROM tasks ORDER BY rowid DESC LIMIT :limit
