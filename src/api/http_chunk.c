/* A state machine a byte, but for the bytes of the chunks themselves, which are handed on as they lie. */
#include "api/http_chunk.h"

enum { SIZE, EXTENSION, SIZE_LF, DATA, DATA_CR, DATA_LF, LINE, NAME, VALUE, VALUE_LF, END_LF, OVER };

void nilo_http_chunks_start(struct nilo_http_chunks *c, int64_t body_max)
{
    *c = (struct nilo_http_chunks){.body_max = body_max, .state = SIZE};
}

static int hex(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* tchar of RFC 9110, as in http_head.c */
static bool is_token(unsigned char c)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
        return true;
    for (const char *o = others; *o != '\0'; o++) {
        if ((unsigned char)*o == c)
            return true;
    }
    return false;
}

static bool is_value(unsigned char c)
{
    return c == '\t' || (c >= 0x20 && c != 0x7f);
}

static enum nilo_http_reason size_byte(struct nilo_http_chunks *c, unsigned char b)
{
    int digit = hex(b);
    if (digit >= 0) {
        if (c->digits++ == 8)
            return NILO_HTTP_CHUNK_SIZE;
        c->left = c->left * 16 + (uint32_t)digit;
        return NILO_HTTP_FINE;
    }
    if (c->digits == 0 || (b != '\r' && b != ';'))
        return NILO_HTTP_CHUNK_SIZE;
    c->state = b == '\r' ? SIZE_LF : EXTENSION;
    return c->left > c->body_max - c->total ? NILO_HTTP_BODY_LONG : NILO_HTTP_FINE;
}

static void size_over(struct nilo_http_chunks *c)
{
    c->state = c->left > 0 ? DATA : LINE;
    c->digits = 0;
}

static enum nilo_http_reason extra(struct nilo_http_chunks *c)
{
    return ++c->extra > NILO_HTTP_CHUNK_EXTRA_MAX ? NILO_HTTP_CHUNK_EXTRA : NILO_HTTP_FINE;
}

/* Goes on where the byte is the expected one. */
static enum nilo_http_reason expect(struct nilo_http_chunks *c, bool is, int next, enum nilo_http_reason otherwise)
{
    if (!is)
        return otherwise;
    c->state = next;
    return NILO_HTTP_FINE;
}

static enum nilo_http_reason byte(struct nilo_http_chunks *c, unsigned char b)
{
    switch (c->state) {
    case SIZE:
        return size_byte(c, b);
    case EXTENSION:
        if (b == '\r')
            c->state = SIZE_LF;
        else if (!is_value(b))
            return NILO_HTTP_CHUNK_LINE;
        return extra(c);
    case SIZE_LF:
        if (b != '\n')
            return NILO_HTTP_CHUNK_LINE;
        size_over(c);
        return NILO_HTTP_FINE;
    case DATA_CR:
        return expect(c, b == '\r', DATA_LF, NILO_HTTP_CHUNK_END);
    case DATA_LF:
        return expect(c, b == '\n', SIZE, NILO_HTTP_CHUNK_END);
    case LINE:
        if (b == '\r') {
            c->state = END_LF;
            return NILO_HTTP_FINE;
        }
        if (!is_token(b))
            return NILO_HTTP_TRAILER;
        c->state = NAME;
        return extra(c);
    case NAME:
        if (b == ':')
            c->state = VALUE;
        else if (!is_token(b))
            return NILO_HTTP_TRAILER;
        return extra(c);
    case VALUE:
        if (b == '\r')
            c->state = VALUE_LF;
        else if (!is_value(b))
            return NILO_HTTP_TRAILER;
        return extra(c);
    case VALUE_LF:
        return expect(c, b == '\n', LINE, NILO_HTTP_TRAILER);
    default: /* END_LF */
        return expect(c, b == '\n', OVER, NILO_HTTP_TRAILER);
    }
}

enum nilo_http_step nilo_http_chunks_next(struct nilo_http_chunks *c, const char *in, size_t n, size_t *ret_used, const char **ret_data,
                                          size_t *ret_n)
{
    *ret_used = *ret_n = 0;
    *ret_data = in;
    if (c->reason != NILO_HTTP_FINE)
        return NILO_HTTP_BAD;
    size_t i = 0;
    while (i < n && c->state != DATA && c->state != OVER) {
        enum nilo_http_reason r = byte(c, (unsigned char)in[i++]);
        if (r != NILO_HTTP_FINE) {
            c->reason = r;
            return NILO_HTTP_BAD;
        }
    }
    if (c->state == DATA && i < n) {
        size_t take = n - i < c->left ? n - i : c->left;
        *ret_data = in + i;
        *ret_n = take;
        c->total += (int64_t)take;
        c->left -= (uint32_t)take;
        i += take;
        if (c->left == 0)
            c->state = DATA_CR;
    }
    *ret_used = i;
    return c->state == OVER ? NILO_HTTP_DONE : NILO_HTTP_MORE;
}
