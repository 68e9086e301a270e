/* The real transport of the http client: libcurl's multi interface. See http.h for what holds; what libcurl 7.88 does not do by itself is done here:
 * the ceiling counts decompressed bytes (its own counts those on the wire, and only where a length is announced), headers have one in sum, and each
 * address is judged when its socket is made. Its environment (proxies, netrc) is not consulted: the options say it. */
#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/crypt.h"
#include "connect/http_priv.h"

#define HOST_CONNECTIONS 8
#define CONNECTIONS      64
#define CONNECT_MS       10000
#define SLOW_BYTES       100
#define SLOW_S           15
#define HEADERS_BYTES    65536
#define HEADERS_N        256
#define POLL_MAX_MS      1000

struct wire {
    struct machine *m;
    const struct nilo_http_job *job;
    CURL *easy;
    struct curl_slist *lines;
    struct nilo_buf body;
    struct nilo_arena arena; /* of the answer's headers */
    struct nilo_http_header headers[HEADERS_N];
    size_t n_headers, header_bytes;
    bool proxied;
    bool too_big, bad_headers, two_lengths, not_public, no_memory;
    nilo_us until; /* by the system's clock */
    char why[CURL_ERROR_SIZE];
    struct wire *next, **at;
};

struct machine {
    struct nilo_env system; /* waiting is by the real clock */
    CURLM *multi;
    struct curl_slist *resolve;
    struct wire *wires;
    char *proxy, *no_proxy, *ca_file;
    long connect_ms, slow_bytes, slow_s;
    size_t headers_max;
    bool http1;
    atomic_bool woken; /* by any thread */
};

static nilo_us mono(const struct machine *m)
{
    return m->system.clock.mono(m->system.clock.ctx);
}

/* ---- what libcurl calls ----------------------------------------------------------------------------------------------------------------- */

static size_t take_body(char *p, size_t size, size_t n, void *ctx)
{
    struct wire *w = ctx;
    n *= size;
    if (w->body.len + n > w->job->body_max) {
        w->too_big = true;
        return 0;
    }
    if (nilo_buf_add(&w->body, p, n) != 0) {
        w->no_memory = true;
        return 0;
    }
    return n;
}

/* Lengths that differ: what libcurl would take the first of, another on the way may cut elsewhere. */
static bool differs(const struct wire *w, const struct nilo_http_header *new)
{
    for (size_t i = 0; i < w->n_headers; i++) {
        if (strcasecmp(new->name, "Content-Length") == 0 && strcasecmp(w->headers[i].name, new->name) == 0 && strcmp(w->headers[i].value, new->value) != 0)
            return true;
    }
    return false;
}

/* One line. A status line begins a new head: of "100 Continue" nothing is kept, but it counts. */
static size_t take_header(char *p, size_t size, size_t n, void *ctx)
{
    struct wire *w = ctx;
    n *= size;
    w->header_bytes += n + 16;
    if (w->header_bytes > w->m->headers_max || w->n_headers == HEADERS_N) {
        w->bad_headers = true;
        return 0;
    }
    const char *colon = memchr(p, ':', n);
    if (n >= 5 && memcmp(p, "HTTP/", 5) == 0) {
        w->n_headers = 0;
    } else if (colon != NULL && colon > p) {
        struct nilo_http_header *h = &w->headers[w->n_headers];
        h->name = nilo_arena_strndup(&w->arena, p, (size_t)(colon - p));
        h->value = nilo_arena_strndup(&w->arena, colon + 1, n - (size_t)(colon + 1 - p));
        if (h->name == NULL || h->value == NULL) {
            w->no_memory = true;
            return 0;
        }
        if (differs(w, h)) {
            w->two_lengths = true;
            return 0;
        }
        w->n_headers++;
    }
    return n;
}

/* The address that is really connected to. Behind a proxy it is the proxy's, whom the operator named. */
static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct wire *w = ctx;
    const void *address = NULL;
    if (a->family == AF_INET)
        address = &((const struct sockaddr_in *)(const void *)&a->addr)->sin_addr;
    else if (a->family == AF_INET6)
        address = &((const struct sockaddr_in6 *)(const void *)&a->addr)->sin6_addr;
    if (purpose != CURLSOCKTYPE_IPCXN || address == NULL || (!w->proxied && !nilo__http_may_connect(a->family, address, w->job->loopback))) {
        w->not_public = true;
        return CURL_SOCKET_BAD;
    }
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* ---- setting up ----------------------------------------------------------------------------------------------------------------------------- */

static bool take_lines(struct wire *w)
{
    static const char *const none[] = {"Expect:"};
    for (size_t i = 0; i < w->job->n_headers + 1; i++) {
        struct curl_slist *more = curl_slist_append(w->lines, i < w->job->n_headers ? w->job->headers[i] : none[0]);
        if (more == NULL)
            return false;
        w->lines = more;
    }
    return true;
}

static CURLcode set_method(struct wire *w)
{
    CURL *c = w->easy;
    const struct nilo_http_job *job = w->job;
    CURLcode rc = CURLE_OK;
#define SET(option, value) rc = rc == CURLE_OK ? curl_easy_setopt(c, option, value) : rc
    if (strcmp(job->method, "HEAD") == 0)
        SET(CURLOPT_NOBODY, 1L);
    else if (job->body != NULL || strcmp(job->method, "POST") == 0)
        SET(CURLOPT_POST, 1L);
    if (job->body != NULL || strcmp(job->method, "POST") == 0) {
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)job->n_body);
        SET(CURLOPT_POSTFIELDS, job->body != NULL ? job->body : "");
    }
    if (strcmp(job->method, "GET") != 0 && strcmp(job->method, "POST") != 0 && strcmp(job->method, "HEAD") != 0)
        SET(CURLOPT_CUSTOMREQUEST, job->method);
    return rc;
}

static CURLcode set_safety(struct wire *w, bool https)
{
    CURL *c = w->easy;
    const struct machine *m = w->m;
    CURLcode rc = curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, https ? "https" : "http");
    SET(CURLOPT_REDIR_PROTOCOLS_STR, "https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_HTTP09_ALLOWED, 0L);
    SET(CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
    SET(CURLOPT_QUICK_EXIT, 1L); /* ending a request does not wait for a name server */
#endif
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_OPENSOCKETDATA, w);
    SET(CURLOPT_PROXY, w->proxied ? m->proxy : "");
    SET(CURLOPT_NOPROXY, "");
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    if (m->ca_file != NULL) {
        SET(CURLOPT_CAINFO, m->ca_file);
        SET(CURLOPT_CAPATH, NULL);
    }
    if (m->resolve != NULL)
        SET(CURLOPT_RESOLVE, m->resolve);
    return rc;
}

static CURLcode set_up(struct wire *w, bool https)
{
    CURL *c = w->easy;
    const struct machine *m = w->m;
    CURLcode rc = set_safety(w, https);
    SET(CURLOPT_URL, w->job->wire_url);
    SET(CURLOPT_TIMEOUT_MS, (long)w->job->deadline_ms);
    SET(CURLOPT_CONNECTTIMEOUT_MS, m->connect_ms);
    SET(CURLOPT_LOW_SPEED_LIMIT, m->slow_bytes);
    SET(CURLOPT_LOW_SPEED_TIME, m->slow_s);
    SET(CURLOPT_ACCEPT_ENCODING, "gzip, br");
    SET(CURLOPT_HTTP_VERSION, (long)(m->http1 ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS));
    SET(CURLOPT_PIPEWAIT, https && !m->http1 ? 1L : 0L);
    SET(CURLOPT_USERAGENT, "nilometer/" NILO_VERSION " (gzip)");
    SET(CURLOPT_ERRORBUFFER, w->why);
    SET(CURLOPT_HTTPHEADER, w->lines);
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_WRITEDATA, w);
    SET(CURLOPT_HEADERFUNCTION, take_header);
    SET(CURLOPT_HEADERDATA, w);
    SET(CURLOPT_PRIVATE, w);
#undef SET
    return rc == CURLE_OK ? set_method(w) : rc;
}

static void wire_free(struct wire *w)
{
    if (w->easy != NULL) {
        curl_multi_remove_handle(w->m->multi, w->easy);
        curl_easy_cleanup(w->easy);
    }
    for (struct curl_slist *l = w->lines; l != NULL; l = l->next)
        nilo_secret_wipe(l->data, strlen(l->data));
    curl_slist_free_all(w->lines);
    nilo_buf_done(&w->body);
    nilo_arena_done(&w->arena);
    if (w->at != NULL) {
        *w->at = w->next;
        if (w->next != NULL)
            w->next->at = w->at;
    }
    free(w);
}

static int start(void *transport, const struct nilo_http_job *job, struct nilo_err *err)
{
    struct machine *m = transport;
    struct nilo__http_host host;
    bool https;
    struct wire *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return nilo_err_nomem(err);
    w->m = m;
    w->job = job;
    nilo_buf_init(&w->body, job->body_max + 1);
    nilo_arena_init(&w->arena, 0);
    if (nilo__http_parse(job->url, &host, &https, err) != 0) {
        wire_free(w);
        return -1;
    }
    w->proxied = !host.loopback && m->proxy != NULL && !nilo__http_spared(m->no_proxy, host.name);
    w->easy = curl_easy_init();
    w->until = mono(m) + job->deadline_ms * 1000;
    if (w->easy == NULL || !take_lines(w) || set_up(w, https) != CURLE_OK || curl_multi_add_handle(m->multi, w->easy) != CURLM_OK) {
        wire_free(w);
        return nilo_err_nomem(err);
    }
    w->next = m->wires;
    w->at = &m->wires;
    if (w->next != NULL)
        w->next->at = &w->next;
    m->wires = w;
    return 0;
}

/* ---- how it ended ------------------------------------------------------------------------------------------------------------------------------ */

static const struct {
    CURLcode rc;
    enum nilo_http_end end;
} codes[] = {
    {CURLE_OK, NILO_HTTP_ANSWERED},
    {CURLE_COULDNT_RESOLVE_HOST, NILO_HTTP_NO_NAME},
    {CURLE_COULDNT_RESOLVE_PROXY, NILO_HTTP_NO_NAME},
    {CURLE_COULDNT_CONNECT, NILO_HTTP_NO_CONNECTION},
    {CURLE_PROXY, NILO_HTTP_NO_CONNECTION},
    {CURLE_SSL_CONNECT_ERROR, NILO_HTTP_BAD_TLS},
    {CURLE_PEER_FAILED_VERIFICATION, NILO_HTTP_BAD_TLS},
    {CURLE_SSL_CERTPROBLEM, NILO_HTTP_BAD_TLS},
    {CURLE_SSL_CIPHER, NILO_HTTP_BAD_TLS},
    {CURLE_SSL_CACERT_BADFILE, NILO_HTTP_BAD_TLS},
    {CURLE_SSL_ISSUER_ERROR, NILO_HTTP_BAD_TLS},
    {CURLE_SSL_INVALIDCERTSTATUS, NILO_HTTP_BAD_TLS},
    {CURLE_SSL_PINNEDPUBKEYNOTMATCH, NILO_HTTP_BAD_TLS},
    {CURLE_USE_SSL_FAILED, NILO_HTTP_BAD_TLS},
    {CURLE_OUT_OF_MEMORY, NILO_HTTP_LOCAL},
    {CURLE_FAILED_INIT, NILO_HTTP_LOCAL},
    {CURLE_SSL_ENGINE_NOTFOUND, NILO_HTTP_LOCAL},
};

/* One header line over 100 kB: libcurl 7.88 calls that out of memory, later ones have a word for it. */
static bool line_too_long(const struct wire *w, CURLcode rc)
{
    long status = 0;
    curl_easy_getinfo(w->easy, CURLINFO_RESPONSE_CODE, &status);
#if LIBCURL_VERSION_NUM >= 0x080600
    if (rc == CURLE_TOO_LARGE)
        return true;
#endif
    return rc == CURLE_OUT_OF_MEMORY && status != 0 && w->body.len == 0;
}

static enum nilo_http_end end_of(struct wire *w, CURLcode rc)
{
    w->bad_headers = w->bad_headers || line_too_long(w, rc);
    if (w->too_big || w->bad_headers)
        return NILO_HTTP_TOO_BIG;
    if (w->no_memory)
        return NILO_HTTP_LOCAL;
    if (w->two_lengths)
        return NILO_HTTP_BROKEN;
    if (rc == CURLE_COULDNT_CONNECT && w->not_public)
        return NILO_HTTP_NOT_PUBLIC;
    if (rc == CURLE_OPERATION_TIMEDOUT)
        return strncmp(w->why, "Operation too slow", 18) == 0 ? NILO_HTTP_TOO_SLOW : NILO_HTTP_TIMED_OUT;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (codes[i].rc == rc)
            return codes[i].end;
    }
    return NILO_HTTP_BROKEN;
}

static void finish(struct wire *w, enum nilo_http_end end, CURLcode rc)
{
    struct nilo__http_host host = {.name = ""};
    bool https;
    char message[600] = "", version[8] = "";
    long status = 0, http = 0;
    char *address = NULL;
    curl_off_t waited = 0, first = 0;
    curl_easy_getinfo(w->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(w->easy, CURLINFO_HTTP_VERSION, &http);
    curl_easy_getinfo(w->easy, CURLINFO_PRIMARY_IP, &address);
    curl_easy_getinfo(w->easy, CURLINFO_PRETRANSFER_TIME_T, &waited);
    curl_easy_getinfo(w->easy, CURLINFO_STARTTRANSFER_TIME_T, &first);
    if (status != 0)
        snprintf(version, sizeof(version), "%s", http == CURL_HTTP_VERSION_2_0 ? "2" : http == CURL_HTTP_VERSION_1_0 ? "1.0" : "1.1");
    (void)nilo__http_parse(w->job->url, &host, &https, NULL);
    if (end == NILO_HTTP_TOO_BIG)
        snprintf(message, sizeof(message), "%s: the %s of the answer are longer than they may be", host.name, w->bad_headers ? "headers" : "bytes");
    else if (end == NILO_HTTP_NOT_PUBLIC)
        snprintf(message, sizeof(message), "%s: the name has %s address, which is not connected to", host.name, w->job->loopback ? "a foreign" : "no public");
    else if (end != NILO_HTTP_ANSWERED)
        snprintf(message, sizeof(message), "%s: %s%s%s", host.name, nilo_http_end_word(end), rc != CURLE_OK ? ": " : "",
                 rc == CURLE_OK ? "" : w->why[0] != '\0' ? w->why : curl_easy_strerror(rc));
    struct nilo_http_outcome o = {.end = end, .message = message, .status = (int)status, .headers = w->headers, .n_headers = w->n_headers,
                                  .body = &w->body, .address = address, .http_version = version, .waited = waited, .first_byte = first};
    nilo_http_finish(w->job->http, w->job->id, &o);
    wire_free(w);
}

static void cancel(void *transport, uint64_t id)
{
    struct machine *m = transport;
    for (struct wire *w = m->wires; w != NULL; w = w->next) {
        if (w->job->id == id) {
            finish(w, NILO_HTTP_CANCELLED, CURLE_OK);
            return;
        }
    }
}

/* ---- moving ------------------------------------------------------------------------------------------------------------------------------------ */

static int reap(struct machine *m)
{
    int n = 0, left;
    CURLMsg *msg;
    while ((msg = curl_multi_info_read(m->multi, &left)) != NULL) {
        struct wire *w = NULL;
        if (msg->msg != CURLMSG_DONE || curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&w) != CURLE_OK || w == NULL)
            continue;
        CURLcode rc = msg->data.result;
        finish(w, end_of(w, rc), rc);
        n++;
    }
    return n;
}

/* libcurl keeps deadlines itself; this one also holds for what waits for a connection, and whatever libcurl is busy with. */
static int expire(struct machine *m, nilo_us *ret_next)
{
    nilo_us now = mono(m);
    int n = 0;
    *ret_next = NILO_US_NONE;
    for (struct wire *w = m->wires, *next; w != NULL; w = next) {
        next = w->next;
        if (w->until + 200000 <= now) {
            finish(w, NILO_HTTP_TIMED_OUT, CURLE_OK);
            n++;
        } else if (*ret_next == NILO_US_NONE || w->until + 200000 < *ret_next) {
            *ret_next = w->until + 200000;
        }
    }
    return n;
}

static int poll_(void *transport, nilo_us span, struct nilo_err *err)
{
    struct machine *m = transport;
    nilo_us begin = mono(m);
    for (;;) {
        int running, fds;
        nilo_us due;
        if (curl_multi_perform(m->multi, &running) != CURLM_OK)
            return nilo_err_set(err, NILO_EINTERNAL, "libcurl lost track of its requests");
        int ended = reap(m);
        ended += expire(m, &due);
        nilo_us now = mono(m), left = span == NILO_US_NONE ? INT64_C(3600000000) : begin + span - now;
        if (ended > 0 || left <= 0 || (span == NILO_US_NONE && m->wires == NULL))
            return 0;
        if (due != NILO_US_NONE && due - now < left)
            left = due > now ? due - now : 0;
        int64_t ms = (left + 999) / 1000;
        if (curl_multi_poll(m->multi, NULL, 0, ms < POLL_MAX_MS ? (int)ms : POLL_MAX_MS, &fds) != CURLM_OK)
            return nilo_err_set(err, NILO_EINTERNAL, "libcurl cannot wait for its requests");
        if (atomic_exchange(&m->woken, false))
            return 0;
    }
}

static void wake(void *transport)
{
    struct machine *m = transport;
    atomic_store(&m->woken, true);
    curl_multi_wakeup(m->multi);
}

static void machine_free(void *transport)
{
    struct machine *m = transport;
    if (m == NULL)
        return;
    while (m->wires != NULL)
        wire_free(m->wires);
    curl_multi_cleanup(m->multi);
    curl_slist_free_all(m->resolve);
    free(m->proxy);
    free(m->no_proxy);
    free(m->ca_file);
    free(m);
    curl_global_cleanup();
}

/* ---- making one -------------------------------------------------------------------------------------------------------------------------------- */

static const struct nilo_http_ops ops = {.name = "libcurl", .start = start, .poll = poll_, .cancel = cancel, .wake = wake, .free = machine_free};

static const char *from_environment(const char *given, const char *const *names)
{
    for (; given == NULL && *names != NULL; names++) {
        const char *value = getenv(*names);
        given = value != NULL && value[0] != '\0' ? value : NULL;
    }
    return given;
}

static int take_text(const char *text, char **ret)
{
    if (text == NULL || text[0] == '\0')
        return 0;
    *ret = strdup(text);
    return *ret != NULL ? 0 : -1;
}

static int take_options(struct machine *m, const struct nilo_http_options *o, struct nilo_err *err)
{
    static const char *const proxies[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", NULL}, *const spared[] = {"no_proxy", "NO_PROXY", NULL};
    if (take_text(from_environment(o->proxy, proxies), &m->proxy) != 0 || take_text(from_environment(o->no_proxy, spared), &m->no_proxy) != 0 ||
        take_text(o->ca_file, &m->ca_file) != 0)
        return nilo_err_nomem(err);
    for (const char *const *r = o->resolve; r != NULL && *r != NULL; r++) {
        struct curl_slist *more = curl_slist_append(m->resolve, *r);
        if (more == NULL)
            return nilo_err_nomem(err);
        m->resolve = more;
    }
    m->connect_ms = o->connect_ms > 0 ? o->connect_ms : CONNECT_MS;
    m->slow_bytes = o->slow_bytes > 0 ? o->slow_bytes : SLOW_BYTES;
    m->slow_s = o->slow_s > 0 ? o->slow_s : SLOW_S;
    m->headers_max = o->headers_max > 0 ? o->headers_max : HEADERS_BYTES;
    m->http1 = o->http1;
    bool fine = curl_multi_setopt(m->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)(o->host_connections > 0 ? o->host_connections : HOST_CONNECTIONS)) == CURLM_OK &&
                curl_multi_setopt(m->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)(o->connections > 0 ? o->connections : CONNECTIONS)) == CURLM_OK &&
                curl_multi_setopt(m->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX) == CURLM_OK;
    return fine ? 0 : nilo_err_set(err, NILO_EINTERNAL, "libcurl does not take its limits");
}

int nilo_http_new(const struct nilo_env *env, const struct nilo_http_options *options, struct nilo_http **ret, struct nilo_err *err)
{
    static const struct nilo_http_options none;
    struct machine *m = calloc(1, sizeof(*m));
    if (m == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(m);
        return nilo_err_nomem(err);
    }
    m->multi = curl_multi_init();
    int rc = m->multi != NULL ? nilo_env_plain(&m->system, err) : nilo_err_nomem(err);
    if (rc == 0)
        rc = take_options(m, options != NULL ? options : &none, err);
    if (rc == 0)
        rc = nilo_http_new_over(env, &ops, m, ret, err);
    if (rc != 0)
        machine_free(m);
    return rc;
}
