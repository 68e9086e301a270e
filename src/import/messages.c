/* Messages of taps, one JSON object a line: those of Singer and those of Airbyte, told apart by the format and made alike here. What is in them is not
 * copied: a message points into its line. The type of a message may be in any case. */
#include "import/import_priv.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

static const struct nilo_json_limits limits = {64, 100000, 1024, false};

#define N(a) (sizeof(a) / sizeof(a)[0])

/* ---- members of an object ---------------------------------------------------------------------------------------------------------------- */

struct member {
    const char *name;
    struct nilo__part *part;
};

/* The text of each of those members; an absent one is left as it is, and so is one that is null. */
static int split(struct nilo__part whole, const struct member *members, size_t n, struct nilo_err *err)
{
    struct nilo_json *j;
    enum nilo_json_event event;
    const char *name;
    size_t len;
    if (nilo_json_new(whole.p, whole.len, limits, &j, err) != 0)
        return -1;
    int rc = nilo_json_next(j, &event, NULL, NULL, err);
    if (rc == 0 && event != NILO_JSON_OBJECT_BEGIN)
        rc = nilo_err_set(err, NILO_EBODY, "not an object");
    while (rc == 0 && (rc = nilo_json_next(j, &event, &name, &len, err)) == 0 && event == NILO_JSON_KEY) {
        size_t i = 0;
        struct nilo__part part;
        while (i < n && (strlen(members[i].name) != len || memcmp(members[i].name, name, len) != 0))
            i++;
        rc = nilo_json_raw(j, &part.p, &part.len, err);
        if (rc == 0 && i < n && !(part.len == 4 && memcmp(part.p, "null", 4) == 0))
            *members[i].part = part;
    }
    if (rc == 0)
        rc = nilo_json_next(j, &event, NULL, NULL, err); /* nothing may follow */
    nilo_json_free(j);
    return rc;
}

int nilo__part_text(struct nilo__part part, struct nilo_buf *ret, struct nilo_err *err)
{
    struct nilo_json *j;
    enum nilo_json_event event;
    const char *text;
    size_t len;
    nilo_buf_reset(ret);
    if (part.p == NULL)
        return 0;
    if (nilo_json_new(part.p, part.len, limits, &j, err) != 0)
        return -1;
    int rc = nilo_json_next(j, &event, &text, &len, err);
    if (rc == 0 && (event == NILO_JSON_STRING || event == NILO_JSON_NUMBER) && nilo_buf_add(ret, text, len) != 0)
        rc = nilo_err_nomem(err);
    nilo_json_free(j);
    return rc;
}

int nilo__part_list(struct nilo__part part, int (*each)(void *ctx, const char *text, size_t len, struct nilo_err *err), void *ctx, struct nilo_err *err)
{
    struct nilo_json *j;
    enum nilo_json_event event;
    const char *text;
    size_t len;
    if (part.p == NULL)
        return 0;
    if (nilo_json_new(part.p, part.len, limits, &j, err) != 0)
        return -1;
    int rc = nilo_json_next(j, &event, NULL, NULL, err);
    if (rc == 0 && event != NILO_JSON_ARRAY_BEGIN && event != NILO_JSON_OBJECT_BEGIN)
        event = NILO_JSON_END;
    while (rc == 0 && event != NILO_JSON_END && (rc = nilo_json_next(j, &event, &text, &len, err)) == 0) {
        bool key = event == NILO_JSON_KEY, nested = event == NILO_JSON_OBJECT_BEGIN || event == NILO_JSON_ARRAY_BEGIN;
        if (event == NILO_JSON_ARRAY_END || event == NILO_JSON_OBJECT_END)
            break;
        if (nested)
            rc = nilo_json_raw(j, &text, &len, err);
        if (rc == 0)
            rc = each(ctx, text, len, err);
        if (rc == 0 && key)
            rc = nilo_json_skip(j, err);
    }
    nilo_json_free(j);
    return rc;
}

/* ---- Singer ---------------------------------------------------------------------------------------------------------------------------------- */

static int lacks(const char *type, const char *member, struct nilo_err *err)
{
    return nilo_err_set(err, NILO_EINVAL, "a %s without %s", type, member);
}

static int singer(struct nilo__message *m, const char *type, struct nilo__part whole, struct nilo_err *err)
{
    struct nilo__part schema = {0};
    const struct member members[] = {{"stream", &m->stream}, {"record", &m->record}, {"time_extracted", &m->time}, {"schema", &schema},
                                     {"key_properties", &m->keys}, {"value", &m->state}};
    if (split(whole, members, N(members), err) != 0)
        return -1;
    if (strcasecmp(type, "RECORD") == 0) {
        m->kind = NILO__RECORD;
        return m->stream.p == NULL ? lacks("RECORD", "stream", err) : m->record.p == NULL ? lacks("RECORD", "record", err) : 0;
    }
    if (strcasecmp(type, "SCHEMA") == 0) {
        const struct member properties = {"properties", &m->properties};
        m->kind = NILO__SCHEMA;
        if (m->stream.p == NULL || schema.p == NULL)
            return lacks("SCHEMA", m->stream.p == NULL ? "stream" : "schema", err);
        return split(schema, &properties, 1, err);
    }
    if (strcasecmp(type, "STATE") == 0) {
        m->kind = NILO__STATE;
        return m->state.p == NULL ? lacks("STATE", "value", err) : 0;
    }
    if (strcasecmp(type, "BATCH") == 0)
        return nilo_err_set(err, NILO_EINVAL, "a BATCH, whose records are in files of their own: have the tap send records (without batch_config)");
    return 0; /* ACTIVATE_VERSION, and whatever else there will be: says nothing about numbers */
}

/* ---- Airbyte ----------------------------------------------------------------------------------------------------------------------------------- */

static int airbyte_record(struct nilo__message *m, struct nilo__part record, struct nilo_err *err)
{
    const struct member members[] = {{"stream", &m->stream}, {"data", &m->record}, {"emitted_at", &m->time}};
    m->kind = NILO__RECORD;
    m->time_ms = true;
    if (record.p == NULL)
        return lacks("RECORD", "record", err);
    if (split(record, members, N(members), err) != 0)
        return -1;
    return m->stream.p == NULL ? lacks("RECORD", "stream", err) : m->record.p == NULL ? lacks("RECORD", "data", err) : 0;
}

/* Which streams a state is about: the descriptor's name and namespace. None: it is about all. */
static int airbyte_state(struct nilo__message *m, struct nilo__part state, struct nilo_err *err)
{
    struct nilo__part type = {0}, stream = {0};
    const struct member members[] = {{"type", &type}, {"stream", &stream}, {"data", &m->legacy}};
    const struct member descriptor = {"stream_descriptor", &m->descriptor};
    m->kind = NILO__STATE;
    m->state = state;
    if (state.p == NULL)
        return lacks("STATE", "state", err);
    if (split(state, members, N(members), err) != 0 || nilo__part_text(type, &m->text, err) != 0)
        return -1;
    bool of_stream = strcasecmp(nilo_buf_str(&m->text), "STREAM") == 0;
    if (of_stream || strcasecmp(nilo_buf_str(&m->text), "GLOBAL") == 0)
        m->legacy.p = NULL;
    else if (m->legacy.p == NULL)
        return lacks("STATE", "type (STREAM or GLOBAL) or data", err);
    if (of_stream && stream.p == NULL)
        return lacks("STATE of a stream", "stream", err);
    if (of_stream && split(stream, &descriptor, 1, err) != 0)
        return -1;
    return of_stream && m->descriptor.p == NULL ? lacks("STATE of a stream", "stream_descriptor", err) : 0;
}

static int airbyte_control(struct nilo__message *m, struct nilo__part control, struct nilo_err *err)
{
    struct nilo__part connector = {0};
    const struct member one = {"connectorConfig", &connector}, config = {"config", &m->config};
    if (control.p == NULL)
        return lacks("CONTROL", "control", err);
    if (split(control, &one, 1, err) != 0 || (connector.p != NULL && split(connector, &config, 1, err) != 0))
        return -1;
    if (m->config.p != NULL && m->config.p[0] != '{') /* it would take the place of one that works */
        return nilo_err_set(err, NILO_EINVAL, "a CONTROL whose config is no object");
    m->kind = m->config.p != NULL ? NILO__CONTROL : NILO__OTHER;
    return 0;
}

/* What the source says went wrong. */
static int airbyte_error(struct nilo__message *m, struct nilo__part said, const char *member, struct nilo_err *err)
{
    struct nilo__part error = {0}, message = {0}, type = {0};
    const struct member members[] = {{member, &error}, {"message", &message}, {"type", &type}, {"status", &type}}, inner = {"message", &message};
    if (said.p == NULL)
        return 0;
    if (split(said, members, N(members), err) != 0 || nilo__part_text(type, &m->text, err) != 0)
        return -1;
    if (strcasecmp(nilo_buf_str(&m->text), "ERROR") != 0 && strcasecmp(nilo_buf_str(&m->text), "FAILED") != 0)
        return 0;
    m->kind = NILO__SOURCE_ERROR;
    if (error.p != NULL && split(error, &inner, 1, err) != 0)
        return -1;
    return nilo__part_text(message, &m->text, err);
}

static int airbyte(struct nilo__message *m, const char *type, struct nilo__part whole, struct nilo_err *err)
{
    struct nilo__part record = {0}, state = {0}, control = {0}, trace = {0}, status = {0};
    const struct member members[] = {{"record", &record}, {"state", &state}, {"control", &control}, {"trace", &trace}, {"connectionStatus", &status}};
    if (split(whole, members, N(members), err) != 0)
        return -1;
    if (strcasecmp(type, "RECORD") == 0)
        return airbyte_record(m, record, err);
    if (strcasecmp(type, "STATE") == 0)
        return airbyte_state(m, state, err);
    if (strcasecmp(type, "CONTROL") == 0)
        return airbyte_control(m, control, err);
    if (strcasecmp(type, "TRACE") == 0)
        return airbyte_error(m, trace, "error", err);
    if (strcasecmp(type, "CONNECTION_STATUS") == 0)
        return airbyte_error(m, status, "", err);
    return 0; /* LOG, SPEC, CATALOG, ... */
}

/* ---- either -------------------------------------------------------------------------------------------------------------------------------------- */

void nilo__message_init(struct nilo__message *m)
{
    *m = (struct nilo__message){0};
    nilo_buf_init(&m->text, NILO_IMPORT_ROW_MAX);
}

void nilo__message_done(struct nilo__message *m)
{
    nilo_buf_done(&m->text);
}

int nilo__message_read(struct nilo__message *m, enum nilo_import_format format, const char *line, size_t len, struct nilo_err *err)
{
    struct nilo_buf text = m->text;
    struct nilo__part whole = {line, len}, type = {0};
    const struct member one = {"type", &type};
    char word[64];
    *m = (struct nilo__message){.kind = NILO__OTHER, .text = text};
    if (split(whole, &one, 1, err) != 0)
        return -1;
    if (type.p == NULL)
        return nilo_err_set(err, NILO_EINVAL, "an object without a type: no message of a tap");
    if (nilo__part_text(type, &m->text, err) != 0)
        return -1;
    snprintf(word, sizeof word, "%s", nilo_buf_str(&m->text));
    return format == NILO_IMPORT_SINGER ? singer(m, word, whole, err) : airbyte(m, word, whole, err);
}
