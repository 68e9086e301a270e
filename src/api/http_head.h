/* The head of an HTTP/1.1 or 1.0 request: a strict, incremental parser without I/O and without memory of its own. The bytes stay in the
 * caller's buffer; what is found are places in it. RFC 9112, and where it lets a server be lenient this one is not: whatever two programs
 * could read in two ways is refused (two lengths, a length beside chunks, bare LF, folded lines, blanks before a colon, control bytes,
 * absolute targets), because that is how requests are smuggled past a proxy.
 *
 * Leaves the body to http_chunk.h, the routes to route.h, sockets and deadlines to server.h. */
#ifndef NILO_API_HTTP_HEAD_H
#define NILO_API_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bits, so that a route can take several. */
enum nilo_method {
    NILO_GET = 1,
    NILO_HEAD = 2,
    NILO_POST = 4,
    NILO_PUT = 8,
    NILO_PATCH = 16,
    NILO_DELETE = 32,
    NILO_OPTIONS = 64
};
#define NILO_METHODS_ALL 127u
#define NILO_METHOD_MAX 16 /* bytes; a longer one is no method anybody knows */
const char *nilo_method_name(enum nilo_method m); /* "GET"; "?" for none or several */

/* Why a request is refused: name, HTTP status, code of the error body, sentence. The connection is closed after each of them: where the next
 * request would begin is no longer sure. */
#define NILO_HTTP_REASON_ROWS(X)                                                                                                           \
    X(NILO_HTTP_FINE, 200, "00000", "fine")                                                                                                \
    X(NILO_HTTP_LINE_END, 400, "08P01", "a line of the head ends with a bare LF; lines end with CR LF")                                    \
    X(NILO_HTTP_REQUEST_LINE, 400, "08P01", "the request line is not \"METHOD /path HTTP/1.1\" with single blanks")                        \
    X(NILO_HTTP_METHOD_SYNTAX, 400, "08P01", "the method is not a word of letters")                                                        \
    X(NILO_HTTP_METHOD_LONG, 501, "0A000", "the method is longer than any that exists")                                                    \
    X(NILO_HTTP_METHOD_UNKNOWN, 405, "PGRST117", "the method is not one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")                  \
    X(NILO_HTTP_VERSION_SYNTAX, 400, "08P01", "the request line does not end with a version such as HTTP/1.1")                             \
    X(NILO_HTTP_VERSION, 505, "0A000", "only HTTP/1.1 and HTTP/1.0 are spoken here")                                                       \
    X(NILO_HTTP_TARGET_LONG, 414, "54000", "the request line is longer than the limit of the head; send less in the address")              \
    X(NILO_HTTP_TARGET_FORM, 400, "08P01", "the target does not begin with a slash; absolute targets are not taken")                       \
    X(NILO_HTTP_TARGET_BYTE, 400, "08P01", "the target holds a byte that must be percent-encoded")                                         \
    X(NILO_HTTP_TARGET_PERCENT, 400, "08P01", "the path holds a % that no two hexadecimal digits follow, or %00")                          \
    X(NILO_HTTP_HEAD_LONG, 431, "54000", "the head of the request is longer than the limit")                                               \
    X(NILO_HTTP_HEADERS_MANY, 431, "54000", "the request has more header lines than the limit")                                            \
    X(NILO_HTTP_FOLDED, 400, "08P01", "a header line begins with a blank; folded lines are not taken")                                     \
    X(NILO_HTTP_NAME_BLANK, 400, "08P01", "there is a blank before the colon of a header line")                                            \
    X(NILO_HTTP_NAME, 400, "08P01", "a header line does not begin with a name and a colon")                                                \
    X(NILO_HTTP_VALUE_BYTE, 400, "08P01", "a header value holds a control byte")                                                           \
    X(NILO_HTTP_HOST_MISSING, 400, "08P01", "the Host header is missing")                                                                  \
    X(NILO_HTTP_HOST_TWICE, 400, "08P01", "there are two Host headers")                                                                    \
    X(NILO_HTTP_HOST, 400, "08P01", "the Host header is not a host with an optional port")                                                 \
    X(NILO_HTTP_LENGTH_TWICE, 400, "08P01", "there are two Content-Length headers")                                                        \
    X(NILO_HTTP_LENGTH, 400, "08P01", "Content-Length is not a plain number of at most 18 digits")                                         \
    X(NILO_HTTP_LENGTH_AND_CHUNKED, 400, "08P01", "Content-Length stands beside Transfer-Encoding")                                        \
    X(NILO_HTTP_CODING_TWICE, 400, "08P01", "there are two Transfer-Encoding headers")                                                     \
    X(NILO_HTTP_CODING, 400, "08P01", "Transfer-Encoding does not end with chunked, or stands in an HTTP/1.0 request")                     \
    X(NILO_HTTP_CODING_UNKNOWN, 501, "0A000", "of transfer codings only chunked is taken")                                                 \
    X(NILO_HTTP_ONCE, 400, "08P01", "Authorization, Content-Type or Expect is given twice")                                                \
    X(NILO_HTTP_EXPECT, 417, "0A000", "of expectations only 100-continue is taken")                                                        \
    X(NILO_HTTP_CHUNK_SIZE, 400, "08P01", "the size of a chunk is not a hexadecimal number of at most 8 digits")                           \
    X(NILO_HTTP_CHUNK_LINE, 400, "08P01", "the line of a chunk holds a control byte or does not end with CR LF")                           \
    X(NILO_HTTP_CHUNK_END, 400, "08P01", "the bytes of a chunk are not followed by CR LF")                                                 \
    X(NILO_HTTP_CHUNK_EXTRA, 400, "08P01", "chunk extensions and trailers are longer than their limit")                                    \
    X(NILO_HTTP_TRAILER, 400, "08P01", "a trailer line is not a name, a colon and a value")                                                \
    X(NILO_HTTP_BODY_LONG, 413, "54000", "the body is longer than the limit")

enum nilo_http_reason {
#define X(id, status, code, text) id,
    NILO_HTTP_REASON_ROWS(X)
#undef X
        NILO_HTTP_REASON_N
};
int nilo_http_reason_status(enum nilo_http_reason r);
const char *nilo_http_reason_code(enum nilo_http_reason r);
const char *nilo_http_reason_text(enum nilo_http_reason r);

#define NILO_HTTP_HEADERS_MAX 100   /* header lines at most; a limit may be lower, never higher */
#define NILO_HTTP_HEAD_MAX 32768u   /* bytes of a head by default, the empty line included */
#define NILO_HTTP_HEAD_CEILING 65535u

/* A place in the caller's buffer. */
struct nilo_span {
    uint16_t at, n;
};

struct nilo_http_line {
    struct nilo_span name, value; /* value without the blanks around it */
};

struct nilo_http_head {
    enum nilo_method method;
    int minor;                /* HTTP/1.minor: 0 or 1 */
    struct nilo_span path;    /* as sent, before the "?"; canonical by nilo_http_path(). "*" with OPTIONS only */
    struct nilo_span query;   /* behind the "?"; n = 0 also where there is no "?" */
    bool has_query;
    int64_t content_length;   /* -1 = none given */
    bool chunked;             /* then the body comes in chunks and content_length is -1 */
    bool keep_alive;          /* by version and Connection */
    bool expect_continue;     /* the client waits for "100 Continue" before it sends the body */
    uint32_t size;            /* bytes of the head with its empty line: the body begins there */
    int n_headers;
    struct nilo_http_line headers[NILO_HTTP_HEADERS_MAX];
};

enum nilo_http_step { NILO_HTTP_MORE, NILO_HTTP_DONE, NILO_HTTP_BAD };

struct nilo_http_parser {
    uint32_t head_max; /* bytes */
    int headers_max;
    uint32_t at;       /* the line that is not complete yet begins here */
    uint32_t seen;     /* up to here it holds no LF */
    bool line_done;    /* the request line was read */
    bool host, length, authorization, content_type, expect, coding, close, keep;
    enum nilo_http_reason reason; /* when BAD */
    struct nilo_http_head head;   /* whole when DONE */
};

/** nilo_http_parser_start - before each request. head_max: 16..NILO_HTTP_HEAD_CEILING, headers_max: 1..NILO_HTTP_HEADERS_MAX; 0 = the default of either */
void nilo_http_parser_start(struct nilo_http_parser *p, uint32_t head_max, int headers_max);

/** nilo_http_parse - looks at the bytes that have come so far
 *  buf, n   everything since nilo_http_parser_start(), from its first byte on: the same bytes as at the last call and more behind them. The buffer
 *           may have moved. What belongs to the body or to the next request may follow
 *  ret      MORE: call again with more bytes. DONE: p->head is whole, p->head.size bytes are used up. BAD: p->reason. How the bytes were cut
 *           into calls makes no difference to what comes out
 *  cost     linear in n over all calls */
enum nilo_http_step nilo_http_parse(struct nilo_http_parser *p, const char *buf, size_t n);

/** nilo_http_find - the i-th header of that name (lower or upper case alike); NULL = no such */
const struct nilo_http_line *nilo_http_find(const struct nilo_http_head *h, const char *buf, const char *name, int i);

/** nilo_http_path - the one canonical spelling of a path, so that there is one route and one policy for it
 *  Percent-encodings are decoded, once. A path with an empty segment ("//", but a slash at the end is its own path), with "." or ".." as a
 *  segment, or with an encoded slash, backslash or control byte has no canonical spelling: nothing is served under it. ";" and what follows is part of the name.
 *  raw      what nilo_http_parse() took as path
 *  out      at least n + 1 bytes; NUL-terminated
 *  returns  the length, or -1 where there is no canonical spelling (answer 404) */
int nilo_http_path(const char *raw, size_t n, char *out);

/** nilo_http_token - is the word among the comma-separated ones of a header value? Case does not matter */
bool nilo_http_token(const char *value, size_t n, const char *word);

#endif
