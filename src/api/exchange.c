/* One request and its answer, from the handler's side: what it may ask, and bytes going out as pieces. The first piece decides how the answer is
 * framed: if the handler is done before 64 KiB are together, the length is known; else it is sent in chunks.
 *
 * The queue between handler and connection is the only thing that both touch; everything else belongs to one thread at a time (server_priv.h). */
#include "api/loop_priv.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/day.h"
#include "base/json.h"

#define HEADERS_MAX 16384u
#define LOOP_ANSWER_MAX 262144u

/* ---- life --------------------------------------------------------------------------------------------------------------------------- */

struct nilo_exchange *nilo__exchange_new(struct nilo_server *s, struct nilo__loop *loop)
{
    struct nilo_exchange *x = calloc(1, sizeof(*x));
    if (x == NULL)
        return NULL;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&x->mutex, NULL);
    pthread_cond_init(&x->room, &attr);
    pthread_condattr_destroy(&attr);
    x->server = s;
    x->loop = loop;
    atomic_init(&x->refs, 1);
    x->status = 200;
    x->length = -1;
    nilo_buf_init(&x->headers, HEADERS_MAX);
    nilo_buf_init(&x->piece, LOOP_ANSWER_MAX + NILO__PIECE);
    nilo_buf_init(&x->body, (size_t)s->limits.body_ceiling + 1);
    nilo_arena_init(&x->arena, 0);
    return x;
}

void nilo__exchange_ref(struct nilo_exchange *x)
{
    atomic_fetch_add_explicit(&x->refs, 1, memory_order_relaxed);
}

static void free_pieces(struct nilo_exchange *x)
{
    for (struct nilo__piece *p = x->first, *next; p != NULL; p = next) {
        next = p->next;
        free(p);
    }
}

void nilo__exchange_unref(struct nilo_exchange *x)
{
    if (atomic_fetch_sub_explicit(&x->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (x->state != NULL && x->release_state != NULL)
        x->release_state(x->state);
    if (x->identity != NULL && x->release != NULL)
        x->release(x->identity);
    free_pieces(x);
    nilo__encoder_free(x->encoder);
    nilo_buf_done(&x->headers);
    nilo_buf_done(&x->piece);
    nilo_buf_done(&x->body);
    nilo_arena_done(&x->arena);
    pthread_cond_destroy(&x->room);
    pthread_mutex_destroy(&x->mutex);
    free(x->bytes);
    free(x->path);
    free(x);
}

/* ---- the request ---------------------------------------------------------------------------------------------------------------------- */

enum nilo_method nilo_req_method(const struct nilo_exchange *x) { return x->head.method; }
const struct nilo_route *nilo_req_route(const struct nilo_exchange *x) { return x->route; }
const char *nilo_req_path(const struct nilo_exchange *x) { return x->path != NULL ? x->path : ""; }
const char *nilo_req_segment(const struct nilo_exchange *x, int i) { return i >= 0 && i < x->n_segments ? x->segments[i] : NULL; }
const char *nilo_req_address(const struct nilo_exchange *x) { return x->address; }
bool nilo_req_tls(const struct nilo_exchange *x) { return x->tls; }
bool nilo_req_unix(const struct nilo_exchange *x) { return x->local; }
struct nilo_arena *nilo_req_arena(struct nilo_exchange *x) { return &x->arena; }
void *nilo_req_worker(const struct nilo_exchange *x) { return x->worker != NULL ? x->worker->ctx : NULL; }
int nilo_req_loop(const struct nilo_exchange *x) { return x->loop->index; }
void *nilo_req_ctx(const struct nilo_exchange *x) { return x->server->hooks.ctx; }
struct nilo_server *nilo_req_server(const struct nilo_exchange *x) { return x->server; }
void *nilo_req_identity(const struct nilo_exchange *x) { return x->identity; }
bool nilo_req_stopped(const struct nilo_exchange *x) { return atomic_load(&x->stopped) != 0; }
nilo_us nilo_req_deadline(const struct nilo_exchange *x) { return x->deadline; }

void nilo_req_deadline_set(struct nilo_exchange *x, nilo_us at)
{
    assert(x->worker == NULL);
    x->deadline = at;
}

void nilo_req_worker_broken(struct nilo_exchange *x)
{
    if (x->worker != NULL)
        x->worker->broken = true;
}

const char *nilo_req_query(const struct nilo_exchange *x, size_t *ret_n)
{
    *ret_n = x->head.query.n;
    return x->head.query.n > 0 ? x->bytes + x->head.query.at : "";
}

const char *nilo_req_header(const struct nilo_exchange *x, const char *name, int i, size_t *ret_n)
{
    const struct nilo_http_line *h = nilo_http_find(&x->head, x->bytes, name, i);
    *ret_n = h != NULL ? h->value.n : 0;
    return h != NULL ? x->bytes + h->value.at : NULL;
}

bool nilo_req_has_token(const struct nilo_exchange *x, const char *name, const char *word)
{
    size_t n;
    const char *value;
    for (int i = 0; (value = nilo_req_header(x, name, i, &n)) != NULL; i++) {
        if (nilo_http_token(value, n, word))
            return true;
    }
    return false;
}

const char *nilo_req_body(const struct nilo_exchange *x, size_t *ret_n)
{
    *ret_n = x->body.len;
    return nilo_buf_str(&x->body);
}

void nilo_req_identity_set(struct nilo_exchange *x, void *identity, void (*release)(void *identity))
{
    if (x->identity != NULL && x->release != NULL)
        x->release(x->identity);
    x->identity = identity;
    x->release = release;
}

void nilo_req_body_max_set(struct nilo_exchange *x, int64_t bytes)
{
    x->body_max = bytes < x->server->limits.body_ceiling ? bytes : x->server->limits.body_ceiling;
}

/* ---- heads of answers -------------------------------------------------------------------------------------------------------------------- */

const char *nilo__status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } rows[] = {
        {200, "OK"}, {201, "Created"}, {202, "Accepted"}, {204, "No Content"}, {206, "Partial Content"}, {304, "Not Modified"},
        {400, "Bad Request"}, {401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not Found"}, {405, "Method Not Allowed"},
        {406, "Not Acceptable"}, {408, "Request Timeout"}, {409, "Conflict"}, {413, "Content Too Large"}, {414, "URI Too Long"},
        {415, "Unsupported Media Type"}, {416, "Range Not Satisfiable"}, {417, "Expectation Failed"}, {422, "Unprocessable Content"},
        {429, "Too Many Requests"}, {431, "Request Header Fields Too Large"}, {500, "Internal Server Error"}, {501, "Not Implemented"},
        {502, "Bad Gateway"}, {503, "Service Unavailable"}, {504, "Gateway Timeout"}, {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].status == status)
            return rows[i].text;
    }
    return "Status";
}

/* "Date: Sun, 06 Nov 1994 08:49:37 GMT" */
static void date(struct nilo_buf *out, const struct nilo_env *env)
{
    static const char days[][4] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    nilo_us now = env->clock.wall(env->clock.ctx);
    int64_t day_n = now / NILO_US_DAY - (now % NILO_US_DAY < 0);
    int seconds = (int)((now - day_n * NILO_US_DAY) / NILO_US_SECOND);
    nilo_day day = {(int32_t)day_n};
    int year, month, dom;
    nilo_day_to_civil(day, &year, &month, &dom);
    const int numbers[] = {dom, year / 100, year % 100, seconds / 3600, seconds / 60 % 60, seconds % 60};
    static const unsigned char at[] = {11, 18, 20, 23, 26, 29}; /* of their digits. By hand: printf takes longer than the rest of a head */
    char text[] = "Date: Sun, 00 Jan 0000 00:00:00 GMT\r\n";
    memcpy(text + 6, days[nilo_day_weekday(day) - 1], 3);
    memcpy(text + 14, months[month - 1], 3);
    for (size_t i = 0; i < sizeof(at); i++) {
        text[at[i]] = (char)('0' + numbers[i] / 10 % 10);
        text[at[i] + 1] = (char)('0' + numbers[i] % 10);
    }
    nilo_buf_add(out, text, sizeof(text) - 1);
}

static void status_line(struct nilo_buf *out, const struct nilo_env *env, int status)
{
    nilo_buf_adds(out, "HTTP/1.1 ");
    nilo_buf_addi(out, status);
    nilo_buf_addc(out, ' ');
    nilo_buf_adds(out, nilo__status_text(status));
    nilo_buf_adds(out, "\r\nServer: nilometer\r\n");
    date(out, env);
}

static void error_body(struct nilo_buf *out, const char *code, const char *message, const char *details, const char *hint)
{
    struct nilo_json_out o;
    nilo_json_out_init(&o, out);
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "code");
    nilo_json_str(&o, code);
    nilo_json_key(&o, "message");
    nilo_json_str(&o, message);
    nilo_json_key(&o, "details");
    nilo_json_str(&o, details);
    nilo_json_key(&o, "hint");
    nilo_json_str(&o, hint);
    nilo_json_object_end(&o);
}

void nilo__plain_error(struct nilo_buf *out, const struct nilo_env *env, int status, const char *code, const char *message, const char *extra)
{
    struct nilo_buf body;
    nilo_buf_init(&body, HEADERS_MAX);
    error_body(&body, code, message, NULL, NULL);
    status_line(out, env, status);
    nilo_buf_addf(out, "Content-Type: application/json; charset=utf-8\r\nProxy-Status: nilometer; error=%s\r\n%sContent-Length: %zu\r\n"
                       "Connection: close\r\n\r\n%s", code, extra, body.len, nilo_buf_str(&body));
    nilo_buf_done(&body);
}

static bool bodiless(const struct nilo_exchange *x)
{
    return x->head.method == NILO_HEAD || x->status == 204 || x->status == 304;
}

static void count_status(struct nilo_exchange *x)
{
    struct nilo__counters *c = &x->server->counts;
    _Atomic int64_t *of[] = {&c->answers_2xx, &c->answers_3xx, &c->answers_4xx, &c->answers_5xx};
    int class = x->status / 100 - 2;
    nilo__count(of[class < 0 ? 0 : class > 3 ? 3 : class], 1);
}

/* total: bytes of the body as they go out; -1 = not known */
static void make_head(struct nilo_exchange *x, struct nilo_buf *out, enum nilo__coding coding, int64_t total)
{
    status_line(out, x->server->env, x->status);
    if (x->type[0] != '\0' && x->status != 204 && x->status != 304) {
        nilo_buf_adds(out, "Content-Type: ");
        nilo_buf_adds(out, x->type);
        nilo_buf_adds(out, "\r\n");
    }
    if (nilo__compressible(x->type))
        nilo_buf_adds(out, "Vary: Accept-Encoding\r\n");
    if (coding != NILO__IDENTITY)
        nilo_buf_addf(out, "Content-Encoding: %s\r\n", nilo__coding_name(coding));
    nilo_buf_add(out, nilo_buf_str(&x->headers), x->headers.len);
    if (total >= 0) {
        nilo_buf_adds(out, "Content-Length: ");
        nilo_buf_addi(out, total);
        nilo_buf_adds(out, "\r\n");
    }
    x->chunked = total < 0 && !bodiless(x) && x->head.minor > 0;
    if (x->chunked)
        nilo_buf_adds(out, "Transfer-Encoding: chunked\r\n");
    else if (total < 0 && !bodiless(x))
        x->keep_alive = false; /* HTTP/1.0: the end of the connection is the end of the answer */
    if (atomic_load(&x->server->draining))
        x->keep_alive = false;
    if (!x->keep_alive)
        nilo_buf_adds(out, "Connection: close\r\n");
    else if (x->head.minor == 0)
        nilo_buf_adds(out, "Connection: keep-alive\r\n");
    nilo_buf_adds(out, "\r\n");
    count_status(x);
    x->head_out = true;
}

static enum nilo__coding coding_for(struct nilo_exchange *x, int64_t bytes)
{
    size_t n;
    const char *accept = nilo_req_header(x, "Accept-Encoding", 0, &n);
    if (accept == NULL || x->kept || x->length >= 0 || x->status == 206 || bodiless(x) || (bytes >= 0 && bytes < x->server->limits.compress_from) ||
        !nilo__compressible(x->type))
        return NILO__IDENTITY;
    return nilo__coding_choose(accept, n);
}

/* ---- pieces --------------------------------------------------------------------------------------------------------------------------------- */

static int stopped(struct nilo_exchange *x, struct nilo_err *err)
{
    int why = atomic_load(&x->stopped);
    if (why == 0)
        return 0;
    return nilo_err_set(err, (enum nilo_code)why,
                        why == NILO_ETIMEOUT ? "the request took longer than its deadline" : "the client is gone, or was too slow");
}

/* A worker waits for room; while others wait in its lane, not for long, and shorter still once half of the workers do. x->mutex is held. */
static void wait_for_room(struct nilo_exchange *x)
{
    struct nilo_server *s = x->server;
    nilo_us since = nilo__real_now();
    atomic_fetch_add(&s->pool.waiting, 1);
    while (x->queued >= NILO__QUEUE_MAX && atomic_load(&x->stopped) == 0) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += 20000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&x->room, &x->mutex, &until);
        nilo_us patience = s->limits.patience_us / (atomic_load(&s->pool.waiting) * 2 > s->pool.n ? 10 : 1);
        if (x->queued >= NILO__QUEUE_MAX && atomic_load_explicit(&s->pool.depth[atomic_load(&x->lane)], memory_order_relaxed) > 0 &&
            nilo__real_now() - since > patience && atomic_load(&x->stopped) == 0) {
            atomic_store(&x->stopped, NILO_ECANCELLED);
            x->broken = true;
            nilo__count(&s->counts.cut_slow, 1);
        }
    }
    atomic_fetch_sub(&s->pool.waiting, 1);
}

/* Takes p over. */
static int push(struct nilo_exchange *x, struct nilo__piece *p, bool over, struct nilo_err *err)
{
    bool tell = false;
    pthread_mutex_lock(&x->mutex);
    if (x->worker != NULL && p != NULL)
        wait_for_room(x);
    int rc = stopped(x, err);
    if (rc == 0 && p != NULL) {
        p->next = NULL;
        if (x->first == NULL)
            x->first = p;
        else
            x->last->next = p;
        x->last = p;
        x->queued += p->n;
        x->pushed = true;
        p = NULL;
    }
    x->over = x->over || over;
    tell = !x->news;
    x->news = true;
    pthread_mutex_unlock(&x->mutex);
    free(p);
    if (tell)
        nilo__loop_news(x->loop, x);
    return rc;
}

static struct nilo__piece *piece_new(const struct nilo_buf *head, const char *body, size_t n, bool chunked, bool end)
{
    char size[24] = "";
    int size_n = chunked && n > 0 ? snprintf(size, sizeof(size), "%zx\r\n", n) : 0;
    const char *tail = !chunked ? "" : n > 0 ? (end ? "\r\n0\r\n\r\n" : "\r\n") : end ? "0\r\n\r\n" : "";
    size_t tail_n = strlen(tail), head_n = head != NULL ? head->len : 0;
    struct nilo__piece *p = malloc(sizeof(*p) + head_n + (size_t)size_n + n + tail_n);
    if (p == NULL)
        return NULL;
    char *at = p->data;
    if (head_n > 0)
        memcpy(at, head->data, head_n);
    at += head_n;
    memcpy(at, size, (size_t)size_n);
    at += size_n;
    if (n > 0)
        memcpy(at, body, n);
    at += n;
    memcpy(at, tail, tail_n);
    p->n = (size_t)(at - p->data) + tail_n;
    p->next = NULL;
    return p;
}

/* What has gathered goes out, behind the head if that is not out yet. */
static int flush(struct nilo_exchange *x, bool end, struct nilo_err *err)
{
    struct nilo_buf head, packed;
    nilo_buf_init(&head, 2 * HEADERS_MAX);
    nilo_buf_init(&packed, 8u << 20);
    const struct nilo_buf *body = &x->piece;
    enum nilo__coding coding = NILO__IDENTITY;
    int rc = 0;
    bool first = !x->head_out;
    if (first) {
        if (x->server->hooks.decorate != NULL)
            x->server->hooks.decorate(x->server->hooks.ctx, x);
        coding = coding_for(x, end ? (int64_t)x->piece.len : -1);
        if (coding != NILO__IDENTITY)
            x->encoder = nilo__encoder_new(coding);
        if (x->encoder == NULL)
            coding = NILO__IDENTITY;
    }
    if (x->encoder != NULL) {
        rc = nilo__encoder_run(x->encoder, nilo_buf_str(&x->piece), x->piece.len, end, &packed);
        body = &packed;
    }
    if (first) {
        int64_t total = x->length >= 0 ? x->length : end ? (int64_t)body->len : -1;
        if (x->head.method == NILO_HEAD && x->length < 0)
            total = x->written > 0 && x->written < x->server->limits.compress_from ? x->written : -1;
        else if (bodiless(x) && x->head.method != NILO_HEAD)
            total = -1;
        make_head(x, &head, coding, total);
    }
    struct nilo__piece *p = rc == 0 && !head.failed ? piece_new(first ? &head : NULL, nilo_buf_str(body), body->len, x->chunked, end) : NULL;
    if (p == NULL)
        rc = nilo_err_nomem(err);
    else
        rc = push(x, p, end, err);
    nilo_buf_reset(&x->piece);
    nilo_buf_done(&head);
    nilo_buf_done(&packed);
    return rc;
}

int nilo_answer_write(void *ctx, const char *p, size_t n, struct nilo_err *err)
{
    struct nilo_exchange *x = ctx;
    if (stopped(x, err) != 0)
        return -1;
    x->written += (int64_t)n;
    if (x->length >= 0 && x->written > x->length)
        return nilo_err_set(err, NILO_EINTERNAL, "more bytes are written than were announced");
    if (bodiless(x))
        return 0;
    if (x->worker == NULL && !x->kept && x->written > (int64_t)LOOP_ANSWER_MAX)
        return nilo_err_set(err, NILO_EINTERNAL, "an instant answer is longer than %u bytes", LOOP_ANSWER_MAX);
    while (n > 0) {
        /* on the loop everything gathers: it is one piece, and its length is known */
        size_t room = x->worker == NULL ? n : NILO__PIECE - x->piece.len, take = n < room ? n : room;
        if (nilo_buf_add(&x->piece, p, take) != 0)
            return nilo_err_nomem(err);
        p += take;
        n -= take;
        if (x->worker != NULL && x->piece.len == NILO__PIECE && flush(x, false, err) != 0)
            return -1;
    }
    return 0;
}

/* ---- the answer -------------------------------------------------------------------------------------------------------------------------- */

void nilo_answer_status(struct nilo_exchange *x, int status)
{
    assert(status >= 200 && status <= 599);
    if (!x->head_out)
        x->status = status;
}

static void blank_controls(char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
            s[i] = ' ';
    }
}

void nilo_header_blank(struct nilo_buf *b, size_t from)
{
    if (!b->failed && b->len > from)
        blank_controls(b->data + from, b->len - from);
}

/* Most values are a text, for which printf takes longer than all else that belongs to a line. */
void nilo_header_value(struct nilo_buf *b, const char *fmt, va_list ap)
{
    if (strchr(fmt, '%') == NULL)
        nilo_buf_adds(b, fmt);
    else if (strcmp(fmt, "%s") == 0)
        nilo_buf_adds(b, va_arg(ap, const char *));
    else
        nilo_buf_vaddf(b, fmt, ap);
}

void nilo_answer_header(struct nilo_exchange *x, const char *name, const char *fmt, ...)
{
    if (x->head_out)
        return;
    nilo_buf_adds(&x->headers, name);
    nilo_buf_adds(&x->headers, ": ");
    size_t from = x->headers.len;
    va_list ap;
    va_start(ap, fmt);
    nilo_header_value(&x->headers, fmt, ap);
    va_end(ap);
    nilo_header_blank(&x->headers, from);
    nilo_buf_adds(&x->headers, "\r\n");
}

void nilo_answer_lines(struct nilo_exchange *x, const char *lines, size_t n)
{
    if (!x->head_out)
        nilo_buf_add(&x->headers, lines, n);
}

void nilo_answer_type(struct nilo_exchange *x, const char *mime)
{
    snprintf(x->type, sizeof(x->type), "%s", mime);
    blank_controls(x->type, strlen(x->type));
}

void nilo_answer_length(struct nilo_exchange *x, int64_t bytes)
{
    if (!x->head_out)
        x->length = bytes;
}

bool nilo_answer_started(const struct nilo_exchange *x)
{
    return x->head_out;
}

int nilo_answer_text(struct nilo_exchange *x, int status, const char *mime, const char *text, struct nilo_err *err)
{
    nilo_answer_status(x, status);
    nilo_answer_type(x, mime);
    return nilo_answer_write(x, text, strlen(text), err);
}

int nilo_answer_error(struct nilo_exchange *x, int status, const char *code, const char *message, const char *details, const char *hint)
{
    if (x->head_out)
        return 0;
    nilo_buf_reset(&x->headers);
    nilo_buf_reset(&x->piece);
    x->length = -1;
    nilo_answer_status(x, status);
    nilo_answer_type(x, "application/json; charset=utf-8");
    nilo_answer_header(x, "Proxy-Status", "nilometer; error=%s", code);
    struct nilo_buf body;
    nilo_buf_init(&body, 65536);
    error_body(&body, code, message, details, hint);
    x->written = (int64_t)body.len;
    if (!bodiless(x))
        nilo_buf_add(&x->piece, nilo_buf_str(&body), body.len);
    nilo_buf_done(&body);
    return 0;
}

/* Is the tag among those of an If-None-Match? Weak comparison: W/ does not matter. */
static bool listed(const char *value, size_t n, const char *tag)
{
    size_t tag_n = strlen(tag);
    if (n == 1 && value[0] == '*')
        return true;
    for (const char *at = value, *end = value + n; at < end;) {
        const char *open = memchr(at, '"', (size_t)(end - at));
        const char *close = open != NULL ? memchr(open + 1, '"', (size_t)(end - open - 1)) : NULL;
        if (close == NULL)
            return false;
        if ((size_t)(close - open - 1) == tag_n && memcmp(open + 1, tag, tag_n) == 0)
            return true;
        at = close + 1;
    }
    return false;
}

bool nilo_answer_etag(struct nilo_exchange *x, const char *tag)
{
    nilo_answer_lines(x, "ETag: W/\"", 9);
    nilo_answer_lines(x, tag, strlen(tag));
    nilo_answer_lines(x, "\"\r\n", 3);
    if (x->head.method != NILO_GET && x->head.method != NILO_HEAD)
        return false;
    size_t n;
    const char *value;
    for (int i = 0; (value = nilo_req_header(x, "If-None-Match", i, &n)) != NULL; i++) {
        if (listed(value, n, tag)) {
            nilo_answer_status(x, 304);
            return true;
        }
    }
    return false;
}

/* ---- running ---------------------------------------------------------------------------------------------------------------------------------- */

static void broken(struct nilo_exchange *x)
{
    pthread_mutex_lock(&x->mutex);
    x->broken = x->over = true;
    bool tell = !x->news;
    x->news = true;
    pthread_mutex_unlock(&x->mutex);
    if (tell)
        nilo__loop_news(x->loop, x);
}

void nilo__exchange_finish(struct nilo_exchange *x)
{
    struct nilo_err err = {0};
    bool short_of = x->length >= 0 && !bodiless(x) && x->written != x->length;
    if (short_of && !x->head_out)
        nilo_answer_error(x, 500, "XX000", "a bug in nilometer: the answer is shorter than it was announced", NULL, NULL);
    else if (short_of) {
        broken(x);
        return;
    }
    if (flush(x, true, &err) != 0)
        broken(x);
}

static int hook(int (*fn)(void *, struct nilo_exchange *, struct nilo_err *), struct nilo_exchange *x, struct nilo_err *err)
{
    return fn != NULL && x->route->who != NILO_WHO_EVERYONE ? fn(x->server->hooks.ctx, x, err) : 0;
}

int nilo__exchange_run(struct nilo_exchange *x, struct nilo__worker *worker)
{
    struct nilo_err err = {0};
    x->worker = worker;
    int rc = worker != NULL && !x->again ? hook(x->server->hooks.authorize, x, &err) : 0;
    if (rc == 0)
        rc = worker != NULL ? x->route->handler(x, &err) : x->route->instant(x, &err);
    if (rc == NILO_LATER && worker == NULL && x->route->handler != NULL)
        return NILO_LATER;
    if (rc == NILO_PARKED && worker != NULL) {
        nilo__exchange_parked(x); /* and is not ours from here on */
        return 0;
    }
    if (rc == -1 && !x->head_out) {
        x->kept = false;
        nilo_answer_error(x, nilo_code_http(err.code), nilo_code_sqlstate(err.code), err.msg, NULL, NULL);
        if (nilo_code_http(err.code) == 503)
            nilo_answer_header(x, "Retry-After", "1");
    }
    if (rc == -1 && x->head_out)
        broken(x);
    else if (!x->kept)
        nilo__exchange_finish(x);
    return 0;
}

void nilo__exchange_busy(struct nilo_exchange *x)
{
    nilo__count(&x->server->counts.queue_full, 1);
    x->worker = NULL;
    nilo_answer_error(x, 503, "53300", "the server is busy: too many requests wait for an answer", NULL, "try again");
    nilo_answer_header(x, "Retry-After", "1");
    nilo__exchange_finish(x);
}

bool nilo__exchange_stop(struct nilo_exchange *x, enum nilo_code why)
{
    pthread_mutex_lock(&x->mutex);
    int none = 0;
    atomic_compare_exchange_strong(&x->stopped, &none, (int)why);
    bool clean = !x->pushed;
    atomic_fetch_add(&x->server->pool.stops, 1);
    pthread_cond_broadcast(&x->room);
    pthread_mutex_unlock(&x->mutex);
    return clean;
}

/* ---- streams ------------------------------------------------------------------------------------------------------------------------------------ */

struct nilo_stream *nilo_answer_keep(struct nilo_exchange *x, const struct nilo_stream_options *options)
{
    struct nilo_stream *s = nilo_arena_alloc(&x->arena, sizeof(*s));
    if (s == NULL)
        return NULL;
    s->x = x;
    s->options = *options;
    if (s->options.backlog_max == 0)
        s->options.backlog_max = 65536;
    atomic_init(&s->last, nilo__now(x->server));
    x->kept = true;
    struct nilo_err err = {0};
    struct nilo__worker *worker = x->worker;
    nilo__exchange_ref(x);
    nilo__count(&x->server->counts.streams_open, 1);
    pthread_mutex_lock(&x->mutex);
    x->stream = s; /* the loop looks for it from now on */
    pthread_mutex_unlock(&x->mutex);
    x->worker = NULL; /* whoever writes from now on never waits */
    (void)flush(x, bodiless(x), &err); /* a client that is gone already is found out at the first send */
    x->worker = worker;
    return s;
}

static bool stream_push(struct nilo_stream *s, const char *p, size_t n)
{
    struct nilo_exchange *x = s->x;
    struct nilo__piece *piece = piece_new(NULL, p, n, x->chunked, false);
    bool tell = false;
    if (piece == NULL)
        return false;
    pthread_mutex_lock(&x->mutex);
    bool fine = atomic_load(&x->stopped) == 0 && !x->over;
    if (fine && x->queued + (size_t)atomic_load(&x->unsent) + n > s->options.backlog_max) {
        fine = false;
        x->broken = x->over = true;
        nilo__count(&x->server->counts.cut_slow, 1);
        tell = !x->news;
    } else if (fine) {
        if (x->first == NULL)
            x->first = piece;
        else
            x->last->next = piece;
        x->last = piece;
        x->queued += piece->n;
        piece = NULL;
        tell = !x->news;
    }
    x->news = x->news || tell;
    pthread_mutex_unlock(&x->mutex);
    free(piece);
    if (fine)
        atomic_store(&s->last, nilo__now(x->server));
    if (tell)
        nilo__loop_news(x->loop, x);
    return fine;
}

bool nilo_stream_send(struct nilo_stream *s, const char *p, size_t n)
{
    return n == 0 ? atomic_load(&s->x->stopped) == 0 : stream_push(s, p, n);
}

/* The proper end: the last chunk. */
static void stream_end(struct nilo_exchange *x)
{
    struct nilo__piece *piece = piece_new(NULL, "", 0, x->chunked, true);
    pthread_mutex_lock(&x->mutex);
    if (!x->over && piece != NULL) {
        if (x->first == NULL)
            x->first = piece;
        else
            x->last->next = piece;
        x->last = piece;
        x->queued += piece->n;
        piece = NULL;
    }
    x->over = true;
    bool tell = !x->news;
    x->news = true;
    pthread_mutex_unlock(&x->mutex);
    free(piece);
    if (tell)
        nilo__loop_news(x->loop, x);
}

void nilo_stream_close(struct nilo_stream *s)
{
    struct nilo_exchange *x = s->x;
    stream_end(x);
    nilo__count(&x->server->counts.streams_open, -1);
    nilo__exchange_unref(x);
}

void nilo__exchange_beat(struct nilo_exchange *x)
{
    struct nilo_stream *s = x->stream;
    if (s->options.heartbeat_us > 0 && nilo__now(x->server) - atomic_load(&s->last) >= s->options.heartbeat_us)
        (void)stream_push(s, s->options.heartbeat, strlen(s->options.heartbeat));
    if (s->options.end_at > 0 && nilo__now(x->server) >= s->options.end_at)
        stream_end(x);
}

void nilo__exchange_end(struct nilo_exchange *x)
{
    stream_end(x);
}
