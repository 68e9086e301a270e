/* See settings.h. */
#include "api/settings.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "api/credential.h"
#include "api/hook_keys.h"
#include "api/publish.h"

struct nilo_settings_held {
    int refs;
    struct nilo_config *config;
    char *cron;
    bool cron_in_query;
    struct nilo_hook_keys *hooks;
};

struct nilo_settings {
    pthread_mutex_t mutex;
    struct nilo_settings_held *now;
    int64_t done, failed;
};

static void held_free(struct nilo_settings_held *h)
{
    if (h == NULL)
        return;
    if (h->cron != NULL)
        explicit_bzero(h->cron, strlen(h->cron));
    free(h->cron);
    nilo_hook_keys_free(h->hooks);
    nilo_config_free(h->config);
    free(h);
}

static int held_new(struct nilo_config *config, struct nilo_settings_held **ret, struct nilo_err *err)
{
    struct nilo_settings_held *h = calloc(1, sizeof(*h));
    if (h == NULL) {
        nilo_config_free(config);
        return nilo_err_nomem(err);
    }
    *h = (struct nilo_settings_held){.refs = 1, .config = config};
    h->cron_in_query = config->cron_query_secret != NULL && strcmp(config->cron_query_secret, "true") == 0;
    if (nilo_publish_check(config, err) != 0 || nilo_hook_keys_new(config, &h->hooks, err) != 0) {
        held_free(h);
        return -1;
    }
    if (config->cron_secret != NULL && (nilo_config_secret(config->cron_secret, &h->cron, err) != 0 || nilo_cron_secret_check(h->cron, err) != 0)) {
        held_free(h);
        return nilo_err_wrap(err, "cron_secret");
    }
    *ret = h;
    return 0;
}

int nilo_settings_new(struct nilo_config *config, struct nilo_settings **ret, struct nilo_err *err)
{
    struct nilo_settings_held *h;
    if (held_new(config, &h, err) != 0)
        return -1;
    struct nilo_settings *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        held_free(h);
        return nilo_err_nomem(err);
    }
    pthread_mutex_init(&s->mutex, NULL);
    s->now = h;
    *ret = s;
    return 0;
}

void nilo_settings_free(struct nilo_settings *s)
{
    if (s == NULL)
        return;
    held_free(s->now);
    pthread_mutex_destroy(&s->mutex);
    free(s);
}

int nilo_settings_set(struct nilo_settings *s, struct nilo_config *config, struct nilo_err *err)
{
    struct nilo_settings_held *h, *before;
    if (held_new(config, &h, err) != 0)
        return -1;
    pthread_mutex_lock(&s->mutex);
    before = s->now;
    s->now = h;
    pthread_mutex_unlock(&s->mutex);
    nilo_settings_give(s, before);
    return 0;
}

void nilo_settings_reloaded(struct nilo_settings *s, bool fine)
{
    pthread_mutex_lock(&s->mutex);
    s->done += fine;
    s->failed += !fine;
    pthread_mutex_unlock(&s->mutex);
}

void nilo_settings_counts(struct nilo_settings *s, int64_t *ret_done, int64_t *ret_failed)
{
    pthread_mutex_lock(&s->mutex);
    *ret_done = s->done;
    *ret_failed = s->failed;
    pthread_mutex_unlock(&s->mutex);
}

struct nilo_settings_held *nilo_settings_take(struct nilo_settings *s)
{
    pthread_mutex_lock(&s->mutex);
    struct nilo_settings_held *h = s->now;
    h->refs++;
    pthread_mutex_unlock(&s->mutex);
    return h;
}

void nilo_settings_give(struct nilo_settings *s, struct nilo_settings_held *h)
{
    pthread_mutex_lock(&s->mutex);
    bool last = --h->refs == 0;
    pthread_mutex_unlock(&s->mutex);
    if (last)
        held_free(h);
}

const struct nilo_config *nilo_settings_config(const struct nilo_settings_held *h)
{
    return h->config;
}

const char *nilo_settings_cron(const struct nilo_settings_held *h, bool *ret_in_query)
{
    *ret_in_query = h->cron_in_query;
    return h->cron;
}

const struct nilo_hook_keys *nilo_settings_hooks(const struct nilo_settings_held *h)
{
    return h->hooks;
}

int64_t nilo_settings_max_rows(struct nilo_settings *s)
{
    if (s == NULL)
        return 0;
    struct nilo_settings_held *h = nilo_settings_take(s);
    int64_t most = h->config->max_rows;
    nilo_settings_give(s, h);
    return most;
}
