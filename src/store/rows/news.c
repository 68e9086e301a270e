/* What is new since the last look: runs that have ended, days that have closed, whoever wrote them. For those who are told of it (api/events.h).
 *
 * Runs are found by their ids, which rise in the order of commits, since there is one writer: what is above the highest id that was seen is new, and what was
 * running at the last look is looked at again. Events of items have such ids as well. Closed days are found by connections, whose closed_until only rises. Neither goes by a clock. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/rows/rows.h"

struct until {
    int64_t connection;
    int32_t day; /* INT32_MIN: none is closed yet */
};

/* What was seen. Made anew by each look and exchanged at its end, so that one that fails changes nothing. */
struct seen {
    int64_t top;   /* the highest id of a run */
    int64_t *open; /* runs that were running, ascending */
    size_t n_open, cap_open;
    int64_t event; /* the highest id of an event of an item */
    int64_t connection; /* the highest id of a connection */
    struct until *days; /* by connection */
    size_t n_days, cap_days;
};

struct nilo_news {
    bool begun;
    char version[NILO_STORE_VERSION];
    struct seen seen;
};

int nilo_store_news_new(struct nilo_news **ret, struct nilo_err *err)
{
    *ret = calloc(1, sizeof **ret);
    return *ret ? 0 : nilo_err_nomem(err);
}

static void seen_done(struct seen *n)
{
    free(n->open);
    free(n->days);
    *n = (struct seen){0};
}

void nilo_store_news_free(struct nilo_news *n)
{
    if (!n)
        return;
    seen_done(&n->seen);
    free(n);
}

static int add_open(struct seen *n, int64_t id, struct nilo_err *err)
{
    if (n->n_open == n->cap_open) {
        size_t cap = n->cap_open ? n->cap_open * 2 : 16;
        int64_t *more = realloc(n->open, cap * sizeof *more);
        if (!more)
            return nilo_err_nomem(err);
        n->open = more;
        n->cap_open = cap;
    }
    n->open[n->n_open++] = id;
    return 0;
}

static int add_days(struct seen *n, struct until u, struct nilo_err *err)
{
    if (n->n_days == n->cap_days) {
        size_t cap = n->cap_days ? n->cap_days * 2 : 16;
        struct until *more = realloc(n->days, cap * sizeof *more);
        if (!more)
            return nilo_err_nomem(err);
        n->days = more;
        n->cap_days = cap;
    }
    n->days[n->n_days++] = u;
    return 0;
}

/* ---- runs ---------------------------------------------------------------------------------------------------------------------------- */

#define RUNS                                                                                                           \
    "SELECT r.id, r.status, r.kind, w.name, c.name, r.ended_at, r.first_day, r.last_day, r.failed FROM run r "         \
    "JOIN connection c ON c.id = r.connection_id JOIN workspace w ON w.id = r.workspace_id WHERE "

static nilo_day day_of(struct nilo_db_stmt *stmt, int i)
{
    return nilo_db_column_null(stmt, i) ? NILO_DAY_NONE : NILO_DAY((int32_t)nilo_db_column_int(stmt, i));
}

static int tell_run(struct nilo_db_stmt *stmt, const struct nilo_news_sink *sink, struct nilo_err *err)
{
    const struct nilo_news_run r = {
        .id = nilo_db_column_int(stmt, 0),
        .status = (enum nilo_run_status)nilo_db_column_int(stmt, 1),
        .kind = (enum nilo_run_kind)nilo_db_column_int(stmt, 2),
        .workspace = nilo_db_column_text(stmt, 3),
        .connection = nilo_db_column_text(stmt, 4),
        .ended_at = nilo_db_column_null(stmt, 5) ? NILO_US_NONE : nilo_db_column_int(stmt, 5),
        .first_day = day_of(stmt, 6),
        .last_day = day_of(stmt, 7),
        .failed = nilo_db_column_int(stmt, 8),
    };
    return sink->run(sink->ctx, &r, err);
}

/* The statement's rows: what runs is kept in mind, what does not is told. */
static int take_runs(struct nilo_db_stmt *stmt, struct seen *next, const struct nilo_news_sink *sink, struct nilo_err *err)
{
    int got;
    while ((got = nilo_db_row(stmt, err)) == 1) {
        int64_t id = nilo_db_column_int(stmt, 0);
        bool running = nilo_db_column_int(stmt, 1) == NILO_RUNNING;
        next->top = id > next->top ? id : next->top;
        if ((running && add_open(next, id, err) < 0) || (!running && tell_run(stmt, sink, err) < 0)) {
            nilo_db_reset(stmt);
            return -1;
        }
    }
    return got;
}

static int look_runs(struct nilo_store *s, const struct seen *before, struct seen *next, const struct nilo_news_sink *sink, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    next->top = before->top;
    for (size_t i = 0; i < before->n_open; i++) {
        if (nilo__query(s, &stmt, err, RUNS "r.id = ?1", NILO__PARAMS(NILO_DBV_INT(before->open[i]))) < 0 || take_runs(stmt, next, sink, err) < 0)
            return -1;
    }
    if (nilo__query(s, &stmt, err, RUNS "r.id > ?1 ORDER BY r.id", NILO__PARAMS(NILO_DBV_INT(before->top))) < 0)
        return -1;
    return take_runs(stmt, next, sink, err);
}

/* The first look tells nothing. */
static int begin_runs(struct nilo_store *s, struct seen *next, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    int got = nilo__query_int(s, 0, &next->top, err, "SELECT max(id) FROM run", 0, NULL);
    /* in the words of the index on it */
    if (got < 0 || nilo__query(s, &stmt, err, "SELECT id, status FROM run WHERE status IN (0, 5) ORDER BY id", 0, NULL) < 0)
        return -1;
    while ((got = nilo_db_row(stmt, err)) == 1) {
        int64_t id = nilo_db_column_int(stmt, 0);
        if (id <= next->top && nilo_db_column_int(stmt, 1) == NILO_RUNNING && add_open(next, id, err) < 0) {
            nilo_db_reset(stmt);
            return -1;
        }
    }
    return got;
}

/* ---- days ---------------------------------------------------------------------------------------------------------------------------- */

/* Days that one run closed in one state, one after another, are told as one. */
struct stretch {
    struct nilo_news_days days; /* days.days 0: none yet. Its texts are fixed words, or the connection's */
    const struct nilo_news_sink *sink;
};

static int tell_stretch(struct stretch *t, struct nilo_err *err)
{
    int rc = t->days.days > 0 ? t->sink->days(t->sink->ctx, &t->days, err) : 0;
    t->days.days = 0;
    return rc;
}

/* What day_close says, as a text that stays. */
static const char *state_of(const char *said)
{
    static const char *const states[] = {"complete", "partial", "empty"};
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        if (strcmp(said, states[i]) == 0)
            return states[i];
    }
    return "other";
}

static int take_day(struct nilo_db_stmt *stmt, struct stretch *t, struct nilo_err *err)
{
    nilo_day day = NILO_DAY((int32_t)nilo_db_column_int(stmt, 0));
    const char *state = state_of(nilo_db_column_text(stmt, 1));
    int64_t run = nilo_db_column_int(stmt, 2); /* 0: none */
    nilo_us at = nilo_db_column_int(stmt, 3);
    struct nilo_news_days *d = &t->days;
    if (d->days > 0 && (d->to.n + 1 != day.n || d->state != state || d->run != run || d->closed_at != at) && tell_stretch(t, err) < 0)
        return -1;
    if (d->days == 0) {
        d->from = day;
        d->state = state;
        d->run = run;
        d->closed_at = at;
    }
    d->to = day;
    d->days++;
    return 0;
}

/* Not beyond what is remembered: what closes while this is read is the next look's. */
static int take_days(struct nilo_store *s, int32_t after, const struct until *u, struct stretch *t, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    if (nilo__query(s, &stmt, err,
                    "SELECT day, status, COALESCE(run_id, 0), closed_at FROM day_close WHERE connection_id = ?1 AND day > ?2 AND day <= ?3 ORDER BY day",
                    NILO__PARAMS(NILO_DBV_INT(u->connection), NILO_DBV_INT(after), NILO_DBV_INT(u->day))) < 0)
        return -1;
    int got;
    while ((got = nilo_db_row(stmt, err)) == 1) {
        if (take_day(stmt, t, err) < 0) {
            nilo_db_reset(stmt);
            return -1;
        }
    }
    return got < 0 ? -1 : tell_stretch(t, err);
}

static int by_connection(const void *a, const void *b)
{
    const struct until *x = a, *y = b;
    return (x->connection > y->connection) - (x->connection < y->connection);
}

/* Until which day it was closed at the last look. */
static int32_t known_until(const struct seen *before, int64_t connection)
{
    const struct until key = {.connection = connection};
    const struct until *u = before->n_days ? bsearch(&key, before->days, before->n_days, sizeof key, by_connection) : NULL;
    return u ? u->day : INT32_MIN;
}

/* One that was opened meanwhile begins with nothing closed, so every day of it is told. */
static int look_connections(struct nilo_store *s, struct seen *next, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    int got;
    if (nilo__query(s, &stmt, err, "SELECT id, closed_until FROM connection WHERE closed_until IS NOT NULL ORDER BY id", 0, NULL) < 0)
        return -1;
    while ((got = nilo_db_row(stmt, err)) == 1) {
        if (add_days(next, (struct until){nilo_db_column_int(stmt, 0), (int32_t)nilo_db_column_int(stmt, 1)}, err) < 0) {
            nilo_db_reset(stmt);
            return -1;
        }
    }
    return got;
}

static int look_days(struct nilo_store *s, const struct seen *before, const struct until *u, const struct nilo_news_sink *sink, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    struct stretch t = {.sink = sink};
    int32_t known = known_until(before, u->connection);
    char workspace[256], connection[256];
    if (known >= u->day)
        return 0;
    if (nilo__query(s, &stmt, err, "SELECT w.name, c.name FROM connection c JOIN workspace w ON w.id = c.workspace_id WHERE c.id = ?1",
                    NILO__PARAMS(NILO_DBV_INT(u->connection))) < 0)
        return -1;
    int got = nilo_db_row(stmt, err);
    if (got != 1)
        return got;
    snprintf(workspace, sizeof workspace, "%s", nilo_db_column_text(stmt, 0));
    snprintf(connection, sizeof connection, "%s", nilo_db_column_text(stmt, 1));
    nilo_db_reset(stmt);
    t.days.workspace = workspace;
    t.days.connection = connection;
    return take_days(s, known, u, &t, err);
}

/* ---- items ------------------------------------------------------------------------------------------------------------------------------- */

/* Events one after another that say the same of items of one connection, told as one. */
struct bunch {
    struct nilo_news_items items; /* items.n 0: none yet. Its texts are in the arena */
    int64_t connection;
    struct nilo_arena arena;
    const struct nilo_news_sink *sink;
};

static int tell_bunch(struct bunch *b, struct nilo_err *err)
{
    int rc = b->items.n > 0 ? b->sink->items(b->sink->ctx, &b->items, err) : 0;
    b->items = (struct nilo_news_items){0};
    nilo_arena_reset(&b->arena);
    return rc;
}

/* A connection that was not there at the last look comes with its past where it was restored; that is no news. */
static int take_event(struct nilo_db_stmt *stmt, struct bunch *b, int64_t newest_connection, struct nilo_err *err)
{
    int64_t connection = nilo_db_column_int(stmt, 1);
    enum nilo_presence event = (enum nilo_presence)nilo_db_column_int(stmt, 2);
    nilo_day day = NILO_DAY((int32_t)nilo_db_column_int(stmt, 3));
    struct nilo_news_items *x = &b->items;
    if (connection > newest_connection)
        return 0;
    if (x->n > 0 && (b->connection != connection || x->event != event || x->day.n != day.n) && tell_bunch(b, err) < 0)
        return -1;
    if (x->n == 0) {
        b->connection = connection;
        x->event = event;
        x->day = day;
        x->workspace = nilo_arena_strdup(&b->arena, nilo_db_column_text(stmt, 6));
        x->connection = nilo_arena_strdup(&b->arena, nilo_db_column_text(stmt, 7));
        if (!x->workspace || !x->connection)
            return nilo_err_nomem(err);
    }
    x->at = nilo_db_column_int(stmt, 4);
    x->n++;
    if (x->n_ids < NILO_NEWS_ITEMS && !(x->ids[x->n_ids++] = nilo_arena_strdup(&b->arena, nilo_db_column_text(stmt, 5))))
        return nilo_err_nomem(err);
    return 0;
}

static int look_items(struct nilo_store *s, const struct seen *before, struct seen *next, const struct nilo_news_sink *sink, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    struct bunch b = {.sink = sink};
    int got, rc = 0;
    next->event = before->event;
    if (nilo__query(s, &stmt, err,
                    "SELECT v.id, e.connection_id, v.event, v.day, v.at, e.external_id, w.name, c.name FROM content_event v "
                    "JOIN entity e ON e.bucket = v.bucket AND e.id = v.entity_id JOIN connection c ON c.id = e.connection_id "
                    "JOIN workspace w ON w.id = e.workspace_id WHERE v.id > ?1 ORDER BY v.id",
                    NILO__PARAMS(NILO_DBV_INT(before->event))) < 0)
        return -1;
    nilo_arena_init(&b.arena, 0);
    while (rc == 0 && (got = nilo_db_row(stmt, err)) != 0) {
        if ((rc = got < 0 ? -1 : take_event(stmt, &b, before->connection, err)) == 0)
            next->event = nilo_db_column_int(stmt, 0);
    }
    nilo_db_reset(stmt);
    if (rc == 0)
        rc = tell_bunch(&b, err);
    nilo_arena_done(&b.arena);
    return rc;
}

/* ---- one look -------------------------------------------------------------------------------------------------------------------------- */

static int look(struct nilo_store *s, struct nilo_news *n, struct seen *next, const struct nilo_news_sink *sink, struct nilo_err *err)
{
    if (nilo__query_int(s, 0, &next->connection, err, "SELECT max(id) FROM connection", 0, NULL) < 0 || look_connections(s, next, err) < 0)
        return -1;
    if (!n->begun)
        return nilo__query_int(s, 0, &next->event, err, "SELECT max(id) FROM content_event", 0, NULL) < 0 ? -1 : begin_runs(s, next, err);
    if (look_items(s, &n->seen, next, sink, err) < 0 || look_runs(s, &n->seen, next, sink, err) < 0)
        return -1;
    for (size_t i = 0; i < next->n_days; i++) {
        if (look_days(s, &n->seen, &next->days[i], sink, err) < 0)
            return -1;
    }
    return 0;
}

int nilo_store_news_look(struct nilo_store *s, struct nilo_news *n, const struct nilo_news_sink *sink, struct nilo_err *err)
{
    char version[NILO_STORE_VERSION];
    struct seen next = {0};
    /* before the rest, so that what is written meanwhile is seen by the next look */
    if (nilo_store_version(s, version, err) < 0)
        return -1;
    if (n->begun && strcmp(version, n->version) == 0)
        return 0;
    if (look(s, n, &next, sink, err) < 0) {
        seen_done(&next);
        return -1;
    }
    seen_done(&n->seen);
    n->seen = next;
    n->begun = true;
    memcpy(n->version, version, sizeof version);
    return 0;
}

void nilo_store_news_reopened(struct nilo_news *n) { n->version[0] = '\0'; }
