-- What is due of some accounts is found past any number of calls of the others.
CREATE INDEX call_logs_by_account_due ON call_logs (account_id, next_attempt_time) WHERE next_attempt_time IS NOT NULL;
