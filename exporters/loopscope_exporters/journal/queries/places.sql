-- Every source line the segment mentions.
SELECT id, file, line, function FROM places
