-- Who acted, by the last look, on what is waited for.
SELECT * FROM open_partners
