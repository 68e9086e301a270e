/* Instagram, by Meta's Graph API: accounts, their media and stories, sign-in. Counts and insights of media: instagram_media.c; of an account's days:
 * instagram_days.c; what all platforms on the Graph API share: graph.c.
 *
 * There are two ways in. Through Facebook (graph.facebook.com): who signs in has pages, and accounts behind them to choose from. At Instagram itself
 * (graph.instagram.com): one account. Tokens live 60 days and are exchanged for new ones while they live; an expired one is not: so a token is its own refresh token, and
 * ends with it. Stories are told of for 24 h; then they have ended, which is no deletion. Pages go by cursors; the addresses in an answer hold the token and are
 * never followed. Facts and where they were found: the notes on platform APIs, section 2. */
#include <stdio.h>
#include <string.h>

#include "connect/instagram_priv.h"
#include "connect/walk.h"

#define PAGE        100
#define TEXT_MAX    1000
#define VERSION     "v25.0"
#define ACCOUNT     "username,name,profile_picture_url,followers_count,media_count"
#define DAY_S       86400

static const struct nilo_connector_setting settings[] = {
    [NILO__IG_LOGIN] = {"login", "facebook", "where people sign in: facebook (accounts behind their pages), or instagram (one account, by itself)", false},
    [NILO__IG_BASE] = {"api_base", "", "beginning of the API's addresses; graph.facebook.com or graph.instagram.com with a version, by login", true},
    [NILO__IG_TOKEN] = {"token_url", "", "where a code becomes a token; by login", true},
    [NILO__IG_LONG] = {"long_token_base", "", "beginning of the addresses where tokens become long-lived and are renewed; by login", true},
    [NILO__IG_AUTHORIZE] = {"authorize_url", "https://www.facebook.com/" VERSION "/dialog/oauth", "where people sign in, of login: facebook", true},
    [NILO__IG_AUTHORIZE_IG] = {"instagram_authorize_url", "https://www.instagram.com/oauth/authorize", "the same of login: instagram", true},
    [NILO__IG_BATCH] = {"batch", "", "several media in one request: yes: as a batch, no: by ?ids=; yes for login: facebook", false},
    [NILO__IG_PROOF] = {"appsecret_proof", "yes", "whether requests prove that they know the app's secret, where there is one: yes or no", false},
    [NILO__IG_TOKEN_IN] = {"token_in", "header", "where the token is sent: header, or url (as access_token=; then proxies on the way may log it)", false},
};

static const struct nilo_connector_bucket buckets[] = {
    [NILO__GRAPH_APP] = NILO__GRAPH_APP_BUCKET,
    [NILO__GRAPH_ACCOUNT] = NILO__GRAPH_ACCOUNT_BUCKET,
};

static const struct nilo_connector_kind kinds[] = {
    {"image", 0}, {"video", 0}, {"carousel_album", 0}, {"reel", 0}, {"story", DAY_S}, {"ad", 0},
};

static const struct nilo_connector_oauth at_instagram = {
    .authorize_setting = NILO__IG_AUTHORIZE_IG,
    .scopes = "instagram_business_basic,instagram_business_manage_insights",
    .client_id = "client_id",
};
static const struct nilo_connector_oauth oauth = {
    .authorize_setting = NILO__IG_AUTHORIZE,
    .scopes = "instagram_basic,instagram_manage_insights,pages_show_list,pages_read_engagement",
    .client_id = "client_id",
    .other_setting = NILO__IG_LOGIN,
    .other_word = "instagram",
    .other = &at_instagram,
};

const char *const nilo__ig_types[] = {"instagram", NULL};

/* ---- requests -------------------------------------------------------------------------------------------------------------------------- */

bool nilo__ig_is_instagram(const struct nilo_ask *ask)
{
    return strcmp(nilo_connector_setting(&nilo__instagram, ask, NILO__IG_LOGIN), "instagram") == 0;
}

static const char *set_or(const struct nilo__making *m, size_t setting, const char *facebook, const char *instagram)
{
    const char *set = nilo_connector_setting(&nilo__instagram, m->ask, setting);
    return set[0] != '\0' ? set : nilo__ig_is_instagram(m->ask) ? instagram : facebook;
}

void nilo__ig_address(struct nilo__making *m, const char *path, const char *purpose)
{
    nilo__at(m, set_or(m, NILO__IG_BASE, "https://graph.facebook.com/" VERSION, "https://graph.instagram.com/" VERSION), path, purpose);
}

int nilo__ig_sign(struct nilo__making *m, struct nilo_err *err)
{
    return nilo__graph_sign(m, NILO__IG_TOKEN_IN, nilo__ig_is_instagram(m->ask) ? -1 : NILO__IG_PROOF, err);
}

static int check_account(const char *account, struct nilo_err *err)
{
    return account != NULL && nilo__graph_id_fine(account)
               ? 0
               : nilo_err_set(err, NILO_EINVAL, "%.100s is not the id of an Instagram account, which is a number; connection connect finds it", account != NULL ? account : "nothing");
}

static int make_account(struct nilo__making *m, struct nilo_err *err)
{
    const char *account = m->ask->op == NILO_OP_ACCOUNT ? m->ask->account : NULL;
    const bool instagram = nilo__ig_is_instagram(m->ask);
    if (account != NULL) {
        if (check_account(account, err) != 0)
            return -1;
        nilo__ig_address(m, nilo_arena_printf(m->arena, "/%s", account), "instagram account");
        nilo__add_query(m, "fields", instagram ? "id,user_id," ACCOUNT : "id," ACCOUNT);
    } else if (instagram) {
        nilo__ig_address(m, "/me", "instagram account");
        nilo__add_query(m, "fields", "id,user_id," ACCOUNT);
    } else {
        nilo__ig_address(m, "/me/accounts", "instagram accounts");
        nilo__add_query(m, "fields", "instagram_business_account{id," ACCOUNT "}");
        nilo__add_query(m, "limit", "100");
        if (m->ask->cursor != NULL)
            nilo__add_query(m, "after", m->ask->cursor);
    }
    return nilo__ig_sign(m, err);
}

static int make_list(struct nilo__making *m, struct nilo_err *err)
{
    bool stories = m->ask->listing != NULL && strcmp(m->ask->listing, "stories") == 0;
    if (check_account(m->ask->account, err) != 0)
        return -1;
    if (m->ask->cursor != NULL && !nilo__graph_cursor_fine(m->ask->cursor))
        return nilo_err_set(err, NILO_EINVAL, "what should lead to the next page of Instagram's is no cursor");
    nilo__ig_address(m, nilo_arena_printf(m->arena, stories ? "/%s/stories" : "/%s/media", m->ask->account), stories ? "instagram stories" : "instagram media list");
    nilo__add_query(m, "fields", stories ? "id,caption,media_type,media_product_type,permalink,timestamp,thumbnail_url,media_url"
                                        : "id,caption,media_type,media_product_type,permalink,timestamp,thumbnail_url,media_url,children{id,media_type}");
    nilo__add_query(m, "limit", "100");
    if (m->ask->cursor != NULL)
        nilo__add_query(m, "after", m->ask->cursor);
    return nilo__ig_sign(m, err);
}

/* A code becomes a token of an hour or two (variant 0), which becomes one of 60 days (1). */
static int make_exchange(struct nilo__making *m, struct nilo_err *err)
{
    const struct nilo_credentials *c = m->ask->credentials;
    const bool first = m->ask->variant == 0, instagram = nilo__ig_is_instagram(m->ask);
    if (nilo__graph_can_exchange(m, err) != 0)
        return -1;
    if (first && instagram) {
        nilo__at(m, set_or(m, NILO__IG_TOKEN, "", "https://api.instagram.com/oauth/access_token"), "", "instagram token");
        m->call->http.method = "POST";
        nilo__add_form(m, "client_id", c->client_id, false);
        nilo__add_form(m, "client_secret", c->client_secret, true);
        nilo__add_form(m, "grant_type", "authorization_code", false);
        nilo__add_form(m, "redirect_uri", m->ask->redirect, false);
        nilo__add_form(m, "code", m->ask->code, true);
    } else if (first) {
        nilo__graph_code(m, set_or(m, NILO__IG_TOKEN, "https://graph.facebook.com/" VERSION "/oauth/access_token", ""), "instagram token");
    } else if (!instagram) {
        nilo__graph_long(m, set_or(m, NILO__IG_LONG, "https://graph.facebook.com/" VERSION "/oauth", ""), "/access_token", c->access_token, "instagram long-lived token");
    } else {
        nilo__at(m, set_or(m, NILO__IG_LONG, "", "https://graph.instagram.com"), "/access_token", "instagram long-lived token");
        nilo__add_query(m, "grant_type", "ig_exchange_token");
        nilo__add_query_secret(m, "client_secret", c->client_secret);
        nilo__add_query_secret(m, "access_token", c->access_token);
    }
    return 0;
}

static int make_refresh(struct nilo__making *m, struct nilo_err *err)
{
    const struct nilo_credentials *c = m->ask->credentials;
    const bool instagram = nilo__ig_is_instagram(m->ask);
    if (c->refresh_token == NULL || (!instagram && (c->client_id == NULL || c->client_secret == NULL)))
        return nilo_err_set(err, NILO_EINVAL, "there is no %s to renew an Instagram token with", c->refresh_token == NULL ? "token" : "client id and secret");
    if (instagram) {
        nilo__at(m, set_or(m, NILO__IG_LONG, "", "https://graph.instagram.com"), "/refresh_access_token", "instagram token refresh");
        nilo__add_query(m, "grant_type", "ig_refresh_token");
        nilo__add_query_secret(m, "access_token", c->refresh_token);
    } else {
        nilo__graph_long(m, set_or(m, NILO__IG_LONG, "https://graph.facebook.com/" VERSION "/oauth", ""), "/access_token", c->refresh_token, "instagram token refresh");
    }
    return 0;
}

static int make(const struct nilo_ask *ask, struct nilo_arena *arena, struct nilo_call *ret, struct nilo_err *err)
{
    static nilo__make_op *const by_op[NILO_OPS] = {
        [NILO_OP_ACCOUNT] = make_account, [NILO_OP_ACCOUNTS] = make_account, [NILO_OP_LIST] = make_list, [NILO_OP_METRICS] = nilo__ig_make_metrics,
        [NILO_OP_REPORT] = nilo__ig_make_report, [NILO_OP_EXCHANGE] = make_exchange, [NILO_OP_REFRESH] = make_refresh,
    };
    if (!nilo__ig_is_instagram(ask) && strcmp(nilo_connector_setting(&nilo__instagram, ask, NILO__IG_LOGIN), "facebook") != 0)
        return nilo_err_set(err, NILO_EINVAL, "Instagram's setting login is facebook or instagram");
    return nilo__make(&nilo__instagram, by_op, NILO__GRAPH_APP, NILO__GRAPH_ACCOUNT, ask, arena, ret, err);
}

/* ---- accounts -------------------------------------------------------------------------------------------------------------------------------------- */

struct account {
    const char *id, *user, *username, *name, *picture, *followers, *media;
};
static const struct nilo__want account_wants[] = {
    {"id", offsetof(struct account, id)}, {"user_id", offsetof(struct account, user)}, {"username", offsetof(struct account, username)},
    {"name", offsetof(struct account, name)}, {"profile_picture_url", offsetof(struct account, picture)}, {"followers_count", offsetof(struct account, followers)},
    {"media_count", offsetof(struct account, media)},
};

struct accounts {
    struct nilo_arena *arena;
    struct account all[PAGE];
    size_t n;
    const char *below, *after;
    bool right, next;
    struct nilo_err *err;
};

static int take_account_member(void *ctx, const char *path, enum nilo_json_event event, const char *text, size_t len)
{
    static const struct nilo__want after[] = {{"paging.cursors.after", offsetof(struct accounts, after)}};
    struct accounts *c = ctx;
    size_t n = strlen(c->below);
    bool list = n > 0;
    c->right = c->right || (list ? strcmp(path, "data") == 0 && event == NILO_JSON_ARRAY_BEGIN : path[0] == '\0' && event == NILO_JSON_OBJECT_BEGIN);
    c->next = c->next || (strcmp(path, "paging.next") == 0 && event == NILO_JSON_STRING);
    if (event == NILO_JSON_OBJECT_BEGIN && (list ? strlen(path) == n - 1 && strncmp(path, c->below, n - 1) == 0 : path[0] == '\0'))
        c->n++;
    if (strncmp(path, c->below, n) != 0)
        return nilo__want_take(after, 1, c, path, event, text, len, 2048, c->arena, c->err);
    return c->n == 0 || c->n > PAGE ? 0
                                    : nilo__want_take(account_wants, sizeof(account_wants) / sizeof(account_wants[0]), &c->all[c->n - 1], path + n, event, text, len, TEXT_MAX,
                                                      c->arena, c->err);
}

/* wanted: NULL, or who was asked for */
static bool fill_account(const struct account *c, const char *wanted, struct nilo_arena *arena, struct nilo_account *ret)
{
    const char *id = c->user != NULL ? c->user : c->id, *handle = c->username != NULL && c->username[0] != '\0' ? c->username : NULL;
    if (id == NULL || !nilo__graph_id_fine(id) || (wanted != NULL && strcmp(id, wanted) != 0 && (c->id == NULL || strcmp(c->id, wanted) != 0)))
        return false;
    *ret = (struct nilo_account){.id = id, .title = c->name != NULL && c->name[0] != '\0' ? c->name : handle, .handle = handle, .thumbnail = c->picture, .listing = "media",
                                 .also_listing = "stories"};
    ret->url = handle != NULL ? nilo_arena_printf(arena, "https://www.instagram.com/%s/", handle) : NULL;
    if (!nilo__count_of(c->followers, &ret->followers))
        ret->followers = -1;
    if (!nilo__count_of(c->media, &ret->items))
        ret->items = -1;
    return true;
}

static int take_account(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    struct nilo_err why = {0};
    struct accounts *c = nilo_arena_alloc(arena, sizeof(*c));
    struct nilo_account *accounts = nilo_arena_array(arena, PAGE, sizeof(*accounts));
    bool one = nilo__ig_is_instagram(ask) || (ask->op == NILO_OP_ACCOUNT && ask->account != NULL);
    size_t n = 0;
    if (c == NULL || accounts == NULL)
        return nilo_err_nomem(err);
    *c = (struct accounts){.arena = arena, .below = one ? "" : "data[].instagram_business_account.", .err = &why};
    if (nilo__walk(a->body, a->n_body, take_account_member, c, &why) != 0)
        return why.code == NILO_ENOMEM ? nilo_err_nomem(err) : nilo__unreadable("Instagram", arena, &why, ret);
    for (size_t i = 0; i < c->n && i < PAGE; i++)
        n += fill_account(&c->all[i], ask->op == NILO_OP_ACCOUNT ? ask->account : NULL, arena, &accounts[n]);
    if (!c->right || (one && n == 0)) {
        nilo_err_set(&why, NILO_EBODY, "it is JSON, but not the account");
        return nilo__unreadable("Instagram", arena, &why, ret);
    }
    ret->accounts = accounts;
    ret->n_accounts = n;
    ret->next = ask->op == NILO_OP_ACCOUNTS && c->next && c->after != NULL && nilo__graph_cursor_fine(c->after) ? c->after : NULL;
    if (ask->op == NILO_OP_ACCOUNT && n == 0) {
        ret->class = NILO_CLASS_GONE;
        ret->reason = "no account";
        ret->message = "who signed in has no page with a business or creator account of Instagram's";
    }
    return 0;
}

static int take_tokens(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    return nilo__graph_take_tokens("Instagram", ask, a, arena, ret, err);
}

/* ---- all of them ------------------------------------------------------------------------------------------------------------------------------------------ */

static int take(const struct nilo_ask *ask, const struct nilo_http_answer *answer, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    static nilo__graph_take_op *const by_op[NILO_OPS] = {
        [NILO_OP_ACCOUNT] = take_account, [NILO_OP_ACCOUNTS] = take_account, [NILO_OP_LIST] = nilo__ig_take_list, [NILO_OP_REPORT] = nilo__ig_take_report,
        [NILO_OP_EXCHANGE] = take_tokens, [NILO_OP_REFRESH] = take_tokens,
    };
    struct nilo__graph_error e;
    return ask->op == NILO_OP_METRICS ? nilo__ig_take_metrics(ask, answer, arena, ret, err)
                                      : nilo__graph_take(&nilo__ig_media, &nilo__ig_days, by_op, ask, answer, arena, ret, &e, err);
}

static const char *const metrics[] = {"views", "reach", "likes", "comments", "saves", "shares", "engagement", "profile_visits", "follows", "watch_time_ms", NULL};
static const char *const day_metrics[] = {"reach", "follows", NULL};

const struct nilo_connector nilo__instagram = {
    .platform = "instagram",
    .title = "Instagram",
    .ids_per_call = NILO__GRAPH_BATCH,
    .at_once = 4,
    .day_zone = "America/Los_Angeles",
    .ops = (1u << NILO_OPS) - 1,
    .needs_token = (1u << NILO_OPS) - 1,
    .settings = settings,
    .n_settings = sizeof(settings) / sizeof(settings[0]),
    .buckets = buckets,
    .n_buckets = sizeof(buckets) / sizeof(buckets[0]),
    .apps_of = NILO__GRAPH_APPS,
    .kinds = kinds,
    .n_kinds = sizeof(kinds) / sizeof(kinds[0]),
    .oauth = &oauth,
    .metrics = metrics,
    .day_metrics = day_metrics,
    .report_settle_days = 3,
    .make = make,
    .take = take,
};
