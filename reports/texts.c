#include "reports/texts.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef const char *pair[LANGUAGE_COUNT];

static const pair texts[TEXT_COUNT_OF] = {
    [TEXT_TITLE] = {"Weekly exception report", "주간 예외 보고서"},
    [TEXT_WEEK] = {"Week", "주"},
    [TEXT_OWNER] = {"Owner", "담당"},
    [TEXT_NOBODY] = {"nobody is named", "지정되지 않음"},
    [TEXT_RANGE] = {"From, to", "기간"},
    [TEXT_ZONE] = {"Time zone", "시간대"},
    [TEXT_COMPLETENESS] = {"Completeness", "데이터 완전성"},
    [TEXT_NO_DATA] = {"NO DATA", "데이터 없음"},
    [TEXT_NO_DATA_HINT] =
        {"Nothing of this service was received in this week. That is no clean week: check that its "
         "agents send.",
         "이 주에 이 서비스의 데이터가 전혀 수신되지 않았습니다. 문제가 없었다는 뜻이 아닙니다. "
         "에이전트가 전송하고 있는지 확인하십시오."},
    [TEXT_NOT_OVER] = {"The week is not over: no data is there yet from behind its end.",
                       "아직 끝나지 않은 주입니다. 주 마감 이후의 데이터가 아직 없습니다."},
    [TEXT_CLEAN] = {"Clean week: 0 exceptions and 0 failed requests.",
                    "깨끗한 주: 예외 0건, 실패한 요청 0건."},
    [TEXT_STRIP] = {"Key figures", "핵심 지표"},
    [TEXT_LAST_WEEK] = {"last week", "지난주"},
    [TEXT_UNKNOWN] = {"–", "–"},
    [TEXT_FIRST_WEEK] = {"nothing to compare with", "비교 대상 없음"},
    [TEXT_ACTIONS] = {"What to do first", "먼저 할 일"},
    [TEXT_NO_ACTIONS] = {"Nothing stands out this week.", "이번 주에는 눈에 띄는 문제가 없습니다."},
    [TEXT_SINCE_DEPLOY] = {"first seen after", "처음 나타나기 직전 배포:"},
    [TEXT_MISSING_HOURS] = {"hours without data: see data quality",
                            "시간 동안 데이터 없음: 데이터 품질 참조"},
    [TEXT_LISTS] = {"Exceptions and failed requests", "예외와 실패한 요청"},
    [TEXT_WHAT] = {"What", "내용"},
    [TEXT_COUNT] = {"Count", "건수"},
    [TEXT_EXPECTED] = {"Expected", "예상"},
    [TEXT_RATIO] = {"Rate ratio", "비율 변화"},
    [TEXT_SHARE] = {"Share", "비중"},
    [TEXT_PER_10K] = {"Per 10k req.", "1만 요청당"},
    [TEXT_SEEN] = {"First, last seen", "처음, 마지막"},
    [TEXT_EIGHT_WEEKS] = {"Eight weeks", "8주 추이"},
    [TEXT_FIRST] = {"First seen", "처음"},
    [TEXT_LAST] = {"Last seen", "마지막"},
    [TEXT_RELEASE] = {"Release", "릴리스"},
    [TEXT_EMPTY_LIST] = {"None.", "없음."},
    [TEXT_INCIDENTS] = {"Incidents against normal", "인시던트와 평상시 비교"},
    [TEXT_NO_INCIDENTS] = {"No incident in this week.", "이 주에는 인시던트가 없습니다."},
    [TEXT_SCORE] = {"Score", "점수"},
    [TEXT_GOES_ON] = {"goes on", "진행 중"},
    [TEXT_SERIES] = {"Series", "시계열"},
    [TEXT_MEANWHILE] = {"In the incident", "인시던트 중"},
    [TEXT_NORMALLY] = {"Normally", "평상시"},
    [TEXT_TIMES] = {"Ratio", "배율"},
    [TEXT_NO_BASE] = {"None of the four weeks before is clean at these hours: nothing to compare with.",
                      "직전 4주 중 이 시각에 문제가 없던 주가 없어 비교할 수 없습니다."},
    [TEXT_DEPLOYS] = {"Deploys and rollbacks", "배포와 롤백"},
    [TEXT_NO_DEPLOYS] = {"No deploy and no rollback in this week.", "이 주에는 배포도 롤백도 없습니다."},
    [TEXT_TIME] = {"Time", "시각"},
    [TEXT_VERSION] = {"Version", "버전"},
    [TEXT_VERDICT] = {"Verdict", "판정"},
    [TEXT_BEFORE] = {"Failures before", "배포 전 실패"},
    [TEXT_AFTER] = {"after", "배포 후"},
    [TEXT_NEW_GROUPS] = {"New groups", "새 그룹"},
    [TEXT_ROLLBACK] = {"rollback", "롤백"},
    [TEXT_ROLLED_BACK] = {"rolled back", "롤백됨"},
    [TEXT_EVENTS] = {"Planned events", "예정된 이벤트"},
    [TEXT_NO_EVENTS] = {"None in this week and the two weeks behind it.", "이 주와 이후 2주 동안 없습니다."},
    [TEXT_PAST] = {"past", "지난"},
    [TEXT_COMING] = {"coming", "예정"},
    [TEXT_REQUESTS] = {"Requests", "요청"},
    [TEXT_FAILURES] = {"Failures", "실패"},
    [TEXT_LAST_OF_CLASS] = {"Last of its class", "같은 종류의 직전 이벤트"},
    [TEXT_QUALITY] = {"Data quality", "데이터 품질"},
    [TEXT_GAPS] = {"Without data", "데이터가 없는 구간"},
    [TEXT_NO_GAPS] = {"No hour is without data.", "데이터가 없는 시간은 없습니다."},
    [TEXT_SILENCE] = {"nothing was received", "수신된 데이터 없음"},
    [TEXT_OVERFLOWED] = {"Counted under _overflow", "_overflow로 집계됨"},
    [TEXT_UNNAMED] = {"Requests without page group", "페이지 그룹 없는 요청"},
    [TEXT_METHOD] = {"Method", "방법"},
    [TEXT_METHOD_1] =
        {"Counts are exact: each event counts once, as often as its count says, in the local week in which "
         "it happened.",
         "건수는 정확합니다. 각 이벤트는 발생한 현지 주에 정확히 한 번 집계됩니다."},
    [TEXT_METHOD_2] =
        {"Expected is the median rate of the four weeks before, per request where requests are known, times "
         "this week's requests. The rate ratio has a 95 % interval.",
         "예상은 직전 4주의 요청당 비율(요청 수를 알 때)의 중앙값에 이번 주 요청 수를 곱한 값입니다. 비율 "
         "변화는 95 % "
         "구간과 함께 표시됩니다."},
    [TEXT_METHOD_3] =
        {"Each group stands in one list: regressed if it came back after it was resolved by hand or quiet "
         "for "
         "14 days; else new; else escalating if the ratio's lower limit is over 1.5 at 20 events or more; "
         "resolved if 20 or more last week became 0 at half the normal traffic or more; else ongoing.",
         "각 그룹은 한 목록에만 속합니다. 해결 처리되었거나 14일간 조용하다가 다시 나타나면 재발, 이번 주에 "
         "처음이면 신규, "
         "20건 이상이고 비율 하한이 1.5를 넘으면 증가, 지난주 20건 이상에서 정상 트래픽의 절반 이상인데 "
         "0건이면 "
         "해결, 나머지는 지속입니다."},
    [TEXT_METHOD_4] =
        {"A deploy is judged by the hour before and the hour behind it (4xx, 5xx and exceptions per "
         "request); "
         "evidence is an e-value, valid whenever it is looked at.",
         "배포는 전후 한 시간의 요청당 4xx, 5xx와 예외로 판정합니다. 근거는 언제 보아도 유효한 e-값입니다."},
    [TEXT_FIGURES] = {"Figures", "그림"},
    [TEXT_SKIP] = {"Skip to what to do first", "먼저 할 일로 건너뛰기"},
    [TEXT_OTHER_FORMATS] = {"Other formats", "다른 형식"},
    [TEXT_INDEX] = {"Reports of the week", "주간 보고서 목록"},
    [TEXT_SERVICE] = {"Service", "서비스"},
    [TEXT_REVISION] = {"Revision", "개정"},
    [TEXT_CHANGES] = {"Changed since the revision before", "이전 개정 이후 변경"},
    [TEXT_ATTACHED] = {"The whole report is attached.", "전체 보고서를 첨부했습니다."},
    [TEXT_EARLIER] = {"Other weeks", "다른 주"},
};

static const pair keys[KEY_COUNT] = {
    [KEY_REQUESTS] = {"Requests", "요청"},
    [KEY_EXCEPTIONS] = {"Exceptions", "예외"},
    [KEY_EXCEPTIONS_PER_10K] = {"Exceptions per 10k req.", "1만 요청당 예외"},
    [KEY_SERVER_ERRORS] = {"Server errors (5xx)", "서버 오류 (5xx)"},
    [KEY_CLIENT_ERRORS] = {"Client errors (4xx)", "클라이언트 오류 (4xx)"},
    [KEY_GROUPS] = {"Groups seen", "발생한 그룹"},
    [KEY_NEW] = {"New", "신규"},
    [KEY_REGRESSED] = {"Regressed", "재발"},
    [KEY_ESCALATING] = {"Escalating", "증가"},
    [KEY_RESOLVED] = {"Resolved", "해결"},
    [KEY_DEPLOYS] = {"Deploys", "배포"},
    [KEY_BAD_DEPLOYS] = {"Bad deploys", "나쁜 배포"},
    [KEY_ROLLBACKS] = {"Rollbacks", "롤백"},
    [KEY_INCIDENTS] = {"Incidents", "인시던트"},
    [KEY_ANOMALOUS_MINUTES] = {"Anomalous minutes", "이상 시간(분)"},
};

static const pair lists[LIST_COUNT] = {
    [LIST_REGRESSED] = {"Regressed", "재발"},   [LIST_NEW] = {"New", "신규"},
    [LIST_ESCALATING] = {"Escalating", "증가"}, [LIST_RESOLVED] = {"Resolved", "해결"},
    [LIST_ONGOING] = {"Ongoing", "지속"},
};

static const pair hints[LIST_COUNT] = {
    [LIST_REGRESSED] = {"Resolved by hand or quiet for 14 days, and back this week.",
                        "해결 처리되었거나 14일간 조용하다가 이번 주에 다시 나타남."},
    [LIST_NEW] = {"Seen for the first time this week.", "이번 주에 처음 나타남."},
    [LIST_ESCALATING] = {"Clearly more per request than in the four weeks before.",
                         "직전 4주보다 요청당 건수가 뚜렷이 많음."},
    [LIST_RESOLVED] = {"Frequent last week, gone this week although there was traffic.",
                       "지난주에는 잦았으나 트래픽이 있는데도 이번 주에는 없음."},
    [LIST_ONGOING] = {"Known, and within what is usual.", "알려져 있고 평소 수준."},
};

static const pair reasons[REASON_COUNT] = {
    [REASON_BAD_DEPLOY] = {"Bad deploy", "나쁜 배포"},
    [REASON_REGRESSED] = {"Regressed", "재발"},
    [REASON_NEW_SERVER_ERROR] = {"New failure", "새로운 오류"},
    [REASON_ESCALATING] = {"Escalating", "증가"},
    [REASON_INCIDENT] = {"Incident", "인시던트"},
    [REASON_NEW] = {"New client error", "새로운 클라이언트 오류"},
    [REASON_FREQUENT] = {"Above expectation", "예상 초과"},
    [REASON_DATA] = {"Missing data", "데이터 누락"},
};

static const pair progresses[PROGRESS_COUNT] = {
    [PROGRESS_NEW] = {"new", "신규"},
    [PROGRESS_OPEN] = {"still open", "미해결"},
    [PROGRESS_WORSE] = {"worse", "악화"},
    [PROGRESS_DONE] = {"done", "완료"},
};

static const struct {
    const char *name;
    pair text;
} verdicts[] = {
    {"bad", {"bad", "나쁨"}},
    {"suspect", {"suspect", "의심"}},
    {"ok", {"ok", "정상"}},
    {"insufficient_data", {"not enough data", "데이터 부족"}},
};

enum language text_language(const char *name)
{
    return strcmp(name, "ko") == 0 ? LANGUAGE_KO : LANGUAGE_EN;
}

const char *text_of(enum language language, enum text text)
{
    return texts[text][language];
}

const char *text_of_key(enum language language, enum report_key key)
{
    return keys[key][language];
}

const char *text_of_list(enum language language, enum report_list list)
{
    return lists[list][language];
}

const char *text_of_list_hint(enum language language, enum report_list list)
{
    return hints[list][language];
}

const char *text_of_reason(enum language language, enum report_reason reason)
{
    return reasons[reason][language];
}

const char *text_of_progress(enum language language, enum report_progress progress)
{
    return progresses[progress][language];
}

const char *text_of_verdict(enum language language, const char *verdict)
{
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++)
        if (strcmp(verdicts[i].name, verdict) == 0)
            return verdicts[i].text[language];
    return verdict;
}

/* ---- sentences ---- */

void text_put_hours(struct bytes *out, enum language language, size_t seen, size_t all)
{
    if (language == LANGUAGE_KO)
        bytes_printf(out, "%zu시간 중 %zu시간에 데이터 있음", all, seen);
    else
        bytes_printf(out, "%zu of %zu hours with data", seen, all);
}

void text_put_median(struct bytes *out, enum language language, size_t weeks)
{
    if (language == LANGUAGE_KO)
        bytes_printf(out, "%zu주 중앙값", weeks);
    else
        bytes_printf(out, "median of %zu week%s", weeks, weeks == 1 ? "" : "s");
}

void text_put_open(struct bytes *out, enum language language, size_t weeks)
{
    if (language == LANGUAGE_KO)
        bytes_printf(out, "%zu주째", weeks);
    else
        bytes_printf(out, "for %zu week%s", weeks, weeks == 1 ? "" : "s");
}

void text_put_rest(struct bytes *out, enum language language, size_t groups, uint64_t count)
{
    char number[TEXT_FIGURE_BYTES];
    (void)text_number((double)count, number);
    if (language == LANGUAGE_KO)
        bytes_printf(out, "그 밖에 그룹 %zu개, 합계 %s건. 전체는 CSV와 JSON 파일에 있습니다.", groups,
                     number);
    else
        bytes_printf(out, "%zu more group%s with %s in all; the CSV and JSON files have every one.", groups,
                     groups == 1 ? "" : "s", number);
}

void text_put_against(struct bytes *out, enum language language, size_t weeks)
{
    if (language == LANGUAGE_KO)
        bytes_printf(out, "문제가 없던 %zu주의 같은 현지 시각과 비교", weeks);
    else
        bytes_printf(out, "Against the same local hours of %zu clean week%s", weeks, weeks == 1 ? "" : "s");
}

static void put_series_ko(struct bytes *out, const struct report_incident *n, const char *all,
                          const char *looked)
{
    bytes_printf(out, "서비스의 시계열 %s개", all);
    if (n->series_looked < n->series_all)
        bytes_printf(out, " 중 고르게 뽑은 %s개", looked);
    bytes_printf(out, n->series_count > 0 ? " 가운데 평상시와 가장 다른 것입니다."
                                          : " 가운데 평상시와 확실히 다른 것은 없습니다.");
}

void text_put_series(struct bytes *out, enum language language, const struct report_incident *n)
{
    char all[TEXT_FIGURE_BYTES], looked[TEXT_FIGURE_BYTES];
    bool is_part = n->series_looked < n->series_all;
    (void)text_number((double)n->series_all, all);
    (void)text_number((double)n->series_looked, looked);
    if (language == LANGUAGE_KO) {
        put_series_ko(out, n, all, looked);
        return;
    }
    bytes_printf(out, "Of %s series of the service%s%s%s, %s.", all, is_part ? " " : "",
                 is_part ? looked : "", is_part ? ", evenly spread, were looked at; of these" : "",
                 n->series_count > 0 ? "the following differ most from normal"
                                     : "none surely differs from normal");
}

/* ---- figures ---- */

/* Digits in groups of three. */
static void group_digits(uint64_t value, char out[TEXT_FIGURE_BYTES])
{
    char digits[24];
    size_t len = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, value), at = 0;
    for (size_t i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
}

const char *text_number(double value, char text[TEXT_FIGURE_BYTES])
{
    char digits[TEXT_FIGURE_BYTES];
    double size = fabs(value);
    if (!isfinite(value) || size >= 1e15) {
        (void)snprintf(text, TEXT_FIGURE_BYTES, "%s", texts[TEXT_UNKNOWN][LANGUAGE_EN]);
    } else if (size < 99.95 && floor(size) != size) {
        (void)snprintf(text, TEXT_FIGURE_BYTES, size < 0.095 ? "%.2f" : "%.1f", value);
    } else {
        group_digits((uint64_t)llround(size), digits);
        (void)snprintf(text, TEXT_FIGURE_BYTES, "%s%.40s", value < 0 ? "-" : "", digits);
    }
    return text;
}

const char *text_percent(double percent, char text[TEXT_FIGURE_BYTES])
{
    double size = fabs(percent);
    if (!isfinite(percent))
        return text_number(percent, text);
    (void)snprintf(text, TEXT_FIGURE_BYTES,
                   size == 0 || size >= 99.995 ? "%.0f %%"
                   : size < 1                  ? "%.2f %%"
                                               : "%.1f %%",
                   percent);
    return text;
}

const char *text_times(double ratio, char text[TEXT_FIGURE_BYTES])
{
    if (!isfinite(ratio))
        return text_number(ratio, text);
    if (ratio >= 1000)
        (void)snprintf(text, TEXT_FIGURE_BYTES, ">999×");
    else
        (void)snprintf(text, TEXT_FIGURE_BYTES, ratio < 10 ? "%.2f×" : "%.0f×", ratio);
    return text;
}

/* Three digits: a level may be small. */
static const char *put_digits(double value, const char *unit, char text[TEXT_FIGURE_BYTES])
{
    char digits[TEXT_FIGURE_BYTES];
    if (fabs(value) < 1000)
        (void)snprintf(text, TEXT_FIGURE_BYTES, "%.3g%s", value, unit);
    else
        (void)snprintf(text, TEXT_FIGURE_BYTES, "%.30s%s", text_number(value, digits), unit);
    return text;
}

const char *text_level(enum language language, enum report_level level, double value,
                       char text[TEXT_FIGURE_BYTES])
{
    if (!isfinite(value))
        return text_number(value, text);
    if (level == LEVEL_MEDIAN_S)
        return value < 1 ? put_digits(1000 * value, " ms", text) : put_digits(value, " s", text);
    return put_digits(value, level == LEVEL_MEAN ? "" : language == LANGUAGE_KO ? "/분" : "/min", text);
}

const char *text_times_normal(enum language language, double ratio, double normal,
                              char text[TEXT_FIGURE_BYTES])
{
    if (isfinite(ratio) || normal != 0)
        return text_times(ratio, text);
    (void)snprintf(text, TEXT_FIGURE_BYTES, "%s", progresses[PROGRESS_NEW][language]);
    return text;
}

static bool is_percent(enum report_key key)
{
    return key == KEY_SERVER_ERRORS || key == KEY_CLIENT_ERRORS;
}

const char *text_key_value(enum report_key key, double value, char text[TEXT_FIGURE_BYTES])
{
    return is_percent(key) ? text_percent(value, text) : text_number(value, text);
}

/* Many times as much is told as that: 20× rather than +1,900 %. */
static void put_relative(double percent, char text[TEXT_FIGURE_BYTES])
{
    if (percent < 1000)
        (void)snprintf(text, TEXT_FIGURE_BYTES, "%+.0f %%", percent);
    else
        (void)text_times(1 + percent / 100, text);
}

const char *text_change(enum report_key key, double now, double before, char text[TEXT_FIGURE_BYTES])
{
    text[0] = '\0';
    if (!isfinite(now) || !isfinite(before) || (!is_percent(key) && before == 0 && now != 0))
        return text;
    if (is_percent(key))
        (void)snprintf(text, TEXT_FIGURE_BYTES, "%+.2f pp", now - before);
    else if (now == before)
        (void)snprintf(text, TEXT_FIGURE_BYTES, "±0 %%");
    else
        put_relative(100 * (now / before - 1), text);
    return text;
}
