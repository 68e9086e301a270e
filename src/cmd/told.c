/* See told.h. */
#include <stdio.h>
#include <string.h>

#include "cmd/told.h"
#include "record/record.h"

/* ---- for people: a table, and under it what went wrong ---------------------------------------------------------------------------------- */

void nilo__teller_init(struct nilo__teller *p, struct nilo_cmd_ctx *ctx, const char *const *heads, int columns, unsigned right)
{
    *p = (struct nilo__teller){.ctx = ctx};
    nilo__table_init(&p->runs, columns, right);
    nilo__table_init(&p->notes, 2, 0);
    for (int i = 0; i < columns; i++)
        nilo__table_add(&p->runs, heads[i]);
}

int nilo__teller_end(struct nilo__teller *p, struct nilo_err *err)
{
    bool some = p->runs.n > (size_t)p->runs.columns, notes = p->notes.n > 0;
    int result = 0;
    if (some)
        result = nilo__table_print(&p->runs, p->ctx->out, err);
    if (some && notes && result == 0)
        fputc('\n', p->ctx->out);
    if (notes && result == 0)
        result = nilo__table_print(&p->notes, p->ctx->out, err);
    nilo__table_done(&p->runs);
    nilo__table_done(&p->notes);
    if (result == 0 && p->failed) {
        if (err != NULL)
            *err = p->err;
        result = -1;
    }
    return result;
}

void nilo__teller_note(struct nilo__teller *p, const struct nilo__told *run, const char *metric, const char *text)
{
    nilo__table_addf(&p->notes, "%s/%s", run->workspace, run->connection);
    nilo__table_addf(&p->notes, "%s%s%s", metric, metric[0] != '\0' ? ": " : "", text);
}

void nilo__teller_notes(struct nilo__teller *p, const struct nilo__told *run)
{
    if (run->error != NULL)
        nilo__teller_note(p, run, "", run->error);
    for (size_t i = 0; i < run->n_failures; i++) {
        if (run->error == NULL || strcmp(run->error, run->failures[i].message) != 0)
            nilo__teller_note(p, run, run->failures[i].metric, run->failures[i].message);
    }
    for (size_t i = 0; i < run->n_notes; i++)
        nilo__teller_note(p, run, "", run->notes[i]);
    if (run->asked_by_day != NULL)
        nilo__teller_note(p, run, run->asked_by_day, "asked once for each day, as the statement says no day of its own");
}

void nilo__told_progress(struct nilo_progress *bar, const char *connection, const char *doing, int64_t done, int64_t of)
{
    char what[80];
    snprintf(what, sizeof what, "%.38s: %.38s", connection, doing);
    nilo_progress_step(bar, what, done, of);
}

/* ---- --json: a line a run, as it ends ----------------------------------------------------------------------------------------------------- */

void nilo__told_int(struct nilo__answer *a, const char *key, int64_t v)
{
    nilo_json_key(&a->json, key);
    nilo_json_int(&a->json, v);
}

void nilo__told_day(struct nilo__answer *a, const char *key, nilo_day day)
{
    nilo_json_key(&a->json, key);
    nilo__json_day(&a->json, day);
}

void nilo__told_str(struct nilo__answer *a, const char *key, const char *v)
{
    nilo_json_key(&a->json, key);
    nilo_json_str(&a->json, v);
}

void nilo__told_begin(struct nilo__answer *a, const struct nilo__told *run)
{
    nilo__answer_init(a);
    nilo_json_object_begin(&a->json);
    nilo__told_str(a, "workspace", run->workspace);
    nilo__told_str(a, "connection", run->connection);
    nilo_json_key(&a->json, "run");
    run->run != 0 ? nilo_json_int(&a->json, run->run) : nilo_json_null(&a->json);
    nilo__told_day(a, "first_day", run->first_day);
    nilo__told_day(a, "last_day", run->last_day);
    nilo__told_str(a, "status", run->status);
}

void nilo__told_end(struct nilo__answer *a, const struct nilo__told *run, struct nilo__teller *p)
{
    nilo__told_str(a, "error", run->error);
    nilo_json_key(&a->json, "failures");
    nilo_json_array_begin(&a->json);
    for (size_t i = 0; i < run->n_failures; i++) {
        nilo_json_object_begin(&a->json);
        nilo__told_str(a, "metric", run->failures[i].metric);
        nilo__told_str(a, "class", run->failures[i].class);
        nilo__told_str(a, "message", run->failures[i].message);
        nilo_json_object_end(&a->json);
    }
    nilo_json_array_end(&a->json);
    nilo_json_key(&a->json, "notes");
    nilo_json_array_begin(&a->json);
    for (size_t i = 0; i < run->n_notes; i++)
        nilo_json_str(&a->json, run->notes[i]);
    nilo_json_array_end(&a->json);
    nilo__told_str(a, "asked_by_day", run->asked_by_day);
    nilo_json_object_end(&a->json);
    if (nilo__answer_print(a, p->ctx->out, &p->err) != 0)
        p->failed = true;
}

int nilo__tell_clock(struct nilo_cmd_ctx *ctx, struct nilo_store *store, struct nilo_err *err)
{
    struct nilo_buf note;
    nilo_buf_init(&note, 4096);
    int rc = nilo_record_clock_note(store, &note, err);
    if (rc == 0 && note.len > 0)
        nilo_cmd_notice(ctx, "%s", nilo_buf_str(&note));
    nilo_buf_done(&note);
    return rc;
}
