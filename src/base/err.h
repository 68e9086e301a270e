/* Errors: one row a code; a caller-owned struct carries code, errno and one sentence upward.
 * Leaves printing to main.c and logging to whoever stops the error from rising. */
#ifndef NILO_BASE_ERR_H
#define NILO_BASE_ERR_H

#include <stddef.h>

/* code, text, HTTP status, PostgREST/SQLSTATE code, exit status, retryable */
#define NILO_ERROR_ROWS(X)                                                                                             \
    X(NILO_OK, "ok", 200, "00000", 0, 0)                                                                               \
    X(NILO_EUSAGE, "wrong command line", 400, "PGRST100", 2, 0)                                                        \
    X(NILO_EINVAL, "invalid value", 400, "22023", 2, 0)                                                                \
    X(NILO_EPARSE, "the request does not parse", 400, "PGRST100", 2, 0)                                                \
    X(NILO_EBODY, "the body is not valid JSON", 400, "PGRST102", 2, 0)                                                 \
    X(NILO_ECOLUMN, "unknown column", 400, "42703", 2, 0)                                                              \
    X(NILO_EPAYLOADCOLUMN, "unknown column in the payload", 400, "PGRST204", 2, 0)                                     \
    X(NILO_ERELATION, "unknown relation", 404, "PGRST205", 2, 0)                                                       \
    X(NILO_EFUNCTION, "unknown function", 404, "PGRST202", 2, 0)                                                       \
    X(NILO_EDATE, "unreadable date", 400, "22007", 2, 0)                                                               \
    X(NILO_EDATERANGE, "date out of range", 400, "22008", 2, 0)                                                        \
    X(NILO_ENUMBER, "unreadable number", 400, "22P02", 2, 0)                                                           \
    X(NILO_EOVERFLOW, "number out of range", 400, "22003", 2, 0)                                                       \
    X(NILO_ENULL, "value is required", 400, "23502", 2, 0)                                                             \
    X(NILO_ERANGE, "range not satisfiable", 416, "PGRST103", 2, 0)                                                     \
    X(NILO_EONE, "not exactly one row", 406, "PGRST116", 2, 0)                                                         \
    X(NILO_ENAME, "no such name", 404, "P0002", 2, 0)                                                                  \
    X(NILO_ENOENT, "not found", 404, "P0002", 1, 0)                                                                    \
    X(NILO_EEXIST, "already exists", 409, "23505", 1, 0)                                                               \
    X(NILO_ECLOSED, "the day is closed", 403, "42501", 1, 0)                                                           \
    X(NILO_EPERM, "not permitted", 403, "42501", 1, 0)                                                                 \
    X(NILO_ECONFIG, "the configuration is wrong", 500, "F0000", 1, 0)                                                  \
    X(NILO_ESTORE, "the store failed", 500, "XX000", 1, 0)                                                             \
    X(NILO_ELOCKED, "the store is in use", 503, "55006", 1, 1)                                                         \
    X(NILO_EBUSY, "try again", 503, "40001", 1, 1)                                                                     \
    X(NILO_ENEWER, "made by a newer version", 500, "XX000", 1, 0)                                                      \
    X(NILO_ECORRUPT, "damaged data", 500, "XX001", 1, 0)                                                               \
    X(NILO_EFULL, "the disk is full", 507, "53100", 1, 1)                                                              \
    X(NILO_EREADONLY, "read-only", 500, "25006", 1, 0)                                                                 \
    X(NILO_EIO, "input/output failed", 500, "58030", 1, 0)                                                             \
    X(NILO_ENOMEM, "out of memory", 500, "53200", 1, 1)                                                                \
    X(NILO_ESOURCE, "the source failed", 502, "08006", 1, 1)                                                           \
    X(NILO_EAWAY, "the store's server does not answer", 503, "08006", 1, 1)                                              \
    X(NILO_ETIMEOUT, "took too long", 504, "57014", 1, 1)                                                              \
    X(NILO_ECANCELLED, "stopped", 503, "57014", 1, 1)                                                                  \
    X(NILO_ECHECK, "a check failed", 400, "23514", 2, 0)                                                                 \
    X(NILO_ECONSTRAINT, "no such unique key", 400, "42P10", 2, 0)                                                        \
    X(NILO_ETWICE, "a row comes twice", 400, "21000", 2, 0)                                                              \
    X(NILO_EREFERENCE, "what it refers to is not there", 409, "23503", 2, 0)                                             \
    X(NILO_EPREFER, "unknown preference", 400, "PGRST122", 2, 0)                                                         \
    X(NILO_EMAXAFFECTED, "more rows than allowed", 400, "PGRST124", 2, 0)                                                \
    X(NILO_ENOWORKSPACE, "no such workspace", 404, "PGRST125", 2, 0)                                                     \
    X(NILO_EGROUP, "not part of the group", 400, "42803", 2, 0)                                                          \
    X(NILO_ENOFUNCTION, "no function of that type", 400, "42883", 2, 0)                                                  \
    X(NILO_EINTERNAL, "a bug in nilometer", 500, "XX000", 1, 0)

enum nilo_code {
#define X(code, text, http, sqlstate, exit_status, retry) code,
    NILO_ERROR_ROWS(X)
#undef X
        NILO_CODE_COUNT
};

struct nilo_err {
    enum nilo_code code;
    int sys;        /* errno where one caused it, else 0 */
    char msg[1024]; /* one sentence: what, where, what to do; ends in "..." when it had to be cut */
};

/** nilo_err_set - fill err (may be NULL) and return -1, so that `return nilo_err_set(err, NILO_EINVAL, "...", x)` works */
int nilo_err_set(struct nilo_err *err, enum nilo_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/** nilo_err_sys - as nilo_err_set, with errno kept and ": <strerror>" added; ENOSPC becomes NILO_EFULL, ENOMEM NILO_ENOMEM */
int nilo_err_sys(struct nilo_err *err, enum nilo_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/** nilo_err_wrap - put "<context>: " before the message; code stays. Returns -1 */
int nilo_err_wrap(struct nilo_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** nilo_err_nomem - the usual answer to a failed allocation. Returns -1 */
int nilo_err_nomem(struct nilo_err *err);

const char *nilo_code_text(enum nilo_code code);
int nilo_code_http(enum nilo_code code);
const char *nilo_code_sqlstate(enum nilo_code code);
int nilo_code_exit(enum nilo_code code);
int nilo_code_retryable(enum nilo_code code);

#endif
