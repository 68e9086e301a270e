/* The arena: pieces cut from chunks that are freed together. Under AddressSanitizer every piece is a chunk of its own,
 * so that reading past a piece, or after the arena is gone, is seen (Varnish does the same with its workspaces). */
#include "base/arena.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define ONE_MALLOC_PER_PIECE true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ONE_MALLOC_PER_PIECE true
#endif
#endif
#ifndef ONE_MALLOC_PER_PIECE
#define ONE_MALLOC_PER_PIECE false
#endif

#define ALIGNMENT     alignof(max_align_t)
#define FIRST_CHUNK   ((size_t)4096)
#define LARGEST_CHUNK ((size_t)256 * 1024)

struct nilo_arena_chunk {
    struct nilo_arena_chunk *next;
    size_t used, size;
    alignas(max_align_t) unsigned char data[];
};

void nilo_arena_init(struct nilo_arena *a, size_t max)
{
    *a = (struct nilo_arena){.max = max, .alone = ONE_MALLOC_PER_PIECE};
}

static void free_chunks(struct nilo_arena_chunk *c)
{
    while (c != NULL) {
        struct nilo_arena_chunk *next = c->next;
        free(c);
        c = next;
    }
}

void nilo_arena_done(struct nilo_arena *a)
{
    free_chunks(a->chunks);
    a->chunks = NULL;
    a->total = 0;
}

void nilo_arena_reset(struct nilo_arena *a)
{
    struct nilo_arena_chunk *keep = a->chunks;
    if (a->alone || keep == NULL || keep->size > LARGEST_CHUNK) {
        nilo_arena_done(a);
        return;
    }
    free_chunks(keep->next);
    keep->next = NULL;
    memset(keep->data, 0, keep->used); /* chunks are zero from `used` on: alloc relies on it */
    keep->used = 0;
    a->total = 0;
}

static struct nilo_arena_chunk *chunk_new(size_t size)
{
    if (size > SIZE_MAX - sizeof(struct nilo_arena_chunk))
        return NULL;
    struct nilo_arena_chunk *c = calloc(1, sizeof(*c) + size);
    if (c != NULL)
        c->size = size;
    return c;
}

/* A chunk with room for size bytes. A piece too large to share goes behind the head, which then stays in use. */
static struct nilo_arena_chunk *chunk_for(struct nilo_arena *a, size_t size)
{
    struct nilo_arena_chunk *head = a->chunks;
    if (!a->alone && head != NULL && size <= head->size - head->used)
        return head;
    size_t usual = head == NULL ? FIRST_CHUNK : head->size >= LARGEST_CHUNK / 2 ? LARGEST_CHUNK : head->size * 2;
    bool alone = a->alone || size > usual / 2;
    struct nilo_arena_chunk *c = chunk_new(alone ? size : usual);
    if (c == NULL)
        return NULL;
    if (alone && head != NULL) {
        c->next = head->next;
        head->next = c;
    } else {
        c->next = head;
        a->chunks = c;
    }
    return c;
}

void *nilo_arena_alloc(struct nilo_arena *a, size_t size)
{
    if (a->max != 0 && (a->total > a->max || size > a->max - a->total))
        return NULL;
    if (size > PTRDIFF_MAX) /* no object is that large: the size was computed wrongly */
        return NULL;
    size_t rounded = size == 0 ? ALIGNMENT : (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (rounded > SIZE_MAX - a->total)
        return NULL;
    /* Alone in its chunk a piece needs no rounding, and the sanitizer then sees the very first byte behind it. */
    struct nilo_arena_chunk *c = chunk_for(a, a->alone ? size : rounded);
    if (c == NULL)
        return NULL;
    void *p = c->data + c->used;
    c->used += a->alone ? size : rounded;
    a->total += rounded;
    return p;
}

void *nilo_arena_array(struct nilo_arena *a, size_t n, size_t size)
{
    if (size != 0 && n > SIZE_MAX / size)
        return NULL;
    return nilo_arena_alloc(a, n * size);
}

char *nilo_arena_strdup(struct nilo_arena *a, const char *s)
{
    return s == NULL ? NULL : nilo_arena_strndup(a, s, strlen(s));
}

char *nilo_arena_strndup(struct nilo_arena *a, const char *s, size_t n)
{
    if (s == NULL || n == SIZE_MAX)
        return NULL;
    char *copy = nilo_arena_alloc(a, n + 1);
    if (copy != NULL)
        memcpy(copy, s, n);
    return copy;
}

char *nilo_arena_printf(struct nilo_arena *a, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    char *s = n < 0 ? NULL : nilo_arena_alloc(a, (size_t)n + 1);
    if (s != NULL)
        vsnprintf(s, (size_t)n + 1, fmt, again);
    va_end(again);
    va_end(ap);
    return s;
}
