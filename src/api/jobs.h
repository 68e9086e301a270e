/* The handlers behind which work is done that lasts: rpc/collect_daily_metrics, backfill_daily_metrics, refresh_metrics, and the cron paths. */
#ifndef NILO_API_JOBS_H
#define NILO_API_JOBS_H

#include "api/server.h"

#define NILO_JOB_DEADLINE (30 * NILO_US_MINUTE) /* the request waits so long for its job; the job goes on */

nilo_handler_fn nilo_job_collect;  /* POST {"target_date": day}                      -> {"metrics_collected","execution_time_ms","status"} */
nilo_handler_fn nilo_job_backfill; /* POST {"start_date": day, "end_date": day}      -> {"dates_processed","total_metrics","execution_time_ms"} */
nilo_handler_fn nilo_job_refresh;  /* POST {"workspace_id": name}                    -> {"ok","message","summary","details"} */
nilo_handler_fn nilo_job_by_get;   /* GET, HEAD of these: 405, they write */
nilo_handler_fn nilo_job_command;  /* POST over the Unix socket: api->command */
nilo_handler_fn nilo_job_cron;     /* GET, POST with the cron secret: refresh; ?workspace_id= */

#endif
