/* The isolation matrix, generated from the daemon's own table of routes, the tables of relations and functions: route x method x who asks x own, foreign or
 * absent object x where its name stands. Every cell has an expectation; a route that is not known here fails.
 *
 * What is always so: a method that a path does not take is 405 for everybody; credentials that are bad or expired get the same bytes everywhere; a route
 * above one's role is 42501. Each cell has the one status that it may have (expected()), from tables of this file. Whoever is let in sees nothing of another tenant: a name that exists only there gives the same bytes as one that exists
 * nowhere, and none of the other's values is in any answer. */
#include "rest_world.h"
#include "support/pg.h"

#include <stdlib.h>
#include <string.h>

#include "api/server_priv.h"
#include "api/settings.h"
#include "api/writer.h"
#include "query/query.h"
#include "support/tmp.h"

#define NOW    INT64_C(1741608000) /* FILLED_NOW */
#define SECRET "0123456789abcdef0123456789abcdef"

static struct rest_world r;
static int cells, requests;
static char *store_target;
static struct nilo_api_writer *writer;

/* ---- who asks -------------------------------------------------------------------------------------------------------------------------- */

enum caller { NONE, BAD, EXPIRED, ANON, USER, ADMIN, SERVICE, OTHER_ADMIN, CALLERS };
static const struct {
    const char *name, *as;
    enum nilo_role role;
    const char *own, *foreign; /* workspaces */
} callers[CALLERS] = {
    [NONE] = {"nobody", NULL, NILO_ROLE_ANON, "acme", "beta"},
    [BAD] = {"bad credentials", NULL, NILO_ROLE_ANON, "acme", "beta"},
    [EXPIRED] = {"an expired service token", NULL, NILO_ROLE_SERVICE, "acme", "beta"},
    [ANON] = {"anon", "anon acme", NILO_ROLE_ANON, "acme", "beta"},
    [USER] = {"authenticated", "authenticated acme", NILO_ROLE_AUTHENTICATED, "acme", "beta"},
    [ADMIN] = {"admin", "admin acme", NILO_ROLE_ADMIN, "acme", "beta"},
    [SERVICE] = {"service_role", "service_role acme", NILO_ROLE_SERVICE, "acme", "beta"},
    [OTHER_ADMIN] = {"the other tenant's admin", "admin beta", NILO_ROLE_ADMIN, "beta", "acme"},
};

/* What only one of the two tenants has. */
static const char *const of_acme[] = {"=SUM(A1)", "tricky", "9223372036854775807", "-92233720368547758.08", NULL};
static const char *const of_beta[] = {"SECRET-beta", "77777", "88888", "66666", "55555", "44444", NULL};

/* Names that exist in one tenant alone, and ones of the same length that exist nowhere. */
enum { ITEM, OWNER, CONNECTION, WORKSPACE, RUN, THINGS };
static const struct {
    const char *names[4]; /* of columns and arguments */
    const char *acme, *beta, *absent_acme, *absent_beta;
} things[THINGS] = {
    [ITEM] = {{"external_id"}, "old", "itemb9", "olq", "itemq9"},
    [OWNER] = {{"owner", "key"}, "bob", "beta-only", "bqb", "quag-only"},
    [CONNECTION] = {{"connection"}, "import-old", "beta-import", "import-olq", "quag-import"},
    [WORKSPACE] = {{"workspace", "workspace_id", "brand_id"}, "acme", "beta", "acmq", "betq"},
    [RUN] = {{"run"}, "1", NULL, "991", NULL}, /* beta's is looked up */
};
static char beta_run[24], absent_run[24];

static const char *thing_of(int t, const char *tenant, bool there)
{
    bool acme = strcmp(tenant, "acme") == 0;
    if (t == RUN)
        return acme ? there ? "1" : "9" : there ? beta_run : absent_run;
    return acme ? there ? things[t].acme : things[t].absent_acme : there ? things[t].beta : things[t].absent_beta;
}

/* Tables of the sources of each tenant (`publish:`), and names of the same length that are published nowhere. */
static const struct {
    const char *name, *absent, *workspace, *row;
} published[] = {
    {"acme_posts", "acme_qosts", "acme", "1, '=SUM(A1)'"},
    {"beta_users", "beta_qsers", "beta", "1, 'SECRET-beta'"},
};
#define N_PUBLISHED (sizeof(published) / sizeof(published[0]))

/* ---- one request --------------------------------------------------------------------------------------------------------------------------- */

static const char *expired_header(void)
{
    static char text[1024];
    static const char *const places[] = {"acme"};
    struct nilo_buf b;
    struct nilo_err err = {0};
    nilo_buf_init(&b, 1000);
    if (nilo_jwt_sign(SECRET, 32, NULL, &(struct nilo_jwt_issue){.role = "service_role", .workspaces = places, .n_workspaces = 1, .iat = 1, .exp = NOW - 60}, &b,
                      &err) != 0)
        fail_msg("%s", err.msg);
    snprintf(text, sizeof(text), "Authorization: Bearer %s", nilo_buf_str(&b));
    nilo_buf_done(&b);
    return text;
}

/* Head without its date and whether the connection stays (it does not where a body was not read), and body. owner: caller */
static char *face(const struct answer *a)
{
    struct nilo_buf b;
    nilo_buf_init(&b, 64 << 20);
    for (const char *at = nilo_buf_str(&a->head); *at != '\0';) {
        size_t n = strcspn(at, "\n");
        n += at[n] == '\n';
        if (strncmp(at, "Date: ", 6) != 0 && strncmp(at, "Connection: ", 12) != 0)
            nilo_buf_add(&b, at, n);
        at += n;
    }
    nilo_buf_addf(&b, "\n%s", nilo_buf_str(&a->body));
    return b.data;
}

/* What is run beside the server, which this one has nothing to run it with. */
static bool is_job(const char *target)
{
    static const char *const names[] = {"/rpc/collect_daily_metrics", "/rpc/backfill_daily_metrics", "/rpc/refresh_metrics", "/cron/", "/commands", "/events"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strstr(target, names[i]) != NULL)
            return true;
    }
    return false;
}

/* Sends; the status, and the face where it is asked for. */
static int ask(enum caller who, const char *method, const char *target, const char *body, char **ret_face)
{
    struct answer a;
    rest_ask(&r, &(struct rest_row){.as = callers[who].as, .method = method, .target = target, .body = body,
                                    .headers = who == BAD ? "apikey: nonsense" : who == EXPIRED ? expired_header() : NULL}, &a);
    requests++;
    int status = a.status;
    const char *text = nilo_buf_str(&a.body);
    if (status >= 500 && !is_job(target))
        fail_msg("%d for %s %s as %s: %s", status, method, target, callers[who].name, text);
    /* whatever it is, it holds nothing of the other tenant */
    for (const char *const *m = who == OTHER_ADMIN ? of_acme : of_beta; *m != NULL; m++) {
        if (strstr(text, *m) != NULL && strstr(target, *m) == NULL)
            fail_msg("%s %s as %s shows %s: %s", method, target, callers[who].name, *m, text);
    }
    if (ret_face != NULL)
        *ret_face = face(&a);
    answer_done(&a);
    return status;
}

/* The first word as the second. */
static void as_if(char *text, const char *from, const char *to)
{
    size_t n = strlen(from);
    assert_int_equal(n, strlen(to));
    for (char *at = text; (at = strstr(at, from)) != NULL; at += n)
        memcpy(at, to, n);
}

/* ---- expectations ------------------------------------------------------------------------------------------------------------------------------ */

/* What stands behind the credentials of a caller whom the route itself does not refuse. */
enum kind { HEALTH, COUNTS, OPENAPI, RELATION, FUNCTION, JOB, RECORD, CRON, EVENTS, COMMANDS, HOOK, KINDS };
static const struct {
    const char *tail; /* of the path, behind /w/{workspace} */
    enum kind kind;
} known[] = {
    {"/healthz", HEALTH}, {"/readyz", HEALTH}, {"/metrics", COUNTS}, {"/", OPENAPI}, {"/rest/v1", OPENAPI}, {"/rest/v1/", OPENAPI},
    {"/rest/v1/{relation}", RELATION}, {"/rest/v1/rpc/{function}", FUNCTION}, {"/rest/v1/rpc/record", RECORD},
    {"/rest/v1/rpc/collect_daily_metrics", JOB}, {"/rest/v1/rpc/backfill_daily_metrics", JOB}, {"/rest/v1/rpc/refresh_metrics", JOB},
    {"/cron/metrics-refresh", CRON}, {"/api/cron/studio/metrics-refresh", CRON}, {"/commands", COMMANDS},
    {"/hooks/{hook}", HOOK}, {"/hooks/{hook}/{request}", HOOK}, /* what a good signature reaches: test_hooks */
    {"/events", EVENTS}, /* what is told to whom: test_events.c */
};

/* KINDS: it has no expectation */
static enum kind find_kind(const struct nilo_route *route)
{
    const char *path = route->path;
    if (strncmp(path, "/w/{workspace}", 14) == 0)
        path += 14;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(known[i].tail, path) == 0)
            return known[i].kind;
    }
    return KINDS;
}

static enum kind kind_of(const struct nilo_route *route)
{
    enum kind kind = find_kind(route);
    if (kind == KINDS)
        fail_msg("the route %s has no expectation: add it to tests/api/test_isolation.c", route->path);
    return kind;
}

/* Which row takes it: NULL = none does. */
static const struct nilo_route *taken_by(enum nilo_method method, const char *path)
{
    struct nilo__match m;
    nilo__route_find(nilo_api_routes, nilo_api_routes_n, method, path, &m);
    return m.route;
}

/* What the door says, before any handler: 0 = let in. */
static int at_the_door(enum caller who, enum nilo_who route)
{
    static const enum nilo_role least[NILO_WHO_N] = {[NILO_WHO_ANON] = NILO_ROLE_ANON, [NILO_WHO_AUTHENTICATED] = NILO_ROLE_AUTHENTICATED,
                                                     [NILO_WHO_ADMIN] = NILO_ROLE_ADMIN, [NILO_WHO_SERVICE] = NILO_ROLE_SERVICE};
    if (route == NILO_WHO_EVERYONE)
        return 0;
    if (who == BAD || who == EXPIRED)
        return 401;
    if (callers[who].role >= least[route])
        return 0;
    return callers[who].role == NILO_ROLE_ANON ? 401 : 403;
}

/* Who may write what, by SEMANTICS 6 and 7; what is not here takes no writes. */
static const struct {
    const char *relation;
    enum nilo_role least;
    bool posts, patches, deletes; /* false: refused to everybody, 42501 */
    bool published;               /* to anon */
} written[] = {
    {"daily_metrics", NILO_ROLE_SERVICE, true, true, true, true},
    {"content_snapshots", NILO_ROLE_SERVICE, true, true, true, false},
    {"metric_values", NILO_ROLE_SERVICE, true, true, true, false},
    {"annotations", NILO_ROLE_ADMIN, true, true, true, false},
    {"credits", NILO_ROLE_ADMIN, true, true, true, false},
    {"owners", NILO_ROLE_ADMIN, true, true, true, false},
    {"metric_definitions", NILO_ROLE_ADMIN, true, true, true, false},
    {"content", NILO_ROLE_ADMIN, true, true, false, false},
};

static int not_permitted(enum caller who)
{
    return callers[who].role == NILO_ROLE_ANON ? 401 : 403;
}

/* To a body of {}, or to no filter: 400 for who may, the refusal for who may not. */
static int to_writing(enum caller who, enum nilo_method m, const char *name)
{
    for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++) {
        if (strcmp(written[i].relation, name) != 0)
            continue;
        bool takes = m == NILO_POST ? written[i].posts : m == NILO_PATCH ? written[i].patches : written[i].deletes;
        /* that what is recorded stays is said of the rows that are meant: who names none is told that first, where the table can be seen */
        bool series = written[i].least == NILO_ROLE_SERVICE && m != NILO_POST;
        if (takes && series)
            return callers[who].role == NILO_ROLE_ANON && !written[i].published ? 401 : 400;
        return takes && callers[who].role >= written[i].least ? 400 : not_permitted(who);
    }
    return not_permitted(who);
}

/* To service_role of its own workspace, to be read; for everybody else there is no such table. */
static bool sees_published(enum caller who, size_t i)
{
    return callers[who].role == NILO_ROLE_SERVICE && strcmp(callers[who].own, published[i].workspace) == 0;
}

static int to_relation(enum caller who, enum nilo_method m, const char *name)
{
    for (size_t i = 0; i < N_PUBLISHED; i++) {
        if (strcmp(published[i].name, name) == 0)
            return !sees_published(who, i) ? 404 : m == NILO_GET || m == NILO_HEAD ? 200 : 403;
    }
    const struct nilo_relation *found = NULL;
    for (size_t i = 0; i < nilo_relations_n; i++) {
        if (strcmp(nilo_relations[i].name, name) == 0)
            found = &nilo_relations[i];
    }
    if (found == NULL || found->view != NULL) /* no set is published here */
        return 404;
    if (m != NILO_GET && m != NILO_HEAD)
        return to_writing(who, m, name);
    return callers[who].role == NILO_ROLE_ANON && found->min_role > NILO_ROLE_ANON ? 401 : 200;
}

static int to_function(enum caller who, const char *name)
{
    const struct nilo_function *f = nilo_function_find(name);
    if (f == NULL)
        return 404;
    for (size_t i = 0; i < f->n_parameters; i++) {
        if (f->parameters[i].required)
            return 400;
    }
    return callers[who].role == NILO_ROLE_ANON ? 401 : 200;
}

/* Whose workspace the path names, if it names one. */
enum place { NO_PLACE, OWN, FOREIGN, ABSENT };

/* The one status that a cell may have. name: of relation or function */
static int expected(const struct nilo_route *route, enum caller who, enum nilo_method m, enum place place, const char *name)
{
    enum kind kind = kind_of(route);
    int door = at_the_door(who, route->who);
    if (door != 0)
        return door;
    if (kind == HEALTH || kind == COUNTS || kind == OPENAPI)
        return strcmp(route->path, "/") == 0 ? 404 : 200; /* the text holds no workspace, so it is the same under any name; a page at / comes later */
    if (kind == CRON)
        return 401; /* nobody here has its secret */
    if (kind == HOOK) /* nobody here signs; push alone is configured, for acme */
        return strstr(route->path, "{request}") != NULL || strcmp(name, "push") != 0 ? 404 : m == NILO_POST ? 401 : 405;
    if (kind == COMMANDS)
        return 403; /* over the Unix socket alone */
    if (kind == JOB) /* this server has nothing to run them with */
        return m == NILO_POST ? 403 : 405;
    if (kind == FUNCTION && (m == NILO_PUT || m == NILO_PATCH || m == NILO_DELETE))
        return 405;
    if (place == FOREIGN || place == ABSENT)
        return 404;
    if (kind == EVENTS)
        return 503; /* nor is there anything to tell */
    if (callers[who].as == NULL) /* two workspaces, and none that is theirs */
        return place == OWN ? 404 : 400;
    if (kind == RECORD) /* a batch without a connection */
        return who == SERVICE ? 404 : not_permitted(who);
    return kind == FUNCTION ? to_function(who, name) : to_relation(who, m, name);
}

static void has_to_be(int wanted, int status, enum caller who, const char *method, const char *target, const char *text)
{
    if (status != wanted)
        fail_msg("%d instead of %d for %s %s as %s: %s", status, wanted, method, target, callers[who].name, text);
}

static void same_refusal(enum caller who, const char *target, const char *text)
{
    static char *first[CALLERS];
    if (who != BAD && who != EXPIRED)
        return;
    if (first[who] == NULL)
        first[who] = strdup(text);
    if (strcmp(first[who], text) != 0)
        fail_msg("%s as %s is refused in other words: %s", target, callers[who].name, text);
}

/* ---- the cells ------------------------------------------------------------------------------------------------------------------------------------ */

static const struct {
    enum nilo_method method;
    const char *name, *body;
} methods[] = {{NILO_GET, "GET", NULL},     {NILO_HEAD, "HEAD", NULL},   {NILO_POST, "POST", "{}"},
               {NILO_PUT, "PUT", "{}"},     {NILO_PATCH, "PATCH", "{}"}, {NILO_DELETE, "DELETE", NULL}};

/* The path with its workspace and name put in. */
static void fill_path(const char *pattern, const char *workspace, const char *name, char *out, size_t size)
{
    size_t n = 0;
    for (const char *p = pattern; *p != '\0' && n + 1 < size;) {
        if (*p != '{') {
            out[n++] = *p++;
            continue;
        }
        n += (size_t)snprintf(out + n, size - n, "%s", strncmp(p, "{workspace}", 11) == 0 ? workspace : name);
        p = strchr(p, '}') + 1;
    }
    out[n] = '\0';
}

/* Everything in the words of one route, with the name that its last segment stands for, or NULL: door, methods, workspace in the path. */
static void door_and_path(const struct nilo_route *route, const char *name)
{
    bool in_workspace = strstr(route->path, "{workspace}") != NULL;
    for (int who = 0; who < CALLERS; who++) {
        for (size_t m = 0; m < sizeof(methods) / sizeof(methods[0]); m++) {
            char own[300], foreign[300], absent[300], *text, *other;
            fill_path(route->path, callers[who].own, name, own, sizeof(own));
            const struct nilo_route *by = taken_by(methods[m].method, own);
            if (by != NULL && by != route)
                continue; /* a cell of another row */
            bool takes = by != NULL;
            int status = ask(who, methods[m].name, own, methods[m].body, &text);
            int door = !takes ? 405 : at_the_door(who, route->who);
            has_to_be(!takes ? 405 : expected(route, who, methods[m].method, in_workspace ? OWN : NO_PLACE, name), status, who, methods[m].name, own, text);
            if (door == 401 || door == 403)
                same_refusal(methods[m].method == NILO_HEAD ? NONE : (enum caller)who, own, text);
            cells++;
            free(text);
            if (!in_workspace || !takes)
                continue;
            fill_path(route->path, callers[who].foreign, name, foreign, sizeof(foreign));
            fill_path(route->path, thing_of(WORKSPACE, callers[who].foreign, false), name, absent, sizeof(absent));
            status = ask(who, methods[m].name, foreign, methods[m].body, &text);
            has_to_be(expected(route, who, methods[m].method, FOREIGN, name), status, who, methods[m].name, foreign, text);
            status = ask(who, methods[m].name, absent, methods[m].body, &other);
            has_to_be(expected(route, who, methods[m].method, ABSENT, name), status, who, methods[m].name, absent, other);
            as_if(text, callers[who].foreign, thing_of(WORKSPACE, callers[who].foreign, false));
            if (strcmp(text, other) != 0)
                fail_msg("%s %s as %s can be told from what is not there:\n%s\n%s", methods[m].name, foreign, callers[who].name, text, other);
            free(text);
            free(other);
            cells += 2;
        }
    }
}

/* A name in the query: foreign as absent. base: path and what has to stand in the query, ending in ? or & */
static void name_in_query(enum caller who, const char *base, const char *parameter, int thing, const char *before, int wanted)
{
    char foreign[600], absent[600], *text, *other;
    const char *there = thing_of(thing, callers[who].foreign, true), *nowhere = thing_of(thing, callers[who].foreign, false);
    snprintf(foreign, sizeof(foreign), "%s%s=%s%s", base, parameter, before, there);
    snprintf(absent, sizeof(absent), "%s%s=%s%s", base, parameter, before, nowhere);
    int status = ask(who, "GET", foreign, NULL, &text);
    has_to_be(wanted, status, who, "GET", foreign, text);
    has_to_be(wanted, ask(who, "GET", absent, NULL, &other), who, "GET", absent, other);
    as_if(text, there, nowhere);
    as_if(other, there, nowhere);
    if (strcmp(text, other) != 0)
        fail_msg("GET %s as %s (%d) can be told from what is not there:\n%s\n%s", foreign, callers[who].name, status, text, other);
    cells += 2;
    free(text);
    free(other);
}

static int thing_named(const char *name)
{
    for (int t = 0; t < THINGS; t++) {
        for (int i = 0; i < 4 && things[t].names[i] != NULL; i++) {
            if (strcmp(things[t].names[i], name) == 0)
                return t;
        }
    }
    return -1;
}

static void relation_cells(const struct nilo_route *route, const struct nilo_relation *relation)
{
    char base[300];
    for (int who = ANON; who < CALLERS; who++) {
        char *text;
        fill_path(route->path, callers[who].own, relation->name, base, sizeof(base));
        int status = ask((enum caller)who, "GET", base, NULL, &text);
        int wanted = to_relation((enum caller)who, NILO_GET, relation->name);
        has_to_be(wanted, status, (enum caller)who, "GET", base, text);
        /* below its role nothing is there */
        if (status == 200 && callers[who].role < relation->min_role && strstr(text, "\n[]") == NULL)
            fail_msg("GET %s shows %s something: %s", base, callers[who].name, text);
        free(text);
        snprintf(base + strlen(base), sizeof(base) - strlen(base), "?");
        for (size_t i = 0; i < relation->n_columns && relation->view == NULL; i++) {
            int t = thing_named(relation->columns[i].name);
            if (t >= 0)
                name_in_query((enum caller)who, base, relation->columns[i].name, t, "eq.", wanted);
        }
        cells++;
    }
}

/* By name and by a name that is nearly the same (which is answered with a hint): who does not see a published table cannot tell that there is one. */
static void published_cells(const struct nilo_route *route)
{
    static const char *const asked[] = {"GET", "HEAD", "POST", "PATCH", "DELETE"};
    for (int who = ANON; who < CALLERS; who++) {
        for (size_t k = 0; k < N_PUBLISHED * sizeof(asked) / sizeof(asked[0]); k++) {
            size_t i = k % N_PUBLISHED;
            const char *method = asked[k / N_PUBLISHED], *body = method[0] == 'P' ? "{\"id\":9}" : NULL;
            char there[300], absent[300], *text, *other;
            fill_path(route->path, callers[who].own, published[i].name, there, sizeof(there));
            fill_path(route->path, callers[who].own, published[i].absent, absent, sizeof(absent));
            snprintf(there + strlen(there), sizeof(there) - strlen(there), "?id=eq.1");
            snprintf(absent + strlen(absent), sizeof(absent) - strlen(absent), "?id=eq.1");
            int status = ask((enum caller)who, method, there, body, &text), nowhere = ask((enum caller)who, method, absent, body, &other);
            bool sees = sees_published((enum caller)who, i);
            has_to_be(sees ? body != NULL || method[0] == 'D' ? 403 : 200 : 404, status, (enum caller)who, method, there, text);
            has_to_be(404, nowhere, (enum caller)who, method, absent, other);
            if (sees && method[0] == 'G' && strstr(text, "=SUM(A1)") == NULL)
                fail_msg("%s as %s does not show its row: %s", there, callers[who].name, text);
            if (!sees) {
                if (strstr(other, published[i].name) != NULL)
                    fail_msg("%s %s as %s is told of a table: %s", method, absent, callers[who].name, other);
                as_if(text, published[i].name, published[i].absent);
                if (strcmp(text, other) != 0)
                    fail_msg("%s %s as %s can be told from what is not there:\n%s\n%s", method, there, callers[who].name, text, other);
            }
            free(text);
            free(other);
            cells += 2;
        }
    }
}

/* The OpenAPI text names it to who sees it. */
static void published_in_text(const struct nilo_route *route)
{
    for (int who = ANON; who < CALLERS; who++) {
        char path[300], *text;
        fill_path(route->path, callers[who].own, NULL, path, sizeof(path));
        ask((enum caller)who, "GET", path, NULL, &text);
        for (size_t i = 0; i < N_PUBLISHED; i++) {
            if ((strstr(text, published[i].name) != NULL) != sees_published((enum caller)who, i))
                fail_msg("GET %s as %s: %s is %s", path, callers[who].name, published[i].name, sees_published((enum caller)who, i) ? "not there" : "there");
        }
        free(text);
        cells++;
    }
}

static bool made[2][2]; /* item or owner, by acme or by beta */

/* To a row of that one column. Two of them make a whole row: the first time it is one more, then it is there. */
static int to_body(enum caller who, const char *relation, const char *column)
{
    int may = to_writing(who, NILO_POST, relation);
    bool item = strcmp(relation, "content") == 0 && strcmp(column, "external_id") == 0, owner = strcmp(relation, "owners") == 0 && strcmp(column, "owner") == 0;
    if (may != 400 || strcmp(column, "workspace") == 0)
        return may != 400 ? may : 404;
    if (!item && !owner)
        return 400;
    bool *there = &made[owner][who == OTHER_ADMIN], before = *there;
    *there = true;
    return before ? 409 : 201;
}

/* A row for somebody else: the same answer as for one who is not there. After everything that is read: some of these make what they name, as their own. */
static void relation_bodies(const struct nilo_route *route, const struct nilo_relation *relation)
{
    char base[300], body[300];
    for (int who = ANON; who < CALLERS; who++) {
        fill_path(route->path, callers[who].own, relation->name, base, sizeof(base));
        for (size_t i = 0; i < relation->n_columns && relation->view == NULL; i++) {
            int t = thing_named(relation->columns[i].name);
            char *text, *other;
            if (t < 0)
                continue;
            int wanted = to_body((enum caller)who, relation->name, relation->columns[i].name);
            snprintf(body, sizeof(body), "{\"%s\":\"%s\"}", relation->columns[i].name, thing_of(t, callers[who].foreign, true));
            has_to_be(wanted, ask((enum caller)who, "POST", base, body, &text), (enum caller)who, "POST", base, text);
            snprintf(body, sizeof(body), "{\"%s\":\"%s\"}", relation->columns[i].name, thing_of(t, callers[who].foreign, false));
            has_to_be(wanted, ask((enum caller)who, "POST", base, body, &other), (enum caller)who, "POST", base, other);
            as_if(text, thing_of(t, callers[who].foreign, true), thing_of(t, callers[who].foreign, false));
            as_if(other, thing_of(t, callers[who].foreign, true), thing_of(t, callers[who].foreign, false));
            if (strcmp(text, other) != 0)
                fail_msg("POST %s %s as %s can be told from what is not there:\n%s\n%s", base, body, callers[who].name, text, other);
            free(text);
            free(other);
            cells += 2;
        }
    }
}

static const char *argument(const char *name)
{
    static const char *const list[][2] = {{"metric", "views"}, {"from", "2025-03-01"}, {"to", "2025-03-09"}, {"day", "2025-03-08"}, {"owner", "maria"},
                                          {"run", "1"},        {"start_date", "2025-03-01"}, {"end_date", "2025-03-02"}};
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        if (strcmp(list[i][0], name) == 0)
            return list[i][1];
    }
    return "x";
}

static void function_cells(const struct nilo_route *route, const struct nilo_function *f)
{
    for (int who = ANON; who < CALLERS; who++) {
        for (size_t p = 0; p < f->n_parameters; p++) {
            char base[600];
            int t = thing_named(f->parameters[p].name);
            if (t < 0)
                continue;
            fill_path(route->path, callers[who].own, f->name, base, sizeof(base));
            snprintf(base + strlen(base), sizeof(base) - strlen(base), "?");
            for (size_t q = 0; q < f->n_parameters; q++) {
                if (q != p && f->parameters[q].required)
                    snprintf(base + strlen(base), sizeof(base) - strlen(base), "%s=%s&", f->parameters[q].name, argument(f->parameters[q].name));
            }
            /* coverage is narrowed like a relation is filtered: what is not there has no items */
            int signed_in = strcmp(f->name, "coverage") == 0 ? 200 : 404;
            name_in_query((enum caller)who, base, f->parameters[p].name, t, "", callers[who].role == NILO_ROLE_ANON ? 401 : signed_in);
        }
    }
}

static void look_up_runs(void)
{
    struct nilo_err err = {0};
    struct nilo_db_stmt *s;
    if (nilo_db_prepare(nilo_store_db(r.f.store), "SELECT min(r.id) FROM run r JOIN workspace w ON w.id = r.workspace_id WHERE w.name = 'beta'", &s, &err) != 0 ||
        nilo_db_query(s, NULL, 0, &err) != 0 || nilo_db_row(s, &err) != 1)
        fail_msg("%s", err.msg);
    snprintf(beta_run, sizeof(beta_run), "%lld", (long long)nilo_db_column_int(s, 0));
    memset(absent_run, '9', strlen(beta_run));
    nilo_db_reset(s);
}

static int open_to_write(void *ctx, struct nilo_store **ret, struct nilo_err *err)
{
    (void)ctx;
    return nilo_store_open(store_target, NILO_STORE_WRITE, &r.env, ret, err);
}

/* A database of each tenant, and the configuration that publishes a table of it. */
static void publish(void)
{
    struct nilo_config *config;
    struct nilo_err err = {0};
    const char *path = nilo_test_path("publish.yaml");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "connections:\n");
    for (size_t i = 0; i < N_PUBLISHED; i++) {
        const struct nilo_db_options options = {.mode = NILO_DB_CREATE};
        struct nilo_db *db;
        char name[64], sql[300];
        snprintf(name, sizeof(name), "%s.db", published[i].name);
        remove(nilo_test_path(name)); /* of the engine before */
        snprintf(sql, sizeof(sql), "CREATE TABLE %s (id bigint PRIMARY KEY, title text)", published[i].name);
        if (nilo_db_open(nilo_test_path(name), &options, &db, &err) != 0 || nilo_db_exec(db, sql, &err) != 0)
            fail_msg("%s", err.msg);
        snprintf(sql, sizeof(sql), "INSERT INTO %s VALUES (%s)", published[i].name, published[i].row);
        if (nilo_db_exec(db, sql, &err) != 0)
            fail_msg("%s", err.msg);
        nilo_db_close(db);
        fprintf(file, "  - {name: source%zu, workspace: %s, platform: sql, database: \"%s\", posts: %s}\n", i, published[i].workspace, nilo_test_path(name), published[i].name);
    }
    fprintf(file, "publish:\n");
    for (size_t i = 0; i < N_PUBLISHED; i++)
        fprintf(file, "  - {table: %s, connection: source%zu}\n", published[i].name, i);
    fprintf(file, "hooks:\n  - {platform: push, workspace: acme, secret: \"file:%s\"}\n", path); /* any text that is long enough */
    fclose(file);
    if (nilo_config_load(path, NULL, &config, &err) != 0 || nilo_settings_new(config, &r.api.settings, &err) != 0)
        fail_msg("%s", err.msg);
}

/* The readers are open by then; the store that filled it makes room for the writer. */
static void open_world(enum nilo_db_engine engine)
{
    struct nilo_err err = {0};
    if (rest_world_open(&r, engine) != 0)
        nilo_test_skip("%s", nilo_test_pg_missing());
    store_target = strdup(nilo_store_target(r.f.store));
    nilo_store_close(r.f.store);
    if (nilo_store_open(store_target, NILO_STORE_READ, &r.f.env, &r.f.store, &err) != 0)
        fail_msg("%s", err.msg);
    const struct nilo_api_writer_config config = {.env = r.w.config.env, .open = open_to_write};
    if (nilo_api_writer_new(&config, &writer, &err) != 0)
        fail_msg("%s", err.msg);
    r.api.writer = writer;
    publish();
}

static void matrix(enum nilo_db_engine engine)
{
    open_world(engine);
    look_up_runs();
    cells = requests = 0;
    memset(made, 0, sizeof(made));
    for (size_t i = 0; i < nilo_api_routes_n; i++) {
        const struct nilo_route *route = &nilo_api_routes[i];
        enum kind kind = kind_of(route);
        if (strstr(route->path, "{relation}") != NULL) {
            door_and_path(route, "nothing_there");
            for (size_t k = 0; k < N_PUBLISHED; k++)
                door_and_path(route, published[k].name);
            if ((route->methods & NILO_GET) != 0)
                published_cells(route);
            for (size_t k = 0; k < nilo_relations_n; k++) {
                door_and_path(route, nilo_relations[k].name);
                if (kind == RELATION && (route->methods & NILO_GET) != 0)
                    relation_cells(route, &nilo_relations[k]);
            }
        } else if (strstr(route->path, "{function}") != NULL) {
            door_and_path(route, "nothing_there");
            for (size_t k = 0; k < nilo_functions_n(); k++) {
                door_and_path(route, nilo_function_at(k)->name);
                if ((route->methods & NILO_GET) != 0)
                    function_cells(route, nilo_function_at(k));
            }
        } else if (kind == HOOK) {
            door_and_path(route, "push");
            door_and_path(route, "tiktok");
        } else {
            door_and_path(route, NULL);
            if (kind == OPENAPI && strcmp(route->path, "/") != 0)
                published_in_text(route);
        }
    }
    for (size_t i = 0; i < nilo_api_routes_n; i++) {
        const struct nilo_route *route = &nilo_api_routes[i];
        for (size_t k = 0; k < nilo_relations_n && kind_of(route) == RELATION && (route->methods & NILO_POST) != 0; k++)
            relation_bodies(route, &nilo_relations[k]);
    }
    print_message("# %d cells, %d requests\n", cells, requests);
    assert_in_range(cells, 2000, 100000);
    struct nilo_settings *settings = r.api.settings;
    rest_world_close(&r);
    nilo_settings_free(settings);
    nilo_api_writer_free(writer);
    free(store_target);
}

static int nothing(struct nilo_exchange *x, struct nilo_err *err)
{
    (void)x, (void)err;
    return 0;
}

/* A route that nobody thought of here is found; one without a policy, which NILO_ROUTE() cannot write (tests/house/test_policy), does not start a server. */
static void a_route_without_an_expectation_or_a_policy_is_found(void **state)
{
    (void)state;
    struct nilo_err err = {0};
    const struct nilo_route planted[] = {NILO_ROUTE(NILO_GET, "/rest/v2/{relation}", ANON, .instant = nothing), {.methods = NILO_GET, .path = "/open", .instant = nothing}};
    assert_int_equal(find_kind(&planted[0]), KINDS);
    assert_int_equal(nilo__routes_check(planted, 1, &err), 0);
    assert_int_equal(nilo__routes_check(planted, 2, &err), -1);
    assert_non_null(strstr(err.msg, "route /open does not say who may call it"));
    for (size_t i = 0; i < nilo_api_routes_n; i++)
        assert_int_not_equal(find_kind(&nilo_api_routes[i]), KINDS);
}

#ifndef NILO_WITHOUT_SCOPE
static void no_cell_of_the_matrix_leaks_on_sqlite(void **state)
{
    (void)state;
    matrix(NILO_DB_SQLITE);
}

static void no_cell_of_the_matrix_leaks_on_postgres(void **state)
{
    (void)state;
    matrix(NILO_DB_POSTGRES);
}

#define THE_MATRIX cmocka_unit_test(no_cell_of_the_matrix_leaks_on_sqlite), cmocka_unit_test(no_cell_of_the_matrix_leaks_on_postgres)
#else /* test_isolation_wall.c: readers forget the scope, and the second wall is all there is */

void __real_nilo__scope_sql(const struct nilo_scope *scope, const char *column, struct nilo_buf *sql);
void __wrap_nilo__scope_sql(const struct nilo_scope *scope, const char *column, struct nilo_buf *sql);
void __wrap_nilo__scope_sql(const struct nilo_scope *scope, const char *column, struct nilo_buf *sql)
{
    (void)scope, (void)column, (void)sql;
}

bool __wrap_nilo__in_scope(const struct nilo_scope *scope, int64_t workspace);
bool __wrap_nilo__in_scope(const struct nilo_scope *scope, int64_t workspace)
{
    (void)scope, (void)workspace;
    return true;
}

static void no_cell_of_the_matrix_leaks_behind_the_second_wall_alone(void **state)
{
    (void)state;
    matrix(NILO_DB_POSTGRES);
}
#define THE_MATRIX cmocka_unit_test(no_cell_of_the_matrix_leaks_behind_the_second_wall_alone)
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_route_without_an_expectation_or_a_policy_is_found),
        THE_MATRIX,
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
