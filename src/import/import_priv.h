/* What the files of import share. Bytes (input) -> rows of cells (csv, ndjson) -> readings (plan, row) -> sorted readings (stage). */
#ifndef NILO_IMPORT_IMPORT_PRIV_H
#define NILO_IMPORT_IMPORT_PRIV_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "import/import.h"

/* ---- unpack.c: gzip and zstd as streams. The only file that knows zlib.h and zstd.h ---------------------------------------------- */

enum nilo__packing { NILO__PLAIN, NILO__GZIP, NILO__ZSTD };
struct nilo__unpack;
int nilo__unpack_new(enum nilo__packing packing, struct nilo__unpack **ret, struct nilo_err *err);
void nilo__unpack_free(struct nilo__unpack *u);
/** nilo__unpack_step - unpack from *in (moved on) into out. *ret_n may be 0 while *in_len > 0 shrinks. errors: NILO_ECORRUPT, NILO_ENOMEM */
int nilo__unpack_step(struct nilo__unpack *u, const unsigned char **in, size_t *in_len, void *out, size_t cap, size_t *ret_n,
                      struct nilo_err *err);
bool nilo__unpack_whole(const struct nilo__unpack *u); /* may the data end here? */
struct nilo__pack;
int nilo__pack_new(enum nilo__packing packing, struct nilo__pack **ret, struct nilo_err *err); /* GZIP or ZSTD */
void nilo__pack_free(struct nilo__pack *p);
/** nilo__pack_step - pack from *in (moved on) into out; end: nothing follows. 1 call again, 0 all is taken (at the end: all is out), -1 error */
int nilo__pack_step(struct nilo__pack *p, const char **in, size_t *in_len, bool end, void *out, size_t cap, size_t *ret_n, struct nilo_err *err);

/* ---- input.c: a file as plain bytes ------------------------------------------------------------------------------------------------ */

struct nilo__input;
/** nilo__input_open - path "-" = standard input; magic bytes decide about unpacking. errors: NILO_ENOENT missing or empty, NILO_EIO,
 *  NILO_ECORRUPT what is no text (UTF-16, zip, xz, bzip2) */
int nilo__input_open(const char *path, size_t read_size, struct nilo__input **ret, struct nilo_err *err);
/** nilo__input_rows - the rows of a table, begun, as NDJSON; they stay the caller's. errors: NILO_ENOENT there are none, and the database's */
int nilo__input_rows(struct nilo_sql_rows *rows, size_t read_size, struct nilo__input **ret, struct nilo_err *err);
void nilo__input_free(struct nilo__input *in);
/** nilo__input_read - the next bytes, valid until the next call; *ret_len 0 at the end */
int nilo__input_read(struct nilo__input *in, const char **ret, size_t *ret_len, struct nilo_err *err);
/** nilo__input_peek - what comes next, `least` bytes of it unless the file ends before (or breaks, which reading on tells); it is still to be read */
int nilo__input_peek(struct nilo__input *in, size_t least, const char **ret, size_t *ret_len, struct nilo_err *err);
/** nilo__input_head - how a file begins: at least so many bytes where there are as many, nothing where it cannot be read, or is no file. Standard input is as if nobody had
 *  looked at it for the next nilo__input_open(), which also tells what was wrong with it.  owner: caller, nilo_buf_done() */
void nilo__input_head(const char *path, size_t least, struct nilo_buf *ret);
int64_t nilo__input_done(const struct nilo__input *in); /* bytes of the file itself read so far */
int64_t nilo__input_size(const struct nilo__input *in); /* of the file itself; -1 = unknown */
const char *nilo__input_name(const struct nilo__input *in); /* fit for messages */
nilo_us nilo__input_time(const struct nilo__input *in, nilo_us now); /* when a file was written; `now` of what is none, or is later */

/* ---- rows -------------------------------------------------------------------------------------------------------------------------- */

/* Why a row is refused. */
enum nilo__why {
    NILO__FINE,
    NILO__ROW_LARGE,
    NILO__CELL_LARGE,
    NILO__COLUMNS,       /* not as many cells as the header */
    NILO__JSON,          /* not one JSON object */
    NILO__UTF8,
    NILO__NUL,
    NILO__NO_ID,
    NILO__ID_LARGE,
    NILO__NO_TIME,
    NILO__BAD_DATE,
    NILO__BAD_NUMBER,
    NILO__FRACTION,
    NILO__OVERFLOW,
    NILO__BAD_WINDOW,
    NILO__SINK,          /* the sink did not take it */
    NILO__BAD_FORM,      /* an external_id that the pattern does not fit */
    NILO__MESSAGE,       /* of a tap: the sentence says what */
    NILO__NOT_MAPPED     /* no refusal: metric_name says a name that nothing maps */
};

struct nilo__cell {
    const char *p; /* NUL-terminated behind len */
    size_t len;
    bool there;    /* the file or object has this column */
    bool quoted;   /* CSV: it had quotes, so that "" is a text and nothing at all is none */
};

struct nilo__row {
    int64_t line;
    const char *raw; /* as it stood in the file, without its line end */
    size_t raw_len;
    const struct nilo__cell *cells;
    size_t n_cells;
    enum nilo__why why; /* what is wrong with the row itself; cells are then worthless */
    const char *detail; /* for NILO__JSON: what; else NULL */
};

/* csv.c */
struct nilo__csv;
int nilo__csv_new(struct nilo__input *in, struct nilo__csv **ret, struct nilo_err *err);
void nilo__csv_free(struct nilo__csv *c);
/** nilo__csv_next - 1 and a row (the header is the first), 0 at the end, -1 error. Cells as they are: NUL bytes, bad UTF-8 and all
 *  Cells of a row too large for us are dropped (why says so). errors: those of the input; NILO_ECORRUPT a quote that never ends */
int nilo__csv_next(struct nilo__csv *c, struct nilo__row *ret, struct nilo_err *err);

/** nilo__csv_large - cells and rows of up to so many bytes; before the first row */
void nilo__csv_large(struct nilo__csv *c, size_t most);
/** nilo__csv_unmark - takes away the one ' that our own CSV puts before a text that looks like a formula */
void nilo__csv_unmark(struct nilo__cell *cell);

/* objects.c: a JSON array of objects, or objects one after the other (NDJSON), as their texts */
struct nilo__objects;
int nilo__objects_new(struct nilo__input *in, struct nilo__objects **ret, struct nilo_err *err);
void nilo__objects_free(struct nilo__objects *o);
void nilo__objects_large(struct nilo__objects *o, size_t most); /* objects of up to so many bytes; before the first */
/** nilo__objects_next - 1 and the text of an object (not checked; valid until the next call) and the line it begins on, 0 at the end.
 *  errors: NILO_ECORRUPT something else than objects, an end in the middle */
int nilo__objects_next(struct nilo__objects *o, const char **ret, size_t *ret_len, int64_t *ret_line, struct nilo_err *err);

/* ---- whole exports: the containers of their lines (docs/export-format.md) ----------------------------------------------------------- */

#define NILO__WHOLE_LINE_MAX ((size_t)64 << 20) /* bytes of a line; what would not fit is not written */
#define NILO__WHOLE_BEGIN "{\"format\":\"" NILO_WHOLE_FORMAT "\""

/* whole_lines.c: from each container the lines of the format nilometer */
struct nilo__whole_lines;
/** nilo__whole_lines_open - "-" = standard input. errors: as nilo__input_open(); NILO_ECORRUPT it is no whole export */
int nilo__whole_lines_open(const char *path, struct nilo__whole_lines **ret, struct nilo_err *err);
void nilo__whole_lines_free(struct nilo__whole_lines *l);
/** nilo__whole_lines_next - 1 and a line with its end (which the last line of a file that was cut off lacks), 0 at the end */
int nilo__whole_lines_next(struct nilo__whole_lines *l, const char **ret, size_t *ret_len, struct nilo_err *err);
const char *nilo__whole_lines_name(const struct nilo__whole_lines *l);
int nilo__whole_foreign(const struct nilo__whole_lines *l, struct nilo_err *err);                  /* that it is no such file */
int nilo__whole_damaged(const struct nilo__whole_lines *l, const char *what, struct nilo_err *err); /* that, and in which line of the file */

/* whole_out.c: rows into each container. All append to a buffer whose `failed` tells what went wrong */
struct nilo__whole_out {
    enum nilo_whole_container container;
    size_t table; /* whose rows come */
};
struct nilo__whole_head { /* NULL where a member is null */
    const char *program, *store, *workspace, *from, *to, *rows; /* rows: a JSON object */
};
void nilo__whole_out_head(const struct nilo__whole_out *o, const struct nilo__whole_head *head, struct nilo_buf *b);
void nilo__whole_out_table(struct nilo__whole_out *o, size_t table, struct nilo_buf *b);
void nilo__whole_out_row(const struct nilo__whole_out *o, const struct nilo_whole_cell *cells, struct nilo_buf *b);
void nilo__whole_out_end(const struct nilo__whole_out *o, int64_t rows, const char *sha256, struct nilo_buf *b);

/* ---- plan.c: what the options say about columns ------------------------------------------------------------------------------------- */

enum nilo__kind {
    NILO__EXTERNAL_ID, NILO__CAPTURED_AT, NILO__DAY, NILO__OWNER, NILO__TITLE, NILO__URL, NILO__POSTED_AT, NILO__MEDIA_TYPE,
    NILO__WINDOW_DAYS, NILO__TAG, NILO__METRIC,
    NILO__METRIC_NAME, NILO__METRIC_VALUE /* a row a metric: which one, and what it is. Only in streams of taps */
};
#define NILO__KINDS NILO__TAG /* those before have one field at most */

struct nilo__field {
    enum nilo__kind kind;
    int column;          /* into columns */
    int metric;          /* into metrics, NILO__METRIC */
    const char *tag;     /* NILO__TAG: its name */
    const char *pattern; /* strptime; NULL = ISO 8601 */
    int64_t factor;      /* of a metric: what it is multiplied by; 0 = nothing */
    bool day_before;     /* of a day: the one before the one that is named */
    const char *before, *behind; /* of external_id: it is what stands between; NULL = all of the cell */
};
/* The metrics that are mapped; several plans share them. */
struct nilo__metrics {
    const struct nilo_metric **list;
    size_t n, cap;
};
/* A metric as metric_name spells it. */
struct nilo__name {
    const char *text;
    int metric;
    int64_t factor;
};
struct nilo__column {
    const char *name;
    bool seen;  /* some file or object had it */
    int header; /* position in the present CSV file, -1 = not there */
};
struct nilo__where {
    int column;
    const char *value;
};
struct nilo__plan {
    struct nilo_arena arena;
    const struct nilo_catalog *catalog;
    bool csv;     /* the files are CSV */
    bool by_name; /* no --map */
    struct nilo__field *fields;
    size_t n_fields, fields_cap;
    struct nilo__column *columns;
    size_t n_columns, columns_cap;
    struct nilo__metrics *metrics; /* those mapped; not ours */
    struct nilo__name *names;      /* what metric_name may say */
    size_t n_names, names_cap;
    const char *word;              /* what the map is called where it is wrong: --map */
    const char *stream;            /* whose records these are; NULL: rows of files */
    enum nilo_entity_kind kind;    /* of what they tell */
    int32_t win;                   /* where no column says it */
    struct nilo__where *wheres;
    size_t n_wheres, wheres_cap;
    const char **absent;
    size_t n_absent, absent_cap;
    int *by_text; /* columns by name: indexes in order; NDJSON looks keys up */
    size_t n_by_text;
};
/** nilo__plan_init - metrics: those mapped are added. stream: whose plan it is, NULL = of rows of files */
int nilo__plan_init(struct nilo__plan *p, const struct nilo_import_options *o, struct nilo__metrics *metrics, const struct nilo_import_stream *stream,
                    struct nilo_err *err);
/** nilo__plan_need - the column of that name, which is looked for from now on.  Before nilo__members_init() */
int nilo__plan_need(struct nilo__plan *p, const char *name, int *ret, struct nilo_err *err);
/** nilo__plan_names - 'METRIC=NAME[:*FACTOR],...': what metric_name may say */
int nilo__plan_names(struct nilo__plan *p, const char *s, struct nilo_err *err);
void nilo__plan_done(struct nilo__plan *p);
/** nilo__plan_bind - the columns of one CSV file. header: its cells. errors: NILO_ECOLUMN, NILO_ECORRUPT */
int nilo__plan_bind(struct nilo__plan *p, const char *file, const struct nilo__row *header, struct nilo_err *err);
/** nilo__plan_seen - after the last row of NDJSON: was every mapped key in some line? keys: what was there, for the message */
int nilo__plan_seen(const struct nilo__plan *p, const char *keys, struct nilo_err *err);
/** nilo__plan_unseen - what every reading needs and nothing that was seen so far has; NULL = nothing */
const char *nilo__plan_unseen(const struct nilo__plan *p);
/** nilo__plan_sort - columns in order of their names, for nilo__plan_column(); after the last one was added */
int nilo__plan_sort(struct nilo__plan *p, struct nilo_err *err);
/** nilo__plan_column - the column of that name, or -1; *ret_below: some column's name begins with name and a dot */
int nilo__plan_column(const struct nilo__plan *p, const char *name, size_t len, bool *ret_below);

/* ---- pattern.c: what stands behind the colon of a map ---------------------------------------------------------------------------------- */

/** nilo__pattern_set - 1 it is in the field, 0 such a field takes none like it, -1 it is wrong. errors: NILO_EINVAL */
int nilo__pattern_set(struct nilo_arena *arena, struct nilo__field *field, const char *pattern, struct nilo_err *err);
/** nilo__pattern_cut - the part of the cell that is meant. false: it is not of that form */
bool nilo__pattern_cut(const struct nilo__field *f, struct nilo__cell *cell);
/** nilo__pattern_number - the cell's number times factor (0 = 1) at the metric's scale; multiplied, it is rounded */
enum nilo__why nilo__pattern_number(const struct nilo_metric *m, int64_t factor, const struct nilo__cell *cell, int64_t *ret);

/* ---- text_lines.c ------------------------------------------------------------------------------------------------------------------------ */

struct nilo__text_lines {
    struct nilo__input *in;
    const char *p;
    size_t left;
    bool ended;
    int64_t line;        /* the present one, from 1 */
    struct nilo_buf raw; /* its text, without its end */
    bool large;          /* it is larger than a row may be, and raw is void */
    bool whole;          /* it has an end; only the last line of a file may lack one */
};
void nilo__text_lines_init(struct nilo__text_lines *l, struct nilo__input *in);
void nilo__text_lines_done(struct nilo__text_lines *l);
int nilo__text_lines_next(struct nilo__text_lines *l, struct nilo_err *err); /* 1 a line that is not blank, 0 the end, -1 error */

/* ---- members.c: an object into cells ----------------------------------------------------------------------------------------------------- */

struct nilo__members {
    struct nilo__plan *plan;
    struct nilo_json_limits limits;
    struct nilo_buf text, path;
    bool cell_large, keys_known;
    struct nilo__cell *cells; /* a column each; while an object is read p is unset and at says where in text */
    size_t *at;
    struct nilo_buf keys;     /* of the first object, for messages */
    const char *each;         /* path of a list whose elements are a row each; NULL = none */
    const char *list;         /* it, where the object has it (points into the object) */
    size_t list_len;
    struct nilo_json *elements;
    size_t outer;             /* of text: what is not of the list */
};
int nilo__members_init(struct nilo__members *m, struct nilo__plan *plan, struct nilo_err *err); /* also after an error: _done() */
void nilo__members_done(struct nilo__members *m);
/** nilo__members_read - the object, which is all of the text.  errors: NILO_EBODY it is none */
int nilo__members_read(struct nilo__members *m, const char *text, size_t len, struct nilo_err *err);
int nilo__members_set(struct nilo__members *m, int column, const char *text, size_t len, struct nilo_err *err); /* the first counts */
/** nilo__members_end - now cells are fit to be looked at. all: those that the object has not are there, and empty */
void nilo__members_end(struct nilo__members *m, bool all);
/** nilo__members_each - where list is set: _next() then puts its elements in the place of the list, one after the other; 1, 0 the end. The object's text has to
 *  be there as long */
int nilo__members_each(struct nilo__members *m, struct nilo_err *err);
int nilo__members_next(struct nilo__members *m, struct nilo_err *err);

/* ---- ndjson.c ------------------------------------------------------------------------------------------------------------------------- */

struct nilo__ndjson;
int nilo__ndjson_new(struct nilo__input *in, struct nilo__plan *plan, struct nilo__ndjson **ret, struct nilo_err *err);
void nilo__ndjson_free(struct nilo__ndjson *n);
/** nilo__ndjson_next - 1 and a row whose cells are the plan's columns, 0 at the end, -1 error */
int nilo__ndjson_next(struct nilo__ndjson *n, struct nilo__row *ret, struct nilo_err *err);
const char *nilo__json_where(const char *message); /* of the parser, about one line: without its number */
const char *nilo__ndjson_keys(const struct nilo__ndjson *n); /* keys of the first objects, for messages */

/* ---- messages.c: what taps write ------------------------------------------------------------------------------------------------------------ */

struct nilo__part { /* JSON text of a value; p NULL = it is not there, or null */
    const char *p;
    size_t len;
};
enum nilo__message_kind { NILO__OTHER, NILO__RECORD, NILO__SCHEMA, NILO__STATE, NILO__CONTROL, NILO__SOURCE_ERROR };
struct nilo__message { /* points into the line */
    enum nilo__message_kind kind;
    struct nilo__part stream, record, time, properties, keys, state, config;
    struct nilo__part descriptor, legacy; /* of Airbyte's state: the stream it is about; what it is where it is about all and of the first kind */
    bool time_ms;          /* time is milliseconds since 1970, else a text */
    struct nilo_buf text;  /* of an error of the source: its sentence */
};
void nilo__message_init(struct nilo__message *m);
void nilo__message_done(struct nilo__message *m);
/** nilo__message_read - errors: NILO_EBODY no JSON object, NILO_EINVAL no message that can be read; either with one clause */
int nilo__message_read(struct nilo__message *m, enum nilo_import_format format, const char *line, size_t len, struct nilo_err *err);
int nilo__part_text(struct nilo__part part, struct nilo_buf *ret, struct nilo_err *err); /* a string or number; "" for all else */
/** nilo__part_list - the elements of a list, or the names of an object's members; JSON text where they are nested */
int nilo__part_list(struct nilo__part part, int (*each)(void *ctx, const char *text, size_t len, struct nilo_err *err), void *ctx, struct nilo_err *err);

/* ---- tap_state.c ------------------------------------------------------------------------------------------------------------------------------ */

struct nilo__tap_state;
int nilo__tap_state_new(struct nilo__tap_state **ret, struct nilo_err *err);
void nilo__tap_state_free(struct nilo__tap_state *s);
int nilo__tap_state_kept(struct nilo__tap_state *s, const char *text, struct nilo_err *err); /* what an earlier import kept; NULL = nothing */
int nilo__tap_state_add(struct nilo__tap_state *s, const struct nilo__message *m, struct nilo_err *err);
int nilo__tap_state_text(const struct nilo__tap_state *s, enum nilo_import_format format, struct nilo_buf *ret, struct nilo_err *err); /* "" = none came */

/* ---- row.c: cells into a reading -------------------------------------------------------------------------------------------------------- */

enum nilo__state { NILO__SAYS_NOTHING, NILO__VALUE, NILO__EMPTY };
struct nilo__value {
    enum nilo__state state;
    int64_t value;
};
struct nilo__parsed {
    const char *external_id, *title, *url, *media_type, *owner, *tags;
    int32_t win;
    nilo_us captured_at, posted_at, at; /* at: captured_at, else the day's last microsecond */
    nilo_day day, sort_day;             /* sort_day: the day named, else that of captured_at */
    struct nilo__value *values;         /* one for each of the plan's metrics */
    enum nilo_entity_kind kind;
    int stream;                         /* of a tap: into its streams */
    const unsigned char *same;          /* of a stream that is added up: NILO__SAME_LEN bytes by which a record that comes again is known; NULL = none */
};
#define NILO__SAME_LEN 16
struct nilo__refused {
    enum nilo__why why;
    int field; /* into plan->fields, -1 = none */
    const char *text; /* the cell, not NUL-terminated */
    size_t len;
};
/** nilo__row_parse - cells (the plan's columns) into *ret, whose texts live in the cells and in `scratch` until the next row
 *  Returns 1 parsed, 0 refused (*ret_refused), -1 error (out of memory) */
struct nilo__scratch {
    struct nilo_buf text; /* trimmed texts and tags, joined with offsets until all are in */
    struct nilo__value *values;
};
int nilo__row_parse(const struct nilo__plan *p, const struct nilo_calendar *calendar, const struct nilo__cell *cells,
                    struct nilo__scratch *scratch, struct nilo__parsed *ret, struct nilo__refused *ret_refused, struct nilo_err *err);
bool nilo__row_wanted(const struct nilo__plan *p, const struct nilo__cell *cells); /* meets every --where */
nilo_day nilo__day_of(const struct nilo_calendar *calendar, nilo_us at);
nilo_us nilo__day_last(const struct nilo_calendar *calendar, nilo_day day); /* last microsecond */
const char *nilo__kind_name(enum nilo__kind kind);

/* ---- stage.c: sorting on disk -------------------------------------------------------------------------------------------------------------- */

struct nilo__stage;
struct nilo__staged {
    struct nilo__parsed reading;
    int file;
    int64_t line;
    int64_t seq;
};
int nilo__stage_new(const char *tmp_dir, bool keep_raw, struct nilo__stage **ret, struct nilo_err *err);
void nilo__stage_free(struct nilo__stage *s);
int nilo__stage_add(struct nilo__stage *s, const struct nilo__parsed *p, size_t n_values, int file, int64_t line,
                    const char *raw, size_t raw_len, struct nilo_err *err);
int64_t nilo__stage_count(const struct nilo__stage *s);
int nilo__stage_sort(struct nilo__stage *s, struct nilo_err *err); /* then row by row: */
/** nilo__stage_next - 1 and a reading, 0 at the end; texts live until the next call. values: n_values of them */
int nilo__stage_next(struct nilo__stage *s, struct nilo__value *values, size_t n_values, struct nilo__staged *ret, struct nilo_err *err);
/** nilo__stage_place - where the row came from */
int nilo__stage_place(struct nilo__stage *s, int64_t seq, int *ret_file, int64_t *ret_line, struct nilo_err *err);
/** nilo__stage_drop_raw - it is not given a second time */
int nilo__stage_drop_raw(struct nilo__stage *s, int64_t seq, struct nilo_err *err);
/** nilo__stage_raw - the row as it stood in its file; NULL when it was not kept. valid until the next call */
int nilo__stage_raw(struct nilo__stage *s, int64_t seq, const char **ret, size_t *ret_len, struct nilo_err *err);

/* ---- tap_mapping.c: what is said of a stream --------------------------------------------------------------------------------------------------------- */

#define NILO__EXTRACTED "@extracted" /* the column that is no key: when the record was read */
struct nilo__mapped {
    const struct nilo_import_stream *from;
    struct nilo__plan plan;
    struct nilo__members members;
    bool used;       /* some stream of the input is this one */
    int64_t records, refused, refused_told; /* told: before the last state */
    int extracted;   /* column, -1 = none */
    int *same;       /* columns by which a record of a sum is known again */
    size_t n_same;
};

/** nilo__mapped_init - metrics: those that it maps are added. Also after an error: _done() */
int nilo__mapped_init(struct nilo__mapped *m, const struct nilo_import_options *o, struct nilo__metrics *metrics, const struct nilo_import_stream *from,
                      struct nilo_err *err);
void nilo__mapped_done(struct nilo__mapped *m);

/* ---- taps.c: messages into staged readings ------------------------------------------------------------------------------------------------------ */

struct nilo__taps;
int nilo__taps_new(struct nilo_import *im, struct nilo__taps **ret, struct nilo_err *err);
void nilo__taps_free(struct nilo__taps *t);
int nilo__taps_read(struct nilo__taps *t, struct nilo__input *in, int file, struct nilo_err *err);
int nilo__taps_end(struct nilo__taps *t, struct nilo_err *err); /* behind the last file */
const char *nilo__taps_state(const struct nilo__taps *t);       /* NULL = none came */
const struct nilo__plan *nilo__taps_plan(const struct nilo__taps *t, size_t i); /* NULL behind the last */
bool nilo__taps_told(const struct nilo__taps *t, int64_t seq); /* came that staged reading before the last state? */
bool nilo__taps_sum(const struct nilo__taps *t, int stream);
/** nilo__taps_partial - why that staged reading must not go into a sum; NULL = it may */
const char *nilo__taps_partial(const struct nilo__taps *t, int stream, int64_t seq);

/* ---- import.c: what it shares with taps.c and sum.c ---------------------------------------------------------------------------------------------- */

struct nilo_import {
    const struct nilo_import_options *o;
    struct nilo__metrics metrics;
    struct nilo__plan plan; /* of files; of a tap an empty one */
    struct nilo__scratch scratch;
    struct nilo__cell *cells; /* of the present CSV row, one for each column of the plan */
    size_t cells_cap;
    struct nilo__stage *stage;
    struct nilo__refusals *refusals;
    struct nilo__taps *taps;
    struct nilo_import_report report;
    int64_t total_bytes, done_bytes; /* of all files; of those that are over */
    int64_t lines;
    struct nilo_err late;            /* what went wrong in nilo_import_closed(), code NILO_OK: nothing */
    struct nilo_buf before;          /* external id of the reading handed over last */
};
void nilo__import_progress(struct nilo_import *im, const struct nilo__input *in);

/* ---- sum.c: readings of one item and day, added up ------------------------------------------------------------------------------------------------ */

struct nilo__sum {
    bool any;
    struct nilo_arena texts;
    struct nilo__staged *all; /* the first, with texts of its own */
    int64_t parts;
    bool overflow;
};
/** nilo__sum_add - 1 it is in, 0 it belongs to another one. n: values of a reading */
int nilo__sum_add(struct nilo__sum *s, const struct nilo__staged *part, size_t n, struct nilo_err *err);
void nilo__sum_done(struct nilo__sum *s);

/* ---- values_best.c: the all-time bests beside the values of an export ---------------------------------------------------------------------- */

struct nilo__best {
    const char *workspace, *connection, *external_id;
    int kind, metric; /* metric: the file's own number */
    const char *value, *gmv; /* exact numbers as they are written; gmv "": none */
    int32_t win;
    nilo_day day;
    nilo_us at; /* NILO_US_NONE: not told */
};
struct nilo__bests;
struct nilo_db;
int nilo__bests_new(struct nilo_db *db, struct nilo__bests **ret, struct nilo_err *err); /* db: the sorter's, which lives longer */
void nilo__bests_free(struct nilo__bests *b);
int nilo__bests_add(struct nilo__bests *b, const struct nilo__best *x, struct nilo_err *err); /* the same again is no harm */
/** nilo__bests_feed - those of a connection to sink->best. metrics: by the file's numbers */
int nilo__bests_feed(struct nilo__bests *b, const char *workspace, const char *connection, const struct nilo_metric *const *metrics,
                     const struct nilo_metric *gmv, const struct nilo_values_sink *sink, struct nilo_err *err);

/* ---- refuse.c: counting and keeping what was refused ------------------------------------------------------------------------------------------ */

struct nilo__refusals;
int nilo__refusals_new(const struct nilo_import_options *o, struct nilo__refusals **ret, struct nilo_err *err);
void nilo__refusals_free(struct nilo__refusals *r);
/** nilo__refusals_header - the header of a file, written before its rows where the one written last differs */
int nilo__refusals_header(struct nilo__refusals *r, int file, const char *raw, size_t len, struct nilo_err *err);
/** nilo__refusals_add - one row. sentence: for NILO__SINK and NILO__JSON. raw NULL: not kept */
int nilo__refusals_add(struct nilo__refusals *r, const struct nilo__plan *p, const struct nilo__refused *why, const char *sentence,
                       int file, int64_t line, const char *raw, size_t raw_len, struct nilo_err *err);
/** nilo__refusals_closed - one value of a row that was recorded otherwise. raw NULL: not kept, or kept already */
int nilo__refusals_closed(struct nilo__refusals *r, const char *metric, int file, int64_t line, const char *raw, size_t raw_len,
                          struct nilo_err *err);
int nilo__refusals_flush(struct nilo__refusals *r, struct nilo_err *err);
int nilo__refusals_close(struct nilo__refusals *r, struct nilo_err *err);
void nilo__refusals_report(const struct nilo__refusals *r, struct nilo_import_report *ret);
int64_t nilo__refusals_unkept(const struct nilo__refusals *r); /* so far: rows that no file of refused ones can hold */

#endif
