/**
 * The looks of the demonstration pages: one style sheet, light and dark, from 320 pixels up.
 */
export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #faf7f1; --ink: #1f2328; --soft: #5d6470; --line: #e2dccf; --card: #fffdf9; --accent: #9c2f1d;
  --moved: #ffe3a3;
  --serif: "Iowan Old Style", "Palatino Linotype", Palatino, "Book Antiqua", Georgia, serif;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #17181b; --ink: #eceae5; --soft: #a2a8b3; --line: #33353b; --card: #1f2125; --accent: #f0967f;
    --moved: #6b5411;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.5 var(--sans); }
header, main, footer { max-width: 80rem; margin-inline: auto; padding-inline: 1.25rem; }
.masthead { padding-block: 2rem 1.25rem; border-bottom: 3px double var(--line); }
.masthead h1 { margin: 0; font: 700 clamp(2rem, 7vw, 3.5rem)/1.1 var(--serif);
  letter-spacing: -0.015em; text-wrap: balance; }
.masthead[data-publisher="pub_2"] { --accent: #1d6b4a; }
.masthead[data-publisher="pub_3"] { --accent: #235c9c; }
@media (prefers-color-scheme: dark) {
  .masthead[data-publisher="pub_2"] { --accent: #7fcfa9; }
  .masthead[data-publisher="pub_3"] { --accent: #8fb8ea; }
}
.shop h1 { font-family: var(--sans); letter-spacing: -0.02em; font-size: clamp(1.75rem, 5vw, 2.75rem); }
.kicker { margin: 0 0 .5rem; color: var(--accent); font-size: .8125rem; font-weight: 600;
  letter-spacing: .06em; text-transform: uppercase; }
main { display: grid; grid-template-columns: minmax(0, 1fr); gap: 2.5rem; padding-block: 1.75rem 2.5rem; }
h2 { margin: 0 0 .5rem; font: 700 1.375rem/1.25 var(--serif); }
.lead { margin: 0 0 1.25rem; max-width: 62ch; color: var(--soft); }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 15rem), 1fr)); gap: 1rem;
  margin: 0; padding: 0; list-style: none; }
.grid li { display: grid; position: relative; }
.pixel { position: absolute; width: 1px; height: 1px; }
.ad { display: grid; grid-template-rows: auto auto 1fr auto; gap: .25rem; padding: 0 1rem 1rem;
  overflow: hidden; border: 1px solid var(--line); border-radius: .75rem; background: var(--card);
  color: inherit; text-decoration: none; }
.ad:hover { border-color: currentColor; }
.ad:hover .name { text-decoration: underline; text-underline-offset: .15em; }
a:focus-visible, button:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.art { display: block; height: 6.5rem; margin: 0 -1rem .5rem; background:
  radial-gradient(circle at 22% 120%, #fff6 0 34%, #0000 34.5%),
  radial-gradient(circle at 78% 130%, #0003 0 46%, #0000 46.5%),
  linear-gradient(135deg, var(--from), var(--to)); --from: #777; --to: #aaa; }
.art[data-ad="ad_9"] { --from: #d9573c; --to: #f0a35e; }
.art[data-ad="ad_10"] { --from: #7a3b8f; --to: #d9738f; }
.art[data-ad="ad_11"] { --from: #c2872b; --to: #ead08a; }
.art[data-ad="ad_12"] { --from: #1f4e79; --to: #69a9c9; }
.art[data-ad="ad_13"] { --from: #2f5d50; --to: #8fbf8f; }
.campaign { color: var(--soft); font-size: .75rem; font-weight: 600; letter-spacing: .04em; text-transform: uppercase; }
.name { font: 600 1.1875rem/1.3 var(--serif); text-wrap: balance; }
.small { color: var(--soft); font-size: .8125rem; }
code { font: .9em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .5rem .5rem; border-bottom: 1px solid var(--line); text-align: right; }
th:first-child { padding-left: 0; text-align: left; font-weight: 400; }
th code { color: var(--soft); white-space: nowrap; }
thead th { color: var(--soft); font-size: .75rem; font-weight: 600; letter-spacing: .04em; text-transform: uppercase; }
abbr { text-decoration: none; }
tfoot th, tfoot td { border-bottom: 0; font-weight: 700; }
tfoot th:first-child { font-weight: 700; }
td { white-space: nowrap; }
td[data-count="valid"], td[data-count="conversions"] { font-weight: 700; }
.scroll { overflow-x: auto; }
.moved { animation: moved 2.5s ease-out; }
@keyframes moved { from { background: var(--moved); } }
@media (prefers-reduced-motion: reduce) { .moved { animation: none; } }
.facts { display: grid; gap: .25rem; margin: 0 0 1.25rem; }
.facts div { display: grid; grid-template-columns: 7rem 1fr; gap: .5rem; padding-block: .375rem;
  border-bottom: 1px solid var(--line); }
.facts dt { color: var(--soft); }
.facts dd { margin: 0; }
.button { padding: .75rem 1.25rem; border: 0; border-radius: .5rem; background: var(--accent); color: var(--paper);
  font: 600 1rem/1.25 var(--sans); cursor: pointer; }
.button:hover { filter: brightness(1.1); }
form { margin: 0 0 1.25rem; }
.link { color: var(--accent); font-weight: 600; }
footer { padding-block: 1rem 2rem; border-top: 1px solid var(--line); }
.sr-only { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (min-width: 68rem) {
  main { grid-template-columns: minmax(0, 1fr) minmax(33rem, 1fr); align-items: start; }
  .figures { position: sticky; top: 1.25rem; }
}
@media (max-width: 34rem) {
  table { font-size: .8125rem; }
  th code { display: none; }
  th, td { padding-inline: .25rem; }
  thead th { font-size: .6875rem; letter-spacing: 0; }
  .facts div { grid-template-columns: 6rem 1fr; }
}
`;
