/* Shared inside hook/: pieces of JSON, and the list of events. */
#ifndef NILO_HOOK_HOOK_PRIV_H
#define NILO_HOOK_HOOK_PRIV_H

#include "hook/hook.h"

struct nilo__reading_of_hook {
    struct nilo_arena *arena;
    struct nilo_hook_events *events;
    size_t cap;
    const char *platform, *app_id;
};
typedef int nilo__hook_read_fn(struct nilo__reading_of_hook *r, const char *body, size_t n, struct nilo_err *err);
nilo__hook_read_fn nilo__hook_meta, nilo__hook_meta_request, nilo__hook_tiktok, nilo__hook_shop, nilo__hook_youtube;

/** nilo__hook_add - copied as it is; NULL: too many, or no memory, with err */
struct nilo_hook_event *nilo__hook_add(struct nilo__reading_of_hook *r, const struct nilo_hook_event *e, struct nilo_err *err);
/** nilo__hook_word - text as an event's name: what is none of its letters is left out */
const char *nilo__hook_word(struct nilo__reading_of_hook *r, const char *text);

/* A value as it stands in the body; p NULL: it is not there. */
struct nilo__raw {
    const char *p;
    size_t n;
};
/** nilo__hook_members - of an object those of these names; of anything else none. The text was checked as a whole before (nilo_json_check()) */
int nilo__hook_members(struct nilo__raw object, const char *const *names, size_t n, struct nilo__raw *ret, struct nilo_err *err);
/** nilo__hook_each - the elements of an array, one after the other (p NULL for one that is neither object nor array); of anything else none */
int nilo__hook_each(struct nilo__raw array, int (*fn)(void *ctx, struct nilo__raw element, struct nilo_err *err), void *ctx, struct nilo_err *err);
/** nilo__hook_text - a text, or a whole number as it is written (ids may be longer than any number); NULL: another thing, empty, or longer than an id may be */
const char *nilo__hook_text(struct nilo__reading_of_hook *r, struct nilo__raw v);
bool nilo__hook_whole(struct nilo__raw v, int64_t *ret); /* also of digits in quotes */
/** nilo__hook_time - seconds since 1970, or milliseconds, which are told from them by their size; NILO_US_NONE: none of both */
nilo_us nilo__hook_time(struct nilo__raw v);

#endif
