/* Facebook's pages, by Meta's Graph API: pages, what they have published, their days, sign-in. Posts and what is counted of them: facebook_post.c; what all platforms
 * on the Graph API share: graph*.c.
 *
 * A person signs in, and chooses a page; each page has a token of its own, which does not end as long as the person stays what they are to the page and keeps the
 * password. What a page counts is told to that token alone, so a connection is one page's: what ends for one page ends for no other. Pages of listings go by cursors; the
 * addresses in an answer hold the token and are never followed. Facts and where they were found: the notes on platform APIs, section 3. */
#include <string.h>

#include "connect/facebook_priv.h"
#include "connect/walk.h"

#define TEXT_MAX 1000
#define VERSION  "v25.0"
#define GRAPH    "https://graph.facebook.com/" VERSION
#define PAGE     "id,name,username,link,followers_count"

static const struct nilo_connector_setting settings[] = {
    [NILO__FB_BASE] = {"api_base", GRAPH, "beginning of the API's addresses, with a version", true},
    [NILO__FB_TOKEN] = {"token_url", GRAPH "/oauth/access_token", "where a code becomes a token, and a token a long-lived one", true},
    [NILO__FB_AUTHORIZE] = {"authorize_url", "https://www.facebook.com/" VERSION "/dialog/oauth", "where people sign in", true},
    [NILO__FB_CONFIG] = {"config_id", "", "of Facebook Login for Business: the configuration that says what people are asked for; else scopes are sent", false},
    [NILO__FB_POSTS] = {"posts", "published_posts", "which list of a page counts as its posts: published_posts, posts, or feed (with what others write there)", false},
    [NILO__FB_BATCH] = {"batch", "yes", "several posts in one request: yes: as a batch, no: by ?ids=", false},
    [NILO__FB_PROOF] = {"appsecret_proof", "yes", "whether requests prove that they know the app's secret, where there is one: yes or no", false},
    [NILO__FB_TOKEN_IN] = {"token_in", "header", "where the token is sent: header, or url (as access_token=; then proxies on the way may log it)", false},
};

static const struct nilo_connector_bucket buckets[] = {
    [NILO__GRAPH_APP] = NILO__GRAPH_APP_BUCKET,
    [NILO__GRAPH_ACCOUNT] = NILO__GRAPH_ACCOUNT_BUCKET,
};

static const struct nilo_connector_oauth oauth = {
    .authorize_setting = NILO__FB_AUTHORIZE,
    .scopes = "pages_show_list,pages_read_engagement,pages_read_user_content,read_insights",
    .client_id = "client_id",
    .instead_setting = NILO__FB_CONFIG,
    .instead = "config_id",
};

/* What Facebook does not count any more. The older name stays empty (unsupported) from that day on: what came after it counts something else. Days as the vendor's
 * pages and reports of others name them. */
static const struct nilo_connector_retired retired[] = {
    {"post_impressions", "impressions", "2025-11-15", "views (post_media_view)"},
    {"page_impressions", "impressions", "2025-11-15", "views (page_media_view)"},
    {"page_posts_impressions", "impressions", "2025-11-15", "views (page_media_view)"},
    {"post_impressions_unique", NULL, "2026-06-15", "reach (post_total_media_view_unique)"},
    {"page_impressions_unique", NULL, "2026-06-15", "reach (page_total_media_view_unique)"},
    {"page_fans", NULL, "2025-11-15", "page_follows"},
    {"post_engaged_users", NULL, "2024-03-14", NULL},
    {"page_engaged_users", NULL, "2024-03-14", NULL},
    {"post_consumptions", NULL, "2024-03-14", "clicks (post_clicks)"},
};

/* ---- requests ---------------------------------------------------------------------------------------------------------------------------- */

void nilo__fb_address(struct nilo__making *m, const char *path, const char *purpose)
{
    nilo__at_setting(m, NILO__FB_BASE, path, purpose);
}

int nilo__fb_sign(struct nilo__making *m, struct nilo_err *err)
{
    return nilo__graph_sign(m, NILO__FB_TOKEN_IN, NILO__FB_PROOF, err);
}

static int check_page(const char *page, struct nilo_err *err)
{
    return page != NULL && nilo__graph_id_fine(page)
               ? 0
               : nilo_err_set(err, NILO_EINVAL, "%.100s is not the id of a page of Facebook's, which is a number; connection connect finds it", page != NULL ? page : "nothing");
}

static int check_cursor(const struct nilo__making *m, struct nilo_err *err)
{
    bool fine = m->ask->cursor == NULL || nilo__graph_cursor_fine(m->ask->cursor);
    return fine ? 0 : nilo_err_set(err, NILO_EINVAL, "what should lead to the next page of Facebook's is no cursor");
}

static int paged(struct nilo__making *m, struct nilo_err *err)
{
    nilo__add_query(m, "limit", "100");
    if (m->ask->cursor != NULL)
        nilo__add_query(m, "after", m->ask->cursor);
    return nilo__fb_sign(m, err);
}

/* Without an id: whose the token is, which is a page where it is a page's. */
static int make_account(struct nilo__making *m, struct nilo_err *err)
{
    if (m->ask->account != NULL && check_page(m->ask->account, err) != 0)
        return -1;
    nilo__fb_address(m, nilo_arena_printf(m->arena, "/%s", m->ask->account != NULL ? m->ask->account : "me"), "facebook page");
    nilo__add_query(m, "fields", PAGE);
    return nilo__fb_sign(m, err);
}

static int make_accounts(struct nilo__making *m, struct nilo_err *err)
{
    if (check_cursor(m, err) != 0)
        return -1;
    nilo__fb_address(m, "/me/accounts", "facebook pages");
    nilo__add_query(m, "fields", PAGE ",access_token");
    return paged(m, err);
}

static int make_list(struct nilo__making *m, struct nilo_err *err)
{
    static const char *const lists[] = {"published_posts", "posts", "feed"};
    const char *list = nilo_connector_setting(&nilo__facebook, m->ask, NILO__FB_POSTS);
    bool known = false;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        known = known || strcmp(lists[i], list) == 0;
    if (check_page(m->ask->account, err) != 0 || check_cursor(m, err) != 0)
        return -1;
    if (!known)
        return nilo_err_set(err, NILO_EINVAL, "Facebook's setting posts is published_posts, posts or feed");
    nilo__fb_address(m, nilo_arena_printf(m->arena, "/%s/%s", m->ask->account, list), "facebook posts list");
    nilo__add_query(m, "fields", "id," NILO__FB_POST);
    return paged(m, err);
}

/* How long the person's permission lasts, and what is permitted: asked of the long-lived token, by the app itself. */
static void make_check(struct nilo__making *m)
{
    const struct nilo_credentials *c = m->ask->credentials;
    const char *app = nilo_arena_printf(m->arena, "%s|%s", c->client_id, c->client_secret);
    nilo__fb_address(m, "/debug_token", "facebook token check");
    nilo__add_query_secret(m, "input_token", c->access_token);
    if (strcmp(nilo_connector_setting(&nilo__facebook, m->ask, NILO__FB_TOKEN_IN), "url") == 0)
        nilo__add_query_secret(m, "access_token", app);
    else
        nilo__add_bearer(m, app);
    m->failed = m->failed || app == NULL;
}

/* Variant 0: a code becomes a token of an hour or two; 1: that one becomes one of 60 days; 2: what that one may. */
static int make_exchange(struct nilo__making *m, struct nilo_err *err)
{
    const char *url = nilo_connector_setting(&nilo__facebook, m->ask, NILO__FB_TOKEN);
    if (nilo__graph_can_exchange(m, err) != 0)
        return -1;
    if (m->ask->variant == 0)
        nilo__graph_code(m, url, "facebook token");
    else if (m->ask->variant == 2)
        make_check(m);
    else
        nilo__graph_long(m, url, "", m->ask->credentials->access_token, "facebook long-lived token");
    return 0;
}

static int make_refresh(struct nilo__making *m, struct nilo_err *err)
{
    const struct nilo_credentials *c = m->ask->credentials;
    if (c->refresh_token == NULL || c->client_id == NULL || c->client_secret == NULL)
        return nilo_err_set(err, NILO_EINVAL, "there is no %s to renew a Facebook token with", c->refresh_token == NULL ? "token" : "client id and secret");
    nilo__graph_long(m, nilo_connector_setting(&nilo__facebook, m->ask, NILO__FB_TOKEN), "", c->refresh_token, "facebook token refresh");
    return 0;
}

static int make_metrics(struct nilo__making *m, struct nilo_err *err)
{
    return nilo__graph_make_items(&nilo__fb_posts, m, err);
}

/* ---- a page's days ------------------------------------------------------------------------------------------------------------------------- */

static const struct nilo__graph_days days = {
    .title = "Facebook",
    .purpose = "facebook page insights",
    .address = nilo__fb_address,
    .sign = nilo__fb_sign,
    .known = {{"page_media_view", "views"}, {"page_total_media_view_unique", "reach"}, {"page_post_engagements", "engagement"}, {"page_daily_follows", "follows"},
              {"page_views_total", "profile_visits"}, {"page_video_views", "video_views"}, {"page_total_actions", "clicks"}, {"page_impressions", "impressions"}},
    .n_known = 8,
    .n_asked = 5,
};

static int make_report(struct nilo__making *m, struct nilo_err *err)
{
    return nilo__graph_make_days(&days, m, err);
}

static int make(const struct nilo_ask *ask, struct nilo_arena *arena, struct nilo_call *ret, struct nilo_err *err)
{
    static nilo__make_op *const by_op[NILO_OPS] = {
        [NILO_OP_ACCOUNT] = make_account, [NILO_OP_ACCOUNTS] = make_accounts, [NILO_OP_LIST] = make_list,       [NILO_OP_METRICS] = make_metrics,
        [NILO_OP_REPORT] = make_report,   [NILO_OP_EXCHANGE] = make_exchange, [NILO_OP_REFRESH] = make_refresh,
    };
    return nilo__make(&nilo__facebook, by_op, NILO__GRAPH_APP, NILO__GRAPH_ACCOUNT, ask, arena, ret, err);
}

/* ---- pages ----------------------------------------------------------------------------------------------------------------------------------- */

struct one {
    const char *id, *name, *username, *link, *followers, *token;
};
static const struct nilo__want wants[] = {
    {"id", offsetof(struct one, id)}, {"name", offsetof(struct one, name)}, {"username", offsetof(struct one, username)}, {"link", offsetof(struct one, link)},
    {"followers_count", offsetof(struct one, followers)}, {"access_token", offsetof(struct one, token)},
};

struct pages {
    struct nilo_arena *arena;
    struct one all[NILO__GRAPH_PAGE];
    size_t n;
    const char *after;
    bool list, right, next; /* list: ... of pages, else one page */
    struct nilo_err *err;
};

static int take_page(void *ctx, const char *path, enum nilo_json_event event, const char *text, size_t len)
{
    static const struct nilo__want after[] = {{"paging.cursors.after", offsetof(struct pages, after)}};
    struct pages *p = ctx;
    const char *below = p->list ? "data[]" : "";
    size_t n = strlen(below);
    bool inside = strncmp(path, below, n) == 0;
    p->right = p->right || (p->list ? strcmp(path, "data") == 0 && event == NILO_JSON_ARRAY_BEGIN : path[0] == '\0' && event == NILO_JSON_OBJECT_BEGIN);
    p->next = p->next || (strcmp(path, "paging.next") == 0 && event == NILO_JSON_STRING);
    if (inside && path[n] == '\0' && event == NILO_JSON_OBJECT_BEGIN)
        p->n++;
    if (!inside)
        return nilo__want_take(after, 1, p, path, event, text, len, 2048, p->arena, p->err);
    if (p->n == 0 || p->n > NILO__GRAPH_PAGE)
        return 0;
    path += path[n] == '.' ? n + 1 : n;
    return nilo__want_take(wants, sizeof(wants) / sizeof(wants[0]), &p->all[p->n - 1], path, event, text, len, strcmp(path, "access_token") == 0 ? 16384 : TEXT_MAX, p->arena, p->err);
}

static bool fill_page(const struct one *c, const char *wanted, struct nilo_account *ret)
{
    if (c->id == NULL || !nilo__graph_id_fine(c->id) || (wanted != NULL && strcmp(c->id, wanted) != 0))
        return false;
    *ret = (struct nilo_account){.id = c->id, .title = c->name != NULL && c->name[0] != '\0' ? c->name : c->username, .handle = c->username, .url = c->link, .listing = "posts",
                                 .items = -1, .token = c->token};
    if (!nilo__count_of(c->followers, &ret->followers))
        ret->followers = -1;
    return true;
}

static int take_pages(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    struct nilo_err why = {0};
    struct pages *p = nilo_arena_alloc(arena, sizeof(*p));
    struct nilo_account *accounts = nilo_arena_array(arena, NILO__GRAPH_PAGE, sizeof(*accounts));
    size_t n = 0;
    if (p == NULL || accounts == NULL)
        return nilo_err_nomem(err);
    *p = (struct pages){.arena = arena, .list = ask->op == NILO_OP_ACCOUNTS, .err = &why};
    if (nilo__walk(a->body, a->n_body, take_page, p, &why) != 0)
        return why.code == NILO_ENOMEM ? nilo_err_nomem(err) : nilo__unreadable("Facebook", arena, &why, ret);
    for (size_t i = 0; i < p->n && i < NILO__GRAPH_PAGE; i++)
        n += fill_page(&p->all[i], p->list ? NULL : ask->account, &accounts[n]);
    if (!p->right || (!p->list && n == 0)) {
        nilo_err_set(&why, NILO_EBODY, p->list ? "it is JSON, but no list of pages" : "it is JSON, but not the page");
        return nilo__unreadable("Facebook", arena, &why, ret);
    }
    ret->accounts = accounts;
    ret->n_accounts = n;
    ret->next = p->list && p->next && p->after != NULL && nilo__graph_cursor_fine(p->after) ? p->after : NULL;
    return 0;
}

/* ---- posts and days -------------------------------------------------------------------------------------------------------------------------------- */

static int take_list(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    return nilo__graph_take_list(&nilo__fb_posts, ask, a, arena, ret, err);
}

static int take_report(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    return nilo__graph_take_days(&days, ask, a, arena, ret, err);
}

/* ---- tokens ------------------------------------------------------------------------------------------------------------------------------------------ */

#define SCOPES_MAX 2000
struct check {
    const char *expires, *data_expires;
    struct nilo_buf scopes;
    bool data, is_valid, is_invalid;
    struct nilo_arena *arena;
    struct nilo_err *err;
};

static int take_check_member(void *ctx, const char *path, enum nilo_json_event event, const char *text, size_t len)
{
    static const struct nilo__want checks[] = {{"data.expires_at", offsetof(struct check, expires)}, {"data.data_access_expires_at", offsetof(struct check, data_expires)}};
    struct check *c = ctx;
    c->data = c->data || (strcmp(path, "data") == 0 && event == NILO_JSON_OBJECT_BEGIN);
    if (strcmp(path, "data.is_valid") == 0) {
        c->is_valid = event == NILO_JSON_TRUE;
        c->is_invalid = event == NILO_JSON_FALSE;
    } else if (strcmp(path, "data.scopes[]") == 0 && event == NILO_JSON_STRING && c->scopes.len + len < SCOPES_MAX) {
        nilo_buf_addf(&c->scopes, "%s%.*s", c->scopes.len > 0 ? "," : "", (int)len, text);
    }
    return nilo__want_take(checks, 2, c, path, event, text, len, 30, c->arena, c->err);
}

/* Seconds until an instant that is said in seconds since 1970; 0 is none, and so is what does not read. */
static int64_t until(const char *text, nilo_us now)
{
    int64_t at;
    if (!nilo__count_of(text, &at) || at == 0 || at > INT64_MAX / NILO_US_SECOND)
        return -1;
    return at > now / NILO_US_SECOND ? at - now / NILO_US_SECOND : 0;
}

/* What cannot be learned of a token costs nobody the sign-in. */
static int take_check(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    struct nilo_err why = {0};
    struct check c = {.arena = arena, .err = &why};
    nilo_buf_init(&c.scopes, SCOPES_MAX + 100);
    int rc = ret->class == NILO_CLASS_OK ? nilo__walk(a->body, a->n_body, take_check_member, &c, &why) : -1;
    *ret = nilo__result_none;
    ret->variant = ask->variant;
    const char *token = nilo_arena_strdup(arena, ask->credentials->access_token), *again = nilo_arena_strdup(arena, ask->credentials->access_token);
    ret->tokens = (struct nilo_tokens){.access_token = token, .refresh_token = again, .expires_s = -1, .refresh_expires_s = -1};
    if (rc == 0 && c.data && c.is_invalid) {
        ret->tokens.access_token = ret->tokens.refresh_token = NULL;
        ret->class = NILO_CLASS_AUTH;
        ret->reason = "token check";
        ret->message = "Facebook says of the token that it has just given that it is not valid; sign in again";
    } else if (rc == 0 && c.data && c.is_valid) {
        ret->tokens.expires_s = until(c.expires, ask->now);
        ret->tokens.refresh_expires_s = until(c.data_expires, ask->now);
        ret->tokens.scope = c.scopes.len > 0 ? nilo_arena_strdup(arena, nilo_buf_str(&c.scopes)) : NULL;
    }
    nilo_buf_done(&c.scopes);
    return why.code == NILO_ENOMEM || token == NULL || again == NULL ? nilo_err_nomem(err) : 0;
}

static int take_tokens(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    if (nilo__graph_take_tokens("Facebook", ask, a, arena, ret, err) != 0)
        return -1;
    if (ret->class == NILO_CLASS_OK && ask->op == NILO_OP_EXCHANGE && ask->variant == 1) {
        ret->again = true;
        ret->variant = 2;
    }
    return 0;
}

/* ---- all of them ---------------------------------------------------------------------------------------------------------------------------------- */

static int take(const struct nilo_ask *ask, const struct nilo_http_answer *answer, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    static nilo__graph_take_op *const by_op[NILO_OPS] = {
        [NILO_OP_ACCOUNT] = take_pages,   [NILO_OP_ACCOUNTS] = take_pages, [NILO_OP_LIST] = take_list,
        [NILO_OP_REPORT] = take_report,   [NILO_OP_EXCHANGE] = take_tokens, [NILO_OP_REFRESH] = take_tokens,
    };
    struct nilo__graph_error e;
    if (ask->op == NILO_OP_METRICS)
        return nilo__graph_take_items(&nilo__fb_posts, ask, answer, arena, ret, err);
    if (ask->op == NILO_OP_EXCHANGE && ask->variant == 2) {
        nilo__graph_refusal(answer, "Facebook", nilo__fb_posts.types, arena, ret, &e);
        return take_check(ask, answer, arena, ret, err);
    }
    int rc = nilo__graph_take(&nilo__fb_posts, &days, by_op, ask, answer, arena, ret, &e, err);
    if (rc == 0 && ask->op == NILO_OP_ACCOUNT && ask->account == NULL && e.code == 100 && e.message != NULL && strstr(e.message, "node type (User)") != NULL) {
        ret->class = NILO_CLASS_PERMISSION;
        ret->message = "the token is a person's and not a page's; nilometer connection connect lets the person choose a page, pages: names one that the person may read";
    }
    return rc;
}

static const char *const day_metrics[] = {"views", "reach", "engagement", "follows", "profile_visits", NULL};

const struct nilo_connector nilo__facebook = {
    .platform = "facebook",
    .title = "Facebook",
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
    .kinds = nilo__fb_kinds,
    .n_kinds = NILO__FB_KINDS,
    .retired = retired,
    .n_retired = sizeof(retired) / sizeof(retired[0]),
    .oauth = &oauth,
    .metrics = nilo__fb_metrics,
    .day_metrics = day_metrics,
    .report_settle_days = 3,
    .make = make,
    .take = take,
};
