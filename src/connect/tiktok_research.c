/* TikTok's Research API: public videos of anybody, saves too, for institutions that TikTok has approved (creators and businesses are not). Nobody signs in: the
 * app's own key and secret get a token for two hours.
 *
 * It is asked by conditions and days, at most 30 days apart, 100 videos a call. So a listing goes back window by window, newest first, as far as the setting says
 * or until as many videos were seen as the account has; its cursor says where: the window's last day, the place in it, the search, how many were seen. Readings
 * are asked by id, in one window as well: an id tells when it was made (its upper 32 bits are seconds since 1970), and those that lie too far apart are
 * asked for apart. Ids come as numbers beyond 2^53. Facts and where they were found: the notes on platform APIs, section 4.2. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "connect/tiktok_priv.h"

#define IDS    100
#define WINDOW 30 /* days from first to last at most */
#define MARGIN 1  /* days: an id is made when the upload begins */
#define BODY   16384

enum { SETTING_HISTORY = NILO__TT_TOKEN + 1 };
static const struct nilo_connector_setting settings[] = {
    [NILO__TT_BASE] = {"api_base", "https://open.tiktokapis.com/v2", "beginning of the API's addresses", true},
    [NILO__TT_TOKEN] = {"token_url", "https://open.tiktokapis.com/v2/oauth/token", "where the app's token comes from (without the slash at its end)", true},
    [SETTING_HISTORY] = {"history_days", "365", "so many days back an account's videos are looked for; each 30 of them cost a request of 1,000 a day", false},
};

/* 100,000 records a day as well: no more than 100 times the requests. */
static const struct nilo_connector_bucket buckets[] = {
    {"requests", 1000, 86400, "UTC", true, "requests a day (UTC)", false},
};

/* ---- days ------------------------------------------------------------------------------------------------------------------------------- */

static nilo_day today_of(const struct nilo_ask *ask)
{
    return NILO_DAY((int32_t)(ask->now / NILO_US_DAY));
}

static void put_day(struct nilo_json_out *o, const char *name, nilo_day day)
{
    int year, month, dom;
    char text[32];
    nilo_day_to_civil(day, &year, &month, &dom);
    snprintf(text, sizeof text, "%04d%02d%02d", year, month, dom);
    nilo_json_key(o, name);
    nilo_json_str(o, text);
}

/* The day an id was made on; false: it is none. */
static bool day_of_id(const char *id, nilo_day *ret)
{
    if (!nilo__tt_id_fine(id) || strlen(id) > 19)
        return false;
    *ret = NILO_DAY((int32_t)((strtoull(id, NULL, 10) >> 32) / 86400));
    return true;
}

static bool lie_together(nilo_day first, nilo_day last)
{
    return last.n - first.n + 2 * MARGIN <= WINDOW;
}

static size_t together(const char *const *ids, size_t n)
{
    nilo_day first = NILO_DAY_NONE, last = NILO_DAY_NONE, day;
    for (size_t i = 0; i < n; i++) {
        if (!day_of_id(ids[i], &day))
            return i > 0 ? i : 1; /* by itself: it is refused, and the others are not */
        nilo_day from = i == 0 || day.n < first.n ? day : first, to = i == 0 || day.n > last.n ? day : last;
        if (!lie_together(from, to))
            return i;
        first = from;
        last = to;
    }
    return n;
}

/* ---- where a listing is ------------------------------------------------------------------------------------------------------------------ */

struct place {
    nilo_day last;      /* of the window */
    int64_t at, seen;   /* in it; of all windows */
    const char *search; /* NULL = it begins */
};

static bool take_number(const char **text, char end, int64_t *ret)
{
    size_t n = strspn(*text, "0123456789");
    if (n == 0 || n > 9 || (*text)[n] != end)
        return false;
    *ret = strtoll(*text, NULL, 10);
    *text += n + (end != '\0');
    return true;
}

/* "DAY:AT:SEEN:SEARCH" */
static bool read_place(const char *cursor, struct place *ret)
{
    int64_t day = 0;
    if (!take_number(&cursor, ':', &day) || !take_number(&cursor, ':', &ret->at) || !take_number(&cursor, ':', &ret->seen) || day > NILO_DAY_MAX.n)
        return false;
    ret->last = NILO_DAY((int32_t)day);
    ret->search = cursor[0] != '\0' ? cursor : NULL;
    return strspn(cursor, "0123456789") == strlen(cursor) && strlen(cursor) <= 20;
}

static int place_of(const struct nilo_ask *ask, struct place *ret, struct nilo_err *err)
{
    *ret = (struct place){.last = today_of(ask)};
    return ask->cursor == NULL || read_place(ask->cursor, ret) ? 0 : nilo_err_set(err, NILO_EINVAL, "TikTok says that there are more videos, but not where its listing goes on");
}

static int64_t history_of(const struct nilo_ask *ask)
{
    int64_t days;
    return nilo__count_of(nilo_connector_setting(&nilo__tiktok_research, ask, SETTING_HISTORY), &days) && days <= 36600 ? days : 365;
}

/* ---- requests ------------------------------------------------------------------------------------------------------------------------------ */

/* A name as TikTok allows them, with or without its @. NULL: it is none */
static const char *name_of(const char *account)
{
    const char *name = account != NULL ? account + (account[0] == '@') : "";
    size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._");
    return n > 0 && n <= 64 && name[n] == '\0' ? name : NULL;
}

static int need_name(const struct nilo_ask *ask, const char **ret, struct nilo_err *err)
{
    *ret = name_of(ask->account);
    return *ret != NULL ? 0 : nilo_err_set(err, NILO_EINVAL, "%.100s is no TikTok name; give one under accounts: (@somebody)", ask->account != NULL ? ask->account : "nobody");
}

static int make_account(struct nilo__making *m, struct nilo_err *err)
{
    const char *name;
    struct nilo_buf b;
    struct nilo_json_out o;
    if (need_name(m->ask, &name, err) != 0)
        return -1;
    nilo__at_setting(m, NILO__TT_BASE, "/research/user/info/", "tiktok research account");
    nilo__add_query(m, "fields", "display_name,avatar_url,follower_count,likes_count,video_count");
    nilo_buf_init(&b, BODY);
    nilo_json_out_init(&o, &b);
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "username");
    nilo_json_str(&o, name);
    nilo_json_object_end(&o);
    nilo__add_json_body(m, &b);
    nilo_buf_done(&b);
    return nilo__tt_sign(m, err);
}

static void begin_query(struct nilo_json_out *o, const char *field, const char *const *values, size_t n)
{
    nilo_json_object_begin(o);
    nilo_json_key(o, "query");
    nilo_json_object_begin(o);
    nilo_json_key(o, "and");
    nilo_json_array_begin(o);
    nilo_json_object_begin(o);
    nilo_json_key(o, "field_name");
    nilo_json_str(o, field);
    nilo_json_key(o, "operation");
    nilo_json_str(o, "IN");
    nilo_json_key(o, "field_values");
    nilo_json_array_begin(o);
    for (size_t i = 0; i < n; i++)
        nilo_json_str(o, values[i]);
    nilo_json_array_end(o);
    nilo_json_object_end(o);
    nilo_json_array_end(o);
    nilo_json_object_end(o);
    nilo_json_key(o, "max_count");
    nilo_json_int(o, NILO__TT_VIDEOS);
}

static int make_list(struct nilo__making *m, struct nilo_err *err)
{
    struct place at;
    const char *name;
    struct nilo_buf b;
    struct nilo_json_out o;
    if (need_name(m->ask, &name, err) != 0 || place_of(m->ask, &at, err) != 0)
        return -1;
    nilo__at_setting(m, NILO__TT_BASE, "/research/video/query/", "tiktok research videos");
    nilo__add_query(m, "fields", "id,create_time,username,video_description,video_duration");
    nilo_buf_init(&b, BODY);
    nilo_json_out_init(&o, &b);
    begin_query(&o, "username", &name, 1);
    nilo_json_key(&o, "cursor");
    nilo_json_int(&o, at.at);
    put_day(&o, "start_date", NILO_DAY(at.last.n - WINDOW + 1));
    put_day(&o, "end_date", at.last);
    if (at.search != NULL) {
        nilo_json_key(&o, "search_id");
        nilo_json_str(&o, at.search);
    }
    nilo_json_object_end(&o);
    nilo__add_json_body(m, &b);
    nilo_buf_done(&b);
    return nilo__tt_sign(m, err);
}

static int make_metrics(struct nilo__making *m, struct nilo_err *err)
{
    const struct nilo_ask *a = m->ask;
    nilo_day first = NILO_DAY_NONE, last = NILO_DAY_NONE, day;
    struct nilo_buf b;
    struct nilo_json_out o;
    if (a->n_ids == 0 || a->n_ids > IDS)
        return nilo_err_set(err, NILO_EINVAL, "%zu videos in one call of TikTok's; it takes 1 to %d", a->n_ids, IDS);
    for (size_t i = 0; i < a->n_ids; i++) {
        if (!day_of_id(a->ids[i], &day) || day.n > today_of(a).n + MARGIN)
            return nilo_err_set(err, NILO_EINVAL, "%.100s is no id of a TikTok video", a->ids[i]);
        first = i == 0 || day.n < first.n ? day : first;
        last = i == 0 || day.n > last.n ? day : last;
    }
    if (!lie_together(first, last))
        return nilo_err_set(err, NILO_EINVAL, "videos of more than %d days are not asked for in one call of TikTok's", WINDOW - 2 * MARGIN);
    nilo__at_setting(m, NILO__TT_BASE, "/research/video/query/", "tiktok research counts");
    nilo__add_query(m, "fields", "id,create_time,username,video_description,video_duration,view_count,like_count,comment_count,share_count,favorites_count");
    nilo_buf_init(&b, BODY);
    nilo_json_out_init(&o, &b);
    begin_query(&o, "video_id", a->ids, a->n_ids);
    put_day(&o, "start_date", NILO_DAY(first.n - MARGIN));
    put_day(&o, "end_date", NILO_DAY(last.n + MARGIN < today_of(a).n ? last.n + MARGIN : today_of(a).n > first.n ? today_of(a).n : first.n));
    nilo_json_object_end(&o);
    nilo__add_json_body(m, &b);
    nilo_buf_done(&b);
    return nilo__tt_sign(m, err);
}

static int make_token(struct nilo__making *m, struct nilo_err *err)
{
    const struct nilo_credentials *c = m->ask->credentials;
    if (c->client_id == NULL || c->client_secret == NULL)
        return nilo_err_set(err, NILO_EINVAL, "TikTok's Research API needs client_id and client_secret of an approved project, under platforms: in the configuration");
    nilo__at_setting(m, NILO__TT_TOKEN, "/", "tiktok research token");
    m->call->http.method = "POST";
    nilo__add_form(m, "client_key", c->client_id, false);
    nilo__add_form(m, "client_secret", c->client_secret, true);
    nilo__add_form(m, "grant_type", "client_credentials", false);
    return 0;
}

static int make(const struct nilo_ask *ask, struct nilo_arena *arena, struct nilo_call *ret, struct nilo_err *err)
{
    static nilo__make_op *const by_op[NILO_OPS] = {
        [NILO_OP_ACCOUNT] = make_account, [NILO_OP_LIST] = make_list, [NILO_OP_METRICS] = make_metrics, [NILO_OP_REFRESH] = make_token,
    };
    return nilo__make(&nilo__tiktok_research, by_op, 0, -1, ask, arena, ret, err);
}

/* ---- answers ------------------------------------------------------------------------------------------------------------------------------- */

/* The account's number of videos goes along with its name to where its listing may end. */
static int take_account(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    const char *name = name_of(ask->account);
    if (nilo__tt_take_account(ask, a, arena, ret, err) != 0)
        return -1;
    if (ret->n_accounts == 0 || name == NULL)
        return 0;
    struct nilo_account *account = (struct nilo_account *)(uintptr_t)&ret->accounts[0]; /* made just now, in the arena */
    account->id = account->handle = name;
    account->url = nilo_arena_printf(arena, "https://www.tiktok.com/@%s", name);
    account->listing = account->items >= 0 ? nilo_arena_printf(arena, "%lld", (long long)account->items) : NULL;
    return account->url != NULL && (account->items < 0 || account->listing != NULL) ? 0 : nilo_err_nomem(err);
}

/* After this page: the rest of the window, or the window before it. */
static int next_place(const struct nilo_ask *ask, const struct nilo__tt_page *p, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    struct place at;
    int64_t cursor, all;
    if (place_of(ask, &at, NULL) != 0)
        return 0; /* nobody asked so */
    int64_t seen = at.seen + (int64_t)p->n;
    if (p->more) {
        bool said = nilo__count_of(p->cursor, &cursor) && cursor > at.at && cursor < 1000000000 && p->search != NULL && nilo__tt_id_fine(p->search);
        ret->next = said ? nilo_arena_printf(arena, "%d:%lld:%lld:%s", (int)at.last.n, (long long)cursor, (long long)seen, p->search) : NILO__TT_NOWHERE;
        return ret->next != NULL ? 0 : nilo_err_nomem(err);
    }
    nilo_day before = NILO_DAY(at.last.n - WINDOW);
    bool all_seen = nilo__count_of(ask->listing, &all) && seen >= all;
    if (all_seen || before.n <= today_of(ask).n - history_of(ask) || before.n < WINDOW)
        return 0;
    ret->next = nilo_arena_printf(arena, "%d:0:%lld:", (int)before.n, (long long)seen);
    return ret->next != NULL ? 0 : nilo_err_nomem(err);
}

static int take_list(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    struct nilo__tt_page *p;
    bool read;
    if (nilo__tt_page(a, arena, &p, &read, ret, err) != 0 || (read && nilo__tt_list(p, ask, arena, ret, err) != 0))
        return -1;
    return read ? next_place(ask, p, arena, ret, err) : 0;
}

/* What is missing may be on a page that was not asked for: it is asked for once more before it counts as gone. */
static int take_metrics(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    struct nilo__tt_page *p;
    bool read;
    if (nilo__tt_page(a, arena, &p, &read, ret, err) != 0)
        return -1;
    if (!read)
        return 0;
    if (nilo__tt_items(p, ask, true, arena, ret, err) != 0)
        return -1;
    for (size_t i = 0; i < ret->n_items; i++) {
        struct nilo_item *item = (struct nilo_item *)(uintptr_t)&ret->items[i]; /* made just now, in the arena */
        if (item->class != NILO_CLASS_GONE)
            continue;
        item->unsure = ask->variant == 0;
        item->reason = "TikTok answers without it: deleted, private, or not in its research data";
        if (p->more && ask->variant != 0) {
            item->class = NILO_CLASS_TRANSIENT;
            item->reason = "TikTok answered a part of what was asked";
        }
    }
    ret->doubt_variant = 1;
    return 0;
}

static int take_token(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    (void)ask;
    return nilo__tt_take_tokens(a, arena, ret, err);
}

static int take(const struct nilo_ask *ask, const struct nilo_http_answer *answer, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    static int (*const by_op[NILO_OPS])(const struct nilo_ask *, const struct nilo_http_answer *, struct nilo_arena *, struct nilo_result *, struct nilo_err *) = {
        [NILO_OP_ACCOUNT] = take_account, [NILO_OP_LIST] = take_list, [NILO_OP_METRICS] = take_metrics, [NILO_OP_REFRESH] = take_token,
    };
    if (nilo__tt_refusal(answer, ask->op == NILO_OP_REFRESH ? NILO__TT_TOKENS : NILO__TT_DATA, arena, ret)) {
        ret->variant = ask->variant;
        /* nobody's consent is in it: a project that may not is the app's matter */
        ret->key_wrong = ret->key_wrong || strncmp(ret->reason, "scope_", 6) == 0;
        return 0;
    }
    ret->variant = ask->op == NILO_OP_METRICS ? 0 : ask->variant;
    if (by_op[ask->op] == NULL)
        return nilo__unreadable("TikTok", arena, &(struct nilo_err){.msg = "nothing like that is asked for"}, ret);
    return by_op[ask->op](ask, answer, arena, ret, err);
}

static const char *const metrics[] = {"views", "likes", "comments", "shares", "saves", NULL};

const struct nilo_connector nilo__tiktok_research = {
    .platform = "tiktok_research",
    .title = "TikTok Research",
    .ids_per_call = IDS,
    .at_once = 4,
    .ops = 1u << NILO_OP_ACCOUNT | 1u << NILO_OP_LIST | 1u << NILO_OP_METRICS | 1u << NILO_OP_REFRESH,
    .needs_token = 1u << NILO_OP_ACCOUNT | 1u << NILO_OP_LIST | 1u << NILO_OP_METRICS,
    .app_token = true,
    .settings = settings,
    .n_settings = sizeof(settings) / sizeof(settings[0]),
    .buckets = buckets,
    .n_buckets = sizeof(buckets) / sizeof(buckets[0]),
    .metrics = metrics,
    .together = together,
    .make = make,
    .take = take,
};
