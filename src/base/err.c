/* The error table and the sentences that travel with a code. The contract is in err.h. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct row {
    const char *text;
    int http;
    const char *sqlstate;
    int exit_status;
    int retryable;
};

static const struct row rows[NILO_CODE_COUNT] = {
#define X(code, text, http, sqlstate, exit_status, retry) [code] = {text, http, sqlstate, exit_status, retry},
    NILO_ERROR_ROWS(X)
#undef X
};

/* A code that is not in the table can only come from a bug, and is reported as one. */
static const struct row *row_of(enum nilo_code code)
{
    if ((unsigned)code >= NILO_CODE_COUNT)
        return &rows[NILO_EINTERNAL];
    return &rows[code];
}

#define ELLIPSIS "..."

/* The message under construction: never the caller's own buffer, because the arguments may point into it. */
struct text {
    char s[sizeof(((struct nilo_err *)0)->msg)];
    size_t len;
};

/* Puts "..." at the end of a full text, before the character that would be split. */
static void text_cut(struct text *t)
{
    size_t at = sizeof(t->s) - sizeof(ELLIPSIS);
    while (at > 0 && ((unsigned char)t->s[at] & 0xc0) == 0x80)
        at--;
    memcpy(t->s + at, ELLIPSIS, sizeof(ELLIPSIS));
    t->len = at + sizeof(ELLIPSIS) - 1;
}

static void text_addv(struct text *t, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
static void text_addv(struct text *t, const char *fmt, va_list ap)
{
    size_t room = sizeof(t->s) - t->len;
    int n = vsnprintf(t->s + t->len, room, fmt, ap);
    if (n < 0)
        t->s[t->len] = '\0';
    else if ((size_t)n >= room)
        text_cut(t);
    else
        t->len += (size_t)n;
}

static void text_add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void text_add(struct text *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    text_addv(t, fmt, ap);
    va_end(ap);
}

static void store(struct nilo_err *err, enum nilo_code code, int sys, const struct text *t)
{
    err->code = code;
    err->sys = sys;
    memcpy(err->msg, t->s, t->len + 1);
}

int nilo_err_set(struct nilo_err *err, enum nilo_code code, const char *fmt, ...)
{
    if (err == NULL)
        return -1;
    struct text t = {.len = 0};
    va_list ap;
    va_start(ap, fmt);
    text_addv(&t, fmt, ap);
    va_end(ap);
    store(err, code, 0, &t);
    return -1;
}

static enum nilo_code code_for_errno(int sys, enum nilo_code otherwise)
{
    switch (sys) {
    case ENOSPC:
    case EDQUOT: /* to the user a used-up quota is a full disk */
        return NILO_EFULL;
    case ENOMEM:
        return NILO_ENOMEM;
    default:
        return otherwise;
    }
}

int nilo_err_sys(struct nilo_err *err, enum nilo_code code, const char *fmt, ...)
{
    int sys = errno;
    if (err == NULL)
        return -1;
    struct text t = {.len = 0};
    va_list ap;
    va_start(ap, fmt);
    text_addv(&t, fmt, ap);
    va_end(ap);
    if (sys != 0) {
        char room[128];
        text_add(&t, ": %s", strerror_r(sys, room, sizeof(room)));
    }
    store(err, code_for_errno(sys, code), sys, &t);
    errno = sys;
    return -1;
}

int nilo_err_wrap(struct nilo_err *err, const char *fmt, ...)
{
    if (err == NULL)
        return -1;
    struct text t = {.len = 0};
    va_list ap;
    va_start(ap, fmt);
    text_addv(&t, fmt, ap);
    va_end(ap);
    text_add(&t, ": %s", err->msg);
    store(err, err->code, err->sys, &t);
    return -1;
}

int nilo_err_nomem(struct nilo_err *err)
{
    return nilo_err_set(err, NILO_ENOMEM, "out of memory");
}

const char *nilo_code_text(enum nilo_code code)
{
    return row_of(code)->text;
}

int nilo_code_http(enum nilo_code code)
{
    return row_of(code)->http;
}

const char *nilo_code_sqlstate(enum nilo_code code)
{
    return row_of(code)->sqlstate;
}

int nilo_code_exit(enum nilo_code code)
{
    return row_of(code)->exit_status;
}

int nilo_code_retryable(enum nilo_code code)
{
    return row_of(code)->retryable;
}
