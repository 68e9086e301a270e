/* See walk.h. */
#include "connect/walk.h"

#include <string.h>

#define PATH_MAX_ 512
#define DEPTH     32

struct walk {
    char path[PATH_MAX_];
    size_t len;
    size_t ends[DEPTH + 2]; /* how long the path was before each bracket */
    int depth;
};

static bool may_be_in_path(const struct walk *w, const char *name, size_t n)
{
    return n > 0 && w->len + n + 1 + 2 * DEPTH < sizeof(w->path) && memchr(name, '.', n) == NULL && memchr(name, '[', n) == NULL && memchr(name, '\0', n) == NULL;
}

static void cut(struct walk *w, size_t len)
{
    w->len = len;
    w->path[len] = '\0';
}

static void add(struct walk *w, const char *text, size_t n)
{
    memcpy(w->path + w->len, text, n);
    cut(w, w->len + n);
}

static int enter(struct walk *w, bool array, struct nilo_err *err)
{
    if (w->depth == DEPTH) /* the parser's own bound: there is always room for brackets */
        return nilo_err_set(err, NILO_EBODY, "nested too deeply");
    w->depth++;
    w->ends[w->depth] = w->len;
    if (array)
        add(w, "[]", 2);
    return 0;
}

int nilo__walk(const char *text, size_t len, nilo__walk_fn *fn, void *ctx, struct nilo_err *err)
{
    struct walk w = {.depth = 0};
    struct nilo_json *j;
    enum nilo_json_event event;
    const char *at;
    size_t n;
    size_t before[DEPTH + 2] = {0}; /* the path of each object, without the member that is being read */
    if (nilo_json_new(text, len, NILO_JSON_DEFAULT_LIMITS, &j, err) != 0)
        return -1;
    int rc;
    while ((rc = nilo_json_next(j, &event, &at, &n, err)) == 0 && event != NILO_JSON_END) {
        bool array = event == NILO_JSON_ARRAY_BEGIN;
        if (event == NILO_JSON_KEY) {
            cut(&w, before[w.depth]);
            if (!may_be_in_path(&w, at, n)) {
                rc = nilo_json_skip(j, err);
            } else {
                if (w.len > 0)
                    add(&w, ".", 1);
                add(&w, at, n);
            }
        } else if (event == NILO_JSON_OBJECT_BEGIN || array) {
            rc = fn(ctx, w.path, event, at, n);
            rc = rc == 0 ? enter(&w, array, err) : rc;
            if (rc == 0)
                before[w.depth] = w.len;
        } else if (event == NILO_JSON_OBJECT_END || event == NILO_JSON_ARRAY_END) {
            cut(&w, w.ends[w.depth--]);
            rc = fn(ctx, w.path, event, at, n);
        } else {
            rc = fn(ctx, w.path, event, at, n);
        }
        if (rc != 0)
            break;
    }
    nilo_json_free(j);
    return rc;
}

int nilo__want_take(const struct nilo__want *wants, size_t n, void *to, const char *path, enum nilo_json_event event, const char *text, size_t len,
                    size_t max, struct nilo_arena *arena, struct nilo_err *err)
{
    if (event != NILO_JSON_STRING && event != NILO_JSON_NUMBER)
        return 0;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(wants[i].path, path) != 0)
            continue;
        while (len > max && ((unsigned char)text[max] & 0xc0) == 0x80)
            max--;
        char *copy = nilo_arena_strndup(arena, text, len < max ? len : max);
        if (copy == NULL)
            return nilo_err_nomem(err);
        memcpy((char *)to + wants[i].offset, &copy, sizeof(copy));
        return 0;
    }
    return 0;
}
