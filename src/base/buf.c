/* The growing buffer. Doubling with a ceiling: see buf.h. */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digits.h"

#define FIRST_CAP 64

void nilo_buf_init(struct nilo_buf *b, size_t max)
{
    *b = (struct nilo_buf){.max = max < SIZE_MAX ? max : SIZE_MAX - 1}; /* one byte stays free for the NUL */
}

void nilo_buf_done(struct nilo_buf *b)
{
    free(b->data);
    *b = (struct nilo_buf){.max = b->max};
}

void nilo_buf_reset(struct nilo_buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->data != NULL)
        b->data[0] = '\0';
}

/* Makes room for n more bytes and a NUL. */
static int reserve(struct nilo_buf *b, size_t n)
{
    if (b->failed)
        return -1;
    if (n > b->max - b->len) {
        b->failed = true;
        return -1;
    }
    size_t need = b->len + n + 1;
    if (need <= b->cap)
        return 0;
    size_t cap = b->cap < FIRST_CAP / 2 ? FIRST_CAP : b->cap > SIZE_MAX / 2 ? SIZE_MAX : b->cap * 2;
    if (cap > b->max + 1)
        cap = b->max + 1;
    if (cap < need)
        cap = need;
    char *data = realloc(b->data, cap);
    if (data == NULL) {
        b->failed = true;
        return -1;
    }
    b->data = data;
    b->cap = cap;
    b->data[b->len] = '\0';
    return 0;
}

char *nilo_buf_room(struct nilo_buf *b, size_t n)
{
    return reserve(b, n) == 0 ? b->data + b->len : NULL;
}

char *nilo_buf_take(struct nilo_buf *b)
{
    if (reserve(b, 0) != 0) {
        free(b->data);
        b->data = NULL;
    }
    char *data = b->data;
    *b = (struct nilo_buf){.max = b->max, .failed = b->failed};
    return data;
}

int nilo_buf_add(struct nilo_buf *b, const void *p, size_t n)
{
    if (reserve(b, n) != 0)
        return -1;
    if (n > 0)
        memcpy(b->data + b->len, p, n);
    b->len += n;
    b->data[b->len] = '\0';
    return 0;
}

int nilo_buf_adds(struct nilo_buf *b, const char *s)
{
    return nilo_buf_add(b, s, strlen(s));
}

int nilo_buf_addc(struct nilo_buf *b, char c)
{
    if (b->failed || (b->len + 1 >= b->cap && reserve(b, 1) != 0)) /* cap never exceeds max + 1 */
        return -1;
    b->data[b->len++] = c;
    b->data[b->len] = '\0';
    return 0;
}

int nilo_buf_addf(struct nilo_buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int rc = nilo_buf_vaddf(b, fmt, ap);
    va_end(ap);
    return rc;
}

int nilo_buf_vaddf(struct nilo_buf *b, const char *fmt, va_list ap)
{
    if (reserve(b, 0) != 0)
        return -1;
    va_list again;
    va_copy(again, ap);
    size_t room = b->cap - b->len;
    int n = vsnprintf(b->data + b->len, room, fmt, ap);
    if (n < 0)
        b->failed = true;
    else if ((size_t)n >= room && reserve(b, (size_t)n) == 0)
        vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
    va_end(again);
    if (b->failed) {
        b->data[b->len] = '\0'; /* nothing is added by halves */
        return -1;
    }
    b->len += (size_t)n;
    return 0;
}

int nilo_buf_addi(struct nilo_buf *b, int64_t v)
{
    char digits[NILO_DIGITS];
    return nilo_buf_add(b, digits, nilo_digits(v, digits));
}

const char *nilo_buf_str(const struct nilo_buf *b)
{
    return b->data != NULL ? b->data : "";
}
