/* YouTube Data API v3: videos.list, videos:batchGetStats, channels.list, playlistItems.list (uploads). Shapes as recorded in ../shared/fixtures. */
#include "emulator/google.h"

#include <string.h>

#define BODY_MAX ((size_t)64 << 20)

static void key_text(struct nilo_json_out *o, const char *name, const char *value)
{
    nilo_json_key(o, name);
    nilo_json_str(o, value);
}

static void key_int(struct nilo_json_out *o, const char *name, int64_t value)
{
    nilo_json_key(o, name);
    nilo_json_int(o, value);
}

static void key_bool(struct nilo_json_out *o, const char *name, bool value)
{
    nilo_json_key(o, name);
    nilo_json_bool(o, value);
}

/* Counts are strings; a test may have put any JSON text in their place. */
static void key_count(struct nilo_json_out *o, const char *name, int64_t value, const char *pin, bool as_number)
{
    char text[24];
    nilo_json_key(o, name);
    if (pin && pin[0]) {
        nilo_json_text(o, pin, strlen(pin));
        return;
    }
    int n = snprintf(text, sizeof text, as_number ? "%lld" : "\"%lld\"", (long long)value);
    nilo_json_text(o, text, (size_t)n);
}

static const char *pin_of(const struct emulator *em, struct emu_item it, enum emu_pin pin)
{
    const struct emu_override *over = emu_override_of(em, it);
    return over ? over->pin[pin] : NULL;
}

static void thumbnails(struct nilo_json_out *o, const char *base, bool avatar)
{
    static const struct {
        const char *name, *file;
        int width, height, side;
    } rows[] = {{"default", "default", 120, 90, 88}, {"medium", "mqdefault", 320, 180, 240}, {"high", "hqdefault", 480, 360, 800},
                {"standard", "sddefault", 640, 480, 0}, {"maxres", "maxresdefault", 1280, 720, 0}};
    char url[256];
    nilo_json_key(o, "thumbnails");
    nilo_json_object_begin(o);
    for (size_t i = 0; i < sizeof rows / sizeof *rows && (!avatar || rows[i].side); i++) {
        if (avatar)
            snprintf(url, sizeof url, "https://yt3.ggpht.com/%s=s%d-c-k-c0x00ffffff-no-rj", base, rows[i].side);
        else
            snprintf(url, sizeof url, "https://i.ytimg.com/vi/%s/%s.jpg", base, rows[i].file);
        nilo_json_key(o, rows[i].name);
        nilo_json_object_begin(o);
        key_text(o, "url", url);
        key_int(o, "width", avatar ? rows[i].side : rows[i].width);
        key_int(o, "height", avatar ? rows[i].side : rows[i].height);
        nilo_json_object_end(o);
    }
    nilo_json_object_end(o);
}

static void titles(const struct emulator *em, struct emu_item it, char video[96], char channel[96])
{
    static const char *const what[] = {"How we build", "A walk through", "Ten questions about", "Unboxing", "The truth about", "Live from", "Cooking with",
                                       "Änderungen bei"};
    static const char *const of[] = {"the harbour", "winter light", "old machines", "our garden", "the north sea", "cheap lenses", "sourdough", "night trains"};
    uint64_t h = emu_hash(em, 300, (uint64_t)it.channel, (uint64_t)(uint32_t)it.video);
    snprintf(video, 96, "%s %s #%d", what[h % 8], of[h / 8 % 8], it.video + 1);
    snprintf(channel, 96, "Channel %d", it.channel + 1);
}

/* ---- videos ---------------------------------------------------------------------------------------------------------------------------- */

static void video_snippet(struct emu_call *c, struct nilo_json_out *o, struct emu_item it, const char *id)
{
    static const char *const live[] = {"none", "upcoming", "live"};
    char channel[EMULATOR_TEXT], at[32], title[96], channel_title[96], description[224];
    nilo_us starts;
    emulator_channel_id(c->em, it.channel, channel);
    google_time(emu_published(c->em, it), at);
    titles(c->em, it, title, channel_title);
    snprintf(description, sizeof description, "%s\nFrom %s.", title, channel_title);
    nilo_json_key(o, "snippet");
    nilo_json_object_begin(o);
    key_text(o, "publishedAt", at);
    key_text(o, "channelId", channel);
    key_text(o, "title", title);
    key_text(o, "description", description);
    thumbnails(o, id, false);
    key_text(o, "channelTitle", channel_title);
    nilo_json_key(o, "tags");
    nilo_json_array_begin(o);
    nilo_json_str(o, "emulated");
    nilo_json_array_end(o);
    key_text(o, "categoryId", "22");
    key_text(o, "liveBroadcastContent", live[emu_live_at(c->em, it, c->now, &starts)]);
    if (it.video % 2 == 0) /* only some say so */
        key_text(o, "defaultLanguage", "en");
    nilo_json_key(o, "localized");
    nilo_json_object_begin(o);
    key_text(o, "title", title);
    key_text(o, "description", description);
    nilo_json_object_end(o);
    key_text(o, "defaultAudioLanguage", "en");
    nilo_json_object_end(o);
}

static void duration_text(struct emu_call *c, struct emu_item it, char out[32])
{
    int s = emu_duration(c->em, it);
    nilo_us starts;
    if (emu_live_at(c->em, it, c->now, &starts) != EMU_LIVE_NONE)
        snprintf(out, 32, "P0D");
    else if (s >= 3600)
        snprintf(out, 32, "PT%dH%dM%dS", s / 3600, s / 60 % 60, s % 60);
    else if (s >= 60)
        snprintf(out, 32, "PT%dM%dS", s / 60, s % 60);
    else
        snprintf(out, 32, "PT%dS", s);
}

static void video_details(struct emu_call *c, struct nilo_json_out *o, struct emu_item it)
{
    char duration[32];
    duration_text(c, it, duration);
    nilo_json_key(o, "contentDetails");
    nilo_json_object_begin(o);
    key_text(o, "duration", duration);
    key_text(o, "dimension", "2d");
    key_text(o, "definition", "hd");
    key_text(o, "caption", "false");
    key_bool(o, "licensedContent", true);
    nilo_json_key(o, "contentRating");
    nilo_json_object_begin(o);
    nilo_json_object_end(o);
    key_text(o, "projection", "rectangular");
    nilo_json_object_end(o);
}

static void video_statistics(struct emu_call *c, struct nilo_json_out *o, struct emu_item it, bool batch)
{
    struct emulator *em = c->em;
    struct emu_stats s;
    bool number = batch && em->o.batch_numbers;
    emu_stats_at(em, it, c->now, &s);
    nilo_json_key(o, "statistics");
    nilo_json_object_begin(o);
    key_count(o, "viewCount", s.views, pin_of(em, it, EMU_PIN_VIEWS), number);
    if (!s.likes_hidden)
        key_count(o, "likeCount", s.likes, pin_of(em, it, EMU_PIN_LIKES), number);
    if (!batch && em->o.dislikes && google_owns(c, it.channel))
        key_count(o, "dislikeCount", s.dislikes, NULL, false);
    if (!batch)
        key_count(o, "favoriteCount", 0, NULL, false);
    if (!s.comments_closed)
        key_count(o, "commentCount", s.comments, pin_of(em, it, EMU_PIN_COMMENTS), number);
    nilo_json_object_end(o);
}

static void video_live(struct emu_call *c, struct nilo_json_out *o, struct emu_item it)
{
    nilo_us starts;
    char at[32];
    enum emu_live live = emu_live_at(c->em, it, c->now, &starts);
    if (live == EMU_LIVE_NONE)
        return;
    nilo_json_key(o, "liveStreamingDetails");
    nilo_json_object_begin(o);
    google_time(starts, at);
    key_text(o, "scheduledStartTime", at);
    if (live == EMU_LIVE_NOW) {
        key_text(o, "actualStartTime", at);
        key_count(o, "concurrentViewers", emu_views_at(c->em, it, c->now) / 10, NULL, false);
    }
    nilo_json_object_end(o);
}

static void video_item(struct emu_call *c, struct nilo_json_out *o, struct emu_item it, const char *id)
{
    char etag[32];
    uint64_t content[3] = {(uint64_t)emu_views_at(c->em, it, c->now), emu_text_hash(id, strlen(id)), (uint64_t)c->grant};
    google_etag(c->em, content, sizeof content, etag);
    nilo_json_object_begin(o);
    key_text(o, "kind", "youtube#video");
    key_text(o, "etag", etag);
    key_text(o, "id", id);
    if (google_part(c, "snippet"))
        video_snippet(c, o, it, id);
    if (google_part(c, "contentDetails"))
        video_details(c, o, it);
    if (google_part(c, "status")) {
        enum emu_state state = emu_state_at(c->em, it, c->now);
        nilo_json_key(o, "status");
        nilo_json_object_begin(o);
        key_text(o, "uploadStatus", "processed");
        key_text(o, "privacyStatus", state == EMU_PRIVATE ? "private" : "public");
        key_text(o, "license", "youtube");
        key_bool(o, "embeddable", true);
        key_bool(o, "publicStatsViewable", true);
        key_bool(o, "madeForKids", false);
        if (google_owns(c, it.channel))
            key_bool(o, "selfDeclaredMadeForKids", false);
        nilo_json_object_end(o);
    }
    if (google_part(c, "statistics"))
        video_statistics(c, o, it, false);
    if (google_part(c, "liveStreamingDetails"))
        video_live(c, o, it);
    nilo_json_object_end(o);
}

static void batch_item(struct emu_call *c, struct nilo_json_out *o, struct emu_item it, const char *id)
{
    char etag[32], at[32], duration[32];
    uint64_t content[2] = {(uint64_t)emu_views_at(c->em, it, c->now), emu_text_hash(id, strlen(id))};
    google_etag(c->em, content, sizeof content, etag);
    nilo_json_object_begin(o);
    key_text(o, "kind", "youtube#videoStats");
    key_text(o, "etag", etag);
    key_text(o, "id", id);
    if (google_part(c, "snippet")) {
        google_time(emu_published(c->em, it), at);
        nilo_json_key(o, "snippet");
        nilo_json_object_begin(o);
        key_text(o, "publishTime", at);
        nilo_json_object_end(o);
    }
    if (google_part(c, "statistics"))
        video_statistics(c, o, it, true);
    if (google_part(c, "contentDetails")) {
        duration_text(c, it, duration);
        nilo_json_key(o, "contentDetails");
        nilo_json_object_begin(o);
        key_text(o, "duration", duration);
        key_count(o, "durationMillis", (int64_t)emu_duration(c->em, it) * 1000, NULL, c->em->o.batch_numbers);
        nilo_json_object_end(o);
    }
    nilo_json_object_end(o);
}

/* The ids of a call: each once, those that can be seen by the caller found. */
struct ids {
    struct emu_item *item;
    char (*text)[16];
    int n, asked;
    const char **failed;
    int failed_n;
};

static int ids_of(struct emu_call *c, struct ids *ids)
{
    const char *list = emu_param(c->params, "id");
    int max = (int)c->em->o.ids_max;
    *ids = (struct ids){.item = nilo_arena_array(&c->arena, (size_t)max + 1, sizeof *ids->item), .text = nilo_arena_array(&c->arena, (size_t)max + 1, 16),
                        .failed = nilo_arena_array(&c->arena, (size_t)max + 1, sizeof *ids->failed)};
    if (!list || !*list) {
        google_missing(c, "No filter selected. Expected one of: myRating, chart, id", "parameters.");
        return -1;
    }
    char **seen = nilo_arena_array(&c->arena, (size_t)max + 1, sizeof *seen);
    for (const char *s = list; *s;) {
        size_t len = strcspn(s, ",");
        char *id = nilo_arena_strndup(&c->arena, s, len);
        bool again = false;
        for (int i = 0; i < ids->asked; i++)
            again |= strcmp(seen[i], id) == 0;
        s += len + (s[len] == ',');
        if (again || !len)
            continue;
        if (ids->asked == max) {
            google_error(c, &(struct google_error){400, NULL, "The request specifies an invalid filter parameter.", "youtube.parameter", "invalidFilters",
                                                   "parameters.", "other", NULL});
            return -1;
        }
        seen[ids->asked++] = id;
        struct emu_item it = {-1, -1};
        enum emu_state state = EMU_DELETED;
        if (emu_video_of(c->em, id, len, c->now, &it))
            state = emu_state_at(c->em, it, c->now);
        if (state == EMU_DELETED || (state == EMU_PRIVATE && !google_owns(c, it.channel))) {
            ids->failed[ids->failed_n++] = id;
            emu_ledger(c, it, id, strstr(c->path, "batchGetStats") ? EMU_FATE_MISSING : EMU_FATE_GONE);
            continue;
        }
        emu_ledger(c, it, id, emu_is_spoiled(c->em, it) ? EMU_FATE_ODD : EMU_FATE_SERVED);
        ids->item[ids->n] = it;
        memcpy(ids->text[ids->n++], id, len + 1);
    }
    for (int i = ids->n - 1; c->em->o.shuffle && i > 0; i--) { /* by what was asked: the same call gives the same order */
        int j = (int)(emu_hash(c->em, 301, emu_text_hash(list, strlen(list)), (uint64_t)i) % (uint64_t)(i + 1));
        struct emu_item it = ids->item[i];
        char text[16];
        memcpy(text, ids->text[i], 16);
        ids->item[i] = ids->item[j];
        memcpy(ids->text[i], ids->text[j], 16);
        ids->item[j] = it;
        memcpy(ids->text[j], text, 16);
    }
    c->count->asked += ids->asked;
    c->count->given += ids->n;
    return 0;
}

static bool part_given(struct emu_call *c)
{
    const char *part = emu_param(c->params, "part");
    if (part && *part)
        return true;
    google_missing(c, "Required parameter: part", "");
    return false;
}

static void videos_list(struct emu_call *c)
{
    struct ids ids;
    struct nilo_buf items;
    struct nilo_json_out o;
    if (!part_given(c) || ids_of(c, &ids) != 0)
        return;
    nilo_buf_init(&items, BODY_MAX);
    nilo_json_out_init(&o, &items);
    nilo_json_array_begin(&o);
    for (int i = 0; i < ids.n; i++)
        video_item(c, &o, ids.item[i], ids.text[i]);
    nilo_json_array_end(&o);
    google_list(c, "youtube#videoListResponse", &items, NULL, NULL, ids.n, ids.n);
    nilo_buf_done(&items);
}

static void batch_get_stats(struct emu_call *c)
{
    struct ids ids;
    struct nilo_buf json;
    struct nilo_json_out o;
    char etag[32];
    if (!c->em->o.batch) {
        google_fail(c, 404, false);
        return;
    }
    if (!part_given(c) || ids_of(c, &ids) != 0)
        return;
    nilo_buf_init(&json, BODY_MAX);
    nilo_json_out_init(&o, &json);
    const char *list = emu_param(c->params, "id");
    uint64_t content[2] = {emu_text_hash(list, strlen(list)), (uint64_t)(c->now / NILO_US_SECOND)};
    google_etag(c->em, content, sizeof content, etag);
    nilo_json_object_begin(&o);
    key_text(&o, "kind", "youtube#batchGetStatsResponse");
    key_text(&o, "etag", etag);
    nilo_json_key(&o, "items");
    nilo_json_array_begin(&o);
    for (int i = 0; i < ids.n; i++)
        batch_item(c, &o, ids.item[i], ids.text[i]);
    nilo_json_array_end(&o);
    if (c->em->o.summary) {
        nilo_json_key(&o, "summary");
        nilo_json_object_begin(&o);
        key_count(&o, "requestedVideoCount", ids.asked, NULL, c->em->o.batch_numbers);
        key_count(&o, "succeededVideoCount", ids.n, NULL, c->em->o.batch_numbers);
        key_count(&o, "failedVideoCount", ids.failed_n, NULL, c->em->o.batch_numbers);
        if (ids.failed_n) {
            nilo_json_key(&o, "failedVideoIds");
            nilo_json_array_begin(&o);
            for (int i = 0; i < ids.failed_n; i++)
                nilo_json_str(&o, ids.failed[i]);
            nilo_json_array_end(&o);
        }
        nilo_json_object_end(&o);
    }
    nilo_json_object_end(&o);
    google_answer(c, &json, etag);
    nilo_buf_done(&json);
}

/* ---- channels ------------------------------------------------------------------------------------------------------------------------- */

static void channel_item(struct emu_call *c, struct nilo_json_out *o, int32_t channel)
{
    struct emulator *em = c->em;
    struct emu_item self = {channel, -1};
    char id[EMULATOR_TEXT], etag[32], at[32], title[96], video[96], handle[32], uploads[EMULATOR_TEXT];
    int64_t views = 0, public = 0;
    int32_t n = emu_videos(em, channel, c->now);
    bool statistics = google_part(c, "statistics");
    for (int32_t v = 0; v < n && statistics; v++) {
        struct emu_item it = {channel, v};
        if (emu_state_at(em, it, c->now) != EMU_PUBLIC)
            continue;
        public++;
        views += emu_views_at(em, it, c->now);
    }
    emulator_channel_id(em, channel, id);
    titles(em, self, video, title);
    uint64_t content[3] = {(uint64_t)views, (uint64_t)public, (uint64_t)channel};
    google_etag(em, content, sizeof content, etag);
    nilo_json_object_begin(o);
    key_text(o, "kind", "youtube#channel");
    key_text(o, "etag", etag);
    key_text(o, "id", id);
    if (google_part(c, "snippet")) {
        snprintf(handle, sizeof handle, "@channel%d", channel + 1);
        google_time(emu_channel_born(em, channel), at);
        nilo_json_key(o, "snippet");
        nilo_json_object_begin(o);
        key_text(o, "title", title);
        key_text(o, "description", "");
        key_text(o, "customUrl", handle);
        key_text(o, "publishedAt", at);
        thumbnails(o, id + 2, true);
        nilo_json_key(o, "localized");
        nilo_json_object_begin(o);
        key_text(o, "title", title);
        key_text(o, "description", "");
        nilo_json_object_end(o);
        nilo_json_object_end(o);
    }
    if (google_part(c, "contentDetails")) {
        snprintf(uploads, sizeof uploads, "UU%s", id + 2);
        nilo_json_key(o, "contentDetails");
        nilo_json_object_begin(o);
        nilo_json_key(o, "relatedPlaylists");
        nilo_json_object_begin(o);
        key_text(o, "likes", google_owns(c, channel) ? "LL" : "");
        key_text(o, "uploads", uploads);
        nilo_json_object_end(o);
        nilo_json_object_end(o);
    }
    if (statistics) {
        bool hidden = emu_subscribers_hidden(em, channel);
        nilo_json_key(o, "statistics");
        nilo_json_object_begin(o);
        key_count(o, "viewCount", views, pin_of(em, self, EMU_PIN_VIEWS), false);
        if (!hidden || google_owns(c, channel))
            key_count(o, "subscriberCount", emu_subscribers(em, channel, c->now), pin_of(em, self, EMU_PIN_SUBSCRIBERS), false);
        key_bool(o, "hiddenSubscriberCount", hidden);
        key_count(o, "videoCount", public, NULL, false);
        nilo_json_object_end(o);
    }
    if (google_part(c, "brandingSettings")) {
        nilo_json_key(o, "brandingSettings");
        nilo_json_object_begin(o);
        nilo_json_key(o, "channel");
        nilo_json_object_begin(o);
        key_text(o, "title", title);
        nilo_json_object_end(o);
        nilo_json_object_end(o);
    }
    nilo_json_object_end(o);
}

static int channels_asked(struct emu_call *c, int32_t *ret, int max)
{
    const char *mine = emu_param(c->params, "mine"), *handle = emu_param(c->params, "forHandle"), *id = emu_param(c->params, "id");
    int n = 0;
    if (mine && strcmp(mine, "true") == 0) {
        if (c->grant < 0) {
            google_error(c, &(struct google_error){401, "UNAUTHENTICATED", "The request uses the mine parameter but is not properly authorized.",
                                                   "youtube.parameter", "authorizationRequired", "mine", "parameter", NULL});
            return -1;
        }
        for (int64_t k = 0; k < c->em->o.account_channels && n < max; k++)
            if (google_account(c) * c->em->o.account_channels + k < c->em->o.channels)
                ret[n++] = (int32_t)(google_account(c) * c->em->o.account_channels + k);
        return n;
    }
    if (handle) {
        char *end;
        long number = strncmp(handle + (*handle == '@'), "channel", 7) == 0 ? strtol(handle + (*handle == '@') + 7, &end, 10) : 0;
        if (number >= 1 && number <= c->em->o.channels && *end == 0)
            ret[n++] = (int32_t)number - 1;
        return n;
    }
    if (!id || !*id) {
        google_missing(c, "No filter selected. Expected one of: id, categoryId, mine, managedByMe, forUsername, mySubscribers, forHandle", "parameters.");
        return -1;
    }
    for (const char *s = id; *s;) {
        size_t len = strcspn(s, ",");
        int32_t channel;
        c->count->asked++;
        if (n < max && len == 24 && s[1] == 'C' && emu_channel_of(c->em, s, len, &channel) &&
            emu_state_at(c->em, (struct emu_item){channel, -1}, INT64_MIN) == EMU_PUBLIC)
            ret[n++] = channel;
        s += len + (s[len] == ',');
    }
    return n;
}

static void channels_list(struct emu_call *c)
{
    int32_t channel[50];
    struct nilo_buf items;
    struct nilo_json_out o;
    if (!part_given(c))
        return;
    int n = channels_asked(c, channel, 50);
    if (n < 0)
        return;
    c->count->given += n;
    nilo_buf_init(&items, BODY_MAX);
    nilo_json_out_init(&o, &items);
    nilo_json_array_begin(&o);
    for (int i = 0; i < n; i++)
        channel_item(c, &o, channel[i]);
    nilo_json_array_end(&o);
    google_list(c, "youtube#channelListResponse", n ? &items : NULL, NULL, NULL, n, 5); /* one that finds nothing has no items at all */
    nilo_buf_done(&items);
}

/* ---- uploads --------------------------------------------------------------------------------------------------------------------------- */

/* A page token is a small protocol buffer: field 1 = offset, field 2 = direction. */
static void token_make(int64_t offset, bool back, char out[32])
{
    unsigned char raw[16];
    size_t n = 0;
    raw[n++] = 0x08;
    for (uint64_t v = (uint64_t)offset;; v >>= 7) {
        raw[n++] = (unsigned char)(v & 127) | (v > 127 ? 128 : 0);
        if (v < 128)
            break;
    }
    raw[n++] = 0x10;
    raw[n++] = back;
    emu_base64url(raw, n, out);
}

static bool token_read(const char *text, int64_t *ret)
{
    unsigned char raw[48];
    size_t n, at = 1;
    uint64_t v = 0;
    if (strlen(text) > 24 || !emu_unbase64url(text, strlen(text), raw, &n) || n < 4 || raw[0] != 0x08)
        return false;
    for (int shift = 0; at < n && shift < 35; shift += 7) {
        v |= (uint64_t)(raw[at] & 127) << shift;
        if (!(raw[at++] & 128))
            break;
    }
    *ret = (int64_t)v;
    return at + 2 == n && raw[at] == 0x10 && raw[at + 1] <= 1;
}

static void playlist_item(struct emu_call *c, struct nilo_json_out *o, struct emu_item it, const char *playlist, int64_t position)
{
    struct emulator *em = c->em;
    char id[EMULATOR_TEXT], video[EMULATOR_TEXT], channel[EMULATOR_TEXT], at[32], etag[32], title[96], channel_title[96], raw[EMULATOR_TEXT];
    emulator_video_id(em, it.channel, it.video, video);
    emulator_channel_id(em, it.channel, channel);
    titles(em, it, title, channel_title);
    google_time(emu_published(em, it), at);
    int n = snprintf(raw, sizeof raw, "%s.%s", playlist, video);
    emu_base64url(raw, (size_t)n, id);
    google_etag(em, raw, (size_t)n, etag);
    nilo_json_object_begin(o);
    key_text(o, "kind", "youtube#playlistItem");
    key_text(o, "etag", etag);
    key_text(o, "id", id);
    if (google_part(c, "snippet")) {
        nilo_json_key(o, "snippet");
        nilo_json_object_begin(o);
        key_text(o, "publishedAt", at);
        key_text(o, "channelId", channel);
        key_text(o, "title", title);
        key_text(o, "description", "");
        thumbnails(o, video, false);
        key_text(o, "channelTitle", channel_title);
        key_text(o, "playlistId", playlist);
        key_int(o, "position", position);
        nilo_json_key(o, "resourceId");
        nilo_json_object_begin(o);
        key_text(o, "kind", "youtube#video");
        key_text(o, "videoId", video);
        nilo_json_object_end(o);
        key_text(o, "videoOwnerChannelTitle", channel_title);
        key_text(o, "videoOwnerChannelId", channel);
        nilo_json_object_end(o);
    }
    if (google_part(c, "contentDetails")) {
        nilo_json_key(o, "contentDetails");
        nilo_json_object_begin(o);
        key_text(o, "videoId", video);
        key_text(o, "videoPublishedAt", at);
        nilo_json_object_end(o);
    }
    if (google_part(c, "status")) {
        nilo_json_key(o, "status");
        nilo_json_object_begin(o);
        key_text(o, "privacyStatus", emu_state_at(em, it, c->now) == EMU_PRIVATE ? "private" : "public");
        nilo_json_object_end(o);
    }
    nilo_json_object_end(o);
}

static bool bad_parameter(struct emu_call *c, const char *name, const char *reason, const char *message)
{
    google_error(c, &(struct google_error){400, "INVALID_ARGUMENT", message, "youtube.parameter", reason, name, "parameter", NULL});
    return false;
}

static bool page_asked(struct emu_call *c, int64_t *ret_size, int64_t *ret_offset)
{
    const char *max = emu_param(c->params, "maxResults"), *token = emu_param(c->params, "pageToken");
    *ret_size = 5;
    *ret_offset = 0;
    if (max) {
        char *end;
        long n = strtol(max, &end, 10);
        if (end == max || *end || n < 0 || n > 50)
            return bad_parameter(c, "maxResults", "invalidValue", "Invalid value. Values must be within the range: [0, 50]");
        *ret_size = n ? n : 5;
    }
    if (*ret_size > c->em->o.page_max)
        *ret_size = c->em->o.page_max;
    if (token && *token && !token_read(token, ret_offset))
        return bad_parameter(c, "pageToken", "invalidPageToken", "The request specifies an invalid page token.");
    return true;
}

/* The uploads, newest first; deleted and private ones are not in the list, but for the owner, who sees the private ones. */
static void playlist_items(struct emu_call *c)
{
    struct emulator *em = c->em;
    const char *playlist = emu_param(c->params, "playlistId");
    int32_t channel;
    int64_t size, offset, seen = 0;
    if (!part_given(c))
        return;
    if (!playlist || !*playlist) {
        google_missing(c, "No filter selected. Expected one of: playlistId, id", "parameters.");
        return;
    }
    if (!page_asked(c, &size, &offset))
        return;
    if (playlist[1] != 'U' || !emu_channel_of(em, playlist, strlen(playlist), &channel) ||
        emu_state_at(em, (struct emu_item){channel, -1}, INT64_MIN) != EMU_PUBLIC) {
        google_error(c, &(struct google_error){404, NULL,
                                               "The playlist identified with the request's <code>playlistId</code> parameter cannot be found.",
                                               "youtube.playlistItem", "playlistNotFound", "playlistId", "parameter", NULL});
        return;
    }
    struct nilo_buf items;
    struct nilo_json_out o;
    nilo_buf_init(&items, BODY_MAX);
    nilo_json_out_init(&o, &items);
    nilo_json_array_begin(&o);
    for (int32_t v = emu_videos(em, channel, c->now) - 1; v >= 0; v--) {
        struct emu_item it = {channel, v};
        enum emu_state state = emu_state_at(em, it, c->now);
        if (state == EMU_DELETED || (state == EMU_PRIVATE && !google_owns(c, channel)))
            continue;
        if (seen >= offset && seen < offset + size)
            playlist_item(c, &o, it, playlist, seen);
        seen++;
    }
    nilo_json_array_end(&o);
    char next[32], previous[32];
    token_make(offset + size, false, next);
    token_make(offset > size ? offset - size : 0, true, previous);
    c->count->given += seen - offset < size ? (seen > offset ? seen - offset : 0) : size;
    google_list(c, "youtube#playlistItemListResponse", &items, offset + size < seen ? next : NULL, offset > 0 ? previous : NULL, seen, size);
    nilo_buf_done(&items);
}

static const struct emu_endpoint endpoints[] = {
    {"GET", "www.googleapis.com", "/youtube/v3/videos", EMU_BUCKET_DEFAULT, videos_list},
    {"GET", "www.googleapis.com", "/youtube/v3/videos:batchGetStats", EMU_BUCKET_STATS, batch_get_stats},
    {"GET", "www.googleapis.com", "/youtube/v3/channels", EMU_BUCKET_DEFAULT, channels_list},
    {"GET", "www.googleapis.com", "/youtube/v3/playlistItems", EMU_BUCKET_DEFAULT, playlist_items},
    {0},
};
const struct emu_platform emu_youtube = {"youtube", endpoints, google_fail, google_admit};
