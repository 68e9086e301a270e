/* The naive model of the record: SEMANTICS sections 2 and 3 written down a second time, as plainly as possible. It keeps every
 * observation in one list, decides each value by going through the list of its cell, and derives nothing until it is asked:
 * what is shown, known, latest, best and total is then computed from the start. It shares with the code under test the numbers of
 * the enumerations and the zone files, nothing else. */
#ifndef NILO_TESTS_STORE_NAIVE_H
#define NILO_TESTS_STORE_NAIVE_H

#include "model/model.h"

enum { N_WORKSPACES = 2, N_CONNS = 5, N_ENTITIES = 40, N_WINS = 2, N_METRICS = 9, N_OWNERS = 4 };
enum { M_VIEWS, M_LIKES, M_GMV, M_GPM, M_CTR, M_DURATION, M_SALES, M_MEMBERS, M_SCORE };

struct n_metric {
    const char *name;
    enum nilo_metric_type type;
    enum nilo_metric_kind kind;
    enum nilo_aggregation aggregation;
    bool with_gmv; /* its best is the value beside the greatest GMV */
    int32_t id;    /* in the store */
};
struct n_conn {
    int workspace;
    const char *name, *platform, *origin;
    bool competitor;
    int64_t settle_s;
    int32_t closed_until, read_until; /* INT32_MIN: none */
};
struct n_entity {
    int conn;
    enum nilo_entity_kind kind;
    char external_id[24];
};
struct n_run {
    int64_t id;
    int conn;
    enum nilo_run_kind kind;
    bool platform, revise, full_listing, no_close;
    enum nilo_run_status status;
    int32_t first_day, last_day;
    int64_t outcomes[NILO_OUTCOME_COUNT], refused_readings, failed, items, days_closed;
    int obs_from, obs_to; /* its observations */
    nilo_us settled_at;   /* accepted or rejected; 0 = not */
};
struct n_value {
    int metric;
    int64_t value;
    enum nilo_absence absence;
};
struct n_reading {
    int entity, win; /* win: index of wins[] */
    nilo_us captured_at; /* NILO_US_NONE: day only */
    int32_t day;         /* INT32_MIN: not named */
    enum nilo_provenance provenance;
    int owner; /* -1 none */
    int n;
    struct n_value values[N_METRICS];
    bool dropped;
};
struct n_obs {
    int entity, win, metric, run; /* run: index of runs[] */
    int32_t day;
    nilo_us captured_at;
    int64_t value;
    enum nilo_absence absence;
    enum nilo_provenance provenance;
    int rank;
    bool corrected_away;
    int next; /* in its cell, -1 ends */
};
struct n_amendment {
    int obs, next; /* older one, -1 ends */
    enum nilo_cause cause;
};
struct n_cell {
    int obs, base, amended, n_amended; /* newest observation; base of a closed day; newest amendment; -1 = none */
};
struct n_credit {
    int entity, owner;
    const char *role;
    int32_t from, to;
    bool ended;
};
struct n_era {
    int32_t from;
    struct nilo_zone *zone;
};
struct n_closed {
    int conn;
    int32_t day;
    const char *status;
    int values;
};

/* What is shown of a cell. */
struct n_shown {
    bool is;
    int seq;
    enum nilo_cause cause;
    const struct n_obs *obs;
};
struct naive {
    int32_t first_day; /* of the world */
    int n_days;
    struct n_metric metrics[N_METRICS];
    struct n_conn conns[N_CONNS];
    struct n_entity entities[N_ENTITIES];
    struct n_era eras[N_WORKSPACES][64];
    int n_eras[N_WORKSPACES];
    struct n_cell *cells;
    struct n_shown *shown; /* of each cell at the last look */
    bool *here;            /* scratch: a day each */
    struct n_obs *obs;
    struct n_amendment *amendments;
    struct n_run *runs;
    struct n_credit *credits;
    struct n_closed *closed;
    int n_obs, n_amendments, n_runs, n_credits, n_closed, cap_obs, cap_amendments, cap_runs, cap_credits, cap_closed;
};

extern const int naive_wins[N_WINS];

/* As many shown cells as cells, in their order; computed anew by naive_look() and read by what follows. */
void naive_look(struct naive *m);
const struct n_shown *naive_seen(const struct naive *m, int entity, int win, int metric, int32_t day);
struct n_total {
    nilo_i128 sum;
    int64_t items, fresh; /* items: known ones of a level, 0 for a flow; for the count of items: those that began */
};

void naive_init(struct naive *m, int32_t first_day, int n_days);
void naive_done(struct naive *m);
int32_t naive_day(const struct naive *m, int workspace, nilo_us at);
nilo_us naive_day_start(const struct naive *m, int workspace, int32_t day);
void naive_zone(struct naive *m, int workspace, const char *zone, nilo_us now);
/* A run as a whole: its readings in order of coming (ascending instants), failures are counted in run->failed. Fills status, outcomes, days. */
void naive_run(struct naive *m, struct n_run *run, struct n_reading *readings, int n, bool error, nilo_us now);
void naive_settle_run(struct naive *m, int run, bool accept, nilo_us now);
int naive_close(struct naive *m, int conn, nilo_us now);
bool naive_credit(struct naive *m, int entity, int owner, const char *role, int32_t from, int32_t to);
int naive_credit_end(struct naive *m, int entity, int owner, const char *role);

struct n_cell *naive_cell(const struct naive *m, int entity, int win, int metric, int32_t day);
struct n_shown naive_shown(const struct naive *m, const struct n_cell *c, bool closed);
bool naive_closed(const struct naive *m, int entity, int32_t day);
bool naive_counts(const struct naive *m, const struct n_obs *o);
struct n_best {
    int obs; /* -1: none */
    bool has_gmv;
    int64_t gmv; /* of its reading */
};
void naive_best(const struct naive *m, struct n_best best[N_ENTITIES][N_METRICS]);
/* totals of one scope (nilo_total_scope, index), window and metric (-1: items), one for each day of the world */
void naive_total(const struct naive *m, int kind, int scope, int win, int metric, struct n_total *out);

#endif
