/* Per-request and per-cycle memory: allocate freely, free once. One malloc per piece under AddressSanitizer. */
#ifndef NILO_BASE_ARENA_H
#define NILO_BASE_ARENA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct nilo_arena {
    struct nilo_arena_chunk *chunks;
    size_t total, max; /* bytes handed out (each piece rounded up for alignment), ceiling (0 = none) */
    bool alone;        /* every piece in a malloc of its own: set by init under AddressSanitizer */
};

void nilo_arena_init(struct nilo_arena *a, size_t max);
void nilo_arena_done(struct nilo_arena *a);
void nilo_arena_reset(struct nilo_arena *a);

/** nilo_arena_alloc - zeroed, aligned for any type; NULL when memory or the ceiling ran out */
void *nilo_arena_alloc(struct nilo_arena *a, size_t size);
void *nilo_arena_array(struct nilo_arena *a, size_t n, size_t size); /* overflow-checked */
char *nilo_arena_strdup(struct nilo_arena *a, const char *s);        /* NULL for NULL */
char *nilo_arena_strndup(struct nilo_arena *a, const char *s, size_t n); /* exactly n bytes, NULs too, and a NUL */
char *nilo_arena_printf(struct nilo_arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
