/* What TikTok Shop answers: errors, and rows of videos.
 *
 * Every answer is {code, message, request_id, data}, and code 0 alone is a success, whatever the status. Rows differ by version: units_sold was items_sold before,
 * and what a thousand views brought is told from 202509 on. Money is text in whole units of a currency that stands beside it; a rate is "12.5%" in one version and
 * "0.0528" in another, and means the same. Facts and where they were found: the notes on platform APIs, section 4.4. */
#include "connect/tiktok_shop_priv.h"

#include <string.h>

#include "base/decimal.h"

#define SAID_MAX   300
#define TEXT_MAX   1000
#define TOKEN_MAX  4096
#define ROWS_MAX   1000
#define AHEAD      NILO_US_DAY  /* a clock may be so wrong, or the shop's day so far ahead */
#define HOURLY     NILO_US_HOUR /* a sandbox counts by the hour: so long after a refusal there is room again */
#define LENGTH_MAX (366 * 86400)

/* ---- errors ---------------------------------------------------------------------------------------------------------------------------- */

#define UNKNOWN_PATH "36009009"
static const struct word {
    const char *code;
    enum nilo_class class;
    bool key_wrong;
} words[] = {
    {"28001022", NILO_CLASS_INVALID, false},      /* the dates of a window */
    {"36009003", NILO_CLASS_TRANSIENT, false},    /* internal */
    {UNKNOWN_PATH, NILO_CLASS_INVALID, false},    /* path or version */
    {"36009037", NILO_CLASS_RATE_LIMITED, false}, /* a sandbox's calls of an hour */
    {"105000", NILO_CLASS_AUTH, false},
    {"105001", NILO_CLASS_AUTH, false},
    {"105002", NILO_CLASS_AUTH, false},           /* the token has expired */
    {"105005", NILO_CLASS_PERMISSION, false},     /* scope */
    {"101000", NILO_CLASS_PERMISSION, false},     /* a token of another kind: somebody else has to sign in */
    {"106001", NILO_CLASS_PERMISSION, true},      /* signature: the app's secret is wrong */
};

struct said {
    const char *code, *message;
    struct nilo_arena *arena;
    struct nilo_err *err;
};

static int take_said(void *ctx, const char *path, enum nilo_json_event event, const char *text, size_t len)
{
    static const struct nilo__want wants[] = {{"code", offsetof(struct said, code)}, {"message", offsetof(struct said, message)}};
    struct said *s = ctx;
    return nilo__want_take(wants, 2, s, path, event, text, len, SAID_MAX, s->arena, s->err);
}

static const struct word *word_of(const char *code)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i].code, code) == 0)
            return &words[i];
    }
    return NULL;
}

/* A code that nobody knows: the status it came with decides, and inside of a success the answer is none; what refuses a refresh token has no code that is known for
 * sure, but a family of its own. */
static void of_code(const struct nilo_ask *ask, const struct nilo_http_answer *a, const struct said *s, struct nilo_arena *arena, struct nilo_result *ret)
{
    const struct word *known = word_of(s->code);
    bool tokens = ask->op == NILO_OP_REFRESH || ask->op == NILO_OP_EXCHANGE;
    if (known != NULL) {
        ret->class = known->class;
        ret->key_wrong = known->key_wrong;
    } else if (tokens && strncmp(s->code, "360040", 6) == 0) {
        ret->class = NILO_CLASS_AUTH;
    } else if (ret->class == NILO_CLASS_OK) {
        ret->class = NILO_CLASS_INVALID;
    }
    if ((ret->class == NILO_CLASS_RATE_LIMITED || ret->class == NILO_CLASS_TRANSIENT) && a->retry_after_ms >= 0) {
        ret->until = NILO_UNTIL_TIME;
        ret->retry_at = a->ended_at + a->retry_after_ms * 1000;
    } else if (ret->class == NILO_CLASS_RATE_LIMITED && known != NULL) {
        ret->until = NILO_UNTIL_TIME;
        ret->retry_at = a->ended_at + HOURLY;
    }
    const char *message = s->message != NULL && s->message[0] != '\0' ? nilo_arena_printf(arena, "TikTok Shop says: %s (%s)", s->message, s->code)
                                                                    : nilo_arena_printf(arena, "TikTok Shop says: %s", s->code);
    ret->reason = s->code;
    ret->message = message != NULL ? message : "TikTok Shop says that something is wrong";
}

/* The version before, where there is one. */
static void fall_back(const struct nilo_ask *ask, struct nilo_result *ret)
{
    unsigned shift = ask->n_ids == 0 ? 0 : 4;
    if (ask->op != NILO_OP_REPORT || strcmp(ret->reason, UNKNOWN_PATH) != 0 || nilo__ts_version(ask) + 1 >= NILO__TS_VERSIONS)
        return;
    ret->again = true;
    ret->variant = ask->variant + (1u << shift);
}

bool nilo__ts_refusal(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret)
{
    struct nilo_err why = {0};
    struct said s = {.arena = arena, .err = &why};
    bool tokens = ask->op == NILO_OP_REFRESH || ask->op == NILO_OP_EXCHANGE;
    bool ended = nilo_result_of_end(a, arena, ret);
    ret->variant = ask->variant;
    if (ended)
        return true;
    nilo_result_of_status(a, arena, ret);
    if (nilo__walk(a->body, a->n_body, take_said, &s, &why) != 0) {
        if (ret->class != NILO_CLASS_OK)
            return true; /* no words of TikTok's: the status alone */
        /* what cannot be read may hold a token: it is not quoted */
        nilo__unreadable("TikTok Shop", arena, tokens ? &(struct nilo_err){.msg = "no JSON"} : &why, ret);
        ret->variant = ask->variant;
        return true;
    }
    if (s.code != NULL && s.code[0] != '\0' && strcmp(s.code, "0") != 0) {
        of_code(ask, a, &s, arena, ret);
        fall_back(ask, ret);
        return true;
    }
    if (ret->class != NILO_CLASS_OK)
        return true;
    if (s.code != NULL && strcmp(s.code, "0") == 0)
        return false;
    nilo__unreadable("TikTok Shop", arena, &(struct nilo_err){.msg = "it does not say whether it is one (code)"}, ret);
    ret->variant = ask->variant;
    return true;
}

/* ---- rows ------------------------------------------------------------------------------------------------------------------------------ */

/* As they were written. What is there and is no text or number is "?", which neither is: it is no absent one. */
struct row {
    const char *id, *title, *username, *posted, *duration, *items, *units, *orders, *views, *ctr;
    const char *gmv, *gmv_currency, *gpm, *gpm_currency;
};
static const struct member {
    const char *name;
    size_t offset;
    bool text;
} members[] = {
    {"id", offsetof(struct row, id), false},
    {"title", offsetof(struct row, title), true},
    {"username", offsetof(struct row, username), true},
    {"video_post_time", offsetof(struct row, posted), false},
    {"duration", offsetof(struct row, duration), false},
    {"items_sold", offsetof(struct row, items), false},
    {"units_sold", offsetof(struct row, units), false},
    {"sku_orders", offsetof(struct row, orders), false},
    {"views", offsetof(struct row, views), false},
    {"click_through_rate", offsetof(struct row, ctr), false},
    {"gmv", offsetof(struct row, gmv), false}, /* is an object: else "?" */
    {"gmv.amount", offsetof(struct row, gmv), false},
    {"gmv.currency", offsetof(struct row, gmv_currency), false},
    {"gpm", offsetof(struct row, gpm), false},
    {"gpm.amount", offsetof(struct row, gpm), false},
    {"gpm.currency", offsetof(struct row, gpm_currency), false},
};
#define IN_ROW "data.videos[]."

struct page {
    struct nilo_arena *arena;
    struct row *all;
    size_t n;         /* entries there were; of those beyond the room nothing is kept */
    bool list;        /* there is a list of videos, empty or not */
    const char *next, *latest, *total;
    struct nilo_err *err;
};

static int put_member(struct page *p, const struct member *m, enum nilo_json_event event, const char *text, size_t len)
{
    bool scalar = event == NILO_JSON_STRING || event == NILO_JSON_NUMBER, money = strcmp(m->name, "gmv") == 0 || strcmp(m->name, "gpm") == 0;
    bool end = event == NILO_JSON_OBJECT_END || event == NILO_JSON_ARRAY_END;
    if (event == NILO_JSON_NULL || end || (m->text && (event != NILO_JSON_STRING || len == 0)) || (money && event == NILO_JSON_OBJECT_BEGIN))
        return 0;
    bool good = scalar && !money;
    const struct nilo__want want = {m->name, m->offset};
    return nilo__want_take(&want, 1, &p->all[p->n - 1], m->name, NILO_JSON_STRING, good ? text : "?", good ? len : 1, TEXT_MAX, p->arena, p->err);
}

static int take_page(void *ctx, const char *path, enum nilo_json_event event, const char *text, size_t len)
{
    static const struct nilo__want wants[] = {
        {"data.next_page_token", offsetof(struct page, next)}, {"data.latest_available_date", offsetof(struct page, latest)}, {"data.total_count", offsetof(struct page, total)},
    };
    struct page *p = ctx;
    p->list |= event == NILO_JSON_ARRAY_BEGIN && strcmp(path, "data.videos") == 0;
    if (strcmp(path, "data.videos[]") == 0 && event != NILO_JSON_OBJECT_END && event != NILO_JSON_ARRAY_END)
        p->n++;
    if (p->n > 0 && p->n <= ROWS_MAX && strncmp(path, IN_ROW, sizeof(IN_ROW) - 1) == 0) {
        for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
            if (strcmp(members[i].name, path + sizeof(IN_ROW) - 1) == 0)
                return put_member(p, &members[i], event, text, len);
        }
        return 0;
    }
    return nilo__want_take(wants, sizeof(wants) / sizeof(wants[0]), p, path, event, text, len, TOKEN_MAX, p->arena, p->err);
}

/* What is wrong with an item is said of it; of several things the last. */
static void complain(struct nilo_item *item, const char *reason)
{
    item->class = NILO_CLASS_INVALID;
    item->reason = reason != NULL ? reason : "something it says does not read";
}

static void put_count(struct nilo_item_value *to, const char *name, const char *text, int64_t factor, struct nilo_arena *arena, struct nilo_item *item)
{
    *to = (struct nilo_item_value){.metric = nilo__metric_of(name), .absence = NILO_NOT_REPORTED};
    if (text == NULL)
        return;
    bool good = nilo__count_of(text, &to->value) && !__builtin_mul_overflow(to->value, factor, &to->value);
    to->absence = good ? NILO_PRESENT : NILO_FAILED;
    if (!good)
        complain(item, nilo_arena_printf(arena, "TikTok Shop's %s is \"%.40s\", which is no count that can be kept", name, text));
}

/* A number that is not negative, as JSON writes them; 10^scale of it. round: digits beyond are not kept. */
static bool number_of(const char *text, size_t len, int scale, bool round, int64_t *ret)
{
    return len > 0 && text[0] >= '0' && text[0] <= '9' && nilo_decimal_parse(text, len, scale, round, ret, NULL) == 0;
}

static bool is_currency(const char *text)
{
    return text != NULL && strlen(text) == 3 && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 3;
}

/* Hundredths of the currency's unit, whatever its own smallest coin is: of one without coins they end in 00, of one with thousandths those that do not fit are
 * refused. What a thousand views brought is an average, and rounded. */
static void put_money(struct nilo_item_value *to, const char *name, const char *text, const char *currency, enum nilo_absence missing, struct nilo_arena *arena,
                      struct nilo_item *item)
{
    *to = (struct nilo_item_value){.metric = nilo__metric_of(name), .absence = text == NULL && currency == NULL ? missing : NILO_FAILED};
    if (to->absence != NILO_FAILED)
        return;
    bool average = to->metric->type == NILO_AVERAGE;
    if (text == NULL)
        complain(item, nilo_arena_printf(arena, "TikTok Shop's %s has a currency and no amount", name));
    else if (!is_currency(currency))
        complain(item, nilo_arena_printf(arena, "TikTok Shop's %s of %.40s does not say in which currency it is", name, text));
    else if (number_of(text, strlen(text), to->metric->scale, average, &to->value))
        to->absence = NILO_PRESENT;
    else if (number_of(text, strlen(text), to->metric->scale, true, &to->value))
        complain(item, nilo_arena_printf(arena, "TikTok Shop's %s is %.40s %s, and amounts are kept in hundredths; the setting currency: USD has all amounts in dollars", name, text, currency));
    else
        complain(item, nilo_arena_printf(arena, "TikTok Shop's %s is \"%.40s\", which is no amount that can be kept", name, text));
    to->currency = to->absence == NILO_PRESENT ? currency : NULL;
}

/* Per cent: "12.5%" says so, "0.0528" is a share of one. What is more than all, or is neither, is refused. */
static void put_rate(struct nilo_item_value *to, const char *text, struct nilo_arena *arena, struct nilo_item *item)
{
    *to = (struct nilo_item_value){.metric = nilo__metric_of("ctr"), .absence = NILO_NOT_REPORTED};
    if (text == NULL)
        return;
    size_t n = strlen(text);
    bool percent = n > 1 && text[n - 1] == '%';
    int scale = to->metric->scale + (percent ? 0 : 2);
    bool good = number_of(text, n - percent, scale, true, &to->value) && to->value <= 100 * nilo_pow10(to->metric->scale);
    to->absence = good ? NILO_PRESENT : NILO_FAILED;
    if (!good)
        complain(item, nilo_arena_printf(arena, "TikTok Shop's click_through_rate is \"%.40s\", which is no share of one and no percentage", text));
}

static nilo_us posted(const char *text, const struct nilo_ask *ask, struct nilo_arena *arena, struct nilo_item *item)
{
    nilo_us at = nilo__instant_of(text);
    if (text == NULL)
        return NILO_US_NONE;
    if (at == NILO_US_NONE)
        complain(item, nilo_arena_printf(arena, "TikTok Shop's video_post_time is \"%.40s\", which is no time", text));
    else if (at > ask->now + AHEAD)
        complain(item, nilo_arena_printf(arena, "TikTok Shop's video_post_time is %.40s, which has not come yet", text));
    else
        return at;
    return NILO_US_NONE;
}

static void put_duration(struct nilo_item_value *to, const char *text, struct nilo_arena *arena, struct nilo_item *item)
{
    int64_t s;
    *to = (struct nilo_item_value){.metric = nilo__metric_of("duration"), .absence = NILO_NOT_REPORTED};
    if (text == NULL)
        return;
    if (!nilo__count_of(text, &s) || s > LENGTH_MAX) {
        to->absence = NILO_FAILED;
        complain(item, nilo_arena_printf(arena, "TikTok Shop's duration is \"%.40s\", which is no length of a video", text));
        return;
    }
    to->absence = NILO_PRESENT;
    to->value = s * nilo_pow10(to->metric->scale);
    item->duration_ms = s * 1000;
}

static int fill_item(const struct row *r, const struct nilo_ask *ask, struct nilo_arena *arena, struct nilo_item *ret, struct nilo_err *err)
{
    enum nilo_absence no_gpm = nilo__ts_version(ask) == NILO__TS_202409 ? NILO_UNSUPPORTED : NILO_NOT_REPORTED;
    struct nilo_item_value *to = nilo_arena_array(arena, 7, sizeof(*to));
    if (to == NULL)
        return nilo_err_nomem(err);
    *ret = (struct nilo_item){.id = r->id, .kind = NILO_CONTENT, .win = ask->win, .day = ask->day, .title = r->title, .media_type = "video", .posted_at = NILO_US_NONE,
                              .duration_ms = -1, .values = to, .n_values = 7};
    ret->posted_at = posted(r->posted, ask, arena, ret);
    put_money(&to[0], "gmv", r->gmv, r->gmv_currency, NILO_NOT_REPORTED, arena, ret);
    put_money(&to[1], "gpm", r->gpm, r->gpm_currency, no_gpm, arena, ret);
    put_rate(&to[2], r->ctr, arena, ret);
    put_count(&to[3], "items_sold", r->items != NULL ? r->items : r->units, 1, arena, ret);
    put_count(&to[4], "orders", r->orders, 1, arena, ret);
    put_count(&to[5], "views", r->views, 1, arena, ret);
    put_duration(&to[6], r->duration, arena, ret);
    bool plain = r->username != NULL && strspn(r->username, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._") == strlen(r->username);
    if (plain && (ret->url = nilo_arena_printf(arena, "https://www.tiktok.com/@%s/video/%s", r->username, r->id)) == NULL)
        return nilo_err_nomem(err);
    return 0;
}

/* The newest day that there are numbers of. A day that has not come yet says nothing. */
static nilo_day through(const char *text, const struct nilo_ask *ask)
{
    nilo_day day;
    if (text == NULL || nilo_day_parse(text, strlen(text), &day, NULL) != 0 || day.n > (ask->now + AHEAD) / NILO_US_DAY)
        return NILO_DAY_NONE;
    return day;
}

int nilo__ts_take_list(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    struct nilo_err why = {0};
    struct page p = {.arena = arena, .all = nilo_arena_array(arena, ROWS_MAX, sizeof(*p.all)), .err = &why};
    if (p.all == NULL)
        return nilo_err_nomem(err);
    int rc = nilo__walk(a->body, a->n_body, take_page, &p, &why);
    if (rc != 0 && why.code == NILO_ENOMEM)
        return nilo_err_nomem(err);
    /* A shop without videos has no list, but says so. */
    bool list = p.list || (p.total != NULL && strcmp(p.total, "0") == 0);
    if (rc == 0 && !list)
        nilo_err_set(&why, NILO_EBODY, "it is JSON, but no list of videos");
    if (rc != 0 || !list)
        return nilo__unreadable("TikTok Shop", arena, &why, ret);
    size_t n = p.n < ROWS_MAX ? p.n : ROWS_MAX;
    struct nilo_item *items = nilo_arena_array(arena, n + 1, sizeof(*items));
    if (items == NULL)
        return nilo_err_nomem(err);
    ret->lacks = p.n > n;
    for (size_t i = 0; i < n; i++) {
        bool fine = p.all[i].id != NULL && nilo__ts_id_fine(p.all[i].id);
        ret->lacks = ret->lacks || !fine;
        if (fine && fill_item(&p.all[i], ask, arena, &items[ret->n_items++], err) != 0)
            return -1;
    }
    ret->items = items;
    ret->next = p.next != NULL && p.next[0] != '\0' ? p.next : NULL;
    ret->through = through(p.latest, ask);
    return 0;
}

/* ---- one video --------------------------------------------------------------------------------------------------------------------------- */

enum { LIKES, COMMENTS, SHARES, DETAILS };
static const char *const names[DETAILS] = {"likes", "comments", "shares"};
struct details {
    const char *text[DETAILS]; /* the newest, where it is no number */
    int64_t sum[DETAILS];
    bool there[DETAILS], wrong[DETAILS], any;
    struct nilo_arena *arena;
    struct nilo_err *err;
};

/* Of a window there may be several spans of days: what they say is added. */
static int take_number(struct details *d, int which, enum nilo_json_event event, const char *text, size_t len)
{
    bool scalar = event == NILO_JSON_STRING || event == NILO_JSON_NUMBER;
    int64_t n;
    if (event == NILO_JSON_NULL || event == NILO_JSON_OBJECT_END || event == NILO_JSON_ARRAY_END)
        return 0;
    char *own = nilo_arena_strndup(d->arena, scalar ? text : "?", scalar ? (len < 100 ? len : 100) : 1);
    if (own == NULL)
        return nilo_err_nomem(d->err);
    d->there[which] = true;
    if (nilo__count_of(own, &n) && !__builtin_add_overflow(d->sum[which], n, &d->sum[which]))
        return 0;
    d->wrong[which] = true;
    d->text[which] = own;
    return 0;
}

static int take_detail(void *ctx, const char *path, enum nilo_json_event event, const char *text, size_t len)
{
    static const char *const heads[] = {"data.performance.intervals[].traffic.", "data.engagement_data.total_", "data.performance.engagement_data.total_",
                                        "data.video.engagement_data.total_"};
    struct details *d = ctx;
    d->any |= (event == NILO_JSON_OBJECT_BEGIN && (strcmp(path, "data.performance") == 0 || strstr(path, "engagement_data") != NULL));
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        size_t n = strlen(heads[i]);
        if (strncmp(path, heads[i], n) != 0)
            continue;
        for (int k = 0; k < DETAILS; k++) {
            if (strcmp(path + n, names[k]) == 0)
                return take_number(d, k, event, text, len);
        }
    }
    return 0;
}

int nilo__ts_take_video(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    struct nilo_err why = {0};
    struct details d = {.arena = arena, .err = &why};
    struct nilo_item *item = nilo_arena_array(arena, 1, sizeof(*item));
    struct nilo_item_value *values = nilo_arena_array(arena, DETAILS, sizeof(*values));
    if (item == NULL || values == NULL)
        return nilo_err_nomem(err);
    int rc = nilo__walk(a->body, a->n_body, take_detail, &d, &why);
    if (rc != 0 && why.code == NILO_ENOMEM)
        return nilo_err_nomem(err);
    if (rc == 0 && !d.any)
        nilo_err_set(&why, NILO_EBODY, "it is JSON, but tells of no video");
    if (rc != 0 || !d.any)
        return nilo__unreadable("TikTok Shop", arena, &why, ret);
    *item = (struct nilo_item){.id = ask->ids[0], .kind = NILO_CONTENT, .win = ask->win, .day = ask->day, .posted_at = NILO_US_NONE, .duration_ms = -1, .values = values,
                               .n_values = DETAILS};
    for (int k = 0; k < DETAILS; k++) {
        values[k] = (struct nilo_item_value){.metric = nilo__metric_of(names[k]), .value = d.sum[k],
                                             .absence = d.wrong[k] ? NILO_FAILED : d.there[k] ? NILO_PRESENT : NILO_NOT_REPORTED};
        if (d.wrong[k])
            complain(item, nilo_arena_printf(arena, "TikTok Shop's %s are \"%.40s\", which is no count that can be kept", names[k], d.text[k]));
    }
    ret->items = item;
    ret->n_items = 1;
    return 0;
}
