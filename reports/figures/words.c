/* Texts in each language; the calendar. */
#include "reports/figures/words.h"

enum { LANGUAGE_COUNT = 2, HOUR_MS = 3600000, DAY_MS = 24 * HOUR_MS };

#define EN_DASH "\xe2\x80\x93"

static const char *const words[WORD_COUNT][LANGUAGE_COUNT] = {
    [WORD_TITLE + FIGURE_HOURLY] = {"Failures per hour", "시간별 실패"},
    [WORD_TITLE + FIGURE_HEAT] = {"Failures by weekday and hour", "요일과 시각별 실패"},
    [WORD_TITLE +
        FIGURE_PARETO] = {"Most frequent exceptions and failed requests", "가장 많은 예외와 실패한 요청"},
    [WORD_TITLE + FIGURE_SLOPE] = {"Top ten, last week and this week", "상위 10개 그룹: 지난주와 이번 주"},
    [WORD_TITLE + FIGURE_STATUS] = {"Responses by status class", "상태 코드 분류별 응답"},
    [WORD_TITLE + FIGURE_DEPLOYS] = {"Failures before and after each deploy", "배포 전후 실패율"},
    [WORD_TITLE + FIGURE_TREND] = {"Trend of the weeks", "주간 추이"},
    [WORD_TITLE + FIGURE_LATENCY] = {"Response times", "응답 시간"},
    [WORD_NO_DATA] = {"No data for this figure.", "이 그림에 쓸 데이터가 없습니다."},
    [WORD_FAILURES_PER_HOUR] = {"failures per hour", "시간당 실패"},
    [WORD_EXPECTED] = {"expected range", "예상 범위"},
    [WORD_ABOVE] = {"above it", "예상 초과"},
    [WORD_DEPLOY] = {"deploy", "배포"},
    [WORD_BAD_DEPLOY] = {"bad deploy", "나쁜 배포"},
    [WORD_INCIDENT] = {"incident", "인시던트"},
    [WORD_PLANNED] = {"planned event", "예정된 이벤트"},
    [WORD_UNKNOWN] = {"no data", "데이터 없음"},
    [WORD_HEAT_CELL] = {"failures in the hour; framed: the most", "해당 시간의 실패, 테두리: 최다"},
    [WORD_TOTAL] = {"total", "합계"},
    [WORD_SHARE] = {"share of all", "전체 중 비율"},
    [WORD_RUNNING_SHARE] = {"share together with those above", "위 그룹까지의 누적 비율"},
    [WORD_OTHERS] = {"{0} other {0:group|groups}", "그 밖의 그룹 {0}개"},
    [WORD_LAST_WEEK] = {"last week", "지난주"},
    [WORD_THIS_WEEK] = {"this week", "이번 주"},
    [WORD_RISEN] = {"risen by a fifth or more", "20% 이상 증가"},
    [WORD_FALLEN] = {"fallen by a fifth or more", "20% 이상 감소"},
    [WORD_STEADY] = {"about the same", "비슷함"},
    [WORD_NEW] = {"new", "신규"},
    [WORD_LOGARITHMIC] = {"equal slopes are equal ratios (logarithmic scale)",
                          "기울기가 같으면 비율도 같음(로그 눈금)"},
    [WORD_SHARE_OF_RESPONSES] = {"share of all responses in the hour; each class has its own scale",
                                 "해당 시간 전체 응답 중 비율, 분류마다 눈금이 다름"},
    [WORD_NONE] = {"none", "없음"},
    [WORD_BEFORE] = {"before", "배포 전"},
    [WORD_AFTER] = {"after, with 95% interval", "배포 후, 95% 구간"},
    [WORD_PER_10K] = {"failures per 10,000 requests", "요청 1만 건당 실패"},
    [WORD_FAILURES] = {"failures", "실패"},
    [WORD_VERDICT_OK] = {"ok", "정상"},
    [WORD_VERDICT_SUSPECT] = {"suspect", "의심"},
    [WORD_VERDICT_BAD] = {"bad", "나쁨"},
    [WORD_VERDICT_UNDECIDED] = {"not enough data", "데이터 부족"},
    [WORD_WEEK] = {"W{0}", "{0}주차"},
    [WORD_P50] = {"p50 (median)", "p50 (중앙값)"},
    [WORD_P90] = {"p90", "p90"},
    [WORD_P99] = {"p99", "p99"},
    [WORD_P50_TO_P90] = {"p50 to p90", "p50에서 p90까지"},
    [WORD_TELL_TOTAL] = {"{0} {0:failure|failures} (exceptions and failed requests) from {1} to {2} ({3}).",
                         "{1}부터 {2}까지({3}) 실패(예외와 실패한 요청) {0}건."},
    [WORD_TELL_PEAK] = {"The most in one hour: {0}, {1}.", "가장 많은 시간은 {1}, {0}건."},
    [WORD_TELL_PEAK_EXPECTED] = {"The most in one hour: {0}, {1}; {2} to {3} were expected.",
                                 "가장 많은 시간은 {1}, {0}건, 예상은 {2}에서 {3}."},
    [WORD_TELL_ABOVE] = {"{0} {0:hour|hours} above the expected range.", "예상 범위를 넘은 시간 {0}시간."},
    [WORD_TELL_DEPLOYS] = {"{0} {0:deploy|deploys}, {1} bad.", "배포 {0}건, 그중 나쁜 배포 {1}건."},
    [WORD_TELL_ROLLBACKS] = {"{0} of them {0:is a rollback|are rollbacks}.", "그중 롤백 {0}건."},
    [WORD_TELL_INCIDENTS] = {"{0} {0:incident|incidents}, the first from {1}.",
                             "인시던트 {0}건, 첫 인시던트는 {1}부터."},
    [WORD_TELL_PLANNED] = {"{0} planned {0:event|events}.", "예정된 이벤트 {0}건."},
    [WORD_TELL_UNKNOWN] = {"No data for {0} {0:hour|hours}.", "데이터가 없는 시간 {0}시간."},
    [WORD_TELL_NO_FAILURES] = {"No failures.", "실패가 없습니다."},
    [WORD_TELL_HEAT_PEAK] = {"The most: {0}, {1} from {2}:00.", "가장 많은 시간은 {1}요일 {2}시, {0}건."},
    [WORD_TELL_HEAT_DAY] = {"The day with the most: {0}, {1} ({2} of all).",
                            "가장 많은 요일은 {0}요일, {1}건(전체의 {2})."},
    [WORD_TELL_HEAT_HOUR] = {"The hour of the day with the most: {0}:00, {1}.",
                             "가장 많은 시각은 {0}시, {1}건."},
    [WORD_TELL_GROUPS] = {"{0} {0:group|groups} of exceptions and failed requests, {1} in all.",
                          "예외와 실패한 요청 그룹 {0}개, 모두 {1}건."},
    [WORD_TELL_GROUP] = {"{0}. {1}: {2} ({3}).", "{0}. {1}: {2}건({3})."},
    [WORD_TELL_TOP] = {"The first {0} have {1} of all.", "상위 {0}개 그룹이 전체의 {1}."},
    [WORD_TELL_SLOPE] = {"Of the top {0}: {1} risen by a fifth or more, {2} fallen, {3} new.",
                         "상위 {0}개 중 20% 이상 증가 {1}개, 감소 {2}개, 신규 {3}개."},
    [WORD_TELL_SLOPE_ONE] = {"{0}: {1} last week, {2} this week.", "{0}: 지난주 {1}건, 이번 주 {2}건."},
    [WORD_TELL_SLOPE_NEW] = {"{0}: new, {1} this week.", "{0}: 신규, 이번 주 {1}건."},
    [WORD_TELL_STATUS] = {"{0} {0:response|responses}.", "응답 {0}건."},
    [WORD_TELL_STATUS_CLASS] = {"{0}: {1} ({2}).", "{0}: {1}건({2})."},
    [WORD_TELL_STATUS_PEAK] = {"The highest share of 5xx: {0}, {1}.",
                               "5xx 비율이 가장 높은 시간은 {1}, {0}."},
    [WORD_TELL_RATES] =
        {"{0} {0:deploy|deploys}; failures per 10,000 requests before and after, with 95% intervals.",
         "배포 {0}건, 요청 1만 건당 배포 전후 실패와 95% 구간."},
    [WORD_TELL_RATE] = {"{0}, {1}: {2} ({3} to {4}), then {5} ({6} to {7}): {8}.",
                        "{0}, {1}: {2}({3}에서 {4}), 배포 후 {5}({6}에서 {7}): {8}."},
    [WORD_TELL_RATE_MORE] = {"{0} more {0:deploy|deploys}.", "그 밖의 배포 {0}건."},
    [WORD_TELL_TREND] = {"{0} failures in week {1} of {2}.", "{2}년 {1}주차 실패 {0}건."},
    [WORD_TELL_TREND_PREVIOUS] = {"The week before: {0} ({1}).", "그 전주: {0}건({1})."},
    [WORD_TELL_TREND_RATE] = {"{0} per 10,000 requests, the week before {1}.",
                              "요청 1만 건당 {0}, 그 전주 {1}."},
    [WORD_TELL_TREND_WEEK] = {"The week with the most of the {0}: week {1} of {2} with {3}.",
                              "{0}주 중 가장 많은 주는 {2}년 {1}주차, {3}건."},
    [WORD_TELL_LATENCY] = {"Median of the hours: p50 {0}, p90 {1}, p99 {2}.",
                           "시간별 값의 중앙값: p50 {0}, p90 {1}, p99 {2}."},
    [WORD_TELL_LATENCY_PEAK] = {"The slowest hour by p99: {0}, {1}.", "p99가 가장 느린 시간은 {1}, {0}."},
};

struct str words_of(enum figure_language language, enum word word)
{
    return str_of(words[word][language]);
}

/* The end of "{0}" or "{0:one|many}" at text, which begins with '{'; puts what stands for it. */
static const char *put_argument(struct bytes *out, const char *text, const struct str *args, size_t count)
{
    size_t which = (size_t)(text[1] - '0');
    struct str arg = which < count ? args[which] : STR("");
    const char *end = strchr(text, '}');
    if (text[2] == ':') {
        const char *bar = strchr(text, '|');
        bool is_one = str_equal(arg, STR("1"));
        arg.ptr = is_one ? text + 3 : bar + 1;
        arg.len = (size_t)((is_one ? bar : end) - arg.ptr);
    }
    bytes_put(out, arg.ptr, arg.len);
    return end + 1;
}

void words_put(struct bytes *out, enum figure_language language, enum word word, const struct str *args,
               size_t count)
{
    const char *text = words[word][language];
    while (*text) {
        size_t len = strcspn(text, "{");
        bytes_put(out, text, len);
        text += len;
        if (*text)
            text = put_argument(out, text, args, count);
    }
}

/* ---- the calendar ---- */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Days since 1970-01-01 as a date, by the cycle of 400 years that begins on the first of March. */
static void date_of(int64_t days, struct local_time *out)
{
    enum { CYCLE = 146097, TO_MARCH_0000 = 719468 };
    int64_t z = days + TO_MARCH_0000;
    int64_t cycle = floor_div(z, CYCLE);
    int64_t day = z - cycle * CYCLE;
    int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    int64_t of_year = day - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    out->day = (int)(of_year - (153 * month + 2) / 5 + 1);
    out->month = (int)(month < 10 ? month + 3 : month - 9);
    out->year = (int)(year + cycle * 400 + (out->month <= 2));
}

struct local_time words_clock(const struct figure_week *week, time_ms_t time)
{
    enum { MONDAY = 4, WEEK = 7 }; /* 1970-01-05 was a Monday */
    int64_t local = time + INT64_C(1000) * (time < week->shift ? week->offset_s : week->offset_after_s);
    int64_t days = floor_div(local, DAY_MS);
    int64_t minutes = (local - days * DAY_MS) / 60000;
    struct local_time out = {.hour = (int)(minutes / 60), .minute = (int)(minutes % 60), .day_number = days};
    out.weekday = (int)(days - MONDAY - floor_div(days - MONDAY, WEEK) * WEEK);
    date_of(days, &out);
    return out;
}

time_ms_t words_midnight(const struct figure_week *week, int days)
{
    int64_t local = (words_clock(week, week->span.from).day_number + days) * DAY_MS;
    time_ms_t before = local - INT64_C(1000) * week->offset_s;
    time_ms_t after = local - INT64_C(1000) * week->offset_after_s;
    return before < week->shift ? before : after > week->shift ? after : week->shift;
}

struct str words_weekday(enum figure_language language, int weekday)
{
    static const char *const names[LANGUAGE_COUNT][7] = {{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"},
                                                         {"월", "화", "수", "목", "금", "토", "일"}};
    return str_of(names[language][weekday]);
}

void words_put_day(struct bytes *out, enum figure_language language, struct local_time time)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct str weekday = words_weekday(language, time.weekday);
    if (language == FIGURE_KOREAN)
        bytes_printf(out, "%d월 %d일(%.*s)", time.month, time.day, STR_ARG(weekday));
    else
        bytes_printf(out, "%.*s %d %s", STR_ARG(weekday), time.day, months[time.month - 1]);
}

void words_put_time(struct bytes *out, enum figure_language language, struct local_time time)
{
    words_put_day(out, language, time);
    bytes_printf(out, " %02d:%02d", time.hour, time.minute);
}
