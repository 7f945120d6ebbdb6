-- The :limit hot lines that were written last, newest first.
SELECT * FROM hotspots ORDER BY rowid DESC LIMIT :limit
