/* Sorting on disk: a temporary SQLite database that is unlinked as soon as it is open, so that nothing is left behind however the process
 * ends (one that is killed while it opens leaves a folder, which the next import removes). Rows go in as they come, in one transaction that
 * never commits; ORDER BY uses SQLite's external sorter, so memory stays within its cache whatever the number of rows. The sorter's own
 * files are SQLite's: in SQLITE_TMPDIR or TMPDIR. */
#include "import/import_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "db/db.h"

#define PAYLOAD_MAX ((size_t)32 << 20)

/* Journal in memory: a fresh database changes no old page, so it stays empty, and SQLite does not look for the unlinked file.
 * 64 MiB of cache is also what the sorter holds before it writes a sorted run. */
static const char setup[] = "PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF; PRAGMA locking_mode=EXCLUSIVE; PRAGMA cache_size=-65536;";
static const char schema[] =
    "CREATE TABLE reading (seq INTEGER PRIMARY KEY, external_id TEXT NOT NULL, win INTEGER NOT NULL,"
    " day INTEGER NOT NULL, at INTEGER NOT NULL, source_day INTEGER NOT NULL, captured_at INTEGER NOT NULL, file INTEGER NOT NULL,"
    " line INTEGER NOT NULL, kind INTEGER NOT NULL, stream INTEGER NOT NULL, same BLOB, payload BLOB NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX reading_same ON reading (same) WHERE same IS NOT NULL;"
    "CREATE TABLE raw (seq INTEGER PRIMARY KEY, text BLOB NOT NULL) STRICT;";
static const char insert_reading[] =
    "INSERT OR REPLACE INTO reading (seq, external_id, win, day, at, source_day, captured_at, file, line, kind, stream, same, payload)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
static const char insert_raw[] = "INSERT INTO raw (seq, text) VALUES (?1, ?2)";
static const char select_sorted[] =
    "SELECT seq, external_id, win, day, at, source_day, captured_at, file, line, kind, stream, payload FROM reading"
    " ORDER BY kind, external_id, win, day, at, stream, seq";
static const char select_place[] = "SELECT file, line FROM reading WHERE seq = ?1";
static const char delete_raw[] = "DELETE FROM raw WHERE seq = ?1";
static const char select_raw[] = "SELECT text FROM raw WHERE seq = ?1";

struct nilo__stage {
    struct nilo_db *db;
    bool keep_raw;
    int64_t count;
    struct nilo_db_stmt *add, *add_raw, *sorted, *raw, *place, *drop;
    struct nilo_buf payload;
};

/* In a folder of its own: the driver makes -wal and -shm files beside it before the journal moves into memory. */
static int open_unlinked(struct nilo__stage *s, const char *tmp_dir, struct nilo_err *err)
{
    struct nilo_import_folder folder;
    char *path = NULL;
    if (nilo_import_folder_make(tmp_dir, "nilometer-import", &folder, err) != 0)
        return -1;
    int rc = asprintf(&path, "%s/sort.db", folder.path) < 0 ? nilo_err_nomem(err) : 0;
    if (rc == 0)
        rc = nilo_db_open(path, &(struct nilo_db_options){.mode = NILO_DB_CREATE}, &s->db, err);
    if (rc == 0)
        rc = nilo_db_exec(s->db, setup, err);
    free(path);
    nilo_import_folder_remove(&folder);
    return rc;
}

int nilo__stage_new(const char *tmp_dir, bool keep_raw, struct nilo__stage **ret, struct nilo_err *err)
{
    struct nilo__stage *s = calloc(1, sizeof *s);
    if (s == NULL)
        return nilo_err_nomem(err);
    s->keep_raw = keep_raw;
    nilo_buf_init(&s->payload, PAYLOAD_MAX);
    int rc = open_unlinked(s, tmp_dir, err);
    if (rc == 0)
        rc = nilo_db_begin(s->db, err);
    if (rc == 0)
        rc = nilo_db_exec(s->db, schema, err);
    if (rc == 0)
        rc = nilo_db_prepare(s->db, insert_reading, &s->add, err);
    if (rc == 0)
        rc = nilo_db_prepare(s->db, insert_raw, &s->add_raw, err);
    if (rc != 0) {
        nilo__stage_free(s);
        return nilo_err_wrap(err, "sorting on disk");
    }
    *ret = s;
    return 0;
}

void nilo__stage_free(struct nilo__stage *s)
{
    if (s == NULL)
        return;
    if (s->db != NULL) {
        if (s->sorted != NULL)
            nilo_db_reset(s->sorted);
        nilo_db_rollback(s->db);
        nilo_db_close(s->db);
    }
    nilo_buf_done(&s->payload);
    free(s);
}

int64_t nilo__stage_count(const struct nilo__stage *s)
{
    return s->count;
}

/* ---- the payload: what is not sorted by ------------------------------------------------------------------------------------ */

#define TEXTS 5

static void put_text(struct nilo_buf *b, const char *text)
{
    uint32_t size = text != NULL ? (uint32_t)strlen(text) + 1 : 0;
    nilo_buf_add(b, &size, sizeof size);
    nilo_buf_add(b, text != NULL ? text : "", size);
}

static int pack(struct nilo_buf *b, const struct nilo__parsed *p, size_t n_values, struct nilo_err *err)
{
    const char *const texts[TEXTS] = {p->title, p->url, p->media_type, p->owner, p->tags};
    nilo_buf_reset(b);
    for (size_t i = 0; i < TEXTS; i++)
        put_text(b, texts[i]);
    nilo_buf_add(b, &p->posted_at, sizeof p->posted_at);
    for (size_t i = 0; i < n_values; i++) {
        nilo_buf_addc(b, (char)p->values[i].state);
        if (p->values[i].state == NILO__VALUE)
            nilo_buf_add(b, &p->values[i].value, sizeof p->values[i].value);
    }
    return b->failed ? nilo_err_nomem(err) : 0;
}

static void get(const char **from, void *to, size_t n)
{
    memcpy(to, *from, n);
    *from += n;
}

/* The bytes are our own, written by pack() in this very process. */
static void unpack(const char *from, struct nilo__parsed *p, struct nilo__value *values, size_t n_values)
{
    const char **const texts[TEXTS] = {&p->title, &p->url, &p->media_type, &p->owner, &p->tags};
    for (size_t i = 0; i < TEXTS; i++) {
        uint32_t size;
        get(&from, &size, sizeof size);
        *texts[i] = size > 0 ? from : NULL;
        from += size;
    }
    get(&from, &p->posted_at, sizeof p->posted_at);
    p->values = values;
    for (size_t i = 0; i < n_values; i++) {
        values[i] = (struct nilo__value){.state = (enum nilo__state)*from++};
        if (values[i].state == NILO__VALUE)
            get(&from, &values[i].value, sizeof values[i].value);
    }
}

/* ---- in and out ---------------------------------------------------------------------------------------------------------------- */

int nilo__stage_add(struct nilo__stage *s, const struct nilo__parsed *p, size_t n_values, int file, int64_t line,
                    const char *raw, size_t raw_len, struct nilo_err *err)
{
    if (pack(&s->payload, p, n_values, err) != 0)
        return -1;
    int64_t seq = ++s->count;
    const struct nilo_db_value params[] = {
        NILO_DBV_INT(seq),   NILO_DBV_TEXT(p->external_id), NILO_DBV_INT(p->win),         NILO_DBV_INT(p->sort_day.n),
        NILO_DBV_INT(p->at), NILO_DBV_INT(p->day.n),        NILO_DBV_INT(p->captured_at), NILO_DBV_INT(file),
        NILO_DBV_INT(line),  NILO_DBV_INT(p->kind),         NILO_DBV_INT(p->stream),
        p->same != NULL ? nilo_dbv_bytes(p->same, NILO__SAME_LEN) : NILO_DBV_NULL,
        nilo_dbv_bytes(s->payload.data, s->payload.len),
    };
    if (nilo_db_run(s->add, params, (int)(sizeof params / sizeof params[0]), NULL, err) != 0)
        return nilo_err_wrap(err, "sorting on disk");
    if (!s->keep_raw)
        return 0;
    const struct nilo_db_value kept[] = {NILO_DBV_INT(seq), nilo_dbv_bytes(raw, raw_len)};
    return nilo_db_run(s->add_raw, kept, 2, NULL, err) == 0 ? 0 : nilo_err_wrap(err, "sorting on disk");
}

int nilo__stage_sort(struct nilo__stage *s, struct nilo_err *err)
{
    if (nilo_db_prepare(s->db, select_sorted, &s->sorted, err) != 0 || nilo_db_query(s->sorted, NULL, 0, err) != 0)
        return nilo_err_wrap(err, "sorting on disk");
    return 0;
}

int nilo__stage_next(struct nilo__stage *s, struct nilo__value *values, size_t n_values, struct nilo__staged *ret, struct nilo_err *err)
{
    int rc = nilo_db_row(s->sorted, err);
    if (rc < 0)
        return nilo_err_wrap(err, "sorting on disk");
    if (rc == 0)
        return 0;
    struct nilo_db_value payload = nilo_db_column(s->sorted, 11);
    *ret = (struct nilo__staged){
        .seq = nilo_db_column_int(s->sorted, 0),
        .file = (int)nilo_db_column_int(s->sorted, 7),
        .line = nilo_db_column_int(s->sorted, 8),
        .reading = {
            .external_id = nilo_db_column_text(s->sorted, 1),
            .win = (int32_t)nilo_db_column_int(s->sorted, 2),
            .sort_day = NILO_DAY((int32_t)nilo_db_column_int(s->sorted, 3)),
            .at = nilo_db_column_int(s->sorted, 4),
            .day = NILO_DAY((int32_t)nilo_db_column_int(s->sorted, 5)),
            .captured_at = nilo_db_column_int(s->sorted, 6),
            .kind = (enum nilo_entity_kind)nilo_db_column_int(s->sorted, 9),
            .stream = (int)nilo_db_column_int(s->sorted, 10),
        },
    };
    unpack(payload.p, &ret->reading, values, n_values);
    return 1;
}

int nilo__stage_raw(struct nilo__stage *s, int64_t seq, const char **ret, size_t *ret_len, struct nilo_err *err)
{
    *ret = NULL;
    *ret_len = 0;
    if (!s->keep_raw)
        return 0;
    if (s->raw == NULL && nilo_db_prepare(s->db, select_raw, &s->raw, err) != 0)
        return -1;
    if (nilo_db_query(s->raw, &NILO_DBV_INT(seq), 1, err) != 0)
        return -1;
    int rc = nilo_db_row(s->raw, err);
    if (rc == 1) {
        struct nilo_db_value text = nilo_db_column(s->raw, 0);
        *ret = text.p;
        *ret_len = text.len;
    }
    return rc < 0 ? -1 : 0;
}

int nilo__stage_place(struct nilo__stage *s, int64_t seq, int *ret_file, int64_t *ret_line, struct nilo_err *err)
{
    if (s->place == NULL && nilo_db_prepare(s->db, select_place, &s->place, err) != 0)
        return -1;
    int rc = nilo_db_query(s->place, &NILO_DBV_INT(seq), 1, err) != 0 ? -1 : nilo_db_row(s->place, err);
    if (rc <= 0)
        return rc < 0 ? -1 : nilo_err_set(err, NILO_EINTERNAL, "there is no row %" PRId64 " to be refused", seq);
    *ret_file = (int)nilo_db_column_int(s->place, 0);
    *ret_line = nilo_db_column_int(s->place, 1);
    nilo_db_reset(s->place);
    return 0;
}

int nilo__stage_drop_raw(struct nilo__stage *s, int64_t seq, struct nilo_err *err)
{
    if (!s->keep_raw)
        return 0;
    if (s->drop == NULL && nilo_db_prepare(s->db, delete_raw, &s->drop, err) != 0)
        return -1;
    nilo_db_reset(s->raw);
    return nilo_db_run(s->drop, &NILO_DBV_INT(seq), 1, NULL, err);
}
