/* JSON: a strict pull parser that keeps numbers as text, and a writer. RFC 8259, UTF-8 checked, no lone surrogates. */
#ifndef NILO_BASE_JSON_H
#define NILO_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum nilo_json_event {
    NILO_JSON_END, /* the text is over, everything balanced */
    NILO_JSON_OBJECT_BEGIN,
    NILO_JSON_OBJECT_END,
    NILO_JSON_ARRAY_BEGIN,
    NILO_JSON_ARRAY_END,
    NILO_JSON_KEY,    /* text/len: the name, unescaped */
    NILO_JSON_STRING, /* text/len: unescaped; may hold NUL bytes only when allow_nul */
    NILO_JSON_NUMBER, /* text/len: exactly as written */
    NILO_JSON_TRUE,
    NILO_JSON_FALSE,
    NILO_JSON_NULL
};

/* A zero means the default. */
struct nilo_json_limits {
    int depth;       /* default 32 */
    int keys;        /* members an object, default 1000; duplicates are refused within this bound */
    size_t name_max; /* bytes of a name, default 1024 */
    bool allow_nul;  /* \u0000 in strings; default refused. In names always refused */
};
#define NILO_JSON_DEFAULT_LIMITS ((struct nilo_json_limits){32, 1000, 1024, false})

struct nilo_json; /* one parse over a text that the caller keeps until it is done */

int nilo_json_new(const char *text, size_t len, struct nilo_json_limits limits, struct nilo_json **ret, struct nilo_err *err);
void nilo_json_free(struct nilo_json *j);

/** nilo_json_next - the next event; text stays valid until the next call and is NOT NUL-terminated (it may point into the input)
 *  ret_text, ret_len  may be NULL; "" and 0 for brackets and the end, the literal itself for true, false, null
 *  errors  NILO_EBODY with line and column, and what was expected; NILO_ENOMEM. The same error is given again from then on */
int nilo_json_next(struct nilo_json *j, enum nilo_json_event *ret_event, const char **ret_text, size_t *ret_len, struct nilo_err *err);

/** nilo_json_skip - after KEY or before a value: skip one whole value. On an ..._BEGIN event already returned: skip to its end.
 *  A scalar already returned is behind us: there is nothing left of it to skip. errors: as nilo_json_next; NILO_EBODY where no value follows */
int nilo_json_skip(struct nilo_json *j, struct nilo_err *err);

/** nilo_json_raw - as skip, and gives the value's exact source text (points into the input) */
int nilo_json_raw(struct nilo_json *j, const char **ret_text, size_t *ret_len, struct nilo_err *err);
int nilo_json_depth(const struct nilo_json *j);

/** nilo_json_check - is this one valid JSON value? */
int nilo_json_check(const char *text, size_t len, struct nilo_err *err);

/* Writer: puts commas and quotes; the caller balances. Appends to a buf; look at buf.failed at the end (also set when nested deeper
 * than 63). Values outside of any bracket are put side by side: add the '\n' of NDJSON between them. */
struct nilo_json_out {
    struct nilo_buf *buf;
    int depth;
    uint64_t has_member; /* a bit a level */
    bool after_key;
};
void nilo_json_out_init(struct nilo_json_out *o, struct nilo_buf *buf);
void nilo_json_object_begin(struct nilo_json_out *o);
void nilo_json_object_end(struct nilo_json_out *o);
void nilo_json_array_begin(struct nilo_json_out *o);
void nilo_json_array_end(struct nilo_json_out *o);
void nilo_json_key(struct nilo_json_out *o, const char *name);
void nilo_json_str(struct nilo_json_out *o, const char *s); /* NULL writes null */
void nilo_json_strn(struct nilo_json_out *o, const char *s, size_t n); /* bad UTF-8 becomes U+FFFD */
void nilo_json_int(struct nilo_json_out *o, int64_t v);
void nilo_json_text(struct nilo_json_out *o, const char *raw, size_t n); /* already JSON: numbers, stored documents */
void nilo_json_bool(struct nilo_json_out *o, bool v);
void nilo_json_null(struct nilo_json_out *o);

/** nilo_json_put - an event of the parser, handed on as it came: copies a document, member by member. NILO_JSON_END writes nothing */
void nilo_json_put(struct nilo_json_out *o, enum nilo_json_event e, const char *text, size_t len);

/** nilo_utf8_valid - well-formed UTF-8 (no surrogates, no overlong); ret_bad (may be NULL) = offset of the first bad byte */
bool nilo_utf8_valid(const char *s, size_t len, size_t *ret_bad);

#endif
