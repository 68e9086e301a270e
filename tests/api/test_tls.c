/* TLS over loopback with certificates made here: the same answers, half-closed properly, new certificates after a reload; plain text is refused. */
#include "world.h"

#include "support/tmp.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string.h>

static struct world w;

static void make_certificate(const char *name, const char *certificate, const char *key)
{
    EVP_PKEY *pkey = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    assert_non_null(pkey);
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 86400);
    X509_set_pubkey(x, pkey);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    assert_true(X509_sign(x, pkey, EVP_sha256()) > 0);
    FILE *f = fopen(certificate, "w");
    assert_non_null(f);
    PEM_write_X509(f, x);
    fclose(f);
    f = fopen(key, "w");
    assert_non_null(f);
    PEM_write_PrivateKey(f, pkey, NULL, NULL, 0, NULL, NULL);
    fclose(f);
    X509_free(x);
    EVP_PKEY_free(pkey);
}

static char certificate[4096], key[4096];

static int start(void **state)
{
    (void)state;
    snprintf(certificate, sizeof(certificate), "%s", nilo_test_path("certificate.pem"));
    snprintf(key, sizeof(key), "%s", nilo_test_path("key.pem"));
    make_certificate("first", certificate, key);
    world_init(&w);
    w.listen[0].tls = true;
    w.config.tls_certificate = certificate;
    w.config.tls_key = key;
    world_start(&w);
    return 0;
}
static int stop(void **state)
{
    (void)state;
    world_stop(&w);
    return 0;
}

static int highest; /* version of TLS that open_secure() takes; 0 = any */

struct secure {
    struct client c;
    SSL_CTX *ctx;
    SSL *ssl;
};

static bool open_secure(struct secure *s, const char *alpn)
{
    client_open(&s->c, &w);
    s->ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_max_proto_version(s->ctx, highest);
    s->ssl = SSL_new(s->ctx);
    if (alpn != NULL)
        SSL_set_alpn_protos(s->ssl, (const unsigned char *)alpn, (unsigned)strlen(alpn));
    SSL_set_fd(s->ssl, s->c.fd);
    bool fine = SSL_connect(s->ssl) == 1;
    ERR_clear_error();
    return fine;
}

static void close_secure(struct secure *s)
{
    SSL_free(s->ssl);
    SSL_CTX_free(s->ctx);
    client_close(&s->c);
}

/* Everything until the end; false: the end was no proper one. */
static bool read_all(struct secure *s, struct nilo_buf *out)
{
    char bytes[16384];
    int n;
    while ((n = SSL_read(s->ssl, bytes, sizeof(bytes))) > 0)
        nilo_buf_add(out, bytes, (size_t)n);
    bool proper = SSL_get_error(s->ssl, n) == SSL_ERROR_ZERO_RETURN;
    ERR_clear_error();
    return proper;
}

static void ask(struct secure *s, const char *request, struct nilo_buf *out)
{
    assert_int_equal(SSL_write(s->ssl, request, (int)strlen(request)), (int)strlen(request));
    assert_true(read_all(s, out));
}

#define LAST(path) "GET " path " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

static void answers_come_through_tls(void **state)
{
    (void)state;
    struct secure s;
    struct nilo_buf out;
    nilo_buf_init(&out, 64u << 20);
    assert_true(open_secure(&s, "\x02h2\x08http/1.1"));
    assert_true(SSL_version(s.ssl) >= TLS1_2_VERSION);
    const unsigned char *chosen;
    unsigned n;
    SSL_get0_alpn_selected(s.ssl, &chosen, &n);
    assert_int_equal(n, 8);
    ask(&s, GET("/instant?1") GET("/worker?2") "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody" LAST("/known?3000000"), &out);
    assert_non_null(strstr(out.data, "<1>"));
    assert_non_null(strstr(out.data, "<2>"));
    assert_non_null(strstr(out.data, "body"));
    const char *last = strstr(out.data, "Content-Length: 3000000");
    assert_non_null(last);
    assert_int_equal(out.data + out.len - (strstr(last, "\r\n\r\n") + 4), 3000000);
    close_secure(&s);
    nilo_buf_done(&out);
    assert_false(open_secure(&s, "\x02h2")); /* not spoken here */
    close_secure(&s);
}

static void plain_text_and_silence_end_there(void **state)
{
    (void)state;
    struct client c;
    client_open(&c, &w);
    client_send(&c, GET("/instant"));
    struct answer a;
    assert_false(client_answer(&c, &a, false));
    answer_done(&a);
    client_close(&c);
    client_open(&c, &w);
    WORLD_UNTIL(world_counts(&w).connections == 2 && world_counts(&w).connections_open == 1);
    world_advance(&w, 10 * NILO_US_SECOND); /* a handshake has the time of a head */
    assert_true(client_ended(&c));
    client_close(&c);
}

/* A handshake costs the server more than the client: one connection gets one. TLS 1.3 has no other; in 1.2 asking for it is refused. */
static void a_second_handshake_on_a_connection_is_refused(void **state)
{
    (void)state;
    struct secure s, other;
    struct nilo_buf out;
    nilo_buf_init(&out, 1 << 20);
    highest = TLS1_2_VERSION;
    assert_true(open_secure(&s, NULL));
    assert_int_equal(SSL_version(s.ssl), TLS1_2_VERSION);
    assert_int_equal(SSL_renegotiate(s.ssl), 1);
    assert_int_not_equal(SSL_do_handshake(s.ssl), 1);
    assert_int_equal(ERR_GET_REASON(ERR_peek_error()), SSL_R_NO_RENEGOTIATION);
    ERR_clear_error();
    assert_int_equal(SSL_num_renegotiations(s.ssl), 1); /* asked for */
    close_secure(&s);
    assert_true(open_secure(&other, NULL)); /* and nobody else notices */
    ask(&other, LAST("/instant?still"), &out);
    assert_non_null(strstr(out.data, "<still>"));
    close_secure(&other);
    highest = 0;
    nilo_buf_done(&out);
}

static void name_of(struct secure *s, char out[64])
{
    X509 *x = SSL_get1_peer_certificate(s->ssl);
    assert_non_null(x);
    X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, out, 64);
    X509_free(x);
}

static void reload_takes_a_new_certificate_or_keeps_the_old(void **state)
{
    (void)state;
    struct secure old, new;
    struct nilo_err err = {0};
    char name[64];
    assert_true(open_secure(&old, NULL));
    make_certificate("second", certificate, key);
    assert_int_equal(nilo_server_reload(w.server, &err), 0);
    assert_true(open_secure(&new, NULL));
    name_of(&new, name);
    assert_string_equal(name, "second");
    close_secure(&new);
    make_certificate("third", certificate, nilo_test_path("other_key.pem")); /* does not fit the key */
    assert_int_equal(nilo_server_reload(w.server, &err), -1);
    assert_int_equal(err.code, NILO_ECONFIG);
    assert_true(open_secure(&new, NULL));
    name_of(&new, name);
    assert_string_equal(name, "second");
    close_secure(&new);
    struct nilo_buf out;
    nilo_buf_init(&out, 1 << 20);
    name_of(&old, name);
    assert_string_equal(name, "first");
    ask(&old, LAST("/instant?still"), &out);
    assert_non_null(strstr(out.data, "<still>"));
    nilo_buf_done(&out);
    close_secure(&old);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, start, stop)
    const struct CMUnitTest tests[] = {
        EACH(answers_come_through_tls),
        EACH(plain_text_and_silence_end_there),
        EACH(a_second_handshake_on_a_connection_is_refused),
        EACH(reload_takes_a_new_certificate_or_keeps_the_old),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
