/* Reading: GET and HEAD of a relation, and of the functions that read. From the headers and the query string to a query, from its rows to an answer
 * that is streamed. What an answer says about itself (Content-Range, 200 or 206) has to be known before its first byte: a short answer is held back until
 * it is whole; one that is longer is begun anew with its rows counted ahead, in one state with the rows. */
#include <stdlib.h>
#include <string.h>

#include "api/admit.h"
#include "api/publish.h"
#include "api/settings.h"
#include "api/rest_days.h"
#include "api/rest_head.h"
#include "api/rest_priv.h"
#include "api/rest_quick.h"
#include "api/rest_read.h"
#include "base/digits.h"
#include "base/tag.h"

#define HELD_MAX  ((size_t)192 << 10) /* an instant answer may be 256 KiB */
#define NAME_MOST 300
#define HEADERS_MAX   8192
#define TAG_N         33 /* of an ETag, with its NUL */
#define KEPT_FOR      (5 * NILO_US_MINUTE)
#define KEPT_ACTIVITY (10 * NILO_US_MINUTE)

/* ---- one request ---------------------------------------------------------------------------------------------------------------------------- */

static bool counted(const struct nilo__reading *r)
{
    return r->prefer.count != NULL;
}

/* What changes without a new day has to be asked for each time: runs, connections, definitions. Series and functions may lie in a browser. */
static bool revalidate(const struct nilo__reading *r)
{
    const struct nilo_relation *relation = r->query != NULL ? nilo_query_relation(r->query) : NULL; /* a quick one is of days, too */
    return r->published != NULL || (relation != NULL && relation->covers == NULL);
}

static void send_seconds(struct nilo_exchange *x, int64_t seconds)
{
    static const char line[] = "Cache-Control: private, max-age=";
    char digits[24];
    nilo_answer_lines(x, line, sizeof(line) - 1);
    nilo_answer_lines(x, digits, nilo_digits(seconds, digits));
    nilo_answer_lines(x, "\r\n", 2);
}

static void send_age(const struct nilo_api *api, struct nilo_exchange *x, bool ask_again, nilo_us until)
{
    nilo_us left = until - api->env->clock.mono(api->env->clock.ctx);
    if (ask_again)
        nilo_answer_header(x, "Cache-Control", "private, no-cache");
    else
        send_seconds(x, left > 0 ? left / NILO_US_SECOND : 0);
    nilo_answer_header(x, "Vary", "Authorization, apikey, Accept, Prefer, Range");
}

/* Headers of a good answer of so many rows; -1 = not known. */
static void begin_answer(struct nilo__reading *r, int64_t rows)
{
    char range[NILO_CONTENT_RANGE_TEXT], applied[NILO_REST_APPLIED];
    int64_t offset = r->head.offset, total = counted(r) ? r->head.total : -1, most = r->request.max_rows;
    r->status = 200;
    if (r->head.limited && rows == most && r->head.total > offset + rows) { /* nothing is cut silently */
        total = r->head.total;
        nilo_rest_header(&r->headers, "Nilometer-Limit", "max_rows=%lld", (long long)most);
    }
    if (rows >= 0) {
        nilo_content_range(offset, rows, total, range);
        nilo_rest_header(&r->headers, "Content-Range", "%s", range);
        if (total >= 0 && rows < total)
            r->status = 206;
    }
    if (nilo_rest_applied(&r->prefer, applied))
        nilo_rest_header(&r->headers, "Preference-Applied", "%s", applied);
    nilo_answer_status(r->x, r->status);
    nilo_answer_type(r->x, r->accept.mime);
    nilo_answer_lines(r->x, nilo_buf_str(&r->headers), r->headers.len);
    send_age(r->api, r->x, revalidate(r), r->until);
    r->open = true;
}

/* What a person should know beside the rows, who reads it on a terminal: which days are recorded, where there are none. */
static int put_notes(struct nilo__reading *r, int64_t rows, struct nilo_err *err)
{
    struct nilo_notes notes = {0};
    const char *note = nilo_query_note(r->query);
    if (!r->noted || r->published != NULL)
        return 0;
    if (rows == 0 && nilo_query_nothing(r->query, r->store, &r->scope.scope, &notes, err) != 0)
        return -1;
    if (notes.details[0] != '\0')
        nilo_rest_header(&r->headers, "Nilometer-Note", "%s%s%s", notes.details, notes.hint[0] != '\0' ? "; " : "", notes.hint);
    if (note != NULL)
        nilo_rest_header(&r->headers, "Nilometer-Note", "%s", note);
    return 0;
}

static int send_held(struct nilo__reading *r, struct nilo_err *err)
{
    int rc = r->held.len > 0 ? nilo_answer_write(r->x, r->held.data, r->held.len, err) : 0;
    nilo_buf_reset(&r->held);
    return rc;
}

static const char *tag_of(const struct nilo__reading *r, char out[TAG_N])
{
    unsigned char name[16];
    struct nilo_tag t;
    nilo_tag_init(&t, nilo_store_uuid(r->store));
    nilo_tag_add(&t, r->accept.mime, strlen(r->accept.mime));
    nilo_tag_add(&t, nilo_buf_str(&r->headers), r->headers.len);
    nilo_tag_add(&t, nilo_buf_str(&r->held), r->held.len);
    nilo_tag_done(&t, name);
    nilo_hex(name, sizeof(name), out);
    return out;
}

/* The whole answer is at hand: it is kept for whoever asks the same, and not sent to who has it. */
static int send_whole(struct nilo__reading *r, struct nilo_err *err)
{
    char tag[TAG_N];
    bool has = nilo_answer_etag(r->x, tag_of(r, tag));
    nilo_buf_add(&r->headers, tag, sizeof(tag));
    const struct nilo_rest_kept kept = {.status = r->status, .revalidate = revalidate(r), .until = r->until, .mime = r->accept.mime,
                                        .headers = nilo_buf_str(&r->headers), .headers_n = r->headers.len,
                                        .body = nilo_buf_str(&r->held), .body_n = r->held.len};
    if (!r->headers.failed && r->published == NULL)
        nilo_rest_cache_put(r->api, &r->key, r->mark, &kept);
    return has ? 0 : send_held(r, err);
}

/* More than is held back. 0: goes on; -1: the run ends, to be begun again: when its turn has come (whoever asks for much stands in another queue than those who ask
 * for little), or with its rows counted ahead. */
static int grow_long(struct nilo__reading *r, struct nilo_err *err)
{
    r->parked = nilo_req_long(r->x) == NILO_PARKED;
    r->again = r->parked || (nilo_query_relation(r->query) != NULL && r->head.page < 0);
    return r->again ? nilo_err_set(err, NILO_ECANCELLED, "the answer is a long one") : 0;
}

/* A nilo_write_fn: holds back what is short. */
static int take_bytes(void *ctx, const char *p, size_t n, struct nilo_err *err)
{
    struct nilo__reading *r = ctx;
    if (!r->open && r->held.len + n <= HELD_MAX)
        return nilo_buf_add(&r->held, p, n) != 0 ? nilo_err_nomem(err) : 0;
    if (!r->open) {
        if (!r->counted_ahead && grow_long(r, err) != 0)
            return -1;
        begin_answer(r, r->head.page);
        if (send_held(r, err) != 0)
            return -1;
    }
    return nilo_answer_write(r->x, p, n, err);
}

/* ---- the rows --------------------------------------------------------------------------------------------------------------------------------- */

/* Between the query and the writer: sees the head, and ends the run where nothing else is wanted. */
struct between {
    struct nilo__reading *r;
    struct nilo_sink to;
};

static int see_head(void *ctx, const struct nilo_head *head, struct nilo_err *err)
{
    struct between *b = ctx;
    b->r->head = *head;
    if (b->r->only_head && head->page >= 0)
        return 1;
    return b->to.head(b->to.ctx, head, err);
}

static int pass_row(void *ctx, const struct nilo_datum *cells, struct nilo_err *err)
{
    struct between *b = ctx;
    return b->to.row(b->to.ctx, cells, err);
}

static int run_query(struct nilo__reading *r, struct nilo_writer *w, struct nilo_err *err)
{
    struct between b = {.r = r, .to = nilo_writer_sink(w)};
    const struct nilo_sink sink = {see_head, pass_row, &b};
    return nilo_query_run(r->query, r->store, &r->scope.scope, &sink, err);
}

static int answer_head(struct nilo__reading *r, struct nilo_err *err)
{
    int64_t rows = r->head.page;
    if (r->accept.format == NILO_FORMAT_OBJECT && rows != 1) {
        nilo_err_set(err, NILO_EONE, "Cannot coerce the result to a single JSON object: the result contains %lld rows", (long long)rows);
        return -1;
    }
    begin_answer(r, rows);
    return 0;
}

static int run_once(struct nilo__reading *r, struct nilo_err *err)
{
    struct nilo_writer *w = NULL;
    r->head = (struct nilo_head){.total = -1, .page = -1};
    nilo_buf_reset(&r->held);
    if (nilo_writer_new(r->accept.format, r->accept.strip, take_bytes, r, &w, err) != 0)
        return -1;
    int rc = run_query(r, w, err);
    if (rc == 1) {
        rc = answer_head(r, err);
    } else if (rc == 0 && (rc = nilo_writer_end(w, err)) == 0 && !r->open) {
        int64_t rows = nilo_writer_rows(w);
        if (nilo_query_function(r->query) != NULL)
            r->head.total = nilo_query_total(r->query);
        rc = put_notes(r, rows, err);
        if (rc == 0) {
            begin_answer(r, rows);
            rc = send_whole(r, err);
        }
    }
    nilo_writer_free(w);
    return rc;
}

/* PostgREST says how many rows there were. */
static void say_how_many(struct nilo__reading *r, struct nilo_err *err)
{
    struct nilo_err why = {0};
    if (err->code != NILO_EONE || nilo_query_relation(r->query) == NULL || strstr(err->msg, "more than one") == NULL)
        return;
    nilo_query_count(r->query, NILO_COUNT_PAGE);
    r->only_head = true;
    struct nilo_writer *w = NULL;
    if (nilo_writer_new(NILO_FORMAT_NDJSON, false, take_bytes, r, &w, &why) == 0 && run_query(r, w, &why) == 1)
        nilo_err_set(err, NILO_EONE, "Cannot coerce the result to a single JSON object: the result contains %lld rows", (long long)r->head.page);
    nilo_writer_free(w);
}

/* What is known to be long: its rows are counted first, where they can be. */
static int run_long(struct nilo__reading *r, struct nilo_err *err)
{
    r->again = false;
    r->counted_ahead = true;
    if (nilo_query_relation(r->query) != NULL && !counted(r))
        nilo_query_count(r->query, NILO_COUNT_PAGE);
    return run_once(r, err);
}

/* 0, -1, or NILO_PARKED: its turn has not come. */
static int run(struct nilo__reading *r, struct nilo_err *err)
{
    bool waited = nilo_req_is_long(r->x);
    int rc = waited ? run_long(r, err) : run_once(r, err);
    if (rc != 0 && r->parked)
        return NILO_PARKED;
    if (rc != 0 && r->again) {
        *err = (struct nilo_err){0};
        rc = run_long(r, err);
    }
    if (rc != 0)
        say_how_many(r, err);
    return rc;
}

/* ---- what relations and functions have in common ----------------------------------------------------------------------------------------------- */

/* Headers, then whose rows. 0; 1: answered; -1 */
static int prepare(struct nilo__reading *r, struct nilo_err *err)
{
    struct nilo_exchange *x = r->x;
    if (nilo_rest_current(x, &r->store, &r->mark, err) != 0)
        return -1;
    int rc = nilo_rest_scope(x, r->store, &r->scope, err);
    bool head = nilo_req_method(x) == NILO_HEAD;
    r->only_head = head;
    r->request.url = true;
    r->request.seen = &r->scope.scope;
    r->request.any_range = r->scope.any_range;
    r->request.max_rows = nilo_rest_role(x) == NILO_ROLE_SERVICE ? 0 : nilo_settings_max_rows(r->api->settings);
    r->request.unasked = !counted(r);
    r->request.count = counted(r) || r->request.max_rows > 0 ? NILO_COUNT_EXACT : head ? NILO_COUNT_PAGE : NILO_COUNT_NONE;
    return rc;
}

static bool gone(void *x)
{
    return nilo_req_stopped(x);
}

/* A statement that outlives the request is of no use. Its limit in whole tens of seconds: a server is told only where it changes. */
static void limit_time(struct nilo__reading *r)
{
    nilo_us deadline = nilo_req_deadline(r->x), now = r->api->env->clock.mono(r->api->env->clock.ctx), step = 10 * NILO_US_SECOND;
    nilo_us left = deadline == INT64_MAX ? 0 : deadline > now ? (deadline - now + step - 1) / step * step : step;
    nilo_db_timeout(nilo_store_db(r->store), left / 1000);
    nilo_db_watch(nilo_store_db(r->store), gone, r->x);
}

static int finish(struct nilo__reading *r, int rc, struct nilo_err *err)
{
    int64_t total = r->query == NULL ? -1 : nilo_query_total(r->query);
    if (r->store != NULL)
        nilo_db_watch(nilo_store_db(r->store), NULL, NULL);
    if (rc == -1) /* NILO_PARKED stays: nothing was said yet */
        rc = nilo_rest_fail(r->x, &r->notes, err);
    else if (rc == 1)
        rc = 0;
    if (err->code == NILO_ERANGE && total >= 0)
        nilo_answer_header(r->x, "Content-Range", "*/%lld", (long long)total);
    nilo_query_free(r->query);
    nilo_publish_close(r->published);
    nilo_buf_done(&r->held);
    nilo_buf_done(&r->headers);
    return rc;
}

/* Everything that the answer follows from, but for the state of the store: who asks as far as it matters, and what. */
static void key_of(struct nilo__reading *r)
{
    const struct nilo_principal *p = nilo_req_principal(r->x);
    const char *workspace = nilo_rest_in_workspace(r->x) ? nilo_req_segment(r->x, 0) : "", *name = nilo_rest_name(r->x);
    const int said[] = {(int)nilo_rest_role(r->x), p != NULL && p->workspaces_said, nilo_rest_in_workspace(r->x), nilo_req_unix(r->x),
                        (int)nilo_req_method(r->x), (int)r->accept.format, r->accept.strip, r->prefer.strict, r->prefer.lenient, r->noted};
    const int64_t range[] = {r->request.range_first, r->request.range_last};
    const char *const words[] = {nilo_req_route(r->x)->path, workspace, name, r->accept.mime, r->prefer.count != NULL ? r->prefer.count : ""};
    struct nilo_blake h;
    size_t n, body_n;
    const char *query = nilo_req_query(r->x, &n), *body = nilo_req_body(r->x, &body_n);
    nilo_blake_init(&h);
    nilo_blake_add(&h, said, sizeof(said));
    nilo_blake_add(&h, range, sizeof(range));
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        nilo_blake_add(&h, words[i], strlen(words[i]) + 1);
    nilo_blake_add(&h, &n, sizeof(n));
    nilo_blake_add(&h, query, n);
    nilo_blake_add(&h, &body_n, sizeof(body_n));
    nilo_blake_add(&h, body, body_n);
    for (size_t i = 0; p != NULL && i < p->n_workspaces; i++)
        nilo_blake_add(&h, p->workspaces[i], strlen(p->workspaces[i]) + 1);
    nilo_blake_done(&h, r->key.bytes);
}

/* The headers of the request. false: refused, the answer is given */
static bool understand(struct nilo__reading *r, struct nilo_exchange *x)
{
    *r = (struct nilo__reading){.x = x, .api = nilo_req_ctx(x), .request = NILO_REQUEST_DEFAULT};
    nilo_buf_init(&r->held, HELD_MAX + 1);
    nilo_buf_init(&r->headers, HEADERS_MAX);
    if (!nilo_rest_profile(x) || !nilo_rest_coding(x) || !nilo_rest_accept(x, &r->accept) || !nilo_rest_prefer(x, &r->prefer) || !nilo_rest_range(x, &r->request))
        return false;
    size_t n;
    r->noted = nilo_req_header(x, "Nilometer-Notes", 0, &n) != NULL;
    key_of(r);
    return true;
}

/* Is the answer there already? */
static bool answer_kept(struct nilo__reading *r, int *ret_rc, struct nilo_err *err)
{
    const struct nilo_rest_kept *kept = nilo_rest_cache_find(r->api, &r->key);
    if (kept == NULL)
        return false;
    nilo_answer_status(r->x, kept->status);
    nilo_answer_type(r->x, kept->mime);
    const char *tag = kept->headers + kept->headers_n - TAG_N; /* behind the lines, with its NUL */
    nilo_answer_lines(r->x, kept->headers, kept->headers_n - TAG_N);
    send_age(r->api, r->x, kept->revalidate, kept->until);
    *ret_rc = nilo_answer_etag(r->x, tag) ? 0 : nilo_answer_write(r->x, kept->body, kept->body_n, err);
    nilo_rest_cache_drop(kept);
    return true;
}

int nilo__rest_read_with(struct nilo_exchange *x, nilo__rest_parse_fn *parse, struct nilo_err *err)
{
    struct nilo__reading r;
    int rc = 1, kept_rc;
    if (understand(&r, x))
        rc = prepare(&r, err);
    if (rc == 0 && answer_kept(&r, &kept_rc, err)) {
        nilo_rest_cache_hit(r.api, true);
        return kept_rc;
    }
    if (rc == 0) {
        nilo_rest_cache_hit(r.api, false);
        limit_time(&r);
        rc = parse(&r, err);
    }
    if (rc == 0) {
        const struct nilo_function *f = nilo_query_function(r.query);
        r.until = nilo_rest_cache_until(r.api, f != NULL && strcmp(f->name, "activity") == 0 ? KEPT_ACTIVITY : KEPT_FOR);
        rc = nilo_rest_days(r.api, r.mark, r.query, r.store, &r.scope.scope, nilo_req_arena(x), &r.headers, err);
    }
    size_t lines = r.headers.len; /* what is said of the days; then what follows from the rows */
    if (rc == 0 && (rc = run(&r, err)) == 0)
        nilo_rest_quick_keep(&r, lines);
    return finish(&r, rc, err);
}

/* Is it a small question, and known? From the store, as it is now. */
static bool answer_quick(struct nilo__reading *r, int *ret_rc, struct nilo_err *err)
{
    int64_t rows;
    bool quick = !r->noted && nilo_rest_quick(r, &rows);
    if (quick) {
        nilo_rest_cache_made_here(r->api);
        r->until = nilo_rest_cache_until(r->api, KEPT_FOR);
        r->head = (struct nilo_head){.total = -1, .page = -1};
        begin_answer(r, rows);
        *ret_rc = send_whole(r, err);
    }
    nilo_buf_done(&r->held);
    nilo_buf_done(&r->headers);
    return quick;
}

/* On the loop: what is kept and known to be of now goes out at once. */
int nilo_rest_instant(struct nilo_exchange *x, struct nilo_err *err)
{
    struct nilo__reading r;
    int rc = 0;
    struct nilo_api *api = nilo_req_ctx(x);
    if (nilo_rest_role(x) == NILO_ROLE_SERVICE)
        nilo_req_deadline_set(x, INT64_MAX); /* an export takes as long as it takes, while its client takes it */
    if (!nilo_rest_cache_look_here(api))
        return NILO_LATER;
    if (!understand(&r, x))
        return 0;
    if (answer_kept(&r, &rc, err))
        nilo_rest_cache_hit(api, true);
    else if (!answer_quick(&r, &rc, err))
        rc = NILO_LATER;
    return rc;
}

/* ---- relations ----------------------------------------------------------------------------------------------------------------------------------- */

/* The name of the path is decoded already and will be once more: what is no letter is spelled out. */
static bool put_name(struct nilo_buf *text, const char *name)
{
    if (strlen(name) > NAME_MOST)
        return false;
    for (const char *p = name; *p != '\0'; p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '_';
        if (plain)
            nilo_buf_addc(text, *p);
        else
            nilo_buf_addf(text, "%%%02X", (unsigned)(unsigned char)*p);
    }
    return true;
}

static int parse_relation(struct nilo__reading *r, struct nilo_err *err)
{
    struct nilo_buf text;
    size_t n;
    const char *query = nilo_req_query(r->x, &n), *name = nilo_rest_name(r->x);
    if (nilo_rest_role(r->x) == NILO_ROLE_SERVICE && nilo_publish_open(r->api, name, r->scope.workspace.name, &r->published, err) != 0)
        return -1;
    if (r->published != NULL)
        return nilo_publish_parse(r->published, query, n, &r->request, &r->query, &r->notes, err);
    nilo_buf_init(&text, (size_t)1 << 20);
    if (!put_name(&text, name))
        return nilo_err_set(err, NILO_ERELATION, "Could not find the table 'public.%.100s' in the schema cache", name);
    nilo_buf_addc(&text, '?');
    nilo_buf_add(&text, query, n);
    int rc = text.failed ? nilo_err_nomem(err)
                         : nilo_query_parse(r->store, text.data, text.len, &r->request, &r->query, &r->notes, err);
    nilo_buf_done(&text);
    return rc;
}

int nilo_rest_read(struct nilo_exchange *x, struct nilo_err *err)
{
    return nilo__rest_read_with(x, parse_relation, err);
}
