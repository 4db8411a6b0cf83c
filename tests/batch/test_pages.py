#!/usr/bin/python3
"""The pages of the nightly report in headless Chromium.

    test_pages.py --fwsniff PROGRAM

Three nights with hostile names: no error, no request leaves a page, no script, every link leads
somewhere, and nothing is wider than the window.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "html"))
from browser import Browser, find  # noqa: E402
from common import pcap, silent, works, write  # noqa: E402

LINKS = "Array.from(document.querySelectorAll('a[href]')).map(a => a.href)"
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
TEXT_COLOURS = "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor].join()"
UNNAMED = "Array.from(document.querySelectorAll('svg[role=img]')).filter(s => !s.getAttribute('aria-label')).length"


def many(start):
    """More findings than a page shows in full."""
    return [record for i in range(103) for record in silent(start + i, number=1000 + i)]


def nights(program, folder):
    """Something of each state at the end."""
    captures, state, day = os.path.join(folder, "captures"), os.path.join(folder, "state"), 86400
    hostile = os.path.join(captures, "<script>alert(1)<|script>\"'&\x1b[31m")
    plan = [
        [("paris", silent(0) + silent(20, number=11) + silent(40, number=12)), ("rome", works(0))],
        [("paris", silent(day) + works(day + 20, number=11)), ("many", many(day)), (hostile, silent(day, number=13))],
        [("paris", silent(2 * day, number=11) + works(2 * day + 9) + silent(2 * day + 30, number=14)),
         (hostile, silent(2 * day, number=13))],
    ]
    for night, files in enumerate(plan):
        for site, records in files:
            write(os.path.join(captures, site, f"night-{night}x<img src=q onerror=alert(2)>.pcap"),
                  pcap(sorted(records, key=lambda record: record[0])))
        subprocess.run([program, "batch", "-q", "--state", state, "--time", f"2026-11-2{night + 1}", captures],
                       check=False)
    return os.path.join(state, "report")


def check(page, seen):
    seen(page.problems == [], f"no error {page.problems}")
    seen(set(page.requests) <= {page.url, "data:,"}, f"no request {page.requests}")
    seen(page.evaluate("document.querySelectorAll('script, img, iframe, object').length") == 0, "no script")
    seen(page.evaluate(UNNAMED) == 0, "drawings have names")
    colours = set()
    for scheme in ("light", "dark"):
        page.media(scheme)
        colours.add(page.evaluate(TEXT_COLOURS))
    closed = ("Array.from(document.querySelectorAll('details')).filter(d =>"
              " getComputedStyle(d, '::details-content').contentVisibility != 'visible').length")
    page.media("light", "print")
    seen(page.evaluate(closed) == 0, "what is folded away is printed")
    page.media()
    seen(page.evaluate(closed) == page.evaluate("document.querySelectorAll('details').length"), "and folded on a screen")
    seen(len(colours) == 2, "light and dark differ")
    for width in (400, 1200):
        page.size(width)
        seen(page.evaluate(WIDER) <= 0, f"fits {width} pixels")
    seen(page.pdf().startswith(b"%PDF"), "can be printed")


def follow(browser, page, seen):
    """Pages that a page leads to; of links into a page the place must be there."""
    found = set()
    for link in page.evaluate(LINKS):
        path, _, place = link.removeprefix("file://").partition("#")
        seen(os.path.exists(path), f"link {link}")
        if path.endswith(".html"):
            found.add((path, place))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--fwsniff", required=True)
    arguments = parser.parse_args()
    if not find():
        print("no Chromium")
        return 77
    folder = tempfile.mkdtemp(prefix="fwsniff-pages-")
    results = []
    try:
        report = nights(os.path.abspath(arguments.fwsniff), folder)
        with Browser() as browser:
            index = browser.open(os.path.join(report, "index.html"))
            titles = index.evaluate("Array.from(document.querySelectorAll('section > h2')).map(h => h.textContent)")
            results.append((titles[:5] == ["New", "Back", "Ongoing", "Not seen", "Resolved"], f"new first: {titles}"))
            pages = {os.path.join(report, "index.html"): index}
            for path, place in sorted(follow(browser, index, lambda good, what: results.append((good, what)))):
                if path not in pages:
                    pages[path] = browser.open(path)
                if place and place != "main":
                    there = pages[path].evaluate(f"!!document.getElementById('{place}')")
                    results.append((there, f"{os.path.basename(path)} has {place}"))
            ladders = {os.path.basename(path): page.evaluate("document.querySelectorAll('article .ladder svg').length")
                       for path, page in pages.items()}
            results.append((sorted(ladders.values()) == [0, 0, 1, 4, 100], f"each finding has its ladder: {ladders}"))
            results.append((len(pages) == 5, f"index and four sites: {len(pages)}"))
            for path, page in pages.items():
                name = os.path.basename(path)
                check(page, lambda good, what: results.append((good, f"{name}: {what}")))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for good, what in results:
        if not good:
            print(f"FAIL {what}")
    print(f"pages: {sum(good for good, _ in results)} of {len(results)} passed")
    return 0 if all(good for good, _ in results) else 1


if __name__ == "__main__":
    sys.exit(main())
