/* /metrics: the daemon itself, in the text format of Prometheus. */
#ifndef NILO_API_OWN_METRICS_H
#define NILO_API_OWN_METRICS_H

#include "api/server.h"

nilo_handler_fn nilo_own_metrics; /* on a worker: some of it is asked of the store. Where that does not answer, the rest is told */

#endif
