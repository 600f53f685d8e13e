-- Where the people of a branch dial numbers without +, ISO 3166; NULL for the server's own. The text by
-- which jobs are found is folded anew: the server fills it when it starts.
ALTER TABLE branches ADD COLUMN region TEXT;
