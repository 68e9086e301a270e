/* The OpenAPI text: paths from the tables of relations, functions and routes, the fixed parts from openapi/. See openapi.h; over HTTP: openapi_answer.c. */
#include "api/openapi.h"

#include <stdlib.h>
#include <string.h>

#include "api/openapi_priv.h"
#include "base/embed.h"
#include "write/write.h"

#define PIECE     65536
#define PIECE_MAX ((size_t)4 << 20) /* one path or schema; what is written out in between is not counted */

extern const struct nilo_embedded nilo_embedded_openapi[];

/* ---- writing ------------------------------------------------------------------------------------------------------------------------------- */

void nilo__doc_key_str(struct nilo__doc *d, const char *key, const char *value)
{
    nilo_json_key(&d->o, key);
    nilo_json_str(&d->o, value);
}

void nilo__doc_object(struct nilo__doc *d, const char *key)
{
    nilo_json_key(&d->o, key);
    nilo_json_object_begin(&d->o);
}

void nilo__doc_array(struct nilo__doc *d, const char *key)
{
    nilo_json_key(&d->o, key);
    nilo_json_array_begin(&d->o);
}

void nilo__doc_end(struct nilo__doc *d)
{
    nilo_json_object_end(&d->o);
}

void nilo__doc_ref(struct nilo__doc *d, const char *kind, const char *name)
{
    char text[240];
    snprintf(text, sizeof(text), "#/components/%s/%s", kind, name);
    nilo_json_object_begin(&d->o);
    nilo__doc_key_str(d, "$ref", text);
    nilo_json_object_end(&d->o);
}

void nilo__doc_flush(struct nilo__doc *d, size_t from)
{
    if (d->buf.failed && !d->failed) {
        nilo_err_nomem(d->err);
        d->failed = true;
    }
    if (d->failed || d->buf.len < from || d->buf.len == 0)
        return;
    d->failed = d->write(d->ctx, d->buf.data, d->buf.len, d->err) != 0;
    nilo_buf_reset(&d->buf);
}

/* ---- the fixed parts ---------------------------------------------------------------------------------------------------------------------- */

static const struct nilo_embedded *part(const char *name)
{
    char path[80];
    snprintf(path, sizeof(path), "api/openapi/%s.json", name);
    return nilo_embedded_get(nilo_embedded_openapi, path);
}

/* Hands over the members of a fixed part one after the other. A part that does not parse is a bug of ours: then the text ends there, and tests see it. */
static void each_member(struct nilo__doc *d, const char *name, void (*fn)(struct nilo__doc *d, const char *key, const char *raw, size_t n))
{
    const struct nilo_embedded *text = part(name);
    enum nilo_json_event event;
    struct nilo_json *j = NULL;
    const char *p, *raw;
    size_t n, raw_n;
    char key[120];
    if (text == NULL || nilo_json_new(text->text, text->len, NILO_JSON_DEFAULT_LIMITS, &j, d->err) != 0 ||
        nilo_json_next(j, &event, &p, &n, d->err) != 0)
        goto bad;
    while (nilo_json_next(j, &event, &p, &n, d->err) == 0) {
        if (event != NILO_JSON_KEY) {
            nilo_json_free(j);
            return;
        }
        snprintf(key, sizeof(key), "%.*s", (int)n, p);
        if (nilo_json_raw(j, &raw, &raw_n, d->err) != 0)
            break;
        fn(d, key, raw, raw_n);
    }
bad:
    if (!d->failed)
        nilo_err_wrap(d->err, "openapi/%s.json", name);
    d->failed = true;
    nilo_json_free(j);
}

static void copy_member(struct nilo__doc *d, const char *key, const char *raw, size_t n)
{
    nilo_json_key(&d->o, key);
    nilo_json_text(&d->o, raw, n);
}

/* Blanks at the end of the file are not JSON's. */
static void copy_part(struct nilo__doc *d, const char *key, const char *name)
{
    const struct nilo_embedded *text = part(name);
    size_t n = text->len;
    while (n > 0 && text->text[n - 1] == '\n')
        n--;
    nilo_json_key(&d->o, key);
    nilo_json_text(&d->o, text->text, n);
}

/* ---- answers ---------------------------------------------------------------------------------------------------------------------------------- */

static void answer_ref(struct nilo__doc *d, const char *status, const char *kind)
{
    nilo_json_key(&d->o, status);
    nilo__doc_ref(d, "responses", kind);
}

static void header_ref(struct nilo__doc *d, const char *name, const char *component)
{
    nilo_json_key(&d->o, name);
    nilo__doc_ref(d, "headers", component);
}

#define FOR_READ  1
#define FOR_WRITE 2

static void refusals(struct nilo__doc *d, unsigned what)
{
    static const struct {
        unsigned what;
        const char *status, *kind;
    } all[] = {
        {FOR_READ | FOR_WRITE, "400", "bad_request"}, {FOR_READ | FOR_WRITE, "401", "unauthorized"}, {FOR_READ | FOR_WRITE, "403", "forbidden"},
        {FOR_READ | FOR_WRITE, "404", "not_found"},   {FOR_READ | FOR_WRITE, "406", "not_acceptable"}, {FOR_WRITE, "409", "conflict"},
        {FOR_WRITE, "413", "too_large"},              {FOR_READ, "416", "range_not_satisfiable"},    {FOR_READ | FOR_WRITE, "429", "too_many"},
        {FOR_READ | FOR_WRITE, "503", "unavailable"}, {FOR_READ | FOR_WRITE, "default", "error"},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if ((all[i].what & what) != 0)
            answer_ref(d, all[i].status, all[i].kind);
    }
}

/* A media type without its charset. */
static void bare_mime(const char *mime, char out[80])
{
    snprintf(out, 80, "%.*s", (int)strcspn(mime, ";"), mime);
}

static void mime_schema(struct nilo__doc *d, enum nilo_format f, const char *mime, const char *schema, bool one)
{
    nilo__doc_object(d, mime);
    nilo_json_key(&d->o, "schema");
    if (f == NILO_FORMAT_CSV || f == NILO_FORMAT_NDJSON) {
        nilo_json_object_begin(&d->o);
        nilo__doc_key_str(d, "type", "string");
        nilo__doc_end(d);
    } else if (f == NILO_FORMAT_OBJECT || one) {
        nilo__doc_ref(d, "schemas", schema);
    } else {
        nilo_json_object_begin(&d->o);
        nilo__doc_key_str(d, "type", "array");
        nilo_json_key(&d->o, "items");
        nilo__doc_ref(d, "schemas", schema);
        nilo__doc_end(d);
    }
    nilo__doc_end(d);
}

static void rows_content(struct nilo__doc *d, const char *schema, bool one)
{
    char mime[80];
    nilo__doc_object(d, "content");
    for (enum nilo_format f = NILO_FORMAT_JSON; f < NILO_FORMAT_N; f++) {
        bare_mime(nilo_format_mime(f), mime);
        mime_schema(d, f, mime, schema, one);
    }
    mime_schema(d, NILO_FORMAT_JSON, "application/vnd.pgrst.array+json", schema, one);
    nilo__doc_end(d);
}

/* components.responses "rows.NAME" */
static void rows_response(struct nilo__doc *d, const char *name, const char *schema, bool one, bool relation)
{
    char key[160];
    snprintf(key, sizeof(key), "rows.%.120s", name);
    nilo__doc_object(d, key);
    nilo__doc_key_str(d, "description", one ? "One object." : "Rows.");
    nilo__doc_object(d, "headers");
    header_ref(d, "Content-Range", "content_range");
    header_ref(d, "Preference-Applied", "preference_applied");
    header_ref(d, "Nilometer-Limit", "limit");
    header_ref(d, "RateLimit-Limit", "rate_limit");
    header_ref(d, "RateLimit-Remaining", "rate_remaining");
    header_ref(d, "RateLimit-Reset", "rate_reset");
    header_ref(d, "RateLimit-Policy", "rate_policy");
    if (relation) {
        header_ref(d, "ETag", "etag");
        header_ref(d, "Cache-Control", "cache_control");
        header_ref(d, "Nilometer-Data-Through", "data_through");
        header_ref(d, "Nilometer-Coverage", "coverage");
        header_ref(d, "Nilometer-Gaps", "gaps");
        header_ref(d, "Nilometer-Hint", "hint");
    }
    nilo__doc_end(d);
    rows_content(d, schema, one);
    nilo__doc_end(d);
    nilo__doc_flush(d, PIECE);
}

/* ---- relations ---------------------------------------------------------------------------------------------------------------------------------- */

static void begin_operation(struct nilo__doc *d, const char *method, const char *verb, const char *name, const char *tag, const char *summary)
{
    char id[160];
    snprintf(id, sizeof(id), "%s_%.120s", verb, name);
    for (char *c = id; *c != '\0'; c++) { /* paths have what ids have not */
        if (strchr("/{}-.", *c) != NULL)
            *c = '_';
    }
    nilo__doc_object(d, method);
    nilo__doc_key_str(d, "operationId", id);
    nilo__doc_array(d, "tags");
    nilo_json_str(&d->o, tag);
    nilo_json_array_end(&d->o);
    nilo__doc_key_str(d, "summary", summary);
}

/* Who shows no credentials may ask for this as well. */
static void open_to_anon(struct nilo__doc *d, enum nilo_role min)
{
    static const char any[] = "[{},{\"bearer\":[]},{\"apikey\":[]}]";
    if (min != NILO_ROLE_ANON)
        return;
    nilo_json_key(&d->o, "security");
    nilo_json_text(&d->o, any, sizeof(any) - 1);
}

static void read_parameters(struct nilo__doc *d, const struct nilo_relation *r)
{
    static const char *const common[] = {"select", "order", "limit", "offset", "and", "or", "not_and", "not_or", "range", "prefer", "if_none_match"};
    nilo__doc_array(d, "parameters");
    for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
        nilo__doc_ref(d, "parameters", common[i]);
    if (r->as_of)
        nilo__doc_ref(d, "parameters", "as_of");
    nilo__doc_filter_refs(d, r);
    nilo_json_array_end(&d->o);
}

static void relation_read(struct nilo__doc *d, const struct nilo_relation *r, bool head)
{
    char rows[160];
    snprintf(rows, sizeof(rows), "rows.%.120s", r->name);
    begin_operation(d, head ? "head" : "get", head ? "count" : "read", r->name, "relations", r->doc);
    open_to_anon(d, r->min_role);
    read_parameters(d, r);
    nilo__doc_object(d, "responses");
    answer_ref(d, "200", head ? "head" : rows);
    answer_ref(d, "206", head ? "head" : rows);
    answer_ref(d, "304", "not_modified");
    refusals(d, FOR_READ);
    nilo__doc_end(d);
    nilo__doc_end(d);
}

/* ---- writing ---- */

static bool writes(const struct nilo__doc *d, const struct nilo_relation *r, enum nilo_write_verb verb)
{
    return (nilo_write_verbs(r->name) & 1u << verb) != 0 && nilo__doc_sees(d, nilo_write_role(r->name));
}

/* components.responses "written.NAME": rows where they are asked for, else nothing. */
static void written_response(struct nilo__doc *d, const struct nilo_relation *r)
{
    char key[160];
    snprintf(key, sizeof(key), "written.%.120s", r->name);
    nilo__doc_object(d, key);
    nilo__doc_key_str(d, "description", "Written. Without Prefer: return=representation there is no body.");
    nilo_json_key(&d->o, "x-may-be-empty");
    nilo_json_bool(&d->o, true);
    nilo__doc_object(d, "headers");
    header_ref(d, "Content-Range", "content_range");
    header_ref(d, "Preference-Applied", "preference_applied");
    header_ref(d, "Location", "location");
    header_ref(d, "Nilometer-Rounded", "rounded");
    nilo__doc_end(d);
    rows_content(d, r->name, false);
    nilo__doc_end(d);
    nilo__doc_flush(d, PIECE);
}

static void row_body(struct nilo__doc *d, const struct nilo_relation *r, bool many)
{
    nilo__doc_object(d, "requestBody");
    nilo_json_key(&d->o, "required");
    nilo_json_bool(&d->o, true);
    nilo__doc_object(d, "content");
    nilo__doc_object(d, "application/json");
    nilo_json_key(&d->o, "schema");
    if (many) {
        nilo_json_object_begin(&d->o);
        nilo__doc_array(d, "oneOf");
    }
    nilo__doc_ref(d, "schemas", r->name);
    if (many) {
        nilo_json_object_begin(&d->o);
        nilo__doc_key_str(d, "type", "array");
        nilo_json_key(&d->o, "items");
        nilo__doc_ref(d, "schemas", r->name);
        nilo__doc_end(d);
        nilo_json_array_end(&d->o);
        nilo__doc_end(d);
    }
    nilo__doc_end(d);
    nilo__doc_end(d);
    nilo__doc_end(d);
}

static void write_answers(struct nilo__doc *d, const struct nilo_relation *r, const char *made)
{
    char written[160];
    snprintf(written, sizeof(written), "written.%.120s", r->name);
    nilo__doc_object(d, "responses");
    answer_ref(d, "200", written);
    answer_ref(d, made, strcmp(made, "204") == 0 ? "no_content" : written);
    refusals(d, FOR_WRITE);
    nilo__doc_end(d);
}

static void relation_insert(struct nilo__doc *d, const struct nilo_relation *r)
{
    static const char *const parameters[] = {"select", "columns", "on_conflict", "prefer"};
    begin_operation(d, "post", "write", r->name, "relations", "insert rows, or with Prefer: resolution=... upsert them; all or none");
    nilo__doc_array(d, "parameters");
    for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++)
        nilo__doc_ref(d, "parameters", parameters[i]);
    nilo_json_array_end(&d->o);
    row_body(d, r, true);
    write_answers(d, r, "201");
    nilo__doc_end(d);
}

static void relation_change(struct nilo__doc *d, const struct nilo_relation *r, bool removes)
{
    static const char *const parameters[] = {"select", "and", "or", "not_and", "not_or", "prefer"};
    begin_operation(d, removes ? "delete" : "patch", removes ? "delete" : "update", r->name, "relations",
                    removes ? "take away the rows that the filters name" : "change the rows that the filters name");
    nilo__doc_array(d, "parameters");
    for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++)
        nilo__doc_ref(d, "parameters", parameters[i]);
    nilo__doc_filter_refs(d, r);
    nilo_json_array_end(&d->o);
    if (!removes)
        row_body(d, r, false);
    write_answers(d, r, "204");
    nilo__doc_end(d);
}

static void relation_path(struct nilo__doc *d, const struct nilo_relation *r)
{
    char path[160];
    snprintf(path, sizeof(path), "/rest/v1/%.120s", r->name);
    nilo__doc_object(d, path);
    relation_read(d, r, false);
    nilo__doc_flush(d, PIECE);
    relation_read(d, r, true);
    nilo__doc_flush(d, PIECE);
    if (writes(d, r, NILO_WRITE_POST))
        relation_insert(d, r);
    if (writes(d, r, NILO_WRITE_PATCH))
        relation_change(d, r, false);
    nilo__doc_flush(d, PIECE);
    if (writes(d, r, NILO_WRITE_DELETE))
        relation_change(d, r, true);
    nilo__doc_end(d);
    nilo__doc_flush(d, PIECE);
}

/* ---- functions ------------------------------------------------------------------------------------------------------------------------------------ */

static void function_answers(struct nilo__doc *d, const struct nilo_function *f)
{
    char rows[160];
    snprintf(rows, sizeof(rows), "rows.rpc.%.110s", f->name);
    nilo__doc_object(d, "responses");
    answer_ref(d, "200", rows);
    if (!f->one)
        answer_ref(d, "206", rows);
    refusals(d, f->writes ? FOR_READ | FOR_WRITE : FOR_READ);
    nilo__doc_end(d);
}

/* What may be asked of its rows, unless (GET) an argument has that name. */
static void shape_parameters(struct nilo__doc *d, const struct nilo_function *f, bool get)
{
    static const char *const words[] = {"select", "order", "limit", "offset", "and", "or", "not_and", "not_or", "range", "prefer"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        bool taken = false;
        for (size_t k = 0; get && k < f->n_parameters; k++)
            taken |= strcmp(f->parameters[k].name, words[i]) == 0;
        if (!taken && (!f->writes || strcmp(words[i], "prefer") == 0))
            nilo__doc_ref(d, "parameters", words[i]);
    }
}

static void function_path(struct nilo__doc *d, const struct nilo_function *f)
{
    char path[160];
    snprintf(path, sizeof(path), "/rest/v1/rpc/%.120s", f->name);
    nilo__doc_object(d, path);
    begin_operation(d, "post", "call", f->name, "functions", f->doc);
    open_to_anon(d, f->min_role);
    nilo__doc_array(d, "parameters");
    shape_parameters(d, f, false);
    nilo_json_array_end(&d->o);
    nilo__doc_object(d, "requestBody");
    nilo__doc_object(d, "content");
    nilo__doc_object(d, "application/json");
    nilo_json_key(&d->o, "schema");
    nilo__doc_arguments_schema(d, f);
    nilo__doc_end(d);
    nilo__doc_end(d);
    nilo__doc_end(d);
    function_answers(d, f);
    nilo__doc_end(d);
    if (!f->writes) {
        begin_operation(d, "get", "ask", f->name, "functions", f->doc);
        open_to_anon(d, f->min_role);
        nilo__doc_array(d, "parameters");
        nilo__doc_argument_parameters(d, f);
        shape_parameters(d, f, true);
        nilo_json_array_end(&d->o);
        function_answers(d, f);
        nilo__doc_end(d);
    }
    nilo__doc_end(d);
    nilo__doc_flush(d, PIECE);
}

/* ---- other paths ------------------------------------------------------------------------------------------------------------------------------------ */

static enum nilo_role least_role(enum nilo_who who)
{
    switch (who) {
    case NILO_WHO_SERVICE:
        return NILO_ROLE_SERVICE;
    case NILO_WHO_ADMIN:
        return NILO_ROLE_ADMIN;
    case NILO_WHO_AUTHENTICATED:
        return NILO_ROLE_AUTHENTICATED;
    default:
        return NILO_ROLE_ANON;
    }
}

static bool has_route(const struct nilo__doc *d, const char *path)
{
    for (size_t i = 0; i < d->what->n_routes; i++) {
        const struct nilo_route *r = &d->what->routes[i];
        if (strcmp(r->path, path) == 0)
            return nilo__doc_sees(d, least_role(r->who));
    }
    return false;
}

/* A route may let in more than its handler does: then the part says whom. */
static void put_fixed_path(struct nilo__doc *d, const char *path, const char *raw, size_t n)
{
    static const char service[] = "\"x-least-role\": \"service_role\"";
    if (!has_route(d, path) || (memmem(raw, n, service, sizeof(service) - 1) != NULL && !nilo__doc_sees(d, NILO_ROLE_SERVICE)))
        return;
    copy_member(d, path, raw, n);
    nilo__doc_flush(d, PIECE);
}

/* Is the path one that something above describes? */
static bool described(const char *path)
{
    char quoted[200];
    const struct nilo_embedded *fixed = part("paths");
    if (strncmp(path, "/w/", 3) == 0 || strcmp(path, "/rest/v1/") == 0 || strcmp(path, "/") == 0)
        return true;
    snprintf(quoted, sizeof(quoted), "\n  \"%.180s\": {", path);
    return strstr(fixed->text, quoted) != NULL;
}

/* A route that nobody wrote about is in the text nevertheless: that it is there, and that it refuses as all do. */
static void bare_path(struct nilo__doc *d, const struct nilo_route *r)
{
    static const struct {
        unsigned method;
        const char *name;
    } methods[] = {{NILO_GET, "get"}, {NILO_POST, "post"}, {NILO_PUT, "put"}, {NILO_PATCH, "patch"}, {NILO_DELETE, "delete"}};
    nilo__doc_object(d, r->path);
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if ((r->methods & methods[i].method) == 0)
            continue;
        begin_operation(d, methods[i].name, methods[i].name, r->path, "service", r->path);
        nilo__doc_object(d, "responses");
        nilo__doc_object(d, "2XX");
        nilo__doc_key_str(d, "description", "It went well.");
        nilo__doc_end(d);
        answer_ref(d, "4XX", "error");
        answer_ref(d, "default", "error");
        nilo__doc_end(d);
        nilo__doc_end(d);
    }
    nilo__doc_end(d);
    nilo__doc_flush(d, PIECE);
}

static void put_other_paths(struct nilo__doc *d)
{
    for (size_t i = 0; i < d->what->n_routes; i++) {
        const struct nilo_route *r = &d->what->routes[i];
        bool first = true;
        for (size_t k = 0; k < i; k++)
            first &= strcmp(d->what->routes[k].path, r->path) != 0;
        if (first && strchr(r->path, '{') == NULL && !described(r->path) && nilo__doc_sees(d, least_role(r->who)))
            bare_path(d, r);
    }
}

/* ---- the whole ---------------------------------------------------------------------------------------------------------------------------------------- */

static void put_servers(struct nilo__doc *d)
{
    static const char servers[] =
        "[{\"url\":\"/\",\"description\":\"the workspace that the credentials name, else the only one there is\"},"
        "{\"url\":\"/w/{workspace}\",\"description\":\"one workspace by name, for /rest/v1\","
        "\"variables\":{\"workspace\":{\"default\":\"main\",\"description\":\"its name\"}}}]";
    nilo_json_key(&d->o, "servers");
    nilo_json_text(&d->o, servers, sizeof(servers) - 1);
}

static void put_tags(struct nilo__doc *d)
{
    static const char tags[] = "[{\"name\":\"relations\",\"description\":\"Rows of what is recorded.\"},"
                               "{\"name\":\"functions\",\"description\":\"Questions that no single relation answers, and jobs.\"},"
                               "{\"name\":\"jobs\",\"description\":\"For schedulers.\"},"
                               "{\"name\":\"events\",\"description\":\"What happens, as it happens.\"},"
                               "{\"name\":\"service\",\"description\":\"The server itself.\"}]";
    nilo_json_key(&d->o, "tags");
    nilo_json_text(&d->o, tags, sizeof(tags) - 1);
}

static void put_paths(struct nilo__doc *d)
{
    nilo__doc_object(d, "paths");
    for (size_t i = 0; i < nilo__doc_relations(d); i++) {
        if (nilo__doc_sees(d, nilo__doc_relation_at(d, i)->min_role))
            relation_path(d, nilo__doc_relation_at(d, i));
    }
    for (size_t i = 0; i < nilo_functions_n(); i++) {
        if (nilo__doc_sees(d, nilo_function_at(i)->min_role))
            function_path(d, nilo_function_at(i));
    }
    each_member(d, "paths", put_fixed_path);
    put_other_paths(d);
    nilo__doc_end(d);
}

static void put_schemas(struct nilo__doc *d)
{
    nilo__doc_object(d, "schemas");
    each_member(d, "schemas", copy_member);
    for (size_t i = 0; i < nilo__doc_relations(d); i++) {
        if (nilo__doc_sees(d, nilo__doc_relation_at(d, i)->min_role))
            nilo__doc_relation_schema(d, nilo__doc_relation_at(d, i));
    }
    for (size_t i = 0; i < nilo_functions_n(); i++) {
        if (nilo__doc_sees(d, nilo_function_at(i)->min_role))
            nilo__doc_function_schema(d, nilo_function_at(i));
    }
    nilo__doc_metric_schemas(d);
    nilo__doc_end(d);
}

static void put_responses(struct nilo__doc *d)
{
    char name[160];
    nilo__doc_object(d, "responses");
    each_member(d, "responses", copy_member);
    for (size_t i = 0; i < nilo__doc_relations(d); i++) {
        const struct nilo_relation *r = nilo__doc_relation_at(d, i);
        if (nilo__doc_sees(d, r->min_role))
            rows_response(d, r->name, r->name, false, true);
        if (nilo__doc_sees(d, r->min_role) && nilo_write_verbs(r->name) != 0 && nilo__doc_sees(d, nilo_write_role(r->name)))
            written_response(d, r);
    }
    for (size_t i = 0; i < nilo_functions_n(); i++) {
        const struct nilo_function *f = nilo_function_at(i);
        snprintf(name, sizeof(name), "rpc.%.100s", f->name);
        if (nilo__doc_sees(d, f->min_role))
            rows_response(d, name, name, f->one, false);
    }
    nilo__doc_end(d);
}

static void put_components(struct nilo__doc *d)
{
    nilo__doc_object(d, "components");
    copy_part(d, "securitySchemes", "security");
    copy_part(d, "headers", "headers");
    nilo__doc_object(d, "parameters");
    each_member(d, "parameters", copy_member);
    nilo__doc_filters(d);
    nilo__doc_end(d);
    put_responses(d);
    put_schemas(d);
    nilo__doc_end(d);
}

static void put_info(struct nilo__doc *d)
{
    nilo__doc_object(d, "info");
    nilo__doc_key_str(d, "version", NILO_VERSION);
    each_member(d, "info", copy_member);
    nilo__doc_end(d);
}

int nilo_openapi_write(const struct nilo_openapi *what, nilo_write_fn *write, void *ctx, struct nilo_err *err)
{
    static const char security[] = "[{\"bearer\":[]},{\"apikey\":[]}]";
    struct nilo_err why = {0};
    struct nilo__doc d = {.what = what, .write = write, .ctx = ctx, .err = err != NULL ? err : &why};
    nilo_buf_init(&d.buf, PIECE_MAX);
    nilo_json_out_init(&d.o, &d.buf);
    nilo_json_object_begin(&d.o);
    nilo__doc_key_str(&d, "openapi", "3.1.0");
    put_info(&d);
    put_servers(&d);
    nilo_json_key(&d.o, "security");
    nilo_json_text(&d.o, security, sizeof(security) - 1);
    put_tags(&d);
    put_paths(&d);
    put_components(&d);
    nilo_json_object_end(&d.o);
    nilo_buf_addc(&d.buf, '\n');
    nilo__doc_flush(&d, 0);
    nilo_buf_done(&d.buf);
    return d.failed ? -1 : 0;
}
