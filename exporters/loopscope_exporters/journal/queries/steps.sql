-- Long steps of the tasks of :jobs and of those that opened them, :roots.
SELECT task, started, ended FROM slices
WHERE job IN (SELECT value FROM json_each(:jobs)) OR task IN (SELECT value FROM json_each(:roots))
