/* The small parts of the server by themselves: connections by address against a naive count, what Accept-Encoding means, which row takes a path. */
#include "support/nilo_test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "api/server_priv.h"

static struct nilo__peer_key key_of(const char *address)
{
    struct nilo__peer_key key = {{0}};
    char text[64];
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, address, &v4.sin_addr) == 1)
        assert_true(nilo__peer_key((struct sockaddr *)&v4, &key, text, sizeof(text)));
    else if (inet_pton(AF_INET6, address, &v6.sin6_addr) == 1)
        assert_true(nilo__peer_key((struct sockaddr *)&v6, &key, text, sizeof(text)));
    return key;
}

static void an_ipv6_network_counts_as_one_address(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } rows[] = {{"192.0.2.1", "192.0.2.1", true},       {"192.0.2.1", "192.0.2.2", false},        {"::ffff:192.0.2.1", "192.0.2.1", true},
                {"2001:db8::1", "2001:db8::2", true},   {"2001:db8::1", "2001:db8:0:0:ffff::2", true}, {"2001:db8::1", "2001:db8:0:1::1", false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct nilo__peer_key a = key_of(rows[i].a), b = key_of(rows[i].b);
        assert_int_equal(memcmp(&a, &b, sizeof(a)) == 0, rows[i].same);
    }
}

/* As many addresses as there are connections, taken and given back at random, in a table that is as full as it gets. */
static void addresses_are_counted_as_a_list_would(void **state)
{
    (void)state;
    enum { ADDRESSES = 64, MOST = 3 };
    struct nilo__peers *p = nilo__peers_new(ADDRESSES * MOST / 6);
    struct nilo_seeded_random seeded;
    int naive[ADDRESSES] = {0};
    int open = 0;
    nilo_seeded_random_init(&seeded, 7);
    struct nilo_random r = nilo_seeded_random(&seeded);
    assert_non_null(p);
    for (int i = 0; i < 200000; i++) {
        int a = (int)nilo_random_below(&r, ADDRESSES);
        struct nilo__peer_key key = {{(unsigned char)a, 1}};
        bool distinct = naive[a] > 0;
        if (nilo_random_below(&r, 2) == 0 && (distinct || open < 60)) {
            bool taken = nilo__peers_take(p, &key, MOST);
            assert_int_equal(taken, naive[a] < MOST);
            open += taken && naive[a] == 0;
            naive[a] += taken;
        } else if (naive[a] > 0) {
            nilo__peers_give(p, &key);
            open -= --naive[a] == 0;
        }
    }
    nilo__peers_free(p);
}

static void the_coding_is_the_one_that_is_liked_best(void **state)
{
    (void)state;
    static const struct {
        const char *accept;
        enum nilo__coding coding;
    } rows[] = {{"", NILO__IDENTITY},
                {"gzip", NILO__GZIP},
                {"GZIP ; Q=1", NILO__GZIP},
                {"zstd;q=0.5,gzip;q=0.501", NILO__GZIP},
                {"zstd;q=0.5,gzip;q=0.5", NILO__ZSTD},
                {"gzip;q=0", NILO__IDENTITY},
                {"*;q=0", NILO__IDENTITY},
                {"*;q=0, gzip", NILO__GZIP},
                {"gzip;q=1.0,,", NILO__GZIP},
                {",", NILO__IDENTITY},
                {"gzip;q", NILO__GZIP},
                {"gzipped", NILO__IDENTITY}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (nilo__coding_choose(rows[i].accept, strlen(rows[i].accept)) != rows[i].coding)
            fail_msg("wrong for \"%s\"", rows[i].accept);
    }
    assert_int_equal(nilo__coding_choose(NULL, 0), NILO__IDENTITY);
}

static int nothing(struct nilo_exchange *x, struct nilo_err *err)
{
    (void)x, (void)err;
    return 0;
}

static void the_first_row_that_takes_path_and_method_wins(void **state)
{
    (void)state;
    static const struct nilo_route routes[] = {
        NILO_ROUTE(NILO_GET, "/rest/v1/", EVERYONE, .instant = nothing),
        NILO_ROUTE(NILO_POST, "/rest/v1/rpc/{function}", EVERYONE, .handler = nothing),
        NILO_ROUTE(NILO_GET, "/rest/v1/status", EVERYONE, .handler = nothing),
        NILO_ROUTE(NILO_GET | NILO_POST, "/rest/v1/{relation}", EVERYONE, .handler = nothing),
        NILO_ROUTE(NILO_GET, "/w/{workspace}/rest/v1/{relation}", EVERYONE, .handler = nothing),
    };
    static const struct {
        enum nilo_method method;
        const char *path;
        int row; /* -1: none */
        unsigned allowed; /* none: what else the path takes */
    } rows[] = {{NILO_GET, "/rest/v1/", 0, 0},
                {NILO_GET, "/rest/v1", -1, 0},
                {NILO_GET, "/rest/v1/rpc/f", -1, NILO_POST},
                {NILO_POST, "/rest/v1/rpc/f", 1, 0},
                {NILO_GET, "/rest/v1/status", 2, 0},
                {NILO_POST, "/rest/v1/status", 3, 0},
                {NILO_DELETE, "/rest/v1/status", -1, NILO_GET | NILO_POST},
                {NILO_GET, "/rest/v1/statuses", 3, 0},
                {NILO_GET, "/w/acme/rest/v1/content", 4, 0},
                {NILO_GET, "/w//rest/v1/content", -1, 0},
                {NILO_GET, "/w/a/b/rest/v1/content", -1, 0},
                {NILO_GET, "/", -1, 0}};
    struct nilo_err err = {0};
    assert_int_equal(nilo__routes_check(routes, 5, &err), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct nilo__match m;
        nilo__route_find(routes, 5, rows[i].method, rows[i].path, &m);
        if ((m.route != NULL ? (int)(m.route - routes) : -1) != rows[i].row)
            fail_msg("%s %s", nilo_method_name(rows[i].method), rows[i].path);
        assert_int_equal(m.allowed, rows[i].allowed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ipv6_network_counts_as_one_address),
        cmocka_unit_test(addresses_are_counted_as_a_list_would),
        cmocka_unit_test(the_coding_is_the_one_that_is_liked_best),
        cmocka_unit_test(the_first_row_that_takes_path_and_method_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
