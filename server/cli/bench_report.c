#include "server/cli/bench_report.h"

#include <inttypes.h>

static unsigned find_bucket(uint64_t us)
{
    if (us < 1u << BENCH_BUCKET_BITS)
        return (unsigned)us;
    unsigned shift = 63u - (unsigned)__builtin_clzll(us) - BENCH_BUCKET_BITS;
    return (shift << BENCH_BUCKET_BITS) + (unsigned)(us >> shift);
}

/* The highest value of a bucket. */
static uint64_t bucket_top(unsigned bucket)
{
    if (bucket < 2u << BENCH_BUCKET_BITS)
        return bucket;
    unsigned shift = (bucket >> BENCH_BUCKET_BITS) - 1;
    uint64_t mantissa = bucket - ((uint64_t)shift << BENCH_BUCKET_BITS);
    return ((mantissa + 1) << shift) - 1;
}

void bench_latency_add(struct bench_latency *latency, uint64_t us)
{
    if (us > INT64_MAX)
        us = INT64_MAX;
    latency->buckets[find_bucket(us)]++;
    latency->count++;
    if (us > latency->max_us)
        latency->max_us = us;
}

void bench_latency_merge(struct bench_latency *into, const struct bench_latency *from)
{
    for (unsigned i = 0; i < BENCH_BUCKETS; i++)
        into->buckets[i] += from->buckets[i];
    into->count += from->count;
    if (from->max_us > into->max_us)
        into->max_us = from->max_us;
}

double bench_latency_ms(const struct bench_latency *latency, double share)
{
    double wanted = share * (double)latency->count;
    uint64_t seen = 0;
    for (unsigned i = 0; i < BENCH_BUCKETS && latency->count; i++) {
        seen += latency->buckets[i];
        if (seen && (double)seen >= wanted) {
            uint64_t top = bucket_top(i);
            return (double)(top < latency->max_us ? top : latency->max_us) / 1e3;
        }
    }
    return 0;
}

static double rate(uint64_t count, double seconds)
{
    return seconds > 0 ? (double)count / seconds : 0;
}

static void print_json(const struct bench_report *r, FILE *out)
{
    fprintf(out,
            "{\"samples\":%" PRIu64 ",\"batches\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"seconds\":%.3f,"
            "\"samples_per_s\":%.0f,\"batches_per_s\":%.1f,\"ack_p50_ms\":%.3f,\"ack_p99_ms\":%.3f,"
            "\"ack_max_ms\":%.3f,\"rejected\":%" PRIu64 ",\"duplicates\":%" PRIu64
            ",\"unacknowledged\":%" PRIu64 ",\"retries\":%" PRIu64 ",\"busy\":%" PRIu64 ",\"amount\":%" PRId64
            ",\"cpu_seconds\":%.3f,\"generate_seconds\":%.3f}\n",
            r->samples, r->batches, r->bytes, r->seconds, rate(r->samples, r->seconds),
            rate(r->batches, r->seconds), bench_latency_ms(&r->latency, 0.5),
            bench_latency_ms(&r->latency, 0.99), (double)r->latency.max_us / 1e3, r->rejected, r->duplicates,
            r->unacknowledged, r->retries, r->busy, r->amount, r->cpu_seconds, r->generate_seconds);
}

void bench_report_print(const struct bench_report *r, bool json, FILE *out)
{
    if (json) {
        print_json(r, out);
        return;
    }
    fprintf(out, "samples        %" PRIu64 " in %" PRIu64 " batches, %.1f MB\n", r->samples, r->batches,
            (double)r->bytes / 1e6);
    fprintf(out, "time           %.3f s\n", r->seconds);
    fprintf(out, "rate           %.0f samples/s, %.1f batches/s\n", rate(r->samples, r->seconds),
            rate(r->batches, r->seconds));
    fprintf(out, "ack            p50 %.2f ms, p99 %.2f ms, max %.2f ms\n", bench_latency_ms(&r->latency, 0.5),
            bench_latency_ms(&r->latency, 0.99), (double)r->latency.max_us / 1e3);
    fprintf(out, "sent again     %" PRIu64 " (told to wait %" PRIu64 ", known already %" PRIu64 ")\n",
            r->retries, r->busy, r->duplicates);
    if (r->amount)
        fprintf(out, "amount         %" PRId64 " acknowledged\n", r->amount);
    if (r->rejected)
        fprintf(out, "refused        %" PRIu64 " lines\n", r->rejected);
    if (r->unacknowledged)
        fprintf(out, "given up       %" PRIu64 " batches without an acknowledgement\n", r->unacknowledged);
    fprintf(out, "own CPU        %.3f s, %.3f us a sample (%.3f s making the text)\n", r->cpu_seconds,
            r->samples ? r->cpu_seconds * 1e6 / (double)r->samples : 0, r->generate_seconds);
}
