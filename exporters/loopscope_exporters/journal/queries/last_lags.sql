-- The :limit long iterations that were written last, newest first.
SELECT * FROM lags ORDER BY rowid DESC LIMIT :limit
