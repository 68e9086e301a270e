/* TikTok Shop: what a shop's videos sold in windows of 30 and 90 days, by the seller's token, and signing in.
 *
 * There is no reading of a video as of now: the list of a window holds the numbers, and it is paged by a token alone (pages may be short, and the last one may lead
 * back to an earlier one). A window has 60 days at most; longer ones are put together by whoever drives this. Likes, comments and shares come for one video a call.
 * Each request is signed with the app's secret, which stays here; when tokens are got the platform wants it in the URL, where it is a secret parameter. What is
 * answered, and errors: tiktok_shop_answer.c. Facts and where they were found: the notes on platform APIs, sections 4.4 and 5. */
#include "connect/tiktok_shop_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/crypt.h"
#include "base/hash.h"

#define PAGE         "100"
#define WINDOW_MOST  60
#define TEXT_MAX     1000
#define SHOPS_MAX    1000
#define ABSOLUTE     INT64_C(1000000000) /* seconds: a life of more than 30 years is an instant since 1970 */

enum { SETTING_BASE, SETTING_TOKEN, SETTING_AUTHORIZE, SETTING_CIPHER, SETTING_CURRENCY, SETTING_ACCOUNTS };
static const struct nilo_connector_setting settings[] = {
    [SETTING_BASE] = {"api_base", "https://open-api.tiktokglobalshop.com", "beginning of the API's addresses", true},
    [SETTING_TOKEN] = {"token_url", "https://auth.tiktok-shops.com/api/v2/token", "where tokens are got and refreshed (without /get and /refresh at its end)", true},
    [SETTING_AUTHORIZE] = {"authorize_url", "https://auth.tiktok-shops.com/oauth/authorize", "where sellers sign in", true},
    [SETTING_CIPHER] = {"shop_cipher", NULL, "of the one shop to collect from; without it, all shops that the seller has let the app see", false},
    [SETTING_CURRENCY] = {"currency", "USD", "USD, or LOCAL: amounts in the shop's own currency; all shops of a store have to have one", false},
    [SETTING_ACCOUNTS] = {"account_type", "ALL", "whose videos: ALL, OFFICIAL_ACCOUNTS, MARKETING_ACCOUNTS, AFFILIATE_ACCOUNTS", false},
};

/* What TikTok allows is not told; these are ours. */
enum { BUCKET_CALLS, BUCKET_VIDEOS };
static const struct nilo_connector_bucket buckets[] = {
    [BUCKET_CALLS] = {"calls", 600, 60, NULL, true, "calls a minute", false},
    [BUCKET_VIDEOS] = {"videos", 1000, 86400, "UTC", true, "calls about single videos a day", false},
};

static const struct nilo_connector_oauth oauth = {
    .authorize_setting = SETTING_AUTHORIZE,
    .client_id = "app_key",
    .rotates = true,
};

/* ---- requests --------------------------------------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct nilo_http_field *)a)->name, ((const struct nilo_http_field *)b)->name);
}

/* Hexadecimal HMAC-SHA256, with the secret for its key, of: secret, path, each parameter's name and value by name, secret. */
static int add_signature(struct nilo__making *m, const char *path, struct nilo_err *err)
{
    const char *secret = m->ask->credentials->client_secret;
    size_t n = m->call->http.n_query;
    struct nilo_http_field *sorted = nilo_arena_array(m->arena, n + 1, sizeof(*sorted));
    unsigned char mac[NILO_SHA256_LEN];
    char *sign = nilo_arena_alloc(m->arena, 2 * NILO_SHA256_LEN + 1);
    struct nilo_buf b;
    if (sorted == NULL || sign == NULL)
        return nilo_err_nomem(err);
    memcpy(sorted, m->query, n * sizeof(*sorted));
    qsort(sorted, n, sizeof(*sorted), by_name);
    size_t most = 2 * strlen(secret) + strlen(path) + 1;
    for (size_t i = 0; i < n; i++)
        most += strlen(sorted[i].name) + strlen(sorted[i].value);
    nilo_buf_init(&b, most + 1);
    if (nilo_buf_room(&b, most) == NULL) { /* at once: what grows leaves copies of the secret behind */
        nilo_buf_done(&b);
        return nilo_err_nomem(err);
    }
    nilo_buf_adds(&b, secret);
    nilo_buf_adds(&b, path);
    for (size_t i = 0; i < n; i++) {
        nilo_buf_adds(&b, sorted[i].name);
        nilo_buf_adds(&b, sorted[i].value);
    }
    nilo_buf_adds(&b, secret);
    bool failed = b.failed;
    nilo_hmac_sha256(secret, strlen(secret), nilo_buf_str(&b), b.len, mac);
    nilo_hex(mac, sizeof(mac), sign);
    nilo_secret_wipe(b.data, b.len);
    nilo_buf_done(&b);
    nilo__add_query_secret(m, "sign", sign);
    return failed ? nilo_err_nomem(err) : 0;
}

/* What every request of the API has, around what it asks. */
static int ask_api(struct nilo__making *m, const char *path, const char *purpose, struct nilo_err *err)
{
    const struct nilo_credentials *c = m->ask->credentials;
    if (path == NULL || m->failed)
        return nilo_err_nomem(err);
    if (c->access_token == NULL)
        return nilo_err_set(err, NILO_EINVAL, "TikTok Shop tells nothing to somebody who has not signed in: nilometer connection connect");
    if (c->client_id == NULL || c->client_secret == NULL)
        return nilo_err_set(err, NILO_EINVAL, "TikTok Shop wants its requests signed: give the app's key and secret in the configuration, under platforms (client_id, client_secret)");
    nilo__at_setting(m, SETTING_BASE, path, purpose);
    nilo__add_query(m, "app_key", c->client_id);
    nilo__add_query(m, "timestamp", nilo_arena_printf(m->arena, "%lld", (long long)(m->ask->now / NILO_US_SECOND)));
    nilo__add_header_secret(m, "x-tts-access-token", NULL, c->access_token);
    return m->failed ? nilo_err_nomem(err) : add_signature(m, path, err);
}

static int make_shops(struct nilo__making *m, struct nilo_err *err)
{
    return ask_api(m, "/authorization/202309/shops", "tiktok shop shops", err);
}

static bool is_plain(const char *text, size_t most)
{
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)text[i] <= ' ' || (unsigned char)text[i] > '~')
            return false;
    }
    return n > 0 && n <= most;
}

bool nilo__ts_id_fine(const char *id)
{
    size_t n = strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");
    return n > 0 && n <= 64 && id[n] == '\0';
}

enum nilo__ts_version nilo__ts_version(const struct nilo_ask *ask)
{
    unsigned v = ask->n_ids == 0 ? ask->variant & 15 : ask->variant >> 4 & 15;
    return v < NILO__TS_VERSIONS ? (enum nilo__ts_version)v : NILO__TS_VERSIONS - 1;
}

/* The window: from its first day to the day behind its last, which is no part of it. */
static void add_window(struct nilo__making *m)
{
    char first[NILO_DAY_TEXT], behind[NILO_DAY_TEXT];
    nilo_day_format(NILO_DAY(m->ask->day.n - m->ask->win + 1), first);
    nilo_day_format(NILO_DAY(m->ask->day.n + 1), behind);
    nilo__add_query(m, "start_date_ge", nilo_arena_strdup(m->arena, first));
    nilo__add_query(m, "end_date_lt", nilo_arena_strdup(m->arena, behind));
    nilo__add_query(m, "currency", nilo_connector_setting(m->connector, m->ask, SETTING_CURRENCY));
}

static int check_report(const struct nilo_ask *a, const char *cipher, struct nilo_err *err)
{
    if (cipher == NULL || !is_plain(cipher, 512))
        return nilo_err_set(err, NILO_EINVAL, "the shop's cipher is not known: which shops the seller has let the app see has to be asked first");
    if (nilo_day_is_none(a->day) || a->win < 1 || a->win > WINDOW_MOST)
        return nilo_err_set(err, NILO_EINVAL, "a window of %d days cannot be asked for; TikTok Shop takes 1 to %d", a->win, WINDOW_MOST);
    if (a->n_ids > 1 || (a->n_ids == 1 && !nilo__ts_id_fine(a->ids[0])))
        return nilo_err_set(err, NILO_EINVAL, "%.100s is no id of a video", a->ids[0]);
    if (a->cursor != NULL && !is_plain(a->cursor, 4096))
        return nilo_err_set(err, NILO_EINVAL, "TikTok Shop's token of the next page is none that could be asked with");
    return 0;
}

static int make_report(struct nilo__making *m, struct nilo_err *err)
{
    static const char *const versions[NILO__TS_VERSIONS] = {"202605", "202509", "202409"};
    const struct nilo_ask *a = m->ask;
    const char *version = versions[nilo__ts_version(a)], *cipher = a->listing != NULL ? a->listing : nilo_connector_setting(m->connector, a, SETTING_CIPHER);
    if (check_report(a, cipher, err) != 0)
        return -1;
    nilo__add_query(m, "shop_cipher", cipher);
    add_window(m);
    if (a->n_ids == 1) {
        m->call->bucket = BUCKET_VIDEOS;
        return ask_api(m, nilo_arena_printf(m->arena, "/analytics/%s/shop_videos/%s/performance", version, a->ids[0]), "tiktok shop video", err);
    }
    nilo__add_query(m, "account_type", nilo_connector_setting(m->connector, a, SETTING_ACCOUNTS));
    nilo__add_query(m, "page_size", PAGE);
    nilo__add_query(m, "sort_field", "gmv");
    nilo__add_query(m, "sort_order", "DESC");
    if (a->cursor != NULL)
        nilo__add_query(m, "page_token", a->cursor);
    return ask_api(m, nilo_arena_printf(m->arena, "/analytics/%s/shop_videos/performance", version), "tiktok shop videos", err);
}

static int make_tokens(struct nilo__making *m, struct nilo_err *err)
{
    const struct nilo_credentials *c = m->ask->credentials;
    bool refresh = m->ask->op == NILO_OP_REFRESH;
    if (c->client_id == NULL || c->client_secret == NULL || (refresh ? c->refresh_token == NULL : m->ask->code == NULL))
        return nilo_err_set(err, NILO_EINVAL, "there is no %s to get a TikTok Shop token with",
                            c->client_id == NULL ? "client id (TikTok calls it app key)" : c->client_secret == NULL ? "client secret (app secret)" : refresh ? "refresh token" : "code");
    nilo__at_setting(m, SETTING_TOKEN, refresh ? "/refresh" : "/get", refresh ? "tiktok shop token refresh" : "tiktok shop token");
    nilo__add_query(m, "app_key", c->client_id);
    nilo__add_query_secret(m, "app_secret", c->client_secret);
    nilo__add_query(m, "grant_type", refresh ? "refresh_token" : "authorized_code");
    nilo__add_query_secret(m, refresh ? "refresh_token" : "auth_code", refresh ? c->refresh_token : m->ask->code);
    return 0;
}

static int make(const struct nilo_ask *ask, struct nilo_arena *arena, struct nilo_call *ret, struct nilo_err *err)
{
    static nilo__make_op *const by_op[NILO_OPS] = {
        [NILO_OP_ACCOUNT] = make_shops, [NILO_OP_ACCOUNTS] = make_shops, [NILO_OP_REPORT] = make_report, [NILO_OP_EXCHANGE] = make_tokens, [NILO_OP_REFRESH] = make_tokens,
    };
    return nilo__make(&nilo__tiktok_shop, by_op, BUCKET_CALLS, -1, ask, arena, ret, err);
}

/* ---- shops ------------------------------------------------------------------------------------------------------------------------------ */

struct shop {
    const char *id, *name, *code, *cipher;
};
struct shops {
    struct shop *all;
    size_t n;
    bool list;
    struct nilo_arena *arena;
    struct nilo_err *err;
};

static int take_shop(void *ctx, const char *path, enum nilo_json_event event, const char *text, size_t len)
{
    static const struct nilo__want wants[] = {
        {"data.shops[].id", offsetof(struct shop, id)}, {"data.shops[].name", offsetof(struct shop, name)},
        {"data.shops[].code", offsetof(struct shop, code)}, {"data.shops[].cipher", offsetof(struct shop, cipher)},
    };
    struct shops *s = ctx;
    s->list |= event == NILO_JSON_ARRAY_BEGIN && strcmp(path, "data.shops") == 0;
    if (event == NILO_JSON_OBJECT_BEGIN && strcmp(path, "data.shops[]") == 0)
        s->n++;
    return s->n > 0 && s->n <= SHOPS_MAX ? nilo__want_take(wants, sizeof(wants) / sizeof(wants[0]), &s->all[s->n - 1], path, event, text, len, TEXT_MAX, s->arena, s->err) : 0;
}

static bool is_named(const char *asked, const struct shop *s)
{
    const char *const names[] = {s->id, s->code, s->cipher};
    for (size_t i = 0; i < 3; i++) {
        if (names[i] != NULL && strcmp(asked, names[i]) == 0)
            return true;
    }
    return false;
}

/* Those that are meant: the one that is named, or the one of the setting, or all. */
static bool is_meant(const struct nilo_ask *ask, const struct shop *s)
{
    const char *cipher = nilo_connector_setting(&nilo__tiktok_shop, ask, SETTING_CIPHER);
    if (s->id == NULL || s->id[0] == '\0' || s->cipher == NULL || !is_plain(s->cipher, 512))
        return false;
    if (ask->op == NILO_OP_ACCOUNT && ask->account != NULL)
        return is_named(ask->account, s);
    return ask->op == NILO_OP_ACCOUNTS || cipher == NULL || strcmp(cipher, s->cipher) == 0;
}

static int take_shops(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    struct nilo_err why = {0};
    struct shops s = {.all = nilo_arena_array(arena, SHOPS_MAX, sizeof(*s.all)), .arena = arena, .err = &why};
    if (s.all == NULL)
        return nilo_err_nomem(err);
    int rc = nilo__walk(a->body, a->n_body, take_shop, &s, &why);
    if (rc != 0 && why.code == NILO_ENOMEM)
        return nilo_err_nomem(err);
    if (rc == 0 && !s.list)
        nilo_err_set(&why, NILO_EBODY, "it is JSON, but no list of shops");
    if (rc != 0 || !s.list)
        return nilo__unreadable("TikTok Shop", arena, &why, ret);
    s.n = s.n < SHOPS_MAX ? s.n : SHOPS_MAX;
    struct nilo_account *accounts = nilo_arena_array(arena, s.n + 1, sizeof(*accounts));
    if (accounts == NULL)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < s.n; i++) {
        if (is_meant(ask, &s.all[i]))
            accounts[ret->n_accounts++] = (struct nilo_account){.id = s.all[i].id, .title = s.all[i].name, .handle = s.all[i].code, .listing = s.all[i].cipher, .followers = -1, .items = -1};
    }
    ret->accounts = accounts;
    if (ret->n_accounts == 0 && ask->op == NILO_OP_ACCOUNT) {
        ret->class = NILO_CLASS_PERMISSION;
        ret->reason = "no such shop";
        ret->message = s.n == 0 ? "the seller who signed in has let the app see no shop" : "none of the shops that the seller has let the app see is the one to collect from";
    }
    return 0;
}

/* Who may not ask which shops there are can name one in the settings. */
static bool take_named_shop(const struct nilo_ask *ask, struct nilo_arena *arena, struct nilo_result *ret)
{
    const char *cipher = nilo_connector_setting(&nilo__tiktok_shop, ask, SETTING_CIPHER);
    struct nilo_account *account = ret->class == NILO_CLASS_PERMISSION && !ret->key_wrong && cipher != NULL ? nilo_arena_array(arena, 1, sizeof(*account)) : NULL;
    if (account == NULL)
        return false;
    *account = (struct nilo_account){.id = ask->account != NULL ? ask->account : cipher, .listing = cipher, .followers = -1, .items = -1};
    *ret = nilo__result_none;
    ret->accounts = account;
    ret->n_accounts = 1;
    return true;
}

/* ---- tokens ----------------------------------------------------------------------------------------------------------------------------- */

struct token {
    const char *access, *refresh, *expires, *refresh_expires;
    struct nilo_arena *arena;
    struct nilo_err *err;
};

static int take_token_member(void *ctx, const char *path, enum nilo_json_event event, const char *text, size_t len)
{
    static const struct nilo__want texts[] = {{"data.access_token", offsetof(struct token, access)}, {"data.refresh_token", offsetof(struct token, refresh)}};
    static const struct nilo__want numbers[] = {{"data.access_token_expire_in", offsetof(struct token, expires)}, {"data.refresh_token_expire_in", offsetof(struct token, refresh_expires)}};
    struct token *t = ctx;
    if (event == NILO_JSON_STRING && nilo__want_take(texts, 2, t, path, event, text, len, 16384, t->arena, t->err) != 0)
        return -1;
    return nilo__want_take(numbers, 2, t, path, event, text, len, 100, t->arena, t->err);
}

/* "expire_in" is an instant, whatever it is called; where it is too small for one of these years it is a span. One that is over is none left. */
static int64_t lasts(const char *text, nilo_us now)
{
    int64_t s;
    if (!nilo__count_of(text, &s))
        return -1;
    if (s < ABSOLUTE)
        return s;
    return s > now / NILO_US_SECOND ? s - now / NILO_US_SECOND : 0;
}

static int take_tokens(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    struct nilo_err why = {0};
    struct token t = {.arena = arena, .err = &why};
    if (nilo__walk(a->body, a->n_body, take_token_member, &t, &why) != 0)
        return why.code == NILO_ENOMEM ? nilo_err_nomem(err) : nilo__unreadable("TikTok Shop", arena, &(struct nilo_err){.msg = "no JSON"}, ret);
    if (t.access == NULL || t.access[0] == '\0')
        return nilo__unreadable("TikTok Shop", arena, &(struct nilo_err){.msg = "there is no access_token in it"}, ret);
    ret->tokens = (struct nilo_tokens){.access_token = t.access, .refresh_token = t.refresh != NULL && t.refresh[0] != '\0' ? t.refresh : NULL,
                                       .expires_s = lasts(t.expires, ask->now), .refresh_expires_s = lasts(t.refresh_expires, ask->now)};
    return 0;
}

/* ---- the platform ------------------------------------------------------------------------------------------------------------------------ */

static int take_report(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    return ask->n_ids == 0 ? nilo__ts_take_list(ask, a, arena, ret, err) : nilo__ts_take_video(ask, a, arena, ret, err);
}

static int take(const struct nilo_ask *ask, const struct nilo_http_answer *answer, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    static int (*const by_op[NILO_OPS])(const struct nilo_ask *, const struct nilo_http_answer *, struct nilo_arena *, struct nilo_result *, struct nilo_err *) = {
        [NILO_OP_ACCOUNT] = take_shops, [NILO_OP_ACCOUNTS] = take_shops, [NILO_OP_REPORT] = take_report, [NILO_OP_EXCHANGE] = take_tokens, [NILO_OP_REFRESH] = take_tokens,
    };
    if (nilo__ts_refusal(ask, answer, arena, ret)) {
        if (ask->op == NILO_OP_ACCOUNT)
            take_named_shop(ask, arena, ret);
        return 0;
    }
    ret->variant = ask->variant;
    if (by_op[ask->op] == NULL)
        return nilo__unreadable("TikTok Shop", arena, &(struct nilo_err){.msg = "nothing like that is asked for"}, ret);
    return by_op[ask->op](ask, answer, arena, ret, err);
}

static const int windows[] = {30, 90, 0};
static const char *const report_metrics[] = {"gmv", "gpm", "ctr", "items_sold", "orders", "views", "duration", NULL};

const struct nilo_connector nilo__tiktok_shop = {
    .platform = "tiktok_shop",
    .title = "TikTok Shop",
    .ids_per_report = 1,
    .at_once = 5,
    .ops = 1u << NILO_OP_ACCOUNT | 1u << NILO_OP_ACCOUNTS | 1u << NILO_OP_REPORT | 1u << NILO_OP_EXCHANGE | 1u << NILO_OP_REFRESH,
    .needs_token = 1u << NILO_OP_ACCOUNT | 1u << NILO_OP_ACCOUNTS | 1u << NILO_OP_REPORT,
    .settings = settings,
    .n_settings = sizeof(settings) / sizeof(settings[0]),
    .buckets = buckets,
    .n_buckets = sizeof(buckets) / sizeof(buckets[0]),
    .oauth = &oauth,
    .report_metrics = report_metrics,
    .windows = windows,
    .window_most = WINDOW_MOST,
    .window_details = 200,
    .report_settle_days = 2,
    .make = make,
    .take = take,
};
