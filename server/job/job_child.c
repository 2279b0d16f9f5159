/* What runs in the child process. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "server/job/job.h"
#include "storage/backup/backup.h"
#include "storage/check/check_document.h"
#include "storage/model/clock.h"

enum { NICENESS = 10, TELL_MS = 100 };

static void tell_progress(void *arg, const char *place, uint64_t done_bytes, uint64_t all_bytes)
{
    int64_t *told_ns = arg, now_ns = clock_mono_ns(clock_system());
    if (now_ns - *told_ns < TELL_MS * INT64_C(1000000))
        return;
    *told_ns = now_ns;
    (void)printf("P %llu %llu %s\n", (unsigned long long)done_bytes, (unsigned long long)all_bytes, place);
    (void)fflush(stdout);
}

int job_run(int argc, char **argv)
{
    struct bytes document = {0};
    struct tm_why why = {""};
    int64_t told_ns = 0;
    enum tm_err err = TM_INVALID;
    /* Without its daemon nobody wants the result. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)!nice(NICENESS);
    if (argc == 2 && strcmp(argv[0], "verify") == 0)
        err = check_document(argv[1], tell_progress, &told_ns, &document, &why);
    else if (argc == 3 && strcmp(argv[0], "backup") == 0)
        err =
            backup_copy(&(struct backup_options){argv[1], argv[2], tell_progress, &told_ns}, &document, &why);
    if (err)
        (void)printf("E %s\n", why.text[0] ? why.text : tm_err_text(err));
    else
        (void)printf("R %.*s\n", (int)document.len, (const char *)document.data);
    bytes_fini(&document);
    return fflush(stdout) == 0 && !err ? 0 : 1;
}
