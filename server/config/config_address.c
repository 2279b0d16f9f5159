#include "server/config/config_address.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <strings.h>

#include "server/config/config_fault.h"

enum { HOST_MAX = 253, PORT_DIGITS = 5, PORT_MAX = 65535 };

static const char tcp_scheme[] = "tcp://";
static const char ipc_scheme[] = "ipc://";

struct host {
    char text[HOST_MAX + 1];
    bool bracketed; /* stood in [], so it has to be IPv6 */
};

static bool has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static const char *skip_tcp_scheme(const char *address)
{
    return has_prefix(address, tcp_scheme) ? address + strlen(tcp_scheme) : address;
}

/* Where the colon before the port stands; NULL without one. */
static const char *find_port_colon(const char *text)
{
    if (text[0] != '[')
        return strrchr(text, ':');
    const char *closed = strchr(text, ']');
    return closed && closed[1] == ':' ? closed + 1 : NULL;
}

static bool split_host(const char *text, const char *colon, struct host *out)
{
    out->bracketed = text[0] == '[';
    const char *from = text + out->bracketed;
    size_t len = (size_t)(colon - from) - out->bracketed;
    if (len > HOST_MAX)
        return false;
    memcpy(out->text, from, len);
    out->text[len] = '\0';
    return true;
}

static bool is_port(const char *text)
{
    size_t len = strlen(text);
    return len >= 1 && len <= PORT_DIGITS && strspn(text, "0123456789") == len && atoi(text) <= PORT_MAX;
}

static bool is_ipv4(const char *host)
{
    struct in_addr unused;
    return inet_pton(AF_INET, host, &unused) == 1;
}

static bool is_ipv6(const char *host)
{
    struct in6_addr unused;
    return inet_pton(AF_INET6, host, &unused) == 1;
}

static bool is_host_name(const char *host)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
    size_t len = strlen(host);
    bool only_digits = strspn(host, "0123456789.") == len; /* a mistyped IPv4 address */
    return len > 0 && strspn(host, allowed) == len && !only_digits && host[0] != '-' && host[0] != '.';
}

/* Splits and checks what every host:port has to hold; rest is the address behind its scheme. */
static enum tm_err check_host_port(const char *address, const char *rest, struct host *host,
                                   struct tm_why *why)
{
    const char *scheme = rest == address ? "" : tcp_scheme;
    const struct shown shown = fault_shown(str_of(address));
    const char *colon = find_port_colon(rest);
    if (!colon)
        return tm_fail(why, TM_INVALID,
                       "\"%s\" has no port; write it as %shost:port, for example %s127.0.0.1:9700",
                       shown.text, scheme, scheme);
    if (!is_port(colon + 1))
        return tm_fail(why, TM_INVALID,
                       "\"%s\" has a bad port; write a number from 0 (picks a free one) to 65535",
                       shown.text);
    if (colon == rest)
        return tm_fail(
            why, TM_INVALID,
            "\"%s\" has no host; write %s127.0.0.1%.6s for this machine only or %s0.0.0.0%.6s for all",
            shown.text, scheme, colon, scheme, colon);
    if (!split_host(rest, colon, host))
        return tm_fail(why, TM_INVALID, "\"%s\" has a host longer than 253 bytes; write its IP address",
                       shown.text);
    if (!host->bracketed && strchr(host->text, ':'))
        return tm_fail(why, TM_INVALID, "\"%s\" has an IPv6 host without brackets; write it as %s[::1]:9700",
                       shown.text, scheme);
    if (host->bracketed && !is_ipv6(host->text))
        return tm_fail(why, TM_INVALID,
                       "\"%s\" has no IPv6 address between the brackets; write it as %s[::1]:9700",
                       shown.text, scheme);
    return TM_OK;
}

enum tm_err address_check_http(const char *address, struct tm_why *why)
{
    const struct shown shown = fault_shown(str_of(address));
    if (strstr(address, "://"))
        return tm_fail(why, TM_INVALID,
                       "\"%s\" has a scheme; write host:port only, for example 127.0.0.1:9700", shown.text);
    struct host host = {.bracketed = false};
    enum tm_err err = check_host_port(address, address, &host, why);
    if (err)
        return err;
    if (!host.bracketed && !is_ipv4(host.text) && !is_host_name(host.text))
        return tm_fail(why, TM_INVALID,
                       "\"%s\" has no valid host; write an IP address or a name, 0.0.0.0 for every interface",
                       shown.text);
    return TM_OK;
}

static enum tm_err check_ipc(const char *address, struct tm_why *why)
{
    size_t len = strlen(address);
    if (len == strlen(ipc_scheme) || address[len - 1] == '/')
        return tm_fail(
            why, TM_INVALID,
            "\"%s\" names no socket file; write ipc://path, for example ipc://DATA_DIR/run/ingest_rep",
            fault_shown(str_of(address)).text);
    return TM_OK;
}

enum tm_err address_check_nanomsg(const char *address, struct tm_why *why)
{
    const struct shown shown = fault_shown(str_of(address));
    if (has_prefix(address, "ws://") || has_prefix(address, "wss://"))
        return tm_fail(why, TM_INVALID,
                       "\"%s\" is refused, since malformed bytes can stop the ws transport of nanomsg; write "
                       "tcp://host:port or ipc://path",
                       shown.text);
    if (has_prefix(address, ipc_scheme))
        return check_ipc(address, why);
    if (!has_prefix(address, tcp_scheme))
        return tm_fail(why, TM_INVALID, "\"%s\" is no nanomsg address; write tcp://host:port or ipc://path",
                       shown.text);
    struct host host = {.bracketed = false};
    enum tm_err err = check_host_port(address, skip_tcp_scheme(address), &host, why);
    if (err)
        return err;
    if (!host.bracketed && !is_ipv4(host.text) && strcmp(host.text, "*") != 0)
        return tm_fail(why, TM_INVALID,
                       "\"%s\" has a host that nanomsg can't bind; write an IP address, for example "
                       "tcp://127.0.0.1:9701, or * for every interface",
                       shown.text);
    return TM_OK;
}

const char *address_ipc_path(const char *address)
{
    return has_prefix(address, ipc_scheme) ? address + strlen(ipc_scheme) : NULL;
}

bool address_equal(const char *a, const char *b)
{
    const char *colon = find_port_colon(skip_tcp_scheme(a));
    if (!address_ipc_path(a) && colon && atoi(colon + 1) == 0)
        return false;
    return strcmp(skip_tcp_scheme(a), skip_tcp_scheme(b)) == 0;
}

bool config_address_is_local(const char *address)
{
    if (address_ipc_path(address))
        return true;
    const char *rest = skip_tcp_scheme(address);
    const char *colon = find_port_colon(rest);
    struct host host;
    if (!colon || !split_host(rest, colon, &host))
        return false;
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET6, host.text, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6);
    if (inet_pton(AF_INET, host.text, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return strcasecmp(host.text, "localhost") == 0;
}
