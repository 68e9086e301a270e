/* Notices of TikTok: {"client_key", "event", "create_time", "user_openid", "content"}, where content is JSON in a text; and of TikTok Shop: {"type", "shop_id", "timestamp",
 * "data"}, where type is a number. Both come at least once. */
#include <string.h>

#include "hook/hook_priv.h"

static int add(struct nilo__reading_of_hook *r, const struct nilo_hook_event *event, struct nilo_err *err)
{
    return nilo__hook_add(r, event, err) != NULL ? 0 : -1;
}

int nilo__hook_tiktok(struct nilo__reading_of_hook *r, const char *body, size_t n, struct nilo_err *err)
{
    static const char *const names[] = {"client_key", "event", "create_time", "user_openid", "content"}, *const post_name[] = {"post_id"};
    static const struct {
        const char *event;
        enum nilo_hook_what what; /* of the account; where a post is named, of that */
    } known[] = {
        {"authorization.removed", NILO_HOOK_SIGNED_OUT},     {"video.publish.completed", NILO_HOOK_LISTED},  {"post.publish.complete", NILO_HOOK_LISTED},
        {"post.publish.publicly_available", NILO_HOOK_CHANGED}, {"post.publish.no_longer_publicaly_available", NILO_HOOK_CHANGED},
        {"video.upload.failed", NILO_HOOK_NOTHING},          {"post.publish.failed", NILO_HOOK_NOTHING},     {"post.publish.inbox_delivered", NILO_HOOK_NOTHING},
    };
    struct nilo__raw v[5], post = {0};
    if (nilo__hook_members((struct nilo__raw){body, n}, names, 5, v, err) != 0)
        return -1;
    const char *key = nilo__hook_text(r, v[0]), *name = nilo__hook_text(r, v[1]), *content = nilo__hook_text(r, v[4]);
    struct nilo_hook_event event = {.what = NILO_HOOK_UNKNOWN, .account = nilo__hook_text(r, v[3]), .at = nilo__hook_time(v[2]), .name = nilo__hook_word(r, name)};
    bool ours = r->app_id == NULL || (key != NULL && strcmp(key, r->app_id) == 0);
    for (size_t i = 0; ours && name != NULL && event.account != NULL && i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i].event, name) == 0)
            event.what = known[i].what;
    }
    struct nilo_err wrong = {0}; /* a content that is no JSON says nothing */
    if (content != NULL && event.what == NILO_HOOK_CHANGED && nilo__hook_members((struct nilo__raw){content, strlen(content)}, post_name, 1, &post, &wrong) == 0)
        event.item = nilo__hook_text(r, post);
    event.own = event.item != NULL && strcmp(name, "post.publish.publicly_available") == 0;
    if (event.what == NILO_HOOK_CHANGED && event.item == NULL)
        event.what = NILO_HOOK_LISTED;
    return add(r, &event, err);
}

/* What orders, products and parcels do is in the shop's figures of the next day; how far its permission goes is told here alone. */
int nilo__hook_shop(struct nilo__reading_of_hook *r, const char *body, size_t n, struct nilo_err *err)
{
    enum { SELLER_DEAUTHORIZATION = 6, MOST = 100 };
    static const char *const names[] = {"type", "shop_id", "timestamp"};
    struct nilo__raw v[3];
    int64_t type = 0;
    char name[16];
    if (nilo__hook_members((struct nilo__raw){body, n}, names, 3, v, err) != 0)
        return -1;
    bool known = nilo__hook_whole(v[0], &type) && type > 0 && type < MOST;
    snprintf(name, sizeof name, "type_%d", known ? (int)type : 0);
    struct nilo_hook_event event = {.account = nilo__hook_text(r, v[1]), .at = nilo__hook_time(v[2]), .name = nilo__hook_word(r, name)};
    event.what = !known || event.account == NULL ? NILO_HOOK_UNKNOWN : type == SELLER_DEAUTHORIZATION ? NILO_HOOK_SIGNED_OUT : NILO_HOOK_NOTHING;
    return add(r, &event, err);
}
