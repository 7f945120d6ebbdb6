-- What was open of blocks at the last look; some of it may have ended since and stand in the finished rows too.
SELECT * FROM open_blocks
