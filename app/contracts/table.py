"""Items of the one DynamoDB state table: partition key `pk`, sort key `sk`, both strings.

| pk    | sk         | what                                                                              |
|-------|------------|-----------------------------------------------------------------------------------|
| LOCK  | RUN        | owner (run id), input (JSON of RunInput), claimed_at; exists while a run is active  |
| JOB   | <job name> | token, kind, run_id, execution_arn, created_at, requested; written before the       |
|       |            | create call; <job name> is the endpoint's name or the model package's ARN for those |
| GATE  | LAST_FAILURE | run_id, error, started_at, ended_at, failures: the inbox as it is made a run fail  |
| SERVING | MOVE     | config, stage, why, at, busy_until: the champion on its way to another way of serving      |
| RUN   | <run id>   | status, outcome, started_at, ended_at, summary: the quick list behind `app runs`;  |
|       |            | usd, saved_usd, prices_as_of, unpriced: a month's runs, whose ids begin with it,    |
|       |            | are one query, and their sum is what the month cost                                 |
"""

LOCK_PK, LOCK_SK = "LOCK", "RUN"
JOB_PK = "JOB"
RUN_PK = "RUN"
SERVING_PK, MOVE_SK = "SERVING", "MOVE"
GATE_PK, LAST_FAILURE_SK = "GATE", "LAST_FAILURE"
