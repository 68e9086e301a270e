/* nilometer backup and restore: a checked copy of the store, and the way back. A store in a file is copied as it is; one in PostgreSQL is exported whole,
 * which loses nothing and reads one state. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd_priv.h"
#include "cmd/import_priv.h"
#include "import/import.h"

static int answer(struct nilo_cmd_ctx *ctx, const char *key, const char *path, const char *aside, struct nilo_err *err)
{
    struct nilo__answer a;
    nilo__answer_init(&a);
    nilo_json_object_begin(&a.json);
    nilo_json_key(&a.json, key);
    nilo_json_str(&a.json, path);
    if (aside != NULL) {
        nilo_json_key(&a.json, "moved_to");
        nilo_json_str(&a.json, aside);
    }
    nilo_json_object_end(&a.json);
    return nilo__answer_print(&a, ctx->out, err);
}

static void on_rows(void *bar, int64_t done, int64_t of)
{
    nilo_progress_step(bar, "copying", done, of);
}

static int export_to(struct nilo_store *s, const char *path, struct nilo_progress *bar, struct nilo_err *err)
{
    struct nilo_output *out = NULL;
    const struct nilo_whole_want all = {.from = NILO_DAY_NONE, .to = NILO_DAY_NONE};
    int64_t rows;
    if (nilo_output_open(path, NULL, &out, err) != 0)
        return -1;
    if (nilo_whole_write(s, &all, NULL, NILO_WHOLE_LINES, out, on_rows, bar, &rows, err) != 0) {
        nilo_output_abort(out);
        return -1;
    }
    return nilo_output_close(out, err);
}

/* The ending says how it is packed, so it stays the ending. */
static char *partial_name(const char *path)
{
    size_t n = strlen(path), end = n > 4 && strcmp(path + n - 4, ".zst") == 0 ? 4 : n > 3 && strcmp(path + n - 3, ".gz") == 0 ? 3 : 0;
    struct nilo_buf b;
    nilo_buf_init(&b, 8192);
    nilo_buf_add(&b, path, n - end);
    nilo_buf_adds(&b, ".partial");
    nilo_buf_adds(&b, path + n - end);
    char *name = nilo_buf_take(&b);
    nilo_buf_done(&b);
    return name;
}

static int export_checked(struct nilo_store *s, const char *path, struct nilo_progress *bar, struct nilo_err *err)
{
    char *partial = partial_name(path);
    if (partial == NULL)
        return nilo_err_set(err, NILO_EINVAL, "the path of the backup is too long");
    int rc = nilo_store_backup_begin(path, partial, err);
    if (rc == 0) {
        rc = export_to(s, partial, bar, err) != 0 ? -1 : nilo_store_backup_end(path, partial, nilo__step, bar, err);
        if (rc != 0)
            unlink(partial);
    }
    free(partial);
    return rc;
}

static int copy(struct nilo_store *s, const char *path, struct nilo_progress *bar, struct nilo_err *err)
{
    bool lite = nilo_db_engine(nilo_store_db(s)) == NILO_DB_SQLITE;
    return lite ? nilo_store_backup(s, path, nilo__step, bar, err) : export_checked(s, path, bar, err);
}

static int run_backup(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    struct nilo_store *s = NULL;
    if (nilo__operands(ctx, 1, 1, err) != 0)
        return -1;
    const char *path = nilo_args_rest(ctx->args, 0);
    struct nilo_progress *bar = nilo_progress_new(ctx, "opening", 0);
    int rc = nilo_cmd_store(ctx, NILO_STORE_READ, &s, err);
    if (rc == 0)
        rc = copy(s, path, bar, err);
    nilo_progress_done(bar);
    nilo_store_close(s);
    if (rc != 0)
        return -1;
    if (ctx->json)
        return answer(ctx, "backup", path, NULL, err);
    fprintf(ctx->out, "Backed up to %s, checksum in %s.sha256.\nBring it back with: nilometer restore %s --store PATH\n", path, path, path);
    return 0;
}

const struct nilo_cmd nilo_cmd_backup = {
    .name = "backup",
    .operands = "FILE",
    .summary = "copy the store, consistently and checked",
    .description = "Copies a store as it is at one instant while other commands go on reading and writing it. FILE.sha256 beside the copy holds its checksum "
                   "as sha256sum writes it. Nothing is overwritten. The copy of an SQLite store is one, too: it is opened and its pages are checked before it "
                   "gets its name. Of a PostgreSQL store it is a whole export (nilometer export), packed where FILE ends in .zst or .gz; pg_dump copies it as well.\n\n"
                   "  nilometer backup /var/backups/nilometer-2026-11-21.db",
    .run = run_backup,
};

/* The old store's new name: its own, and the instant. */
static char *aside_name(struct nilo_cmd_ctx *ctx, const char *target)
{
    char text[NILO_US_TEXT];
    struct nilo_buf b;
    nilo_us_format(ctx->env->clock.wall(ctx->env->clock.ctx), text);
    text[strcspn(text, ".+")] = '\0';
    nilo_buf_init(&b, 8192);
    nilo_buf_addf(&b, "%s.before-restore-%s", target, text);
    char *name = nilo_buf_take(&b);
    nilo_buf_done(&b);
    return name;
}

/* The copy may have come without its keys. */
static int look_at_keys(struct nilo_cmd_ctx *ctx, const char *target, struct nilo_err *err)
{
    struct nilo_store *s = NULL;
    if (nilo_store_open(target, NILO_STORE_WRITE, ctx->env, &s, err) != 0)
        return nilo_err_wrap(err, "the store is restored");
    int rc = nilo__ring_look(ctx, s, err);
    nilo_store_close(s);
    return rc;
}

static int restore(struct nilo_cmd_ctx *ctx, const char *from, const char *target, struct nilo_err *err)
{
    bool replace = nilo_args_get(ctx->args, "replace") != NULL;
    char *aside = replace ? aside_name(ctx, target) : NULL;
    if (replace && aside == NULL)
        return nilo_err_nomem(err);
    struct nilo_progress *bar = nilo_progress_new(ctx, "checksum", 0);
    int rc = nilo_store_restore(from, target, aside, ctx->env, nilo__step, bar, err);
    nilo_progress_done(bar);
    if (rc == 0)
        rc = look_at_keys(ctx, target, err);
    if (rc == 0 && ctx->json)
        rc = answer(ctx, "restored", target, aside, err);
    else if (rc == 0) {
        fprintf(ctx->out, "Restored %s from %s.\n", target, from);
        if (aside != NULL)
            fprintf(ctx->out, "What was there before is in %s.\n", aside);
    }
    free(aside);
    return rc;
}

/* What is there and no copy of SQLite's is taken for an export, which says itself whether it is one. */
static bool is_export(const char *path)
{
    static const char sqlite[] = "SQLite format 3";
    char begins[sizeof sqlite] = "";
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return false;
    size_t n = fread(begins, 1, sizeof begins, f);
    fclose(f);
    return n > 0 && memcmp(begins, sqlite, sizeof sqlite) != 0;
}

static int restore_export(struct nilo_cmd_ctx *ctx, const char *from, const char *target, struct nilo_err *err)
{
    if (nilo_args_get(ctx->args, "replace") != NULL)
        return nilo_err_set(err, NILO_EUSAGE, "%s is an export, which is restored to an empty store; --replace does not go with it", from);
    struct nilo_progress *bar = nilo_progress_new(ctx, "checksum", 0);
    int rc = nilo_store_checksum_compare(from, nilo__step, bar, err);
    nilo_progress_done(bar);
    if (rc != 0 && err->code == NILO_ENOENT && nilo_whole_is(from)) /* what export wrote has its checksum inside */
        rc = 0;
    if (rc == 0)
        rc = nilo__restore_whole(ctx, from, err);
    return rc == 0 ? look_at_keys(ctx, target, err) : -1;
}

static int run_restore(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    char *target = NULL;
    if (nilo__operands(ctx, 1, 1, err) != 0 || nilo_cmd_target(ctx, &target, err) != 0)
        return -1;
    const char *from = nilo_args_rest(ctx->args, 0);
    int rc = is_export(from) ? restore_export(ctx, from, target, err) : restore(ctx, from, target, err);
    free(target);
    return rc;
}

const struct nilo_cmd nilo_cmd_restore = {
    .name = "restore",
    .operands = "FILE",
    .summary = "make a backup the store again",
    .description = "Checks the backup's checksum, its pages and its schema, and only then puts a copy of it in the store's place. Where a store is "
                   "already, nothing happens unless --replace is given; the old one is then moved aside and not deleted. The backup of a PostgreSQL store becomes one in an empty database, or in a new file; an "
                   "SQLite one becomes a file. What `nilometer export` wrote, in any format (not with --values), is taken like the backup of a PostgreSQL store; its checksum is within it.\n\n"
                   "  nilometer restore /var/backups/nilometer-2026-11-21.db --store ./nilometer.db --replace",
    .options = (const struct nilo_option[]){{"replace", NULL, "move the store that is there aside", false}, {0}},
    .run = run_restore,
};
