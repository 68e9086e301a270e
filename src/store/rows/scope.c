/* Two walls between workspaces. The first is in the statements: every one that reads for somebody names the workspaces of its scope. The second is
 * PostgreSQL's row-level security (migration row_security): a handle behind it reads as a role that sees the workspaces of a setting and no others, so
 * that a statement which forgets its scope, or gets it wrong, finds nothing of anybody else's. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "store/rows/rows.h"

#define WALL_MOST (1 << 20)

/* ---- the first ---------------------------------------------------------------------------------------------------------------- */

static bool has_all(const struct nilo_scope *scope) { return scope->all && scope->role == NILO_ROLE_SERVICE; }

void nilo__scope_sql(const struct nilo_scope *scope, const char *column, struct nilo_buf *sql)
{
    if (has_all(scope))
        return;
    if (scope->all || scope->n == 0) {
        nilo_buf_adds(sql, " AND 1=0");
        return;
    }
    nilo_buf_addf(sql, " AND %s IN (", column);
    for (size_t i = 0; i < scope->n; i++)
        nilo_buf_addf(sql, "%s%" PRId64, i ? "," : "", scope->workspaces[i]);
    nilo_buf_addc(sql, ')');
}

bool nilo__in_scope(const struct nilo_scope *scope, int64_t workspace)
{
    if (has_all(scope))
        return true;
    for (size_t i = 0; !scope->all && i < scope->n; i++)
        if (scope->workspaces[i] == workspace)
            return true;
    return false;
}

const char *nilo__every(const struct nilo_store *s, const char *sqlite, const char *postgres)
{
    return nilo_db_engine(s->db) == NILO_DB_POSTGRES ? postgres : sqlite;
}

/* ---- the second --------------------------------------------------------------------------------------------------------------- */

/* One text of one row, NULL where it is. owner: caller, free() */
static int ask_text(struct nilo_store *s, const char *sql, char **ret, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    *ret = NULL;
    if (nilo__query(s, &stmt, err, sql, 0, NULL) < 0)
        return -1;
    int got = nilo_db_row(stmt, err);
    const char *text = got == 1 ? nilo_db_column_text(stmt, 0) : NULL;
    int rc = text && !(*ret = strdup(text)) ? nilo_err_nomem(err) : got < 0 ? -1 : 0;
    nilo_db_reset(stmt);
    return rc;
}

int nilo__reader_make(struct nilo_store *s, struct nilo_err *err)
{
    char *lacks;
    if (nilo_db_engine(s->db) != NILO_DB_POSTGRES)
        return 0;
    int rc = ask_text(s, "SELECT nilo_reader_make()", &lacks, err);
    free(lacks); /* doctor says it, and serve */
    return rc;
}

int nilo_store_wall_lacks(struct nilo_store *s, char **ret, struct nilo_err *err)
{
    *ret = NULL;
    if (nilo_db_engine(s->db) != NILO_DB_POSTGRES)
        return 0;
    return ask_text(s,
                    "SELECT CASE WHEN NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = r.name) THEN format('there is no role %1$s; have an administrator say "
                    "CREATE ROLE %1$I; GRANT %1$I TO %2$I; and run nilometer init', r.name, current_user) "
                    "WHEN EXISTS (SELECT 1 FROM pg_roles WHERE rolname = r.name AND (rolsuper OR rolbypassrls)) THEN format('the role %1$s may read past row-level "
                    "security; have an administrator say ALTER ROLE %1$I NOSUPERUSER NOBYPASSRLS; and run nilometer init', r.name) "
                    "WHEN NOT pg_has_role(r.name, CASE WHEN CAST(current_setting('server_version_num') AS integer) >= 160000 THEN 'SET' ELSE 'MEMBER' END) "
                    "THEN format('%2$s may not become %1$s; have an administrator say GRANT %1$I TO %2$I; and run nilometer init', r.name, current_user) "
                    "WHEN EXISTS (SELECT 1 FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE p.polname = 'nilo_workspace' AND c.relnamespace = (SELECT "
                    "relnamespace FROM pg_class WHERE oid = CAST('entity' AS regclass)) AND NOT (c.relrowsecurity AND has_table_privilege(r.name, c.oid, "
                    "'SELECT'))) THEN format('%s may not read what it has to; run nilometer init', r.name) END FROM (SELECT nilo_reader() AS name) r",
                    ret, err);
}

int nilo_store_wall(struct nilo_store *s, bool *ret_there, struct nilo_err *err)
{
    char *lacks = NULL;
    if (ret_there)
        *ret_there = false;
    if (nilo_db_engine(s->db) != NILO_DB_POSTGRES || s->reader)
        return 0;
    if (nilo_store_wall_lacks(s, &lacks, err) < 0)
        return -1;
    bool there = lacks == NULL;
    free(lacks);
    if (there && ask_text(s, "SELECT nilo_reader()", &s->reader, err) < 0)
        return -1;
    if (ret_there)
        *ret_there = there;
    /* nobody's rows, until somebody asks */
    return there ? nilo_store_scope(s, &(struct nilo_scope){0}, err) : 0;
}

static int put_wall(struct nilo_store *s, const char *role, const char *workspaces, struct nilo_err *err)
{
    return nilo__run(s, err, "SELECT set_config('role', ?1, false), set_config('nilometer.workspaces', ?2, false)",
                     NILO__PARAMS(NILO_DBV_TEXT(role), NILO_DBV_TEXT(workspaces)));
}

int nilo_store_scope(struct nilo_store *s, const struct nilo_scope *scope, struct nilo_err *err)
{
    if (!s->reader)
        return 0;
    struct nilo_buf b;
    nilo_buf_init(&b, WALL_MOST);
    for (size_t i = 0; !scope->all && i < scope->n; i++)
        nilo_buf_addf(&b, "%s%" PRId64, i ? "," : "", scope->workspaces[i]);
    if (has_all(scope)) /* the whole store is asked for: there is nothing to keep apart */
        nilo_buf_addc(&b, '*');
    const char *text = b.failed ? NULL : nilo_buf_str(&b);
    int rc = !text ? nilo_err_nomem(err) : 0;
    if (rc == 0 && (!s->wall || strcmp(s->wall, text) != 0)) {
        free(s->wall);
        s->wall = NULL;
        rc = put_wall(s, has_all(scope) ? "none" : s->reader, has_all(scope) ? "" : text, err);
        /* a transaction's end may take it back: then it is given anew each time */
        if (rc == 0 && !nilo_db_in_transaction(s->db))
            s->wall = strdup(text);
    }
    nilo_buf_done(&b);
    return rc;
}
