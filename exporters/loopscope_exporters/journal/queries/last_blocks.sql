-- The :limit blocks that were written last, newest first.
SELECT * FROM blocks ORDER BY rowid DESC LIMIT :limit
