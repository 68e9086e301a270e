/* libnilometer: the record of Nilometer inside your program. Open a store, hand readings over, ask for them, check what is kept.
 * It is the library under the `nilometer` command: the same rules, the same files, the same answers (docs/library.md shows both sides).
 *
 * Errors    Functions return NILOMETER_OK (0) or another code. nilometer_message() then holds one sentence: what, where, what to do.
 *           Wrong use (a NULL handle, a call out of order) is NILOMETER_EMISUSE and changes nothing.
 * Threads   A handle is used by one thread at a time and may move from one to another. Several handles may be used by several threads
 *           at once, also on the same store: one that writes and any number that read. There is no state outside of handles.
 *           A handle does not survive fork(): open one in the child.
 * Process   The library prints nothing, never ends the process, installs no signal handler, starts no thread, reads no environment
 *           variable of its own (libpq reads PGPASSWORD and its kin). Let nothing else in the process open the file of an SQLite store: closing it
 *           there drops the locks that SQLite holds (a property of POSIX file locks).
 * Memory    What you pass is copied before the call returns. Who owns what comes back is said at each function.
 * ABI       Handles and rows are opaque. Structs begin with their size, set by their _INIT macro: a program built with an older header works
 *           with a newer library; a newer one with an older library as long as it uses nothing that library does not know (else
 *           NILOMETER_EINVAL). Fields are added at the end, numbers of enumerations never change, symbols carry a version. A switch over an
 *           enumeration needs a default.
 * Words     Metric, window, day, closed, amendment, run and the rest mean what they mean in docs/architecture.md. Texts are UTF-8 and end with a
 *           NUL. Days are texts like 2026-03-08 in the workspace's zone. Instants are microseconds UTC since 1970-01-01. Values are exact
 *           decimals; nothing here is a floating point number. */
#ifndef NILOMETER_H
#define NILOMETER_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__) || defined(__clang__)
#define NILO_API __attribute__((visibility("default")))
#else
#define NILO_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

struct nilometer;      /* an open store */
struct nilometer_rows; /* an answer kept in memory */
struct nilometer_row;  /* one row of an answer */

#define NILOMETER_NO_TIME INT64_MIN /* no instant */

/** nilometer_version - of the library, like "0.1.0". owner: the library, for good */
NILO_API const char *nilometer_version(void);

/* ---- codes --------------------------------------------------------------------------------------------------------------------- */

enum nilometer_code {
    NILOMETER_OK = 0,
    NILOMETER_EMISUSE = 1,    /* the calling program is wrong: NULL handle, calls out of order, a call from inside a callback */
    NILOMETER_EINVAL = 2,     /* a value that cannot be */
    NILOMETER_EPARSE = 3,     /* a request that does not parse */
    NILOMETER_ECOLUMN = 4,    /* unknown column */
    NILOMETER_ERELATION = 5,  /* unknown relation */
    NILOMETER_EFUNCTION = 6,  /* unknown function, or unknown argument of one */
    NILOMETER_EDATE = 7,      /* unreadable date */
    NILOMETER_EDATERANGE = 8, /* a date that does not exist or may not be */
    NILOMETER_ENUMBER = 9,    /* unreadable number */
    NILOMETER_EOVERFLOW = 10, /* a number out of range */
    NILOMETER_ENULL = 11,     /* a value is required, or asked of a null */
    NILOMETER_ERANGE = 12,    /* a part of an answer that is not there */
    NILOMETER_EONE = 13,      /* not exactly one row */
    NILOMETER_EBODY = 14,     /* not valid JSON */
    NILOMETER_ENOENT = 15,    /* not found */
    NILOMETER_EEXIST = 16,    /* already there */
    NILOMETER_ECLOSED = 17,   /* the day is closed */
    NILOMETER_EPERM = 18,     /* outside of the handle's scope */
    NILOMETER_EREADONLY = 19, /* the handle only reads */
    NILOMETER_ELOCKED = 20,   /* another process writes this store */
    NILOMETER_EBUSY = 21,     /* try again */
    NILOMETER_ENEWER = 22,    /* the store was made by a newer version */
    NILOMETER_ECORRUPT = 23,  /* damaged data */
    NILOMETER_ESTORE = 24,    /* the store failed */
    NILOMETER_ESOURCE = 25,   /* the server cannot be reached */
    NILOMETER_EFULL = 26,     /* the disk is full */
    NILOMETER_EIO = 27,       /* input or output failed */
    NILOMETER_ENOMEM = 28,    /* out of memory */
    NILOMETER_ETIMEOUT = 29,  /* took too long */
    NILOMETER_ECANCELLED = 30, /* stopped, for one by a callback */
    NILOMETER_ECONFIG = 31,   /* a configuration is wrong */
    NILOMETER_EINTERNAL = 32  /* a bug in nilometer: please report it */
};

/** nilometer_code_text - a few words; _sqlstate: PostgREST's or PostgreSQL's code like "22023"; both for good. Of an unknown number: "unknown"
 *  nilometer_code_http - status between 200 and 599
 *  nilometer_code_exit - status with which the command would end: 0 done, 1 something met on the way failed, 2 the request itself is wrong
 *  nilometer_code_retryable - 1 when the same call may succeed later without a change, else 0 */
NILO_API const char *nilometer_code_text(int code);
NILO_API const char *nilometer_code_sqlstate(int code);
NILO_API int nilometer_code_http(int code);
NILO_API int nilometer_code_exit(int code);
NILO_API int nilometer_code_retryable(int code);

/* ---- a store -------------------------------------------------------------------------------------------------------------------- */

enum nilometer_mode {
    NILOMETER_READ = 0,  /* sees what is committed; keeps nobody from writing */
    NILOMETER_WRITE = 1, /* the one writer; the store must be there; brings its schema up to date */
    NILOMETER_CREATE = 2 /* as NILOMETER_WRITE; made where there is none */
};

struct nilometer_options {
    size_t size;                    /* sizeof, set by NILOMETER_OPTIONS_INIT */
    int mode;                       /* enum nilometer_mode */
    const char *const *workspaces;  /* the scope: names of the only workspaces that this handle reads and writes; NULL = all of the store */
    size_t n_workspaces;            /* of them; a scope of none reads nothing */
    int64_t (*clock)(void *ctx);    /* the present instant; NULL = the system's clock. Decides what is in the future and when days close */
    void *clock_ctx;
};
#define NILOMETER_OPTIONS_INIT {sizeof(struct nilometer_options), 0, NULL, 0, NULL, NULL}

/** nilometer_open - a store: a path, sqlite:PATH, or a postgres:// URL
 *  options  NULL = read everything
 *  ret      a handle also on failure, for its message, so close it in any case; NULL only when memory ran out or ret itself was wrong
 *  errors   NILOMETER_ENOENT no store there, NILOMETER_ELOCKED another process or handle writes it, NILOMETER_ENEWER, NILOMETER_ECORRUPT, NILOMETER_EINVAL,
 *           NILOMETER_EIO, NILOMETER_EFULL, NILOMETER_EREADONLY, NILOMETER_ESOURCE the server is down
 *  owner    caller, nilometer_close()
 *  source   src/lib/open.c; pinned by tests/lib/test_library.c */
NILO_API int nilometer_open(const char *target, const struct nilometer_options *options, struct nilometer **ret);

/** nilometer_close - lets go of the store; a run that is open is aborted first. NULL is fine
 *  errors   NILOMETER_EMISUSE from inside a callback of this handle: nothing is closed */
NILO_API int nilometer_close(struct nilometer *n);

/** nilometer_code, nilometer_message - how the last call on this handle ended: a code, and a sentence ("" when it went well)
 *  owner    the handle, until the next call on it. n NULL: NILOMETER_EMISUSE and a sentence that fits */
NILO_API int nilometer_code(const struct nilometer *n);
NILO_API const char *nilometer_message(const struct nilometer *n);

/* ---- what there is to measure ----------------------------------------------------------------------------------------------------- */

/** nilometer_workspace - makes a workspace, or leaves the one of that name as it is
 *  zone     like "Europe/Berlin", for a new one; NULL = UTC. Where the workspace is there and in another zone, nothing changes
 *  errors   NILOMETER_EINVAL a bad name or zone, NILOMETER_EPERM outside of the scope, NILOMETER_EREADONLY */
NILO_API int nilometer_workspace(struct nilometer *n, const char *name, const char *zone);

struct nilometer_metric {
    size_t size;             /* sizeof, set by NILOMETER_METRIC_INIT */
    const char *name;        /* a small letter, then up to 47 of a-z, 0-9 and _ */
    const char *type;        /* count, average, percentage or aggregate; NULL = count */
    const char *kind;        /* instant (a counter read now) or period (belongs to the day that the source names); NULL = instant */
    const char *aggregation; /* level (a period's value is its last) or flow (summed); NULL = level */
    int scale;               /* digits behind the point, 0 to 9; -1 = the type's own: 0 for counts, 6 for averages and percentages */
    const char *unit, *currency, *display_name, *description; /* NULL = none */
};
#define NILOMETER_METRIC_INIT {sizeof(struct nilometer_metric), NULL, NULL, NULL, NULL, -1, NULL, NULL, NULL, NULL}

/** nilometer_define - a metric beside the built-in ones (views, likes, comments, shares, ...: the relation metric_definitions lists them)
 *  The same definition again is fine. Metrics belong to the store, not to a workspace.
 *  errors   NILOMETER_EINVAL a name or word that cannot be, NILOMETER_EEXIST defined otherwise (that is fixed for good), NILOMETER_EREADONLY */
NILO_API int nilometer_define(struct nilometer *n, const struct nilometer_metric *metric);

/* ---- recording -------------------------------------------------------------------------------------------------------------------- */

enum nilometer_run_kind {
    NILOMETER_PUSH = 0,   /* observed now by this program; another value for a closed day becomes an amendment (restated) */
    NILOMETER_IMPORT = 1, /* from elsewhere; another value for a closed day is refused, unless revise is set */
    NILOMETER_REVISE = 2  /* a person puts values right: always taken; the connection must be there */
};

struct nilometer_run {
    size_t size;             /* sizeof, set by NILOMETER_RUN_INIT */
    int kind;                /* enum nilometer_run_kind */
    const char *workspace;   /* made where absent; NULL = the scope's only one, else "default" */
    const char *connection;  /* where the numbers come from, made where absent; NULL = "push" or "import", with "-PLATFORM" where one is given */
    const char *platform;    /* of a new connection, 1 to 50 of a-z, 0-9, _ and -; NULL = "push" or "import" */
    const char *slot;        /* a run of this name is done once for each connection, later ones are NILOMETER_EEXIST; NULL = any number */
    const char *author;      /* NILOMETER_REVISE: who says so; NULL = "unknown" */
    int revise;              /* 1: amend closed days where readings say otherwise */
    int dry_run;             /* 1: do all of it, record nothing; workspace and connection must be there */
};
#define NILOMETER_RUN_INIT {sizeof(struct nilometer_run), 0, NULL, NULL, NULL, NULL, NULL, 0, 0}

/** nilometer_begin - starts a run and logs it. One run at a time on a handle
 *  errors   NILOMETER_EMISUSE a run is open, NILOMETER_EREADONLY, NILOMETER_EPERM outside of the scope, NILOMETER_EEXIST the slot is done,
 *           NILOMETER_EINVAL the connection is fed by something else (sql), NILOMETER_ENOENT, and those of the store */
NILO_API int nilometer_begin(struct nilometer *n, const struct nilometer_run *run);

enum nilometer_entity {
    NILOMETER_CONTENT = 0, /* a post, a video, a project */
    NILOMETER_ACCOUNT = 1, /* an account on a platform */
    NILOMETER_APP = 2      /* the app itself: no external_id */
};

/* One value of a reading: a number, or why there is none. Of text and number the text counts where it is not NULL. */
struct nilometer_value {
    const char *metric;   /* its name */
    const char *text;     /* the value as a decimal: "1200", "0.0425"; a count with a fraction is refused, averages and percentages are rounded */
    int64_t number;       /* else the value is number * 10^-scale */
    int scale;            /* 0 to 9 */
    const char *absence;  /* there is no value: hidden, unsupported, deleted, failed, not_yet, not_permitted, not_reported, ... */
    const char *metadata; /* a JSON object or NULL: {"sample_size": 40} */
};

struct nilometer_reading {
    size_t size;             /* sizeof, set by NILOMETER_READING_INIT */
    size_t value_size;       /* sizeof(struct nilometer_value), set by NILOMETER_READING_INIT */
    int kind;                /* enum nilometer_entity */
    const char *external_id; /* the platform's or your own id of it, 1 to 1024 bytes */
    int64_t captured_at;     /* when it was read; NILOMETER_NO_TIME: only the day is known, which counts as its end */
    const char *day;         /* the day that the source names, needed where captured_at is not given; NULL = that of captured_at */
    int window_days;         /* 0 = all time so far; else the value covers that many days up to `day`, 1 to 3660 */
    const char *provenance;  /* observed, imported or estimated; NULL = the run's */
    const struct nilometer_value *values;
    size_t n_values;         /* may be 0: a reading that only tells of the item */
    const char *owner;       /* who is credited with the item; several: one more reading without values for each. NULL = says nothing */
    /* attributes of content; NULL (NILOMETER_NO_TIME, -1) = says nothing, what is known stays */
    const char *title, *url, *media_type, *caption, *thumbnail, *status;
    const char *tags;        /* a JSON object */
    int64_t posted_at, deleted_at;
    int64_t duration_ms;
};
#define NILOMETER_READING_INIT                                                                                                             \
    {sizeof(struct nilometer_reading), sizeof(struct nilometer_value), 0, NULL, NILOMETER_NO_TIME, NULL, 0, NULL, NULL, 0, NULL, NULL,    \
     NULL, NULL, NULL, NULL, NULL, NULL, NILOMETER_NO_TIME, NILOMETER_NO_TIME, -1}

/** nilometer_add - one reading of the open run; copied. Hand readings of one item over one after the other: those of one instant become one.
 *  errors   NILOMETER_EINVAL, NILOMETER_EDATE, NILOMETER_EDATERANGE, NILOMETER_ENUMBER, NILOMETER_EOVERFLOW, NILOMETER_EBODY, NILOMETER_ENULL: this reading is
 *           refused as a whole and counted with its sentence; the run goes on.
 *           Any other code: the run has ended as failed; what its committed parts recorded stays (readings are committed by 50,000 values),
 *           and running it again changes nothing that is there */
NILO_API int nilometer_add(struct nilometer *n, const struct nilometer_reading *reading);

struct nilometer_summary {
    size_t size;              /* sizeof, set by NILOMETER_SUMMARY_INIT; no more than that is written */
    int64_t run;              /* its number in the relation `runs` */
    int64_t readings;         /* handed over */
    int64_t refused_readings; /* of them */
    int64_t merged_readings;  /* that became one with another reading of the same instant */
    int64_t items;            /* that were touched */
    /* values, each counted once */
    int64_t recorded;         /* the first of their open day */
    int64_t replaced;         /* newer than what their open day had */
    int64_t kept;             /* kept as observations only: older than what the day shows, or a passing reason */
    int64_t unchanged;        /* known already */
    int64_t merged;           /* in merged readings */
    int64_t late;             /* the first of a closed day: amendments */
    int64_t amended;          /* another value of a closed day: amendments */
    int64_t refused;          /* another value of a closed day, not taken */
    int64_t days_closed;      /* that this run's end closed */
    char first_day[16], last_day[16]; /* days touched; "" = none */
    char status[16];          /* completed, partial (something was refused) or quarantined */
};
#define NILOMETER_SUMMARY_INIT                                                                                                             \
    {sizeof(struct nilometer_summary), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, {0}, {0}, {0}}

/** nilometer_commit - writes what is left, closes the days that may close, ends the run
 *  summary  NULL = not wanted
 *  errors   NILOMETER_EMISUSE no run is open, or a summary without its size; those of the store: the run has ended as failed */
NILO_API int nilometer_commit(struct nilometer *n, struct nilometer_summary *summary);

/** nilometer_abort - ends the run as failed; what its committed parts recorded stays. errors: NILOMETER_EMISUSE no run is open */
NILO_API int nilometer_abort(struct nilometer *n);

/** nilometer_refusals - how many different reasons there are for which the last run refused something; of more than 32 the rest is one
 *  nilometer_refusal  - the i-th: a sentence that names the first item it befell. NULL behind the end
 *  ret_count  how often; may be NULL
 *  owner      the handle, until the next nilometer_begin() or nilometer_close() */
NILO_API size_t nilometer_refusals(const struct nilometer *n);
NILO_API const char *nilometer_refusal(const struct nilometer *n, size_t i, int64_t *ret_count);

/* ---- asking -------------------------------------------------------------------------------------------------------------------------
 * A request is what follows /rest/v1/ in the REST API, in PostgREST's dialect, and what the commands get and call take:
 *     content_latest?owner=eq.mia&select=external_id,title,views&order=views.desc&limit=10
 *     rpc/timeseries?metric=views&owner=mia&from=2026-03-01&to=2026-03-31
 * `nilometer help get` and `nilometer help call` list relations and functions. Put values of others through nilometer_escape(). Each answer is of
 * one state of the store. A handle that writes sees its own open run as far as that is committed. */

enum nilometer_type {
    NILOMETER_TEXT = 1,
    NILOMETER_INT = 2,
    NILOMETER_DECIMAL = 3, /* exact */
    NILOMETER_DAY = 4,     /* 2026-03-08 */
    NILOMETER_TIME = 5,    /* 2026-03-08T09:00:00+00:00 */
    NILOMETER_JSON = 6,
    NILOMETER_BOOL = 7,    /* true, false */
    NILOMETER_UUID = 8
};

/* The columns of a row; i counts from 0, and behind the last one a column has no name, type 0, and is null.
 * owner  the row: texts are valid as long as it is */
NILO_API size_t nilometer_row_columns(const struct nilometer_row *row);
NILO_API const char *nilometer_row_name(const struct nilometer_row *row, size_t i);
NILO_API int nilometer_row_type(const struct nilometer_row *row, size_t i); /* enum nilometer_type */
NILO_API int nilometer_row_null(const struct nilometer_row *row, size_t i); /* 1: there is no value. That is never the same as 0 */
/** nilometer_row_text - the value's spelling, without quotes; NULL where it is null, or when memory ran out. ret_len may be NULL */
NILO_API const char *nilometer_row_text(const struct nilometer_row *row, size_t i, size_t *ret_len);
/** nilometer_row_number - the value as number * 10^-scale: INT, DECIMAL, DAY (days since 1970-01-01), TIME (microseconds), BOOL (0, 1)
 *  ret_scale  may be NULL where the value has no fraction
 *  errors     NILOMETER_ENULL, NILOMETER_EINVAL a text, or a fraction and nowhere to put its scale, NILOMETER_EOVERFLOW a sum beyond 64 bits (its text is right) */
NILO_API int nilometer_row_number(const struct nilometer_row *row, size_t i, int64_t *ret_number, int *ret_scale);

/** nilometer_each - hands the rows over one by one; memory does not grow with the answer
 *  row      valid during the call; anything but 0 stops. It may not use the handle
 *  errors   NILOMETER_ERELATION, NILOMETER_EFUNCTION, NILOMETER_ECOLUMN, NILOMETER_EPARSE, NILOMETER_EINVAL, ... the request is wrong; NILOMETER_ENOENT something it names
 *           is not there; NILOMETER_ECANCELLED the callback stopped it; and those of the store */
typedef int nilometer_row_fn(void *ctx, const struct nilometer_row *row);
NILO_API int nilometer_each(struct nilometer *n, const char *request, nilometer_row_fn *fn, void *ctx);

/** nilometer_query - the whole answer in memory
 *  errors   as nilometer_each(); NILOMETER_ENOMEM more than 256 MiB: use nilometer_each() or limit=
 *  owner    caller, nilometer_rows_free(); it does not need the handle any more */
NILO_API int nilometer_query(struct nilometer *n, const char *request, struct nilometer_rows **ret);
NILO_API size_t nilometer_rows_count(const struct nilometer_rows *rows);
/** nilometer_rows_next - the next row, from the first on; NULL behind the last. Valid until nilometer_rows_free() */
NILO_API const struct nilometer_row *nilometer_rows_next(struct nilometer_rows *rows);
/** nilometer_rows_at - the i-th row, from 0 on; NULL behind the last */
NILO_API const struct nilometer_row *nilometer_rows_at(const struct nilometer_rows *rows, size_t i);
NILO_API void nilometer_rows_free(struct nilometer_rows *rows); /* NULL is fine */

enum nilometer_format {
    NILOMETER_FORMAT_TABLE = 0,  /* for people */
    NILOMETER_FORMAT_JSON = 1,   /* an array of objects; an object for functions that answer one */
    NILOMETER_FORMAT_OBJECT = 2, /* one object; NILOMETER_EONE unless there is exactly one row */
    NILOMETER_FORMAT_CSV = 3,
    NILOMETER_FORMAT_NDJSON = 4
};

/** nilometer_write - the answer spelled out, in pieces of about 64 KiB
 *  fn       n bytes that are not NUL-terminated; anything but 0 stops. It may not use the handle
 *  errors   as nilometer_each(); what was handed over before an error is no whole answer */
typedef int nilometer_write_fn(void *ctx, const char *bytes, size_t n);
NILO_API int nilometer_write(struct nilometer *n, const char *request, int format, nilometer_write_fn *fn, void *ctx);

/** nilometer_escape - a value of yours, fit to stand in a request: "external_id=eq." and then this
 *  out      size bytes; at most size - 1 are written, and a NUL
 *  returns  the length of the whole, as snprintf does; it fits when that is less than size. 3 times the value's is always enough */
NILO_API size_t nilometer_escape(const char *value, char *out, size_t size);

/* ---- upkeep ---------------------------------------------------------------------------------------------------------------------------- */

/** nilometer_seal - closes the days that may close, on all connections of the scope: over, settled, no run open on them. Every commit does
 *  so for its own connection. ret_days: how many; may be NULL
 *  errors   NILOMETER_EMISUSE a run is open, NILOMETER_EREADONLY, and those of the store */
NILO_API int nilometer_seal(struct nilometer *n, int *ret_days);

/** nilometer_verify - is the store whole, as far as it can tell by itself? On SQLite the pages of the file (integrity_check). On both engines: no key
 *  twice, every value with its item, metric, run and reading, no closed day written to or short of what it held, and everything derived
 *  (newest values, all-time best, totals) compared with a fresh derivation from the record. Nothing is written; it reads the whole record once or
 *  twice. `nilometer doctor` tells all findings, this the first. When the log of roots comes, the chain of closed days is checked here
 *  too, and against roots kept outside; until then a record that somebody rewrote with all that follows from it looks whole.
 *  errors   NILOMETER_ECORRUPT it is not; the sentence says what and where. NILOMETER_EPERM the handle has a scope, NILOMETER_EMISUSE a run is open
 *  source   src/store/rows/verify.c; pinned by tests/lib/test_library.c */
NILO_API int nilometer_verify(struct nilometer *n);

/** nilometer_backup - a consistent, checked copy of an SQLite store in a new file, with its SHA-256 in PATH.sha256; others go on meanwhile.
 *  `nilometer restore` brings it back
 *  errors   NILOMETER_EEXIST something is there, NILOMETER_EINVAL a PostgreSQL store, NILOMETER_EPERM the handle has a scope, NILOMETER_EMISUSE a run is open,
 *           NILOMETER_EFULL, NILOMETER_EIO; nothing is left behind */
NILO_API int nilometer_backup(struct nilometer *n, const char *path);

#ifdef __cplusplus
}
#endif

#endif
