/* YouTube: the Data API v3 (channels, uploads, counts). Analytics v2 (shares, watch time; the owner's token only): youtube_reports.c.
 *
 * Counts come from videos:batchGetStats, which has a quota of its own; where a server does not know that (404, 501) from videos.list: variant 1.
 * A video that is deleted or private is just not in an answer, so ids are compared. What batchGetStats leaves out is unsure until videos.list leaves it out,
 * too. Statistics are texts of unsigned 64-bit counts. likeCount is absent where the owner hides likes, commentCount where comments are
 * closed: hidden, not zero. Quota days end at midnight Pacific. Facts and where they were found: the notes on platform APIs, section 1. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "connect/connector_priv.h"
#include "connect/walk.h"
#include "connect/youtube_priv.h"

#define IDS         50
#define PAGE        50
#define TEXT_MAX    1000
#define CAPTION_MAX 5000
#define AHEAD       NILO_US_DAY                      /* a clock may be so wrong */
#define LENGTH_MAX  (INT64_C(366) * 86400 * 1000)    /* ms */

static const struct nilo_connector_setting settings[] = {
    [NILO__YT_BASE] = {"api_base", "https://www.googleapis.com/youtube/v3", "beginning of the Data API's addresses", true},
    [NILO__YT_ANALYTICS] = {"analytics_base", "https://youtubeanalytics.googleapis.com/v2", "beginning of the Analytics API's addresses", true},
    [NILO__YT_TOKEN] = {"token_url", "https://oauth2.googleapis.com/token", "where tokens are refreshed", true},
    [NILO__YT_AUTHORIZE] = {"authorize_url", "https://accounts.google.com/o/oauth2/v2/auth", "where people sign in", true},
    [NILO__YT_KEY_IN] = {"key_in", "header", "where the API key is sent: header, or url (as key=; then proxies on the way may log it)", false},
};

static const struct nilo_connector_bucket buckets[] = {
    [NILO__YT_UNITS] = {"units", 10000, 86400, "America/Los_Angeles", true, "units a day of all methods together", false},
    [NILO__YT_STATS] = {"stats", 10000, 86400, "America/Los_Angeles", true, "calls of videos:batchGetStats a day", false},
    [NILO__YT_REPORTS] = {"reports", 720, 60, NULL, true, "Analytics queries a minute", false},
};

static const struct nilo_connector_oauth oauth = {
    .authorize_setting = NILO__YT_AUTHORIZE,
    .scopes = "https://www.googleapis.com/auth/youtube.readonly https://www.googleapis.com/auth/yt-analytics.readonly",
    .client_id = "client_id",
    .extra = "access_type=offline&prompt=consent",
    .pkce = true,
};

/* ---- requests -------------------------------------------------------------------------------------------------------------------------- */

int nilo__yt_sign(struct nilo__making *m, struct nilo_err *err)
{
    const struct nilo_credentials *c = m->ask->credentials;
    if (c->access_token != NULL) {
        nilo__add_bearer(m, c->access_token);
    } else if ((nilo__youtube.needs_token >> m->ask->op & 1) != 0 || c->api_key == NULL) {
        return nilo_err_set(err, NILO_EINVAL, "YouTube's %s need%s %s", nilo_op_word(m->ask->op), m->ask->op == NILO_OP_METRICS || m->ask->op == NILO_OP_ACCOUNTS ? "" : "s",
                            (nilo__youtube.needs_token >> m->ask->op & 1) != 0 ? "somebody to sign in: nilometer connection connect" : "an API key, or somebody to sign in");
    } else if (strcmp(nilo_connector_setting(&nilo__youtube, m->ask, NILO__YT_KEY_IN), "url") == 0) {
        nilo__add_query_secret(m, "key", c->api_key);
    } else {
        nilo__add_header_secret(m, "X-Goog-Api-Key", NULL, c->api_key);
    }
    return 0;
}

bool nilo__yt_id_fine(const char *id)
{
    size_t n = strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
    return n > 0 && n <= 64 && id[n] == '\0';
}

/* The ids with commas, behind `before`. */
int nilo__yt_join_ids(struct nilo__making *m, const char *before, size_t max, const char **ret, struct nilo_err *err)
{
    const struct nilo_ask *a = m->ask;
    if (a->n_ids == 0 || a->n_ids > max)
        return nilo_err_set(err, NILO_EINVAL, "%zu videos in one call of YouTube's; it takes 1 to %zu", a->n_ids, max);
    struct nilo_buf b;
    nilo_buf_init(&b, max * 66 + 100);
    nilo_buf_adds(&b, before);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < a->n_ids; i++) {
        if (!nilo__yt_id_fine(a->ids[i]))
            rc = nilo_err_set(err, NILO_EINVAL, "%.100s is no id of a YouTube video", a->ids[i]);
        nilo_buf_adds(&b, i > 0 ? "," : "");
        nilo_buf_adds(&b, a->ids[i]);
    }
    *ret = rc == 0 ? nilo_arena_strndup(m->arena, nilo_buf_str(&b), b.len) : NULL;
    nilo_buf_done(&b);
    return rc;
}

static int make_account(struct nilo__making *m, struct nilo_err *err)
{
    const char *account = m->ask->op == NILO_OP_ACCOUNT ? m->ask->account : NULL;
    nilo__at_setting(m, NILO__YT_BASE, "/channels", m->ask->op == NILO_OP_ACCOUNT ? "youtube channel" : "youtube channels");
    nilo__add_query(m, "part", "id,snippet,statistics,contentDetails");
    if (account == NULL)
        nilo__add_query(m, "mine", "true");
    else if (account[0] == '@')
        nilo__add_query(m, "forHandle", account);
    else if (nilo__yt_id_fine(account))
        nilo__add_query(m, "id", account);
    else
        return nilo_err_set(err, NILO_EINVAL, "%.100s is neither the id of a YouTube channel (UC...) nor its @handle", account);
    if (m->ask->op == NILO_OP_ACCOUNTS) {
        nilo__add_query(m, "maxResults", "50");
        if (m->ask->cursor != NULL)
            nilo__add_query(m, "pageToken", m->ask->cursor);
    }
    if (account == NULL && m->ask->credentials->access_token == NULL)
        return nilo_err_set(err, NILO_EINVAL, "without the name of a channel YouTube tells of somebody's own: sign in, or name it");
    return nilo__yt_sign(m, err);
}

static int make_list(struct nilo__making *m, struct nilo_err *err)
{
    const char *list = m->ask->listing, *account = m->ask->account;
    if (list == NULL && account != NULL && strncmp(account, "UC", 2) == 0)
        list = nilo_arena_printf(m->arena, "UU%s", account + 2);
    if (list == NULL || !nilo__yt_id_fine(list))
        return nilo_err_set(err, NILO_EINVAL, "where the uploads of %.100s are listed has to be asked first", account != NULL ? account : "the channel");
    nilo__at_setting(m, NILO__YT_BASE, "/playlistItems", "youtube uploads");
    nilo__add_query(m, "part", "snippet,contentDetails,status");
    nilo__add_query(m, "playlistId", list);
    nilo__add_query(m, "maxResults", "50");
    if (m->ask->cursor != NULL)
        nilo__add_query(m, "pageToken", m->ask->cursor);
    return nilo__yt_sign(m, err);
}

static int make_metrics(struct nilo__making *m, struct nilo_err *err)
{
    const char *ids;
    if (nilo__yt_join_ids(m, "", IDS, &ids, err) != 0)
        return -1;
    if (m->ask->variant == 0)
        nilo__at_setting(m, NILO__YT_BASE, "/videos:batchGetStats", "youtube stats");
    else
        nilo__at_setting(m, NILO__YT_BASE, "/videos", "youtube videos");
    nilo__add_query(m, "part", m->ask->variant == 0 ? "id,snippet,statistics,contentDetails" : "id,snippet,statistics,contentDetails,status");
    nilo__add_query(m, "id", ids);
    m->call->bucket = m->ask->variant == 0 ? NILO__YT_STATS : NILO__YT_UNITS;
    return nilo__yt_sign(m, err);
}

static int make_tokens(struct nilo__making *m, struct nilo_err *err)
{
    const struct nilo_credentials *c = m->ask->credentials;
    bool refresh = m->ask->op == NILO_OP_REFRESH;
    if (c->client_id == NULL || (refresh ? c->refresh_token == NULL : m->ask->code == NULL))
        return nilo_err_set(err, NILO_EINVAL, "there is no %s to get a YouTube token with", c->client_id == NULL ? "client id" : refresh ? "refresh token" : "code");
    nilo__at_setting(m, NILO__YT_TOKEN, "", refresh ? "youtube token refresh" : "youtube token");
    m->call->http.method = "POST";
    nilo__add_form(m, "grant_type", refresh ? "refresh_token" : "authorization_code", false);
    nilo__add_form(m, "client_id", c->client_id, false);
    nilo__add_form(m, "client_secret", c->client_secret, true);
    nilo__add_form(m, "refresh_token", refresh ? c->refresh_token : NULL, true);
    nilo__add_form(m, "code", refresh ? NULL : m->ask->code, true);
    nilo__add_form(m, "code_verifier", refresh ? NULL : m->ask->verifier, true);
    nilo__add_form(m, "redirect_uri", refresh ? NULL : m->ask->redirect, false);
    return 0;
}

static int make(const struct nilo_ask *ask, struct nilo_arena *arena, struct nilo_call *ret, struct nilo_err *err)
{
    static nilo__make_op *const by_op[NILO_OPS] = {
        [NILO_OP_ACCOUNT] = make_account, [NILO_OP_ACCOUNTS] = make_account, [NILO_OP_LIST] = make_list, [NILO_OP_METRICS] = make_metrics,
        [NILO_OP_REPORT] = nilo__yt_make_report, [NILO_OP_EXCHANGE] = make_tokens, [NILO_OP_REFRESH] = make_tokens,
    };
    return nilo__make(&nilo__youtube, by_op, NILO__YT_UNITS, -1, ask, arena, ret, err);
}

/* ---- lists -------------------------------------------------------------------------------------------------------------------------------------- */

/* Is it a list of YouTube's at all? "{}" or "null" is valid JSON in which nothing that was asked for is found: taken for an answer it would tell of
 * everything being deleted. */
struct list {
    bool items, kind, odd;
};

static void take_list_head(struct list *l, const char *path, enum nilo_json_event event, const char *text, size_t len)
{
    if (strcmp(path, "items") == 0) {
        l->items |= event == NILO_JSON_ARRAY_BEGIN;
        l->odd |= event != NILO_JSON_ARRAY_BEGIN && event != NILO_JSON_ARRAY_END;
    } else if (strcmp(path, "kind") == 0 && event == NILO_JSON_STRING) {
        l->kind = len > 8 && memcmp(text, "youtube#", 8) == 0;
    }
}

/* may_lack: a list of nothing may come without its `items` */
static bool is_list(const struct list *l, bool may_lack, struct nilo_err *why)
{
    if (!l->odd && (l->items || (may_lack && l->kind)))
        return true;
    nilo_err_set(why, NILO_EBODY, "it is JSON, but no list of items");
    return false;
}

/* ---- videos ----------------------------------------------------------------------------------------------------------------------------------- */

/* A video as an answer has it, of either spelling. */
struct video {
    const char *id, *views, *likes, *comments, *published, *publish_time, *title, *description, *channel, *thumbnail, *duration, *millis, *privacy, *live;
    bool has_statistics, failed;
};
static const struct nilo__want video_wants[] = {
    {"items[].id", offsetof(struct video, id)},
    {"items[].statistics.viewCount", offsetof(struct video, views)},
    {"items[].statistics.likeCount", offsetof(struct video, likes)},
    {"items[].statistics.commentCount", offsetof(struct video, comments)},
    {"items[].snippet.publishedAt", offsetof(struct video, published)},
    {"items[].snippet.publishTime", offsetof(struct video, publish_time)},
    {"items[].snippet.title", offsetof(struct video, title)},
    {"items[].snippet.description", offsetof(struct video, description)},
    {"items[].snippet.channelId", offsetof(struct video, channel)},
    {"items[].snippet.thumbnails.high.url", offsetof(struct video, thumbnail)},
    {"items[].snippet.liveBroadcastContent", offsetof(struct video, live)},
    {"items[].contentDetails.duration", offsetof(struct video, duration)},
    {"items[].contentDetails.durationMillis", offsetof(struct video, millis)},
    {"items[].status.privacyStatus", offsetof(struct video, privacy)},
};

struct videos {
    struct nilo_arena *arena;
    struct video *all;
    size_t n, max;
    struct list list;
    struct nilo_err *err;
};

/* A count or a time that is there but is neither text nor number is no absent one. */
static bool has_to_read(const char *path)
{
    return strncmp(path, "items[].statistics.", 19) == 0 || strncmp(path, "items[].snippet.publish", 23) == 0 || strncmp(path, "items[].contentDetails.duration", 31) == 0;
}

static int take_video(void *ctx, const char *path, enum nilo_json_event event, const char *text, size_t len)
{
    struct videos *v = ctx;
    take_list_head(&v->list, path, event, text, len);
    if (event == NILO_JSON_OBJECT_BEGIN && strcmp(path, "items[]") == 0)
        v->n++; /* what comes beyond was not asked for */
    if (v->n == 0 || v->n > v->max)
        return 0;
    struct video *one = &v->all[v->n - 1];
    if (event == NILO_JSON_OBJECT_BEGIN && strcmp(path, "items[].statistics") == 0)
        one->has_statistics = true;
    if (has_to_read(path) && event != NILO_JSON_STRING && event != NILO_JSON_NUMBER && event != NILO_JSON_NULL) {
        text = "?";
        len = 1;
        event = NILO_JSON_STRING;
    }
    return nilo__want_take(video_wants, sizeof(video_wants) / sizeof(video_wants[0]), one, path, event, text, len,
                           strcmp(path, "items[].snippet.description") == 0 ? CAPTION_MAX : TEXT_MAX, v->arena, v->err);
}

/* One value; what is wrong with it is appended to the sentence. */
void nilo__yt_count(struct nilo_item_value *to, const char *name, const char *text, enum nilo_absence otherwise, struct nilo_arena *arena, struct nilo_item *item)
{
    to->metric = nilo__metric_of(name);
    to->absence = otherwise;
    if (text == NULL)
        return;
    to->absence = nilo__count_of(text, &to->value) ? NILO_PRESENT : NILO_FAILED;
    if (to->absence == NILO_FAILED)
        nilo__complain(item, nilo_arena_printf(arena, "YouTube's %s are \"%.40s\", which is no count that can be kept", name, text));
}

/* Not from the future. */
static nilo_us posted(const char *text, nilo_us now, struct nilo_arena *arena, struct nilo_item *item)
{
    nilo_us at = nilo__instant_of(text);
    if (text != NULL && at == NILO_US_NONE)
        nilo__complain(item, nilo_arena_printf(arena, "YouTube's publishedAt is \"%.40s\", which is no time", text));
    if (at == NILO_US_NONE || at <= now + AHEAD)
        return at;
    nilo__complain(item, nilo_arena_printf(arena, "YouTube's publishedAt is %.40s, which has not come yet", text));
    return NILO_US_NONE;
}

static int64_t lasts(const struct video *v, struct nilo_arena *arena, struct nilo_item *item)
{
    const char *text = v->millis != NULL ? v->millis : v->duration;
    int64_t ms = -1;
    if (text == NULL || (v->millis == NULL && (ms = nilo__iso_duration(text)) >= 0) || (v->millis != NULL && nilo__count_of(text, &ms) && ms <= LENGTH_MAX))
        return ms;
    nilo__complain(item, nilo_arena_printf(arena, "YouTube's duration is \"%.40s\", which is no length of a video", text));
    return -1;
}

static int fill_video(const struct video *v, nilo_us now, struct nilo_arena *arena, struct nilo_item *item, struct nilo_err *err)
{
    struct nilo_item_value *values = nilo_arena_array(arena, 3, sizeof(*values));
    if (values == NULL)
        return nilo_err_nomem(err);
    bool upcoming = v->live != NULL && strcmp(v->live, "upcoming") == 0;
    enum nilo_absence without = !v->has_statistics ? NILO_NOT_REPORTED : upcoming ? NILO_NOT_YET : NILO_HIDDEN;
    nilo__yt_count(&values[0], "views", v->views, without, arena, item);
    nilo__yt_count(&values[1], "likes", v->likes, without, arena, item);
    nilo__yt_count(&values[2], "comments", v->comments, without, arena, item);
    item->values = values;
    item->n_values = 3;
    item->title = v->title;
    item->caption = v->description;
    item->thumbnail = v->thumbnail;
    item->account = v->channel;
    item->status = v->privacy;
    item->media_type = "video";
    item->posted_at = posted(v->published != NULL ? v->published : v->publish_time, now, arena, item);
    item->duration_ms = lasts(v, arena, item);
    return 0;
}

static int take_metrics(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    struct nilo_err why = {0};
    struct videos v = {.arena = arena, .all = nilo_arena_array(arena, IDS, sizeof(*v.all)), .max = IDS, .err = &why};
    struct nilo_item *items = nilo_arena_array(arena, ask->n_ids, sizeof(*items));
    if (v.all == NULL || items == NULL)
        return nilo_err_nomem(err);
    if (nilo__walk(a->body, a->n_body, take_video, &v, &why) != 0 || !is_list(&v.list, ask->variant == 0, &why))
        return why.code == NILO_ENOMEM ? nilo_err_nomem(err) : nilo__unreadable("YouTube", arena, &why, ret);
    if (v.n > v.max) { /* ours may be among those that were not looked at */
        nilo_err_set(&why, NILO_EBODY, "it holds more items than were asked for");
        return nilo__unreadable("YouTube", arena, &why, ret);
    }
    bool odd = false;
    for (size_t k = 0; k < v.n; k++)
        odd |= v.all[k].id == NULL || !nilo__yt_id_fine(v.all[k].id);
    for (size_t i = 0; i < ask->n_ids; i++) {
        struct nilo_item *item = &items[i];
        size_t k = 0, n = v.n;
        *item = (struct nilo_item){.id = ask->ids[i], .kind = NILO_CONTENT, .day = NILO_DAY_NONE, .posted_at = NILO_US_NONE, .duration_ms = -1};
        while (k < n && (v.all[k].id == NULL || strcmp(v.all[k].id, ask->ids[i]) != 0))
            k++;
        if (k < n && fill_video(&v.all[k], ask->now, arena, item, err) != 0)
            return -1;
        if (k == n) {
            item->class = odd ? NILO_CLASS_INVALID : NILO_CLASS_GONE;
            item->reason = odd ? "YouTube answers without it, but with an entry whose id does not read: it may be that one" : "YouTube answers without it: deleted or private";
            item->unsure = ask->variant == 0;
        }
    }
    ret->items = items;
    ret->n_items = ask->n_ids;
    ret->doubt_variant = 1;
    return 0;
}

/* ---- uploads ------------------------------------------------------------------------------------------------------------------------------------ */

struct upload {
    const char *id, *resource, *published, *added, *title, *description, *channel, *owner, *thumbnail, *privacy;
};
static const struct nilo__want upload_wants[] = {
    {"items[].contentDetails.videoId", offsetof(struct upload, id)},
    {"items[].snippet.resourceId.videoId", offsetof(struct upload, resource)},
    {"items[].contentDetails.videoPublishedAt", offsetof(struct upload, published)},
    {"items[].snippet.publishedAt", offsetof(struct upload, added)},
    {"items[].snippet.title", offsetof(struct upload, title)},
    {"items[].snippet.description", offsetof(struct upload, description)},
    {"items[].snippet.channelId", offsetof(struct upload, channel)},
    {"items[].snippet.videoOwnerChannelId", offsetof(struct upload, owner)},
    {"items[].snippet.thumbnails.high.url", offsetof(struct upload, thumbnail)},
    {"items[].status.privacyStatus", offsetof(struct upload, privacy)},
};

struct uploads {
    struct nilo_arena *arena;
    struct upload all[PAGE];
    size_t n;
    const char *next;
    struct list list;
    struct nilo_err *err;
};

static int take_upload(void *ctx, const char *path, enum nilo_json_event event, const char *text, size_t len)
{
    static const struct nilo__want next[] = {{"nextPageToken", offsetof(struct uploads, next)}};
    struct uploads *u = ctx;
    take_list_head(&u->list, path, event, text, len);
    if (event == NILO_JSON_OBJECT_BEGIN && strcmp(path, "items[]") == 0)
        u->n++;
    if (nilo__want_take(next, 1, u, path, event, text, len, TEXT_MAX, u->arena, u->err) != 0)
        return -1;
    if (u->n == 0 || u->n > PAGE)
        return 0;
    return nilo__want_take(upload_wants, sizeof(upload_wants) / sizeof(upload_wants[0]), &u->all[u->n - 1], path, event, text, len,
                           strcmp(path, "items[].snippet.description") == 0 ? CAPTION_MAX : TEXT_MAX, u->arena, u->err);
}

/* false: an entry that names no video, or one whose id could be nobody's */
static bool fill_upload(const struct upload *u, bool uploads, nilo_us now, struct nilo_item *item)
{
    const char *id = u->id != NULL ? u->id : u->resource;
    if (id == NULL || !nilo__yt_id_fine(id))
        return false;
    *item = (struct nilo_item){.id = id, .kind = NILO_CONTENT, .day = NILO_DAY_NONE, .duration_ms = -1, .media_type = "video", .title = u->title,
                               .caption = u->description, .thumbnail = u->thumbnail, .status = u->privacy};
    item->account = u->owner != NULL ? u->owner : u->channel;
    /* When an entry was added is when the video was posted in the list of uploads alone. */
    item->posted_at = nilo__instant_of(u->published != NULL || !uploads ? u->published : u->added);
    if (item->posted_at > now + AHEAD)
        item->posted_at = NILO_US_NONE; /* when its counts come, it is said what is wrong */
    /* Other playlists than that of the uploads keep an entry of what is gone. */
    if (u->title != NULL && (strcmp(u->title, "Deleted video") == 0 || strcmp(u->title, "Private video") == 0) && u->owner == NULL && u->published == NULL) {
        item->class = NILO_CLASS_GONE;
        item->reason = u->title[0] == 'D' ? "the playlist calls it deleted" : "the playlist calls it private";
        item->title = NULL;
    }
    return true;
}

static int take_list(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    struct nilo_err why = {0};
    struct uploads *u = nilo_arena_alloc(arena, sizeof(*u));
    struct nilo_item *items = nilo_arena_array(arena, PAGE, sizeof(*items));
    size_t n = 0;
    bool uploads = ask->listing == NULL || strncmp(ask->listing, "UU", 2) == 0;
    if (u == NULL || items == NULL)
        return nilo_err_nomem(err);
    u->arena = arena;
    u->err = &why;
    if (nilo__walk(a->body, a->n_body, take_upload, u, &why) != 0 || !is_list(&u->list, false, &why))
        return why.code == NILO_ENOMEM ? nilo_err_nomem(err) : nilo__unreadable("YouTube", arena, &why, ret);
    for (size_t i = 0; i < u->n && i < PAGE; i++)
        n += fill_upload(&u->all[i], uploads, ask->now, &items[n]);
    ret->items = items;
    ret->n_items = n;
    ret->next = u->next != NULL && u->next[0] != '\0' ? u->next : NULL;
    return 0;
}

/* ---- channels -------------------------------------------------------------------------------------------------------------------------------------- */

struct channel {
    const char *id, *title, *handle, *thumbnail, *uploads, *views, *subscribers, *videos;
    bool hidden;
};
static const struct nilo__want channel_wants[] = {
    {"items[].id", offsetof(struct channel, id)},
    {"items[].snippet.title", offsetof(struct channel, title)},
    {"items[].snippet.customUrl", offsetof(struct channel, handle)},
    {"items[].snippet.thumbnails.high.url", offsetof(struct channel, thumbnail)},
    {"items[].contentDetails.relatedPlaylists.uploads", offsetof(struct channel, uploads)},
    {"items[].statistics.viewCount", offsetof(struct channel, views)},
    {"items[].statistics.subscriberCount", offsetof(struct channel, subscribers)},
    {"items[].statistics.videoCount", offsetof(struct channel, videos)},
};

struct channels {
    struct nilo_arena *arena;
    struct channel all[PAGE];
    size_t n;
    const char *next;
    struct list list;
    struct nilo_err *err;
};

static int take_channel(void *ctx, const char *path, enum nilo_json_event event, const char *text, size_t len)
{
    static const struct nilo__want next[] = {{"nextPageToken", offsetof(struct channels, next)}};
    struct channels *c = ctx;
    take_list_head(&c->list, path, event, text, len);
    if (event == NILO_JSON_OBJECT_BEGIN && strcmp(path, "items[]") == 0)
        c->n++;
    if (nilo__want_take(next, 1, c, path, event, text, len, TEXT_MAX, c->arena, c->err) != 0)
        return -1;
    if (c->n == 0 || c->n > PAGE)
        return 0;
    if (event == NILO_JSON_TRUE && strcmp(path, "items[].statistics.hiddenSubscriberCount") == 0)
        c->all[c->n - 1].hidden = true;
    if (strcmp(path, "items[].statistics.viewCount") == 0 && event != NILO_JSON_STRING && event != NILO_JSON_NUMBER && event != NILO_JSON_NULL) {
        text = "?"; /* as of videos */
        len = 1;
        event = NILO_JSON_STRING;
    }
    return nilo__want_take(channel_wants, sizeof(channel_wants) / sizeof(channel_wants[0]), &c->all[c->n - 1], path, event, text, len, TEXT_MAX, c->arena, c->err);
}

static int fill_channel(const struct channel *c, struct nilo_arena *arena, struct nilo_account *ret, struct nilo_err *err)
{
    struct nilo_item_value *values = nilo_arena_array(arena, 1, sizeof(*values));
    struct nilo_item ignored = {.class = NILO_CLASS_OK};
    if (values == NULL)
        return nilo_err_nomem(err);
    nilo__yt_count(values, "views", c->views, NILO_NOT_REPORTED, arena, &ignored);
    *ret = (struct nilo_account){.id = c->id, .title = c->title, .handle = c->handle, .thumbnail = c->thumbnail, .listing = c->uploads, .followers = -1,
                                 .items = -1, .values = values, .n_values = 1};
    ret->url = nilo_arena_printf(arena, "https://www.youtube.com/channel/%s", c->id);
    if (c->hidden || !nilo__count_of(c->subscribers, &ret->followers))
        ret->followers = -1;
    if (!nilo__count_of(c->videos, &ret->items))
        ret->items = -1;
    return ret->url != NULL ? 0 : nilo_err_nomem(err);
}

static int take_account(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    struct nilo_err why = {0};
    struct channels *c = nilo_arena_alloc(arena, sizeof(*c));
    struct nilo_account *accounts = nilo_arena_array(arena, PAGE, sizeof(*accounts));
    size_t n = 0;
    if (c == NULL || accounts == NULL)
        return nilo_err_nomem(err);
    c->arena = arena;
    c->err = &why;
    if (nilo__walk(a->body, a->n_body, take_channel, c, &why) != 0 || !is_list(&c->list, true, &why))
        return why.code == NILO_ENOMEM ? nilo_err_nomem(err) : nilo__unreadable("YouTube", arena, &why, ret);
    for (size_t i = 0; i < c->n && i < PAGE; i++) {
        if (c->all[i].id == NULL || !nilo__yt_id_fine(c->all[i].id))
            continue;
        if (fill_channel(&c->all[i], arena, &accounts[n], err) != 0)
            return -1;
        n++;
    }
    ret->accounts = accounts;
    ret->n_accounts = n;
    ret->next = ask->op == NILO_OP_ACCOUNTS && c->next != NULL && c->next[0] != '\0' ? c->next : NULL;
    if (ask->op == NILO_OP_ACCOUNT && n == 0 && c->n > 0) { /* it is there, but which it is does not read: no closed channel */
        nilo_err_set(&why, NILO_EBODY, "the channel in it has no id");
        return nilo__unreadable("YouTube", arena, &why, ret);
    }
    if (ask->op == NILO_OP_ACCOUNT && n == 0) {
        ret->class = NILO_CLASS_GONE;
        ret->reason = "channelNotFound";
        ret->message = ask->account != NULL ? "YouTube knows no such channel: closed, or its name is wrong" : "who signed in has no YouTube channel";
    }
    return 0;
}

/* ---- tokens --------------------------------------------------------------------------------------------------------------------------------------------- */

struct token {
    const char *access, *refresh, *expires, *refresh_expires, *scope; /* refresh_expires: of apps in testing, and of access for a time */
    struct nilo_arena *arena;
    struct nilo_err *err;
};

static int take_token_member(void *ctx, const char *path, enum nilo_json_event event, const char *text, size_t len)
{
    static const struct nilo__want wants[] = {
        {"access_token", offsetof(struct token, access)}, {"refresh_token", offsetof(struct token, refresh)},
        {"expires_in", offsetof(struct token, expires)}, {"refresh_token_expires_in", offsetof(struct token, refresh_expires)}, {"scope", offsetof(struct token, scope)},
    };
    struct token *t = ctx;
    return nilo__want_take(wants, sizeof(wants) / sizeof(wants[0]), t, path, event, text, len, 16384, t->arena, t->err);
}

static int take_tokens(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    struct nilo_err why = {0};
    struct token t = {.arena = arena, .err = &why};
    (void)ask;
    if (nilo__walk(a->body, a->n_body, take_token_member, &t, &why) != 0)
        return why.code == NILO_ENOMEM ? nilo_err_nomem(err) : nilo__unreadable("YouTube", arena, &(struct nilo_err){.msg = "no JSON"}, ret);
    if (t.access == NULL || t.access[0] == '\0')
        return nilo__unreadable("YouTube", arena, &(struct nilo_err){.msg = "there is no access_token in it"}, ret);
    ret->tokens = (struct nilo_tokens){.access_token = t.access, .refresh_token = t.refresh, .expires_s = -1, .refresh_expires_s = -1, .scope = t.scope};
    if (!nilo__count_of(t.expires, &ret->tokens.expires_s))
        ret->tokens.expires_s = -1;
    if (!nilo__count_of(t.refresh_expires, &ret->tokens.refresh_expires_s))
        ret->tokens.refresh_expires_s = -1;
    return 0;
}

static int take(const struct nilo_ask *ask, const struct nilo_http_answer *answer, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    static int (*const by_op[NILO_OPS])(const struct nilo_ask *, const struct nilo_http_answer *, struct nilo_arena *, struct nilo_result *, struct nilo_err *) = {
        [NILO_OP_ACCOUNT] = take_account, [NILO_OP_ACCOUNTS] = take_account, [NILO_OP_LIST] = take_list, [NILO_OP_METRICS] = take_metrics,
        [NILO_OP_REPORT] = nilo__yt_take_report, [NILO_OP_EXCHANGE] = take_tokens, [NILO_OP_REFRESH] = take_tokens,
    };
    if (nilo__google_refusal(answer, "YouTube", arena, ret)) {
        ret->variant = ask->variant;
        if (ask->op == NILO_OP_METRICS && ask->variant == 0 && (answer->status == 404 || answer->status == 501) && answer->end == NILO_HTTP_ANSWERED) {
            ret->again = true;
            ret->variant = 1;
        }
        return 0;
    }
    ret->variant = ask->variant;
    return by_op[ask->op](ask, answer, arena, ret, err);
}

static const char *const metrics[] = {"views", "likes", "comments", NULL}, *const report_metrics[] = {"shares", "watch_time_ms", NULL};
static const char *const day_metrics[] = {"views", "likes", "comments", "shares", "watch_time_ms", NULL};

const struct nilo_connector nilo__youtube = {
    .platform = "youtube",
    .title = "YouTube",
    .ids_per_call = IDS,
    .ids_per_report = NILO__YT_REPORT_IDS,
    .at_once = 8,
    .day_zone = "America/Los_Angeles",
    .ops = (1u << NILO_OPS) - 1,
    .needs_token = 1u << NILO_OP_ACCOUNTS | 1u << NILO_OP_REPORT,
    .settings = settings,
    .n_settings = sizeof(settings) / sizeof(settings[0]),
    .buckets = buckets,
    .n_buckets = sizeof(buckets) / sizeof(buckets[0]),
    .oauth = &oauth,
    .metrics = metrics,
    .report_metrics = report_metrics,
    .day_metrics = day_metrics,
    .report_settle_days = 3,
    .make = make,
    .take = take,
};
