#include "write/written.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct nilo_buf last;

static void begin(void)
{
    if (last.max == 0)
        nilo_buf_init(&last, 64 << 20);
    nilo_buf_reset(&last);
}

static struct nilo_scope scope_of(struct stores *s, enum nilo_role role, const char *workspace, struct nilo_workspace *w)
{
    ok(s, nilo_store_workspace(s->store, workspace, true, NULL, w, &s->err));
    return (struct nilo_scope){.role = role, .workspaces = &w->id, .n = 1};
}

static void obey(struct nilo_write_prefer *p, const char *text)
{
    const char *most = strstr(text, "max-affected=");
    *p = (struct nilo_write_prefer){
        .ret = strstr(text, "return=representation") ? NILO_WRITE_ROWS : strstr(text, "return=headers-only") ? NILO_WRITE_HEADERS : NILO_WRITE_MINIMAL,
        .resolution = strstr(text, "resolution=merge") ? NILO_WRITE_MERGE : strstr(text, "resolution=ignore") ? NILO_WRITE_IGNORE : NILO_WRITE_INSERT,
        .missing_default = strstr(text, "missing=default") != NULL,
        .count = strstr(text, "count=exact") != NULL,
        .max_affected = most ? strtoll(most + strlen("max-affected="), NULL, 10) : -1,
    };
}

const char *written(struct stores *s, enum nilo_role role, const char *workspace, const char *what, const char *prefer, const char *body)
{
    static const char *const verbs[] = {"POST ", "PATCH ", "DELETE "};
    struct nilo_workspace w;
    struct nilo_notes notes;
    struct nilo_written out;
    char relation[64];
    struct nilo_write x = {.format = NILO_FORMAT_JSON, .author = "tester"};
    begin();
    for (int i = 0; i < 3; i++)
        if (strncmp(what, verbs[i], strlen(verbs[i])) == 0) {
            x.verb = (enum nilo_write_verb)i;
            what += strlen(verbs[i]);
        }
    const char *mark = strchr(what, '?');
    snprintf(relation, sizeof relation, "%.*s", (int)(mark ? mark - what : (long)strlen(what)), what);
    x.relation = relation;
    x.query = mark ? mark + 1 : "";
    x.query_len = strlen(x.query);
    x.body = body ? body : "";
    x.body_len = strlen(x.body);
    x.scope = scope_of(s, role, workspace, &w);
    x.workspace = w.id;
    x.workspace_name = workspace;
    obey(&x.prefer, prefer ? prefer : "");
    nilo_written_init(&out);
    if (nilo_write_run(s->store, &x, &out, &notes, &s->err) == 0) {
        nilo_buf_addf(&last, "%d", out.status);
        if (x.prefer.count)
            nilo_buf_addf(&last, " %s", out.content_range);
        if (out.location.len)
            nilo_buf_addf(&last, " %s", nilo_buf_str(&out.location));
        if (out.has_body) {
            nilo_buf_addc(&last, ' ');
            for (const char *p = nilo_buf_str(&out.body); *p; p++)
                if (*p != '\n')
                    nilo_buf_addc(&last, *p);
        }
    } else {
        nilo_buf_addf(&last, "%d %s %s", nilo_code_http(s->err.code), nilo_code_sqlstate(s->err.code), s->err.msg);
        if (notes.details[0])
            nilo_buf_addf(&last, " / %s", notes.details);
    }
    nilo_written_done(&out);
    return nilo_buf_str(&last);
}

static bool matches(const char *got, const char *want)
{
    size_t n = strlen(want);
    return n > 0 && want[n - 1] == '*' ? strncmp(got, want, n - 1) == 0 : strcmp(got, want) == 0;
}

void written_all(struct stores *s, const struct say *says, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *got = strncmp(says[i].what, "GET ", 4) == 0 ? asked(s, "w", says[i].what + 4)
                          : strncmp(says[i].what, "AT ", 3) == 0
                              ? (stores_at(s, says[i].what + 3), "")
                              : written(s, NILO_ROLE_SERVICE, "w", says[i].what, says[i].prefer, says[i].body);
        if (says[i].answer && !matches(got, says[i].answer))
            fail_msg("%zu: %s [%s] %s\n   gave %s\n wanted %s", i, says[i].what, says[i].prefer ? says[i].prefer : "", says[i].body ? says[i].body : "", got,
                     says[i].answer);
    }
}

static int put(void *ctx, const char *p, size_t n, struct nilo_err *err)
{
    (void)err;
    for (size_t i = 0; i < n; i++)
        if (p[i] != '\n')
            nilo_buf_addc(ctx, p[i]);
    return 0;
}

const char *asked(struct stores *s, const char *workspace, const char *what)
{
    struct nilo_workspace w;
    struct nilo_scope scope = scope_of(s, NILO_ROLE_SERVICE, workspace, &w);
    struct nilo_request request = NILO_REQUEST_DEFAULT;
    struct nilo_query *q;
    struct nilo_writer *writer;
    begin();
    request.url = request.any_range = true;
    ok(s, nilo_query_parse(s->store, what, strlen(what), &request, &q, NULL, &s->err));
    ok(s, nilo_writer_new(NILO_FORMAT_JSON, false, put, &last, &writer, &s->err));
    struct nilo_sink sink = nilo_writer_sink(writer);
    ok(s, nilo_query_run(q, s->store, &scope, &sink, &s->err));
    ok(s, nilo_writer_end(writer, &s->err));
    nilo_writer_free(writer);
    nilo_query_free(q);
    return nilo_buf_str(&last);
}

void stores_at(struct stores *s, const char *iso)
{
    nilo_us at = stores_us(iso), now = s->env.clock.wall(s->env.clock.ctx);
    nilo_virtual_clock_advance(&s->clock, at - now);
}
