-- Waits that were open at the last look and have not ended since.
SELECT * FROM open_waits
WHERE (task, started) NOT IN (
    SELECT task, started FROM waits WHERE rowid > (SELECT open_since FROM process)
)
