/* Notices of Meta: {"object", "entry": [{"id", "time", "changes": [{"field", "value"}]}]}, of Instagram accounts and of pages; an app has one secret for all its products, so one
 * address may get both. Entries are batched, come in no order and more than once. And what an app has to answer when somebody removes it: a signed request that names them. */
#include <string.h>

#include "hook/hook_priv.h"

struct entry {
    struct nilo__reading_of_hook *r;
    const char *platform; /* NULL: an object that we know nothing of */
    const char *account;
    nilo_us at;
};

static bool is(const char *text, const char *word)
{
    return text != NULL && strcmp(text, word) == 0;
}

static int add(struct entry *e, enum nilo_hook_what what, const char *item, bool own, const char *field, struct nilo_err *err)
{
    const struct nilo_hook_event event = {.what = what, .platform = e->platform, .account = e->account, .item = item, .own = own, .at = e->at,
                                          .name = nilo__hook_word(e->r, field)};
    return nilo__hook_add(e->r, &event, err) != NULL ? 0 : -1;
}

/* ---- Instagram ------------------------------------------------------------------------------------------------------------------------------ */

/* The last insights of a story, when its 24 hours are over: nobody can ask for them afterwards. -1 stands for "too few". */
static int story(struct entry *e, const char *media, const struct nilo__raw *reach, const struct nilo__raw *impressions, struct nilo_err *err)
{
    struct nilo_hook_event event = {.what = NILO_HOOK_READING, .platform = e->platform, .account = e->account, .item = media, .own = true, .at = e->at, .name = "story_insights"};
    const struct {
        const char *metric;
        const struct nilo__raw *raw;
    } values[] = {{"reach", reach}, {"impressions", impressions}};
    for (size_t i = 0; i < 2; i++) {
        if (nilo__hook_whole(*values[i].raw, &event.values[event.n_values].value))
            event.values[event.n_values++].metric = values[i].metric;
    }
    return nilo__hook_add(e->r, &event, err) != NULL ? 0 : -1;
}

static int instagram(struct entry *e, const char *field, struct nilo__raw value, struct nilo_err *err)
{
    static const char *const names[] = {"media", "media_id", "reach", "impressions"}, *const id_name[] = {"id"};
    struct nilo__raw v[4], id;
    if (nilo__hook_members(value, names, 4, v, err) != 0 || nilo__hook_members(v[0], id_name, 1, &id, err) != 0)
        return -1;
    const char *media = nilo__hook_text(e->r, id.p != NULL ? id : v[1]);
    if (is(field, "story_insights") && media != NULL)
        return story(e, media, &v[2], &v[3], err);
    if ((is(field, "comments") || is(field, "live_comments") || is(field, "mentions")) && media != NULL) /* where somebody is mentioned is mostly somebody else's */
        return add(e, NILO_HOOK_CHANGED, media, !is(field, "mentions"), field, err);
    return add(e, NILO_HOOK_UNKNOWN, NULL, false, field, err);
}

/* ---- pages ------------------------------------------------------------------------------------------------------------------------------------ */

static bool among(const char *text, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (is(text, words[i]))
            return true;
    }
    return false;
}

/* What stands on a page: posts, its own and those of visitors, and what people do with them. */
static int feed(struct entry *e, struct nilo__raw value, struct nilo_err *err)
{
    static const char *const names[] = {"post_id", "item", "verb", "from"}, *const id_name[] = {"id"};
    static const char *const posts[] = {"post", "status", "photo", "video", "share", "link", "album", "note"}, *const ends[] = {"remove", "delete"};
    struct nilo__raw v[4], from;
    if (nilo__hook_members(value, names, 4, v, err) != 0 || nilo__hook_members(v[3], id_name, 1, &from, err) != 0)
        return -1;
    const char *post = nilo__hook_text(e->r, v[0]), *item = nilo__hook_text(e->r, v[1]), *verb = nilo__hook_text(e->r, v[2]), *author = nilo__hook_text(e->r, from);
    if (post == NULL)
        return add(e, NILO_HOOK_UNKNOWN, NULL, false, "feed", err);
    bool itself = among(item, posts, sizeof posts / sizeof posts[0]);
    if (itself && among(verb, ends, 2))
        return add(e, NILO_HOOK_DELETED, post, false, "feed", err);
    return add(e, NILO_HOOK_CHANGED, post, itself && is(author, e->account), "feed", err);
}

static int page(struct entry *e, const char *field, struct nilo__raw value, struct nilo_err *err)
{
    static const char *const names[] = {"id", "video_id"};
    struct nilo__raw v[2];
    if (is(field, "feed"))
        return feed(e, value, err);
    if (!is(field, "videos"))
        return add(e, NILO_HOOK_UNKNOWN, NULL, false, field, err);
    if (nilo__hook_members(value, names, 2, v, err) != 0)
        return -1;
    const char *video = nilo__hook_text(e->r, v[0].p != NULL ? v[0] : v[1]);
    return video != NULL ? add(e, NILO_HOOK_CHANGED, video, false, field, err) : add(e, NILO_HOOK_LISTED, NULL, false, field, err);
}

/* ---- the envelope ---------------------------------------------------------------------------------------------------------------------------- */

static int take_change(void *ctx, struct nilo__raw change, struct nilo_err *err)
{
    static const char *const names[] = {"field", "value"};
    struct entry *e = ctx;
    struct nilo__raw v[2];
    if (nilo__hook_members(change, names, 2, v, err) != 0)
        return -1;
    const char *field = nilo__hook_text(e->r, v[0]);
    if (e->platform == NULL || e->account == NULL || field == NULL)
        return add(e, NILO_HOOK_UNKNOWN, NULL, false, field, err);
    return is(e->platform, "instagram") ? instagram(e, field, v[1], err) : page(e, field, v[1], err);
}

static int take_entry(void *ctx, struct nilo__raw one, struct nilo_err *err)
{
    static const char *const names[] = {"id", "time", "changes"};
    struct entry e = *(struct entry *)ctx;
    struct nilo__raw v[3];
    if (nilo__hook_members(one, names, 3, v, err) != 0)
        return -1;
    e.account = nilo__hook_text(e.r, v[0]);
    e.at = nilo__hook_time(v[1]);
    if (v[2].p == NULL) /* messages, and fields of users that are only named */
        return add(&e, NILO_HOOK_UNKNOWN, NULL, false, NULL, err);
    return nilo__hook_each(v[2], take_change, &e, err);
}

int nilo__hook_meta(struct nilo__reading_of_hook *r, const char *body, size_t n, struct nilo_err *err)
{
    static const char *const names[] = {"object", "entry"};
    struct nilo__raw v[2];
    if (nilo__hook_members((struct nilo__raw){body, n}, names, 2, v, err) != 0)
        return -1;
    const char *object = nilo__hook_text(r, v[0]);
    struct entry e = {.r = r, .platform = is(object, "instagram") ? "instagram" : is(object, "page") ? "facebook" : NULL, .at = NILO_US_NONE};
    return nilo__hook_each(v[1], take_entry, &e, err);
}

int nilo__hook_meta_request(struct nilo__reading_of_hook *r, const char *body, size_t n, struct nilo_err *err)
{
    static const char *const names[] = {"user_id", "issued_at"};
    struct nilo__raw v[2];
    if (nilo__hook_members((struct nilo__raw){body, n}, names, 2, v, err) != 0)
        return -1;
    struct nilo_hook_event event = {.what = NILO_HOOK_SIGNED_OUT, .account = nilo__hook_text(r, v[0]), .at = nilo__hook_time(v[1]), .name = "signed_request"};
    if (event.account == NULL)
        event.what = NILO_HOOK_UNKNOWN;
    return nilo__hook_add(r, &event, err) != NULL ? 0 : -1;
}
