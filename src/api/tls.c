/* TLS 1.2 and later by OpenSSL's own choice of ciphers; certificate and key from PEM files, read again on reload. */
#include "api/server_priv.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

struct nilo__tls {
    pthread_mutex_t mutex;
    SSL_CTX *ctx; /* under the mutex; sessions hold the one they began with */
    char *certificate, *key;
};

/* HTTP/2 is offered by clients (supabase-py) and not spoken here. */
static int choose(SSL *ssl, const unsigned char **out, unsigned char *out_n, const unsigned char *in, unsigned int in_n, void *arg)
{
    (void)ssl, (void)arg;
    static const unsigned char ours[] = "\x08http/1.1";
    if (SSL_select_next_proto((unsigned char **)(uintptr_t)out, out_n, ours, sizeof(ours) - 1, in, in_n) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    return SSL_TLSEXT_ERR_OK;
}

static int load(const struct nilo__tls *t, SSL_CTX **ret, struct nilo_err *err)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (ctx == NULL)
        return nilo_err_nomem(err);
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_alpn_select_cb(ctx, choose, NULL);
    const char *file = NULL;
    if (SSL_CTX_use_certificate_chain_file(ctx, t->certificate) != 1)
        file = t->certificate;
    else if (SSL_CTX_use_PrivateKey_file(ctx, t->key, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(ctx) != 1)
        file = t->key;
    if (file == NULL) {
        *ret = ctx;
        return 0;
    }
    char why[200];
    ERR_error_string_n(ERR_peek_last_error(), why, sizeof(why));
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    SSL_CTX_free(ctx);
    return nilo_err_set(err, NILO_ECONFIG, "TLS: cannot use %s: %s", file, reason != NULL ? reason : why);
}

int nilo__tls_new(const char *certificate, const char *key, struct nilo__tls **ret, struct nilo_err *err)
{
    struct nilo__tls *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return nilo_err_nomem(err);
    pthread_mutex_init(&t->mutex, NULL);
    t->certificate = strdup(certificate);
    t->key = strdup(key);
    if (t->certificate == NULL || t->key == NULL || load(t, &t->ctx, err) != 0) {
        if (t->certificate == NULL || t->key == NULL)
            nilo_err_nomem(err);
        nilo__tls_free(t);
        return -1;
    }
    *ret = t;
    return 0;
}

int nilo__tls_reload(struct nilo__tls *t, struct nilo_err *err)
{
    SSL_CTX *fresh = NULL;
    if (load(t, &fresh, err) != 0)
        return -1;
    pthread_mutex_lock(&t->mutex);
    SSL_CTX *old = t->ctx;
    t->ctx = fresh;
    pthread_mutex_unlock(&t->mutex);
    SSL_CTX_free(old);
    return 0;
}

struct ssl_st *nilo__tls_session(struct nilo__tls *t)
{
    pthread_mutex_lock(&t->mutex);
    SSL *ssl = SSL_new(t->ctx);
    pthread_mutex_unlock(&t->mutex);
    return ssl;
}

void nilo__tls_bye(struct ssl_st *session)
{
    SSL_shutdown(session);
    ERR_clear_error();
}

void nilo__tls_free(struct nilo__tls *t)
{
    if (t == NULL)
        return;
    SSL_CTX_free(t->ctx);
    pthread_mutex_destroy(&t->mutex);
    free(t->certificate);
    free(t->key);
    free(t);
}
