/* A file, or standard input, as a stream of plain bytes. What it is packed with is seen from its first bytes, not from its name. What was looked at
 * of standard input is kept for who reads it. */
#include "import/import_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_SIZE ((size_t)256 << 10)
#define MAGIC_LEN 13 /* bytes looked at */

struct nilo__input {
    char *name;
    int fd;
    bool foreign_fd; /* standard input: not ours to close */
    int64_t size, done;
    nilo_us written; /* NILO_US_NONE: it is no file */
    unsigned char *raw;
    size_t raw_size, raw_at, raw_len; /* bytes read and not yet handed on or unpacked */
    bool ended;
    struct nilo__unpack *unpack;
    char *plain; /* unpacked bytes */
    int bom;     /* bytes of a byte order mark seen at the very beginning; -1 = that is settled */
    const char *held;
    size_t held_len; /* the piece behind what looked like a byte order mark */
    struct nilo_buf peeked; /* read ahead of the reader */
    size_t peeked_at;
    struct nilo_err later;  /* what went wrong behind it; code NILO_OK: nothing */
    struct nilo_sql_rows *rows; /* instead of a file: a line a row */
    const char *row;
    size_t row_len;  /* what is left of the present row */
    bool row_over;   /* its line end is due */
};

static const char bom_bytes[] = "\xef\xbb\xbf";

static _Thread_local int own_stdin = -1;
/* Standard input can be opened once. Where it was looked at: as it was opened then, or why it was not. */
static _Thread_local struct {
    struct nilo__input *in;
    struct nilo_err err; /* code NILO_OK: it was not looked at, or in is set */
} looked_at;

static void forget_stdin(void)
{
    nilo__input_free(looked_at.in);
    looked_at.in = NULL;
    looked_at.err = (struct nilo_err){.code = NILO_OK};
}

void nilo_import_stdin(int fd)
{
    forget_stdin();
    own_stdin = fd;
}

const char *nilo__input_name(const struct nilo__input *in)
{
    return in->name;
}

int64_t nilo__input_done(const struct nilo__input *in)
{
    return in->done;
}

int64_t nilo__input_size(const struct nilo__input *in)
{
    return in->size;
}

nilo_us nilo__input_time(const struct nilo__input *in, nilo_us now)
{
    return in->written != NILO_US_NONE && in->written < now ? in->written : now;
}

void nilo__input_free(struct nilo__input *in)
{
    if (in == NULL)
        return;
    if (in->fd >= 0 && !in->foreign_fd)
        close(in->fd);
    nilo__unpack_free(in->unpack);
    nilo_buf_done(&in->peeked);
    free(in->raw);
    free(in->plain);
    free(in->name);
    free(in);
}

/* Appends rows, or a part of one, behind raw_len. */
static int fill_rows(struct nilo__input *in, size_t most, struct nilo_err *err)
{
    while (most > 0) {
        if (in->row_len == 0 && !in->row_over) {
            int rc = nilo_sql_rows_next(in->rows, &in->row, &in->row_len, err);
            if (rc < 0)
                return -1;
            in->ended = rc == 0;
            in->row_over = rc == 1;
            if (rc == 0)
                return 0;
        }
        size_t n = in->row_len < most ? in->row_len : most;
        memcpy(in->raw + in->raw_len, in->row, n);
        in->row += n;
        in->row_len -= n;
        in->raw_len += n;
        most -= n;
        in->done += (int64_t)n;
        if (in->row_len == 0 && most > 0) {
            in->raw[in->raw_len++] = '\n';
            most--;
            in->row_over = false;
        }
    }
    return 0;
}

/* Appends what one read() gives behind raw_len. */
static int fill(struct nilo__input *in, size_t most, struct nilo_err *err)
{
    ssize_t n;
    if (in->rows != NULL)
        return fill_rows(in, most, err);
    do
        n = read(in->fd, in->raw + in->raw_len, most);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return nilo_err_sys(err, NILO_EIO, "cannot read %s", in->name);
    if (n == 0)
        in->ended = true;
    in->raw_len += (size_t)n;
    in->done += n;
    return 0;
}

static int open_file(struct nilo__input *in, const char *path, struct nilo_err *err)
{
    if (in->foreign_fd) {
        in->fd = own_stdin >= 0 ? own_stdin : STDIN_FILENO;
    } else {
        in->fd = open(path, O_RDONLY | O_CLOEXEC);
        if (in->fd < 0 && (errno == ENOENT || errno == ENOTDIR))
            return nilo_err_set(err, NILO_ENOENT, "there is no file %s", path);
        if (in->fd < 0)
            return nilo_err_sys(err, NILO_EIO, "cannot open %s", path);
    }
    struct stat st;
    if (fstat(in->fd, &st) != 0)
        return nilo_err_sys(err, NILO_EIO, "cannot read %s", in->name);
    if (S_ISDIR(st.st_mode))
        return nilo_err_set(err, NILO_EIO, "%s is a folder; name the files in it", in->name);
    in->size = S_ISREG(st.st_mode) ? (int64_t)st.st_size : -1;
    in->written = S_ISREG(st.st_mode) ? (nilo_us)st.st_mtim.tv_sec * NILO_US_SECOND + st.st_mtim.tv_nsec / 1000 : NILO_US_NONE;
    return 0;
}

struct magic {
    const char *bytes; /* '?' = any byte */
    size_t len;
    enum nilo__packing packing;
    const char *refusal; /* what it is instead of text; NULL = we read it */
};

static const struct magic magics[] = {
    {"\x1f\x8b", 2, NILO__GZIP, NULL},
    {"\x28\xb5\x2f\xfd", 4, NILO__ZSTD, NULL},
    {"PK\x03\x04", 4, NILO__PLAIN, "a zip archive (a spreadsheet perhaps); save it as CSV, or unpack it first"},
    {"\xfd" "7zXZ", 5, NILO__PLAIN, "packed with xz; unpack it first: xz -dc FILE | nilometer import -"},
    {"BZh?1AY&SY", 10, NILO__PLAIN, "packed with bzip2; unpack it first: bzip2 -dc FILE | nilometer import -"},
    {"\xff\xfe", 2, NILO__PLAIN, "UTF-16 text; turn it into UTF-8 first: iconv -f UTF-16 -t UTF-8"},
    {"\xfe\xff", 2, NILO__PLAIN, "UTF-16 text; turn it into UTF-8 first: iconv -f UTF-16 -t UTF-8"},
    {"SQLite format", 13, NILO__PLAIN, "an SQLite database, not a table in text"},
};

static bool begins_with(const struct nilo__input *in, const struct magic *m)
{
    if (in->raw_len < m->len)
        return false;
    for (size_t i = 0; i < m->len; i++) {
        if (m->bytes[i] != '?' && in->raw[i] != (unsigned char)m->bytes[i])
            return false;
    }
    return true;
}

/* Zstd data may begin with a skippable frame: 0x184D2A50 to 0x184D2A5F, little-endian. */
static bool is_skippable(const unsigned char *p, size_t n)
{
    return n >= 4 && (p[0] & 0xf0) == 0x50 && p[1] == 0x2a && p[2] == 0x4d && p[3] == 0x18;
}

static int look_at_magic(struct nilo__input *in, enum nilo__packing *ret, struct nilo_err *err)
{
    *ret = is_skippable(in->raw, in->raw_len) ? NILO__ZSTD : NILO__PLAIN;
    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++) {
        const struct magic *m = &magics[i];
        if (!begins_with(in, m))
            continue;
        if (m->refusal != NULL)
            return nilo_err_set(err, NILO_ECORRUPT, "%s is %s", in->name, m->refusal);
        *ret = m->packing;
        return 0;
    }
    return 0;
}

static int start(struct nilo__input *in, struct nilo_err *err)
{
    while (!in->ended && in->raw_len < MAGIC_LEN) {
        if (fill(in, in->raw_size < MAGIC_LEN - in->raw_len ? in->raw_size : MAGIC_LEN - in->raw_len, err) != 0)
            return -1;
    }
    if (in->raw_len == 0)
        return nilo_err_set(err, NILO_ENOENT, "%s is empty", in->name);
    enum nilo__packing packing;
    if (look_at_magic(in, &packing, err) != 0)
        return -1;
    if (packing == NILO__PLAIN)
        return 0;
    in->plain = malloc(in->raw_size);
    if (in->plain == NULL)
        return nilo_err_nomem(err);
    return nilo__unpack_new(packing, &in->unpack, err);
}

static int open_any(const char *path, struct nilo_sql_rows *rows, size_t read_size, struct nilo__input **ret, struct nilo_err *err)
{
    struct nilo__input *in = calloc(1, sizeof *in);
    if (in == NULL)
        return nilo_err_nomem(err);
    in->fd = -1;
    in->rows = rows;
    in->size = -1;
    in->foreign_fd = rows == NULL && strcmp(path, "-") == 0;
    in->raw_size = read_size > 0 ? read_size : READ_SIZE;
    nilo_buf_init(&in->peeked, SIZE_MAX);
    in->name = strdup(in->foreign_fd ? "standard input" : path);
    in->raw = malloc(in->raw_size + MAGIC_LEN);
    int rc = in->name == NULL || in->raw == NULL ? nilo_err_nomem(err) : 0;
    if (rc == 0 && rows == NULL)
        rc = open_file(in, path, err);
    if (rc == 0)
        rc = start(in, err);
    if (rc != 0) {
        nilo__input_free(in);
        return -1;
    }
    *ret = in;
    return 0;
}

int nilo__input_open(const char *path, size_t read_size, struct nilo__input **ret, struct nilo_err *err)
{
    if (strcmp(path, "-") == 0 && looked_at.in != NULL) {
        *ret = looked_at.in;
        looked_at.in = NULL;
        return 0;
    }
    if (strcmp(path, "-") == 0 && looked_at.err.code != NILO_OK) {
        if (err != NULL)
            *err = looked_at.err;
        return -1;
    }
    return open_any(path, NULL, read_size, ret, err);
}

int nilo__input_rows(struct nilo_sql_rows *rows, size_t read_size, struct nilo__input **ret, struct nilo_err *err)
{
    return open_any(nilo_sql_rows_name(rows), rows, read_size, ret, err);
}

/* Makes sure that something is in raw, unless the file is over. */
static int refill(struct nilo__input *in, struct nilo_err *err)
{
    if (in->raw_at < in->raw_len || in->ended)
        return 0;
    in->raw_at = in->raw_len = 0;
    return fill(in, in->raw_size, err);
}

static int read_packed(struct nilo__input *in, const char **ret, size_t *ret_len, struct nilo_err *err)
{
    size_t n = 0;
    while (n == 0) {
        if (refill(in, err) != 0)
            return -1;
        const unsigned char *from = in->raw + in->raw_at;
        size_t left = in->raw_len - in->raw_at;
        bool over = in->ended && left == 0;
        if (over && nilo__unpack_whole(in->unpack))
            break;
        /* Also with nothing left: the unpacker may still hold output back. */
        if (nilo__unpack_step(in->unpack, &from, &left, in->plain, in->raw_size, &n, err) != 0)
            return nilo_err_wrap(err, "%s", in->name);
        in->raw_at = in->raw_len - left;
        if (over && n == 0)
            return nilo_err_set(err, NILO_ECORRUPT, "%s ends in the middle of its packed data: the file is cut off", in->name);
    }
    *ret = in->plain;
    *ret_len = n;
    return 0;
}

static int read_plain(struct nilo__input *in, const char **ret, size_t *ret_len, struct nilo_err *err)
{
    if (in->unpack != NULL)
        return read_packed(in, ret, ret_len, err);
    if (refill(in, err) != 0)
        return -1;
    *ret = (const char *)in->raw + in->raw_at;
    *ret_len = in->raw_len - in->raw_at;
    in->raw_at = in->raw_len;
    return 0;
}

/* A byte order mark at the very beginning is dropped; pieces may be as small as one byte. 1 *ret holds a piece, 0 go on */
static int drop_bom(struct nilo__input *in, const char **ret, size_t *ret_len)
{
    while (*ret_len > 0 && in->bom < 3 && **ret == bom_bytes[in->bom]) {
        in->bom++;
        (*ret)++;
        (*ret_len)--;
    }
    int seen = in->bom;
    if (seen < 3 && *ret_len == 0)
        return 0;
    in->bom = -1;
    if (seen == 3 || seen == 0)
        return *ret_len > 0;
    in->held = *ret;
    in->held_len = *ret_len;
    *ret = bom_bytes;
    *ret_len = (size_t)seen;
    return 1;
}

static int read_on(struct nilo__input *in, const char **ret, size_t *ret_len, struct nilo_err *err)
{
    if (in->held_len > 0) {
        *ret = in->held;
        *ret_len = in->held_len;
        in->held_len = 0;
        return 0;
    }
    for (;;) {
        if (read_plain(in, ret, ret_len, err) != 0)
            return -1;
        if (in->bom < 0)
            return 0;
        if (*ret_len == 0) { /* the file is over */
            *ret = bom_bytes;
            *ret_len = (size_t)in->bom;
            in->bom = -1;
            return 0;
        }
        if (drop_bom(in, ret, ret_len) != 0)
            return 0;
    }
}

int nilo__input_read(struct nilo__input *in, const char **ret, size_t *ret_len, struct nilo_err *err)
{
    if (in->peeked_at < in->peeked.len) {
        *ret = in->peeked.data + in->peeked_at;
        *ret_len = in->peeked.len - in->peeked_at;
        in->peeked_at = in->peeked.len;
        return 0;
    }
    if (in->later.code == NILO_OK)
        return read_on(in, ret, ret_len, err);
    if (err != NULL)
        *err = in->later;
    return -1;
}

int nilo__input_peek(struct nilo__input *in, size_t least, const char **ret, size_t *ret_len, struct nilo_err *err)
{
    const char *p;
    size_t len = 1;
    while (in->peeked.len - in->peeked_at < least && len > 0 && in->later.code == NILO_OK) {
        if (read_on(in, &p, &len, &in->later) == 0 && nilo_buf_add(&in->peeked, p, len) != 0)
            return nilo_err_nomem(err);
    }
    *ret = nilo_buf_str(&in->peeked) + in->peeked_at;
    *ret_len = in->peeked.len - in->peeked_at;
    return 0;
}

void nilo__input_head(const char *path, size_t least, struct nilo_buf *ret)
{
    bool from_stdin = strcmp(path, "-") == 0;
    struct nilo__input *in;
    struct nilo_err why;
    struct stat st;
    const char *p;
    size_t len;
    nilo_buf_init(ret, SIZE_MAX);
    if (!from_stdin && (stat(path, &st) != 0 || !S_ISREG(st.st_mode)))
        return; /* of a pipe with a name, what is looked at is gone for who reads it */
    if (nilo__input_open(path, 0, &in, &why) != 0) {
        if (from_stdin)
            looked_at.err = why;
        return;
    }
    if (nilo__input_peek(in, least, &p, &len, &why) == 0)
        nilo_buf_add(ret, p, len);
    if (from_stdin)
        looked_at.in = in;
    else
        nilo__input_free(in);
}
