/* Instagram by Meta's Graph API: accounts, media, stories, media by field expansion (alone, by ?ids=, in a batch), days of an account. Accounts are the world's channels,
 * media its videos; each tenth is a story, which is told of for 24 hours. A name of a metric that a kind of media does not have refuses the whole question; options
 * refuse more of them, with and without a word of which. Limits slide as Meta's do: calls of an app in an hour and about an account in a day, each question of a batch
 * one; how much of them is used is told in headers, in whole per cent. Shapes: ../shared/PLATFORM-APIS.md section 2, and ../shared/fixtures/instagram. */
#include "emulator/emulator_priv.h"

#include "connect/walk.h"

#include <string.h>

#define VERSION  "/v25.0"
#define BODY_MAX ((size_t)8 << 20)
#define PARTS    50
#define HOST     "graph.facebook.com"

/* ---- ids and truth ----------------------------------------------------------------------------------------------------------------------------- */

void emulator_instagram_account(int account, char out[EMULATOR_TEXT])
{
    snprintf(out, EMULATOR_TEXT, "17841%012d", account);
}

void emulator_instagram_id(int account, int media, char out[EMULATOR_TEXT])
{
    snprintf(out, EMULATOR_TEXT, "179%05d%09d", account, media);
}

static bool account_of(const struct emulator *em, const char *id, int *ret)
{
    char again[EMULATOR_TEXT];
    *ret = strlen(id) == 17 ? (int)emu_number(id + 5, -1) : -1;
    if (*ret < 0 || *ret >= em->o.channels)
        return false;
    emulator_instagram_account(*ret, again);
    return strcmp(again, id) == 0;
}

static bool media_of(const struct emulator *em, const char *id, nilo_us at, struct emu_item *ret)
{
    char again[EMULATOR_TEXT], number[6] = "";
    if (strlen(id) != 17)
        return false;
    memcpy(number, id + 3, 5);
    *ret = (struct emu_item){(int32_t)emu_number(number, -1), (int32_t)emu_number(id + 8, -1)};
    if (ret->channel < 0 || ret->channel >= em->o.channels || ret->video < 0 || ret->video >= emu_videos(em, ret->channel, at))
        return false;
    emulator_instagram_id(ret->channel, ret->video, again);
    return strcmp(again, id) == 0;
}

enum kind { IMAGE, ALBUM, REEL, STORY };
static enum kind kind_of(struct emu_item it)
{
    return it.video % 10 == 9 ? STORY : it.video % 3 == 0 ? IMAGE : it.video % 3 == 1 ? ALBUM : REEL;
}

static bool is_over(const struct emulator *em, struct emu_item it, nilo_us at)
{
    return kind_of(it) == STORY && at - emu_published(em, it) >= NILO_US_DAY;
}

static bool is_there(const struct emulator *em, struct emu_item it, nilo_us at)
{
    return emu_state_at(em, it, at) == EMU_PUBLIC && !is_over(em, it, at);
}

static const struct {
    const char *name;
    unsigned kinds; /* bits 1 << enum kind */
} metrics[] = {{"views", 15}, {"reach", 15}, {"likes", 7}, {"comments", 7}, {"saved", 7}, {"shares", 15}, {"total_interactions", 15}, {"profile_visits", 11}, {"follows", 11},
               {"ig_reels_video_view_total_time", 4}};
#define METRICS (sizeof metrics / sizeof *metrics)

static int metric_of(const char *name, size_t n)
{
    for (size_t i = 0; i < METRICS; i++)
        if (strlen(metrics[i].name) == n && memcmp(metrics[i].name, name, n) == 0)
            return (int)i;
    return -1;
}

static bool knows(const struct emulator *em, struct emu_item it, int metric)
{
    bool refused = kind_of(it) != STORY && (em->o.ig_refused >> metric & 1) != 0;
    return metric >= 0 && !refused && (metrics[metric].kinds >> kind_of(it) & 1) != 0;
}

static int64_t value_of(const struct emulator *em, struct emu_item it, int metric, nilo_us at)
{
    struct emu_stats s;
    emu_stats_at(em, it, at, &s);
    const int64_t values[METRICS] = {s.views, s.views * 8 / 10, s.likes, s.comments, s.likes / 10, s.shares, s.likes + s.comments + s.shares, s.views / 100, s.views / 1000, s.minutes * 60000};
    return values[metric];
}

int64_t emulator_instagram_value(const struct emulator *em, int account, int media, const char *metric, nilo_us at)
{
    struct emu_item it = {account, media};
    int m = metric_of(metric, strlen(metric));
    return knows(em, it, m) ? value_of(em, it, m, at) : -1;
}

/* ---- limits ------------------------------------------------------------------------------------------------------------------------------------- */

int64_t emu_graph_app(struct emulator *em, int64_t own_limit, struct emu_rate *own, struct emu_rate **ret)
{
    *ret = em->o.graph_app_limit > 0 ? &em->graph_app : own;
    (*ret)->window_us = NILO_US_HOUR;
    return em->o.graph_app_limit > 0 ? em->o.graph_app_limit : own_limit;
}

/* One question. false: over a limit; that it came to this is counted. */
static bool spend(struct emu_call *c, int account, int *ret_code)
{
    struct emulator *em = c->em;
    struct emu_instagram *ig = &em->instagram;
    nilo_us now = c->now;
    *ret_code = 0;
    if (c->dry)
        return true;
    struct emu_rate *app;
    int64_t limit = emu_graph_app(em, em->o.ig_app_limit, &ig->app, &app);
    ig->questions++;
    int used = emu_rate_count(app, now), about = 0;
    if (account >= 0 && account < EMU_INSTAGRAM_ACCOUNTS) {
        ig->account[account].window_us = NILO_US_DAY;
        about = emu_rate_count(&ig->account[account], now);
    }
    *ret_code = limit > 0 && used > limit ? 4 : em->o.ig_account_limit > 0 && about > em->o.ig_account_limit ? 80002 : 0;
    ig->over += *ret_code != 0;
    return *ret_code == 0;
}

static void tell_usage(struct emu_call *c, int account)
{
    struct emu_instagram *ig = &c->em->instagram;
    char text[300], id[EMULATOR_TEXT];
    struct emu_rate *app;
    int64_t limit = emu_graph_app(c->em, c->em->o.ig_app_limit, &ig->app, &app);
    if (limit > 0) {
        snprintf(text, sizeof text, "{\"call_count\":%lld,\"total_cputime\":1,\"total_time\":1}", (long long)(100 * emu_rate_now(app, c->now) / limit));
        emu_head(c, "X-App-Usage", text);
    }
    if (c->em->o.ig_account_limit > 0 && account >= 0 && account < EMU_INSTAGRAM_ACCOUNTS) {
        long long used = (long long)(100 * emu_rate_now(&ig->account[account], c->now) / c->em->o.ig_account_limit);
        emulator_instagram_account(account, id);
        snprintf(text, sizeof text, "{\"%s\":[{\"type\":\"instagram\",\"call_count\":%lld,\"total_cputime\":1,\"total_time\":1,\"estimated_time_to_regain_access\":%d}]}", id, used,
                 used >= 100 ? 60 : 0);
        emu_head(c, "X-Business-Use-Case-Usage", text);
    }
}

/* ---- errors --------------------------------------------------------------------------------------------------------------------------------------- */

static int error(struct nilo_buf *b, int code, int subcode, const char *message)
{
    struct nilo_json_out o;
    nilo_json_out_init(&o, b);
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "error");
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "message");
    nilo_json_str(&o, message);
    nilo_json_key(&o, "type");
    nilo_json_str(&o, "OAuthException");
    nilo_json_key(&o, "code");
    nilo_json_int(&o, code);
    if (subcode) {
        nilo_json_key(&o, "error_subcode");
        nilo_json_int(&o, subcode);
    }
    nilo_json_key(&o, "fbtrace_id");
    nilo_json_str(&o, "AemulatedTrace");
    nilo_json_object_end(&o);
    nilo_json_object_end(&o);
    return code < 3 ? 500 : code == 4 || code == 10 || code == 200 || code == 80001 || code == 80002 ? 403 : 400;
}

static void fail(struct emu_call *c, int status, bool rate)
{
    (void)rate;
    nilo_buf_reset(&c->res->body);
    emu_head(c, "Content-Type", "application/json; charset=UTF-8");
    error(&c->res->body, status == 429 || status == 403 ? 613 : 2, 0, status == 429 || status == 403 ? "(#613) Calls to this api have exceeded the rate limit." : "Service temporarily unavailable");
    c->res->status = status;
    c->done = true;
}

static void admit(struct emu_call *c)
{
    const char *authorization = emu_call_header(c, "authorization");
    int64_t token = authorization && strncmp(authorization, "Bearer ", 7) == 0 ? emu_token_find(c->em, EMU_TOKEN_ACCESS, authorization + 7) : -1;
    if (token >= 0) {
        char name[24];
        c->grant = c->em->tokens.token[token].grant;
        c->project = c->em->tokens.grant[c->grant].project;
        snprintf(name, sizeof name, "grant-%lld", (long long)c->grant);
        c->caller = emu_caller_of(c->em, name, authorization + 7);
    }
    if (emu_token_valid(c->em, token, c->now))
        return;
    c->fate = EMU_FATE_AUTH;
    c->res->status = error(&c->res->body, 190, token >= 0 ? 463 : 0, "Error validating access token: Session has expired.");
    c->done = true;
}

/* ---- a medium ----------------------------------------------------------------------------------------------------------------------------------------- */

static bool field(const char *fields, const char *name)
{
    size_t n = strlen(name);
    for (const char *s = fields; s && *s; s += strcspn(s, ",") + (s[strcspn(s, ",")] == ','))
        if (strncmp(s, name, n) == 0 && (s[n] == ',' || s[n] == '\0' || s[n] == '{' || s[n] == '.'))
            return true;
    return false;
}

static void text(struct nilo_json_out *o, const char *name, const char *value)
{
    nilo_json_key(o, name);
    nilo_json_str(o, value);
}

/* A count, or what a test has given in its place. */
static void put_count(const struct emulator *em, struct emu_item it, int64_t value, int pin, struct nilo_json_out *o)
{
    const struct emu_override *over = pin >= 0 ? emu_override_of(em, it) : NULL;
    if (over && over->pin[pin][0])
        nilo_json_text(o, over->pin[pin], strlen(over->pin[pin]));
    else
        nilo_json_int(o, value);
}

static void put_insights(const struct emulator *em, struct emu_item it, const char *names, nilo_us at, struct nilo_json_out *o)
{
    bool late = at - emu_published(em, it) < em->o.ig_late_h * NILO_US_HOUR;
    nilo_json_key(o, "insights");
    nilo_json_object_begin(o);
    nilo_json_key(o, "data");
    nilo_json_array_begin(o);
    for (const char *s = names; *s && *s != ')' && !late; s += strcspn(s, ",)") + (s[strcspn(s, ",)")] == ',')) {
        int m = metric_of(s, strcspn(s, ",)"));
        nilo_json_object_begin(o);
        text(o, "name", metrics[m].name);
        text(o, "period", "lifetime");
        nilo_json_key(o, "values");
        nilo_json_array_begin(o);
        nilo_json_object_begin(o);
        nilo_json_key(o, "value");
        put_count(em, it, value_of(em, it, m, at), m == 0 ? EMU_PIN_VIEWS : m == 2 ? EMU_PIN_LIKES : m == 3 ? EMU_PIN_COMMENTS : -1, o);
        nilo_json_object_end(o);
        nilo_json_array_end(o);
        text(o, "title", "Titel");
        nilo_json_object_end(o);
    }
    nilo_json_array_end(o);
    nilo_json_object_end(o);
}

static void put_medium(const struct emulator *em, struct emu_item it, const char *fields, nilo_us at, struct nilo_json_out *o)
{
    static const char *const types[] = {"IMAGE", "CAROUSEL_ALBUM", "VIDEO", "IMAGE"}, *const products[] = {"FEED", "FEED", "REELS", "STORY"};
    char id[EMULATOR_TEXT], when[64], url[200];
    struct emu_stats s;
    enum kind kind = kind_of(it);
    nilo_us posted = emu_published(em, it);
    emu_stats_at(em, it, at, &s);
    emulator_instagram_id(it.channel, it.video, id);
    nilo_us_format(posted, when);
    snprintf(when + 19, sizeof when - 19, "+0000");
    snprintf(url, sizeof url, "https://www.instagram.com/p/%s/", id);
    nilo_json_object_begin(o);
    text(o, "id", id);
    if (field(fields, "media_type"))
        text(o, "media_type", types[kind]);
    if (field(fields, "media_product_type"))
        text(o, "media_product_type", products[kind]);
    if (field(fields, "timestamp"))
        text(o, "timestamp", when);
    if (field(fields, "permalink"))
        text(o, "permalink", url);
    if (field(fields, "caption"))
        text(o, "caption", "Ein Tag am Meer \xf0\x9f\x8c\x8a");
    if (field(fields, "like_count") && !s.likes_hidden) {
        nilo_json_key(o, "like_count");
        put_count(em, it, s.likes, EMU_PIN_LIKES, o);
    }
    if (field(fields, "comments_count")) {
        nilo_json_key(o, "comments_count");
        put_count(em, it, s.comments, EMU_PIN_COMMENTS, o);
    }
    if (field(fields, "children") && kind == ALBUM) {
        static const char children[] = "{\"data\":[{\"id\":\"18000000000000001\",\"media_type\":\"IMAGE\"},{\"id\":\"18000000000000002\",\"media_type\":\"VIDEO\"}]}";
        nilo_json_key(o, "children");
        nilo_json_text(o, children, sizeof children - 1);
    }
    const char *insights = strstr(fields, "insights.metric(");
    if (insights)
        put_insights(em, it, insights + 16, at, o);
    nilo_json_object_end(o);
}

/* One medium as a body. Returns the status. */
static int answer_medium(struct emu_call *c, const char *id, const char *fields, struct nilo_buf *b, bool *ret_shown, struct nilo_json_out *into)
{
    struct emulator *em = c->em;
    struct emu_item it;
    struct nilo_json_out own;
    char message[300];
    int code = 0;
    *ret_shown = false;
    if (!media_of(em, id, c->now, &it) || !is_there(em, it, c->now)) {
        snprintf(message, sizeof message, "Unsupported get request. Object with ID '%.40s' does not exist, cannot be loaded due to missing permissions", id);
        emu_ledger(c, it, id, EMU_FATE_GONE);
        return spend(c, -1, &code) ? error(b, 100, 33, message) : error(b, code, 0, "(#4) Application request limit reached");
    }
    if (!spend(c, it.channel, &code)) {
        emu_ledger(c, it, id, EMU_FATE_LIMITED);
        return error(b, code, 0, code == 4 ? "(#4) Application request limit reached" : "(#80002) There have been too many calls to this Instagram account.");
    }
    const char *insights = strstr(fields, "insights.metric(");
    for (const char *s = insights ? insights + 16 : ""; *s && *s != ')'; s += strcspn(s, ",)") + (s[strcspn(s, ",)")] == ',')) {
        int n = (int)strcspn(s, ",)");
        if (knows(em, it, metric_of(s, (size_t)n)))
            continue;
        em->instagram.refused += !c->dry;
        emu_ledger(c, it, id, EMU_FATE_REFUSED);
        if (em->o.ig_silent)
            return error(b, 100, 0, "(#100) The value must be a valid insights metric");
        snprintf(message, sizeof message, "(#100) The Media Insights API does not support the %.*s metric for this media product type.", n, s);
        return error(b, 100, 0, message);
    }
    if (insights && (int64_t)(emu_hash(em, 600, (uint64_t)it.channel, (uint64_t)it.video) % 1000) < em->o.ig_old) {
        emu_ledger(c, it, id, EMU_FATE_REFUSED);
        return error(b, 100, 2108006, "Invalid parameter");
    }
    emu_ledger(c, it, id, emu_is_spoiled(em, it) ? EMU_FATE_ODD : EMU_FATE_SERVED);
    *ret_shown = true;
    if (!into) {
        nilo_json_out_init(&own, b);
        into = &own;
    }
    put_medium(em, it, fields, c->now, into);
    return 200;
}

/* ---- endpoints ------------------------------------------------------------------------------------------------------------------------------------------ */

static void finish(struct emu_call *c, int status, int account)
{
    c->res->status = status;
    emu_head(c, "Content-Type", "application/json; charset=UTF-8");
    tell_usage(c, account);
}

static void put_account(struct emulator *em, int account, nilo_us at, struct nilo_json_out *o)
{
    char id[EMULATOR_TEXT], name[64];
    emulator_instagram_account(account, id);
    snprintf(name, sizeof name, "account.%d", account);
    nilo_json_object_begin(o);
    text(o, "id", id);
    text(o, "username", name);
    text(o, "name", name);
    nilo_json_key(o, "followers_count");
    nilo_json_int(o, emu_subscribers(em, account, at));
    nilo_json_key(o, "media_count");
    nilo_json_int(o, emu_videos(em, account, at));
    nilo_json_object_end(o);
}

/* Newest first; the cursor is the number of the next, and the token stands in paging.next as it does there. */
static void list(struct emu_call *c, int account, bool stories)
{
    int64_t limit = emu_number(emu_param(c->params, "limit"), 25), n = 0;
    int64_t at = emu_number(emu_param(c->params, "after"), emu_videos(c->em, account, c->now));
    const char *fields = emu_param(c->params, "fields");
    struct nilo_json_out o;
    char next[64];
    nilo_json_out_init(&o, &c->res->body);
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "data");
    nilo_json_array_begin(&o);
    while (--at >= 0 && n < limit && n < 100) {
        struct emu_item it = {account, (int32_t)at};
        if ((kind_of(it) == STORY) != stories || !is_there(c->em, it, c->now))
            continue;
        put_medium(c->em, it, fields ? fields : "id", c->now, &o);
        n++;
    }
    at++;
    nilo_json_array_end(&o);
    nilo_json_key(&o, "paging");
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "cursors");
    nilo_json_object_begin(&o);
    snprintf(next, sizeof next, "%lld", (long long)at);
    text(&o, "before", "0");
    text(&o, "after", next);
    nilo_json_object_end(&o);
    if (at > 0)
        text(&o, "next", "https://graph.facebook.com/v25.0/x/media?access_token=CANARY-in-paging&after=1");
    nilo_json_object_end(&o);
    nilo_json_object_end(&o);
    finish(c, 200, account);
}

static void by_ids(struct emu_call *c, const char *ids)
{
    const char *fields = emu_param(c->params, "fields");
    struct nilo_json_out o;
    bool shown;
    nilo_json_out_init(&o, &c->res->body);
    nilo_json_object_begin(&o);
    for (const char *s = ids; *s; s += strcspn(s, ",") + (s[strcspn(s, ",")] == ',')) {
        char *id = nilo_arena_strndup(&c->arena, s, strcspn(s, ","));
        struct nilo_buf refusal;
        nilo_buf_init(&refusal, BODY_MAX);
        nilo_json_key(&o, id);
        int status = answer_medium(c, id, fields ? fields : "id", &refusal, &shown, &o);
        if (!shown) { /* one fails all of them */
            struct emu_item it;
            for (const char *p = ids; p < s; p += strcspn(p, ",") + (p[strcspn(p, ",")] == ',')) {
                char *other = nilo_arena_strndup(&c->arena, p, strcspn(p, ","));
                if (media_of(c->em, other, c->now, &it))
                    emu_ledger(c, it, other, EMU_FATE_REFUSED);
            }
            nilo_buf_reset(&c->res->body);
            nilo_buf_add(&c->res->body, refusal.data, refusal.len);
            nilo_buf_done(&refusal);
            finish(c, status, -1);
            return;
        }
        nilo_buf_done(&refusal);
    }
    nilo_json_object_end(&o);
    finish(c, 200, -1);
}

static void refuse(struct emu_call *c, int code, int subcode, const char *message)
{
    nilo_buf_reset(&c->res->body);
    finish(c, error(&c->res->body, code, subcode, message), -1);
}

static void graph_get(struct emu_call *c)
{
    const char *path = c->path + sizeof VERSION; /* behind "/v25.0/" */
    char *id = nilo_arena_strndup(&c->arena, path, strcspn(path, "/"));
    const char *edge = path + strlen(id), *fields = emu_param(c->params, "fields");
    struct nilo_json_out o;
    int account, code;
    bool shown;
    if (!*id && emu_param(c->params, "ids")) {
        by_ids(c, emu_param(c->params, "ids"));
        return;
    }
    if (strcmp(id, "me") != 0 && !account_of(c->em, id, &account)) {
        struct emu_item it = {-1, 0};
        int status = answer_medium(c, id, fields ? fields : "id", &c->res->body, &shown, NULL);
        finish(c, status, media_of(c->em, id, c->now, &it) ? it.channel : -1);
        return;
    }
    if (strcmp(id, "me") == 0)
        account = c->em->tokens.grant[c->grant].account;
    if (!spend(c, account, &code)) {
        c->fate = EMU_FATE_LIMITED;
        refuse(c, code, 0, "too many calls");
        return;
    }
    nilo_json_out_init(&o, &c->res->body);
    if (strcmp(edge, "/accounts") == 0) {
        nilo_json_object_begin(&o);
        nilo_json_key(&o, "data");
        nilo_json_array_begin(&o);
        nilo_json_object_begin(&o);
        nilo_json_key(&o, "instagram_business_account");
        put_account(c->em, account, c->now, &o);
        nilo_json_object_end(&o);
        nilo_json_array_end(&o);
        nilo_json_object_end(&o);
        finish(c, 200, account);
    } else if (strcmp(edge, "/media") == 0 || strcmp(edge, "/stories") == 0) {
        list(c, account, edge[1] == 's');
    } else if (strcmp(edge, "/insights") == 0) {
        nilo_buf_adds(&c->res->body, "{\"data\":[]}");
        finish(c, 200, account);
    } else if (!*edge) {
        put_account(c->em, account, c->now, &o);
        finish(c, 200, account);
    } else {
        refuse(c, 2500, 0, "Unknown path components");
    }
}

struct batch {
    char *url[PARTS];
    size_t n;
    struct nilo_arena *arena;
};

static int take_url(void *ctx, const char *path, enum nilo_json_event event, const char *p, size_t len)
{
    struct batch *b = ctx;
    if (strcmp(path, "[].relative_url") == 0 && event == NILO_JSON_STRING && b->n < PARTS)
        b->url[b->n++] = nilo_arena_strndup(b->arena, p, len);
    return 0;
}

static void graph_batch(struct emu_call *c)
{
    struct batch b = {.arena = &c->arena};
    const char *asked = emu_param(c->form, "batch");
    struct nilo_json_out o;
    int account = -1;
    bool shown;
    if (!asked || nilo__walk(asked, strlen(asked), take_url, &b, NULL) != 0) {
        refuse(c, 100, 0, "(#100) batch parameter must be a JSON array");
        return;
    }
    nilo_json_out_init(&o, &c->res->body);
    nilo_json_array_begin(&o);
    for (size_t i = 0; i < b.n; i++) {
        char *mark = strchr(b.url[i], '?');
        const char *fields = mark && strncmp(mark, "?fields=", 8) == 0 ? mark + 8 : "id";
        struct nilo_buf body;
        struct emu_item it;
        if (mark)
            *mark = '\0';
        if ((int64_t)(emu_hash(c->em, 601, c->em->requests, i) % 1000) < c->em->o.ig_parts && media_of(c->em, b.url[i], c->now, &it)) { /* there was no time for it */
            emu_ledger(c, it, b.url[i], EMU_FATE_TRANSIENT);
            nilo_json_null(&o);
            continue;
        }
        nilo_buf_init(&body, BODY_MAX);
        int status = answer_medium(c, b.url[i], fields, &body, &shown, NULL);
        if (media_of(c->em, b.url[i], c->now, &it))
            account = it.channel;
        nilo_json_object_begin(&o);
        nilo_json_key(&o, "code");
        nilo_json_int(&o, status);
        nilo_json_key(&o, "headers");
        nilo_json_array_begin(&o);
        nilo_json_array_end(&o);
        text(&o, "body", nilo_buf_str(&body));
        nilo_json_object_end(&o);
        nilo_buf_done(&body);
    }
    nilo_json_array_end(&o);
    finish(c, 200, account);
}

/* ---- for Facebook ---- */

int emu_graph_error(struct nilo_buf *b, int code, int subcode, const char *message)
{
    return error(b, code, subcode, message);
}

bool emu_graph_field(const char *fields, const char *name)
{
    return field(fields, name);
}

void emu_graph_text(struct nilo_json_out *o, const char *name, const char *value)
{
    text(o, name, value);
}

size_t emu_graph_urls(const char *asked, struct nilo_arena *arena, char **ret, size_t most)
{
    struct batch b = {.arena = arena};
    if (!asked || nilo__walk(asked, strlen(asked), take_url, &b, NULL) != 0)
        return 0;
    for (size_t i = 0; i < b.n && i < most; i++)
        ret[i] = b.url[i];
    return b.n < most ? b.n : most;
}

static const struct emu_endpoint endpoints[] = {
    {"GET", HOST, VERSION "/*", -1, graph_get},
    {"POST", HOST, VERSION "/", -1, graph_batch},
    {NULL, NULL, NULL, 0, NULL},
};

const struct emu_platform emu_instagram = {"instagram", endpoints, fail, admit};
