/* nilometer content: items that somebody names by hand, so that collecting takes them up; and what is known of items. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd_priv.h"
#include "model/address.h"
#include "record/record.h"

/* What is to be added. */
struct item {
    const char *platform, *id;
    struct nilo_address address;
    struct nilo_attrs attrs;
    struct nilo_connection connection;
    bool known; /* before */
};

static const char *workspace_of(const struct nilo_cmd_ctx *ctx)
{
    const char *name = nilo_args_get(ctx->args, "workspace");
    return name != NULL ? name : "default";
}

/* ---- what the command line says ----------------------------------------------------------------------------------------------------- */

static int parse_time(const struct nilo_cmd_ctx *ctx, nilo_us *ret, struct nilo_err *err)
{
    const char *text = nilo_args_get(ctx->args, "posted-at");
    struct nilo_iso iso;
    *ret = NILO_US_NONE;
    if (text == NULL)
        return 0;
    if (nilo_iso_parse(text, strlen(text), &iso, err) != 0)
        return nilo_err_wrap(err, "--posted-at");
    *ret = iso.us;
    return 0;
}

static int parse_item(const struct nilo_cmd_ctx *ctx, struct item *item, struct nilo_err *err)
{
    const char *text = nilo_args_rest(ctx->args, 1), *platform = nilo_args_get(ctx->args, "platform");
    *item = (struct item){.platform = platform, .id = text};
    item->attrs = (struct nilo_attrs){.title = nilo_args_get(ctx->args, "title"),
                                      .at = ctx->env->clock.wall(ctx->env->clock.ctx),
                                      .deleted_at = NILO_US_NONE,
                                      .duration_ms = -1};
    if (parse_time(ctx, &item->attrs.posted_at, err) != 0)
        return -1;
    if (nilo_address_looks_like(text)) {
        if (nilo_address_parse(text, &item->address, err) != 0)
            return -1;
        if (platform != NULL && strcmp(platform, item->address.platform) != 0)
            return nilo_err_set(err, NILO_EINVAL, "that address is one of %s, not of %.48s", item->address.platform, platform);
        item->platform = item->address.platform;
        item->id = item->address.id;
        item->attrs.url = text;
    }
    if (item->platform == NULL && nilo_args_get(ctx->args, "connection") == NULL)
        return nilo_err_set(err, NILO_EUSAGE, "an id alone does not say where the item is: give its address, or --platform, or --connection");
    return 0;
}

/* ---- where it belongs ------------------------------------------------------------------------------------------------------------------ */

static int named(struct nilo_store *s, int64_t workspace, const char *name, struct item *item, struct nilo_err *err)
{
    if (nilo_store_connection(s, workspace, name, false, NULL, NULL, &item->connection, err) != 0)
        return -1;
    if (strcmp(item->connection.platform, "sql") == 0)
        return nilo_err_set(err, NILO_EINVAL, "connection %s counts tables and has no items", name);
    if (item->platform != NULL && strcmp(item->connection.platform, item->platform) != 0)
        return nilo_err_set(err, NILO_EINVAL, "connection %s is one of %s, and the item is on %s", name, item->connection.platform, item->platform);
    return 0;
}

/* The only connection of that platform; of several none is guessed. */
static int of_platform(struct nilo_store *s, int64_t workspace, struct item *item, struct nilo_err *err)
{
    struct nilo_connection *all = NULL;
    struct nilo_buf names;
    size_t n = 0, fitting = 0;
    if (nilo_store_connections(s, &all, &n, err) != 0)
        return -1;
    nilo_buf_init(&names, 300);
    for (size_t i = 0; i < n; i++) {
        if (all[i].workspace != workspace || strcmp(all[i].platform, item->platform) != 0)
            continue;
        nilo_buf_addf(&names, "%s%s", fitting > 0 ? ", " : "", all[i].name);
        item->connection = all[i];
        fitting++;
    }
    free(all);
    int rc = 0;
    if (fitting > 1)
        rc = nilo_err_set(err, NILO_EINVAL, "there are %zu connections of %s here (%s); say which: --connection NAME", fitting, item->platform,
                          names.failed ? "many" : nilo_buf_str(&names));
    else if (fitting == 0)
        rc = nilo_store_connection(s, workspace, item->platform, true, item->platform, "db", &item->connection, err);
    nilo_buf_done(&names);
    return rc;
}

static int find_place(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct item *item, struct nilo_err *err)
{
    struct nilo_workspace w;
    const char *name = nilo_args_get(ctx->args, "connection");
    bool make = name == NULL;
    if (nilo_store_workspace(s, workspace_of(ctx), make, NULL, &w, err) != 0)
        return -1;
    return name != NULL ? named(s, w.id, name, item, err) : of_platform(s, w.id, item, err);
}

static int place(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct item *item, struct nilo_err *err)
{
    if (nilo_store_begin(s, err) != 0)
        return -1;
    if (find_place(ctx, s, item, err) != 0) {
        nilo_store_rollback(s);
        return -1;
    }
    return nilo_store_commit(s, err);
}

static int look(struct nilo_store *s, struct item *item, struct nilo_err *err)
{
    struct nilo_buf request, found;
    nilo_buf_init(&request, 16384);
    nilo_buf_init(&found, 4096);
    nilo_buf_adds(&request, "content?select=external_id&workspace=eq.");
    nilo__ask_value(&request, item->connection.workspace_name);
    nilo_buf_adds(&request, "&connection=eq.");
    nilo__ask_value(&request, item->connection.name);
    nilo_buf_adds(&request, "&external_id=eq.");
    nilo__ask_value(&request, item->id);
    int rc = nilo__ask_text(s, &request, &found, err);
    item->known = found.len > 0;
    nilo_buf_done(&request);
    nilo_buf_done(&found);
    return rc;
}

/* ---- add ------------------------------------------------------------------------------------------------------------------------------- */

/* A reading without values: what is said of the item, once for each owner. */
static int hand_over(struct nilo_cmd_ctx *ctx, struct nilo_recorder *r, const struct item *item, struct nilo_err *err)
{
    int owners = nilo_args_count(ctx->args, "owner");
    for (int i = 0; i == 0 || i < owners; i++) {
        const struct nilo_reading reading = {
            .kind = NILO_CONTENT,
            .external_id = item->id,
            .captured_at = item->attrs.at,
            .day = NILO_DAY_NONE,
            .attrs = &item->attrs,
            .owner = owners > 0 ? nilo_args_nth(ctx->args, "owner", i) : NULL,
        };
        if (nilo_record_add(r, &reading, err) != 0)
            return -1;
    }
    return 0;
}

static int record(struct nilo_cmd_ctx *ctx, struct nilo_store *s, const struct item *item, struct nilo_err *err)
{
    const struct nilo_run_options o = {.kind = NILO_RUN_PUSH, .provenance = NILO_IMPORTED, .target_day = NILO_DAY_NONE, .read_until = NILO_DAY_NONE,
                                       .no_close = true};
    struct nilo_recorder *r;
    struct nilo_arena arena;
    struct nilo_run run;
    struct nilo_err why = {0};
    if (nilo_record_begin(s, &item->connection, &o, &r, err) != 0)
        return -1;
    if (hand_over(ctx, r, item, &why) != 0) {
        nilo_record_abort(r, &why);
        if (err != NULL)
            *err = why;
        return -1;
    }
    nilo_arena_init(&arena, 0);
    int rc = nilo_record_finish(r, NULL, &arena, &run, err);
    nilo_arena_done(&arena);
    return rc;
}

static int answer(struct nilo_cmd_ctx *ctx, const struct item *item, struct nilo_err *err)
{
    struct nilo__answer a;
    if (!ctx->json) {
        fprintf(ctx->out, "%s %s of %s, connection %s of %s.\n", item->known ? "Known already:" : "Added", item->id, item->connection.platform,
                item->connection.name, item->connection.workspace_name);
        return 0;
    }
    const struct {
        const char *key, *value;
    } texts[] = {{"workspace", item->connection.workspace_name}, {"connection", item->connection.name}, {"platform", item->connection.platform},
                 {"external_id", item->id}};
    nilo__answer_init(&a);
    nilo_json_object_begin(&a.json);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        nilo_json_key(&a.json, texts[i].key);
        nilo_json_str(&a.json, texts[i].value);
    }
    nilo_json_key(&a.json, "added");
    nilo_json_bool(&a.json, !item->known);
    nilo_json_object_end(&a.json);
    return nilo__answer_print(&a, ctx->out, err);
}

static int add(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    struct nilo_store *s = NULL;
    struct item item;
    if (parse_item(ctx, &item, err) != 0 || nilo_cmd_store(ctx, NILO_STORE_WRITE, &s, err) != 0)
        return -1;
    int rc = place(ctx, s, &item, err) == 0 && look(s, &item, err) == 0 && record(ctx, s, &item, err) == 0 ? answer(ctx, &item, err) : -1;
    nilo_store_close(s);
    return rc;
}

/* ---- list ------------------------------------------------------------------------------------------------------------------------------ */

static int list(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    static const char *const filters[][2] = {{"workspace", "workspace"}, {"connection", "connection"}, {"platform", "platform"}, {"owner", "owner"}};
    struct nilo_store *s = NULL;
    struct nilo_buf request;
    nilo_buf_init(&request, 8192);
    nilo_buf_adds(&request, "content?select=workspace,connection,platform,external_id,owner,title,posted_at,url&order=workspace,connection,external_id");
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        const char *value = nilo_args_get(ctx->args, filters[i][0]);
        if (value == NULL)
            continue;
        nilo_buf_addf(&request, "&%s=eq.", filters[i][1]);
        nilo__ask_value(&request, value);
    }
    int rc = nilo_cmd_store(ctx, NILO_STORE_READ, &s, err);
    if (rc == 0)
        rc = nilo__ask_print(s, &request, ctx->json ? NILO_FORMAT_JSON : NILO_FORMAT_TABLE, ctx->out, err);
    nilo_store_close(s);
    nilo_buf_done(&request);
    return rc;
}

static int run(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    if (nilo__operands(ctx, 1, 2, err) != 0)
        return -1;
    const char *act = nilo_args_rest(ctx->args, 0);
    if (strcmp(act, "add") == 0)
        return nilo__operands(ctx, 2, 2, err) == 0 ? add(ctx, err) : -1;
    if (strcmp(act, "list") == 0)
        return nilo__operands(ctx, 1, 1, err) == 0 ? list(ctx, err) : -1;
    return nilo_err_set(err, NILO_EUSAGE, "\"%s\" is nothing that can be done with content; there are add and list", act);
}

const struct nilo_cmd nilo_cmd_content = {
    .name = "content",
    .operands = "list | add URL|ID",
    .summary = "name items by hand, and list those that are known",
    .description =
        "add takes the address of a video or post on YouTube, Instagram, Facebook or TikTok, or an id with --platform or --connection, and makes "
        "the item known, so that its connection collects it from then on. The item belongs to the connection of its platform; where there is none "
        "in the workspace, one is made. Adding it again changes nothing; what --title, --posted-at and --owner say is taken over. Nothing is "
        "fetched, so short links that only the platform can resolve are refused. Links of Instagram hold a short code, which then is the "
        "item's id.\n\n"
        "  nilometer content add https://www.youtube.com/watch?v=dQw4w9WgXcQ --owner mia\n"
        "  nilometer content add 7106594312292453675 --platform tiktok\n"
        "  nilometer content list --owner mia",
    .options = (const struct nilo_option[]){{"owner", "KEY", "add: who is credited with it; list: only theirs", true},
                                            {"connection", "NAME", "the connection that it belongs to", false},
                                            {"workspace", "W", "its workspace; default \"default\" (list: all)", false},
                                            {"platform", "P", "youtube, instagram, facebook, tiktok or another", false},
                                            {"title", "TEXT", "add: its title", false},
                                            {"posted-at", "TIME", "add: when it was published, ISO 8601", false},
                                            {0}},
    .run = run,
    .writes = NILO_CMD_WRITES,
};
