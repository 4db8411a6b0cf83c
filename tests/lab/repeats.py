"""Plays in which something is tried again and again, or looked into: what only shows by repetition.

Each takes the story and returns whether the main client's exchange worked, as the plays of story.py do.
"""

import concurrent.futures
import threading

import peers
import tracing
from net import LabError, settle

TIMER_SESSIONS = 4
TIMER_EARLY_S = 12    # above what fwsniff takes for a silence, well below what the box forgets after
OUTAGE_PAUSE_S = 0.7
WAITING = 2           # that the queue of a program that hangs has room for
AGE_S = 6
AGED_EVERY_S = (0.05, 0.07, 0.1)  # pauses between chunks: they differ, so that the amounts do


def _must(worked, what):
    if not worked:
        raise LabError(f"{what} did not go as planned")


def _refused_again(story):
    """A client that is refused tries some more."""
    worked = story.attempt()
    settle(OUTAGE_PAUSE_S)
    return story.attempt() or worked


def timers(story):
    """Several connections; one is used again soon and lives, the others after the box has forgotten them."""
    sessions = [story.session() for _ in range(TIMER_SESSIONS)]
    _must(all([session.ask() for session in sessions]), "opening")
    settle(TIMER_EARLY_S)
    _must(sessions[0].ask(), "the short silence")
    sessions[0].close()
    settle(story.scenario.options["gap"] - TIMER_EARLY_S - 1)
    story.block()
    settle(1)
    with concurrent.futures.ThreadPoolExecutor(TIMER_SESSIONS) as pool:
        worked = list(pool.map(lambda session: session.ask(verb="PUT", body=600), sessions[1:]))
    for session in sessions[1:]:
        session.close()
    _must(story.attempt(), "a new connection")
    return any(worked)


def cuts(story):
    """Uploads that die at the same amount each time: the box counts bytes."""
    story.site.boxes[story.box].set("net.netfilter.nf_conntrack_acct", 1)
    story.rule(f"tcp dport {story.scenario.port} ct original bytes > 150000 drop")
    worked = []
    for _ in range(3):
        session = story.session(timeout=4)
        worked.append(session.ask(verb="PUT", body=120 * peers.CHUNK, paced=True))
        session.close()
    return any(worked)


def aged(story):
    """Uploads that die at the same age each time: something limits how long a connection may last."""
    worked = []
    for every in AGED_EVERY_S:
        session = story.session(timeout=4)
        port = session.sock.getsockname()[1]  # only this one: the next has its own time
        timer = threading.Timer(AGE_S, story.rule, (f"tcp sport {port} drop",))
        timer.start()
        worked.append(session.ask(verb="PUT", body=int((AGE_S + 2) / every) * peers.CHUNK, paced=True, every=every))
        timer.join()
        session.close()
    return any(worked)


def flapping(story):
    """Refused, served, refused: the service comes and goes."""
    worked = _refused_again(story)
    story.serve("server", story.scenario.kind, story.scenario.port)
    settle(OUTAGE_PAUSE_S)
    _must(story.attempt(), "the time in between")
    story.servers[-1].stop()
    settle(OUTAGE_PAUSE_S)
    return _refused_again(story) or worked


def starting(story):
    """Refused until the service is started."""
    worked = _refused_again(story)
    story.serve("server", story.scenario.kind, story.scenario.port)
    settle(OUTAGE_PAUSE_S)
    _must(story.attempt(), "the time after")
    return worked


def banned(story):
    """Served, shut out for a while, served again."""
    chain = "flush chain inet lab block_input\n"
    story.site.boxes[story.box].nft(chain)
    _must(story.attempt(), "the time before")
    story.block()
    worked = story.attempt()
    story.site.boxes[story.box].nft(chain)
    settle(OUTAGE_PAUSE_S)
    _must(story.attempt(), "the time after")
    return worked


def filled(story):
    """What a program that hangs was asked waits for ever, and then its queue is full."""
    waiting = [story.session() for _ in range(WAITING)]
    for session in waiting:
        session.send("/small")
        settle(OUTAGE_PAUSE_S)
    story.waiting = waiting  # they outlast the captures
    return story.attempt()


def udp_bulk(story):
    """A fast transfer of datagrams that is cut in the middle."""
    timer = threading.Timer(5, story.block)
    timer.start()
    worked = story.attempt(blocks=2000, size=1300, every=0.005)
    timer.join()
    return worked


def stopping(story):
    """It serves two clients, stops, and refuses both."""
    story.serve("server", story.scenario.kind, story.scenario.port)
    settle(OUTAGE_PAUSE_S)
    _must(story.attempt() and story.attempt("client2"), "the time before")
    story.servers[-1].stop()
    settle(OUTAGE_PAUSE_S)
    worked = [_refused_again(story), story.attempt("client2"), story.attempt("client2")]
    return any(worked)


def opened(story):
    """Silence until the administrator opens the port."""
    worked = story.attempt()
    story.site.boxes[story.box].nft("flush chain inet lab block_input\n")
    settle(OUTAGE_PAUSE_S)
    _must(story.attempt(), "the time after")
    return worked


def outage(story):
    """A route that comes and goes."""
    worked, address = story.attempt(), story.site.servers["server"]
    router = story.site["isp2"]
    router.call("ip", "route", "del", "blackhole", address)
    _must(story.attempt(), "the time in between")
    settle(1.5)  # or the end of that connection is lost too
    router.call("ip", "route", "add", "blackhole", address)
    return story.attempt() or worked


def traced(story):
    """It fails, and the administrator traces the way to the port, and to ports that nobody uses."""
    worked = [story.attempt() for _ in range(2)]
    node, address, port = story.site["client"], story.site.servers["server"], story.scenario.port
    if story.scenario.proto == "udp":
        tracing.udp(node, address, port)
    else:
        tracing.tcp(node, address, port)
    tracing.udp(node, address)
    return any(worked)


PLAYS = {"timers": timers, "cuts": cuts, "aged": aged, "flapping": flapping, "starting": starting, "banned": banned,
         "udp-bulk": udp_bulk, "stopping": stopping, "opened": opened,
         "outage": outage, "traced": traced, "filled": filled}
