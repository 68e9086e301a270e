/* nilometer connection login, show, test: what a connection logs in with. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/connection.h"
#include "connect/connect.h"
#include "login/login.h"

/* ---- login: tokens that were got elsewhere -------------------------------------------------------------------------------------------- */

/* The members of {"access_token": ...}, as platforms give them out. Texts in secret memory. */
struct given {
    char *access_token, *refresh_token, *scope, *account, *account_name;
    int64_t expires_in, refresh_expires_in; /* -1 = not said */
};

static void given_done(struct given *g)
{
    nilo_secret_free(g->access_token);
    nilo_secret_free(g->refresh_token);
    nilo_secret_free(g->scope);
    nilo_secret_free(g->account);
    nilo_secret_free(g->account_name);
}

static int take_text(struct nilo_json *j, char **ret, struct nilo_err *err)
{
    enum nilo_json_event event;
    const char *text;
    size_t n;
    if (nilo_json_next(j, &event, &text, &n, err) != 0)
        return -1;
    if (event == NILO_JSON_NULL)
        return 0;
    if (event != NILO_JSON_STRING || n > NILO_SECRET_MAX)
        return nilo_err_set(err, NILO_EBODY, "a member that is a text is something else, or too long");
    nilo_secret_free(*ret);
    *ret = nilo_secret_alloc(n + 1);
    if (*ret == NULL)
        return nilo_err_nomem(err);
    memcpy(*ret, text, n);
    (*ret)[n] = '\0';
    return 0;
}

static int take_seconds(struct nilo_json *j, int64_t *ret, struct nilo_err *err)
{
    enum nilo_json_event event;
    const char *text;
    size_t n;
    if (nilo_json_next(j, &event, &text, &n, err) != 0)
        return -1;
    if (event == NILO_JSON_NULL)
        return 0;
    bool fine = (event == NILO_JSON_NUMBER || event == NILO_JSON_STRING) && n > 0 && n <= 12;
    int64_t seconds = 0;
    for (size_t i = 0; fine && i < n; i++) {
        fine = text[i] >= '0' && text[i] <= '9';
        seconds = seconds * 10 + (text[i] - '0');
    }
    if (!fine)
        return nilo_err_set(err, NILO_EBODY, "expires_in is a whole number of seconds");
    *ret = seconds;
    return 0;
}

static bool is(const char *text, size_t n, const char *word)
{
    return strlen(word) == n && memcmp(text, word, n) == 0;
}

static int take_member(struct nilo_json *j, const char *name, size_t n, struct given *g, struct nilo_err *err)
{
    const struct {
        const char *name;
        char **to;
    } texts[] = {{"access_token", &g->access_token}, {"refresh_token", &g->refresh_token}, {"scope", &g->scope}, {"account", &g->account},
                 {"account_name", &g->account_name}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (is(name, n, texts[i].name))
            return take_text(j, texts[i].to, err);
    }
    if (is(name, n, "expires_in"))
        return take_seconds(j, &g->expires_in, err);
    if (is(name, n, "refresh_token_expires_in") || is(name, n, "refresh_expires_in"))
        return take_seconds(j, &g->refresh_expires_in, err);
    return nilo_json_skip(j, err);
}

static int take_given(const char *text, size_t len, struct given *g, struct nilo_err *err)
{
    struct nilo_json *j;
    enum nilo_json_event event;
    const char *name;
    size_t n;
    struct nilo_err why = {0};
    if (nilo_json_new(text, len, NILO_JSON_DEFAULT_LIMITS, &j, err) != 0)
        return -1;
    int rc = nilo_json_next(j, &event, &name, &n, &why);
    if (rc == 0 && event != NILO_JSON_OBJECT_BEGIN)
        rc = nilo_err_set(&why, NILO_EBODY, "it is no object");
    while (rc == 0 && (rc = nilo_json_next(j, &event, &name, &n, &why)) == 0 && event == NILO_JSON_KEY)
        rc = take_member(j, name, n, g, &why);
    if (rc == 0)
        rc = nilo_json_next(j, &event, &name, &n, &why);
    nilo_json_free(j);
    /* what the parser says may quote what it read */
    if (rc != 0)
        return nilo_err_set(err, NILO_EINVAL, "the tokens are no JSON object such as {\"access_token\": \"...\", \"refresh_token\": \"...\", \"expires_in\": 3600}");
    return 0;
}

static nilo_us until(int64_t seconds, nilo_us now)
{
    return seconds < 0 || seconds > INT64_C(100) * 366 * 86400 ? NILO_US_NONE : now + seconds * NILO_US_SECOND;
}

static void said(struct nilo_cmd_ctx *ctx, const struct nilo_connection *c, const struct nilo_login_set *set, struct nilo_err *err)
{
    if (ctx->json) {
        struct nilo__answer a;
        const char *const texts[][2] = {{"workspace", c->workspace_name}, {"connection", c->name}, {"platform", c->platform}, {"status", "connected"},
                                        {"account", set->account}, {"account_name", set->account_name}};
        nilo__answer_init(&a);
        nilo_json_object_begin(&a.json);
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
            nilo_json_key(&a.json, texts[i][0]);
            nilo_json_str(&a.json, texts[i][1]);
        }
        nilo_json_key(&a.json, "renewable");
        nilo_json_bool(&a.json, set->refresh_token != NULL);
        nilo_json_object_end(&a.json);
        nilo__answer_print(&a, ctx->out, err);
        return;
    }
    fprintf(ctx->out, "Connection %s of %s is signed in", c->name, c->workspace_name);
    if (set->account_name != NULL || set->account != NULL) {
        fputs(" as ", ctx->out);
        nilo__put(ctx->out, set->account_name != NULL ? set->account_name : set->account);
    }
    fprintf(ctx->out, ".%s\n", set->refresh_token == NULL ? " Its token cannot be renewed: when it ends, sign in again." : "");
    if (strcmp(c->status, "expired") == 0)
        fprintf(ctx->out, "What was missed meanwhile, as far as %s still tells it: nilometer collect --connection %s --workspace %s\n", c->platform, c->name,
                c->workspace_name);
}

int nilo__connection_login(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo_err *err)
{
    struct nilo_connection c;
    struct nilo_config *config = NULL;
    struct nilo_login *l = NULL;
    struct given g = {.expires_in = -1, .refresh_expires_in = -1};
    nilo_us now = ctx->env->clock.wall(ctx->env->clock.ctx);
    int rc = ctx->secret != NULL ? take_given(ctx->secret, ctx->secret_len, &g, err) : nilo_err_set(err, NILO_EINVAL, "there are no tokens on standard input");
    const struct nilo_login_set set = {.access_token = g.access_token, .refresh_token = g.refresh_token, .access_until = until(g.expires_in, now),
                                       .refresh_until = until(g.refresh_expires_in, now), .account = g.account, .account_name = g.account_name, .scopes = g.scope};
    if (rc == 0)
        rc = nilo_cmd_config(ctx, &config, err);
    if (rc == 0)
        rc = nilo__connection_make(ctx, s, &c, NULL, err);
    if (rc == 0 && strcmp(c.platform, "sql") == 0)
        rc = nilo_err_set(err, NILO_EINVAL, "connection %s reads a database: nobody signs in there", c.name);
    if (rc == 0 && strcmp(c.status, "disabled") == 0)
        rc = nilo_err_set(err, NILO_EPERM, "connection %s of %s is disabled; first: nilometer connection enable %s", c.name, c.workspace_name, c.name);
    if (rc == 0)
        rc = nilo_login_new(s, config, NULL, &l, err);
    if (rc == 0)
        rc = nilo_login_store(l, &c, &set, err);
    if (rc == 0)
        said(ctx, &c, &set, err);
    nilo_login_free(l);
    nilo_config_free(config);
    given_done(&g);
    return rc;
}

/* ---- sync: what an app keeps in a table of its own ------------------------------------------------------------------------------------------- */

int nilo__connection_sync(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo_err *err)
{
    struct nilo_config *config = NULL;
    struct nilo_login *l = NULL;
    struct nilo_login_synced got = {0};
    int rc = nilo_cmd_config(ctx, &config, err);
    if (rc == 0 && config->n_connections_from_sql == 0)
        rc = nilo_err_set(err, NILO_ECONFIG, "the configuration has no connections_from_sql");
    if (rc == 0)
        rc = nilo_login_new(s, config, NULL, &l, err);
    if (rc == 0)
        rc = nilo_login_from_sql(l, &got, err);
    if (rc == 0 && ctx->json) {
        struct nilo__answer a;
        const struct {
            const char *name;
            int64_t n;
        } counts[] = {{"rows", got.rows}, {"made", got.made}, {"changed", got.changed}, {"disabled", got.disabled}, {"refused", got.refused}};
        nilo__answer_init(&a);
        nilo_json_object_begin(&a.json);
        for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
            nilo_json_key(&a.json, counts[i].name);
            nilo_json_int(&a.json, counts[i].n);
        }
        nilo_json_key(&a.json, "note");
        nilo_json_str(&a.json, got.note[0] != '\0' ? got.note : NULL);
        nilo_json_object_end(&a.json);
        rc = nilo__answer_print(&a, ctx->out, err);
    } else if (rc == 0) {
        fprintf(ctx->out, "%" PRId64 " rows: %" PRId64 " connections made, %" PRId64 " with a new token, %" PRId64 " disabled.\n", got.rows, got.made, got.changed,
                got.disabled);
        if (got.refused > 0)
            nilo_cmd_notice(ctx, "%" PRId64 " rows were left out: %s", got.refused, got.note);
    }
    nilo_login_free(l);
    nilo_config_free(config);
    return rc != 0 ? rc : got.refused > 0 ? 3 : 0;
}

/* ---- when somebody has to sign in again ---------------------------------------------------------------------------------------------------- */

bool nilo__login_sentence(const struct nilo_connection *c, const struct nilo_login_row *row, int state, nilo_us ends_at, int64_t days, char *out, size_t size)
{
    char at[NILO_US_TEXT] = "";
    bool over = state == NILO_LOGIN_OVER || strcmp(c->status, "expired") == 0;
    if (strcmp(c->status, "disabled") == 0 || (state == NILO_LOGIN_FINE && !over))
        return false;
    if (ends_at != NILO_US_NONE)
        nilo_us_format(ends_at, at);
    if (over)
        snprintf(out, size, "Connection %s of %s is not signed in any more%s%.300s; sign in again: nilometer connection reconnect %s --workspace %s", c->name,
                 c->workspace_name, row->problem != NULL ? ": " : "", row->problem != NULL ? row->problem : "", c->name, c->workspace_name);
    else if (state == NILO_LOGIN_SOON)
        snprintf(out, size, "The sign-in of connection %s of %s ends in %" PRId64 " %s, at %.10s %.5s UTC; renew it: nilometer connection reconnect %s --workspace %s",
                 c->name, c->workspace_name, days, days == 1 ? "day" : "days", at, at + 11, c->name, c->workspace_name);
    else
        snprintf(out, size, "The token of connection %s of %s could not be renewed: %.300s; it is tried again", c->name, c->workspace_name,
                 row->problem != NULL ? row->problem : "");
    return true;
}

/* ---- show ------------------------------------------------------------------------------------------------------------------------------ */

#define TURNS 5

struct shown {
    struct nilo_connection c;
    bool has_login;
    struct nilo_login_clock clock;
    struct nilo_status_row *turns;
    size_t n_turns;
    struct nilo_secret_row *secrets;
    size_t n_secrets;
};

static void line(FILE *out, const char *name, const char *value)
{
    if (value == NULL || value[0] == '\0')
        return;
    fprintf(out, "%-14s ", name);
    nilo__say_text(out, value);
}

static void when(FILE *out, const char *name, nilo_us at)
{
    char text[NILO_US_TEXT];
    if (at == NILO_US_NONE)
        return;
    nilo_us_format(at, text);
    fprintf(out, "%-14s %.10s %.5s UTC\n", name, text, text + 11);
}

static void show_people(FILE *out, const struct shown *x)
{
    const struct nilo_login_row *row = &x->clock.row;
    char day[NILO_DAY_TEXT], sentence[700];
    line(out, "connection", x->c.name);
    line(out, "workspace", x->c.workspace_name);
    line(out, "platform", x->c.platform);
    line(out, "status", nilo__connection_state(&x->c));
    line(out, "origin", x->c.origin);
    if (!nilo_day_is_none(x->c.closed_until)) {
        nilo_day_format(x->c.closed_until, day);
        line(out, "closed until", day);
    }
    if (x->has_login) {
        line(out, "account", row->account);
        line(out, "account name", row->account_name);
        line(out, "may", row->scopes);
        when(out, "signed in", row->connected_at);
        when(out, "renewed", row->renewed_at);
        when(out, "token until", row->access_until);
        when(out, "sign in by", x->clock.ends_at);
        line(out, "renews itself", row->renewable ? "yes" : "no");
        line(out, "problem", row->problem);
    }
    for (size_t i = 0; i < x->n_secrets; i++)
        fprintf(out, "%-14s %s, sealed with key %s%s\n", i == 0 ? "secrets" : "", x->secrets[i].kind, x->secrets[i].master_id,
                x->secrets[i].unreadable ? ", which is not here" : "");
    for (size_t i = 0; i < x->n_turns; i++) {
        char at[NILO_US_TEXT];
        nilo_us_format(x->turns[i].at, at);
        fprintf(out, "%-14s %.10s %.5s UTC %s, before %s%s", i == 0 ? "changes" : "", at, at + 11, x->turns[i].status, x->turns[i].was,
                x->turns[i].reason != NULL ? ": " : "\n");
        if (x->turns[i].reason != NULL)
            nilo__say_text(out, x->turns[i].reason);
    }
    if (x->has_login && nilo__login_sentence(&x->c, row, (int)x->clock.state, x->clock.ends_at, x->clock.days, sentence, sizeof sentence))
        nilo__say_text(out, sentence);
}

static void show_login(struct nilo_json_out *o, const struct shown *x)
{
    static const char *const states[] = {"fine", "ends_soon", "trouble", "over"};
    const struct nilo_login_row *row = &x->clock.row;
    const char *const texts[][2] = {{"account", row->account}, {"account_name", row->account_name}, {"scopes", row->scopes}, {"problem", row->problem},
                                    {"state", states[x->clock.state]}};
    const struct {
        const char *name;
        nilo_us at;
    } times[] = {{"connected_at", row->connected_at}, {"renewed_at", row->renewed_at}, {"token_until", row->access_until}, {"sign_in_by", x->clock.ends_at}};
    nilo_json_object_begin(o);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        nilo_json_key(o, texts[i][0]);
        nilo_json_str(o, texts[i][1]);
    }
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        nilo_json_key(o, times[i].name);
        nilo__json_us(o, times[i].at);
    }
    nilo_json_key(o, "days_left");
    if (x->clock.days >= 0)
        nilo_json_int(o, x->clock.days);
    else
        nilo_json_null(o);
    nilo_json_key(o, "renewable");
    nilo_json_bool(o, row->renewable);
    nilo_json_object_end(o);
}

static int show_json(const struct nilo_cmd_ctx *ctx, const struct shown *x, struct nilo_err *err)
{
    struct nilo__answer a;
    const char *const texts[][2] = {{"workspace", x->c.workspace_name}, {"name", x->c.name}, {"platform", x->c.platform}, {"role", x->c.role},
                                    {"status", x->c.status}, {"origin", x->c.origin}};
    nilo__answer_init(&a);
    nilo_json_object_begin(&a.json);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        nilo_json_key(&a.json, texts[i][0]);
        nilo_json_str(&a.json, texts[i][1]);
    }
    nilo_json_key(&a.json, "closed_until");
    nilo__json_day(&a.json, x->c.closed_until);
    nilo_json_key(&a.json, "paused_at");
    nilo__json_us(&a.json, x->c.paused_at);
    nilo_json_key(&a.json, "login");
    if (x->has_login)
        show_login(&a.json, x);
    else
        nilo_json_null(&a.json);
    nilo_json_key(&a.json, "secrets");
    nilo_json_array_begin(&a.json);
    for (size_t i = 0; i < x->n_secrets; i++)
        nilo_json_str(&a.json, x->secrets[i].kind);
    nilo_json_array_end(&a.json);
    nilo_json_key(&a.json, "changes");
    nilo_json_array_begin(&a.json);
    for (size_t i = 0; i < x->n_turns; i++) {
        nilo_json_object_begin(&a.json);
        nilo_json_key(&a.json, "at");
        nilo__json_us(&a.json, x->turns[i].at);
        nilo_json_key(&a.json, "status");
        nilo_json_str(&a.json, x->turns[i].status);
        nilo_json_key(&a.json, "was");
        nilo_json_str(&a.json, x->turns[i].was);
        nilo_json_key(&a.json, "reason");
        nilo_json_str(&a.json, x->turns[i].reason);
        nilo_json_object_end(&a.json);
    }
    nilo_json_array_end(&a.json);
    nilo_json_object_end(&a.json);
    return nilo__answer_print(&a, ctx->out, err);
}

int nilo__connection_show(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo_err *err)
{
    struct shown x = {0};
    struct nilo_arena arena;
    struct nilo_login_clock *clocks;
    size_t n = 0;
    if (nilo__connection_find(ctx, s, &x.c, err) != 0)
        return -1;
    nilo_arena_init(&arena, 0);
    int rc = nilo_login_clock(s, &arena, &clocks, &n, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (clocks[i].row.connection == x.c.id) {
            x.clock = clocks[i];
            x.has_login = true;
        }
    }
    if (rc == 0)
        rc = nilo_store_connection_turns(s, x.c.id, TURNS, &arena, &x.turns, &x.n_turns, err);
    if (rc == 0)
        rc = nilo_store_secrets(s, x.c.id, &arena, &x.secrets, &x.n_secrets, err);
    if (rc == 0 && ctx->json)
        rc = show_json(ctx, &x, err);
    else if (rc == 0)
        show_people(ctx->out, &x);
    nilo_arena_done(&arena);
    return rc;
}

/* ---- test ------------------------------------------------------------------------------------------------------------------------------ */

static int test_database(const struct nilo_config *config, const struct nilo_connection *c, struct nilo_buf *found, struct nilo_err *err)
{
    for (int i = 0; i < config->n_connections; i++) {
        const struct nilo_config_connection *in = &config->connections[i];
        struct nilo_db *db;
        char *target;
        if (strcmp(in->name, c->name) != 0 || strcmp(in->workspace, c->workspace_name) != 0)
            continue;
        if (nilo_config_secret(in->database, &target, err) != 0)
            return -1;
        int rc = nilo_sql_open(target, in->timeout_ms, NULL, &db, err);
        nilo_secret_wipe(target, strlen(target));
        free(target);
        if (rc == 0) {
            nilo_buf_addf(found, "the database %s can be read", nilo_db_target(db));
            nilo_db_close(db);
        }
        return rc;
    }
    return nilo_err_set(err, NILO_ECONFIG, "connection %s of %s is not in the configuration", c->name, c->workspace_name);
}

/* Asks the platform who the token's account is: the smallest thing that only works when all of it works. */
static int ask_account(const struct nilo_connection *c, const struct nilo_login_app *app, const char *bearer, const char *account, struct nilo_http *http,
                       const struct nilo_env *env, bool *ret_refused, struct nilo_buf *found, struct nilo_err *err)
{
    const struct nilo_connector *k = app->connector;
    const struct nilo_credentials credentials = {.access_token = bearer, .api_key = app->api_key, .client_id = app->client_id, .client_secret = app->client_secret};
    const struct nilo_ask what = {.op = NILO_OP_ACCOUNT, .credentials = &credentials, .settings = app->settings, .account = account,
                                  .now = env->clock.wall(env->clock.ctx), .day = NILO_DAY_NONE};
    struct nilo_arena arena;
    struct nilo_call call;
    struct nilo_result result = {0};
    struct nilo_http_answer *answer = NULL;
    uint64_t id;
    *ret_refused = false;
    nilo_arena_init(&arena, 0);
    int rc = k->make(&what, &arena, &call, err);
    call.http.deadline_ms = 30000;
    if (rc == 0)
        rc = nilo_http_start(http, &call.http, &id, err);
    while (rc == 0 && (answer = nilo_http_next(http)) == NULL)
        rc = nilo_http_poll(http, NILO_US_NONE, err);
    if (rc == 0)
        rc = nilo_connector_take(k, &what, answer, &arena, &result, err);
    if (rc == 0 && result.class == NILO_CLASS_OK && result.n_accounts > 0)
        nilo_buf_addf(found, "%s answers for %s (%s)", k->title, result.accounts[0].title != NULL ? result.accounts[0].title : "the account", result.accounts[0].id);
    else if (rc == 0) {
        *ret_refused = result.class == NILO_CLASS_AUTH && !result.key_wrong && bearer != NULL;
        rc = nilo_err_set(err, result.class == NILO_CLASS_AUTH || result.class == NILO_CLASS_PERMISSION ? NILO_EPERM : NILO_ESOURCE,
                          "connection %s: %s does not answer for its account (%s)%s%s", c->name, k->title,
                          result.class == NILO_CLASS_OK ? "there is no such account" : nilo_class_word(result.class), result.message[0] != '\0' ? ": " : "", result.message);
    }
    nilo_http_answer_free(answer);
    nilo_arena_done(&arena);
    return rc;
}

static int test_platform(struct nilo_cmd_ctx *ctx, struct nilo_store *s, const struct nilo_config *config, const struct nilo_connection *c, struct nilo_buf *found,
                         struct nilo_err *err)
{
    struct nilo_login_app app = {0};
    struct nilo_login *l = NULL;
    struct nilo_http *http = NULL;
    struct nilo_arena arena;
    struct nilo_login_row row = {0};
    bool there, refused = true;
    int64_t generation = NILO_TOKEN_FIRST;
    nilo_arena_init(&arena, 0);
    int rc = nilo_login_app_init(&app, config, c->platform, err);
    if (rc == 0)
        rc = nilo_http_new(ctx->env, NULL, &http, err);
    if (rc == 0)
        rc = nilo_login_new(s, config, http, &l, err);
    if (rc == 0)
        rc = nilo_store_login(s, c->id, &arena, &there, &row, err);
    for (int tries = 0; rc == 0 && refused && tries < 3; tries++) {
        struct nilo_token t = {0};
        rc = nilo_token_get(l, c, generation, &t, err);
        if (rc == 0) {
            struct nilo_err why = {0};
            generation = t.generation;
            rc = ask_account(c, &app, t.bearer, row.account, http, ctx->env, &refused, found, &why);
            if (rc != 0 && refused)
                rc = 0;
            else if (rc != 0)
                nilo_err_set(err, why.code, "%s", why.msg);
            else
                refused = false;
        }
        nilo_token_done(&t);
    }
    nilo_login_free(l);
    nilo_http_free(http);
    nilo_login_app_done(&app);
    nilo_arena_done(&arena);
    return rc;
}

int nilo__connection_test(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo_err *err)
{
    struct nilo_connection c;
    struct nilo_config *config = NULL;
    struct nilo_buf found;
    nilo_buf_init(&found, 4096);
    int rc = nilo__connection_find(ctx, s, &c, err);
    if (rc == 0)
        rc = nilo_cmd_config(ctx, &config, err);
    if (rc == 0)
        rc = strcmp(c.platform, "sql") == 0 ? test_database(config, &c, &found, err) : test_platform(ctx, s, config, &c, &found, err);
    if (rc == 0 && ctx->json) {
        struct nilo__answer a;
        nilo__answer_init(&a);
        nilo_json_object_begin(&a.json);
        nilo_json_key(&a.json, "connection");
        nilo_json_str(&a.json, c.name);
        nilo_json_key(&a.json, "ok");
        nilo_json_bool(&a.json, true);
        nilo_json_key(&a.json, "message");
        nilo_json_str(&a.json, nilo_buf_str(&found));
        nilo_json_object_end(&a.json);
        rc = nilo__answer_print(&a, ctx->out, err);
    } else if (rc == 0) {
        fprintf(ctx->out, "Connection %s of %s works: ", c.name, c.workspace_name);
        nilo__say_text(ctx->out, nilo_buf_str(&found));
    }
    nilo_config_free(config);
    nilo_buf_done(&found);
    return rc;
}
