/* Shared by the files of this folder only. */
#ifndef TM_DAEMON_INTERNAL_H
#define TM_DAEMON_INTERNAL_H

#include <uv.h>

#include "server/api/api.h"
#include "server/daemon/daemon.h"
#include "server/detect/detect.h"
#include "server/gate/gate.h"
#include "server/http/http.h"
#include "server/ingest/ingest.h"
#include "server/job/delivery.h"
#include "server/job/schedule.h"
#include "server/log/log.h"
#include "server/query/deploy_watch.h"
#include "server/query/queries.h"
#include "server/wake/wake.h"
#include "storage/store.h"

enum { GATES_MAX = 24 };

enum daemon_state { DAEMON_STARTING, DAEMON_SERVING, DAEMON_DRAINING, DAEMON_CLOSING };

struct daemon {
    uv_loop_t loop;
    struct wake durable; /* the journal thread says: look */
    uv_timer_t second;
    uv_timer_t drain;
    uv_signal_t term, interrupt, hangup;
    const char *config_path;
    struct config *config;
    const struct clock *clock;
    struct log *log;
    struct store *store;
    struct counters counters;
    struct ingest *ingest;
    struct jobs *jobs;
    struct schedule schedule; /* of the weekly reports */
    struct delivery delivery; /* likewise */
    struct http_server *http;
    struct queries *queries;
    struct feed *feed;
    struct detect *detect;
    struct deploy_watch *deploys;
    int64_t reader_told_ns; /* when an old reader was last logged; 0: never */
    struct gate_process *gates[GATES_MAX];
    size_t gate_count;
    int held_ports[GATES_MAX]; /* beside gates: the socket that keeps a port found free, or -1 */
    size_t gates_ready;        /* at start */
    size_t gates_open;
    struct api api;
    enum daemon_state state;
    int64_t draining_since_ns;
    int exit_code;
};

/* Starts a gate for every configured nanomsg address (endpoints.c). */
enum tm_err daemon_open_endpoints(struct daemon *daemon, struct tm_why *why) TM_MUST_CHECK;
/* Offers held-back messages again to the pull endpoints. */
void daemon_resume_endpoints(struct daemon *daemon);
/* Sends `topic {json}` to every publish endpoint. */
void daemon_publish(struct daemon *daemon, const char *topic, struct str json);
/* The addresses of one kind, comma-separated, as bound. */
void daemon_list_endpoints(const struct daemon *daemon, enum gate_kind kind, struct bytes *out);

/* Every listener is bound: prints the ready line once (daemon.c). */
void daemon_check_ready(struct daemon *daemon);
/* Something that must be there at start is not: ends with code 1. */
void daemon_fail(struct daemon *daemon, const char *text);

/* Keeps learned page groups over a restart; lazily: at most every ten seconds (daemon.c). */
void daemon_keep_page_groups(struct daemon *daemon, bool lazily);

/* Reads the configuration again; a bad one is refused whole (reload.c). */
enum tm_err daemon_reload(void *daemon, struct tm_why *why);

/* Stops intake, waits for what is under way, closes (shutdown.c). */
void daemon_shut_down(struct daemon *daemon);
/* After a start that failed half way: closes what there is; the loop then ends by itself. */
void daemon_abandon(struct daemon *daemon);
/* A part has closed; closes the rest when all have. */
void daemon_part_closed(struct daemon *daemon);

#endif
