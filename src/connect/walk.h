/* JSON answers of platforms, member by member with its path: what a connector wants to know is a table of paths, and what it does not know passes by. */
#ifndef NILO_CONNECT_WALK_H
#define NILO_CONNECT_WALK_H

#include "base/arena.h"
#include "base/json.h"

/* Paths are names joined by dots, [] for the elements of an array: "items[].statistics.viewCount", "rows[][]"; "" for the whole. Called for scalars
 * (text as written, unescaped; not NUL-terminated), and at the beginning and end of objects and arrays. Members with a name that holds a
 * dot or a bracket are left out. Returns 0, or -1 to stop */
typedef int nilo__walk_fn(void *ctx, const char *path, enum nilo_json_event event, const char *text, size_t len);

/** nilo__walk - errors: NILO_EBODY not JSON (said before or after some calls); whatever fn did, when it stopped: err is its own then */
int nilo__walk(const char *text, size_t len, nilo__walk_fn *fn, void *ctx, struct nilo_err *err);

/* A member wanted as text. */
struct nilo__want {
    const char *path;
    size_t offset; /* of a `const char *` in a struct */
};
/** nilo__want_take - a string or number of the table into the struct, copied; texts longer than max are cut at a character. Unknown paths: nothing
 *  errors  NILO_ENOMEM */
int nilo__want_take(const struct nilo__want *wants, size_t n, void *to, const char *path, enum nilo_json_event event, const char *text, size_t len,
                    size_t max, struct nilo_arena *arena, struct nilo_err *err);

#endif
