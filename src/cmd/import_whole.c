/* nilometer import of a whole export, in any of its formats, back into a store. A file is read twice: first to see that it is complete and
 * undamaged, then to restore it, so that nothing begins that would have to be taken back. Standard input is read once. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd_priv.h"
#include "cmd/import_priv.h"

struct job {
    struct nilo_cmd_ctx *ctx;
    struct nilo_store *store;
    struct nilo_restore *restore;
    struct nilo_whole_head head;
    struct nilo_progress *bar;
    const char *doing;
    bool dry_run;
};

static void show(void *ctx, int64_t done, int64_t of)
{
    struct job *j = ctx;
    if (j->bar == NULL)
        j->bar = nilo_progress_new(j->ctx, j->doing, of);
    nilo_progress_set(j->bar, done);
}

static void phase(struct job *j, const char *doing)
{
    nilo_progress_done(j->bar);
    j->bar = NULL;
    j->doing = doing;
}

static int look(void *ctx, const struct nilo_whole_head *head, struct nilo_err *err)
{
    (void)err;
    ((struct job *)ctx)->head = *head;
    return 0;
}

static int check(struct job *j, const char *path, struct nilo_err *err)
{
    struct nilo_whole_reader r = {.head = look, .ctx = j, .progress = show, .progress_ctx = j};
    phase(j, "checking");
    return nilo_whole_read(path, &r, err);
}

static int begin(void *ctx, const struct nilo_whole_head *head, struct nilo_err *err)
{
    struct job *j = ctx;
    struct nilo_load_head load = head->load;
    j->head = *head;
    load.dry_run = j->dry_run;
    return nilo_record_restore_begin(j->store, &load, &j->restore, err);
}

static int row(void *ctx, size_t table, const struct nilo_whole_cell *cells, struct nilo_err *err)
{
    return nilo_record_restore_row(((struct job *)ctx)->restore, table, cells, err);
}

static int restore(struct job *j, const char *path, struct nilo_loaded *ret, struct nilo_err *err)
{
    struct nilo_whole_reader r = {.head = begin, .row = row, .ctx = j, .progress = show, .progress_ctx = j};
    phase(j, "restoring");
    if (nilo_whole_read(path, &r, err) != 0) {
        nilo_record_restore_abort(j->restore);
        return -1;
    }
    phase(j, "deriving");
    return nilo_record_restore_end(j->restore, show, j, ret, err);
}

static int print(struct job *j, const struct nilo_loaded *l, struct nilo_err *err)
{
    char from[NILO_DAY_TEXT], to[NILO_DAY_TEXT];
    nilo_day_format(j->head.from, from);
    nilo_day_format(j->head.to, to);
    if (j->ctx->json) {
        struct nilo__answer a;
        nilo__answer_init(&a);
        nilo_json_object_begin(&a.json);
        nilo_json_key(&a.json, "rows");
        nilo_json_int(&a.json, j->head.rows);
        nilo_json_key(&a.json, "workspaces");
        nilo_json_int(&a.json, l->workspaces);
        nilo_json_key(&a.json, "items");
        nilo_json_int(&a.json, l->items);
        nilo_json_key(&a.json, "from");
        nilo__json_day(&a.json, j->head.from);
        nilo_json_key(&a.json, "to");
        nilo__json_day(&a.json, j->head.to);
        nilo_json_key(&a.json, "unchanged");
        nilo_json_bool(&a.json, l->unchanged);
        nilo_json_key(&a.json, "dry_run");
        nilo_json_bool(&a.json, j->dry_run);
        nilo_json_object_end(&a.json);
        return nilo__answer_print(&a, j->ctx->out, err);
    }
    const char *did = l->unchanged ? "Nothing changed: all of it is here already." : j->dry_run ? "It could be restored." : "Restored.";
    fprintf(j->ctx->out, "%s %" PRId64 " %s, %" PRId64 " items, %" PRId64 " rows.\n", did, l->workspaces,
            l->workspaces == 1 ? "workspace" : "workspaces", l->items, j->head.rows);
    if (from[0] != '\0' || to[0] != '\0')
        fprintf(j->ctx->out, "The file holds only a range of days%s%s%s%s: best values and totals know nothing of other days.\n",
                from[0] ? " from " : "", from, to[0] ? " to " : "", to);
    if (!l->unchanged && !l->adopted)
        fprintf(j->ctx->out, "The store held other data, so numbers of runs may be other ones than in the file.\n");
    return 0;
}

/* What says how to read columns, and to where, makes no sense for a file that says it all itself. */
static int check_options(const struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    static const char *const none[] = {"workspace", "platform", "map", "where", "absent", "define", "refused", "revise", "values", "keep-definitions"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        if (nilo_args_get(ctx->args, none[i]) != NULL)
            return nilo_err_set(err, NILO_EUSAGE, "--%s does not go with a whole export: the file itself says what goes where", none[i]);
    }
    return 0;
}

static int put_back(struct job *j, const char *path, struct nilo_err *err)
{
    struct nilo_loaded loaded;
    int rc = restore(j, path, &loaded, err);
    phase(j, NULL);
    return rc == 0 ? print(j, &loaded, err) : -1;
}

int nilo__import_whole(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    struct job j = {.ctx = ctx, .dry_run = nilo_args_get(ctx->args, "dry-run") != NULL};
    if (nilo__operands(ctx, 1, 1, err) != 0 || check_options(ctx, err) != 0)
        return -1;
    const char *path = nilo_args_rest(ctx->args, 0);
    int rc = strcmp(path, "-") == 0 ? 0 : check(&j, path, err);
    if (rc == 0)
        rc = nilo_cmd_store(ctx, NILO_STORE_WRITE, &j.store, err);
    if (rc == 0)
        rc = put_back(&j, path, err);
    phase(&j, NULL);
    nilo_store_close(j.store);
    return rc;
}

static int check_empty(struct nilo_store *s, struct nilo_err *err)
{
    struct nilo_workspace *all = NULL;
    size_t n;
    if (nilo_store_workspaces(s, &all, &n, err) != 0)
        return -1;
    free(all);
    return n == 0 ? 0
                  : nilo_err_set(err, NILO_EEXIST, "the store %s holds something already; restore to an empty one, or put the data beside what is there: "
                                                   "nilometer import FILE", nilo_store_target(s));
}

int nilo__restore_whole(struct nilo_cmd_ctx *ctx, const char *path, struct nilo_err *err)
{
    struct job j = {.ctx = ctx};
    int rc = check(&j, path, err);
    if (rc == 0)
        rc = nilo_cmd_store(ctx, NILO_STORE_CREATE, &j.store, err);
    if (rc == 0)
        rc = check_empty(j.store, err);
    if (rc == 0)
        rc = put_back(&j, path, err);
    phase(&j, NULL);
    nilo_store_close(j.store);
    return rc;
}
