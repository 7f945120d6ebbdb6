-- What the process found, and what was over again, in the order in which it happened.
SELECT at, over, kind, severity, confidence, job, victims, resource, code, since, evidence, explain, fix,
       COALESCE(file, '') AS file, COALESCE(line, 0) AS line, COALESCE(function, '') AS function
FROM findings LEFT JOIN places ON places.id = findings.place
ORDER BY findings.rowid
