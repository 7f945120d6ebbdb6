-- What was in resources at the last look.
SELECT * FROM open_resources
