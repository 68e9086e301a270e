/* See zoo.h. A thread for each connection. */
#include "zoo.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#define HEARD 65536
#define PEERS 512

struct zoo {
    int listener, port;
    SSL_CTX *tls;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_t peers[PEERS];
    int fds[PEERS];
    int n, open, most;
    bool stop;
    char heard[HEARD];
};

struct peer {
    struct zoo *z;
    int at, fd;
    SSL *ssl;
    char in[HEARD];
    size_t n;
};

static void must(bool fine, const char *what)
{
    if (!fine) {
        fprintf(stderr, "zoo: %s failed\n", what);
        abort();
    }
}

/* ---- bytes ------------------------------------------------------------------------------------------------------------------------------- */

static bool say(struct peer *p, const void *bytes, size_t n)
{
    const char *at = bytes;
    while (n > 0) {
        ssize_t k = p->ssl != NULL ? SSL_write(p->ssl, at, n < 16384 ? (int)n : 16384) : send(p->fd, at, n, MSG_NOSIGNAL);
        if (k <= 0)
            return false;
        at += k;
        n -= (size_t)k;
    }
    return true;
}

static bool says(struct peer *p, const char *text)
{
    return say(p, text, strlen(text));
}

static bool hear(struct peer *p)
{
    ssize_t k = p->ssl != NULL ? SSL_read(p->ssl, p->in + p->n, (int)(sizeof(p->in) - 1 - p->n)) : recv(p->fd, p->in + p->n, sizeof(p->in) - 1 - p->n, 0);
    if (k <= 0)
        return false;
    p->n += (size_t)k;
    p->in[p->n] = '\0';
    return true;
}

/* A whole request; what it says of its length is believed. */
static bool hear_request(struct peer *p)
{
    p->n = 0;
    p->in[0] = '\0';
    char *end;
    while ((end = strstr(p->in, "\r\n\r\n")) == NULL) {
        if (!hear(p))
            return false;
        if (p->ssl == NULL && p->in[0] == 0x16) { /* TLS, to a server that speaks none */
            says(p, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
            return false;
        }
    }
    const char *length = strcasestr(p->in, "\r\nContent-Length:");
    size_t whole = (size_t)(end + 4 - p->in) + (length != NULL && length < end ? strtoul(length + 17, NULL, 10) : 0);
    while (p->n < whole) {
        if (!hear(p))
            return false;
    }
    pthread_mutex_lock(&p->z->lock);
    memcpy(p->z->heard, p->in, p->n + 1);
    pthread_mutex_unlock(&p->z->lock);
    return true;
}

/* Waits until the other side goes away, or the zoo closes. */
static void wait_for_end(struct peer *p)
{
    char c;
    while (p->ssl != NULL ? SSL_read(p->ssl, &c, 1) > 0 : recv(p->fd, &c, 1, 0) > 0)
        ;
}

static bool gone(struct peer *p, int ms)
{
    struct pollfd f = {.fd = p->fd, .events = POLLIN};
    return poll(&f, 1, ms) != 0;
}

/* ---- behaviours ------------------------------------------------------------------------------------------------------------------------------ */

static bool whole(struct peer *p, const char *head, const void *body, size_t n)
{
    char line[300];
    snprintf(line, sizeof(line), "HTTP/1.1 200 OK\r\n%sContent-Length: %zu\r\n\r\n", head, n);
    return says(p, line) && say(p, body, n);
}

static size_t gzip(const void *in, size_t n, void *out, size_t max)
{
    z_stream s = {0};
    must(deflateInit2(&s, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) == Z_OK, "deflateInit2");
    s.next_in = (Bytef *)(uintptr_t)in;
    s.avail_in = (uInt)n;
    s.next_out = out;
    s.avail_out = (uInt)max;
    must(deflate(&s, Z_FINISH) == Z_STREAM_END, "deflate");
    deflateEnd(&s);
    return max - s.avail_out;
}

static void echo(struct peer *p)
{
    whole(p, "Content-Type: text/plain\r\nX-Twice: one\r\nX-TWICE:  two \r\nX-Empty:\r\nRetry-After: 120\r\nRetry-After: 7\r\n", p->in, p->n);
}

static void gzipped(struct peer *p)
{
    char out[200];
    whole(p, "Content-Encoding: gzip\r\n", out, gzip("hello, gzip", 11, out, sizeof(out)));
}

static void gzipped_twice(struct peer *p)
{
    char once[200], twice[400];
    size_t n = gzip("hello, twice", 12, once, sizeof(once));
    whole(p, "Content-Encoding: gzip, gzip\r\n", twice, gzip(once, n, twice, sizeof(twice)));
}

static void brotli(struct peer *p)
{
    whole(p, "Content-Encoding: br\r\n", "\x0b\x02\x80hello\x03", 9);
}

static void not_gzip(struct peer *p)
{
    whole(p, "Content-Encoding: gzip\r\n", "this is no gzip at all", 22);
}

static void gzip_cut(struct peer *p)
{
    char out[200];
    size_t n = gzip("hello, gzip", 11, out, sizeof(out));
    whole(p, "Content-Encoding: gzip\r\n", out, n - 6);
}

/* A mebibyte of it is a gibibyte. */
static void bomb(struct peer *p)
{
    static char zeros[1 << 20];
    unsigned char out[4096];
    z_stream s = {0};
    must(deflateInit2(&s, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) == Z_OK, "deflateInit2");
    bool fine = says(p, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Type: application/json\r\n\r\n");
    for (int i = 0; fine && i < 1024; i++) {
        s.next_in = (Bytef *)zeros;
        s.avail_in = sizeof(zeros);
        do {
            s.next_out = out;
            s.avail_out = sizeof(out);
            deflate(&s, i == 1023 ? Z_FINISH : Z_NO_FLUSH);
            fine = fine && say(p, out, sizeof(out) - s.avail_out);
        } while (s.avail_out == 0);
    }
    deflateEnd(&s);
}

static void big(struct peer *p)
{
    static char letters[1 << 16];
    memset(letters, 'x', sizeof(letters));
    says(p, "HTTP/1.1 200 OK\r\n\r\n");
    for (int i = 0; i < 1024 && say(p, letters, sizeof(letters)); i++)
        ;
}

static void drip(struct peer *p)
{
    if (says(p, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")) {
        while (!gone(p, 50) && says(p, "x"))
            ;
    }
}

static void drip_head(struct peer *p)
{
    if (says(p, "HTTP/1.1 200 OK\r\nX-Slow: ")) {
        while (!gone(p, 50) && says(p, "x"))
            ;
    }
}

static void silence(struct peer *p)
{
    wait_for_end(p);
}

static void headers(struct peer *p)
{
    bool fine = says(p, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; fine && i < 100000; i++) {
        char line[64];
        snprintf(line, sizeof(line), "X-Header-%d: some value\r\n", i);
        fine = says(p, line);
    }
}

static void few_long_headers(struct peer *p)
{
    char line[8192];
    memset(line, 'v', sizeof(line));
    memcpy(line, "X-Long: ", 8);
    memcpy(line + sizeof(line) - 2, "\r\n", 2);
    bool fine = says(p, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; fine && i < 50; i++)
        fine = say(p, line, sizeof(line));
}

static void one_header(struct peer *p)
{
    bool fine = says(p, "HTTP/1.1 200 OK\r\nX-Long: ");
    for (int i = 0; fine && i < 1000; i++)
        fine = says(p, "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv");
}

static void continues(struct peer *p)
{
    for (int i = 0; i < 100000 && says(p, "HTTP/1.1 100 Continue\r\n\r\n"); i++)
        ;
}

static void redirect(struct peer *p)
{
    says(p, "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest/meta-data/\r\nContent-Length: 0\r\n\r\n");
}

static void redirect_here(struct peer *p)
{
    says(p, "HTTP/1.1 301 Moved\r\nLocation: /echo\r\nContent-Length: 0\r\n\r\n");
}

static void cut(struct peer *p)
{
    says(p, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this");
}

static void short_length(struct peer *p)
{
    says(p, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfour and more");
}

static void chunks(struct peer *p)
{
    says(p, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n0\r\n\r\n");
}

static void bad_chunks(struct peer *p)
{
    says(p, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzzzz\r\nfour\r\n0\r\n\r\n");
}

static void huge_chunk(struct peer *p)
{
    says(p, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nfour\r\n0\r\n\r\n");
}

static void cut_chunks(struct peer *p)
{
    says(p, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n");
}

static void no_http(struct peer *p)
{
    says(p, "220 smtp.example.org ESMTP\r\n");
}

static void nothing(struct peer *p)
{
    (void)p;
}

static void two_lengths(struct peer *p)
{
    says(p, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 9\r\n\r\nfour five");
}

static void negative_length(struct peer *p)
{
    says(p, "HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\nfour");
}

static void nul_header(struct peer *p)
{
    static const char bytes[] = "HTTP/1.1 200 OK\r\nX-Nul: a\0b\r\nContent-Length: 0\r\n\r\n";
    say(p, bytes, sizeof(bytes) - 1);
}

static void busy(struct peer *p)
{
    says(p, "HTTP/1.1 503 Busy\r\nRetry-After: 99999999999\r\nContent-Length: 4\r\n\r\nbusy");
}

static void empty(struct peer *p)
{
    says(p, "HTTP/1.1 204 No Content\r\n\r\n");
}

/* As a proxy that lets nobody through. */
static void refuse(struct peer *p)
{
    says(p, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

/* Long enough that others come meanwhile. */
static void later(struct peer *p)
{
    if (!gone(p, 30))
        whole(p, "", "later", 5);
}

#define ROW(name) {"/" #name, name}
static const struct {
    const char *path;
    void (*fn)(struct peer *);
} behaviours[] = {
    ROW(echo), ROW(gzipped), ROW(gzipped_twice), ROW(brotli), ROW(not_gzip), ROW(gzip_cut), ROW(bomb), ROW(big), ROW(drip), ROW(drip_head), ROW(silence), ROW(headers),
    ROW(few_long_headers), ROW(one_header), ROW(continues), ROW(redirect), ROW(redirect_here), ROW(cut), ROW(short_length), ROW(chunks), ROW(bad_chunks),
    ROW(huge_chunk), ROW(cut_chunks), ROW(no_http), ROW(nothing), ROW(two_lengths), ROW(negative_length), ROW(nul_header), ROW(busy), ROW(empty), ROW(later),
};

static bool keeps_alive(void (*fn)(struct peer *))
{
    return fn == echo || fn == gzipped || fn == later || fn == empty || fn == chunks || fn == redirect || fn == redirect_here || fn == busy;
}

static bool behave(struct peer *p)
{
    const char *path = strchr(p->in, ' ');
    if (strncmp(p->in, "CONNECT ", 8) == 0) {
        refuse(p);
        return false;
    }
    size_t n = path != NULL ? strcspn(++path, " ?") : 0;
    for (size_t i = 0; i < sizeof(behaviours) / sizeof(behaviours[0]); i++) {
        if (strlen(behaviours[i].path) == n && strncmp(behaviours[i].path, path, n) == 0) {
            behaviours[i].fn(p);
            return keeps_alive(behaviours[i].fn);
        }
    }
    says(p, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    return true;
}

/* ---- connections ------------------------------------------------------------------------------------------------------------------------------ */

static void *serve(void *ctx)
{
    struct peer *p = ctx;
    bool fine = true;
    if (p->z->tls != NULL) {
        p->ssl = SSL_new(p->z->tls);
        SSL_set_fd(p->ssl, p->fd);
        fine = SSL_accept(p->ssl) == 1;
        ERR_clear_error();
    }
    while (fine && hear_request(p) && behave(p))
        ;
    if (p->ssl != NULL) {
        SSL_shutdown(p->ssl);
        SSL_free(p->ssl);
    }
    /* So that what lies unread does not become a reset that overtakes the answer. */
    shutdown(p->fd, SHUT_WR);
    struct timeval second = {.tv_sec = 1};
    setsockopt(p->fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
    char rest[4096];
    while (recv(p->fd, rest, sizeof(rest), 0) > 0)
        ;
    pthread_mutex_lock(&p->z->lock);
    close(p->fd);
    p->z->fds[p->at] = -1;
    p->z->open--;
    pthread_mutex_unlock(&p->z->lock);
    free(p);
    return NULL;
}

static void *accept_all(void *ctx)
{
    struct zoo *z = ctx;
    for (;;) {
        int fd = accept(z->listener, NULL, NULL);
        pthread_mutex_lock(&z->lock);
        if (fd < 0 || z->stop || z->n == PEERS) {
            pthread_mutex_unlock(&z->lock);
            if (fd >= 0)
                close(fd);
            return NULL;
        }
        struct peer *p = calloc(1, sizeof(*p));
        must(p != NULL, "calloc");
        *p = (struct peer){.z = z, .at = z->n, .fd = fd};
        z->fds[z->n] = fd;
        z->open++;
        z->most = z->open > z->most ? z->open : z->most;
        must(pthread_create(&z->peers[z->n++], NULL, serve, p) == 0, "pthread_create");
        pthread_mutex_unlock(&z->lock);
    }
}

struct zoo *zoo_open(const struct zoo_tls *tls)
{
    struct zoo *z = calloc(1, sizeof(*z));
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(here);
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL */
    must(z != NULL, "calloc");
    if (tls != NULL) {
        z->tls = SSL_CTX_new(TLS_server_method());
        must(z->tls != NULL && SSL_CTX_use_certificate_file(z->tls, tls->certificate, SSL_FILETYPE_PEM) == 1 &&
                 SSL_CTX_use_PrivateKey_file(z->tls, tls->key, SSL_FILETYPE_PEM) == 1, "the certificate");
        if (tls->newest != 0) {
            SSL_CTX_set_max_proto_version(z->tls, tls->newest);
            SSL_CTX_set_cipher_list(z->tls, "ALL:@SECLEVEL=0");
        }
    }
    pthread_mutex_init(&z->lock, NULL);
    z->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(bind(z->listener, (struct sockaddr *)&here, sizeof(here)) == 0 && listen(z->listener, 128) == 0, "bind");
    must(getsockname(z->listener, (struct sockaddr *)&here, &n) == 0, "getsockname");
    z->port = ntohs(here.sin_port);
    must(pthread_create(&z->thread, NULL, accept_all, z) == 0, "pthread_create");
    return z;
}

void zoo_close(struct zoo *z)
{
    pthread_mutex_lock(&z->lock);
    z->stop = true;
    for (int i = 0; i < z->n; i++) {
        if (z->fds[i] >= 0)
            shutdown(z->fds[i], SHUT_RDWR);
    }
    pthread_mutex_unlock(&z->lock);
    shutdown(z->listener, SHUT_RDWR);
    pthread_join(z->thread, NULL);
    for (int i = 0; i < z->n; i++)
        pthread_join(z->peers[i], NULL);
    close(z->listener);
    SSL_CTX_free(z->tls);
    pthread_mutex_destroy(&z->lock);
    free(z);
}

int zoo_port(const struct zoo *z)
{
    return z->port;
}

static int read_locked(struct zoo *z, const int *n)
{
    pthread_mutex_lock(&z->lock);
    int was = *n;
    pthread_mutex_unlock(&z->lock);
    return was;
}

int zoo_connections(struct zoo *z)
{
    return read_locked(z, &z->n);
}

int zoo_at_once(struct zoo *z)
{
    return read_locked(z, &z->most);
}

char *zoo_heard(struct zoo *z)
{
    pthread_mutex_lock(&z->lock);
    char *copy = strdup(z->heard);
    pthread_mutex_unlock(&z->lock);
    return copy;
}

/* ---- certificates --------------------------------------------------------------------------------------------------------------------------------- */

void zoo_certificate(const char *alt, int days, const char *certificate, const char *key)
{
    EVP_PKEY *pkey = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    must(pkey != NULL && x != NULL, "EVP_EC_gen");
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -10 * 86400L);
    X509_gmtime_adj(X509_getm_notAfter(x), days * 86400L);
    X509_set_pubkey(x, pkey);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"zoo", -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alt);
    must(e != NULL && X509_add_ext(x, e, -1) == 1 && X509_sign(x, pkey, EVP_sha256()) > 0, "X509_sign");
    FILE *f = fopen(certificate, "w");
    must(f != NULL && PEM_write_X509(f, x) == 1 && fclose(f) == 0, certificate);
    f = fopen(key, "w");
    must(f != NULL && PEM_write_PrivateKey(f, pkey, NULL, NULL, 0, NULL, NULL) == 1 && fclose(f) == 0, key);
    X509_EXTENSION_free(e);
    X509_free(x);
    EVP_PKEY_free(pkey);
}
