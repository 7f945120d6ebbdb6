-- When the loops of this process were blocked, since :since.
SELECT id, started, ended, 0 AS open FROM blocks WHERE ended > :since
UNION ALL
SELECT id, started, ended, 1 FROM open_blocks WHERE :newest
