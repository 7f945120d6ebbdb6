-- The :limit accounts of loops that were written last, newest first.
SELECT * FROM loop_uses ORDER BY rowid DESC LIMIT :limit
