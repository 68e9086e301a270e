/* What came of an import: rows, values, days, and why rows were refused. For people a few lines, for machines one object. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd_priv.h"
#include "cmd/import_priv.h"

/* What the outcomes of values mean to someone who imports. */
static const struct {
    enum nilo_outcome outcome;
    const char *text;
} outcomes[] = {
    {NILO_RECORDED, "recorded"},
    {NILO_REPLACED, "replaced an earlier reading of an open day"},
    {NILO_KEPT, "kept as readings beside the day's value"},
    {NILO_UNCHANGED, "unchanged: known already"},
    {NILO_MERGED, "merged: a second reading of the same instant"},
    {NILO_LATE, "late: the first value of a closed day"},
    {NILO_AMENDED, "amended a closed day"},
    {NILO_REFUSED, "refused: the day is closed and holds another value (--revise amends it)"},
};
_Static_assert(sizeof outcomes / sizeof outcomes[0] == NILO_OUTCOME_COUNT, "a line for each outcome");

/* ---- for people ---------------------------------------------------------------------------------------------------------- */

static void add_rows(struct nilo__table *t, const struct nilo__import_result *r)
{
    const struct nilo_import_report *p = r->report;
    nilo__table_add(t, "rows");
    nilo__table_addf(t, "%" PRId64 " read from %zu %s", p->rows, r->n_files, r->n_files == 1 ? "file" : "files");
    const struct {
        int64_t n;
        const char *text;
    } parts[] = {
        {p->taken - p->merged, "recorded or compared"},
        {p->merged, "merged with another row of the same instant"},
        {p->left_out, "left out by --where"},
        {p->refused, "refused"},
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i].n == 0)
            continue;
        nilo__table_add(t, "");
        nilo__table_addf(t, "%" PRId64 " %s", parts[i].n, parts[i].text);
    }
}

static void add_values(struct nilo__table *t, const struct nilo_run *run)
{
    const char *label = "values";
    for (size_t i = 0; i < NILO_OUTCOME_COUNT; i++) {
        if (run->outcomes[outcomes[i].outcome] == 0)
            continue;
        nilo__table_add(t, label);
        nilo__table_addf(t, "%" PRId64 " %s", run->outcomes[outcomes[i].outcome], outcomes[i].text);
        label = "";
    }
}

static void add_days(struct nilo__table *t, const struct nilo_run *run)
{
    char first[NILO_DAY_TEXT], last[NILO_DAY_TEXT];
    if (nilo_day_is_none(run->first_day))
        return;
    nilo_day_format(run->first_day, first);
    nilo_day_format(run->last_day, last);
    nilo__table_add(t, "days");
    nilo__table_addf(t, "%s to %s", first, last);
    nilo__table_add(t, "items");
    nilo__table_addf(t, "%" PRId64, run->items);
    if (run->days_closed > 0) {
        nilo__table_add(t, "closed");
        nilo__table_addf(t, "%d %s", run->days_closed, run->days_closed == 1 ? "day" : "days");
    }
}

static void add_places(struct nilo_buf *b, const struct nilo_import_refusal *why)
{
    nilo_buf_adds(b, why->rows > NILO_IMPORT_FIRST ? ", first at " : " at ");
    for (int i = 0; i < why->n_first; i++)
        nilo_buf_addf(b, "%s%s:%" PRId64, i > 0 ? ", " : "", why->first[i].file, why->first[i].line);
}

static void add_refusal(struct nilo__table *t, bool first, const struct nilo_import_refusal *why, const char *one, const char *many)
{
    struct nilo_buf b;
    nilo_buf_init(&b, 4000);
    add_places(&b, why);
    nilo__table_add(t, first ? "refused" : "");
    nilo__table_addf(t, "%s: %" PRId64 " %s%s", why->reason, why->rows, why->rows == 1 ? one : many, nilo_buf_str(&b));
    nilo_buf_done(&b);
}

static void add_refusals(struct nilo__table *t, const struct nilo__import_result *r)
{
    const struct nilo_import_report *p = r->report;
    for (size_t i = 0; i < p->n_refusals; i++)
        add_refusal(t, i == 0, &p->refusals[i], "row", "rows");
    for (size_t i = 0; i < p->n_closed; i++)
        add_refusal(t, i + p->n_refusals == 0, &p->closed[i], "value", "values");
    if (r->refused_path != NULL && p->refused + (int64_t)p->n_closed > 0) {
        nilo__table_add(t, "");
        if (p->unkept > 0)
            nilo__table_addf(t, "the rows are in %s, but for %" PRId64 " that it cannot hold", r->refused_path, p->unkept);
        else
            nilo__table_addf(t, "the rows are in %s", r->refused_path);
    }
}

static int print_text(struct nilo_cmd_ctx *ctx, const struct nilo__import_result *r, struct nilo_err *err)
{
    struct nilo__table t;
    nilo__table_init(&t, 2, 0);
    nilo__table_add(&t, r->dry_run ? "dry run" : "imported");
    if (r->dry_run)
        nilo__table_addf(&t, "nothing was recorded; this would go into workspace %s, connection %s", r->connection->workspace_name,
                         r->connection->name);
    else
        nilo__table_addf(&t, "into workspace %s, connection %s, run %" PRId64, r->connection->workspace_name, r->connection->name, r->run->id);
    add_rows(&t, r);
    add_values(&t, r->run);
    add_days(&t, r->run);
    add_refusals(&t, r);
    nilo__import_tap_text(&t, r);
    return nilo__table_print(&t, ctx->out, err);
}

/* ---- for machines ---------------------------------------------------------------------------------------------------------- */

static void member_int(struct nilo_json_out *o, const char *name, int64_t v)
{
    nilo_json_key(o, name);
    nilo_json_int(o, v);
}

static void member_str(struct nilo_json_out *o, const char *name, const char *v)
{
    nilo_json_key(o, name);
    nilo_json_str(o, v);
}

static void json_rows(struct nilo_json_out *o, const struct nilo_import_report *p)
{
    nilo_json_key(o, "rows");
    nilo_json_object_begin(o);
    member_int(o, "read", p->rows);
    member_int(o, "taken", p->taken - p->merged);
    member_int(o, "merged", p->merged);
    member_int(o, "left_out", p->left_out);
    member_int(o, "refused", p->refused);
    nilo_json_object_end(o);
}

static void json_values(struct nilo_json_out *o, const struct nilo_run *run)
{
    nilo_json_key(o, "values");
    nilo_json_object_begin(o);
    for (size_t i = 0; i < NILO_OUTCOME_COUNT; i++)
        member_int(o, nilo_outcome_name(outcomes[i].outcome), run->outcomes[outcomes[i].outcome]);
    nilo_json_object_end(o);
}

static void json_refusals(struct nilo_json_out *o, const char *name, const char *unit, const struct nilo_import_refusal *list, size_t n)
{
    nilo_json_key(o, name);
    nilo_json_array_begin(o);
    for (size_t i = 0; i < n; i++) {
        const struct nilo_import_refusal *why = &list[i];
        nilo_json_object_begin(o);
        member_str(o, "reason", why->reason);
        member_int(o, unit, why->rows);
        nilo_json_key(o, "first");
        nilo_json_array_begin(o);
        for (int k = 0; k < why->n_first; k++) {
            nilo_json_object_begin(o);
            member_str(o, "file", why->first[k].file);
            member_int(o, "line", why->first[k].line);
            nilo_json_object_end(o);
        }
        nilo_json_array_end(o);
        nilo_json_object_end(o);
    }
    nilo_json_array_end(o);
}

static int print_json(struct nilo_cmd_ctx *ctx, const struct nilo__import_result *r, struct nilo_err *err)
{
    struct nilo__answer a;
    struct nilo_json_out *o = &a.json;
    nilo__answer_init(&a);
    nilo_json_object_begin(o);
    nilo_json_key(o, "dry_run");
    nilo_json_bool(o, r->dry_run);
    nilo_json_key(o, "run");
    r->dry_run ? nilo_json_null(o) : nilo_json_int(o, r->run->id);
    member_str(o, "status", nilo_run_status_name((int)r->run->status));
    member_str(o, "workspace", r->connection->workspace_name);
    member_str(o, "connection", r->connection->name);
    member_str(o, "platform", r->connection->platform);
    member_int(o, "files", (int64_t)r->n_files);
    json_rows(o, r->report);
    json_values(o, r->run);
    member_int(o, "items", r->run->items);
    nilo_json_key(o, "first_day");
    nilo__json_day(o, r->run->first_day);
    nilo_json_key(o, "last_day");
    nilo__json_day(o, r->run->last_day);
    member_int(o, "days_closed", r->run->days_closed);
    json_refusals(o, "refused", "rows", r->report->refusals, r->report->n_refusals);
    json_refusals(o, "closed", "values", r->report->closed, r->report->n_closed);
    nilo__import_tap_json(o, r);
    nilo_json_object_end(o);
    return nilo__answer_print(&a, ctx->out, err);
}

int nilo__import_print(struct nilo_cmd_ctx *ctx, const struct nilo__import_result *r, struct nilo_err *err)
{
    return ctx->json ? print_json(ctx, r, err) : print_text(ctx, r, err);
}
