/* TikTok Shop: which shops a seller has let the app see, their videos in windows (list and single ones, in three versions), tokens. Shops are the world's channels. The
 * signature of each request is checked here. What a day brought is told some hours after its end and goes on changing until it has settled. Pages are short in the
 * middle, hold entries of the page before again (one of the two is too low), and the last one may lead back to the first. Shapes: ../shared/PLATFORM-APIS.md
 * sections 4.4 and 5, and ../shared/fixtures/tiktok_shop. */
#include "emulator/emulator_priv.h"

#include "base/day.h"
#include "base/decimal.h"

#include <stdlib.h>
#include <string.h>

#define API       "open-api.tiktokglobalshop.com"
#define AUTH      "auth.tiktok-shops.com"
#define CODE_LIFE (10 * NILO_US_MINUTE)
#define SCOPES    "data.shop_analytics.public.read"
#define WINDOW    60
#define CLOCK     300 /* seconds that a timestamp may be off */

enum { H_SHOP = 700, H_VIEWS, H_SPIKE, H_SALES, H_PRICE, H_EARLY, H_CLICKS, H_PAGE, H_TWICE, H_LOWER, H_CIPHER };

/* ---- ids and truth ----------------------------------------------------------------------------------------------------------------------- */

void emulator_shop_id(int shop, char out[EMULATOR_TEXT])
{
    snprintf(out, EMULATOR_TEXT, "749%07d", shop);
}

void emulator_shop_cipher(const struct emulator *em, int shop, char out[EMULATOR_TEXT])
{
    snprintf(out, EMULATOR_TEXT, "GCP_%08x_%d=", (unsigned)emu_hash(em, H_CIPHER, (uint64_t)shop, 0), shop);
}

static nilo_us day_end(nilo_day day)
{
    return ((nilo_us)day.n + 1) * NILO_US_DAY;
}

static nilo_day latest(const struct emulator *em, nilo_us now)
{
    return NILO_DAY((int32_t)((now - em->o.shop_delay_h * NILO_US_HOUR) / NILO_US_DAY) - 1);
}

bool emulator_shop_day(const struct emulator *em, int shop, int video, nilo_day day, nilo_us told, int64_t ret[EMULATOR_SHOP_VALUES])
{
    struct emu_item it = {shop, video};
    uint64_t key = (uint64_t)shop << 20 | (uint64_t)video, d = (uint64_t)(int64_t)day.n;
    if (video >= emu_videos(em, shop, day_end(day)) || emu_published(em, it) >= day_end(day))
        return false;
    bool sells = emu_hash(em, H_SALES, key, 0) % 10 < 6;
    int64_t views = (int64_t)(emu_hash(em, H_VIEWS, key, d) % 300), price = 499 + (int64_t)(emu_hash(em, H_PRICE, key, 0) % 9000);
    views = views < 90 ? 0 : emu_hash(em, H_SPIKE, key, d) % 41 == 0 ? views * 60 : views;
    int64_t items = sells ? views * (int64_t)(emu_hash(em, H_SALES, key, d) % 7) / 100 : 0;
    if (told < day_end(day) + em->o.shop_settle_h * NILO_US_HOUR) { /* told early: up to a fifth too low or too high */
        int64_t per_cent = 80 + (int64_t)(emu_hash(em, H_EARLY, key, d) % 41);
        views = views * per_cent / 100;
        items = items * per_cent / 100;
    }
    ret[EMULATOR_SHOP_GMV] = items * price;
    ret[EMULATOR_SHOP_VIEWS] = views;
    ret[EMULATOR_SHOP_ITEMS] = items;
    ret[EMULATOR_SHOP_ORDERS] = items - items / 8;
    ret[EMULATOR_SHOP_CLICKS] = views * (int64_t)(emu_hash(em, H_CLICKS, key, d) % 90) / 1000;
    return true;
}

/* false: the video is not told of in these days. */
static bool sum(const struct emulator *em, int shop, int video, nilo_day first, nilo_day last, nilo_us now, int64_t ret[EMULATOR_SHOP_VALUES])
{
    bool any = false;
    memset(ret, 0, EMULATOR_SHOP_VALUES * sizeof *ret);
    for (int32_t d = first.n; d <= last.n; d++) {
        int64_t of[EMULATOR_SHOP_VALUES];
        if (!emulator_shop_day(em, shop, video, NILO_DAY(d), now, of))
            continue;
        any = true;
        for (int i = 0; i < EMULATOR_SHOP_VALUES; i++)
            ret[i] += of[i];
    }
    return any && emu_state_at(em, (struct emu_item){shop, video}, now) != EMU_DELETED;
}

/* ---- answers ----------------------------------------------------------------------------------------------------------------------------- */

static void begin(struct emu_call *c, struct nilo_json_out *o, int64_t code, const char *message)
{
    nilo_buf_reset(&c->res->body);
    nilo_json_out_init(o, &c->res->body);
    emu_head(c, "Content-Type", "application/json");
    nilo_json_object_begin(o);
    nilo_json_key(o, "code");
    nilo_json_int(o, code);
    nilo_json_key(o, "message");
    nilo_json_str(o, message);
    nilo_json_key(o, "request_id");
    nilo_json_str(o, "20261122000000");
}

static void refuse(struct emu_call *c, int status, int64_t code, const char *message)
{
    struct nilo_json_out o;
    begin(c, &o, code, message);
    nilo_json_object_end(&o);
    c->res->status = status;
    c->done = true;
}

static void begin_data(struct emu_call *c, struct nilo_json_out *o)
{
    begin(c, o, 0, "Success");
    nilo_json_key(o, "data");
    nilo_json_object_begin(o);
    c->res->status = 200;
}

static void end_data(struct nilo_json_out *o)
{
    nilo_json_object_end(o);
    nilo_json_object_end(o);
}

static void put_text(struct nilo_json_out *o, const char *key, const char *text)
{
    nilo_json_key(o, key);
    nilo_json_str(o, text);
}

static void put_int(struct nilo_json_out *o, const char *key, int64_t n)
{
    nilo_json_key(o, key);
    nilo_json_int(o, n);
}

static void fail(struct emu_call *c, int status, bool rate)
{
    (void)rate;
    if (status == 429 || status == 403)
        refuse(c, 429, 429, "Too many requests.");
    else
        refuse(c, status, 36009003, "Internal error. Please try again.");
}

/* ---- who asks ------------------------------------------------------------------------------------------------------------------------------ */

static int project_of(const struct emulator *em, const char *key)
{
    char id[EMULATOR_TEXT];
    for (int p = 0; key && p < (int)em->projects_n; p++) {
        emulator_client_id(em, p, id);
        if (strcmp(id, key) == 0)
            return p;
    }
    return -1;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct emu_param *)a)->name, ((const struct emu_param *)b)->name);
}

static bool is_signed(struct emu_call *c, int project)
{
    const char *sign = emu_param(c->params, "sign"), *stamp = emu_param(c->params, "timestamp");
    char secret[EMULATOR_TEXT], hex[2 * NILO_SHA256_LEN + 1];
    unsigned char mac[NILO_SHA256_LEN];
    struct emu_param sorted[64];
    struct nilo_buf b;
    size_t n = 0;
    int64_t at = emu_number(stamp, 0), off = at - c->now / NILO_US_SECOND;
    for (const struct emu_param *p = c->params; p->name && n < 64; p++)
        if (strcmp(p->name, "sign") != 0 && strcmp(p->name, "access_token") != 0)
            sorted[n++] = *p;
    qsort(sorted, n, sizeof *sorted, by_name);
    emulator_client_secret(c->em, project, secret);
    nilo_buf_init(&b, 1 << 16);
    nilo_buf_addf(&b, "%s%s", secret, c->path);
    for (size_t i = 0; i < n; i++)
        nilo_buf_addf(&b, "%s%s", sorted[i].name, sorted[i].value);
    nilo_buf_adds(&b, secret);
    nilo_hmac_sha256(secret, strlen(secret), nilo_buf_str(&b), b.len, mac);
    nilo_hex(mac, sizeof mac, hex);
    nilo_buf_done(&b);
    return sign && strcmp(sign, hex) == 0 && off <= CLOCK && off >= -CLOCK;
}

static bool is_over(struct emulator *em, nilo_us now)
{
    int64_t hour = now / NILO_US_HOUR;
    em->shop.used = hour == em->shop.hour ? em->shop.used + 1 : 1;
    em->shop.hour = hour;
    return em->o.shop_hour > 0 && em->shop.used > em->o.shop_hour;
}

static void admit(struct emu_call *c)
{
    struct emulator *em = c->em;
    const char *token = emu_call_header(c, "x-tts-access-token");
    int64_t t = token ? emu_token_find(em, EMU_TOKEN_ACCESS, token) : -1;
    char name[24];
    if (c->endpoint->bucket < 0) { /* signing in */
        c->caller = emu_caller_of(em, "none", NULL);
        return;
    }
    c->project = project_of(em, emu_param(c->params, "app_key"));
    if (t >= 0) {
        c->grant = em->tokens.token[t].grant;
        snprintf(name, sizeof name, "grant-%lld", (long long)c->grant);
    }
    c->caller = t >= 0 ? emu_caller_of(em, name, token) : emu_caller_of(em, "none", NULL);
    em->shop.calls++;
    if (c->project < 0 || !is_signed(c, c->project)) {
        em->shop.bad_sign++;
        refuse(c, 401, 106001, "The sign is invalid.");
    } else if (!emu_token_valid(em, t, c->now)) {
        refuse(c, 401, 105002, "Expired credentials.");
    } else if (!strstr(em->tokens.grant[c->grant].scope, "shop_analytics") && c->endpoint->bucket > 0) {
        c->fate = EMU_FATE_PERMISSION;
        refuse(c, 200, 105005, "Access denied: no scope.");
    } else if (is_over(em, c->now)) {
        em->shop.over++;
        refuse(c, 200, 36009037, "The sandbox limit of this hour is reached.");
    }
}

/* ---- shops ----------------------------------------------------------------------------------------------------------------------------------- */

static void shops(struct emu_call *c)
{
    struct emulator *em = c->em;
    struct nilo_json_out o;
    int first = em->tokens.grant[c->grant].account * (int)em->o.account_channels;
    begin_data(c, &o);
    nilo_json_key(&o, "shops");
    nilo_json_array_begin(&o);
    for (int s = first; s < first + em->o.account_channels && s < em->o.channels; s++) {
        char text[EMULATOR_TEXT];
        nilo_json_object_begin(&o);
        emulator_shop_id(s, text);
        put_text(&o, "id", text);
        snprintf(text, sizeof text, "Shop %d", s);
        put_text(&o, "name", text);
        put_text(&o, "region", "US");
        emulator_shop_cipher(em, s, text);
        put_text(&o, "cipher", text);
        snprintf(text, sizeof text, "USSHOP%d", s);
        put_text(&o, "code", text);
        nilo_json_object_end(&o);
    }
    nilo_json_array_end(&o);
    end_data(&o);
}

/* ---- videos ------------------------------------------------------------------------------------------------------------------------------------ */

enum { V202605, V202509, V202409, VERSIONS };
struct question {
    int shop, version;
    nilo_day first, last;
    const char *currency;
};

static bool shop_of(struct emu_call *c, int *ret)
{
    const char *cipher = emu_param(c->params, "shop_cipher");
    int first = c->em->tokens.grant[c->grant].account * (int)c->em->o.account_channels;
    for (*ret = first; cipher && *ret < first + c->em->o.account_channels && *ret < c->em->o.channels; ++*ret) {
        char text[EMULATOR_TEXT];
        emulator_shop_cipher(c->em, *ret, text);
        if (strcmp(text, cipher) == 0)
            return true;
    }
    return false;
}

static bool understand(struct emu_call *c, struct question *q)
{
    static const char *const versions[VERSIONS] = {"/analytics/202605/", "/analytics/202509/", "/analytics/202409/"};
    static const char *const local[] = {"USD", "JPY", "KWD"};
    const char *from = emu_param(c->params, "start_date_ge"), *to = emu_param(c->params, "end_date_lt"), *currency = emu_param(c->params, "currency");
    nilo_day behind;
    q->version = 0;
    while (q->version < VERSIONS && strncmp(c->path, versions[q->version], strlen(versions[0])) != 0)
        q->version++;
    if (q->version == VERSIONS || (c->em->o.shop_versions >> q->version & 1) == 0) {
        c->em->shop.unknown++;
        refuse(c, 404, 36009009, "Invalid path.");
    } else if (!shop_of(c, &q->shop)) {
        refuse(c, 200, 105005, "The shop is not authorized.");
    } else if (!from || !to || nilo_day_parse(from, strlen(from), &q->first, NULL) != 0 || nilo_day_parse(to, strlen(to), &behind, NULL) != 0 || behind.n <= q->first.n ||
               behind.n - q->first.n > WINDOW || behind.n > c->now / NILO_US_DAY + 1) {
        refuse(c, 200, 28001022, "invalid request params; detail: start time or end time is invalid.");
    }
    q->last = NILO_DAY(behind.n - 1);
    q->currency = currency && strcmp(currency, "LOCAL") == 0 ? local[c->em->o.shop_currency] : "USD";
    return !c->done;
}

/* Hundredths, as its currency is written: without any, with two, with three. */
static void put_money(struct nilo_json_out *o, const char *key, int64_t hundredths, const char *currency)
{
    char text[NILO_DECIMAL_TEXT];
    nilo_json_key(o, key);
    nilo_json_object_begin(o);
    if (strcmp(currency, "JPY") == 0)
        nilo_decimal_format(hundredths / 100, 0, false, text);
    else
        nilo_decimal_format(strcmp(currency, "KWD") == 0 ? (nilo_i128)hundredths * 10 : hundredths, strcmp(currency, "KWD") == 0 ? 3 : 2, true, text);
    put_text(o, "amount", text);
    put_text(o, "currency", currency);
    nilo_json_object_end(o);
}

static void put_rate(struct nilo_json_out *o, const struct question *q, int64_t clicks, int64_t views)
{
    int64_t rate = 0;
    char text[NILO_DECIMAL_TEXT + 1];
    if (views > 0)
        nilo_decimal_div(clicks, views, 4, &rate);
    size_t n = nilo_decimal_format(rate, q->version == V202605 ? 4 : 2, true, text);
    if (q->version != V202605)
        memcpy(text + n, "%", 2);
    put_text(o, "click_through_rate", text);
}

/* lower: what was true yesterday, say. */
static bool put_row(struct emu_call *c, const struct question *q, int video, bool lower, struct nilo_json_out *o)
{
    struct emulator *em = c->em;
    int64_t v[EMULATOR_SHOP_VALUES], gpm = 0;
    char text[EMULATOR_TEXT];
    nilo_us posted = emu_published(em, (struct emu_item){q->shop, video});
    if (!sum(em, q->shop, video, q->first, q->last, c->now, v))
        return false;
    for (int i = 0; i < EMULATOR_SHOP_VALUES && lower; i++)
        v[i] = v[i] * 9 / 10;
    if (v[EMULATOR_SHOP_VIEWS] > 0)
        nilo_decimal_div((nilo_i128)v[EMULATOR_SHOP_GMV] * 1000, v[EMULATOR_SHOP_VIEWS], 0, &gpm);
    nilo_json_object_begin(o);
    emulator_tiktok_id(em, q->shop, video, text);
    put_text(o, "id", text);
    size_t id_len = strlen(text); /* in the ledger it is a video's window */
    snprintf(text + id_len, sizeof text - id_len, "/%d/%d", q->last.n - q->first.n + 1, q->last.n);
    emu_ledger(c, (struct emu_item){q->shop, video}, text, EMU_FATE_SERVED);
    snprintf(text, sizeof text, "Video %d", video);
    put_text(o, "title", text);
    snprintf(text, sizeof text, "creator%d", video % 7);
    put_text(o, "username", text);
    nilo_us_format(posted - posted % NILO_US_SECOND, text);
    text[10] = ' ';
    text[19] = '\0';
    put_text(o, "video_post_time", text);
    if (q->version != V202409)
        put_int(o, "duration", emu_duration(em, (struct emu_item){q->shop, video}));
    put_money(o, "gmv", v[EMULATOR_SHOP_GMV], q->currency);
    if (q->version != V202409)
        put_money(o, "gpm", gpm, q->currency);
    put_int(o, "sku_orders", v[EMULATOR_SHOP_ORDERS]);
    put_int(o, q->version == V202409 ? "units_sold" : "items_sold", v[EMULATOR_SHOP_ITEMS]);
    put_int(o, "views", v[EMULATOR_SHOP_VIEWS]);
    put_rate(o, q, v[EMULATOR_SHOP_CLICKS], v[EMULATOR_SHOP_VIEWS]);
    nilo_json_object_end(o);
    c->count->given++;
    return true;
}

static bool draw(const struct emulator *em, uint64_t kind, const struct question *q, int at, int64_t per_mille)
{
    return (int64_t)(emu_hash(em, kind, (uint64_t)q->shop << 32 | (uint32_t)(q->first.n + 40000), (uint64_t)at) % 1000) < per_mille;
}

/* The page that begins with a video. Its first entry may be the last one of the page before; which of the two is too low is chance. */
static void video_page(struct emu_call *c, const struct question *q)
{
    struct emulator *em = c->em;
    const char *token = emu_param(c->params, "page_token");
    struct nilo_json_out o;
    int64_t asked = emu_number(emu_param(c->params, "page_size"), 10);
    int n = emu_videos(em, q->shop, day_end(q->last)), at = token && token[0] == 'p' ? (int)emu_number(token + 1, 0) : 0;
    int size = (int)(asked < em->o.shop_page ? asked : em->o.shop_page);
    char text[EMULATOR_TEXT];
    if (draw(em, H_PAGE, q, at, em->o.shop_short))
        size = 1 + (int)(emu_hash(em, H_PAGE, (uint64_t)at, 1) % (uint64_t)size);
    int behind = at + size < n ? at + size : n;
    begin_data(c, &o);
    nilo_json_key(&o, "videos");
    nilo_json_array_begin(&o);
    if (at > 0 && draw(em, H_TWICE, q, at, em->o.shop_twice))
        em->shop.twice += put_row(c, q, at - 1, draw(em, H_LOWER, q, at, 500), &o);
    for (int v = at; v < behind; v++)
        put_row(c, q, v, v + 1 == behind && behind < n && draw(em, H_TWICE, q, behind, em->o.shop_twice) && !draw(em, H_LOWER, q, behind, 500), &o);
    nilo_json_array_end(&o);
    nilo_day_format(latest(em, c->now), text);
    put_text(&o, "latest_available_date", text);
    snprintf(text, sizeof text, "p%d", behind);
    put_text(&o, "next_page_token", behind < n ? text : em->o.shop_repeat && token ? token : "");
    put_int(&o, "total_count", n);
    end_data(&o);
    em->shop.pages++;
}

/* One video: /analytics/V/shop_videos/ID/performance */
static void one_video(struct emu_call *c, const struct question *q, const char *id)
{
    int64_t v[EMULATOR_SHOP_VALUES];
    struct nilo_json_out o;
    char text[EMULATOR_TEXT];
    int video = 0, n = emu_videos(c->em, q->shop, c->now);
    for (; video < n; video++) {
        emulator_tiktok_id(c->em, q->shop, video, text);
        if (strncmp(id, text, strlen(text)) == 0 && strcmp(id + strlen(text), "/performance") == 0)
            break;
    }
    if (video == n || !sum(c->em, q->shop, video, q->first, q->last, c->now, v)) {
        refuse(c, 200, 36009004, "No such video.");
        return;
    }
    const int64_t views = v[EMULATOR_SHOP_VIEWS];
    begin_data(c, &o);
    nilo_json_key(&o, q->version == V202409 ? "engagement_data" : "performance");
    nilo_json_object_begin(&o);
    if (q->version != V202409) {
        nilo_json_key(&o, "intervals");
        nilo_json_array_begin(&o);
        nilo_json_object_begin(&o);
        nilo_json_key(&o, "traffic");
        nilo_json_object_begin(&o);
    }
    put_int(&o, q->version == V202409 ? "total_likes" : "likes", views / 20);
    put_int(&o, q->version == V202409 ? "total_comments" : "comments", views / 200);
    put_int(&o, q->version == V202409 ? "total_shares" : "shares", views / 300);
    if (q->version != V202409) {
        nilo_json_object_end(&o);
        nilo_json_object_end(&o);
        nilo_json_array_end(&o);
    }
    nilo_json_object_end(&o);
    end_data(&o);
    c->em->shop.details++;
}

static void analytics(struct emu_call *c)
{
    struct question q;
    const char *rest = c->path + strlen("/analytics/202605/");
    if (strlen(c->path) < strlen("/analytics/202605/") || strncmp(rest, "shop_videos/", 12) != 0)
        refuse(c, 404, 36009009, "Invalid path.");
    else if (understand(c, &q) && strcmp(rest + 12, "performance") == 0)
        video_page(c, &q);
    else if (!c->done)
        one_video(c, &q, rest + 12);
}

/* ---- tokens ------------------------------------------------------------------------------------------------------------------------------------ */

static void give_tokens(struct emu_call *c, uint32_t grant)
{
    struct emulator *em = c->em;
    nilo_us until = c->now + em->o.shop_token_s * NILO_US_SECOND, refresh_until = c->now + em->o.tiktok_refresh_days * NILO_US_DAY;
    int64_t access = emu_token_add(em, EMU_TOKEN_ACCESS, grant, c->now, until), refresh = emu_token_add(em, EMU_TOKEN_REFRESH, grant, c->now, refresh_until);
    struct nilo_json_out o;
    char text[EMULATOR_TEXT];
    if (access < 0 || refresh < 0) {
        refuse(c, 500, 36009003, "out of memory");
        return;
    }
    begin_data(c, &o);
    emu_token_text(em, access, text);
    put_text(&o, "access_token", text);
    put_int(&o, "access_token_expire_in", until / NILO_US_SECOND); /* an instant, whatever it is called */
    emu_token_text(em, refresh, text);
    put_text(&o, "refresh_token", text);
    put_int(&o, "refresh_token_expire_in", refresh_until / NILO_US_SECOND);
    put_text(&o, "seller_name", "Seller");
    put_int(&o, "user_type", 0);
    end_data(&o);
}

/* Refresh tokens and codes are good once. */
static void token_endpoint(struct emu_call *c)
{
    struct emulator *em = c->em;
    bool refresh = strstr(c->path, "/refresh") != NULL;
    const char *secret = emu_param(c->params, "app_secret"), *text = emu_param(c->params, refresh ? "refresh_token" : "auth_code"), *type = emu_param(c->params, "grant_type");
    char expected[EMULATOR_TEXT] = "";
    int project = project_of(em, emu_param(c->params, "app_key"));
    int64_t t = text ? emu_token_find(em, refresh ? EMU_TOKEN_REFRESH : EMU_TOKEN_CODE, text) : -1;
    if (project >= 0)
        emulator_client_secret(em, project, expected);
    if (project < 0 || !secret || strcmp(secret, expected) != 0) {
        refuse(c, 200, 106001, "app_key or app_secret is invalid.");
    } else if (!type || strcmp(type, refresh ? "refresh_token" : "authorized_code") != 0) {
        refuse(c, 200, 36004000, "grant_type is invalid.");
    } else if (!emu_token_valid(em, t, c->now) || em->tokens.token[t].used || em->tokens.grant[em->tokens.token[t].grant].project != project) {
        if (t >= 0)
            em->tokens.grant[em->tokens.token[t].grant].refused++;
        refuse(c, 200, 36004004, refresh ? "refresh_token is invalid or expired." : "auth_code is invalid or expired.");
    } else {
        em->tokens.token[t].used = true;
        em->tokens.token[t].expires = c->now;
        em->tokens.grant[em->tokens.token[t].grant].refreshes += refresh;
        give_tokens(c, em->tokens.token[t].grant);
    }
}

/* The seller consents at once; which one says login_hint. */
static void authorize(struct emu_call *c)
{
    const char *redirect = emu_param(c->params, "redirect_uri"), *state = emu_param(c->params, "state");
    int project = project_of(c->em, emu_param(c->params, "app_key"));
    int64_t account = emu_number(emu_param(c->params, "login_hint"), 0), grant = project < 0 || !redirect || !state ? -1 : emu_grant_add(c->em, project, (int)account, SCOPES);
    int64_t code = grant < 0 ? -1 : emu_token_add(c->em, EMU_TOKEN_CODE, (uint32_t)grant, c->now, c->now + CODE_LIFE);
    char text[EMULATOR_TEXT], to[2048];
    if (code < 0) {
        c->res->status = 400;
        emu_head(c, "Content-Type", "text/html; charset=utf-8");
        nilo_buf_adds(&c->res->body, "<!DOCTYPE html><p>Something is wrong with the link.\n");
        return;
    }
    emu_token_text(c->em, code, text);
    snprintf(to, sizeof to, "%.1000s?app_key=x&code=4%%2F%s&locale=en&state=%.300s", redirect, text + 2, state);
    c->res->status = 302;
    emu_head(c, "Location", to);
}

int emulator_shop_grant(struct emulator *em, nilo_us now, int account, const char *scope, char ret_refresh[EMULATOR_TEXT], char ret_access[EMULATOR_TEXT])
{
    int64_t grant = emu_grant_add(em, 0, account, scope ? scope : SCOPES);
    int64_t refresh = grant < 0 ? -1 : emu_token_add(em, EMU_TOKEN_REFRESH, (uint32_t)grant, now, now + em->o.tiktok_refresh_days * NILO_US_DAY);
    int64_t access = grant < 0 ? -1 : emu_token_add(em, EMU_TOKEN_ACCESS, (uint32_t)grant, now, now + em->o.shop_token_s * NILO_US_SECOND);
    if (refresh < 0 || access < 0)
        return -1;
    emu_token_text(em, refresh, ret_refresh);
    emu_token_text(em, access, ret_access);
    return 0;
}

void emu_shop_counters(const struct emulator *em, struct nilo_json_out *o)
{
    nilo_json_key(o, "tiktok_shop");
    nilo_json_object_begin(o);
    put_int(o, "calls", em->shop.calls);
    put_int(o, "bad_sign", em->shop.bad_sign);
    put_int(o, "unknown", em->shop.unknown);
    put_int(o, "pages", em->shop.pages);
    put_int(o, "twice", em->shop.twice);
    put_int(o, "details", em->shop.details);
    put_int(o, "over", em->shop.over);
    nilo_json_object_end(o);
}

static const struct emu_endpoint endpoints[] = {
    {"GET", API, "/authorization/202309/shops", 0, shops},
    {"GET", API, "/analytics/*", 1, analytics},
    {"GET", AUTH, "/api/v2/token/get", -1, token_endpoint},
    {"GET", AUTH, "/api/v2/token/refresh", -1, token_endpoint},
    {"GET", AUTH, "/oauth/authorize", -1, authorize},
    {0},
};
const struct emu_platform emu_tiktok_shop = {"tiktok_shop", endpoints, fail, admit};
