/* See url.h. libcurl is used here alone: no redirects, TLS verified, plain HTTP to this machine only, the key from a file or the environment. */
#include "cmd/url.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypt.h"
#include "base/json.h"

#define KEY_MAX     8192
#define TARGET_MAX  (1 << 20)
#define REFUSAL_MAX 65536 /* of what is read of an error */
#define CONNECT_S   10L
#define TIMEOUT_S   300
#define TIMEOUT_MAX 86400

struct asking {
    struct nilo_cmd_ctx *ctx;
    struct nilo_buf url;
    char *socket; /* NULL: over the network */
    CURL *curl;
    struct curl_slist *headers;
    char *key; /* "Authorization: Bearer ...", in secret memory; NULL = none */
    char why[CURL_ERROR_SIZE];
    struct nilo_buf refusal;
    struct nilo_buf notes; /* what the server says beside the rows: a line each */
    struct nilo_buf body;  /* of a function that writes; empty: it is asked with GET */
    int64_t bytes;
    char last;
    int failed; /* errno of our own output */
};

/* ---- where ------------------------------------------------------------------------------------------------------------------------- */

static bool is_loopback(const char *host)
{
    unsigned a, b, c, d;
    char more;
    return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 || (sscanf(host, "%3u.%3u.%3u.%3u%c", &a, &b, &c, &d, &more) == 4 && a == 127);
}

static bool has_part(CURLU *u, CURLUPart part)
{
    char *text = NULL;
    bool has = curl_url_get(u, part, &text, 0) == CURLUE_OK;
    curl_free(text);
    return has;
}

static int check_parts(CURLU *u, const char *url, struct nilo_err *err)
{
    char *scheme = NULL, *host = NULL;
    int rc = 0;
    bool fine = curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK && curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK;
    if (has_part(u, CURLUPART_USER) || has_part(u, CURLUPART_PASSWORD))
        rc = nilo_err_set(err, NILO_EUSAGE, "--url takes no name and no password; put the key into NILOMETER_KEY or a file that --key-file names");
    else if (!fine || (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0))
        rc = nilo_err_set(err, NILO_EUSAGE, "--url takes https://HOST, http://127.0.0.1:PORT or unix:PATH");
    else if (has_part(u, CURLUPART_QUERY) || has_part(u, CURLUPART_FRAGMENT))
        rc = nilo_err_set(err, NILO_EUSAGE, "--url names the server alone; what is asked comes behind the command");
    else if (strcmp(scheme, "http") == 0 && !is_loopback(host))
        rc = nilo_err_set(err, NILO_EUSAGE, "over plain HTTP anybody on the way to %s could read the key; use https://", host);
    curl_free(scheme);
    curl_free(host);
    return rc;
}

static int take_url(struct asking *a, const char *url, struct nilo_err *err)
{
    if (strncmp(url, "unix:", 5) == 0) {
        if (url[5] == '\0')
            return nilo_err_set(err, NILO_EUSAGE, "--url unix: names no socket; write unix:/path/of/it");
        a->socket = strdup(url + 5);
        nilo_buf_adds(&a->url, "http://localhost");
        return a->socket != NULL ? 0 : nilo_err_nomem(err);
    }
    CURLU *u = curl_url();
    if (u == NULL)
        return nilo_err_nomem(err);
    int rc = check_parts(u, url, err);
    curl_url_cleanup(u);
    size_t n = strlen(url);
    while (n > 0 && url[n - 1] == '/')
        n--;
    nilo_buf_add(&a->url, url, n);
    return rc;
}

/* Everything but what stands for itself, in a name or a value of its own. */
static void add_encoded(struct nilo_buf *b, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        if ((*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || strchr("-._~", *p) != NULL)
            nilo_buf_addc(b, (char)*p);
        else
            nilo_buf_addf(b, "%%%02X", *p);
    }
}

/* A query as it was written: what means something there stays, what no request line may hold is encoded. */
static void add_query(struct nilo_buf *b, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        if (*p <= ' ' || *p >= 0x7f || strchr("\"<>\\^`{|}#", *p) != NULL)
            nilo_buf_addf(b, "%%%02X", *p);
        else
            nilo_buf_addc(b, (char)*p);
    }
}

static void add_base(struct asking *a)
{
    const char *workspace = nilo_args_get(a->ctx->args, "workspace");
    if (workspace != NULL) {
        nilo_buf_adds(&a->url, "/w/");
        add_encoded(&a->url, workspace);
    }
    nilo_buf_adds(&a->url, "/rest/v1/");
}

static void add_as_of(struct asking *a, char before)
{
    const char *as_of = nilo_args_get(a->ctx->args, "as-of");
    if (as_of == NULL)
        return;
    nilo_buf_addf(&a->url, "%cas_of=", before);
    add_encoded(&a->url, as_of);
}

/* ---- the key ---------------------------------------------------------------------------------------------------------------------------- */

static int read_key(const char *path, char *out, size_t size, struct nilo_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t n = fd >= 0 ? read(fd, out, size) : -1;
    int rc = n >= 0 ? 0 : nilo_err_sys(err, NILO_EIO, "cannot read the key in %s", path);
    if (fd >= 0)
        close(fd);
    if (rc == 0 && (size_t)n == size)
        return nilo_err_set(err, NILO_EINVAL, "%s is too long for a key", path);
    if (rc == 0)
        out[n] = '\0';
    return rc;
}

/* Without the end of its line. It goes into a header as it is. */
static int check_key(char *key, struct nilo_err *err)
{
    size_t n = strlen(key);
    while (n > 0 && (key[n - 1] == '\n' || key[n - 1] == '\r' || key[n - 1] == ' '))
        key[--n] = '\0';
    for (size_t i = 0; i < n; i++) {
        if (key[i] <= ' ' || key[i] >= 0x7f)
            return nilo_err_set(err, NILO_EINVAL, "the key is one word of printable characters; that one is not");
    }
    return n > 0 ? 0 : nilo_err_set(err, NILO_EINVAL, "the key is empty");
}

static int take_key(struct asking *a, struct nilo_err *err)
{
    static const char scheme[] = "Authorization: Bearer ";
    const char *path = nilo_args_get(a->ctx->args, "key-file"), *given = getenv("NILOMETER_KEY");
    const size_t at = sizeof(scheme) - 1;
    if (path == NULL && (given == NULL || given[0] == '\0'))
        return 0; /* the Unix socket needs none; others say so themselves */
    a->key = nilo_secret_alloc(at + KEY_MAX + 1);
    if (a->key == NULL)
        return nilo_err_nomem(err);
    memcpy(a->key, scheme, at);
    if (path != NULL) {
        if (read_key(path, a->key + at, KEY_MAX, err) != 0)
            return -1;
    } else if (snprintf(a->key + at, KEY_MAX, "%s", given) >= KEY_MAX) {
        return nilo_err_set(err, NILO_EINVAL, "what NILOMETER_KEY holds is too long for a key");
    }
    return check_key(a->key + at, err);
}

/* ---- the answer ---------------------------------------------------------------------------------------------------------------------------- */

static size_t take_body(char *p, size_t size, size_t n, void *ctx)
{
    struct asking *a = ctx;
    long status = 0;
    n *= size;
    curl_easy_getinfo(a->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200 || status > 299) {
        size_t room = REFUSAL_MAX - a->refusal.len;
        nilo_buf_add(&a->refusal, p, n < room ? n : room);
        return n;
    }
    if (fwrite(p, 1, n, a->ctx->out) != n) {
        a->failed = errno;
        return 0;
    }
    a->bytes += (int64_t)n;
    a->last = n > 0 ? p[n - 1] : a->last;
    return n;
}

static bool header(const char *p, size_t n, const char *name, struct nilo_buf *ret)
{
    size_t len = strlen(name);
    if (n <= len || strncasecmp(p, name, len) != 0)
        return false;
    while (len < n && p[len] == ' ')
        len++;
    while (n > len && (p[n - 1] == '\r' || p[n - 1] == '\n'))
        n--;
    nilo_buf_add(ret, p + len, n - len);
    return true;
}

static size_t take_header(char *p, size_t size, size_t n, void *ctx)
{
    struct asking *a = ctx;
    n *= size;
    if (header(p, n, "Nilometer-Note:", &a->notes))
        nilo_buf_addc(&a->notes, '\n');
    return n;
}

/* ---- refusals ------------------------------------------------------------------------------------------------------------------------------ */

/* What such an answer is called here. Several share a code: the status tells them apart, as far as it can. */
static enum nilo_code code_of(long status, const char *sqlstate)
{
    static const struct {
        enum nilo_code code;
        int status;
        const char *sqlstate;
    } codes[] = {
#define X(id, text, http, state, exit, retry) {id, http, state},
        NILO_ERROR_ROWS(X)
#undef X
    };
    for (int exact = 1; exact >= 0; exact--) {
        for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
            if (codes[i].code != NILO_OK && strcmp(codes[i].sqlstate, sqlstate) == 0 && (!exact || codes[i].status == status))
                return codes[i].code;
        }
    }
    if (status == 400 || status == 404 || status == 405 || status == 406 || status == 413 || status == 414 || status == 416)
        return NILO_EINVAL;
    return status == 401 || status == 403 ? NILO_EPERM : status == 429 || status == 503 ? NILO_EBUSY : NILO_ESOURCE;
}

struct refusal {
    char code[16], message[400], details[300], hint[300];
};

static int take_text(struct nilo_json *j, char *out, size_t size)
{
    enum nilo_json_event event;
    const char *text;
    size_t n;
    if (nilo_json_next(j, &event, &text, &n, NULL) != 0)
        return -1;
    if (event == NILO_JSON_STRING)
        snprintf(out, size, "%.*s", (int)n, text);
    return event == NILO_JSON_STRING || event == NILO_JSON_NULL ? 0 : -1;
}

/* The four members of the dialect's errors. false: it is something else. */
static bool read_refusal(const struct nilo_buf *body, struct refusal *r)
{
    struct nilo_json *j;
    enum nilo_json_event event;
    const char *name;
    size_t n;
    *r = (struct refusal){0};
    if (nilo_json_new(nilo_buf_str(body), body->len, NILO_JSON_DEFAULT_LIMITS, &j, NULL) != 0)
        return false;
    int rc = nilo_json_next(j, &event, &name, &n, NULL) == 0 && event == NILO_JSON_OBJECT_BEGIN ? 0 : -1;
    while (rc == 0 && nilo_json_next(j, &event, &name, &n, NULL) == 0 && event == NILO_JSON_KEY) {
        if (n == 4 && memcmp(name, "code", 4) == 0)
            rc = take_text(j, r->code, sizeof(r->code));
        else if (n == 7 && memcmp(name, "message", 7) == 0)
            rc = take_text(j, r->message, sizeof(r->message));
        else if (n == 7 && memcmp(name, "details", 7) == 0)
            rc = take_text(j, r->details, sizeof(r->details));
        else if (n == 4 && memcmp(name, "hint", 4) == 0)
            rc = take_text(j, r->hint, sizeof(r->hint));
        else
            rc = nilo_json_skip(j, NULL);
    }
    nilo_json_free(j);
    return rc == 0 && r->code[0] != '\0' && r->message[0] != '\0';
}

static int refused(const struct asking *a, long status, struct nilo_err *err)
{
    struct refusal r;
    if (status >= 300 && status <= 399)
        return nilo_err_set(err, NILO_ESOURCE, "the server sends us elsewhere (%ld), which is not followed; name the place itself with --url", status);
    if (!read_refusal(&a->refusal, &r))
        return nilo_err_set(err, code_of(status, ""), "the server answers %ld, and not as a Nilometer does; is --url right?", status);
    if (r.details[0] >= 'A' && r.details[0] <= 'Z' && r.details[1] >= 'a' && r.details[1] <= 'z')
        r.details[0] = (char)(r.details[0] - 'A' + 'a'); /* in the middle of a sentence here */
    return nilo_err_set(err, code_of(status, r.code), "%s%s%s%s%s", r.message, r.details[0] != '\0' ? ": " : "", r.details, r.hint[0] != '\0' ? "; " : "", r.hint);
}

/* ---- one request --------------------------------------------------------------------------------------------------------------------------- */

static const char *accept_of(enum nilo_format format)
{
    switch (format) {
    case NILO_FORMAT_TABLE:
        return "Accept: text/vnd.nilometer.table";
    case NILO_FORMAT_OBJECT:
        return "Accept: application/vnd.pgrst.object+json";
    case NILO_FORMAT_CSV:
        return "Accept: text/csv";
    case NILO_FORMAT_NDJSON:
        return "Accept: application/x-ndjson";
    default:
        return "Accept: application/json";
    }
}

static bool add_header(struct asking *a, const char *line)
{
    struct curl_slist *more = curl_slist_append(a->headers, line);
    a->headers = more != NULL ? more : a->headers;
    return more != NULL;
}

static int set_up(struct asking *a, enum nilo_format format, struct nilo_err *err)
{
    const struct nilo_args *args = a->ctx->args;
    int64_t seconds;
    if (nilo_args_int(args, "timeout", 1, TIMEOUT_MAX, TIMEOUT_S, &seconds, err) != 0)
        return -1;
    a->curl = curl_easy_init();
    if (a->curl == NULL || a->url.failed || !add_header(a, accept_of(format)) || !add_header(a, "Nilometer-Notes: 1") ||
        (a->body.len > 0 && !add_header(a, "Content-Type: application/json")) || (a->key != NULL && !add_header(a, a->key)))
        return nilo_err_nomem(err);
    CURL *c = a->curl;
    bool local = strncmp(nilo_buf_str(&a->url), "http:", 5) == 0;
    CURLcode rc = curl_easy_setopt(c, CURLOPT_URL, nilo_buf_str(&a->url));
#define SET(option, value) rc = rc == CURLE_OK ? curl_easy_setopt(c, option, value) : rc
    SET(CURLOPT_PROTOCOLS_STR, local ? "http" : "https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_CONNECTTIMEOUT, CONNECT_S);
    SET(CURLOPT_TIMEOUT, (long)seconds);
    SET(CURLOPT_ERRORBUFFER, a->why);
    SET(CURLOPT_USERAGENT, "nilometer/" NILO_VERSION);
    SET(CURLOPT_HTTPHEADER, a->headers);
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_WRITEDATA, a);
    SET(CURLOPT_HEADERFUNCTION, take_header);
    SET(CURLOPT_HEADERDATA, a);
    if (a->body.len > 0)
        SET(CURLOPT_POSTFIELDS, nilo_buf_str(&a->body));
    if (local)
        SET(CURLOPT_PROXY, "");
    if (a->socket != NULL)
        SET(CURLOPT_UNIX_SOCKET_PATH, a->socket);
    if (nilo_args_get(args, "ca-file") != NULL)
        SET(CURLOPT_CAINFO, nilo_args_get(args, "ca-file"));
#undef SET
    return rc == CURLE_OK ? 0 : nilo_err_set(err, NILO_ESOURCE, "the request cannot be made: %s", curl_easy_strerror(rc));
}

static int perform(struct asking *a, struct nilo_err *err)
{
    long status = 0;
    CURLcode rc = curl_easy_perform(a->curl);
    curl_easy_getinfo(a->curl, CURLINFO_RESPONSE_CODE, &status);
    if (a->failed != 0) {
        errno = a->failed;
        return nilo_err_sys(err, NILO_EIO, "cannot write the answer");
    }
    const char *why = a->why[0] != '\0' ? a->why : curl_easy_strerror(rc);
    if (rc == CURLE_OPERATION_TIMEDOUT)
        return nilo_err_set(err, NILO_ETIMEOUT, "the server took too long%s; --timeout gives it longer", a->bytes > 0 ? ", and the answer is not whole" : "");
    if (rc != CURLE_OK)
        return nilo_err_set(err, NILO_ESOURCE, a->bytes > 0 ? "the answer broke off, it is not whole: %s" : "the server cannot be asked: %s", why);
    if (status < 200 || status > 299)
        return refused(a, status, err);
    if (a->bytes > 0 && a->last != '\n')
        fputc('\n', a->ctx->out);
    if (fflush(a->ctx->out) != 0)
        return nilo_err_sys(err, NILO_EIO, "cannot write the answer");
    for (const char *line = nilo_buf_str(&a->notes), *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
        nilo_cmd_notice(a->ctx, "%.*s", (int)(end - line), line);
    return 0;
}

static void asking_done(struct asking *a)
{
    curl_easy_cleanup(a->curl);
    for (struct curl_slist *h = a->headers; h != NULL && a->key != NULL; h = h->next)
        nilo_secret_wipe(h->data, strlen(h->data));
    curl_slist_free_all(a->headers);
    nilo_secret_free(a->key);
    free(a->socket);
    nilo_buf_done(&a->url);
    nilo_buf_done(&a->refusal);
    nilo_buf_done(&a->notes);
    nilo_buf_done(&a->body);
    curl_global_cleanup();
}

static int asking_begin(struct asking *a, struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    *a = (struct asking){.ctx = ctx};
    nilo_buf_init(&a->url, TARGET_MAX);
    nilo_buf_init(&a->refusal, REFUSAL_MAX);
    nilo_buf_init(&a->notes, 16384);
    nilo_buf_init(&a->body, TARGET_MAX);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return nilo_err_nomem(err);
    return take_url(a, nilo_args_get(ctx->args, "url"), err) != 0 ? -1 : take_key(a, err);
}

int nilo__url_get(struct nilo_cmd_ctx *ctx, const char *request, enum nilo_format format, struct nilo_err *err)
{
    struct asking a;
    const char *query = strchr(request, '?');
    char *relation = strndup(request, query != NULL ? (size_t)(query - request) : strlen(request));
    int rc = asking_begin(&a, ctx, err);
    if (rc == 0 && relation == NULL)
        rc = nilo_err_nomem(err);
    if (rc == 0 && relation[0] == '\0')
        rc = nilo_err_set(err, NILO_EPARSE, "the request names no relation");
    if (rc == 0) {
        add_base(&a);
        add_encoded(&a.url, relation);
        if (query != NULL)
            add_query(&a.url, query);
        add_as_of(&a, query != NULL ? '&' : '?');
        rc = set_up(&a, format, err) != 0 ? -1 : perform(&a, err);
    }
    free(relation);
    asking_done(&a);
    return rc;
}

/* Their arguments are days and names: texts. */
static void put_body(struct asking *a, const struct nilo_arg *args, size_t n)
{
    struct nilo_json_out o;
    nilo_json_out_init(&o, &a->body);
    nilo_json_object_begin(&o);
    for (size_t i = 0; i < n; i++) {
        nilo_json_key(&o, args[i].name);
        nilo_json_str(&o, args[i].value);
    }
    nilo_json_object_end(&o);
}

int nilo__url_call(struct nilo_cmd_ctx *ctx, const char *function, const struct nilo_arg *args, size_t n, bool writes, enum nilo_format format, struct nilo_err *err)
{
    struct asking a;
    int rc = asking_begin(&a, ctx, err);
    if (rc == 0) {
        add_base(&a);
        nilo_buf_adds(&a.url, "rpc/");
        add_encoded(&a.url, function);
        if (writes)
            put_body(&a, args, n);
        for (size_t i = 0; i < n && !writes; i++) {
            nilo_buf_addc(&a.url, i == 0 ? '?' : '&');
            add_encoded(&a.url, args[i].name);
            nilo_buf_addc(&a.url, '=');
            add_encoded(&a.url, args[i].value);
        }
        add_as_of(&a, n > 0 && !writes ? '&' : '?');
        rc = set_up(&a, format, err) != 0 ? -1 : perform(&a, err);
    }
    asking_done(&a);
    return rc;
}
