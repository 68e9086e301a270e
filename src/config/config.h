/* nilometer.yaml into checked structs (libcyaml); defaults; environment. Knows no store and no network.
 * An error names file, line and key: "nilometer.yaml:12: metrics[2].agregation: unknown key; did you mean "aggregation"?" */
#ifndef NILO_CONFIG_CONFIG_H
#define NILO_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/env.h"
#include "base/err.h"

/* A user-defined metric of items (top-level `metrics:` list). */
struct nilo_config_metric {
    char *name;         /* [a-z][a-z0-9_]{0,47}, no reserved word */
    char *type;         /* count (default), average, percentage, aggregate */
    char *aggregation;  /* level (default) or flow */
    char *kind;         /* instant (default) or period */
    int scale;          /* 0..9; default 0 for counts and aggregates, 6 for averages and percentages */
    char *currency;     /* NULL or ISO 4217 */
    char *display_name, *description, *unit, *format_pattern; /* NULL = none */
    int line;
};

/* A metric that an SQL connection computes. Either a count of a table's rows, or a statement. */
struct nilo_config_sql_metric {
    char *name;        /* category: posts_total; [a-z][a-z0-9_]{0,47}, reserved words are fine here */
    char *type;        /* count, average, percentage, aggregate; all but count have a statement */
    char *table;       /* "posts" or "schema.posts", each part bare or a double-quoted SQL identifier: nilo_config_sql_quote(); NULL: statement */
    char *timestamp;   /* its column, default created_at; bare or a double-quoted SQL identifier */
    char *filter;      /* NULL, or the condition that rows of the table meet: nilo_config_sql_filter() */
    char *statement;   /* NULL, or the SELECT that gives the values: nilo_config_sql_statement() */
    char *mode;        /* "total" (rows up to the day's end) or "created" (rows of the day) */
    int scale;         /* 0..9; default 0 for counts and aggregates, 6 for averages and percentages; 0 for a table */
    char *display_name, *description, *unit;
    char *expected_min, *expected_max; /* numbers with up to 9 decimal places, nilo_config_compare(); NULL = not set */
    int line;
};

struct nilo_config_connection {
    char *name;       /* required, unique in its workspace */
    char *workspace;  /* default "default" */
    char *platform;   /* facebook, instagram, sql, tiktok, tiktok_research, tiktok_shop, youtube (unknown ones are refused naming the known) */
    char *database;   /* sql: a path, or postgres:// URL, or env:NAME / file:PATH (resolved by nilo_config_secret) */
    char *users, *posts, *comments; /* sql: the three lines: "table" or "table(column)" (timestamp column, default created_at), where
                                     * the table may be "schema.table": nilo_config_sql_expand() takes them apart */
    struct nilo_config_sql_metric *metrics; /* sql: more of them */
    int n_metrics;
    char *accounts;   /* platforms: ids or @handles, with commas; NULL = the account that has signed in */
    char *pages;      /* facebook: the same, of pages */
    char *items;      /* platforms: ids, with commas, blanks or lines; NULL = none: nilo_config_words() */
    int refresh_window_days; /* 0 = none */
    int batch, at_once;      /* 0 = the platform's default */
    int64_t request_delay_ms; /* -1 = the platform's default */
    int64_t budget;          /* 0 = the platform's default */
    char *role;       /* "own" (default) or "competitor" */
    char *schedule;   /* NULL = the default (nilo_config_schedule()); a cron expression that was checked, or "off" */
    int64_t settle_hours;   /* -1 = the platform's default */
    int64_t timeout_ms;     /* a statement; default 30000 */
    int line;
};

/* Only those that the file lists; one that only a connection names ("default" at least) has the zone UTC: nilo_config_zone(). */
struct nilo_config_workspace {
    char *name;
    char *zone; /* default UTC; checked by nilo_zone_load */
    int line;
};

/* Tables that existing apps know (query/compat.h). */
struct nilo_config_compat {
    char *set;        /* youtube, studio, creator or analytics */
    char *workspace;  /* NULL: by the tables' tenant column */
    char *connection; /* NULL: any */
    char *ids;        /* "text" (default) or "number" */
    int line;
};

/* A table of a source that service_role may read under /rest/v1. */
struct nilo_config_publish {
    char *table;      /* as sql_metric's */
    char *name;       /* of the relation; NULL: the table's, without its schema */
    char *connection; /* NULL: the file's only SQL connection. nilo_config_publish_source() */
    int line;
};

/* A key that others sign tokens with. */
struct nilo_config_token {
    char *alg;        /* HS256 (default), RS256 or ES256 */
    char *secret;     /* HS256: a reference, resolved by nilo_config_secret() */
    char *public_key; /* RS256, ES256: a reference to PEM */
    char *kid, *issuer, *audience, *typ, *admin_claim; /* NULL = not judged */
    int line;
};

/* A user who is an admin, or how to ask who is. */
struct nilo_config_admin {
    char *sub;        /* NULL: sql */
    char *sql;        /* a SELECT with :sub: nilo_config_sql_about() */
    char *connection; /* the name of one of the file's connections; NULL: its only SQL connection. nilo_config_admin_source() */
    int line;
};

struct nilo_config_auth {
    char *anonymous; /* "true" or "false" (default) */
    struct nilo_config_token *tokens;
    int n_tokens;
    struct nilo_config_admin *admins;
    int n_admins;
};

/* A word of a connector (connect/connector.h), such as api_base. */
struct nilo_config_setting {
    char *name, *value;
    int line;
};

/* What this installation is to a platform: its app there. */
struct nilo_config_platform {
    char *platform;      /* youtube, ... */
    char *client_id;     /* NULL = none */
    char *client_secret, *api_key; /* references, resolved by nilo_config_secret(); NULL = none */
    char *redirect;      /* where the platform sends people back to; NULL: a port of this machine that is free */
    struct nilo_config_setting *settings;
    int n_settings;
    int line;
};

/* Whose notices are taken at /hooks/PLATFORM (api/hooks.h). Several of one platform and workspace are several secrets, of which any will do. */
struct nilo_config_hook {
    char *platform;     /* push, instagram, facebook, tiktok, tiktok_shop, youtube */
    char *workspace;    /* whose connections they are about; NULL: those of all; push: the store's only one */
    char *secret;       /* a reference; NULL: the client_secret of the platform's entry under platforms: */
    char *verify_token; /* a reference; NULL: nobody may subscribe */
    char *app_id;       /* NULL: the client_id of that entry */
    char *status_page;  /* NULL = none */
    int line;
};
#define NILO_CONFIG_HOOKS 32 /* at most: each may cost a signature a request */

/* Connections that an app keeps in a table of its own. */
struct nilo_config_from_sql {
    char *connection; /* the name of one of the file's SQL connections, whose database is asked */
    char *statement;  /* a SELECT without placeholders: nilo_config_sql_plain() */
    int line;
};

/* What the records of a stream of a tap mean: import/import.h says what the texts hold, and nilometer import checks them. */
struct nilo_config_tap_stream {
    char *stream;
    char *kind; /* content (default), account or app */
    char *map;
    char *names, *where, *absent, *each, *keys; /* NULL = none */
    char *sum;  /* "true" or "false" (default) */
    int window_days;
    int line;
};
/* A tap of Singer's or a source of Airbyte's, whose output is imported under this name. */
struct nilo_config_tap {
    char *name;      /* the connection's, which import makes; unique in its workspace, beside the connections of the file too */
    char *workspace; /* default "default" */
    char *format;    /* NULL, or singer or airbyte */
    char *platform;  /* NULL: the mapping's, else import */
    char *mapping;   /* one that the program has; NULL = none */
    struct nilo_config_tap_stream *streams; /* before those of the mapping */
    int n_streams;
    int line;
};

struct nilo_config {
    char *path;  /* where it was read from, NULL = defaults only */
    char *store; /* NULL = not given here; like database a path, URL, env:NAME, file:PATH or credential:NAME */
    int thin_observations_after_days; /* 0 = never */
    int drop_days_after;              /* 0 = never */
    int max_pages;                    /* of Facebook, a workspace */
    int raw_answers_days;             /* 0 = none are kept */
    struct nilo_config_workspace *workspaces;
    int n_workspaces;
    struct nilo_config_connection *connections;
    int n_connections;
    struct nilo_config_metric *metrics;
    int n_metrics;
    struct nilo_config_platform *platforms;
    int n_platforms;
    struct nilo_config_from_sql *connections_from_sql;
    int n_connections_from_sql;
    struct nilo_config_hook *hooks;
    int n_hooks;
    struct nilo_config_tap *taps;
    int n_taps;
    struct nilo_config_compat *compat;
    int n_compat;
    struct nilo_config_publish *publish;
    int n_publish;
    int max_rows; /* 0 = no limit */
    struct nilo_config_auth auth;
    char *cron_secret;          /* NULL, or a reference */
    int cron_secret_line;
    char *cron_query_secret;    /* "true" or "false" (default) */
    char *limits;               /* "on" (default) or "off" */
    int64_t queries_per_minute; /* default 100 */
};

/** nilo_config_load - path NULL: NILOMETER_CONFIG from the environment, else ./nilometer.yaml when it exists, else defaults only
 *  An empty file means defaults only; one over 1 MiB is refused; so are anchors, aliases, tags and a second document.
 *  errors  NILO_ECONFIG file:line: key: what, and what is allowed (unknown key, wrong type, missing required key, duplicate name, bad zone,
 *          secret given inline where only env:/file: are taken); NILO_ENOENT the named file does not exist, NILO_EIO it cannot be read
 *  owner   caller, nilo_config_free() */
int nilo_config_load(const char *path, const struct nilo_env *env, struct nilo_config **ret, struct nilo_err *err);
void nilo_config_free(struct nilo_config *c);

/** nilo_config_zone - the zone of a workspace: what the file says, else "UTC" */
const char *nilo_config_zone(const struct nilo_config *c, const char *workspace);

/** nilo_config_schedule - when a connection is collected: a cron expression that parses, in its workspace's zone; NULL = not by itself */
const char *nilo_config_schedule(const struct nilo_config_connection *c);
/** nilo_config_pages - pages of Facebook that a connection is of: as many as it lists, else one; other platforms: none */
size_t nilo_config_pages(const struct nilo_config_connection *c);
/** nilo_config_words - takes a list of words apart, with commas, blanks and lines between; the copy they are in is freed with *ret
 *  owner  caller, free() of *ret; NULL text: none */
int nilo_config_words(const char *text, char ***ret, size_t *ret_n, struct nilo_err *err);

/** nilo_config_admin_source - the connection whose database an admin's sql is asked of; never NULL for a configuration that was loaded */
const struct nilo_config_connection *nilo_config_admin_source(const struct nilo_config *c, const struct nilo_config_admin *a);

/** nilo_config_platform - what the file says of a platform; NULL = nothing */
const struct nilo_config_platform *nilo_config_platform(const struct nilo_config *c, const char *platform);
/** nilo_config_from_sql_source - the connection whose database is asked; never NULL for a configuration that was loaded */
const struct nilo_config_connection *nilo_config_from_sql_source(const struct nilo_config *c, const struct nilo_config_from_sql *f);

/** nilo_config_publish_source - whose database the table is in; never NULL for a configuration that was loaded */
const struct nilo_config_connection *nilo_config_publish_source(const struct nilo_config *c, const struct nilo_config_publish *p);
/** nilo_config_publish_name - of the relation; points into p */
const char *nilo_config_publish_name(const struct nilo_config_publish *p);

/** nilo_config_secret - resolves "env:NAME", "file:PATH" and "credential:NAME" (a file in $CREDENTIALS_DIRECTORY; trailing newline cut); any other text is returned as is. caller frees
 *  errors  NILO_ENOENT no such variable or file, NILO_EIO unreadable, NILO_ECONFIG empty, binary or over 64 KiB; no message holds the value */
int nilo_config_secret(const char *value, char **ret, struct nilo_err *err);

/** nilo_config_help - append the reference of all keys: name, type, what is allowed, default, one line each. Look at b->failed */
void nilo_config_help(struct nilo_buf *b);

/** nilo_config_sql_expand - every metric that an SQL connection yields: those of users, posts and comments first, in the order
 *  users_total, posts_total, comments_total, posts_created, comments_created, with display names and descriptions; then `metrics`
 *  errors  NILO_ECONFIG users, posts or comments do not read as table or table(column); never for a connection that was loaded
 *  owner   caller, nilo_config_sql_free(); independent of c */
int nilo_config_sql_expand(const struct nilo_config_connection *c, struct nilo_config_sql_metric **ret, int *ret_n,
                           struct nilo_err *err);
void nilo_config_sql_free(struct nilo_config_sql_metric *metrics, int n);

/* What the SQL of a configuration may not be: several statements, one that is no SELECT, unbalanced, with parameters of its own. Whether it
 * runs, the database says. */
enum nilo_sql_dialect { NILO_SQL_ANY, NILO_SQL_SQLITE, NILO_SQL_POSTGRES, NILO_SQL_POSTGRES_BARE };
struct nilo_sql_shape {
    int from, to, day; /* the number of each placeholder, 0 = it has none */
    int n;             /* how many different ones */
};
/** nilo_config_sql_statement - looks through a SELECT and finds its placeholders :from, :to and :day outside of quotes and comments
 *  sql     NULL, or gets the statement without a closing semicolon and with ?1, ?2, ... instead, numbered as they come; PostgreSQL is
 *          told their types (timestamptz, timestamptz, date). POSTGRES_BARE: with $1, $2, ... without types, each place a number of its own, so that
 *          the server says what it takes them for; shape: the last of each
 *  errors  NILO_ECONFIG one clause that goes on behind "the statement ..." */
int nilo_config_sql_statement(const char *text, enum nilo_sql_dialect dialect, struct nilo_sql_shape *ret, struct nilo_buf *sql,
                              struct nilo_err *err);
/** nilo_config_sql_about - the same for a SELECT about one user, whose only placeholder is :sub (a text); sql: with ?1 in its place */
int nilo_config_sql_about(const char *text, enum nilo_sql_dialect dialect, struct nilo_buf *sql, struct nilo_err *err);
/** nilo_config_sql_plain - the same for a SELECT without placeholders */
int nilo_config_sql_plain(const char *text, enum nilo_sql_dialect dialect, struct nilo_buf *sql, struct nilo_err *err);
/** nilo_config_sql_filter - looks through a condition: balanced, no parameters, no semicolon. errors as above, "the filter ..." */
int nilo_config_sql_filter(const char *text, struct nilo_err *err);

/** nilo_config_bound - a number as expected_min has it: *ret * 10^-*ret_digits. false: it is none, or has more than NILO_SCALE_MAX decimal places */
bool nilo_config_bound(const char *text, int64_t *ret, int *ret_digits);
/** nilo_config_compare - value * 10^-scale beside a number as expected_min has it: -1 less, 0 equal, 1 greater. The text was checked on loading */
int nilo_config_compare(int64_t value, int scale, const char *text);

/** nilo_config_sql_quote - append a table or column name as SQL wants it: app.posts becomes "app"."posts"; quoted parts stay
 *  errors  NILO_ECONFIG not a name, or more than one dot */
int nilo_config_sql_quote(const char *name, struct nilo_buf *b, struct nilo_err *err);

#endif
