/* nilometer token and the keys of the API in nilometer key: letting programs and people in over HTTP, and out again. What is issued is shown once. */
#include <stdlib.h>
#include <string.h>

#include "api/api_key.h"
#include "cmd/access.h"

#define TOKEN_DAYS 30
#define DAYS_MAX   3650
#define JTI        20

/* ---- what both take ----------------------------------------------------------------------------------------------------------------- */

struct given {
    enum nilo_role role;
    const char *workspaces[NILO_JWT_WORKSPACES_MAX];
    size_t n;
    int64_t days; /* 0: none said */
};

static int read_given(struct nilo_cmd_ctx *ctx, struct given *ret, struct nilo_err *err)
{
    const char *role = nilo_args_get(ctx->args, "role");
    int n = nilo_args_count(ctx->args, "workspace");
    *ret = (struct given){0};
    if (role == NULL)
        return nilo_err_set(err, NILO_EUSAGE, "which role? --role anon, authenticated, admin or service_role");
    if (!nilo_api_role_value(role, &ret->role))
        return nilo_err_set(err, NILO_EUSAGE, "\"%.40s\" is no role; there are anon, authenticated, admin and service_role", role);
    if (n > NILO_JWT_WORKSPACES_MAX)
        return nilo_err_set(err, NILO_EUSAGE, "--workspace is taken %d times at most", NILO_JWT_WORKSPACES_MAX);
    for (int i = 0; i < n; i++)
        ret->workspaces[ret->n++] = nilo_args_nth(ctx->args, "workspace", i);
    return nilo_args_int(ctx->args, "days", 1, DAYS_MAX, 0, &ret->days, err);
}

/* A misspelt workspace would let somebody into nothing, and nobody would know why. */
static int check_workspaces(struct nilo_store *s, const struct given *g, struct nilo_err *err)
{
    struct nilo_workspace w;
    for (size_t i = 0; i < g->n; i++) {
        if (nilo_store_workspace(s, g->workspaces[i], false, NULL, &w, err) != 0)
            return nilo__wrong_name(err);
    }
    return 0;
}

static nilo_us now_of(const struct nilo_cmd_ctx *ctx)
{
    return ctx->env->clock.wall(ctx->env->clock.ctx);
}

static void json_given(struct nilo_json_out *o, const struct given *g)
{
    nilo_json_key(o, "role");
    nilo_json_str(o, nilo_api_role_name(g->role));
    nilo_json_key(o, "workspaces");
    if (g->n == 0) {
        nilo_json_null(o);
        return;
    }
    nilo_json_array_begin(o);
    for (size_t i = 0; i < g->n; i++)
        nilo_json_str(o, g->workspaces[i]);
    nilo_json_array_end(o);
}

/* The secret alone on standard output, so that it can be piped; what to know about it beside it. */
static int show_once(struct nilo_cmd_ctx *ctx, const char *what, const char *id, const char *text, const struct given *g, nilo_us expires_at,
                     struct nilo_err *err)
{
    char until[NILO_US_TEXT];
    if (ctx->json) {
        struct nilo__answer a;
        nilo__answer_init(&a);
        nilo_json_object_begin(&a.json);
        nilo_json_key(&a.json, "id");
        nilo_json_str(&a.json, id);
        nilo_json_key(&a.json, what);
        nilo_json_str(&a.json, text);
        json_given(&a.json, g);
        nilo_json_key(&a.json, "expires_at");
        nilo__json_us(&a.json, expires_at);
        nilo_json_object_end(&a.json);
        return nilo__answer_print(&a, ctx->out, err);
    }
    fprintf(ctx->out, "%s\n", text);
    if (expires_at != NILO_US_NONE)
        nilo_us_format(expires_at, until);
    nilo_cmd_notice(ctx, "that is shown this once and kept nowhere. Its id is %s%s%.10s; nilometer %s revoke %s ends it", id,
                    expires_at != NILO_US_NONE ? ", it holds until " : ", it holds until it is revoked", expires_at != NILO_US_NONE ? until : "", what, id);
    return 0;
}

/* ---- keys of the API: acts of nilometer key ----------------------------------------------------------------------------------------------- */

int nilo__access_add(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo__ring *ring, const char *operand, struct nilo_err *err)
{
    struct given g;
    struct nilo_api_key made;
    char text[NILO_API_KEY_TEXT];
    (void)operand;
    if (read_given(ctx, &g, err) != 0 || check_workspaces(s, &g, err) != 0 || nilo_api_key_new(g.role, ring->keys, ctx->env, text, &made, err) != 0)
        return -1;
    struct nilo_access_key k = {.id = made.id, .name = nilo_args_get(ctx->args, "name"), .role = g.role, .hashed_by = made.hashed_by,
                                .expires_at = g.days > 0 ? now_of(ctx) + g.days * NILO_US_DAY : NILO_US_NONE, .workspaces_said = g.n > 0,
                                .workspaces = g.workspaces, .n_workspaces = g.n};
    memcpy(k.hash, made.hash, sizeof(k.hash));
    int rc = nilo_store_begin(s, err);
    if (rc == 0 && nilo_store_key_add(s, &k, err) != 0) {
        nilo_store_rollback(s);
        rc = -1;
    } else if (rc == 0) {
        rc = nilo_store_commit(s, err);
    }
    if (rc == 0)
        rc = show_once(ctx, "key", made.id, text, &g, k.expires_at, err);
    nilo_secret_wipe(text, sizeof(text));
    return rc;
}

int nilo__access_revoke(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo__ring *ring, const char *operand, struct nilo_err *err)
{
    char id[NILO_API_KEY_ID + 1];
    enum nilo_role role;
    bool new = false;
    (void)ring;
    /* whoever has the whole key at hand and not its id */
    if (nilo_api_key_read(operand, strlen(operand), &role, id))
        operand = id;
    if (nilo_store_begin(s, err) != 0)
        return -1;
    if (nilo_store_key_revoke(s, operand, &new, err) != 0) {
        nilo_store_rollback(s);
        return nilo__wrong_name(err);
    }
    if (nilo_store_commit(s, err) != 0)
        return -1;
    fprintf(ctx->out, new ? "Revoked the key %s: a server that is running refuses it within a second.\n" : "The key %s was revoked before.\n", operand);
    return 0;
}

static const char *state_of(const struct nilo_access_key *k, nilo_us now)
{
    return k->revoked_at != NILO_US_NONE ? "revoked" : k->expires_at != NILO_US_NONE && k->expires_at <= now ? "expired" : "in force";
}

static void add_day(struct nilo__table *t, nilo_us us, const char *none)
{
    char text[NILO_US_TEXT];
    if (us == NILO_US_NONE) {
        nilo__table_add(t, none);
        return;
    }
    nilo_us_format(us, text);
    nilo__table_addf(t, "%.10s", text);
}

static void add_places(struct nilo__table *t, const struct nilo_access_key *k)
{
    struct nilo_buf b;
    nilo_buf_init(&b, 65536);
    for (size_t i = 0; i < k->n_workspaces; i++)
        nilo_buf_addf(&b, "%s%s", i > 0 ? ", " : "", k->workspaces[i]);
    nilo__table_add(t, k->workspaces_said ? nilo_buf_str(&b) : "-");
    nilo_buf_done(&b);
}

int nilo__access_table(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo_err *err)
{
    static const char *const heads[] = {"API key", "role", "name", "workspaces", "made", "until", "state"};
    struct nilo_arena arena;
    struct nilo_access a;
    struct nilo__table t;
    int rc;
    nilo_arena_init(&arena, 0);
    rc = nilo_store_access(s, &arena, &a, err);
    if (rc == 0 && a.n_keys > 0) {
        nilo__table_init(&t, 7, 0);
        for (int i = 0; i < 7; i++)
            nilo__table_add(&t, heads[i]);
        for (size_t i = 0; i < a.n_keys; i++) {
            const struct nilo_access_key *k = &a.keys[i];
            nilo__table_add(&t, k->id);
            nilo__table_add(&t, nilo_api_role_name(k->role));
            nilo__table_add(&t, k->name != NULL ? k->name : "-");
            add_places(&t, k);
            add_day(&t, k->made_at, "-");
            add_day(&t, k->expires_at, "-");
            nilo__table_add(&t, state_of(k, now_of(ctx)));
        }
        fputc('\n', ctx->out);
        rc = nilo__table_print(&t, ctx->out, err);
    }
    nilo_arena_done(&arena);
    return rc;
}

int nilo__access_json(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo_json_out *o, struct nilo_err *err)
{
    struct nilo_arena arena;
    struct nilo_access a;
    nilo_arena_init(&arena, 0);
    if (nilo_store_access(s, &arena, &a, err) != 0) {
        nilo_arena_done(&arena);
        return -1;
    }
    nilo_json_key(o, "api_keys");
    nilo_json_array_begin(o);
    for (size_t i = 0; i < a.n_keys; i++) {
        const struct nilo_access_key *k = &a.keys[i];
        struct given g = {.role = k->role};
        for (size_t w = 0; w < k->n_workspaces && w < NILO_JWT_WORKSPACES_MAX; w++)
            g.workspaces[g.n++] = k->workspaces[w];
        nilo_json_object_begin(o);
        nilo_json_key(o, "id");
        nilo_json_str(o, k->id);
        nilo_json_key(o, "name");
        nilo_json_str(o, k->name);
        json_given(o, &g);
        nilo_json_key(o, "made_at");
        nilo__json_us(o, k->made_at);
        nilo_json_key(o, "expires_at");
        nilo__json_us(o, k->expires_at);
        nilo_json_key(o, "revoked_at");
        nilo__json_us(o, k->revoked_at);
        nilo_json_key(o, "state");
        nilo_json_str(o, state_of(k, now_of(ctx)));
        nilo_json_object_end(o);
    }
    nilo_json_array_end(o);
    nilo_arena_done(&arena);
    return 0;
}

/* ---- token issue ----------------------------------------------------------------------------------------------------------------------------- */

static void random_id(const struct nilo_env *env, char out[JTI + 1])
{
    static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    for (int i = 0; i < JTI; i++)
        out[i] = letters[nilo_random_below(&env->random, sizeof(letters) - 1)];
    out[JTI] = '\0';
}

static int issue(struct nilo_cmd_ctx *ctx, struct nilo_store *s, const char *operand, struct nilo_err *err)
{
    struct given g;
    struct nilo__ring ring;
    struct nilo_buf token;
    char id[JTI + 1];
    (void)operand;
    if (read_given(ctx, &g, err) != 0 || check_workspaces(s, &g, err) != 0)
        return -1;
    nilo_buf_init(&token, NILO_JWT_MAX + 1);
    random_id(ctx->env, id);
    nilo_us from = now_of(ctx) / NILO_US_SECOND * NILO_US_SECOND, until = from + (g.days > 0 ? g.days : TOKEN_DAYS) * NILO_US_DAY;
    const struct nilo_jwt_issue what = {.sub = nilo_args_get(ctx->args, "user"), .jti = id, .workspaces = g.n > 0 ? g.workspaces : NULL, .n_workspaces = g.n,
                                        .iat = from / NILO_US_SECOND, .exp = until / NILO_US_SECOND};
    int rc = nilo__ring_open(s, &ring, err);
    if (rc == 0)
        rc = nilo_api_token(ring.keys, g.role, what, &token, err);
    if (rc == 0)
        rc = show_once(ctx, "token", id, nilo_buf_str(&token), &g, until, err);
    nilo__ring_done(&ring);
    nilo_secret_wipe(token.data, token.len);
    nilo_buf_done(&token);
    return rc;
}

/* ---- token revoke, allow, list, close, open ------------------------------------------------------------------------------------------------------ */

/* One change in a transaction of its own. */
typedef int change_fn(struct nilo_store *s, const void *what, bool *ret_did, struct nilo_err *err);
static int in_one_go(struct nilo_store *s, change_fn *fn, const void *what, bool *ret_did, struct nilo_err *err)
{
    if (nilo_store_begin(s, err) != 0)
        return -1;
    if (fn(s, what, ret_did, err) != 0) {
        nilo_store_rollback(s);
        return -1;
    }
    return nilo_store_commit(s, err);
}

struct bearer {
    enum nilo_revoked_kind kind;
    const char *id;
};

static int which(struct nilo_cmd_ctx *ctx, const char *operand, struct bearer *ret, struct nilo_err *err)
{
    const char *user = nilo_args_get(ctx->args, "user");
    if ((user != NULL) == (operand != NULL))
        return nilo_err_set(err, NILO_EUSAGE, "name one: the ID of a token, or --user SUB for all tokens of a user");
    *ret = user != NULL ? (struct bearer){NILO_REVOKED_USER, user} : (struct bearer){NILO_REVOKED_TOKEN, operand};
    return 0;
}

static int do_revoke(struct nilo_store *s, const void *what, bool *ret_did, struct nilo_err *err)
{
    const struct bearer *b = what;
    *ret_did = true;
    return nilo_store_revoke(s, b->kind, b->id, NILO_US_NONE, err);
}

static int do_allow(struct nilo_store *s, const void *what, bool *ret_did, struct nilo_err *err)
{
    const struct bearer *b = what;
    return nilo_store_unrevoke(s, b->kind, b->id, ret_did, err);
}

static int revoke(struct nilo_cmd_ctx *ctx, struct nilo_store *s, const char *operand, struct nilo_err *err)
{
    struct bearer b = {NILO_REVOKED_TOKEN, NULL};
    bool did;
    if (which(ctx, operand, &b, err) != 0)
        return -1;
    if (b.kind == NILO_REVOKED_TOKEN && strchr(b.id, '.') != NULL)
        return nilo_err_set(err, NILO_EUSAGE, "name the token by its id (its claim jti), not by itself: command lines are seen by others");
    if (in_one_go(s, do_revoke, &b, &did, err) != 0)
        return -1;
    fprintf(ctx->out, "Revoked %s: a server that is running refuses it within a second.\n", b.kind == NILO_REVOKED_USER ? "all tokens of the user" : "the token");
    return 0;
}

static int allow(struct nilo_cmd_ctx *ctx, struct nilo_store *s, const char *operand, struct nilo_err *err)
{
    struct bearer b = {NILO_REVOKED_TOKEN, NULL};
    bool did;
    if (which(ctx, operand, &b, err) != 0 || in_one_go(s, do_allow, &b, &did, err) != 0)
        return -1;
    fputs(did ? "Allowed again.\n" : "That was not revoked.\n", ctx->out);
    return 0;
}

struct door {
    int64_t workspace;
    bool close;
};

static int do_door(struct nilo_store *s, const void *what, bool *ret_did, struct nilo_err *err)
{
    const struct door *d = what;
    return nilo_store_access_close(s, d->workspace, d->close, ret_did, err);
}

static int door(struct nilo_cmd_ctx *ctx, struct nilo_store *s, const char *operand, bool close, struct nilo_err *err)
{
    struct nilo_workspace w;
    bool did;
    if (nilo_store_workspace(s, operand, false, NULL, &w, err) != 0)
        return nilo__wrong_name(err);
    const struct door d = {w.id, close};
    if (in_one_go(s, do_door, &d, &did, err) != 0)
        return -1;
    fprintf(ctx->out, "The workspace %s %s%s.\n", w.name, did ? "is " : "was ", close ? "closed" : "open");
    return 0;
}

static int close_workspace(struct nilo_cmd_ctx *ctx, struct nilo_store *s, const char *operand, struct nilo_err *err)
{
    return door(ctx, s, operand, true, err);
}

static int open_workspace(struct nilo_cmd_ctx *ctx, struct nilo_store *s, const char *operand, struct nilo_err *err)
{
    return door(ctx, s, operand, false, err);
}

static int list_json(struct nilo_cmd_ctx *ctx, const struct nilo_access *a, struct nilo_err *err)
{
    struct nilo__answer out;
    nilo__answer_init(&out);
    nilo_json_object_begin(&out.json);
    nilo_json_key(&out.json, "revoked");
    nilo_json_array_begin(&out.json);
    for (size_t i = 0; i < a->n_revoked; i++) {
        nilo_json_object_begin(&out.json);
        nilo_json_key(&out.json, a->revoked[i].kind == NILO_REVOKED_USER ? "user" : "token");
        nilo_json_str(&out.json, a->revoked[i].id);
        nilo_json_key(&out.json, "revoked_at");
        nilo__json_us(&out.json, a->revoked[i].revoked_at);
        nilo_json_object_end(&out.json);
    }
    nilo_json_array_end(&out.json);
    nilo_json_key(&out.json, "closed_workspaces");
    nilo_json_array_begin(&out.json);
    for (size_t i = 0; i < a->n_closed; i++)
        nilo_json_str(&out.json, a->closed[i]);
    nilo_json_array_end(&out.json);
    nilo_json_object_end(&out.json);
    return nilo__answer_print(&out, ctx->out, err);
}

static int list_table(struct nilo_cmd_ctx *ctx, const struct nilo_access *a, struct nilo_err *err)
{
    struct nilo__table t;
    nilo__table_init(&t, 3, 0);
    nilo__table_add(&t, "what");
    nilo__table_add(&t, "id");
    nilo__table_add(&t, "since");
    for (size_t i = 0; i < a->n_revoked; i++) {
        nilo__table_add(&t, a->revoked[i].kind == NILO_REVOKED_USER ? "revoked user" : "revoked token");
        nilo__table_add(&t, a->revoked[i].id);
        add_day(&t, a->revoked[i].revoked_at, "-");
    }
    for (size_t i = 0; i < a->n_closed; i++) {
        nilo__table_add(&t, "closed workspace");
        nilo__table_add(&t, a->closed[i]);
        nilo__table_add(&t, "-");
    }
    return nilo__table_print(&t, ctx->out, err);
}

static int list(struct nilo_cmd_ctx *ctx, struct nilo_store *s, const char *operand, struct nilo_err *err)
{
    struct nilo_arena arena;
    struct nilo_access a;
    (void)operand;
    nilo_arena_init(&arena, 0);
    int rc = nilo_store_access(s, &arena, &a, err);
    if (rc == 0)
        rc = ctx->json ? list_json(ctx, &a, err) : list_table(ctx, &a, err);
    nilo_arena_done(&arena);
    return rc;
}

/* ---- the command ------------------------------------------------------------------------------------------------------------------------------------ */

static const struct act {
    const char *name;
    int least, most; /* operands with its name */
    enum nilo_store_mode mode;
    int (*fn)(struct nilo_cmd_ctx *ctx, struct nilo_store *s, const char *operand, struct nilo_err *err);
} acts[] = {
    {"issue", 1, 1, NILO_STORE_READ, issue},           {"revoke", 1, 2, NILO_STORE_WRITE, revoke}, {"allow", 1, 2, NILO_STORE_WRITE, allow},
    {"close", 2, 2, NILO_STORE_WRITE, close_workspace}, {"open", 2, 2, NILO_STORE_WRITE, open_workspace}, {"list", 1, 1, NILO_STORE_READ, list},
};
#define N_ACTS (sizeof acts / sizeof acts[0])

static int run(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    struct nilo_store *s = NULL;
    if (nilo__operands(ctx, 1, 2, err) != 0)
        return -1;
    const struct act *act = nilo__act_find(acts, N_ACTS, sizeof acts[0], nilo_args_rest(ctx->args, 0), "tokens", err);
    if (act == NULL || nilo__operands(ctx, act->least, act->most, err) != 0 || nilo_cmd_store(ctx, act->mode, &s, err) != 0)
        return -1;
    int rc = act->fn(ctx, s, nilo_args_rest_n(ctx->args) > 1 ? nilo_args_rest(ctx->args, 1) : NULL, err);
    nilo_store_close(s);
    return rc;
}

const struct nilo_cmd nilo_cmd_token = {
    .name = "token",
    .operands = "issue|revoke|allow|close|open|list [ID|NAME]",
    .summary = "signed tokens for the API: who is let in over HTTP, and no longer",
    .description =
        "issue prints a token (JWT) for a role, signed with the store's token key; clients of Supabase and PostgREST take it as their key. It is kept "
        "nowhere and shown this once. Roles: anon reads what is published, authenticated reads its workspaces, admin also collects and defines, "
        "service_role does everything. Without --workspace a token reaches the store's only workspace; of several none, but for service_role, which then "
        "reaches all. An opaque key instead of a signed token, and one that need not end: nilometer key add.\n\n"
        "revoke refuses one token, by its id, or with --user all tokens of a user, also those that others signed; allow takes that back. A server that is "
        "running follows within a second. close lets nobody into a workspace whose credentials name only closed ones, open does again.\n\n"
        "  nilometer token issue --role authenticated --workspace studio --user u-17 --days 90\n"
        "  nilometer token revoke --user u-17",
    .options = (const struct nilo_option[]){{"role", "ROLE", "issue: anon, authenticated, admin or service_role", false},
                                            {"workspace", "W", "issue: what it may reach; may be given several times", true},
                                            {"user", "SUB", "issue, revoke, allow: the user (the claim sub)", false},
                                            {"days", "N", "issue: for so long, default 30", false},
                                            {0}},
    .run = run,
    .writes = NILO_CMD_WRITES,
};
