/* See world.h. */
#include "support/nilo_test.h"

#include "collect/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/tmp.h"

nilo_us world_us(const char *text)
{
    struct nilo_iso iso;
    assert_int_equal(nilo_iso_parse(text, strlen(text), &iso, NULL), 0);
    return iso.us;
}

nilo_day world_day(const char *text)
{
    nilo_day day;
    assert_int_equal(nilo_day_parse(text, strlen(text), &day, NULL), 0);
    return day;
}

void world_now(struct world *w, const char *now)
{
    nilo_us to = world_us(now);
    assert_true(to >= w->clock.wall);
    nilo_virtual_clock_advance(&w->clock, to - w->clock.wall);
}

void world_config(struct world *w, const char *config)
{
    nilo_config_free(w->config);
    w->config = NULL;
    nilo_test_write(w->config_path, config, strlen(config));
    if (nilo_config_load(w->config_path, &w->env, &w->config, &w->err) != 0)
        fail_msg("%s", w->err.msg);
}

void world_init(struct world *w, const char *name, const char *store, const char *config, const char *now)
{
    memset(w, 0, sizeof *w);
    snprintf(w->config_path, sizeof w->config_path, "%s/%s.yaml", nilo_test_tmp(), name);
    if (store == NULL) {
        snprintf(w->store_path, sizeof w->store_path, "%s/%s.store", nilo_test_tmp(), name);
        nilo_test_remove(w->store_path);
        store = w->store_path;
    }
    nilo_virtual_clock_init(&w->clock, world_us(now));
    nilo_seeded_random_init(&w->random, 1);
    w->env.clock = nilo_virtual_clock(&w->clock);
    w->env.random = nilo_seeded_random(&w->random);
    world_config(w, config);
    if (nilo_store_open(store, NILO_STORE_CREATE, &w->env, &w->store, &w->err) != 0)
        fail_msg("%s", w->err.msg);
}

void world_done(struct world *w)
{
    nilo_store_close(w->store);
    nilo_config_free(w->config);
    memset(w, 0, sizeof *w);
}

/* ---- collecting ------------------------------------------------------------------------------------------------------------------------------ */

static void keep(void *ctx, const struct nilo_collect_run *run)
{
    struct world *w = ctx;
    assert_true(w->n_runs < WORLD_RUNS);
    struct world_run *r = &w->runs[w->n_runs++];
    *r = (struct world_run){.n_failures = run->n_failures,
                            .n_notes = run->n_notes,
                            .run = run->run,
                            .readings = run->readings,
                            .unchanged = run->unchanged,
                            .differ = run->differ,
                            .first_day = run->first_day,
                            .last_day = run->last_day,
                            .metrics_collected = run->metrics_collected,
                            .days_closed = run->days_closed};
    snprintf(r->workspace, sizeof r->workspace, "%s", run->workspace);
    snprintf(r->connection, sizeof r->connection, "%s", run->connection);
    snprintf(r->status, sizeof r->status, "%s", run->status);
    snprintf(r->error, sizeof r->error, "%s", run->error != NULL ? run->error : "");
    snprintf(r->note, sizeof r->note, "%s", run->n_notes > 0 ? run->notes[0] : "");
    snprintf(r->details, sizeof r->details, "%s", run->details != NULL ? run->details : "");
    for (size_t i = 0; i < run->n_failures && i < 8; i++)
        snprintf(r->failures[i], sizeof r->failures[i], "%s %s %s", run->failures[i].metric, run->failures[i].class,
                 run->failures[i].message);
}

int world_collect_with(struct world *w, const struct nilo_collect_options *o)
{
    struct nilo_collect_options with = *o;
    with.report = keep;
    with.report_ctx = w;
    w->n_runs = 0;
    w->err = (struct nilo_err){0};
    return nilo_collect(w->store, w->config, &with, &w->result, &w->err);
}

int world_collect(struct world *w, const char *day)
{
    const struct nilo_collect_options o = {.day = day != NULL ? world_day(day) : NILO_DAY_NONE};
    return world_collect_with(w, &o);
}

void world_collects(struct world *w, const char *day)
{
    if (world_collect(w, day) != 0)
        fail_msg("%s", w->err.msg);
    for (size_t i = 0; i < w->n_runs; i++) {
        if (strcmp(w->runs[i].status, "completed") != 0)
            fail_msg("run %zu is %s: %s %s", i, w->runs[i].status, w->runs[i].error, w->runs[i].failures[0]);
    }
    assert_string_equal(w->result.status, "completed");
}

struct nilo_keys *world_ring(struct world *w)
{
    struct nilo_keys *ring;
    enum nilo_keys_place place;
    char *path;
    assert_int_equal(nilo_keys_path(nilo_store_uuid(w->store), &path, &place, &w->err), 0);
    unlink(path);
    assert_int_equal(nilo_keys_new(nilo_store_uuid(w->store), &ring, &w->err), 0);
    assert_int_equal(nilo_keys_add(ring, NILO_KEY_MASTER, &w->env, &w->err), 0);
    assert_int_equal(nilo_keys_save(ring, path, false, &w->err), 0);
    free(path);
    return ring;
}

/* ---- looking --------------------------------------------------------------------------------------------------------------------------------- */

struct nilo_connection world_connection(struct world *w, const char *name)
{
    struct nilo_connection *all, found = {0};
    size_t n;
    if (nilo_store_connections(w->store, &all, &n, &w->err) != 0)
        fail_msg("%s", w->err.msg);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(all[i].name, name) == 0)
            found = all[i];
    }
    free(all);
    if (found.id == 0)
        fail_msg("no connection %s", name);
    return found;
}

static int take(void *ctx, const struct nilo_scan_row *row)
{
    *(int64_t *)ctx = row->absence == NILO_PRESENT ? row->value : INT64_MIN + (int64_t)row->absence;
    return 0;
}

int64_t world_value(struct world *w, const char *connection, const char *metric, const char *day)
{
    struct nilo_connection c = world_connection(w, connection);
    const struct nilo_metric *m = nilo_catalog_by_type(nilo_store_catalog(w->store), NILO_COUNT, metric);
    assert_non_null(m);
    const struct nilo_select select = {.workspace = c.workspace,
                                       .connection = c.id,
                                       .external_id = NILO_APP_ID,
                                       .kind = NILO_APP,
                                       .metric = m->id,
                                       .from = world_day(day),
                                       .to = world_day(day),
                                       .as_of = NILO_US_NONE};
    int64_t value = INT64_MIN;
    if (nilo_store_scan(w->store, &NILO_SCOPE_ALL, &select, take, &value, &w->err) != 0)
        fail_msg("%s", w->err.msg);
    return value;
}

/* ---- the application's database --------------------------------------------------------------------------------------------------------------- */

static struct nilo_db *open_db(const char *target, enum nilo_db_mode mode)
{
    const struct nilo_db_options options = {.mode = mode};
    struct nilo_err err = {0};
    struct nilo_db *db;
    if (nilo_db_open(target, &options, &db, &err) != 0)
        fail_msg("%s", err.msg);
    return db;
}

void world_sql(const char *target, const char *sql)
{
    struct nilo_err err = {0};
    struct nilo_db *db = open_db(target, NILO_DB_CREATE);
    if (nilo_db_exec(db, sql, &err) != 0)
        fail_msg("%s", err.msg);
    nilo_db_close(db);
}

int64_t world_count(const char *target, const char *sql)
{
    struct nilo_err err = {0};
    struct nilo_db_stmt *stmt;
    struct nilo_db *db = open_db(target, NILO_DB_READ);
    if (nilo_db_prepare(db, sql, &stmt, &err) != 0 || nilo_db_query(stmt, NULL, 0, &err) != 0 || nilo_db_row(stmt, &err) != 1)
        fail_msg("%s: %s", sql, err.msg);
    int64_t n = nilo_db_column_int(stmt, 0);
    nilo_db_close(db);
    return n;
}
