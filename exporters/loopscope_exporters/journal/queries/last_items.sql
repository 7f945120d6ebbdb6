-- The :limit items that were written last, newest first.
SELECT * FROM items ORDER BY rowid DESC LIMIT :limit
