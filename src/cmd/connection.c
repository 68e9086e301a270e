/* nilometer connection: the places that numbers come from. What the configuration describes is changed there; what is made here is the
 * store's own. Secrets come from standard input or by reference, never from the command line, and are never printed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/connection.h"
#include "connect/connector.h"

struct act {
    const char *name;
    int operands; /* with its name */
    enum nilo_store_mode mode;
    int (*fn)(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo_err *err);
};

const char *nilo__connection_workspace(const struct nilo_cmd_ctx *ctx)
{
    const char *name = nilo_args_get(ctx->args, "workspace");
    return name != NULL ? name : "default";
}

int nilo__connection_find(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo_connection *ret, struct nilo_err *err)
{
    struct nilo_workspace w;
    return nilo_store_workspace(s, nilo__connection_workspace(ctx), false, NULL, &w, err) == 0 &&
                   nilo_store_connection(s, w.id, nilo_args_rest(ctx->args, 1), false, NULL, NULL, ret, err) == 0
               ? 0
               : nilo__wrong_name(err);
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

static int set_status(struct nilo_cmd_ctx *ctx, struct nilo_store *s, const char *status, const char *said, const char *why, struct nilo_err *err)
{
    struct nilo_connection c;
    if (nilo__connection_find(ctx, s, &c, err) != 0)
        return -1;
    if (strcmp(c.origin, "file") == 0)
        return from_file(ctx, &c, err);
    if (strcmp(c.origin, "sql") == 0)
        return nilo_err_set(err, NILO_EPERM, "connection %s comes from a table of the app's (connections_from_sql) and goes with its row there. To stop collecting for a "
                            "while: nilometer pause --connection %s --workspace %s", c.name, c.name, c.workspace_name);
    if (nilo_store_connection_turn(s, c.id, status, why, NULL, err) != 0)
        return -1;
    fprintf(ctx->out, "%s connection %s of %s.\n", said, c.name, c.workspace_name);
    return 0;
}

static int enable(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo_err *err)
{
    return set_status(ctx, s, "connected", "Enabled", "enabled by a command", err);
}

static int disable(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo_err *err)
{
    return set_status(ctx, s, "disabled", "Disabled", "disabled by a command", err);
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

static int check_platform(const char *platform, struct nilo_err *err)
{
    if (platform == NULL)
        return nilo_err_set(err, NILO_EUSAGE, "which platform? nilometer connection add NAME --platform youtube");
    if (strcmp(platform, "sql") == 0)
        return nilo_err_set(err, NILO_EUSAGE, "a connection of platform sql needs its tables told: describe it in the configuration (nilometer help configuration)");
    size_t n = strspn(platform, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    if (n == 0 || n > 48 || platform[n] != '\0')
        return nilo_err_set(err, NILO_EINVAL, "a platform is a word of small letters, digits, - and _");
    return 0;
}

/* Pages of Facebook: no more in a workspace than the configuration allows. */
static int check_pages(struct nilo_cmd_ctx *ctx, struct nilo_store *s, const struct nilo_workspace *w, struct nilo_err *err)
{
    struct nilo_config *config = NULL;
    struct nilo_connection *all = NULL;
    size_t n = 0, pages = 0;
    if (nilo_cmd_config(ctx, &config, err) != 0)
        return -1;
    int rc = nilo_store_connections(s, &all, &n, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        size_t own = 1;
        if (all[i].workspace != w->id || strcmp(all[i].platform, "facebook") != 0 || strcmp(all[i].status, "disabled") == 0)
            continue;
        for (int k = 0; k < config->n_connections; k++) {
            const struct nilo_config_connection *c = &config->connections[k];
            if (strcmp(c->name, all[i].name) == 0 && strcmp(c->workspace, all[i].workspace_name) == 0)
                own = nilo_config_pages(c);
        }
        pages += own;
    }
    if (rc == 0 && pages >= (size_t)config->max_pages)
        rc = nilo_err_set(err, NILO_EINVAL, "workspace %s collects %zu pages of Facebook, and %d at most; disable one, or set max_pages in the configuration", w->name, pages,
                          config->max_pages);
    free(all);
    nilo_config_free(config);
    return rc;
}

static int make(struct nilo_cmd_ctx *ctx, struct nilo_store *s, const char *platform, bool is_new, struct nilo_connection *ret, bool *ret_made,
                struct nilo_err *err)
{
    struct nilo_workspace w;
    const char *name = nilo_args_rest(ctx->args, 1);
    if (nilo_store_workspace(s, nilo__connection_workspace(ctx), true, NULL, &w, err) != 0)
        return -1;
    *ret_made = nilo_store_connection(s, w.id, name, false, NULL, NULL, ret, err) != 0;
    if (!*ret_made && is_new)
        return nilo_err_set(err, NILO_EEXIST, "workspace %s has a connection %s already (%s)", w.name, name, ret->platform);
    if (!*ret_made)
        return platform == NULL || strcmp(platform, ret->platform) == 0
                   ? 0
                   : nilo_err_set(err, NILO_EINVAL, "connection %s is one of %s; a new connection needs a new name", name, ret->platform);
    if (check_platform(platform, err) != 0 || (strcmp(platform, "facebook") == 0 && check_pages(ctx, s, &w, err) != 0))
        return -1;
    return nilo_store_connection(s, w.id, name, true, platform, "db", ret, err);
}

static int make_in_one(struct nilo_cmd_ctx *ctx, struct nilo_store *s, bool is_new, struct nilo_connection *ret, bool *ret_made, struct nilo_err *err)
{
    if (nilo_store_begin(s, err) != 0)
        return -1;
    if (make(ctx, s, nilo_args_get(ctx->args, "platform"), is_new, ret, ret_made, err) != 0) {
        nilo_store_rollback(s);
        return -1;
    }
    return nilo_store_commit(s, err);
}

int nilo__connection_make(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo_connection *ret, bool *ret_made, struct nilo_err *err)
{
    bool made;
    return make_in_one(ctx, s, false, ret, ret_made != NULL ? ret_made : &made, err);
}

/* Any word is a platform that numbers may be imported of; who meant another one should see it now. */
static void tell_platforms(const struct nilo_cmd_ctx *ctx, const char *platform)
{
    const char *names[32];
    size_t n = 0;
    for (const struct nilo_connector *c; n < 32 && (c = nilo_connector_at(n)) != NULL; n++)
        names[n] = c->platform;
    const char *nearest = nilo__nearest(platform, names, n);
    fprintf(ctx->out, " Nothing is collected from %s, its numbers come by import or push%s%s%s.\n", platform, nearest != NULL ? "; did you mean " : "",
            nearest != NULL ? nearest : "", nearest != NULL ? "? Then: nilometer connection disable, and add one of another name" : "");
}

static int add(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo_err *err)
{
    struct nilo_connection c;
    bool made;
    if (check_platform(nilo_args_get(ctx->args, "platform"), err) != 0 || make_in_one(ctx, s, true, &c, &made, err) != 0)
        return -1;
    fprintf(ctx->out, "Made connection %s of %s.", c.name, c.workspace_name);
    if (nilo_connector_find(c.platform) != NULL)
        fprintf(ctx->out, " To sign in there: nilometer connection connect %s%s%s\n", c.name, strcmp(c.workspace_name, "default") != 0 ? " --workspace " : "",
                strcmp(c.workspace_name, "default") != 0 ? c.workspace_name : "");
    else
        tell_platforms(ctx, c.platform);
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

/* Where the command was called, so that the daemon reads nobody's standard input and no other environment. */
static int prepare(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    int n = nilo_args_rest_n(ctx->args);
    const char *word = n > 0 ? nilo_args_rest(ctx->args, 0) : "";
    bool reads = (strcmp(word, "secret") == 0 && n == 3 && nilo_args_get(ctx->args, "delete") == NULL) || (strcmp(word, "login") == 0 && n == 2);
    if (!reads)
        return 0;
    if (read_secret(ctx, &ctx->secret, &ctx->secret_len, err) != 0)
        return -1;
    if (nilo_utf8_valid(ctx->secret, ctx->secret_len, NULL))
        return 0;
    return nilo_err_set(err, NILO_EINVAL, "a secret is text; this one holds other bytes");
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

/* The keys are read within the transaction: no rotation of them comes between. */
static int seal_secret(struct nilo_cmd_ctx *ctx, struct nilo_store *s, const struct nilo_connection *c, struct nilo__ring *ring, struct nilo_err *err)
{
    const char *kind = nilo_args_rest(ctx->args, 2);
    if (nilo_store_begin(s, err) != 0)
        return -1;
    if (nilo__ring_open(s, ring, err) != 0 ||
        nilo_secret_put(s, ring->keys, c, kind, ctx->secret != NULL ? ctx->secret : "", ctx->secret_len, err) != 0) {
        nilo_store_rollback(s);
        return -1;
    }
    return nilo_store_commit(s, err);
}

static int put_secret(struct nilo_cmd_ctx *ctx, struct nilo_store *s, const struct nilo_connection *c, struct nilo_err *err)
{
    struct nilo__ring ring = {0};
    int rc = seal_secret(ctx, s, c, &ring, err);
    /* a new secret in the place of one that could not be opened */
    if (rc == 0)
        rc = nilo__ring_check(ctx, s, &ring, err);
    nilo__ring_done(&ring);
    if (rc == 0)
        fprintf(ctx->out, "Stored the secret %s of %s, sealed.\n", nilo_args_rest(ctx->args, 2), c->name);
    return rc;
}

static int secret(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo_err *err)
{
    struct nilo_connection c;
    if (nilo__connection_find(ctx, s, &c, err) != 0)
        return -1;
    return nilo_args_get(ctx->args, "delete") != NULL ? forget_secret(ctx, s, &c, err) : put_secret(ctx, s, &c, err);
}

/* ---- the command ---------------------------------------------------------------------------------------------------------------------- */

static int nothing_is_removed(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo_err *err)
{
    (void)ctx, (void)s;
    return nilo_err_set(err, NILO_EUSAGE, "a connection is not removed, as its history stays. To stop it: nilometer connection disable NAME. To forget who it "
                        "was: nilometer erase --connection NAME");
}

static const struct act acts[] = {
    {"list", 1, NILO_STORE_READ, list},
    {"show", 2, NILO_STORE_READ, nilo__connection_show},
    {"add", 2, NILO_STORE_WRITE, add},
    {"connect", 2, NILO_STORE_READ, NULL}, /* these two without a store of their own: run() */
    {"reconnect", 2, NILO_STORE_READ, NULL},
    {"login", 2, NILO_STORE_WRITE, nilo__connection_login},
    {"test", 2, NILO_STORE_WRITE, nilo__connection_test},
    {"sync", 1, NILO_STORE_WRITE, nilo__connection_sync},
    {"enable", 2, NILO_STORE_WRITE, enable},
    {"disable", 2, NILO_STORE_WRITE, disable},
    {"secret", 3, NILO_STORE_WRITE, secret},
    {"remove", 2, NILO_STORE_READ, nothing_is_removed},
    {"delete", 2, NILO_STORE_READ, nothing_is_removed},
};
#define N_ACTS (sizeof acts / sizeof acts[0])

/* What only reads, and what needs the person's browser and terminal. */
static bool stays(const struct nilo_cmd_ctx *ctx)
{
    static const char *const words[] = {"list", "show", "connect", "reconnect", "remove", "delete"};
    for (size_t i = 0; i < sizeof words / sizeof words[0] && nilo_args_rest_n(ctx->args) > 0; i++) {
        if (strcmp(nilo_args_rest(ctx->args, 0), words[i]) == 0)
            return true;
    }
    return false;
}

static int run(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    struct nilo_store *s = NULL;
    if (nilo__operands(ctx, 1, 64, err) != 0)
        return -1;
    const struct act *act = nilo__act_find(acts, N_ACTS, sizeof acts[0], nilo_args_rest(ctx->args, 0), "a connection", err);
    if (act == NULL)
        return -1;
    /* the word too many may be the secret: it is not repeated */
    if ((act->fn == secret || act->fn == nilo__connection_login) && nilo_args_rest_n(ctx->args) > act->operands)
        return nilo_err_set(err, NILO_EUSAGE, "a secret is not given on the command line, where others see it: write it to standard input, or name it with --from");
    if (nilo_args_rest_n(ctx->args) < act->operands)
        return nilo_err_set(err, NILO_EUSAGE, "%s is missing: nilometer connection %s NAME%s", nilo_args_rest_n(ctx->args) == 1 ? "the name" : "the kind of secret",
                            act->name, act->operands == 3 ? " KIND" : "");
    if (nilo__operands(ctx, act->operands, act->operands, err) != 0)
        return -1;
    if (act->fn == NULL)
        return nilo__connection_connect(ctx, strcmp(act->name, "reconnect") == 0, err);
    if (nilo_cmd_store(ctx, act->mode, &s, err) != 0)
        return -1;
    int rc = act->fn(ctx, s, err);
    nilo_store_close(s);
    return rc;
}

const struct nilo_cmd nilo_cmd_connection = {
    .name = "connection",
    .operands = "ACT [NAME...]",
    .summary = "the places that numbers come from, and what they log in with",
    .description =
        "ACT is list, show, add, connect, reconnect, login, test, sync, enable, disable or secret.\n\n"
        "A connection that the configuration describes is changed there and nowhere else: taken out of the file it is disabled, never deleted, "
        "and put back it is enabled again. One that is made here (add, connect) is the store's own, until a file takes over its name. None is removed: its "
        "history stays.\n\n"
        "connect signs a person in at the platform: it prints an address to open in a browser, waits up to ten minutes until the platform sends them back, "
        "asks which account where there are several (or takes --account), and keeps the tokens in the store, sealed with the master key: nilometer help key. "
        "The app that they sign in to is described in the configuration, under platforms; docs/connections.md says what to click. Where the platform sends people "
        "to a server (redirect), or the browser is on another machine, paste the address of the page that it ended on. reconnect is the same for a "
        "connection that is there, such as one that expired; who signs in with another account is refused, unless --account says that it is to change. While serve runs, connect still runs where it is called, and hands it the tokens.\n\n"
        "login takes tokens that were got elsewhere, as JSON from standard input or --from: {\"access_token\": ..., \"refresh_token\": ..., \"expires_in\": "
        "3600, \"account\": ...}. secret reads a single secret, such as an access token that is called token. A last line end is cut. Neither is ever printed.\n\n"
        "sync reads connections_from_sql of the configuration, the table that an app keeps its accounts and tokens in: new rows are made connections, new tokens "
        "taken over, connections whose row is gone disabled. collect does it by itself. The app renews those tokens, nilometer never does.\n\n"
        "test asks the platform, or opens the database, and says what came of it; a token that has ended is renewed before. show tells until when the "
        "sign-in holds and how the status changed: connected, failing (it is tried again), expired (somebody has to sign in), disabled. Tokens are renewed by "
        "themselves; status and doctor warn two weeks before somebody has to sign in again.\n\n"
        "  nilometer connection connect channel --platform youtube --workspace studio\n"
        "  nilometer connection test channel --workspace studio\n"
        "  nilometer connection secret channel token --workspace studio --from file:/run/token",
    .options = (const struct nilo_option[]){{"workspace", "W", "its workspace; default \"default\" (list: all)", false},
                                            {"platform", "P", "add, connect, login: where its numbers come from, such as youtube", false},
                                            {"account", "ID", "connect: which of the accounts, by id, handle or title", false},
                                            {"redirect", "URL", "connect: where the platform sends people back to; default: as configured", false},
                                            {"from", "REF", "secret, login: env:NAME, file:PATH or credential:NAME", false},
                                            {"delete", NULL, "secret: forget it", false},
                                            {0}},
    .run = run,
    .writes = NILO_CMD_WRITES,
    .stays = stays,
    .prepare = prepare,
};
