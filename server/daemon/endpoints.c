#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/daemon/daemon_internal.h"

/* One message from a gate, until it is answered. */
struct envelope {
    struct daemon *daemon;
    struct gate_asker asker;
};

static void on_rep_reply(void *arg, const struct reply *reply)
{
    struct envelope *envelope = arg;
    struct bytes json = {0};
    reply_encode(reply, &json);
    if (bytes_error(&json) || !gate_reply(envelope->asker, bytes_view(&json)))
        envelope->daemon->counters.value[COUNTER_REPLIES_LOST]++;
    bytes_fini(&json);
    free(envelope);
}

/* Nobody waits for an answer here: what was refused is told in the log, and counted. */
static void on_pull_reply(void *arg, const struct reply *reply)
{
    struct daemon *daemon = arg;
    if (reply->refusal)
        log_write(daemon->log, LOG_LEVEL_WARNING, "ingest.message_refused",
                  "a pushed message was refused: %s", reply->message.text);
    else if (reply->rejected)
        log_write(daemon->log, LOG_LEVEL_WARNING, "ingest.lines_refused",
                  "%llu lines of a pushed message were refused; the first is line %u: %s",
                  (unsigned long long)reply->rejected, reply->errors[0].line, reply->errors[0].why.text);
}

static bool on_message(void *arg, struct gate_asker asker, struct str text, bool too_large)
{
    struct daemon *daemon = arg;
    struct gate_status status;
    gate_status(asker.gate, &status);
    struct ingest_message message = {
        .path = status.kind == GATE_REP ? INGEST_REP : INGEST_PULL,
        .text = text,
        .access = access_anonymous(daemon->config),
        .precision = PRECISION_NS,
        .reply = on_pull_reply,
        .arg = daemon,
    };
    if (status.kind == GATE_REP) {
        struct envelope *envelope = malloc(sizeof *envelope);
        if (!envelope)
            return false;
        *envelope = (struct envelope){daemon, asker};
        message.reply = on_rep_reply;
        message.arg = envelope;
    }
    if (too_large) {
        ingest_refuse_too_large(daemon->ingest, &message);
        return true;
    }
    bool taken = ingest_message(daemon->ingest, &message);
    daemon->counters.value[COUNTER_PULL_PAUSES] += !taken;
    return taken;
}

static void hear_bind_failed(struct daemon *daemon, const struct gate_status *status, const char *text)
{
    static const char *const settings[] = {
        [GATE_REP] = "ingest_rep", [GATE_PULL] = "ingest_pull", [GATE_PUB] = "publish"};
    char why[512];
    (void)snprintf(
        why, sizeof why,
        "listen.%s: cannot listen on %s: %s; end the program that has it, or choose another address",
        settings[status->kind], status->url, text);
    if (daemon->state == DAEMON_STARTING)
        daemon_fail(daemon, why);
    else if (!daemon->exit_code)
        log_write(daemon->log, LOG_LEVEL_ERROR, "gate.bind_failed", "%s", why);
}

static void on_event(void *arg, struct gate_process *gate, enum gate_event event, const char *text)
{
    struct daemon *daemon = arg;
    struct gate_status status;
    gate_status(gate, &status);
    switch (event) {
    case GATE_EVENT_READY:
        log_write(daemon->log, LOG_LEVEL_DEBUG, "gate.ready", "%s is bound (process %d)", status.url,
                  (int)status.pid);
        if (daemon->state == DAEMON_STARTING) {
            daemon->gates_ready++;
            daemon_check_ready(daemon);
        }
        break;
    case GATE_EVENT_FAILED:
        hear_bind_failed(daemon, &status, text);
        break;
    case GATE_EVENT_DIED:
        daemon->counters.value[COUNTER_GATE_RESTARTS]++;
        log_write(daemon->log, LOG_LEVEL_WARNING, "gate.died",
                  "the gate of %s ended (%s) and is started again", status.url, text);
        break;
    case GATE_EVENT_CLOSED:
        daemon->gates_open--;
        daemon_part_closed(daemon);
        break;
    }
}

/* A port that is free on host (a number, or * for all), 0 if there is none. *held is a socket bound to it, -1
 * if there is none: as long as it is open the system gives the port to nobody who asks for any, and the gate
 * can bind it all the same, now and when it is started again, since both set SO_REUSEADDR and this one does
 * not listen. */
static int find_free_port(const char *host, int *held)
{
    const int yes = 1;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICHOST},
                    *found = NULL;
    struct sockaddr_storage bound;
    socklen_t len = sizeof bound;
    char port[8] = "0", bare[64];
    bool v6 = host[0] == '[';
    (void)snprintf(bare, sizeof bare, "%.*s", (int)(strlen(host) - (v6 ? 2 : 0)), host + v6);
    if (getaddrinfo(strcmp(host, "*") == 0 ? NULL : bare, "0", &hints, &found) != 0)
        return 0;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
        bind(fd, found->ai_addr, found->ai_addrlen) == 0 &&
        getsockname(fd, (struct sockaddr *)&bound, &len) == 0)
        (void)getnameinfo((struct sockaddr *)&bound, len, NULL, 0, port, sizeof port, NI_NUMERICSERV);
    freeaddrinfo(found);
    *held = fd;
    return atoi(port);
}

/* What nanomsg is to bind: port 0 becomes a free one, which *held keeps. */
static void resolve_url(const char *url, char *out, size_t size, int *held)
{
    const char *host = url + strlen("tcp://"), *colon = strrchr(url, ':');
    if (strncmp(url, "tcp://", 6) != 0 || colon < host) {
        (void)snprintf(out, size, "%s", url);
        return;
    }
    char name[64];
    (void)snprintf(name, sizeof name, "%.*s", (int)(colon - host), host);
    int port = atoi(colon + 1);
    (void)snprintf(out, size, "tcp://%s:%d", name, port ? port : find_free_port(name, held));
}

/* The folder of an ipc socket inside the data folder is ours to make: private, since the socket's own mode is
 * all the guard it has. */
static enum tm_err prepare_ipc(const char *url, struct tm_why *why)
{
    char folder[512];
    if (strncmp(url, "ipc://", 6) != 0)
        return TM_OK;
    (void)snprintf(folder, sizeof folder, "%s", url + 6);
    char *slash = strrchr(folder, '/');
    if (!slash || slash == folder)
        return TM_OK;
    *slash = '\0';
    if (mkdir(folder, 0750) == 0 || errno == EEXIST)
        return TM_OK;
    return tm_fail(why, TM_IO, "cannot make the folder %s for %s: %s; make it, or choose another path",
                   folder, url, strerror(errno));
}

static enum tm_err open_endpoint(struct daemon *daemon, enum gate_kind kind, const char *address,
                                 struct tm_why *why)
{
    char url[512];
    if (daemon->gate_count == GATES_MAX)
        return tm_fail(why, TM_LIMIT, "listen: at most %d nanomsg addresses in all", GATES_MAX);
    enum tm_err err = prepare_ipc(address, why);
    if (err)
        return err;
    int *held = &daemon->held_ports[daemon->gate_count];
    *held = -1;
    resolve_url(address, url, sizeof url, held);
    struct gate_options options = {
        .loop = &daemon->loop,
        .kind = kind,
        .url = url,
        .max_message_bytes = (uint64_t)daemon->config->limits.max_message_bytes,
        .callbacks = {.arg = daemon, .event = on_event, .message = on_message},
    };
    err = gate_open(&options, &daemon->gates[daemon->gate_count]);
    if (err) {
        if (*held >= 0)
            (void)close(*held);
        return tm_fail(why, err, "cannot start a process for %s: %s", url, tm_err_text(err));
    }
    daemon->gate_count++;
    daemon->gates_open++;
    return TM_OK;
}

enum tm_err daemon_open_endpoints(struct daemon *daemon, struct tm_why *why)
{
    const struct {
        enum gate_kind kind;
        const struct config_strings *addresses;
    } lists[] = {
        {GATE_REP, &daemon->config->listen.ingest_rep},
        {GATE_PULL, &daemon->config->listen.ingest_pull},
        {GATE_PUB, &daemon->config->listen.publish},
    };
    enum tm_err err = TM_OK;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        for (size_t j = 0; !err && j < lists[i].addresses->count; j++)
            err = open_endpoint(daemon, lists[i].kind, lists[i].addresses->at[j], why);
    }
    return err;
}

void daemon_resume_endpoints(struct daemon *daemon)
{
    ingest_retry(daemon->ingest);
    for (size_t i = 0; i < daemon->gate_count; i++)
        gate_resume(daemon->gates[i]);
}

void daemon_publish(struct daemon *daemon, const char *topic, struct str json)
{
    struct bytes message = {0};
    bytes_printf(&message, "%s ", topic);
    bytes_put(&message, json.ptr, json.len);
    for (size_t i = 0; !bytes_error(&message) && i < daemon->gate_count; i++) {
        struct gate_status status;
        gate_status(daemon->gates[i], &status);
        if (status.kind != GATE_PUB)
            continue;
        bool sent = gate_publish(daemon->gates[i], bytes_view(&message));
        daemon->counters.value[sent ? COUNTER_PUBLISHED : COUNTER_PUBLISH_DROPPED]++;
    }
    bytes_fini(&message);
}

void daemon_list_endpoints(const struct daemon *daemon, enum gate_kind kind, struct bytes *out)
{
    const char *comma = "";
    for (size_t i = 0; i < daemon->gate_count; i++) {
        struct gate_status status;
        gate_status(daemon->gates[i], &status);
        if (status.kind != kind)
            continue;
        bytes_printf(out, "%s%s", comma, status.url);
        comma = ",";
    }
}
