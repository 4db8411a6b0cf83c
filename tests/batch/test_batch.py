#!/usr/bin/python3
"""fwsniff batch, merge and history as their users run them.

    test_batch.py --fwsniff PROGRAM

Captures are made byte by byte: this is about sites, streams, runs and outputs, not about verdicts.
"""

import argparse
import csv
import fcntl
import glob
import gzip
import io
import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile

from common import (ACK, FAILURES, HEALTHY, ROOT, RUN_TIME, SYN, UNREAD, USAGE, blocked, client, dump, frame, pcap, records_only,
                    run_killed, silent, tree, works, write)

HOSTILE = '<script>alert(1)</script>"\'&\x1b[31m\n%s\\'.replace("/", "|")
KILLS = 8


class Place:
    """A folder of captures, a state, and the program on them."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.captures = os.path.join(folder, "captures")
        self.state = os.path.join(folder, "state")
        os.makedirs(self.captures)

    def put(self, name, records):
        return write(os.path.join(self.captures, name), pcap(records))

    def command(self, word, *arguments):
        return [self.program, word, "--state", self.state, *arguments]

    def call(self, word, *arguments, status=None):
        done = subprocess.run(self.command(word, *arguments), capture_output=True, timeout=120, cwd=self.folder)
        done.out, done.err = done.stdout.decode(), done.stderr.decode()
        assert status is None or done.returncode == status, \
            f"{word} {arguments}: exit {done.returncode}, not {status}: {done.err}{done.out}"
        return done

    def batch(self, *arguments, status=None, at=RUN_TIME):
        return self.call("batch", "--time", at, *arguments, self.captures, status=status)

    def ask(self, *arguments):
        return json.loads(self.call("history", "--json", *arguments, status=HEALTHY).out)

    def findings(self, *arguments):
        return self.ask("findings", *arguments)["findings"]

    def rows(self, sql):
        database = sqlite3.connect(os.path.join(self.state, "history.db"))
        rows = database.execute(sql).fetchall()
        database.close()
        return rows

    def report(self, name="report.json"):
        with open(os.path.join(self.state, "report", name), encoding="utf-8") as file:
            return json.load(file)


class Cases:
    def __init__(self, program):
        self.program = program

    # --- sites and statuses ---

    def test_a_site_is_a_folder(self, place):
        place.put("paris/2026/a.pcap", silent(0))
        place.put("rome/a.pcap", works(0))
        place.put("loose.pcap", works(0))
        done = place.batch(status=FAILURES)
        assert "1 new" in done.out and "paris" in done.out, done.out
        names = [site["site"] for site in place.ask("sites")["sites"]]
        assert names == ["captures", "paris", "rome"], names

    def test_a_site_is_what_the_pattern_says(self, place):
        place.put("2026-11-21/paris-edge.pcap", silent(0))
        place.put("2026-11-22/paris-edge.pcap", works(90000))
        place.put("2026-11-21/rome-edge.pcap", works(0))
        place.batch("--site-pattern", "/([a-z]+)-edge", status=FAILURES)
        assert [site["site"] for site in place.ask("sites")["sites"]] == ["paris", "rome"]

    def test_one_file_is_a_site_too(self, place):
        path = place.put("paris/a.pcap", works(0))
        place.call("batch", path, status=HEALTHY)
        assert place.ask("sites")["sites"][0]["site"] == "paris"

    def test_usage_is_told_before_anything_is_read(self, place):
        place.call("history", "nonsense", status=USAGE)
        place.call("history", status=USAGE)  # no history here
        for arguments in (["--bogus", "x"], ["-j", "0", "x"], ["--site-pattern", "(", place.captures], [],
                          ["--shard", "3/2", "x"], ["--shard", "1/2", "x"], ["--time", "noon", "x"],
                          ["--profile", "nosuch", place.captures], ["--rules", "/nonexistent", place.captures]):
            assert place.call("batch", *arguments, status=USAGE).err, arguments
        assert "--shard" in place.call("batch", "--help", status=HEALTHY).out

    def test_a_folder_that_is_not_there_is_told(self, place):
        place.put("paris/a.pcap", works(0))
        done = place.call("batch", place.captures, "/nonexistent/folder", status=UNREAD)
        assert "/nonexistent/folder" in done.err
        assert place.ask("sites")["sites"][0]["captures"] == 1

    # --- one bad file never stops the rest ---

    def test_bad_files_are_told_and_the_rest_is_analyzed(self, place):
        place.put("paris/good.pcap", silent(0))
        write(os.path.join(place.captures, "paris", "broken.pcap"), b"no capture at all " * 40)
        write(os.path.join(place.captures, "paris", "cut.pcap"), pcap(works(100, sport=7))[:-11])
        write(os.path.join(place.captures, "paris", "notes.txt"), b"these are notes\n" * 40)
        write(os.path.join(place.captures, "paris", "empty.pcap"), b"")
        place.batch(status=UNREAD)
        site = place.report()["sites"][0]
        assert site["unreadable"] == 3 and site["captures"] == 2, site
        told = " ".join(site["warnings"])
        assert "broken.pcap" in told and "cut.pcap" in told and "notes.txt" not in told, told
        assert len(place.findings()) == 1

    def test_a_worker_that_dies_takes_one_file_with_it(self, place):
        if "asan" in self.program:
            return  # no limit of address space with the sanitizer
        many = [frame for i in range(60000) for frame in works(i * 0.001, number=i, sport=20000 + i % 4000)]
        place.put("paris/huge.pcap", many)
        place.put("paris/small.pcap", silent(4e6))
        place.put("rome/a.pcap", silent(0))
        done = place.batch("--worker-memory", "72M", status=UNREAD)
        warnings = [site["warnings"] for site in place.report()["sites"]]
        assert len(warnings[0]) == 1 and "huge.pcap" in warnings[0][0] and "memory" in warnings[0][0], warnings
        assert len(place.findings()) == 2, done.out

    # --- archives ---

    def archives(self, place, data):
        with zipfile.ZipFile(os.path.join(place.captures, "paris", "a.zip"), "w", zipfile.ZIP_DEFLATED) as out:
            out.writestr("logs/one.pcap", data)
            out.writestr("logs/readme.txt", "hello " * 200)
        with tarfile.open(os.path.join(place.captures, "paris", "b.tar.gz"), "w:gz") as out:
            info = tarfile.TarInfo("two.pcap.gz")
            packed = gzip.compress(pcap(silent(1e6, number=11)))
            info.size = len(packed)
            out.addfile(info, io.BytesIO(packed))
            info = tarfile.TarInfo("../../escape.pcap")
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))

    def test_captures_inside_archives(self, place):
        os.makedirs(os.path.join(place.captures, "paris"))
        self.archives(place, pcap(silent(0)))
        place.batch(status=FAILURES)
        captures = place.ask("captures")["captures"]
        assert sorted(c["member"] for c in captures) == ["logs/one.pcap", "two.pcap.gz"], captures  # the third: same content
        assert len(place.findings()) == 2
        assert not glob.glob(os.path.join(place.state, "spool*")) and not os.path.exists("/tmp/escape.pcap")
        assert "Nothing new" in place.batch(status=FAILURES).out

    def test_a_bomb_is_refused(self, place):
        path = os.path.join(place.captures, "paris", "bomb.zip")
        os.makedirs(os.path.dirname(path))
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
            out.writestr("zeros.pcap", b"\0" * (40 << 20))
        place.put("paris/good.pcap", silent(0))
        place.batch("--max-unpacked", "10M", status=UNREAD)
        assert "--max-unpacked" in place.report()["sites"][0]["warnings"][0]
        assert len(place.findings()) == 1

    # --- streams ---

    def test_a_connection_that_spans_two_files(self, place):
        records = works(0, sport=1) + silent(10)
        place.put("paris/edge_00001.pcap", records[:5])
        place.put("paris/edge_00002.pcap", records[5:])
        place.batch(status=FAILURES)
        (finding,) = place.findings()
        assert finding["attempts"] == 1, finding
        report = place.report("sites/paris.json")
        sources = {c["id"]: os.path.basename(c["source"]) for c in report["captures"]}
        shown = {(sources[e["capture"]], frame) for e in report["findings"][0]["evidence"] for frame in e["frames"]}
        assert shown >= {("edge_00001.pcap", 4), ("edge_00001.pcap", 5), ("edge_00002.pcap", 1), ("edge_00002.pcap", 2)}
        steps = [(sources[s["capture"]], s["frame"]) for s in report["findings"][0]["exchange"]["steps"]]
        assert steps == sorted(steps) and steps[0][0] == "edge_00001.pcap" and steps[-1][0] == "edge_00002.pcap", steps
        assert max(frame for source, frame in steps if source == "edge_00002.pcap") <= len(records) - 5, steps
        assert not shown & {("edge_00001.pcap", 6), ("edge_00001.pcap", 7), ("edge_00002.pcap", 3)}, shown

    def test_what_was_said_in_the_second_file(self, place):
        place.put("paris/edge_00001.pcap", works(0, sport=1) + works(1, sport=2) + works(2, sport=3))
        place.put("paris/edge_00002.pcap", works(4, sport=4) + blocked(5))
        place.batch(status=FAILURES)
        report = place.report("sites/paris.json")
        sources = {c["id"]: os.path.basename(c["source"]) for c in report["captures"]}
        (finding,) = report["findings"]
        assert finding["symptom"] == "http-blocked", finding
        shown = {(sources[e["capture"]], frame) for e in finding["evidence"] for frame in e["frames"]}
        assert ("edge_00002.pcap", 8) in shown, shown  # the 403
        assert not [name for name, _ in shown if name == "edge_00001.pcap"], shown

    def test_captures_of_one_time_are_two_places(self, place):
        place.put("paris/a_1.pcap", silent(0))
        place.put("paris/a_2.pcap", [(at + 0.001, data) for at, data in silent(0)])
        place.batch(status=FAILURES)
        (finding,) = place.findings()
        assert finding["attempts"] == 1, finding  # seen twice, failed once
        told = place.report("sites/paris.json")["findings"][0]
        evidence = told["evidence"]
        assert [(step["capture"], step["frame"]) for step in told["exchange"]["steps"]][0] == (evidence[0]["capture"], 1)
        assert len({e["capture"] for e in evidence}) == 1

    def test_captures_of_one_path_are_read_together(self, place):
        """The pairs of samples/pairs/, as fwsniff -r says of them; alone they say less."""
        pairs = os.path.join(ROOT, "samples", "pairs")
        names = sorted(name for name in os.listdir(pairs) if ".pcap" in name)
        for name in names:
            folder = os.path.join(place.captures, name[:2])
            os.makedirs(folder, exist_ok=True)
            shutil.copy(os.path.join(pairs, name), folder)
        place.batch(status=FAILURES)
        for site in sorted({name[:2] for name in names}):
            told = place.report(f"sites/{site}.json")
            files = [os.path.join(pairs, name) for name in names if name.startswith(site)]
            files.sort(key=lambda path: [c["first"] for c in told["captures"] if c["source"].endswith(os.path.basename(path))])
            arguments = [word for path in files for word in ("-r", path)]
            done = subprocess.run([self.program, "--json", *arguments], capture_output=True, timeout=60)
            expected = json.loads(done.stdout)
            assert told["summary"] == expected["summary"], (site, told["summary"], expected["summary"])
            assert len(told["findings"]) == len(expected["findings"]), site
            ids = {chr(97 + i): [c["id"] for c in told["captures"] if c["source"].endswith(os.path.basename(path))][0]
                   for i, path in enumerate(files)}
            for ours, theirs in zip(told["findings"], expected["findings"]):
                assert ours["verdict"]["candidates"] == theirs["verdict"]["candidates"], (site, ours["verdict"])
                for key in ("id", "client", "server", "attempts", "remedy"):
                    assert ours[key] == theirs[key], (site, key, ours[key])
                shown = [(e["rule"], e["capture"], e["frames"]) for e in ours["evidence"]]
                assert shown == [(e["rule"], ids[e["capture"]], e["frames"]) for e in theirs["evidence"]], (site, shown)
        texts = [e["text"] for e in place.report("sites/01.json")["findings"][0]["evidence"]]
        assert "The request left capture 01-synaman-at-edge-wan.pcap and never reached capture 01-synaman-at-edge-lan.pcap." in texts
        with open(os.path.join(place.state, "report", "sites", "01.html"), encoding="utf-8") as file:
            assert "of 01-synaman-at-edge-wan.pcap" in file.read()

    def through_nat(self, start, number, sport, passes):
        """A connection attempt as the client's side has it, and, behind a NAT, the server's."""
        inside, outside = client(number), (198, 51, 100, 7)
        server = (203, 0, 113, 2)
        sent, came = [], []
        for i, at in enumerate((0, 1, 3, 7) if not passes else (0,)):
            sent.append((start + at, frame(inside, server, sport, 5800, SYN, sport, ip_id=i + 1)))
            came.append((start + at + 0.02, frame(outside, server, sport, 5800, SYN, sport, ip_id=i + 1, ttl=61)))
        if passes:
            came += [(start + 0.03, frame(server, outside, 5800, sport, SYN | ACK, 9000 + sport, sport + 1)),
                     (start + 0.06, frame(outside, server, sport, 5800, ACK, sport + 1, 9001 + sport, ttl=61))]
            sent += [(start + 0.05, frame(server, inside, 5800, sport, SYN | ACK, 9000 + sport, sport + 1, ttl=61)),
                     (start + 0.055, frame(inside, server, sport, 5800, ACK, sport + 1, 9001 + sport))]
        return sent, came

    def test_pairs_that_come_night_by_night_count_as_if_at_once(self, place):
        """Both captures go on: what each had before is read again, and both together, to be taken off."""
        once = Place(self.program, os.path.join(place.folder, "once"))
        for night in range(3):
            sent, came = [], []
            for i in range(6):
                number = night * 6 + i
                one, other = self.through_nat(number * 10, 10, 42000 + number, passes=number % 3 == 0)
                sent += one
                came += other
            for where in (place, once):
                where.put(f"paris/client_{night}.pcap", sent)
                where.put(f"paris/server_{night}.pcap", came)
            place.batch(at=f"2026-11-2{night + 1}")
        once.batch()
        sums = "SELECT sum(packets), sum(attempts), sum(succeeded), sum(failed) FROM tally"
        assert place.rows(sums) == once.rows(sums) == [(132, 18, 6, 12)], (place.rows(sums), once.rows(sums))
        found, expected = ([(f["id"], f["client"], f["attempts"], f["first"], f["last"]) for f in where.findings()]
                           for where in (place, once))
        assert found == expected and len(found) == 1 and found[0][1:3] == ("10.2.0.10", 12), (found, expected)

    def test_more_captures_of_one_path_than_are_held_against_each_other(self, place):
        sent, came = self.through_nat(0, 10, 42000, passes=False)
        for i in range(11):
            place.put(f"paris/client{i}.pcap", [*sent, (8 + i, sent[0][1][:20] + bytes([i]) * 34)])
        place.put("paris/server.pcap", came)
        place.batch(status=FAILURES)
        assert {(f["client"], f["attempts"]) for f in place.findings()} <= {("10.2.0.10", 1), ("198.51.100.7", 1)}

    def test_captures_too_large_to_be_held_against_each_other(self, place):
        """More packets than a KiB of the worker's memory each: told apart, and the page says so."""
        sent, came = self.through_nat(0, 10, 42000, passes=False)
        for site, more in (("small", 0), ("large", 110000)):
            for name, records in (("client", sent), ("server", came)):
                fill = [(1 + i / 100000, records[0][1]) for i in range(more)]
                place.put(f"{site}/{name}.pcap", sorted([*records, *fill], key=lambda record: record[0]))
        place.batch("--worker-memory=200M", status=FAILURES)
        found = [f["site"] for f in place.findings()]
        assert sorted(found) == ["large", "large", "small"], place.findings()
        told = "".join(place.report("sites/large.json")["warnings"])
        assert "client.pcap leaves open" in told and "too large to be read together" in told, told
        assert not place.report("sites/small.json")["warnings"]

    def test_an_open_verdict_leads_to_the_other_capture(self, place):
        place.put("paris/client.pcap", silent(0))
        place.put("paris/server.pcap", works(2, number=99, sport=2))
        place.put("paris/later.pcap", works(900, number=99, sport=3))
        place.put("rome/client.pcap", silent(0))
        place.batch(status=FAILURES)
        paris, rome = (place.report(f"sites/{site}.json")["warnings"] for site in ("paris", "rome"))
        told = [text for text in paris if "client.pcap leaves open" in text and "server.pcap was taken" in text]
        assert len(told) == 1 and "later" not in "".join(paris), paris
        assert not [text for text in rome if "leaves open" in text], rome

    def test_a_long_hole_divides(self, place):
        for site, hole in (("near", 20), ("far", 600)):
            place.put(f"{site}/a_1.pcap", silent(0)[:2])
            place.put(f"{site}/a_2.pcap", [(at + hole, data) for at, data in silent(0)[3:]])
        place.batch()
        found = [(f["site"], f["symptom"], f["attempts"]) for f in place.findings()]
        assert found == [("near", "syn-timeout", 1)], found

    def arriving(self, place, pieces, at_once):
        for number, piece in enumerate(pieces):
            place.put(f"paris/edge_{number:05}.pcap", piece)
            if not at_once:
                place.batch(at=f"2026-11-2{number + 1}")
        if at_once:
            place.batch()
        findings = sorted((f["id"], f["attempts"], f["first"], f["last"]) for f in place.findings())
        return findings, place.rows("SELECT sum(packets), sum(attempts), sum(succeeded), sum(failed) FROM tally")

    def test_files_that_come_night_by_night_count_as_if_at_once(self, place):
        pieces, start = [], 0
        records = []
        for i in range(12):
            records += silent(start, sport=42000 + i) if i % 3 else works(start, sport=43000 + i)
            start += 5
        records.sort(key=lambda record: record[0])
        for at in range(0, len(records), 9):
            pieces.append(records[at:at + 9])
        once = Place(self.program, os.path.join(place.folder, "once"))
        assert self.arriving(place, pieces, False) == self.arriving(once, pieces, True)

    def test_a_file_that_grew(self, place):
        records = silent(0) + works(20, sport=3) + silent(30, sport=44000)
        path = place.put("paris/edge.pcap", records[:6])
        place.batch()
        with open(path, "ab") as file:
            file.write(records_only(records[6:]))
        place.batch(status=FAILURES, at="2026-11-22")
        (finding,) = place.findings()
        assert finding["attempts"] == 2, finding
        rows = place.rows("SELECT count(*), sum(packets) FROM capture")
        assert rows == [(1, len(records))], rows
        assert place.rows("SELECT sum(packets), sum(captures) FROM tally") == [(len(records), 1)]

    # --- only what is new ---

    def test_nothing_is_counted_twice(self, place):
        path = place.put("paris/edge.pcap", silent(0))
        place.batch(status=FAILURES)
        before = dump(place.state)
        assert "Nothing new" in place.batch(status=FAILURES, at="2026-11-23").out
        assert dump(place.state) == before
        with open(path, "rb") as file:
            write(path + ".gz", gzip.compress(file.read()))  # as log rotation does
        os.unlink(path)
        place.batch(status=HEALTHY, at="2026-11-24")
        (finding,) = place.findings()
        assert finding["attempts"] == 1 and finding["state"] == "new", finding

    def test_the_life_of_a_finding(self, place):
        def night(number, records, *expected):
            place.put(f"paris/night-{number}x.pcap", records)
            place.batch(at=f"2026-11-{number:02}")
            states = {f["client"]: f["state"] for f in place.report()["sites"][0]["findings"]}
            assert tuple(states.get(c) for c in ("10.2.0.10", "10.2.0.11")) == expected, (number, states)

        day = 86400
        night(1, silent(0) + silent(20, number=11), "new", "new")
        night(2, silent(day, sport=2), "ongoing", "unseen")  # nothing of .11: nobody knows
        night(3, works(2 * day), "resolved", "unseen")
        night(4, works(3 * day, number=12), None, "unseen")  # another client says nothing of this one
        night(5, silent(4 * day, sport=5), "back", "unseen")
        night(6, silent(5 * day, sport=6) + works(5 * day + 60, sport=7), "ongoing", "unseen")
        assert [f["state"] for f in place.findings("--is", "open")] == ["ongoing", "new"]
        lives = place.rows("SELECT run, state FROM life WHERE id = (SELECT id FROM finding WHERE client = '10.2.0.10')")
        assert lives == [(1, "new"), (2, "ongoing"), (3, "resolved"), (5, "back"), (6, "ongoing")], lives

    def test_evidence_of_earlier_nights_names_its_file(self, place):
        place.put("paris/first.pcap", silent(0))
        place.batch()
        place.put("paris/other.pcap", works(86400, number=12))
        place.batch(at="2026-11-22")
        with open(os.path.join(place.state, "report", "sites", "paris.html"), encoding="utf-8") as file:
            page = file.read()
        assert "of first.pcap" in page and ">first.pcap</text>" in page
        assert "old_captures" not in json.dumps(place.report())

    def test_an_old_capture_does_not_bring_a_failure_back(self, place):
        place.put("paris/b.pcap", silent(1000))
        place.batch(at="2026-11-21")
        place.put("paris/c.pcap", works(90000))
        place.batch(at="2026-11-22")
        place.put("paris/a.pcap", silent(0, sport=9))  # comes late
        place.batch(at="2026-11-23")
        (finding,) = place.findings()
        assert finding["state"] == "resolved" and finding["attempts"] == 2, finding

    # --- crashes, and one run at a time ---

    def many(self, place, sites=6, files=6):
        for site in range(sites):
            for number in range(files):
                place.put(f"site-{site}/edge_{number:05}.pcap",
                          silent(number * 30, number=site, sport=40000 + number) +
                          works(number * 30 + 10, number=site + 100, sport=41000 + number))

    def test_killed_at_any_moment_nothing_is_lost(self, place):
        self.many(place)
        calm = os.path.join(place.folder, "calm")
        command = [self.program, "batch", "--time", RUN_TIME, "-j", "2", place.captures]
        started = time.monotonic()
        subprocess.run([*command, "--state", calm], stdout=subprocess.DEVNULL, check=False)
        whole = time.monotonic() - started
        random.seed(7)
        kills = 0
        for _ in range(KILLS):
            kills += run_killed([*command, "--state", place.state], random.uniform(0, whole)) is None
        place.batch(status=FAILURES)
        assert dump(place.state) == dump(calm)
        assert tree(os.path.join(place.state, "report")) == tree(os.path.join(calm, "report"))
        assert not os.path.exists(os.path.join(place.state, "spool"))

    def test_two_runs_at_once_are_refused(self, place):
        place.put("paris/a.pcap", silent(0))
        place.batch(status=FAILURES)
        with open(os.path.join(place.state, "lock"), "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            assert "another run" in place.batch(status=USAGE).err

    # --- shares of a plan ---

    def test_shares_give_what_one_run_gives(self, place):
        self.many(place)
        calm = os.path.join(place.folder, "calm")
        subprocess.run([self.program, "batch", "--time", RUN_TIME, "--state", calm, place.captures],
                       stdout=subprocess.DEVNULL, check=False)
        plan = os.path.join(place.folder, "plan.json")
        place.call("batch", f"--plan={plan}", place.captures, status=HEALTHY)
        first = place.call("batch", "--plan", place.captures, status=HEALTHY).out
        with open(plan, encoding="utf-8") as file:
            assert file.read() == first and len(json.loads(first)["units"]) == 6
        results = [os.path.join(place.folder, f"share-{k}.json") for k in (1, 2, 3)]
        for k, result in enumerate(results, 1):
            place.call("batch", "--shard", f"{k}/3", "--result", result, plan, status=HEALTHY)
        assert "missing" in place.call("merge", *results[:2], status=USAGE).err
        assert "second time" in place.call("merge", *results, results[0], status=USAGE).err
        place.call("merge", "--time", RUN_TIME, *reversed(results), status=FAILURES)
        assert dump(place.state) == dump(calm)
        assert tree(os.path.join(place.state, "report")) == tree(os.path.join(calm, "report"))
        assert "merged already" in place.call("merge", *results, status=USAGE).err

    # --- outputs ---

    def test_hostile_names_are_harmless_everywhere(self, place):
        raw = place.captures.encode() + b"/" + HOSTILE.encode() + b"\xff\xfe\xe2\x80\xae"
        os.makedirs(raw)
        with open(raw + b"/=cmd()<img src=x onerror=alert(2)>\x1b]0;x\x07.pcap", "wb") as file:
            file.write(pcap(silent(0)))
        with open(raw + b"/<b>broken\n\x9b.pcap", "wb") as file:
            file.write(b"nothing")
        metrics = os.path.join(place.folder, "fwsniff.prom")
        done = place.batch("--prometheus", metrics, status=UNREAD)
        outputs = {"out": done.stdout, "err": done.stderr, **tree(os.path.join(place.state, "report")),
                   "metrics": open(metrics, "rb").read(),
                   "history": place.call("history").stdout, "captures": place.call("history", "captures").stdout,
                   "json": place.call("history", "--json", "captures").stdout,
                   "plan": place.call("batch", "--plan", "--state", place.state + "2", place.captures).stdout}
        for name, data in outputs.items():
            text = data.decode("utf-8")  # also: is UTF-8
            assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text), (name, text)
            if name.endswith(".html"):
                assert "<script" not in text and "<img" not in text and "<b>broken" not in text, name
            if name.endswith(".json"):
                json.loads(text)
        assert all(re.fullmatch(r"[\w.-]+", name) for name in os.listdir(os.path.join(place.state, "report", "sites")))
        sample = r'fwsniff_\w+(\{(\w+="([^"\\\n]|\\["\\n])*",?)+\})? -?\d+'
        for line in outputs["metrics"].decode().splitlines():
            assert line.startswith("# ") or re.fullmatch(sample, line), line
        (row,) = list(csv.DictReader(io.StringIO(outputs["findings.csv"].decode())))
        assert row["client"] == "10.2.0.10" and not row["site"].startswith("=")

    def test_site_reports_follow_the_schema(self, place):
        place.put("paris/a.pcap", silent(0))
        place.batch()
        try:
            import jsonschema
        except ImportError:
            return
        with open(os.path.join(ROOT, "docs", "report.schema.json"), encoding="utf-8") as file:
            schema = json.load(file)
        del schema["$id"]  # no address: older releases would fetch it
        jsonschema.validate(place.report("sites/paris.json"), schema)

    def test_history_answers(self, place):
        place.put("paris/a.pcap", silent(0))
        place.put("rome/a.pcap", silent(86400 * 3))
        place.batch()
        assert len(place.findings()) == 2 and len(place.findings("--site", "rome")) == 1
        assert len(place.findings("--since", "@1795300000")) == 1
        assert place.findings("--is", "resolved") == []
        (run,) = place.ask("runs")["runs"]
        assert run["new"] == 2 and run["captures"] == 2 and run["time"].startswith("2026-11-21T02:30"), run
        text = place.call("history", status=HEALTHY).out.splitlines()
        assert len(text) == 3 and text[0].startswith("site"), text

    def test_what_speaks_against_a_verdict_is_called_so(self, place):
        sample = os.path.join(ROOT, "samples", "07-syncrify-at-client.pcap")
        os.makedirs(os.path.join(place.captures, "paris"))
        shutil.copy(sample, os.path.join(place.captures, "paris"))
        place.batch(status=FAILURES)
        done = subprocess.run([self.program, "-r", sample, "-v"], capture_output=True, timeout=60)
        signs = [line.split()[0] for line in done.stdout.decode().split("\n") if re.match("      [-+*] ", line)]
        with open(os.path.join(place.state, "report", "sites", "paris.html"), encoding="utf-8") as file:
            page = file.read()
        reasons = re.findall("<li>(<em>Against it:</em> )?", page.split("Evidence</h3>")[1].split("</article>")[0])
        assert [sign == "-" for sign in signs] == [bool(reason) for reason in reasons], (signs, reasons)
        assert "-" in signs and "+" in signs, signs

    def test_an_open_verdict_accuses_nobody(self, place):
        place.put("paris/a.pcap", silent(0))
        done = place.batch(status=FAILURES)
        (finding,) = place.findings()
        assert finding["confidence"] < 0.6, finding  # else this tests nothing
        assert re.search(r"^new .* undecided$", done.out, re.M), done.out
        assert f"undecided, {finding['failure_point']}?" in place.call("history", status=HEALTHY).out

    def test_a_summary_that_nobody_reads_on_leaves_a_run_that_is_over(self, place):
        place.put("paris/a.pcap", sum((silent(i, number=i) for i in range(100)), []))
        reading, writing = os.pipe()
        os.close(reading)  # as head does, only sooner
        done = subprocess.run(place.command("batch", "--time", RUN_TIME, place.captures), stdout=writing,
                              stderr=subprocess.PIPE, timeout=120)
        os.close(writing)
        assert done.returncode != FAILURES, done  # it could not say what it had to say
        assert place.rows("SELECT finished FROM run") == [(1,)]
        assert os.path.exists(os.path.join(place.state, "report", "report.json"))
        again = place.call("batch", "--time", RUN_TIME, "--state", place.state + "2", place.captures, status=FAILURES)
        assert len(again.out.splitlines()) == 2 + 2 * 40 + 1 and "... and 60 more" in again.out, again.out

    # --- the database ---

    def test_an_older_history_is_migrated(self, place):
        place.put("paris/a.pcap", silent(0))
        place.batch()
        database = sqlite3.connect(os.path.join(place.state, "history.db"))
        for word in ("finding_by_pair", "life_by_run", "tally_by_run", "capture_by_run"):
            database.execute(f"DROP INDEX {word}")
        database.execute("ALTER TABLE tally DROP COLUMN unreadable")
        database.execute("PRAGMA user_version = 1")
        database.commit()
        database.close()
        assert len(place.findings()) == 1  # a question migrates as well
        assert place.rows("PRAGMA user_version") == [(3,)]
        place.put("paris/b.pcap", silent(86400, sport=5))
        place.batch(status=FAILURES, at="2026-11-22")
        assert place.findings()[0]["attempts"] == 2

    def test_a_newer_history_is_refused(self, place):
        place.put("paris/a.pcap", silent(0))
        place.batch()
        database = sqlite3.connect(os.path.join(place.state, "history.db"))
        database.execute("PRAGMA user_version = 99")
        database.commit()
        database.close()
        assert "version 99" in place.batch(status=USAGE).err


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--fwsniff", required=True)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    cases = Cases(os.path.abspath(arguments.fwsniff))
    names = [name for name in dir(cases) if name.startswith("test_") and re.search(arguments.only, name)]
    failed = 0
    for name in names:
        folder = tempfile.mkdtemp(prefix="fwsniff-batch-")
        try:
            getattr(cases, name)(Place(cases.program, folder))
        except Exception as problem:  # an error of one test must not hide the others
            failed += 1
            print(f"FAIL {name}: {type(problem).__name__} {problem}")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"batch: {len(names) - failed} of {len(names)} passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
