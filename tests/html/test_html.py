#!/usr/bin/python3
"""The HTML report in a browser: quiet, self-contained, complete, readable, operable, and safe.

    test_html.py --fwsniff PROGRAM [--screenshots DIR]

Needs Chromium. Pages are made from the samples and from captures written here: two captures of one
failure, and one in which names, certificates and file names are full of markup.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
sys.path[:0] = [HERE, os.path.join(HERE, ".."), os.path.join(HERE, "..", "hostile")]
import browser  # noqa: E402
import hostile  # noqa: E402
from cases import run as run_cases  # noqa: E402

SKIPPED = 77
CONTRAST_MIN = 4.5  # WCAG 2.1, 1.4.3
SAMPLES = ["01-syncrify-at-server.pcap", "02-synaman-at-client.pcap", "03-druva-at-edge-any.pcapng",
           "05-mtpip-at-edge-any.pcapng", "10-syncrify-at-client.pcapng", "12-peersync-at-client.pcap"]

# Texts whose colour is too near to what is behind them: [contrast, text].
CONTRAST = """(() => {
  const parse = c => { const m = c.match(/[\\d.]+/g).map(Number); return {rgb: m.slice(0, 3), a: m.length > 3 ? m[3] : 1}; };
  const light = rgb => { const f = rgb.map(v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
                         return .2126 * f[0] + .7152 * f[1] + .0722 * f[2]; };
  const behind = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.a > 0) return c.rgb; }
                        return [255, 255, 255]; };
  const poor = [];
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (!own || e.closest('.aside, title, desc, .skip') || !e.getClientRects().length) continue;
    const style = getComputedStyle(e), colour = parse(e.closest('svg') ? style.fill : style.color).rgb;
    const [a, b] = [light(colour), light(behind(e))].sort((x, y) => y - x), contrast = (a + .05) / (b + .05);
    if (contrast < %f) poor.push([contrast.toFixed(2), e.textContent.trim().slice(0, 40)]);
  }
  return poor; })()""" % CONTRAST_MIN

DEAD_LINKS = """[...document.querySelectorAll('a')].map(a => a.getAttribute('href'))
  .filter(h => !h.startsWith('#') || !document.getElementById(decodeURIComponent(h.slice(1))))"""
DRAWINGS = """[...document.querySelectorAll('svg')].filter(s => s.getClientRects().length).map(s => ({
  name: (document.getElementById(s.getAttribute('aria-labelledby')) || {}).textContent || '',
  role: s.getAttribute('role'), width: s.getBBox().width, height: s.getBBox().height,
  outside: ((b, v) => b.x < v.x - 1 || b.y < v.y - 1 || b.x + b.width > v.x + v.width + 1
                 || b.y + b.height > v.y + v.height + 1)(s.getBBox(), s.viewBox.baseVal)}))"""
HEADINGS = "[...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1])"
ACTIVE_CONTENT = "document.querySelectorAll('script,img,iframe,object,embed,form,video,audio,base').length"
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


class Cases:
    def __init__(self, program, folder, chromium, screenshots):
        self.program, self.folder, self.chromium, self.screenshots = program, folder, chromium, screenshots

    def report(self, name, *arguments):
        """Runs fwsniff and opens the page. Returns it and the JSON report of the same run."""
        path = os.path.join(self.folder, name + ".html")
        done = subprocess.run([self.program, *arguments, "--html=" + path, "--json"], capture_output=True, timeout=60)
        assert done.returncode in (0, 1), done.stderr
        page = self.chromium.open(path)
        if self.screenshots:
            page.size(1100)
            page.screenshot(os.path.join(self.screenshots, name + ".png"))
        return page, json.loads(done.stdout)

    def healthy(self, page):
        """What holds of every page."""
        assert page.problems == [], page.problems
        assert set(page.requests) <= {page.url, "data:,"}, page.requests
        assert page.evaluate(ACTIVE_CONTENT) == 0
        assert page.evaluate(DEAD_LINKS) == [], page.evaluate(DEAD_LINKS)
        levels = page.evaluate(HEADINGS)
        assert levels.count(1) == 1 and levels[0] == 1, levels
        assert all(b - a <= 1 for a, b in zip(levels, levels[1:])), levels
        for width in (1200, 720, 360):
            page.size(width)
            assert page.evaluate(OVERFLOW) <= 0, f"wider than {width} pixels"
            for drawing in page.evaluate(DRAWINGS):
                assert drawing["role"] in ("img", "group") and drawing["name"], drawing
                assert drawing["width"] > 50 and drawing["height"] > 20 and not drawing["outside"], (width, drawing)
        for scheme, medium in (("light", ""), ("dark", ""), ("light", "print")):
            page.media(scheme, medium)
            assert page.evaluate(CONTRAST) == [], (scheme, medium, page.evaluate(CONTRAST))
        page.media()

    def complete(self, page, report):
        """Every finding, candidate, reason and frame of the report is on the page."""
        text = page.evaluate("document.body.innerText")
        for finding in report["findings"]:
            article = f"document.getElementById('finding-{finding['id']}')"
            own = page.evaluate(f"{article}.innerText")
            assert finding["verdict"]["summary"] in own
            for reason in finding["evidence"]:
                assert reason["text"] in own, reason["text"]
                for frame in reason["frames"]:
                    row = f"f-{finding['id']}-{reason['capture']}-{frame}"
                    assert page.evaluate(f"!!document.getElementById('{row}')"), row
                    assert page.evaluate(f"!!{article}.querySelector('.why a[href=\"#{row}\"]')"), row
                if reason["frames"]:
                    numbers = ", ".join(map(str, reason["frames"]))
                    assert "frame.number in {" + numbers + "}" in own
            assert page.evaluate(f"{article}.querySelectorAll('.odds li').length") == 6
            assert page.evaluate(f"{article}.querySelectorAll('figure.way svg, figure.ladder svg').length") == 3
            for command in finding["remedy"]["commands"]:
                assert command["command"] in own, command
        for capture in report["captures"]:
            assert capture["source"] in text

    def test_samples(self):
        for sample in SAMPLES:
            page, report = self.report(sample.split(".")[0], "-r", os.path.join(ROOT, "samples", sample))
            assert report["findings"], sample
            self.complete(page, report)
            self.healthy(page)

    def test_nothing_failed(self):
        path = os.path.join(self.folder, "fine.pcap")
        hostile.write_pcap(path, hostile.healthy())
        page, report = self.report("fine", "-r", path)
        assert report["findings"] == []
        assert "No failed connection" in page.evaluate("document.querySelector('h1').innerText")
        self.healthy(page)

    def test_two_captures(self):
        """The SYNs leave the client and reach the server's side: two columns of frame numbers."""
        paths = [os.path.join(self.folder, name) for name in ("client.pcap", "server.pcap")]
        hostile.write_pcap(paths[0], hostile.silent(ttl=64))
        hostile.write_pcap(paths[1], hostile.stranger() + hostile.silent(ttl=57))
        page, report = self.report("two", "-r", paths[0], "-r", paths[1])
        assert len(report["captures"]) == 2 and report["findings"]
        columns = page.evaluate("[...document.querySelectorAll('.ladder a')].map(a => a.getAttribute('href').split('-')[2])")
        assert sorted(columns) == ["a", "a", "b", "b"], columns
        numbers = page.evaluate("[...document.querySelectorAll('.ladder a')].map(a => a.textContent.trim()).sort().join()")
        assert numbers == "1,2,4,5", numbers  # first and last SYN of each
        self.healthy(page)

    def test_hostile(self):
        """Markup in server names, certificates, file names and profiles is text, and only text."""
        paths = hostile.write_all(self.folder)
        page, report = self.report("hostile", "--profile-file", paths.profile, "-r", paths.capture)
        assert report["findings"], "the hostile capture shows no failure"
        assert hostile.SERVER_NAME in json.dumps(report), "the server name was not read"
        shown = page.evaluate("document.body.textContent")
        assert "<script>" in shown and "onerror" in shown
        self.healthy(page)

    def test_keyboard(self):
        """The first Tab offers the way to the content, and what has the focus is seen to have it."""
        page, _ = self.report("keyboard", "-r", os.path.join(ROOT, "samples", SAMPLES[0]))
        page.size(1200)
        page.press_tab()
        assert page.evaluate("document.activeElement.className") == "skip"
        assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
        names = []
        for _ in range(12):
            page.press_tab()
            names.append(page.evaluate("document.activeElement.tagName"))
            # A link of a drawing has no box of its own to outline.
            if not page.evaluate("!!document.activeElement.closest('svg')"):
                assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
        assert "A" in names, names

    def test_screen_reader(self):
        """What the accessibility tree says: landmarks, named pictures, tables with headers."""
        page, _ = self.report("reader", "-r", os.path.join(ROOT, "samples", SAMPLES[1]))
        page.size(1200)
        nodes = page.call("Accessibility.getFullAXTree")["nodes"]
        roles = [(n["role"]["value"], n.get("name", {}).get("value", "")) for n in nodes if not n["ignored"] and "role" in n]
        assert any(role == "main" for role, _ in roles)
        assert any(role == "group" and "Ladder" in name for role, name in roles)
        assert any(role == "article" and name for role, name in roles)
        pictures = [name for role, name in roles if role in ("img", "image", "graphics-document")]
        assert len(pictures) >= 2 and all(pictures), pictures
        assert sum(role == "columnheader" for role, _ in roles) >= 6

    def test_print(self):
        """On paper: everything is there without scrolling, and it makes a PDF."""
        page, _ = self.report("paper", "-r", os.path.join(ROOT, "samples", SAMPLES[2]))
        page.size(700)
        page.media("dark", "print")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert page.evaluate("[...document.querySelectorAll('.scroll')].filter(s => getComputedStyle(s).overflowX !== 'visible').length") == 0
        pdf = page.pdf()
        assert pdf.startswith(b"%PDF") and len(pdf) > 10000
        if self.screenshots:
            with open(os.path.join(self.screenshots, "paper.pdf"), "wb") as file:
                file.write(pdf)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--fwsniff", required=True)
    parser.add_argument("--screenshots", help="folder for pictures to look at")
    arguments = parser.parse_args()
    if not browser.find():
        print("html: Chromium is not installed")
        return SKIPPED
    with tempfile.TemporaryDirectory() as folder, browser.Browser() as chromium:
        return run_cases("html", Cases(os.path.abspath(arguments.fwsniff), folder, chromium, arguments.screenshots))


if __name__ == "__main__":
    sys.exit(main())
