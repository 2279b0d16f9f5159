/* Where reports are delivered to, and from where: URLs, mail addresses, mail servers. What passes here goes
 * into a request or a header as it stands. */
#include <string.h>

#include "server/config/config_check.h"
#include "server/config/config_fault.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"

/* Of a URL; no spaces, quotes, angle brackets, controls, and nothing beyond ASCII. */
static const char url_bytes[] = LETTERS DIGITS "-._~:/?#[]@!$&'()*+,;=%";
static const char local_bytes[] = LETTERS DIGITS "!#$%&'*+-/=?^_`{|}~.";
static const char host_bytes[] = LETTERS DIGITS ".-:[]";

/* What stands behind one of two prefixes; NULL: neither. */
static const char *behind(const char *value, const char *prefix, const char *other)
{
    if (strncmp(value, prefix, strlen(prefix)) == 0)
        return value + strlen(prefix);
    return strncmp(value, other, strlen(other)) == 0 ? value + strlen(other) : NULL;
}

static bool is_web_url(const char *value)
{
    const char *rest = behind(value, "http://", "https://");
    return rest && strcspn(rest, "/?#") > 0 && rest[strspn(rest, url_bytes)] == '\0';
}

static bool is_address(const char *value)
{
    size_t local = strspn(value, local_bytes);
    if (local == 0 || value[local] != '@')
        return false;
    const char *host = value + local + 1;
    return host[0] && host[0] != '-' && host[strspn(host, LETTERS DIGITS ".-")] == '\0';
}

enum tm_err check_recipient(const char *value, struct tm_why *why)
{
    const char *address = behind(value, "mailto:", "mailto:");
    if (address ? is_address(address) : is_web_url(value))
        return TM_OK;
    return tm_fail(why, TM_INVALID,
                   "\"%s\" is nowhere to deliver to; write an http:// or https:// URL or mailto:ADDRESS",
                   fault_shown(str_of(value)).text);
}

enum tm_err check_web_url(const char *value, struct tm_why *why)
{
    if (value[0] == '\0' || (is_web_url(value) && !strpbrk(value, "?#")))
        return TM_OK;
    return tm_fail(why, TM_INVALID,
                   "\"%s\" is no address of a web server; write one such as https://tidemark.example.org",
                   fault_shown(str_of(value)).text);
}

enum tm_err check_mail_address(const char *value, struct tm_why *why)
{
    if (value[0] == '\0' || is_address(value))
        return TM_OK;
    return tm_fail(why, TM_INVALID, "\"%s\" is no mail address; write one such as tidemark@example.org",
                   fault_shown(str_of(value)).text);
}

enum tm_err check_mail_server(const char *value, struct tm_why *why)
{
    const char *host = behind(value, "smtp://", "smtps://");
    if (host && host[0] && host[strspn(host, host_bytes)] == '\0')
        return TM_OK;
    return tm_fail(why, TM_INVALID, "\"%s\" is no mail server; write smtp://HOST:PORT or smtps://HOST:PORT",
                   fault_shown(str_of(value)).text);
}
