/* Instagram's media: what they are, and their metrics (asked for by graph_items.c). Of several: at graph.facebook.com a batch; at graph.instagram.com, where nobody
 * has said that there are batches, ?ids=.
 *
 * Which metrics there are goes by the kind of medium; names that are refused are left out by the variant (graph_variant.c). An empty set is no zero: insights come
 * up to 48 h late, and then they are not reported. likes and comments are in the medium itself, too; likes that its owner hides are in neither. Media from before the
 * account became a business's (100/2108006), and stories that too few have seen (10), have no insights, but they have the rest: they are asked for without. */
#include <string.h>

#include "connect/instagram_priv.h"
#include "connect/walk.h"

#define TEXT_MAX     1000
#define CAPTION_MAX  5000
#define LATE         (48 * NILO_US_HOUR)
#define OLD_BUSINESS 2108006
#define FIELDS       "id,media_type,media_product_type,timestamp,permalink,caption,thumbnail_url,media_url,like_count,comments_count"

/* Names by kind: the bits of variants; at most 16. Kinds as in the connector's table, 0: not known. */
enum { KIND_IMAGE = 1, KIND_VIDEO, KIND_ALBUM, KIND_REEL, KIND_STORY, KIND_AD };
#define NAMES_MAX 9
static const char *const feed[NAMES_MAX] = {"views", "reach", "likes", "comments", "saved", "shares", "total_interactions", "profile_visits", "follows"};
static const char *const reel[NAMES_MAX] = {"views", "reach", "likes", "comments", "saved", "shares", "total_interactions", "ig_reels_video_view_total_time"};
static const char *const story[NAMES_MAX] = {"views", "reach", "shares", "total_interactions", "profile_visits", "follows"};

static const char *const *names_of(int kind, size_t *ret_n)
{
    const char *const *names = kind == KIND_REEL ? reel : kind == KIND_STORY ? story : kind == 0 || kind == KIND_AD ? NULL : feed;
    *ret_n = 0;
    while (names != NULL && *ret_n < NAMES_MAX && names[*ret_n] != NULL)
        ++*ret_n;
    return names;
}

/* What they are called here, in the order of what METRICS brings; the retired ones behind are read where they come. */
static const struct {
    const char *name, *metric;
} metrics[] = {
    {"views", "views"}, {"reach", "reach"}, {"likes", "likes"}, {"comments", "comments"}, {"saved", "saves"}, {"shares", "shares"}, {"total_interactions", "engagement"},
    {"profile_visits", "profile_visits"}, {"follows", "follows"}, {"ig_reels_video_view_total_time", "watch_time_ms"},
    {"impressions", "impressions"}, {"plays", "plays"}, {"video_views", "video_views"}, {"engagement", "engagement"},
};
#define N_METRICS 10
#define N_ALL     (sizeof(metrics) / sizeof(metrics[0]))

/* ---- a medium ------------------------------------------------------------------------------------------------------------------------------- */

static const struct nilo__want wants[] = {
    {"id", offsetof(struct nilo__ig_medium, id)},
    {"media_type", offsetof(struct nilo__ig_medium, type)},
    {"media_product_type", offsetof(struct nilo__ig_medium, product)},
    {"timestamp", offsetof(struct nilo__ig_medium, timestamp)},
    {"permalink", offsetof(struct nilo__ig_medium, permalink)},
    {"caption", offsetof(struct nilo__ig_medium, caption)},
    {"thumbnail_url", offsetof(struct nilo__ig_medium, thumbnail)},
    {"media_url", offsetof(struct nilo__ig_medium, media_url)},
    {"like_count", offsetof(struct nilo__ig_medium, likes)},
    {"comments_count", offsetof(struct nilo__ig_medium, comments)},
    {"owner.id", offsetof(struct nilo__ig_medium, owner)},
};

static bool is_count(const char *path)
{
    return strcmp(path, "like_count") == 0 || strcmp(path, "comments_count") == 0 || strcmp(path, "timestamp") == 0;
}

int nilo__ig_medium_take(struct nilo__ig_medium *m, const char *path, enum nilo_json_event event, const char *text, size_t len, struct nilo_arena *arena, struct nilo_err *err)
{
    if (strncmp(path, "insights.data[]", 15) == 0)
        return nilo__graph_insight_take(&m->insights, path + 15, event, text, len, arena, err);
    if (strcmp(path, "children.data[]") == 0 && event == NILO_JSON_OBJECT_BEGIN)
        m->n_children++;
    if (is_count(path) && nilo__graph_is_odd(event)) {
        text = "?";
        len = 1;
        event = NILO_JSON_STRING;
    }
    return nilo__want_take(wants, sizeof(wants) / sizeof(wants[0]), m, path, event, text, len, strcmp(path, "caption") == 0 ? CAPTION_MAX : TEXT_MAX, arena, err);
}

static const char *type_of(const struct nilo__ig_medium *m, const char *listing)
{
    static const struct {
        const char *product, *type, *is;
    } rows[] = {{"STORY", NULL, "story"}, {"REELS", NULL, "reel"}, {"AD", NULL, "ad"}, {NULL, "IMAGE", "image"}, {NULL, "VIDEO", "video"}, {NULL, "CAROUSEL_ALBUM", "carousel_album"}};
    if (listing != NULL && strcmp(listing, "stories") == 0)
        return "story";
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].product != NULL ? m->product != NULL && strcmp(m->product, rows[i].product) == 0 : m->type != NULL && strcmp(m->type, rows[i].type) == 0)
            return rows[i].is;
    }
    return NULL;
}

void nilo__ig_attrs(const struct nilo__ig_medium *m, const char *listing, nilo_us at, struct nilo_arena *arena, struct nilo_item *item)
{
    item->media_type = type_of(m, listing);
    item->url = m->permalink;
    item->caption = m->caption;
    item->thumbnail = m->thumbnail != NULL ? m->thumbnail : item->media_type != NULL && strcmp(item->media_type, "image") == 0 ? m->media_url : NULL;
    item->account = m->owner;
    nilo__graph_posted("Instagram", "timestamp", m->timestamp, at, arena, item);
}

/* ---- values ------------------------------------------------------------------------------------------------------------------------------------ */

/* What an insight says under one of our names; of a carousel the names had a prefix once. */
static const char *said(const struct nilo__ig_medium *m, const char *name)
{
    static const char album[] = "carousel_album_";
    for (size_t i = 0; i < m->insights.n && i < NILO__GRAPH_INSIGHTS; i++) {
        const char *is = m->insights.all[i].name, *period = m->insights.all[i].period;
        if (is != NULL && strncmp(is, album, sizeof(album) - 1) == 0)
            is += sizeof(album) - 1;
        if (is != NULL && strcmp(is, name) == 0 && (period == NULL || strcmp(period, "lifetime") == 0))
            return m->insights.all[i].value != NULL ? m->insights.all[i].value : m->insights.all[i].total;
    }
    return NULL;
}

/* Why a metric is not there. */
static enum nilo_absence reason_of(const struct nilo_ask *ask, const struct nilo_item *item, const char *name, nilo_us at)
{
    size_t n, i = 0;
    const char *const *names = names_of(ask->kind, &n);
    while (i < n && strcmp(names[i], name) != 0)
        i++;
    if (i == n)
        return ask->kind == 0 ? NILO_NOT_REPORTED : NILO_UNSUPPORTED;
    if ((ask->variant & NILO__GRAPH_NO_INSIGHTS) != 0)
        return ask->kind == KIND_STORY ? NILO_NOT_YET : NILO_UNSUPPORTED; /* too few have seen it yet; too old an account */
    if ((nilo__graph_asked(ask->variant, n) >> i & 1) == 0)
        return NILO_UNSUPPORTED;
    return item->posted_at != NILO_US_NONE && at - item->posted_at < LATE ? NILO_NOT_YET : NILO_NOT_REPORTED;
}

static int fill(const struct nilo_ask *ask, const void *said_of_it, nilo_us at, struct nilo_arena *arena, struct nilo_item *item, struct nilo_err *err)
{
    const struct nilo__ig_medium *m = said_of_it;
    struct nilo_item_value *values = nilo_arena_array(arena, N_ALL, sizeof(*values));
    size_t k = 0;
    if (values == NULL)
        return nilo_err_nomem(err);
    nilo__ig_attrs(m, NULL, at, arena, item);
    for (size_t i = 0; i < N_ALL; i++) {
        const char *text = said(m, metrics[i].name), *name = metrics[i].name;
        bool likes = strcmp(name, "likes") == 0, comments = strcmp(name, "comments") == 0, old = i >= N_METRICS;
        enum nilo_absence without = ask->kind != KIND_STORY && likes ? NILO_HIDDEN : ask->kind != KIND_STORY && comments ? NILO_NOT_REPORTED : reason_of(ask, item, name, at);
        if (text == NULL && (likes || comments))
            text = likes ? m->likes : m->comments;
        if (old && (text == NULL || (strcmp(name, "engagement") == 0 && said(m, "total_interactions") != NULL)))
            continue;
        if (old && strcmp(name, "engagement") == 0) { /* total_interactions' name of old */
            nilo__graph_value("Instagram", &values[6], metrics[i].metric, text, without, arena, item);
            continue;
        }
        nilo__graph_value("Instagram", &values[k++], metrics[i].metric, text, without, arena, item);
    }
    item->values = values;
    item->n_values = k;
    return 0;
}

/* ---- all together ---------------------------------------------------------------------------------------------------------------------------- */

bool nilo__ig_in_batch(const struct nilo_ask *ask)
{
    const char *batch = nilo_connector_setting(&nilo__instagram, ask, NILO__IG_BATCH);
    return batch[0] != '\0' ? strcmp(batch, "yes") == 0 : !nilo__ig_is_instagram(ask);
}

static const char *fields(const struct nilo_ask *ask)
{
    (void)ask;
    return FIELDS;
}

static int member(void *said_of_it, const char *path, enum nilo_json_event event, const char *text, size_t len, struct nilo_arena *arena, struct nilo_err *err)
{
    return nilo__ig_medium_take(said_of_it, path, event, text, len, arena, err);
}

static void attrs(const struct nilo_ask *ask, const void *said_of_it, nilo_us at, struct nilo_arena *arena, struct nilo_item *item)
{
    nilo__ig_attrs(said_of_it, ask->listing, at, arena, item);
}

static const char *id_of(const void *said_of_it)
{
    return ((const struct nilo__ig_medium *)said_of_it)->id;
}

/* Some media have no insights, and the rest of them all the same. */
static bool instead(const struct nilo_ask *ask, const struct nilo__graph_error *e, unsigned *ret)
{
    size_t n;
    names_of(ask->kind, &n);
    if (nilo__graph_asked(ask->variant, n) != 0)
        *ret = NILO__GRAPH_NO_INSIGHTS;
    return (e->code == 100 && e->subcode == OLD_BUSINESS) || (e->code == 10 && e->message != NULL && strstr(e->message, "viewers") != NULL);
}

const struct nilo__graph_items nilo__ig_media = {
    .title = "Instagram",
    .what = "media",
    .purpose = "instagram media",
    .batch_purpose = "instagram media batch",
    .types = nilo__ig_types,
    .size = sizeof(struct nilo__ig_medium),
    .fields = fields,
    .in_batch = nilo__ig_in_batch,
    .address = nilo__ig_address,
    .sign = nilo__ig_sign,
    .names = names_of,
    .member = member,
    .id = id_of,
    .attrs = attrs,
    .fill = fill,
    .instead = instead,
    .one_by_one = true,
};

int nilo__ig_take_list(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    return nilo__graph_take_list(&nilo__ig_media, ask, a, arena, ret, err);
}

int nilo__ig_make_metrics(struct nilo__making *m, struct nilo_err *err)
{
    return nilo__graph_make_items(&nilo__ig_media, m, err);
}

int nilo__ig_take_metrics(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    return nilo__graph_take_items(&nilo__ig_media, ask, a, arena, ret, err);
}
