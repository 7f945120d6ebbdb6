-- What the process used while the job ran, with one sample before it so that rates have a beginning.
SELECT at, cpu, memory, threads, files, own_cpu, lag FROM samples
WHERE at >= COALESCE((SELECT MAX(at) FROM samples WHERE at <= :since), 0) AND at <= :until
ORDER BY at
