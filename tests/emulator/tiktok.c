/* TikTok: the Display API (user/info, video/list, video/query), the Research API (user/info, video/query) and the authorization of both. Accounts are the world's
 * channels. Limits as TikTok has them: calls an endpoint and app in a minute that slides; of Research requests and records a UTC day. Every refresh gives
 * another refresh token and kills the one before. Errors come beside the data, with their status or (option tiktok_200) inside of HTTP 200. Shapes:
 * ../shared/PLATFORM-APIS.md section 4, and ../shared/fixtures/tiktok. */
#include "emulator/emulator_priv.h"

#include "base/day.h"
#include "connect/walk.h"

#include <string.h>

#define CODE_LIFE (10 * NILO_US_MINUTE)
#define SCOPES    "user.info.basic,user.info.profile,user.info.stats,video.list"
#define RESEARCH  "research.data.basic"
#define IDS_MAX   200
#define BODY_MAX  ((size_t)4 << 20)

enum { H_TIKTOK = 500, H_OPEN, H_SHORT, H_SEARCH, H_LOG };

/* ---- ids -------------------------------------------------------------------------------------------------------------------------------- */

/* As TikTok's are: when it was posted, in the upper half, and 32 bits; beyond 2^53. */
static uint32_t low_key(const struct emulator *em)
{
    return (uint32_t)emu_hash(em, H_TIKTOK, 0, 0);
}

void emulator_tiktok_id(const struct emulator *em, int account, int video, char out[EMULATOR_TEXT])
{
    uint64_t s = (uint64_t)(emu_published(em, (struct emu_item){account, video}) / NILO_US_SECOND);
    snprintf(out, EMULATOR_TEXT, "%llu", (unsigned long long)(s << 32 | (((uint32_t)account << 20 | (uint32_t)video) ^ low_key(em))));
}

static bool video_of(const struct emulator *em, const char *id, nilo_us at, struct emu_item *ret)
{
    char again[EMULATOR_TEXT];
    uint32_t low = (uint32_t)strtoull(id, NULL, 10) ^ low_key(em);
    *ret = (struct emu_item){(int32_t)(low >> 20), (int32_t)(low & 0xfffff)};
    if (ret->channel >= em->o.channels || ret->video >= emu_videos(em, ret->channel, at))
        return false;
    emulator_tiktok_id(em, ret->channel, ret->video, again);
    return strcmp(again, id) == 0;
}

void emulator_tiktok_account(const struct emulator *em, int account, char out[EMULATOR_TEXT])
{
    unsigned char raw[24];
    for (int i = 0; i < 24; i++)
        raw[i] = (unsigned char)(emu_hash(em, H_OPEN, (uint64_t)account, (uint64_t)(i / 8)) >> (8 * (i % 8)));
    memcpy(out, "-000", 5);
    emu_base64url(raw, sizeof raw, out + 4);
}

bool emulator_tiktok_counts(const struct emulator *em, int account, int video, nilo_us at, int64_t ret[5])
{
    struct emu_stats s;
    struct emu_item it = {account, video};
    if (video >= emu_videos(em, account, at) || emu_state_at(em, it, at) != EMU_PUBLIC)
        return false;
    emu_stats_at(em, it, at, &s);
    ret[0] = s.views;
    ret[1] = s.likes;
    ret[2] = s.comments;
    ret[3] = s.shares;
    ret[4] = s.likes / 7 + s.shares / 3;
    return true;
}

/* ---- errors ------------------------------------------------------------------------------------------------------------------------------- */

static void log_id(struct emu_call *c, struct nilo_json_out *o)
{
    char text[40];
    snprintf(text, sizeof text, "20261121%016llX", (unsigned long long)emu_hash(c->em, H_LOG, c->em->requests, 0));
    nilo_json_key(o, "log_id");
    nilo_json_str(o, text);
}

static void error_member(struct emu_call *c, struct nilo_json_out *o, const char *code, const char *message)
{
    nilo_json_key(o, "error");
    nilo_json_object_begin(o);
    nilo_json_key(o, "code");
    nilo_json_str(o, code);
    nilo_json_key(o, "message");
    nilo_json_str(o, message);
    log_id(c, o);
    nilo_json_object_end(o);
}

static void refuse(struct emu_call *c, int status, const char *code, const char *message)
{
    struct nilo_json_out o;
    nilo_buf_reset(&c->res->body);
    nilo_json_out_init(&o, &c->res->body);
    c->res->status = c->em->o.tiktok_200 ? 200 : status;
    c->done = true;
    emu_head(c, "Content-Type", "application/json");
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "data");
    nilo_json_object_begin(&o);
    nilo_json_object_end(&o);
    error_member(c, &o, code, message);
    nilo_json_object_end(&o);
}

static void oauth_error(struct emu_call *c, int status, const char *error, const char *description)
{
    struct nilo_json_out o;
    nilo_buf_reset(&c->res->body);
    nilo_json_out_init(&o, &c->res->body);
    c->res->status = c->em->o.tiktok_200 ? 200 : status;
    c->done = true;
    emu_head(c, "Content-Type", "application/json");
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "error");
    nilo_json_str(&o, error);
    nilo_json_key(&o, "error_description");
    nilo_json_str(&o, description);
    log_id(c, &o);
    nilo_json_object_end(&o);
}

static void fail(struct emu_call *c, int status, bool rate)
{
    (void)rate;
    if (status == 429 || status == 403)
        refuse(c, 429, "rate_limit_exceeded", "The API rate limit was exceeded. Please try again later.");
    else if (status >= 500)
        refuse(c, status, "internal_error", "Something went wrong on TikTok's side.");
    else
        refuse(c, status, "invalid_params", "Something of the request is wrong.");
}

/* ---- who calls, and how often ---------------------------------------------------------------------------------------------------------------- */

static bool has_scope(const struct emu_grant *g, const char *scope)
{
    const char *at = strstr(g->scope, scope);
    return at && (at[strlen(scope)] == 0 || at[strlen(scope)] == ',');
}

static bool credentials(struct emu_call *c, const char *scope)
{
    struct emulator *em = c->em;
    const char *authorization = emu_call_header(c, "authorization");
    int64_t token = authorization && strncmp(authorization, "Bearer ", 7) == 0 ? emu_token_find(em, EMU_TOKEN_ACCESS, authorization + 7) : -1;
    if (token >= 0) {
        char name[24];
        c->grant = em->tokens.token[token].grant;
        c->project = em->tokens.grant[c->grant].project;
        snprintf(name, sizeof name, "grant-%lld", (long long)c->grant);
        c->caller = emu_caller_of(em, name, authorization + 7);
    } else {
        c->caller = emu_caller_of(em, "none", NULL);
    }
    if (!emu_token_valid(em, token, c->now)) {
        refuse(c, 401, "access_token_invalid", "The access token is invalid or not found in the request.");
        return false;
    }
    if (!has_scope(&em->tokens.grant[c->grant], scope)) {
        c->fate = EMU_FATE_PERMISSION;
        refuse(c, 401, "scope_not_authorized", "The user did not authorize the scope required for completing this request.");
        return false;
    }
    return true;
}

/* Refused calls count, too. */
static bool rates(struct emu_call *c)
{
    struct emulator *em = c->em;
    struct emu_rate *r = &em->tiktok.rate[c->project][c->endpoint->bucket];
    r->window_us = NILO_US_MINUTE;
    c->caller->early += emu_told_to_wait(c->caller, c->endpoint->host, c->now);
    emu_in_flight(c->caller, c->now);
    if (emu_rate_count(r, c->now) <= em->o.tiktok_rate)
        return true;
    c->caller->limited++;
    c->fate = EMU_FATE_LIMITED;
    em->tiktok.over_rate++;
    fail(c, 429, true);
    return false;
}

/* Of Research: requests, and what they bring, a UTC day. */
static bool research_day(struct emu_call *c)
{
    struct emulator *em = c->em;
    int32_t day = (int32_t)(c->now / NILO_US_DAY);
    if (day != em->tiktok.day) {
        em->tiktok.day = day;
        em->tiktok.requests = em->tiktok.records = 0;
    }
    if (em->tiktok.requests >= em->o.research_requests || em->tiktok.records >= em->o.research_records) {
        em->tiktok.over_day++;
        c->fate = EMU_FATE_LIMITED;
        refuse(c, 429, "daily_quota_limit_exceeded", "The daily quota of requests or records is used up.");
        return false;
    }
    em->tiktok.requests++;
    if (em->tiktok.requests > em->tiktok.highest)
        em->tiktok.highest = em->tiktok.requests;
    return true;
}

static void admit(struct emu_call *c)
{
    static const char *const scopes[] = {"user.info.basic", "video.list", "video.list", RESEARCH, RESEARCH};
    if (c->endpoint->bucket < 0)
        return;
    bool research = c->endpoint->bucket >= 3;
    if (credentials(c, scopes[c->endpoint->bucket]) && rates(c) && research)
        research_day(c);
}

/* ---- what is asked ------------------------------------------------------------------------------------------------------------------------------ */

struct asked {
    int64_t max_count, cursor;
    bool has_cursor, odd;
    const char *ids[IDS_MAX], *username, *search_id, *start, *end;
    size_t n_ids;
    char field[24]; /* of the condition that is being read */
    struct nilo_arena *arena;
};

static int take_asked(void *ctx, const char *path, enum nilo_json_event event, const char *text, size_t len)
{
    struct asked *a = ctx;
    bool string = event == NILO_JSON_STRING, number = event == NILO_JSON_NUMBER;
    char *copy = string || number ? nilo_arena_strndup(a->arena, text, len) : NULL;
    if (!copy)
        return 0;
    if (strcmp(path, "max_count") == 0 && number)
        a->max_count = emu_number(copy, -1);
    else if (strcmp(path, "cursor") == 0) {
        a->has_cursor = number;
        a->odd |= !number;
        a->cursor = emu_number(copy, -1);
    } else if (strcmp(path, "search_id") == 0)
        a->search_id = copy;
    else if (strcmp(path, "start_date") == 0 && string)
        a->start = copy;
    else if (strcmp(path, "end_date") == 0 && string)
        a->end = copy;
    else if (strcmp(path, "username") == 0 && string)
        a->username = copy;
    else if (strcmp(path, "query.and[].field_name") == 0)
        snprintf(a->field, sizeof a->field, "%s", copy);
    else if (strcmp(path, "query.and[].operation") == 0)
        a->odd |= strcmp(copy, "IN") != 0 && strcmp(copy, "EQ") != 0;
    else if (strcmp(path, "query.and[].field_values[]") == 0 && strcmp(a->field, "username") == 0)
        a->username = copy;
    else if ((strcmp(path, "query.and[].field_values[]") == 0 && strcmp(a->field, "video_id") == 0) || strcmp(path, "filters.video_ids[]") == 0) {
        a->odd |= !string || a->n_ids == IDS_MAX;
        if (a->n_ids < IDS_MAX)
            a->ids[a->n_ids++] = copy;
    } else if (strncmp(path, "query.", 6) == 0)
        a->odd = true;
    return 0;
}

static bool read_body(struct emu_call *c, int64_t most, struct asked *ret)
{
    struct nilo_err err;
    *ret = (struct asked){.max_count = 10, .arena = &c->arena};
    const char *type = emu_call_header(c, "content-type");
    if (!type || strcmp(type, "application/json") != 0 || nilo__walk(c->req->body ? c->req->body : "", c->req->body_len, take_asked, ret, &err) != 0 || ret->odd ||
        ret->max_count < 1 || ret->max_count > most || ret->cursor < 0 || !emu_param(c->params, "fields")) {
        refuse(c, 400, "invalid_params", "Something of the request is wrong.");
        return false;
    }
    return true;
}

static bool wants(const struct emu_call *c, const char *field)
{
    const char *s = emu_param(c->params, "fields");
    size_t n = strlen(field);
    while (s && *s) {
        size_t len = strcspn(s, ",");
        if (len == n && memcmp(s, field, n) == 0)
            return true;
        s += len + (s[len] == ',');
    }
    return false;
}

/* ---- answers --------------------------------------------------------------------------------------------------------------------------------- */

static void field_text(struct emu_call *c, struct nilo_json_out *o, const char *name, const char *value)
{
    if (!wants(c, name))
        return;
    nilo_json_key(o, name);
    nilo_json_str(o, value);
}

static void field_int(struct emu_call *c, struct nilo_json_out *o, const char *name, int64_t value, const char *pin)
{
    if (!wants(c, name))
        return;
    nilo_json_key(o, name);
    if (pin && pin[0])
        nilo_json_text(o, pin, strlen(pin));
    else
        nilo_json_int(o, value);
}

static void put_video(struct emu_call *c, struct nilo_json_out *o, struct emu_item it, bool research)
{
    const struct emu_override *over = emu_override_of(c->em, it);
    static const char none[1] = "";
    const char *const pins[] = {over ? over->pin[EMU_PIN_VIEWS] : none, over ? over->pin[EMU_PIN_LIKES] : none, over ? over->pin[EMU_PIN_COMMENTS] : none};
    char id[EMULATOR_TEXT], name[40], title[64], url[256];
    int64_t n[5] = {0};
    emulator_tiktok_id(c->em, it.channel, it.video, id);
    emulator_tiktok_counts(c->em, it.channel, it.video, c->now, n);
    snprintf(name, sizeof name, "creator%d", it.channel);
    snprintf(title, sizeof title, "clip %d of creator%d", it.video, it.channel);
    snprintf(url, sizeof url, "https://www.tiktok.com/@%s/video/%s", name, id);
    nilo_json_object_begin(o);
    if (wants(c, "id")) {
        nilo_json_key(o, "id");
        if (research)
            nilo_json_text(o, id, strlen(id));
        else
            nilo_json_str(o, id);
    }
    field_int(c, o, "create_time", emu_published(c->em, it) / NILO_US_SECOND, NULL);
    field_text(c, o, "video_description", title);
    field_int(c, o, research ? "video_duration" : "duration", emu_duration(c->em, it), NULL);
    if (research) {
        field_text(c, o, "username", name);
        field_text(c, o, "region_code", "DE");
        field_int(c, o, "favorites_count", n[4], NULL);
    } else {
        field_text(c, o, "title", title);
        field_text(c, o, "share_url", url);
        field_text(c, o, "cover_image_url", "https://p16-sign.tiktokcdn.com/cover.jpeg?x-expires=1");
    }
    field_int(c, o, "view_count", n[0], pins[0]);
    field_int(c, o, "like_count", n[1], pins[1]);
    field_int(c, o, "comment_count", n[2], pins[2]);
    field_int(c, o, "share_count", n[3], NULL);
    nilo_json_object_end(o);
    c->count->given++;
}

static void begin(struct emu_call *c, struct nilo_json_out *o)
{
    nilo_json_out_init(o, &c->res->body);
    c->res->status = 200;
    emu_head(c, "Content-Type", "application/json");
    nilo_json_object_begin(o);
    nilo_json_key(o, "data");
    nilo_json_object_begin(o);
}

static void end(struct emu_call *c, struct nilo_json_out *o)
{
    nilo_json_object_end(o);
    error_member(c, o, "ok", "");
    nilo_json_object_end(o);
}

static void put_page(struct nilo_json_out *o, int64_t cursor, bool more)
{
    nilo_json_key(o, "cursor");
    nilo_json_int(o, cursor);
    nilo_json_key(o, "has_more");
    nilo_json_bool(o, more);
}

/* ---- Display ----------------------------------------------------------------------------------------------------------------------------------- */

static int account_of(const struct emu_call *c)
{
    return c->em->tokens.grant[c->grant].account;
}

static void user_info(struct emu_call *c)
{
    static const char *const stats[] = {"follower_count", "following_count", "likes_count", "video_count"}, *const profile[] = {"username", "profile_deep_link", "bio_description"};
    const struct emu_grant *g = &c->em->tokens.grant[c->grant];
    char id[EMULATOR_TEXT], name[40], link[80];
    struct nilo_json_out o;
    int account = account_of(c), videos = 0;
    int64_t likes = 0, n[5];
    bool lacks = false;
    for (size_t i = 0; i < 4; i++)
        lacks |= wants(c, stats[i]) && !has_scope(g, "user.info.stats");
    for (size_t i = 0; i < 3; i++)
        lacks |= wants(c, profile[i]) && !has_scope(g, "user.info.profile");
    if (lacks || !emu_param(c->params, "fields")) {
        refuse(c, lacks ? 401 : 400, lacks ? "scope_not_authorized" : "invalid_params", "The user did not authorize the scope required for completing this request.");
        return;
    }
    for (int i = 0; i < emu_videos(c->em, account, c->now); i++)
        if (emulator_tiktok_counts(c->em, account, i, c->now, n)) {
            likes += n[1];
            videos++;
        }
    emulator_tiktok_account(c->em, account, id);
    snprintf(name, sizeof name, "creator%d", account);
    snprintf(link, sizeof link, "https://vm.tiktok.com/Z%d/", account);
    begin(c, &o);
    nilo_json_key(&o, "user");
    nilo_json_object_begin(&o);
    field_text(c, &o, "open_id", id);
    field_text(c, &o, "display_name", name);
    field_text(c, &o, "username", name);
    field_text(c, &o, "profile_deep_link", link);
    field_text(c, &o, "avatar_url", "https://p16-common-sign.tiktokcdn.com/a.jpeg");
    field_int(c, &o, "follower_count", emu_subscribers(c->em, account, c->now), NULL);
    field_int(c, &o, "likes_count", likes, NULL);
    field_int(c, &o, "video_count", videos, NULL);
    nilo_json_object_end(&o);
    end(c, &o);
}

/* Newest first, from the cursor back; a page may be short in the middle. */
static void video_list(struct emu_call *c)
{
    struct emulator *em = c->em;
    struct nilo_json_out o;
    struct asked a;
    int account = account_of(c);
    int64_t cursor = 0, left;
    bool more = false;
    if (!read_body(c, 20, &a))
        return;
    left = a.max_count;
    if ((int64_t)(emu_hash(em, H_SHORT, (uint64_t)account, (uint64_t)a.cursor) % 1000) < em->o.tiktok_short)
        left = left / 2;
    begin(c, &o);
    nilo_json_key(&o, "videos");
    nilo_json_array_begin(&o);
    for (int i = emu_videos(em, account, c->now) - 1; i >= 0; i--) {
        int64_t ms = emu_published(em, (struct emu_item){account, i}) / 1000;
        if ((a.has_cursor && a.cursor && ms >= a.cursor) || emu_state_at(em, (struct emu_item){account, i}, c->now) != EMU_PUBLIC)
            continue;
        if (left-- <= 0) {
            more = true;
            break;
        }
        put_video(c, &o, (struct emu_item){account, i}, false);
        cursor = ms;
    }
    nilo_json_array_end(&o);
    put_page(&o, cursor, more);
    end(c, &o);
}

static void video_query(struct emu_call *c)
{
    struct nilo_json_out o;
    struct asked a;
    if (!read_body(c, 20, &a))
        return;
    if (a.n_ids == 0 || a.n_ids > 20) {
        refuse(c, 400, "invalid_params", "video_ids: 1 to 20 of them.");
        return;
    }
    c->count->asked += (int64_t)a.n_ids;
    begin(c, &o);
    nilo_json_key(&o, "videos");
    nilo_json_array_begin(&o);
    for (size_t k = 0; k < a.n_ids; k++) {
        struct emu_item it;
        const char *id = a.ids[c->em->o.shuffle ? a.n_ids - 1 - k : k];
        bool there = video_of(c->em, id, c->now, &it) && it.channel == account_of(c) && emu_state_at(c->em, it, c->now) == EMU_PUBLIC;
        emu_ledger(c, it, id, !there ? EMU_FATE_GONE : emu_is_spoiled(c->em, it) ? EMU_FATE_ODD : EMU_FATE_SERVED);
        if (there)
            put_video(c, &o, it, false);
    }
    nilo_json_array_end(&o);
    end(c, &o);
}

/* ---- Research ---------------------------------------------------------------------------------------------------------------------------------- */

static bool day_of(const char *text, nilo_day *ret)
{
    char dashed[16];
    if (!text || strlen(text) != 8 || strspn(text, "0123456789") != 8)
        return false;
    snprintf(dashed, sizeof dashed, "%.4s-%.2s-%.2s", text, text + 4, text + 6);
    return nilo_day_parse(dashed, strlen(dashed), ret, NULL) == 0;
}

static int named(const struct emu_call *c, const char *username)
{
    long n = username && strncmp(username, "creator", 7) == 0 ? strtol(username + 7, NULL, 10) : -1;
    return n >= 0 && n < c->em->o.channels ? (int)n : -1;
}

static bool in_query(const struct emu_call *c, const struct asked *a, struct emu_item it, nilo_day first, nilo_day last)
{
    nilo_us at = emu_published(c->em, it);
    int32_t day = (int32_t)(at / NILO_US_DAY);
    char id[EMULATOR_TEXT];
    if (day < first.n || day > last.n || emu_state_at(c->em, it, c->now) != EMU_PUBLIC)
        return false;
    emulator_tiktok_id(c->em, it.channel, it.video, id);
    for (size_t i = 0; i < a->n_ids; i++)
        if (strcmp(a->ids[i], id) == 0)
            return true;
    return a->n_ids == 0;
}

static void research_query(struct emu_call *c)
{
    struct emulator *em = c->em;
    struct nilo_json_out o;
    struct asked a;
    nilo_day first, last;
    char search[24];
    int64_t at = 0, given = 0;
    bool more = false;
    if (!read_body(c, 100, &a))
        return;
    if (!day_of(a.start, &first) || !day_of(a.end, &last) || last.n < first.n || last.n - first.n > 30 || (!a.username && a.n_ids == 0) || a.n_ids > 100) {
        refuse(c, 400, "invalid_params", "start_date and end_date: at most 30 days apart; a query.");
        return;
    }
    /* a search has an id from its first page on */
    uint64_t what = emu_hash(em, H_SEARCH, (uint64_t)first.n << 32 | (uint32_t)last.n, a.username ? emu_text_hash(a.username, strlen(a.username)) : a.n_ids);
    snprintf(search, sizeof search, "%llu", (unsigned long long)(UINT64_C(7000000000000000000) + what % UINT64_C(900000000000000000)));
    if ((a.search_id && strcmp(a.search_id, search) != 0) || (a.cursor > 0 && !a.search_id)) {
        refuse(c, 400, "invalid_params", "Search Id is invalid or expired");
        return;
    }
    c->count->asked += (int64_t)a.n_ids;
    begin(c, &o);
    nilo_json_key(&o, "videos");
    nilo_json_array_begin(&o);
    for (int k = 0; k < em->o.channels; k++) {
        if (a.username && named(c, a.username) != k)
            continue;
        for (int i = emu_videos(em, k, c->now) - 1; i >= 0 && !more; i--) {
            if (!in_query(c, &a, (struct emu_item){k, i}, first, last) || at++ < a.cursor)
                continue;
            more = given == a.max_count;
            if (more)
                break;
            put_video(c, &o, (struct emu_item){k, i}, true);
            given++;
        }
    }
    em->tiktok.records += given;
    nilo_json_array_end(&o);
    put_page(&o, a.cursor + given, more);
    nilo_json_key(&o, "search_id");
    nilo_json_str(&o, search);
    end(c, &o);
}

static void research_user(struct emu_call *c)
{
    struct nilo_json_out o;
    struct asked a;
    if (!read_body(c, 100, &a))
        return;
    int account = named(c, a.username), videos = 0;
    int64_t likes = 0, n[5];
    if (account < 0) {
        refuse(c, 400, "invalid_params", "is invalid: cannot find the user");
        return;
    }
    for (int i = 0; i < emu_videos(c->em, account, c->now); i++)
        if (emulator_tiktok_counts(c->em, account, i, c->now, n)) {
            likes += n[1];
            videos++;
        }
    begin(c, &o);
    field_text(c, &o, "display_name", a.username);
    field_text(c, &o, "avatar_url", "https://p16-common-sign.tiktokcdn.com/a.jpeg");
    field_int(c, &o, "follower_count", emu_subscribers(c->em, account, c->now), NULL);
    field_int(c, &o, "likes_count", likes, NULL);
    field_int(c, &o, "video_count", videos, NULL);
    end(c, &o);
}

/* ---- authorization ------------------------------------------------------------------------------------------------------------------------------ */

static int client_of(const struct emu_call *c, const struct emu_param *from)
{
    const char *id = emu_param(from, "client_key");
    for (int p = 0; id && p < (int)c->em->projects_n; p++) {
        char text[EMULATOR_TEXT];
        emulator_client_id(c->em, p, text);
        if (strcmp(text, id) == 0)
            return p;
    }
    return -1;
}

/* The account consents at once; which it is says login_hint. A challenge is the SHA-256 of the verifier in hexadecimal digits. */
static void authorize(struct emu_call *c)
{
    const struct emu_param *q = c->params;
    const char *redirect = emu_param(q, "redirect_uri"), *type = emu_param(q, "response_type"), *scope = emu_param(q, "scope"), *state = emu_param(q, "state");
    const char *challenge = emu_param(q, "code_challenge"), *method = emu_param(q, "code_challenge_method");
    int project = client_of(c, q);
    bool hex = challenge && strlen(challenge) == 64 && strspn(challenge, "0123456789abcdef") == 64 && method && strcmp(method, "S256") == 0;
    if (project < 0 || !redirect || strlen(redirect) >= sizeof c->em->tokens.grant->redirect || !type || strcmp(type, "code") != 0 || !scope || !state || !hex) {
        c->res->status = 400;
        emu_head(c, "Content-Type", "text/html; charset=utf-8");
        nilo_buf_adds(&c->res->body, "<!DOCTYPE html><p>Something went wrong: param_error\n");
        return;
    }
    int64_t account = emu_number(emu_param(q, "login_hint"), 0), grant = emu_grant_add(c->em, project, account >= 0 && account < c->em->o.channels ? (int)account : 0, scope);
    int64_t code = grant < 0 ? -1 : emu_token_add(c->em, EMU_TOKEN_CODE, (uint32_t)grant, c->now, c->now + CODE_LIFE);
    char text[EMULATOR_TEXT];
    struct nilo_buf to;
    if (code < 0)
        return;
    struct emu_grant *g = &c->em->tokens.grant[grant];
    snprintf(g->redirect, sizeof g->redirect, "%s", redirect);
    snprintf(g->challenge, sizeof g->challenge, "%s", challenge);
    emu_token_text(c->em, code, text);
    nilo_buf_init(&to, 16384);
    nilo_buf_addf(&to, "%s?", redirect);
    if (c->em->o.deny)
        nilo_buf_adds(&to, "error=access_denied&error_description=The+user+denied");
    else
        nilo_buf_addf(&to, "code=4%%2F%s&scopes=%s", text + 2, SCOPES); /* codes hold characters that have to be decoded */
    nilo_buf_addf(&to, "&state=%s", state);
    c->res->status = 302;
    emu_head(c, "Location", nilo_buf_str(&to));
    nilo_buf_done(&to);
}

static void give_tokens(struct emu_call *c, uint32_t grant, bool research)
{
    struct emulator *em = c->em;
    struct nilo_json_out o;
    char text[EMULATOR_TEXT];
    int64_t access = emu_token_add(em, EMU_TOKEN_ACCESS, grant, c->now, c->now + em->o.tiktok_token_s * NILO_US_SECOND), refresh = -1;
    if (!research)
        refresh = emu_token_add(em, EMU_TOKEN_REFRESH, grant, c->now, c->now + em->o.tiktok_refresh_days * NILO_US_DAY);
    if (access < 0 || (!research && refresh < 0)) {
        oauth_error(c, 500, "server_error", "out of memory");
        return;
    }
    em->tokens.grant[grant].last_used = c->now;
    c->res->status = 200;
    emu_head(c, "Content-Type", "application/json");
    nilo_json_out_init(&o, &c->res->body);
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "access_token");
    emu_token_text(em, access, text);
    nilo_json_str(&o, text);
    nilo_json_key(&o, "expires_in");
    nilo_json_int(&o, em->o.tiktok_token_s);
    if (!research) {
        char open_id[EMULATOR_TEXT];
        emulator_tiktok_account(em, em->tokens.grant[grant].account, open_id);
        nilo_json_key(&o, "open_id");
        nilo_json_str(&o, open_id);
        nilo_json_key(&o, "refresh_expires_in");
        nilo_json_int(&o, em->o.tiktok_refresh_days * 86400);
        nilo_json_key(&o, "refresh_token");
        emu_token_text(em, refresh, text);
        nilo_json_str(&o, text);
        nilo_json_key(&o, "scope");
        nilo_json_str(&o, em->tokens.grant[grant].scope);
    }
    nilo_json_key(&o, "token_type");
    nilo_json_str(&o, "Bearer");
    nilo_json_object_end(&o);
}

static void by_code(struct emu_call *c, int project)
{
    struct emulator *em = c->em;
    const char *text = emu_param(c->form, "code"), *redirect = emu_param(c->form, "redirect_uri"), *verifier = emu_param(c->form, "code_verifier");
    int64_t code = text ? emu_token_find(em, EMU_TOKEN_CODE, text) : -1;
    struct emu_grant *g = code >= 0 ? &em->tokens.grant[em->tokens.token[code].grant] : NULL;
    unsigned char hash[NILO_SHA256_LEN];
    char hex[2 * NILO_SHA256_LEN + 1] = "";
    if (verifier) {
        nilo_sha256(verifier, strlen(verifier), hash);
        nilo_hex(hash, sizeof hash, hex);
    }
    if (!emu_token_valid(em, code, c->now) || em->tokens.token[code].used || g->project != project)
        oauth_error(c, 400, "invalid_grant", "Authorization code is expired.");
    else if (!redirect || strcmp(redirect, g->redirect) != 0)
        oauth_error(c, 400, "invalid_request", "Redirect_uri is not matched with the uri when requesting code.");
    else if (strcmp(hex, g->challenge) != 0)
        oauth_error(c, 400, "invalid_request", "Code verifier or code challenge is invalid.");
    else {
        em->tokens.token[code].used = true;
        give_tokens(c, em->tokens.token[code].grant, false);
    }
}

static void by_refresh(struct emu_call *c, int project)
{
    struct emulator *em = c->em;
    const char *text = emu_param(c->form, "refresh_token");
    int64_t token = text ? emu_token_find(em, EMU_TOKEN_REFRESH, text) : -1;
    struct emu_token *t = token >= 0 ? &em->tokens.token[token] : NULL;
    if (!t || !emu_token_valid(em, token, c->now) || em->tokens.grant[t->grant].project != project) {
        if (t)
            em->tokens.grant[t->grant].refused++;
        em->tiktok.dead_refresh += t && t->used;
        oauth_error(c, 400, "invalid_grant", "Refresh token is invalid or expired.");
        return;
    }
    t->used = true;
    t->expires = c->now; /* at once: there is no second try with it */
    em->tokens.grant[t->grant].refreshes++;
    give_tokens(c, t->grant, false);
}

static void token_endpoint(struct emu_call *c)
{
    const char *type = emu_param(c->form, "grant_type"), *secret = emu_param(c->form, "client_secret");
    char expected[EMULATOR_TEXT] = "";
    int project = client_of(c, c->form);
    if (project >= 0)
        emulator_client_secret(c->em, project, expected);
    if (project < 0 || !secret || strcmp(secret, expected) != 0) {
        oauth_error(c, 401, "invalid_client", "Client key or secret is incorrect.");
    } else if (type && strcmp(type, "authorization_code") == 0) {
        by_code(c, project);
    } else if (type && strcmp(type, "refresh_token") == 0) {
        by_refresh(c, project);
    } else if (type && strcmp(type, "client_credentials") == 0) {
        int64_t grant = emu_grant_add(c->em, project, -1, RESEARCH);
        if (grant >= 0)
            give_tokens(c, (uint32_t)grant, true);
    } else {
        oauth_error(c, 400, "unsupported_grant_type", "Grant type is not supported.");
    }
}

int emulator_tiktok_grant(struct emulator *em, nilo_us now, int account, const char *scope, char ret_refresh[EMULATOR_TEXT], char ret_access[EMULATOR_TEXT])
{
    int64_t grant = emu_grant_add(em, 0, account, scope ? scope : SCOPES);
    int64_t refresh = grant < 0 ? -1 : emu_token_add(em, EMU_TOKEN_REFRESH, (uint32_t)grant, now, now + em->o.tiktok_refresh_days * NILO_US_DAY);
    int64_t access = grant < 0 ? -1 : emu_token_add(em, EMU_TOKEN_ACCESS, (uint32_t)grant, now, now + em->o.tiktok_token_s * NILO_US_SECOND);
    if (refresh < 0 || access < 0)
        return -1;
    emu_token_text(em, refresh, ret_refresh);
    emu_token_text(em, access, ret_access);
    return 0;
}

void emu_tiktok_free(struct emulator *em)
{
    for (size_t p = 0; p < sizeof em->tiktok.rate / sizeof *em->tiktok.rate; p++)
        for (int i = 0; i < EMU_TIKTOK_ENDPOINTS; i++)
            free(em->tiktok.rate[p][i].at);
}

void emu_tiktok_counters(const struct emulator *em, struct nilo_json_out *o)
{
    int64_t highest = 0;
    for (size_t p = 0; p < sizeof em->tiktok.rate / sizeof *em->tiktok.rate; p++)
        for (int i = 0; i < EMU_TIKTOK_ENDPOINTS; i++)
            highest = em->tiktok.rate[p][i].highest > highest ? em->tiktok.rate[p][i].highest : highest;
    const struct {
        const char *name;
        int64_t n;
    } rows[] = {{"highest_per_minute", highest},
                {"over_rate", em->tiktok.over_rate},
                {"research_requests_highest", em->tiktok.highest},
                {"over_day", em->tiktok.over_day},
                {"dead_refresh", em->tiktok.dead_refresh}};
    nilo_json_key(o, "tiktok");
    nilo_json_object_begin(o);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        nilo_json_key(o, rows[i].name);
        nilo_json_int(o, rows[i].n);
    }
    nilo_json_object_end(o);
}

/* The bucket is the endpoint's number among those whose calls are counted. */
static const struct emu_endpoint endpoints[] = {
    {"GET", "open.tiktokapis.com", "/v2/user/info/", 0, user_info},
    {"POST", "open.tiktokapis.com", "/v2/video/list/", 1, video_list},
    {"POST", "open.tiktokapis.com", "/v2/video/query/", 2, video_query},
    {"POST", "open.tiktokapis.com", "/v2/research/user/info/", 3, research_user},
    {"POST", "open.tiktokapis.com", "/v2/research/video/query/", 4, research_query},
    {"POST", "open.tiktokapis.com", "/v2/oauth/token/", -1, token_endpoint},
    {"GET", "www.tiktok.com", "/v2/auth/authorize/", -1, authorize},
    {0},
};
const struct emu_platform emu_tiktok = {"tiktok", endpoints, fail, admit};
