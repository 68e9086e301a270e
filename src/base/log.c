/* One line a call, in one write, so that lines of several threads do not mix: level=info event="run finished" run=17
 * Built on the stack: logging has to work when memory has run out. */
#include "base/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"

#define LINE_MAX_BYTES  4096 /* PIPE_BUF: up to here a write to a pipe is one piece */
#define VALUE_MAX_BYTES 1200 /* more than an error message has; three such values fit a line */
#define CUT_NOTE        " cut=true\n"

static const char *const level_names[] = {
    [NILO_LOG_ERROR] = "error", [NILO_LOG_WARNING] = "warning", [NILO_LOG_NOTICE] = "notice",
    [NILO_LOG_INFO] = "info",   [NILO_LOG_DEBUG] = "debug",
};
#define LEVELS (sizeof(level_names) / sizeof(level_names[0]))

static atomic_int level_max = NILO_LOG_INFO;

void nilo_log_level_set(enum nilo_log_level max)
{
    atomic_store(&level_max, (int)max);
}

int nilo_log_level_parse(const char *name, enum nilo_log_level *ret)
{
    for (size_t i = 0; i < LEVELS; i++) {
        if (strcmp(level_names[i], name) == 0) {
            *ret = (enum nilo_log_level)i;
            return 0;
        }
    }
    return -1;
}

struct line {
    char s[LINE_MAX_BYTES];
    size_t len;
    size_t end; /* where the part being added has to stop */
    bool full;
};

static void line_add(struct line *l, const char *s, size_t n)
{
    if (l->full || n > l->end - l->len) {
        l->full = true;
        return;
    }
    memcpy(l->s + l->len, s, n);
    l->len += n;
}

static void line_adds(struct line *l, const char *s)
{
    line_add(l, s, strlen(s));
}

/* Bytes of the character at s, 0 where the bytes are no UTF-8. A short text is stopped by its NUL. */
static size_t utf8_length(const unsigned char *s)
{
    const char *text = (const char *)s;
    return nilo__utf8_char(text, strnlen(text, NILO__UTF8_MAX), NULL);
}

/* C0, DEL, and the C1 block, of which U+009B starts terminal commands just as ESC [ does. */
static bool is_control(const unsigned char *s)
{
    return s[0] < 0x20 || s[0] == 0x7f || (s[0] == 0xc2 && s[1] < 0xa0);
}

static bool needs_quotes(const char *value)
{
    if (value[0] == '\0')
        return true;
    for (const unsigned char *s = (const unsigned char *)value; *s != '\0';) {
        size_t n = utf8_length(s);
        if (n == 0 || is_control(s) || *s == ' ' || *s == '"' || *s == '\\' || *s == '=')
            return true;
        s += n;
    }
    return false;
}

/* Adds the character at s as it stands inside quotes; returns how many bytes of s that took. */
static size_t line_add_quoted_char(struct line *l, const unsigned char *s)
{
    size_t n = utf8_length(s);
    char hex[16];
    if (*s == '"' || *s == '\\') {
        line_add(l, (const char[]){'\\', (char)*s}, 2);
    } else if (*s == '\n' || *s == '\r' || *s == '\t') {
        line_adds(l, *s == '\n' ? "\\n" : *s == '\r' ? "\\r" : "\\t");
    } else if (n == 0 || (n == 1 && is_control(s))) {
        snprintf(hex, sizeof(hex), "\\x%02x", *s);
        line_adds(l, hex);
        return 1;
    } else if (is_control(s)) {
        snprintf(hex, sizeof(hex), "\\u00%02x", s[1]);
        line_adds(l, hex);
    } else {
        line_add(l, (const char *)s, n);
    }
    return n;
}

/* A value longer than VALUE_MAX_BYTES ends in "...", always within its quotes. */
static void line_add_quoted(struct line *l, const char *value)
{
    line_add(l, "\"", 1);
    size_t stop = l->len + VALUE_MAX_BYTES;
    const unsigned char *s = (const unsigned char *)value;
    while (*s != '\0' && l->len < stop && !l->full)
        s += line_add_quoted_char(l, s);
    line_adds(l, *s == '\0' ? "\"" : "...\"");
}

static void line_add_pair(struct line *l, const char *key, const char *value)
{
    size_t before = l->len;
    if (l->len > 0)
        line_add(l, " ", 1);
    line_adds(l, key);
    line_add(l, "=", 1);
    if (value == NULL)
        line_adds(l, "null");
    else if (needs_quotes(value) || strlen(value) > VALUE_MAX_BYTES)
        line_add_quoted(l, value);
    else
        line_adds(l, value);
    if (l->full)
        l->len = before; /* a pair stands whole or not at all */
}

static void write_all(const char *s, size_t n)
{
    while (n > 0) {
        ssize_t done = write(STDERR_FILENO, s, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return; /* nobody is left to tell */
        s += done;
        n -= (size_t)done;
    }
}

void nilo_log_write(enum nilo_log_level level, const char *event, const struct nilo_log_pair *pairs, int n)
{
    if ((int)level > atomic_load(&level_max) || (size_t)level >= LEVELS)
        return;
    int saved = errno;
    struct line l = {.len = 0, .end = LINE_MAX_BYTES - sizeof(CUT_NOTE)};
    bool cut = false;
    line_add_pair(&l, "level", level_names[level]);
    line_add_pair(&l, "event", event);
    for (int i = 0; i < n; i++) {
        line_add_pair(&l, pairs[i].key, pairs[i].value);
        cut = cut || l.full;
        l.full = false; /* a later, shorter pair may still fit */
    }
    l.end = LINE_MAX_BYTES;
    line_adds(&l, cut ? CUT_NOTE : "\n");
    write_all(l.s, l.len);
    errno = saved;
}
