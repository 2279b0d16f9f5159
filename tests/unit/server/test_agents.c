/* User agents as they are sent, and who is behind them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "server/events/agents.h"

static struct agents *agents;

static int make_agents(void **state)
{
    (void)state;
    return agents_new(&agents) == TM_OK ? 0 : -1;
}

static int free_agents(void **state)
{
    (void)state;
    agents_free(agents);
    return 0;
}

static void expect(enum agent_class class, const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum agent_class found = agents_class(agents, str_of(texts[i]));
        if (found != class)
            print_error("%s\n", texts[i]);
        assert_string_equal(agent_class_name(found).ptr, agent_class_name(class).ptr);
    }
}

#define EXPECT(class, texts) expect(class, texts, sizeof(texts) / sizeof(texts)[0])

#define CHROME "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 "

static void search_engines_and_ai_and_seo_are_crawlers(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) " CHROME
        "Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Googlebot-Image/1.0",
        "Mozilla/5.0 " CHROME "(compatible; GoogleOther)",
        "AdsBot-Google (+http://www.google.com/adsbot.html)",
        "Mediapartners-Google",
        "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
        "msnbot/2.0b (+http://search.msn.com/msnbot.htm)",
        "Mozilla/5.0 (compatible; Yahoo! Slurp; http://help.yahoo.com/help/us/ysearch/slurp)",
        "DuckDuckBot/1.1; (+http://duckduckgo.com/duckduckbot.html)",
        "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
        "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
        "Mozilla/5.0 (compatible; Yeti/1.1; +https://naver.me/spd)",
        "Mozilla/5.0 (compatible; Daumoa/4.0; +http://cs.daum.net/faq/15/4118.html)",
        "Sogou web spider/4.0(+http://www.sogou.com/docs/help/webmasters.htm#07)",
        "Mozilla/5.0 (compatible; PetalBot;+https://webmaster.petalsearch.com/site/petalbot)",
        "Mozilla/5.0 (compatible; SeznamBot/4.0; +http://napoveda.seznam.cz/seznambot-intro/)",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_5) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/13.1.1 "
        "Safari/605.1.15 (Applebot/0.1; +http://www.apple.com/go/applebot)",
        "Mozilla/5.0 (Linux; Android 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Mobile Safari/537.36 "
        "(compatible; "
        "Bytespider; spider-feedback@bytedance.com)",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; "
        "+https://openai.com/gptbot)",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; ChatGPT-User/1.0; "
        "+https://openai.com/bot",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; "
        "+claudebot@anthropic.com)",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; PerplexityBot/1.0; "
        "+https://perplexity.ai/perplexitybot)",
        "CCBot/2.0 (https://commoncrawl.org/faq/)",
        "meta-externalagent/1.1 (+https://developers.facebook.com/docs/sharing/webmasters/crawler)",
        "Mozilla/5.0 (compatible; Amazonbot/0.1; +https://developer.amazon.com/support/amazonbot)",
        "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
        "Mozilla/5.0 (compatible; SemrushBot/7~bl; +http://www.semrush.com/bot.html)",
        "Mozilla/5.0 (compatible; MJ12bot/v1.4.8; http://mj12bot.com/)",
        "Mozilla/5.0 (compatible; DotBot/1.2; +https://opensiteexplorer.org/dotbot; help@moz.com)",
        "Mozilla/5.0 (compatible; DataForSeoBot/1.0; +https://dataforseo.com/dataforseo-bot)",
        "ia_archiver",
        "Mozilla/5.0 (compatible; archive.org_bot +http://archive.org/details/archive.org_bot)",
        "Screaming Frog SEO Spider/19.0",
        "some-unknown-crawler/0.1",
        "Mozilla/5.0 (compatible; NewSpider/1.0)",
    };
    EXPECT(AGENT_CRAWLER, texts);
}

static void scripts_monitors_scanners_and_previews_are_bots(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "curl/7.88.1",
        "Wget/1.21.3",
        "python-requests/2.31.0",
        "Python-urllib/3.11",
        "python-httpx/0.25.0",
        "Python/3.11 aiohttp/3.9.1",
        "Scrapy/2.11.0 (+https://scrapy.org)",
        "libwww-perl/6.67",
        "Go-http-client/1.1",
        "Java/17.0.9",
        "Apache-HttpClient/4.5.14 (Java/17.0.9)",
        "axios/1.6.2",
        "node-fetch/1.0 (+https://github.com/bitinn/node-fetch)",
        "GuzzleHttp/7",
        "Ruby/3.2",
        "PostmanRuntime/7.36.0",
        "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
        "Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)",
        "kube-probe/1.28",
        "ELB-HealthChecker/2.0",
        "GoogleHC/1.0",
        "Prometheus/2.48.0",
        "check_http/v2.3.3 (nagios-plugins 2.3.3)",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "HeadlessChrome/119.0.6045.105 "
        "Safari/537.36",
        "Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/538.1 (KHTML, like Gecko) PhantomJS/2.1.1 "
        "Safari/538.1",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) " CHROME "Safari/537.36 Chrome-Lighthouse",
        "sqlmap/1.7.2#stable (https://sqlmap.org)",
        "Mozilla/5.00 (Nikto/2.1.6) (Evasions:None) (Test:Port Check)",
        "Mozilla/5.0 (compatible; Nmap Scripting Engine; https://nmap.org/book/nse.html)",
        "masscan/1.3 (https://github.com/robertdavidgraham/masscan)",
        "Mozilla/5.0 zgrab/0.x",
        "Mozilla/5.0 (compatible; CensysInspect/1.1; +https://about.censys.io/)",
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        "Twitterbot/1.0",
        "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        "TelegramBot (like TwitterBot)",
        "WhatsApp/2.23.20.0",
        "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
        "facebookexternalhit/1.1; kakaotalk-scrap/1.0; +https://devtalk.kakao.com/t/scrap/33984",
        "Feedly/1.0 (+http://www.feedly.com/fetcher.html; 12 subscribers)",
        "Tiny Tiny RSS/21.05 (http://tt-rss.org/)",
        "GitHub-Hookshot/044aadd",
        "WordPress/6.4.1; https://example.com",
        "Mozilla/5.0 (compatible; FooBot/1.0; +http://foo.example)",
        "my-shop-monitor",
        "git/2.39.2",
    };
    EXPECT(AGENT_BOT, texts);
}

static void phones_tablets_and_apps_are_mobile(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "Mozilla/5.0 (Linux; Android 10; K) " CHROME "Mobile Safari/537.36",
        "Mozilla/5.0 (Linux; Android 13; SM-X700) " CHROME "Safari/537.36",
        "Mozilla/5.0 (Linux; Android 12; SM-G991B; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 "
        "Chrome/119.0.6045.163 Mobile Safari/537.36",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/17.1 "
        "Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (iPad; CPU OS 12_5_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/12.1.2 "
        "Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "CriOS/119.0.6045.169 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (Android 14; Mobile; rv:120.0) Gecko/120.0 Firefox/120.0",
        "Mozilla/5.0 (Linux; Android 13; SAMSUNG SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) "
        "SamsungBrowser/23.0 "
        "Chrome/115.0.0.0 Mobile Safari/537.36",
        "Mozilla/5.0 (Linux; Android 10; HD1913) " CHROME "Mobile Safari/537.36 EdgA/119.0.2151.78",
        "Mozilla/5.0 (Linux; Android 9; CUBOT_X19) " CHROME "Mobile Safari/537.36",
        "Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1; Microsoft; Lumia 950) " CHROME
        "Mobile Safari/537.36 Edge/15.15254",
        "Opera/9.80 (J2ME/MIDP; Opera Mini/9.80 (S60; SymbOS; Opera Mobi/23.348; U; en) Presto/2.5.25 "
        "Version/10.54",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Mobile/15E148 "
        "[FBAN/FBIOS;FBAV/440.0.0.36.109]",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 16_6 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 KAKAOTALK "
        "10.4.5",
        "okhttp/4.12.0",
        "Dalvik/2.1.0 (Linux; U; Android 13; Pixel 7 Build/TQ3A.230901.001)",
        "LotteOn/8.2 CFNetwork/1474 Darwin/23.0.0",
        "Mozilla/5.0 (BB10; Touch) AppleWebKit/537.10+ (KHTML, like Gecko) Version/10.0.9.2372 Mobile "
        "Safari/537.10+",
    };
    EXPECT(AGENT_MOBILE, texts);
}

static void computers_are_desktop(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) " CHROME "Safari/537.36",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) " CHROME "Safari/537.36",
        "Mozilla/5.0 (X11; Linux x86_64) " CHROME "Safari/537.36",
        "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) " CHROME "Safari/537.36",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:120.0) Gecko/20100101 Firefox/120.0",
        "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_1) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 "
        "Safari/605.1.15",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) " CHROME "Safari/537.36 Edg/119.0.2151.93",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) " CHROME "Safari/537.36 OPR/105.0.0.0",
        "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
        "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 5.1; Trident/4.0)",
        "Mozilla/5.0 (X11; FreeBSD amd64; rv:109.0) Gecko/20100101 Firefox/115.0",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Slack/4.35.126 "
        "Chrome/118.0.5993.54 Electron/27.0.0 Safari/537.36",
    };
    EXPECT(AGENT_DESKTOP, texts);
}

static void televisions_consoles_and_the_unknown_are_other(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "-",
        "Mozilla/5.0",
        "Mozilla/5.0 (SMART-TV; LINUX; Tizen 6.0) AppleWebKit/537.36 (KHTML, like Gecko) 76.0.3809.146/6.0 "
        "TV "
        "Safari/537.36",
        "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/79.0.3945.79 "
        "Safari/537.36",
        "Mozilla/5.0 (Linux; Android 9; BRAVIA 4K UR2) " CHROME "Safari/537.36",
        "Mozilla/5.0 (Linux; Andr0id 9; Android TV) " CHROME "Safari/537.36",
        "AppleTV11,1/11.1",
        "Roku/DVP-12.0 (12.0.0.4182-88)",
        "Mozilla/5.0 (PlayStation; PlayStation 5/2.26) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.0 "
        "Safari/605.1.15",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox One) " CHROME
        "Safari/537.36 Edge/44.18363.8131",
        "HbbTV/1.2.1 (;Panasonic;VIERA 2014;3.101;6101-0003 0002-0000;)",
        "\xff\xfe\x00\x01",
    };
    EXPECT(AGENT_OTHER, texts);
}

static void names_go_both_ways(void **state)
{
    (void)state;
    for (int i = 0; i < AGENT_CLASS_COUNT; i++) {
        enum agent_class class = AGENT_CLASS_COUNT;
        assert_int_equal(agent_class_parse(agent_class_name((enum agent_class)i), &class), TM_OK);
        assert_int_equal(class, i);
    }
    enum agent_class class;
    assert_int_equal(agent_class_parse(STR("Bot"), &class), TM_NOT_FOUND);
}

static void the_table_keeps_its_own_rules(void **state)
{
    (void)state;
    size_t count;
    const struct agent_word *words = agent_words(&count);
    for (size_t i = 0; i < count; i++) {
        assert_true(words[i].text.len >= 3 && words[i].rank > RANK_NONE && words[i].rank < RANK_COUNT);
        for (size_t j = 0; j < words[i].text.len; j++)
            assert_false(words[i].text.ptr[j] >= 'A' && words[i].text.ptr[j] <= 'Z');
        assert_int_equal(agents_class(agents, words[i].text), words[i].class);
        for (size_t j = 0; j < i; j++)
            assert_false(str_equal(words[i].text, words[j].text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(search_engines_and_ai_and_seo_are_crawlers),
        cmocka_unit_test(scripts_monitors_scanners_and_previews_are_bots),
        cmocka_unit_test(phones_tablets_and_apps_are_mobile),
        cmocka_unit_test(computers_are_desktop),
        cmocka_unit_test(televisions_consoles_and_the_unknown_are_other),
        cmocka_unit_test(names_go_both_ways),
        cmocka_unit_test(the_table_keeps_its_own_rules),
    };
    return cmocka_run_group_tests(tests, make_agents, free_agents);
}
