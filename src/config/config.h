/* nilometer.yaml into checked structs (libcyaml); defaults; environment. Knows no store and no network.
 * An error names file, line and key: "nilometer.yaml:12: metrics[2].agregation: unknown key; did you mean aggregation?" */
#ifndef NILO_CONFIG_CONFIG_H
#define NILO_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/env.h"
#include "base/err.h"

/* A user-defined metric of items (top-level `metrics:` list). */
struct nilo_config_metric {
    char *name;         /* [a-z][a-z0-9_]{0,47} */
    char *type;         /* count (default), average, percentage, aggregate */
    char *aggregation;  /* level (default) or flow */
    char *kind;         /* instant (default) or period */
    int scale;          /* 0..9; default 0 for counts, 6 for averages and percentages */
    char *currency;     /* NULL or ISO 4217 */
    char *display_name, *description, *unit, *format_pattern; /* NULL = none */
    int line;
};

/* A metric that an SQL connection computes. Either a count of a table's rows or (from No. 2 on) a statement. */
struct nilo_config_sql_metric {
    char *name;        /* category: posts_total */
    char *type;        /* count */
    char *table;       /* "posts" or "schema.posts" */
    char *timestamp;   /* its column, default created_at */
    char *mode;        /* "total" (rows up to the day's end) or "created" (rows of the day) */
    char *display_name, *description, *unit;
    int64_t expected_min, expected_max; /* INT64_MIN / INT64_MAX = not set */
    int line;
};

struct nilo_config_connection {
    char *name;       /* required, unique in its workspace */
    char *workspace;  /* default "default" */
    char *platform;   /* sql (more with later connectors; unknown ones are refused naming the known) */
    char *database;   /* sql: a path, or postgres:// URL, or env:NAME / file:PATH (resolved by nilo_config_secret) */
    char *users, *posts, *comments; /* sql: the three lines: "table" or "table.column" (timestamp column, default created_at) */
    struct nilo_config_sql_metric *metrics; /* sql: more of them */
    int n_metrics;
    int64_t settle_hours;   /* -1 = the platform's default */
    int64_t timeout_ms;     /* a statement; default 30000 */
    int line;
};

struct nilo_config_workspace {
    char *name;
    char *zone; /* default UTC; checked by nilo_zone_load */
    int line;
};

struct nilo_config {
    char *path;  /* where it was read from, NULL = defaults only */
    char *store; /* NULL = not given here */
    struct nilo_config_workspace *workspaces;
    int n_workspaces;
    struct nilo_config_connection *connections;
    int n_connections;
    struct nilo_config_metric *metrics;
    int n_metrics;
};

/** nilo_config_load - path NULL: NILO_CONFIG from the environment, else ./nilometer.yaml when it exists, else defaults only
 *  errors  NILO_ECONFIG file:line: key: what, and what is allowed (unknown key, wrong type, missing required key, duplicate name, bad zone,
 *          secret given inline where only env:/file: are taken); NILO_ENOENT the named file does not exist
 *  owner   caller, nilo_config_free() */
int nilo_config_load(const char *path, const struct nilo_env *env, struct nilo_config **ret, struct nilo_err *err);
void nilo_config_free(struct nilo_config *c);

/** nilo_config_secret - resolves "env:NAME" and "file:PATH" (trailing newline cut); any other text is returned as is. caller frees */
int nilo_config_secret(const char *value, char **ret, struct nilo_err *err);

#endif
