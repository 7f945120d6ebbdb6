-- The :limit spinning tasks that were written last, newest first.
SELECT * FROM spins ORDER BY rowid DESC LIMIT :limit
