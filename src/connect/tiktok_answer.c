/* What TikTok's Display and Research APIs answer alike: errors and videos.
 *
 * Errors come in three shapes, and none of them needs a status: {"error": {"code": "access_token_invalid", ...}} beside the data, where "ok" is success and
 * without which nothing is one; {"error": "invalid_grant", "error_description": ...} of OAuth; {"code": 40105, "message": ...} of the Business APIs, always
 * inside HTTP 200. Facts and where they were found: the notes on platform APIs, section 4. */
#include <string.h>

#include "connect/tiktok_priv.h"
#include "connect/walk.h"

#define SAID_MAX    300
#define TEXT_MAX    1000
#define CAPTION_MAX 5000
#define WINDOW      NILO_US_MINUTE    /* in which TikTok counts calls: so long after a refusal there is room again */
#define AHEAD       NILO_US_DAY       /* a clock may be so wrong */
#define SECONDS_MAX INT64_C(8000000000) /* until the year 2223 */

/* ---- errors ---------------------------------------------------------------------------------------------------------------------------- */

static const struct word {
    const char *word;
    enum nilo_class class;
    enum nilo_until until;
    bool key_wrong;
} words[] = {
    /* beside the data */
    {"access_token_invalid", NILO_CLASS_AUTH, NILO_UNTIL_SOON, false},
    {"scope_not_authorized", NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, false},
    {"scope_permission_missed", NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, false},
    {"rate_limit_exceeded", NILO_CLASS_RATE_LIMITED, NILO_UNTIL_SOON, false},
    {"daily_quota_limit_exceeded", NILO_CLASS_RATE_LIMITED, NILO_UNTIL_RESET, false},
    {"invalid_params", NILO_CLASS_INVALID, NILO_UNTIL_SOON, false},
    {"internal_error", NILO_CLASS_TRANSIENT, NILO_UNTIL_SOON, false},
    /* of OAuth */
    {"invalid_grant", NILO_CLASS_AUTH, NILO_UNTIL_SOON, false},
    {"invalid_client", NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, true},
    {"unauthorized_client", NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, true},
    {"invalid_scope", NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, true},
    {"access_denied", NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, false},
    {"invalid_request", NILO_CLASS_INVALID, NILO_UNTIL_SOON, false},
    {"unsupported_grant_type", NILO_CLASS_INVALID, NILO_UNTIL_SOON, false},
    {"server_error", NILO_CLASS_TRANSIENT, NILO_UNTIL_SOON, false},
    {"temporarily_unavailable", NILO_CLASS_TRANSIENT, NILO_UNTIL_SOON, false},
    /* of the Business APIs; 40105 was recorded, the others are believed */
    {"40001", NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, false},
    {"40002", NILO_CLASS_INVALID, NILO_UNTIL_SOON, false},
    {"40100", NILO_CLASS_RATE_LIMITED, NILO_UNTIL_SOON, false},
    {"40105", NILO_CLASS_AUTH, NILO_UNTIL_SOON, false},
    {"50000", NILO_CLASS_TRANSIENT, NILO_UNTIL_SOON, false},
};

struct said {
    const char *code, *message;              /* beside the data */
    const char *oauth, *description;
    const char *number, *business;
    bool error;                              /* there is an object that should hold a code */
    struct nilo_arena *arena;
    struct nilo_err *err;
};

static int take_said(void *ctx, const char *path, enum nilo_json_event event, const char *text, size_t len)
{
    static const struct nilo__want wants[] = {
        {"error.code", offsetof(struct said, code)}, {"error.message", offsetof(struct said, message)}, {"error", offsetof(struct said, oauth)},
        {"error_description", offsetof(struct said, description)}, {"code", offsetof(struct said, number)}, {"message", offsetof(struct said, business)},
    };
    struct said *s = ctx;
    s->error |= event == NILO_JSON_OBJECT_BEGIN && strcmp(path, "error") == 0;
    return nilo__want_take(wants, sizeof(wants) / sizeof(wants[0]), s, path, event, text, len, SAID_MAX, s->arena, s->err);
}

static const struct word *word_of(const char *text)
{
    for (size_t i = 0; text != NULL && i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i].word, text) == 0)
            return &words[i];
    }
    return NULL;
}

static bool is_said(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static bool is_good(const char *code)
{
    return strcmp(code, "ok") == 0 || strcmp(code, "0") == 0;
}

/* The word that says what is wrong; NULL: none does. ret_text: the sentence that came with it */
static const char *wrong_word(const struct said *s, const char **ret_text)
{
    if (is_said(s->oauth)) {
        *ret_text = s->description;
        return s->oauth;
    }
    if (is_said(s->code) && !is_good(s->code)) {
        *ret_text = s->message;
        return s->code;
    }
    *ret_text = s->business;
    return is_said(s->number) && !is_good(s->number) ? s->number : NULL;
}

static void wait_for_it(const struct nilo_http_answer *a, enum nilo_until until, struct nilo_result *ret)
{
    ret->until = until;
    if (until == NILO_UNTIL_RESET) /* seconds do not fill a day's quota */
        return;
    if (a->retry_after_ms >= 0)
        ret->retry_at = a->ended_at + a->retry_after_ms * 1000;
    else if (ret->class == NILO_CLASS_RATE_LIMITED)
        ret->retry_at = a->ended_at + WINDOW;
    if (ret->retry_at != NILO_US_NONE)
        ret->until = NILO_UNTIL_TIME;
}

/* A word that nobody knows: the status it came with decides, and inside of a success the answer is none. */
static void of_word(const struct nilo_http_answer *a, const char *word, const char *text, struct nilo_arena *arena, struct nilo_result *ret)
{
    const struct word *known = word_of(word);
    if (known != NULL) {
        ret->class = known->class;
        ret->key_wrong = known->key_wrong;
    } else if (ret->class == NILO_CLASS_OK) {
        ret->class = strlen(word) == 5 && word[0] == '5' && strspn(word, "0123456789") == 5 ? NILO_CLASS_TRANSIENT : NILO_CLASS_INVALID;
    }
    if (ret->class == NILO_CLASS_RATE_LIMITED || ret->class == NILO_CLASS_TRANSIENT)
        wait_for_it(a, known != NULL ? known->until : NILO_UNTIL_SOON, ret);
    const char *message = is_said(text) ? nilo_arena_printf(arena, "TikTok says: %s (%s)", text, word) : nilo_arena_printf(arena, "TikTok says: %s", word);
    ret->reason = word;
    ret->message = message != NULL ? message : "TikTok says that something is wrong";
}

bool nilo__tt_refusal(const struct nilo_http_answer *a, enum nilo__tt_shape shape, struct nilo_arena *arena, struct nilo_result *ret)
{
    struct nilo_err why = {0};
    struct said s = {.arena = arena, .err = &why};
    const char *text = NULL, *word;
    if (nilo_result_of_end(a, arena, ret))
        return true;
    nilo_result_of_status(a, arena, ret);
    if (nilo__walk(a->body, a->n_body, take_said, &s, &why) != 0) {
        if (ret->class != NILO_CLASS_OK)
            return true; /* no words of TikTok's: the status alone */
        /* what cannot be read may hold a token: it is not quoted */
        nilo__unreadable("TikTok", arena, shape == NILO__TT_TOKENS ? &(struct nilo_err){.msg = "no JSON"} : &why, ret);
        return true;
    }
    if ((word = wrong_word(&s, &text)) != NULL) {
        of_word(a, word, text, arena, ret);
        return true;
    }
    if (ret->class != NILO_CLASS_OK)
        return true;
    /* "{}" or a code of another type: what is not called a success is not believed, or a list without videos would tell of their being deleted. */
    bool ok = is_said(s.code) || (is_said(s.number) && !s.error);
    if (ok || (shape == NILO__TT_TOKENS && !s.error))
        return false;
    nilo__unreadable("TikTok", arena, &(struct nilo_err){.msg = "it does not say whether it is one (error.code)"}, ret);
    return true;
}

/* ---- videos ---------------------------------------------------------------------------------------------------------------------------- */

/* Counts and ids come as numbers or texts, texts as texts alone. What is there and is neither is "?", which no count is: it is no absent one. */
enum kind { KIND_NUMBER, KIND_TEXT, KIND_CAPTION };
static const struct member {
    const char *path;
    size_t offset;
    enum kind kind;
} members[] = {
    {"data.videos[].id", offsetof(struct nilo__tt_video, id), KIND_NUMBER},
    {"data.videos[].create_time", offsetof(struct nilo__tt_video, created), KIND_NUMBER},
    {"data.videos[].duration", offsetof(struct nilo__tt_video, duration), KIND_NUMBER},
    {"data.videos[].video_duration", offsetof(struct nilo__tt_video, duration), KIND_NUMBER},
    {"data.videos[].view_count", offsetof(struct nilo__tt_video, views), KIND_NUMBER},
    {"data.videos[].like_count", offsetof(struct nilo__tt_video, likes), KIND_NUMBER},
    {"data.videos[].comment_count", offsetof(struct nilo__tt_video, comments), KIND_NUMBER},
    {"data.videos[].share_count", offsetof(struct nilo__tt_video, shares), KIND_NUMBER},
    {"data.videos[].favorites_count", offsetof(struct nilo__tt_video, saves), KIND_NUMBER},
    {"data.videos[].title", offsetof(struct nilo__tt_video, title), KIND_TEXT},
    {"data.videos[].video_description", offsetof(struct nilo__tt_video, caption), KIND_CAPTION},
    {"data.videos[].share_url", offsetof(struct nilo__tt_video, url), KIND_TEXT},
    {"data.videos[].cover_image_url", offsetof(struct nilo__tt_video, cover), KIND_TEXT},
    {"data.videos[].username", offsetof(struct nilo__tt_video, username), KIND_TEXT},
};

static int take_member(struct nilo__tt_page *p, const char *path, enum nilo_json_event event, const char *text, size_t len)
{
    bool number = event == NILO_JSON_STRING || event == NILO_JSON_NUMBER;
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        const struct member *m = &members[i];
        if (strcmp(m->path, path) != 0)
            continue;
        if (event == NILO_JSON_NULL || event == NILO_JSON_OBJECT_END || event == NILO_JSON_ARRAY_END || (m->kind != KIND_NUMBER && (event != NILO_JSON_STRING || len == 0)))
            return 0;
        const struct nilo__want want = {m->path, m->offset};
        return nilo__want_take(&want, 1, &p->all[p->n - 1], path, NILO_JSON_STRING, number ? text : "?", number ? len : 1,
                               m->kind == KIND_CAPTION ? CAPTION_MAX : TEXT_MAX, p->arena, p->err);
    }
    return 0;
}

static int take_page(void *ctx, const char *path, enum nilo_json_event event, const char *text, size_t len)
{
    static const struct nilo__want wants[] = {
        {"data.cursor", offsetof(struct nilo__tt_page, cursor)}, {"data.search_id", offsetof(struct nilo__tt_page, search)},
    };
    struct nilo__tt_page *p = ctx;
    p->list |= event == NILO_JSON_ARRAY_BEGIN && strcmp(path, "data.videos") == 0;
    p->more |= event == NILO_JSON_TRUE && strcmp(path, "data.has_more") == 0;
    if (strcmp(path, "data.videos[]") == 0 && event != NILO_JSON_OBJECT_END && event != NILO_JSON_ARRAY_END) {
        p->n++;
        if (p->n > NILO__TT_VIDEOS || event != NILO_JSON_OBJECT_BEGIN)
            return 0;
    }
    if (nilo__want_take(wants, sizeof(wants) / sizeof(wants[0]), p, path, event, text, len, TEXT_MAX, p->arena, p->err) != 0)
        return -1;
    return p->n > 0 && p->n <= NILO__TT_VIDEOS ? take_member(p, path, event, text, len) : 0;
}

size_t nilo__tt_page_n(const struct nilo__tt_page *p)
{
    return p->n < NILO__TT_VIDEOS ? p->n : NILO__TT_VIDEOS;
}

int nilo__tt_page(const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo__tt_page **ret, bool *ret_read, struct nilo_result *result,
                  struct nilo_err *err)
{
    struct nilo_err why = {0};
    struct nilo__tt_page *p = nilo_arena_alloc(arena, sizeof(*p));
    if (p == NULL)
        return nilo_err_nomem(err);
    memset(p, 0, sizeof(*p));
    p->arena = arena;
    p->err = &why;
    int rc = nilo__walk(a->body, a->n_body, take_page, p, &why);
    if (rc != 0 && why.code == NILO_ENOMEM)
        return nilo_err_nomem(err);
    if (rc == 0 && !p->list)
        nilo_err_set(&why, NILO_EBODY, "it is JSON, but no list of videos");
    *ret = p;
    *ret_read = rc == 0 && p->list;
    for (size_t i = 0; i < nilo__tt_page_n(p); i++)
        p->odd += p->all[i].id == NULL || !nilo__tt_id_fine(p->all[i].id);
    return *ret_read ? 0 : nilo__unreadable("TikTok", arena, &why, result);
}

static void put_count(struct nilo_item_value *to, const char *name, const char *text, struct nilo_arena *arena, struct nilo_item *item)
{
    *to = (struct nilo_item_value){.metric = nilo__metric_of(name), .absence = NILO_NOT_REPORTED};
    if (text == NULL)
        return;
    to->absence = nilo__count_of(text, &to->value) ? NILO_PRESENT : NILO_FAILED;
    if (to->absence == NILO_FAILED)
        nilo__complain(item, nilo_arena_printf(arena, "TikTok's %s are \"%.40s\", which is no count that can be kept", name, text));
}

/* Seconds since 1970: not before there was TikTok's world, not from the future. */
static nilo_us posted(const struct nilo__tt_video *v, const struct nilo_ask *ask, struct nilo_arena *arena, struct nilo_item *item)
{
    int64_t s;
    if (v->created == NULL)
        return NILO_US_NONE;
    if (!nilo__count_of(v->created, &s) || s == 0 || s > SECONDS_MAX)
        nilo__complain(item, nilo_arena_printf(arena, "TikTok's create_time is \"%.40s\", which is no time", v->created));
    else if (s * NILO_US_SECOND > ask->now + AHEAD)
        nilo__complain(item, nilo_arena_printf(arena, "TikTok's create_time is %.40s, which has not come yet", v->created));
    else
        return s * NILO_US_SECOND;
    return NILO_US_NONE;
}

static int64_t lasts(const struct nilo__tt_video *v, struct nilo_arena *arena, struct nilo_item *item)
{
    int64_t s;
    if (v->duration == NULL)
        return -1;
    if (nilo__count_of(v->duration, &s) && s <= 366 * 86400)
        return s * 1000;
    nilo__complain(item, nilo_arena_printf(arena, "TikTok's duration is \"%.40s\", which is no length of a video", v->duration));
    return -1;
}

int nilo__tt_item(const struct nilo__tt_video *v, const struct nilo_ask *ask, bool saves, bool values, struct nilo_arena *arena, struct nilo_item *ret,
                  struct nilo_err *err)
{
    *ret = (struct nilo_item){.id = v->id, .kind = NILO_CONTENT, .day = NILO_DAY_NONE, .posted_at = NILO_US_NONE, .duration_ms = -1, .title = v->title, .url = v->url,
                              .media_type = "video", .caption = v->caption, .thumbnail = v->cover, .account = v->username};
    ret->posted_at = posted(v, ask, arena, ret);
    ret->duration_ms = lasts(v, arena, ret);
    bool plain = v->username != NULL && strspn(v->username, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._") == strlen(v->username);
    if (v->url == NULL && plain && (ret->url = nilo_arena_printf(arena, "https://www.tiktok.com/@%s/video/%s", v->username, v->id)) == NULL)
        return nilo_err_nomem(err);
    if (!values)
        return 0;
    struct nilo_item_value *to = nilo_arena_array(arena, 5, sizeof(*to));
    if (to == NULL)
        return nilo_err_nomem(err);
    put_count(&to[0], "views", v->views, arena, ret);
    put_count(&to[1], "likes", v->likes, arena, ret);
    put_count(&to[2], "comments", v->comments, arena, ret);
    put_count(&to[3], "shares", v->shares, arena, ret);
    if (saves)
        put_count(&to[4], "saves", v->saves, arena, ret);
    ret->values = to;
    ret->n_values = saves ? 5 : 4;
    return 0;
}

int nilo__tt_list(const struct nilo__tt_page *p, const struct nilo_ask *ask, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    size_t n = nilo__tt_page_n(p), k = 0;
    struct nilo_item *items = nilo_arena_array(arena, n + 1, sizeof(*items));
    if (items == NULL)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < n; i++) {
        if (p->all[i].id != NULL && nilo__tt_id_fine(p->all[i].id) && nilo__tt_item(&p->all[i], ask, false, false, arena, &items[k++], err) != 0)
            return -1;
    }
    ret->items = items;
    ret->n_items = k;
    return 0;
}

int nilo__tt_items(const struct nilo__tt_page *p, const struct nilo_ask *ask, bool saves, struct nilo_arena *arena, struct nilo_result *ret,
                   struct nilo_err *err)
{
    struct nilo_item *items = nilo_arena_array(arena, ask->n_ids, sizeof(*items));
    size_t n = nilo__tt_page_n(p);
    if (items == NULL)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < ask->n_ids; i++) {
        size_t k = 0;
        while (k < n && (p->all[k].id == NULL || strcmp(p->all[k].id, ask->ids[i]) != 0))
            k++;
        if (k < n) {
            if (nilo__tt_item(&p->all[k], ask, saves, true, arena, &items[i], err) != 0)
                return -1;
            items[i].id = ask->ids[i];
            continue;
        }
        items[i] = (struct nilo_item){.id = ask->ids[i], .kind = NILO_CONTENT, .class = NILO_CLASS_GONE, .reason = "TikTok answers without it: deleted, private, or somebody else's",
                                      .day = NILO_DAY_NONE, .posted_at = NILO_US_NONE, .duration_ms = -1};
        if (p->odd == 0 && p->n <= NILO__TT_VIDEOS)
            continue;
        /* it may be the entry whose id does not read: nothing that is deleted */
        items[i].class = NILO_CLASS_INVALID;
        items[i].reason = "TikTok's answer holds an entry without an id that reads, and this one is not in it";
    }
    ret->items = items;
    ret->n_items = ask->n_ids;
    return 0;
}
