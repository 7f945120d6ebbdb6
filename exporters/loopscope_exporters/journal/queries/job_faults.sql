-- Faults of this process while the job ran.
SELECT *, 0 AS open FROM faults WHERE ended >= :since AND at <= :until
UNION ALL
SELECT *, 1 FROM open_faults WHERE :newest AND at <= :until
