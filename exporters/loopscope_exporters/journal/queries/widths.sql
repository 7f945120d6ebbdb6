-- How many columns each table has.
SELECT tables.name, COUNT(*)
FROM sqlite_schema AS tables JOIN pragma_table_info(tables.name)
WHERE tables.type = 'table'
GROUP BY tables.name
