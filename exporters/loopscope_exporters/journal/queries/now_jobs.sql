-- What was open of jobs at the last look; some of it may have ended since and stand in the finished rows too.
SELECT * FROM open_jobs
