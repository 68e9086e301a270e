/* An empty folder to work in, gone afterwards: messages then say "nilometer.yaml:3:", wherever the test runs. */
#ifndef NILO_TESTS_CONFIG_SCRATCH_H
#define NILO_TESTS_CONFIG_SCRATCH_H

#include "support/nilo_test.h"

#include "config/config.h"

/* Group or test fixtures; the environment's NILOMETER_CONFIG is dropped too. */
int scratch_enter(void **state);
int scratch_leave(void **state);

void scratch_write(const char *name, const char *text, size_t len);

/** scratch_load - write text as nilometer.yaml and load that. Returns what nilo_config_load() does */
int scratch_load(const char *text, struct nilo_config **ret, struct nilo_err *err);
/** scratch_config - as scratch_load; the test fails, showing the message, where loading does.  owner  caller */
struct nilo_config *scratch_config(const char *text);
/** scratch_refused - the text must be refused with exactly that message */
void scratch_refused(const char *text, const char *message);

/* The keys at the top, as messages list them. */
#define KNOWN                                                                                                          \
    "store, thin_observations_after_days, drop_days_after, max_pages, raw_answers_days, workspaces, connections, metrics, platforms, connections_from_sql, hooks, taps, compat, publish, max_rows, auth, cron_secret, " \
    "cron_query_secret, limits, queries_per_minute"

#endif
