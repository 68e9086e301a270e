/* nilometer doctor: is everything in place? Each check says what is wrong and what to do. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/doctor.h"
#include "record/record.h"
#include "cmd/connection.h"
#include "login/login.h"

enum finding { FINE, NOTED, ODD, WRONG };
static const char *const words[] = {"ok", "note", "odd", "wrong"};

#define TOLD_MOST      5    /* findings of a check that are told without --check */
#define TOLD_MOST_JSON 1000 /* the same with --json, which is put together in memory */

/* Findings, printed as they come or collected as JSON. */
struct findings {
    struct nilo_cmd_ctx *ctx;
    struct nilo_progress *bar;
    struct nilo__answer answer;
    bool failed; /* something could not be looked at, or needs a person: exit 1 */
    bool found;  /* a check of the record found something odd or wrong: exit 3 */
};

/* One line; finding may be NULL. */
static void tell(struct findings *f, const char *check, enum finding what, const struct nilo_finding *finding, const char *text)
{
    if (!f->ctx->json) {
        nilo_progress_hide(f->bar);
        fprintf(f->ctx->out, "%-6s %-14s ", words[what], check);
        nilo__put(f->ctx->out, text);
        fputc('\n', f->ctx->out);
        return;
    }
    struct nilo_json_out *o = &f->answer.json;
    nilo_json_object_begin(o);
    const char *const pairs[][2] = {{"check", check}, {"result", words[what]}, {"text", text}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        nilo_json_key(o, pairs[i][0]);
        nilo_json_str(o, pairs[i][1]);
    }
    if (finding != NULL) {
        const char *const more[][2] = {{"workspace", finding->workspace}, {"connection", finding->connection}, {"external_id", finding->item},
                                       {"window_days", finding->window}, {"day", finding->day}, {"metric", finding->metric}};
        for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
            nilo_json_key(o, more[i][0]);
            if (i == 3 && more[i][1] != NULL)
                nilo_json_text(o, more[i][1], strlen(more[i][1]));
            else
                nilo_json_str(o, more[i][1]);
        }
    }
    nilo_json_object_end(o);
}

/* Configuration, clock and connections: what is wrong with them is a failure, not a finding about the record. */
static void add(struct findings *f, const char *check, enum finding what, const char *text)
{
    f->failed = f->failed || what == WRONG;
    tell(f, check, what, NULL, text);
}

static void check_config(struct findings *f)
{
    struct nilo_config *c = NULL;
    struct nilo_err err = {0};
    if (nilo_cmd_config(f->ctx, &c, &err) != 0)
        add(f, "configuration", WRONG, err.msg);
    else
        add(f, "configuration", FINE, c->path != NULL ? c->path : "none; defaults are used");
    nilo_config_free(c);
}

static void check_clock(struct findings *f, struct nilo_store *s)
{
    struct nilo_buf note;
    struct nilo_err err = {0};
    nilo_buf_init(&note, 4096);
    if (nilo_record_clock_note(s, &note, &err) != 0)
        add(f, "clock", WRONG, err.msg);
    else
        add(f, "clock", note.len > 0 ? WRONG : FINE, note.len > 0 ? nilo_buf_str(&note) : "agrees with the record");
    nilo_buf_done(&note);
}

static void check_keys(struct findings *f, struct nilo_store *s)
{
    struct nilo_buf text;
    struct nilo_err err = {0};
    bool wrong;
    nilo_buf_init(&text, 16384);
    if (nilo__ring_say(s, &wrong, &text, &err) != 0)
        add(f, "keys", WRONG, err.msg);
    else
        add(f, "keys", wrong ? WRONG : strncmp(nilo_buf_str(&text), "there is no ", 12) == 0 ? NOTED : FINE, nilo_buf_str(&text));
    nilo_buf_done(&text);
}

/* Only where there can be one. */
static void check_wall(struct findings *f, struct nilo_store *s)
{
    char *lacks = NULL, text[1200];
    struct nilo_err err = {0};
    if (nilo_db_engine(nilo_store_db(s)) != NILO_DB_POSTGRES)
        return;
    if (nilo_store_wall_lacks(s, &lacks, &err) != 0)
        add(f, "isolation", WRONG, err.msg);
    else if (lacks != NULL)
        snprintf(text, sizeof text, "workspaces are kept apart by the statements of the API alone, without row-level security: %s", lacks);
    if (err.code == NILO_OK)
        add(f, "isolation", lacks != NULL ? NOTED : FINE, lacks != NULL ? text : "what the API reads is kept apart by row-level security, too");
    free(lacks);
}

static bool has_login(struct nilo_store *s, const struct nilo_connection *c)
{
    struct nilo_arena arena;
    struct nilo_login_row row;
    bool there = false;
    nilo_arena_init(&arena, 0);
    bool got = nilo_store_login(s, c->id, &arena, &there, &row, NULL) == 0;
    nilo_arena_done(&arena);
    return got && there;
}

/* Whose sign-in has ended, or ends soon. How many of them are told. */
static size_t check_logins(struct findings *f, struct nilo_store *s, const struct nilo_connection *all, size_t n)
{
    struct nilo_arena arena;
    struct nilo_login_clock *logins;
    size_t n_logins = 0, told = 0;
    nilo_arena_init(&arena, 0);
    if (nilo_login_clock(s, &arena, &logins, &n_logins, NULL) != 0)
        n_logins = 0;
    for (size_t i = 0; i < n_logins; i++) {
        const struct nilo_connection *c = NULL;
        char text[800];
        for (size_t k = 0; k < n && c == NULL; k++)
            c = all[k].id == logins[i].row.connection ? &all[k] : NULL;
        if (c == NULL || !nilo__login_sentence(c, &logins[i].row, (int)logins[i].state, logins[i].ends_at, logins[i].days, text, sizeof text))
            continue;
        bool over = logins[i].state == NILO_LOGIN_OVER || strcmp(c->status, "expired") == 0;
        add(f, "connections", over ? WRONG : NOTED, text);
        told++;
    }
    nilo_arena_done(&arena);
    return told;
}

static void check_connections(struct findings *f, struct nilo_store *s)
{
    struct nilo_connection *all = NULL;
    struct nilo_err err = {0};
    char text[700];
    size_t n = 0, odd = 0;
    if (nilo_store_connections(s, &all, &n, &err) != 0) {
        add(f, "connections", WRONG, err.msg);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (strcmp(all[i].status, "connected") == 0)
            continue;
        if (strcmp(all[i].status, "expired") == 0 && has_login(s, &all[i]))
            continue; /* told with its sign-in */
        snprintf(text, sizeof text, "%s in workspace %s is %s", all[i].name, all[i].workspace_name, all[i].status);
        add(f, "connections", strcmp(all[i].status, "disabled") == 0 ? NOTED : WRONG, text);
        odd++;
    }
    odd += check_logins(f, s, all, n);
    snprintf(text, sizeof text, "%zu, all connected", n);
    if (odd == 0)
        add(f, "connections", FINE, n > 0 ? text : "none yet");
    free(all);
}

/* ---- the record ------------------------------------------------------------------------------------------------------------ */

struct checking {
    struct findings *f;
    const struct nilo_check *check;
    int64_t n, most;
};

static enum finding worth(enum nilo_check_level level)
{
    static const enum finding all[] = {FINE, NOTED, ODD, WRONG};
    return all[level];
}

/* The number where the text has "(value)" or "(other)"; false where it has no such place. */
static bool fill(struct nilo_buf *text, const char *place, bool has, int64_t value, int scale)
{
    char number[NILO_DECIMAL_TEXT];
    const char *at = strstr(nilo_buf_str(text), place);
    if (at == NULL || !has)
        return false;
    struct nilo_buf rest;
    nilo_buf_init(&rest, 16384);
    nilo_buf_adds(&rest, at + strlen(place));
    text->len = (size_t)(at - text->data);
    nilo_decimal_format(value, scale, true, number);
    nilo_buf_addf(text, "(%s)%s", number, nilo_buf_str(&rest));
    nilo_buf_done(&rest);
    return true;
}

/* "studio/channel, v1, window 30, 2026-03-10, views 500: more than ... (400)" */
static void spell(const struct nilo_finding *x, struct nilo_buf *b)
{
    const char *const parts[] = {x->connection, x->item, x->window, x->day, x->metric};
    char number[NILO_DECIMAL_TEXT];
    struct nilo_buf text;
    nilo_buf_adds(b, x->workspace != NULL ? x->workspace : "");
    for (int i = 0; i < 5; i++) {
        if (parts[i] == NULL)
            continue;
        nilo_buf_adds(b, b->len == 0 ? "" : i == 0 ? "/" : ", ");
        nilo_buf_addf(b, "%s%s", i == 2 ? "window " : "", parts[i]);
    }
    nilo_buf_init(&text, 16384);
    nilo_buf_adds(&text, x->text);
    if (!fill(&text, "(value)", x->has_value, x->value, x->scale) && x->has_value) {
        nilo_decimal_format(x->value, x->scale, true, number);
        nilo_buf_addf(b, "%s%s", b->len > 0 ? " " : "", number);
    }
    fill(&text, "(other)", x->has_other, x->other, x->scale);
    nilo_buf_addf(b, "%s%s", b->len > 0 ? ": " : "", nilo_buf_str(&text));
    nilo_buf_done(&text);
}

static int on_finding(void *ctx, const struct nilo_finding *finding)
{
    struct checking *c = ctx;
    struct nilo_buf line;
    if (c->n++ >= c->most)
        return 0;
    nilo_buf_init(&line, 16384);
    spell(finding, &line);
    tell(c->f, c->check->name, worth(c->check->level), finding, line.failed ? finding->text : nilo_buf_str(&line));
    nilo_buf_done(&line);
    return 0;
}

static void check_record(struct findings *f, struct nilo_store *s, const struct nilo_check *check, bool all)
{
    struct checking c = {.f = f, .check = check, .most = f->ctx->json ? TOLD_MOST_JSON : all ? INT64_MAX : TOLD_MOST};
    struct nilo_err err = {0};
    char text[400];
    if (nilo_store_check(s, check, on_finding, &c, &err) != 0) {
        add(f, check->name, WRONG, err.msg);
        return;
    }
    if (c.n == 0)
        tell(f, check->name, FINE, NULL, check->fine);
    f->found = f->found || (c.n > 0 && worth(check->level) >= ODD);
    if (c.n > c.most) {
        snprintf(text, sizeof text, "and %" PRId64 " more; nilometer doctor --check %s prints all of them", c.n - c.most, check->name); /* as lines; JSON is put together in memory */
        tell(f, check->name, worth(check->level), NULL, text);
    }
    nilo_progress_hide(f->bar);
    if (c.n > 0 && check->todo != NULL && !f->ctx->json)
        fprintf(f->ctx->out, "%-6s %-14s -> %s\n", "", "", check->todo);
}

static const struct nilo_check *find_check(const char *name, struct nilo_err *err)
{
    const char *known[32];
    size_t n = 0;
    for (size_t i = 0; i < nilo_checks_n; i++) {
        if (strcmp(nilo_checks[i].name, name) == 0)
            return &nilo_checks[i];
        if (n < sizeof known / sizeof known[0])
            known[n++] = nilo_checks[i].name;
    }
    const char *near = nilo__nearest(name, known, n);
    nilo_err_set(err, NILO_EUSAGE, "there is no check \"%s\"%s%s%s; nilometer doctor --sql lists them", name, near ? "; did you mean " : "",
                 near ? near : "", near ? "?" : "");
    return NULL;
}

static void check_store(struct findings *f, const struct nilo_check *only)
{
    struct nilo_store *s = NULL;
    struct nilo_err err = {0};
    if (nilo_cmd_store(f->ctx, NILO_STORE_READ, &s, &err) != 0) {
        add(f, "store", WRONG, err.msg);
        return;
    }
    if (only != NULL) {
        nilo_progress_step(f->bar, only->name, 0, 0);
        check_record(f, s, only, true);
        nilo_store_close(s);
        return;
    }
    add(f, "store", FINE, nilo_store_target(s));
    check_clock(f, s);
    check_keys(f, s);
    check_wall(f, s);
    check_connections(f, s);
    for (size_t i = 0; i < nilo_checks_n; i++) {
        nilo_progress_step(f->bar, nilo_checks[i].name, (int64_t)i, (int64_t)nilo_checks_n);
        check_record(f, s, &nilo_checks[i], false);
    }
    nilo_store_close(s);
}

static int check_all(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    struct findings f = {.ctx = ctx};
    const char *name = nilo_args_get(ctx->args, "check");
    const struct nilo_check *only = name != NULL ? find_check(name, err) : NULL;
    if (name != NULL && only == NULL)
        return -1;
    nilo__answer_init(&f.answer);
    nilo_json_array_begin(&f.answer.json);
    if (only == NULL)
        check_config(&f);
    f.bar = nilo_progress_new(ctx, "opening", 0);
    check_store(&f, only);
    nilo_progress_done(f.bar);
    nilo_json_array_end(&f.answer.json);
    if (ctx->json && nilo__answer_print(&f.answer, ctx->out, err) != 0)
        return -1;
    nilo_buf_done(&f.answer.buf);
    return f.failed ? 1 : f.found ? 3 : 0;
}

/* ---- the checks as statements ------------------------------------------------------------------------------------------------ */

static void print_check(struct nilo_cmd_ctx *ctx, struct nilo_store *s, const struct nilo_check *c, struct nilo_json_out *o)
{
    struct nilo_buf sql;
    nilo_buf_init(&sql, 65536);
    bool has = nilo_store_check_sql(s, c, &sql);
    if (!ctx->json) {
        fprintf(ctx->out, "-- %s (%s): %s\n", c->name, words[worth(c->level)], c->finds);
        if (has)
            fprintf(ctx->out, "%s;\n\n", nilo_buf_str(&sql));
        else
            fprintf(ctx->out, "-- no statement says this; nilometer doctor --check %s does it\n\n", c->name);
    } else {
        const char *const pairs[][2] = {{"check", c->name}, {"result", words[worth(c->level)]}, {"finds", c->finds}, {"todo", c->todo},
                                        {"sql", has ? nilo_buf_str(&sql) : NULL}};
        nilo_json_object_begin(o);
        for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
            nilo_json_key(o, pairs[i][0]);
            nilo_json_str(o, pairs[i][1]);
        }
        nilo_json_object_end(o);
    }
    nilo_buf_done(&sql);
}

static int print_sql(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    struct nilo_store *s = NULL;
    struct nilo__answer a;
    const char *name = nilo_args_get(ctx->args, "check");
    const struct nilo_check *only = name != NULL ? find_check(name, err) : NULL;
    if ((name != NULL && only == NULL) || nilo_cmd_store(ctx, NILO_STORE_READ, &s, err) != 0)
        return -1;
    nilo__answer_init(&a);
    nilo_json_array_begin(&a.json);
    for (size_t i = 0; i < nilo_checks_n; i++)
        if (only == NULL || only == &nilo_checks[i])
            print_check(ctx, s, &nilo_checks[i], &a.json);
    nilo_json_array_end(&a.json);
    nilo_store_close(s);
    if (ctx->json)
        return nilo__answer_print(&a, ctx->out, err);
    nilo_buf_done(&a.buf);
    return 0;
}

static int accept_clock(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    struct nilo_store *s = NULL;
    if (nilo_cmd_store(ctx, NILO_STORE_WRITE, &s, err) != 0)
        return -1;
    struct nilo_buf taken_out;
    nilo_buf_init(&taken_out, 4096);
    int rc = nilo_record_accept_clock(s, &taken_out, err);
    nilo_store_close(s);
    if (rc == 0) {
        char now[NILO_US_TEXT];
        nilo_us_format(ctx->env->clock.wall(ctx->env->clock.ctx), now);
        fprintf(ctx->out, "The clock is taken to be right: %s. Days close again.\n", now);
        if (taken_out.len > 0)
            fprintf(ctx->out, "Taken out, because they lie in its future: run%s %s. What was read then stays in the record and does not count.\n",
                    strchr(nilo_buf_str(&taken_out), ',') != NULL ? "s" : "", nilo_buf_str(&taken_out));
    }
    nilo_buf_done(&taken_out);
    return rc;
}

static int run(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    const char *item = nilo_args_get(ctx->args, "item");
    if (nilo__operands(ctx, 0, 0, err) != 0)
        return -1;
    if (nilo_args_get(ctx->args, "accept-clock") != NULL)
        return accept_clock(ctx, err);
    if (item != NULL)
        return nilo__doctor_item(ctx, item, err);
    return nilo_args_get(ctx->args, "sql") != NULL ? print_sql(ctx, err) : check_all(ctx, err);
}

const struct nilo_cmd nilo_cmd_doctor = {
    .name = "doctor",
    .summary = "check configuration, clock, keys, connections and the whole record",
    .description = "Prints a line a finding, of each check the first few, and what to do about it. wrong: the record is not as it must be; odd: numbers "
                   "that contradict each other, or somebody has to decide; note: gaps, missing values, and what cannot be had any more, with the "
                   "reason; ok: nothing was found, or how far each window has come. Nothing is written.\n\n"
                   "Exit status: 0 nothing odd or wrong; 3 a check of the record found something; 1 configuration, store, clock or the file of keys are wrong, or a "
                   "connection needs a person.\n\n"
                   "--sql prints the same checks as statements for sqlite3 or psql, one row a finding; open a store that is in use with "
                   "sqlite3 'file:nilometer.db?mode=ro'. --item shows one item's best, newest, 30-day and 90-day values side by side.\n\n"
                   "Days are closed by the clock. When it stands behind the newest record, or jumped far ahead, days stay open until a person says "
                   "that the present time is right: nilometer doctor --accept-clock. Runs that a clock ahead of it has made are taken out by that and "
                   "named: their readings stay in the record and do not count, days that closed stay as they are.",
    .options = (const struct nilo_option[]){{"check", "NAME", "only this check, and all that it finds", false},
                                            {"sql", NULL, "print the checks as SQL", false},
                                            {"item", "ID", "what is known of this item, side by side", false},
                                            {"accept-clock", NULL, "the present time is right: let days close again", false},
                                            {0}},
    .run = run,
    .writes = NILO_CMD_WRITES,
    .writes_with = "accept-clock",
};
