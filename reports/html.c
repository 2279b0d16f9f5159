#include "reports/html.h"

#include "reports/escape.h"

/* One style for all pages: it names no font that has to be fetched, keeps a contrast of 4.5 and more in both
 * schemes, and says for print what a page of A4 holds together. */
static const char style[] =
    ":root{color-scheme:light dark;--ink:#1b1f24;--soft:#535c66;--line:#d5dbe1;--paper:#fff;--card:#f5f7f9;"
    "--accent:#0b5cad;--bad:#b3261e;--warn:#805300;--good:#17653a;--bar:#7d8b99;--now:#0b5cad}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#a3adb8;--line:#333b45;--paper:#0f1419;"
    "--card:#182029;--accent:#83bfff;--bad:#ff9a90;--warn:#f2c35f;--good:#7fdca2;--bar:#6d7a88;--now:#83bfff}"
    "}"
    "*{box-sizing:border-box}"
    "html{-webkit-text-size-adjust:100%}"
    "body{margin:0 auto;max-width:74rem;padding:1.25rem clamp(.9rem,3vw,2.5rem) 3rem;background:var(--paper);"
    "color:var(--ink);font:1rem/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,\"Noto Sans\","
    "\"Noto Sans CJK KR\",\"Noto Sans KR\",\"Apple SD Gothic Neo\",\"Malgun Gothic\",sans-serif;"
    "overflow-wrap:anywhere}"
    ":lang(ko){word-break:keep-all}"
    "a{color:var(--accent)}"
    "a:focus-visible,summary:focus-visible{outline:3px solid "
    "var(--accent);outline-offset:2px;border-radius:3px}"
    ".skip{position:absolute;left:-99rem}"
    ".skip:focus{left:1rem;top:1rem;background:var(--paper);padding:.5rem 1rem;z-index:1}"
    "h1,h2,h3{line-height:1.25;margin:0}"
    "h1{font-size:clamp(1.6rem,4vw,2.2rem);letter-spacing:-.01em}"
    "h2{font-size:1.3rem;margin:2.6rem 0 .9rem;padding-top:.9rem;border-top:2px solid var(--line)}"
    "h3{font-size:1.05rem;margin:1.6rem 0 .2rem}"
    ".kicker{color:var(--soft);font-size:.95rem;margin:0 0 .2rem}"
    ".env{font-weight:400;color:var(--soft)}"
    ".meta{display:grid;grid-template-columns:repeat(auto-fit,minmax(15rem,1fr));gap:.5rem "
    "1.5rem;margin:1rem 0 0}"
    ".meta dt{color:var(--soft);font-size:.85rem}.meta dd{margin:0}"
    ".note{margin:1.2rem 0 0;padding:.7rem 1rem;border-left:4px solid var(--accent);background:var(--card);"
    "border-radius:0 6px 6px 0}"
    ".note.bad{border-color:var(--bad)}.note.good{border-color:var(--good)}.note strong{margin-right:.4em}"
    ".strip{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,13rem),1fr));gap:.7rem;"
    "margin:0;"
    "padding:0;"
    "list-style:none}"
    ".strip li{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:.7rem .85rem;"
    "break-inside:avoid}"
    ".strip .k{display:block;color:var(--soft);font-size:.85rem;line-height:1.3}"
    ".strip .v{display:block;font-size:1.55rem;font-weight:650;line-height:1.25;"
    "font-variant-numeric:tabular-nums}"
    ".strip .d{display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 .5em;color:var(--soft);"
    "font-size:.8rem;line-height:1.5}.strip .r{white-space:nowrap;margin-left:auto}"
    ".up,.bad-text{color:var(--bad);font-weight:600}.down,.good-text{color:var(--good);font-weight:600}"
    ".warn-text{color:var(--warn);font-weight:600}"
    ".actions{margin:0;padding:0;list-style:none;counter-reset:a}"
    ".actions li{counter-increment:a;display:grid;grid-template-columns:2.1rem 1fr;gap:.1rem .5rem;"
    "padding:.7rem 0;border-bottom:1px solid var(--line);break-inside:avoid}"
    ".actions li::before{content:counter(a);grid-row:1/3;font-size:1.15rem;font-weight:650;color:var(--soft);"
    "font-variant-numeric:tabular-nums;text-align:center}"
    ".actions li:last-child{border-bottom:0}"
    ".actions .s{grid-column:2;color:var(--soft);font-size:.9rem}.actions .t{grid-column:2}"
    ".tag{display:inline-block;border:1px solid currentColor;border-radius:99px;padding:0 "
    ".6em;font-size:.8rem;"
    "font-weight:600;line-height:1.55;white-space:nowrap}"
    ".hint{color:var(--soft);margin:0 0 .6rem;font-size:.92rem}"
    "table{border-collapse:collapse;width:100%;font-size:.9rem}"
    "table+.hint{margin-top:1.3rem}"
    "th,td{text-align:left;vertical-align:top;padding:.5rem .6rem;border-bottom:1px solid var(--line)}"
    "th{font-size:.82rem;color:var(--soft);font-weight:600;line-height:1.3;vertical-align:bottom;"
    "overflow-wrap:normal}"
    "td.t{white-space:nowrap}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
    "td.w{min-width:15rem}"
    "td .f{display:block;color:var(--soft);font-size:.84rem}"
    ".ci{display:block;color:var(--soft);font-size:.8rem}"
    "code,.f.m{font-family:ui-monospace,\"DejaVu Sans Mono\",Menlo,Consolas,monospace;font-size:.8rem}"
    "main>table{margin-top:1.4rem}"
    "figure{margin:0 0 2rem;break-inside:avoid}"
    "figure img{display:block;width:100%;max-width:45rem;height:auto}"
    "figcaption{color:var(--soft);font-size:.9rem;margin-top:.3rem}"
    "@media(min-width:70rem){.figures figure{display:grid;grid-template-columns:45rem minmax(0,1fr);gap:0 "
    "2rem}}"
    "footer{margin-top:2.6rem;padding-top:.9rem;border-top:2px solid "
    "var(--line);color:var(--soft);font-size:.88rem}"
    "footer h2{border:0;margin-top:0;padding-top:0}"
    "footer ul,.plain{padding-left:1.2rem;margin:.4rem 0}"
    "svg.spark{display:block}svg.spark rect{fill:var(--bar)}svg.spark rect:last-child{fill:var(--now)}"
    "@media screen and (max-width:46rem){"
    ".stack thead{position:absolute;left:-99rem}"
    ".stack,.stack tbody,.stack tr,.stack td{display:block}"
    ".stack tr{display:grid;grid-template-columns:1fr 1fr;border:1px solid var(--line);border-radius:8px;"
    "margin:0 0 .8rem;padding:.4rem .2rem;"
    "background:var(--card)}"
    ".stack td{border:0;padding:.15rem .7rem}"
    ".stack td:first-child,.stack td.l{grid-column:1/-1}.stack td.w{min-width:0;padding-bottom:.35rem}"
    ".stack td.n,.stack td.l{display:flex;justify-content:space-between;gap:1rem;text-align:right}"
    ".stack td.l{white-space:normal}.stack td.n{white-space:nowrap}"
    ".stack td.l[data-l]::before{flex:none;max-width:45%}"
    ".stack td[data-l]::before{content:attr(data-l);color:var(--soft);text-align:left;white-space:normal}"
    ".ci{display:inline;margin-left:.6em}"
    ".strip{grid-template-columns:repeat(2,1fr)}}"
    "@media print{@page{size:A4;margin:13mm 12mm}"
    ":root{color-scheme:light;--ink:#000;--soft:#444;--line:#bbb;--paper:#fff;--card:#fff;--accent:#0b5cad;"
    "--bad:#9c1c15;--warn:#6e4700;--good:#12532f;--bar:#888;--now:#0b5cad}"
    "body{max-width:none;padding:0;font-size:9.5pt;print-color-adjust:exact;-webkit-print-color-adjust:exact}"
    "table{font-size:8pt}th,td{padding:3pt 4pt}th{font-size:7.5pt}td.w{min-width:0}.ci{font-size:7pt}"
    ".actions li{padding:4pt 0}.actions "
    ".s{font-size:8pt}h2{break-after:avoid;margin-top:16pt}h3{break-after:avoid}thead{display:table-header-"
    "group}"
    "thead{break-after:avoid}tbody tr:nth-child(2),tbody tr:nth-child(3),tbody tr:last-child{break-before:"
    "avoid}"
    "tr{break-inside:avoid}.hint{break-after:avoid}table:not(:has(tr:nth-child(13))){break-inside:avoid}"
    ".meta{grid-template-columns:2fr 3fr 2fr 3fr}"
    ".strip{grid-template-columns:repeat(4,1fr);gap:5pt}.strip li{padding:5pt 7pt}.strip .v{font-size:14pt}"
    ".strip .k,.strip .d{font-size:7.5pt}.skip,.web{display:none}a{color:inherit}"
    "figure{margin-bottom:9pt}figcaption,.hint{font-size:8pt;margin-top:1pt}td .f,td .f.m,td "
    "code,.tag{font-size:7.5pt}footer{font-size:8pt}"
    "figure img{width:88%;max-height:110mm;object-fit:contain;object-position:left}}";

void html_begin(struct bytes *out, enum language language, const char *title)
{
    bytes_printf(out,
                 "<!doctype html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n"
                 "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                 "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'\">\n"
                 "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                 "<meta name=\"color-scheme\" content=\"light dark\">\n"
                 "<link rel=\"icon\" href=\"data:,\">\n<title>",
                 language == LANGUAGE_KO ? "ko" : "en");
    escape_html(out, title, 0);
    bytes_printf(out, "</title>\n<style>");
    bytes_put(out, style, sizeof style - 1);
    bytes_printf(out, "</style>\n</head>\n<body>\n");
}

void html_end(struct bytes *out)
{
    bytes_printf(out, "</body>\n</html>\n");
}

void html_text(struct bytes *out, const char *text, size_t most)
{
    bytes_printf(out, "<bdi>");
    escape_html(out, text, most);
    bytes_printf(out, "</bdi>");
}
