/* The request head, line by line. A line is only judged when it is whole, and whether a limit is passed depends on where its LF would be at
 * the latest, never on how many bytes happen to be here: so no way of cutting the input changes the outcome. */
#include "api/http_head.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

/* ---- rows -------------------------------------------------------------------------------------------------------------------- */

static const struct {
    int status;
    const char *code, *text;
} reasons[] = {
#define X(id, status, code, text) {status, code, text},
    NILO_HTTP_REASON_ROWS(X)
#undef X
};

int nilo_http_reason_status(enum nilo_http_reason r)
{
    return reasons[r].status;
}
const char *nilo_http_reason_code(enum nilo_http_reason r)
{
    return reasons[r].code;
}
const char *nilo_http_reason_text(enum nilo_http_reason r)
{
    return reasons[r].text;
}

static const struct {
    enum nilo_method method;
    const char *name;
} methods[] = {
    {NILO_GET, "GET"},     {NILO_HEAD, "HEAD"},     {NILO_POST, "POST"},       {NILO_PUT, "PUT"},
    {NILO_PATCH, "PATCH"}, {NILO_DELETE, "DELETE"}, {NILO_OPTIONS, "OPTIONS"},
};
#define METHODS (sizeof(methods) / sizeof(methods[0]))

const char *nilo_method_name(enum nilo_method m)
{
    for (size_t i = 0; i < METHODS; i++) {
        if (methods[i].method == m)
            return methods[i].name;
    }
    return "?";
}

/* ---- classes of bytes ---------------------------------------------------------------------------------------------------------- */

static bool is_alnum(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* RFC 9110: tchar */
static bool is_token(unsigned char c)
{
    return is_alnum(c) || (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* RFC 3986: pchar and the slash */
static bool is_path(unsigned char c)
{
    return is_alnum(c) || (c != 0 && strchr("/%-._~!$&'()*+,;=:@", c) != NULL);
}

/* Wider than RFC 3986: curl sends quotes and brackets of in.("a","b") and {…} as they are typed, and nothing can be misread by it. */
static bool is_query(unsigned char c)
{
    return c > 0x20 && c < 0x7f && c != '#';
}

static bool is_value(unsigned char c)
{
    return c == '\t' || (c >= 0x20 && c != 0x7f);
}

static int hex(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool all(const char *s, size_t n, bool (*is)(unsigned char))
{
    for (size_t i = 0; i < n; i++) {
        if (!is((unsigned char)s[i]))
            return false;
    }
    return true;
}

static bool same(const char *s, size_t n, const char *word)
{
    return n == strlen(word) && strncasecmp(s, word, n) == 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void trim(const char *buf, uint32_t *from, uint32_t *to)
{
    while (*from < *to && is_blank(buf[*from]))
        (*from)++;
    while (*to > *from && is_blank(buf[*to - 1]))
        (*to)--;
}

static struct nilo_span span(uint32_t from, uint32_t to)
{
    return (struct nilo_span){(uint16_t)from, (uint16_t)(to - from)};
}

/* The next of some comma-separated words, without blanks around it; false at the end. */
static bool next_word(const char *buf, uint32_t *at, uint32_t end, uint32_t *from, uint32_t *to)
{
    if (*at > end)
        return false;
    const char *comma = memchr(buf + *at, ',', end - *at);
    *from = *at;
    *to = comma != NULL ? (uint32_t)(comma - buf) : end;
    *at = *to + 1;
    trim(buf, from, to);
    return true;
}

bool nilo_http_token(const char *value, size_t n, const char *word)
{
    uint32_t at = 0, from, to;
    while (next_word(value, &at, (uint32_t)n, &from, &to)) {
        if (same(value + from, to - from, word))
            return true;
    }
    return false;
}

/* ---- the request line ------------------------------------------------------------------------------------------------------------ */

static enum nilo_http_reason method(struct nilo_http_head *h, const char *s, size_t n)
{
    for (size_t i = 0; i < METHODS; i++) {
        /* methods are case-sensitive */
        if (strlen(methods[i].name) == n && memcmp(s, methods[i].name, n) == 0) {
            h->method = methods[i].method;
            return NILO_HTTP_FINE;
        }
    }
    return NILO_HTTP_METHOD_UNKNOWN;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static enum nilo_http_reason version(struct nilo_http_head *h, const char *s, size_t n)
{
    if (n != 8 || memcmp(s, "HTTP/", 5) != 0 || !is_digit(s[5]) || s[6] != '.' || !is_digit(s[7]))
        return NILO_HTTP_VERSION_SYNTAX;
    if (s[5] != '1' || s[7] > '1')
        return NILO_HTTP_VERSION;
    h->minor = s[7] - '0';
    return NILO_HTTP_FINE;
}

static enum nilo_http_reason percents(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (s[i] != '%')
            continue;
        if (n - i < 3 || hex((unsigned char)s[i + 1]) < 0 || hex((unsigned char)s[i + 2]) < 0 || (s[i + 1] == '0' && s[i + 2] == '0'))
            return NILO_HTTP_TARGET_PERCENT;
        i += 2;
    }
    return NILO_HTTP_FINE;
}

static enum nilo_http_reason target(struct nilo_http_head *h, const char *buf, uint32_t from, uint32_t to)
{
    if (to - from == 1 && buf[from] == '*' && h->method == NILO_OPTIONS) {
        h->path = span(from, to);
        return NILO_HTTP_FINE;
    }
    if (from == to || buf[from] != '/')
        return NILO_HTTP_TARGET_FORM;
    const char *mark = memchr(buf + from, '?', to - from);
    uint32_t end = mark != NULL ? (uint32_t)(mark - buf) : to;
    h->path = span(from, end);
    h->has_query = mark != NULL;
    h->query = mark != NULL ? span(end + 1, to) : span(to, to);
    if (!all(buf + from, end - from, is_path) || !all(buf + h->query.at, h->query.n, is_query))
        return NILO_HTTP_TARGET_BYTE;
    return percents(buf + from, end - from);
}

static enum nilo_http_reason request_line(struct nilo_http_parser *p, const char *buf, uint32_t from, uint32_t to)
{
    struct nilo_http_head *h = &p->head;
    const char *gap = memchr(buf + from, ' ', to - from);
    uint32_t end = gap != NULL ? (uint32_t)(gap - buf) : to;
    if (end == from || !all(buf + from, end - from, is_token))
        return NILO_HTTP_METHOD_SYNTAX;
    if (end - from > NILO_METHOD_MAX)
        return NILO_HTTP_METHOD_LONG;
    if (gap == NULL)
        return NILO_HTTP_REQUEST_LINE;
    uint32_t at = end + 1;
    const char *second = memchr(buf + at, ' ', to - at);
    if (second == NULL || memchr(second + 1, ' ', (size_t)(buf + to - second - 1)) != NULL)
        return NILO_HTTP_REQUEST_LINE;
    uint32_t target_end = (uint32_t)(second - buf);
    enum nilo_http_reason r = version(h, second + 1, to - target_end - 1);
    if (r == NILO_HTTP_FINE)
        r = method(h, buf + from, end - from);
    return r != NILO_HTTP_FINE ? r : target(h, buf, at, target_end);
}

/* ---- headers ---------------------------------------------------------------------------------------------------------------------- */

static bool is_host(unsigned char c)
{
    return is_alnum(c) || (c != 0 && strchr("-._~%!$&'()*+;=:[]", c) != NULL);
}

static enum nilo_http_reason on_host(struct nilo_http_parser *p, const char *v, size_t n)
{
    if (p->host)
        return NILO_HTTP_HOST_TWICE;
    p->host = true;
    if (n == 0 || !all(v, n, is_host))
        return NILO_HTTP_HOST;
    /* a port: digits behind the last colon that is not inside of [...] */
    const char *bracket = memchr(v, ']', n), *start = bracket != NULL ? bracket : v;
    if (v[0] == '[' ? bracket == NULL : bracket != NULL || memchr(v, '[', n) != NULL)
        return NILO_HTTP_HOST;
    if (bracket != NULL && bracket + 1 < v + n && bracket[1] != ':')
        return NILO_HTTP_HOST;
    const char *colon = memchr(start, ':', (size_t)(v + n - start));
    if (colon == v)
        return NILO_HTTP_HOST;
    for (const char *c = colon != NULL ? colon + 1 : v + n; c < v + n; c++) {
        if (!is_digit(*c) || c - colon > 5)
            return NILO_HTTP_HOST;
    }
    return NILO_HTTP_FINE;
}

static enum nilo_http_reason on_length(struct nilo_http_parser *p, const char *v, size_t n)
{
    if (p->length)
        return NILO_HTTP_LENGTH_TWICE;
    p->length = true;
    if (n == 0 || n > 18)
        return NILO_HTTP_LENGTH;
    int64_t value = 0;
    for (size_t i = 0; i < n; i++) {
        if (!is_digit(v[i]))
            return NILO_HTTP_LENGTH;
        value = value * 10 + (v[i] - '0');
    }
    p->head.content_length = value;
    return NILO_HTTP_FINE;
}

static enum nilo_http_reason on_coding(struct nilo_http_parser *p, const char *v, size_t n)
{
    if (p->coding)
        return NILO_HTTP_CODING_TWICE;
    p->coding = true;
    if (p->head.minor == 0)
        return NILO_HTTP_CODING;
    if (same(v, n, "chunked")) {
        p->head.chunked = true;
        return NILO_HTTP_FINE;
    }
    uint32_t at = 0, from = 0, to = 0;
    while (next_word(v, &at, (uint32_t)n, &from, &to))
        ;
    return same(v + from, to - from, "chunked") ? NILO_HTTP_CODING_UNKNOWN : NILO_HTTP_CODING;
}

static enum nilo_http_reason on_connection(struct nilo_http_parser *p, const char *v, size_t n)
{
    p->close = p->close || nilo_http_token(v, n, "close");
    p->keep = p->keep || nilo_http_token(v, n, "keep-alive");
    return NILO_HTTP_FINE;
}

static enum nilo_http_reason once(bool *seen)
{
    if (*seen)
        return NILO_HTTP_ONCE;
    *seen = true;
    return NILO_HTTP_FINE;
}

static enum nilo_http_reason on_expect(struct nilo_http_parser *p, const char *v, size_t n)
{
    enum nilo_http_reason r = once(&p->expect);
    if (r == NILO_HTTP_FINE && !same(v, n, "100-continue"))
        return NILO_HTTP_EXPECT;
    p->head.expect_continue = p->head.minor > 0; /* an HTTP/1.0 client would not understand the answer */
    return r;
}

static enum nilo_http_reason on_authorization(struct nilo_http_parser *p, const char *v, size_t n)
{
    (void)v, (void)n;
    return once(&p->authorization);
}

static enum nilo_http_reason on_content_type(struct nilo_http_parser *p, const char *v, size_t n)
{
    (void)v, (void)n;
    return once(&p->content_type);
}

static const struct {
    const char *name;
    enum nilo_http_reason (*take)(struct nilo_http_parser *p, const char *v, size_t n);
} known[] = {
    {"host", on_host},       {"content-length", on_length}, {"transfer-encoding", on_coding},    {"connection", on_connection},
    {"expect", on_expect},   {"authorization", on_authorization}, {"content-type", on_content_type},
};

static enum nilo_http_reason header_line(struct nilo_http_parser *p, const char *buf, uint32_t from, uint32_t to)
{
    struct nilo_http_head *h = &p->head;
    if (is_blank(buf[from]))
        return NILO_HTTP_FOLDED;
    if (h->n_headers >= p->headers_max)
        return NILO_HTTP_HEADERS_MANY;
    uint32_t colon = from;
    while (colon < to && is_token((unsigned char)buf[colon]))
        colon++;
    if (colon < to && is_blank(buf[colon]))
        return NILO_HTTP_NAME_BLANK;
    if (colon == from || colon == to || buf[colon] != ':')
        return NILO_HTTP_NAME;
    uint32_t begin = colon + 1, end = to;
    if (!all(buf + begin, end - begin, is_value))
        return NILO_HTTP_VALUE_BYTE;
    trim(buf, &begin, &end);
    h->headers[h->n_headers++] = (struct nilo_http_line){span(from, colon), span(begin, end)};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (same(buf + from, colon - from, known[i].name))
            return known[i].take(p, buf + begin, end - begin);
    }
    return NILO_HTTP_FINE;
}

/* The empty line came: what only the whole head can tell. */
static enum nilo_http_reason whole(struct nilo_http_parser *p)
{
    struct nilo_http_head *h = &p->head;
    if (!p->host && h->minor > 0)
        return NILO_HTTP_HOST_MISSING;
    if (p->length && p->coding)
        return NILO_HTTP_LENGTH_AND_CHUNKED;
    h->keep_alive = !p->close && (h->minor > 0 || p->keep);
    return NILO_HTTP_FINE;
}

/* ---- lines ------------------------------------------------------------------------------------------------------------------------- */

void nilo_http_parser_start(struct nilo_http_parser *p, uint32_t head_max, int headers_max)
{
    *p = (struct nilo_http_parser){
        .head_max = head_max != 0 ? head_max : NILO_HTTP_HEAD_MAX,
        .headers_max = headers_max != 0 ? headers_max : NILO_HTTP_HEADERS_MAX,
    };
    assert(p->head_max <= NILO_HTTP_HEAD_CEILING && p->headers_max <= NILO_HTTP_HEADERS_MAX);
    p->head.content_length = -1;
}

static enum nilo_http_step bad(struct nilo_http_parser *p, enum nilo_http_reason r)
{
    p->reason = r;
    return NILO_HTTP_BAD;
}

/* A line that has no end within the limit. Of a method that is too long we say so even then. */
static enum nilo_http_step too_long(struct nilo_http_parser *p, const char *buf, uint32_t end)
{
    if (p->line_done)
        return bad(p, NILO_HTTP_HEAD_LONG);
    const char *gap = memchr(buf + p->at, ' ', end - p->at);
    size_t method_n = gap != NULL ? (size_t)(gap - buf) - p->at : end - p->at;
    if (method_n == 0 || !all(buf + p->at, method_n, is_token))
        return bad(p, NILO_HTTP_METHOD_SYNTAX);
    return bad(p, method_n > NILO_METHOD_MAX ? NILO_HTTP_METHOD_LONG : NILO_HTTP_TARGET_LONG);
}

enum nilo_http_step nilo_http_parse(struct nilo_http_parser *p, const char *buf, size_t n)
{
    if (p->reason != NILO_HTTP_FINE)
        return NILO_HTTP_BAD;
    uint32_t end = n < p->head_max ? (uint32_t)n : p->head_max;
    for (;;) {
        const char *lf = p->seen < end ? memchr(buf + p->seen, '\n', end - p->seen) : NULL;
        if (lf == NULL) {
            p->seen = end;
            return end == p->head_max ? too_long(p, buf, end) : NILO_HTTP_MORE;
        }
        uint32_t from = p->at, to = (uint32_t)(lf - buf);
        if (to == from || buf[to - 1] != '\r')
            return bad(p, NILO_HTTP_LINE_END);
        p->at = p->seen = to + 1;
        to--;
        enum nilo_http_reason r = NILO_HTTP_FINE;
        if (!p->line_done) {
            /* RFC 9112 2.2: one empty line before a request is forgiven, old clients end their bodies with it */
            if (from == to && from == 0)
                continue;
            r = request_line(p, buf, from, to);
            p->line_done = true;
        } else if (from == to) {
            r = whole(p);
            p->head.size = p->at;
            if (r == NILO_HTTP_FINE)
                return NILO_HTTP_DONE;
        } else {
            r = header_line(p, buf, from, to);
        }
        if (r != NILO_HTTP_FINE)
            return bad(p, r);
    }
}

const struct nilo_http_line *nilo_http_find(const struct nilo_http_head *h, const char *buf, const char *name, int i)
{
    for (int k = 0; k < h->n_headers; k++) {
        if (same(buf + h->headers[k].name.at, h->headers[k].name.n, name) && i-- == 0)
            return &h->headers[k];
    }
    return NULL;
}

/* ---- paths --------------------------------------------------------------------------------------------------------------------------- */

/* May a segment that ends at out[n] be named so? */
static bool segment(const char *s, size_t n, bool last)
{
    if (n == 0)
        return last;
    return !(s[0] == '.' && (n == 1 || (n == 2 && s[1] == '.')));
}

int nilo_http_path(const char *raw, size_t n, char *out)
{
    size_t len = 0, begin = 1;
    if (n == 0 || raw[0] != '/')
        return -1;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)raw[i];
        if (c == '%') {
            if (n - i < 3 || hex((unsigned char)raw[i + 1]) < 0 || hex((unsigned char)raw[i + 2]) < 0)
                return -1;
            c = (unsigned char)(hex((unsigned char)raw[i + 1]) * 16 + hex((unsigned char)raw[i + 2]));
            i += 2;
            if (c == '/')
                return -1;
        } else if (c == '/' && len > 0) {
            if (!segment(out + begin, len - begin, false))
                return -1;
            begin = len + 1;
        }
        if (c == '\\' || c < 0x20 || c == 0x7f)
            return -1;
        out[len++] = (char)c;
    }
    if (!segment(out + begin, len - begin, true))
        return -1;
    out[len] = '\0';
    return (int)len;
}
