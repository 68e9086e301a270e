/* The JSON parser: RFC 8259 to the letter, no recursion, no conversion of numbers. The writer is json_out.c. */
#include "base/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_names.h"
#include "base/utf8.h"

enum expect {
    EXPECT_TEXT, /* nothing was read yet */
    EXPECT_VALUE,
    EXPECT_VALUE_OR_END, /* just behind '[' */
    EXPECT_NAME_OR_END,  /* just behind '{' */
    EXPECT_COMMA_OR_END,
    EXPECT_NOTHING, /* the value is complete */
    EXPECT_BROKEN   /* an error was found; it is given again for ever */
};

/* One open array or object. */
struct level {
    bool object;
    struct nilo__names names;
};

struct token {
    enum nilo_json_event event;
    const char *text;
    size_t len;
};

struct nilo_json {
    const char *text;
    size_t len, pos;
    size_t start; /* where the last token began */
    struct nilo_json_limits limits;
    enum expect expect;
    enum nilo_json_event last;
    bool any; /* last holds an event */
    struct level *levels;
    int depth, levels_made; /* levels beyond depth keep their memory for the next object there */
    int levels_cap;
    struct nilo_buf unescaped;
    struct nilo_err err;
};

/* ---- errors ---------------------------------------------------------------------------------------------------------- */

/* Lines and columns are counted only when one has to be told. A column is a character, not a byte. */
static int fail(struct nilo_json *j, size_t at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static int fail(struct nilo_json *j, size_t at, const char *fmt, ...)
{
    char what[512];
    size_t line = 1, column = 1;
    for (size_t i = 0; i < at; i++) {
        if (j->text[i] == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)j->text[i] & 0xc0) != 0x80) {
            column++;
        }
    }
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    return nilo_err_set(&j->err, NILO_EBODY, "line %zu, column %zu: %s", line, column, what);
}

static int fail_expected(struct nilo_json *j, const char *expected)
{
    if (j->pos >= j->len)
        return fail(j, j->len, "expected %s, found the end", expected);
    const char *found = j->text + j->pos;
    size_t n = nilo__utf8_char(found, j->len - j->pos, NULL);
    if (n == 0 || (unsigned char)*found < 0x20 || *found == 0x7f)
        return fail(j, j->pos, "expected %s, found byte 0x%02X", expected, (unsigned)(unsigned char)*found);
    return fail(j, j->pos, "expected %s, found '%.*s'", expected, (int)n, found);
}

/* As much of a name as an error message should carry, whole characters. */
static int shown(const char *name, size_t len)
{
    size_t n = len < 64 ? len : 64;
    while (n > 0 && n < len && ((unsigned char)name[n] & 0xc0) == 0x80)
        n--;
    return (int)n;
}

/* ---- strings --------------------------------------------------------------------------------------------------------- */

static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* The four digits at `at`, or -1. */
static int32_t read_hex4(const struct nilo_json *j, size_t at)
{
    int32_t v = 0;
    if (j->len - at < 4)
        return -1;
    for (size_t i = 0; i < 4; i++) {
        int digit = hex_value(j->text[at + i]);
        if (digit < 0)
            return -1;
        v = v << 4 | digit;
    }
    return v;
}

/* pos is at a backslash that 'u' follows; moves behind the escape, or behind both halves of a pair. */
static int read_unicode_escape(struct nilo_json *j, bool allow_nul, uint32_t *ret_cp)
{
    size_t at = j->pos;
    int32_t unit = read_hex4(j, at + 2);
    if (unit < 0)
        return fail(j, at, "expected four hexadecimal digits after \\u");
    if (unit == 0 && !allow_nul)
        return fail(j, at, "\\u0000 is not allowed here");
    j->pos = at + 6;
    *ret_cp = (uint32_t)unit;
    if (unit < 0xd800 || unit > 0xdfff)
        return 0;
    bool pair = unit < 0xdc00 && j->len - j->pos >= 6 && j->text[j->pos] == '\\' && j->text[j->pos + 1] == 'u';
    int32_t low = pair ? read_hex4(j, j->pos + 2) : -1;
    if (low < 0xdc00 || low > 0xdfff)
        return fail(j, at, "a lone surrogate \\u%04X is no character", (unsigned)unit);
    j->pos += 6;
    *ret_cp = 0x10000 + (((uint32_t)unit - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
    return 0;
}

/* pos is at a backslash; the character goes to the unescaped text. */
static int read_escape(struct nilo_json *j, bool allow_nul)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    char utf8[NILO__UTF8_MAX];
    size_t n = 1;
    if (j->len - j->pos < 2)
        return fail(j, j->start, "the string that begins here is not closed");
    char letter = j->text[j->pos + 1];
    const char *found = letter == '\0' ? NULL : strchr(letters, letter);
    if (found != NULL) {
        utf8[0] = meanings[found - letters];
        j->pos += 2;
    } else if (letter == 'u') {
        uint32_t cp = 0;
        if (read_unicode_escape(j, allow_nul, &cp) != 0)
            return -1;
        n = nilo__utf8_put(cp, utf8);
    } else {
        return fail(j, j->pos,
                    "unknown escape in a string: one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u must follow a backslash");
    }
    return nilo_buf_add(&j->unescaped, utf8, n) == 0 ? 0 : nilo_err_nomem(&j->err);
}

/* Moves over characters that stand for themselves, to a quote, a backslash or the end. */
static int read_plain(struct nilo_json *j)
{
    while (j->pos < j->len) {
        unsigned char c = (unsigned char)j->text[j->pos];
        if (c == '"' || c == '\\')
            return 0;
        if (c < 0x20)
            return fail(j, j->pos, "control character 0x%02X in a string must be escaped", c);
        size_t n = c < 0x80 ? 1 : nilo__utf8_char(j->text + j->pos, j->len - j->pos, NULL);
        if (n == 0)
            return fail(j, j->pos, "byte 0x%02X is not UTF-8", c);
        j->pos += n;
    }
    return 0;
}

/* pos is at the opening quote. Without escapes the text points into the input, else into the unescaped copy. */
static int read_string(struct nilo_json *j, bool allow_nul, struct token *t)
{
    bool escapes = false;
    j->start = j->pos++;
    for (;;) {
        size_t from = j->pos;
        if (read_plain(j) != 0)
            return -1;
        if (j->pos >= j->len)
            return fail(j, j->start, "the string that begins here is not closed");
        bool closed = j->text[j->pos] == '"';
        if (closed && !escapes) {
            t->text = j->text + from;
            t->len = j->pos++ - from;
            return 0;
        }
        if (!escapes)
            nilo_buf_reset(&j->unescaped);
        escapes = true;
        if (nilo_buf_add(&j->unescaped, j->text + from, j->pos - from) != 0)
            return nilo_err_nomem(&j->err);
        if (closed)
            break;
        if (read_escape(j, allow_nul) != 0)
            return -1;
    }
    j->pos++;
    t->text = j->unescaped.data;
    t->len = j->unescaped.len;
    return 0;
}

/* ---- other scalars --------------------------------------------------------------------------------------------------- */

static bool digit_at(const struct nilo_json *j)
{
    return j->pos < j->len && j->text[j->pos] >= '0' && j->text[j->pos] <= '9';
}

static bool take(struct nilo_json *j, char c)
{
    if (j->pos >= j->len || j->text[j->pos] != c)
        return false;
    j->pos++;
    return true;
}

static int read_digits(struct nilo_json *j)
{
    if (!digit_at(j))
        return fail_expected(j, "a digit");
    while (digit_at(j))
        j->pos++;
    return 0;
}

static int read_number(struct nilo_json *j, struct token *t)
{
    take(j, '-');
    if (take(j, '0')) {
        if (digit_at(j))
            return fail(j, j->start, "a number has no leading zeros");
    } else if (read_digits(j) != 0) {
        return -1;
    }
    if (take(j, '.') && read_digits(j) != 0)
        return -1;
    if (take(j, 'e') || take(j, 'E')) {
        if (!take(j, '+'))
            take(j, '-');
        if (read_digits(j) != 0)
            return -1;
    }
    *t = (struct token){NILO_JSON_NUMBER, j->text + j->start, j->pos - j->start};
    return 0;
}

static int read_literal(struct nilo_json *j, struct token *t)
{
    static const struct {
        const char *text;
        size_t len;
        enum nilo_json_event event;
    } literals[] = {{"true", 4, NILO_JSON_TRUE}, {"false", 5, NILO_JSON_FALSE}, {"null", 4, NILO_JSON_NULL}};
    for (size_t i = 0; i < sizeof(literals) / sizeof(literals[0]); i++) {
        size_t n = literals[i].len;
        if (j->len - j->pos >= n && memcmp(j->text + j->pos, literals[i].text, n) == 0) {
            *t = (struct token){literals[i].event, j->text + j->pos, n};
            j->pos += n;
            return 0;
        }
    }
    return fail_expected(j, "a value");
}

/* ---- structure ------------------------------------------------------------------------------------------------------- */

static void value_done(struct nilo_json *j)
{
    j->expect = j->depth == 0 ? EXPECT_NOTHING : EXPECT_COMMA_OR_END;
}

static int make_level(struct nilo_json *j)
{
    if (j->depth < j->levels_made)
        return 0;
    if (j->levels_made == j->levels_cap) {
        int cap = j->levels_cap == 0 ? 8 : j->levels_cap * 2;
        struct level *levels = realloc(j->levels, (size_t)cap * sizeof(*levels));
        if (levels == NULL)
            return nilo_err_nomem(&j->err);
        j->levels = levels;
        j->levels_cap = cap;
    }
    nilo__names_init(&j->levels[j->levels_made++].names);
    return 0;
}

static int open_level(struct nilo_json *j, bool object, struct token *t)
{
    if (j->depth >= j->limits.depth)
        return fail(j, j->pos, "nested deeper than %d levels", j->limits.depth);
    if (make_level(j) != 0)
        return -1;
    struct level *level = &j->levels[j->depth++];
    level->object = object;
    nilo__names_reset(&level->names);
    j->pos++;
    j->expect = object ? EXPECT_NAME_OR_END : EXPECT_VALUE_OR_END;
    t->event = object ? NILO_JSON_OBJECT_BEGIN : NILO_JSON_ARRAY_BEGIN;
    return 0;
}

static int close_level(struct nilo_json *j, struct token *t)
{
    bool object = j->levels[--j->depth].object;
    j->start = j->pos++;
    t->event = object ? NILO_JSON_OBJECT_END : NILO_JSON_ARRAY_END;
    value_done(j);
    return 0;
}

static char peek(const struct nilo_json *j)
{
    return j->pos < j->len ? j->text[j->pos] : '\0';
}

static void skip_blanks(struct nilo_json *j)
{
    for (; j->pos < j->len; j->pos++) {
        char c = j->text[j->pos];
        if (c != ' ' && c != '\n' && c != '\t' && c != '\r')
            break;
    }
}

static int read_value(struct nilo_json *j, struct token *t)
{
    char c = peek(j);
    int rc;
    j->start = j->pos;
    if (c == '{' || c == '[')
        return open_level(j, c == '{', t);
    if (c == '"') {
        t->event = NILO_JSON_STRING;
        rc = read_string(j, j->limits.allow_nul, t);
    } else if (c == '-' || (c >= '0' && c <= '9')) {
        rc = read_number(j, t);
    } else {
        rc = read_literal(j, t);
    }
    if (rc == 0)
        value_done(j);
    return rc;
}

/* Duplicates are refused, not resolved: two readers that resolve them differently is how checks are walked past. */
static int remember_name(struct nilo_json *j, const struct token *t)
{
    struct nilo__names *names = &j->levels[j->depth - 1].names;
    if (t->len > j->limits.name_max)
        return fail(j, j->start, "a member name longer than %zu bytes", j->limits.name_max);
    if (names->n >= (size_t)j->limits.keys)
        return fail(j, j->start, "more than %d members in one object", j->limits.keys);
    int added = nilo__names_add(names, t->text, t->len);
    if (added < 0)
        return nilo_err_nomem(&j->err);
    if (added == 0)
        return fail(j, j->start, "the member \"%.*s\" is given twice", shown(t->text, t->len), t->text);
    return 0;
}

static int read_name(struct nilo_json *j, const char *expected, struct token *t)
{
    if (peek(j) != '"')
        return fail_expected(j, expected);
    t->event = NILO_JSON_KEY;
    if (read_string(j, false, t) != 0 || remember_name(j, t) != 0)
        return -1;
    skip_blanks(j);
    if (!take(j, ':'))
        return fail_expected(j, "':' after the member name");
    j->expect = EXPECT_VALUE;
    return 0;
}

static int read_next_element(struct nilo_json *j, struct token *t)
{
    bool object = j->levels[j->depth - 1].object;
    if (peek(j) == (object ? '}' : ']'))
        return close_level(j, t);
    if (!take(j, ','))
        return fail_expected(j, object ? "',' or '}'" : "',' or ']'");
    skip_blanks(j);
    return object ? read_name(j, "a member name in double quotes", t) : read_value(j, t);
}

static int read_first(struct nilo_json *j, struct token *t)
{
    if (j->len >= 3 && memcmp(j->text, "\xef\xbb\xbf", 3) == 0)
        return fail(j, 0, "the text begins with a byte order mark, which JSON does not allow");
    skip_blanks(j);
    return read_value(j, t);
}

static int read_token(struct nilo_json *j, struct token *t)
{
    if (j->expect == EXPECT_TEXT)
        return read_first(j, t);
    skip_blanks(j);
    switch (j->expect) {
    case EXPECT_VALUE_OR_END:
        return peek(j) == ']' ? close_level(j, t) : read_value(j, t);
    case EXPECT_NAME_OR_END:
        return peek(j) == '}' ? close_level(j, t) : read_name(j, "a member name in double quotes or '}'", t);
    case EXPECT_COMMA_OR_END:
        return read_next_element(j, t);
    case EXPECT_NOTHING:
        j->start = j->pos;
        t->event = NILO_JSON_END;
        return j->pos == j->len ? 0 : fail_expected(j, "the end of the text");
    default:
        return read_value(j, t);
    }
}

/* ---- the calls of json.h --------------------------------------------------------------------------------------------- */

int nilo_json_new(const char *text, size_t len, struct nilo_json_limits limits, struct nilo_json **ret,
                  struct nilo_err *err)
{
    const struct nilo_json_limits usual = NILO_JSON_DEFAULT_LIMITS;
    struct nilo_json *j = calloc(1, sizeof(*j));
    if (j == NULL)
        return nilo_err_nomem(err);
    j->text = len > 0 ? text : "";
    j->len = len;
    j->limits = limits;
    j->limits.depth = limits.depth > 0 ? limits.depth : usual.depth;
    j->limits.keys = limits.keys > 0 ? limits.keys : usual.keys;
    j->limits.name_max = limits.name_max > 0 ? limits.name_max : usual.name_max;
    nilo_buf_init(&j->unescaped, len); /* escapes only ever shrink */
    *ret = j;
    return 0;
}

void nilo_json_free(struct nilo_json *j)
{
    if (j == NULL)
        return;
    for (int i = 0; i < j->levels_made; i++)
        nilo__names_done(&j->levels[i].names);
    free(j->levels);
    nilo_buf_done(&j->unescaped);
    free(j);
}

static int break_off(struct nilo_json *j, struct nilo_err *err)
{
    j->expect = EXPECT_BROKEN;
    if (err != NULL)
        *err = j->err;
    return -1;
}

int nilo_json_next(struct nilo_json *j, enum nilo_json_event *ret_event, const char **ret_text, size_t *ret_len,
                   struct nilo_err *err)
{
    struct token t = {.text = "", .len = 0};
    if (j->expect == EXPECT_BROKEN || read_token(j, &t) != 0)
        return break_off(j, err);
    j->last = t.event;
    j->any = true;
    *ret_event = t.event;
    if (ret_text != NULL)
        *ret_text = t.text;
    if (ret_len != NULL)
        *ret_len = t.len;
    return 0;
}

static bool is_begin(enum nilo_json_event e)
{
    return e == NILO_JSON_OBJECT_BEGIN || e == NILO_JSON_ARRAY_BEGIN;
}

static bool is_value(enum nilo_json_event e)
{
    return is_begin(e) || (e >= NILO_JSON_STRING && e <= NILO_JSON_NULL);
}

static int skip_value(struct nilo_json *j, size_t *ret_start, struct nilo_err *err)
{
    enum nilo_json_event event = j->last;
    if (!j->any || !is_begin(event)) {
        if (nilo_json_next(j, &event, NULL, NULL, err) != 0)
            return -1;
        if (!is_value(event)) {
            fail(j, j->start, "expected a value");
            return break_off(j, err);
        }
    }
    *ret_start = j->start;
    if (!is_begin(event))
        return 0;
    for (int outside = j->depth - 1; j->depth > outside;) {
        if (nilo_json_next(j, &event, NULL, NULL, err) != 0)
            return -1;
    }
    return 0;
}

int nilo_json_skip(struct nilo_json *j, struct nilo_err *err)
{
    size_t start;
    return skip_value(j, &start, err);
}

int nilo_json_raw(struct nilo_json *j, const char **ret_text, size_t *ret_len, struct nilo_err *err)
{
    size_t start;
    if (skip_value(j, &start, err) != 0)
        return -1;
    *ret_text = j->text + start;
    *ret_len = j->pos - start;
    return 0;
}

int nilo_json_depth(const struct nilo_json *j)
{
    return j->depth;
}

int nilo_json_check(const char *text, size_t len, struct nilo_err *err)
{
    struct nilo_json *j;
    if (nilo_json_new(text, len, NILO_JSON_DEFAULT_LIMITS, &j, err) != 0)
        return -1;
    enum nilo_json_event event;
    int rc;
    do {
        rc = nilo_json_next(j, &event, NULL, NULL, err);
    } while (rc == 0 && event != NILO_JSON_END);
    nilo_json_free(j);
    return rc;
}
