/* Instagram's media: what they are, and their metrics, with field expansion: each medium's own fields and its insights in one go.
 *
 * Of several: at graph.facebook.com a batch, in which each medium is a question with an answer of its own; at graph.instagram.com, where nobody has said that there
 * are batches, ?ids=, which one wrong id fails (then the caller asks for halves).
 *
 * Which metrics there are goes by the kind of medium; names that are refused are left out by the variant (instagram_variant.c). An empty set is no zero: insights come
 * up to 48 h late, and then they are not reported. likes and comments are in the medium itself, too; likes that its owner hides are in neither. Media from before the
 * account became a business's (100/2108006), and stories that too few have seen (10), have no insights, but they have the rest: they are asked for without. */
#include <string.h>

#include "connect/instagram_priv.h"
#include "connect/walk.h"

#define TEXT_MAX     1000
#define CAPTION_MAX  5000
#define LATE         (48 * NILO_US_HOUR)
#define AHEAD        (5 * NILO_US_MINUTE) /* of our clock: later is nothing that has been posted */
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

static int keep(const char **to, const char *text, size_t len, struct nilo_arena *arena, struct nilo_err *err)
{
    *to = nilo_arena_strndup(arena, text, len < 100 ? len : 100);
    return *to != NULL ? 0 : nilo_err_nomem(err);
}

/* What is there but is neither text nor number is no absent one. */
static bool is_odd(enum nilo_json_event event)
{
    return event == NILO_JSON_TRUE || event == NILO_JSON_FALSE || event == NILO_JSON_OBJECT_BEGIN || event == NILO_JSON_ARRAY_BEGIN;
}

static int take_insight(struct nilo__ig_medium *m, const char *path, enum nilo_json_event event, const char *text, size_t len, struct nilo_arena *arena,
                        struct nilo_err *err)
{
    if (path[0] == '\0' && event == NILO_JSON_OBJECT_BEGIN)
        m->n_insights++;
    if (m->n_insights == 0 || m->n_insights > NILO__IG_INSIGHTS)
        return 0;
    bool plain = event == NILO_JSON_STRING || event == NILO_JSON_NUMBER;
    const char **to = strcmp(path, ".name") == 0                ? &m->insights[m->n_insights - 1].name
                      : strcmp(path, ".period") == 0            ? &m->insights[m->n_insights - 1].period
                      : strcmp(path, ".values[].value") == 0    ? &m->insights[m->n_insights - 1].value
                      : strcmp(path, ".total_value.value") == 0 ? &m->insights[m->n_insights - 1].total
                                                                : NULL;
    if (to != NULL && is_odd(event))
        return keep(to, "?", 1, arena, err);
    return to != NULL && plain ? keep(to, text, len, arena, err) : 0;
}

int nilo__ig_medium_take(struct nilo__ig_medium *m, const char *path, enum nilo_json_event event, const char *text, size_t len, struct nilo_arena *arena, struct nilo_err *err)
{
    if (strncmp(path, "insights.data[]", 15) == 0)
        return take_insight(m, path + 15, event, text, len, arena, err);
    if (strcmp(path, "children.data[]") == 0 && event == NILO_JSON_OBJECT_BEGIN)
        m->n_children++;
    if (is_count(path) && is_odd(event)) {
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

static void wrong(struct nilo_item *item, const char *sentence)
{
    item->class = NILO_CLASS_INVALID;
    item->reason = sentence != NULL ? sentence : "something in it does not read";
}

void nilo__ig_attrs(const struct nilo__ig_medium *m, const char *listing, nilo_us at, struct nilo_arena *arena, struct nilo_item *item)
{
    item->media_type = type_of(m, listing);
    item->url = m->permalink;
    item->caption = m->caption;
    item->thumbnail = m->thumbnail != NULL ? m->thumbnail : item->media_type != NULL && strcmp(item->media_type, "image") == 0 ? m->media_url : NULL;
    item->account = m->owner;
    item->posted_at = nilo__instant_of(m->timestamp);
    if (m->timestamp != NULL && item->posted_at == NILO_US_NONE)
        wrong(item, nilo_arena_printf(arena, "Instagram's timestamp \"%.40s\" does not read", m->timestamp));
    if (item->posted_at != NILO_US_NONE && item->posted_at > at + AHEAD) {
        wrong(item, nilo_arena_printf(arena, "Instagram's timestamp %.40s is in the future", m->timestamp));
        item->posted_at = NILO_US_NONE;
    }
}

/* ---- values ------------------------------------------------------------------------------------------------------------------------------------ */

/* What an insight says under one of our names; of a carousel the names had a prefix once. */
static const char *said(const struct nilo__ig_medium *m, const char *name)
{
    static const char album[] = "carousel_album_";
    for (size_t i = 0; i < m->n_insights && i < NILO__IG_INSIGHTS; i++) {
        const char *is = m->insights[i].name, *period = m->insights[i].period;
        if (is != NULL && strncmp(is, album, sizeof(album) - 1) == 0)
            is += sizeof(album) - 1;
        if (is != NULL && strcmp(is, name) == 0 && (period == NULL || strcmp(period, "lifetime") == 0))
            return m->insights[i].value != NULL ? m->insights[i].value : m->insights[i].total;
    }
    return NULL;
}

static void put(struct nilo_item_value *to, const char *metric, const char *text, enum nilo_absence otherwise, struct nilo_arena *arena, struct nilo_item *item)
{
    *to = (struct nilo_item_value){.metric = nilo__metric_of(metric), .absence = otherwise};
    if (text == NULL)
        return;
    to->absence = nilo__count_of(text, &to->value) ? NILO_PRESENT : NILO_FAILED;
    if (to->absence == NILO_FAILED)
        wrong(item, nilo_arena_printf(arena, "Instagram's %s are \"%.40s\", which is no count that can be kept", metric, text));
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
    if ((ask->variant & NILO__IG_NO_INSIGHTS) != 0)
        return ask->kind == KIND_STORY ? NILO_NOT_YET : NILO_UNSUPPORTED; /* too few have seen it yet; too old an account */
    if ((nilo__ig_asked(ask->variant, n) >> i & 1) == 0)
        return NILO_UNSUPPORTED;
    return item->posted_at != NILO_US_NONE && at - item->posted_at < LATE ? NILO_NOT_YET : NILO_NOT_REPORTED;
}

static int fill(const struct nilo_ask *ask, const struct nilo__ig_medium *m, nilo_us at, struct nilo_arena *arena, struct nilo_item *item, struct nilo_err *err)
{
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
            put(&values[6], metrics[i].metric, text, without, arena, item);
            continue;
        }
        put(&values[k++], metrics[i].metric, text, without, arena, item);
    }
    item->values = values;
    item->n_values = k;
    return 0;
}

/* ---- asking --------------------------------------------------------------------------------------------------------------------------------------- */

bool nilo__ig_in_batch(const struct nilo_ask *ask)
{
    const char *batch = nilo_connector_setting(&nilo__instagram, ask, NILO__IG_BATCH);
    return batch[0] != '\0' ? strcmp(batch, "yes") == 0 : !nilo__ig_is_instagram(ask);
}

static const char *fields_of(struct nilo__making *m)
{
    size_t n;
    const char *const *names = names_of(m->ask->kind, &n);
    uint32_t asked = nilo__ig_asked(m->ask->variant, n);
    struct nilo_buf b;
    nilo_buf_init(&b, 4096);
    nilo_buf_adds(&b, FIELDS);
    for (size_t i = 0, k = 0; i < n; i++) {
        if ((asked >> i & 1) != 0)
            nilo_buf_addf(&b, "%s%s", k++ > 0 ? "," : ",insights.metric(", names[i]);
    }
    nilo_buf_adds(&b, asked != 0 ? ")" : "");
    const char *text = nilo_arena_strdup(m->arena, nilo_buf_str(&b));
    nilo_buf_done(&b);
    return text;
}

static int make_batch(struct nilo__making *m, const char *fields, struct nilo_err *err)
{
    struct nilo_buf b;
    struct nilo_json_out o;
    nilo_buf_init(&b, 1u << 20);
    nilo_json_out_init(&o, &b);
    nilo_json_array_begin(&o);
    for (size_t i = 0; i < m->ask->n_ids; i++) {
        const char *url = nilo_arena_printf(m->arena, "%s?fields=%s", m->ask->ids[i], fields);
        nilo_json_object_begin(&o);
        nilo_json_key(&o, "method");
        nilo_json_str(&o, "GET");
        nilo_json_key(&o, "relative_url");
        nilo_json_str(&o, url);
        nilo_json_object_end(&o);
        m->failed = m->failed || url == NULL;
    }
    nilo_json_array_end(&o);
    const char *text = b.failed ? NULL : nilo_arena_strdup(m->arena, nilo_buf_str(&b));
    nilo_buf_done(&b);
    if (text == NULL || m->failed)
        return nilo_err_nomem(err);
    nilo__ig_address(m, "/", "instagram media batch");
    m->call->http.method = "POST";
    nilo__add_form(m, "batch", text, false);
    return nilo__ig_sign(m, err);
}

static const char *joined(struct nilo__making *m)
{
    struct nilo_buf b;
    nilo_buf_init(&b, 8192);
    for (size_t i = 0; i < m->ask->n_ids; i++)
        nilo_buf_addf(&b, "%s%s", i > 0 ? "," : "", m->ask->ids[i]);
    const char *text = nilo_arena_strdup(m->arena, nilo_buf_str(&b));
    nilo_buf_done(&b);
    return text;
}

int nilo__ig_make_metrics(struct nilo__making *m, struct nilo_err *err)
{
    const struct nilo_ask *a = m->ask;
    const char *fields = fields_of(m);
    if (a->n_ids == 0 || a->n_ids > NILO__GRAPH_BATCH)
        return nilo_err_set(err, NILO_EINVAL, "%zu media in one call of Instagram's; it takes 1 to %d", a->n_ids, NILO__GRAPH_BATCH);
    for (size_t i = 0; i < a->n_ids; i++) {
        if (!nilo__graph_id_fine(a->ids[i]))
            return nilo_err_set(err, NILO_EINVAL, "%.100s is no id of an Instagram medium", a->ids[i]);
    }
    if (fields == NULL)
        return nilo_err_nomem(err);
    m->call->cost = (int)a->n_ids; /* each counts, however they are asked for */
    if (a->n_ids > 1 && nilo__ig_in_batch(a))
        return make_batch(m, fields, err);
    nilo__ig_address(m, a->n_ids == 1 ? nilo_arena_printf(m->arena, "/%s", a->ids[0]) : "/", "instagram media");
    if (a->n_ids > 1)
        nilo__add_query(m, "ids", joined(m));
    nilo__add_query(m, "fields", fields);
    return nilo__ig_sign(m, err);
}

/* ---- answers ---------------------------------------------------------------------------------------------------------------------------------------- */

struct taking {
    const struct nilo_ask *ask;
    nilo_us at;
    struct nilo_arena *arena;
    struct nilo_result *ret;
    struct nilo_item *items;
    uint32_t refused;  /* names, by parts of a batch */
    size_t n_refused, n_without; /* items whose names are refused; that have no insights */
    struct nilo_err *err;
};

struct one {
    struct nilo__ig_medium medium;
    const char *below; /* "<id>." of an answer by ids; "" */
    bool object;
    struct nilo_arena *arena;
    struct nilo_err *err;
};

static int take_one(void *ctx, const char *path, enum nilo_json_event event, const char *text, size_t len)
{
    struct one *o = ctx;
    size_t n = strlen(o->below);
    if (n > 0 && strncmp(path, o->below, n) != 0) { /* another's, or the medium itself: its path has no dot */
        o->object = o->object || (event == NILO_JSON_OBJECT_BEGIN && strlen(path) == n - 1 && strncmp(path, o->below, n - 1) == 0);
        return 0;
    }
    o->object = o->object || (event == NILO_JSON_OBJECT_BEGIN && path[n] == '\0');
    return nilo__ig_medium_take(&o->medium, path + n, event, text, len, o->arena, o->err);
}

static void gone(struct nilo_item *item, const char *reason)
{
    item->class = NILO_CLASS_GONE;
    item->reason = reason;
}

/* A body with the medium in it. */
static int take_body(struct taking *t, size_t i, const char *body, size_t n, const char *below)
{
    struct one *o = nilo_arena_alloc(t->arena, sizeof(*o));
    struct nilo_err why = {0};
    if (o == NULL)
        return nilo_err_nomem(t->err);
    *o = (struct one){.below = below, .arena = t->arena, .err = &why};
    if (nilo__walk(body, n, take_one, o, &why) != 0) {
        if (why.code == NILO_ENOMEM)
            return nilo_err_nomem(t->err);
        wrong(&t->items[i], nilo_arena_printf(t->arena, "Instagram's answer does not read: %.200s", why.msg));
        return 0;
    }
    if (o->object && o->medium.id != NULL && strcmp(o->medium.id, t->ask->ids[i]) == 0)
        return fill(t->ask, &o->medium, t->at, t->arena, &t->items[i], t->err);
    if (!o->object && below[0] != '\0')
        gone(&t->items[i], "Instagram answers without it: deleted, or not visible");
    else
        wrong(&t->items[i], "Instagram's answer is about something else");
    return 0;
}

/* What is wrong with one item alone. What is wrong with all is in the result then. */
static void take_item_error(struct taking *t, size_t i, const struct nilo__graph_error *e, int status)
{
    struct nilo_item *item = &t->items[i];
    struct nilo_result r = *t->ret;
    size_t n;
    const char *const *names = names_of(t->ask->kind, &n);
    uint32_t refused;
    r.class = status >= 500 ? NILO_CLASS_TRANSIENT : NILO_CLASS_INVALID;
    r.until = NILO_UNTIL_SOON;
    nilo__graph_classify(e, "Instagram", t->at, t->arena, &r);
    item->class = r.class;
    item->reason = r.message;
    if (nilo__graph_of_metric(e, names, n, &refused) && nilo__ig_asked(t->ask->variant, n) != 0) {
        t->refused |= refused;
        t->n_refused++;
        item->unsure = true;
    } else if (((e->code == 100 && e->subcode == OLD_BUSINESS) || (e->code == 10 && e->message != NULL && strstr(e->message, "Not enough viewers") != NULL)) &&
               nilo__ig_asked(t->ask->variant, n) != 0) {
        item->class = NILO_CLASS_INVALID;
        item->unsure = true;
        t->n_without++;
    } else if (r.class == NILO_CLASS_RATE_LIMITED || r.class == NILO_CLASS_AUTH || r.key_wrong) {
        r.variant = t->ask->variant;
        *t->ret = r;
    }
}

/* Names that are refused: without them, all or those alone. Where nobody knows which, the search begins. */
static void turn(struct taking *t)
{
    size_t n, n_ids = t->ask->n_ids;
    unsigned next;
    names_of(t->ask->kind, &n);
    bool can = t->n_refused > 0 && nilo__ig_after_refusal(t->ask->variant, n, t->refused, &next);
    t->ret->doubt_variant = NILO__IG_NO_INSIGHTS;
    if (can && t->n_refused == n_ids) {
        t->ret->again = true;
        t->ret->variant = next;
    } else if (can && t->n_without == 0 && (t->refused & nilo__ig_asked(t->ask->variant, n)) != 0) {
        t->ret->doubt_variant = next;
    }
}

/* While names are held back to find the bad one, an answer is only a step. */
static void after_answer(struct taking *t)
{
    size_t n;
    names_of(t->ask->kind, &n);
    unsigned next = nilo__ig_after_answer(t->ask->variant, n);
    bool any = false;
    for (size_t i = 0; i < t->ask->n_ids; i++)
        any = any || t->items[i].n_values > 0;
    if (next == t->ask->variant || !any || t->n_refused > 0)
        return;
    t->ret->again = true;
    t->ret->variant = next;
}

static int take_parts(struct taking *t, const struct nilo_http_answer *a)
{
    struct nilo__graph_part *parts = nilo_arena_array(t->arena, NILO__GRAPH_BATCH, sizeof(*parts));
    struct nilo_err why = {0};
    size_t n;
    if (parts == NULL)
        return nilo_err_nomem(t->err);
    if (nilo__graph_parts(a, NILO__GRAPH_BATCH, nilo__ig_types, t->arena, parts, &n, t->ret, &why) != 0)
        return why.code == NILO_ENOMEM ? nilo_err_nomem(t->err) : nilo__unreadable("Instagram", t->arena, &why, t->ret);
    for (size_t i = 0; i < t->ask->n_ids && t->ret->class == NILO_CLASS_OK; i++) {
        struct nilo__graph_error e = {0};
        if (i < n && parts[i].there)
            nilo__graph_error_of(parts[i].body, parts[i].n, t->arena, &e);
        if (i >= n || !parts[i].there || (!e.there && parts[i].status >= 500)) {
            t->items[i].class = NILO_CLASS_TRANSIENT;
            t->items[i].reason = "Instagram has not come to it";
        } else if (e.there) {
            take_item_error(t, i, &e, parts[i].status);
        } else if (take_body(t, i, parts[i].body, parts[i].n, "") != 0) {
            return -1;
        }
    }
    return 0;
}

static int take_ids(struct taking *t, const struct nilo_http_answer *a)
{
    for (size_t i = 0; i < t->ask->n_ids; i++) {
        const char *below = nilo_arena_printf(t->arena, "%s.", t->ask->ids[i]);
        if (below == NULL)
            return nilo_err_nomem(t->err);
        if (take_body(t, i, a->body, a->n_body, below) != 0)
            return -1;
    }
    return 0;
}

/* Those that a platform did not come to are asked for once more in the same words, unless others need other words. */
static void doubt_transient(struct taking *t)
{
    if (t->n_refused > 0 || t->n_without > 0)
        return;
    for (size_t i = 0; i < t->ask->n_ids; i++)
        t->items[i].unsure = t->items[i].unsure || t->items[i].class == NILO_CLASS_TRANSIENT;
    t->ret->doubt_variant = t->ask->variant;
}

/* A refusal of the whole call that is about names, or about the one item. */
static bool is_about_items(const struct nilo_ask *ask, const struct nilo__graph_error *e)
{
    size_t n;
    const char *const *names = names_of(ask->kind, &n);
    uint32_t refused;
    if (!e->there)
        return false;
    return nilo__graph_of_metric(e, names, n, &refused) ||
           (ask->n_ids == 1 && (e->code == 100 || e->code == 24 || e->code == 803 || (e->code == 10 && e->message != NULL && strstr(e->message, "viewers") != NULL)));
}

int nilo__ig_take_metrics(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    struct nilo__graph_error e;
    struct taking t = {.ask = ask, .at = a->ended_at, .arena = arena, .ret = ret, .items = nilo_arena_array(arena, ask->n_ids, sizeof(*t.items)), .err = err};
    bool refused = nilo__graph_refusal(a, "Instagram", nilo__ig_types, arena, ret, &e);
    int rc = 0;
    ret->variant = ask->variant;
    if (t.items == NULL)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < ask->n_ids; i++)
        t.items[i] = (struct nilo_item){.id = ask->ids[i], .kind = NILO_CONTENT, .day = NILO_DAY_NONE, .posted_at = NILO_US_NONE, .duration_ms = -1};
    if (refused && (!is_about_items(ask, &e) || ret->key_wrong)) {
        /* By ids one fails all of them: which one it is shows when halves are asked for. */
        if (ask->n_ids > 1 && e.there && !ret->key_wrong && (ret->class == NILO_CLASS_GONE || (e.code == 10 && e.message != NULL && strstr(e.message, "viewers") != NULL)))
            ret->class = NILO_CLASS_INVALID;
        return 0;
    }
    if (refused) {
        ret->class = NILO_CLASS_OK;
        ret->reason = ret->message = "";
        for (size_t i = 0; i < ask->n_ids; i++)
            take_item_error(&t, i, &e, a->status);
    } else {
        rc = ask->n_ids > 1 && nilo__ig_in_batch(ask) ? take_parts(&t, a) : ask->n_ids > 1 ? take_ids(&t, a) : take_body(&t, 0, a->body, a->n_body, "");
    }
    if (rc != 0 || ret->class != NILO_CLASS_OK)
        return rc;
    turn(&t);
    if (!ret->again)
        after_answer(&t);
    doubt_transient(&t);
    ret->items = t.items;
    ret->n_items = ask->n_ids;
    return 0;
}
