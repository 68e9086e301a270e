/* Where a request may go: which URLs are taken, which addresses are connected to. The address is judged when the socket is made, so what a name
 * meant a moment earlier does not matter. */
#include "connect/http_priv.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

/* What is no public address, by the registries of special-purpose addresses (RFC 6890 and its successors). */
static const struct {
    uint32_t net;
    int bits;
} not_public[] = {
    {0x00000000, 8},  /* this network */
    {0x0a000000, 8},  /* private */
    {0x64400000, 10}, /* carrier-grade NAT */
    {0x7f000000, 8},  /* loopback */
    {0xa9fe0000, 16}, /* link-local; metadata services of clouds */
    {0xac100000, 12}, /* private */
    {0xc0000000, 24}, /* protocol assignments */
    {0xc0000200, 24}, /* documentation */
    {0xc0586300, 24}, /* 6to4 relays */
    {0xc0a80000, 16}, /* private */
    {0xc6120000, 15}, /* benchmarks */
    {0xc6336400, 24}, /* documentation */
    {0xcb007100, 24}, /* documentation */
    {0xe0000000, 4},  /* multicast */
    {0xf0000000, 4},  /* reserved, broadcast */
};

static bool public4(uint32_t address)
{
    for (size_t i = 0; i < sizeof(not_public) / sizeof(not_public[0]); i++) {
        if (address >> (32 - not_public[i].bits) == not_public[i].net >> (32 - not_public[i].bits))
            return false;
    }
    return true;
}

static uint32_t four(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Only global unicast is public, and what a network without IPv4 makes of a public IPv4 address (NAT64). Mapped, compatible and 6to4
 * addresses hide an IPv4 one and are no platform's. */
static bool public6(const unsigned char a[16])
{
    static const unsigned char nat64[12] = {0x00, 0x64, 0xff, 0x9b};
    if (memcmp(a, nat64, sizeof(nat64)) == 0)
        return public4(four(a + 12));
    if ((a[0] & 0xe0) != 0x20)
        return false;
    uint32_t top = four(a);
    return top >> 9 != 0x20010000 >> 9 /* protocol assignments, Teredo */ && top != 0x20010db8 && top >> 16 != 0x2002 && top >> 12 != 0x3fff0000 >> 12;
}

bool nilo__http_may_connect(int family, const void *address, bool loopback)
{
    static const unsigned char one[16] = {[15] = 1};
    const unsigned char *a = address;
    if (family == AF_INET)
        return loopback ? a[0] == 127 : public4(four(a));
    if (family == AF_INET6)
        return loopback ? memcmp(a, one, sizeof(one)) == 0 : public6(a);
    return false;
}

/* ---- URLs -------------------------------------------------------------------------------------------------------------------------- */

/* Resolvers take 127.1, 0x7f000001 and 2130706433 for addresses as well. */
static void judge(struct nilo__http_host *h, bool six)
{
    struct in_addr v4;
    struct in6_addr v6;
    h->literal = h->loopback = false;
    if (six && inet_pton(AF_INET6, h->name, &v6) == 1) {
        h->literal = true;
        h->loopback = nilo__http_may_connect(AF_INET6, &v6, true);
    } else if (!six && inet_aton(h->name, &v4) != 0) {
        h->literal = true;
        h->loopback = nilo__http_may_connect(AF_INET, &v4, true) && inet_pton(AF_INET, h->name, &v4) == 1;
    } else if (strcasecmp(h->name, "localhost") == 0) {
        h->loopback = true;
    }
}

static bool host_letters(const char *p, size_t n, bool six)
{
    for (size_t i = 0; i < n; i++) {
        bool plain = (p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'z') || (p[i] >= 'A' && p[i] <= 'Z') || p[i] == '.' || p[i] == '-' || p[i] == '_';
        if (six ? !((plain && p[i] != '-' && p[i] != '_') || p[i] == ':') : !plain)
            return false;
    }
    return n > 0;
}

static bool port_fine(const char *p, size_t n)
{
    unsigned port = 0;
    if (n == 0)
        return true;
    if (p[0] != ':' || n < 2 || n > 6)
        return false;
    for (size_t i = 1; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return false;
        port = port * 10 + (unsigned)(p[i] - '0');
    }
    return port >= 1 && port <= 65535;
}

static bool take_host(const char *p, size_t n, struct nilo__http_host *ret)
{
    bool six = n > 0 && p[0] == '[';
    const char *end = memchr(p, six ? ']' : ':', n);
    if (six && end == NULL)
        return false;
    const char *first = six ? p + 1 : p;
    size_t len = end != NULL ? (size_t)(end - first) : n;
    size_t after = six ? len + 2 : len;
    if (len >= sizeof(ret->name) || !host_letters(first, len, six) || !port_fine(p + after, n - after))
        return false;
    memcpy(ret->name, first, len);
    ret->name[len] = '\0';
    judge(ret, six);
    return !six || ret->literal;
}

int nilo__http_parse(const char *url, struct nilo__http_host *ret, bool *ret_https, struct nilo_err *err)
{
    bool https = strncasecmp(url, "https://", 8) == 0;
    if (!https && strncasecmp(url, "http://", 7) != 0)
        return nilo_err_set(err, NILO_EINVAL, "not an address of the form https://HOST/...");
    const char *host = url + (https ? 8 : 7);
    size_t n = strcspn(host, "/?#");
    if (memchr(host, '@', n) != NULL)
        return nilo_err_set(err, NILO_EINVAL, "an address with a name or password in it is not taken");
    if (!take_host(host, n, ret))
        return nilo_err_set(err, NILO_EINVAL, "not an address of the form https://HOST/...: its host does not read");
    for (const unsigned char *p = (const unsigned char *)host + n; *p != '\0'; p++) {
        if (*p <= ' ' || *p >= 0x7f || *p == '#' || *p == '\\' || *p == '"' || *p == '<' || *p == '>')
            return nilo_err_set(err, NILO_EINVAL, "an address at %s holds a character that has to be encoded", ret->name);
    }
    *ret_https = https;
    return 0;
}

bool nilo_http_is_loopback(const char *url)
{
    struct nilo__http_host host;
    bool https;
    return nilo__http_parse(url, &host, &https, NULL) == 0 && host.loopback;
}

/* ---- the proxy's exceptions ----------------------------------------------------------------------------------------------------------- */

bool nilo__http_spared(const char *no_proxy, const char *host)
{
    size_t n = strlen(host);
    for (const char *p = no_proxy; p != NULL && *p != '\0';) {
        size_t len;
        p += strspn(p, ", \t");
        len = strcspn(p, ", \t");
        const char *entry = p;
        p += len;
        if (len == 1 && entry[0] == '*')
            return true;
        while (len > 0 && (entry[0] == '.' || entry[0] == '*'))
            entry++, len--;
        if (len > 0 && len <= n && strncasecmp(host + n - len, entry, len) == 0 && (len == n || host[n - len - 1] == '.'))
            return true;
    }
    return false;
}
