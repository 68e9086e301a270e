/* The JSON writer. Whatever it is given, what comes out is valid JSON as long as the caller balances. */
#include "base/json.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

#define DEPTH_MAX 63 /* has_member has a bit for each level, and the outermost uses none */

void nilo_json_out_init(struct nilo_json_out *o, struct nilo_buf *buf)
{
    *o = (struct nilo_json_out){.buf = buf};
}

/* The comma before all but the first on a level. Outside of everything values stand side by side (NDJSON). */
static void before_value(struct nilo_json_out *o)
{
    if (o->after_key) {
        o->after_key = false;
        return;
    }
    if (o->depth == 0 || o->depth > DEPTH_MAX)
        return;
    uint64_t bit = UINT64_C(1) << o->depth;
    if ((o->has_member & bit) != 0)
        nilo_buf_addc(o->buf, ',');
    o->has_member |= bit;
}

static void begin(struct nilo_json_out *o, char bracket)
{
    before_value(o);
    nilo_buf_addc(o->buf, bracket);
    if (++o->depth > DEPTH_MAX)
        o->buf->failed = true;
    else
        o->has_member &= ~(UINT64_C(1) << o->depth);
}

static void end(struct nilo_json_out *o, char bracket)
{
    assert(o->depth > 0 && !o->after_key);
    o->depth--;
    nilo_buf_addc(o->buf, bracket);
}

void nilo_json_object_begin(struct nilo_json_out *o)
{
    begin(o, '{');
}

void nilo_json_object_end(struct nilo_json_out *o)
{
    end(o, '}');
}

void nilo_json_array_begin(struct nilo_json_out *o)
{
    begin(o, '[');
}

void nilo_json_array_end(struct nilo_json_out *o)
{
    end(o, ']');
}

static void add_escape(struct nilo_buf *b, unsigned char c)
{
    static const char letters[] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't', ['"'] = '"', ['\\'] = '\\'};
    if (c < sizeof(letters) && letters[c] != 0)
        nilo_buf_add(b, (const char[]){'\\', letters[c]}, 2);
    else
        nilo_buf_addf(b, "\\u%04x", c);
}

/* Length of the run at s that needs no escape and is well-formed. */
static size_t plain_run(const char *s, size_t len)
{
    size_t at = 0;
    while (at < len) {
        unsigned char c = (unsigned char)s[at];
        size_t n = c >= 0x80 ? nilo__utf8_char(s + at, len - at, NULL) : c >= 0x20 && c != '"' && c != '\\';
        if (n == 0)
            break;
        at += n;
    }
    return at;
}

static void add_string(struct nilo_buf *b, const char *s, size_t len)
{
    nilo_buf_addc(b, '"');
    for (size_t at = 0; at < len;) {
        size_t run = plain_run(s + at, len - at);
        nilo_buf_add(b, s + at, run);
        at += run;
        if (at == len)
            break;
        size_t bad = 1;
        if ((unsigned char)s[at] < 0x80) {
            add_escape(b, (unsigned char)s[at]);
        } else {
            nilo__utf8_char(s + at, len - at, &bad);
            nilo_buf_adds(b, "\xef\xbf\xbd"); /* U+FFFD */
        }
        at += bad;
    }
    nilo_buf_addc(b, '"');
}

static void add_key(struct nilo_json_out *o, const char *name, size_t len)
{
    assert(o->depth > 0 && !o->after_key);
    before_value(o);
    add_string(o->buf, name, len);
    nilo_buf_addc(o->buf, ':');
    o->after_key = true;
}

void nilo_json_key(struct nilo_json_out *o, const char *name)
{
    add_key(o, name, strlen(name));
}

void nilo_json_str(struct nilo_json_out *o, const char *s)
{
    nilo_json_strn(o, s, s == NULL ? 0 : strlen(s));
}

void nilo_json_strn(struct nilo_json_out *o, const char *s, size_t n)
{
    if (s == NULL) {
        nilo_json_null(o);
        return;
    }
    before_value(o);
    add_string(o->buf, s, n);
}

void nilo_json_int(struct nilo_json_out *o, int64_t v)
{
    before_value(o);
    nilo_buf_addi(o->buf, v);
}

void nilo_json_text(struct nilo_json_out *o, const char *raw, size_t n)
{
    before_value(o);
    nilo_buf_add(o->buf, raw, n);
}

void nilo_json_bool(struct nilo_json_out *o, bool v)
{
    before_value(o);
    nilo_buf_adds(o->buf, v ? "true" : "false");
}

void nilo_json_null(struct nilo_json_out *o)
{
    before_value(o);
    nilo_buf_adds(o->buf, "null");
}

void nilo_json_put(struct nilo_json_out *o, enum nilo_json_event e, const char *text, size_t len)
{
    switch (e) {
    case NILO_JSON_END:
        return;
    case NILO_JSON_OBJECT_BEGIN:
        nilo_json_object_begin(o);
        return;
    case NILO_JSON_OBJECT_END:
        nilo_json_object_end(o);
        return;
    case NILO_JSON_ARRAY_BEGIN:
        nilo_json_array_begin(o);
        return;
    case NILO_JSON_ARRAY_END:
        nilo_json_array_end(o);
        return;
    case NILO_JSON_KEY:
        add_key(o, text, len);
        return;
    case NILO_JSON_STRING:
        nilo_json_strn(o, text, len);
        return;
    default:
        nilo_json_text(o, text, len);
    }
}
