-- expand
-- Writer: validator. The rows that were refused, as a file to mend; null where there was none.
alter table validation.runs add column errors_object_key text;
