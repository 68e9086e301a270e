/* nilometer status: what is kept, up to which day, and what needs a person. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "cmd/cmd_priv.h"
#include "cmd/connection.h"
#include "cmd/status.h"
#include "db/db.h"
#include "login/login.h"
#include "record/record.h"

struct zone {
    const char *now;  /* of today */
    const char *next; /* NULL, or the one that begins on `from` */
    nilo_day from;
};

struct facts {
    struct nilo_store *store;
    int schema;
    struct nilo_workspace *workspaces;
    size_t n_workspaces;
    struct nilo_connection *connections;
    size_t n_connections;
    struct nilo_run *runs; /* the newest of each connection, id 0 = none */
    int64_t *settle_s;     /* of each connection: so long after its end a day stays open */
    int64_t *suspects;     /* quarantined runs that wait for a decision */
    size_t n_suspects, cap_suspects;
    struct nilo_arena texts;
    struct nilo_buf clock_note, keys_note; /* keys: where the file is when nothing is wrong with it */
    bool keys_wrong;
    struct nilo_login_clock *logins; /* by connection */
    size_t n_logins;
    struct nilo__status_budget *budgets;
    size_t n_budgets;
};

static void facts_done(struct facts *f)
{
    free(f->workspaces);
    free(f->connections);
    free(f->settle_s);
    free(f->runs);
    free(f->suspects);
    nilo_arena_done(&f->texts);
    nilo_buf_done(&f->clock_note);
    nilo_buf_done(&f->keys_note);
}

static int newest_run(struct facts *f, const struct nilo_connection *c, struct nilo_run *ret, struct nilo_err *err)
{
    struct nilo_buf request;
    int64_t id = 0;
    nilo_buf_init(&request, 8192);
    nilo_buf_adds(&request, "runs?select=id&order=id.desc&limit=1&workspace=eq.");
    nilo__ask_value(&request, c->workspace_name);
    nilo_buf_adds(&request, "&connection=eq.");
    nilo__ask_value(&request, c->name);
    int rc = nilo__ask_number(f->store, &request, 0, &id, err);
    nilo_buf_done(&request);
    return rc == 0 && id != 0 ? nilo_store_run_get(f->store, id, &f->texts, ret, err) : rc;
}

static int no_head(void *ctx, const struct nilo_head *head, struct nilo_err *err)
{
    (void)ctx, (void)head, (void)err;
    return 0;
}

static int add_suspect(void *ctx, const struct nilo_datum *cells, struct nilo_err *err)
{
    struct facts *f = ctx;
    if (f->n_suspects == f->cap_suspects) {
        size_t cap = f->cap_suspects > 0 ? 2 * f->cap_suspects : 8;
        int64_t *more = realloc(f->suspects, cap * sizeof *more);
        if (more == NULL)
            return nilo_err_nomem(err);
        f->suspects = more;
        f->cap_suspects = cap;
    }
    f->suspects[f->n_suspects++] = (int64_t)cells[0].i;
    return 0;
}

static int load_suspects(struct facts *f, struct nilo_err *err)
{
    struct nilo_buf request;
    const struct nilo_sink sink = {.head = no_head, .row = add_suspect, .ctx = f};
    nilo_buf_init(&request, 200);
    nilo_buf_adds(&request, "runs?select=id&status=eq.quarantined&order=id");
    int rc = nilo__ask(f->store, &request, &sink, err);
    nilo_buf_done(&request);
    return rc;
}

static int facts_load(struct facts *f, struct nilo_store *s, struct nilo_err *err)
{
    *f = (struct facts){.store = s};
    nilo_arena_init(&f->texts, 0);
    nilo_buf_init(&f->clock_note, 4096);
    nilo_buf_init(&f->keys_note, 16384);
    if (nilo_db_schema_version(nilo_store_db(s), &f->schema, err) != 0 ||
        nilo_store_workspaces(s, &f->workspaces, &f->n_workspaces, err) != 0 ||
        nilo_store_connections(s, &f->connections, &f->n_connections, err) != 0 ||
        nilo_record_clock_note(s, &f->clock_note, err) != 0 || nilo__ring_say(s, &f->keys_wrong, &f->keys_note, err) != 0 ||
        nilo_login_clock(s, &f->texts, &f->logins, &f->n_logins, err) != 0 ||
        nilo__status_budgets(s, &f->texts, &f->budgets, &f->n_budgets, err) != 0 || load_suspects(f, err) != 0)
        return -1;
    f->runs = calloc(f->n_connections + 1, sizeof *f->runs);
    f->settle_s = calloc(f->n_connections + 1, sizeof *f->settle_s);
    if (f->runs == NULL || f->settle_s == NULL)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < f->n_connections; i++) {
        if (newest_run(f, &f->connections[i], &f->runs[i], err) != 0 || nilo_settle_seconds(s, &f->connections[i], &f->settle_s[i], err) != 0)
            return -1;
    }
    return 0;
}

static int zone_of(struct nilo_store *s, int64_t workspace, struct zone *ret, struct nilo_err *err)
{
    const struct nilo_calendar *c;
    const struct nilo_env *env = nilo_store_env(s);
    if (nilo_store_calendar(s, workspace, &c, err) != 0)
        return -1;
    nilo_day today = nilo_calendar_day(c, env->clock.wall(env->clock.ctx));
    const struct nilo_era *last = &c->eras[c->n - 1];
    *ret = (struct zone){.now = nilo_zone_name(nilo_calendar_zone(c, today)), .from = last->from_day};
    if (last->from_day.n > today.n)
        ret->next = nilo_zone_name(last->zone);
    return 0;
}

/* ---- for people ------------------------------------------------------------------------------------------------------------ */

static void add_day(struct nilo__table *t, nilo_day d)
{
    char text[NILO_DAY_TEXT];
    nilo_day_format(d, text);
    nilo__table_add(t, nilo_day_is_none(d) ? "-" : text);
}

/* What a run did, in few words: "17 collect, partial, 2026-03-10 12:00, 4 values, 1 failed". */
static void add_run(struct nilo__table *t, const struct nilo_run *r)
{
    char at[NILO_US_TEXT], failed[48] = "";
    int64_t values = 0;
    if (r->id == 0) {
        nilo__table_add(t, "none yet");
        return;
    }
    /* of a run that read nothing the outcomes are those of reasons why there is no value */
    for (int i = 0; i < NILO_OUTCOME_COUNT && r->status != NILO_RUN_FAILED; i++)
        values += r->outcomes[i];
    nilo_us_format(r->started_at, at);
    if (r->failed > 0)
        snprintf(failed, sizeof failed, ", %" PRId64 " failed", r->failed);
    nilo__table_addf(t, "%" PRId64 " %s, %s, %.10s %.5s, %" PRId64 " values%s", r->id, nilo_run_kind_name((int)r->kind),
                     nilo_run_status_name((int)r->status), at, at + 11, values, failed);
}

static int print_workspaces(const struct facts *f, FILE *out, struct nilo_err *err)
{
    struct nilo__table t;
    nilo__table_init(&t, 2, 0);
    nilo__table_add(&t, "workspace");
    nilo__table_add(&t, "zone");
    for (size_t i = 0; i < f->n_workspaces; i++) {
        struct zone z;
        char from[NILO_DAY_TEXT];
        if (zone_of(f->store, f->workspaces[i].id, &z, err) != 0) {
            nilo__table_done(&t);
            return -1;
        }
        nilo_day_format(z.from, from);
        nilo__table_add(&t, f->workspaces[i].name);
        if (z.next != NULL)
            nilo__table_addf(&t, "%s (%s from %s)", z.now, z.next, from);
        else
            nilo__table_add(&t, z.now);
    }
    fputc('\n', out);
    return nilo__table_print(&t, out, err);
}

static int print_connections(const struct facts *f, FILE *out, struct nilo_err *err)
{
    static const char *const heads[] = {"connection", "workspace", "platform", "status", "closed until", "read until", "last run"};
    struct nilo__table t;
    nilo__table_init(&t, (int)(sizeof heads / sizeof heads[0]), 0);
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        nilo__table_add(&t, heads[i]);
    for (size_t i = 0; i < f->n_connections; i++) {
        const struct nilo_connection *c = &f->connections[i];
        nilo__table_add(&t, c->name);
        nilo__table_add(&t, c->workspace_name);
        nilo__table_add(&t, c->platform);
        nilo__table_add(&t, nilo__connection_state(c));
        add_day(&t, c->closed_until);
        add_day(&t, c->read_until);
        add_run(&t, &f->runs[i]);
    }
    fputc('\n', out);
    return nilo__table_print(&t, out, err);
}

static void print_pauses(const struct facts *f, FILE *out)
{
    bool first = true;
    for (size_t i = 0; i < f->n_connections; i++) {
        const struct nilo_connection *c = &f->connections[i];
        char at[NILO_US_TEXT];
        if (c->paused_at == NILO_US_NONE)
            continue;
        nilo_us_format(c->paused_at, at);
        fprintf(out, "%sConnection %s of %s is paused since %.10s %.5s UTC%s%s; %s: nilometer resume --connection %s --workspace %s\n", first ? "\n" : "",
                c->name, c->workspace_name, at, at + 11, c->pause_reason[0] != '\0' ? ", " : "", c->pause_reason,
                strcmp(c->status, "disabled") == 0 ? "disabled too; the pause ends with" : "to go on", c->name, c->workspace_name);
        first = false;
    }
}

static const struct nilo_login_clock *login_of(const struct facts *f, const struct nilo_connection *c)
{
    for (size_t i = 0; i < f->n_logins; i++) {
        if (f->logins[i].row.connection == c->id)
            return &f->logins[i];
    }
    return NULL;
}

static void print_logins(const struct facts *f, FILE *out)
{
    bool first = true;
    for (size_t i = 0; i < f->n_connections; i++) {
        const struct nilo_login_clock *l = login_of(f, &f->connections[i]);
        char sentence[800];
        if (l == NULL || !nilo__login_sentence(&f->connections[i], &l->row, (int)l->state, l->ends_at, l->days, sentence, sizeof sentence))
            continue;
        fputs(first ? "\n" : "", out);
        nilo__say_text(out, sentence);
        first = false;
    }
}

static void print_drops(const struct facts *f, FILE *out)
{
    bool first = true;
    for (size_t i = 0; i < f->n_connections; i++) {
        const struct nilo_connection *c = &f->connections[i];
        char day[NILO_DAY_TEXT];
        if (nilo_day_is_none(c->dropped_until))
            continue;
        nilo_day_format(c->dropped_until, day);
        fprintf(out, "%sDays up to %s of connection %s of %s were dropped; nilometer get drops says by whom and when.\n", first ? "\n" : "", day,
                c->name, c->workspace_name);
        first = false;
    }
}

/* The sentence of a run that failed: without it nobody knows what to do. */
static void print_failing(const struct facts *f, FILE *out)
{
    bool first = true;
    for (size_t i = 0; i < f->n_connections; i++) {
        const struct nilo_connection *c = &f->connections[i];
        const struct nilo_run *r = &f->runs[i];
        if (strcmp(c->status, "failing") != 0 || r->error == NULL)
            continue;
        if (first)
            fputc('\n', out);
        first = false;
        fprintf(out, "Connection %s of %s is failing: ", c->name, c->workspace_name);
        nilo__say_text(out, r->error);
    }
}

static int print_people(const struct facts *f, FILE *out, struct nilo_err *err)
{
    const struct nilo_catalog *metrics = nilo_store_catalog(f->store);
    fprintf(out, "store %s, schema %d, %zu metrics defined\n", nilo_store_target(f->store), f->schema, metrics->n);
    if (f->n_workspaces == 0)
        fputs("\nNothing is recorded yet: nilometer import and nilometer collect make workspaces and connections.\n", out);
    else if (print_workspaces(f, out, err) != 0)
        return -1;
    if (f->n_connections > 0 && print_connections(f, out, err) != 0)
        return -1;
    print_failing(f, out);
    print_logins(f, out);
    print_pauses(f, out);
    print_drops(f, out);
    nilo__status_print_budgets(f->budgets, f->n_budgets, out);
    nilo__status_print_retired(f->connections, f->n_connections, out);
    if (f->n_suspects > 0)
        fputc('\n', out);
    for (size_t i = 0; i < f->n_suspects; i++)
        fprintf(out, "Run %" PRId64 " is quarantined and its days stay open: nilometer run show %" PRId64 ", then accept or reject it.\n",
                f->suspects[i], f->suspects[i]);
    if (f->clock_note.len > 0)
        fprintf(out, "\n%s\n", nilo_buf_str(&f->clock_note));
    if (f->keys_wrong)
        fprintf(out, "\nKeys: %s.\n", nilo_buf_str(&f->keys_note));
    return 0;
}

/* ---- for machines ------------------------------------------------------------------------------------------------------------ */

static int json_workspaces(const struct facts *f, struct nilo_json_out *o, struct nilo_err *err)
{
    nilo_json_key(o, "workspaces");
    nilo_json_array_begin(o);
    for (size_t i = 0; i < f->n_workspaces; i++) {
        struct zone z;
        if (zone_of(f->store, f->workspaces[i].id, &z, err) != 0)
            return -1;
        nilo_json_object_begin(o);
        nilo_json_key(o, "name");
        nilo_json_str(o, f->workspaces[i].name);
        nilo_json_key(o, "zone");
        nilo_json_str(o, z.now);
        if (z.next != NULL) {
            nilo_json_key(o, "next_zone");
            nilo_json_str(o, z.next);
            nilo_json_key(o, "next_zone_from");
            nilo__json_day(o, z.from);
        }
        nilo_json_object_end(o);
    }
    nilo_json_array_end(o);
    return 0;
}

void nilo__json_run(struct nilo_json_out *o, const struct nilo_run *r)
{
    nilo_json_object_begin(o);
    nilo_json_key(o, "id");
    nilo_json_int(o, r->id);
    nilo_json_key(o, "kind");
    nilo_json_str(o, nilo_run_kind_name((int)r->kind));
    nilo_json_key(o, "status");
    nilo_json_str(o, nilo_run_status_name((int)r->status));
    nilo_json_key(o, "started_at");
    nilo__json_us(o, r->started_at);
    nilo_json_key(o, "ended_at");
    nilo__json_us(o, r->ended_at);
    nilo_json_key(o, "first_day");
    nilo__json_day(o, r->first_day);
    nilo_json_key(o, "last_day");
    nilo__json_day(o, r->last_day);
    nilo_json_key(o, "items");
    nilo_json_int(o, r->items);
    nilo_json_key(o, "readings");
    nilo_json_int(o, r->readings);
    nilo_json_key(o, "failed");
    nilo_json_int(o, r->failed);
    nilo_json_key(o, "outcomes");
    nilo_json_object_begin(o);
    for (int i = 0; i < NILO_OUTCOME_COUNT; i++) {
        nilo_json_key(o, nilo_outcome_name((enum nilo_outcome)i));
        nilo_json_int(o, r->outcomes[i]);
    }
    nilo_json_object_end(o);
    nilo_json_key(o, "days_closed");
    nilo_json_int(o, r->days_closed);
    nilo_json_key(o, "error");
    nilo_json_str(o, r->error);
    nilo_json_object_end(o);
}

static void json_connections(const struct facts *f, struct nilo_json_out *o)
{
    nilo_json_key(o, "connections");
    nilo_json_array_begin(o);
    for (size_t i = 0; i < f->n_connections; i++) {
        const struct nilo_connection *c = &f->connections[i];
        const struct {
            const char *key, *value;
        } texts[] = {{"workspace", c->workspace_name}, {"name", c->name},     {"platform", c->platform},
                     {"role", c->role},                {"status", c->status}, {"origin", c->origin}};
        nilo_json_object_begin(o);
        for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++) {
            nilo_json_key(o, texts[k].key);
            nilo_json_str(o, texts[k].value);
        }
        nilo_json_key(o, "closed_until");
        nilo__json_day(o, c->closed_until);
        nilo_json_key(o, "read_until");
        nilo__json_day(o, c->read_until);
        nilo_json_key(o, "dropped_until");
        nilo__json_day(o, c->dropped_until);
        nilo_json_key(o, "paused_at");
        nilo__json_us(o, c->paused_at);
        nilo_json_key(o, "pause_reason");
        nilo_json_str(o, c->pause_reason[0] != '\0' ? c->pause_reason : NULL);
        const struct nilo_login_clock *login = login_of(f, c);
        nilo_json_key(o, "sign_in_by");
        nilo__json_us(o, login != NULL ? login->ends_at : NILO_US_NONE);
        nilo_json_key(o, "login_problem");
        nilo_json_str(o, login != NULL ? login->row.problem : NULL);
        nilo_json_key(o, "settle_seconds");
        nilo_json_int(o, f->settle_s[i]);
        nilo_json_key(o, "last_run");
        if (f->runs[i].id != 0)
            nilo__json_run(o, &f->runs[i]);
        else
            nilo_json_null(o);
        nilo_json_object_end(o);
    }
    nilo_json_array_end(o);
}

static int print_machines(const struct facts *f, FILE *out, struct nilo_err *err)
{
    struct nilo__answer a;
    char uuid[NILO_UUID_TEXT];
    nilo_uuid_format(nilo_store_uuid(f->store), uuid);
    nilo__answer_init(&a);
    nilo_json_object_begin(&a.json);
    nilo_json_key(&a.json, "store");
    nilo_json_str(&a.json, nilo_store_target(f->store));
    nilo_json_key(&a.json, "id");
    nilo_json_str(&a.json, uuid);
    nilo_json_key(&a.json, "schema");
    nilo_json_int(&a.json, f->schema);
    nilo_json_key(&a.json, "version");
    nilo_json_str(&a.json, NILO_VERSION);
    nilo_json_key(&a.json, "metrics");
    nilo_json_int(&a.json, (int64_t)nilo_store_catalog(f->store)->n);
    if (json_workspaces(f, &a.json, err) != 0) {
        nilo_buf_done(&a.buf);
        return -1;
    }
    json_connections(f, &a.json);
    nilo__status_json_budgets(f->budgets, f->n_budgets, &a.json);
    nilo__status_json_retired(f->connections, f->n_connections, &a.json);
    nilo_json_key(&a.json, "quarantined_runs");
    nilo_json_array_begin(&a.json);
    for (size_t i = 0; i < f->n_suspects; i++)
        nilo_json_int(&a.json, f->suspects[i]);
    nilo_json_array_end(&a.json);
    nilo_json_key(&a.json, "clock_note");
    nilo_json_str(&a.json, f->clock_note.len > 0 ? nilo_buf_str(&f->clock_note) : NULL);
    nilo_json_key(&a.json, "keys_note");
    nilo_json_str(&a.json, f->keys_wrong ? nilo_buf_str(&f->keys_note) : NULL);
    nilo_json_object_end(&a.json);
    return nilo__answer_print(&a, out, err);
}

static int run(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    struct nilo_store *s = NULL;
    struct facts f;
    if (nilo_cmd_store(ctx, NILO_STORE_READ, &s, err) != 0)
        return -1;
    int rc = facts_load(&f, s, err);
    if (rc == 0)
        rc = ctx->json ? print_machines(&f, ctx->out, err) : print_people(&f, ctx->out, err);
    facts_done(&f);
    nilo_store_close(s);
    return rc;
}

const struct nilo_cmd nilo_cmd_status = {
    .name = "status",
    .summary = "what is kept, up to which day, and what needs attention",
    .description = "Lists workspaces with their time zones, and connections with the last day that is closed, the last day that was read after "
                   "its end, and the newest run. It only reads, also while another nilometer writes.",
    .run = run,
};
