"""Items of the one DynamoDB state table: partition key `pk`, sort key `sk`, both strings.

| pk    | sk         | what                                                                              |
|-------|------------|-----------------------------------------------------------------------------------|
| LOCK  | RUN        | owner (run id), input (JSON of RunInput), claimed_at; exists while a run is active  |
| JOB   | <job name> | token, kind, run_id, execution_arn, created_at; written before the create call     |
| RUN   | <run id>   | status, outcome, started_at, ended_at, summary: the quick list behind `app runs`   |
"""

LOCK_PK, LOCK_SK = "LOCK", "RUN"
JOB_PK = "JOB"
RUN_PK = "RUN"
