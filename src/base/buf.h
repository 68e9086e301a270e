/* A growing byte buffer with a ceiling: the only type that grows. Always NUL-terminated behind len. */
#ifndef NILO_BASE_BUF_H
#define NILO_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nilo_buf {
    char *data; /* NUL-terminated; never NULL after a successful append */
    size_t len, cap, max;
    bool failed; /* sticky: an append did not fit (max) or memory ran out; later appends do nothing */
};

/** nilo_buf_init - max is the ceiling in bytes; nothing is allocated yet */
void nilo_buf_init(struct nilo_buf *b, size_t max);
void nilo_buf_done(struct nilo_buf *b);  /* frees; the struct may be initialised again */
void nilo_buf_reset(struct nilo_buf *b); /* len 0, memory kept, failed cleared */
/** nilo_buf_take - hands over the bytes (caller frees) and leaves b empty; NULL if b failed or memory ran out */
char *nilo_buf_take(struct nilo_buf *b);

/* All return 0, or -1 once failed is set. Check once at the end: `if (b.failed)`. */
int nilo_buf_add(struct nilo_buf *b, const void *p, size_t n);
int nilo_buf_adds(struct nilo_buf *b, const char *s);
int nilo_buf_addc(struct nilo_buf *b, char c);
int nilo_buf_addf(struct nilo_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int nilo_buf_vaddf(struct nilo_buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/** nilo_buf_room - n bytes behind what is there, to be written by the caller, who adds what it wrote to len and ends it with a NUL. NULL: no room, b failed */
char *nilo_buf_room(struct nilo_buf *b, size_t n);
int nilo_buf_addi(struct nilo_buf *b, int64_t v); /* decimal digits, fast */
const char *nilo_buf_str(const struct nilo_buf *b); /* "" when empty; never NULL */

#endif
