-- The version of the segment's layout. This query stays valid for every version.
SELECT schema FROM process LIMIT 1
