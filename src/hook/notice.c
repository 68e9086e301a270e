/* A body to events: which platform's it is, and what all of them read with. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "hook/hook_priv.h"

#define ID_MAX 1000
#define MILLISECONDS INT64_C(100000000000) /* from there on it cannot be seconds: that would be after the year 5000 */

struct nilo_hook_event *nilo__hook_add(struct nilo__reading_of_hook *r, const struct nilo_hook_event *e, struct nilo_err *err)
{
    struct nilo_hook_events *all = r->events;
    if (all->n == NILO_HOOK_EVENTS_MAX) {
        nilo_err_set(err, NILO_EINVAL, "there are more than %d events in one notice", NILO_HOOK_EVENTS_MAX);
        return NULL;
    }
    if (all->n == r->cap) {
        size_t cap = r->cap > 0 ? 2 * r->cap : 8;
        struct nilo_hook_event *list = nilo_arena_array(r->arena, cap, sizeof *list);
        if (list == NULL) {
            nilo_err_nomem(err);
            return NULL;
        }
        if (all->n > 0)
            memcpy(list, all->list, all->n * sizeof *list);
        all->list = list;
        r->cap = cap;
    }
    all->list[all->n] = *e;
    if (all->list[all->n].platform == NULL)
        all->list[all->n].platform = r->platform;
    return &all->list[all->n++];
}

const char *nilo__hook_word(struct nilo__reading_of_hook *r, const char *text)
{
    char word[41];
    size_t n = 0;
    for (; text != NULL && *text != '\0' && n < sizeof word - 1; text++) {
        if ((*text >= 'a' && *text <= 'z') || (*text >= '0' && *text <= '9') || *text == '_' || *text == '.')
            word[n++] = *text;
    }
    const char *copy = nilo_arena_strndup(r->arena, word, n);
    return copy != NULL ? copy : "";
}

/* ---- pieces of JSON ---------------------------------------------------------------------------------------------------------------------- */

static int parse(struct nilo__raw v, enum nilo_json_event wanted, struct nilo_json **ret, struct nilo_err *err)
{
    enum nilo_json_event event;
    *ret = NULL;
    if (v.p == NULL)
        return 0;
    if (nilo_json_new(v.p, v.n, NILO_JSON_DEFAULT_LIMITS, ret, err) != 0)
        return -1;
    int rc = nilo_json_next(*ret, &event, NULL, NULL, err);
    if (rc == 0 && event == wanted)
        return 0;
    nilo_json_free(*ret);
    *ret = NULL;
    return rc;
}

int nilo__hook_members(struct nilo__raw object, const char *const *names, size_t n, struct nilo__raw *ret, struct nilo_err *err)
{
    struct nilo_json *j;
    enum nilo_json_event event;
    struct nilo__raw v;
    const char *name;
    size_t len;
    memset(ret, 0, n * sizeof *ret);
    int rc = parse(object, NILO_JSON_OBJECT_BEGIN, &j, err);
    while (rc == 0 && j != NULL && (rc = nilo_json_next(j, &event, &name, &len, err)) == 0 && event == NILO_JSON_KEY) {
        size_t i = 0;
        while (i < n && (strlen(names[i]) != len || memcmp(names[i], name, len) != 0))
            i++;
        rc = nilo_json_raw(j, &v.p, &v.n, err);
        if (rc == 0 && i < n)
            ret[i] = v;
    }
    nilo_json_free(j);
    return rc;
}

int nilo__hook_each(struct nilo__raw array, int (*fn)(void *ctx, struct nilo__raw element, struct nilo_err *err), void *ctx, struct nilo_err *err)
{
    struct nilo_json *j;
    enum nilo_json_event event;
    int rc = parse(array, NILO_JSON_ARRAY_BEGIN, &j, err);
    while (rc == 0 && j != NULL && (rc = nilo_json_next(j, &event, NULL, NULL, err)) == 0 && event != NILO_JSON_ARRAY_END) {
        struct nilo__raw v = {NULL, 0};
        if (event == NILO_JSON_OBJECT_BEGIN || event == NILO_JSON_ARRAY_BEGIN)
            rc = nilo_json_raw(j, &v.p, &v.n, err);
        if (rc == 0)
            rc = fn(ctx, v, err);
    }
    nilo_json_free(j);
    return rc;
}

/* Nothing ends the text of a number but its length. */
static bool all_digits(const char *text, size_t n)
{
    size_t i = 0;
    while (i < n && text[i] >= '0' && text[i] <= '9')
        i++;
    return i == n;
}

const char *nilo__hook_text(struct nilo__reading_of_hook *r, struct nilo__raw v)
{
    struct nilo_json *j = NULL;
    enum nilo_json_event event;
    const char *text, *copy = NULL;
    size_t n;
    struct nilo_err err = {0};
    if (v.p == NULL || nilo_json_new(v.p, v.n, NILO_JSON_DEFAULT_LIMITS, &j, &err) != 0)
        return NULL;
    if (nilo_json_next(j, &event, &text, &n, &err) == 0 && n > 0 && n <= ID_MAX &&
        (event == NILO_JSON_STRING || (event == NILO_JSON_NUMBER && all_digits(text, n))))
        copy = nilo_arena_strndup(r->arena, text, n);
    nilo_json_free(j);
    return copy;
}

bool nilo__hook_whole(struct nilo__raw v, int64_t *ret)
{
    size_t quote = v.p != NULL && v.n > 2 && v.p[0] == '"' ? 1 : 0, n = v.n - 2 * quote;
    int64_t sum = 0;
    if (v.p == NULL || n == 0 || n > 18)
        return false;
    for (size_t i = 0; i < n; i++) {
        char c = v.p[quote + i];
        if (c < '0' || c > '9')
            return false;
        sum = sum * 10 + (c - '0');
    }
    *ret = sum;
    return true;
}

nilo_us nilo__hook_time(struct nilo__raw v)
{
    int64_t n;
    if (!nilo__hook_whole(v, &n) || n <= 0 || n >= MILLISECONDS * 1000)
        return NILO_US_NONE;
    return n >= MILLISECONDS ? n * 1000 : n * NILO_US_SECOND;
}

/* ---- whose it is -------------------------------------------------------------------------------------------------------------------------- */

int nilo_hook_read(const char *platform, const char *kind, const char *app_id, const char *body, size_t n, struct nilo_arena *arena, struct nilo_hook_events *ret,
                   struct nilo_err *err)
{
    static const struct {
        const char *platform;
        nilo__hook_read_fn *notice, *request;
        bool json;
    } all[] = {{"instagram", nilo__hook_meta, nilo__hook_meta_request, true}, {"facebook", nilo__hook_meta, nilo__hook_meta_request, true},
               {"tiktok", nilo__hook_tiktok, NULL, true},                     {"tiktok_shop", nilo__hook_shop, NULL, true},
               {"youtube", nilo__hook_youtube, NULL, false}};
    struct nilo__reading_of_hook r = {.arena = arena, .events = ret, .app_id = app_id};
    *ret = (struct nilo_hook_events){0};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        nilo__hook_read_fn *read = kind == NULL ? all[i].notice : all[i].request;
        if (strcmp(all[i].platform, platform) != 0 || read == NULL)
            continue;
        r.platform = all[i].platform;
        if (all[i].json && nilo_json_check(body, n, err) != 0)
            return -1;
        return read(&r, body, n, err);
    }
    return nilo_err_set(err, NILO_EINTERNAL, "nothing reads notices of %s", platform);
}
