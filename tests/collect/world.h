/* A small world to collect in: an application's database, a store, a configuration and a clock that is moved by hand. */
#ifndef NILO_TESTS_COLLECT_WORLD_H
#define NILO_TESTS_COLLECT_WORLD_H

#include <stdbool.h>

#include "collect/collect.h"
#include "keys/keys.h"

#define WORLD_RUNS 16

struct world_run {
    char workspace[64], connection[64], status[16], error[512];
    char failures[8][512]; /* "metric class message" */
    char note[512], details[1024]; /* the first note */
    size_t n_failures, n_notes;
    int64_t run, readings, unchanged, differ;
    nilo_day first_day, last_day;
    int metrics_collected, days_closed;
};
struct world {
    char store_path[256], config_path[256];
    struct nilo_virtual_clock clock;
    struct nilo_seeded_random random;
    struct nilo_env env;
    struct nilo_store *store;
    struct nilo_config *config;
    /* of the last world_collect() */
    struct nilo_collect_result result;
    struct nilo_err err;
    struct world_run runs[WORLD_RUNS];
    size_t n_runs;
};

/** world_init - a new store (path or URL; NULL = a new file) and this configuration text; the clock stands at `now` (ISO 8601) */
void world_init(struct world *w, const char *name, const char *store, const char *config, const char *now);
void world_done(struct world *w);
/** world_ring - keys for the store, where they are looked for (NILOMETER_KEYS).  owner  caller, nilo_keys_free() */
struct nilo_keys *world_ring(struct world *w);
void world_now(struct world *w, const char *now);
void world_config(struct world *w, const char *config);

/** world_collect - everything due, or a day (YYYY-MM-DD); the runs are kept in w. Returns what nilo_collect() does */
int world_collect(struct world *w, const char *day);
int world_collect_with(struct world *w, const struct nilo_collect_options *o);
/* The same, and every run has to be completed. */
void world_collects(struct world *w, const char *day);

/* What the record shows of an app metric: value, or INT64_MIN + absence, or INT64_MIN when there is nothing. */
int64_t world_value(struct world *w, const char *connection, const char *metric, const char *day);
struct nilo_connection world_connection(struct world *w, const char *name);

/* Statements on a database of the application, made where it is absent. */
void world_sql(const char *target, const char *sql);
int64_t world_count(const char *target, const char *sql);

nilo_day world_day(const char *text);
nilo_us world_us(const char *text);

#endif
