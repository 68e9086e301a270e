/* nilometer init: make the store where there is none, bring its schema up to date, and apply the configuration. */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "cmd/cmd_priv.h"
#include "db/db.h"

struct found {
    bool made;
    int schema; /* before: 0 = none */
    struct nilo__ring ring;
    bool keys_made;
};

/* What is there before we touch it. Whatever else is wrong comes to light when it is opened for writing. */
static int look(struct nilo_cmd_ctx *ctx, struct found *ret, struct nilo_err *err)
{
    struct nilo_store *s = NULL;
    if (nilo_cmd_store(ctx, NILO_STORE_READ, &s, err) != 0) {
        ret->made = err->code == NILO_ENOENT;
        return 0;
    }
    int rc = nilo_db_schema_version(nilo_store_db(s), &ret->schema, err);
    nilo_store_close(s);
    return rc;
}

static void say_configuration(FILE *out, const struct nilo_config *c)
{
    if (c->path == NULL)
        return;
    fprintf(out, "Applied %s: %d %s, %d %s, %d %s.\n", c->path, c->n_workspaces, c->n_workspaces == 1 ? "workspace" : "workspaces",
            c->n_connections, c->n_connections == 1 ? "connection" : "connections", c->n_metrics, c->n_metrics == 1 ? "metric" : "metrics");
}

static void say_next(FILE *out, const struct nilo_config *c)
{
    fputs("Next:\n", out);
    if (c->n_connections > 0)
        fputs("  nilometer collect                       read the connections; have it run every day\n", out);
    else
        fputs("  describe your app's database in nilometer.yaml (nilometer help configuration), then: nilometer collect\n", out);
    fputs("  nilometer import FILE --workspace NAME  take in numbers that you have in a file\n"
          "  nilometer status                        see what is kept\n",
          out);
}

static int answer(struct nilo_cmd_ctx *ctx, struct nilo_store *s, const struct nilo_config *c, const struct found *before, int schema,
                  struct nilo_err *err)
{
    struct nilo__answer a;
    char uuid[NILO_UUID_TEXT];
    nilo_uuid_format(nilo_store_uuid(s), uuid);
    nilo__answer_init(&a);
    nilo_json_object_begin(&a.json);
    nilo_json_key(&a.json, "store");
    nilo_json_str(&a.json, nilo_store_target(s));
    nilo_json_key(&a.json, "id");
    nilo_json_str(&a.json, uuid);
    nilo_json_key(&a.json, "made");
    nilo_json_bool(&a.json, before->made);
    nilo_json_key(&a.json, "schema");
    nilo_json_int(&a.json, schema);
    nilo_json_key(&a.json, "configuration");
    nilo_json_str(&a.json, c->path);
    nilo_json_key(&a.json, "keys");
    nilo_json_str(&a.json, before->ring.keys != NULL ? before->ring.path : NULL);
    nilo_json_object_end(&a.json);
    return nilo__answer_print(&a, ctx->out, err);
}

static int report(struct nilo_cmd_ctx *ctx, struct nilo_store *s, const struct nilo_config *c, const struct found *before,
                  struct nilo_err *err)
{
    int schema;
    if (nilo_db_schema_version(nilo_store_db(s), &schema, err) != 0)
        return -1;
    if (ctx->json)
        return answer(ctx, s, c, before, schema, err);
    if (before->made)
        fprintf(ctx->out, "Made the store %s.\n", nilo_store_target(s));
    else if (before->schema != schema)
        fprintf(ctx->out, "Upgraded the store %s to schema %d.\n", nilo_store_target(s), schema);
    else
        fprintf(ctx->out, "The store %s is already there.\n", nilo_store_target(s));
    if (before->keys_made && !ctx->quiet)
        fprintf(ctx->out, "Made its keys, %s: keep a copy of that file, and not where backups of the store are.\n", before->ring.path);
    say_configuration(ctx->out, c);
    if (!ctx->quiet)
        say_next(ctx->out, c);
    return 0;
}

/* Without keys everything works that needs no secret; only where somebody said where they belong it is an error that they cannot be there. */
static int make_keys(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct found *f, struct nilo_err *err)
{
    struct nilo_err why = {0};
    if (nilo__ring_make(s, &f->ring, &f->keys_made, &why) == 0)
        return nilo__ring_check(ctx, s, &f->ring, err);
    bool home_is_odd = f->ring.place == NILO_KEYS_DEFAULT && (why.code == NILO_EIO || why.code == NILO_ENOENT || why.code == NILO_EFULL);
    if (!home_is_odd) {
        if (err != NULL)
            *err = why;
        return -1;
    }
    nilo_cmd_notice(ctx, "no keys were made: %s", why.msg);
    return 0;
}

static void tell_erased(void *ctx, const char *sentence)
{
    nilo_cmd_notice(ctx, "%s", sentence);
}

static int with_config(struct nilo_cmd_ctx *ctx, const struct nilo_config *c, struct nilo_err *err)
{
    struct found before = {0};
    struct nilo_store *s = NULL;
    if (look(ctx, &before, err) != 0 || nilo_cmd_store(ctx, NILO_STORE_CREATE, &s, err) != 0)
        return -1;
    int rc = nilo_cmd_apply_config(s, c, err);
    if (rc == 0)
        rc = make_keys(ctx, s, &before, err);
    if (rc == 0)
        rc = report(ctx, s, c, &before, err);
    int erased = 0;
    if (rc == 0)
        rc = nilo__erased_listed(s, c, tell_erased, ctx, &erased, err);
    nilo__ring_done(&before.ring);
    nilo_store_close(s);
    return rc == 0 && erased > 0 ? 3 : rc;
}

/* The configuration first: one that is wrong should not leave half a set-up behind. */
static int run(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    struct nilo_config *c = NULL;
    if (nilo_cmd_config(ctx, &c, err) != 0)
        return -1;
    int rc = with_config(ctx, c, err);
    nilo_config_free(c);
    return rc;
}

const struct nilo_cmd nilo_cmd_init = {
    .name = "init",
    .summary = "make the store, or upgrade it, and apply the configuration",
    .description =
        "Makes the store where there is none. Where there is one, its schema is brought up to date and nothing else is changed, so that running "
        "init again is harmless.\n\n"
        "Workspaces, connections and metrics of the configuration are taken into the store. A connection that is gone from the file is "
        "disabled; what was recorded of it stays, and it comes back when its name does. One that was erased is left out, which is said, and the exit status is 3. Without a configuration no workspace is made: import "
        "and collect make those that they are given.\n\n"
        "It also makes the store's keys where they are missing, outside of the data folder: nilometer help key.\n\n"
        "  nilometer init\n"
        "  nilometer --store postgres://nilometer@db.example.org/nilometer init",
    .run = run,
    .writes = NILO_CMD_WRITES,
};
