-- The :limit slices that were written last, newest first.
SELECT * FROM slices ORDER BY rowid DESC LIMIT :limit
