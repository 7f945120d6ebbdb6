-- Long steps of the job :job, and those of its root task :root that overlap it; :until is its end.
SELECT task, job, started, ended FROM slices
WHERE job = :job OR (task = :root AND ended > :since AND started < :until)
