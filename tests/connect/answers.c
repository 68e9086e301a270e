/* See answers.h. */
#include "support/nilo_test.h"

#include "answers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST ((size_t)1 << 18)

const struct nilo_connector *answers_connector(const char *platform)
{
    const struct nilo_connector *c = nilo_connector_find(platform);
    assert_non_null(c);
    return c;
}

char *answers_read(const char *folder, const char *name)
{
    char below[200];
    snprintf(below, sizeof(below), "fixtures/%s/%s.json", folder, name);
    char *path = nilo_test_shared(below), *bytes = malloc(MOST);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_non_null(bytes);
    bytes[fread(bytes, 1, MOST - 1, f)] = '\0';
    fclose(f);
    free(path);
    return bytes;
}

struct nilo_http_answer answers_of(int status, const char *body, nilo_us now)
{
    return (struct nilo_http_answer){.id = 1, .purpose = "", .message = "", .status = status, .body = body, .n_body = strlen(body), .retry_after_ms = -1, .started_at = now,
                                     .ended_at = now};
}

struct nilo_result answers_take(const struct nilo_connector *c, const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena)
{
    struct nilo_result r;
    struct nilo_err err = {0};
    if (c->take(ask, a, arena, &r, &err) != 0)
        fail_msg("take: %s", err.msg);
    return r;
}

void answers_cannot_ask(const struct nilo_connector *c, const struct nilo_ask *ask, const char *says)
{
    struct nilo_arena arena;
    struct nilo_call call;
    struct nilo_err err = {0};
    nilo_arena_init(&arena, 0);
    assert_int_equal(c->make(ask, &arena, &call, &err), -1);
    if (err.code != NILO_EINVAL || strstr(err.msg, says) == NULL)
        fail_msg("%s: %s", says, err.msg);
    nilo_arena_done(&arena);
}

size_t answers_split(char *ids, const char **ret)
{
    size_t n = 0;
    for (char *save = NULL, *p = strtok_r(ids, ",", &save); p != NULL; p = strtok_r(NULL, ",", &save))
        ret[n++] = p;
    return n;
}

void answers_put_text(struct nilo_buf *b, const char *text, char end)
{
    nilo_buf_addf(b, "%s%c", text != NULL && text[0] != '\0' ? text : "-", end);
}

void answers_put_number(struct nilo_buf *b, bool said, int64_t n)
{
    if (said)
        nilo_buf_addf(b, "%lld ", (long long)n);
    else
        nilo_buf_adds(b, "- ");
}

const struct nilo_item_value *answers_value_of(const struct nilo_item *item, const char *metric)
{
    for (size_t i = 0; i < item->n_values; i++) {
        if (strcmp(item->values[i].metric->name, metric) == 0)
            return &item->values[i];
    }
    return NULL;
}

void answers_put_value(struct nilo_buf *b, const struct nilo_item *item, const char *metric, bool reasons)
{
    const struct nilo_item_value *v = answers_value_of(item, metric);
    if (v != NULL && v->absence == NILO_PRESENT)
        nilo_buf_addf(b, "%lld ", (long long)v->value);
    else
        nilo_buf_addf(b, "%s ", v == NULL || !reasons ? "-" : nilo_absence_name(v->absence));
}

void answers_put_request(struct nilo_buf *b, const struct nilo_call *c)
{
    nilo_buf_addf(b, "%s %s", c->http.method, c->http.url);
    for (size_t i = 0; i < c->http.n_query; i++)
        nilo_buf_addf(b, "%c%s=%s", i == 0 ? '?' : '&', c->http.query[i].name, c->http.query[i].secret ? "***" : c->http.query[i].value);
    for (size_t i = 0; i < c->http.n_headers; i++)
        nilo_buf_addf(b, " %s: %s%s", c->http.headers[i].name, c->http.headers[i].before, c->http.headers[i].secret ? "***" : c->http.headers[i].value);
    for (size_t i = 0; i < c->http.n_form; i++)
        nilo_buf_addf(b, " %s=%s", c->http.form[i].name, c->http.form[i].secret ? "***" : c->http.form[i].value);
    nilo_buf_addf(b, " [%d %d %d]", c->bucket, c->also, c->cost);
}
