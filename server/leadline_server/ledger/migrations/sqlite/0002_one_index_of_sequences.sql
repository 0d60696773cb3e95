-- Pruning goes account by account now, by the index that watchers need.
DROP INDEX call_logs_by_sequence;
