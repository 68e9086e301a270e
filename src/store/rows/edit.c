/* What people say of owners. */
#include "store/rows/rows.h"

int nilo_store_owner_name(struct nilo_store *s, int64_t owner, const char *display_name, struct nilo_err *err)
{
    return nilo__run(s, err, "UPDATE owner SET display_name = ?2 WHERE id = ?1", NILO__PARAMS(NILO_DBV_INT(owner), NILO_DBV_TEXT(display_name)));
}

/* Credits stay for as_of, also those that were taken back: so does who they name. */
int nilo_store_owner_delete(struct nilo_store *s, int64_t owner, struct nilo_err *err)
{
    int64_t n;
    if (nilo__query_int(s, 0, &n, err, "SELECT count(*) FROM (SELECT 1 FROM credit WHERE owner_id = ?1 LIMIT 1) x", NILO__PARAMS(NILO_DBV_INT(owner))) < 0)
        return -1;
    if (n > 0)
        return nilo_err_set(err, NILO_EREFERENCE, "the owner is or was credited with items, and that is kept; nilometer erase takes out who it was");
    return nilo__run(s, err, "DELETE FROM owner WHERE id = ?1", NILO__PARAMS(NILO_DBV_INT(owner)));
}

/* Of several connections that have an item of that id the first one. */
int nilo_store_content_connection(struct nilo_store *s, int64_t workspace, const char *external_id, int64_t *ret, struct nilo_err *err)
{
    return nilo__query_int(s, 0, ret, err, "SELECT min(connection_id) FROM entity WHERE workspace_id = ?1 AND external_id = ?2 AND kind = ?3",
                           NILO__PARAMS(NILO_DBV_INT(workspace), NILO_DBV_TEXT(external_id), NILO_DBV_INT(NILO_CONTENT)));
}

int nilo_store_credited(struct nilo_store *s, struct nilo_entity_ref e, int64_t owner, const char *role, bool *ret, struct nilo_err *err)
{
    int64_t n;
    if (nilo__query_int(s, 0, &n, err,
                        "SELECT count(*) FROM credit WHERE bucket = ?1 AND entity_id = ?2 AND owner_id = ?3 AND ended_at IS NULL "
                        "AND role = COALESCE(CAST(?4 AS text), role)",
                        NILO__PARAMS(NILO_DBV_INT(e.bucket), NILO_DBV_INT(e.id), NILO_DBV_INT(owner), NILO_DBV_TEXT(role))) < 0)
        return -1;
    *ret = n > 0;
    return 0;
}
