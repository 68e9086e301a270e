/* See admins.h. A question opens a connection of its own: at most one a user and minute, and nothing is shared that could be lost in between. */
#include "api/admins.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "connect/connect.h"

#define TIMEOUT_MS 5000

struct answer {
    char *sub;
    nilo_us until;
    bool admin;
};

/* Open addressing; emptied when half full of NILO_ADMINS_MAX answers. */
#define SLOTS (2 * NILO_ADMINS_MAX)

struct nilo_admins {
    const struct nilo_config *config;
    const struct nilo_env *env;
    pthread_mutex_t mutex; /* the answers; held for a look-up */
    struct answer answers[SLOTS];
    int n;
};

int nilo_admins_new(const struct nilo_config *config, const struct nilo_env *env, struct nilo_admins **ret, struct nilo_err *err)
{
    bool any = false;
    for (int i = 0; config != NULL && i < config->auth.n_admins; i++)
        any = any || config->auth.admins[i].sql != NULL;
    *ret = NULL;
    if (!any)
        return 0;
    struct nilo_admins *a = calloc(1, sizeof(*a));
    if (a == NULL)
        return nilo_err_nomem(err);
    a->config = config;
    a->env = env;
    pthread_mutex_init(&a->mutex, NULL);
    *ret = a;
    return 0;
}

static void forget(struct nilo_admins *a)
{
    for (size_t i = 0; i < SLOTS; i++)
        free(a->answers[i].sub);
    memset(a->answers, 0, sizeof(a->answers));
    a->n = 0;
}

void nilo_admins_free(struct nilo_admins *a)
{
    if (a == NULL)
        return;
    forget(a);
    pthread_mutex_destroy(&a->mutex);
    free(a);
}

/* ---- what is remembered ------------------------------------------------------------------------------------------------------------------ */

static nilo_us now(const struct nilo_admins *a)
{
    return a->env->clock.mono(a->env->clock.ctx);
}

/* The slot of a user, or the free one where they would be. */
static struct answer *slot(struct nilo_admins *a, const char *sub)
{
    size_t h = 5381;
    for (const char *p = sub; *p != '\0'; p++)
        h = h * 33 + (unsigned char)*p; /* whoever has a bad sub issued by the app gains nothing by collisions: the table is small and emptied */
    for (h %= SLOTS; a->answers[h].sub != NULL && strcmp(a->answers[h].sub, sub) != 0; h = (h + 1) % SLOTS)
        continue;
    return &a->answers[h];
}

int nilo_admins_known(struct nilo_admins *a, const char *sub)
{
    pthread_mutex_lock(&a->mutex);
    const struct answer *found = slot(a, sub);
    int known = found->sub != NULL && found->until > now(a) ? found->admin : -1;
    pthread_mutex_unlock(&a->mutex);
    return known;
}

static void remember(struct nilo_admins *a, const char *sub, bool admin)
{
    pthread_mutex_lock(&a->mutex);
    if (a->n >= NILO_ADMINS_MAX)
        forget(a);
    struct answer *s = slot(a, sub);
    if (s->sub == NULL) {
        s->sub = strdup(sub);
        a->n += s->sub != NULL;
    }
    s->admin = admin;
    s->until = now(a) + NILO_ADMINS_KEEP;
    pthread_mutex_unlock(&a->mutex);
}

/* ---- asking -------------------------------------------------------------------------------------------------------------------------------- */

/* Databases without booleans say 1, 't' or 'true'. */
static bool is_true(struct nilo_db_stmt *s)
{
    struct nilo_db_value v = nilo_db_column(s, 0);
    if (v.type == NILO_DB_INT)
        return v.i != 0;
    return v.type == NILO_DB_TEXT && (strcasecmp(v.p, "t") == 0 || strcasecmp(v.p, "true") == 0 || strcmp(v.p, "1") == 0);
}

static int ask_in(struct nilo_db *db, const char *sql, const char *sub, bool *ret, struct nilo_err *err)
{
    struct nilo_db_stmt *s = NULL;
    struct nilo_buf text;
    const struct nilo_db_value params[] = {nilo_dbv_text(sub)};
    bool admin = false;
    int rc, row = 0;
    nilo_buf_init(&text, 65536);
    rc = nilo_config_sql_about(sql, nilo_db_engine(db) == NILO_DB_SQLITE ? NILO_SQL_SQLITE : NILO_SQL_POSTGRES, &text, err);
    if (rc == 0)
        rc = nilo_db_prepare_once(db, nilo_buf_str(&text), &s, err);
    if (rc == 0)
        rc = nilo_db_query(s, params, 1, err);
    if (rc == 0)
        row = nilo_db_row(s, err);
    if (row == 1)
        admin = is_true(s);
    nilo_db_finish(s);
    nilo_buf_done(&text);
    if (rc != 0 || row < 0)
        return -1;
    *ret = admin;
    return 0;
}

/* What a server says of a value that is no uuid or no number: nobody has such an id. */
static bool malformed(enum nilo_code code)
{
    return code == NILO_ENUMBER || code == NILO_EINVAL || code == NILO_EDATE || code == NILO_EOVERFLOW;
}

static int ask_one(struct nilo_admins *a, const struct nilo_config_admin *rule, const char *sub, bool *ret, struct nilo_err *err)
{
    const struct nilo_config_connection *c = nilo_config_admin_source(a->config, rule);
    struct nilo_err why = {0};
    struct nilo_db *db = NULL;
    char *target = NULL;
    int rc = nilo_config_secret(c->database, &target, &why);
    if (rc == 0)
        rc = nilo_sql_open(target, c->timeout_ms < TIMEOUT_MS ? c->timeout_ms : TIMEOUT_MS, a->env->vfs, &db, &why);
    if (rc == 0) {
        rc = ask_in(db, rule->sql, sub, ret, &why);
        if (rc != 0 && malformed(why.code)) {
            *ret = false;
            rc = 0;
        }
    }
    nilo_db_close(db);
    free(target);
    if (rc != 0)
        return nilo_err_set(err, why.code, "whether somebody is an admin cannot be asked of the connection %s: %s", c->name, why.msg);
    return 0;
}

int nilo_admins_ask(struct nilo_admins *a, const char *sub, bool *ret, struct nilo_err *err)
{
    int known = nilo_admins_known(a, sub);
    bool admin = known == 1;
    for (int i = 0; known < 0 && !admin && i < a->config->auth.n_admins; i++) {
        const struct nilo_config_admin *rule = &a->config->auth.admins[i];
        if (rule->sql != NULL && ask_one(a, rule, sub, &admin, err) != 0)
            return -1;
    }
    if (known < 0)
        remember(a, sub, admin);
    *ret = admin;
    return 0;
}
