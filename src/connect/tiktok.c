/* TikTok: the Display API (an account's own public videos and their counts, by its owner's token), and signing in.
 *
 * Twenty videos a call; no saves. The answer leaves out what is deleted or private, so ids are compared. A listing's pages may be short in its middle: only
 * has_more ends it. Access tokens live two hours, and each refresh gives another refresh token and kills the one before. The challenge of PKCE is written in
 * hexadecimal digits, unlike everybody else's. What is answered, and errors: tiktok_answer.c; the Research API: tiktok_research.c. Facts and where they were
 * found: the notes on platform APIs, sections 4.1 and 5. */
#include <string.h>

#include "base/json.h"
#include "connect/tiktok_priv.h"
#include "connect/walk.h"

#define IDS  20
#define BODY 8192

static const struct nilo_connector_setting settings[] = {
    [NILO__TT_BASE] = {"api_base", "https://open.tiktokapis.com/v2", "beginning of the API's addresses", true},
    [NILO__TT_TOKEN] = {"token_url", "https://open.tiktokapis.com/v2/oauth/token", "where tokens are refreshed (without the slash at its end)", true},
    [NILO__TT_AUTHORIZE] = {"authorize_url", "https://www.tiktok.com/v2/auth/authorize/", "where people sign in", true},
};

/* TikTok counts by endpoint, in a window that slides. */
enum { BUCKET_USER, BUCKET_LIST, BUCKET_QUERY };
static const struct nilo_connector_bucket buckets[] = {
    [BUCKET_USER] = {"user", 600, 60, NULL, true, "calls of user/info a minute", false},
    [BUCKET_LIST] = {"list", 600, 60, NULL, true, "calls of video/list a minute", false},
    [BUCKET_QUERY] = {"query", 600, 60, NULL, true, "calls of video/query a minute", false},
};

static const struct nilo_connector_oauth oauth = {
    .authorize_setting = NILO__TT_AUTHORIZE,
    .scopes = "user.info.basic,user.info.profile,user.info.stats,video.list",
    .client_id = "client_key",
    .pkce = true,
    .challenge_hex = true,
    .rotates = true,
};

/* ---- requests -------------------------------------------------------------------------------------------------------------------------- */

int nilo__tt_sign(struct nilo__making *m, struct nilo_err *err)
{
    const char *token = m->ask->credentials->access_token;
    if (token == NULL)
        return nilo_err_set(err, NILO_EINVAL, "%s tells nothing to somebody who has not signed in: nilometer connection connect", m->connector->title);
    nilo__add_bearer(m, token);
    return 0;
}

bool nilo__tt_id_fine(const char *id)
{
    size_t n = strspn(id, "0123456789");
    return n > 0 && n <= 20 && id[n] == '\0';
}

/* Who has not let us see the numbers of an account may have let us see its name: variant 1. */
static int make_account(struct nilo__making *m, struct nilo_err *err)
{
    nilo__at_setting(m, NILO__TT_BASE, "/user/info/", "tiktok account");
    nilo__add_query(m, "fields", m->ask->variant == 0 ? "open_id,display_name,avatar_url,username,profile_deep_link,follower_count,likes_count,video_count"
                                            : "open_id,display_name,avatar_url");
    m->call->bucket = BUCKET_USER;
    return nilo__tt_sign(m, err);
}

static int make_list(struct nilo__making *m, struct nilo_err *err)
{
    const char *cursor = m->ask->cursor;
    struct nilo_buf b;
    struct nilo_json_out o;
    if (cursor != NULL && (strspn(cursor, "0123456789") != strlen(cursor) || cursor[0] == '\0' || strlen(cursor) > 19))
        return nilo_err_set(err, NILO_EINVAL, "TikTok says that there are more videos, but not where its listing goes on");
    nilo__at_setting(m, NILO__TT_BASE, "/video/list/", "tiktok videos");
    nilo__add_query(m, "fields", "id,create_time,title,video_description,duration,share_url,cover_image_url");
    nilo_buf_init(&b, BODY);
    nilo_json_out_init(&o, &b);
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "max_count");
    nilo_json_int(&o, IDS);
    if (cursor != NULL) {
        nilo_json_key(&o, "cursor");
        nilo_json_text(&o, cursor, strlen(cursor));
    }
    nilo_json_object_end(&o);
    nilo__add_json_body(m, &b);
    nilo_buf_done(&b);
    m->call->bucket = BUCKET_LIST;
    return nilo__tt_sign(m, err);
}

static int make_metrics(struct nilo__making *m, struct nilo_err *err)
{
    const struct nilo_ask *a = m->ask;
    struct nilo_buf b;
    struct nilo_json_out o;
    if (a->n_ids == 0 || a->n_ids > IDS)
        return nilo_err_set(err, NILO_EINVAL, "%zu videos in one call of TikTok's; it takes 1 to %d", a->n_ids, IDS);
    for (size_t i = 0; i < a->n_ids; i++) {
        if (!nilo__tt_id_fine(a->ids[i]))
            return nilo_err_set(err, NILO_EINVAL, "%.100s is no id of a TikTok video", a->ids[i]);
    }
    nilo__at_setting(m, NILO__TT_BASE, "/video/query/", "tiktok counts");
    nilo__add_query(m, "fields", "id,create_time,title,video_description,duration,share_url,cover_image_url,view_count,like_count,comment_count,share_count");
    nilo_buf_init(&b, BODY);
    nilo_json_out_init(&o, &b);
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "filters");
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "video_ids");
    nilo_json_array_begin(&o);
    for (size_t i = 0; i < a->n_ids; i++)
        nilo_json_str(&o, a->ids[i]);
    nilo_json_array_end(&o);
    nilo_json_object_end(&o);
    nilo_json_object_end(&o);
    nilo__add_json_body(m, &b);
    nilo_buf_done(&b);
    m->call->bucket = BUCKET_QUERY;
    return nilo__tt_sign(m, err);
}

static int make_tokens(struct nilo__making *m, struct nilo_err *err)
{
    const struct nilo_credentials *c = m->ask->credentials;
    bool refresh = m->ask->op == NILO_OP_REFRESH;
    if (c->client_id == NULL || c->client_secret == NULL || (refresh ? c->refresh_token == NULL : m->ask->code == NULL))
        return nilo_err_set(err, NILO_EINVAL, "there is no %s to get a TikTok token with",
                            c->client_id == NULL ? "client id (TikTok calls it client key)" : c->client_secret == NULL ? "client secret" : refresh ? "refresh token" : "code");
    nilo__at_setting(m, NILO__TT_TOKEN, "/", refresh ? "tiktok token refresh" : "tiktok token");
    m->call->http.method = "POST";
    nilo__add_form(m, "client_key", c->client_id, false);
    nilo__add_form(m, "client_secret", c->client_secret, true);
    nilo__add_form(m, "grant_type", refresh ? "refresh_token" : "authorization_code", false);
    nilo__add_form(m, "refresh_token", refresh ? c->refresh_token : NULL, true);
    nilo__add_form(m, "code", refresh ? NULL : m->ask->code, true);
    nilo__add_form(m, "code_verifier", refresh ? NULL : m->ask->verifier, true);
    nilo__add_form(m, "redirect_uri", refresh ? NULL : m->ask->redirect, false);
    return 0;
}

static int make(const struct nilo_ask *ask, struct nilo_arena *arena, struct nilo_call *ret, struct nilo_err *err)
{
    static nilo__make_op *const by_op[NILO_OPS] = {
        [NILO_OP_ACCOUNT] = make_account, [NILO_OP_ACCOUNTS] = make_account, [NILO_OP_LIST] = make_list, [NILO_OP_METRICS] = make_metrics,
        [NILO_OP_EXCHANGE] = make_tokens, [NILO_OP_REFRESH] = make_tokens,
    };
    return nilo__make(&nilo__tiktok, by_op, -1, -1, ask, arena, ret, err);
}

/* ---- accounts --------------------------------------------------------------------------------------------------------------------------- */

struct account {
    const char *id, *creator, *name, *title, *avatar, *url, *followers, *likes, *videos;
    bool user; /* there is an account in it */
    struct nilo_arena *arena;
    struct nilo_err *err;
};
/* Display has them below data.user, Research below data; numbers come as numbers, or as texts of digits. */
static const struct {
    const char *name;
    size_t offset;
    bool number;
} parts[] = {
    {"open_id", offsetof(struct account, id), false},
    {"creator_id", offsetof(struct account, creator), false}, /* of the Business APIs */
    {"username", offsetof(struct account, name), false},
    {"display_name", offsetof(struct account, title), false},
    {"avatar_url", offsetof(struct account, avatar), false},
    {"profile_deep_link", offsetof(struct account, url), false},
    {"follower_count", offsetof(struct account, followers), true},
    {"likes_count", offsetof(struct account, likes), true},
    {"video_count", offsetof(struct account, videos), true},
};

static int take_part(void *ctx, const char *path, enum nilo_json_event event, const char *text, size_t len)
{
    struct account *a = ctx;
    bool scalar = event == NILO_JSON_STRING || event == NILO_JSON_NUMBER;
    if (strncmp(path, "data.", 5) != 0)
        return 0;
    const char *name = strncmp(path, "data.user.", 10) == 0 ? path + 10 : path + 5;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (strcmp(parts[i].name, name) != 0)
            continue;
        a->user = true;
        bool end = event == NILO_JSON_OBJECT_END || event == NILO_JSON_ARRAY_END;
        if (event == NILO_JSON_NULL || end || (!parts[i].number && (event != NILO_JSON_STRING || len == 0)))
            return 0;
        const struct nilo__want want = {path, parts[i].offset};
        return nilo__want_take(&want, 1, a, path, NILO_JSON_STRING, scalar ? text : "?", scalar ? len : 1, 1000, a->arena, a->err);
    }
    return 0;
}

static int fill_account(const struct account *a, const char *id, struct nilo_arena *arena, struct nilo_account *ret, struct nilo_err *err)
{
    struct nilo_item_value *likes = nilo_arena_array(arena, 1, sizeof(*likes));
    if (likes == NULL)
        return nilo_err_nomem(err);
    *likes = (struct nilo_item_value){.metric = nilo__metric_of("likes"), .absence = NILO_NOT_REPORTED};
    if (a->likes != NULL)
        likes->absence = nilo__count_of(a->likes, &likes->value) ? NILO_PRESENT : NILO_FAILED;
    *ret = (struct nilo_account){.id = id, .title = a->title, .handle = a->name, .url = a->url, .thumbnail = a->avatar, .followers = -1, .items = -1, .values = likes,
                                 .n_values = 1};
    if (!nilo__count_of(a->followers, &ret->followers))
        ret->followers = -1;
    if (!nilo__count_of(a->videos, &ret->items))
        ret->items = -1;
    return 0;
}

static bool is_named(const char *asked, const struct account *a)
{
    return (a->id != NULL && strcmp(asked, a->id) == 0) || (a->name != NULL && strcmp(asked + (asked[0] == '@'), a->name) == 0);
}

int nilo__tt_take_account(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret,
                          struct nilo_err *err)
{
    struct nilo_err why = {0};
    struct account of = {.arena = arena, .err = &why};
    struct nilo_account *account = nilo_arena_array(arena, 1, sizeof(*account));
    if (account == NULL)
        return nilo_err_nomem(err);
    if (nilo__walk(a->body, a->n_body, take_part, &of, &why) != 0)
        return why.code == NILO_ENOMEM ? nilo_err_nomem(err) : nilo__unreadable("TikTok", arena, &why, ret);
    if (of.id == NULL)
        of.id = of.creator;
    const char *id = of.id != NULL ? of.id : ask->op == NILO_OP_ACCOUNT ? ask->account : NULL;
    if (!of.user || id == NULL) {
        nilo_err_set(&why, NILO_EBODY, "%s", of.user ? "there is no open_id in it" : "it is JSON, but tells of no account");
        return nilo__unreadable("TikTok", arena, &why, ret);
    }
    /* A token tells of its own account, whoever was asked for. */
    if (ask->op == NILO_OP_ACCOUNT && ask->account != NULL && of.id != NULL && !is_named(ask->account, &of)) {
        ret->class = NILO_CLASS_PERMISSION;
        ret->reason = "another account";
        ret->message = "who signed in at TikTok is another account than the one to collect from; TikTok tells of nobody else's";
        return 0;
    }
    ret->accounts = account;
    ret->n_accounts = 1;
    return fill_account(&of, id, arena, account, err);
}

/* ---- lists and counts ------------------------------------------------------------------------------------------------------------------- */

static int take_list(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    struct nilo__tt_page *p;
    bool read;
    if (nilo__tt_page(a, arena, &p, &read, ret, err) != 0 || (read && nilo__tt_list(p, ask, arena, ret, err) != 0))
        return -1;
    if (read && p->more)
        ret->next = nilo__count_of(p->cursor, &(int64_t){0}) ? p->cursor : NILO__TT_NOWHERE;
    return 0;
}

static int take_metrics(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    struct nilo__tt_page *p;
    bool read;
    if (nilo__tt_page(a, arena, &p, &read, ret, err) != 0)
        return -1;
    return read ? nilo__tt_items(p, ask, false, arena, ret, err) : 0;
}

/* ---- tokens ----------------------------------------------------------------------------------------------------------------------------- */

struct token {
    const char *access, *refresh, *expires, *refresh_expires, *scope;
    struct nilo_arena *arena;
    struct nilo_err *err;
};

static int take_token_member(void *ctx, const char *path, enum nilo_json_event event, const char *text, size_t len)
{
    static const struct nilo__want texts[] = {
        {"access_token", offsetof(struct token, access)}, {"refresh_token", offsetof(struct token, refresh)}, {"scope", offsetof(struct token, scope)},
    };
    static const struct nilo__want numbers[] = {
        {"expires_in", offsetof(struct token, expires)}, {"refresh_expires_in", offsetof(struct token, refresh_expires)},
        {"refresh_token_expires_in", offsetof(struct token, refresh_expires)}, /* of the Business APIs */
    };
    struct token *t = ctx;
    if (strncmp(path, "data.", 5) == 0)
        path += 5;
    if (event == NILO_JSON_STRING && nilo__want_take(texts, sizeof(texts) / sizeof(texts[0]), t, path, event, text, len, 16384, t->arena, t->err) != 0)
        return -1;
    return nilo__want_take(numbers, sizeof(numbers) / sizeof(numbers[0]), t, path, event, text, len, 100, t->arena, t->err);
}

int nilo__tt_take_tokens(const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    struct nilo_err why = {0};
    struct token t = {.arena = arena, .err = &why};
    if (nilo__walk(a->body, a->n_body, take_token_member, &t, &why) != 0)
        return why.code == NILO_ENOMEM ? nilo_err_nomem(err) : nilo__unreadable("TikTok", arena, &(struct nilo_err){.msg = "no JSON"}, ret);
    if (t.access == NULL || t.access[0] == '\0')
        return nilo__unreadable("TikTok", arena, &(struct nilo_err){.msg = "there is no access_token in it"}, ret);
    ret->tokens = (struct nilo_tokens){.access_token = t.access, .refresh_token = t.refresh != NULL && t.refresh[0] != '\0' ? t.refresh : NULL, .expires_s = -1,
                                       .refresh_expires_s = -1, .scope = t.scope};
    if (!nilo__count_of(t.expires, &ret->tokens.expires_s))
        ret->tokens.expires_s = -1;
    if (!nilo__count_of(t.refresh_expires, &ret->tokens.refresh_expires_s))
        ret->tokens.refresh_expires_s = -1;
    return 0;
}

static int take_token(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    (void)ask;
    return nilo__tt_take_tokens(a, arena, ret, err);
}

/* ---- the platform ------------------------------------------------------------------------------------------------------------------------ */

static int take(const struct nilo_ask *ask, const struct nilo_http_answer *answer, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    static int (*const by_op[NILO_OPS])(const struct nilo_ask *, const struct nilo_http_answer *, struct nilo_arena *, struct nilo_result *, struct nilo_err *) = {
        [NILO_OP_ACCOUNT] = nilo__tt_take_account, [NILO_OP_ACCOUNTS] = nilo__tt_take_account, [NILO_OP_LIST] = take_list, [NILO_OP_METRICS] = take_metrics,
        [NILO_OP_EXCHANGE] = take_token, [NILO_OP_REFRESH] = take_token,
    };
    bool account = ask->op == NILO_OP_ACCOUNT || ask->op == NILO_OP_ACCOUNTS, tokens = ask->op == NILO_OP_EXCHANGE || ask->op == NILO_OP_REFRESH;
    if (nilo__tt_refusal(answer, tokens ? NILO__TT_TOKENS : NILO__TT_DATA, arena, ret)) {
        ret->variant = ask->variant;
        if (ret->class == NILO_CLASS_RATE_LIMITED && ret->until == NILO_UNTIL_TIME)
            ret->limited = account ? BUCKET_USER : ask->op == NILO_OP_LIST ? BUCKET_LIST : ask->op == NILO_OP_METRICS ? BUCKET_QUERY : -1;
        if (account && ask->variant == 0 && strncmp(ret->reason, "scope_", 6) == 0) {
            ret->again = true;
            ret->variant = 1;
        }
        return 0;
    }
    ret->variant = ask->variant;
    if (by_op[ask->op] == NULL)
        return nilo__unreadable("TikTok", arena, &(struct nilo_err){.msg = "nothing like that is asked for"}, ret);
    return by_op[ask->op](ask, answer, arena, ret, err);
}

static const char *const metrics[] = {"views", "likes", "comments", "shares", NULL};

const struct nilo_connector nilo__tiktok = {
    .platform = "tiktok",
    .title = "TikTok",
    .ids_per_call = IDS,
    .at_once = 8,
    .ops = 1u << NILO_OP_ACCOUNT | 1u << NILO_OP_ACCOUNTS | 1u << NILO_OP_LIST | 1u << NILO_OP_METRICS | 1u << NILO_OP_EXCHANGE | 1u << NILO_OP_REFRESH,
    .needs_token = 1u << NILO_OP_ACCOUNT | 1u << NILO_OP_ACCOUNTS | 1u << NILO_OP_LIST | 1u << NILO_OP_METRICS,
    .settings = settings,
    .n_settings = sizeof(settings) / sizeof(settings[0]),
    .buckets = buckets,
    .n_buckets = sizeof(buckets) / sizeof(buckets[0]),
    .oauth = &oauth,
    .metrics = metrics,
    .make = make,
    .take = take,
};
