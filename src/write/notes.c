/* annotations: what people note on days. Small rows of one's own: inserted, changed and deleted as any table's. */
#include <stdio.h>
#include <string.h>

#include "base/names.h"
#include "write/write_priv.h"

#define ID_MAX   200
#define TEXT_MAX 10000 /* bytes */

/* Random, so that two copies of a store that both go on do not give the same one twice. */
static const char *make_id(struct nilo__job *j)
{
    const struct nilo_env *env = nilo_store_env(j->store);
    unsigned char b[16];
    env->random.fill(env->random.ctx, b, sizeof b);
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    return nilo_arena_printf(&j->arena, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3], b[4], b[5], b[6],
                             b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

/* The columns that the row names, over what is there. */
static int read_days(struct nilo__job *j, struct nilo_annotation *a, struct nilo_err *err)
{
    const struct nilo__member *day = nilo__cell(j, "day"), *to = nilo__cell(j, "to_day");
    bool one = nilo_day_is_none(a->to) || a->to.n == a->from.n; /* the note of one day moves as a whole */
    if ((day && (nilo__need(j, day, "day", err) < 0 || nilo__date(j, day, &a->from, err) < 0)) || (nilo__said(to) && nilo__date(j, to, &a->to, err) < 0))
        return -1;
    if (!nilo__said(to) && (to || one))
        a->to = a->from;
    return a->from.n > a->to.n ? nilo__check_failed(j, "annotations_days_check", err) : 0;
}

/* A note makes no item: a mistyped id is told. */
static int find(struct nilo__job *j, const char *connection, const char *external_id, struct nilo_entity_ref *ret, struct nilo_err *err)
{
    struct nilo_connection c;
    int64_t id = 0;
    *ret = (struct nilo_entity_ref){0};
    if (!connection && nilo_store_content_connection(j->store, j->w->workspace, external_id, &id, err) < 0)
        return -1;
    int rc = connection ? nilo_store_connection(j->store, j->w->workspace, connection, false, NULL, NULL, &c, err)
             : id       ? nilo_store_connection_get(j->store, id, &c, err)
                        : nilo_err_set(err, NILO_ENOENT, "none has it");
    if (rc == 0 && nilo_store_item(j->store, &c, external_id, ret, err) < 0)
        return -1;
    if (rc == 0 && ret->id)
        return 0;
    if (rc < 0 && err->code != NILO_ENOENT)
        return -1;
    nilo__detail(j->notes, "Key (external_id)=(%s) is not present in table \"content\".", external_id);
    return nilo_err_set(err, NILO_EREFERENCE, "insert or update on table \"annotations\" violates foreign key constraint \"annotations_external_id_fkey\"");
}

static int read_item(struct nilo__job *j, struct nilo_annotation *a, struct nilo_err *err)
{
    const struct nilo__member *id = nilo__cell(j, "external_id");
    const char *connection, *external_id;
    if (!id)
        return 0;
    a->entity = (struct nilo_entity_ref){0};
    if (nilo__text(j, id, &external_id, err) < 0 || nilo__text(j, nilo__cell(j, "connection"), &connection, err) < 0)
        return -1;
    return external_id ? find(j, connection, external_id, &a->entity, err) : 0;
}

static int read_row(struct nilo__job *j, struct nilo_annotation *a, struct nilo_err *err)
{
    const struct nilo__member *text = nilo__cell(j, "text"), *author = nilo__cell(j, "author");
    if (read_days(j, a, err) < 0 || read_item(j, a, err) < 0)
        return -1;
    if ((text && (nilo__need(j, text, "text", err) < 0 || nilo__text(j, text, &a->text, err) < 0)) || (author && nilo__text(j, author, &a->author, err) < 0))
        return -1;
    if (strlen(a->text) > TEXT_MAX)
        return nilo__check_failed(j, "annotations_text_check", err);
    return a->author && !nilo_name_ok(a->author, ID_MAX) ? nilo__check_failed(j, "annotations_author_check", err) : 0;
}

static int put_annotation(struct nilo__job *j, const char **key, bool *ret_there, struct nilo_err *err)
{
    struct nilo_annotation a = {.workspace = j->w->workspace, .from = NILO_DAY_NONE, .to = NILO_DAY_NONE};
    if (nilo__text(j, nilo__cell(j, "id"), &a.id, err) < 0)
        return -1;
    if (!a.id && !(a.id = make_id(j)))
        return nilo_err_nomem(err);
    if (!nilo_name_ok(a.id, ID_MAX))
        return nilo__check_failed(j, "annotations_id_check", err);
    key[0] = a.id;
    if (nilo_store_annotation(j->store, a.workspace, a.id, ret_there, err) < 0)
        return -1;
    if (*ret_there && j->w->prefer.resolution != NILO_WRITE_MERGE)
        return 0;
    if (nilo__need(j, nilo__cell(j, "day"), "day", err) < 0 || nilo__need(j, nilo__cell(j, "text"), "text", err) < 0 || read_row(j, &a, err) < 0)
        return -1;
    return nilo_store_annotation_put(j->store, &a, err);
}

int nilo__insert_annotations(struct nilo__job *j, struct nilo_err *err)
{
    return nilo__insert_rows(j, put_annotation, err);
}

int nilo__update_annotation(struct nilo__job *j, const struct nilo_datum *cells, struct nilo_err *err)
{
    struct nilo_annotation a = {.workspace = j->w->workspace,
                                .id = nilo__text_of(j, cells, "id"),
                                .text = nilo__text_of(j, cells, "text"),
                                .author = nilo__text_of(j, cells, "author"),
                                .from = NILO_DAY((int32_t)nilo__cell_of(j, cells, "day")->i),
                                .to = NILO_DAY((int32_t)nilo__cell_of(j, cells, "to_day")->i)};
    if (nilo__keeps_key(j, cells, err) < 0)
        return -1;
    if (!nilo__cell_of(j, cells, "external_id")->null &&
        find(j, nilo__text_of(j, cells, "connection"), nilo__text_of(j, cells, "external_id"), &a.entity, err) < 0)
        return -1;
    return read_row(j, &a, err) < 0 ? -1 : nilo_store_annotation_put(j->store, &a, err);
}

int nilo__delete_annotation(struct nilo__job *j, const struct nilo_datum *cells, struct nilo_err *err)
{
    return nilo_store_annotation_remove(j->store, j->w->workspace, nilo__text_of(j, cells, "id"), err);
}
