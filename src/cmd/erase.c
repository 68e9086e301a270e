/* nilometer erase: a person's names go, the counts stay. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd_priv.h"

static const char *const options[] = {"item", "owner", "connection"}; /* by enum nilo_erase_kind */

static int parse(struct nilo_cmd_ctx *ctx, struct nilo_erase *ret, struct nilo_err *err)
{
    int n = 0;
    for (int i = 0; i < 3; i++) {
        const char *value = nilo_args_get(ctx->args, options[i]);
        if (value == NULL)
            continue;
        n += nilo_args_count(ctx->args, options[i]);
        ret->kind = (enum nilo_erase_kind)i;
        ret->name = value;
    }
    if (n != 1)
        return nilo_err_set(err, NILO_EUSAGE, "name exactly one of --item ID, --owner KEY and --connection NAME");
    const char *author = nilo_args_get(ctx->args, "author"), *login = ctx->login;
    ret->author = author != NULL ? author : login != NULL ? login : "unknown";
    ret->dry_run = nilo_args_get(ctx->args, "dry-run") != NULL;
    return 0;
}

/* It cannot be undone: a person at a terminal is asked, a script has to say --yes. */
static int confirm(struct nilo_cmd_ctx *ctx, const struct nilo_erase *what, const struct nilo_erasure *would, struct nilo_err *err)
{
    char answer[16] = "";
    if (nilo_args_get(ctx->args, "yes") != NULL)
        return 0;
    if (ctx->share != NULL || !ctx->err_tty || !isatty(STDIN_FILENO)) /* nobody sits before the daemon */
        return nilo_err_set(err, NILO_EUSAGE, "erasing cannot be undone: say --yes, or look first with --dry-run");
    fprintf(ctx->err_out, "Erase %s ", options[what->kind]);
    nilo__put(ctx->err_out, what->name);
    fprintf(ctx->err_out, ": names and ids of %" PRId64 " items go for good, their counts stay. Type yes: ", would->items);
    fflush(ctx->err_out);
    if (fgets(answer, sizeof answer, stdin) != NULL && strcmp(answer, "yes\n") == 0)
        return 0;
    return nilo_err_set(err, NILO_ECANCELLED, "nothing was erased");
}

/* Where the file lists the connection: as long as it does, collect says that it is left out. A file that cannot be read is the next command's to tell. */
static int line_of(const struct nilo_config *c, const struct nilo_erase *what, const char *workspace)
{
    for (int i = 0; c != NULL && what->kind == NILO_ERASE_CONNECTION && i < c->n_connections; i++) {
        if (strcmp(c->connections[i].name, what->name) == 0 && strcmp(c->connections[i].workspace, workspace) == 0)
            return c->connections[i].line;
    }
    return 0;
}

static void say_listed(struct nilo_cmd_ctx *ctx, const struct nilo_erase *what)
{
    const char *workspace = nilo_args_get(ctx->args, "workspace");
    struct nilo_config *c = NULL;
    struct nilo_err none = {0};
    if (nilo_cmd_config(ctx, &c, &none) != 0)
        c = NULL;
    int line = line_of(c, what, workspace != NULL ? workspace : "default");
    if (line > 0)
        nilo_cmd_notice(ctx, "%s lists the connection in line %d: take it out there, too; until then collect leaves it out and exits with 3", c->path, line);
    nilo_config_free(c);
}

static int report(struct nilo_cmd_ctx *ctx, const struct nilo_erase *what, const struct nilo_erasure *r, bool swept, struct nilo_err *err)
{
    char when[NILO_US_TEXT] = "";
    bool again = r->before != NILO_US_NONE;
    if (!what->dry_run)
        say_listed(ctx, what);
    if (again)
        nilo_us_format(r->before, when);
    if (!ctx->json) {
        if (again) {
            fprintf(ctx->out, "It was erased on %.10s; nothing is left to do.\n", when);
            return 0;
        }
        fprintf(ctx->out, "%s %s%" PRId64 " %s and %" PRId64 " %s; every count stays.\n", what->dry_run ? "Would erase" : "Erased",
                r->owners ? "an owner's name, " : what->kind == NILO_ERASE_CONNECTION ? "a connection's name, " : "", r->items,
                r->items == 1 ? "item" : "items", r->messages, r->messages == 1 ? "message that named them" : "messages that named them");
        if (r->values > 0)
            fprintf(ctx->out, "In the metadata of %" PRId64 " %s of the app's own metrics \"(erased)\" stands for them now; a statement that goes on naming them brings the name "
                    "back.\n", r->values, r->values == 1 ? "value" : "values");
        if (r->shared > 0)
            fprintf(ctx->out, "%" PRId64 " %s credited to others as well and %s; erase them one by one with --item.\n", r->shared,
                    r->shared == 1 ? "item is" : "items are", r->shared == 1 ? "stays" : "stay");
        return 0;
    }
    struct nilo__answer a;
    nilo__answer_init(&a);
    nilo_json_object_begin(&a.json);
    const struct {
        const char *name;
        int64_t n;
    } counts[] = {{"items", r->items}, {"owners", r->owners}, {"messages", r->messages}, {"metadata", r->values}, {"shared_items", r->shared}};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        nilo_json_key(&a.json, counts[i].name);
        nilo_json_int(&a.json, counts[i].n);
    }
    nilo_json_key(&a.json, "erased_before");
    nilo_json_str(&a.json, again ? when : NULL);
    nilo_json_key(&a.json, "dry_run");
    nilo_json_bool(&a.json, what->dry_run);
    nilo_json_key(&a.json, "file_rewritten");
    nilo_json_bool(&a.json, swept);
    nilo_json_object_end(&a.json);
    return nilo__answer_print(&a, ctx->out, err);
}

/* Erased is erased; that old bytes are still in the file is told, and the exit status says that it is done in part. */
static int sweep(struct nilo_cmd_ctx *ctx, struct nilo_store *s, bool *ret_swept)
{
    struct nilo_err err = {0};
    if (nilo_db_engine(nilo_store_db(s)) == NILO_DB_POSTGRES) {
        nilo_cmd_notice(ctx, "the server keeps old row versions until: VACUUM FULL entity, content, owner, connection, run, run_failure, observation, "
                             "day_value");
        return 0;
    }
    if (nilo_store_sweep(s, ret_swept, &err) == 0 && *ret_swept)
        return 0;
    nilo_cmd_notice(ctx, "old bytes may still be in the file, run the same command again: %s",
                    err.code != NILO_OK ? err.msg : "a reader holds on to the log of the store");
    return 3;
}

static int erase(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo_erase *what, struct nilo_err *err)
{
    struct nilo_erasure would, done;
    struct nilo_workspace w;
    struct nilo_erase look;
    bool swept = false;
    int status = 0;
    const char *workspace = nilo_args_get(ctx->args, "workspace");
    if (nilo_store_workspace(s, workspace != NULL ? workspace : "default", false, NULL, &w, err) != 0)
        return -1;
    what->workspace = w.id;
    look = *what;
    look.dry_run = true;
    if (nilo_store_erase(s, &look, &would, err) != 0)
        return -1;
    if (what->dry_run)
        return report(ctx, what, &would, false, err);
    if (would.before == NILO_US_NONE && confirm(ctx, what, &would, err) != 0)
        return -1;
    if (nilo_store_erase(s, what, &done, err) != 0)
        return -1;
    status = sweep(ctx, s, &swept);
    return report(ctx, what, &done, swept, err) != 0 ? -1 : status;
}

static int run(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    struct nilo_store *s = NULL;
    struct nilo_erase what = {.name = NULL};
    if (nilo__operands(ctx, 0, 0, err) != 0 || parse(ctx, &what, err) != 0 || nilo_cmd_store(ctx, NILO_STORE_WRITE, &s, err) != 0)
        return -1;
    int rc = erase(ctx, s, &what, err);
    nilo_store_close(s);
    return rc;
}

const struct nilo_cmd nilo_cmd_erase = {
    .name = "erase",
    .summary = "take a person's names out of the record for good; the counts stay",
    .description =
        "Removes external ids, titles, captions, addresses, covers, tags, metadata of counts, the owner's key and name, and every message of the log "
        "that names them; in the metadata of the app's own metrics (a breakdown by creator) \"(erased)\" takes the name's place. Days, latest, best and totals stay bit for bit. What stays beside is the act (when, by whom, how much) and a keyed hash of "
        "each id: whatever collection, import or push brings it again is refused and counted as erased.\n\n"
        "--owner takes the owner's name and the items that are credited to nobody else; --connection its name, its secrets and all its items; take it out of "
        "the configuration file as well, or collect says each time that it is left out. "
        "It cannot be undone: a terminal is asked, a script has to say --yes. An SQLite store is written anew, so that nothing erased is left in "
        "the file; a PostgreSQL server keeps old row versions until VACUUM FULL, and its logs as long as they are kept. Backups and exports made "
        "before still hold what was erased: delete them when their time has come. The names of people who revised values stay with their "
        "revisions.",
    .options = (const struct nilo_option[]){{"workspace", "W", "default \"default\"", false},
                                            {"item", "ID", "one item, by its id on its platform, on every connection of the workspace", false},
                                            {"owner", "KEY", "a person: the owner and the items credited to nobody else", false},
                                            {"connection", "NAME", "an account: the connection's name and all its items", false},
                                            {"dry-run", NULL, "only say what would be erased", false},
                                            {"yes", NULL, "do not ask", false},
                                            {"author", "NAME", "who asked for it; default the login name", false},
                                            {0}},
    .run = run,
    .writes = NILO_CMD_WRITES_LONG,
};
