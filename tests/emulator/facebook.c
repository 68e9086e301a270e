/* Facebook's pages by Meta's Graph API: signing in, a person's pages with a token of their own each, posts with insights and summaries by field expansion (alone, by ?ids=,
 * in a batch), days of a page. Pages are the world's channels, posts its videos. What is a page's is told to its own token alone. Names of metrics that are refused fail
 * the whole question, by default without a word of which, as Facebook does; so does a summary that the token does not permit. Limits are counted as Instagram's. Shapes:
 * ../shared/PLATFORM-APIS.md section 3, and ../shared/fixtures/facebook. */
#include "emulator/emulator_priv.h"

#include <string.h>

#define VERSION   "/v25.0"
#define HOST      "graph.facebook.com"
#define PAGE      INT64_C(100900000000000)
#define POST      INT64_C(122000000000000)
#define PARTS     50

/* ---- ids and truth --------------------------------------------------------------------------------------------------------------------------- */

void emulator_facebook_page(int page, char out[EMULATOR_TEXT])
{
    snprintf(out, EMULATOR_TEXT, "%lld", (long long)(PAGE + page));
}

void emulator_facebook_id(int page, int post, char out[EMULATOR_TEXT])
{
    snprintf(out, EMULATOR_TEXT, "%lld_%lld", (long long)(PAGE + page), (long long)(POST + post));
}

static bool page_of(const struct emulator *em, const char *id, int *ret)
{
    int64_t n = emu_number(id, -1) - PAGE;
    *ret = (int)n;
    return strspn(id, "0123456789") == strlen(id) && n >= 0 && n < em->o.channels;
}

static bool post_of(const struct emulator *em, const char *id, nilo_us at, struct emu_item *ret)
{
    const char *mark = strchr(id, '_');
    char page[32] = "";
    int number;
    if (mark == NULL || mark - id >= 32)
        return false;
    memcpy(page, id, (size_t)(mark - id));
    int64_t post = emu_number(mark + 1, -1) - POST;
    if (!page_of(em, page, &number) || post < 0 || post >= emu_videos(em, number, at))
        return false;
    *ret = (struct emu_item){number, (int32_t)post};
    return emu_state_at(em, *ret, at) == EMU_PUBLIC;
}

static const char *const names[] = {"post_media_view", "post_total_media_view_unique", "post_clicks", "post_reactions_by_type_total", "post_video_views"};
static const char *const day_names[] = {"page_media_view", "page_total_media_view_unique", "page_post_engagements", "page_daily_follows", "page_views_total"};
enum { NAMES = 5 };

static int name_of(const char *const all[NAMES], const char *name, size_t n)
{
    for (int i = 0; i < NAMES; i++)
        if (strlen(all[i]) == n && memcmp(all[i], name, n) == 0)
            return i;
    return -1;
}

static bool is_video(struct emu_item it)
{
    return it.video % 5 == 2;
}

static bool knows(const struct emulator *em, struct emu_item it, int name)
{
    return name >= 0 && (em->o.fb_refused >> name & 1) == 0 && (name != 4 || is_video(it));
}

static int64_t value_of(const struct emulator *em, struct emu_item it, int name, nilo_us at)
{
    struct emu_stats s;
    emu_stats_at(em, it, at, &s);
    const int64_t values[NAMES] = {s.views, s.views * 8 / 10, s.views / 50, s.likes, s.views / 2};
    return values[name];
}

int64_t emulator_facebook_value(const struct emulator *em, int page, int post, const char *name, nilo_us at)
{
    struct emu_item it = {page, post};
    struct emu_stats s;
    int n = name_of(names, name, strlen(name));
    emu_stats_at(em, it, at, &s);
    if (strcmp(name, "comments") == 0)
        return em->o.fb_no_content ? -1 : s.comments;
    if (strcmp(name, "shares") == 0)
        return s.shares > 0 ? s.shares : -1;
    if (n == 3 && (em->o.fb_no_insights || !knows(em, it, n))) /* the summary has it, too */
        return em->o.fb_no_content ? -1 : s.likes;
    return em->o.fb_no_insights || !knows(em, it, n) ? -1 : value_of(em, it, n, at);
}

int64_t emulator_facebook_day(const struct emulator *em, int page, const char *name, nilo_day day)
{
    nilo_us from = nilo_zone_day_start(em->pacific, day), to = nilo_zone_day_start(em->pacific, NILO_DAY(day.n + 1));
    int64_t views = 0, follows = emu_subscribers(em, page, to) - emu_subscribers(em, page, from);
    for (int32_t v = 0; v < emu_videos(em, page, to); v++) {
        struct emu_item it = {page, v};
        int64_t grown = emu_views_at(em, it, to) - (emu_published(em, it) < from ? emu_views_at(em, it, from) : 0);
        views += grown > 0 ? grown : 0;
    }
    const int64_t values[NAMES] = {views, views * 8 / 10, views / 20, follows > 0 ? follows : 0, views / 100};
    int n = name_of(day_names, name, strlen(name));
    return n < 0 || (em->o.fb_day_refused >> n & 1) != 0 ? -1 : values[n];
}

int emulator_facebook_grant(struct emulator *em, nilo_us now, int page, char ret_access[EMULATOR_TEXT])
{
    int64_t grant = emu_grant_add(em, 0, page, "page"), token = grant < 0 ? -1 : emu_token_add(em, EMU_TOKEN_ACCESS, (uint32_t)grant, now, INT64_MAX);
    if (token < 0)
        return -1;
    emu_token_text(em, token, ret_access);
    return (int)grant;
}

/* ---- who asks, and how much --------------------------------------------------------------------------------------------------------------------- */

static bool is_page_token(const struct emu_call *c)
{
    return c->grant >= 0 && strcmp(c->em->tokens.grant[c->grant].scope, "page") == 0;
}

/* One question; 0, or the code of the limit that is passed: that it came to this is counted. */
static int spend(struct emu_call *c, int page)
{
    struct emulator *em = c->em;
    struct emu_facebook *fb = &em->facebook;
    nilo_us now = c->now;
    if (c->dry)
        return 0;
    struct emu_rate *app;
    int64_t limit = emu_graph_app(em, em->o.fb_app_limit, &fb->app, &app);
    fb->questions++;
    int used = emu_rate_count(app, now), about = 0;
    if (page >= 0 && page < EMU_FACEBOOK_PAGES) {
        fb->page[page].window_us = NILO_US_DAY;
        about = emu_rate_count(&fb->page[page], now);
    }
    int code = limit > 0 && used > limit ? 4 : em->o.fb_page_limit > 0 && about > em->o.fb_page_limit ? 80001 : 0;
    fb->over += code != 0;
    return code;
}

static void finish(struct emu_call *c, int status, int page)
{
    struct emu_facebook *fb = &c->em->facebook;
    char text[300];
    c->res->status = status;
    emu_head(c, "Content-Type", "application/json; charset=UTF-8");
    struct emu_rate *app;
    int64_t limit = emu_graph_app(c->em, c->em->o.fb_app_limit, &fb->app, &app);
    if (limit > 0) {
        snprintf(text, sizeof text, "{\"call_count\":%lld,\"total_cputime\":1,\"total_time\":1}", (long long)(100 * emu_rate_now(app, c->now) / limit));
        emu_head(c, "X-App-Usage", text);
    }
    if (c->em->o.fb_page_limit > 0 && page >= 0 && page < EMU_FACEBOOK_PAGES) {
        long long used = (long long)(100 * emu_rate_now(&fb->page[page], c->now) / c->em->o.fb_page_limit);
        snprintf(text, sizeof text, "{\"%lld\":[{\"type\":\"pages\",\"call_count\":%lld,\"total_cputime\":1,\"total_time\":1,\"estimated_time_to_regain_access\":%d}]}", (long long)(PAGE + page),
                 used, used >= 100 ? 60 : 0);
        emu_head(c, "X-Business-Use-Case-Usage", text);
    }
}

static void refuse(struct emu_call *c, int code, int subcode, const char *message)
{
    nilo_buf_reset(&c->res->body);
    finish(c, emu_graph_error(&c->res->body, code, subcode, message), -1);
    c->done = true;
}

/* Signing in and checking a token are asked by the app, not by a token. */
static void admit(struct emu_call *c)
{
    if (strstr(c->path, "/oauth") == NULL && strstr(c->path, "/debug_token") == NULL)
        emu_instagram.admit(c);
}

static void fail(struct emu_call *c, int status, bool rate)
{
    emu_instagram.fail(c, status, rate);
}

/* ---- a post ----------------------------------------------------------------------------------------------------------------------------------------- */

static void number(struct nilo_json_out *o, const char *name, int64_t n)
{
    nilo_json_key(o, name);
    nilo_json_int(o, n);
}

static void put_value(const struct emulator *em, struct emu_item it, int name, nilo_us at, struct nilo_json_out *o)
{
    const struct emu_override *over = emu_override_of(em, it);
    int64_t n = value_of(em, it, name, at);
    nilo_json_key(o, "value");
    if (name != 3) {
        nilo_json_int(o, n);
        return;
    }
    nilo_json_object_begin(o);
    if (over && over->pin[EMU_PIN_LIKES][0]) { /* what a test has given in its place */
        nilo_json_key(o, "like");
        nilo_json_text(o, over->pin[EMU_PIN_LIKES], strlen(over->pin[EMU_PIN_LIKES]));
        nilo_json_object_end(o);
        return;
    }
    if (n > 0)
        number(o, "like", n - n / 5);
    if (n >= 5)
        number(o, "love", n / 5);
    nilo_json_object_end(o);
}

static void put_insights(const struct emulator *em, struct emu_item it, const char *asked, nilo_us at, struct nilo_json_out *o)
{
    bool late = at - emu_published(em, it) < em->o.fb_late_h * NILO_US_HOUR;
    nilo_json_key(o, "insights");
    nilo_json_object_begin(o);
    nilo_json_key(o, "data");
    nilo_json_array_begin(o);
    for (const char *s = asked; *s && *s != ')' && !late; s += strcspn(s, ",)") + (s[strcspn(s, ",)")] == ',')) {
        int name = name_of(names, s, strcspn(s, ",)"));
        nilo_json_object_begin(o);
        emu_graph_text(o, "name", names[name]);
        emu_graph_text(o, "period", "lifetime");
        nilo_json_key(o, "values");
        nilo_json_array_begin(o);
        nilo_json_object_begin(o);
        put_value(em, it, name, at, o);
        nilo_json_object_end(o);
        nilo_json_array_end(o);
        nilo_json_object_end(o);
    }
    nilo_json_array_end(o);
    nilo_json_key(o, "paging"); /* windows of time, without an end */
    nilo_json_object_begin(o);
    emu_graph_text(o, "next", "https://graph.facebook.com/v25.0/x/insights?access_token=CANARY-in-paging&since=1");
    nilo_json_object_end(o);
    nilo_json_object_end(o);
}

static void put_summary(struct nilo_json_out *o, const char *name, int64_t n)
{
    nilo_json_key(o, name);
    nilo_json_object_begin(o);
    nilo_json_key(o, "data");
    nilo_json_array_begin(o);
    nilo_json_array_end(o);
    nilo_json_key(o, "summary");
    nilo_json_object_begin(o);
    number(o, "total_count", n);
    nilo_json_object_end(o);
    nilo_json_object_end(o);
}

static void put_post(const struct emulator *em, struct emu_item it, const char *fields, nilo_us at, struct nilo_json_out *o)
{
    static const char *const types[] = {"mobile_status_update", "added_photos", "added_video", "shared_story", NULL};
    char id[EMULATOR_TEXT], when[64], url[200];
    struct emu_stats s;
    emu_stats_at(em, it, at, &s);
    emulator_facebook_id(it.channel, it.video, id);
    nilo_us_format(emu_published(em, it), when);
    snprintf(when + 19, sizeof when - 19, "+0000");
    snprintf(url, sizeof url, "https://www.facebook.com/%lld/posts/%lld", (long long)(PAGE + it.channel), (long long)(POST + it.video));
    const struct {
        const char *name, *value;
    } texts[] = {{"created_time", when}, {"message", "Ein Tag am Meer \xf0\x9f\x8c\x8a"}, {"permalink_url", url}, {"status_type", types[it.video % 5]}};
    nilo_json_object_begin(o);
    emu_graph_text(o, "id", id);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].value && emu_graph_field(fields, texts[i].name))
            emu_graph_text(o, texts[i].name, texts[i].value);
    if (emu_graph_field(fields, "shares") && s.shares > 0) {
        nilo_json_key(o, "shares");
        nilo_json_object_begin(o);
        number(o, "count", s.shares);
        nilo_json_object_end(o);
    }
    if (strstr(fields, "comments."))
        put_summary(o, "comments", s.comments);
    if (strstr(fields, "reactions.limit"))
        put_summary(o, "reactions", s.likes);
    const char *insights = strstr(fields, "insights.metric(");
    if (insights)
        put_insights(em, it, insights + 16, at, o);
    nilo_json_object_end(o);
}

/* What is wrong with that question; the status, 0 = nothing. */
static int wrong_with(struct emu_call *c, struct emu_item it, const char *fields, struct nilo_buf *b, enum emu_fate *ret_fate)
{
    struct emulator *em = c->em;
    char message[300];
    *ret_fate = EMU_FATE_REFUSED;
    int code = spend(c, it.channel);
    if (code != 0)
        return *ret_fate = EMU_FATE_LIMITED, emu_graph_error(b, code, 0, code == 4 ? "(#4) Application request limit reached" : "(#80001) There have been too many calls to this Page account.");
    if (em->o.fb_no_content && strstr(fields, ".summary("))
        return em->facebook.refused++, emu_graph_error(b, 10, 0, "(#10) This endpoint requires the 'pages_read_user_content' permission or the 'Page Public Content Access' feature.");
    const char *insights = strstr(fields, "insights.metric(");
    if (insights && !is_page_token(c))
        return em->facebook.refused++, emu_graph_error(b, 190, 0, "(#190) This method must be called with a Page Access Token");
    if (insights && em->o.fb_no_insights)
        return em->facebook.refused++, emu_graph_error(b, 200, 0, "(#200) Requires read_insights permission to read insights of this page");
    for (const char *s = insights ? insights + 16 : ""; *s && *s != ')'; s += strcspn(s, ",)") + (s[strcspn(s, ",)")] == ',')) {
        int n = (int)strcspn(s, ",)");
        if (knows(em, it, name_of(names, s, (size_t)n)))
            continue;
        em->facebook.refused++;
        snprintf(message, sizeof message, "(#100) %.*s is no valid insights metric", n, s);
        return emu_graph_error(b, 100, 0, em->o.fb_named ? message : "(#100) The value must be a valid insights metric");
    }
    return 0;
}

/* One post as a body. Returns the status. */
static int answer_post(struct emu_call *c, const char *id, const char *fields, struct nilo_buf *b, struct nilo_json_out *into)
{
    struct emu_item it = {-1, -1};
    struct nilo_json_out own;
    enum emu_fate fate;
    char message[300];
    if (!post_of(c->em, id, c->now, &it)) {
        int code = spend(c, -1);
        emu_ledger(c, it, id, code == 0 ? EMU_FATE_GONE : EMU_FATE_LIMITED);
        snprintf(message, sizeof message, "Unsupported get request. Object with ID '%.60s' does not exist, cannot be loaded due to missing permissions", id);
        return code == 0 ? emu_graph_error(b, 100, 33, message) : emu_graph_error(b, code, 0, "(#4) Application request limit reached");
    }
    int status = wrong_with(c, it, fields, b, &fate);
    emu_ledger(c, it, id, status != 0 ? fate : emu_is_spoiled(c->em, it) ? EMU_FATE_ODD : EMU_FATE_SERVED);
    if (status != 0)
        return status;
    if (!into) {
        nilo_json_out_init(&own, b);
        into = &own;
    }
    put_post(c->em, it, fields, c->now, into);
    return 200;
}

/* ---- endpoints ------------------------------------------------------------------------------------------------------------------------------------------ */

static void put_page(struct emu_call *c, int page, bool token, struct nilo_json_out *o)
{
    char id[EMULATOR_TEXT], name[64], text[EMULATOR_TEXT];
    emulator_facebook_page(page, id);
    snprintf(name, sizeof name, "Page %d", page);
    nilo_json_object_begin(o);
    emu_graph_text(o, "id", id);
    emu_graph_text(o, "name", name);
    number(o, "followers_count", emu_subscribers(c->em, page, c->now));
    if (token && emulator_facebook_grant(c->em, c->now, page, text) >= 0)
        emu_graph_text(o, "access_token", text);
    nilo_json_object_end(o);
}

/* The pages of the person whose token it is. */
static void pages(struct emu_call *c)
{
    int n = (int)c->em->o.account_channels, first = c->em->tokens.grant[c->grant].account * n;
    struct nilo_json_out o;
    if (is_page_token(c)) {
        refuse(c, 100, 0, "(#100) Tried accessing nonexisting field (accounts) on node type (Page)");
        return;
    }
    nilo_json_out_init(&o, &c->res->body);
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "data");
    nilo_json_array_begin(&o);
    for (int i = first; i < first + n && i < c->em->o.channels; i++)
        put_page(c, i, true, &o);
    nilo_json_array_end(&o);
    nilo_json_object_end(&o);
    finish(c, 200, -1);
}

/* Newest first; the cursor is the number of the next, and the token stands in paging.next as it does there. */
static void list(struct emu_call *c, int page)
{
    int64_t limit = emu_number(emu_param(c->params, "limit"), 25), n = 0;
    int64_t at = emu_number(emu_param(c->params, "after"), emu_videos(c->em, page, c->now));
    const char *fields = emu_param(c->params, "fields");
    struct nilo_json_out o;
    char next[200];
    nilo_json_out_init(&o, &c->res->body);
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "data");
    nilo_json_array_begin(&o);
    while (at > 0 && n < limit && n < 100) {
        struct emu_item it = {page, (int32_t)--at};
        if (emu_state_at(c->em, it, c->now) != EMU_PUBLIC)
            continue;
        put_post(c->em, it, fields ? fields : "id", c->now, &o);
        n++;
    }
    nilo_json_array_end(&o);
    snprintf(next, sizeof next, "{\"cursors\":{\"before\":\"0\",\"after\":\"%lld\"}%s}", (long long)at,
             at > 0 ? ",\"next\":\"https://graph.facebook.com/x?access_token=CANARY\"" : "");
    nilo_json_key(&o, "paging");
    nilo_json_text(&o, next, strlen(next));
    nilo_json_object_end(&o);
    finish(c, 200, page);
}

static void put_day(struct emu_call *c, int page, const char *name, nilo_day day, struct nilo_json_out *o)
{
    char when[64];
    nilo_us end = nilo_zone_day_start(c->em->pacific, NILO_DAY(day.n + 1));
    nilo_us_format(end, when);
    snprintf(when + 19, sizeof when - 19, "+0000");
    nilo_json_object_begin(o);
    if (c->em->o.fb_day_gap == 0 || day.n % c->em->o.fb_day_gap != 0) /* a value may be missing */
        number(o, "value", emulator_facebook_day(c->em, page, name, day));
    emu_graph_text(o, "end_time", when);
    nilo_json_object_end(o);
}

static void days(struct emu_call *c, int page)
{
    struct emulator *em = c->em;
    const char *asked = emu_param(c->params, "metric") ? emu_param(c->params, "metric") : "";
    nilo_us since = emu_number(emu_param(c->params, "since"), 0) * NILO_US_SECOND, until = emu_number(emu_param(c->params, "until"), 0) * NILO_US_SECOND;
    struct nilo_json_out o;
    for (const char *s = asked; *s; s += strcspn(s, ",") + (s[strcspn(s, ",")] == ',')) {
        int name = name_of(day_names, s, strcspn(s, ","));
        if (name >= 0 && (em->o.fb_day_refused >> name & 1) == 0)
            continue;
        em->facebook.refused++;
        refuse(c, 100, 0, "(#100) The value must be a valid insights metric");
        return;
    }
    nilo_json_out_init(&o, &c->res->body);
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "data");
    nilo_json_array_begin(&o);
    for (const char *s = asked; *s; s += strcspn(s, ",") + (s[strcspn(s, ",")] == ',')) {
        const char *name = day_names[name_of(day_names, s, strcspn(s, ","))];
        nilo_json_object_begin(&o);
        emu_graph_text(&o, "name", name);
        emu_graph_text(&o, "period", "day");
        nilo_json_key(&o, "values");
        nilo_json_array_begin(&o);
        for (nilo_day d = nilo_zone_day(em->pacific, since); nilo_zone_day_start(em->pacific, NILO_DAY(d.n + 1)) <= until; d.n++)
            if (nilo_zone_day_start(em->pacific, NILO_DAY(d.n + 1)) + em->o.analytics_delay_h * NILO_US_HOUR <= c->now)
                put_day(c, page, name, d, &o);
        nilo_json_array_end(&o);
        nilo_json_object_end(&o);
    }
    nilo_json_array_end(&o);
    nilo_json_object_end(&o);
    finish(c, 200, page);
}

static void by_ids(struct emu_call *c, const char *ids)
{
    const char *fields = emu_param(c->params, "fields");
    struct nilo_json_out o;
    nilo_json_out_init(&o, &c->res->body);
    nilo_json_object_begin(&o);
    for (const char *s = ids; *s; s += strcspn(s, ",") + (s[strcspn(s, ",")] == ',')) {
        char *id = nilo_arena_strndup(&c->arena, s, strcspn(s, ","));
        struct nilo_buf refusal;
        nilo_buf_init(&refusal, 65536);
        nilo_json_key(&o, id);
        int status = answer_post(c, id, fields ? fields : "id", &refusal, &o);
        if (status != 200) { /* one fails all of them */
            nilo_buf_reset(&c->res->body);
            nilo_buf_add(&c->res->body, refusal.data, refusal.len);
        }
        nilo_buf_done(&refusal);
        if (status != 200) {
            finish(c, status, -1);
            return;
        }
    }
    nilo_json_object_end(&o);
    finish(c, 200, -1);
}

static void get(struct emu_call *c)
{
    const char *path = c->path + sizeof VERSION; /* behind "/v25.0/" */
    char *id = nilo_arena_strndup(&c->arena, path, strcspn(path, "/"));
    const char *edge = path + strlen(id), *fields = emu_param(c->params, "fields");
    struct nilo_json_out o;
    int page = -1;
    if (!*id) {
        by_ids(c, emu_param(c->params, "ids"));
        return;
    }
    if (strchr(id, '_')) {
        struct emu_item it = {-1, 0};
        int status = answer_post(c, id, fields ? fields : "id", &c->res->body, NULL);
        finish(c, status, post_of(c->em, id, c->now, &it) ? it.channel : -1);
        return;
    }
    bool me = strcmp(id, "me") == 0;
    if (me && strcmp(edge, "/accounts") == 0) {
        pages(c);
        return;
    }
    if (me && !is_page_token(c)) {
        refuse(c, 100, 0, "(#100) Tried accessing nonexisting field (followers_count) on node type (User)");
        return;
    }
    if (me)
        page = c->em->tokens.grant[c->grant].account;
    else if (!page_of(c->em, id, &page)) {
        refuse(c, 100, 33, "Unsupported get request. Object does not exist");
        return;
    }
    int code = spend(c, page);
    if (code != 0) {
        c->fate = EMU_FATE_LIMITED;
        refuse(c, code, 0, "too many calls");
    } else if (strcmp(edge, "/insights") == 0 && (c->em->tokens.grant[c->grant].account != page || !is_page_token(c))) {
        refuse(c, 190, 0, "(#190) This method must be called with a Page Access Token");
    } else if (strcmp(edge, "/insights") == 0) {
        days(c, page);
    } else if (strcmp(edge, "/published_posts") == 0 || strcmp(edge, "/posts") == 0 || strcmp(edge, "/feed") == 0) {
        list(c, page);
    } else if (!*edge) {
        nilo_json_out_init(&o, &c->res->body);
        put_page(c, page, false, &o);
        finish(c, 200, page);
    } else {
        refuse(c, 2500, 0, "Unknown path components");
    }
}

static void batch(struct emu_call *c)
{
    char *url[PARTS];
    size_t n = emu_graph_urls(emu_param(c->form, "batch"), &c->arena, url, PARTS);
    struct nilo_json_out o;
    int page = -1;
    nilo_json_out_init(&o, &c->res->body);
    nilo_json_array_begin(&o);
    for (size_t i = 0; i < n; i++) {
        char *mark = strchr(url[i], '?');
        const char *fields = mark && strncmp(mark, "?fields=", 8) == 0 ? mark + 8 : "id";
        struct nilo_buf body;
        struct emu_item it;
        if (mark)
            *mark = '\0';
        nilo_buf_init(&body, 65536);
        int status = answer_post(c, url[i], fields, &body, NULL);
        page = post_of(c->em, url[i], c->now, &it) ? it.channel : page;
        nilo_json_object_begin(&o);
        number(&o, "code", status);
        emu_graph_text(&o, "body", nilo_buf_str(&body));
        nilo_json_object_end(&o);
        nilo_buf_done(&body);
    }
    nilo_json_array_end(&o);
    finish(c, 200, page);
}

/* ---- signing in: graph_login.c ---- */

static void debug_token(struct emu_call *c)
{
    const char *text = emu_param(c->params, "input_token"), *authorization = emu_call_header(c, "authorization");
    int64_t number_of = text ? emu_token_find(c->em, EMU_TOKEN_ACCESS, text) : -1;
    char app[2 * EMULATOR_TEXT + 16], id[EMULATOR_TEXT], secret[EMULATOR_TEXT];
    struct nilo_json_out o;
    emulator_client_id(c->em, 0, id);
    emulator_client_secret(c->em, 0, secret);
    snprintf(app, sizeof app, "Bearer %s|%s", id, secret);
    if (!authorization || strcmp(authorization, app) != 0) {
        refuse(c, 190, 0, "Invalid OAuth access token: it is not the app's");
        return;
    }
    nilo_json_out_init(&o, &c->res->body);
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "data");
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "is_valid");
    nilo_json_bool(&o, emu_token_valid(c->em, number_of, c->now));
    if (number_of >= 0) {
        number(&o, "expires_at", c->em->tokens.token[number_of].expires / NILO_US_SECOND);
        number(&o, "data_access_expires_at", (c->now + 90 * NILO_US_DAY) / NILO_US_SECOND);
        nilo_json_key(&o, "scopes");
        nilo_json_array_begin(&o);
        nilo_json_str(&o, "pages_show_list");
        nilo_json_str(&o, "read_insights");
        nilo_json_array_end(&o);
    }
    nilo_json_object_end(&o);
    nilo_json_object_end(&o);
    finish(c, 200, -1);
}

/* What is a page's or a post's, by its id or by what is asked of it. */
bool emu_facebook_takes(const struct emu_call *c)
{
    static const char page[] = "10090", in_batch[] = "\"relative_url\":\"10090";
    const char *path = c->path + sizeof VERSION, *ids = emu_param(c->params, "ids"), *fields = emu_param(c->params, "fields"), *parts = emu_param(c->form, "batch");
    if (strncmp(c->path, VERSION "/", sizeof VERSION) != 0 || strncmp(path, page, 5) == 0 || strncmp(path, "debug_token", 11) == 0 || strstr(path, "oauth"))
        return true;
    if (strncmp(path, "me", 2) == 0)
        return fields && strstr(fields, "instagram_business_account") == NULL && strstr(fields, ",link,") != NULL;
    return (ids && strncmp(ids, page, 5) == 0) || (parts && strstr(parts, in_batch) != NULL);
}

static const struct emu_endpoint endpoints[] = {
    {"GET", "www.facebook.com", VERSION "/dialog/oauth", -1, emu_graph_authorize},
    {"GET", HOST, VERSION "/oauth/access_token", -1, emu_graph_token},
    {"GET", HOST, VERSION "/debug_token", -1, debug_token},
    {"GET", HOST, VERSION "/*", -1, get},
    {"POST", HOST, VERSION "/", -1, batch},
    {NULL, NULL, NULL, 0, NULL},
};

const struct emu_platform emu_facebook = {"facebook", endpoints, fail, admit};
