-- Blocks of this process that overlap the job.
SELECT *, 0 AS open FROM blocks WHERE ended > :since AND started < :until
UNION ALL
SELECT *, 1 FROM open_blocks WHERE :newest AND started < :until
