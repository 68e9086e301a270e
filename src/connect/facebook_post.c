/* Posts of Facebook's pages, and what is counted of them: insights, and the summaries of comments and reactions, in one go (asked for by graph_items.c).
 *
 * Reactions come by kind; the record has their sum, and the kinds as the value's detail. Where the insight is not to be had, the summary's total is the same number.
 * Who may not read what people write (pages_read_user_content) is refused the whole question because of the summaries: they are left out then, and comments are
 * not_permitted. `shares` is not there where nobody has shared, and nobody has said that it is there in all other cases: so nothing is reported, which is no zero. An
 * empty set of insights is none either; they come up to two days late. */
#include "connect/facebook_priv.h"

#include <string.h>

#include "base/decimal.h"
#include "connect/walk.h"

#define TEXT_MAX    1000
#define MESSAGE_MAX 5000
#define LATE        (48 * NILO_US_HOUR)
#define REACTIONS   32 /* kinds; there are eight */
#define SUMMARIES   ",shares,comments.limit(0).summary(true),reactions.limit(0).summary(true)"

/* Names of insights: the bits of variants. Only of videos is told how often they were played. */
static const char *const names[] = {"post_media_view", "post_total_media_view_unique", "post_clicks", "post_reactions_by_type_total", "post_video_views"};
enum { KIND_POST = 1, KIND_STATUS, KIND_PHOTO, KIND_VIDEO, KIND_LINK };

const struct nilo_connector_kind nilo__fb_kinds[NILO__FB_KINDS] = {{"post", 0}, {"status", 0}, {"photo", 0}, {"video", 0}, {"link", 0}};

static const char *const *names_of(int kind, size_t *ret_n)
{
    *ret_n = kind == 0 ? 0 : kind == KIND_POST || kind == KIND_VIDEO ? 5 : 4;
    return names;
}

/* In the order in which they are told; impressions have ended (see `retired` in facebook.c) and come from older versions alone. */
const char *const nilo__fb_metrics[] = {"views", "reach", "clicks", "reactions", "video_views", "comments", "shares", "impressions", NULL};
enum { N_METRICS = 8 };

/* ---- a post ------------------------------------------------------------------------------------------------------------------------------------- */

struct post {
    const char *id, *created, *message, *description, *url, *picture, *status, *shares, *comments, *reactions;
    struct nilo__graph_insights insights;
    struct {
        size_t insight; /* its number, from 1 on: of which insight's value it is */
        const char *name, *value;
    } kinds[REACTIONS];
    size_t n_kinds; /* may be more than there is room for */
};

static const struct nilo__want wants[] = {
    {"id", offsetof(struct post, id)},
    {"created_time", offsetof(struct post, created)},
    {"message", offsetof(struct post, message)},
    {"description", offsetof(struct post, description)},
    {"permalink_url", offsetof(struct post, url)},
    {"full_picture", offsetof(struct post, picture)},
    {"status_type", offsetof(struct post, status)},
    {"shares.count", offsetof(struct post, shares)},
    {"comments.summary.total_count", offsetof(struct post, comments)},
    {"reactions.summary.total_count", offsetof(struct post, reactions)},
};

static bool is_count(const char *path)
{
    static const char *const paths[] = {"created_time", "shares.count", "comments.summary.total_count", "reactions.summary.total_count"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (strcmp(paths[i], path) == 0)
            return true;
    }
    return false;
}

/* A member of an insight's value that is an object. */
static int take_kind(struct post *p, const char *name, enum nilo_json_event event, const char *text, size_t len, struct nilo_arena *arena, struct nilo_err *err)
{
    bool odd = nilo__graph_is_odd(event);
    if (strpbrk(name, ".[") != NULL || event == NILO_JSON_OBJECT_END || event == NILO_JSON_ARRAY_END || event == NILO_JSON_NULL)
        return 0;
    if (p->n_kinds++ >= REACTIONS)
        return 0;
    p->kinds[p->n_kinds - 1].insight = p->insights.n;
    p->kinds[p->n_kinds - 1].name = nilo_arena_strndup(arena, name, strlen(name));
    p->kinds[p->n_kinds - 1].value = nilo_arena_strndup(arena, odd ? "?" : text, odd ? 1 : len < 100 ? len : 100);
    return p->kinds[p->n_kinds - 1].name != NULL && p->kinds[p->n_kinds - 1].value != NULL ? 0 : nilo_err_nomem(err);
}

static int member(void *said, const char *path, enum nilo_json_event event, const char *text, size_t len, struct nilo_arena *arena, struct nilo_err *err)
{
    static const char insight[] = "insights.data[]", value[] = ".values[].value.";
    struct post *p = said;
    if (strncmp(path, insight, sizeof(insight) - 1) == 0) {
        path += sizeof(insight) - 1;
        return strncmp(path, value, sizeof(value) - 1) == 0 ? take_kind(p, path + sizeof(value) - 1, event, text, len, arena, err)
                                                            : nilo__graph_insight_take(&p->insights, path, event, text, len, arena, err);
    }
    if (is_count(path) && nilo__graph_is_odd(event))
        return nilo__want_take(wants, sizeof(wants) / sizeof(wants[0]), p, path, NILO_JSON_STRING, "?", 1, 1, arena, err);
    return nilo__want_take(wants, sizeof(wants) / sizeof(wants[0]), p, path, event, text, len, strcmp(path, "message") == 0 ? MESSAGE_MAX : TEXT_MAX, arena, err);
}

static const char *id_of(const void *said)
{
    return ((const struct post *)said)->id;
}

/* What kind of post the platform calls it; what else there is, or nothing, is a post all the same. */
static const char *type_of(const char *status)
{
    static const struct {
        const char *status, *is;
    } rows[] = {{"mobile_status_update", "status"}, {"wall_post", "status"}, {"added_photos", "photo"}, {"added_video", "video"}, {"shared_story", "link"}};
    for (size_t i = 0; status != NULL && i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].status, status) == 0)
            return rows[i].is;
    }
    return "post";
}

/* Ids of posts are PAGE_POST. */
static const char *page_of(const char *id, struct nilo_arena *arena)
{
    size_t n = strcspn(id, "_");
    return id[n] == '_' ? nilo_arena_strndup(arena, id, n) : NULL;
}

static void attrs(const struct nilo_ask *ask, const void *said, nilo_us at, struct nilo_arena *arena, struct nilo_item *item)
{
    const struct post *p = said;
    (void)ask;
    item->media_type = type_of(p->status);
    item->url = p->url;
    item->caption = p->message != NULL ? p->message : p->description;
    item->thumbnail = p->picture;
    item->account = p->id != NULL ? page_of(p->id, arena) : NULL;
    nilo__graph_posted("Facebook", "created_time", p->created, at, arena, item);
}

/* ---- values ---------------------------------------------------------------------------------------------------------------------------------------- */

static const struct nilo__graph_insight *insight_of(const struct post *p, const char *name, size_t *ret_number)
{
    for (size_t i = 0; i < p->insights.n && i < NILO__GRAPH_INSIGHTS; i++) {
        const struct nilo__graph_insight *one = &p->insights.all[i];
        *ret_number = i + 1;
        if (one->name != NULL && strcmp(one->name, name) == 0 && (one->period == NULL || strcmp(one->period, "lifetime") == 0))
            return one;
    }
    return NULL;
}

static const char *text_of(const struct nilo__graph_insight *one)
{
    return one == NULL ? NULL : one->value != NULL ? one->value : one->total;
}

/* Why an insight is not there. */
static enum nilo_absence reason_of(const struct nilo_ask *ask, const struct nilo_item *item, size_t name, nilo_us at)
{
    size_t n;
    names_of(ask->kind, &n);
    if (ask->kind == 0)
        return NILO_NOT_REPORTED;
    if ((ask->variant & NILO__FB_NOT_PERMITTED) == NILO__FB_NOT_PERMITTED)
        return NILO_NOT_PERMITTED;
    if (name >= n || (nilo__graph_asked(ask->variant, n) >> name & 1) == 0)
        return NILO_UNSUPPORTED;
    return item->posted_at != NILO_US_NONE && at - item->posted_at < LATE ? NILO_NOT_YET : NILO_NOT_REPORTED;
}

/* The sum of the kinds, and the kinds as {"breakdown": {"like": 3}}. One that is no count makes all of it unknown: a part of a sum is none. */
static int put_reactions(const struct post *p, size_t insight, struct nilo_item_value *to, struct nilo_arena *arena, struct nilo_item *item, struct nilo_err *err)
{
    struct nilo_buf b;
    struct nilo_json_out o;
    int64_t sum = 0;
    nilo_buf_init(&b, 1 << 16);
    nilo_json_out_init(&o, &b);
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "breakdown");
    nilo_json_object_begin(&o);
    to->absence = p->n_kinds > REACTIONS ? NILO_FAILED : NILO_PRESENT;
    for (size_t i = 0; i < p->n_kinds && to->absence == NILO_PRESENT; i++) {
        int64_t n;
        if (p->kinds[i].insight != insight)
            continue;
        if (!nilo__count_of(p->kinds[i].value, &n) || __builtin_add_overflow(sum, n, &sum)) {
            to->absence = NILO_FAILED;
            nilo__graph_wrong(item, nilo_arena_printf(arena, "Facebook's reactions of the kind %.40s are \"%.40s\", which is no count that can be kept", p->kinds[i].name,
                                                      p->kinds[i].value));
            break;
        }
        nilo_json_key(&o, p->kinds[i].name);
        nilo_json_int(&o, n);
    }
    nilo_json_object_end(&o);
    nilo_json_object_end(&o);
    if (p->n_kinds > REACTIONS)
        nilo__graph_wrong(item, "Facebook tells of more kinds of reactions than there are");
    to->value = sum;
    to->detail = to->absence == NILO_PRESENT && sum > 0 && !b.failed ? nilo_arena_strdup(arena, nilo_buf_str(&b)) : NULL;
    bool failed = to->absence == NILO_PRESENT && sum > 0 && to->detail == NULL;
    nilo_buf_done(&b);
    return failed ? nilo_err_nomem(err) : 0;
}

static int fill(const struct nilo_ask *ask, const void *said, nilo_us at, struct nilo_arena *arena, struct nilo_item *item, struct nilo_err *err)
{
    const struct post *p = said;
    const bool summaries = (ask->variant & NILO__FB_NO_SUMMARIES) == 0;
    struct nilo_item_value *values = nilo_arena_array(arena, N_METRICS, sizeof(*values));
    size_t number = 0, impressions;
    if (values == NULL)
        return nilo_err_nomem(err);
    attrs(ask, p, at, arena, item);
    for (size_t i = 0; i < 5; i++) {
        const struct nilo__graph_insight *one = insight_of(p, names[i], &number);
        bool reactions = i == 3;
        nilo__graph_value("Facebook", &values[i], nilo__fb_metrics[i], reactions && one != NULL && one->object ? NULL : text_of(one), reason_of(ask, item, i, at), arena, item);
        if (!reactions || values[i].absence == NILO_PRESENT || values[i].absence == NILO_FAILED)
            continue;
        if (one != NULL && one->object && put_reactions(p, number, &values[i], arena, item, err) != 0)
            return -1;
        if (one == NULL || !one->object)
            nilo__graph_value("Facebook", &values[i], "reactions", p->reactions, values[i].absence, arena, item);
    }
    nilo__graph_value("Facebook", &values[5], "comments", p->comments, summaries ? NILO_NOT_REPORTED : NILO_NOT_PERMITTED, arena, item);
    nilo__graph_value("Facebook", &values[6], "shares", p->shares, NILO_NOT_REPORTED, arena, item);
    nilo__graph_value("Facebook", &values[7], "impressions", text_of(insight_of(p, "post_impressions", &impressions)), NILO_UNSUPPORTED, arena, item);
    item->values = values;
    item->n_values = N_METRICS;
    return 0;
}

/* ---- asking ------------------------------------------------------------------------------------------------------------------------------------------ */

static const char *fields(const struct nilo_ask *ask)
{
    return (ask->variant & NILO__FB_NO_SUMMARIES) != 0 ? "id," NILO__FB_POST ",shares" : "id," NILO__FB_POST SUMMARIES;
}

static bool in_batch(const struct nilo_ask *ask)
{
    return strcmp(nilo_connector_setting(&nilo__facebook, ask, NILO__FB_BATCH), "no") != 0;
}

/* What is not permitted: the summaries first, unless the platform says that it is the insights; then those. */
static bool instead(const struct nilo_ask *ask, const struct nilo__graph_error *e, unsigned *ret)
{
    size_t n;
    names_of(ask->kind, &n);
    bool of_token = nilo__graph_of_page_token(e), permission = of_token || e->code == 10 || (e->code >= 200 && e->code <= 299);
    bool of_insights = of_token || (e->message != NULL && strstr(e->message, "insights") != NULL);
    bool insights = nilo__graph_asked(ask->variant, n) != 0, summaries = (ask->variant & NILO__FB_NO_SUMMARIES) == 0;
    if (!permission || (!insights && !summaries))
        return false;
    *ret = insights && (of_insights || !summaries) ? ask->variant | NILO__FB_NOT_PERMITTED : ask->variant | NILO__FB_NO_SUMMARIES;
    return true;
}

static const char *const types[] = {"pages", NULL};

const struct nilo__graph_items nilo__fb_posts = {
    .title = "Facebook",
    .what = "posts",
    .purpose = "facebook post",
    .batch_purpose = "facebook posts batch",
    .types = types,
    .size = sizeof(struct post),
    .fields = fields,
    .in_batch = in_batch,
    .address = nilo__fb_address,
    .sign = nilo__fb_sign,
    .names = names_of,
    .member = member,
    .id = id_of,
    .attrs = attrs,
    .fill = fill,
    .instead = instead,
};
