/* Files of readings into the record: CSV and NDJSON, plain or packed, mapped to fields, sorted on disk, handed on one reading at a time.
 * Two steps. nilo_import_read() reads everything, refuses what is wrong and sorts the rest in a temporary database; nothing of it needs a
 * store, so whatever is wrong with the files is known before the first value is recorded. nilo_import_feed() then hands the readings over
 * in order of (entity, window, day, captured_at). Recording them, and what is printed, is the caller's (cmd/import.c). */
#ifndef NILO_IMPORT_IMPORT_H
#define NILO_IMPORT_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/env.h"
#include "base/err.h"
#include "connect/connect.h"
#include "record/record.h"

enum nilo_import_format { NILO_IMPORT_CSV, NILO_IMPORT_NDJSON, NILO_IMPORT_SINGER, NILO_IMPORT_AIRBYTE };

#define NILO_IMPORT_CELL_MAX ((size_t)1 << 20) /* bytes of one cell; a row with a larger one is refused */
#define NILO_IMPORT_ROW_MAX ((size_t)16 << 20) /* bytes of one row */

/* What "-" reads in this thread; -1 = the process's own standard input. Stays the caller's, who takes it back before closing it. */
void nilo_import_stdin(int fd);

/* What the records of a stream of a tap mean. Texts live as long as the options. */
struct nilo_import_stream {
    const char *stream; /* its name, in which * stands for any letters */
    enum nilo_entity_kind kind;
    const char *map;    /* as --map; besides metric_name and metric_value: a record is one metric. The column @extracted is when it was read */
    const char *names;  /* 'METRIC=NAME[:*FACTOR],...': what metric_name says; NULL = none */
    const char *where;  /* 'COLUMN=VALUE'; NULL = all */
    const char *absent; /* as --absent */
    const char *each;   /* path of a list: a reading for each of its elements; NULL = for the record */
    const char *keys;   /* 'COLUMN,COLUMN' by which a record of a sum that comes again is known; NULL = the SCHEMA's key_properties */
    bool sum;           /* records of the same item and day are added up */
    int32_t window_days;
    bool ready;         /* not every tap has all of its columns */
    const char *place;  /* where it is written down, for messages; NULL = on the command line */
};
/** nilo_import_ready - the mapping that the program has for that tap, by its name
 *  ret_metrics  'NAME:TYPE:AGGREGATION' of metrics that it needs and a new store does not have, ended by NULL
 *  returns false: there is none */
bool nilo_import_ready(const char *tap, enum nilo_import_format *ret_format, const char **ret_platform, const struct nilo_import_stream **ret, size_t *ret_n,
                       const char *const **ret_metrics);
const char *nilo_import_ready_name(size_t i); /* NULL behind the last */

struct nilo_import_options {
    const char *const *files; /* "-" = standard input, once */
    size_t n_files;
    struct nilo_sql_rows *table; /* not NULL: instead of files, the rows of a table (begun); n_files is 1 and its name in messages the table's */
    enum nilo_import_format format; /* of a table: NDJSON */
    const char *const *maps; /* 'FIELD=COLUMN[:PATTERN],...' each; none: columns named like a field or metric map by name */
    size_t n_maps;
    const char *const *wheres; /* 'COLUMN=VALUE' each; a row must meet all */
    size_t n_wheres;
    const char *absent;  /* 'TEXT,TEXT': a cell of that text is empty; NULL = none */
    const char *refused; /* new file that receives the refused rows, none when there are none; NULL = not wanted */

    const struct nilo_import_stream *streams; /* of a tap; the first that fits a stream counts */
    size_t n_streams;
    const char *state; /* of a tap of Airbyte: what is kept of it, so that streams that say nothing keep theirs; NULL = nothing */
    /* Told each new configuration that a source wants kept (a secret), as it comes; NULL = it is only counted */
    int (*config)(void *ctx, const char *json, size_t len, struct nilo_err *err);
    void *config_ctx;
    nilo_us now; /* for records of a tap that do not say when they were read; a file's are as old as the file */

    const struct nilo_catalog *catalog;   /* the metrics that may be named; ids may be 0 as long as they are not stored */
    const struct nilo_calendar *calendar; /* days of the workspace; NULL = UTC */
    const char *tmp_dir;                  /* where to sort; NULL = TMPDIR or /tmp */
    size_t read_size;                     /* bytes read at once; 0 = 256 KiB */
    nilo_progress_fn *progress;           /* bytes read of all files (of <= 0: unknown), later readings handed over; may be NULL */
    void *progress_ctx;
};

#define NILO_IMPORT_FIRST 5
/* Why rows were refused, one for each reason and column, in the order of first sight; of the rows the
 * first ones as the files stand. */
struct nilo_import_refusal {
    char reason[320]; /* 'views in column "n": not a number ("12,345")': the example is the first row's */
    int64_t rows;
    int n_first;
    struct {
        const char *file; /* as named on the command line, "stdin" for "-" */
        int order;        /* which of the files */
        int64_t line;     /* where the row begins, from 1 */
    } first[NILO_IMPORT_FIRST];
};
struct nilo_import_left { /* a stream that nothing maps */
    const char *stream;
    int64_t records;
};
struct nilo_import_report {
    int64_t rows;     /* data rows read: those left out, refused and taken */
    int64_t left_out; /* did not meet --where */
    int64_t refused;  /* while reading or by the sink */
    int64_t unkept;   /* of those: too large, or holding a secret; --refused does not have them */
    int64_t taken;    /* readings that the sink took */
    int64_t merged;   /* of those: readings of the same (entity, window, day, captured_at) as the one before */
    const struct nilo_import_refusal *refusals;
    size_t n_refusals;
    const struct nilo_import_refusal *closed; /* values refused because their day is closed, one entry a metric; rows: values */
    size_t n_closed;
    /* of taps */
    int64_t not_mapped;    /* records of one metric whose name nothing maps */
    int64_t states;        /* that came */
    int64_t lost;          /* of the refused: those before the last state, which the tap does not tell again once that is kept */
    int64_t lost_unkept;   /* of those: that --refused does not have */
    int64_t configs;       /* new configurations */
    int64_t source_errors; /* that the source told of; the first ones as sentences: */
    const char *const *notes;
    size_t n_notes;
    const struct nilo_import_left *left;
    size_t n_left;
};

struct nilo_import;

/** nilo_import_read - read, check and sort all files
 *  errors  NILO_ENOENT missing, empty or no row; NILO_EIO unreadable; NILO_ECORRUPT packed data cut off or damaged, a quote that never
 *          ends, a doubtful header; NILO_ECOLUMN a mapped column is not there; NILO_EUSAGE --map, --where or --absent make no sense; NILO_EEXIST the file
 *          for the refused rows is there already; NILO_EFULL
 *  owner   caller, nilo_import_free(); what options points to must live as long */
int nilo_import_read(const struct nilo_import_options *o, struct nilo_import **ret, struct nilo_err *err);

/* Takes one reading: 0 taken, 1 not taken (err holds why: counted, the import goes on), -1 the import ends with err. */
typedef int nilo_import_sink_fn(void *ctx, const struct nilo_reading *reading, struct nilo_err *err);
/** nilo_import_feed - hand everything over, sorted. catalog: the same metrics with the ids they are stored under. Once. */
int nilo_import_feed(struct nilo_import *im, const struct nilo_catalog *catalog, nilo_import_sink_fn *sink, void *ctx, struct nilo_err *err);
/** nilo_import_closed - a value of a reading handed over (tag: the reading's) was refused because its day is closed and holds another: the report
 *  tells its line, and its row is among the refused ones, once. What goes wrong here nilo_import_close() says */
void nilo_import_closed(struct nilo_import *im, int64_t tag, const char *metric);
/** nilo_import_close - the file of refused rows is complete on disk. errors: NILO_EIO, NILO_EFULL */
int nilo_import_close(struct nilo_import *im, struct nilo_err *err);
const struct nilo_import_report *nilo_import_report(const struct nilo_import *im); /* valid until freed */
/** nilo_import_state - what to keep of the tap, once everything is recorded; NULL = nothing came. Valid until freed */
const char *nilo_import_state(const struct nilo_import *im);
int64_t nilo_import_staged(const struct nilo_import *im); /* readings that wait to be handed over */
void nilo_import_free(struct nilo_import *im);

/** nilo_import_define - 'NAME[:TYPE[:AGGREGATION]]' of --define into a metric (count, level where not said); the name points to `arena`
 *  errors  NILO_EUSAGE not of that form, NILO_EINVAL bad name, unknown type or aggregation */
int nilo_import_define(const char *text, struct nilo_arena *arena, struct nilo_metric *ret, struct nilo_err *err);

/* ---- whole exports: everything of a store or a workspace, with nothing lost (docs/export-format.md) -------------------------------- */

#define NILO_WHOLE_FORMAT "nilometer-export"
#define NILO_WHOLE_VERSION 1

/* What a whole export stands in: the lines of the format nilometer, or the same as a table or as objects. */
enum nilo_whole_container { NILO_WHOLE_LINES, NILO_WHOLE_CSV, NILO_WHOLE_JSON, NILO_WHOLE_NDJSON };

/* Where exports go: standard output, or a new file that has its name only when it is complete and on disk. */
struct nilo_output;
/** nilo_output_open - path NULL: `to`. A path that ends in .zst or .gz is packed.  errors: NILO_EEXIST something is there, NILO_EIO
 *  owner  caller: nilo_output_close() or nilo_output_abort(), either frees it */
int nilo_output_open(const char *path, FILE *to, struct nilo_output **ret, struct nilo_err *err);
int nilo_output_write(void *output, const char *p, size_t n, struct nilo_err *err); /* a nilo_write_fn of query's */
int nilo_output_close(struct nilo_output *o, struct nilo_err *err);
void nilo_output_abort(struct nilo_output *o); /* nothing is left of a new file; NULL is fine */

/** nilo_whole_write - what `want` takes of the store; workspace: its name where want names one, for the header
 *  ret_rows  rows written. progress: rows done, of; may be NULL
 *  errors  NILO_ECORRUPT a text that is no UTF-8, holds a NUL, or is too large to be read again; and the store's and the output's */
int nilo_whole_write(struct nilo_store *s, const struct nilo_whole_want *want, const char *workspace, enum nilo_whole_container container,
                     struct nilo_output *to, nilo_progress_fn *progress, void *progress_ctx, int64_t *ret_rows, struct nilo_err *err);

/** nilo_whole_is - does that file begin like a whole export? What cannot be read: false. "-" waits for its first bytes, which reading it then begins with */
bool nilo_whole_is(const char *path);

struct nilo_whole_head {
    struct nilo_load_head load;
    char program[64];    /* version that wrote it */
    char workspace[256]; /* "" = all */
    nilo_day from, to;   /* NILO_DAY_NONE = open */
    int64_t rows;
};
struct nilo_whole_reader {
    int (*head)(void *ctx, const struct nilo_whole_head *head, struct nilo_err *err); /* once, first */
    int (*row)(void *ctx, size_t table, const struct nilo_whole_cell *cells, struct nilo_err *err); /* NULL: rows are only counted and summed */
    nilo_progress_fn *progress; /* rows; may be NULL */
    void *ctx, *progress_ctx;
};
/** nilo_whole_read - a file written by nilo_whole_write() in any container, "-" = standard input; packed or not. Success: it was complete and undamaged to its end;
 *  what row() did before that is the caller's to take back.
 *  errors  NILO_ENOENT, NILO_EIO, NILO_ECORRUPT cut off, damaged or another file altogether, NILO_ENEWER */
int nilo_whole_read(const char *path, const struct nilo_whole_reader *r, struct nilo_err *err);

/* ---- values as `nilometer export --values` writes them in csv, json and ndjson: one a row, of any workspace and connection --------- */

enum nilo_values_format { NILO_VALUES_CSV, NILO_VALUES_NDJSON, NILO_VALUES_JSON };
struct nilo_values_metric {
    const char *name;
    enum nilo_metric_type type;
    int scale;    /* digits behind the point, as the file says or as its values have; -1 = neither */
    bool defined; /* the file says what follows; exports of older versions do not */
    enum nilo_metric_kind kind;
    enum nilo_aggregation aggregation;
    const char *unit, *currency; /* NULL where not set */
};
struct nilo_values;
/** nilo_values_are - does that file begin like such an export? *ret_format is then its format. What cannot be read: false. "-" waits for its first bytes */
bool nilo_values_are(const char *path, enum nilo_values_format *ret_format);
/** nilo_values_read - check all rows and sort them on disk; "-" = standard input. Unlike files of others they are all right or not taken at all
 *  errors  as nilo_import_read(); NILO_ECORRUPT a row that is none of ours, with its line
 *  owner   caller, nilo_values_free() */
int nilo_values_read(const char *path, enum nilo_values_format format, const char *tmp_dir, nilo_progress_fn *progress, void *progress_ctx,
                     struct nilo_values **ret, struct nilo_err *err);
/** nilo_values_read_rows - the same from a table of daily metrics, begun as values; a row that cannot be read is left out: nilo_values_refused().
 *  Averages and percentages are rounded to what the metric keeps */
int nilo_values_read_rows(struct nilo_sql_rows *rows, const char *tmp_dir, nilo_progress_fn *progress, void *progress_ctx, struct nilo_values **ret,
                          struct nilo_err *err);
const struct nilo_values_metric *nilo_values_metrics(const struct nilo_values *v, size_t *ret_n);
int64_t nilo_values_rows(const struct nilo_values *v);
/** nilo_values_refused - rows of a table of daily metrics that were left out, so far: they cannot be read, or the metric cannot keep their value
 *  ret_why  of the first: its day, its metric, and why; valid as long as v */
int64_t nilo_values_refused(const struct nilo_values *v, const char **ret_why);
/* place: the readings that follow belong there; zone: the workspace's in the store they come from, NULL where the file does not say; role: the
 * connection's, likewise; dropped_until: the connection's there, NILO_DAY_NONE where nothing was dropped; *ret_calendar is that of the workspace. reading: 0, 1 not taken, -1 the end; its tag is the
 * day of its value, as number, since the day in it is the one that the source had named, if it named any. */
struct nilo_values_sink {
    int (*place)(void *ctx, const char *workspace, const char *connection, const char *platform, const char *zone, const char *role,
                 nilo_day dropped_until, const struct nilo_calendar **ret_calendar, struct nilo_err *err);
    nilo_import_sink_fn *reading;
    int (*best)(void *ctx, const struct nilo_best_in *best, struct nilo_err *err); /* behind the readings of its connection; answers as reading() */
    void *ctx;
};
/** nilo_values_feed - everything, by workspace, connection, item, window, day; behind each connection's its all-time bests. A reading of an instant metric that was captured on another
 *  day than the one it stands for (in another zone) is handed over with its day alone. Once. */
int nilo_values_feed(struct nilo_values *v, const struct nilo_catalog *catalog, const struct nilo_values_sink *sink, struct nilo_err *err);
void nilo_values_free(struct nilo_values *v);

/* A private folder for files that must not outlive the process. A zeroed struct is none. */
struct nilo_import_folder {
    char *path;
    int fd; /* its lock */
};
/** nilo_import_folder_make - a new folder PREFIX-XXXXXX in tmp_dir (NULL = TMPDIR or /tmp); those of the prefix whose process is gone are
 *  removed first.  errors: NILO_EIO, NILO_EFULL.  owner: caller, nilo_import_folder_remove() with all that is in it */
int nilo_import_folder_make(const char *tmp_dir, const char *prefix, struct nilo_import_folder *ret, struct nilo_err *err);
void nilo_import_folder_remove(struct nilo_import_folder *f);

#endif
