/* nilometer connection: the places that numbers come from. What the configuration describes is changed there; what is made here is the
 * store's own. Secrets come from standard input or by reference, never from the command line, and are never printed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd_priv.h"

struct act {
    const char *name;
    int operands; /* with its name */
    enum nilo_store_mode mode;
    int (*fn)(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo_err *err);
};

static const char *workspace_of(const struct nilo_cmd_ctx *ctx)
{
    const char *name = nilo_args_get(ctx->args, "workspace");
    return name != NULL ? name : "default";
}

static int find(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo_connection *ret, struct nilo_err *err)
{
    struct nilo_workspace w;
    return nilo_store_workspace(s, workspace_of(ctx), false, NULL, &w, err) == 0
               ? nilo_store_connection(s, w.id, nilo_args_rest(ctx->args, 1), false, NULL, NULL, ret, err)
               : -1;
}

/* ---- the file is the truth about what came from it ---------------------------------------------------------------------------------- */

static int from_file(struct nilo_cmd_ctx *ctx, const struct nilo_connection *c, struct nilo_err *err)
{
    struct nilo_config *config = NULL;
    struct nilo_err ignored;
    char where[600] = "the configuration file";
    if (nilo_cmd_config(ctx, &config, &ignored) == 0) {
        for (int i = 0; i < config->n_connections; i++) {
            const struct nilo_config_connection *in = &config->connections[i];
            if (config->path != NULL && strcmp(in->name, c->name) == 0 && strcmp(in->workspace, c->workspace_name) == 0)
                snprintf(where, sizeof where, "%.500s:%d", config->path, in->line);
        }
    }
    nilo_config_free(config);
    return nilo_err_set(err, NILO_EPERM, "connection %s is described in %s and changed only there: one that is taken out of the file is disabled, one "
                        "that is put back enabled. To stop collecting for a while: nilometer pause --connection %s --workspace %s", c->name, where, c->name, c->workspace_name);
}

static int set_status(struct nilo_cmd_ctx *ctx, struct nilo_store *s, const char *status, const char *said, struct nilo_err *err)
{
    struct nilo_connection c;
    if (find(ctx, s, &c, err) != 0)
        return -1;
    if (strcmp(c.origin, "file") == 0)
        return from_file(ctx, &c, err);
    if (nilo_store_connection_status(s, c.id, status, err) != 0)
        return -1;
    fprintf(ctx->out, "%s connection %s of %s.\n", said, c.name, c.workspace_name);
    return 0;
}

static int enable(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo_err *err)
{
    return set_status(ctx, s, "connected", "Enabled", err);
}

static int disable(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo_err *err)
{
    return set_status(ctx, s, "disabled", "Disabled", err);
}

/* ---- list, add ---------------------------------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    const struct nilo_connection *x = a, *y = b;
    int order = strcmp(x->workspace_name, y->workspace_name);
    return order != 0 ? order : strcmp(x->name, y->name);
}

static int list_people(const struct nilo_cmd_ctx *ctx, const struct nilo_connection *all, size_t n, struct nilo_err *err)
{
    static const char *const heads[] = {"workspace", "name", "platform", "status", "origin", "closed_until"};
    struct nilo__table t;
    nilo__table_init(&t, (int)(sizeof heads / sizeof heads[0]), 0);
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        nilo__table_add(&t, heads[i]);
    for (size_t i = 0; i < n; i++) {
        char day[NILO_DAY_TEXT] = "";
        if (!nilo_day_is_none(all[i].closed_until))
            nilo_day_format(all[i].closed_until, day);
        const char *const cells[] = {all[i].workspace_name, all[i].name, all[i].platform, nilo__connection_state(&all[i]), all[i].origin, day};
        for (size_t k = 0; k < sizeof cells / sizeof cells[0]; k++)
            nilo__table_add(&t, cells[k]);
    }
    return nilo__table_print(&t, ctx->out, err);
}

static int list_json(const struct nilo_cmd_ctx *ctx, const struct nilo_connection *all, size_t n, struct nilo_err *err)
{
    struct nilo__answer a;
    nilo__answer_init(&a);
    nilo_json_array_begin(&a.json);
    for (size_t i = 0; i < n; i++) {
        const struct nilo_connection *c = &all[i];
        const char *const texts[][2] = {{"workspace", c->workspace_name}, {"name", c->name}, {"platform", c->platform}, {"status", c->status},
                                        {"origin", c->origin}};
        nilo_json_object_begin(&a.json);
        for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++) {
            nilo_json_key(&a.json, texts[k][0]);
            nilo_json_str(&a.json, texts[k][1]);
        }
        nilo_json_key(&a.json, "closed_until");
        nilo__json_day(&a.json, c->closed_until);
        nilo_json_key(&a.json, "paused_at");
        nilo__json_us(&a.json, c->paused_at);
        nilo_json_object_end(&a.json);
    }
    nilo_json_array_end(&a.json);
    return nilo__answer_print(&a, ctx->out, err);
}

static int list(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo_err *err)
{
    struct nilo_connection *all = NULL;
    const char *workspace = nilo_args_get(ctx->args, "workspace");
    size_t n = 0, kept = 0;
    if (nilo_store_connections(s, &all, &n, err) != 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (workspace == NULL || strcmp(workspace, all[i].workspace_name) == 0)
            all[kept++] = all[i];
    }
    if (kept > 0)
        qsort(all, kept, sizeof all[0], by_name);
    int rc = ctx->json ? list_json(ctx, all, kept, err) : list_people(ctx, all, kept, err);
    free(all);
    return rc;
}

static int make(struct nilo_cmd_ctx *ctx, struct nilo_store *s, const char *platform, struct nilo_err *err)
{
    struct nilo_workspace w;
    struct nilo_connection c;
    const char *name = nilo_args_rest(ctx->args, 1);
    if (nilo_store_workspace(s, workspace_of(ctx), true, NULL, &w, err) != 0)
        return -1;
    if (nilo_store_connection(s, w.id, name, false, NULL, NULL, &c, err) == 0)
        return nilo_err_set(err, NILO_EEXIST, "workspace %s has a connection %s already (%s)", w.name, name, c.platform);
    return nilo_store_connection(s, w.id, name, true, platform, "db", &c, err);
}

static int add(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo_err *err)
{
    const char *platform = nilo_args_get(ctx->args, "platform");
    if (platform == NULL)
        return nilo_err_set(err, NILO_EUSAGE, "which platform? nilometer connection add NAME --platform youtube");
    if (strcmp(platform, "sql") == 0)
        return nilo_err_set(err, NILO_EUSAGE, "a connection of platform sql needs its tables told: describe it in the configuration (nilometer help configuration)");
    size_t n = strspn(platform, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    if (n == 0 || n > 48 || platform[n] != '\0')
        return nilo_err_set(err, NILO_EINVAL, "a platform is a word of small letters, digits, - and _");
    if (nilo_store_begin(s, err) != 0)
        return -1;
    if (make(ctx, s, platform, err) != 0) {
        nilo_store_rollback(s);
        return -1;
    }
    if (nilo_store_commit(s, err) != 0)
        return -1;
    fprintf(ctx->out, "Made connection %s of %s.\n", nilo_args_rest(ctx->args, 1), workspace_of(ctx));
    return 0;
}

/* ---- secret -------------------------------------------------------------------------------------------------------------------------- */

static int read_input(char **ret, size_t *ret_n, struct nilo_err *err)
{
    char *text = nilo_secret_alloc(NILO_SECRET_MAX + 2);
    size_t n = 0;
    ssize_t got = 1;
    if (text == NULL)
        return nilo_err_nomem(err);
    while (n <= NILO_SECRET_MAX && got != 0) {
        got = read(STDIN_FILENO, text + n, NILO_SECRET_MAX + 1 - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            nilo_err_sys(err, NILO_EIO, "cannot read the secret from standard input");
            nilo_secret_free(text);
            return -1;
        }
        n += (size_t)got;
    }
    n -= n > 0 && text[n - 1] == '\n';
    n -= n > 0 && text[n - 1] == '\r';
    *ret = text;
    *ret_n = n;
    return 0;
}

static int read_secret(struct nilo_cmd_ctx *ctx, char **ret, size_t *ret_n, struct nilo_err *err)
{
    const char *from = nilo_args_get(ctx->args, "from");
    char *value, *copy;
    if (from == NULL)
        return read_input(ret, ret_n, err);
    bool reference = strncmp(from, "env:", 4) == 0 || strncmp(from, "file:", 5) == 0 || strncmp(from, "credential:", 11) == 0;
    if (!reference)
        return nilo_err_set(err, NILO_EUSAGE, "--from takes a reference, env:NAME, file:PATH or credential:NAME, and never the secret itself");
    if (nilo_config_secret(from, &value, err) != 0)
        return -1;
    size_t n = strlen(value);
    copy = nilo_secret_alloc(n + 1);
    if (copy != NULL)
        memcpy(copy, value, n + 1);
    nilo_secret_wipe(value, n);
    free(value);
    if (copy == NULL)
        return nilo_err_nomem(err);
    *ret = copy;
    *ret_n = n;
    return 0;
}

static int forget_secret(struct nilo_cmd_ctx *ctx, struct nilo_store *s, const struct nilo_connection *c, struct nilo_err *err)
{
    bool was;
    const char *kind = nilo_args_rest(ctx->args, 2);
    if (nilo_store_secret_delete(s, c->id, kind, &was, err) != 0)
        return -1;
    if (!was)
        return nilo_err_set(err, NILO_ENOENT, "connection %s has no secret %.48s", c->name, kind);
    fprintf(ctx->out, "Forgot the secret %s of %s.\n", kind, c->name);
    return 0;
}

static int put_secret(struct nilo_cmd_ctx *ctx, struct nilo_store *s, const struct nilo_connection *c, struct nilo_err *err)
{
    struct nilo__ring ring;
    char *secret = NULL;
    size_t n = 0;
    const char *kind = nilo_args_rest(ctx->args, 2);
    int rc = nilo__ring_open(s, &ring, err);
    if (rc == 0)
        rc = read_secret(ctx, &secret, &n, err);
    if (rc == 0)
        rc = nilo_secret_put(s, ring.keys, c, kind, secret, n, err);
    /* a new secret in the place of one that could not be opened */
    if (rc == 0)
        rc = nilo__ring_check(ctx, s, &ring, err);
    nilo_secret_free(secret);
    nilo__ring_done(&ring);
    if (rc == 0)
        fprintf(ctx->out, "Stored the secret %s of %s, sealed.\n", kind, c->name);
    return rc;
}

static int secret(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo_err *err)
{
    struct nilo_connection c;
    if (find(ctx, s, &c, err) != 0)
        return -1;
    return nilo_args_get(ctx->args, "delete") != NULL ? forget_secret(ctx, s, &c, err) : put_secret(ctx, s, &c, err);
}

/* ---- the command ---------------------------------------------------------------------------------------------------------------------- */

static const struct act acts[] = {
    {"list", 1, NILO_STORE_READ, list},      {"add", 2, NILO_STORE_WRITE, add},       {"enable", 2, NILO_STORE_WRITE, enable},
    {"disable", 2, NILO_STORE_WRITE, disable}, {"secret", 3, NILO_STORE_WRITE, secret},
};
#define N_ACTS (sizeof acts / sizeof acts[0])

static int run(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    struct nilo_store *s = NULL;
    if (nilo__operands(ctx, 1, 64, err) != 0)
        return -1;
    const struct act *act = nilo__act_find(acts, N_ACTS, sizeof acts[0], nilo_args_rest(ctx->args, 0), "a connection", err);
    if (act == NULL)
        return -1;
    /* the word too many may be the secret: it is not repeated */
    if (act->fn == secret && nilo_args_rest_n(ctx->args) > act->operands)
        return nilo_err_set(err, NILO_EUSAGE, "a secret is not given on the command line, where others see it: write it to standard input, or name it with --from");
    if (nilo__operands(ctx, act->operands, act->operands, err) != 0 || nilo_cmd_store(ctx, act->mode, &s, err) != 0)
        return -1;
    int rc = act->fn(ctx, s, err);
    nilo_store_close(s);
    return rc;
}

const struct nilo_cmd nilo_cmd_connection = {
    .name = "connection",
    .operands = "list|add|enable|disable|secret [NAME...]",
    .summary = "the places that numbers come from, and their secrets",
    .description =
        "A connection that the configuration describes is changed there and nowhere else: taken out of the file it is disabled, never deleted, "
        "and put back it is enabled again. One that is made here (add) is the store's own, until a file takes over its name.\n\n"
        "secret reads a secret, such as an access token, from standard input (a last line end is cut) or from where --from says, and keeps it in "
        "the store, sealed with the master key: nilometer help key. It is never printed.\n\n"
        "  nilometer connection add channel --platform youtube --workspace studio\n"
        "  nilometer connection secret channel token --workspace studio --from file:/run/token",
    .options = (const struct nilo_option[]){{"workspace", "W", "its workspace; default \"default\" (list: all)", false},
                                            {"platform", "P", "add: where its numbers come from, such as youtube", false},
                                            {"from", "REF", "secret: env:NAME, file:PATH or credential:NAME", false},
                                            {"delete", NULL, "secret: forget it", false},
                                            {0}},
    .run = run,
    .writes = NILO_CMD_WRITES,
};
